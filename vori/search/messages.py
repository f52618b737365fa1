"""What a search finds."""

from __future__ import annotations

from datetime import date, datetime

from msgspec import Struct

from vori.api import Page
from vori.ids import AudioId, CaptionId, GroupId, MeetingId, TicketId, UserId
from vori.tickets.messages import TicketStatus


class Marked(Struct, frozen=True, kw_only=True, rename="camel"):
    """Text, and where the words searched for stand in it: [first, after the last], counted in
    code points.
    """

    text: str
    marks: tuple[tuple[int, int], ...]


class CaptionHit(Struct, frozen=True, kw_only=True, rename="camel"):
    """A sentence; times count in milliseconds from its meeting's start."""

    caption_id: CaptionId
    meeting_id: MeetingId
    group_id: GroupId
    meeting_title: str
    meeting_started_at: datetime | None
    audio_id: AudioId
    start_ms: int
    end_ms: int
    language: str
    speaker_id: UserId | None
    speaker: str | None
    said: Marked


class TicketHit(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket; `content` is the part of it around the first word found."""

    ticket_id: TicketId
    group_id: GroupId
    meeting_id: MeetingId | None
    status: TicketStatus
    assignee: str | None
    due: date | None
    title: Marked
    content: Marked


class Found(Struct, frozen=True, kw_only=True, rename="camel"):
    """Newest first. `words` are what was looked for, as texts are compared."""

    words: tuple[str, ...]
    captions: Page[CaptionHit]
    tickets: Page[TicketHit]
