"""Meetings over HTTP: plan, open, end, and read what was said and concluded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import msgspec
from litestar import Controller, HttpMethod, Request, Response, delete, get, patch, post, route
from litestar.params import FromQuery, JSONBody, QueryParameter, SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType

from vori.api import (
    NEWEST,
    BodyId,
    Cursor,
    Language,
    Limit,
    Now,
    Page,
    PathId,
    SignedIn,
    TimeZone,
    check_time_zone,
    cursor_of,
    place_of,
)
from vori.errors import Forbidden, Gone, NotFound
from vori.ids import BIGINT_MAX, AudioId, GroupId, MeetingId
from vori.meetings import store
from vori.meetings.audio import send_file
from vori.meetings.export import MEDIA_TYPES, Export, Format, write
from vori.meetings.messages import MeetingStatus
from vori.meetings.store import Line, Meeting, MinutesText, RecordingInfo
from vori.people import store as people
from vori.people.access import meeting_for, require_member
from vori.people.messages import Role
from vori.tickets import store as tickets

EndMeeting = Callable[[MeetingId], Awaitable[None]]
"""Finishes the meeting's recordings and ends it; ending twice changes nothing."""
AudioFile = Callable[[MeetingId, AudioId | None], Awaitable[Path]]
"""A WAV file of one recording (None: the meeting's first); raises NotFound."""
DeleteSound = Callable[[MeetingId], Awaitable[None]]
"""Removes every recording's sound from the disk."""


class WriteMinutes(Protocol):
    """Writes minutes of what was said and of the tickets as they are; raises Conflict
    (code="minutes_edited") for a text that a person has edited, unless it is to be replaced.
    """

    async def __call__(
        self, meeting_id: MeetingId, *, language: str | None, replace_edited: bool
    ) -> MinutesText: ...


MINUTES_POLL_S = 0.1
MOST_TICKETS = 10_000
"""In one export."""

Title = Annotated[str, Meta(max_length=200)]


class NewMeeting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    group_id: BodyId
    title: Title = ""
    language: Language | None = None
    """What is spoken; none: VORI listens for it."""
    time_zone: TimeZone | None = None
    """None: yours."""
    meeting_id: BodyId | None = None
    """None: the next free one."""


class MeetingChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """`status` LIVE opens a meeting (again), ENDED ends it as `/end` does."""

    title: Title | UnsetType = UNSET
    language: Language | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    status: MeetingStatus | UnsetType = UNSET


class MinutesChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    markdown: Annotated[str, Meta(max_length=200_000)]
    language: Language | None = None


class NewMinutes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    language: Literal["ko", "en"] | None = None
    """None: the meeting's, or what most was said in."""
    replace: bool = False
    """Also a text that a person has edited."""


class TranscriptText(Struct, frozen=True, kw_only=True, rename="camel"):
    """`transcript` is the text of all `lines`, one a line; none when the words were deleted."""

    meeting_id: MeetingId
    transcript: str
    lines: tuple[Line, ...]
    words_deleted_at: datetime | None = None


