"""Words of sound that is all there: the same gate, settling and guard as live, finals only.

The text before an utterance helps with it, so utterances are decoded one after the other, and
several stretches of the recording at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from msgspec import Struct, structs

from vori import log
from vori.transcribe.ear import Heard
from vori.transcribe.guard import why_not_said
from vori.transcribe.merge import level_db
from vori.transcribe.messages import RATE_HZ, Samples, Transcript, Utterance
from vori.transcribe.recogniser import Recogniser, Window
from vori.transcribe.settle import Piece, Settler
from vori.transcribe.voice import SpeechEnded, SpeechStarted, VoiceEvent, VoiceGate

logger = log.get(__name__)

STRETCH = 32
"""Utterances: some 2 min of speech, of which the first knows nothing of what was before."""
STRETCH_S = 150.0
"""No stretch holds more sound than this and one utterance: hours are never in memory at once."""
NOTHING: Samples = np.zeros(0, np.float32)


class Said(Struct, frozen=True, kw_only=True):
    """One utterance in words; no pieces when nothing was said after all."""

    pieces: list[Piece]
    language: str
    end_ms: int
    """How far the recording has been put into words."""
    levels_db: tuple[float | None, ...] = ()
    """How loud each piece was."""


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


async def put_into_words(
    submit: Callable[[Window], Awaitable[Transcript]],
    utterances: Iterator[Utterance],
    start: Window,
    *,
    side_by_side: int,
) -> AsyncGenerator[list[Said]]:
    """The same for a pool: up to `side_by_side` stretches at a time, so that its batches fill.

    start: what the first window knows besides its sound. utterances: blocks, so it is run in a
    thread. Gives stretch after stretch, in order. Raises what both raise.
    """
    stretches = _stretches(utterances)
    afresh = structs.replace(start, previous_text="")
    before = start
    while block := await asyncio.to_thread(lambda: list(islice(stretches, side_by_side))):
        starts = [before, *(afresh for _ in block[1:])]
        running = [
            asyncio.create_task(_heard(submit, stretch, first))
            for stretch, first in zip(block, starts, strict=True)
        ]
        try:
            heard = await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
        before = heard[-1][1]
        for said, _ in heard:
            yield said


def _stretches(utterances: Iterator[Utterance]) -> Iterator[list[Utterance]]:
    """Gives at most STRETCH utterances or STRETCH_S of sound at a time."""
    stretch: list[Utterance] = []
    samples = 0
    for utterance in utterances:
        stretch.append(utterance)
        samples += len(utterance.samples)
        if len(stretch) == STRETCH or samples >= STRETCH_S * RATE_HZ:
            yield stretch
            stretch, samples = [], 0
    if stretch:
        yield stretch


async def _heard(
    submit: Callable[[Window], Awaitable[Transcript]],
    utterances: Iterable[Utterance],
    start: Window,
) -> tuple[list[Said], Window]:
    thread = _Thread(start)
    return [
        thread.said(utterance, await submit(thread.window(utterance))) for utterance in utterances
    ], thread.next


def _transcribe(
    recogniser: Recogniser, utterances: Iterable[Utterance], start: Window
) -> tuple[list[Said], Window]:
    """Decode one after the other; the window returned knows what the next one should."""
    thread = _Thread(start)
    said = []
    for utterance in utterances:
        [transcript] = recogniser.transcribe([thread.window(utterance)])
        said.append(thread.said(utterance, transcript))
    return said, thread.next


class _Thread:
    """Utterances one after the other: each knows the text and the language before it."""

    def __init__(self, start: Window) -> None:
        self.next = start
        self._settler = Settler(start.previous_text)

    def window(self, utterance: Utterance) -> Window:
        return structs.replace(self.next, samples=utterance.samples)

    def said(self, utterance: Utterance, transcript: Transcript) -> Said:
        speech_s = len(utterance.samples) / RATE_HZ
        why = why_not_said(transcript, speech_s)
        pieces: list[Piece] = []
        if why is None:
            pieces = self._settler.final(transcript, start_ms=utterance.start_ms)
            self.next = structs.replace(
                self.next,
                previous_text=self._settler.previous_text,
                likely_language=transcript.language,
            )
        else:
            logger.info("text_dropped", reason=why, start_ms=utterance.start_ms)
        end_ms = utterance.start_ms + round(speech_s * 1000)
        return Said(
            pieces=pieces,
            language=transcript.language,
            end_ms=end_ms,
            levels_db=tuple(_level_db(piece, utterance) for piece in pieces),
        )


def _level_db(piece: Piece, utterance: Utterance) -> float | None:
    start = max(0, piece.start_ms - utterance.start_ms) * RATE_HZ // 1000
    end = max(0, piece.end_ms - utterance.start_ms) * RATE_HZ // 1000
    return level_db(utterance.samples[start:end])


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


def joined(heard: Iterable[Heard]) -> Iterator[Utterance]:
    """The closed utterances of what an ear hears, in order."""
    pieces: list[Samples] = []
    for one in heard:
        pieces.append(one.samples)
        if one.end_ms is not None:
            count = (one.end_ms - one.start_ms) * RATE_HZ // 1000
            samples = np.concatenate(pieces)[:count]
            pieces = []
            yield Utterance(start_ms=one.start_ms, samples=samples, is_closed=True)


def _events(gate: VoiceGate, sound: Iterable[Samples]) -> Iterator[VoiceEvent]:
    for samples in sound:
        yield from gate.feed(samples)
    yield from gate.flush()
