"""A machine's changes, written: by a reading at once, or when somebody accepts a proposal.

Every function runs in its caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from vori.data.engine import DB
from vori.errors import NotFound
from vori.ids import GroupId, MeetingId, TicketId, UserId
from vori.people.messages import Policy
from vori.tickets import store
from vori.tickets.messages import Actor, Receipt
from vori.tickets.store import HistoryKind


class Cause(Struct, frozen=True, kw_only=True):
    """Where the words fell, the receipt, and who accepted the change, if it waited for that."""

    meeting_id: MeetingId
    receipt: Receipt
    at: datetime
    user_id: UserId | None = None


class Rules(Struct, frozen=True, kw_only=True):
    """What a group lets machines do by themselves."""

    policy: Policy = Policy.AUTO
    auto_above: float | None = None


async def hold_board(group_id: GroupId) -> Rules:
    """Wait until nobody else reads meetings onto the group's board or decides on proposals.

    Not the tickets' rows: locking thousands each second would rewrite them all.
    """
    return _rules(
        await DB.fetch(
            "SELECT policy, auto_above FROM groups WHERE id = $1 FOR NO KEY UPDATE", group_id
        )
    )


def _rules(rows: Sequence[Any]) -> Rules:
    if not rows:
        return Rules()
    return Rules(policy=Policy(rows[0]["policy"]), auto_above=rows[0]["auto_above"])


async def hold_meeting(meeting_id: MeetingId) -> None:
    """Keep the meeting from being deleted meanwhile; to be held before any ticket of it.

    Raises NotFound when it was.
    """
    rows = await DB.fetch("SELECT id FROM meetings WHERE id = $1 FOR KEY SHARE", meeting_id)
    if not rows:
        raise NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)


async def create(
    group_id: GroupId, fields: Mapping[str, Any], origin: Mapping[str, Any], cause: Cause
) -> tuple[TicketId, bool]:
    """Make a ticket, or bring back the one that an earlier reading made of the same words.

    Returns its id, and whether it is new. `origin` holds `captionIds`, `title` and `status`.
    """
    known = await _withdrawn(origin, cause.meeting_id)
    if known is not None:
        await change(known, {**fields, "dismissed": False}, cause)
        await set_origin(known, origin)
        return known, False
    made = await store.insert(
        group_id,
        fields,
        meeting_id=cause.meeting_id,
        human_edited=(),
        origin=origin,
        at=cause.at,
    )
    await store.record_creation(
        made, actor=Actor.MACHINE, receipt=cause.receipt, user_id=cause.user_id, at=cause.at
    )
    return made.ticket_id, True


async def change(
    ticket_id: TicketId,
    new: Mapping[str, Any],
    cause: Cause,
    kind: HistoryKind = HistoryKind.UPDATED,
) -> None:
    before = await store.locked(ticket_id, dismissed_too=True)
    after = await store.set_fields(before, new, human_edited=(), at=cause.at)
    await store.record_change(
        before,
        after,
        kind,
        meeting_id=cause.meeting_id,
        receipt=cause.receipt,
        user_id=cause.user_id,
        at=cause.at,
    )


async def withdraw(ticket_id: TicketId, cause: Cause) -> None:
    """Take a ticket back that the meeting no longer asks for; its words may bring it back."""
    await change(ticket_id, {"dismissed": True}, cause, HistoryKind.DISMISSED)
    await DB.fetch(
        "UPDATE tickets SET origin = origin || '{\"withdrawn\": true}' WHERE id = $1", ticket_id
    )


async def set_origin(ticket_id: TicketId, origin: Mapping[str, Any]) -> None:
    await DB.fetch("UPDATE tickets SET origin = $2 WHERE id = $1", ticket_id, dict(origin))


async def _withdrawn(origin: Mapping[str, Any], meeting_id: MeetingId) -> TicketId | None:
    rows = await DB.fetch(
        "SELECT id FROM tickets WHERE meeting_id = $1 AND dismissed_at IS NOT NULL"
        " AND (origin ->> 'withdrawn')::boolean AND origin -> 'captionIds' ?| $2"
        " AND origin ->> 'title' = $3 ORDER BY id LIMIT 1",
        meeting_id,
        list(origin["captionIds"]),
        origin["title"],
    )
    return TicketId(rows[0]["id"]) if rows else None
