"""What machines read off the board and write on it; `decide.py` says what is to change.

A reading starts from the board as it was before the meeting's machine touched it, and ends as
the difference to the board as it is now. Both are taken from the rows and their history, so
nothing has to be kept in between and the same reading again changes nothing.

What a reading would change, without changing it, is asked in two steps, both of which only read:

    passage = await board.load_passage(meeting_id, captions=[Spoken(...), ...])
    decision, tickets = await board.preview(passage, await engine.extract(passage))

`captions` are the meeting's words as they would be (a recording transcribed anew); without them
those that are stored. Words that took the place of others are known by their time, so tickets
keep their ids when captions get new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from vori import log
from vori.clock import Clock
from vori.data.engine import DB, transaction
from vori.data.outbox import publish
from vori.errors import Busy, Conflict, NotFound
from vori.ids import EventId, GroupId, MeetingId, TicketId, UserId, uuid7
from vori.meetings.store import MinutesText, is_edited, store_minutes, words_deleted
from vori.tickets import machine, proposals, store, usage
from vori.tickets.decide import (
    Create,
    Decision,
    Dismissed,
    DismissedMove,
    Move,
    OpenTicket,
    Origin,
    Revise,
    Skipped,
    Withdraw,
    board_before,
    decide,
    id_of,
    pair,
)
from vori.tickets.extract.remarks import told_in
from vori.tickets.live import HeardPassage, Part, Spoken, stored_ms
from vori.tickets.machine import Cause
from vori.tickets.messages import (
    Actor,
    Blocker,
    BlockerNoted,
    Extraction,
    Member,
    Passage,
    ProposalKind,
    ProposalState,
    Receipt,
    Segment,
    TicketStatus,
)
from vori.tickets.minutes import NotedMove, NotedTicket, minutes
from vori.tickets.notes import HostedNotes, Written
from vori.tickets.policy import Refusal, split, values_of, without_refused
from vori.tickets.proposals import Kept, Wanted
from vori.tickets.reading_lock import ReadingLocks
from vori.tickets.store import FIELDS

_log = log.get(__name__)

ATTEMPTS = 5
"""Decisions made before giving up on a board that people keep changing meanwhile."""
LONGEST_QUOTE = 500
MOST_DISMISSED = 1_000
"""Dismissed tickets that are remembered, newest first."""


class StoredPassage(HeardPassage, frozen=True, kw_only=True, rename="camel"):
    """A passage out of the database."""

    group_id: GroupId


class Applied(Struct, frozen=True, kw_only=True):
    """What a reading changed."""

    created: tuple[TicketId, ...] = ()
    updated: tuple[TicketId, ...] = ()
    withdrawn: tuple[TicketId, ...] = ()
    proposed: tuple[int, ...] = ()
    """Proposals that are new or say something else now."""
    skipped: tuple[Skipped, ...] = ()


class TicketBoard:
    """The board, for the worker that reads meetings."""

    def __init__(self, clock: Clock, notes: HostedNotes | None = None) -> None:
        """`notes` writes the prose of minutes; without it the speakers are quoted."""
        self._clock = clock
        self._locks = ReadingLocks()
        self._notes = notes

    def hold_reading(
        self, meeting_id: MeetingId, *, wait: bool
    ) -> contextlib.AbstractAsyncContextManager[bool]:
        """Nobody in another process reads the meeting meanwhile; False: somebody does."""
        return self._locks.hold(meeting_id, wait=wait)

    async def is_live(self, meeting_id: MeetingId) -> bool:
        rows = await DB.fetch(
            "SELECT 1 FROM meetings WHERE id = $1 AND status = 'LIVE'", meeting_id
        )
        return bool(rows)

    async def load_passage(
        self, meeting_id: MeetingId, *, captions: Sequence[Spoken] | None = None
    ) -> StoredPassage:
        """All final captions of the meeting by meeting time, its group's members and tickets.

        `captions` stand in for the stored ones. Raises NotFound when the meeting was deleted,
        Gone when its words were.
        """
        rows = await DB.fetch(
            "SELECT group_id, language, time_zone, coalesce(started_at, created_at) AS started_at,"
            " words_deleted_at FROM meetings WHERE id = $1",
            meeting_id,
        )
        if not rows:
            raise NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)
        [meeting] = rows
        if meeting["words_deleted_at"] is not None:  # nothing said asks for nothing: not to be read
            raise words_deleted(meeting_id, meeting["words_deleted_at"])
        group_id = GroupId(meeting["group_id"])
        if captions is None:
            rows = await DB.fetch(_CAPTIONS, meeting_id)
            captions = [Spoken(**row) for row in rows]
        else:
            captions = sorted(captions, key=lambda c: (c.start_ms, c.end_ms))
        passage = StoredPassage(
            meeting_id=meeting_id,
            group_id=group_id,
            started_at=_in_zone(meeting["started_at"], meeting["time_zone"]),
            language=meeting["language"] if meeting["language"] in ("ko", "en") else "mixed",
            segments=tuple(
                Segment(
                    seq=seq,
                    start_ms=caption.start_ms,
                    end_ms=caption.end_ms,
                    text=caption.text,
                    speaker=caption.speaker,
                )
                for seq, caption in enumerate(captions)
            ),
            caption_ids=tuple(caption.caption_id for caption in captions),
            members=await _members(group_id),
        )
        board = await load_board(group_id, passage)
        return _with_tickets(passage, board)

    async def apply_part(
        self, passage: Passage, part: Part, *, read_at: datetime | None = None
    ) -> Applied:
        """As `apply`, of what further captions changed; nothing else of the meeting is looked at.

        `passage`: of the same meeting, for its group, members and start. `read_at`: another
        engine has read what was said before; its tickets are nobody else's to revise or take
        back, and its reading stays the one that people are told of.
        """
        some = replace(_stored(passage), segments=part.segments, caption_ids=part.caption_ids)
        return await self._apply(some, part.extraction, part.ticket_ids, read_at=read_at)

    async def apply(self, passage: Passage, extraction: Extraction) -> Applied:
        """Store what the reading changes, with receipts, history and events, in one transaction.

        What the group's policy does not let machines do by themselves becomes proposals. Readings of one group wait for each other. Where a person changes a ticket at the same
        moment, the decision is made again on what they wrote. Raises NotFound when the meeting
        was deleted meanwhile.
        """
        return await self._apply(_stored(passage), extraction, None)

    async def _apply(
        self,
        passage: StoredPassage,
        extraction: Extraction,
        about: frozenset[TicketId] | None,
        *,
        read_at: datetime | None = None,
    ) -> Applied:
        """`about`: decide on these tickets, and on those made of the passage's captions, only."""
        async with transaction():
            rules = await machine.hold_board(passage.group_id)
            await machine.hold_meeting(passage.meeting_id)
            for _ in range(ATTEMPTS):
                decision, versions = await _decide(passage, extraction, about, read_at=read_at)
                if await _unchanged(decision, versions):
                    break
            else:
                raise Busy("The board keeps changing; read the meeting again.")
            writer = _Writer(passage, extraction, self._clock.now(), about)
            at_once, later = split(decision, rules.policy, rules.auto_above)
            applied = await writer.write(at_once)
            applied = replace(applied, proposed=await writer.propose(later))
            await writer.write_blockers(extraction.blockers)
            if read_at is None:
                await usage.remember(passage.meeting_id, extraction, at=self._clock.now())
        if applied.created or applied.updated or applied.withdrawn or applied.proposed:
            _log.info(
                "board changed",
                meeting_id=passage.meeting_id,
                created=len(applied.created),
                updated=len(applied.updated),
                withdrawn=len(applied.withdrawn),
                proposed=len(applied.proposed),
            )
        return applied

    async def preview(
        self, passage: Passage, extraction: Extraction
    ) -> tuple[Decision, dict[TicketId, OpenTicket]]:
        """What `apply` would change now, and the group's tickets as they are; stores nothing."""
        stored = _stored(passage)
        decision, _ = await _decide(stored, extraction)
        board = await load_board(stored.group_id, stored)
        return decision, {ticket.ticket_id: ticket for ticket in board}

    async def read_by_other(self, meeting_id: MeetingId) -> datetime | None:
        """When another engine than the local one last read the meeting; None: it is not so."""
        rows = await DB.fetch(
            "SELECT at FROM readings WHERE meeting_id = $1 AND engine <> 'local'", meeting_id
        )
        return rows[0]["at"] if rows else None

    async def board_mark(self, passage: Passage) -> int:
        """A number for the group's tickets that this meeting did not make, and its members."""
        [row] = await DB.fetch(_MARK, _stored(passage).group_id, passage.meeting_id)
        return int(row["mark"])

    async def write_minutes(self, passage: Passage, extraction: Extraction) -> None:
        """Write the minutes of what was said and of the tickets as they are on the board."""
        await self._write_minutes(_stored(passage), extraction)

    async def rewrite_minutes(
        self, meeting_id: MeetingId, *, language: str | None, replace_edited: bool
    ) -> MinutesText:
        """The minutes anew, out of what the last reading found and the tickets as they are.

        `language` is ko or en; None: the meeting's. Raises Conflict(code="minutes_edited") for
        a text that a person has edited, unless it is to be replaced.
        """
        if not replace_edited and await is_edited(meeting_id):
            raise Conflict(
                "A person has edited these minutes; send `replace: true` to write over them.",
                code="minutes_edited",
                meetingId=meeting_id,
            )
        passage = await self.load_passage(meeting_id)
        found = await usage.reading(meeting_id)
        extraction = Extraction(
            blockers=await _blockers(passage),
            engine=found.engine or "local",
            model=found.model,
            notes=found.notes,
        )
        return await self._write_minutes(
            passage, extraction, language=language, replace_edited=replace_edited
        )

    async def _write_minutes(
        self,
        passage: StoredPassage,
        extraction: Extraction,
        *,
        language: str | None = None,
        replace_edited: bool = False,
    ) -> MinutesText:
        board = await load_board(passage.group_id, passage)
        own = [t for t in board if t.origin is not None]
        moved = [t for t in board if t.moved_from not in (None, t.status)]
        language = language or told_in(passage)
        written = Written() if self._notes is None else await self._notes.write(passage, language)
        remarks = (*extraction.notes, *((written.remark,) if written.remark else ()))
        markdown = await asyncio.to_thread(
            minutes,
            passage,
            extraction,
            language=language,
            made=[_noted(ticket) for ticket in own],
            moved=[
                NotedMove(
                    ticket_id=ticket.ticket_id,
                    to_status=ticket.status,
                    evidence=evidence,
                    title=ticket.title,
                )
                for ticket, evidence in zip(moved, await _reasons(moved, passage), strict=True)
            ],
            proposed=await _noted_proposals(passage, board),
            notes=written.notes,
        )
        return await store_minutes(
            passage.meeting_id,
            markdown=markdown + "".join(f"\n> {remark}\n" for remark in remarks),
            language=language,
            engine=written.engine or extraction.engine,
            model=written.model or extraction.model,
            at=self._clock.now(),
            replace_edited=replace_edited,
        )


