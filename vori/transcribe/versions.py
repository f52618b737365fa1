"""The ways in which a recording was put into words, kept: one is current, the others wait.

Captions of the current version are the recording's captions; those of drafts and past versions lie
beside them. Changing the version swaps them in one transaction. A new caption of a stretch that had
one before takes its id, so that what cites it still leads to the words.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from vori.data.engine import DB, transaction
from vori.data.outbox import publish
from vori.errors import Conflict, NotFound
from vori.ids import AudioId, CaptionId, EventId, GroupId, MeetingId, UserId, uuid7
from vori.meetings.store import announce_updated
from vori.transcribe import merge
from vori.transcribe.diff import Timed, carry_ids
from vori.transcribe.messages import Caption, Word

FEW = 100
"""So many captions are compared at once; more in a thread, since sockets would wait."""
MANY = 500
"""Rows that are read, or events that are published, with one statement: sockets wait meanwhile."""


class VersionState(StrEnum):
    DRAFT = "DRAFT"
    """Made, or being made, and not applied yet."""
    CURRENT = "CURRENT"
    PAST = "PAST"


class Origin(StrEnum):
    LIVE = "LIVE"
    UPLOAD = "UPLOAD"
    AGAIN = "AGAIN"


class Version(Struct, frozen=True, kw_only=True, rename="camel"):
    """`model` is empty for what was heard live."""

    recording_id: UUID
    audio_id: AudioId
    number: int
    state: VersionState
    origin: Origin
    model: str
    language: str | None
    captions: int
    created_by: UserId | None
    created_at: datetime


class VersionCaption(Struct, frozen=True, kw_only=True, rename="camel"):
    """Times count from the recording's start; `meetingStartMs` is the same start in the meeting."""

    caption_id: CaptionId
    seq: int
    text: str
    language: str
    start_ms: int
    end_ms: int
    meeting_start_ms: int
    speaker_id: UserId | None
    words: tuple[Word, ...]
    level_db: float | None = None


class VersionText(Struct, frozen=True, kw_only=True, rename="camel"):
    """One version with all its words."""

    version: Version
    captions: tuple[VersionCaption, ...]


_VERSIONS = """
SELECT r.id AS recording_id, r.audio_id, coalesce(v.number, 1) AS number,
       coalesce(v.state, 'CURRENT') AS state, coalesce(v.origin, 'LIVE') AS origin,
       coalesce(v.model, '') AS model, coalesce(v.language, r.language) AS language,
       CASE WHEN coalesce(v.state, 'CURRENT') = 'CURRENT'
            THEN (SELECT count(*) FROM captions c WHERE c.recording_id = r.id)
            ELSE (SELECT count(*) FROM version_captions k
                  WHERE k.recording_id = r.id AND k.number = v.number) END AS captions,
       v.created_by, coalesce(v.created_at, r.started_at) AS created_at
FROM recordings r LEFT JOIN transcript_versions v ON v.recording_id = r.id
"""


async def versions(meeting_id: MeetingId) -> list[Version]:
    """Of all the meeting's recordings, each recording's newest first."""
    rows = await DB.fetch(
        f"{_VERSIONS} WHERE r.meeting_id = $1 ORDER BY r.offset_ms, r.id, number DESC", meeting_id
    )
    return [_version(row) for row in rows]


async def version(meeting_id: MeetingId, recording_id: UUID, number: int) -> VersionText:
    """Raises NotFound."""
    async with transaction():
        # Nobody swaps versions while one is read.
        await DB.fetch("SELECT 1 FROM recordings WHERE id = $1 FOR KEY SHARE", recording_id)
        rows = await DB.fetch(
            f"{_VERSIONS} WHERE r.meeting_id = $1 AND r.id = $2 AND coalesce(v.number, 1) = $3",
            meeting_id,
            recording_id,
            min(number, 2**31 - 1),
        )
        if not rows:
            raise _absent(recording_id, number)
        found = _version(rows[0])
        if found.state is VersionState.CURRENT:
            captions = await _all_of(
                f"{_CAPTIONS} FROM captions WHERE recording_id = $3", recording_id
            )
        else:
            captions = await _all_of(
                f"{_CAPTIONS} FROM version_captions WHERE recording_id = $3 AND number = $4",
                recording_id,
                number,
            )
    # Hours of words take longer to read than a socket may wait.
    read = await asyncio.to_thread(lambda: tuple(_caption(row) for row in captions))
    return VersionText(version=found, captions=read)


async def _all_of(sql: str, *arguments: Any) -> list[Any]:
    """Captions in the order of their `seq`, some at a time; `arguments` begin at $3."""
    found: list[Any] = []
    seq = -1
    while page := await DB.fetch(
        f"{sql} AND seq > $1 ORDER BY seq LIMIT $2", seq, MANY, *arguments
    ):
        found += page
        seq = page[-1]["seq"]
    return found


