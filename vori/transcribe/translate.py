"""A sound file in English, whatever was spoken: an answer only, nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from vori import log
from vori.errors import BadMessage
from vori.transcribe.ear import Ear
from vori.transcribe.guard import why_not_said
from vori.transcribe.messages import RATE_HZ, AudioFormat, Encoding, Utterance
from vori.transcribe.offline import joined
from vori.transcribe.outgoing import Finished
from vori.transcribe.pool import Priority, RecogniserPool
from vori.transcribe.recogniser import Window

logger = log.get(__name__)

BATCH = 4


class Translated(Struct, frozen=True, kw_only=True):
    """One utterance in English; times count from the start of the file."""

    start_ms: int
    end_ms: int
    text: str


async def translate(
    ear: Ear,
    pool: RecogniserPool,
    file: Path | BinaryIO,
    *,
    language: str | None = None,
    hotwords: str = "",
) -> AsyncIterator[Translated | Finished]:
    """Utterance by utterance, then Finished; after everything live. ear: a fresh one; language: the spoken one.

    Raises BadMessage for what is no sound or when the model was not made for it, TooLarge,
    Unavailable when VORI stops meanwhile.
    """
    if not pool.model.can_translate:
        raise BadMessage(
            f"The model {pool.model.name} was not made to translate; use a multilingual one that "
            "is not distilled, such as small, medium or large-v3.",
            code="cannot_translate",
        )
    utterances = find_utterances(ear, file)
    count = 0
    while batch := await asyncio.to_thread(lambda: list(islice(utterances, BATCH))):
        windows = [
            Window(
                samples=utterance.samples,
                language=language,
                is_final=True,
                hotwords=hotwords,
                translate=True,
            )
            for utterance in batch
        ]
        transcripts = await asyncio.gather(
            *(pool.submit(window, priority=Priority.BACKGROUND) for window in windows)
        )
        for utterance, transcript in zip(batch, transcripts, strict=True):
            speech_s = len(utterance.samples) / RATE_HZ
            why = why_not_said(transcript, speech_s)
            if why is None:
                end_ms = utterance.start_ms + round(1000 * speech_s)
                count += 1
                yield Translated(start_ms=utterance.start_ms, end_ms=end_ms, text=transcript.text)
            else:
                logger.info("text dropped", reason=why, start_ms=utterance.start_ms)
    yield Finished(captions=count, duration_ms=ear.heard_ms)


def find_utterances(ear: Ear, file: Path | BinaryIO) -> Iterator[Utterance]:
    """The closed utterances of a file, in order. Blocks."""
    ear.begin(AudioFormat(encoding=Encoding.FILE), 0)
    yield from joined(chain.from_iterable(ear.end_file(file)))
