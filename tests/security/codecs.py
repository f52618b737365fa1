"""What codecs with flaws do, for a decoder process to load: see test_sandbox.py.

Sound decodes as VORI's own decoder has it, until one of these words stands in it.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from vori.transcribe import container
from vori.transcribe.messages import AudioFormat, Samples

CRASH, HANG, SLEEP, EAT, WRITE, FAIL = (
    b"!crash!!", b"!hang!!!", b"!sleep!!", b"!eat!!!!", b"!write!!", b"!fail!!!",
)  # fmt: skip


def harm(data: bytes) -> None:
    if CRASH in data:
        ctypes.string_at(0)
    if HANG in data:
        while True:
            pass
    if SLEEP in data:
        time.sleep(1000)
    if EAT in data:
        eaten = [bytearray(1 << 20)]
        while True:
            eaten.append(bytearray(1 << 20))
    if WRITE in data:
        _spread()
    if FAIL in data:
        raise RuntimeError("a mistake in a codec")


def _spread() -> None:
    """What somebody who has taken a decoder over might try first; a crash if anything works."""
    import os
    import tempfile

    reached = {name for name in os.environ if "SECRET" in name}
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 100_000)
            file.flush()
        reached.add("file")
    except OSError:
        pass
    try:
        handles = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
        reached.add(f"{len(handles)} files")
    except OSError:
        pass
    raise container.BadMessage("tried", code="reached_" + ",".join(sorted(reached)))


class Flawed:
    def __init__(self, declared: AudioFormat) -> None:
        self._inner: Any = container.open_decoder(declared)

    def feed(self, data: bytes) -> Samples:
        harm(data)
        fed: Samples = self._inner.feed(data)
        return fed

    def finish(self) -> Samples:
        rest: Samples = self._inner.finish()
        return rest


def open_decoder(declared: AudioFormat) -> Flawed:
    return Flawed(declared)


def decode_file(file: BinaryIO, *, limit_s: float) -> Iterator[Samples]:
    harm(file.read())
    file.seek(0)
    yield from container.decode_file(file, limit_s=limit_s)


def file_duration_ms(file: BinaryIO) -> int | None:
    harm(file.read())
    return 1