async def current(recording_id: UUID) -> int:
    """The number of the current version; 1 where there is none yet."""
    rows = await DB.fetch(
        "SELECT number FROM transcript_versions WHERE recording_id = $1 AND state = 'CURRENT'",
        recording_id,
    )
    return int(rows[0]["number"]) if rows else 1


async def begin_draft(
    recording_id: UUID,
    *,
    origin: Origin,
    language: str | None,
    created_by: UserId | None,
    at: datetime,
) -> int:
    """A new, empty version; its number. In the caller's transaction, which holds the recording.

    Raises Conflict when the recording's sound was deleted.
    """
    if await DB.fetch(
        "SELECT 1 FROM recordings WHERE id = $1 AND sound_deleted_at IS NOT NULL", recording_id
    ):
        raise Conflict("The recording's sound was deleted.", code="sound_deleted")
    if origin is not Origin.UPLOAD:
        await _note_live(recording_id)
    [row] = await DB.fetch(
        """
        INSERT INTO transcript_versions
            (recording_id, number, state, origin, language, heard_bytes, created_by, created_at)
        SELECT r.id, (SELECT coalesce(max(number), 0) + 1 FROM transcript_versions
                      WHERE recording_id = r.id), 'DRAFT', $2, $3, r.received_bytes, $4, $5
        FROM recordings r WHERE r.id = $1 RETURNING number
        """,
        recording_id,
        origin.value,
        language,
        created_by,
        at,
    )
    return int(row["number"])


async def _note_live(recording_id: UUID) -> None:
    """What was heard live is version 1, written down once there is another."""
    await DB.fetch(
        """
        INSERT INTO transcript_versions
            (recording_id, number, state, origin, language, heard_bytes, created_at)
        SELECT r.id, 1, 'CURRENT', 'LIVE', r.language, r.received_bytes, r.started_at
        FROM recordings r WHERE r.id = $1
          AND NOT EXISTS (SELECT 1 FROM transcript_versions WHERE recording_id = $1)
        """,
        recording_id,
    )


async def extend_draft(
    recording_id: UUID, number: int, captions: Sequence[VersionCaption], *, at: datetime
) -> None:
    """Add captions that are new; one that is there already stays as it is."""
    for caption in captions:
        await DB.fetch(
            """
            INSERT INTO version_captions (recording_id, number, id, seq, text, language, start_ms,
                end_ms, meeting_start_ms, speaker_id, words, level_db, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            ON CONFLICT (recording_id, number, seq) DO NOTHING
            """,
            recording_id,
            number,
            caption.caption_id,
            caption.seq,
            caption.text,
            caption.language,
            caption.start_ms,
            caption.end_ms,
            caption.meeting_start_ms,
            caption.speaker_id,
            msgspec.json.encode(caption.words).decode(),
            caption.level_db,
            at,
        )


async def name_model(recording_id: UUID, number: int, model: str) -> None:
    await DB.fetch(
        "UPDATE transcript_versions SET model = $3 WHERE recording_id = $1 AND number = $2",
        recording_id,
        number,
        model,
    )


async def drop_draft(recording_id: UUID, number: int) -> None:
    await DB.fetch(
        "DELETE FROM transcript_versions"
        " WHERE recording_id = $1 AND number = $2 AND state = 'DRAFT'",
        recording_id,
        number,
    )


async def apply(meeting_id: MeetingId, recording_id: UUID, number: int) -> None:
    """Make a version the current one, in one transaction; applying it twice changes nothing.

    Raises NotFound; Conflict while the recording goes on, while the version is being made, and
    when the recording has more sound than the version was made of.
    """
    async with transaction():
        recording = await _held(meeting_id, recording_id)
        await _note_live(recording_id)
        rows = await DB.fetch(
            "SELECT state, origin, heard_bytes FROM transcript_versions"
            " WHERE recording_id = $1 AND number = $2",
            recording_id,
            min(number, 2**31 - 1),
        )
        if not rows:
            raise _absent(recording_id, number)
        [wanted] = rows
        if wanted["state"] == VersionState.CURRENT:
            return
        await _check(recording, wanted, number)
        await hold_captions(meeting_id)
        if wanted["state"] == VersionState.DRAFT:
            await _carry_ids(recording_id, number)
        is_first = await _swap(recording, number)
        doubles = await mark_duplicates(meeting_id, anew=True)
        if is_first:  # words nobody has been told of
            text = await version(meeting_id, recording_id, number)
            new = [caption for caption in text.captions if caption.caption_id not in doubles]
            for at in range(0, len(new), MANY):
                await publish(*(_event(caption, recording) for caption in new[at : at + MANY]))
        await announce_updated(meeting_id, ("transcript",))


