"""A learned opinion on what the rules found: is it work or only talk, and how far is a ticket?

The rules find promises, requests and reports in single clauses; in living talk many of them are
none ("I'll swim across and hold it with my teeth"). Here linear classifiers read a caption with
the captions around it: is it evidence of new work, does it make that work by itself, is a ticket
reported done, begun, open again or as before, is somebody stuck? Others weigh their answers with
what the rules know of a draft or a ticket. Way of saying counts, not trade: rare words stand as
their kind, names and the board's words are masked.

Weights and their card lie in `worth.json`; `tools/ticket_reader` makes them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import mul
from pathlib import Path
from typing import Any

from vori.ids import UserId
from vori.tickets.extract import learned
from vori.tickets.extract.match import is_hangul
from vori.tickets.extract.wordlist import listed
from vori.tickets.messages import Segment, TicketStatus

WEIGHTS = Path(__file__).parent / "worth.json"
LEAST = 0.35
"""A draft that is less probably work than this is dropped."""
READ_OUT = 0.3
"""A caption in which the rules find nothing makes a draft when it is so probably work."""
STUCK_AT = 0.25
"""A caption that is so probably told by somebody who is stuck is a blocker ..."""
STUCK_KEPT = 0.15
"""... and one that the rules found stays one when it is so probably that."""
LEADS_TO = 0.4
"""A caption before a ticket's own that is so probably evidence of work tells what it is about."""
ENOUGH = 6
"""Of a talk with fewer captions nothing is judged: what lies around is half of what is read."""
SURE = 0.4
"""A ticket moves when the most probable move is at least so probable ..."""
CLEAR = 0.6
"""... and one that is done opens again, where no rule says so, only when it is said so clearly."""
REACH = 2
"""Captions before and after that are read with one."""
MOST = 5.0
"""Log odds beyond that say no more."""
LONGEST = 40
"""Words of a caption that are read: of a longer one the first and the last half of them."""

TARGETS = (
    "evidence",
    "makes",
    "done",
    "begun",
    "back",
    "kept",
    "stuck",
    "due",
    "finished",
    "under way",
)
"""What is asked of a caption. done, begun and back: of a ticket on the board; kept: it speaks of one,
and moves it nowhere; due: it says by when new work is to be done; finished, under way: of new work."""
EVIDENCE, MAKES, DONE, BEGUN, BACK, KEPT, STUCK, DUE, FINISHED, UNDER_WAY = range(len(TARGETS))
Odds = tuple[float, ...]
"""Log odds of TARGETS."""
Token = tuple[str, str]
Knows = Callable[[str], bool]
OddsOf = Callable[[int], Odds]
Places = tuple[int, ...]
"""Of a draft's evidence among the captions of the talk, in order."""

_DAYS = frozenset(
    listed(
        "monday tuesday wednesday thursday friday saturday sunday tomorrow today tonight morning "
        "afternoon week weekend month 월요일 화요일 수요일 목요일 금요일 토요일 일요일 오늘 내일 모레"
    )
)


@dataclass(slots=True)
class Line:
    """A caption as the classifiers read it: its words as (word, kind)."""

    speaker: UserId | None
    is_korean: bool
    tokens: list[Token]


@dataclass(slots=True)
class Lines:
    """The captions of a talk in order, as they come."""

    knows: Knows
    names: frozenset[str]
    segments: list[Segment] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)
    _lines: dict[int, Line] = field(default_factory=dict)
    _first: dict[int, tuple[int, Odds]] = field(default_factory=dict)
    _odds: dict[int, tuple[int, Odds]] = field(default_factory=dict)

    def add(self, segment: Segment) -> None:
        self.place[segment.seq] = len(self.segments)
        self.segments.append(segment)

    def line(self, i: int) -> Line:
        if i not in self._lines:
            s = self.segments[i]
            self._lines[i] = read(s.text, s.speaker, self.knows, self.names)
        return self._lines[i]

    def around(self, i: int) -> dict[int, Line]:
        """Caption `i` with those that are read with it, by place."""
        last = min(len(self.segments), i + 1 + REACH)
        return {j: self.line(j) for j in range(max(0, i - REACH), last)}

    def first(self, i: int) -> Odds:
        """What the words of caption `i` and of those around it say."""
        last = min(len(self.segments), i + 1 + REACH)
        known = self._first.get(i)
        if known is None or known[0] != last:
            around = self.around(i)
            mine = shipped().languages[language(around[i])]
            known = last, mine.odds(features(around, i, mine.kept))
            self._first[i] = known
        return known[1]

    def odds(self, i: int) -> Odds:
        """What is said of caption `i` once those around it have been judged too."""
        last = min(len(self.segments), i + 1 + 2 * REACH)
        known = self._odds.get(i)
        if known is None or known[0] != last:
            mine = shipped().languages[language(self.line(i))]
            found = beside(i, len(self.segments), self.first, self.speaker)
            known = last, mine.again(found)
            self._odds[i] = known
        return known[1]

    def speaker(self, i: int) -> UserId | None:
        return self.segments[i].speaker


