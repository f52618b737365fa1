"""Meetings, what was said in them, their recordings and minutes, kept.

Each change is written with its event in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from vori.data.engine import DB, transaction
from vori.data.outbox import publish
from vori.data.retention import delete_words
from vori.errors import Conflict, Gone, NotFound
from vori.ids import AudioId, CaptionId, EventId, GroupId, MeetingId, UserId, uuid7
from vori.meetings.messages import (
    MeetingCreated,
    MeetingStatus,
    MeetingSummary,
    MeetingUpdated,
)
from vori.transcribe.messages import Word


class Meeting(Struct, frozen=True, kw_only=True, rename="camel"):
    meeting_id: MeetingId
    group_id: GroupId
    title: str
    status: MeetingStatus
    language: str | None
    time_zone: str
    started_at: datetime | None
    ended_at: datetime | None
    created_by: UserId | None
    created_at: datetime
    updated_at: datetime
    has_minutes: bool
    """Minutes have been written since the meeting last ended."""
    notes: tuple[str, ...] = ()
    """What people should know about its last reading: that an engine was away, or cut off."""
    sound_deleted_at: datetime | None = None
    words_deleted_at: datetime | None = None
    """By the group's days (`keepSoundDays`, `keepWordsDays`)."""


class Line(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A final caption; times count in milliseconds from the meeting's start."""

    caption_id: CaptionId
    audio_id: AudioId
    text: str
    language: str
    start_ms: int
    end_ms: int
    speaker_id: UserId | None
    speaker: str | None
    words: tuple[Word, ...] = ()
    """Where each word was said, if they were asked for; times count as the line's do."""


class RecordingInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """One microphone's sound; `offsetMs` counts from the meeting's start."""

    recording_id: UUID
    audio_id: AudioId
    meeting_id: MeetingId
    user_id: UserId | None
    status: str
    language: str | None
    offset_ms: int
    duration_ms: int
    received_bytes: int
    failure: str | None
    started_at: datetime
    finished_at: datetime | None
    sound_deleted_at: datetime | None = None


class MinutesText(Struct, frozen=True, kw_only=True, rename="camel"):
    """Minutes as Markdown. `engine` wrote them; `editedBy` changed them since."""

    meeting_id: MeetingId
    language: str
    markdown: str
    engine: str
    model: str
    edited_by: UserId | None
    created_at: datetime
    updated_at: datetime


_MEETING = """
SELECT m.id AS meeting_id, m.group_id, m.title, m.status, m.language, m.time_zone, m.started_at,
       m.ended_at, m.created_by, m.created_at, m.updated_at, m.sound_deleted_at, m.words_deleted_at,
       EXISTS (SELECT 1 FROM minutes n WHERE n.meeting_id = m.id
               AND n.updated_at >= coalesce(m.ended_at, m.created_at)) AS has_minutes,
       coalesce((SELECT notes FROM readings r WHERE r.meeting_id = m.id), '[]') AS notes
FROM meetings m
"""


async def meeting(meeting_id: MeetingId) -> Meeting:
    rows = await DB.fetch(f"{_MEETING} WHERE m.id = $1", meeting_id)
    if not rows:
        raise _absent(meeting_id)
    return _meeting(rows[0])


async def meetings(
    groups: Collection[GroupId],
    *,
    status: MeetingStatus | None,
    before: tuple[datetime, int],
    limit: int,
) -> list[Meeting]:
    """Up to `limit` meetings of `groups`, newest first, made before the place `before`."""
    rows = await DB.fetch(
        f"{_MEETING} WHERE m.group_id = ANY($1) AND ($2::text IS NULL OR m.status = $2)"
        " AND (m.created_at, m.id) < ($3, $4) ORDER BY m.created_at DESC, m.id DESC LIMIT $5",
        list(groups),
        status.value if status else None,
        before[0],
        before[1],
        limit,
    )
    return [_meeting(row) for row in rows]


async def free_id() -> MeetingId:
    """An id that no meeting has, and that is not given out again."""
    [row] = await DB.fetch("SELECT next_meeting_id() AS id")
    return MeetingId(row["id"])


async def create(
    *,
    group_id: GroupId,
    title: str,
    language: str | None,
    time_zone: str,
    created_by: UserId,
    at: datetime,
    meeting_id: MeetingId | None = None,
) -> Meeting:
    """A SCHEDULED meeting. Raises Conflict when `meeting_id` is taken."""
    async with transaction():
        rows = await DB.fetch(
            "INSERT INTO meetings"
            " (id, group_id, title, language, time_zone, created_by, created_at, updated_at)"
            " VALUES (coalesce($1, next_meeting_id()), $2, $3, $4, $5, $6, $7, $7)"
            " ON CONFLICT (id) DO NOTHING RETURNING id",
            meeting_id,
            group_id,
            title,
            language,
            time_zone,
            created_by,
            at,
        )
        if not rows:
            raise Conflict(
                f"The id {meeting_id} is taken; leave `meetingId` out to get a free one.",
                code="meeting_id_taken",
                meetingId=meeting_id,
            )
        made = MeetingId(rows[0]["id"])
        await announce_created(made)
        return await meeting(made)


async def change(meeting_id: MeetingId, changes: dict[str, Any], *, at: datetime) -> Meeting:
    """Set `title`, `language`, `time_zone`; `status` LIVE opens the meeting (again).

    What is equal already is no change.
    """
    async with transaction():
        await _lock(meeting_id)
        before = await meeting(meeting_id)
        new = {k: v for k, v in changes.items() if v != getattr(before, k)}
        if not new:
            return before
        if new.get("status") is MeetingStatus.SCHEDULED:
            raise Conflict(
                f"The meeting is {before.status.value}; it cannot be SCHEDULED again.",
                code="bad_status",
                meetingId=meeting_id,
            )
        is_opened = new.get("status") is MeetingStatus.LIVE
        if is_opened and before.words_deleted_at is not None:
            raise words_deleted(meeting_id, before.words_deleted_at)
        await DB.fetch(
            "UPDATE meetings SET title = $2, language = $3, time_zone = $4, status = $5,"
            " started_at = CASE WHEN $6 THEN coalesce(started_at, $7) ELSE started_at END,"
            " ended_at = CASE WHEN $6 THEN NULL ELSE ended_at END, updated_at = $7 WHERE id = $1",
            meeting_id,
            new.get("title", before.title),
            new.get("language", before.language),
            new.get("time_zone", before.time_zone),
            new.get("status", before.status).value,
            is_opened,
            at,
        )
        names = {"time_zone": "timeZone"}
        await announce_updated(
            meeting_id,
            tuple(names.get(name, name) for name in new),
            previous_status=before.status if "status" in new else None,
        )
        return await meeting(meeting_id)


async def delete(meeting_id: MeetingId) -> None:
    """Remove the meeting and all that was said in it, quotes too; its tickets stay.

    Raises Conflict while it is LIVE: sound is still coming in.
    """
    async with transaction():
        await _lock(meeting_id)
        if (await meeting(meeting_id)).status is MeetingStatus.LIVE:
            raise Conflict(
                "The meeting is LIVE; end it before you delete it.",
                code="meeting_live",
                meetingId=meeting_id,
            )
        await delete_words(meeting_id)
        await announce_updated(meeting_id, (), deleted=True)
        await DB.fetch("DELETE FROM meetings WHERE id = $1", meeting_id)


async def announce_created(meeting_id: MeetingId) -> None:
    """Publish that the meeting was made, in the current transaction."""
    made = await meeting(meeting_id)
    await publish(
        MeetingCreated(
            event_id=EventId(uuid7()),
            meeting_id=made.meeting_id,
            group_id=made.group_id,
            title=made.title,
            status=made.status,
            created_at=made.created_at,
            language=made.language,
            time_zone=made.time_zone,
            created_by=made.created_by,
        )
    )


async def announce_updated(
    meeting_id: MeetingId,
    changed: tuple[str, ...],
    *,
    previous_status: MeetingStatus | None = None,
    deleted: bool = False,
) -> None:
    """Publish how the meeting is now, in the current transaction."""
    now = await meeting(meeting_id)
    await publish(
        MeetingUpdated(
            event_id=EventId(uuid7()),
            meeting_id=now.meeting_id,
            group_id=now.group_id,
            title=now.title,
            status=now.status,
            updated_at=now.updated_at,
            changed=changed,
            previous_status=previous_status,
            language=now.language,
            time_zone=now.time_zone,
            started_at=now.started_at,
            ended_at=now.ended_at,
            deleted=deleted,
        )
    )


async def lines(
    meeting_id: MeetingId, *, since_ms: int = 0, with_words: bool = False
) -> tuple[Line, ...]:
    """Captions of all recordings by meeting time, from `since_ms` on.

    What several microphones heard is in it once.
    """
    rows = await DB.fetch(
        """
        SELECT c.id AS caption_id, r.audio_id, c.text, c.language, c.meeting_start_ms AS start_ms,
               c.meeting_start_ms + c.end_ms - c.start_ms AS end_ms, c.speaker_id,
               u.name AS speaker, c.start_ms AS heard_ms,
               CASE WHEN $3 THEN c.words ELSE '[]' END AS words
        FROM captions c JOIN recordings r ON r.id = c.recording_id
             LEFT JOIN users u ON u.id = c.speaker_id
        WHERE c.meeting_id = $1 AND c.meeting_start_ms >= $2 AND c.duplicate_of IS NULL
        ORDER BY c.meeting_start_ms, c.recording_id, c.seq
        """,
        meeting_id,
        since_ms,
        with_words,
    )
    return tuple(_line(row) for row in rows)


def _line(row: Any) -> Line:
    """Words are kept with times of their recording."""
    values = dict(row)
    shift_ms = values["start_ms"] - values.pop("heard_ms")
    words = msgspec.convert(values.pop("words"), tuple[Word, ...])
    return Line(
        **values,
        words=tuple(
            msgspec.structs.replace(
                word, start_ms=word.start_ms + shift_ms, end_ms=word.end_ms + shift_ms
            )
            for word in words
        ),
    )


async def recordings(meeting_id: MeetingId) -> tuple[RecordingInfo, ...]:
    rows = await DB.fetch(
        """
        SELECT id AS recording_id, audio_id, meeting_id, user_id, status, language, offset_ms,
               decoded_ms AS duration_ms, received_bytes, failure, started_at, finished_at,
               sound_deleted_at
        FROM recordings WHERE meeting_id = $1 ORDER BY offset_ms, id
        """,
        meeting_id,
    )
    return tuple(RecordingInfo(**row) for row in rows)


async def require_sound(meeting_id: MeetingId, audio_id: AudioId | None) -> None:
    """Raises Gone when the sound of the recording, or of the meeting's first, was deleted."""
    rows = await DB.fetch(
        "SELECT sound_deleted_at FROM recordings WHERE meeting_id = $1"
        " AND ($2::text IS NULL OR audio_id = $2) ORDER BY started_at, id LIMIT 1",
        meeting_id,
        audio_id,
    )
    if rows and rows[0]["sound_deleted_at"] is not None:
        at = rows[0]["sound_deleted_at"]
        raise Gone(
            f"The sound of this recording was deleted on {at:%Y-%m-%d}, as its group or the person"
            " who spoke wanted it.",
            code="sound_deleted",
            meetingId=meeting_id,
        )


async def require_words(meeting_id: MeetingId) -> None:
    """Raises Gone when what was said in the meeting was deleted."""
    rows = await DB.fetch(
        "SELECT words_deleted_at AS at FROM meetings WHERE id = $1 AND words_deleted_at IS NOT NULL",
        meeting_id,
    )
    if rows:
        raise words_deleted(meeting_id, rows[0]["at"])


def words_deleted(meeting_id: MeetingId, at: datetime) -> Gone:
    return Gone(
        f"What was said in meeting {meeting_id} was deleted on {at:%Y-%m-%d}, after the days that"
        " its group keeps it.",
        code="words_deleted",
        meetingId=meeting_id,
    )


async def minutes(meeting_id: MeetingId) -> MinutesText:
    rows = await DB.fetch(
        "SELECT meeting_id, language, markdown, engine, model, edited_by, created_at, updated_at"
        " FROM minutes WHERE meeting_id = $1",
        meeting_id,
    )
    if not rows:
        await require_words(meeting_id)
        raise NotFound(
            "There are no minutes yet; they are written when the meeting has ended.",
            code="no_minutes",
            meetingId=meeting_id,
        )
    return MinutesText(**rows[0])


async def is_edited(meeting_id: MeetingId) -> bool:
    """Whether a person has edited the meeting's minutes."""
    rows = await DB.fetch(
        "SELECT 1 FROM minutes WHERE meeting_id = $1 AND edited_by IS NOT NULL", meeting_id
    )
    return bool(rows)


async def edit_minutes(
    meeting_id: MeetingId, *, markdown: str, language: str | None, editor: UserId, at: datetime
) -> MinutesText:
    """Minutes as a person wants them; engines never write over them again."""
    async with transaction():
        await _lock(meeting_id)
        await DB.fetch(
            "INSERT INTO minutes"
            " (meeting_id, language, markdown, edited_by, created_at, updated_at)"
            " VALUES ($1, coalesce($2, 'en'), $3, $4, $5, $5)"
            " ON CONFLICT (meeting_id) DO UPDATE SET markdown = $3,"
            " language = coalesce($2, minutes.language), edited_by = $4, updated_at = $5",
            meeting_id,
            language,
            markdown,
            editor,
            at,
        )
        return await _announce_minutes(meeting_id)


async def store_minutes(
    meeting_id: MeetingId,
    *,
    markdown: str,
    language: str,
    engine: str,
    model: str,
    at: datetime,
    replace_edited: bool = False,
) -> MinutesText:
    """Minutes as an engine wrote them. Text a person has edited stays, unless that is to be
    replaced; nothing new, no event.
    """
    async with transaction():
        await _lock(meeting_id)
        rows = await DB.fetch(
            "INSERT INTO minutes"
            " (meeting_id, language, markdown, engine, model, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $6)"
            " ON CONFLICT (meeting_id) DO UPDATE SET"
            " language = $2, markdown = $3, engine = $4, model = $5, updated_at = $6,"
            " edited_by = NULL WHERE ($7 OR minutes.edited_by IS NULL)"
            " AND (minutes.edited_by IS NOT NULL OR minutes.markdown <> $3) RETURNING 1",
            meeting_id,
            language,
            markdown,
            engine,
            model,
            at,
            replace_edited,
        )
        if rows:
            return await _announce_minutes(meeting_id)
        await DB.fetch("UPDATE minutes SET updated_at = $2 WHERE meeting_id = $1", meeting_id, at)
        return await minutes(meeting_id)


async def _announce_minutes(meeting_id: MeetingId) -> MinutesText:
    text = await minutes(meeting_id)
    await publish(
        MeetingSummary(
            event_id=EventId(uuid7()),
            meeting_id=meeting_id,
            group_id=(await meeting(meeting_id)).group_id,
            language=text.language,
            markdown=text.markdown,
            updated_at=text.updated_at,
            engine=text.engine,
            model=text.model,
            edited_by=text.edited_by,
        )
    )
    return text


async def _lock(meeting_id: MeetingId) -> None:
    """Raises NotFound when the meeting is gone."""
    rows = await DB.fetch("SELECT id FROM meetings WHERE id = $1 FOR UPDATE", meeting_id)
    if not rows:
        raise _absent(meeting_id)


def _absent(meeting_id: MeetingId) -> NotFound:
    return NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)


def _meeting(row: Any) -> Meeting:
    return Meeting(**{**row, "status": MeetingStatus(row["status"]), "notes": tuple(row["notes"])})
