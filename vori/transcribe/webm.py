"""WebM (Matroska) bytes to packets, as they arrive.

A reader of just what recorders make: unknown sizes, clusters, SimpleBlock and BlockGroup, any
lacing. Levels are read flat: what may follow what is not checked, so a lost cluster header or
a wrong size costs only the blocks it covers.
Source: RFC 8794 (EBML), RFC 9559 (Matroska).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from vori.errors import BadMessage
from vori.transcribe.packets import (
    MAX_END_JUNK_BYTES,
    MAX_JUNK_BYTES,
    MAX_PACKET_BYTES,
    Packet,
    Track,
    format_changed,
    unsupported_codec,
)

EBML = 0x1A45DFA3
SEGMENT = 0x18538067
INFO = 0x1549A966
TIMESTAMP_SCALE = 0x2AD7B1
TRACKS = 0x1654AE6B
TRACK_ENTRY = 0xAE
TRACK_NUMBER = 0xD7
TRACK_TYPE = 0x83
CODEC_ID = 0x86
CODEC_PRIVATE = 0x63A2
AUDIO = 0xE1
SAMPLING_RATE = 0xB5
CHANNELS = 0x9F
BIT_DEPTH = 0x6264
CLUSTER = 0x1F43B675
CLUSTER_TIME = 0xE7
CUES = 0x1C53BB6B
SIMPLE_BLOCK = 0xA3
BLOCK_GROUP = 0xA0
BLOCK = 0xA1
DISCARD_PADDING = 0x75A2

ENTERED = frozenset({SEGMENT, CLUSTER})
# What is read whole, and how long it may be.
READ = {
    EBML: 4096,
    INFO: 1 << 16,
    TRACKS: 1 << 18,
    CLUSTER_TIME: 8,
    SIMPLE_BLOCK: MAX_PACKET_BYTES,
    BLOCK_GROUP: MAX_PACKET_BYTES,
}
# What is passed over, and how long it may be: Void, CRC-32, Position, PrevSize, SilentTracks,
# SeekHead; Cues, Tags, Chapters, Attachments.
SKIPPED = dict.fromkeys((0xEC, 0xBF, 0xA7, 0xAB, 0x5854, 0x114D9B74), 1 << 16) | dict.fromkeys(
    (CUES, 0x1254C367, 0x1043A770, 0x1941A469), 1 << 24
)
MAX_OTHER_BLOCK_BYTES = 1 << 24
"""A picture's block, passed over unread."""

CODECS = {
    "A_OPUS": "opus",
    "A_VORBIS": "vorbis",
    "A_AAC": "aac",
    "A_FLAC": "flac",
    "A_MPEG/L3": "mp3float",
}
PCM = {
    ("A_PCM/INT/LIT", 16): "pcm_s16le",
    ("A_PCM/INT/LIT", 24): "pcm_s24le",
    ("A_PCM/INT/LIT", 32): "pcm_s32le",
    ("A_PCM/FLOAT/IEEE", 32): "pcm_f32le",
    ("A_PCM/FLOAT/IEEE", 64): "pcm_f64le",
}
SOUND_TRACK = 2
HEAD = re.compile(
    rb"\x1a\x45\xdf\xa3|\x1f\x43\xb6\x75|\xa3|\xa0|OggS\x00\x02|RIFF....WAVE", re.DOTALL
)
LONGEST_HEAD = 12


