"""What meetings led to, as it is told on topics and over HTTP.

The fields of the topics are named as their readers know them, some of them in snake_case; over
HTTP all names are in camelCase.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from vori.ids import EventId, GroupId, MeetingId, TicketId
from vori.tickets.messages import TicketStatus

Share = Annotated[float, Meta(ge=0, le=1)]


class Span(Struct, frozen=True, kw_only=True, rename="camel"):
    """From `start` on, up to but without `end`; UTC."""

    start: datetime
    end: datetime


# ------------------------------------------------------------------ topics


class TicketMetrics(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `analytics.ticket.metrics`: what one minute of a meeting led to.

    The latest message with the same window and meeting is the one that counts.
    """

    event_id: EventId
    window: Span
    meeting_id: MeetingId
    group_id: GroupId
    actionable_items_count: int
    """Tickets made."""
    status_updates_count: int
    """Tickets whose status was changed."""
    blockers_mentioned: int
    """What keeps work from going on, when it was first heard."""


class Productivity(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `analytics.productivity`: how much one minute of a meeting moved, in 0..1.

    The latest message with the same window and meeting is the one that counts.
    """

    event_id: EventId
    window: Span
    meeting_id: MeetingId
    group_id: GroupId
    productivity_score: Share = field(name="productivity_score")
    ticket_count: int = field(name="ticket_count")
    """Changes of tickets: made, moved, edited."""
    actionable_tickets: int = field(name="actionable_tickets")
    """Tickets made."""


class GroupTrend(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `analytics.trends.groups`: seven days of a group's meetings, means over meetings.

    The latest message with the same period and group is the one that counts.
    """

    event_id: EventId
    group_id: GroupId
    period: Span
    avg_productivity: Share = field(name="avg_productivity")
    avg_actionable_items: float = field(name="avg_actionable_items")
    avg_status_updates: float = field(name="avg_status_updates")
    meeting_count: int = field(name="meeting_count")


class InsightKind(StrEnum):
    """What an insight is about."""

    PRODUCTIVITY_DROP = "productivity_drop"
    PRODUCTIVITY_RISE = "productivity_rise"
    COMPLETION_DROP = "completion_drop"
    BOTTLENECK = "bottleneck"
    BEST_HOUR = "best_hour"
    RECURRING_BLOCKER = "recurring_blocker"
    STUCK_TICKET = "stuck_ticket"
    RISING_KEYWORD = "rising_keyword"
    GROUP_COMPARISON = "group_comparison"


class Insight(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `analytics.insights`: something the numbers show, as one sentence in each language.

    `insightId` stays the same for as long as it is about the same thing. `numbers` are those of
    the sentence; `sample` is how many meetings (or tickets) it rests on.
    """

    event_id: EventId
    insight_id: UUID
    group_id: GroupId
    kind: InsightKind
    period: Span
    text: dict[str, str]
    """`en` and `ko`."""
    numbers: dict[str, float]
    sample: int
    meeting_ids: tuple[MeetingId, ...] = ()
    ticket_ids: tuple[TicketId, ...] = ()


class WindowsChanged(Struct, frozen=True, kw_only=True, rename="camel"):
    """Open pages are told that a meeting's minutes were counted anew: read them again."""

    meeting_id: MeetingId
    group_id: GroupId


class MinutesCounted(Struct, frozen=True, kw_only=True, rename="camel"):
    """Among VORI's own processes: a batch was counted. Each tells the pages that are open on it."""

    event_id: EventId
    changed: tuple[WindowsChanged, ...]


Result = TicketMetrics | Productivity | GroupTrend | Insight


# ------------------------------------------------------------------ HTTP


class MetricWindow(Struct, frozen=True, kw_only=True, rename="camel"):
    """One minute of a meeting. `closed`: late events no longer change it."""

    window: Span
    productivity_score: Share
    actionable_items_count: int
    status_updates_count: int
    blockers_mentioned: int
    ticket_count: int
    actionable_tickets: int
    captions: int
    closed: bool


class Keyword(Struct, frozen=True, kw_only=True, rename="camel"):
    """A word that tells this meeting, or this group's weeks, from others.

    `score` is its TF-IDF; `count` how often it was said. For a group also in how many
    `meetings`, and how often in the seven days before these (`countBefore`).
    """

    term: str
    score: float
    count: int
    meetings: int = 1
    count_before: int | None = None


class KeywordTrend(Struct, frozen=True, kw_only=True, rename="camel"):
    """A word of a meeting that goes on: how often in its last five minutes of talk (`count`), in
    the five before (`countBefore`), and in all (`total`).
    """

    term: str
    count: int
    count_before: int
    total: int


class Realtime(Struct, frozen=True, kw_only=True, rename="camel"):
    """A meeting so far: minutes with any words or work, oldest first, and all of them together."""

    meeting_id: MeetingId
    group_id: GroupId
    productivity_score: Share
    actionable_items_count: int
    status_updates_count: int
    blockers_mentioned: int
    captions: int
    windows: tuple[MetricWindow, ...]
    keywords: tuple[Keyword, ...]
    keyword_trends: tuple[KeywordTrend, ...] = ()
    """Those said most in the last five minutes first."""


class StatusCount(Struct, frozen=True, kw_only=True, rename="camel"):
    status: TicketStatus
    tickets: int


class BlockerMention(Struct, frozen=True, kw_only=True, rename="camel"):
    about: str
    start_ms: int
    end_ms: int


class TicketMove(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket that this meeting moved, and where it is now."""

    ticket_id: TicketId
    title: str
    from_status: TicketStatus
    to_status: TicketStatus
    at: datetime


class TicketPatterns(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a meeting's tickets. Shares and medians are null where there is no ticket.

    `hoursToDone` is the median from the promise to DONE, of those that are done.
    """

    meeting_id: MeetingId
    group_id: GroupId
    tickets: int
    by_status: tuple[StatusCount, ...]
    assigned_share: Share | None
    due_share: Share | None
    completion_rate: Share | None
    hours_to_done: float | None
    moves: tuple[TicketMove, ...]
    blockers: tuple[BlockerMention, ...]


class HourOfDay(Struct, frozen=True, kw_only=True, rename="camel"):
    """Meetings that began in this hour, each by the clock of its own time zone."""

    hour: Annotated[int, Meta(ge=0, le=23)]
    meetings: int
    avg_productivity: Share


class BestHour(Struct, frozen=True, kw_only=True, rename="camel"):
    """The hour whose meetings did best, of those with enough meetings to say so.

    `lowest` and `highest` hold the mean with 95 % confidence; `sure` is whether they lie above
    the mean of all other hours.
    """

    hour: int
    meetings: int
    avg_productivity: Share
    lowest: Share
    highest: Share
    sure: bool


class HourlyProductivity(Struct, frozen=True, kw_only=True, rename="camel"):
    """`best` is null until an hour has `needed` meetings."""

    group_id: GroupId
    hours: tuple[HourOfDay, ...]
    needed: int
    best: BestHour | None


class StatusTime(Struct, frozen=True, kw_only=True, rename="camel"):
    """How long tickets stay in a status: the median of `stays`, in hours."""

    status: TicketStatus
    hours: float
    stays: int


class Trend(Struct, frozen=True, kw_only=True, rename="camel"):
    """Seven days of a group, Monday to Sunday by UTC. Null: nothing to measure it by."""

    period: Span
    avg_productivity: Share
    avg_actionable_items: float
    avg_status_updates: float
    avg_blockers: float
    meeting_count: int
    tickets_made: int
    completion_rate: Share | None
    """Of the tickets made in these days, those that are done by now."""
    hours_to_done: float | None
    """Median from promise to DONE, of the tickets made in these days that are done."""
    time_in_status: tuple[StatusTime, ...] = ()
    bottleneck: TicketStatus | None = None
    """The open status where tickets stay longest."""


class GroupTrends(Struct, frozen=True, kw_only=True, rename="camel"):
    """Newest first."""

    group_id: GroupId
    trends: tuple[Trend, ...]


class GroupStanding(Struct, frozen=True, kw_only=True, rename="camel"):
    """One group beside the caller's others, over its last whole weeks."""

    group_id: GroupId
    name: str
    meeting_count: int
    avg_productivity: Share | None
    avg_actionable_items: float | None
    completion_rate: Share | None


class InsightView(Struct, frozen=True, kw_only=True, rename="camel"):
    """An insight in one language, with links to what it rests on."""

    insight_id: UUID
    group_id: GroupId
    kind: InsightKind
    period: Span
    text: str
    numbers: dict[str, float]
    sample: int
    meeting_ids: tuple[MeetingId, ...]
    ticket_ids: tuple[TicketId, ...]
    computed_at: datetime


class MeetingTopic(Struct, frozen=True, kw_only=True, rename="camel"):
    """Meetings that are about the same, named by the words that tell them from the others."""

    name: str
    words: tuple[str, ...]
    share: Share
    """Of the group's meetings in the last weeks."""
    meeting_ids: tuple[MeetingId, ...]