async def _held(meeting_id: MeetingId, recording_id: UUID) -> Any:
    """The recording, which nobody changes until the transaction's end; the meeting stays, too."""
    if not await DB.fetch("SELECT 1 FROM meetings WHERE id = $1 FOR KEY SHARE", meeting_id):
        raise NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)
    rows = await DB.fetch(
        "SELECT * FROM recordings WHERE id = $1 AND meeting_id = $2 FOR UPDATE",
        recording_id,
        meeting_id,
    )
    if not rows:
        raise no_recording()
    return rows[0]


async def _check(recording: Any, wanted: Any, number: int) -> None:
    jobs = await DB.fetch(
        "SELECT 1 FROM transcription_jobs WHERE recording_id = $1 AND version = $2"
        " AND state IN ('QUEUED', 'RUNNING')",
        recording["id"],
        number,
    )
    if jobs:
        raise Conflict(
            "This version is still being made.", code="version_unfinished", version=number
        )
    if recording["status"] == "OPEN" and wanted["origin"] != Origin.UPLOAD:
        raise recording_open()
    if recording["received_bytes"] != wanted["heard_bytes"]:
        raise Conflict(
            "The recording has gone on since this version was made; transcribe it again.",
            code="recording_changed",
            version=number,
        )


async def _swap(recording: Any, number: int) -> bool:
    """Whether these are the first words the recording ever had."""
    recording_id = recording["id"]
    current = await DB.fetch(
        "UPDATE transcript_versions SET state = 'PAST', heard_bytes = $2"
        " WHERE recording_id = $1 AND state = 'CURRENT' RETURNING number",
        recording_id,
        recording["received_bytes"],
    )
    for row in current:
        await DB.fetch(_PUT_ASIDE, recording_id, row["number"])
    await DB.fetch("DELETE FROM captions WHERE recording_id = $1", recording_id)
    await DB.fetch(
        _TAKE_BACK,
        recording_id,
        number,
        recording["meeting_id"],
        recording["group_id"],
    )
    await DB.fetch(
        "DELETE FROM version_captions WHERE recording_id = $1 AND number = $2",
        recording_id,
        number,
    )
    await DB.fetch(
        "UPDATE transcript_versions SET state = 'CURRENT' WHERE recording_id = $1 AND number = $2",
        recording_id,
        number,
    )
    return not current


async def _carry_ids(recording_id: UUID, number: int) -> None:
    columns = "SELECT id, start_ms, end_ms, text, seq"
    old = await _all_of(f"{columns} FROM captions WHERE recording_id = $3", recording_id)
    new = await _all_of(
        f"{columns} FROM version_captions WHERE recording_id = $3 AND number = $4",
        recording_id,
        number,
    )
    carried = await asyncio.to_thread(lambda: carry_ids(_timed(old), _timed(new)))
    await DB.fetch(
        "UPDATE version_captions k SET id = c.old FROM unnest($3::uuid[], $4::uuid[]) c(new, old)"
        " WHERE k.recording_id = $1 AND k.number = $2 AND k.id = c.new",
        recording_id,
        number,
        list(carried),
        list(carried.values()),
    )


def _timed(rows: Sequence[Any]) -> list[Timed]:
    return [
        Timed(id=row["id"], start_ms=row["start_ms"], end_ms=row["end_ms"], text=row["text"])
        for row in rows
    ]


class _TakenBack(Exception):
    """Ends a transaction that was only to look."""


@contextlib.asynccontextmanager
async def as_if_applied(
    meeting_id: MeetingId, recording_id: UUID, number: int
) -> AsyncIterator[None]:
    """Inside the block the version is the current one; after it nothing has happened.

    The block reads and does not write: its transaction is taken back. Raises as `apply`.
    """
    with contextlib.suppress(_TakenBack):
        async with transaction():
            await apply(meeting_id, recording_id, number)
            yield
            raise _TakenBack


# ---- the same words from several microphones


async def hold_captions(meeting_id: MeetingId) -> None:
    """Captions of one meeting are written one transaction after the other, so that each sees
    which words are there already.
    """
    await DB.fetch(
        "SELECT pg_advisory_xact_lock(hashtextextended('captions ' || $1, 0))", str(meeting_id)
    )


