"""Tickets and their history, kept; every change with its receipt and event in one transaction.

Fields are `title content status assignee_id due`, and `dismissed`, which counts as one in the
history so that throwing away can be undone like anything else. History holds them in the API's
names and as plain JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from vori.data.engine import DB, transaction
from vori.data.outbox import publish
from vori.errors import BadMessage, Conflict, NotFound
from vori.ids import EventId, GroupId, MeetingId, TicketId, UserId, uuid7
from vori.tickets.messages import (
    Actor,
    Receipt,
    Ticket,
    TicketCreated,
    TicketStatus,
    TicketUpdated,
)

FIELDS = ("title", "content", "status", "assignee_id", "due")
_NAMES = {"assignee_id": "assigneeId"}
"""Fields whose name in the API differs."""


class TicketDetail(Ticket, frozen=True, kw_only=True, rename="camel"):
    """A ticket with what the board needs to change it.

    `version` grows with each change. `humanEdited` names fields that people have set.
    """

    version: int
    human_edited: tuple[str, ...]
    dismissed: bool


class HistoryKind(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DISMISSED = "dismissed"
    UNDONE = "undone"


class Change(Struct, frozen=True, kw_only=True, rename="camel"):
    """One change of a ticket: the changed fields before and after, and a machine's receipt."""

    history_id: UUID
    ticket_id: TicketId
    meeting_id: MeetingId | None
    at: datetime
    actor: Actor
    user_id: UserId | None
    user: str | None
    kind: HistoryKind
    before: dict[str, Any]
    after: dict[str, Any]
    receipt: Receipt | None
    undone_at: datetime | None


class Filters(Struct, frozen=True, kw_only=True):
    """What a list of tickets holds; dates are whole days, both ends included."""

    meeting_id: MeetingId | None = None
    statuses: tuple[TicketStatus, ...] = ()
    assignee_id: UserId | None = None
    text: str | None = None
    due_after: date | None = None
    due_before: date | None = None
    touched_in: MeetingId | None = None
    """Made in this meeting, or changed by what was said in it."""


_TICKET = """
SELECT t.id AS ticket_id, t.group_id, t.meeting_id, t.title, t.content, t.status, t.assignee_id,
       u.name AS assignee, t.due, t.created_at, t.updated_at, t.version, t.human_edited,
       t.dismissed_at IS NOT NULL AS dismissed
FROM tickets t LEFT JOIN users u ON u.id = t.assignee_id
"""

_LIST = f"""
{_TICKET}
WHERE t.group_id = ANY($1) AND t.dismissed_at IS NULL
  AND ($2::bigint IS NULL OR t.meeting_id = $2)
  AND (cardinality($3::text[]) = 0 OR t.status = ANY($3))
  AND ($4::bigint IS NULL OR t.assignee_id = $4)
  AND ($5::text IS NULL OR t.id || ' ' || t.title || ' ' || t.content ILIKE $5)
  AND ($6::date IS NULL OR t.due >= $6)
  AND ($7::date IS NULL OR t.due <= $7)
  AND ($8::bigint IS NULL OR t.meeting_id = $8
       OR t.id IN (SELECT ticket_id FROM ticket_history WHERE meeting_id = $8))
  AND (t.created_at, substr(t.id, 3)::bigint) < ($9, $10)
ORDER BY t.created_at DESC, substr(t.id, 3)::bigint DESC
LIMIT $11
"""  # noqa: S608 - columns of ours


def number_of(ticket_id: TicketId) -> int:
    """The number in `T-42`."""
    return int(ticket_id[2:])


async def ticket(ticket_id: TicketId) -> TicketDetail:
    """Raises NotFound when there is none, or it was dismissed."""
    rows = await DB.fetch(f"{_TICKET} WHERE t.id = $1 AND t.dismissed_at IS NULL", ticket_id)
    if not rows:
        raise _absent(ticket_id)
    return _detail(rows[0])


async def tickets(
    groups: Collection[GroupId], filters: Filters, *, before: tuple[datetime, int], limit: int
) -> list[TicketDetail]:
    """Up to `limit` tickets of `groups`, newest first, made before the place `before`."""
    rows = await DB.fetch(
        _LIST,
        list(groups),
        filters.meeting_id,
        [status.value for status in filters.statuses],
        filters.assignee_id,
        None if filters.text is None else f"%{_literally(filters.text)}%",
        filters.due_after,
        filters.due_before,
        filters.touched_in,
        before[0],
        before[1],
        limit,
    )
    return [_detail(row) for row in rows]


