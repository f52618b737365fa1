"""Jobs that put recordings into words in the background, as rows; each change with its event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from vori.data.engine import DB, transaction
from vori.data.outbox import publish
from vori.errors import Conflict, NotFound
from vori.ids import BIGINT_MAX, AudioId, EventId, GroupId, MeetingId, UserId, uuid7
from vori.transcribe import versions
from vori.transcribe.messages import Job, JobState, JobUpdated, RecordingKey
from vori.transcribe.versions import Origin, VersionCaption

ACTIVE = (JobState.QUEUED.value, JobState.RUNNING.value)
NOT_THE_SOUND_S = (
    "internal",
    "cancelled",
    "interrupted",
    "upload_incomplete",
    "recogniser_failed",
    "decoder_unavailable",
)
"""Failures that another attempt mends; the others are in the sound itself."""
MOST_ATTEMPTS = 3
"""A job that was begun so often and never ended is given up: it may be what brings VORI down."""


class Wanted(Struct, frozen=True, kw_only=True):
    """How a recording is to be put into words."""

    model: str | None = None
    language: str | None = None
    applies: bool = True
    hotwords: str = ""
    message: str = ""


class Due(Struct, frozen=True, kw_only=True):
    """A job with what is needed to do it, from where it was left."""

    job: Job
    key: RecordingKey
    origin: Origin
    hotwords: str
    offset_ms: int
    """The recording's start, counted from the meeting's."""
    kept_ms: int
    """Sound before this lies in the version, in words."""
    next_seq: int
    previous_text: str


async def ask(
    meeting_id: MeetingId,
    recording_id: UUID,
    wanted: Wanted,
    *,
    created_by: UserId | None,
    at: datetime,
) -> Job:
    """A job for a recording that is over. Raises NotFound, Conflict when one is under way."""
    async with transaction():
        recording = await _held(meeting_id, recording_id)
        await _check_free(recording_id)
        if recording["status"] == "OPEN":
            raise versions.recording_open()
        return await add(
            recording_id, Origin.AGAIN, wanted, created_by=created_by, at=at,
            total_ms=recording["decoded_ms"] or None,
        )  # fmt: skip


async def ask_for_meeting(meeting_id: int, wanted: Wanted) -> tuple[list[Job], dict[AudioId, str]]:
    """Jobs for all recordings of a meeting, asked for by whoever runs this VORI; why not the others.

    Raises NotFound when the meeting has none.
    """
    rows = await DB.fetch(
        "SELECT id, audio_id FROM recordings WHERE meeting_id = $1 ORDER BY offset_ms, id",
        min(max(meeting_id, 0), BIGINT_MAX),
    )
    if not rows:
        raise NotFound(f"There is no meeting {meeting_id} with recordings.", code="no_recording")
    made: list[Job] = []
    passed: dict[AudioId, str] = {}
    now = datetime.now(UTC)
    for row in rows:
        try:
            made.append(
                await ask(MeetingId(meeting_id), row["id"], wanted, created_by=None, at=now)
            )
        except Conflict as exc:
            passed[AudioId(row["audio_id"])] = exc.message
    return made, passed


async def add(
    recording_id: UUID,
    origin: Origin,
    wanted: Wanted,
    *,
    created_by: UserId | None,
    at: datetime,
    total_ms: int | None,
) -> Job:
    """A queued job with an empty version to fill, in the caller's transaction."""
    number = await versions.begin_draft(
        recording_id, origin=origin, language=wanted.language, created_by=created_by, at=at
    )
    job_id = uuid7()
    await DB.fetch(
        """
        INSERT INTO transcription_jobs (id, recording_id, meeting_id, group_id, version, model,
            language, hotwords, applies, message, total_ms, created_by, created_at, updated_at)
        SELECT $1, id, meeting_id, group_id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11
        FROM recordings WHERE id = $2
        """,
        job_id,
        recording_id,
        number,
        wanted.model,
        wanted.language,
        wanted.hotwords,
        wanted.applies,
        wanted.message,
        total_ms,
        created_by,
        at,
    )
    return await _announce(job_id)


async def jobs(meeting_id: MeetingId) -> list[Job]:
    """Newest first, at most 200."""
    rows = await DB.fetch(
        f"{_JOBS} WHERE j.meeting_id = $1 ORDER BY j.created_at DESC, j.id DESC LIMIT 200",
        meeting_id,
    )
    return [_job(row) for row in rows]


async def job(meeting_id: MeetingId, job_id: UUID) -> Job:
    rows = await DB.fetch(f"{_JOBS} WHERE j.id = $1 AND j.meeting_id = $2", job_id, meeting_id)
    if not rows:
        raise NotFound("There is no such job in this meeting.", code="no_job", jobId=job_id)
    return _job(rows[0])


async def is_kept_elsewhere(recording_id: UUID, home_id: UUID | None) -> bool:
    """Whether another VORI on this database has the recording's sound."""
    return home_id is not None and bool(
        await DB.fetch(
            "SELECT 1 FROM recording_homes WHERE recording_id = $1 AND home <> $2",
            recording_id,
            home_id,
        )
    )


