from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from vori.errors import Unavailable
from vori.transcribe.messages import Samples, Transcript, Word
from vori.transcribe.offline import find_utterances, transcribe_samples
from vori.transcribe.recogniser import ModelInfo, Window
from vori.transcribe.voice import FRAME_SAMPLES, VoiceGate


def loud(samples: Samples):
    """Speech is where the sound is loud."""
    frames = samples.reshape(-1, FRAME_SAMPLES)
    return (np.abs(frames).max(axis=1) > 0.05).astype(np.float32)


def recording(*levels_and_s: tuple[float, float]) -> Samples:
    return np.concatenate([np.full(round(s * 16_000), x, np.float32) for x, s in levels_and_s])


class Levels:
    """Says how loud each window was at its loudest, as a word."""

    model = ModelInfo(
        name="fake",
        path=Path("fake"),
        is_demo=False,
        languages=("ko", "en"),
        device="cpu",
        compute_type="int8",
        max_window_s=30,
    )

    def __init__(self) -> None:
        self.batches: list[list[Window]] = []

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        self.batches.append(list(windows))
        heard = []
        for window in windows:
            text = f"level{round(float(window.samples.max()) * 10)}"
            word = Word(text=text, start_ms=200, end_ms=900, probability=0.9)
            heard.append(Transcript(text=text, language=window.language or "en", words=(word,)))
        return heard


FOUR = recording((0, 1), (0.1, 2), (0, 1), (0.2, 1), (0, 1), (0.3, 3), (0, 2), (0.4, 1))


def test_utterances_are_the_speech_with_a_little_around_it():
    found = list(find_utterances(VoiceGate(loud), [FOUR]))
    assert len(found) == 4
    assert all(u.is_closed for u in found)
    for utterance, (start_s, end_s) in zip(found, [(1, 3), (4, 5), (6, 9), (11, 12)], strict=True):
        assert start_s * 1000 - 250 <= utterance.start_ms <= start_s * 1000
        end_ms = utterance.start_ms + len(utterance.samples) * 1000 // 16_000
        assert end_s * 1000 <= end_ms <= end_s * 1000 + 250


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("block", [1_000, 16_000, 1_000_000])
def test_words_come_in_order_with_times_of_the_recording(workers, block):
    blocks = (FOUR[at : at + block] for at in range(0, len(FOUR), block))
    said = list(transcribe_samples(Levels(), VoiceGate(loud), blocks, workers=workers))
    pieces = [piece for s in said for piece in s.pieces]
    assert [p.text for p in pieces] == ["level1", "level2", "level3", "level4"]
    starts = [u.start_ms for u in find_utterances(VoiceGate(loud), [FOUR])]
    assert [p.start_ms for p in pieces] == [start + 200 for start in starts]
    assert [s.end_ms for s in said] == sorted(s.end_ms for s in said)


def test_utterances_are_finals_in_the_language_asked_for_and_know_the_text_before():
    levels = Levels()
    said = list(transcribe_samples(levels, VoiceGate(loud), [FOUR], language="ko", hotwords="Vori"))
    assert {s.language for s in said} == {"ko"}
    windows = [window for batch in levels.batches for window in batch]
    assert all(w.is_final and w.language == "ko" and w.hotwords == "Vori" for w in windows)
    assert [w.previous_text for w in windows] == [
        "",
        "level1",
        "level1 level2",
        "level1 level2 level3",
    ]


def test_a_block_goes_on_where_the_one_before_ended(monkeypatch):
    monkeypatch.setattr("vori.transcribe.offline.STRETCH", 2)
    levels = Levels()
    list(transcribe_samples(levels, VoiceGate(loud), [FOUR]))
    [third] = levels.batches[2]
    assert (third.previous_text, third.likely_language) == ("level1 level2", "en")


def test_stretches_side_by_side_begin_afresh(monkeypatch):
    monkeypatch.setattr("vori.transcribe.offline.STRETCH", 2)
    levels = Levels()
    said = list(transcribe_samples(levels, VoiceGate(loud), [FOUR], workers=2))
    assert [p.text for s in said for p in s.pieces] == ["level1", "level2", "level3", "level4"]
    knew = sorted(window.previous_text for batch in levels.batches for window in batch)
    assert knew == ["", "", "level1", "level3"]


def test_silence_is_not_decoded_at_all():
    levels = Levels()
    assert list(transcribe_samples(levels, VoiceGate(loud), [recording((0, 30))])) == []
    assert levels.batches == []


def test_text_nobody_said_makes_no_piece_but_counts_as_done():
    class Dots(Levels):
        def transcribe(self, windows):
            return [Transcript(text="...", language="en") for _ in windows]

    said = list(transcribe_samples(Dots(), VoiceGate(loud), [FOUR]))
    assert [s.pieces for s in said] == [[]] * 4
    assert said[-1].end_ms >= 12_000


def test_a_recogniser_that_fails_is_not_passed_over():
    class Broken(Levels):
        def transcribe(self, windows):
            raise Unavailable("away")

    with pytest.raises(Unavailable):
        list(transcribe_samples(Broken(), VoiceGate(loud), [FOUR]))