_CAPTIONS = """
SELECT id AS caption_id, text, speaker_id AS speaker, meeting_start_ms AS start_ms,
       meeting_start_ms + end_ms - start_ms AS end_ms
FROM captions WHERE meeting_id = $1 AND duplicate_of IS NULL
ORDER BY meeting_start_ms, recording_id, seq
"""

_MARK = """
SELECT hashtextextended(
    coalesce((SELECT string_agg(id || title || content, '|' ORDER BY id) FROM tickets
              WHERE group_id = $1 AND dismissed_at IS NULL
                AND (origin = '{}' OR meeting_id IS DISTINCT FROM $2)), '') ||
    coalesce((SELECT string_agg(u.id || u.name || m.nicknames::text, '|' ORDER BY u.id)
              FROM members m JOIN users u ON u.id = m.user_id WHERE m.group_id = $1), ''), 0) AS mark
"""

_BOARD = """
SELECT id, title, content, status, assignee_id, due, meeting_id, origin, human_edited, version
FROM tickets WHERE group_id = $1 AND dismissed_at IS NULL
  AND ($2::text[] IS NULL OR id = ANY($2) OR meeting_id = $3 AND origin -> 'captionIds' ?| $4)
ORDER BY substr(id, 3)::bigint
"""

_HUMAN_EDITS = """
SELECT h.ticket_id, field, max(h.at) AS at
FROM ticket_history h JOIN tickets t ON t.id = h.ticket_id,
     jsonb_object_keys(h.after) AS field
WHERE h.ticket_id = ANY($1) AND h.actor = 'human'
  AND field = ANY(t.human_edited)
GROUP BY h.ticket_id, field
"""

