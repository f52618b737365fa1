"""A learned second opinion on how far a ticket is, asked where the rules are silent.

A linear classifier over what a speaker tells about a ticket in one turn and the first answer
to it. The ticket's own words are masked, rare words stand as their kind ("a past tense", "a
noun"), so that the way of saying decides and not the trade. Weights and their card lie in
`learned.json`; `tools/ticket_reader` makes them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from vori.ids import UserId
from vori.tickets.extract import english, korean, verbs
from vori.tickets.extract.clause import Clause, Mark
from vori.tickets.extract.match import key
from vori.tickets.extract.wordlist import listed
from vori.tickets.messages import TicketStatus

LABELS = ("done", "progress", "reopen", "blocked", "plan", "none")
WEIGHTS = Path(__file__).parent / "learned.json"
MAX_CHARS = 600
"""Of a longer turn only the end is read: what is said last counts."""

Knows = Callable[[str], bool]
"""Whether a word's key is a word of the board's tickets."""

# ------------------------------------------------------------------ features

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
    listed("two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty forty "
           "fifty sixty seventy eighty ninety hundred thousand")
)
_BLANK = re.compile(r"\bqqn\d\b")


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


def features(
    told: Sequence[tuple[str, str]], answer: Sequence[tuple[str, str]], kept: frozenset[str]
) -> set[str]:
    """What is looked at: runs of words, runs of their kinds, the end, and the answer's words."""
    words = ["^", *(w if w in kept or w == k else k for w, k in told), "$"]
    kinds = ["^", *(k for _, k in told), "$"]
    out: set[str] = set()
    for size in (1, 2, 3):
        out.update(" ".join(words[i : i + size]) for i in range(len(words) - size + 1))
    for size in (2, 3, 4):
        out.update("~" + " ".join(kinds[i : i + size]) for i in range(len(kinds) - size + 1))
    said = [w for w, _ in answer]
    out.update("<" + w for w in said if w in kept)
    out.update(f"<{a} {b}" for a, b in zip(said, said[1:], strict=False))
    return out


_NO_VERB = FUNCTION - frozenset(
    listed("""is are was were be been being am 's 're 've 'll do does did doing done have has had having got get gets
           gotten gone go goes went going come came comes""")
)

# ------------------------------------------------------------------ weights


@dataclass(slots=True)
class Weights:
    """One language's classifier: a score for each of LABELS is a sum over features."""

    bias: list[float]
    kept: frozenset[str]
    rows: dict[str, list[int]]
    """Feature to its weights in hundredths, in the order of LABELS."""

    def judge(self, found: set[str]) -> dict[str, float]:
        """The probability of each label."""
        sums = [0] * len(LABELS)
        for name in found:
            row = self.rows.get(name)
            if row is not None:
                for i, x in enumerate(row):
                    sums[i] += x
        scale = 1 / (100 * math.sqrt(len(found) or 1))
        scores = [b + scale * s for b, s in zip(self.bias, sums, strict=True)]
        top = max(scores)
        raised = [math.exp(s - top) for s in scores]
        total = sum(raised)
        return {label: x / total for label, x in zip(LABELS, raised, strict=True)}


@lru_cache(maxsize=1)
def weights() -> Mapping[str, Weights]:
    """The shipped classifiers by language: "en" and "ko"."""
    raw: dict[str, Any] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return {
        name: Weights(part["bias"], frozenset(part["kept"]), part["rows"])
        for name, part in raw["languages"].items()
    }


# ------------------------------------------------------------------ turns

NEAR = 3
"""An answer comes within so many segments."""
SURE = 0.8
"""So probable must a report be where the rules are silent."""
DOUBT = 0.3
"""A report of completion that is less probable than this is doubted ..."""
MIN_WORDS = 4
REPORT = 0.8
INSTEAD = 0.6
"""... when something else is at least so probable."""


