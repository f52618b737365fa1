"""Ogg bytes to packets, as they arrive: Opus and Vorbis, also chained streams.

Source: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), the Vorbis I specification, appendix A.
"""

from __future__ import annotations

import re
import zlib
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

MAGIC = b"OggS"
OTHER = re.compile(rb"\x1a\x45\xdf\xa3|RIFF....WAVE", re.DOTALL)
HEAD_BYTES = 12
CONTINUED, FIRST, LAST = 1, 2, 4
PAGE_HEADER_BYTES = 27
OPUS_HZ = 48_000
HEADERS = {"opus": 2, "vorbis": 3}
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page:
    """One page: `segments` are (bytes, whether the packet ends here)."""

    __slots__ = ("flags", "granule", "segments", "sequence", "serial")

    def __init__(self, data: bytes) -> None:
        self.flags = data[5]
        self.granule = int.from_bytes(data[6:14], "little", signed=True)
        self.serial = data[14:18]
        self.sequence = int.from_bytes(data[18:22], "little")
        lengths = data[PAGE_HEADER_BYTES : PAGE_HEADER_BYTES + data[26]]
        self.segments: list[tuple[bytes, bool]] = []
        at = start = PAGE_HEADER_BYTES + data[26]
        for length in lengths:
            at += length
            if length < 255:
                self.segments.append((data[start:at], True))
                start = at
        if lengths and lengths[-1] == 255:
            self.segments.append((data[start:at], False))


