"""Two versions of a recording's words beside each other. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

from msgspec import Struct
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

_WORD_EDGE = re.compile(r"^\W+|\W+$")
ENOUGH = 0.5
"""The share of the shorter caption that must be spoken in both for them to be the same stretch."""


class Timed(Struct, frozen=True, kw_only=True):
    """A caption; times count from the recording's start."""

    id: UUID
    start_ms: int
    end_ms: int
    text: str


class Change(Struct, frozen=True, kw_only=True, rename="camel"):
    """Words as they were and as they are. `same` may differ in case and punctuation."""

    kind: Literal["same", "changed", "added", "removed"]
    before: str
    after: str


class Stretch(Struct, frozen=True, kw_only=True, rename="camel"):
    """Captions of both versions that overlap, and how their words differ, in order."""

    start_ms: int
    end_ms: int
    changes: tuple[Change, ...]


class Difference(Struct, frozen=True, kw_only=True, rename="camel"):
    """Word for word from one version to the other; stretches without a difference are left out."""

    words_before: int
    words_after: int
    words_same: int
    stretches: tuple[Stretch, ...]


def difference(before: Sequence[Timed], after: Sequence[Timed]) -> Difference:
    """Both in the order of time."""
    same = 0
    stretches = []
    for old, new in _stretches(before, after):
        changes = tuple(_changes(_words(old), _words(new)))
        same += sum(len(change.after.split()) for change in changes if change.kind == "same")
        if any(change.kind != "same" for change in changes):
            both = [*old, *new]
            stretches.append(
                Stretch(
                    start_ms=min(one.start_ms for one in both),
                    end_ms=max(one.end_ms for one in both),
                    changes=changes,
                )
            )
    return Difference(
        words_before=len(_words(before)),
        words_after=len(_words(after)),
        words_same=same,
        stretches=tuple(stretches),
    )


def _stretches(
    before: Sequence[Timed], after: Sequence[Timed]
) -> Iterator[tuple[list[Timed], list[Timed]]]:
    """Cut where neither version has a caption across: what is compared stays short."""
    marked = sorted(
        [*((one, 0) for one in before), *((one, 1) for one in after)],
        key=lambda pair: (pair[0].start_ms, pair[0].end_ms, pair[1]),
    )
    sides: tuple[list[Timed], list[Timed]] = ([], [])
    end_ms = 0
    for one, side in marked:
        if one.start_ms >= end_ms and (sides[0] or sides[1]):
            yield sides
            sides = ([], [])
        sides[side].append(one)
        end_ms = max(end_ms, one.end_ms)
    if sides[0] or sides[1]:
        yield sides


def _words(captions: Sequence[Timed]) -> list[str]:
    return [word for caption in captions for word in caption.text.split()]


def _changes(before: list[str], after: list[str]) -> Iterator[Change]:
    kinds: dict[str, Literal["same", "changed", "added", "removed"]] = {
        "equal": "same",
        "replace": "changed",
        "insert": "added",
        "delete": "removed",
    }
    steps = Levenshtein.opcodes([_bare(w) for w in before], [_bare(w) for w in after])
    for step in steps:
        yield Change(
            kind=kinds[step.tag],
            before=" ".join(before[step.src_start : step.src_end]),
            after=" ".join(after[step.dest_start : step.dest_end]),
        )


def _bare(word: str) -> str:
    """Without its case and the punctuation around it."""
    return _WORD_EDGE.sub("", word.casefold()) or word


def carry_ids(old: Sequence[Timed], new: Sequence[Timed]) -> dict[UUID, UUID]:
    """The id of the old caption for each new one of the same stretch of sound.

    One to one; of several that overlap enough the most alike have it.
    """
    pairs: list[tuple[float, UUID, UUID]] = []
    waiting = sorted(old, key=lambda one: one.start_ms)
    first = 0
    for one in sorted(new, key=lambda one: one.start_ms):
        while first < len(waiting) and waiting[first].end_ms <= one.start_ms:
            first += 1
        for known in waiting[first:]:
            if known.start_ms >= one.end_ms:
                break
            both_ms = min(one.end_ms, known.end_ms) - max(one.start_ms, known.start_ms)
            shorter_ms = max(1, min(one.end_ms - one.start_ms, known.end_ms - known.start_ms))
            if both_ms >= ENOUGH * shorter_ms:
                likeness = fuzz.ratio(one.text, known.text) / 100 + both_ms / shorter_ms
                pairs.append((-likeness, one.id, known.id))
    carried: dict[UUID, UUID] = {}
    taken: set[UUID] = set()
    for _, new_id, old_id in sorted(pairs, key=lambda pair: (pair[0], pair[1].bytes)):
        if new_id not in carried and old_id not in taken:
            carried[new_id] = old_id
            taken.add(old_id)
    return carried