@dataclass(slots=True)
class Told:
    """What one speaker tells about a ticket in a turn, and what others answer first."""

    ticket: int
    turn: int
    speaker: UserId | None
    last: int
    said: list[Clause] = field(default_factory=list)
    answers: list[Clause] = field(default_factory=list)
    is_over: bool = False
    """Whether what it said of the ticket was taken back."""

    def tokens(self, knows: Knows) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """The words told and the words of the answer, as features want them."""
        is_korean = self.said[-1].korean
        text = " ".join(c.text for c in self.said if c.korean == is_korean)[-MAX_CHARS:]
        answer = " ".join(c.text for c in self.answers)[:80]
        korean_answer = any(c.korean for c in self.answers)
        return (
            tokens(text, is_korean=is_korean, knows=knows),
            tokens(answer, is_korean=korean_answer, knows=knows) if answer else [],
        )

    def is_short(self, knows: Knows) -> bool:
        """Whether too little was told to judge it."""
        told = self.tokens(knows)[0]
        if sum(w != "*" for w, _ in told) < MIN_WORDS:
            return True
        return not self.said[-1].korean and all(
            k in ("x", "ly", "*", "#") or k in _NO_VERB for _, k in told
        )

    def judge(self, knows: Knows) -> dict[str, float]:
        """The probability of each label for what was told so far."""
        mine = weights()["ko" if self.said[-1].korean else "en"]
        return mine.judge(features(*self.tokens(knows), mine.kept))


def follow(told: Told | None, c: Clause, ticket: int) -> Told | None:
    """What is told about the ticket once the clause is heard; None when that is a question only."""
    near = told is not None and told.ticket == ticket and c.order - told.last <= NEAR
    own = told is not None and c.speaker is not None and c.speaker == told.speaker
    if told is None or not near or (c.turn != told.turn and own):
        if c.has(Mark.QUESTION):
            return told if near else None
        return Told(ticket, c.turn, c.speaker, c.order, [c])
    told.last = max(told.last, c.order)
    if c.turn == told.turn:
        told.said.append(c)
    elif len(told.answers) < 2:
        told.answers.append(c)
    return told


def opinion(told: Told, knows: Knows) -> TicketStatus | None:
    """DONE or IN_PROGRESS where what was told is surely a report of it; None where it is not."""
    if any(c.has(_HEARD) for c in told.said) or told.is_short(knows):
        return None
    if STAR and not any(w == "*" for w, _ in told.tokens(knows)[0]):
        return None
    p = told.judge(knows)
    if p["done"] >= SURE:
        return TicketStatus.DONE
    return TicketStatus.IN_PROGRESS if p["progress"] >= SURE else None


def is_report(told: Told, knows: Knows) -> bool:
    """Whether what was told is surely a report, of whatever it is."""
    if any(c.has(_HEARD | Mark.QUESTION) for c in told.said) or told.is_short(knows):
        return False
    p = told.judge(knows)
    return p["done"] >= REPORT or p["progress"] >= REPORT


def doubt(told: Told, knows: Knows, claims: Sequence[Clause]) -> tuple[TicketStatus | None] | None:
    """What was told instead of completion, in a tuple (nothing, or IN_PROGRESS); None: no doubt."""
    if any(c.has(Mark.FINISHED) for c in told.said) and KEEP_FINISHED:
        return None
    if told.is_short(knows):
        return None
    p = told.judge(knows)
    if p["done"] > DOUBT:
        return None
    alone = [Told(told.ticket, told.turn, told.speaker, c.order, [c]) for c in claims]
    if any(x.judge(knows)["done"] > ALONE for x in alone):
        return None
    if p["progress"] >= INSTEAD:
        return (TicketStatus.IN_PROGRESS,)
    if any(c.has(Mark.FINISHED) for c in claims):
        return None
    return (None,) if p["plan"] + p["none"] + p["blocked"] >= INSTEAD else None


KEEP_FINISHED = 0
ALONE = 0.85
STAR = 1
_HEARD = (
    Mark.HYPO
    | Mark.JOKE
    | Mark.OTHER_TEAM
    | Mark.COMMAND
    | Mark.BLOCK
    | Mark.NOT_DONE
    | Mark.UNSURE
    | Mark.PLAN
    | Mark.REOPEN
    | Mark.AGAINST
    | Mark.LEAVE
)
"""What rules heard in a clause, so that they are not silent about it."""