_STATUS_CHANGES = """
SELECT h.ticket_id, h.meeting_id, h.actor, h.before ->> 'status' AS old, h.after ->> 'status' AS new
FROM ticket_history h
WHERE h.ticket_id = ANY($1) AND h.before ? 'status'
  AND EXISTS (SELECT 1 FROM ticket_history m WHERE m.ticket_id = h.ticket_id
              AND m.meeting_id = $2 AND m.actor = 'machine' AND m.before ? 'status')
ORDER BY h.at, h.id
"""


async def load_board(group_id: GroupId, passage: StoredPassage) -> list[OpenTicket]:
    """Every ticket of the group that is not dismissed, as the passage's meeting sees it."""
    return [ticket for ticket, _ in await _versioned_board(group_id, passage)]


async def _versioned_board(
    group_id: GroupId,
    passage: StoredPassage,
    about: frozenset[TicketId] | None = None,
    read_at: datetime | None = None,
) -> list[tuple[OpenTicket, int]]:
    rows = await DB.fetch(
        _BOARD,
        group_id,
        None if about is None else list(about),
        passage.meeting_id,
        [str(caption_id) for caption_id in passage.caption_ids] if about is not None else [],
    )
    ids = [row["id"] for row in rows]
    edits: dict[str, dict[str, datetime]] = {}
    for row in await DB.fetch(_HUMAN_EDITS, ids):
        edits.setdefault(row["ticket_id"], {})[_FIELD_NAMED[row["field"]]] = row["at"]
    moved = _moved_from(
        await DB.fetch(_STATUS_CHANGES, ids, passage.meeting_id), passage.meeting_id
    )
    seqs = _Seqs(passage)
    board = []
    for row in rows:
        by_machine = bool(row["origin"])
        is_own = by_machine and row["meeting_id"] == passage.meeting_id
        if is_own and read_at is not None:
            at_ms = read_at.timestamp() * 1000
            is_own = any(stored_ms(UUID(one)) > at_ms for one in row["origin"]["captionIds"])
        ticket = OpenTicket(
            ticket_id=TicketId(row["id"]),
            title=row["title"],
            content=row["content"],
            status=TicketStatus(row["status"]),
            assignee_id=row["assignee_id"],
            due=row["due"],
            human_edited=edits.get(row["id"], {}),
            meeting_id=row["meeting_id"] if by_machine else None,
            origin=_origin(row["origin"], seqs) if is_own else None,
            moved_from=moved.get(row["id"]),
        )
        board.append((ticket, row["version"]))
    return board


