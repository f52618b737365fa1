"""A sound file in words, without a server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vori.settings import Speech
from vori.transcribe.messages import RATE_HZ, Samples
from vori.transcribe.offline import transcribe_samples
from vori.transcribe.recogniser import Recogniser
from vori.transcribe.sandbox import decode_file
from vori.transcribe.silero import Silero
from vori.transcribe.voice import VoiceGate

MAX_S = 12 * 3600


class FileCaption(Struct, frozen=True, kw_only=True, rename="camel"):
    start_ms: int
    end_ms: int
    text: str


class FileTranscript(Struct, frozen=True, kw_only=True, rename="camel"):
    """`language` is the one most captions are in; none when nothing was said."""

    text: str
    language: str | None
    duration_ms: int
    model: str
    captions: list[FileCaption]


def transcribe_file(
    path: Path, recogniser: Recogniser, speech: Speech, *, workers: int, show_progress: bool
) -> FileTranscript:
    """Raises BadMessage for what is no sound, TooLarge beyond 12 h."""
    gate = VoiceGate(
        Silero().new_room(),
        silence_ms=speech.silence_ms,
        max_utterance_ms=int(speech.max_utterance_s * 1000),
    )
    count = 0

    def sound() -> Iterator[Samples]:
        nonlocal count
        for samples in decode_file(path, limit_s=MAX_S):
            count += len(samples)
            yield samples

    captions: list[FileCaption] = []
    languages: Counter[str] = Counter()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not (show_progress and console.is_terminal),
    ) as progress:
        task = progress.add_task(path.name, total=None)
        for said in transcribe_samples(
            recogniser,
            gate,
            sound(),
            language=None if speech.language == "auto" else speech.language,
            workers=workers,
        ):
            progress.update(task, description=f"{path.name}  {said.end_ms / 60_000:.1f} min")
            languages[said.language] += len(said.pieces)
            captions += [
                FileCaption(start_ms=p.start_ms, end_ms=p.end_ms, text=p.text) for p in said.pieces
            ]
    language = languages.most_common(1)[0][0] if captions else None
    return FileTranscript(
        text=" ".join(caption.text for caption in captions),
        language=language,
        duration_ms=count * 1000 // RATE_HZ,
        model=recogniser.model.name,
        captions=captions,
    )
