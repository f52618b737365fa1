"""Bytes of a recording to 16 kHz mono float32, as they arrive or from a whole file.

`webm.py`, `ogg.py` and `pcm.py` read the containers; libav (through PyAV) decodes packets,
changes rates, and reads whole files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import FFmpegError, InvalidDataError

from vori.errors import BadMessage, TooLarge
from vori.transcribe.messages import RATE_HZ, AudioFormat, Encoding, Samples
from vori.transcribe.ogg import OggReader
from vori.transcribe.packets import Packet, Track
from vori.transcribe.pcm import MAX_HZ, MIN_HZ, PcmFormat, PcmReader, bounded, mono
from vori.transcribe.webm import WebmReader, without_header

ACCEPTED = (
    "VORI reads WebM, Ogg (Opus, Vorbis), WAV, PCM whose format is declared (s16le, f32le), and "
    "whole files such as m4a, mp3 and flac"
)
SNIFF_BYTES = 12
MAX_FEED_S = 1800
"""So much sound from one call is an attack on memory (115 MB), not a recording."""
BLOCK_MS = 20
GAP_MS = 100
"""From here on a jump in packet times is lost sound; less is a recorder's jitter."""
MAX_GAP_MS = 30_000
FILE_READ_BYTES = 1 << 16
FILE_FORMATS = "mov,mp3,flac,matroska,webm,ogg,wav,w64,aac,aiff,caf,amr,asf,au,flv"
"""The demuxers a whole file may use: none that opens other files or addresses."""

OPUS = "libopus" if "libopus" in av.codecs_available else "opus"
"""libav's own decoder costs a little less, but damaged packets make it play what happens to be
in memory: the same bytes decode to different samples."""

NOTHING: Samples = np.zeros(0, np.float32)


class Decoder(Protocol):
    """Samples of all calls joined do not depend on how the bytes were cut.

    What was decoded before an error is returned first; the error comes with the next call,
    and with every call after it.
    """

    @property
    def encoding(self) -> Encoding:
        """What the bytes turned out to be; as declared until that is known."""
        ...

    @property
    def decoded_samples(self) -> int: ...

    @property
    def decoded_ms(self) -> int: ...

    def feed(self, data: bytes) -> Samples:
        """What has become decodable; may be empty. Raises BadMessage."""
        ...

    def finish(self) -> Samples:
        """The rest: what was held back, and the resampler's tail.

        Raises BadMessage at once (no call follows), which may cost the last 20 ms.
        """
        ...


def open_decoder(declared: AudioFormat) -> Decoder:
    """A decoder for one stream; with AUTO the first bytes decide.

    A container that was declared wrongly is read as what it is. FILE decodes to nothing here:
    see `decode_file`. BadMessage codes: `unknown_audio`, `webm_without_header`,
    `ogg_without_header`, `no_sound_track`, `unsupported_codec`, `undecodable_audio`,
    `format_changed`, `sound_too_dense`.
    """
    return _StreamDecoder(declared)


class _Sound(Protocol):
    """One encoding's way from bytes to samples."""

    def feed(self, data: bytes) -> Iterator[Samples]: ...

    def finish(self) -> Iterator[Samples]: ...

    def flush(self) -> Iterator[Samples]:
        """What has been read, but not yet given out; nothing more is read."""
        ...


