"""Which of the days that were said is a piece of work due on? Learned; the rules are one voice.

The rules follow the thread of dates clause by clause (`due`); in living talk a day is often said
apart from the work: in the answer, in the recap, two captions on by somebody else. Here every day
said near a piece of work, or with a word of its, is weighed: do the captions round it tell a due
date, what is it said for, how near does it lie, is it nearer to another work, did the rules
take it? The most probable one counts. Weights lie in `worth.json`.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, Protocol, TypeVar

from vori.ids import UserId
from vori.tickets.extract.clause import Clause, Mark
from vori.tickets.extract.dates import Day, Kind
from vori.tickets.extract.due import Dated, Role, Told, agreed, roles, told
from vori.tickets.extract.worth import (
    DUE,
    EVIDENCE,
    KEPT,
    MAKES,
    OddsOf,
    Places,
    probability,
    shipped,
)
from vori.tickets.messages import TicketStatus

LEAST = 0.4
"""No day that is less probably the work's counts."""
AFTER = 6
"""A day said at most so many captions after a piece of work is weighed ..."""
AHEAD = 3
"""... and one at most so many before it ..."""
SHARED = 0.34
AROUND = 0.1
"""... and one further on that shares so much with the work, or with what was said around it."""
MOST_DAYS = 12
"""So many of the last days that may be a work's are weighed."""


@dataclass(slots=True, eq=False)
class Said:
    """A day that was said; a clause that says two is there twice."""

    clause: Clause
    day: Day
    role: Role
    told: Told
    """What its clause tells of days."""
    places: Places
    """Its captions in the talk."""
    before: frozenset[str]
    """Words of the clauses just before."""
    about_ticket: bool
    """Whether it is said of a ticket on the board."""
    links: list[Link] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Link:
    """A day, and a piece of work that it may be said of."""

    said: Said
    number: int
    """The work's."""
    shared: float
    """Share of the clause's words that are the work's, 0 to 1."""
    shared_before: float
    """The same of the captions just before it."""
    around: float
    """Share of the words said with the day that were said around the work, the rarer the more."""
    due: date | None = None
    """The date that the rules gave the work by this day."""
    in_week: bool = False
    """Whether that was said with its week or date."""


@dataclass(frozen=True, slots=True)
class Dating:
    """A day and a piece of work that may be due then, as the rules see both."""

    link: Link
    places: Places
    """The work's evidence."""
    is_maker: bool
    """Whether the clause that made the work says the day."""
    is_heard: bool
    """Whether a clause of the work says it."""
    same_turn: bool
    by_rules: bool
    """Whether the rules dated the work by this clause."""
    is_rules_day: bool
    """Whether it is the day that the rules have come to."""
    shares_most: bool
    """Whether no other work shares more with the clause."""
    around_most: bool
    """Whether that is more than for any other work."""
    old_day: bool
    """Whether it also says a day on which the rules had the work due."""
    assignee: UserId | None
    is_done: bool
    later: int
    """Days said of the work by the rules after this one."""
    rules_have: bool
    """Whether the rules date the work at all."""
    alone: bool
    """Whether no other day is weighed for the work."""
    maker_has: bool
    """Whether the clause that made the work says a day."""


NAMES = (
    "bias", "due", "due odds", "evidence", "makes", "kept",
    *(f"role {r.value}" for r in Role), *(f"kind {k.value}" for k in Kind), "limit",
    "maker", "heard", "same turn", "by rules", "rules day", "rules have none", "shared", "shared before",
    "inside", "next to", "2 off", "3-4 off", "far", "before", "after",
    "inside another", "another nearer", "another shares more",
    "about a ticket", "doer says it", "done", "thin", "moves", "later",
    "commits", "asks for", "question", "corrects", "recap", "accepts", "refuses", "reports", "story",
    "due x inside", "due x next to", "due x heard", "due x far shared", "event x maker", "plain x maker",
    "limit x maker", "thin x next to", "due x thin", "due x another", "by rules x due",
    "one day", "maker has a day",
    "around", "around most", "old day",
    "far x around most", "far x old day", "far x moves", "due x around most",
    "event x next to", "far x limit", "far x recap",
)  # fmt: skip


