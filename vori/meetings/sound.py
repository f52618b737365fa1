"""Which meetings take sound, and how a meeting ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from msgspec import Struct

from vori.clock import Clock
from vori.data.engine import DB, transaction
from vori.errors import Conflict, Forbidden, NotFound
from vori.ids import GroupId, MeetingId
from vori.meetings.messages import MeetingStatus
from vori.meetings.store import announce_created, announce_updated, words_deleted
from vori.people.messages import Principal

ATTEMPTS = 3
"""How often recordings are finished that are begun while their meeting is being ended."""


class Admission(Struct, frozen=True, kw_only=True):
    """A meeting that takes sound."""

    started_at: datetime
    language: str | None


async def admit(
    meeting_id: MeetingId,
    group_id: GroupId,
    principal: Principal,
    *,
    clock: Clock,
    reopens: bool = False,
) -> Admission:
    """Let sound into a meeting, which becomes LIVE; runs in the caller's transaction.

    `reopens`: an ended meeting becomes LIVE again, since people talk on.

    A meeting that does not exist yet is made in `group_id`: clients may name one they will
    use. Raises Forbidden for a group of others, NotFound for their meeting,
    Conflict(code="meeting_ended").
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
        "SELECT group_id, status, started_at, language, words_deleted_at FROM meetings"
        " WHERE id = $1 FOR UPDATE",
        meeting_id,
    )
    if meeting["group_id"] != group_id:
        raise NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)
    if meeting["status"] == "ENDED" and not reopens:
        raise Conflict(
            f"Meeting {meeting_id} has ended; make another, or set its status back to LIVE.",
            code="meeting_ended",
            meeting_id=meeting_id,
        )
    if meeting["words_deleted_at"] is not None:
        raise words_deleted(meeting_id, meeting["words_deleted_at"])
    if made:
        await announce_created(meeting_id)
    elif meeting["status"] != "LIVE":
        await DB.fetch(
            "UPDATE meetings SET status = 'LIVE', started_at = coalesce(started_at, $2),"
            " ended_at = NULL, updated_at = $2 WHERE id = $1",
            meeting_id,
            now,
        )
        await announce_updated(
            meeting_id,
            ("status", "startedAt"),
            previous_status=MeetingStatus(meeting["status"]),
        )
    return Admission(started_at=meeting["started_at"] or now, language=meeting["language"])


async def end(
    meeting_id: MeetingId,
    *,
    clock: Clock,
    finish_recordings: Callable[[MeetingId], Awaitable[None]],
) -> None:
    """End a meeting once its recordings are finished. Ending twice changes nothing.

    Raises NotFound when the meeting is gone.
    """
    for attempt in range(ATTEMPTS):
        await finish_recordings(meeting_id)
        if await _end(meeting_id, clock, even_if_open=attempt == ATTEMPTS - 1):
            return


async def _end(meeting_id: MeetingId, clock: Clock, *, even_if_open: bool) -> bool:
    """Whether the meeting is ended now: not if somebody has begun to record again meanwhile."""
    async with transaction():
        rows = await DB.fetch("SELECT status FROM meetings WHERE id = $1 FOR UPDATE", meeting_id)
        if not rows:
            raise NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)
        [before] = rows
        if before["status"] == MeetingStatus.ENDED:
            return True
        is_recorded = await DB.fetch(  # asked under the lock, so that nobody begins after it
            "SELECT 1 FROM recordings WHERE meeting_id = $1 AND status = 'OPEN' LIMIT 1",
            meeting_id,
        )
        if is_recorded and not even_if_open:
            return False
        await DB.fetch(
            """
            UPDATE meetings SET status = 'ENDED', ended_at = $2, updated_at = $2,
                started_at = coalesce(started_at, $2)
            WHERE id = $1
            """,
            meeting_id,
            clock.now(),
        )
        await announce_updated(
            meeting_id,
            ("status", "endedAt"),
            previous_status=MeetingStatus(before["status"]),
        )
    return True


async def fallen_silent(now: datetime, *, gone: timedelta, unheard: timedelta) -> list[MeetingId]:
    """LIVE meetings that had recordings, which are over.

    Either all recordings have been finished for `gone`, or nobody has begun to record or said a
    word for `unheard`, or for the minutes that the group chose, though a microphone may still be on.
    """
    rows = await DB.fetch(
        """
        WITH live AS (
            SELECT m.id, m.updated_at, $1::timestamptz - coalesce(
                g.end_after_silence_min * interval '1 minute', $3::interval) AS unheard_since
            FROM meetings m JOIN groups g ON g.id = m.group_id WHERE m.status = 'LIVE')
        SELECT l.id FROM live l JOIN recordings r ON r.meeting_id = l.id
        GROUP BY l.id, l.updated_at, l.unheard_since
        HAVING (bool_and(r.status <> 'OPEN') AND max(r.finished_at) < $1::timestamptz - $2::interval)
            OR (max(r.started_at) < l.unheard_since AND l.updated_at < l.unheard_since
                AND NOT EXISTS (
                    SELECT 1 FROM captions c
                    WHERE c.meeting_id = l.id AND c.created_at >= l.unheard_since))
        """,
        now,
        gone,
        unheard,
    )
    return [MeetingId(row["id"]) for row in rows]