async def create(
    group_id: GroupId,
    fields: Mapping[str, Any],
    *,
    meeting_id: MeetingId | None,
    user_id: UserId,
    at: datetime,
) -> TicketDetail:
    """A ticket made by hand. `fields` holds those the person gave; `title` is among them."""
    async with transaction():
        await _require_member(group_id, fields.get("assignee_id"))
        made = await insert(
            group_id, fields, meeting_id=meeting_id, human_edited=fields.keys(), at=at
        )
        await record_creation(made, actor=Actor.HUMAN, user_id=user_id, at=at)
        return made


async def change(
    ticket_id: TicketId,
    changes: Mapping[str, Any],
    *,
    user_id: UserId,
    at: datetime,
    version: int | None = None,
) -> TicketDetail:
    """Set fields by hand; machines leave them alone from then on.

    What is equal already is no change. Raises Conflict when the ticket is not at `version`.
    """
    async with transaction():
        await _hold_meeting_of(ticket_id)
        before = await locked(ticket_id)
        if version is not None and version != before.version:
            raise Conflict(
                f"The ticket is at version {before.version}, not {version}; read it again.",
                code="version_conflict",
                ticketId=ticket_id,
                version=before.version,
            )
        new = {k: v for k, v in changes.items() if v != getattr(before, k)}
        if not new:
            return before
        if "assignee_id" in new:
            await _require_member(before.group_id, new["assignee_id"])
        after = await set_fields(before, new, human_edited=new, at=at)
        await record_change(before, after, HistoryKind.UPDATED, user_id=user_id, at=at)
        return after


async def dismiss(ticket_id: TicketId, *, user_id: UserId, at: datetime) -> None:
    """Throw a ticket away. It is remembered, so that machines do not make it again."""
    async with transaction():
        await _hold_meeting_of(ticket_id)
        before = await locked(ticket_id)
        after = await set_fields(before, {"dismissed": True}, human_edited=(), at=at)
        await record_change(before, after, HistoryKind.DISMISSED, user_id=user_id, at=at)


async def history(ticket_id: TicketId) -> list[Change]:
    """Every change, oldest first."""
    rows = await DB.fetch(f"{_CHANGE} WHERE h.ticket_id = $1 ORDER BY h.at, h.id", ticket_id)
    return [_change(row) for row in rows]


async def machine_changes(ticket_id: TicketId, meeting_id: MeetingId) -> list[Change]:
    """What machines changed for the meeting and nobody has undone, newest first."""
    rows = await DB.fetch(
        f"{_CHANGE} WHERE h.ticket_id = $1 AND h.meeting_id = $2 AND h.actor = 'machine'"
        " AND h.undone_at IS NULL ORDER BY h.at DESC, h.id DESC",
        ticket_id,
        meeting_id,
    )
    return [_change(row) for row in rows]


async def undo(
    ticket_id: TicketId, *, history_id: UUID | None, user_id: UserId, at: datetime
) -> TicketDetail:
    """Take back one change: the machine's latest, or the one named (anybody's).

    The fields get the values they had before it; machines leave them alone from then on.
    Undoing a ticket's creation dismisses it. Raises Conflict when there is nothing to undo, it
    is undone already, or a later change touched the same fields.
    """
    async with transaction():
        await _hold_meeting_of(ticket_id)
        before = await locked(ticket_id, dismissed_too=True)
        entry = await _to_undo(ticket_id, history_id)
        after = await set_fields(
            before,
            _values_before(entry, before),
            human_edited=[f for f in (*FIELDS, "dismissed") if name_of(f) in entry.after],
            at=at,
        )
        await DB.fetch(
            "UPDATE ticket_history SET undone_at = $2 WHERE id = $1", entry.history_id, at
        )
        await record_change(before, after, HistoryKind.UNDONE, user_id=user_id, at=at)
        return after


_CHANGE = """
SELECT h.id AS history_id, h.ticket_id, h.meeting_id, h.at, h.actor, h.user_id, u.name AS user,
       h.kind, h.before, h.after, h.receipt, h.undone_at
FROM ticket_history h LEFT JOIN users u ON u.id = h.user_id
"""


