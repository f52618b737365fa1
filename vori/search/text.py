"""What a search looks for, and where it stands in a text. Pure.

Korean words are found anywhere, whatever the blanks around them; words in other letters from
their beginning on: `invo` finds invoices, `art` does not find start.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence

from vori.errors import BadMessage

MOST_WORDS = 10
_SIGN = re.compile("[\u0001-/:-`{-\u00bf\u2000-\u206f\u2190-\u2bff\u3000-\u303f]")
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_FIRST_SYLLABLE, _LAST_SYLLABLE = "가", "힣"
_LETTER_OR_DIGIT = re.compile("[0-9a-z]")

Mark = tuple[int, int]
"""Where a word stands: the first letter, and the one after the last."""


def fold(text: str) -> str:
    """Text as searches compare it; the same as `search_fold` of the database."""
    return _folded(unicodedata.normalize("NFC", text))[0]


def words_of(query: str) -> tuple[str, ...]:
    """The folded words of a query. Raises BadMessage when there is nothing to look up."""
    words = tuple(dict.fromkeys(filter(None, map(fold, query.split()))))
    if not grams_of(words):
        raise BadMessage(
            "Search for a Korean syllable, or two letters or digits that stand together.",
            code="nothing_to_search",
        )
    if len(words) > MOST_WORDS:
        raise BadMessage(f"Search for at most {MOST_WORDS} words.", code="too_many_words")
    return words


def grams_of(words: Sequence[str]) -> list[str]:
    """What the index is asked for: texts without one of these hold not all of the words."""
    found: set[str] = set()
    for word in words:
        found |= {a + b for a, b in itertools.pairwise(word) if " " not in a + b}
        found |= {letter for letter in word if len(word) == 1 and _is_syllable(letter)}
    return sorted(found)


def pattern_of(word: str) -> str:
    """A regular expression, here and in PostgreSQL, that finds the folded word in folded text."""
    starts_anywhere = not _LETTER_OR_DIGIT.match(word)
    return re.escape(word) if starts_anywhere else f"(?<![0-9a-z]){re.escape(word)}"


def marks(text: str, words: Sequence[str]) -> tuple[str, tuple[Mark, ...]]:
    """The text with its letters composed (NFC), and where the words stand in it, in order.

    Marks that touch or overlap are one.
    """
    composed = unicodedata.normalize("NFC", text)
    folded, places = _folded(composed)
    found = sorted(
        (places[match.start()], places[match.end() - 1] + 1)
        for word in words
        for match in re.finditer(pattern_of(word), folded)
    )
    joined: list[Mark] = []
    for start, end in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return composed, tuple(joined)


def excerpt(text: str, words: Sequence[str], *, most: int) -> tuple[str, tuple[Mark, ...]]:
    """About `most` letters of the text around its first mark, with the marks in them."""
    composed, found = marks(text, words)
    if len(composed) <= most:
        return composed, found
    first = found[0][0] if found else 0
    start = max(0, min(first - most // 3, len(composed) - most))
    end = start + most
    head, tail = "…" if start else "", "…" if end < len(composed) else ""
    shift = len(head) - start
    inside = tuple(
        (max(a, start) + shift, min(b, end) + shift) for a, b in found if a < end and b > start
    )
    return head + composed[start:end] + tail, inside


def _folded(composed: str) -> tuple[str, list[int]]:
    """Folded text, and for each of its letters the place in `composed` it came from."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(composed):
        for one in unicodedata.normalize("NFKC", letter).translate(_ASCII_LOWER):
            is_blank = _SIGN.match(one) is not None
            if is_blank and (not letters or letters[-1] == " "):
                continue
            if (
                not is_blank
                and len(letters) > 1
                and letters[-1] == " "
                and _is_syllable(letters[-2])
                and _is_syllable(one)
            ):
                letters.pop()
                places.pop()
            letters.append(" " if is_blank else one)
            places.append(place)
    if letters and letters[-1] == " ":
        letters.pop()
        places.pop()
    return "".join(letters), places


def _is_syllable(letter: str) -> bool:
    return _FIRST_SYLLABLE <= letter <= _LAST_SYLLABLE