class _StreamDecoder:
    def __init__(self, declared: AudioFormat) -> None:
        self._declared = declared
        self._encoding = declared.encoding
        self._head = b""
        self._sound: _Sound | None = None
        self._error: BadMessage | None = None
        self._samples = 0
        if declared.encoding is Encoding.FILE:
            self._sound = _Whole()

    @property
    def encoding(self) -> Encoding:
        return self._encoding

    @property
    def decoded_samples(self) -> int:
        return self._samples

    @property
    def decoded_ms(self) -> int:
        return self._samples * 1000 // RATE_HZ

    def feed(self, data: bytes) -> Samples:
        return self._gather(self._feed(data))

    def finish(self) -> Samples:
        return self._gather(self._finish(), worth=BLOCK_MS * RATE_HZ // 1000)

    def _feed(self, data: bytes) -> Iterator[Samples]:
        if self._sound is None:
            self._head += data
            data = self._head
            encoding = sniff(data, self._declared.encoding, is_all=False)
            if encoding is None:
                return
            self._begin(encoding)
        assert self._sound is not None
        yield from self._sound.feed(data)

    def _finish(self) -> Iterator[Samples]:
        if self._sound is None:
            if not self._head:
                return
            encoding = sniff(self._head, self._declared.encoding, is_all=True)
            assert encoding is not None
            sound = self._begin(encoding)
            yield from sound.feed(self._head)
        assert self._sound is not None
        yield from self._sound.finish()

    def _begin(self, encoding: Encoding) -> _Sound:
        self._encoding, self._head = encoding, b""
        if encoding is Encoding.WEBM:
            self._sound = _Packets(WebmReader())
        elif encoding is Encoding.OGG:
            self._sound = _Packets(OggReader())
        elif encoding is Encoding.WAV:
            self._sound = _Pcm(PcmReader())
        elif encoding is Encoding.FILE:
            self._sound = _Whole()
        else:
            sample = "s16" if encoding is Encoding.S16LE else "f32"
            declared = self._declared
            self._sound = _Pcm(
                PcmReader(
                    PcmFormat(sample=sample, rate_hz=declared.rate_hz, channels=declared.channels)
                )
            )
        return self._sound

    def _gather(self, pieces: Iterator[Samples], *, worth: int = 0) -> Samples:
        """The pieces joined. An error waits for the next call if more than `worth` came before."""
        if self._error is not None:
            raise self._error
        gathered: list[Samples] = []
        count = 0
        try:
            for piece in pieces:
                gathered.append(piece)
                count += len(piece)
                if count > MAX_FEED_S * RATE_HZ:
                    raise BadMessage(
                        f"More than {MAX_FEED_S} s of sound in {len(gathered)} packets at once; "
                        "send less at a time.",
                        code="sound_too_dense",
                    )
        except BadMessage as error:
            self._error = error
            if self._sound is not None:
                gathered += self._sound.flush()
            count = sum(map(len, gathered))
            if count <= worth:
                raise
        self._samples += count
        return np.clip(np.concatenate(gathered), -1.0, 1.0) if count else NOTHING


class _Whole:
    def feed(self, data: bytes) -> Iterator[Samples]:
        return iter(())

    def finish(self) -> Iterator[Samples]:
        return iter(())

    def flush(self) -> Iterator[Samples]:
        return iter(())


class _Pcm:
    """PCM in blocks of fixed size, since the resampler's output depends on its input's."""

    def __init__(self, reader: PcmReader) -> None:
        self._reader = reader
        self._format: PcmFormat | None = None
        self._held = b""
        self._resampler = _Resampler()

    def feed(self, data: bytes) -> Iterator[Samples]:
        return self._decode(self._reader.feed(data))

    def finish(self) -> Iterator[Samples]:
        yield from self._decode(self._reader.finish())
        yield from self.flush()

    def flush(self) -> Iterator[Samples]:
        held, self._held = self._held, b""
        if held:
            yield from self._resample(held)
        yield from self._resampler.flush()

    def _decode(self, items: Iterable[PcmFormat | bytes]) -> Iterator[Samples]:
        for item in items:
            if isinstance(item, PcmFormat):
                yield from self.flush()
                self._format = item
                continue
            assert self._format is not None
            if self._format.rate_hz == RATE_HZ:
                yield mono(item, self._format)
                continue
            data = self._held + item
            block = self._format.rate_hz * BLOCK_MS // 1000 * self._format.frame_bytes
            whole = len(data) // block * block
            self._held = data[whole:]
            for at in range(0, whole, block):
                yield from self._resample(data[at : at + block])

    def _resample(self, data: bytes) -> Iterator[Samples]:
        assert self._format is not None
        return self._resampler.resample(mono(data, self._format), self._format.rate_hz)


class _Reader(Protocol):
    def feed(self, data: bytes) -> Iterator[Track | Packet]: ...

    def finish(self) -> Iterator[Track | Packet]: ...


class _Packets:
    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._track: _Track | None = None

    def feed(self, data: bytes) -> Iterator[Samples]:
        return self._decode(self._reader.feed(data))

    def finish(self) -> Iterator[Samples]:
        yield from self._decode(self._reader.finish())
        yield from self.flush()

    def flush(self) -> Iterator[Samples]:
        if self._track is not None:
            yield from self._track.flush()

    def _decode(self, items: Iterable[Track | Packet]) -> Iterator[Samples]:
        for item in items:
            if isinstance(item, Track):
                if self._track is not None:
                    yield from self._track.flush()
                self._track = _Track(item)
            elif self._track is not None:
                yield from self._track.decode(item)


class _Track:
    """Packets to samples; lost ones become silence, so that times stay true."""

    def __init__(self, track: Track) -> None:
        self._codec = _codec(track)
        self._resampler = _Resampler()
        self._decoded_ms = 0.0
        self._silence_ms = 0.0
        self._due_ms: float | None = None
        self._jitter_ms = 0.0

    def decode(self, packet: Packet) -> Iterator[Samples]:
        if packet.at_ms is not None:
            yield from self._close_gap(packet.at_ms)
        if not packet.data:
            return
        # A broken packet becomes a gap, closed when the next one comes.
        with suppress(FFmpegError, ValueError):
            yield from self._frames(self._codec.decode(av.Packet(packet.data)), packet.discard_ms)

    def flush(self) -> Iterator[Samples]:
        with suppress(FFmpegError, ValueError):
            yield from self._frames(self._codec.decode(None), 0.0)
        yield from self._resampler.flush()

    def _frames(self, frames: list[AudioFrame], discard_ms: float) -> Iterator[Samples]:
        for index, frame in enumerate(frames):
            samples = mono_of(frame)
            if discard_ms and index == len(frames) - 1:
                cut = round(discard_ms * frame.sample_rate / 1000)
                samples = samples[: max(0, len(samples) - cut)]
            length_ms = 1000 * len(samples) / frame.sample_rate
            self._decoded_ms += length_ms
            if self._due_ms is not None:
                self._due_ms += length_ms
            yield from self._resampler.resample(samples, frame.sample_rate)

    def _close_gap(self, at_ms: float) -> Iterator[Samples]:
        if self._due_ms is None:
            self._due_ms = at_ms
        gap_ms = at_ms - self._due_ms
        if abs(gap_ms) <= GAP_MS:
            self._jitter_ms = gap_ms
            return
        # How early or late packets came before is no part of what was lost.
        gap_ms -= self._jitter_ms
        self._due_ms += gap_ms
        # Silence is never more than what was heard (and a little), so that a few bytes with
        # wild times cannot become hours.
        gap_ms = min(gap_ms, MAX_GAP_MS + self._decoded_ms - self._silence_ms, MAX_GAP_MS)
        if gap_ms > 0:
            self._silence_ms += gap_ms
            yield from self._resampler.flush()
            yield np.zeros(round(gap_ms * RATE_HZ / 1000), np.float32)


def _codec(track: Track) -> AudioCodecContext:
    try:
        codec = av.CodecContext.create(OPUS if track.codec == "opus" else track.codec, "r")
        assert isinstance(codec, AudioCodecContext)
        if track.private:
            codec.extradata = track.private
        if track.rate_hz and track.codec != "opus":
            codec.sample_rate = track.rate_hz
        if track.channels and track.codec != "opus":
            codec.layout = "mono" if track.channels == 1 else f"{track.channels}C"
        codec.open()
    except (FFmpegError, ValueError) as error:
        raise BadMessage(
            "The stream's codec header is damaged; start the recording anew.",
            code="undecodable_audio",
        ) from error
    return codec


class _Resampler:
    """Mono float32 at any rate to 16 kHz; a new rate starts anew."""

    def __init__(self) -> None:
        self._rate_hz = RATE_HZ
        self._inner: AudioResampler | None = None

    def resample(self, samples: Samples, rate_hz: int) -> Iterator[Samples]:
        if rate_hz != self._rate_hz:
            yield from self.flush()
            self._rate_hz = rate_hz
        if not len(samples):
            return
        if rate_hz == RATE_HZ:
            yield samples
            return
        if self._inner is None:
            self._inner = AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
        frame = AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
        frame.sample_rate = rate_hz
        for out in self._inner.resample(frame):
            yield out.to_ndarray()[0]

    def flush(self) -> Iterator[Samples]:
        """The filter's tail; the next sound starts a new one."""
        inner, self._inner = self._inner, None
        if inner is not None:
            for out in inner.resample(None):
                yield out.to_ndarray()[0]


def mono_of(frame: AudioFrame) -> Samples:
    """A libav frame as float32: the mean of its channels, at its own rate.

    The mean, because libav's own mix to mono makes floating-point stereo 1.414 times louder.
    """
    values: npt.NDArray[Any] = frame.to_ndarray()
    channels = len(frame.layout.channels)
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    if values.dtype.kind == "f":
        values = bounded(values)
    elif values.dtype == np.uint8:
        values = (values.astype(np.float32) - 128) / 128
    else:
        values = values.astype(np.float32) / 2 ** (8 * values.dtype.itemsize - 1)
    # A new array: the frame's own memory is libav's to use again.
    mixed: Samples = values.mean(axis=0, dtype=np.float32)
    return mixed


def sniff(head: bytes, declared: Encoding, *, is_all: bool) -> Encoding | None:
    """What a stream is by its first bytes; None while more are needed (never if `is_all`).

    Declared PCM is taken at its word unless a container's head stands there.
    """
    if len(head) < SNIFF_BYTES and not is_all:
        return None
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return Encoding.WEBM
    if head[:6] == b"OggS\0\2" or (head[:4] == b"OggS" and not is_pcm(declared)):
        return Encoding.OGG
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return Encoding.WAV
    if is_pcm(declared):
        return declared
    if declared is Encoding.FILE or is_file(head):
        return Encoding.FILE
    if declared is Encoding.WEBM or is_inside_webm(head):
        raise without_header()
    raise BadMessage(
        f"These bytes are no sound that can be recognised. {ACCEPTED}.", code="unknown_audio"
    )


def is_pcm(encoding: Encoding) -> bool:
    return encoding in (Encoding.S16LE, Encoding.F32LE)


def is_file(head: bytes) -> bool:
    """Whether these are the first bytes of a container that is read whole."""
    if head[4:8] in (b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return True
    if head.startswith((b"ID3", b"fLaC", b"FORM", b"caff", b"#!AMR", b"\x30\x26\xb2\x75", b"FLV")):
        return True
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    if head[1] & 0xF6 == 0xF0:  # ADTS: its rate is one of 13
        return head[2] >> 2 & 15 < 13
    # MPEG audio: version, layer, bit rate and rate all have a value that is not allowed
    return bool(
        head[1] >> 3 & 3 != 1
        and head[1] >> 1 & 3
        and head[2] >> 4 not in (0, 15)
        and head[2] >> 2 & 3 != 3
    )


def is_inside_webm(head: bytes) -> bool:
    """Whether the bytes begin with a cluster or a block, as a recorder's later chunks do."""
    if head[:4] == b"\x1f\x43\xb6\x75":
        return True
    # SimpleBlock, its size in one to four bytes, track 1, …, flags without the reserved bits
    for size in (1, 2, 3, 4):
        track = 1 + size
        if head[:1] == b"\xa3" and len(head) > track + 3 and head[track] == 0x81:
            return head[1].bit_length() == 9 - size and head[track + 3] & 0x70 == 0
    return False


def decode_file(file: Path | BinaryIO, *, limit_s: float) -> Iterator[Samples]:
    """A whole file of any format VORI or libav reads, in blocks of 1 s (the last is shorter).

    WebM, Ogg and WAV are decoded as a stream of them would be. Raises BadMessage
    `undecodable_audio` or `no_sound_track`; TooLarge `audio_too_long` once more than `limit_s`
    was decoded. Only the file itself is ever opened.
    """
    if isinstance(file, Path):
        with file.open("rb") as opened:
            yield from decode_file(opened, limit_s=limit_s)
        return
    held: list[Samples] = []
    count = total = 0
    try:
        for samples in _file_samples(file):
            held.append(samples)
            count += len(samples)
            total += len(samples)
            if total > limit_s * RATE_HZ:
                raise TooLarge(
                    f"The file holds more than {limit_s:g} s of sound; send it in parts.",
                    code="audio_too_long",
                )
            if count >= RATE_HZ:
                joined = np.concatenate(held)
                whole = count // RATE_HZ * RATE_HZ
                for at in range(0, whole, RATE_HZ):
                    yield joined[at : at + RATE_HZ]
                held, count = [joined[whole:]], count - whole
    except BadMessage:
        if count:  # what came before the damage counts
            yield np.concatenate(held)
        raise
    if count:
        yield np.concatenate(held)


def file_duration_ms(file: BinaryIO) -> int | None:
    """How long the file says that it is; None where it does not say, or libav cannot tell."""
    try:
        with av.open(
            file,
            mode="r",
            options={"format_whitelist": FILE_FORMATS, "protocol_whitelist": "none"},
            metadata_errors="replace",
        ) as container:
            return None if container.duration is None else max(0, container.duration // 1000)
    except (FFmpegError, ValueError, OSError):
        return None


def _file_samples(file: BinaryIO) -> Iterator[Samples]:
    decoder = open_decoder(AudioFormat())
    try:
        while data := file.read(FILE_READ_BYTES):
            samples = decoder.feed(data)
            if decoder.encoding is Encoding.FILE:
                break
            yield samples
        yield decoder.finish()
    except BadMessage:
        # What streams do not carry, or a broken start: libav may know better.
        if decoder.decoded_samples:
            raise
    if decoder.decoded_samples == 0:
        file.seek(0)
        yield from _libav_samples(file)


def _libav_samples(file: BinaryIO) -> Iterator[Samples]:
    resampler = _Resampler()
    is_empty = True
    try:
        with av.open(
            file,
            mode="r",
            options={"format_whitelist": FILE_FORMATS, "protocol_whitelist": "none"},
            metadata_errors="replace",
        ) as container:
            if not container.streams.audio:
                raise BadMessage("The file has no sound track.", code="no_sound_track")
            stream = container.streams.audio[0]
            codec = cast("AudioCodecContext | None", stream.codec_context)
            if codec is None:
                raise ValueError("no decoder")
            if codec.sample_rate and not MIN_HZ <= codec.sample_rate <= MAX_HZ:
                raise ValueError("a rate that makes minutes of one sample")
            for packet in container.demux(stream):
                frames: list[AudioFrame] = []
                with suppress(InvalidDataError):  # a damaged packet is stepped over
                    frames = codec.decode(packet)
                for frame in frames:
                    is_empty = False
                    for samples in resampler.resample(mono_of(frame), frame.sample_rate):
                        yield np.clip(samples, -1.0, 1.0)
            for samples in resampler.flush():
                yield np.clip(samples, -1.0, 1.0)
    except (FFmpegError, ValueError, OSError) as error:
        raise BadMessage(
            "The file's sound cannot be decoded: it is damaged, cut off, or of a format VORI does "
            "not know.",
            code="undecodable_audio",
        ) from error
    if is_empty:
        raise BadMessage("The file's sound track is empty.", code="undecodable_audio")