def weighed(it: Dating, others: Sequence[Places], odds: OddsOf) -> list[float]:
    """A day and a work in numbers. others: evidence of the works near it."""
    link, said, c = it.link, it.link.said, it.link.said.clause
    here = [odds(i) for i in said.places]
    due_odds = max(o[DUE] for o in here)
    due = probability(due_odds)
    off = min((abs(a - b) for a in said.places for b in it.places), default=9)
    other = min((abs(a - b) for a in said.places for places in others for b in places), default=9)
    inside, next_to = float(off == 0), float(off == 1)
    far = float(off > 4)
    maker = float(it.is_maker)
    return [
        1.0,
        due,
        max(-4.0, min(4.0, due_odds)) / 2,
        max(probability(o[EVIDENCE]) for o in here),
        max(probability(o[MAKES]) for o in here),
        max(probability(o[KEPT]) for o in here),
        *(float(said.role is r) for r in Role),
        *(float(said.day.kind is k) for k in Kind),
        float(said.day.limit),
        maker,
        float(it.is_heard),
        float(it.same_turn),
        float(it.by_rules),
        float(it.is_rules_day),
        float(not it.rules_have),
        link.shared,
        link.shared_before,
        inside,
        next_to,
        float(off == 2),
        float(off in (3, 4)),
        far,
        float(bool(it.places) and said.places[-1] < it.places[0]),
        float(bool(it.places) and said.places[0] > it.places[-1]),
        float(other == 0),
        float(other < off),
        float(not it.shares_most),
        float(said.about_ticket),
        float(it.assignee is not None and c.speaker == it.assignee),
        float(it.is_done),
        float(said.told.thin),
        float(said.told.moves),
        min(it.later, 2) / 2,
        *(
            float(c.has(mark))
            for mark in (
                Mark.COMMIT,
                Mark.REQUEST,
                Mark.QUESTION,
                Mark.CORRECT,
                Mark.RECAP,
                Mark.ACCEPT,
                Mark.REFUSE,
                Mark.DONE,
                Mark.PAST_STORY,
            )
        ),
        due * inside,
        due * next_to,
        due * float(it.is_heard),
        due * far * float(link.shared > 0 or link.shared_before > 0),
        float(said.role is Role.EVENT) * maker,
        float(said.role is Role.PLAIN) * maker,
        float(said.role is Role.LIMIT) * maker,
        float(said.told.thin) * next_to,
        due * float(said.told.thin),
        due * float(other == 0),
        due * float(it.by_rules),
        float(it.alone),
        float(it.maker_has and not it.is_maker),
        link.around,
        float(it.around_most),
        float(it.old_day),
        far * float(it.around_most),
        far * float(it.old_day),
        far * float(said.told.moves),
        due * float(it.around_most),
        float(said.role is Role.EVENT) * next_to,
        far * float(said.day.limit),
        far * float(c.has(Mark.RECAP)),
    ]


class Datable(Dated, Protocol):
    """A piece of work, as far as its date is concerned."""

    number: int
    around: set[str]


W = TypeVar("W", bound=Datable)


