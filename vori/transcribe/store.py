"""Recordings and final captions in the database, with their events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from vori.clock import Clock
from vori.data.engine import DB, transaction
from vori.data.outbox import publish
from vori.errors import BadMessage, Conflict, NotFound
from vori.ids import AudioId, CaptionId, EventId, GroupId, MeetingId, UserId, uuid7
from vori.meetings.sound import Admission
from vori.people.messages import Principal
from vori.transcribe.live import Progress
from vori.transcribe.messages import Caption, RecordingKey, Word
from vori.transcribe.recordings import Opened, Opening
from vori.transcribe.versions import hold_captions, mark_duplicates


class CaptionStore:
    """The rows behind `Recordings`.

    `admit` lets sound into its meeting, in the same transaction: it makes the meeting live, or
    raises what the client is told.
    """

    def __init__(
        self,
        admit: Callable[[Opening, Principal], Awaitable[Admission]],
        clock: Clock,
        *,
        home: UUID | None = None,
    ) -> None:
        """home: whose disk new recordings are on, where several VORIs share the database."""
        self._admit = admit
        self._clock = clock
        self._home = home

    async def open(self, opening: Opening, principal: Principal) -> Opened:
        async with transaction():
            admission = await self._admit(opening, principal)
            await check_speaker(opening.group_id, opening.speaker_id)
            now = self._clock.now()
            inserted = await DB.fetch(
                """
                INSERT INTO recordings (id, audio_id, meeting_id, group_id, user_id, status,
                    encoding, language, offset_ms, started_at)
                VALUES ($1, $2, $3, $4, $5, 'OPEN', $6, $7, $8, $9)
                ON CONFLICT (audio_id) DO NOTHING RETURNING id
                """,
                uuid7(),
                opening.audio_id,
                opening.meeting_id,
                opening.group_id,
                opening.speaker_id,
                opening.format.encoding,
                opening.language or admission.language,
                _millis(admission.started_at, now),
                now,
            )
            if inserted and opening.resume_seq is not None:
                raise NotFound(
                    "There is no such recording to resume; start it without resume.",
                    code="unknown_resume",
                )
            if not inserted:
                await DB.fetch(
                    """
                    UPDATE recordings SET status = 'OPEN', finished_at = NULL, failure = NULL
                    WHERE audio_id = $1 AND meeting_id = $2
                    """,
                    opening.audio_id,
                    opening.meeting_id,
                )
            [row] = await DB.fetch(_RECORDINGS + " WHERE r.audio_id = $1", opening.audio_id)
            if row["meeting_id"] != opening.meeting_id:
                raise BadMessage(
                    "This audioId belongs to a recording of another meeting; choose a new one.",
                    code="audio_id_taken",
                )
            if row["sound_deleted_at"] is not None:
                raise Conflict(
                    "This recording's sound was deleted; choose a new audioId.",
                    code="sound_deleted",
                )
            await self._keep_home(row["id"], is_new=bool(inserted))
            return _opened(row, is_new=bool(inserted), now=now)

    async def _keep_home(self, recording_id: UUID, *, is_new: bool) -> None:
        """Remember where a recording's sound is; raises Conflict when it is not here."""
        if self._home is None:
            return
        if is_new:
            await DB.fetch(
                "INSERT INTO recording_homes (recording_id, home) VALUES ($1, $2)",
                recording_id,
                self._home,
            )
        elif await DB.fetch(
            "SELECT 1 FROM recording_homes WHERE recording_id = $1 AND home <> $2",
            recording_id,
            self._home,
        ):
            raise Conflict(
                "This recording's sound is with another VORI; connect there again, or choose a"
                " new audioId.",
                code="recorded_elsewhere",
            )

    async def is_recorded_elsewhere(self, meeting_id: MeetingId) -> bool:
        """Whether another VORI on this database has the meeting's sound and is not done with it."""
        return self._home is not None and bool(
            await DB.fetch(
                """
                SELECT 1 FROM recordings r JOIN recording_homes h ON h.recording_id = r.id
                WHERE r.meeting_id = $1 AND r.status = 'OPEN' AND h.home <> $2
                AND NOT EXISTS (
                    SELECT 1 FROM transcription_jobs j
                    WHERE j.recording_id = r.id AND j.state IN ('QUEUED', 'RUNNING')
                ) LIMIT 1
                """,
                meeting_id,
                self._home,
            )
        )

    async def unfinished(self) -> list[Opened]:
        rows = await DB.fetch(_RECORDINGS + _UNFINISHED, self._home)
        now = self._clock.now()
        return [_opened(row, is_new=False, now=now) for row in rows]

    async def save(self, key: RecordingKey, captions: list[Caption], *, settled_ms: int) -> None:
        async with transaction():
            if captions:
                await hold_captions(key.meeting_id)
            fresh: list[Caption] = []
            for caption in captions:
                stored = await DB.fetch(
                    """
                    INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text,
                        language, start_ms, end_ms, meeting_start_ms, speaker_id, words, level_db,
                        created_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                    ON CONFLICT (recording_id, seq) DO NOTHING RETURNING id
                    """,
                    caption.caption_id,
                    key.recording_id,
                    key.meeting_id,
                    key.group_id,
                    caption.seq,
                    caption.text,
                    caption.language,
                    caption.start_ms,
                    caption.end_ms,
                    caption.meeting_start_ms,
                    caption.speaker_id,
                    msgspec.json.encode(caption.words).decode(),
                    caption.level_db,
                    self._clock.now(),
                )
                if stored:  # else an earlier try was committed although its answer was lost
                    fresh.append(caption)
            await publish(*await _heard_once(key, fresh))
            await DB.fetch(
                "UPDATE recordings SET decoded_ms = $2 WHERE id = $1", key.recording_id, settled_ms
            )

    async def complete(
        self, key: RecordingKey, *, received_bytes: int, decoded_ms: int, failure: str | None
    ) -> None:
        await DB.fetch(
            """
            UPDATE recordings SET status = $2, received_bytes = $3, decoded_ms = $4,
                failure = $5, finished_at = $6 WHERE id = $1
            """,
            key.recording_id,
            "FAILED" if failure else "COMPLETE",
            received_bytes,
            decoded_ms,
            failure,
            self._clock.now(),
        )

    async def give_up(self, key: RecordingKey, *, received_bytes: int, failure: str) -> None:
        await DB.fetch(
            "UPDATE recordings SET status = 'FAILED', received_bytes = $2, failure = $3,"
            " finished_at = $4 WHERE id = $1 AND status = 'OPEN'",
            key.recording_id,
            received_bytes,
            failure,
            self._clock.now(),
        )

    async def captions_from(self, key: RecordingKey, seq: int) -> list[Caption]:
        rows = await DB.fetch(
            "SELECT * FROM captions WHERE recording_id = $1 AND seq >= $2 ORDER BY seq",
            key.recording_id,
            min(seq, 2**31 - 1),
        )
        return [_caption(row, key) for row in rows]

    async def recordings_of(self, meeting_id: MeetingId) -> list[RecordingKey]:
        rows = await DB.fetch(
            _RECORDINGS + " WHERE r.meeting_id = $1 ORDER BY r.started_at, r.id", meeting_id
        )
        return [_key(row) for row in rows]

    async def hotwords(self, group_id: GroupId) -> str:
        """Names of the group's members and titles of its open tickets, for the recogniser."""
        rows = await DB.fetch(
            """
            (SELECT u.name AS word FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.group_id = $1 LIMIT 50)
            UNION ALL
            (SELECT title FROM tickets WHERE group_id = $1 AND status <> 'DONE'
             AND dismissed_at IS NULL ORDER BY updated_at DESC LIMIT 20)
            """,
            group_id,
        )
        return ", ".join(row["word"] for row in rows)


