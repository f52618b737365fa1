"""What somebody is told about."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from vori.ids import GroupId, MeetingId, TicketId


class NoticeKind(StrEnum):
    ASSIGNED = "assigned"
    """A ticket became mine."""
    MOVED = "moved"
    """A ticket of mine has another status."""
    DUE = "due"
    """A ticket of mine is not done on its day, or later."""
    STARTED = "started"
    """A meeting of my group began."""


class Notice(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that happened. `title` is the ticket's or the meeting's; `by` is None for VORI."""

    notice_id: str
    kind: NoticeKind
    at: datetime
    is_read: bool
    group_id: GroupId
    title: str
    ticket_id: TicketId | None
    meeting_id: MeetingId | None
    status: str | None
    """The ticket's new status; the meeting's present one."""
    by: str | None


class Notices(Struct, frozen=True, kw_only=True, rename="camel"):
    """Newest first; `unread` counts those of the list that came after `readUntil`."""

    items: tuple[Notice, ...]
    unread: int
    read_until: datetime | None
