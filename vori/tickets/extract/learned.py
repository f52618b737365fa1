"""Words as a learned reader meets them: by themselves and by their kind. Pure.

Rare words are to stand as their kind ("a past tense", "a noun") and a ticket's own words as `*`,
so that the way of saying decides and not the trade.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from vori.tickets.extract import english, korean, verbs
from vori.tickets.extract.match import key
from vori.tickets.extract.wordlist import listed

Knows = Callable[[str], bool]
"""Whether a word's key is a word of the board's tickets."""

FUNCTION = frozenset(
    listed("""a an the and or but so if then than that this these those there here it he she they we i you him her
    them us me my his its our your their who what which when where why how is are was were be been being am 's 're
    've 'll 'd 'm n't not no nor never none nothing nobody everyone everybody everything anything anyone somebody
    someone of in on at by for with about against into through before after from to up down out off over under
    again back away all any both each every few more most other some only own same too very just also now still
    yet already almost nearly once until till since because while as will would can could shall should may might
    must do does did doing done have has had having get got gets getting gotten go goes going went gone come came
    comes coming ? * # ^ $""")
)
_ENGLISH = re.compile(r"\*|'(?:s|re|ve|ll|d|m)\b|n't|[a-z]+(?=n't)|[a-z]+|\d+|\?")
_SHORTENED = {"can't": "can n't", "won't": "will n't", "cannot": "can not", "gonna": "going to"}
_NUMBERS = frozenset(
    listed(
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty forty "
        "fifty sixty seventy eighty ninety hundred thousand"
    )
)


def tokens(text: str, *, is_korean: bool, knows: Knows) -> list[tuple[str, str]]:
    """The text's words as (word, kind), in order; `*` for words that `knows` says are a ticket's."""
    found = _korean(text, knows) if is_korean else _english(text, knows)
    out: list[tuple[str, str]] = []
    for item in found:
        if not (out and item == out[-1] and item[0] in ("*", "#")):
            out.append(item)
    return out


def _english(text: str, knows: Knows) -> Iterable[tuple[str, str]]:
    low = english.tidy(text.lower())
    for short, long in _SHORTENED.items():
        low = low.replace(short, long)
    for word in _ENGLISH.findall(low):
        if word in FUNCTION:
            yield word, word
        elif word.isdigit() or word in _NUMBERS:
            yield "#", "#"
        elif word in verbs.PAST and word in verbs.PARTICIPLE:
            yield word, "vdn"
        elif word in verbs.PAST:
            yield word, "vd"
        elif word in verbs.PARTICIPLE:
            yield word, "vn"
        elif word in verbs.GERUND:
            yield word, "vg"
        elif knows(key(word)):
            yield "*", "*"
        elif word.endswith("ly"):
            yield word, "ly"
        elif word.endswith("ed") and len(word) > 4:
            yield word, "vdn"
        elif word.endswith("ing") and len(word) > 5:
            yield word, "vg"
        else:
            yield word, "x"


_NOUNS = ("NNG", "NNP", "XR", "SL", "NNB")


def _korean(text: str, knows: Knows) -> Iterable[tuple[str, str]]:
    toks = korean.tokens(text)
    for i, t in enumerate(toks):
        after = toks[i + 1].tag if i + 1 < len(toks) else ""
        verbal = t.tag in _NOUNS and after in ("XSV", "XSA")
        if t.form == "*" or (t.tag in _NOUNS and not verbal and knows(key(t.form))):
            yield "*", "*"
        elif verbal:
            yield t.form, "nv"
        elif t.tag == "NNB":
            yield t.form, t.form
        elif t.tag in ("SN", "NR"):
            yield "#", "#"
        elif t.tag in _NOUNS:
            yield t.form, "n"
        elif t.tag in ("VV", "VA"):
            yield f"{t.form}/{t.tag}", t.tag
        elif t.tag in ("MAG", "MM", "IC", "MAJ"):
            yield f"{t.form}/{t.tag}", f"{t.form}/{t.tag}" if t.tag == "MAG" else t.tag
        elif t.tag == "SF":
            if t.form == "?":
                yield "?", "?"
        elif t.tag not in ("SP", "SS", "SE", "SO", "SW"):
            yield f"{t.form}/{t.tag}", f"{t.form}/{t.tag}"