async def check_speaker(group_id: GroupId, speaker_id: UserId | None) -> None:
    """Raises BadMessage for somebody who is no member of the group."""
    if speaker_id is not None and not await DB.fetch(
        "SELECT 1 FROM members WHERE group_id = $1 AND user_id = $2", group_id, speaker_id
    ):
        raise BadMessage(
            f"speakerId {speaker_id} is no member of group {group_id}.", code="unknown_speaker"
        )


async def _heard_once(key: RecordingKey, fresh: list[Caption]) -> list[Caption]:
    """Those that no other microphone heard as well; they say which captions they replace."""
    if not fresh:
        return []
    start_ms = min(caption.meeting_start_ms for caption in fresh)
    end_ms = max(c.meeting_start_ms + c.end_ms - c.start_ms for c in fresh)
    doubles = await mark_duplicates(key.meeting_id, start_ms=start_ms, end_ms=end_ms)
    replaces: dict[UUID, list[CaptionId]] = defaultdict(list)
    for caption_id in doubles.keys() - {caption.caption_id for caption in fresh}:
        replaces[doubles[caption_id]].append(CaptionId(caption_id))
    return [
        structs.replace(caption, replaces=tuple(sorted(replaces[caption.caption_id])))
        for caption in fresh
        if caption.caption_id not in doubles
    ]