class WebmReader:
    """Feed bytes; get each Track and its Packets in order. Read every iterator to its end.

    At most about 1 MiB is held back. Damage is stepped over to the next block or cluster.
    Raises BadMessage: `webm_without_header`, `no_sound_track`, `unsupported_codec`,
    `format_changed`.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0
        self._skip = 0
        self._lost = False
        self._junk = 0
        self._track: int | None = None
        self._scale_ns = 1_000_000
        self._cluster_ms = 0.0

    def feed(self, data: bytes) -> Iterator[Track | Packet]:
        self._held += data
        yield from self._read(is_end=False)
        del self._held[: self._at]
        self._at = 0

    def finish(self) -> Iterator[Track | Packet]:
        """What is readable once nothing follows."""
        yield from self._read(is_end=True)
        self._held.clear()
        if self._lost and self._junk > MAX_END_JUNK_BYTES:
            raise format_changed("something that is not WebM")

    def _read(self, *, is_end: bool) -> Iterator[Track | Packet]:
        while True:
            if self._skip:
                step = min(self._skip, len(self._held) - self._at)
                self._skip -= step
                self._at += step
                if self._skip:
                    return
            if self._lost and not self._find(is_end=is_end):
                return
            element = self._element()
            if element is None:
                return
            yield from self._take(*element)

    def _element(self) -> tuple[int, memoryview | None] | None:
        """The next element's id and body, or None while bytes are missing.

        The body is None for what is entered, passed over or damaged.
        """
        head = header(self._held, self._at)
        if head is None:
            return None
        ident, size, start = head
        if ident in ENTERED:
            self._at = start
            return ident, None
        if ident == SIMPLE_BLOCK and len(self._held) < start + min(size or 0, 8):
            return None  # its track number is still to come
        if size is not None and (size <= SKIPPED.get(ident, -1) or self._is_picture(*head)):
            self._at = start
            self._skip = size
        elif size is not None and size <= READ.get(ident, -1):
            if len(self._held) < start + size:
                return None
            self._at = start + size
            return ident, memoryview(bytes(self._held[start : start + size]))
        else:
            self._lost = True
        return ident, None

    def _is_picture(self, ident: int, size: int | None, start: int) -> bool:
        """Whether this is a large block of another track, to be passed over."""
        if ident != SIMPLE_BLOCK or size is None or self._track is None:
            return False
        track = vint(self._held, start)
        return (
            MAX_PACKET_BYTES < size <= MAX_OTHER_BLOCK_BYTES
            and track is not None
            and track[0] != self._track
        )

    def _take(self, ident: int, body: memoryview | None) -> Iterator[Track | Packet]:
        if body is None or self._lost:
            return
        self._junk = 0
        if ident == EBML:
            self._track, self._scale_ns, self._cluster_ms = None, 1_000_000, 0.0
        elif ident == INFO:
            self._scale_ns = number(dict(children(body)).get(TIMESTAMP_SCALE), 1_000_000)
        elif ident == TRACKS:
            self._track, track = sound_track(body)
            yield track
        elif ident == CLUSTER_TIME:
            self._cluster_ms = self._ms(number(body))
        elif ident == SIMPLE_BLOCK:
            yield from self._block(body, 0.0)
        elif ident == BLOCK_GROUP:
            parts = dict(children(body))
            padding = parts.get(DISCARD_PADDING, b"")
            discard_ns = int.from_bytes(padding, "big", signed=True)
            if BLOCK in parts:
                yield from self._block(parts[BLOCK], max(0, discard_ns) / 1e6)

    def _ms(self, ticks: int) -> float:
        return ticks * self._scale_ns / 1e6

    def _block(self, body: memoryview, discard_ms: float) -> Iterator[Packet]:
        if self._track is None:
            raise without_header()
        track = vint(body, 0)
        if track is None or track[0] != self._track or len(body) < track[1] + 3:
            return
        start = track[1]
        ticks = int.from_bytes(body[start : start + 2], "big", signed=True)
        frames = laced(body[start + 3 :], body[start + 2] >> 1 & 3)
        at_ms: float | None = self._cluster_ms + self._ms(ticks)
        for index, frame in enumerate(frames):
            is_last = index == len(frames) - 1
            yield Packet(data=bytes(frame), at_ms=at_ms, discard_ms=discard_ms if is_last else 0.0)
            at_ms = None

    def _find(self, *, is_end: bool) -> bool:
        """Move to where reading can go on; False while that is not in sight."""
        while (found := HEAD.search(self._held, self._at)) is not None:
            self._forget(found.start() - self._at)
            if found.group()[:4] == b"OggS":
                raise format_changed("Ogg")
            if found.group()[:4] == b"RIFF":
                raise format_changed("WAV")
            is_good = self._is_good(is_end=is_end)
            if is_good is None:
                return False
            if is_good:
                self._lost = False
                return True
            self._forget(1)
        keep = 0 if is_end else LONGEST_HEAD - 1
        self._forget(max(0, len(self._held) - keep - self._at))
        return False

    def _forget(self, count: int) -> None:
        self._at += count
        self._junk += count
        if self._junk > MAX_JUNK_BYTES:
            raise format_changed("something that is not WebM")

    def _is_good(self, *, is_end: bool) -> bool | None:
        """Whether reading can go on here: a header, a cluster, or a block with another after it.

        None while that cannot be told.
        """
        head = header(self._held, self._at)
        if head is None:
            return False if is_end else None
        ident, size, start = head
        if ident == CLUSTER:
            return True
        if ident == EBML:
            return size is not None and size <= READ[EBML]
        is_block = self._is_block(self._at)
        if not is_block:
            return False if is_end else is_block
        after = start + (size or 0)
        if is_end and after == len(self._held):
            return True
        head = header(self._held, after)
        if head is not None and head[0] in (CLUSTER, EBML, CUES):
            return True
        is_block = self._is_block(after)
        return False if is_end and is_block is None else is_block

    def _is_block(self, at: int) -> bool | None:
        """Whether a block of the sound track seems to begin at `at`; None while cut off."""
        head = header(self._held, at)
        if head is None:
            return None
        ident, size, start = head
        if ident == BLOCK_GROUP and size is not None and size <= MAX_JUNK_BYTES:
            head = header(self._held, start)
            if head is None:
                return None
            ident, size, start = head
            if ident != BLOCK:
                return False
        elif ident != SIMPLE_BLOCK:
            return False
        if size is None or not 4 < size <= MAX_JUNK_BYTES:
            return False
        track = vint(self._held, start)
        if track is None or len(self._held) <= track[1] + 2:
            return None
        return track[0] == (self._track or 1) and not self._held[track[1] + 2] & 0x70


def without_header() -> BadMessage:
    return BadMessage(
        "This WebM stream starts in the middle. Send the recorder's first chunk first, or resume "
        "the recording it belongs to.",
        code="webm_without_header",
    )


def vint(data: bytes | bytearray | memoryview, at: int) -> tuple[int, int] | None:
    """A variable-length number and where it ends; None when cut off; 2**64 for 'unknown'."""
    if at >= len(data) or data[at] == 0:
        # No length fits into a first byte of 0: a value that no caller takes for good.
        return None if at >= len(data) else (2**64 + 1, at + 1)
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        return None
    bits = 7 * length
    value = int.from_bytes(data[at : at + length], "big") & ((1 << bits) - 1)
    return (2**64 if value == (1 << bits) - 1 else value), at + length


def header(data: bytes | bytearray | memoryview, at: int) -> tuple[int, int | None, int] | None:
    """(id, size, where the body starts) of the element at `at`; None when cut off.

    Size is None when unknown; id is 0 when there cannot be an element here.
    """
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > 4:
        return 0, None, at
    if at + length > len(data):
        return None
    size = vint(data, at + length)
    if size is None:
        return None
    ident = int.from_bytes(data[at : at + length], "big")
    return ident, None if size[0] >= 2**64 else size[0], size[1]


def children(body: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The elements inside `body`, as far as they can be read."""
    at = 0
    while (head := header(body, at)) is not None:
        ident, size, start = head
        if size is None or start + size > len(body):
            return
        yield ident, body[start : start + size]
        at = start + size