def _moved_from(changes: Sequence[Any], meeting_id: MeetingId) -> dict[str, TicketStatus]:
    """Each ticket's status before this meeting moved it, unless others have moved it since."""
    before: dict[str, TicketStatus] = {}
    for change in changes:
        ticket_id = change["ticket_id"]
        if change["actor"] == Actor.MACHINE.value and change["meeting_id"] == meeting_id:
            start = before.setdefault(ticket_id, TicketStatus(change["old"]))
            if change["new"] == start.value:
                del before[ticket_id]
        else:
            before.pop(ticket_id, None)
    return before


async def _decide(
    passage: StoredPassage,
    extraction: Extraction,
    about: frozenset[TicketId] | None = None,
    *,
    read_at: datetime | None = None,
) -> tuple[Decision, Mapping[TicketId, int]]:
    board = await _versioned_board(passage.group_id, passage, about, read_at)
    kept = await proposals.kept(passage.group_id, passage.meeting_id, most_dismissed=MOST_DISMISSED)
    undone = await _dismissed_moves(passage)
    seqs = _Seqs(passage)
    # In a thread: comparing with thousands of titles takes longer than a socket may wait.
    decision = await asyncio.to_thread(
        decide,
        extraction,
        [*(ticket for ticket, _ in board), *_proposed_elsewhere(kept, passage)],
        dismissed=[*await _dismissed(passage), *_dismissed_drafts(kept, seqs)],
        dismissed_moves=undone,
        members={member.user_id for member in await _members(passage.group_id)},
        segments=passage.segments,
        started_at=passage.started_at,
        whole=read_at is None,
        seen={ticket.ticket_id: ticket.status for ticket in passage.existing_tickets},
    )
    versions = {ticket.ticket_id: version for ticket, version in board}
    decision = replace(
        decision, moves=tuple(move for move in decision.moves if move.ticket_id in versions)
    )
    return without_refused(decision, _refusals(kept, undone, seqs)), versions


def _proposed_elsewhere(kept: Sequence[Kept], passage: StoredPassage) -> list[OpenTicket]:
    """Tickets that other meetings propose: what is asked for twice is proposed once."""
    return [
        OpenTicket(ticket_id=TicketId(f"proposal {one.proposal_id}"), **_draft_fields(one))
        for one in kept
        if one.kind is ProposalKind.CREATE
        and one.state is ProposalState.OPEN
        and one.meeting_id != passage.meeting_id
    ]


def _dismissed_drafts(kept: Sequence[Kept], seqs: _Seqs) -> list[Dismissed]:
    return [
        Dismissed(title=one.after["title"], evidence=_rests_on(one, seqs))
        for one in kept
        if one.kind is ProposalKind.CREATE and one.state is ProposalState.DISMISSED
    ]


