"""Where somebody speaks: probabilities of speech to the beginnings and ends of utterances."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from vori.transcribe.messages import RATE_HZ, Samples

FRAME_SAMPLES = 512
"""32 ms, what the voice model looks at."""
FRAME_MS = 1000 * FRAME_SAMPLES // RATE_HZ
SPEAKS = 0.5
"""Speech begins at this probability …"""
STILL_SPEAKS = 0.35
"""… and goes on while it is not below this one."""
CUT_SEARCH_MS = 8_000
"""An utterance that must be cut is cut somewhere in its last so many milliseconds …"""
CUT_BREATH_FRAMES = 5
"""… in the middle of these least voiced frames."""

Probability = Callable[[Samples], npt.NDArray[np.float32]]
"""Samples, shape (512 n,), to the probability of speech, shape (n,)."""


class SpeechStarted(Struct, frozen=True, kw_only=True):
    """Somebody speaks since `start_ms`; `samples` reach from there to what was last heard."""

    start_ms: int
    samples: Samples


class SpeechWentOn(Struct, frozen=True, kw_only=True):
    """More of the running utterance, which may yet turn out to be silence after it."""

    samples: Samples
    may_end_ms: int | None = None
    """Where the utterance ends if nobody speaks again soon; None while somebody does."""


class SpeechEnded(Struct, frozen=True, kw_only=True):
    """The utterance is what was given of it before `end_ms`; samples after that are not."""

    start_ms: int
    end_ms: int


VoiceEvent = SpeechStarted | SpeechWentOn | SpeechEnded


class VoiceGate:
    """Cuts one recording into utterances. Times are milliseconds from the recording's start.

    An utterance begins `pre_roll_ms` before its first voiced frame, once `min_speech_ms` of
    voice have been heard, and ends `tail_ms` after its last when `silence_ms` have passed
    without. Longer than `max_utterance_ms` it is cut where the voice was weakest; the next
    utterance then begins at the cut, and brings the samples after it again. Utterances never
    overlap. Holds about 8 s of speech, or 0.3 s of silence.
    Source: hysteresis as in Silero's own `get_speech_timestamps`.
    """

    def __init__(
        self,
        probability: Probability,
        *,
        pre_roll_ms: int = 200,
        silence_ms: int = 500,
        tail_ms: int = 200,
        min_speech_ms: int = 96,
        max_utterance_ms: int = 28_000,
        start_ms: int = 0,
    ) -> None:
        if max_utterance_ms <= CUT_SEARCH_MS:
            raise ValueError(f"max_utterance_ms must be above {CUT_SEARCH_MS}")
        self._probability = probability
        self._pre_roll = samples_of(pre_roll_ms)
        self._silence = samples_of(silence_ms)
        self._tail = samples_of(min(tail_ms, silence_ms))
        self._min_frames = max(1, -(-min_speech_ms // FRAME_MS))
        self._roll_frames = self._min_frames - (-pre_roll_ms // FRAME_MS)
        """What has to be kept of silence, in which rooms are most of the time."""
        self._longest = samples_of(max_utterance_ms)
        # All positions count samples from the recording's start.
        self._heard = samples_of(start_ms)
        self._rest = np.zeros(0, np.float32)
        self._past: deque[tuple[Samples, float]] = deque(maxlen=CUT_SEARCH_MS // FRAME_MS)
        self._start: int | None = None
        self._voiced_end = 0
        self._free_from = self._heard
        self._run_frames = 0

    @property
    def heard_ms(self) -> int:
        """How far the recording has been listened to."""
        return ms_of(self._heard)

    @property
    def is_speaking(self) -> bool:
        return self._start is not None

    def feed(self, samples: Samples) -> list[VoiceEvent]:
        self._rest = np.concatenate([self._rest, samples])
        whole = len(self._rest) // FRAME_SAMPLES * FRAME_SAMPLES
        if not whole:
            return []
        ready, self._rest = self._rest[:whole], self._rest[whole:].copy()
        return self._hear(ready, self._probability(ready))

    def flush(self) -> list[VoiceEvent]:
        """The recording ends (or pauses) here: what is left is heard, an utterance is closed."""
        events: list[VoiceEvent] = []
        if len(self._rest):
            rest, self._rest = self._rest, np.zeros(0, np.float32)
            padded = np.zeros(FRAME_SAMPLES, np.float32)
            padded[: len(rest)] = rest
            events = self._hear(rest, self._probability(padded))
        if self._start is not None:
            events.append(self._end(self._heard))
        self._run_frames = 0
        return events

    def skip_to(self, at_ms: int) -> list[VoiceEvent]:
        """Sound goes on at `at_ms`, after a time of which there is none. Never goes back."""
        events = self.flush()
        if samples_of(at_ms) > self._heard:
            self._heard = self._free_from = samples_of(at_ms)
            self._past.clear()
        return events

    def _hear(self, samples: Samples, probabilities: npt.NDArray[np.float32]) -> list[VoiceEvent]:
        events: list[VoiceEvent] = []
        fresh: list[Samples] = []  # of the running utterance, not yet given out
        for index, probability in enumerate(probabilities.tolist()):
            frame = samples[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES].copy()
            self._past.append((frame, probability))
            self._heard += len(frame)
            if self._start is None:
                events += self._listen(probability)
                while self._start is None and len(self._past) > self._roll_frames:
                    self._past.popleft()
                continue
            fresh.append(frame)
            ended = self._follow(probability)
            if ended:
                events += [SpeechWentOn(samples=np.concatenate(fresh)), *ended]
                fresh = []
        if fresh:
            events.append(
                SpeechWentOn(samples=np.concatenate(fresh), may_end_ms=self._may_end_ms())
            )
        return events

    def _listen(self, probability: float) -> list[VoiceEvent]:
        """In silence: does somebody begin to speak?"""
        if probability >= (STILL_SPEAKS if self._run_frames else SPEAKS):
            self._run_frames += 1
        else:
            self._run_frames = 0
        if self._run_frames < self._min_frames:
            return []
        run = sum(len(frame) for frame, _ in list(self._past)[-self._run_frames :])
        return [self._begin(self._heard - run - self._pre_roll)]

    def _follow(self, probability: float) -> list[VoiceEvent]:
        """In speech: does it end here?"""
        assert self._start is not None
        if probability >= STILL_SPEAKS:
            self._voiced_end = self._heard
        is_silent = self._voiced_end < self._heard
        is_too_long = self._heard - self._start >= self._longest
        if is_silent and (is_too_long or self._heard - self._voiced_end >= self._silence):
            return [self._end(self._heard)]
        if is_too_long:
            cut = self._weakest()
            self._voiced_end = cut
            return [self._end(cut), self._begin(cut)]
        return []

    def _may_end_ms(self) -> int | None:
        end = self._voiced_end + self._tail
        return ms_of(end) if self._heard >= end else None

    def _begin(self, position: int) -> SpeechStarted:
        """Open an utterance at `position`, or as soon after it as there is sound."""
        past = np.concatenate([frame for frame, _ in self._past])
        self._start = max(position, self._free_from, self._heard - len(past))
        self._voiced_end = self._heard
        self._run_frames = 0
        return SpeechStarted(
            start_ms=ms_of(self._start),
            samples=past[len(past) - (self._heard - self._start) :],
        )

    def _end(self, latest: int) -> SpeechEnded:
        assert self._start is not None
        self._free_from = min(latest, self._voiced_end + self._tail)
        ended = SpeechEnded(start_ms=ms_of(self._start), end_ms=ms_of(self._free_from))
        self._start = None
        return ended

    def _weakest(self) -> int:
        """Where the voice was weakest in the last seconds: the middle of a breath."""
        voices = np.array([probability for _, probability in self._past])
        breath = np.convolve(voices, np.ones(CUT_BREATH_FRAMES), "valid")
        middle = len(breath) - 1 - int(np.argmin(breath[::-1])) + CUT_BREATH_FRAMES // 2
        after = sum(len(frame) for frame, _ in list(self._past)[middle:]) - FRAME_SAMPLES // 2
        return self._heard - after


def samples_of(ms: int) -> int:
    return ms * RATE_HZ // 1000


def ms_of(samples: int) -> int:
    return samples * 1000 // RATE_HZ
