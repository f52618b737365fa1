"""What a reading changes on the board: Drafts and open tickets to changes. Pure.

How to use it (one meeting, one reading, one transaction):

1. `board`: every ticket of the group that is not deleted, as `OpenTicket`. Read it under the
   transaction's lock.
2. `board_before(board)` makes the `existing_tickets` of the Passage: the board as
   it was before this meeting's machine touched it. A reading always starts from there, so the
   second, longer reading of a meeting sees the same board as the first.
3. `decide(extraction, board, ...)` compares the reading with the board and returns the
   difference. Tickets that an earlier reading of this meeting made are found again by their
   `origin` and revised, never doubled; what the longer reading no longer says is taken back.
4. Store applies the changes: a Move only while the ticket still is in `from_status`.

Deciding twice changes nothing the second time (`apply` gives the board after a decision).

What people did wins. A title, content, assignee or due date that a human edited is never
overwritten. A status that a human set is changed only by words spoken after it. What a human
dismissed stays dismissed.

Evidence is a set of `seq` of THIS reading's passage. Whoever keeps caption ids translates
them: a ticket's origin names the captions it rests on, the passage gives each its `seq`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace
from rapidfuzz import fuzz

from vori.ids import MeetingId, TicketId, UserId
from vori.tickets.extract.match import GENERIC, STOP, alike, is_hangul, key
from vori.tickets.messages import (
    Draft,
    Extraction,
    KnownTicket,
    Segment,
    StatusIntent,
    TicketStatus,
)

TODO, IN_PROGRESS, DONE = TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE

SAME = 0.75
"""Titles at least this alike mean one piece of work."""
REOPEN_CONFIDENCE = 0.6
"""A finished ticket opens again only when the reading is at least this sure."""

# ------------------------------------------------------------------ what is on the board


class Origin(Struct, frozen=True, kw_only=True):
    """How this meeting's machine last wrote a ticket that it made."""

    evidence: frozenset[int]
    title: str
    status: TicketStatus = TODO


class OpenTicket(Struct, frozen=True, kw_only=True):
    """A ticket of the group as it is now."""

    ticket_id: TicketId
    title: str
    content: str = ""
    status: TicketStatus = TODO
    assignee_id: UserId | None = None
    due: date | None = None
    human_edited: Mapping[str, datetime] = {}
    """When a human last set each of `title content status assignee_id due`; never set: absent."""
    meeting_id: MeetingId | None = None
    """The meeting whose machine made it; None for tickets made by hand."""
    origin: Origin | None = None
    """Set when the meeting that is being read made it."""
    moved_from: TicketStatus | None = None
    """Its status before the meeting that is being read moved it; None when that has not, or
    when a human has set the status since."""


class Dismissed(Struct, frozen=True, kw_only=True):
    """A machine's ticket or proposal that a human threw away."""

    title: str
    evidence: frozenset[int] = frozenset()
    """Of the meeting that is being read; empty for other meetings."""


class DismissedMove(Struct, frozen=True, kw_only=True):
    """A move that a human refused or undid, and what it rested on."""

    ticket_id: TicketId
    to_status: TicketStatus
    evidence: frozenset[int] = frozenset()


# ------------------------------------------------------------------ what is to change


class Create(Struct, frozen=True, kw_only=True):
    """A new ticket. Its origin is this `evidence`, `title` and `status`."""

    title: str
    content: str
    status: TicketStatus
    assignee_id: UserId | None
    due: date | None
    evidence: tuple[int, ...]
    confidence: float
    why: str


class Move(Struct, frozen=True, kw_only=True):
    """A ticket's new status; to be applied only while it is in `from_status`."""

    ticket_id: TicketId
    from_status: TicketStatus
    to_status: TicketStatus
    evidence: tuple[int, ...]
    confidence: float
    why: str
    takes_back: bool = False
    """Whether it only undoes what an earlier reading of this meeting did."""


class Revise(Struct, frozen=True, kw_only=True):
    """Other values for a ticket that this meeting made. UNSET fields stay as they are.

    `evidence`, `origin_title` and `origin_status` are its origin from now on.
    """

    ticket_id: TicketId
    evidence: tuple[int, ...]
    origin_title: str
    origin_status: TicketStatus
    title: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    status: TicketStatus | UnsetType = UNSET
    assignee_id: UserId | UnsetType | None = UNSET
    due: date | UnsetType | None = UNSET
    confidence: float = 0.5
    why: str = ""


class Withdraw(Struct, frozen=True, kw_only=True):
    """A ticket that this meeting made and no longer asks for; no human has touched it."""

    ticket_id: TicketId
    why: str