async def _to_undo(ticket_id: TicketId, history_id: UUID | None) -> Change:
    rows = await DB.fetch(
        f"{_CHANGE} WHERE h.ticket_id = $1"
        " AND (h.id = $2 OR ($2 IS NULL AND h.actor = 'machine' AND h.undone_at IS NULL))"
        " ORDER BY h.at DESC, h.id DESC LIMIT 1",
        ticket_id,
        history_id,
    )
    if not rows and history_id is not None:
        raise NotFound(f"{ticket_id} has no change {history_id}.", ticketId=ticket_id)
    if not rows:
        raise Conflict(
            f"No machine's change of {ticket_id} is left to undo.",
            code="nothing_to_undo",
            ticketId=ticket_id,
        )
    entry = _change(rows[0])
    if entry.undone_at is not None:
        raise Conflict("This change is undone already.", code="already_undone", ticketId=ticket_id)
    return entry


def _values_before(entry: Change, now: TicketDetail) -> dict[str, Any]:
    """The fields' values before `entry`; raises Conflict when they changed again since."""
    present = _plain(now)
    changed = [name for name, value in entry.after.items() if present[name] != value]
    if changed:
        raise Conflict(
            f"{', '.join(changed)} changed again since; undo that first, or set it by hand.",
            code="changed_since",
            ticketId=now.ticket_id,
        )
    if entry.kind is HistoryKind.CREATED:
        return {"dismissed": True}
    return fields_of(entry.before)


async def _hold_meeting_of(ticket_id: TicketId) -> None:
    """Keep the ticket's meeting from being deleted meanwhile.

    Its deletion holds the meeting and then its tickets, and so does whoever changes one.
    """
    await DB.fetch(
        "SELECT 1 FROM meetings WHERE id = (SELECT meeting_id FROM tickets WHERE id = $1)"
        " FOR KEY SHARE",
        ticket_id,
    )


async def locked(ticket_id: TicketId, *, dismissed_too: bool = False) -> TicketDetail:
    """The ticket, held until the transaction ends."""
    rows = await DB.fetch(f"{_TICKET} WHERE t.id = $1 FOR UPDATE OF t", ticket_id)
    if not rows or (rows[0]["dismissed"] and not dismissed_too):
        raise _absent(ticket_id)
    return _detail(rows[0])


async def insert(
    group_id: GroupId,
    fields: Mapping[str, Any],
    *,
    meeting_id: MeetingId | None,
    human_edited: Iterable[str],
    at: datetime,
    origin: Mapping[str, Any] | None = None,
) -> TicketDetail:
    rows = await DB.fetch(
        "INSERT INTO tickets (group_id, meeting_id, title, content, status, assignee_id, due,"
        " human_edited, origin, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING id",
        group_id,
        meeting_id,
        fields["title"],
        fields.get("content", ""),
        fields.get("status", TicketStatus.TODO).value,
        fields.get("assignee_id"),
        fields.get("due"),
        [name_of(field) for field in human_edited],
        dict(origin or {}),
        at,
    )
    return await ticket(TicketId(rows[0]["id"]))


async def set_fields(
    before: TicketDetail, new: Mapping[str, Any], *, human_edited: Iterable[str], at: datetime
) -> TicketDetail:
    values = {name: new.get(name, getattr(before, name)) for name in (*FIELDS, "dismissed")}
    await DB.fetch(
        "UPDATE tickets SET title = $2, content = $3, status = $4, assignee_id = $5, due = $6,"
        " dismissed_at = CASE WHEN $7 THEN coalesce(dismissed_at, $9) END, human_edited = $8,"
        " origin = CASE WHEN $7 THEN origin ELSE origin - 'withdrawn' END,"
        " updated_at = $9, version = version + 1 WHERE id = $1",
        before.ticket_id,
        values["title"],
        values["content"],
        values["status"].value,
        values["assignee_id"],
        values["due"],
        values["dismissed"],
        list(dict.fromkeys((*before.human_edited, *map(name_of, human_edited)))),
        at,
    )
    rows = await DB.fetch(f"{_TICKET} WHERE t.id = $1", before.ticket_id)
    return _detail(rows[0])


