"""A recogniser whose words are tones: tests know every word and its time, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vori.transcribe.messages import RATE_HZ, Samples, Transcript, Word
from vori.transcribe.recogniser import ModelInfo, Window
from vori.transcribe.voice import FRAME_SAMPLES

WORD_MS = 240
GAP_MS = 80
LOWEST_HZ, STEP_HZ = 400, 100
FRAME = RATE_HZ // 100


def tones(numbers: Sequence[int | None]) -> Samples:
    """One tone for each number; None is 1 s of silence. 16 kHz mono, shape (n,)."""
    at = np.arange(RATE_HZ * WORD_MS // 1000) / RATE_HZ
    gap = np.zeros(RATE_HZ * GAP_MS // 1000, np.float32)
    pieces: list[Samples] = []
    for number in numbers:
        if number is None:
            pieces.append(np.zeros(RATE_HZ, np.float32))
        else:
            tone = 0.3 * np.sin(2 * np.pi * (LOWEST_HZ + STEP_HZ * number) * at)
            pieces += [tone.astype(np.float32), gap]
    return np.concatenate(pieces)


def said(number: int) -> str:
    """The word that a tone stands for."""
    return f"w{number}"


def loudness(samples: Samples) -> np.ndarray:
    """A voice detector for tones: 1 where there is one."""
    frames = np.abs(samples.reshape(-1, FRAME_SAMPLES)).max(axis=1)
    return (frames > 0.01).astype(np.float32)


class ToneRecogniser:
    """Hears `tones`. `fail` is asked before each batch, and may raise."""

    def __init__(self, fail: list[Exception] | None = None) -> None:
        self.fail = fail if fail is not None else []
        self.windows: list[Window] = []
        self.model = ModelInfo(
            name="tones",
            path=Path(),
            is_demo=False,
            languages=("en",),
            device="cpu",
            compute_type="float32",
            max_window_s=30,
        )

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        if self.fail:
            raise self.fail.pop(0)
        self.windows += windows
        return [self._hear(window.samples) for window in windows]

    def _hear(self, samples: Samples) -> Transcript:
        words: list[Word] = []
        start: int | None = None
        frames = len(samples) // FRAME
        loud = [
            bool(np.abs(samples[i * FRAME : (i + 1) * FRAME]).max() > 0.05) for i in range(frames)
        ]
        for i, is_loud in enumerate([*loud, False]):
            if is_loud and start is None:
                start = i
            elif not is_loud and start is not None:
                words += self._word(samples, start, i)
                start = None
        return Transcript(
            text=" ".join(word.text for word in words), language="en", words=tuple(words)
        )

    def _word(self, samples: Samples, start: int, end: int) -> list[Word]:
        """A tone that was cut short is not understood, like a word that was cut short."""
        if (end - start) * 10 < WORD_MS * 0.6:
            return []
        tone = samples[start * FRAME : end * FRAME]
        spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), 1 << 14))
        hz = spectrum.argmax() * RATE_HZ / (1 << 14)
        number = round((hz - LOWEST_HZ) / STEP_HZ)
        return [Word(text=said(number), start_ms=start * 10, end_ms=end * 10, probability=0.9)]