class OggReader:
    """Feed bytes; get each Track and its Packets in order. Read every iterator to its end.

    Holds at most one page and one packet. A page whose checksum is wrong is dropped.
    Raises BadMessage: `ogg_without_header`, `unsupported_codec`, `format_changed`.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._junk = 0
        self._serial: bytes | None = None
        self._others = False
        self._name = ""
        self._codec = ""
        self._headers: list[bytes] = []
        self._is_open = False
        self._sequence: int | None = None
        self._partial: bytearray | None = None
        self._granule: int | None = None
        self._pre_skip = 0

    def feed(self, data: bytes) -> Iterator[Track | Packet]:
        self._held += data
        while (page := self._page()) is not None:
            yield from self._take(page)

    def finish(self) -> Iterator[Track | Packet]:
        """Nothing: a page is readable once it is whole."""
        if self._junk + len(self._held) > MAX_END_JUNK_BYTES and not self._held.startswith(MAGIC):
            raise format_changed("something that is not Ogg")
        self._held.clear()
        return iter(())

    def _page(self) -> Page | None:
        held = self._held
        while True:
            if not held.startswith(MAGIC):
                at = held.find(MAGIC)
                end = at if at >= 0 else max(0, len(held) - HEAD_BYTES + 1)
                other = OTHER.search(held, 0, end + HEAD_BYTES - 1)
                if other is not None:
                    raise format_changed("WAV" if other.group()[:1] == b"R" else "WebM")
                self._forget(end)
            if len(held) < PAGE_HEADER_BYTES or len(held) < PAGE_HEADER_BYTES + held[26]:
                return None
            size = PAGE_HEADER_BYTES + held[26]
            size += sum(held[PAGE_HEADER_BYTES:size])
            if len(held) < size:
                return None
            data = bytes(held[:size])
            if checksum(data[:22] + bytes(4) + data[26:]) == data[22:26]:
                del held[:size]
                self._junk = 0
                return Page(data)
            self._forget(1)

    def _forget(self, count: int) -> None:
        del self._held[:count]
        self._junk += count
        if self._junk > MAX_JUNK_BYTES:
            raise format_changed("something that is not Ogg")

    def _take(self, page: Page) -> Iterator[Track | Packet]:
        if page.flags & FIRST and page.segments:
            self._begin(page)
            if page.serial != self._serial:
                return
        if page.serial != self._serial:
            if self._serial is None and self._others:
                raise unsupported_codec(self._name)
            if self._serial is None:
                raise BadMessage(
                    "This Ogg stream starts in the middle. Send it from its first page, or "
                    "resume the recording it belongs to.",
                    code="ogg_without_header",
                )
            return
        is_gapless = self._sequence is None or page.sequence == self._sequence + 1
        self._sequence = page.sequence
        packets = list(self._packets(page, is_gapless=is_gapless))
        while packets and not self._is_open:
            self._headers.append(packets.pop(0))
            if len(self._headers) == HEADERS[self._codec]:
                self._is_open = True
                yield self._track()
        if packets or page.flags & LAST:
            yield from self._timed(page, packets, is_gapless=is_gapless)

    def _begin(self, page: Page) -> None:
        head = page.segments[0][0]
        if head.startswith(b"OpusHead") and len(head) >= 19:
            codec = "opus"
        elif head.startswith(b"\x01vorbis"):
            codec = "vorbis"
        else:
            self._name = bytes(byte for byte in head[:8] if 32 <= byte < 127).decode("ascii")
            self._others = True
            return
        if self._serial is not None and not self._is_open and page.serial != self._serial:
            return  # a second sound track beside the first
        self._serial, self._codec = page.serial, codec
        self._headers, self._is_open = [], False
        self._sequence, self._partial, self._granule = None, None, None
        self._pre_skip = int.from_bytes(head[10:12], "little") if codec == "opus" else 0

    def _packets(self, page: Page, *, is_gapless: bool) -> Iterator[bytes]:
        """The packets that end on this page."""
        partial = self._partial if page.flags & CONTINUED and is_gapless else None
        self._partial = None
        for index, (data, ends) in enumerate(page.segments):
            if index == 0 and page.flags & CONTINUED:
                if partial is None:
                    if not ends:
                        return
                    continue
                whole = partial + data
            else:
                whole = bytearray(data)
            if ends:
                yield bytes(whole)
            elif len(whole) <= MAX_PACKET_BYTES:
                self._partial = whole

    def _track(self) -> Track:
        if self._codec == "opus":
            return Track(codec="opus", private=self._headers[0], rate_hz=OPUS_HZ)
        first, comments, setup = self._headers
        # libav takes Vorbis' three headers laced together (as Matroska stores them).
        private = b"\x02" + lace(len(first)) + lace(len(comments)) + first + comments + setup
        return Track(codec="vorbis", private=private)

    def _timed(self, page: Page, packets: list[bytes], *, is_gapless: bool) -> Iterator[Packet]:
        """Packets with the time the page's granule position gives (Opus only)."""
        if self._codec != "opus" or page.granule < 0:
            yield from (Packet(data=data) for data in packets)
            return
        lengths = [opus_samples(data) for data in packets]
        before, self._granule = self._granule, page.granule
        start, end = page.granule - sum(lengths), page.granule
        if page.flags & LAST and is_gapless:
            # The last page may claim less than its packets hold: the encoder's padding.
            start = max(0, start) if before is None else before
        for data, length in zip(packets, lengths, strict=True):
            at, start = start, start + length
            excess = min(length, max(0, start - end)) if page.flags & LAST else 0
            yield Packet(
                data=data,
                at_ms=1000 * (at - self._pre_skip) / OPUS_HZ,
                discard_ms=1000 * excess / OPUS_HZ,
            )


def checksum(page: bytes) -> bytes:
    """Ogg's CRC-32: polynomial 0x04c11db7 from the highest bit, starting at 0.

    zlib's is the same polynomial from the lowest bit, so bits are turned before and after.
    """
    crc = zlib.crc32(page.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    # Turned over, the highest byte becomes the lowest, which a page stores first.
    return crc.to_bytes(4, "big").translate(REVERSED)


def lace(length: int) -> bytes:
    return b"\xff" * (length // 255) + bytes([length % 255])


def opus_samples(packet: bytes) -> int:
    """How many samples at 48 kHz a packet holds (RFC 6716, section 3.1); 0 if it is broken."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    if code < 3:
        return frame * (1, 2, 2)[code]
    return frame * (packet[1] & 63) if len(packet) > 1 else 0
