"""Passages of a meeting, and the tickets and changes read out of them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct, field

from vori.ids import EventId, GroupId, MeetingId, TicketId, UserId


class TicketStatus(StrEnum):
    TODO = "TODO"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"


class Member(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody a ticket may be given to."""

    user_id: UserId
    name: str
    nicknames: tuple[str, ...] = ()


class Segment(Struct, frozen=True, kw_only=True, rename="camel"):
    """A final caption as the extractor reads it; `seq` orders all of a meeting's."""

    seq: int
    start_ms: int
    end_ms: int
    text: str
    speaker: UserId | None = None


class KnownTicket(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket on the group's board before this reading."""

    ticket_id: TicketId
    title: str
    content: str = ""
    status: TicketStatus = TicketStatus.TODO
    assignee_id: UserId | None = None


class Passage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything an extractor may know: what was said, by whom, and the board before.

    `segments` are in order of time. `started_at` has the meeting's zone: relative dates
    count from its local date. `language` is `ko`, `en` or `mixed`.
    """

    meeting_id: MeetingId
    started_at: datetime
    segments: tuple[Segment, ...]
    members: tuple[Member, ...] = ()
    existing_tickets: tuple[KnownTicket, ...] = ()
    language: str = "mixed"


class Draft(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket somebody's words ask for. `evidence` lists the `seq` of the segments."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    content: Annotated[str, Meta(max_length=4000)] = ""
    status: TicketStatus = TicketStatus.TODO
    assignee_id: UserId | None = None
    due: date | None = None
    evidence: tuple[int, ...]
    confidence: Annotated[float, Meta(ge=0, le=1)] = 0.5
    reason: str = ""


class StatusIntent(Struct, frozen=True, kw_only=True, rename="camel"):
    """A known ticket's new status, as the words tell it."""

    ticket_id: TicketId
    new_status: TicketStatus
    reason: str = ""
    evidence: tuple[int, ...]
    confidence: Annotated[float, Meta(ge=0, le=1)] = 0.5


class Blocker(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something outside the speaker's reach that stops work."""

    evidence: tuple[int, ...]
    about: str = ""


class Rejected(Struct, frozen=True, kw_only=True, rename="camel"):
    """Part of an engine's answer that could not be used, and why."""

    item: str
    why: str


class Usage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Tokens a hosted model counted. `input_tokens` leaves out those the cache held."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


class Extraction(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one reading of a passage found."""

    new_tickets: tuple[Draft, ...] = ()
    ticket_updates: tuple[StatusIntent, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    engine: str = "local"
    model: str = ""
    notes: tuple[str, ...] = ()
    """What people should know about this reading (fell back, cut off …)."""
    usage: Usage | None = None


class Receipt(Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a machine changed something."""

    quote: str
    caption_ids: tuple[UUID, ...]
    start_ms: int
    end_ms: int
    engine: str
    confidence: float
    reason: str
    model: str = ""


class Actor(StrEnum):
    """Who or what made a change."""

    HUMAN = "human"
    MACHINE = "machine"


class Ticket(Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket as the board shows it."""

    ticket_id: TicketId
    group_id: GroupId
    title: str
    content: str
    status: TicketStatus
    created_at: datetime
    updated_at: datetime
    meeting_id: MeetingId | None = None
    assignee_id: UserId | None = None
    assignee: str | None = None
    due: date | None = None


class TicketCreated(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `ticket.created`."""

    event_id: EventId
    meeting_id: MeetingId | None
    ticket: Ticket
    actor: Actor
    receipt: Receipt | None = None


class TicketUpdated(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `ticket.updated`: `changed` names the fields; the ticket is as it is now."""

    event_id: EventId
    meeting_id: MeetingId | None
    ticket: Ticket
    actor: Actor
    changed: tuple[str, ...] = field(default=())
    previous_status: TicketStatus | None = None
    deleted: bool = False
    receipt: Receipt | None = None


class BlockerNoted(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `blocker.noted`: something that stops work was heard for the first time.

    Times count in milliseconds from the meeting's start. Readings that hear more of the same
    words tell nothing new.
    """

    event_id: EventId
    meeting_id: MeetingId
    group_id: GroupId
    about: str
    caption_ids: tuple[UUID, ...]
    start_ms: int
    end_ms: int


class ProposalKind(StrEnum):
    CREATE = "create"
    MOVE = "move"
    REVISE = "revise"
    WITHDRAW = "withdraw"


class ProposalState(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DISMISSED = "DISMISSED"
    SUPERSEDED = "SUPERSEDED"
    """The meeting took it back, or it came about otherwise."""


class Proposal(Struct, frozen=True, kw_only=True, rename="camel"):
    """A change as it would be written: the fields before and after, and why.

    `ticketId` and `title` are of the ticket it changes, or made when it was accepted.
    """

    proposal_id: int
    group_id: GroupId
    meeting_id: MeetingId
    kind: ProposalKind
    ticket_id: TicketId | None
    title: str | None
    before: dict[str, Any]
    after: dict[str, Any]
    receipt: Receipt
    state: ProposalState
    decided_by: UserId | None
    decided_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ProposalCreated(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `proposal.created`: also when later words make an open one another (`isRevised`)."""

    event_id: EventId
    meeting_id: MeetingId
    proposal: Proposal
    is_revised: bool = False


class ProposalDecided(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `proposal.decided`: accepted, dismissed, or superseded by what was said later."""

    event_id: EventId
    meeting_id: MeetingId
    proposal: Proposal
