"""What a reading would change on the board, before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from vori.api import PathId, SignedIn
from vori.ids import MeetingId, TicketId, UserId
from vori.people.access import meeting_for
from vori.tickets.board import StoredPassage, TicketBoard
from vori.tickets.decide import Decision, OpenTicket
from vori.tickets.extract import Extractor
from vori.tickets.messages import Extraction, TicketStatus
from vori.tickets.policy import values_of
from vori.tickets.store import plain

AsIfApplied = Callable[[MeetingId, UUID, int], AbstractAsyncContextManager[None]]
"""Inside the block the version of the recording is the current one."""


class Words(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a change rests on; times count from the meeting's start."""

    quote: str
    start_ms: int
    end_ms: int


class TicketMade(Struct, frozen=True, kw_only=True, rename="camel"):
    title: str
    content: str
    status: TicketStatus
    assignee_id: UserId | None
    due: date | None
    confidence: float
    reason: str
    words: Words


class TicketChanged(Struct, frozen=True, kw_only=True, rename="camel"):
    """`before` and `after` hold the fields that change, named as a ticket's are."""

    ticket_id: TicketId
    title: str
    before: dict[str, Any]
    after: dict[str, Any]
    confidence: float
    reason: str
    words: Words


class TicketTakenBack(Struct, frozen=True, kw_only=True, rename="camel"):
    """The meeting no longer asks for it."""

    ticket_id: TicketId
    title: str
    reason: str


class TicketsDifference(Struct, frozen=True, kw_only=True, rename="camel"):
    """What would change on the board if `engine` read the meeting with these words.

    What the group's policy leaves to people would be proposed. Nothing has been stored.
    """

    engine: str
    made: tuple[TicketMade, ...]
    changed: tuple[TicketChanged, ...]
    taken_back: tuple[TicketTakenBack, ...]


def tickets_difference_route(
    board: TicketBoard, extractor: Extractor, as_if_applied: AsIfApplied
) -> Any:
    """extractor: one that costs nothing, since people ask before they decide."""

    @get(
        "/api/meetings/{meeting_id:int}/recordings/{recording_id:uuid}/versions/{number:int}/tickets",
        tags=["transcripts"],
        summary="What a version of a recording would change on the board, before it is applied",
    )
    async def tickets_difference(
        principal: SignedIn, meeting_id: PathId, recording_id: FromPath[UUID], number: PathId
    ) -> TicketsDifference:
        meeting = MeetingId(meeting_id)
        await meeting_for(principal, meeting)
        async with as_if_applied(meeting, recording_id, number):
            passage = await board.load_passage(meeting)
        extraction = await extractor.extract(passage)
        decision, now = await board.preview(passage, extraction)
        return told(decision, now, passage, extraction)

    return tickets_difference


class RereadTickets(Protocol):
    """Reads a meeting again; the tickets worker does."""

    async def reread(
        self, meeting_id: MeetingId, *, local: bool, dry_run: bool
    ) -> tuple[Decision, dict[TicketId, OpenTicket], StoredPassage, Extraction]: ...


def reread_route(reader: RereadTickets) -> Any:
    @post(
        "/api/meetings/{meeting_id:int}/reread",
        tags=["meetings"],
        summary="Read the meeting again; with dryRun only tell what that would change",
        status_code=200,
    )
    async def reread_meeting(
        principal: SignedIn,
        meeting_id: PathId,
        dry_run: Annotated[
            bool,
            QueryParameter(
                name="dryRun",
                description="Change nothing. What is shown is applied if asked for soon after.",
            ),
        ] = False,
        engine: Annotated[
            Literal["configured", "local"],
            QueryParameter(description="configured: the engine that reads ended meetings."),
        ] = "configured",
    ) -> TicketsDifference:
        meeting = MeetingId(meeting_id)
        await meeting_for(principal, meeting)
        return told(*await reader.reread(meeting, local=engine == "local", dry_run=dry_run))

    return reread_meeting


def told(
    decision: Decision,
    now: dict[TicketId, OpenTicket],
    passage: StoredPassage,
    extraction: Extraction,
) -> TicketsDifference:
    """The difference in words. What left the board since `decision` was made is passed over."""
    said = {segment.seq: segment for segment in passage.segments}
    moves = [one for one in decision.moves if one.ticket_id in now]
    revised = [(one, values_of(one)) for one in decision.revisions if one.ticket_id in now]
    withdrawals = [one for one in decision.withdrawals if one.ticket_id in now]

    def words(evidence: tuple[int, ...]) -> Words:
        segments = [said[seq] for seq in sorted(evidence) if seq in said]
        return Words(
            quote=" … ".join(segment.text for segment in segments),
            start_ms=min((segment.start_ms for segment in segments), default=0),
            end_ms=max((segment.end_ms for segment in segments), default=0),
        )

    def changed(ticket_id: TicketId, after: dict[str, Any], cause: Any) -> TicketChanged:
        ticket = now[ticket_id]
        return TicketChanged(
            ticket_id=ticket_id,
            title=ticket.title,
            before=plain({field: getattr(ticket, field) for field in after}),
            after=plain(after),
            confidence=cause.confidence,
            reason=cause.why,
            words=words(cause.evidence),
        )

    return TicketsDifference(
        engine=extraction.engine,
        made=tuple(
            TicketMade(
                title=one.title,
                content=one.content,
                status=one.status,
                assignee_id=one.assignee_id,
                due=one.due,
                confidence=one.confidence,
                reason=one.why,
                words=words(one.evidence),
            )
            for one in decision.creates
        ),
        changed=(
            *(changed(one.ticket_id, {"status": one.to_status}, one) for one in moves),
            *(changed(one.ticket_id, values, one) for one, values in revised if values),
        ),
        taken_back=tuple(
            TicketTakenBack(ticket_id=one.ticket_id, title=now[one.ticket_id].title, reason=one.why)
            for one in withdrawals
        ),
    )
