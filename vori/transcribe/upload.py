"""Sound that is all there already, into a meeting: streamed to disk, checked, and put into words in
the background. Once it is accepted nothing of it is lost: it is in a journal, and its job goes on
after a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import islice
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from vori import log
from vori.clock import Clock
from vori.data.engine import DB, retrying, transaction
from vori.errors import BadMessage, Conflict, Idle, NotFound, TooLarge, Unavailable, VoriError
from vori.ids import AudioId, GroupId, MeetingId, UserId, uuid7
from vori.people.messages import Principal
from vori.settings import Audio
from vori.transcribe import jobs
from vori.transcribe.ear import MAX_FILE_S
from vori.transcribe.jobs import Wanted
from vori.transcribe.journal import Journal
from vori.transcribe.messages import AudioFormat, Encoding, Job
from vori.transcribe.sandbox import decode_file, file_duration_ms, in_thread
from vori.transcribe.store import check_speaker
from vori.transcribe.versions import Origin

logger = log.get(__name__)

SYNC_BYTES = 4 << 20
INCOMPLETE = "upload_incomplete"
Admit = Callable[[MeetingId, GroupId, Principal], Awaitable[object]]
"""Makes the meeting live; runs in the caller's transaction."""


class Upload(Struct, frozen=True, kw_only=True):
    """A file for a meeting. Times count from the meeting's start."""

    meeting_id: MeetingId
    group_id: GroupId
    audio_id: AudioId | None = None
    """None: a free one."""
    language: str | None = None
    hotwords: str = ""
    speaker_id: UserId | None = None
    offset_ms: int = 0


