"""Recordings over HTTP: uploaded, put into words again, their versions compared and changed."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, post
from litestar.params import JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import Meta, Struct

from vori.api import Language, PathId, SignedIn
from vori.errors import VoriError
from vori.ids import MeetingId
from vori.meetings import store as meetings
from vori.people.access import meeting_for
from vori.transcribe import jobs, versions
from vori.transcribe.diff import Difference, Timed, difference
from vori.transcribe.jobs import Wanted
from vori.transcribe.messages import Job
from vori.transcribe.retranscribe import Retranscriber
from vori.transcribe.versions import Version, VersionText, no_recording


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


class VersionDifference(Difference, frozen=True, kw_only=True, rename="camel"):
    recording_id: UUID
    before: int
    after: int


def transcript_routes(retranscriber: Retranscriber) -> list[ControllerRouterHandler]:
    return [
        _retranscribe(retranscriber),
        _cancel_job(retranscriber),
        list_jobs,
        get_job,
        list_versions,
        get_version,
        compare_versions,
        apply_version,
    ]


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
async def get_job(principal: SignedIn, meeting_id: PathId, job_id: UUID) -> Job:
    await meeting_for(principal, MeetingId(meeting_id))
    return await jobs.job(MeetingId(meeting_id), job_id)


def _cancel_job(retranscriber: Retranscriber) -> Any:
    @delete(
        "/api/meetings/{meeting_id:int}/jobs/{job_id:uuid}",
        status_code=200,
        tags=["transcripts"],
        summary="Cancel a job; the recording keeps the captions it has",
    )
    async def cancel_job(principal: SignedIn, meeting_id: PathId, job_id: UUID) -> Job:
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
    principal: SignedIn, meeting_id: PathId, recording_id: UUID, number: PathId
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
    recording_id: UUID,
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
    found = difference(_timed(before), _timed(after))
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
    principal: SignedIn, meeting_id: PathId, recording_id: UUID, number: PathId
) -> Version:
    await meeting_for(principal, MeetingId(meeting_id))
    await versions.apply(MeetingId(meeting_id), recording_id, number)
    return (await versions.version(MeetingId(meeting_id), recording_id, number)).version


def _timed(text: VersionText) -> list[Timed]:
    return [
        Timed(id=one.caption_id, start_ms=one.start_ms, end_ms=one.end_ms, text=one.text)
        for one in text.captions
    ]
