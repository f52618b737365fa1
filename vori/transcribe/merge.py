"""The same words heard by several microphones of one meeting: kept once. Pure.

A caption is a duplicate when better captions of other recordings, at the same time, hold all of
its words. Better is who is known to have spoken, then what is louder (the speaker sits at that
microphone), then what was heard more surely, then what came first. What differs in a number or a negation is never the same, and an answer as short as "yes"
may have been given by two people: both stay.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import numpy as np
from msgspec import Struct
from rapidfuzz import fuzz

from vori.transcribe.messages import Samples

NEAR_MS = 1_500
"""Two clients' clocks and cuts may differ by so much."""
SAME = 88.0
"""Of 100: how alike texts must be. Two microphones seldom give quite the same words."""
SHORTEST_LETTERS = 8
"""Shorter text is never a duplicate …"""
SHORTEST_SYLLABLES = 5
"""… nor is Korean of fewer syllables."""
LEVEL_STEP_DB = 4.0
SURENESS_STEP = 0.05
LONGEST_MS = 60_000
"""No caption lasts longer: how far around a new one others are looked for."""

_SPEECH = re.compile(r"\w+")
_HANGUL = re.compile(r"[가-힣]")
_NUMBER = re.compile(
    r"\d+"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|forty|"
    r"(?:thir|four|fif|six|seven|eigh|nine)(?:teen|ty|th|teenth|tieth)|"
    r"hundred|thousand|million|billion|half|first|second|third|tenth|twelfth|twentieth)\b"
    r"|\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|yesterday|"
    r"january|february|march|april|may|june|july|august|september|october|november|december|"
    r"morning|afternoon|evening|tonight)\b"
    r"|[월화수목금토일]요일|오늘|내일|모레|어제|오전|오후|저녁"
    # 십오 in 십오일, 세 in 세 시: digits spelled out before what they count.
    r"|[영일이삼사오육칠팔구십백천만억]+(?=\s?(?:년|월|일|시|분|초|원|명|개|번|층|호|주|퍼센트|프로))"
    r"|(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열\s?\w?)(?=\s?(?:시|개|명|번|주|달|분|가지))"
)
_NOT = re.compile(
    r"\b(?:not|no|never|none|nobody|cannot)\b|n['’]t\b|\b안\s|못|않|없|아니|말고|지\s?마"
)


class Spoken(Struct, frozen=True, kw_only=True):
    """A caption as far as it matters here; times count from the meeting's start."""

    caption_id: UUID
    recording_id: UUID
    start_ms: int
    end_ms: int
    text: str
    has_speaker: bool = False
    level_db: float | None = None
    sureness: float = 0.0
    """Mean probability of its words."""


def duplicates(spoken: Iterable[Spoken]) -> dict[UUID, UUID]:
    """Each caption that others make superfluous, and the caption that stands for it.

    The one that stands is never itself a duplicate. The order of `spoken` does not matter.
    """
    ordered = sorted(spoken, key=lambda one: (one.start_ms, one.end_ms, one.caption_id.bytes))
    if len({one.recording_id for one in ordered}) < 2:
        return {}
    around = _neighbours(ordered)
    found: dict[UUID, UUID] = {}
    for index in sorted(range(len(ordered)), key=lambda i: _worth(ordered[i])):
        one = ordered[index]
        others = [
            ordered[n]
            for n in around[index]
            if ordered[n].caption_id not in found and _worth(ordered[n]) > _worth(one)
        ]
        stands = _stands_for(one, others)
        if stands is not None:
            found[one.caption_id] = stands.caption_id
    return {caption_id: _last(found, caption_id) for caption_id in found}


def _last(found: Mapping[UUID, UUID], caption_id: UUID) -> UUID:
    """Where the way from duplicate to better caption ends; each step is to a better one."""
    while caption_id in found:
        caption_id = found[caption_id]
    return caption_id


def level_db(samples: Samples) -> float | None:
    """How loud it is: root mean square in dB of full scale; None for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return round(10 * math.log10(power), 1) if power > 0 else None


def _worth(one: Spoken) -> tuple[bool, int, int, int, int]:
    """More is better; no two captions are equal."""
    return (
        one.has_speaker,
        round((-120.0 if one.level_db is None else one.level_db) / LEVEL_STEP_DB),
        round(one.sureness / SURENESS_STEP),
        -one.start_ms,
        -one.caption_id.int,
    )


def _neighbours(ordered: Sequence[Spoken]) -> list[list[int]]:
    """For each caption those of other recordings that are spoken at about the same time."""
    around: list[list[int]] = [[] for _ in ordered]
    open_: list[int] = []
    for index, one in enumerate(ordered):
        open_ = [n for n in open_ if ordered[n].end_ms + NEAR_MS >= one.start_ms]
        for n in open_:
            if ordered[n].recording_id != one.recording_id:
                around[index].append(n)
                around[n].append(index)
        open_.append(index)
    return around


def _stands_for(one: Spoken, others: Sequence[Spoken]) -> Spoken | None:
    """The caption that has most of the words, if `others` of one recording, or all, have them."""
    text = _letters(one.text)
    if len(text) < (SHORTEST_SYLLABLES if _HANGUL.search(text) else SHORTEST_LETTERS):
        return None
    others = sorted(
        (other for other in others if _overlap_ms(one, other) > 0), key=lambda other: other.start_ms
    )
    groups = [
        [other for other in others if other.recording_id == recording]
        for recording in sorted({other.recording_id for other in others})
    ]
    for group in [*groups, others] if len(groups) > 1 else groups:
        if _holds(group, one):
            return max(group, key=lambda other: (_overlap_ms(one, other), _worth(other)))
    return None


def _holds(others: Sequence[Spoken], one: Spoken) -> bool:
    """Whether `others`, read one after the other, say all that `one` says."""
    whole = _letters(" ".join(other.text for other in others))
    text = _letters(one.text)
    if len(text) > len(whole) * 1.15:
        return False
    if len(text) * 1.15 >= len(whole):
        alike, said = fuzz.ratio(text, whole), " ".join(other.text for other in others)
    else:
        at = fuzz.partial_ratio_alignment(text, whole)
        if at is None:
            return False
        alike = at.score
        said = _around(others, at.dest_start, at.dest_end)
    return (
        alike >= SAME and _facts(one.text) <= _facts(said) and _negated(one.text) == _negated(said)
    )


def _around(others: Sequence[Spoken], start: int, end: int) -> str:
    """The words of `others` that hold the letters from `start` to `end` of their joined letters."""
    words, at = [], 0
    for word in _SPEECH.finditer(_plain(" ".join(other.text for other in others))):
        following = at + len(word[0])
        if at < end and following > start:
            words.append(word[0])
        at = following
    return " ".join(words)


def _facts(text: str) -> frozenset[str]:
    """What must not be taken for something that sounds alike: numbers and days."""
    return frozenset(_NUMBER.findall(_plain(text)))


def _negated(text: str) -> bool:
    return bool(_NOT.search(_plain(text)))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _letters(text: str) -> str:
    """Letters and digits only: microphones differ in spaces and stops."""
    return "".join(_SPEECH.findall(_plain(text)))


def _overlap_ms(one: Spoken, other: Spoken) -> int:
    """How long both are spoken, allowing for clocks that differ."""
    return min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms) + NEAR_MS
