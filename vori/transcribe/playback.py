"""A recording's journal as sound again: to hear it, to quote from it, to transcribe it anew."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from uuid import UUID

import numpy as np
import structlog

from vori.errors import BadMessage, TooLarge
from vori.transcribe.journal import Journal, Part, unavailable
from vori.transcribe.messages import RATE_HZ, Encoding, Samples
from vori.transcribe.sandbox import decode_file, open_decoder

MAX_S = 24 * 3600
"""The longest recording that is played: 2.8 GB as WAV, within what its header can say."""
HEADER_BYTES = 44
SAMPLE_BYTES = 2
READ_BYTES = 1 << 16

log = structlog.get_logger(__name__)


def sound_of(journal: Journal, *, from_ms: int = 0) -> Iterator[tuple[int, Samples]]:
    """(position, samples) in order: positions count samples from the recording's start.

    Each part stands at its offset, or right after the one before if that is later; between
    them is nothing. A part that cannot be read further ends there, with a line in the log.
    Raises TooLarge `audio_too_long` beyond 24 h.
    """
    first = from_ms * RATE_HZ // 1000
    at = 0
    for part in journal.parts():
        at = max(at, part.offset_ms * RATE_HZ // 1000)
        for samples in _sound_of_part(journal, part):
            begin, at = at, at + len(samples)
            if at > MAX_S * RATE_HZ:
                raise TooLarge(
                    f"The recording is longer than {MAX_S // 3600} h.", code="audio_too_long"
                )
            if at > first:
                skip = max(0, first - begin)
                yield begin + skip, samples[skip:]


def wav_file(journal: Journal, cache: Path) -> Path:
    """The whole recording as a WAV file (16 kHz, mono, s16) in the folder `cache`.

    Made anew when the journal has grown. Works on disk and decodes: call it in a thread. The
    file stays readable for who has opened it, also when a newer one takes its place.
    Raises Unavailable when the cache cannot be written, TooLarge beyond 24 h.
    """
    recording = journal.folder.name
    path = cache / f"{recording}-{len(journal.parts())}-{journal.durable_bytes}.wav"
    if path.exists():
        return path
    try:
        cache.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{recording}-", suffix=".part", dir=cache)
    except OSError as exc:
        raise unavailable(exc) from exc
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            end = 0
            for at, samples in sound_of(journal):
                # What is never written between two parts is silence, and takes no space.
                file.seek(HEADER_BYTES + SAMPLE_BYTES * at)
                file.write(s16(samples))
                end = at + len(samples)
            file.seek(0)
            file.write(wav_header(end))
        temporary.replace(path)
    except OSError as exc:
        raise unavailable(exc) from exc
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    for older in _made(cache, recording):
        if older != path:
            with suppress(OSError):
                older.unlink()
    return path


def wav_of(
    journal: Journal, cache: Path, *, from_ms: int = 0, to_ms: int | None = None
) -> Iterator[bytes]:
    """A stretch of the recording as a WAV file, in pieces; shorter where the sound ends.

    Raises BadMessage `bad_range`, and what `wav_file` raises, before the first piece.
    """
    if from_ms < 0 or (to_ms is not None and to_ms < from_ms):
        raise BadMessage("The stretch of sound ends before it begins.", code="bad_range")
    path = _covering(journal, cache, to_ms) or wav_file(journal, cache)
    length = samples_in(path)
    start = min(length, from_ms * RATE_HZ // 1000)
    end = length if to_ms is None else min(length, to_ms * RATE_HZ // 1000)
    end = max(start, end)
    return chain([wav_header(end - start)], _read(path, start, end))


def forget(recording_id: UUID, cache: Path) -> None:
    """Delete what was made of a recording, once the recording itself is deleted."""
    for path in _made(cache, str(recording_id)):
        path.unlink(missing_ok=True)


def samples_in(wav: Path) -> int:
    return (wav.stat().st_size - HEADER_BYTES) // SAMPLE_BYTES


def wav_header(samples: int) -> bytes:
    """The 44 bytes before so many samples of 16 kHz mono s16."""
    size = SAMPLE_BYTES * samples
    return b"".join(
        (
            b"RIFF",
            (size + HEADER_BYTES - 8).to_bytes(4, "little"),
            b"WAVEfmt ",
            (16).to_bytes(4, "little"),
            (1).to_bytes(2, "little"),  # PCM
            (1).to_bytes(2, "little"),  # channels
            RATE_HZ.to_bytes(4, "little"),
            (RATE_HZ * SAMPLE_BYTES).to_bytes(4, "little"),
            SAMPLE_BYTES.to_bytes(2, "little"),
            (8 * SAMPLE_BYTES).to_bytes(2, "little"),
            b"data",
            size.to_bytes(4, "little"),
        )
    )


def s16(samples: Samples) -> bytes:
    """What was s16 before becomes the same s16 again."""
    return np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def _sound_of_part(journal: Journal, part: Part) -> Iterator[Samples]:
    decoder = open_decoder(part.format)
    replay = partial(journal.read, part)
    try:
        for data in journal.read(part):
            if len(samples := decoder.feed(data, replay)):
                yield samples
            if decoder.encoding is Encoding.FILE:
                yield from decode_file(part.path, limit_s=MAX_S)
                return
        if len(samples := decoder.finish(replay)):
            yield samples
    except BadMessage as error:
        log.warning(
            "sound_unreadable",
            recording_id=journal.folder.name,
            part=part.index,
            code=error.code,
            decoded_ms=decoder.decoded_ms,
        )
    finally:
        decoder.close()


def _covering(journal: Journal, cache: Path, to_ms: int | None) -> Path | None:
    """A file made of the journal when it was shorter, if it reaches up to `to_ms`."""
    if to_ms is None:
        return None
    enough = to_ms * RATE_HZ // 1000
    with suppress(FileNotFoundError):
        for path in _made(cache, journal.folder.name):
            if samples_in(path) >= enough:
                return path
    return None


def _made(cache: Path, recording: str) -> list[Path]:
    return list(cache.glob(f"{recording}-*.wav"))


def _read(wav: Path, start: int, end: int) -> Iterator[bytes]:
    left = SAMPLE_BYTES * (end - start)
    with wav.open("rb") as file:
        file.seek(HEADER_BYTES + SAMPLE_BYTES * start)
        while left > 0 and (data := file.read(min(left, READ_BYTES))):
            left -= len(data)
            yield data
