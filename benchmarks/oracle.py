"""A recogniser that works as hard as the real one, and is told what was said.

Random weights cost what trained ones of the same shape do, and hear nothing. So the engine encodes,
decodes a fixed number of steps and aligns; then the words that the benchmark knows to be in the
sound (its last bits tell where it comes from) take the place of the nonsense. Good for delays
and capacity; word error rates of it mean nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from benchmarks.sounds import Spoken, find_tag
from vori.transcribe.messages import RATE_HZ, Transcript, Word
from vori.transcribe.models import ResolvedModel
from vori.transcribe.recogniser import Window
from vori.transcribe.whisper import Whisper

STEPS_PER_S = 4.0
"""Tokens of English speech, about."""
CUT_WORDS = ("the", "so", "and")
"""Heard where a word is not over yet."""


class Oracle(Whisper):
    """`words_of(room)` are the words of that room's sound."""

    def __init__(
        self, words_of: Callable[[int], Sequence[Spoken]], model: ResolvedModel, **options: Any
    ) -> None:
        super().__init__(model, **options)
        self._words_of = lru_cache(maxsize=None)(words_of)
        tokenizer = next(iter(self._tokenizers.values()))
        self._suppress = [*self._suppress, tokenizer.eot]  # so that the steps are fixed

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        super().transcribe(windows)
        return [self._told(window) for window in windows]

    def _max_length_of(self, batch: list[Any], prompt: int) -> int:
        # Rows of trained models end one by one, and each step then costs less, by half at 4 rows.
        each = [1 + STEPS_PER_S * row.seconds for row in batch]
        steps = round((max(each) + sum(each) / len(each)) / 2)
        return min(self._max_length, max(2 * steps, prompt + steps))

    def _generate_again(self, rows: list[Any]) -> None:
        """Nonsense is poor every time."""

    def _told(self, window: Window) -> Transcript:
        found = find_tag(window.samples)
        if found is None:
            return Transcript(text="", language="en", no_speech_prob=1.0)
        room, start = found
        start_s, length_s = start / RATE_HZ, len(window.samples) / RATE_HZ
        words = []
        for word in self._words_of(room):
            begin_s, end_s = word.start_s - start_s, word.end_s - start_s
            if (begin_s + end_s) / 2 < 0 or begin_s > length_s - 0.05:
                continue
            is_over = end_s <= length_s + 0.02
            text = word.text if is_over else random.Random(start + len(words)).choice(CUT_WORDS)
            words.append(
                Word(
                    text=text,
                    start_ms=max(0, round(begin_s * 1000)),
                    end_ms=round(min(end_s, length_s) * 1000),
                    probability=0.95 if is_over else 0.4,
                )
            )
        text = " ".join(word.text for word in words)
        return Transcript(text=text, language="en", words=tuple(words), avg_logprob=-0.2)
