"""Taking back all that machines changed for one meeting, in one transaction.

What was undone counts as dismissed: reading the meeting again does not bring it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from vori.data.engine import DB, transaction
from vori.ids import GroupId, MeetingId, TicketId, UserId
from vori.tickets import machine, proposals, store
from vori.tickets.store import FIELDS, Change, HistoryKind, TicketDetail

NAMES = {store.name_of(field): field for field in (*FIELDS, "dismissed")}


class TicketUndo(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket and the fields in question; `dismissed` is among them when it is gone now."""

    ticket_id: TicketId
    title: str
    changed: tuple[str, ...]


class MeetingUndo(Struct, frozen=True, kw_only=True, rename="camel"):
    """`left`: changes that stay, since the fields named have changed again since."""

    undone: tuple[TicketUndo, ...]
    left: tuple[TicketUndo, ...]


async def undo_meeting(
    meeting_id: MeetingId, group_id: GroupId, *, user_id: UserId, at: datetime
) -> MeetingUndo:
    """Give each ticket the values it had before the meeting's machine changed it.

    Tickets that the meeting made are dismissed. A change stays when one of its fields has
    changed again since. Undoing twice changes nothing more.
    """
    undone: list[TicketUndo] = []
    left: list[TicketUndo] = []
    async with transaction():
        await machine.hold_board(group_id)
        await machine.hold_meeting(meeting_id)
        for ticket_id in await _touched(meeting_id):
            before = await store.locked(ticket_id, dismissed_too=True)
            entries = await store.machine_changes(ticket_id, meeting_id)
            if before.dismissed and not any("dismissed" in e.before for e in entries):
                continue  # a person threw it away: nothing of the machine's is left
            back, present, stays = _steps_back(entries, before)
            if stays:
                left.append(TicketUndo(ticket_id=ticket_id, title=before.title, changed=stays))
            changed = await _write(before, back, present, user_id=user_id, at=at)
            if changed:
                undone.append(TicketUndo(ticket_id=ticket_id, title=before.title, changed=changed))
        gone = [one.ticket_id for one in undone if "dismissed" in one.changed]
        await proposals.supersede_for(gone, at=at)
    return MeetingUndo(undone=tuple(undone), left=tuple(left))


async def _touched(meeting_id: MeetingId) -> list[TicketId]:
    """Tickets with a machine's change that is not undone, held, in the order others hold them."""
    rows = await DB.fetch(
        "SELECT id FROM tickets WHERE id IN (SELECT ticket_id FROM ticket_history"
        " WHERE meeting_id = $1 AND actor = 'machine' AND undone_at IS NULL)"
        " ORDER BY id FOR UPDATE",
        meeting_id,
    )
    return [TicketId(row["id"]) for row in rows]


def _steps_back(
    entries: Sequence[Change], now: TicketDetail
) -> tuple[list[Change], dict[str, Any], tuple[str, ...]]:
    """Which entries can be undone, the values then, and fields that keep others from it.

    Entries are the newest first.
    """
    values = store.plain({field: getattr(now, field) for field in NAMES.values()})
    back: list[Change] = []
    stays: dict[str, None] = {}
    for entry in entries:
        since = [name for name, value in entry.after.items() if values[name] != value]
        if since:
            stays |= dict.fromkeys(since)
            continue
        is_made = entry.kind is HistoryKind.CREATED
        values |= {"dismissed": True} if is_made else entry.before
        back.append(entry)
    return back, values, tuple(stays)


async def _write(
    before: TicketDetail,
    back: Sequence[Change],
    values: dict[str, Any],
    *,
    user_id: UserId,
    at: datetime,
) -> tuple[str, ...]:
    """Write the undoing of one ticket as one change; returns the fields that changed."""
    if not back:
        return ()
    new = store.fields_of(values)
    changed = tuple(name for name, field in NAMES.items() if new[field] != getattr(before, field))
    if changed:
        set_by_person = {NAMES[name] for entry in back for name in entry.after}
        after = await store.set_fields(before, new, human_edited=sorted(set_by_person), at=at)
        await store.record_change(before, after, HistoryKind.UNDONE, user_id=user_id, at=at)
    await DB.fetch(
        "UPDATE ticket_history SET undone_at = $2 WHERE id = ANY($1)",
        [entry.history_id for entry in back],
        at,
    )
    # What a machine had withdrawn would otherwise come back with its words.
    await DB.fetch(
        "UPDATE tickets SET origin = origin - 'withdrawn' WHERE id = $1 AND dismissed_at NOTNULL",
        before.ticket_id,
    )
    return changed
