"""Changes that machines want and people decide on.

A meeting's open proposals are what its last reading wants and may not do by itself. A longer
reading revises them in place, and supersedes those it no longer asks for. Once decided, a
proposal stays: what was dismissed is not proposed again from the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from vori.data.engine import DB, transaction
from vori.data.outbox import publish
from vori.errors import BadMessage, Conflict, NotFound
from vori.ids import EventId, GroupId, MeetingId, TicketId, UserId, uuid7
from vori.tickets import machine, store
from vori.tickets.machine import Cause
from vori.tickets.messages import (
    Proposal,
    ProposalCreated,
    ProposalDecided,
    ProposalKind,
    ProposalState,
    Receipt,
)


class Wanted(Struct, frozen=True, kw_only=True):
    """What a reading wants. `origin`: the ticket's, once it is accepted.

    `proposal_id` is the kept proposal that it goes on from; None: found by ticket and kind.
    """

    kind: ProposalKind
    ticket_id: TicketId | None
    before: dict[str, Any]
    after: dict[str, Any]
    origin: dict[str, Any]
    receipt: Receipt
    proposal_id: int | None = None

    def payload(self) -> dict[str, Any]:
        return {"before": self.before, "after": self.after, "origin": self.origin}


class Kept(Struct, frozen=True, kw_only=True):
    """A proposal as a reading needs it: of any state, in this meeting or another."""

    proposal_id: int
    meeting_id: MeetingId
    kind: ProposalKind
    state: ProposalState
    ticket_id: TicketId | None
    after: dict[str, Any]
    caption_ids: tuple[UUID, ...]
    span: tuple[int, int]
    """When its words were said: from, to, in milliseconds from the meeting's start."""


_PROPOSAL = """
SELECT p.id AS proposal_id, p.group_id, p.meeting_id, p.kind, p.ticket_id, t.title,
       p.payload -> 'before' AS before, p.payload -> 'after' AS after, p.receipt, p.state,
       p.decided_by, p.decided_at, p.created_at, p.updated_at
FROM proposals p LEFT JOIN tickets t ON t.id = p.ticket_id
"""

_LIST = f"""
{_PROPOSAL}
WHERE p.group_id = ANY($1) AND ($2::bigint IS NULL OR p.meeting_id = $2)
  AND ($3::text IS NULL OR p.state = $3) AND (p.created_at, p.id) < ($4, $5)
ORDER BY p.created_at DESC, p.id DESC LIMIT $6
"""


async def proposal(proposal_id: int) -> Proposal:
    rows = await DB.fetch(f"{_PROPOSAL} WHERE p.id = $1", proposal_id)
    if not rows:
        raise NotFound(f"There is no proposal {proposal_id}.", proposalId=proposal_id)
    return _proposal(rows[0])


async def proposals(
    groups: Collection[GroupId],
    *,
    meeting_id: MeetingId | None,
    state: ProposalState | None,
    before: tuple[datetime, int],
    limit: int,
) -> list[Proposal]:
    """Up to `limit` proposals of `groups`, newest first, made before the place `before`."""
    rows = await DB.fetch(
        _LIST,
        list(groups),
        meeting_id,
        state.value if state else None,
        before[0],
        before[1],
        limit,
    )
    return [_proposal(row) for row in rows]


async def accept(
    proposal_id: int, edits: Mapping[str, Any], *, user_id: UserId, at: datetime
) -> Proposal:
    """Write the change as the machine's, accepted by `user_id`, then `edits` as that person's.

    Raises Conflict(code="proposal_decided") when it is not open any more, and
    Conflict(code="changed_since") when the ticket is no longer as it was proposed upon.
    """
    async with transaction():
        one = await _held(proposal_id)
        cause = Cause(meeting_id=one.meeting_id, receipt=one.receipt, at=at, user_id=user_id)
        match one.kind:
            case ProposalKind.CREATE:
                ticket_id = await _create(one, cause)
            case ProposalKind.WITHDRAW:
                ticket_id = await _withdraw(one, cause, edits)
            case _:
                ticket_id = await _change(one, cause)
        if edits:
            # A moment later, so that the history tells the two in their order.
            edited_at = at + timedelta(microseconds=1)
            await store.change(ticket_id, edits, user_id=user_id, at=edited_at)
        await DB.fetch("UPDATE proposals SET ticket_id = $2 WHERE id = $1", proposal_id, ticket_id)
        await _close(proposal_id, ProposalState.ACCEPTED, user_id=user_id, at=at)
        return await proposal(proposal_id)