async def mark_duplicates(
    meeting_id: MeetingId, *, start_ms: int = 0, end_ms: int | None = None, anew: bool = False
) -> dict[UUID, UUID]:
    """Mark captions that others make superfluous, in the current transaction; what was found.

    start_ms, end_ms: only captions about this time of the meeting; None: all.
    anew: forget what was marked before.
    """
    if anew:
        await DB.fetch(
            "UPDATE captions SET duplicate_of = NULL"
            " WHERE meeting_id = $1 AND duplicate_of IS NOT NULL",
            meeting_id,
        )
    rows: list[Any] = []
    behind: tuple[int, UUID] = (-(2**62), UUID(int=0))
    while page := await DB.fetch(
        """
        SELECT id AS caption_id, recording_id, meeting_start_ms AS start_ms,
               meeting_start_ms + end_ms - start_ms AS end_ms, text,
               speaker_id IS NOT NULL AS has_speaker, level_db,
               coalesce((SELECT avg((w ->> 'probability')::float8)
                         FROM jsonb_array_elements(words) w), 0) AS sureness
        FROM captions
        WHERE meeting_id = $1 AND duplicate_of IS NULL
          AND meeting_start_ms BETWEEN $2 AND $3
          AND EXISTS (SELECT 1 FROM recordings r WHERE r.meeting_id = $1 OFFSET 1)
          AND (meeting_start_ms, id) > ($4::bigint, $5::uuid)
        ORDER BY meeting_start_ms, id LIMIT $6
        """,
        meeting_id,
        start_ms - merge.LONGEST_MS,
        2**62 if end_ms is None else end_ms + merge.NEAR_MS,
        *behind,
        MANY,
    ):
        rows += page
        behind = page[-1]["start_ms"], page[-1]["caption_id"]
        if len(page) < MANY:
            break

    def duplicates() -> dict[UUID, UUID]:
        return merge.duplicates([merge.Spoken(**row) for row in rows])

    found = await asyncio.to_thread(duplicates) if len(rows) > FEW else duplicates()
    if found:
        await DB.fetch(
            "UPDATE captions c SET duplicate_of = d.better"
            " FROM unnest($1::uuid[], $2::uuid[]) d(id, better) WHERE c.id = d.id",
            list(found),
            list(found.values()),
        )
        await DB.fetch(  # what stood for others until now stands for them no more
            "UPDATE captions c SET duplicate_of = d.better"
            " FROM unnest($1::uuid[], $2::uuid[]) d(id, better) WHERE c.duplicate_of = d.id",
            list(found),
            list(found.values()),
        )
    return found


_CAPTIONS = """
SELECT id AS caption_id, seq, text, language, start_ms, end_ms, meeting_start_ms, speaker_id, words,
    level_db
"""
_PUT_ASIDE = """
INSERT INTO version_captions (recording_id, number, id, seq, text, language, start_ms, end_ms,
    meeting_start_ms, speaker_id, words, level_db, created_at)
SELECT recording_id, $2, id, seq, text, language, start_ms, end_ms, meeting_start_ms, speaker_id,
    words, level_db, created_at
FROM captions WHERE recording_id = $1
"""
_TAKE_BACK = """
INSERT INTO captions (recording_id, meeting_id, group_id, id, seq, text, language, start_ms, end_ms,
    meeting_start_ms, speaker_id, words, level_db, created_at)
SELECT recording_id, $3, $4, id, seq, text, language, start_ms, end_ms, meeting_start_ms, speaker_id,
    words, level_db, created_at
FROM version_captions WHERE recording_id = $1 AND number = $2
"""


def no_recording() -> NotFound:
    return NotFound("There is no such recording in this meeting.", code="no_recording")


def recording_open() -> Conflict:
    return Conflict(
        "The recording is still going on; end it, then transcribe it again.", code="recording_open"
    )


def _absent(recording_id: UUID, number: int) -> NotFound:
    return NotFound(
        f"The recording has no version {number}.", code="no_version", recordingId=recording_id
    )


def _version(row: Any) -> Version:
    return Version(**{**row, "state": VersionState(row["state"]), "origin": Origin(row["origin"])})


def _caption(row: Any) -> VersionCaption:
    return VersionCaption(**{**row, "words": msgspec.convert(row["words"], tuple[Word, ...])})


def _event(caption: VersionCaption, recording: Any) -> Caption:
    return Caption(
        event_id=EventId(uuid7()),
        caption_id=caption.caption_id,
        meeting_id=MeetingId(recording["meeting_id"]),
        group_id=GroupId(recording["group_id"]),
        audio_id=AudioId(recording["audio_id"]),
        seq=caption.seq,
        text=caption.text,
        language=caption.language,
        start_ms=caption.start_ms,
        end_ms=caption.end_ms,
        meeting_start_ms=caption.meeting_start_ms,
        speaker_id=caption.speaker_id,
        words=caption.words,
        level_db=caption.level_db,
    )
