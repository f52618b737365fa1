"""PCM and WAV bytes to whole frames, and frames to mono float32.

Source: the RIFF/WAVE description of Microsoft and IBM (1991) and its extensible format.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from vori.errors import BadMessage
from vori.transcribe.messages import Samples
from vori.transcribe.packets import format_changed

SAMPLE_BYTES = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8}
# By (format tag, bits): 1 is whole numbers, 3 is floating point.
WAV_SAMPLES = {
    (1, 8): "u8",
    (1, 16): "s16",
    (1, 24): "s24",
    (1, 32): "s32",
    (3, 32): "f32",
    (3, 64): "f64",
}
EXTENSIBLE = 0xFFFE
MIN_HZ, MAX_HZ = 8_000, 192_000
MAX_CHANNELS = 8
MAX_FMT_BYTES = 4096
MAX_CHUNK_BYTES = 1 << 24
STREAMED_BYTES = 0x7FFF_0000
"""A data size from here on is a placeholder of a writer that could not go back."""
CHUNKS = frozenset(
    {b"LIST", b"fact", b"JUNK", b"junk", b"PAD ", b"bext", b"cue ", b"smpl", b"inst", b"iXML"}
    | {b"id3 ", b"ID3 ", b"ds64", b"PEAK", b"acid", b"_PMX", b"labl", b"plst", b"FLLR", b"data"}
    | {b"RIFF", b"RF64", b"fmt "}
)
RIFF = (b"RIFF", b"RF64")
WATCH_BYTES = 64
"""Held back so that a container's head is seen whole however the bytes were cut (2 ms of
16 kHz s16le)."""


class PcmFormat(Struct, frozen=True, kw_only=True):
    """`sample` is a key of SAMPLE_BYTES; all little-endian."""

    sample: str
    rate_hz: int
    channels: int

    @property
    def frame_bytes(self) -> int:
        return SAMPLE_BYTES[self.sample] * self.channels


class PcmReader:
    """Feed bytes; get each PcmFormat, then whole frames of it. Read iterators to their end.

    Without a format the bytes begin with a WAV header, and another may follow anywhere (a
    restarted recorder). A data size of 0, of nearly 2 GiB or more, or followed by something
    that is no chunk is not believed: all that follows is sound.
    Raises BadMessage: `undecodable_audio`, `unsupported_codec`, `format_changed`.
    """

    def __init__(self, raw: PcmFormat | None = None) -> None:
        self._is_wav = raw is None
        self._format = raw
        self._held = bytearray()
        self._skip = 0
        self._left: int | None = None
        self._in_sound = raw is not None
        self._is_unannounced = raw is not None
        self._is_after_sound = False

    def feed(self, data: bytes) -> Iterator[PcmFormat | bytes]:
        self._held += data
        yield from self._read(WATCH_BYTES)

    def finish(self) -> Iterator[PcmFormat | bytes]:
        """The sound held back; an incomplete last frame is dropped."""
        yield from self._read(0)
        self._held.clear()

    def _read(self, keep: int) -> Iterator[PcmFormat | bytes]:
        if self._is_unannounced and self._format is not None:
            self._is_unannounced = False
            yield self._format
        while True:
            if self._in_sound:
                yield from self._sound(keep)
                if self._in_sound:
                    return
            elif self._skip:
                step = min(self._skip, len(self._held))
                self._skip -= step
                del self._held[:step]
                if self._skip:
                    return
            else:
                before = len(self._held), self._in_sound
                yield from self._chunk()
                if before == (len(self._held), self._in_sound):
                    return

    def _sound(self, keep: int) -> Iterator[bytes]:
        """Whole frames up to the data's end, another header, or `keep` bytes before the end."""
        assert self._format is not None
        head = container_at(self._held)
        end = len(self._held) - keep if head is None else head[0]
        if self._left is not None and self._left <= end:
            end, head, self._in_sound = self._left, None, False
        frame = self._format.frame_bytes
        count = max(0, end) // frame * frame
        if count:
            yield bytes(self._held[:count])
            del self._held[:count]
            if self._left is not None:
                self._left -= count
        if head is not None:
            if not self._is_wav or head[1] != "WAV":
                raise format_changed(head[1])
            del self._held[: end - count]
            self._in_sound = False
        elif not self._in_sound:
            # A cut-off last frame, and the byte that pads a chunk to an even length.
            del self._held[: end - count]
            self._is_after_sound = True

    def _chunk(self) -> Iterator[PcmFormat]:
        """One chunk's head, or the file's."""
        if len(self._held) < 12:
            return
        name, size = bytes(self._held[:4]), int.from_bytes(self._held[4:8], "little")
        if self._is_after_sound and name not in CHUNKS:
            if bytes(self._held[1:5]) in CHUNKS:  # the byte that pads to an even length
                del self._held[:1]
            else:
                self._left, self._in_sound = None, True
            return
        if name in RIFF and self._held[8:12] == b"WAVE":
            self._is_after_sound, self._format = False, None
            del self._held[:12]
        elif name == b"fmt ":
            if len(self._held) < 8 + min(size, MAX_FMT_BYTES):
                return
            self._format = wav_format(bytes(self._held[8 : 8 + min(size, MAX_FMT_BYTES)]))
            del self._held[:8]
            self._skip = size + size % 2
            yield self._format
        elif name == b"data":
            if self._format is None:
                raise undecodable("a WAV file without a format chunk")
            del self._held[:8]
            self._left = None if size == 0 or size >= STREAMED_BYTES else size
            self._in_sound = True
        elif size > MAX_CHUNK_BYTES:
            raise undecodable(f"a WAV chunk of {size} bytes before the sound")
        else:
            del self._held[:8]
            self._skip = size + size % 2


