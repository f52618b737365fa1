"""Coded sound is decoded in processes of their own: what a flaw in a codec breaks is not VORI.

VORI starts one lean process (the nursery) when the first coded sound comes. It has libav loaded and
forks one decoder for each stream or file, so that a decoder that crashes, hangs or eats memory takes
no other room with it, and costs 5 MB instead of 50. A decoder has no environment, may write no files,
start no processes, and has little memory and time. The nursery goes when nothing was decoded for a
while, and a new one comes when it is missed.

PCM is decoded here: there is no codec in it. Everything in this file blocks: use a thread.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from msgspec import structs

from vori import log
from vori.errors import BadMessage, TooLarge, Unavailable
from vori.transcribe import container, nursery
from vori.transcribe.container import NOTHING, SNIFF_BYTES, Decoder, is_pcm, sniff
from vori.transcribe.messages import RATE_HZ, AudioFormat, Encoding, Samples
from vori.transcribe.nursery import (
    DONE,
    FEED,
    FILE,
    FINISH,
    LENGTH,
    OPEN,
    READY,
    SAMPLES,
    Limits,
    receive,
    send,
)

logger = log.get(__name__)

CODED = (Encoding.WEBM, Encoding.OGG)
"""Streams with a codec in them."""
MOST_REVIVALS = 8
"""Of one stream: whoever needs more is no victim of chance."""
START_S = 20.0
"""For the nursery to load libav on a busy machine."""
MOST_WAITING = 128

WAITING = ThreadPoolExecutor(MOST_WAITING, thread_name_prefix="decoding")
"""Threads that wait for decoders, apart from asyncio's few: a decoder that hangs holds up nobody."""

T = TypeVar("T")
Replay = Callable[[], Iterable[bytes]]
"""The bytes of a stream from its beginning, again."""


