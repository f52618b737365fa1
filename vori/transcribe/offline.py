"""Words of sound that is all there: the same gate, settling and guard as live, finals only.

Utterances are decoded several at once, so none is given the text of the one before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
from msgspec import Struct

from vori import log
from vori.transcribe.guard import why_not_said
from vori.transcribe.messages import RATE_HZ, Samples, Transcript, Utterance
from vori.transcribe.recogniser import Recogniser, Window
from vori.transcribe.settle import Piece, Settler
from vori.transcribe.voice import SpeechEnded, SpeechStarted, VoiceEvent, VoiceGate

logger = log.get(__name__)


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
    batch_size: int = 8,
) -> Iterator[Said]:
    """Put one recording into words, utterance by utterance, in order.

    gate: a fresh one. sound: blocks of any length, in order. language: None lets the model tell,
    for each utterance. workers: batches that are decoded at the same time; memory holds the
    sound of one more. Raises what `sound` and the recogniser raise.
    """
    utterances = find_utterances(gate, sound)
    with ThreadPoolExecutor(workers, thread_name_prefix="recogniser") as threads:
        running: deque[tuple[list[Utterance], Future[list[Transcript]]]] = deque()
        while True:
            batch = list(islice(utterances, batch_size))
            if batch:
                windows = [
                    Window(samples=u.samples, language=language, is_final=True, hotwords=hotwords)
                    for u in batch
                ]
                running.append((batch, threads.submit(recogniser.transcribe, windows)))
            elif not running:
                return
            if len(running) > workers or not batch:
                done, transcripts = running.popleft()
                for utterance, transcript in zip(done, transcripts.result(), strict=True):
                    yield _said(utterance, transcript)


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


def _said(utterance: Utterance, transcript: Transcript) -> Said:
    speech_s = len(utterance.samples) / RATE_HZ
    end_ms = utterance.start_ms + round(speech_s * 1000)
    why = why_not_said(transcript, speech_s)
    pieces: list[Piece] = []
    if why is None:
        pieces = Settler().final(transcript, start_ms=utterance.start_ms)
    else:
        logger.info("text_dropped", reason=why, start_ms=utterance.start_ms)
    return Said(pieces=pieces, language=transcript.language, end_ms=end_ms)
