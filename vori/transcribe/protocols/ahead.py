"""Settled words that are told before the caption they will be in, for conventions that append only."""

from __future__ import annotations

from collections.abc import Sequence

from vori.transcribe.messages import Caption, Partial, Word


class Ahead:
    """Which words of the open utterance one client has been told for good.

    Settled words are the first of the captions to come, as many and in the same order; only their
    capitals and marks may be other ones there.
    """

    def __init__(self, *, span_ms: int = 0) -> None:
        """span_ms: words are told once they last so long together."""
        self._span_ms = span_ms
        self._told = 0

    def settled(self, partial: Partial) -> Sequence[Word]:
        """Words that can be told for good now."""
        words = partial.words[self._told : partial.settled_words]
        if not words or words[-1].end_ms - words[0].start_ms < self._span_ms:
            return ()
        self._told = partial.settled_words
        return words

    def open(self, partial: Partial) -> Sequence[Word]:
        """Words that were not told for good."""
        return partial.words[self._told :]

    def rest(self, caption: Caption) -> Sequence[Word]:
        """What of the caption is left to tell."""
        rest = caption.words[self._told :]
        self._told = max(0, self._told - len(caption.words))
        return rest

    def over(self) -> None:
        """The utterance has all its captions."""
        self._told = 0