async def due() -> list[Due]:
    """QUEUED jobs, oldest first, with where each is to go on."""
    return [
        Due(
            job=_job(row),
            key=RecordingKey(
                recording_id=row["recording_id"],
                audio_id=AudioId(row["audio_id"]),
                meeting_id=MeetingId(row["meeting_id"]),
                group_id=GroupId(row["group_id"]),
                user_id=None if row["user_id"] is None else UserId(row["user_id"]),
            ),
            origin=Origin(row["origin"]),
            hotwords=row["hotwords"],
            offset_ms=row["offset_ms"],
            kept_ms=row["kept_ms"],
            next_seq=row["next_seq"],
            previous_text=row["previous_text"] or "",
        )
        for row in await DB.fetch(_DUE)
    ]


async def interrupted() -> list[tuple[RecordingKey, UUID]]:
    """RUNNING jobs: when VORI starts, those that it was doing when it last stopped."""
    rows = await DB.fetch(
        "SELECT j.id AS job_id, r.* FROM transcription_jobs j"
        " JOIN recordings r ON r.id = j.recording_id WHERE j.state = 'RUNNING'"
    )
    return [
        (
            RecordingKey(
                recording_id=row["id"],
                audio_id=AudioId(row["audio_id"]),
                meeting_id=MeetingId(row["meeting_id"]),
                group_id=GroupId(row["group_id"]),
            ),
            row["job_id"],
        )
        for row in rows
    ]


async def queue_again(job_id: UUID, *, at: datetime, was_its_fault: bool = True) -> None:
    """An interrupted job goes on where it was; one that never ends is given up.

    was_its_fault: it may be; False for a database that was away.
    """
    async with transaction():
        rows = await DB.fetch(
            "UPDATE transcription_jobs SET state = 'QUEUED', updated_at = $2,"
            " attempts = attempts - CASE WHEN $4 THEN 0 ELSE 1 END"
            " WHERE id = $1 AND state = 'RUNNING' AND (attempts < $3 OR NOT $4) RETURNING id",
            job_id,
            at,
            MOST_ATTEMPTS,
            was_its_fault,
        )
        if rows:
            await _announce(job_id)
        if rows or not was_its_fault:
            return  # one that is queued, or over, stays as it is
    await end(
        job_id,
        JobState.FAILED,
        failure="interrupted",
        message=f"This was interrupted {MOST_ATTEMPTS} times; ask for it again.",
        at=at,
    )


async def start(job_id: UUID, *, model: str, message: str, at: datetime) -> bool:
    """Whether it is ours to do: not when it was cancelled meanwhile."""
    async with transaction():
        rows = await DB.fetch(
            "UPDATE transcription_jobs SET state = 'RUNNING', attempts = attempts + 1,"
            " message = $2, updated_at = $3 WHERE id = $1 AND state = 'QUEUED'"
            " RETURNING recording_id, version",
            job_id,
            message,
            at,
        )
        if not rows:
            return False
        await versions.name_model(rows[0]["recording_id"], rows[0]["version"], model)
        await _announce(job_id)
        return True


async def go_on(
    job: Job, captions: Sequence[VersionCaption], *, done_ms: int, at: datetime
) -> bool:
    """Keep what was heard up to `done_ms`: it goes on from there. Whether the job shall go on."""
    async with transaction():
        rows = await DB.fetch(
            "UPDATE transcription_jobs SET done_ms = greatest(done_ms, $2), kept_ms = $2,"
            " updated_at = $3,"
            " total_ms = CASE WHEN total_ms < $2 THEN $2 ELSE total_ms END"
            " WHERE id = $1 AND state = 'RUNNING' RETURNING id",
            job.job_id,
            done_ms,
            at,
        )
        if not rows:
            return False
        await versions.extend_draft(job.recording_id, job.version, captions, at=at)
        await _announce(job.job_id)
        return True


async def tell(job: Job, *, done_ms: int, at: datetime) -> None:
    """How far the job is, for people: it may have to do some of that again."""
    async with transaction():
        rows = await DB.fetch(
            "UPDATE transcription_jobs SET done_ms = $2, updated_at = $3"
            " WHERE id = $1 AND state = 'RUNNING' AND done_ms < $2 RETURNING id",
            job.job_id,
            done_ms,
            at,
        )
        if rows:
            await _announce(job.job_id)


