"""Hours without a pause, and clocks that jump: what is kept stays bounded, and times in order."""

from __future__ import annotations

import itertools
import resource
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tests.fakes import ToneRecogniser, tones
from tests.transcribe.sounds import s16
from tests.transcribe.test_recordings import SENTENCE, Host, host, send, stored, words
from vori.data.engine import DB
from vori.transcribe.ear import Ear
from vori.transcribe.journal import Journal
from vori.transcribe.live import Progress
from vori.transcribe.messages import RATE_HZ, Samples, Transcript, Word
from vori.transcribe.outgoing import Final
from vori.transcribe.recogniser import Window
from vori.transcribe.voice import FRAME_SAMPLES, VoiceGate

__all__ = ["host"]
pytestmark = pytest.mark.postgres

HOURS = 4
CELL_MS = 400
LEVELS = 61


CELLS = HOURS * 3_600_000 // CELL_MS
NUMBERS = np.random.default_rng(1).integers(1, LEVELS, CELLS).cumsum() % LEVELS
"""No word comes twice in a row, and few enough come again for it not to be taken for a loop."""


def talk(first: int, cells: int) -> Samples:
    """Sound that never stops: each cell is as loud as its word says."""
    loudness = (0.1 + 0.01 * NUMBERS[first : first + cells]).astype(np.float32)
    return np.repeat(loudness, RATE_HZ * CELL_MS // 1000)


class Levels(ToneRecogniser):
    """Hears `talk`: one word for each stretch of equal loudness."""

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        return [self._heard(window.samples) for window in windows]

    def _heard(self, samples: Samples) -> Transcript:
        every = samples[::160]
        edges = [0, *(np.flatnonzero(np.abs(np.diff(every)) > 0.005) + 1).tolist(), len(every)]
        said = []
        for start, end in itertools.pairwise(edges):
            if (end - start) * 10 >= CELL_MS * 0.6:
                number = round((float(every[start]) - 0.1) / 0.01)
                said.append(
                    Word(text=f"w{number}", start_ms=start * 10, end_ms=end * 10, probability=0.9)
                )
        text = " ".join(word.text for word in said)
        return Transcript(text=text, language="en", words=tuple(said))


async def test_four_hours_without_a_pause_take_no_more_memory_than_one_utterance(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(journal: Journal, data: bytes) -> None:
        journal._kept[-1].bytes += len(data)

    def always(samples: Samples) -> Any:
        return np.ones(len(samples) // FRAME_SAMPLES, np.float32)

    def open_ear(progress: Progress) -> Ear:
        return Ear(lambda start_ms: VoiceGate(always, start_ms=start_ms))

    monkeypatch.setattr(Journal, "_write_bytes", forget)
    monkeypatch.setattr(host, "open_ear", open_ear)
    host.recogniser = Levels()
    cells_each = 50  # 20 s
    rounds = CELLS // cells_each
    behind_ms, told, grown_kb, before_kb = 0, 0, 0, 0
    async with host.running() as recordings:
        live = await host.open(recordings)
        longest_ms = 0
        for number in range(rounds):
            data = s16(talk(number * cells_each, cells_each))
            for start in range(0, len(data), 160_000):
                await live.feed(data[start : start + 160_000], host.listener)
            behind_ms = max(behind_ms, live.behind_ms)
            finals = [m for m in host.listener._waiting if isinstance(m, Final)]
            host.listener._waiting.clear()
            told += sum(len(final.caption.words) for final in finals)
            lasts = [final.caption.end_ms - final.caption.start_ms for final in finals]
            longest_ms = max([longest_ms, *lasts])
            if number == rounds // 10:
                before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
        await live.finish()
        told += sum(len(final.caption.words) for final in host.told(Final))
    cuts = HOURS * 3600 / 28  # the longest utterance; there is no breath to cut in
    assert CELLS - 2 * cuts <= told <= CELLS, "a cut costs the word that it goes through"
    assert longest_ms <= 30_000
    assert behind_ms <= (host.audio.max_ahead_s + 60) * 1000
    assert grown_kb < 64 * 1024
    [row] = await DB.fetch("SELECT status, decoded_ms FROM recordings")
    assert (row["status"], row["decoded_ms"]) == ("COMPLETE", HOURS * 3_600_000)
    rows = await DB.fetch("SELECT start_ms, end_ms FROM captions ORDER BY seq")
    assert all(a["end_ms"] <= b["start_ms"] + 400 for a, b in itertools.pairwise(rows))


@pytest.mark.parametrize("jump", [timedelta(hours=-3), timedelta(hours=3), timedelta(days=-400)])
async def test_a_clock_that_jumps_moves_no_word_back(host: Host, jump: timedelta) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones(SENTENCE)), host.listener)
        host.clock.turn(jump)
        again = await host.open(recordings)  # the recorder was started anew: a part of its own
        await send(again, s16(tones([10, 11, None])), host.listener)
        host.clock.turn(-jump)
        resumed = await host.open(recordings, resume_seq=0)
        await send(resumed, s16(tones([12, None])), host.listener)
        await resumed.finish()
    assert await stored() == words([*SENTENCE, 10, 11, 12])
    rows = await DB.fetch("SELECT start_ms, end_ms, meeting_start_ms FROM captions ORDER BY seq")
    for before, after in itertools.pairwise(rows):
        assert before["end_ms"] <= after["start_ms"]
        assert before["meeting_start_ms"] < after["meeting_start_ms"]
    assert rows[0]["meeting_start_ms"] >= 0
    [row] = await DB.fetch("SELECT status FROM recordings")
    assert row["status"] == "COMPLETE"


async def test_a_clock_that_went_back_before_a_recording_puts_it_at_the_meeting_s_start(
    host: Host,
) -> None:
    async with host.running() as recordings:
        first = await host.open(recordings)
        await first.finish()
        host.clock.turn(timedelta(hours=-5))
        second = await host.open(recordings, audio_id="b")
        await send(second, s16(tones([1, 2, None])), host.listener)
        await second.finish()
    [row] = await DB.fetch("SELECT meeting_start_ms FROM captions")
    assert 0 <= row["meeting_start_ms"] < 1000
    assert [r["offset_ms"] for r in await DB.fetch("SELECT offset_ms FROM recordings")] == [0, 0]