class Uploads:
    def __init__(
        self,
        home: Path,
        admit: Admit,
        wake: Callable[[], None],
        clock: Clock,
        limits: Audio,
        *,
        home_id: UUID | None = None,
    ) -> None:
        """wake: told that there is a job to do. home_id: where several VORIs share a database."""
        self._journals = home / "journal"
        self._admit = admit
        self._wake = wake
        self._clock = clock
        self._limits = limits
        self._home_id = home_id
        self.takes_sound = True
        """Whether this process puts what it keeps into words."""

    async def take(self, upload: Upload, principal: Principal, sound: AsyncIterator[bytes]) -> Job:
        """Keep the file and begin a job for it; either all of it is taken or nothing stays.

        Raises BadMessage for what is no sound, TooLarge, Conflict, Unavailable when the disk or
        the database is away, and what `sound` raises when the client goes.
        """
        if not self.takes_sound:
            raise Unavailable(
                "This VORI takes no sound; send it to one that runs the worker `transcribe`.",
                code="no_transcribe",
            )
        recording_id = uuid7()
        await self._begin(recording_id, upload)
        journal: Journal | None = None
        try:
            journal = await asyncio.to_thread(
                Journal.create, self._journals, upload.meeting_id, recording_id
            )
            await self._write(journal, sound)
            path = journal.parts()[0].path
            duration_ms = await in_thread(_checked, path)
            job = await self._accept(recording_id, upload, principal, journal, duration_ms)
        except BaseException:
            # Whoever cancels waits for this: what was not accepted leaves nothing behind.
            await asyncio.shield(self._undo(recording_id, journal))
            raise
        logger.info("upload taken", recording_id=str(recording_id), bytes=journal.durable_bytes)
        self._wake()
        return job

    async def _begin(self, recording_id: UUID, upload: Upload) -> None:
        """The row says what became of it if VORI dies meanwhile."""
        async with transaction():
            await check_speaker(upload.group_id, upload.speaker_id)
            rows = await DB.fetch(
                """
                INSERT INTO recordings (id, audio_id, meeting_id, group_id, user_id, status,
                    encoding, language, offset_ms, failure, started_at)
                VALUES ($1, $2, $3, $4, $5, 'FAILED', 'file', $6, $7, $8, $9)
                ON CONFLICT (audio_id) DO NOTHING RETURNING id
                """,
                recording_id,
                upload.audio_id or f"upload-{recording_id}",
                upload.meeting_id,
                upload.group_id,
                upload.speaker_id,
                upload.language,
                upload.offset_ms,
                INCOMPLETE,
                self._clock.now(),
            )
            if not rows:
                raise Conflict(
                    "There is a recording with this audioId; choose another, or none.",
                    code="audio_id_taken",
                )
            if self._home_id is not None:
                await DB.fetch(
                    "INSERT INTO recording_homes (recording_id, home) VALUES ($1, $2)",
                    recording_id,
                    self._home_id,
                )

    async def _write(self, journal: Journal, sound: AsyncIterator[bytes]) -> None:
        journal.begin_part(AudioFormat(encoding=Encoding.FILE), 0)
        async for data in self._in_time(sound):
            if journal.received_bytes + len(data) > self._limits.max_file_bytes:
                raise file_too_large(self._limits.max_file_bytes)
            journal.append(data)
            if journal.received_bytes - journal.durable_bytes >= SYNC_BYTES:
                await journal.sync()
        await journal.close()
        if not journal.durable_bytes:
            raise BadMessage("The file is empty.", code="empty_file")

    async def _in_time(self, sound: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What comes, while it comes: raises Idle when nothing does for `audio.idle_s`."""
        while True:
            try:
                async with asyncio.timeout(self._limits.idle_s):
                    data = await anext(sound, None)
            except TimeoutError as exc:
                raise Idle(
                    f"No sound for {self._limits.idle_s:g} s; send the file again.",
                    code="idle",
                ) from exc
            if data is None:
                return
            yield data

    async def _accept(
        self,
        recording_id: UUID,
        upload: Upload,
        principal: Principal,
        journal: Journal,
        duration_ms: int | None,
    ) -> Job:
        async with transaction():
            ended = await DB.fetch(
                "SELECT 1 FROM meetings WHERE id = $1 AND status = 'ENDED' FOR KEY SHARE",
                upload.meeting_id,
            )
            if not ended:  # an ended meeting stays ended, and is read again with the new words
                await self._admit(upload.meeting_id, upload.group_id, principal)
            rows = await DB.fetch(
                "UPDATE recordings SET status = 'OPEN', failure = NULL, received_bytes = $2"
                " WHERE id = $1 RETURNING id",
                recording_id,
                journal.durable_bytes,
            )
            if not rows:
                raise NotFound(
                    f"There is no meeting {upload.meeting_id} any more.",
                    meetingId=upload.meeting_id,
                )
            return await jobs.add(
                recording_id,
                Origin.UPLOAD,
                Wanted(language=upload.language, hotwords=upload.hotwords),
                created_by=principal.user_id,
                at=self._clock.now(),
                total_ms=duration_ms,
            )

    async def _undo(self, recording_id: UUID, journal: Journal | None) -> None:
        try:
            if not await retrying(lambda: _delete(recording_id), deadline_s=10):
                return  # it was accepted, and only the database's answer was lost
        except VoriError as exc:  # the row stays, and says that the upload is incomplete
            logger.warning("upload not undone", recording_id=str(recording_id), code=exc.code)
        if journal is not None:
            await journal.remove()


def file_too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"A file may have {limit} bytes (audio.max_file_bytes); send it in parts.",
        code="file_too_large",
    )


async def _delete(recording_id: UUID) -> bool:
    """Whether there is no such recording now; one that was accepted stays."""
    await DB.fetch("DELETE FROM recordings WHERE id = $1 AND status = 'FAILED'", recording_id)
    return not await DB.fetch("SELECT 1 FROM recordings WHERE id = $1", recording_id)


def _checked(path: Path) -> int | None:
    """How long the file says that it is; raises BadMessage for one without sound in it."""
    for samples in islice(decode_file(path, limit_s=MAX_FILE_S), 1):
        if len(samples):
            return file_duration_ms(path)
    raise BadMessage("There is no sound in the file.", code="undecodable_audio")