class Skipped(Struct, frozen=True, kw_only=True):
    """Something the reading said that changes nothing, and why."""

    what: str
    why: str


class Decision(Struct, frozen=True, kw_only=True):
    """The difference between the board and what the meeting said, in the order to apply it."""

    creates: tuple[Create, ...] = ()
    moves: tuple[Move, ...] = ()
    revisions: tuple[Revise, ...] = ()
    withdrawals: tuple[Withdraw, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def is_empty(self) -> bool:
        """Whether nothing on the board changes."""
        return not (self.creates or self.moves or self.revisions or self.withdrawals)


# ------------------------------------------------------------------ deciding


def board_before(board: Iterable[OpenTicket]) -> tuple[KnownTicket, ...]:
    """The board as it was before this meeting's machine touched it: for `Passage`."""
    return tuple(
        KnownTicket(
            ticket_id=t.ticket_id,
            title=t.title,
            content=t.content,
            status=t.moved_from if t.moved_from is not None else t.status,
            assignee_id=t.assignee_id,
        )
        for t in board
        if t.origin is None
    )


def decide(
    extraction: Extraction,
    board: Sequence[OpenTicket],
    *,
    dismissed: Sequence[Dismissed] = (),
    dismissed_moves: Sequence[DismissedMove] = (),
    members: Collection[UserId] | None = None,
    segments: Sequence[Segment] = (),
    started_at: datetime | None = None,
    whole: bool = True,
    seen: Mapping[TicketId, TicketStatus] | None = None,
) -> Decision:
    """The changes that bring the board to what the reading says.

    `members`: the only assignees (None: not checked). `segments` and `started_at` of the
    passage tell when evidence was spoken; without them a human's status always wins.
    `whole`: the reading began at the meeting's start; only then is anything taken back.
    `seen`: the statuses that the engine read by: what was finished since then, it did not mean
    to open again.
    """
    spoken = _Spoken(segments, started_at)
    drafts, skipped = _one_each(extraction.new_tickets)
    own = [t for t in board if t.origin is not None]
    others = [t for t in board if t.origin is None]
    pairs = pair(drafts, own)
    creates: list[Create] = []
    revisions: list[Revise] = []
    moves = _moves(extraction.ticket_updates, others, dismissed_moves, spoken, skipped, seen)
    meant = {i.ticket_id for i in extraction.ticket_updates}
    index = TitleIndex(t.title for t in others)
    for draft in drafts:
        draft, note = _known_assignee(draft, members)
        ticket = pairs.get(id_of(draft))
        if ticket is not None:
            revision = _revise(ticket, draft, spoken)
            if revision is not None:
                revisions.append(revision)
            continue
        if reason := _was_dismissed(draft, dismissed):
            skipped.append(Skipped(what=draft.title, why=reason))
            continue
        twin = _twin(draft, others, index)
        if twin is None:
            creates.append(_create(draft, note))
        else:
            skipped.append(
                Skipped(what=draft.title, why=f"already on the board as {twin.ticket_id}")
            )
            move = _forward(twin, draft, spoken)
            if move is not None and twin.ticket_id not in meant:
                moves.append(move)
            meant.add(twin.ticket_id)
    withdrawals: list[Withdraw] = []
    if whole:
        moves += _taken_back(others, meant)
        withdrawals = _withdrawals(own, pairs.values())
    return Decision(
        creates=tuple(creates),
        moves=tuple(moves),
        revisions=tuple(revisions),
        withdrawals=tuple(withdrawals),
        skipped=tuple(skipped),
    )


def apply(
    decision: Decision, board: Sequence[OpenTicket], *, meeting_id: MeetingId, next_number: int
) -> list[OpenTicket]:
    """The board after the decision: for a preview, and for tests. New ids are T-`next_number`…"""
    moves = {m.ticket_id: m for m in decision.moves}
    revisions = {r.ticket_id: r for r in decision.revisions}
    gone = {w.ticket_id for w in decision.withdrawals}
    out: list[OpenTicket] = []
    for ticket in board:
        if ticket.ticket_id in gone:
            continue
        if (move := moves.get(ticket.ticket_id)) and ticket.status is move.from_status:
            before = ticket.moved_from if ticket.moved_from is not None else ticket.status
            ticket = replace(
                ticket, status=move.to_status, moved_from=None if move.takes_back else before
            )
        if revision := revisions.get(ticket.ticket_id):
            ticket = _revised(ticket, revision)
        out.append(ticket)
    for number, create in enumerate(decision.creates, start=next_number):
        out.append(
            OpenTicket(
                ticket_id=TicketId(f"T-{number}"),
                title=create.title,
                content=create.content,
                status=create.status,
                assignee_id=create.assignee_id,
                due=create.due,
                meeting_id=meeting_id,
                origin=Origin(
                    evidence=frozenset(create.evidence), title=create.title, status=create.status
                ),
            )
        )
    return out


def is_legal(old: TicketStatus, new: TicketStatus, *, reopen: bool = False) -> bool:
    """TODO → IN_PROGRESS → DONE, TODO → DONE; out of DONE only by `reopen`."""
    if old is new:
        return False
    if old is DONE:
        return reopen
    return (old, new) in ((TODO, IN_PROGRESS), (TODO, DONE), (IN_PROGRESS, DONE))


# ------------------------------------------------------------------ moves


class _Spoken:
    """When evidence was spoken."""

    def __init__(self, segments: Sequence[Segment], started_at: datetime | None) -> None:
        self._end_ms = {s.seq: max(s.end_ms, s.start_ms) for s in segments}
        self._started_at = started_at

    def last(self, evidence: Iterable[int]) -> datetime | None:
        ends = [self._end_ms[e] for e in evidence if e in self._end_ms]
        if self._started_at is None or not ends:
            return None
        return self._started_at + timedelta(milliseconds=max(ends))

    def may_move(self, ticket: OpenTicket, evidence: Iterable[int]) -> bool:
        """Whether no human has set the status since the evidence was spoken."""
        edited = ticket.human_edited.get("status")
        if edited is None:
            return True
        last = self.last(evidence)
        return last is not None and last > edited


def _moves(
    intents: Sequence[StatusIntent],
    board: Sequence[OpenTicket],
    dismissed: Sequence[DismissedMove],
    spoken: _Spoken,
    skipped: list[Skipped],
    seen: Mapping[TicketId, TicketStatus] | None = None,
) -> list[Move]:
    by_id = {t.ticket_id: t for t in board}
    wanted: dict[TicketId, StatusIntent] = {}
    for intent in intents:
        if intent.ticket_id in by_id:
            wanted[intent.ticket_id] = intent
        else:
            skipped.append(Skipped(what=intent.ticket_id, why="no such ticket on the board"))
    moves: list[Move] = []
    for ticket_id, intent in wanted.items():
        ticket = by_id[ticket_id]
        was = ticket.status if seen is None else seen.get(ticket_id, ticket.status)
        why_not = _why_not(ticket, intent, dismissed, spoken, was)
        if why_not:
            skipped.append(Skipped(what=f"{ticket_id} to {intent.new_status.value}", why=why_not))
            continue
        moves.append(
            Move(
                ticket_id=ticket_id,
                from_status=ticket.status,
                to_status=intent.new_status,
                evidence=intent.evidence,
                confidence=intent.confidence,
                why=intent.reason,
                takes_back=intent.new_status is ticket.moved_from,
            )
        )
    return moves


def _why_not(
    ticket: OpenTicket,
    intent: StatusIntent,
    dismissed: Sequence[DismissedMove],
    spoken: _Spoken,
    was: TicketStatus,
) -> str:
    """Why the intent changes nothing; "" when it does."""
    new = intent.new_status
    by_machine = ticket.moved_from is not None and "status" not in ticket.human_edited
    before = ticket.moved_from if by_machine and ticket.moved_from is not None else ticket.status
    if ticket.status is new:
        return "it already is"
    is_meant = was is DONE or ticket.moved_from is not None
    reopen = before is DONE and is_meant and intent.confidence >= REOPEN_CONFIDENCE
    if before is not new and not is_legal(before, new, reopen=reopen):
        return f"{before.value} does not become {new.value} by what was said"
    if not spoken.may_move(ticket, intent.evidence):
        return "a human set the status after this was said"
    for refused in dismissed:
        if (
            refused.ticket_id == ticket.ticket_id
            and refused.to_status is new
            and set(intent.evidence) <= refused.evidence
        ):
            return "a human refused this move"
    return ""


def _taken_back(board: Sequence[OpenTicket], meant: Collection[TicketId]) -> list[Move]:
    """Moves of earlier readings that the whole meeting no longer asks for."""
    return [
        _back(t, t.moved_from)
        for t in board
        if t.moved_from is not None
        and t.moved_from is not t.status
        and t.ticket_id not in meant
        and "status" not in t.human_edited
    ]


def _back(ticket: OpenTicket, status: TicketStatus) -> Move:
    return Move(
        ticket_id=ticket.ticket_id,
        from_status=ticket.status,
        to_status=status,
        evidence=(),
        confidence=1.0,
        why="what moved it was corrected later in the meeting",
        takes_back=True,
    )


def _forward(ticket: OpenTicket, draft: Draft, spoken: _Spoken) -> Move | None:
    """The move for a ticket that the reading took for new work and said to be further on."""
    if not is_legal(ticket.status, draft.status) or not spoken.may_move(ticket, draft.evidence):
        return None
    return Move(
        ticket_id=ticket.ticket_id,
        from_status=ticket.status,
        to_status=draft.status,
        evidence=draft.evidence,
        confidence=draft.confidence,
        why=draft.reason,
    )


# ------------------------------------------------------------------ drafts


def id_of(draft: Draft | Create) -> tuple[str, tuple[int, ...]]:
    """What tells two drafts of one reading apart."""
    return draft.title, draft.evidence


def _one_each(drafts: Sequence[Draft]) -> tuple[list[Draft], list[Skipped]]:
    """Drafts that mean one piece of work become one; the first keeps its place."""
    kept: list[Draft] = []
    skipped: list[Skipped] = []
    for draft in drafts:
        twin = next((k for k in kept if is_same_draft(k, draft)), None)
        if twin is None:
            kept.append(draft)
            continue
        kept[kept.index(twin)] = replace(
            twin,
            evidence=tuple(sorted({*twin.evidence, *draft.evidence})),
            assignee_id=draft.assignee_id if draft.assignee_id is not None else twin.assignee_id,
            due=draft.due or twin.due,
        )
        skipped.append(Skipped(what=draft.title, why="said twice in this meeting"))
    return kept, skipped


def is_same_draft(a: Draft, b: Draft) -> bool:
    alike_titles = similarity(a.title, b.title)
    if alike_titles >= 0.9:
        return True
    common = len(set(a.evidence) & set(b.evidence))
    share = common / max(1, min(len(set(a.evidence)), len(set(b.evidence))))
    return alike_titles >= SAME and share >= 0.5


def _known_assignee(draft: Draft, members: Collection[UserId] | None) -> tuple[Draft, str]:
    if members is None or draft.assignee_id is None or draft.assignee_id in members:
        return draft, ""
    return replace(draft, assignee_id=None), "; nobody assigned, since the name is no member"


def _create(draft: Draft, note: str) -> Create:
    return Create(
        title=draft.title,
        content=draft.content,
        status=draft.status,
        assignee_id=draft.assignee_id,
        due=draft.due,
        evidence=draft.evidence,
        confidence=draft.confidence,
        why=draft.reason + note,
    )


def pair(
    drafts: Sequence[Draft | Create], own: Sequence[OpenTicket]
) -> dict[tuple[str, tuple[int, ...]], OpenTicket]:
    """Which draft means which ticket that an earlier reading of this meeting made."""
    options: list[tuple[float, int, int]] = []
    for d, draft in enumerate(drafts):
        said = set(draft.evidence)
        for t, ticket in enumerate(own):
            assert ticket.origin is not None
            common = len(said & ticket.origin.evidence)
            titles = similarity(draft.title, ticket.origin.title)
            share = common / max(1, min(len(said), len(ticket.origin.evidence)))
            if titles >= 0.9 or (common and (titles >= 0.3 or share >= 0.5)):
                options.append((-(share + titles), d, t))
    pairs: dict[tuple[str, tuple[int, ...]], OpenTicket] = {}
    used: set[int] = set()
    for _, d, t in sorted(options):
        if t not in used and id_of(drafts[d]) not in pairs:
            used.add(t)
            pairs[id_of(drafts[d])] = own[t]
    return pairs


def _revise(ticket: OpenTicket, draft: Draft, spoken: _Spoken) -> Revise | None:
    """What the longer reading says otherwise about a ticket of this meeting."""
    origin = ticket.origin
    assert origin is not None
    wanted = {
        "title": draft.title,
        "content": draft.content,
        "assignee_id": draft.assignee_id,
        "due": draft.due,
    }
    values: dict[str, object] = {
        name: value
        for name, value in wanted.items()
        if name not in ticket.human_edited and getattr(ticket, name) != value
    }
    untouched = ticket.status is origin.status or is_legal(ticket.status, draft.status)
    if (
        ticket.status is not draft.status
        and untouched
        and spoken.may_move(ticket, draft.evidence)
        and origin.status is not draft.status
    ):
        values["status"] = draft.status
    grown = origin.evidence != frozenset(draft.evidence)
    if not values and not grown and origin.title == draft.title and origin.status is draft.status:
        return None
    return Revise(
        ticket_id=ticket.ticket_id,
        evidence=draft.evidence,
        origin_title=draft.title,
        origin_status=draft.status,
        confidence=draft.confidence,
        why=draft.reason,
        **values,  # type: ignore[arg-type]
    )


def _revised(ticket: OpenTicket, revision: Revise) -> OpenTicket:
    names = ("title", "content", "status", "assignee_id", "due")
    values = {n: v for n in names if (v := getattr(revision, n)) is not UNSET}
    origin = Origin(
        evidence=frozenset(revision.evidence),
        title=revision.origin_title,
        status=revision.origin_status,
    )
    return replace(ticket, origin=origin, **values)


def _withdrawals(own: Sequence[OpenTicket], paired: Iterable[OpenTicket]) -> list[Withdraw]:
    said = {t.ticket_id for t in paired}
    return [
        Withdraw(ticket_id=t.ticket_id, why="taken back or corrected later in the meeting")
        for t in own
        if t.ticket_id not in said
        and not t.human_edited
        and t.origin is not None
        and t.status is t.origin.status
    ]


def _was_dismissed(draft: Draft, dismissed: Sequence[Dismissed]) -> str:
    said = set(draft.evidence)
    for old in dismissed:
        titles = similarity(draft.title, old.title)
        common = len(said & old.evidence)
        share = common / max(1, min(len(said), len(old.evidence)))
        if titles >= 0.9 or (common and (titles >= 0.3 or share >= 0.5)):
            return "a human dismissed it"
    return ""


# ------------------------------------------------------------------ titles

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9'+#-]*|[가-힣]+")
_PARTICLE = re.compile(
    r"(?<=[가-힣]{2})(?:에서|에게|한테|으로|까지|부터|하기|하는|한|을|를|이|가|은|는|의|에|로|와|과|도)$"
)


_GENERIC = frozenset(key(word) for word in GENERIC)
"""Keys of words that tell no two titles apart."""


@lru_cache(maxsize=20_000)  # a board's titles are compared with every draft, in every reading
def title_words(title: str) -> tuple[str, ...]:
    """The words of a title by which it is compared, in order."""
    out = []
    for word in _WORD.findall(title.lower()):
        word = _PARTICLE.sub("", word) if is_hangul(word) else word
        if word not in STOP or word.isdigit():
            out.append(key(word))
    return tuple(out)


def similarity(a: str, b: str) -> float:
    """How surely two titles mean one piece of work, 0..1.

    Titles that each have a telling word the other lacks (two trips, two sites, two numbers)
    are different work however alike they look: at most 0.6.
    """
    if a.strip().casefold() == b.strip().casefold():
        return 1.0
    words_a, words_b = set(title_words(a)), set(title_words(b))
    if not words_a or not words_b:
        return fuzz.ratio(a.casefold(), b.casefold()) / 100
    rest_a, rest_b = words_a - words_b, words_b - words_a
    common = len(words_a & words_b)
    for word in sorted(rest_a):
        other = next((w for w in sorted(rest_b) if alike(word, w)), None)
        if other is not None:
            rest_a, rest_b = rest_a - {word}, rest_b - {other}
            common += 1
    score = 2 * common / (2 * common + len(rest_a) + len(rest_b))
    if (rest_a - _GENERIC) and (rest_b - _GENERIC):
        return min(score, 0.6)
    return score


class TitleIndex:
    """Titles by their words, so that 5,000 are compared quickly."""

    def __init__(self, titles: Iterable[str]) -> None:
        self._by_word: dict[str, list[int]] = {}
        for i, title in enumerate(titles):
            for word in set(title_words(title)):
                self._by_word.setdefault(word, []).append(i)

    def near(self, title: str) -> list[int]:
        """Places of the titles that share the most words with this one, at most 50."""
        counts: dict[int, int] = {}
        for word in set(title_words(title)):
            for i in self._by_word.get(word, ()):
                counts[i] = counts.get(i, 0) + 1
        return sorted(counts, key=lambda i: -counts[i])[:50]


def _twin(draft: Draft, others: Sequence[OpenTicket], index: TitleIndex) -> OpenTicket | None:
    """The ticket that already holds the draft's work; finished ones only if it is finished."""
    best: tuple[float, OpenTicket] | None = None
    for i in index.near(draft.title):
        ticket = others[i]
        before = ticket.moved_from if ticket.moved_from is not None else ticket.status
        if before is DONE and draft.status is not DONE:
            continue  # finished before this meeting: what it asks for is new work
        score = similarity(draft.title, ticket.title)
        if score >= SAME and (best is None or score > best[0]):
            best = (score, ticket)
    return best[1] if best else None