def beside(
    i: int, count: int, first: OddsOf, speaker: Callable[[int], UserId | None]
) -> list[float]:
    """Caption `i` of `count` in numbers: what is said of it and of those around it."""
    who = speaker(i)
    out = [1.0]
    for step in range(-REACH, REACH + 1):
        j = i + step
        if not 0 <= j < count:
            out += [0.0] * (len(TARGETS) * (3 if step else 2) + (2 if step else 0))
            continue
        odds = [max(-MOST, min(MOST, o)) for o in first(j)]
        chances = [probability(o) for o in odds]
        out += [o / 2 for o in odds]
        out += chances
        if step:
            same = float(who is not None and speaker(j) == who)
            out += [same * p for p in chances]
            out += [1.0, same]
    return out


def read(text: str, speaker: UserId | None, knows: Knows, names: frozenset[str]) -> Line:
    """A caption's words; names and days stand as such."""
    is_korean = is_hangul(text)
    tokens: list[Token] = []
    for word, kind in learned.tokens(text, is_korean=is_korean, knows=knows):
        if word in names:
            tokens.append(("@", "@"))
        else:
            tokens.append((word, "day" if word in _DAYS else kind))
    if len(tokens) > LONGEST:
        tokens = tokens[: LONGEST // 2] + tokens[-LONGEST // 2 :]
    return Line(speaker, is_korean, tokens)


def language(line: Line) -> str:
    return "ko" if line.is_korean else "en"


def features(around: dict[int, Line], i: int, kept: frozenset[str]) -> set[str]:
    """What is looked at in caption `i`: runs of words and kinds, and words of those around it."""
    mine = around[i]
    out = set(_runs(mine.tokens, kept, "", (1, 2, 3), (2, 3, 4)))
    out.update(f"={word}" for word, _ in mine.tokens)
    out.add(f"#{min(9, len(mine.tokens) // 4)}")
    for step in (-2, -1, 1, 2):
        other = around.get(i + step)
        if other is None:
            continue
        who = "?" if mine.speaker is None else "s" if mine.speaker == other.speaker else "o"
        near = other.tokens[:10] if step > 0 else other.tokens[-10:]
        out.add(f"{step}{who}")
        out.update(f"{step}{who}{word if word in kept else kind}" for word, kind in near)
        if abs(step) == 1:
            edge = other.tokens[:4] if step > 0 else other.tokens[-4:]
            out.update(_runs(edge, kept, f"{step}", (2, 3), ()))
    return out


def _runs(
    tokens: Sequence[Token],
    kept: frozenset[str],
    mark: str,
    of_words: Iterable[int],
    of_kinds: Iterable[int],
) -> Iterable[str]:
    words = ["^", *(w if w in kept or w == k else k for w, k in tokens), "$"]
    kinds = ["^", *(k for _, k in tokens), "$"]
    for size in of_words:
        for at in range(len(words) - size + 1):
            yield mark + " ".join(words[at : at + size])
    for size in of_kinds:
        for at in range(len(kinds) - size + 1):
            yield f"{mark}~{' '.join(kinds[at : at + size])}"


# ------------------------------------------------------------------ drafts


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the rules know of a draft."""

    places: Places
    how: str
    """asked, promised, agreed, intended or reported."""
    has_due: bool
    has_assignee: bool
    title_words: int
    read_out: bool
    """Whether no rule found it."""


HOWS = ("asked", "promised", "agreed", "intended", "reported")
WEIGHED = (
    "bias", "evidence most", "evidence mean", "evidence first", "makes most", "makes first", *HOWS,
    "one caption", "four captions", "due", "assignee", "shared", "inside another", "touching",
    "near", "title words", "done most", "begun most", "kept most", "kept first", "stuck most",
    "read out",
)  # fmt: skip
"""What is weighed of a draft, in the order of `weighed`."""


def weighed(candidate: Candidate, others: Sequence[Places], odds: OddsOf) -> list[float]:
    """A draft in numbers. `others`: evidence of drafts near it; `odds`: those of a caption."""
    mine = [odds(i) for i in candidate.places]
    evidence = [probability(o[EVIDENCE]) for o in mine]
    makes = [probability(o[MAKES]) for o in mine]
    places = set(candidate.places)
    shared = max((len(places.intersection(other)) for other in others), default=0)
    next_to = {a + step for a in places for step in (-1, 0, 1)}
    close = {a + step for a in places for step in (-2, -1, 0, 1, 2)}
    return [
        1.0,
        max(evidence),
        sum(evidence) / len(evidence),
        evidence[0],
        max(makes),
        makes[0],
        *(float(candidate.how == how) for how in HOWS),
        float(len(places) == 1),
        float(len(places) >= 4),
        float(candidate.has_due),
        float(candidate.has_assignee),
        float(shared > 0),
        float(shared >= len(places)),
        float(any(not next_to.isdisjoint(other) for other in others)),
        float(any(not close.isdisjoint(other) for other in others)),
        min(candidate.title_words, 20) / 10,
        *(max(probability(o[t]) for o in mine) for t in (DONE, BEGUN, KEPT)),
        probability(mine[0][KEPT]),
        max(probability(o[STUCK]) for o in mine),
        float(candidate.read_out),
    ]


def worth(candidate: Candidate, others: Sequence[Places], odds: OddsOf) -> float:
    """The probability that a draft is a piece of work, and not one that is drafted already."""
    return probability(
        sum(w * x for w, x in zip(shipped().draft, weighed(candidate, others, odds), strict=True))
    )


STATES = (TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE)
STATED = (
    "bias", *(f"rules: {s.value}" for s in STATES), *HOWS, "read out", "due", "four captions",
    "finished most", "finished mean", "finished first", "finished odds",
    "under way most", "under way mean", "under way first", "under way odds",
    "makes most", "due most", "done most", "begun most",
)  # fmt: skip
"""What is weighed of a draft's status, in the order of `stated`."""


def stated(candidate: Candidate, by_rules: TicketStatus, odds: OddsOf) -> list[float]:
    """A draft's status in numbers. by_rules: what the rules make of it."""
    said = [odds(i) for i in candidate.places]
    mine = [[probability(x) for x in o] for o in said]
    out = [
        1.0,
        *(float(by_rules is s) for s in STATES),
        *(float(candidate.how == how) for how in HOWS),
        float(candidate.read_out),
        float(candidate.has_due),
        float(len(candidate.places) >= 4),
    ]
    for target in (FINISHED, UNDER_WAY):
        chances = [p[target] for p in mine]
        most = max(o[target] for o in said)
        out += [
            max(chances),
            sum(chances) / len(chances),
            chances[0],
            max(-4.0, min(4.0, most)) / 4,
        ]
    return [*out, *(max(p[t] for p in mine) for t in (MAKES, DUE, DONE, BEGUN))]


def state(found: Sequence[float]) -> TicketStatus:
    """The most probable of STATES."""
    scores = [sum(w * x for w, x in zip(row, found, strict=True)) for row in shipped().state]
    return STATES[scores.index(max(scores))]


# ------------------------------------------------------------------ tickets

OUTCOMES = (None, TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE)
"""What becomes of a ticket; None: it stays as it was."""
MOVED = {TicketStatus.DONE: DONE, TicketStatus.IN_PROGRESS: BEGUN, TicketStatus.TODO: BACK}
"""Which question to a caption tells of a move."""
_ASKED = (DONE, BEGUN, BACK, KEPT)
DECISIVE = 0.4
MENTIONS = 12
"""So many of the last captions about a ticket are read."""
TOLD = (
    "bias",
    *(f"{TARGETS[t]} {of}" for of in ("most", "last", "decisive", "log odds") for t in _ASKED),
    "evidence most", "mentions",
    *(f"rules: {o and o.value}" for o in OUTCOMES), "rules are sure",
    *(f"was: {o.value}" for o in OUTCOMES if o),
    *(f"was {was.value}, rules: {o and o.value}" for was in OUTCOMES if was for o in OUTCOMES),
)  # fmt: skip
"""What is weighed of a ticket, in the order of `told`."""


def told(
    was: TicketStatus, by_rules: TicketStatus | None, confidence: float, mentions: Places,
    odds: OddsOf,
) -> list[float]:  # fmt: skip
    """A ticket in numbers. by_rules: its new status by the rules; mentions: captions about it."""
    said = [odds(i) for i in mentions[-MENTIONS:]] or [(-5.0,) * len(TARGETS)]
    chances = [[probability(o[t]) for t in _ASKED] for o in said]
    moves = [c for c in chances if max(c[:3]) >= DECISIVE]
    most = [max(c[k] for c in chances) for k in range(len(_ASKED))]
    return [
        1.0,
        *most,
        *chances[-1],
        *(moves[-1] if moves else [0.0] * len(_ASKED)),
        *(max(-2.0, min(2.0, max(o[t] for o in said) / 2)) for t in _ASKED),
        max(probability(o[EVIDENCE]) for o in said),
        min(len(mentions), 5) / 5,
        *(float(by_rules is o) for o in OUTCOMES),
        confidence if by_rules is not None else 0.0,
        *(float(was is o) for o in OUTCOMES if o),
        *(float(was is w and by_rules is o) for w in OUTCOMES if w for o in OUTCOMES),
    ]


def outcome(found: Sequence[float], was: TicketStatus) -> dict[TicketStatus | None, float]:
    """How probable each of OUTCOMES is, the ticket's own status aside."""
    scores = {
        o: sum(w * x for w, x in zip(row, found, strict=True))
        for o, row in zip(OUTCOMES, shipped().ticket, strict=True)
        if o is not was
    }
    top = max(scores.values())
    raised = {o: math.exp(s - top) for o, s in scores.items()}
    return {o: x / sum(raised.values()) for o, x in raised.items()}


def probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))


