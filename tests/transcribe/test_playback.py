from __future__ import annotations

import errno
import io
import wave

import numpy as np
import pytest

from tests.transcribe import sounds
from vori.errors import BadMessage, TooLarge, Unavailable
from vori.ids import MeetingId, uuid7
from vori.transcribe import playback
from vori.transcribe.journal import Journal
from vori.transcribe.messages import AudioFormat, Encoding
from vori.transcribe.playback import forget, sound_of, wav_file, wav_of

MEETING = MeetingId(7)
PCM = AudioFormat(encoding=Encoding.S16LE)
ONE_SECOND = sounds.s16(sounds.sweep(1.0, 16_000))


@pytest.fixture
def recording():
    return uuid7()


@pytest.fixture
def journal(tmp_path, recording):
    return Journal.create(tmp_path / "journal", MEETING, recording)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


async def keep(journal: Journal, *parts: tuple[AudioFormat, int, bytes]) -> None:
    for fmt, offset_ms, data in parts:
        journal.begin_part(fmt, offset_ms)
        journal.append(data)
    await journal.sync()


def played(data: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert len(samples) == file.getnframes()
        assert len(data) == 44 + 2 * len(samples)
        return samples


async def test_pcm_is_played_bit_for_bit(journal, cache):
    await keep(journal, (PCM, 0, ONE_SECOND))
    data = wav_file(journal, cache).read_bytes()
    assert played(data).tobytes() == ONE_SECOND
    assert b"".join(wav_of(journal, cache)) == data


async def test_parts_stand_at_their_offsets_with_silence_between(journal, cache):
    webm = sounds.webm(sounds.sweep(1.2))
    await keep(
        journal,
        (PCM, 500, ONE_SECOND),
        (AudioFormat(), 4_000, webm),
        (PCM, 4_100, ONE_SECOND),  # overlaps: comes after the part before
    )
    samples = played(wav_file(journal, cache).read_bytes())
    assert not samples[: 16 * 500].any()
    assert samples[16 * 500 : 16 * 1500].tobytes() == ONE_SECOND
    assert not samples[16 * 1500 : 16 * 4000].any()
    assert samples[16 * 4000 : 16 * 5100].any()
    assert samples[-16_000:].tobytes() == ONE_SECOND
    # Opus fills its last packet of 60 ms.
    assert 0 <= len(samples) / 16 - (4_000 + 1_200 + 1_000) <= 60


async def test_a_whole_file_kept_in_the_journal_is_played(journal, cache):
    m4a = sounds.muxed(sounds.sweep(2.0), "mp4", "aac")
    await keep(journal, (AudioFormat(), 0, m4a))
    samples = played(wav_file(journal, cache).read_bytes())
    assert abs(len(samples) - 32_000) <= 16 * 60


async def test_a_stretch_is_cut_to_the_millisecond(journal, cache):
    await keep(journal, (PCM, 0, ONE_SECOND))
    data = b"".join(wav_of(journal, cache, from_ms=250, to_ms=750))
    assert played(data).tobytes() == ONE_SECOND[2 * 16 * 250 : 2 * 16 * 750]
    late = b"".join(wav_of(journal, cache, from_ms=900, to_ms=5_000))
    assert played(late).tobytes() == ONE_SECOND[2 * 16 * 900 :]
    assert len(played(b"".join(wav_of(journal, cache, from_ms=5_000, to_ms=6_000)))) == 0


@pytest.mark.parametrize(("from_ms", "to_ms"), [(-1, None), (500, 400)])
async def test_a_stretch_that_ends_before_it_begins_is_refused(journal, cache, from_ms, to_ms):
    await keep(journal, (PCM, 0, ONE_SECOND))
    with pytest.raises(BadMessage) as refused:
        wav_of(journal, cache, from_ms=from_ms, to_ms=to_ms)
    assert refused.value.code == "bad_range"


async def test_the_file_is_made_once_and_anew_when_the_journal_grew(journal, cache, monkeypatch):
    await keep(journal, (PCM, 0, ONE_SECOND))
    first = wav_file(journal, cache)
    made_ns = first.stat().st_mtime_ns
    assert wav_file(journal, cache) == first
    assert first.stat().st_mtime_ns == made_ns
    journal.append(ONE_SECOND)
    await journal.sync()
    # A quote from what the older file holds does not decode everything again …
    assert len(played(b"".join(wav_of(journal, cache, to_ms=1_000)))) == 16_000
    assert list(cache.iterdir()) == [first]
    # … but one from beyond does, and leaves no old files behind.
    assert len(played(b"".join(wav_of(journal, cache, to_ms=2_000)))) == 32_000
    (second,) = cache.iterdir()
    assert second != first


async def test_a_part_that_breaks_off_keeps_what_came_before_and_after(journal, cache):
    broken = sounds.webm(sounds.sweep(1.2)) + sounds.wav(ONE_SECOND)
    await keep(
        journal,
        (AudioFormat(), 0, broken),
        (AudioFormat(), 2_000, b"this is no sound at all"),
        (PCM, 3_000, ONE_SECOND),
    )
    samples = played(wav_file(journal, cache).read_bytes())
    assert samples[: 16 * 1_000].any()
    assert not samples[16 * 1_500 : 16 * 3_000].any()
    assert samples[16 * 3_000 :].tobytes() == ONE_SECOND


async def test_sound_can_be_read_from_a_moment_on(journal):
    await keep(journal, (PCM, 0, ONE_SECOND), (PCM, 2_000, ONE_SECOND))
    pieces = list(sound_of(journal, from_ms=500))
    assert pieces[0][0] == 8_000
    assert pieces[-1][0] + len(pieces[-1][1]) == 48_000
    assert sum(len(samples) for _, samples in pieces) == 8_000 + 16_000
    assert [at for at, _ in sound_of(journal, from_ms=10_000)] == []


async def test_an_empty_recording_is_a_wav_of_no_length(journal, cache):
    assert len(played(wav_file(journal, cache).read_bytes())) == 0


async def test_an_offset_of_days_is_refused(journal, cache):
    await keep(journal, (PCM, 10**9, ONE_SECOND))
    with pytest.raises(TooLarge) as refused:
        wav_file(journal, cache)
    assert refused.value.code == "audio_too_long"
    assert list(cache.iterdir()) == []


async def test_a_full_cache_says_so_and_leaves_nothing_half_made(journal, cache, monkeypatch):
    await keep(journal, (PCM, 0, ONE_SECOND))

    def full(samples):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(playback, "s16", full)
    with pytest.raises(Unavailable) as refused:
        wav_file(journal, cache)
    assert refused.value.code == "disk_full"
    assert list(cache.iterdir()) == []


async def test_forgetting_deletes_only_that_recording(journal, cache, tmp_path, recording):
    other = Journal.create(tmp_path / "journal", MEETING, uuid7())
    for one in (journal, other):
        await keep(one, (PCM, 0, ONE_SECOND))
        wav_file(one, cache)
    forget(recording, cache)
    assert [path.name.startswith(other.folder.name) for path in cache.iterdir()] == [True]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("original-test.webm", 6.94), ("original-test.m4a", 6.93), ("jfk.wav", 11.0)],
)
async def test_a_real_recording_is_played_to_its_last_second(journal, cache, name, seconds):
    await keep(journal, (AudioFormat(), 0, sounds.real(name).read_bytes()))
    samples = played(wav_file(journal, cache).read_bytes())
    assert abs(len(samples) / 16_000 - seconds) <= 0.02
    assert np.abs(samples).max() > 3_000