async def dismiss(proposal_id: int, *, user_id: UserId, at: datetime) -> Proposal:
    """Refuse it for good. Raises Conflict(code="proposal_decided") unless it is open."""
    async with transaction():
        await _held(proposal_id)
        await _close(proposal_id, ProposalState.DISMISSED, user_id=user_id, at=at)
        return await proposal(proposal_id)


async def kept(group_id: GroupId, meeting_id: MeetingId, *, most_dismissed: int) -> list[Kept]:
    """What a reading of the meeting must know: all of its own, open and dismissed creations
    of the group's other meetings; open ones first.
    """
    rows = await DB.fetch(
        """
        SELECT * FROM (
        (SELECT id AS proposal_id, meeting_id, kind, state, ticket_id,
                payload -> 'after' AS after, receipt -> 'captionIds' AS caption_ids,
                jsonb_build_array(receipt -> 'startMs', receipt -> 'endMs') AS span
         FROM proposals WHERE meeting_id = $2 OR group_id = $1 AND state = 'OPEN')
        UNION ALL
        (SELECT id, meeting_id, kind, state, ticket_id, payload -> 'after',
                receipt -> 'captionIds',
                jsonb_build_array(receipt -> 'startMs', receipt -> 'endMs')
         FROM proposals WHERE group_id = $1 AND meeting_id <> $2 AND state = 'DISMISSED'
              AND kind = 'create'
         ORDER BY decided_at DESC LIMIT $3)) AS known
        ORDER BY state = 'OPEN' DESC, proposal_id
        """,
        group_id,
        meeting_id,
        most_dismissed,
    )
    return [msgspec.convert(dict(row), Kept, strict=False) for row in rows]


async def reconcile(
    group_id: GroupId,
    meeting_id: MeetingId,
    wanted: Sequence[Wanted],
    *,
    at: datetime,
    among: tuple[Sequence[TicketId], Sequence[UUID]] | None = None,
) -> tuple[int, ...]:
    """Make the meeting's open proposals those that are wanted; returns the new and the changed.

    `among`: only those for these tickets, or that rest on one of these captions, are looked at.
    Runs in the transaction that decided, under `machine.hold_board`.
    """
    rows = await DB.fetch(
        "SELECT id, kind, ticket_id, payload, receipt, state FROM proposals"
        " WHERE meeting_id = $1 AND state IN ('OPEN', 'SUPERSEDED')"
        " AND ($2::text[] IS NULL OR ticket_id = ANY($2) OR receipt -> 'captionIds' ?| $3)"
        " ORDER BY state = 'OPEN', id FOR UPDATE",
        meeting_id,
        None if among is None else list(among[0]),
        [] if among is None else [str(caption_id) for caption_id in among[1]],
    )
    by_id = {row["id"]: row for row in rows}
    by_ticket = {(row["kind"], row["ticket_id"]): row for row in rows if row["kind"] != "create"}
    changed: list[int] = []
    current: set[int] = set()
    for one in wanted:
        row = by_id.get(one.proposal_id) or by_ticket.get((one.kind.value, one.ticket_id))
        if row is None:
            number = await _insert(group_id, meeting_id, one, at)
            changed.append(number)
        else:
            number = int(row["id"])
            if await _update(row, one, at):
                changed.append(number)
        current.add(number)
    gone = [row["id"] for row in rows if row["state"] == "OPEN" and row["id"] not in current]
    for number in gone:
        await _close(number, ProposalState.SUPERSEDED, user_id=None, at=at)
    return tuple(changed)


async def _insert(group_id: GroupId, meeting_id: MeetingId, one: Wanted, at: datetime) -> int:
    rows = await DB.fetch(
        "INSERT INTO proposals"
        " (group_id, meeting_id, kind, ticket_id, payload, receipt, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
        group_id,
        meeting_id,
        one.kind.value,
        one.ticket_id,
        one.payload(),
        one.receipt,
        at,
    )
    number = int(rows[0]["id"])
    await _tell_open(number)
    return number


async def _update(row: Any, one: Wanted, at: datetime) -> bool:
    """Whether anything changed."""
    same = row["payload"] == one.payload() and _receipt(row) == one.receipt
    if same and row["state"] == "OPEN":
        return False
    await DB.fetch(
        "UPDATE proposals SET payload = $2, receipt = $3, state = 'OPEN', decided_at = NULL,"
        " updated_at = $4 WHERE id = $1",
        row["id"],
        one.payload(),
        one.receipt,
        at,
    )
    await _tell_open(row["id"], is_revised=row["state"] == "OPEN")
    return True