async def record_creation(
    made: TicketDetail,
    *,
    actor: Actor,
    at: datetime,
    user_id: UserId | None = None,
    receipt: Receipt | None = None,
) -> None:
    await _remember(
        made,
        HistoryKind.CREATED,
        {},
        _plain(made),
        actor=actor,
        user_id=user_id,
        meeting_id=made.meeting_id,
        receipt=receipt,
        at=at,
    )
    await publish(
        TicketCreated(
            event_id=EventId(uuid7()),
            meeting_id=made.meeting_id,
            ticket=_as_ticket(made),
            actor=actor,
            receipt=receipt,
        )
    )


async def record_change(
    before: TicketDetail,
    after: TicketDetail,
    kind: HistoryKind,
    *,
    at: datetime,
    user_id: UserId | None = None,
    meeting_id: MeetingId | None = None,
    receipt: Receipt | None = None,
) -> None:
    """`meeting_id` is where the words fell that a machine went by; else the ticket's own."""
    actor = Actor.MACHINE if receipt else Actor.HUMAN
    was, now = _plain(before), _plain(after)
    changed = [name for name in now if now[name] != was[name]]
    await _remember(
        after,
        kind,
        {name: was[name] for name in changed},
        {name: now[name] for name in changed},
        actor=actor,
        user_id=user_id,
        meeting_id=meeting_id or after.meeting_id,
        receipt=receipt,
        at=at,
    )
    await publish(
        TicketUpdated(
            event_id=EventId(uuid7()),
            meeting_id=meeting_id or after.meeting_id,
            ticket=_as_ticket(after),
            actor=actor,
            changed=tuple(changed),
            previous_status=before.status if "status" in changed else None,
            deleted=after.dismissed,
            receipt=receipt,
        )
    )


async def _remember(
    changed: TicketDetail,
    kind: HistoryKind,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    actor: Actor,
    user_id: UserId | None,
    meeting_id: MeetingId | None,
    receipt: Receipt | None,
    at: datetime,
) -> None:
    await DB.fetch(
        "INSERT INTO ticket_history"
        " (id, ticket_id, meeting_id, at, actor, user_id, kind, before, after, receipt)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        uuid7(),
        changed.ticket_id,
        meeting_id,
        at,
        actor.value,
        user_id,
        kind.value,
        before,
        after,
        receipt,
    )


async def is_member(group_id: GroupId, user_id: UserId | None) -> bool:
    """Whether tickets of the group may be given to that person; to nobody they may."""
    if user_id is None:
        return True
    rows = await DB.fetch(
        "SELECT 1 FROM members WHERE group_id = $1 AND user_id = $2", group_id, user_id
    )
    return bool(rows)


async def _require_member(group_id: GroupId, user_id: UserId | None) -> None:
    if not await is_member(group_id, user_id):
        raise BadMessage(
            f"assigneeId {user_id} is no member of group {group_id}.",
            code="assignee_not_member",
            groupId=group_id,
        )


def name_of(field: str) -> str:
    return _NAMES.get(field, field)


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as history keeps them."""
    named: dict[str, Any] = msgspec.to_builtins({name_of(f): v for f, v in fields.items()})
    return named


def _plain(ticket: TicketDetail) -> dict[str, Any]:
    return plain({field: getattr(ticket, field) for field in (*FIELDS, "dismissed")})


def fields_of(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Fields out of history, with their types."""
    values = {
        field: plain[name_of(field)] for field in (*FIELDS, "dismissed") if name_of(field) in plain
    }
    if "status" in values:
        values["status"] = TicketStatus(values["status"])
    if values.get("due") is not None:
        values["due"] = date.fromisoformat(values["due"])
    return values


def _as_ticket(detail: TicketDetail) -> Ticket:
    return Ticket(**{f.name: getattr(detail, f.name) for f in msgspec.structs.fields(Ticket)})


def _detail(row: Any) -> TicketDetail:
    return TicketDetail(
        **{
            **row,
            "status": TicketStatus(row["status"]),
            "human_edited": tuple(row["human_edited"]),
        }
    )


def _change(row: Any) -> Change:
    return Change(
        **{
            **row,
            "actor": Actor(row["actor"]),
            "kind": HistoryKind(row["kind"]),
            "receipt": None if row["receipt"] is None else msgspec.convert(row["receipt"], Receipt),
        }
    )


def _literally(text: str) -> str:
    """`text` for LIKE, its wildcards taken at their word."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _absent(ticket_id: TicketId) -> NotFound:
    return NotFound(f"There is no ticket {ticket_id}.", ticketId=ticket_id)