class MeetingRoutes(Controller):
    path = "/api/meetings"
    tags = ("meetings",)

    @get(summary="Meetings of my groups, newest first")
    async def list_meetings(
        self,
        principal: SignedIn,
        group_id: Annotated[int | None, QueryParameter(name="groupId", ge=1, le=BIGINT_MAX)] = None,
        status: FromQuery[MeetingStatus | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[Meeting]:
        if group_id is not None:
            require_member(principal, GroupId(group_id))
        groups = principal.roles if group_id is None else [GroupId(group_id)]
        found = await store.meetings(
            list(groups), status=status, before=place_of(cursor), limit=limit + 1
        )
        page = found[:limit]
        more = cursor_of(page[-1].created_at, page[-1].meeting_id) if len(found) > limit else None
        return Page(items=tuple(page), next_cursor=more)

    @post(summary="Plan a meeting")
    async def create_meeting(
        self, principal: SignedIn, clock: Now, data: JSONBody[NewMeeting]
    ) -> Meeting:
        require_member(principal, GroupId(data.group_id))
        zone = data.time_zone or (await people.user(principal.user_id)).time_zone
        return await store.create(
            group_id=GroupId(data.group_id),
            title=data.title.strip(),
            language=data.language,
            time_zone=check_time_zone(zone),
            created_by=principal.user_id,
            at=clock.now(),
            meeting_id=None if data.meeting_id is None else MeetingId(data.meeting_id),
        )

    @get("/{meeting_id:int}", summary="One meeting")
    async def get_meeting(self, principal: SignedIn, meeting_id: PathId) -> Meeting:
        await meeting_for(principal, MeetingId(meeting_id))
        return await store.meeting(MeetingId(meeting_id))

    @patch("/{meeting_id:int}", summary="Change a meeting")
    async def change_meeting(
        self,
        principal: SignedIn,
        clock: Now,
        end_meeting: SkipValidation[EndMeeting],
        meeting_id: PathId,
        data: JSONBody[MeetingChange],
    ) -> Meeting:
        meeting = MeetingId(meeting_id)
        await meeting_for(principal, meeting)
        changes = {k: v for k, v in msgspec.structs.asdict(data).items() if v is not UNSET}
        if "time_zone" in changes:
            check_time_zone(changes["time_zone"])
        is_ending = changes.get("status") is MeetingStatus.ENDED
        if is_ending:
            del changes["status"]
        changed = await store.change(meeting, changes, at=clock.now())
        if not is_ending:
            return changed
        await end_meeting(meeting)
        return await store.meeting(meeting)

    @delete(
        "/{meeting_id:int}", summary="Delete a meeting with its sound and words (its maker, ADMIN)"
    )
    async def delete_meeting(
        self,
        principal: SignedIn,
        delete_sound: SkipValidation[DeleteSound],
        meeting_id: PathId,
    ) -> None:
        meeting = MeetingId(meeting_id)
        group_id = await meeting_for(principal, meeting)
        made_by = (await store.meeting(meeting)).created_by
        if principal.roles[group_id] is not Role.ADMIN and made_by != principal.user_id:
            raise Forbidden("Only who made the meeting, or an ADMIN of its group, may delete it.")
        await store.delete(meeting)
        await delete_sound(meeting)

    @post("/{meeting_id:int}/end", summary="End a meeting; harmless when repeated", status_code=200)
    async def end_meeting_now(
        self,
        principal: SignedIn,
        end_meeting: SkipValidation[EndMeeting],
        meeting_id: PathId,
        wait: Annotated[
            float, QueryParameter(ge=0, le=60, description="Wait so many seconds for the minutes.")
        ] = 0,
    ) -> Meeting:
        meeting = MeetingId(meeting_id)
        await meeting_for(principal, meeting)
        await end_meeting(meeting)
        return await _with_minutes(meeting, wait_s=wait)

    @get("/{meeting_id:int}/transcript", summary="What was said, by time")
    async def get_transcript(
        self,
        principal: SignedIn,
        meeting_id: PathId,
        since: Annotated[
            int,
            QueryParameter(
                ge=0, le=BIGINT_MAX, description="Only lines from so many ms into the meeting."
            ),
        ] = 0,
        words: Annotated[
            bool, QueryParameter(description="Also where in the sound each word is.")
        ] = False,
    ) -> TranscriptText:
        await meeting_for(principal, MeetingId(meeting_id))
        lines = await store.lines(MeetingId(meeting_id), since_ms=since, with_words=words)
        return TranscriptText(
            meeting_id=MeetingId(meeting_id),
            transcript="\n".join(line.text for line in lines),
            lines=lines,
            words_deleted_at=(await store.meeting(MeetingId(meeting_id))).words_deleted_at
            if not lines
            else None,
        )

    @get("/{meeting_id:int}/minutes", summary="The minutes, as Markdown")
    async def get_minutes(self, principal: SignedIn, meeting_id: PathId) -> MinutesText:
        await meeting_for(principal, MeetingId(meeting_id))
        return await store.minutes(MeetingId(meeting_id))

    @post(
        "/{meeting_id:int}/minutes",
        summary="Write the minutes anew, of the tickets as they are now",
        status_code=200,
    )
    async def rewrite_minutes(
        self,
        principal: SignedIn,
        write_minutes: SkipValidation[WriteMinutes],
        meeting_id: PathId,
        data: JSONBody[NewMinutes | None] = None,
    ) -> MinutesText:
        await meeting_for(principal, MeetingId(meeting_id))
        wanted = data or NewMinutes()
        return await write_minutes(
            MeetingId(meeting_id), language=wanted.language, replace_edited=wanted.replace
        )

    @patch("/{meeting_id:int}/minutes", summary="Edit the minutes; yours stay")
    async def edit_minutes(
        self, principal: SignedIn, clock: Now, meeting_id: PathId, data: JSONBody[MinutesChange]
    ) -> MinutesText:
        await meeting_for(principal, MeetingId(meeting_id))
        return await store.edit_minutes(
            MeetingId(meeting_id),
            markdown=data.markdown,
            language=data.language,
            editor=principal.user_id,
            at=clock.now(),
        )

    @get("/{meeting_id:int}/export", summary="The meeting as a file", media_type="text/plain")
    async def export_meeting(
        self,
        principal: SignedIn,
        clock: Now,
        meeting_id: PathId,
        form: Annotated[
            Format,
            QueryParameter(
                name="format",
                description="md, json: all; srt, vtt: captions; csv: tickets; ics: tickets due.",
            ),
        ] = Format.MD,
    ) -> Response[bytes]:
        group_id = await meeting_for(principal, MeetingId(meeting_id))
        export = await _export(MeetingId(meeting_id), group_id)
        return Response(
            write(export, form, at=clock.now()),
            media_type=MEDIA_TYPES[form],
            headers={
                "content-disposition": f'attachment; filename="meeting-{meeting_id}.{form.value}"'
            },
        )

    @get("/{meeting_id:int}/recordings", summary="The meeting's recordings")
    async def list_recordings(self, principal: SignedIn, meeting_id: PathId) -> list[RecordingInfo]:
        await meeting_for(principal, MeetingId(meeting_id))
        return list(await store.recordings(MeetingId(meeting_id)))

    @route(
        "/{meeting_id:int}/audio",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        summary="The sound of a recording as WAV; Range works, and so does ?token=",
        opt={"token_in_query": True},
        media_type="audio/wav",
    )
    async def get_audio(
        self,
        request: Request[Any, Any, Any],
        principal: SignedIn,
        audio_file: SkipValidation[AudioFile],
        meeting_id: PathId,
        audio_id: Annotated[
            str | None, QueryParameter(name="audioId", min_length=1, max_length=128)
        ] = None,
    ) -> Response[Any]:
        await meeting_for(principal, MeetingId(meeting_id))
        wanted = None if audio_id is None else AudioId(audio_id)
        await store.require_sound(MeetingId(meeting_id), wanted)
        return await send_file(request, await audio_file(MeetingId(meeting_id), wanted))


async def _export(meeting_id: MeetingId, group_id: GroupId) -> Export:
    try:
        minutes = (await store.minutes(meeting_id)).markdown
    except (NotFound, Gone):
        minutes = ""
    found = await tickets.tickets(
        [group_id], tickets.Filters(meeting_id=meeting_id), before=NEWEST, limit=MOST_TICKETS
    )
    return Export(
        meeting=await store.meeting(meeting_id),
        minutes=minutes,
        lines=await store.lines(meeting_id),
        tickets=tuple(reversed(found)),
    )


async def _with_minutes(meeting_id: MeetingId, *, wait_s: float) -> Meeting:
    """The meeting, once its minutes are written or `wait_s` have gone by."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + wait_s
    while True:
        meeting = await store.meeting(meeting_id)
        if meeting.has_minutes or loop.time() >= give_up:
            return meeting
        await asyncio.sleep(MINUTES_POLL_S)