def _refusals(kept: Sequence[Kept], undone: Sequence[DismissedMove], seqs: _Seqs) -> list[Refusal]:
    """What people refused of tickets on the board: proposals dismissed, and moves undone."""
    return [
        *(
            Refusal(
                ticket_id=one.ticket_id,
                fields=store.fields_of(one.after),
                evidence=_rests_on(one, seqs),
            )
            for one in kept
            if one.state is ProposalState.DISMISSED and one.ticket_id is not None
        ),
        *(
            Refusal(
                ticket_id=move.ticket_id,
                fields={"status": move.to_status},
                evidence=move.evidence,
            )
            for move in undone
        ),
    ]


def _draft_fields(one: Kept) -> dict[str, Any]:
    return {k: v for k, v in store.fields_of(one.after).items() if k in FIELDS}


def _rests_on(one: Kept, seqs: _Seqs) -> frozenset[int]:
    """In a passage's `seq`; nothing of it when the words fell in another meeting."""
    return seqs.of([str(caption_id) for caption_id in one.caption_ids], [one.span])


async def _unchanged(decision: Decision, versions: Mapping[TicketId, int]) -> bool:
    """Whether the tickets to change are still as they were decided upon; holds them from now."""
    touched = {
        *(move.ticket_id for move in decision.moves),
        *(revision.ticket_id for revision in decision.revisions),
        *(withdrawal.ticket_id for withdrawal in decision.withdrawals),
    }
    rows = await DB.fetch(
        "SELECT id, version, dismissed_at IS NOT NULL AS dismissed FROM tickets"
        " WHERE id = ANY($1) ORDER BY id FOR UPDATE",
        list(touched),
    )
    now = {row["id"]: row["version"] for row in rows if not row["dismissed"]}
    return all(now.get(ticket_id) == versions[ticket_id] for ticket_id in touched)


async def _dismissed(passage: StoredPassage) -> list[Dismissed]:
    """Machines' tickets that people threw away; not those that machines took back."""
    rows = await DB.fetch(
        "SELECT meeting_id, origin FROM tickets"
        " WHERE group_id = $1 AND dismissed_at IS NOT NULL AND origin <> '{}'"
        " AND NOT coalesce((origin ->> 'withdrawn')::boolean, false)"
        " ORDER BY dismissed_at DESC LIMIT $2",
        passage.group_id,
        MOST_DISMISSED,
    )
    seqs = _Seqs(passage)
    found = []
    for row in rows:
        origin = _origin(row["origin"], seqs)
        is_own = row["meeting_id"] == passage.meeting_id
        found.append(
            Dismissed(title=origin.title, evidence=origin.evidence if is_own else frozenset())
        )
    return found


async def _dismissed_moves(passage: StoredPassage) -> list[DismissedMove]:
    """Moves of this meeting that people undid."""
    rows = await DB.fetch(
        "SELECT ticket_id, after ->> 'status' AS status, receipt -> 'captionIds' AS caption_ids,"
        " (receipt ->> 'startMs')::bigint AS start_ms, (receipt ->> 'endMs')::bigint AS end_ms"
        " FROM ticket_history WHERE meeting_id = $1 AND actor = 'machine'"
        " AND undone_at IS NOT NULL AND before ? 'status'",
        passage.meeting_id,
    )
    seqs = _Seqs(passage)
    return [
        DismissedMove(
            ticket_id=TicketId(row["ticket_id"]),
            to_status=TicketStatus(row["status"]),
            evidence=seqs.of(row["caption_ids"] or (), [(row["start_ms"], row["end_ms"])]),
        )
        for row in rows
    ]