def number(body: memoryview | None, default: int = 0) -> int:
    return default if body is None or len(body) > 8 else int.from_bytes(body, "big") or default


def real(body: memoryview | None) -> float:
    if body is None or len(body) not in (4, 8):
        return 0.0
    (value,) = struct.unpack(">f" if len(body) == 4 else ">d", body)
    return float(value) if 0 <= value < 1e7 else 0.0


def sound_track(body: memoryview) -> tuple[int, Track]:
    """The first sound track's number and description."""
    for ident, entry in children(body):
        fields = dict(children(entry))
        if ident != TRACK_ENTRY or number(fields.get(TRACK_TYPE)) != SOUND_TRACK:
            continue
        audio = dict(children(fields.get(AUDIO, memoryview(b""))))
        name = bytes(fields.get(CODEC_ID, b"")).rstrip(b"\0").decode("ascii", "replace")
        codec = CODECS.get(name) or PCM.get((name, number(audio.get(BIT_DEPTH), 32)))
        if codec is None and name.startswith("A_AAC"):
            codec = "aac"
        if codec is None:
            raise unsupported_codec(name)
        return number(fields.get(TRACK_NUMBER), 1), Track(
            codec=codec,
            private=bytes(fields.get(CODEC_PRIVATE, b"")),
            rate_hz=round(real(audio.get(SAMPLING_RATE))) or 8000,
            channels=number(audio.get(CHANNELS), 1),
        )
    raise BadMessage(
        "This WebM stream has no sound track; record with audio switched on.",
        code="no_sound_track",
    )


def laced(body: memoryview, lacing: int) -> list[memoryview]:
    """The frames of a block (RFC 9559, section 10.3): 0 none, 1 Xiph, 2 fixed, 3 EBML."""
    if lacing == 0:
        return [body]
    if not body:
        return []
    count, at = body[0] + 1, 1
    if lacing == 2:
        size = (len(body) - 1) // count
        return [body[1 + i * size : 1 + (i + 1) * size] for i in range(count)] if size else []
    sizes: list[int] = []
    for _ in range(count - 1):
        if lacing == 1:
            size = 0
            while at < len(body) and body[at] == 255:
                size, at = size + 255, at + 1
            if at >= len(body):
                return []
            size, at = size + body[at], at + 1
        else:
            step = vint(body, at)
            if step is None or step[0] >= 2**64:
                return []
            length = step[1] - at
            # Later sizes are differences, shifted so that they are never negative.
            size = sizes[-1] + step[0] - ((1 << (7 * length - 1)) - 1) if sizes else step[0]
            at = step[1]
        if size < 0:
            return []
        sizes.append(size)
    frames: list[memoryview] = []
    for size in [*sizes, len(body) - at - sum(sizes)]:
        if size < 0 or at + size > len(body):
            return frames
        frames.append(body[at : at + size])
        at += size
    return frames
