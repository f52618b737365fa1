"""`python -m vori.transcribe.nursery CONTROL LIMITS`: forks the processes that decode sound.

It has libav loaded and a line to VORI (`sandbox.py`, which says what this is for), over which come
the lines that decoders are to serve: one each. It imports little, since every decoder has all of it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np
from msgspec import Struct

from vori.errors import BadMessage, TooLarge
from vori.transcribe.messages import AudioFormat, Encoding


class Limits(Struct, frozen=True, kw_only=True):
    """Of one decoder process."""

    memory_bytes: int = 512 << 20
    """Address space beyond what libav takes: half an hour of sound from one message fits."""
    cpu_s: int = 10
    """Of one message, or one second of a file: some thousand times what sound needs."""
    wall_s: float = 30.0
    idle_s: float = 60.0
    """Without a stream for so long, the nursery ends."""
    files: int = 16
    """File descriptors beyond those that are open when it begins."""


# ---- the line: one letter, the length, the bytes

READY = b"R"
TOO_MUCH = "decoder_failed"
OPEN, FEED, FINISH, FILE, LENGTH = b"o", b"f", b"e", b"w", b"l"
SAMPLES, FAILED, DONE = b"s", b"x", b"d"
HEAD = struct.Struct("<cI")
MOST_BYTES = 1 << 27
"""Half an hour of sound is 115 MB."""


def send(line: socket.socket, kind: bytes, data: bytes | memoryview, *files: int) -> None:
    head = HEAD.pack(kind, len(data))
    if files:
        socket.send_fds(line, [head], list(files))
    else:
        line.sendall(head)
    line.sendall(data)


def receive(line: socket.socket) -> tuple[bytes, bytearray]:
    """Raises ConnectionError when the other side is gone."""
    kind, length = HEAD.unpack(exactly(line, HEAD.size))
    if length > MOST_BYTES:
        raise ConnectionAbortedError("no answer is so long")
    return kind, exactly(line, length)


def exactly(line: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    view, got = memoryview(data), 0
    while got < length:
        count = line.recv_into(view[got:])
        if not count:
            raise ConnectionResetError("the process ended")
        got += count
    return data


def main(control_fd: int, settings: dict[str, Any]) -> None:
    """Fork a decoder for each line that comes."""
    codecs = importlib.import_module(settings.pop("codecs"))
    limits = Limits(**settings)
    control = socket.socket(fileno=control_fd)
    children: set[int] = set()

    def reap(_signal: int, _frame: FrameType | None) -> None:
        with suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                children.discard(pid)

    signal.signal(signal.SIGCHLD, reap)
    with suppress(OSError):  # should memory run out, decoders go first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    gc.collect()
    gc.freeze()  # what is never looked at by the collector stays shared with the children
    control.settimeout(limits.idle_s)
    while True:
        try:
            _, files, _, _ = socket.recv_fds(control, 1, 1)
        except TimeoutError:
            if children:
                continue
            return
        if not files:
            return  # VORI is gone
        with socket.socket(fileno=files[0]) as line:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
            pid = os.fork()
            if not pid:
                control.close()
                _decoder(line, codecs, limits)
            children.add(pid)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _decoder(line: socket.socket, codecs: Any, limits: Limits) -> NoReturn:
    """The life of a decoder: until its line is closed."""
    status = 0
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        _confine(limits)
        line.settimeout(None)
        line.sendall(READY)
        _work(line, codecs, limits)
    except OSError:
        pass  # nobody listens any more
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        os._exit(status)


def _confine(limits: Limits) -> None:
    """Whatever a codec does from here on, it does within these."""
    # Only Linux says how much there is, and keeps to the limit; a lower one of the system's stays.
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + limits.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    probe = os.dup(0)
    os.close(probe)
    for name, most in (
        ("RLIMIT_NOFILE", probe + limits.files),
        ("RLIMIT_NPROC", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CORE", 0),
    ):
        with suppress(AttributeError, OSError, ValueError):
            resource.setrlimit(getattr(resource, name), (most, most))


@contextmanager
def _watched(limits: Limits) -> Iterator[None]:
    """The kernel ends this process when what is inside takes too long, whatever it is stuck in."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + limits.cpu_s
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _work(line: socket.socket, codecs: Any, limits: Limits) -> None:
    decoding = _Decoding(codecs)
    while True:
        kind, data, files = _request(line)
        replies = decoding.replies(kind, data, files)
        while True:
            reply: tuple[bytes, Any] | None
            try:
                with _watched(limits):  # not while sending: whoever listens may take their time
                    reply = next(replies, None)
            except Exception as exc:
                reply, replies = (FAILED, _told(exc)), iter(())
            if reply is None:
                break
            send(line, *reply)


class _Decoding:
    """What VORI asks for, done with `codecs`."""

    def __init__(self, codecs: Any) -> None:
        self._codecs = codecs
        self._decoder: Any = None

    def replies(
        self, kind: bytes, data: bytes, files: list[int]
    ) -> Iterator[tuple[bytes, bytes | memoryview]]:
        if kind == OPEN:
            declared = json.loads(data)
            declared["encoding"] = Encoding(declared["encoding"])
            self._decoder = self._codecs.open_decoder(AudioFormat(**declared))
            yield SAMPLES, b""
        elif kind == FEED:
            yield SAMPLES, _bytes_of(self._decoder.feed(data))
        elif kind == FINISH:
            yield SAMPLES, _bytes_of(self._decoder.finish())
        elif kind == LENGTH:
            with os.fdopen(files[0], "rb") as file:
                yield DONE, json.dumps(self._codecs.file_duration_ms(file)).encode()
        elif kind == FILE:
            with os.fdopen(files[0], "rb") as file:
                file.seek(0)
                for samples in self._codecs.decode_file(file, limit_s=json.loads(data)):
                    yield SAMPLES, _bytes_of(samples)
            yield DONE, b""


def _bytes_of(samples: Any) -> memoryview:
    return np.ascontiguousarray(samples, np.float32).data.cast("B")


def _request(line: socket.socket) -> tuple[bytes, bytes, list[int]]:
    head, files = b"", []
    while len(head) < HEAD.size:
        data, more, _, _ = socket.recv_fds(line, HEAD.size - len(head), 1)
        if not data:
            raise ConnectionResetError("VORI has closed the line")
        head += data
        files += more
    kind, length = HEAD.unpack(head)
    return kind, bytes(exactly(line, length)), files


def _told(error: Exception) -> bytes:
    told: dict[str, Any]
    if isinstance(error, BadMessage | TooLarge):
        told = {"code": error.code, "message": error.message}
    elif isinstance(error, MemoryError):
        told = {"code": TOO_MUCH, "message": "it took too much memory"}
    else:
        told = {
            "code": "undecodable_audio",
            "message": "The sound cannot be decoded.",
            "log": "".join(traceback.format_exception_only(error)).strip()[:500],
        }
    told["too_large"] = isinstance(error, TooLarge)
    return json.dumps(told).encode()


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
