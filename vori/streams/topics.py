"""Every topic once: its name, the Struct it carries, and the key that keeps its order.

Messages are JSON objects in camelCase. Messages with the same key arrive in the order they
were committed; between keys there is no order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from vori.analytics.messages import (
    GroupTrend,
    Insight,
    MinutesCounted,
    Productivity,
    TicketMetrics,
)
from vori.ids import EventId, MeetingId
from vori.meetings.messages import MeetingCreated, MeetingSummary, MeetingUpdated
from vori.tickets.messages import (
    BlockerNoted,
    ProposalCreated,
    ProposalDecided,
    TicketCreated,
    TicketUpdated,
)
from vori.transcribe.messages import AudioData, Caption, JobUpdated


class DeadLettered(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message `consumer` could not use, and why. `payload` is the message as it came."""

    event_id: EventId
    topic: str
    key: str
    payload: str
    consumer: str
    reason: str
    partition: int | None = None
    offset: int | None = None
    """Where in Kafka it lies; none when it did not come from there."""
    encoding: str = "utf-8"
    """`base64` when the message's bytes are no text."""


class ReplayWanted(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whoever runs the consumer of this dead letter gives it to it once more."""

    event_id: EventId
    letter_id: int


class FinishRecordings(Struct, frozen=True, kw_only=True, rename="camel"):
    """The meeting is about to end: whoever records it stores what was said."""

    event_id: EventId
    meeting_id: MeetingId


class Topic(Struct, frozen=True, kw_only=True):
    name: str
    struct: type[Struct]
    key: Callable[[Any], str]
    doc: str
    is_ours: bool = False
    """A request among VORI's own processes: it stays in the outbox, whatever carries the rest."""


def _meeting(event: Any) -> str:
    return str(event.meeting_id)


def _group(event: Any) -> str:
    return str(event.group_id)


def _meeting_or_ticket(event: TicketCreated | TicketUpdated) -> str:
    """A ticket that came out of no meeting is kept in order by itself."""
    meeting_id: MeetingId | None = event.meeting_id
    return event.ticket.ticket_id if meeting_id is None else str(meeting_id)


TRANSCRIPTION_COMPLETED = Topic(
    name="transcription.completed",
    struct=Caption,
    key=_meeting,
    doc="Words of a recording that will not change any more.",
)
TRANSCRIPTION_JOB = Topic(
    name="transcription.job",
    struct=JobUpdated,
    key=_meeting,
    doc="A recording is put into words in the background: begun, further, over.",
)
MEETING_CREATED = Topic(
    name="meeting.created", struct=MeetingCreated, key=_meeting, doc="A meeting was made."
)
MEETING_UPDATED = Topic(
    name="meeting.updated",
    struct=MeetingUpdated,
    key=_meeting,
    doc="A meeting started, ended, was renamed or deleted.",
)
MEETING_SUMMARY = Topic(
    name="meeting.summary",
    struct=MeetingSummary,
    key=_meeting,
    doc="Minutes were written or edited.",
)
TICKET_CREATED = Topic(
    name="ticket.created", struct=TicketCreated, key=_meeting_or_ticket, doc="A ticket was made."
)
PROPOSAL_CREATED = Topic(
    name="proposal.created",
    struct=ProposalCreated,
    key=_meeting,
    doc="A machine proposes a change, or proposes it otherwise than before.",
)
PROPOSAL_DECIDED = Topic(
    name="proposal.decided",
    struct=ProposalDecided,
    key=_meeting,
    doc="A proposal was accepted or dismissed, or the meeting took it back.",
)
TICKET_UPDATED = Topic(
    name="ticket.updated",
    struct=TicketUpdated,
    key=_meeting_or_ticket,
    doc="A ticket was changed, moved, given to somebody or deleted.",
)
BLOCKER_NOTED = Topic(
    name="blocker.noted",
    struct=BlockerNoted,
    key=_meeting,
    doc="Something that stops work was heard for the first time.",
)
TICKET_METRICS = Topic(
    name="analytics.ticket.metrics",
    struct=TicketMetrics,
    key=_meeting,
    doc="A minute of a meeting is over: what it led to.",
)
PRODUCTIVITY = Topic(
    name="analytics.productivity",
    struct=Productivity,
    key=_meeting,
    doc="A minute of a meeting is over: how much it moved.",
)
GROUP_TRENDS = Topic(
    name="analytics.trends.groups",
    struct=GroupTrend,
    key=_group,
    doc="Seven days of a group were counted.",
)
TRENDS_OF_GROUP = "analytics.trends.group"
"""With `kafka.group_topics`, each group's weeks also go to this, a full stop, and its id."""
INSIGHTS = Topic(
    name="analytics.insights",
    struct=Insight,
    key=_group,
    doc="The numbers of a group show something new.",
)
DEAD_LETTER = Topic(
    name="vori.dead-letter",
    struct=DeadLettered,
    key=lambda event: str(event.key),
    doc="A message that could not be used, with the reason.",
)
REPLAY_WANTED = Topic(
    name="vori.replay-wanted",
    struct=ReplayWanted,
    key=lambda event: str(event.letter_id),
    doc="A dead letter is to be replayed.",
    is_ours=True,
)
FINISH_RECORDINGS = Topic(
    name="vori.finish-recordings",
    struct=FinishRecordings,
    key=_meeting,
    doc="A meeting's recordings are to be finished.",
    is_ours=True,
)
MINUTES_COUNTED = Topic(
    name="vori.minutes-counted",
    struct=MinutesCounted,
    key=lambda event: "",
    doc="Minutes of meetings were counted: open pages are to be told.",
    is_ours=True,
)

TOPICS: tuple[Topic, ...] = (
    TRANSCRIPTION_COMPLETED,
    TRANSCRIPTION_JOB,
    MEETING_CREATED,
    MEETING_UPDATED,
    MEETING_SUMMARY,
    TICKET_CREATED,
    TICKET_UPDATED,
    PROPOSAL_CREATED,
    PROPOSAL_DECIDED,
    BLOCKER_NOTED,
    TICKET_METRICS,
    PRODUCTIVITY,
    GROUP_TRENDS,
    INSIGHTS,
    DEAD_LETTER,
)

OURS: tuple[Topic, ...] = (REPLAY_WANTED, FINISH_RECORDINGS, MINUTES_COUNTED)

AUDIO = Topic(
    name="voriAudioStream",
    struct=AudioData,
    key=lambda message: str(message.randomkey),
    doc="The next bytes of a sender's sound; others send it, VORI records it.",
)
RECEIVED: tuple[Topic, ...] = (AUDIO,)
"""What VORI reads and never sends: no events, so without `eventId`."""

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in (*TOPICS, *OURS, *RECEIVED)}
BY_STRUCT: dict[type[Struct], Topic] = {topic.struct: topic for topic in (*TOPICS, *OURS)}