class DecoderDied(BadMessage):
    """The process that decoded this sound ended: by a flaw in a codec, or by somebody's hand."""

    code = nursery.TOO_MUCH


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """`asyncio.to_thread` for what waits for a decoder."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        WAITING, lambda: context.run(work, *arguments)
    )


def _died(what: str) -> DecoderDied:
    return DecoderDied(
        f"The sound brought its decoder down ({what}); it is damaged, or made to do harm. What came "
        "before is kept."
    )


# ---- VORI's side


class Sandbox:
    """Where decoder processes come from. Threads may share it."""

    def __init__(self, limits: Limits | None = None, codecs: str = container.__name__) -> None:
        """codecs: the module with `open_decoder`, `decode_file` and `file_duration_ms`."""
        self.limits = limits or Limits()
        self._codecs = codecs
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def open(self) -> socket.socket:
        """The line to a new decoder process. Raises Unavailable `decoder_unavailable`."""
        for _ in range(3):
            control = self._started()
            ours, theirs = socket.socketpair()
            with theirs, suppress(OSError):
                socket.send_fds(control, [b"+"], [theirs.fileno()])
            ours.settimeout(START_S)
            with suppress(OSError):
                if ours.recv(1) == READY:
                    ours.settimeout(2 * self.limits.wall_s + 5)
                    return ours
            ours.close()
            self._forget(control)  # it went to sleep, or died
        raise Unavailable(
            "The process that decodes sound cannot be started; send the sound again later.",
            code="decoder_unavailable",
        )

    def close(self) -> None:
        """End the nursery; decoders at work end with their streams."""
        with self._lock:
            control, self._control = self._control, None
            process, self.process = self.process, None
        if control is not None:
            control.close()
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)

    def _started(self) -> socket.socket:
        with self._lock:
            if self._control is None:
                self._control = self._start()
            return self._control

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        settings = json.dumps({"codecs": self._codecs, **structs.asdict(self.limits)})
        # Nothing of VORI's environment goes along: it may hold secrets.
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", nursery.__name__, str(theirs.fileno()), settings],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    env={
                        **environment,
                        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                        "OPENBLAS_NUM_THREADS": "1",
                        "OMP_NUM_THREADS": "1",
                    },
                    start_new_session=True,  # Ctrl-C is for VORI, which still has captions to finish
                )
            except OSError as exc:
                ours.close()
                raise Unavailable(
                    "The process that decodes sound cannot be started; send the sound again later.",
                    code="decoder_unavailable",
                ) from exc
        # Whenever it ends it is waited for, so that it leaves no zombie.
        threading.Thread(target=self.process.wait, name="nursery", daemon=True).start()
        return ours

    def _forget(self, control: socket.socket) -> None:
        with self._lock:
            if self._control is control:
                self._control = None
                control.close()


_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
SANDBOX = Sandbox()
"""The one that VORI uses."""
atexit.register(SANDBOX.close)


def open_decoder(declared: AudioFormat, *, sandbox: Sandbox | None = None) -> ApartDecoder:
    """`container.open_decoder`, with what has a codec decoded apart."""
    return ApartDecoder(declared, sandbox or SANDBOX)


class ApartDecoder:
    """A `Decoder` whose coded sound is another process' business.

    When that process dies, `feed` and `finish` raise DecoderDied and count nothing; called again
    with `replay`, they begin a new one, have it decode what came before, and go on. To the caller the
    samples are the same. Sound that brings its decoder down every time is DecoderDied every time.
    """

    def __init__(self, declared: AudioFormat, sandbox: Sandbox) -> None:
        self._declared = declared
        self._sandbox = sandbox
        self._head = b""
        self._inner: Decoder | _Coded | None = None
        if is_pcm(declared.encoding) or declared.encoding is Encoding.FILE:
            self._inner = container.open_decoder(declared)

    @property
    def encoding(self) -> Encoding:
        return self._declared.encoding if self._inner is None else self._inner.encoding

    @property
    def is_apart(self) -> bool:
        """Whether the next call may wait for another process."""
        return self._inner is None or isinstance(self._inner, _Coded)

    @property
    def decoded_samples(self) -> int:
        return 0 if self._inner is None else self._inner.decoded_samples

    @property
    def decoded_ms(self) -> int:
        return self.decoded_samples * 1000 // RATE_HZ

    def feed(self, data: bytes, replay: Replay | None = None) -> Samples:
        if self._inner is None:
            data, self._head = self._head + data, b""
            if len(data) < SNIFF_BYTES:
                self._head = data
                return NOTHING
            self._inner = self._chosen(data)
        if isinstance(self._inner, _Coded):
            return self._inner.feed(data, replay)
        return self._inner.feed(data)

    def finish(self, replay: Replay | None = None) -> Samples:
        if self._inner is None:
            self._inner = container.open_decoder(self._declared)
            self._inner.feed(self._head)
        if isinstance(self._inner, _Coded):
            return self._inner.finish(replay)
        return self._inner.finish()

    def close(self) -> None:
        """End the process; whoever waits for it is answered. Any thread may call this."""
        if isinstance(self._inner, _Coded):
            self._inner.close()

    def _chosen(self, head: bytes) -> Decoder | _Coded:
        with suppress(BadMessage):  # which VORI's own decoder will tell
            encoding = sniff(head, self._declared.encoding, is_all=True)
            if encoding in CODED:
                return _Coded(self._declared, encoding, self._sandbox)
        return container.open_decoder(self._declared)


class _Coded:
    """One stream in its own process."""

    def __init__(self, declared: AudioFormat, encoding: Encoding, sandbox: Sandbox) -> None:
        self.encoding = encoding
        self.decoded_samples = 0
        self._declared = declared
        self._sandbox = sandbox
        self._line: socket.socket | None = None
        self._fed = 0
        self._revivals = 0
        self._is_closed = False

    def feed(self, data: bytes, replay: Replay | None) -> Samples:
        samples = self._decode(FEED, data, replay)
        self._fed += len(data)
        return samples

    def finish(self, replay: Replay | None) -> Samples:
        samples = self._decode(FINISH, b"", replay)
        self.close()
        return samples

    def close(self) -> None:
        self._is_closed = True
        self._drop()

    def __del__(self) -> None:
        self._drop()

    def _decode(self, what: bytes, data: bytes, replay: Replay | None) -> Samples:
        if self._line is None:
            if self._fed and replay is None:
                raise _died("it had ended")
            self._begin(replay)
        samples = self._ask(what, data)
        self.decoded_samples += len(samples)
        return samples

    def _begin(self, replay: Replay | None) -> None:
        """A new process, which has decoded what was fed so far."""
        if self._is_closed:
            raise _died("it was closed")
        if self._fed:
            self._revivals += 1
            if self._revivals > MOST_REVIVALS:
                raise _died("too often")
            logger.warning("decoder begun again", fed_bytes=self._fed, times=self._revivals)
        self._line = self._sandbox.open()
        declared = self._declared
        self._ask(OPEN, json.dumps(structs.asdict(declared)).encode())
        left, again = self._fed, 0
        for data in replay() if replay is not None and left else ():
            again += len(self._ask(FEED, data[:left]))
            left -= min(left, len(data))
            if not left:
                break
        if left or again != self.decoded_samples:
            self._drop()
            raise _died("what came before cannot be decoded again")

    def _ask(self, what: bytes, data: bytes) -> Samples:
        line = self._line
        if line is None:
            raise _died("it was closed")
        begun_s = time.monotonic()
        try:
            send(line, what, data)
            kind, answer = receive(line)
        except OSError as exc:
            self._drop()
            raise _died(_why(begun_s, self._sandbox.limits)) from exc
        return _samples(kind, answer)

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for an answer
            line.close()


def decode_file(
    file: Path | BinaryIO, *, limit_s: float, sandbox: Sandbox | None = None
) -> Iterator[Samples]:
    """`container.decode_file` in a process of its own, which gets nothing but the open file.

    A decoder that dies is replaced once it has come further than the one before; raises
    DecoderDied when it dies at the same second again.
    """
    if isinstance(file, Path):
        with file.open("rb") as opened:
            yield from decode_file(opened, limit_s=limit_s, sandbox=sandbox)
        return
    given, died_at = 0, -1
    while True:
        try:
            for index, samples in enumerate(_blocks(file, limit_s, sandbox or SANDBOX)):
                if index >= given:
                    given = index + 1
                    yield samples
            return
        except DecoderDied:
            if given == died_at:
                raise
            logger.warning("decoder of a file begun again", decoded_s=given)
            died_at = given


def file_duration_ms(path: Path, *, sandbox: Sandbox | None = None) -> int | None:
    """`container.file_duration_ms`, apart; None also where that takes its process down."""
    try:
        with path.open("rb") as file, closing((sandbox or SANDBOX).open()) as line:
            send(line, LENGTH, b"", file.fileno())
            kind, answer = receive(line)
            length_ms = json.loads(answer) if kind == DONE else None
            return length_ms if isinstance(length_ms, int) else None
    except (OSError, ValueError):
        return None


def _blocks(file: BinaryIO, limit_s: float, sandbox: Sandbox) -> Iterator[Samples]:
    with closing(sandbox.open()) as line:
        begun_s = time.monotonic()
        try:
            send(line, FILE, json.dumps(limit_s).encode(), file.fileno())
            while True:
                begun_s = time.monotonic()
                kind, answer = receive(line)
                if kind == DONE:
                    return
                yield _samples(kind, answer)
        except OSError as exc:
            raise _died(_why(begun_s, sandbox.limits)) from exc


def _samples(kind: bytes, answer: bytearray) -> Samples:
    if kind == SAMPLES:
        return np.frombuffer(answer, np.float32)
    told = json.loads(answer)
    if "log" in told:
        logger.error("decoder failed", error=told["log"])
    if told["code"] == DecoderDied.code:
        raise _died(told["message"])
    raise (TooLarge if told["too_large"] else BadMessage)(told["message"], code=told["code"])


def _why(begun_s: float, limits: Limits) -> str:
    """Of processor time the process has at least as much as of the clock."""
    took_s = time.monotonic() - begun_s
    return "it took too long" if took_s >= min(limits.cpu_s, limits.wall_s) else "it crashed"