async def complete(due: Due, *, heard_ms: int, at: datetime) -> None:
    """The version is whole: it is applied if that was wanted. Raises what `versions.apply` does."""
    job = due.job
    async with transaction():
        # The recording first, as everybody who changes its version does.
        await _held(due.key.meeting_id, job.recording_id)
        rows = await DB.fetch(
            "UPDATE transcription_jobs SET state = 'COMPLETE', done_ms = $2, total_ms = $2,"
            " updated_at = $3, finished_at = $3 WHERE id = $1 AND state = 'RUNNING' RETURNING id",
            job.job_id,
            heard_ms,
            at,
        )
        if not rows:
            return
        await DB.fetch(
            "UPDATE recordings SET status = 'COMPLETE', decoded_ms = $2, failure = NULL,"
            " finished_at = $3 WHERE id = $1"
            " AND (status = 'OPEN' AND $4 OR status = 'FAILED' AND $5 AND failure = ANY($6))",
            job.recording_id,
            heard_ms,
            at,
            due.origin is Origin.UPLOAD,
            job.applies,
            list(NOT_THE_SOUND_S),
        )
        if job.applies:
            await versions.apply(due.key.meeting_id, job.recording_id, job.version)
        await _announce(job.job_id)


async def end(
    job_id: UUID, state: JobState, *, failure: str | None = None, message: str = "", at: datetime
) -> bool:
    """Give a job up: FAILED or CANCELLED. Its version goes; an upload's recording counts as failed.

    False when it was over already.
    """
    async with transaction():
        rows = await DB.fetch(
            "UPDATE transcription_jobs SET state = $2, failure = $3, message = $4,"
            " updated_at = $5, finished_at = $5 WHERE id = $1 AND state = ANY($6)"
            " RETURNING recording_id, version",
            job_id,
            state.value,
            failure,
            message,
            at,
            list(ACTIVE),
        )
        if not rows:
            return False
        [row] = rows
        await DB.fetch(
            "UPDATE recordings r SET status = 'FAILED', failure = $3, finished_at = $4"
            " FROM transcript_versions v WHERE r.id = $1 AND r.status = 'OPEN'"
            " AND v.recording_id = $1 AND v.number = $2 AND v.origin = 'UPLOAD'",
            row["recording_id"],
            row["version"],
            failure or "cancelled",
            at,
        )
        await versions.drop_draft(row["recording_id"], row["version"])
        await _announce(job_id)
        return True


async def cancel(meeting_id: MeetingId, job_id: UUID, *, at: datetime) -> Job:
    """Raises NotFound; Conflict when it is over already, unless it was cancelled."""
    ended = await end(job_id, JobState.CANCELLED, at=at) if await job(meeting_id, job_id) else False
    now = await job(meeting_id, job_id)
    if not ended and now.state is not JobState.CANCELLED:
        raise Conflict("The job is over already.", code="job_over", jobId=job_id)
    return now


async def _held(meeting_id: MeetingId, recording_id: UUID) -> Any:
    if not await DB.fetch("SELECT 1 FROM meetings WHERE id = $1 FOR KEY SHARE", meeting_id):
        raise NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)
    rows = await DB.fetch(
        "SELECT status, decoded_ms FROM recordings WHERE id = $1 AND meeting_id = $2 FOR UPDATE",
        recording_id,
        meeting_id,
    )
    if not rows:
        raise versions.no_recording()
    return rows[0]


async def _check_free(recording_id: UUID) -> None:
    rows = await DB.fetch(
        "SELECT id FROM transcription_jobs WHERE recording_id = $1 AND state = ANY($2)",
        recording_id,
        list(ACTIVE),
    )
    if rows:
        raise Conflict(
            "This recording is being put into words already; wait, or cancel that job.",
            code="job_running",
            jobId=rows[0]["id"],
        )


async def _announce(job_id: UUID) -> Job:
    [row] = await DB.fetch(f"{_JOBS} WHERE j.id = $1", job_id)
    now = _job(row)
    await publish(
        JobUpdated(
            event_id=EventId(uuid7()),
            meeting_id=now.meeting_id,
            group_id=GroupId(row["group_id"]),
            job=now,
        )
    )
    return now


_JOBS = """
SELECT j.*, r.audio_id FROM transcription_jobs j JOIN recordings r ON r.id = j.recording_id
"""
_DUE = """
SELECT j.*, r.audio_id, r.user_id, r.offset_ms, v.origin,
       (SELECT coalesce(max(k.seq) + 1, 0) FROM version_captions k
        WHERE k.recording_id = j.recording_id AND k.number = j.version) AS next_seq,
       (SELECT k.text FROM version_captions k
        WHERE k.recording_id = j.recording_id AND k.number = j.version
        ORDER BY k.seq DESC LIMIT 1) AS previous_text
FROM transcription_jobs j JOIN recordings r ON r.id = j.recording_id
     JOIN transcript_versions v ON v.recording_id = j.recording_id AND v.number = j.version
WHERE j.state = 'QUEUED' ORDER BY j.created_at, j.id
"""


def _job(row: Any) -> Job:
    return Job(
        job_id=row["id"],
        meeting_id=MeetingId(row["meeting_id"]),
        recording_id=row["recording_id"],
        audio_id=AudioId(row["audio_id"]),
        version=row["version"],
        state=JobState(row["state"]),
        model=row["model"],
        language=row["language"],
        applies=row["applies"],
        done_ms=row["done_ms"],
        total_ms=row["total_ms"],
        failure=row["failure"],
        message=row["message"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        finished_at=row["finished_at"],
    )
