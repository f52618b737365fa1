"""Recordings over HTTP: uploaded, put into words again, their versions compared and changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, delete, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import Meta, Struct

from vori.api import FILE, Language, PathId, SignedIn, reads
from vori.errors import BadMessage, VoriError
from vori.ids import BIGINT_MAX, AudioId, MeetingId, UserId
from vori.meetings import store as meetings
from vori.meetings.store import RecordingInfo
from vori.people.access import meeting_for
from vori.settings import Audio
from vori.transcribe import jobs, versions
from vori.transcribe.diff import Difference, Timed, difference
from vori.transcribe.jobs import Wanted
from vori.transcribe.messages import Job
from vori.transcribe.retranscribe import Retranscriber
from vori.transcribe.upload import Upload, Uploads, file_too_large
from vori.transcribe.versions import Version, VersionText, no_recording

FORM_BYTES = 64 * 1024
"""What a form may have around its file."""
READ_BYTES = 256 * 1024
MAX_OFFSET_MS = 30 * 24 * 3_600_000
LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"


class Again(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How recordings are to be put into words again."""

    recording_id: UUID | None = None
    """None: all of the meeting's that are over."""
    model: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    """None: the one that live rooms are heard with."""
    language: Language | None = None
    """None: told from the sound."""
    apply: bool = True
    """False: the captions wait as a draft, to be compared and applied."""
    hotwords: Annotated[str, Meta(max_length=2_000)] = ""
    """Names and terms likely to be said."""


class Passed(Struct, frozen=True, kw_only=True, rename="camel"):
    """A recording that no job was made for, and why."""

    recording_id: UUID
    code: str
    message: str


class Asked(Struct, frozen=True, kw_only=True, rename="camel"):
    jobs: tuple[Job, ...]
    passed: tuple[Passed, ...] = ()


class Uploaded(Struct, frozen=True, kw_only=True, rename="camel"):
    """The file is safe; `job` puts it into words."""

    recording: RecordingInfo
    job: Job


class VersionDifference(Difference, frozen=True, kw_only=True, rename="camel"):
    recording_id: UUID
    before: int
    after: int


def transcript_routes(
    retranscriber: Retranscriber, uploads: Uploads, limits: Audio
) -> list[ControllerRouterHandler]:
    return [
        _upload(uploads, limits),
        _retranscribe(retranscriber),
        _cancel_job(retranscriber),
        list_jobs,
        get_job,
        list_versions,
        get_version,
        compare_versions,
        apply_version,
    ]


def _upload(uploads: Uploads, limits: Audio) -> Any:
    @post(
        "/api/meetings/{meeting_id:int}/recordings",
        status_code=202,
        tags=["transcripts"],
        summary="Put a sound file into the meeting: its bytes as the body, or a form's part `file`",
        request_max_body_size=limits.max_file_bytes + FORM_BYTES,
        operation_class=reads(
            {
                "application/octet-stream": FILE,
                "multipart/form-data": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": FILE},
                },
            }
        ),
    )
    async def upload_recording(
        request: Request[Any, Any, Any],
        principal: SignedIn,
        meeting_id: PathId,
        audio_id: Annotated[
            str | None, QueryParameter(name="audioId", min_length=1, max_length=128)
        ] = None,
        language: Annotated[str | None, QueryParameter(pattern=LANGUAGE, max_length=16)] = None,
        speaker_id: Annotated[
            int | None,
            QueryParameter(
                name="speakerId", ge=1, le=BIGINT_MAX, description="The member who speaks in it."
            ),
        ] = None,
        offset_ms: Annotated[
            int,
            QueryParameter(
                name="offsetMs",
                ge=0,
                le=MAX_OFFSET_MS,
                description="When it begins in the meeting.",
            ),
        ] = 0,
        hotwords: Annotated[str, QueryParameter(max_length=2_000)] = "",
    ) -> Uploaded:
        meeting = MeetingId(meeting_id)
        upload = Upload(
            meeting_id=meeting,
            group_id=await meeting_for(principal, meeting),
            audio_id=None if audio_id is None else AudioId(audio_id),
            language=language,
            hotwords=hotwords,
            speaker_id=None if speaker_id is None else UserId(speaker_id),
            offset_ms=offset_ms,
        )
        try:
            job = await uploads.take(upload, principal, _bytes_of(request))
        except HTTPException as exc:
            if exc.status_code != 413:
                raise
            raise file_too_large(limits.max_file_bytes) from exc
        recordings = await meetings.recordings(meeting)
        [recording] = [one for one in recordings if one.recording_id == job.recording_id]
        return Uploaded(recording=recording, job=job)

    return upload_recording


async def _bytes_of(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """The file's bytes as they come; a form is read to its end first (on disk, when it is large)."""
    kind, _ = request.content_type
    if kind != RequestEncodingType.MULTI_PART:
        async for data in request.stream():
            yield data
        return
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile):
        raise BadMessage("Send the sound as the part `file` of the form.", code="no_file")
    try:
        while data := await file.read(READ_BYTES):
            yield data
    finally:
        await file.close()


