"""Which meetings take sound, and how a meeting ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec import Struct

from vori.clock import Clock
from vori.data.engine import DB, transaction
from vori.errors import Conflict, Forbidden
from vori.ids import GroupId, MeetingId
from vori.people.messages import Principal


class Admission(Struct, frozen=True, kw_only=True):
    """A meeting that takes sound."""

    started_at: datetime
    language: str | None


class MeetingChanges(Struct, frozen=True, kw_only=True):
    """How to tell of a meeting that was made or changed; both run in the current transaction."""

    created: Callable[[MeetingId], Awaitable[None]]
    updated: Callable[[MeetingId, tuple[str, ...]], Awaitable[None]]


async def admit(
    meeting_id: MeetingId,
    group_id: GroupId,
    principal: Principal,
    *,
    clock: Clock,
    changes: MeetingChanges,
) -> Admission:
    """Let sound into a meeting, which becomes LIVE; runs in the caller's transaction.

    A meeting that does not exist yet is made in `group_id`: clients may name one they will
    use. Raises Forbidden for another group's meeting, Conflict(code="meeting_ended").
    """
    if group_id not in principal.roles:
        raise Forbidden(f"You are no member of group {group_id}.", group_id=group_id)
    now = clock.now()
    made = await DB.fetch(
        """
        INSERT INTO meetings (id, group_id, status, started_at, created_by, time_zone, created_at,
            updated_at)
        SELECT $1, $2, 'LIVE', $3, id, time_zone, $3, $3 FROM users WHERE id = $4
        ON CONFLICT (id) DO NOTHING RETURNING id
        """,
        meeting_id,
        group_id,
        now,
        principal.user_id,
    )
    [meeting] = await DB.fetch(
        "SELECT group_id, status, started_at, language FROM meetings WHERE id = $1 FOR UPDATE",
        meeting_id,
    )
    if meeting["group_id"] != group_id:
        raise Forbidden(
            f"Meeting {meeting_id} is not one of group {group_id}.", meeting_id=meeting_id
        )
    if meeting["status"] == "ENDED":
        raise Conflict(
            f"Meeting {meeting_id} has ended; make another, or set its status back to LIVE.",
            code="meeting_ended",
            meeting_id=meeting_id,
        )
    if made:
        await changes.created(meeting_id)
    elif meeting["status"] != "LIVE":
        await DB.fetch(
            "UPDATE meetings SET status = 'LIVE', started_at = coalesce(started_at, $2),"
            " updated_at = $2 WHERE id = $1",
            meeting_id,
            now,
        )
        await changes.updated(meeting_id, ("status", "startedAt"))
    return Admission(started_at=meeting["started_at"] or now, language=meeting["language"])


async def end(
    meeting_id: MeetingId,
    *,
    clock: Clock,
    changes: MeetingChanges,
    finish_recordings: Callable[[MeetingId], Awaitable[None]],
) -> None:
    """End a meeting once its recordings are finished. Ending twice changes nothing."""
    await finish_recordings(meeting_id)
    async with transaction():
        ended = await DB.fetch(
            """
            UPDATE meetings SET status = 'ENDED', ended_at = $2, updated_at = $2,
                started_at = coalesce(started_at, $2)
            WHERE id = $1 AND status <> 'ENDED' RETURNING id
            """,
            meeting_id,
            clock.now(),
        )
        if ended:
            await changes.updated(meeting_id, ("status", "endedAt"))


async def silent_since(before: datetime) -> list[MeetingId]:
    """LIVE meetings that had recordings, all of which finished before `before`."""
    rows = await DB.fetch(
        """
        SELECT m.id FROM meetings m JOIN recordings r ON r.meeting_id = m.id
        WHERE m.status = 'LIVE' GROUP BY m.id
        HAVING bool_and(r.status <> 'OPEN') AND max(r.finished_at) < $1
        """,
        before,
    )
    return [MeetingId(row["id"]) for row in rows]