def container_at(data: bytearray) -> tuple[int, str] | None:
    """Where the head of a container stands in `data`, and its name.

    So much of each head is compared that sound never looks like one by chance.
    """
    found: list[tuple[int, str]] = []
    for magic in RIFF:
        at = data.find(magic)
        while at >= 0 and not (data[at + 8 : at + 12] == b"WAVE" and len(data) >= at + 16):
            at = data.find(magic, at + 1)
        if at >= 0:
            found.append((at, "WAV"))
    at = data.find(b"OggS\0\2\0\0\0\0\0\0\0\0")
    if at >= 0:
        found.append((at, "Ogg"))
    at = data.find(b"\x1a\x45\xdf\xa3")
    while at >= 0:
        head = data[at : at + 48]
        if b"webm" in head or b"matroska" in head:
            found.append((at, "WebM"))
            break
        at = data.find(b"\x1a\x45\xdf\xa3", at + 1)
    return min(found, default=None)


def undecodable(what: str) -> BadMessage:
    return BadMessage(
        f"This sound cannot be read: {what}. Send it as WebM, Ogg, WAV or declared PCM.",
        code="undecodable_audio",
    )


def wav_format(body: bytes) -> PcmFormat:
    if len(body) < 16:
        raise undecodable("a WAV format chunk that is too short")
    tag = int.from_bytes(body[0:2], "little")
    channels = int.from_bytes(body[2:4], "little")
    rate_hz = int.from_bytes(body[4:8], "little")
    bits = int.from_bytes(body[14:16], "little")
    if tag == EXTENSIBLE and len(body) >= 26:
        tag = int.from_bytes(body[24:26], "little")
    sample = WAV_SAMPLES.get((tag, bits))
    if sample is None:
        raise BadMessage(
            f"WAV format {tag} with {bits} bits cannot be read; send 8 to 32 bit PCM or "
            "32 or 64 bit float.",
            code="unsupported_codec",
        )
    if not 1 <= channels <= MAX_CHANNELS or not MIN_HZ <= rate_hz <= MAX_HZ:
        raise BadMessage(
            f"WAV with {channels} channels at {rate_hz} Hz cannot be read; send 1 to "
            f"{MAX_CHANNELS} channels at {MIN_HZ} to {MAX_HZ} Hz.",
            code="unsupported_codec",
        )
    return PcmFormat(sample=sample, rate_hz=rate_hz, channels=channels)


def mono(data: bytes, fmt: PcmFormat) -> Samples:
    """Whole frames to float32 in -1..1 at their own rate: the mean of the channels.

    What is not a number, or infinite, becomes 0.
    """
    values: Samples
    if fmt.sample == "u8":
        values = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / np.float32(128)
    elif fmt.sample == "s16":
        values = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(2**15)
    elif fmt.sample == "s24":
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        values = wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    elif fmt.sample == "s32":
        values = np.frombuffer(data, "<i4").astype(np.float32) / np.float32(2**31)
    else:
        floats = np.frombuffer(data, "<f4" if fmt.sample == "f32" else "<f8")
        values = bounded(floats)
    if fmt.channels == 1:
        return values
    mixed: Samples = values.reshape(-1, fmt.channels).mean(axis=1, dtype=np.float32)
    return mixed


def bounded(values: npt.NDArray[np.floating]) -> Samples:
    """Float32, finite and within -1..1."""
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    within: Samples = np.clip(finite, -1.0, 1.0).astype(np.float32)
    return within