class _Writer:
    """Writes one decision, inside the transaction that made it."""

    def __init__(
        self,
        passage: StoredPassage,
        extraction: Extraction,
        at: datetime,
        about: frozenset[TicketId] | None = None,
    ) -> None:
        self._about = about
        self._passage = passage
        self._extraction = extraction
        self._at = at
        self._segments = {segment.seq: segment for segment in passage.segments}

    async def write(self, decision: Decision) -> Applied:
        created: list[TicketId] = []
        updated: list[TicketId] = []
        for create in decision.creates:
            ticket_id, is_new = await machine.create(
                self._passage.group_id,
                {field: getattr(create, field) for field in FIELDS},
                self._origin(create.evidence, create.title, create.status),
                self._cause(create.evidence, create.confidence, create.why),
            )
            (created if is_new else updated).append(ticket_id)
        for move in decision.moves:
            await self._move(move)
            updated.append(move.ticket_id)
        updated += [r.ticket_id for r in decision.revisions if await self._revise(r)]
        for withdrawal in decision.withdrawals:
            cause = self._cause((), 1.0, withdrawal.why)
            await machine.withdraw(withdrawal.ticket_id, cause)
        return Applied(
            created=tuple(created),
            updated=tuple(dict.fromkeys(updated)),
            withdrawn=tuple(withdrawal.ticket_id for withdrawal in decision.withdrawals),
            skipped=decision.skipped,
        )

    async def write_blockers(self, blockers: Sequence[Blocker]) -> None:
        """Make the meeting's blockers those of this reading; the ones kept keep their ids."""
        wanted = {tuple(self._captions(b.evidence)): b for b in blockers}
        rows = await DB.fetch(
            "SELECT id, caption_ids, about, start_ms, end_ms FROM blockers WHERE meeting_id = $1"
            " AND ($2::uuid[] IS NULL OR caption_ids && $2)",
            self._passage.meeting_id,
            None if self._about is None else list({c for ids in wanted for c in ids}),
        )
        heard = [(row["start_ms"], row["end_ms"]) for row in rows]
        for row in rows:
            known = wanted.get(tuple(row["caption_ids"]))
            if known is not None and known.about == row["about"]:
                del wanted[tuple(row["caption_ids"])]
            else:
                await DB.fetch("DELETE FROM blockers WHERE id = $1", row["id"])
        for captions, blocker in wanted.items():
            start_ms, end_ms = self._span(blocker.evidence)
            await DB.fetch(
                "INSERT INTO blockers"
                " (id, meeting_id, group_id, about, caption_ids, start_ms, end_ms, created_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                uuid7(),
                self._passage.meeting_id,
                self._passage.group_id,
                blocker.about,
                list(captions),
                start_ms,
                end_ms,
                self._at,
            )
            if not any(start < end_ms and start_ms < end for start, end in heard):
                await publish(
                    BlockerNoted(
                        event_id=EventId(uuid7()),
                        meeting_id=self._passage.meeting_id,
                        group_id=self._passage.group_id,
                        about=blocker.about,
                        caption_ids=captions,
                        start_ms=start_ms,
                        end_ms=end_ms,
                    )
                )

    async def _move(self, move: Move) -> None:
        cause = self._cause(move.evidence, move.confidence, move.why)
        await machine.change(move.ticket_id, {"status": move.to_status}, cause)

    async def _revise(self, revision: Revise) -> bool:
        """Whether anything that people see changed."""
        values = values_of(revision)
        if values:
            cause = self._cause(revision.evidence, revision.confidence, revision.why)
            await machine.change(revision.ticket_id, values, cause)
        await machine.set_origin(revision.ticket_id, self._origin_of(revision))
        return bool(values)

    async def propose(self, decision: Decision) -> tuple[int, ...]:
        """Make the meeting's open proposals what `decision` holds."""
        known = await self._kept_for(decision.creates) if decision.creates else {}
        wanted = await self._wanted(decision, known)
        among = None
        if self._about is not None:
            among = (list(self._about), list(self._passage.caption_ids))
        return await proposals.reconcile(
            self._passage.group_id, self._passage.meeting_id, wanted, at=self._at, among=among
        )

    async def _wanted(
        self, decision: Decision, known: Mapping[tuple[str, tuple[int, ...]], int]
    ) -> list[Wanted]:
        return [
            *self._wanted_creations(decision.creates, known),
            *(
                Wanted(
                    kind=ProposalKind.MOVE,
                    ticket_id=move.ticket_id,
                    before=store.plain({"status": move.from_status}),
                    after=store.plain({"status": move.to_status}),
                    origin={},
                    receipt=self._receipt(move.evidence, move.confidence, move.why),
                )
                for move in decision.moves
            ),
            *[await self._wanted_revision(revision) for revision in decision.revisions],
            *[await self._wanted_withdrawal(w) for w in decision.withdrawals],
        ]

    def _wanted_creations(
        self, creates: Sequence[Create], known: Mapping[tuple[str, tuple[int, ...]], int]
    ) -> list[Wanted]:
        return [
            Wanted(
                kind=ProposalKind.CREATE,
                ticket_id=None,
                before={},
                after=store.plain({field: getattr(create, field) for field in FIELDS}),
                origin=self._origin(create.evidence, create.title, create.status),
                receipt=self._receipt(create.evidence, create.confidence, create.why),
                proposal_id=known.get(id_of(create)),
            )
            for create in creates
        ]

    async def _kept_for(self, creates: Sequence[Create]) -> dict[tuple[str, tuple[int, ...]], int]:
        """Proposals of earlier readings that mean the same tickets: open ones, then others."""
        kept = await proposals.kept(
            self._passage.group_id, self._passage.meeting_id, most_dismissed=0
        )
        seqs = _Seqs(self._passage)
        found: dict[tuple[str, tuple[int, ...]], int] = {}
        for state in (ProposalState.OPEN, ProposalState.SUPERSEDED):
            candidates = [
                OpenTicket(
                    ticket_id=TicketId(str(one.proposal_id)),
                    origin=Origin(title=one.after["title"], evidence=_rests_on(one, seqs)),
                    **_draft_fields(one),
                )
                for one in kept
                if one.kind is ProposalKind.CREATE
                and one.state is state
                and one.meeting_id == self._passage.meeting_id
            ]
            left = [create for create in creates if id_of(create) not in found]
            if left and candidates:  # in a thread, as deciding is
                pairs = await asyncio.to_thread(pair, left, candidates)
                found |= {key: int(ticket.ticket_id) for key, ticket in pairs.items()}
        return found

    async def _wanted_revision(self, revision: Revise) -> Wanted:
        now = await store.ticket(revision.ticket_id)
        values = values_of(revision)
        return Wanted(
            kind=ProposalKind.REVISE,
            ticket_id=revision.ticket_id,
            before=store.plain({field: getattr(now, field) for field in values}),
            after=store.plain(values),
            origin=self._origin_of(revision),
            receipt=self._receipt(revision.evidence, revision.confidence, revision.why),
        )

    async def _wanted_withdrawal(self, withdrawal: Withdraw) -> Wanted:
        now = await store.ticket(withdrawal.ticket_id)
        before = {field: getattr(now, field) for field in FIELDS}
        return Wanted(
            kind=ProposalKind.WITHDRAW,
            ticket_id=withdrawal.ticket_id,
            before=store.plain({**before, "dismissed": False}),
            after={"dismissed": True},
            origin={},
            receipt=self._receipt((), 1.0, withdrawal.why),
        )

    def _origin_of(self, revision: Revise) -> dict[str, Any]:
        return self._origin(revision.evidence, revision.origin_title, revision.origin_status)

    def _cause(self, evidence: Sequence[int], confidence: float, reason: str) -> Cause:
        return Cause(
            meeting_id=self._passage.meeting_id,
            receipt=self._receipt(evidence, confidence, reason),
            at=self._at,
        )

    def _origin(self, evidence: Sequence[int], title: str, status: TicketStatus) -> dict[str, Any]:
        said = [self._segments[seq] for seq in self._known(evidence)]
        return {
            "captionIds": [str(caption_id) for caption_id in self._captions(evidence)],
            "spans": [[segment.start_ms, segment.end_ms] for segment in said],
            "title": title,
            "status": status.value,
        }

    def _receipt(self, evidence: Sequence[int], confidence: float, reason: str) -> Receipt:
        said = " … ".join(self._segments[seq].text for seq in self._known(evidence))
        start_ms, end_ms = self._span(evidence)
        return Receipt(
            quote=said if len(said) <= LONGEST_QUOTE else said[: LONGEST_QUOTE - 1] + "…",
            caption_ids=self._captions(evidence),
            start_ms=start_ms,
            end_ms=end_ms,
            engine=self._extraction.engine,
            model=self._extraction.model,
            confidence=confidence,
            reason=reason,
        )

    def _known(self, evidence: Sequence[int]) -> list[int]:
        return sorted({seq for seq in evidence if seq in self._segments})

    def _captions(self, evidence: Sequence[int]) -> tuple[UUID, ...]:
        return tuple(self._passage.caption_ids[seq] for seq in self._known(evidence))

    def _span(self, evidence: Sequence[int]) -> tuple[int, int]:
        """From the first word to the last, in milliseconds from the meeting's start."""
        segments = [self._segments[seq] for seq in self._known(evidence)]
        if not segments:
            return 0, 0
        return min(s.start_ms for s in segments), max(s.end_ms for s in segments)