def _retranscribe(retranscriber: Retranscriber) -> Any:
    @post(
        "/api/meetings/{meeting_id:int}/retranscribe",
        status_code=202,
        tags=["transcripts"],
        summary="Put recordings into words again, in the background",
    )
    async def retranscribe(
        principal: SignedIn, meeting_id: PathId, data: JSONBody[Again | None] = None
    ) -> Asked:
        meeting = MeetingId(meeting_id)
        await meeting_for(principal, meeting)
        again = data or Again()
        wanted = Wanted(
            model=again.model,
            language=again.language,
            applies=again.apply,
            hotwords=again.hotwords,
        )
        if again.recording_id is not None:
            return Asked(
                jobs=(await retranscriber.ask(principal, meeting, again.recording_id, wanted),)
            )
        made: list[Job] = []
        passed: list[Passed] = []
        for recording in await meetings.recordings(meeting):
            try:
                made.append(
                    await retranscriber.ask(principal, meeting, recording.recording_id, wanted)
                )
            except VoriError as exc:
                if exc.status >= 500 or exc.status == 403:
                    raise
                passed.append(
                    Passed(recording_id=recording.recording_id, code=exc.code, message=exc.message)
                )
        if not made and not passed:
            raise no_recording()
        return Asked(jobs=tuple(made), passed=tuple(passed))

    return retranscribe


@get(
    "/api/meetings/{meeting_id:int}/jobs",
    tags=["transcripts"],
    summary="What is, or was, put into words in the background; newest first",
)
async def list_jobs(principal: SignedIn, meeting_id: PathId) -> list[Job]:
    await meeting_for(principal, MeetingId(meeting_id))
    return await jobs.jobs(MeetingId(meeting_id))


@get("/api/meetings/{meeting_id:int}/jobs/{job_id:uuid}", tags=["transcripts"], summary="One job")
async def get_job(principal: SignedIn, meeting_id: PathId, job_id: FromPath[UUID]) -> Job:
    await meeting_for(principal, MeetingId(meeting_id))
    return await jobs.job(MeetingId(meeting_id), job_id)


def _cancel_job(retranscriber: Retranscriber) -> Any:
    @delete(
        "/api/meetings/{meeting_id:int}/jobs/{job_id:uuid}",
        status_code=200,
        tags=["transcripts"],
        summary="Cancel a job; the recording keeps the captions it has",
    )
    async def cancel_job(principal: SignedIn, meeting_id: PathId, job_id: FromPath[UUID]) -> Job:
        await meeting_for(principal, MeetingId(meeting_id))
        return await retranscriber.cancel(MeetingId(meeting_id), job_id)

    return cancel_job


@get(
    "/api/meetings/{meeting_id:int}/versions",
    tags=["transcripts"],
    summary="The versions of every recording's captions",
)
async def list_versions(principal: SignedIn, meeting_id: PathId) -> list[Version]:
    await meeting_for(principal, MeetingId(meeting_id))
    return await versions.versions(MeetingId(meeting_id))


@get(
    "/api/meetings/{meeting_id:int}/recordings/{recording_id:uuid}/versions/{number:int}",
    tags=["transcripts"],
    summary="One version with its words",
)
async def get_version(
    principal: SignedIn, meeting_id: PathId, recording_id: FromPath[UUID], number: PathId
) -> VersionText:
    await meeting_for(principal, MeetingId(meeting_id))
    return await versions.version(MeetingId(meeting_id), recording_id, number)


@get(
    "/api/meetings/{meeting_id:int}/recordings/{recording_id:uuid}/versions/{number:int}/diff",
    tags=["transcripts"],
    summary="How a version's words differ from another's",
)
async def compare_versions(
    principal: SignedIn,
    meeting_id: PathId,
    recording_id: FromPath[UUID],
    number: PathId,
    to: Annotated[
        int | None,
        QueryParameter(ge=1, le=2**31 - 1, description="Without it the current version."),
    ] = None,
) -> VersionDifference:
    """`before` is the other version, `after` this one."""
    meeting = MeetingId(meeting_id)
    await meeting_for(principal, meeting)
    after = await versions.version(meeting, recording_id, number)
    other = await versions.current(recording_id) if to is None else to
    before = await versions.version(meeting, recording_id, other)
    found = await asyncio.to_thread(difference, _timed(before), _timed(after))
    return VersionDifference(
        recording_id=recording_id,
        before=other,
        after=number,
        words_before=found.words_before,
        words_after=found.words_after,
        words_same=found.words_same,
        stretches=found.stretches,
    )


@post(
    "/api/meetings/{meeting_id:int}/recordings/{recording_id:uuid}/versions/{number:int}/apply",
    status_code=200,
    tags=["transcripts"],
    summary="Make a draft or an earlier version the current one; harmless when repeated",
)
async def apply_version(
    principal: SignedIn, meeting_id: PathId, recording_id: FromPath[UUID], number: PathId
) -> Version:
    await meeting_for(principal, MeetingId(meeting_id))
    await versions.apply(MeetingId(meeting_id), recording_id, number)
    return (await versions.version(MeetingId(meeting_id), recording_id, number)).version


def _timed(text: VersionText) -> list[Timed]:
    return [
        Timed(id=one.caption_id, start_ms=one.start_ms, end_ms=one.end_ms, text=one.text)
        for one in text.captions
    ]