async def _close(
    proposal_id: int, state: ProposalState, *, user_id: UserId | None, at: datetime
) -> None:
    await DB.fetch(
        "UPDATE proposals SET state = $2, decided_by = $3, decided_at = $4, updated_at = $4"
        " WHERE id = $1",
        proposal_id,
        state.value,
        user_id,
        at,
    )
    await _tell_decided(proposal_id)


async def supersede_for(tickets: Sequence[TicketId], *, at: datetime) -> None:
    """Close what is proposed for tickets that are gone."""
    rows = await DB.fetch(
        "SELECT id FROM proposals WHERE ticket_id = ANY($1) AND state = 'OPEN' ORDER BY id",
        list(tickets),
    )
    for row in rows:
        await _close(row["id"], ProposalState.SUPERSEDED, user_id=None, at=at)


async def _tell_open(proposal_id: int, *, is_revised: bool = False) -> None:
    one = await proposal(proposal_id)
    await publish(
        ProposalCreated(
            event_id=EventId(uuid7()),
            meeting_id=one.meeting_id,
            proposal=one,
            is_revised=is_revised,
        )
    )


async def _tell_decided(proposal_id: int) -> None:
    one = await proposal(proposal_id)
    await publish(
        ProposalDecided(event_id=EventId(uuid7()), meeting_id=one.meeting_id, proposal=one)
    )


class _Held(Proposal, frozen=True, kw_only=True):
    origin: dict[str, Any]


async def _held(proposal_id: int) -> _Held:
    """The open proposal, while no reading changes it and nobody else decides on it."""
    one = await proposal(proposal_id)
    await machine.hold_board(one.group_id)
    await machine.hold_meeting(one.meeting_id)
    rows = await DB.fetch(
        "SELECT payload -> 'origin' AS origin FROM proposals WHERE id = $1 FOR UPDATE", proposal_id
    )
    one = await proposal(proposal_id)
    if one.state is not ProposalState.OPEN:
        raise Conflict(
            f"Proposal {proposal_id} is {one.state.value} already.",
            code="proposal_decided",
            proposalId=proposal_id,
            state=one.state.value,
        )
    return _Held(**msgspec.structs.asdict(one), origin=rows[0]["origin"])


async def _create(one: _Held, cause: Cause) -> TicketId:
    fields = store.fields_of(one.after)
    if not await store.is_member(one.group_id, fields["assignee_id"]):
        fields["assignee_id"] = None  # left the group since
    ticket_id, _ = await machine.create(one.group_id, fields, one.origin, cause)
    return ticket_id


async def _change(one: _Held, cause: Cause) -> TicketId:
    ticket_id = await _unchanged(one)
    now = await store.ticket(ticket_id)
    fields = store.fields_of(one.after)
    new = {field: value for field, value in fields.items() if getattr(now, field) != value}
    if not await store.is_member(one.group_id, new.get("assignee_id")):
        del new["assignee_id"]
    if new:
        await machine.change(ticket_id, new, cause)
    if one.origin:
        await machine.set_origin(ticket_id, one.origin)
    return ticket_id


async def _withdraw(one: _Held, cause: Cause, edits: Mapping[str, Any]) -> TicketId:
    if edits:
        raise BadMessage(
            "The proposal takes a ticket back, there is nothing to edit; dismiss it and change"
            " the ticket.",
            code="no_edits",
            proposalId=one.proposal_id,
        )
    ticket_id = await _unchanged(one)
    await machine.withdraw(ticket_id, cause)
    return ticket_id


async def _unchanged(one: _Held) -> TicketId:
    """The proposal's ticket, held, if each field is as before the change or as after it."""
    assert one.ticket_id is not None
    try:
        now = await store.locked(one.ticket_id)
    except NotFound:
        changed = ["dismissed"]
    else:
        present = store.plain({f: getattr(now, f) for f in (*store.FIELDS, "dismissed")})
        changed = [
            name
            for name, value in one.before.items()
            if present[name] != value and present[name] != one.after.get(name, value)
        ]
    if changed:
        raise Conflict(
            f"{', '.join(changed)} of {one.ticket_id} changed since this was proposed;"
            " dismiss it, or change the ticket by hand.",
            code="changed_since",
            proposalId=one.proposal_id,
            ticketId=one.ticket_id,
        )
    return one.ticket_id


def _proposal(row: Any) -> Proposal:
    return Proposal(
        **{
            **row,
            "kind": ProposalKind(row["kind"]),
            "state": ProposalState(row["state"]),
            "receipt": _receipt(row),
        }
    )


def _receipt(row: Any) -> Receipt:
    return msgspec.convert(row["receipt"], Receipt)