_FIELD_NAMED = {store.name_of(field): field for field in (*FIELDS, "dismissed")}


async def _members(group_id: GroupId) -> tuple[Member, ...]:
    rows = await DB.fetch(
        "SELECT u.id, u.name, m.nicknames FROM members m JOIN users u ON u.id = m.user_id"
        " WHERE m.group_id = $1 ORDER BY u.id",
        group_id,
    )
    return tuple(
        Member(user_id=UserId(row["id"]), name=row["name"], nicknames=tuple(row["nicknames"]))
        for row in rows
    )


async def _blockers(passage: StoredPassage) -> tuple[Blocker, ...]:
    """As the last reading found them."""
    rows = await DB.fetch(
        "SELECT about, caption_ids FROM blockers WHERE meeting_id = $1 ORDER BY start_ms, id",
        passage.meeting_id,
    )
    seqs = _Seqs(passage)
    return tuple(
        Blocker(
            about=row["about"],
            evidence=tuple(sorted(seqs.of(str(c) for c in row["caption_ids"]))),
        )
        for row in rows
    )


async def _reasons(moved: Sequence[OpenTicket], passage: StoredPassage) -> list[tuple[int, ...]]:
    """The words each ticket was moved for, by the last move of this meeting's machine."""
    rows = await DB.fetch(
        "SELECT DISTINCT ON (ticket_id) ticket_id, receipt -> 'captionIds' AS caption_ids"
        " FROM ticket_history WHERE meeting_id = $1 AND ticket_id = ANY($2)"
        " AND actor = 'machine' AND before ? 'status' ORDER BY ticket_id, at DESC, id DESC",
        passage.meeting_id,
        [ticket.ticket_id for ticket in moved],
    )
    seqs = _Seqs(passage)
    found = {row["ticket_id"]: row["caption_ids"] or () for row in rows}
    return [tuple(sorted(seqs.of(found.get(t.ticket_id, ())))) for t in moved]


