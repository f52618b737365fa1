"""What happens to meetings."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from vori.ids import EventId, GroupId, MeetingId, UserId


class MeetingStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    LIVE = "LIVE"
    ENDED = "ENDED"


class MeetingCreated(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `meeting.created`."""

    event_id: EventId
    meeting_id: MeetingId
    group_id: GroupId
    title: str
    status: MeetingStatus
    created_at: datetime
    language: str | None = None
    time_zone: str = "UTC"
    created_by: UserId | None = None


class MeetingUpdated(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `meeting.updated`: `changed` names the fields; the meeting is as it is now.

    A meeting ends by `status` becoming ENDED.
    """

    event_id: EventId
    meeting_id: MeetingId
    group_id: GroupId
    title: str
    status: MeetingStatus
    updated_at: datetime
    changed: tuple[str, ...] = ()
    previous_status: MeetingStatus | None = None
    language: str | None = None
    time_zone: str = "UTC"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deleted: bool = False


class MeetingSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `meeting.summary`: the minutes, as Markdown in `language`."""

    event_id: EventId
    meeting_id: MeetingId
    group_id: GroupId
    language: str
    markdown: str
    updated_at: datetime
    engine: str = ""
    model: str = ""
    edited_by: UserId | None = None