# ------------------------------------------------------------------ weights


@dataclass(slots=True)
class Weights:
    """One language's classifiers of captions: log odds are sums over features."""

    bias: Odds
    kept: frozenset[str]
    rows: dict[str, list[int]]
    """Feature to its weights in hundredths, in the order of TARGETS."""
    second: list[list[float]]
    """For each of TARGETS the weights of `beside`."""

    def odds(self, found: set[str]) -> Odds:
        rows = [row for row in map(self.rows.get, found) if row is not None]
        sums = [sum(column) for column in zip(*rows, strict=True)] or [0] * len(TARGETS)
        scale = 1 / (100 * math.sqrt(len(found) or 1))
        return tuple(b + scale * x for b, x in zip(self.bias, sums, strict=True))

    def again(self, found: Sequence[float]) -> Odds:
        """Log odds by what the classifiers say of a caption and of those around it."""
        return tuple(sum(map(mul, row, found)) for row in self.second)


@dataclass(frozen=True, slots=True)
class Shipped:
    """languages: classifiers of captions, "en" and "ko"; draft: weights of WEIGHED.

    ticket: for each of OUTCOMES the weights of TOLD; due: weights of `when.NAMES`; state: for each
    of STATES the weights of STATED.
    """

    languages: dict[str, Weights]
    draft: list[float]
    ticket: list[list[float]]
    due: list[float]
    state: list[list[float]]


@lru_cache(maxsize=1)
def shipped() -> Shipped:
    raw: dict[str, Any] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    languages = {
        name: Weights(tuple(part["bias"]), frozenset(part["kept"]), part["rows"], part["second"])
        for name, part in raw["languages"].items()
    }
    return Shipped(languages, raw["draft"], raw["ticket"], raw["due"], raw["state"])