async def _noted_proposals(
    passage: StoredPassage, board: Sequence[OpenTicket]
) -> list[NotedTicket | NotedMove]:
    """Tickets and moves of the meeting that nobody has decided on."""
    titles = {ticket.ticket_id: ticket.title for ticket in board}
    seqs = _Seqs(passage)
    noted: list[NotedTicket | NotedMove] = []
    for one in await proposals.kept(passage.group_id, passage.meeting_id, most_dismissed=0):
        if one.state is not ProposalState.OPEN or one.meeting_id != passage.meeting_id:
            continue
        evidence = tuple(sorted(_rests_on(one, seqs)))
        fields = store.fields_of(one.after)
        if one.kind is ProposalKind.CREATE:
            del fields["content"]
            noted.append(NotedTicket(evidence=evidence, **fields))
        elif one.kind is ProposalKind.MOVE and one.ticket_id in titles:
            noted.append(
                NotedMove(
                    ticket_id=one.ticket_id,
                    to_status=fields["status"],
                    evidence=evidence,
                    title=titles[one.ticket_id],
                )
            )
    return noted


def _noted(ticket: OpenTicket) -> NotedTicket:
    return NotedTicket(
        title=ticket.title,
        evidence=tuple(sorted(ticket.origin.evidence)) if ticket.origin else (),
        ticket_id=ticket.ticket_id,
        status=ticket.status,
        assignee_id=ticket.assignee_id,
        due=ticket.due,
    )


def _stored(passage: Passage) -> StoredPassage:
    if not isinstance(passage, StoredPassage):
        raise TypeError("a passage that load_passage did not give has no captions to cite")
    return passage


def _with_tickets(passage: StoredPassage, board: Sequence[OpenTicket]) -> StoredPassage:
    return replace(passage, existing_tickets=board_before(board))


class _Seqs:
    """Finds stored captions again in a passage, by their ids or, once replaced, by their time."""

    def __init__(self, passage: StoredPassage) -> None:
        self._by_id = {str(caption_id): seq for seq, caption_id in enumerate(passage.caption_ids)}
        self._segments = passage.segments

    def of(self, caption_ids: Iterable[str], spans: Iterable[Sequence[int]] = ()) -> frozenset[int]:
        known = frozenset(self._by_id[one] for one in caption_ids if one in self._by_id)
        return known or frozenset(
            segment.seq
            for start_ms, end_ms in spans
            for segment in self._segments
            if _is_covered(segment, start_ms, end_ms)
        )


def _is_covered(segment: Segment, start_ms: int, end_ms: int) -> bool:
    """Whether the segment and the span have half of the shorter one in common."""
    common = min(segment.end_ms, end_ms) - max(segment.start_ms, start_ms)
    shorter = min(segment.end_ms - segment.start_ms, end_ms - start_ms)
    return common > 0 and 2 * common >= shorter


def _origin(stored: Mapping[str, Any], seqs: _Seqs) -> Origin:
    return Origin(
        evidence=seqs.of(stored["captionIds"], stored.get("spans", ())),
        title=stored["title"],
        status=TicketStatus(stored["status"]),
    )


def _in_zone(moment: datetime, zone: str) -> datetime:
    try:
        return moment.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        return moment.astimezone(UTC)