_RECORDINGS = """
SELECT r.id, r.audio_id, r.meeting_id, r.group_id, r.user_id, r.language, r.offset_ms,
    r.decoded_ms, r.started_at, r.sound_deleted_at,
    (SELECT coalesce(max(c.seq) + 1, 0) FROM captions c WHERE c.recording_id = r.id) AS next_seq,
    (SELECT c.text FROM captions c WHERE c.recording_id = r.id ORDER BY c.seq DESC LIMIT 1)
        AS previous_text
FROM recordings r
"""


_UNFINISHED = """
WHERE r.status = 'OPEN' AND NOT EXISTS (
    SELECT 1 FROM transcription_jobs j
    WHERE j.recording_id = r.id AND j.state IN ('QUEUED', 'RUNNING')
) AND NOT EXISTS (
    SELECT 1 FROM recording_homes h WHERE h.recording_id = r.id AND h.home <> $1
) ORDER BY r.id
"""
"""Uploads are OPEN until their job is done, and are its business; what another VORI records is its."""


def _opened(row: Any, *, is_new: bool, now: datetime) -> Opened:
    return Opened(
        key=_key(row),
        progress=Progress(
            next_seq=row["next_seq"],
            settled_ms=row["decoded_ms"],
            offset_ms=row["offset_ms"],
            language=row["language"],
            previous_text=row["previous_text"] or "",
        ),
        is_new=is_new,
        offset_now_ms=_millis(row["started_at"], now),
    )


def _key(row: Any) -> RecordingKey:
    return RecordingKey(
        recording_id=UUID(str(row["id"])),
        audio_id=AudioId(row["audio_id"]),
        meeting_id=MeetingId(row["meeting_id"]),
        group_id=GroupId(row["group_id"]),
        user_id=None if row["user_id"] is None else UserId(row["user_id"]),
    )


def _caption(row: Any, key: RecordingKey) -> Caption:
    return Caption(
        event_id=EventId(UUID(str(row["id"]))),
        caption_id=CaptionId(UUID(str(row["id"]))),
        meeting_id=key.meeting_id,
        group_id=key.group_id,
        audio_id=key.audio_id,
        seq=row["seq"],
        text=row["text"],
        language=row["language"],
        start_ms=row["start_ms"],
        end_ms=row["end_ms"],
        meeting_start_ms=row["meeting_start_ms"],
        speaker_id=row["speaker_id"],
        words=msgspec.convert(row["words"], tuple[Word, ...]),
    )


def _millis(start: datetime, now: datetime) -> int:
    return max(0, int((now - start).total_seconds() * 1000))
