"""Words of sound that is all there: the same gate, settling and guard as live, finals only.

The text before an utterance helps with it, so utterances are decoded one after the other, and
several stretches of the recording at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from msgspec import Struct, structs

from vori import log
from vori.transcribe.guard import why_not_said
from vori.transcribe.messages import RATE_HZ, Samples, Utterance
from vori.transcribe.recogniser import Recogniser, Window
from vori.transcribe.settle import Piece, Settler
from vori.transcribe.voice import SpeechEnded, SpeechStarted, VoiceEvent, VoiceGate

logger = log.get(__name__)

STRETCH = 32
"""Utterances: some 2 min of speech, of which the first knows nothing of what was before."""
NOTHING: Samples = np.zeros(0, np.float32)


class Said(Struct, frozen=True, kw_only=True):
    """One utterance in words; no pieces when nothing was said after all."""

    pieces: list[Piece]
    language: str
    end_ms: int
    """How far the recording has been put into words."""


def transcribe_samples(
    recogniser: Recogniser,
    gate: VoiceGate,
    sound: Iterable[Samples],
    *,
    language: str | None = None,
    hotwords: str = "",
    workers: int = 1,
) -> Iterator[Said]:
    """Put one recording into words, utterance by utterance, in order.

    gate: a fresh one. sound: blocks of any length, in order. language: None lets the model tell,
    for each utterance. workers: how many stretches of the recording are decoded side by side;
    within one, each utterance knows the text before it. Raises what `sound` and the recogniser
    raise.
    """
    utterances = find_utterances(gate, sound)
    template = Window(samples=NOTHING, language=language, is_final=True, hotwords=hotwords)
    with ThreadPoolExecutor(workers, thread_name_prefix="recogniser") as threads:
        before = template
        while block := list(islice(utterances, workers * STRETCH)):
            stretches = [block[at : at + STRETCH] for at in range(0, len(block), STRETCH)]
            # The first goes on from the block before, the others begin afresh.
            starts = [before, *(template for _ in stretches[1:])]
            running = [
                threads.submit(_transcribe, recogniser, stretch, start)
                for stretch, start in zip(stretches, starts, strict=True)
            ]
            for stretch in running:
                said, before = stretch.result()
                yield from said


def _transcribe(
    recogniser: Recogniser, utterances: Iterable[Utterance], start: Window
) -> tuple[list[Said], Window]:
    """Decode one after the other; the window returned knows what the next one should."""
    settler = Settler(start.previous_text)
    likely, said = start.likely_language, []
    for utterance in utterances:
        window = structs.replace(
            start,
            samples=utterance.samples,
            previous_text=settler.previous_text,
            likely_language=likely,
        )
        [transcript] = recogniser.transcribe([window])
        speech_s = len(utterance.samples) / RATE_HZ
        why = why_not_said(transcript, speech_s)
        pieces: list[Piece] = []
        if why is None:
            pieces = settler.final(transcript, start_ms=utterance.start_ms)
            likely = transcript.language
        else:
            logger.info("text_dropped", reason=why, start_ms=utterance.start_ms)
        end_ms = utterance.start_ms + round(speech_s * 1000)
        said.append(Said(pieces=pieces, language=transcript.language, end_ms=end_ms))
    return said, structs.replace(start, previous_text=settler.previous_text, likely_language=likely)


def find_utterances(gate: VoiceGate, sound: Iterable[Samples]) -> Iterator[Utterance]:
    """The closed utterances of a recording, in order."""
    parts: list[Samples] = []
    for event in _events(gate, sound):
        if isinstance(event, SpeechEnded):
            count = (event.end_ms - event.start_ms) * RATE_HZ // 1000
            samples = np.concatenate(parts)[:count]
            yield Utterance(start_ms=event.start_ms, samples=samples, is_closed=True)
        elif isinstance(event, SpeechStarted):
            parts = [event.samples]
        else:
            parts.append(event.samples)


def _events(gate: VoiceGate, sound: Iterable[Samples]) -> Iterator[VoiceEvent]:
    for samples in sound:
        yield from gate.feed(samples)
    yield from gate.flush()
