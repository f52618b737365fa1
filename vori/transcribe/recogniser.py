"""What turns sound into words, as the rest of VORI sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from vori.errors import Unavailable
from vori.transcribe.messages import Samples, Transcript


class Window(Struct, frozen=True, kw_only=True):
    """A stretch of one recording's sound to be put into words, at most 30 s."""

    samples: Samples
    language: str | None = None
    """A code such as `ko`; None lets the model tell."""
    likely_language: str | None = None
    """What was spoken so far: where the model has to tell, it changes only with good reason."""
    previous_text: str = ""
    """What was said just before, in the same recording."""
    is_final: bool = False
    """Finals are decoded with more care (beam 5), partials fast (greedy)."""
    hotwords: str = ""
    """Names and terms likely to be said, separated by commas."""
    translate: bool = False
    """Into English instead of the language that is spoken; words then have no times."""


class ModelInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    path: Path
    is_demo: bool
    languages: tuple[str, ...]
    device: str
    compute_type: str
    max_window_s: float
    can_translate: bool = False
    window_sizes_s: tuple[float, ...] = ()
    """The lengths that windows are padded to, ascending: those of one length go well together."""

    @property
    def is_multilingual(self) -> bool:
        return len(self.languages) > 1


class OutOfMemory(Unavailable):
    """The device's memory does not hold the batch; a smaller one may fit."""

    code = "out_of_memory"


class Recogniser(Protocol):
    """Blocks while it works, so it is called from worker threads; several may call at once."""

    @property
    def model(self) -> ModelInfo: ...

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        """Return one transcript per window, in the same order.

        Raises a VoriError, or whatever the engine raises, for the batch as a whole.
        """
        ...