class Diary(Generic[W]):
    """Keeps the days that were said, and which works they may be said of."""

    def __init__(self, today: date) -> None:
        self._today = today
        self.said: deque[Said] = deque(maxlen=24)
        """The last days."""
        self._links: dict[int, list[Link]] = defaultdict(list)
        self._known_around: Counter[str] = Counter()

    def lies_around(self, work: W, c: Clause) -> None:
        """The clause was said just before, with or just after the work."""
        for word in c.words.keys() - work.around:
            work.around.add(word)
            self._known_around[word] += 1

    def begins(self, work: W) -> None:
        """Links new work with the days said just before it."""
        for said in self.said:
            if 0 <= work.clause.order - said.clause.order <= AHEAD:
                self._join(self._link(said, work))

    def hear(
        self,
        c: Clause,
        places: Places,
        works: Iterable[W],
        dated: Collection[W],
        *,
        before: frozenset[str],
        about_ticket: bool,
    ) -> None:
        """Notes the days of a clause. works: those it may be said of; dated: those the rules say."""
        self._forget(c)
        said = told(c)
        works = [w for w in works if w.alive]
        for day, role in zip(c.days, roles(c.text, c.days), strict=True):
            one = Said(c, day, role, said, places, before, about_ticket)
            self.said.append(one)
            for work in works:
                link = self._link(one, work)
                if work in dated and role is not Role.OFF and _is_day(work.due, day):
                    link.due, link.in_week = work.due, work.in_week
                near = c.order - work.last <= AFTER or work in dated
                if near or link.shared >= SHARED or link.around >= AROUND or _names(c, work):
                    self._join(link)

    def datings(self, work: W, places: Places) -> list[tuple[Dating, date]]:
        """The days that the work may be due on, and the date that each would mean.

        places: the work's evidence in the talk.
        """
        links = self._links[work.number]
        ruled = [link.due for link in links if link.due is not None]
        out = []
        old: Link | None = None
        for n, link in enumerate(links):
            said, c = link.said, link.said.clause
            due = link.due or said.day.day
            if link.due is not None:
                old = link
            elif old is not None:
                due = agreed(
                    said.day, old.due, said.told, self._today, in_week=old.in_week, sooner=False
                )
            dating = Dating(
                link=link,
                places=places,
                is_maker=c is work.clause,
                is_heard=c in work.heard,
                same_turn=c.turn == work.clause.turn,
                by_rules=link.due is not None,
                is_rules_day=due == work.due,
                shares_most=all(x.shared <= link.shared for x in said.links),
                around_most=link.around > 0 and all(x.around <= link.around for x in said.links),
                old_day=any(d.day != due and d.day in ruled for d in c.days),
                assignee=work.assignee,
                is_done=work.status is TicketStatus.DONE,
                later=sum(x.due is not None for x in links[n + 1 :]),
                rules_have=work.due is not None,
                alone=len(links) == 1,
                maker_has=bool(work.clause.days),
            )
            out.append((dating, due))
        return out

    def _forget(self, c: Clause) -> None:
        """Of a clause that is heard again, longer, what was noted at first counts no more."""
        for said in [s for s in self.said if s.clause.turn == c.turn]:
            old = said.clause
            if old is not c and old.order == c.order and c.text.startswith(old.text):
                self.said.remove(said)
                for link in said.links:
                    self._links[link.number].remove(link)

    def _link(self, said: Said, work: W) -> Link:
        c = said.clause
        words = {**dict.fromkeys(said.before, 0.5), **c.words}
        total = sum(words.values()) or 1.0
        around = sum(x / self._known_around[w] for w, x in words.items() if w in work.around)
        return Link(
            said=said,
            number=work.number,
            shared=_share(c.words, work.words),
            shared_before=_share(dict.fromkeys(said.before, 1.0), work.words),
            around=around / total,
        )

    def _join(self, link: Link) -> None:
        links = self._links[link.number]
        links.append(link)
        link.said.links.append(link)
        for old in links[:-MOST_DAYS]:
            links.remove(old)
            old.said.links.remove(old)


def _is_day(due: date | None, day: Day) -> bool:
    """Whether the rules took this day for the due date."""
    if due is None:
        return False
    return due == day.day or (day.kind is Kind.WEEKDAY and due.weekday() == day.day.weekday())


def _names(c: Clause, work: Datable) -> bool:
    """Whether the clause names the one who does the work."""
    return work.assignee is not None and any(work.assignee in who for who in c.named)


def _share(words: Mapping[str, float], of: Collection[str]) -> float:
    """How much of the words are among the others, 0 to 1."""
    total = sum(words.values())
    return sum(x for word, x in words.items() if word in of) / total if total else 0.0


def chance(found: Sequence[float]) -> float:
    """The probability that the work is due that day."""
    return probability(sum(w * x for w, x in zip(shipped().due, found, strict=True)))


def best(chances: Iterable[tuple[float, Said, date]]) -> date | None:
    """The most probable date, of equals the one said later; None when none is probable enough."""
    found = max(chances, key=lambda x: (x[0], x[1].clause.order, x[1].day.start), default=None)
    return found[2] if found is not None and found[0] >= LEAST else None
