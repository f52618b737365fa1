"""Tickets over HTTP: the board, changes by hand, history and undo."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from vori.api import BodyId, Cursor, Limit, Now, Page, PathId, SignedIn, cursor_of, place_of
from vori.errors import BadMessage
from vori.ids import BIGINT_MAX, GroupId, MeetingId, TicketId, UserId
from vori.people.access import meeting_for, proposal_for, require_member, ticket_for
from vori.people.messages import Principal
from vori.tickets import proposals, store, usage
from vori.tickets.messages import Proposal, ProposalState, TicketStatus
from vori.tickets.store import Change, Filters, TicketDetail
from vori.tickets.undo import MeetingUndo, undo_meeting
from vori.tickets.usage import Reading, Spending

Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Content = Annotated[str, Meta(max_length=4000)]
TicketPath = Annotated[str, PathParameter(pattern=r"^T-[1-9][0-9]{0,18}$", max_length=21)]
QueryId = Annotated[int, Meta(ge=1, le=BIGINT_MAX)]


class NewTicket(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Either `groupId`, or the `meetingId` of a meeting in the group."""

    title: Title
    group_id: BodyId | None = None
    meeting_id: BodyId | None = None
    content: Content | UnsetType = UNSET
    status: TicketStatus | UnsetType = UNSET
    assignee_id: BodyId | UnsetType | None = UNSET
    due: date | UnsetType | None = UNSET


class TicketChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """With `version`, the change is refused unless the ticket is still at it."""

    title: Title | UnsetType = UNSET
    content: Content | UnsetType = UNSET
    status: TicketStatus | UnsetType = UNSET
    assignee_id: BodyId | UnsetType | None = UNSET
    due: date | UnsetType | None = UNSET
    version: int | None = None


class Edits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What to set otherwise than proposed; machines leave it alone from then on."""

    title: Title | UnsetType = UNSET
    content: Content | UnsetType = UNSET
    status: TicketStatus | UnsetType = UNSET
    assignee_id: BodyId | UnsetType | None = UNSET
    due: date | UnsetType | None = UNSET


class TicketRoutes(Controller):
    path = "/api/tickets"
    tags = ("tickets",)

    @get(summary="Tickets of my groups, newest first")
    async def list_tickets(
        self,
        principal: SignedIn,
        group_id: Annotated[int | None, QueryParameter(name="groupId", ge=1, le=BIGINT_MAX)] = None,
        meeting_id: Annotated[
            int | None, QueryParameter(name="meetingId", ge=1, le=BIGINT_MAX)
        ] = None,
        status: FromQuery[list[TicketStatus] | None] = None,
        assignee_id: Annotated[
            int | None, QueryParameter(name="assigneeId", ge=1, le=BIGINT_MAX)
        ] = None,
        q: Annotated[
            str | None, QueryParameter(max_length=200, description="In id, title or content.")
        ] = None,
        due_after: Annotated[date | None, QueryParameter(name="dueAfter")] = None,
        due_before: Annotated[date | None, QueryParameter(name="dueBefore")] = None,
        touched_in: Annotated[
            int | None,
            QueryParameter(
                name="touchedIn",
                ge=1,
                le=BIGINT_MAX,
                description="Made in this meeting, or changed by what was said in it.",
            ),
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[TicketDetail]:
        if group_id is not None:
            require_member(principal, GroupId(group_id))
        filters = Filters(
            meeting_id=None if meeting_id is None else MeetingId(meeting_id),
            statuses=tuple(status or ()),
            assignee_id=None if assignee_id is None else UserId(assignee_id),
            text=q or None,
            due_after=due_after,
            due_before=due_before,
            touched_in=None if touched_in is None else MeetingId(touched_in),
        )
        groups = principal.roles if group_id is None else [GroupId(group_id)]
        return await _page(groups, filters, limit=limit, cursor=cursor)

    @post(summary="Make a ticket by hand")
    async def create_ticket(
        self, principal: SignedIn, clock: Now, data: JSONBody[NewTicket]
    ) -> TicketDetail:
        meeting_id = None if data.meeting_id is None else MeetingId(data.meeting_id)
        return await store.create(
            await _group_of(principal, data),
            _given(data),
            meeting_id=meeting_id,
            user_id=principal.user_id,
            at=clock.now(),
        )

    @get("/{ticket_id:str}", summary="One ticket")
    async def get_ticket(self, principal: SignedIn, ticket_id: TicketPath) -> TicketDetail:
        await ticket_for(principal, TicketId(ticket_id))
        return await store.ticket(TicketId(ticket_id))

    @patch("/{ticket_id:str}", summary="Change a ticket; what you set, machines leave alone")
    async def change_ticket(
        self, principal: SignedIn, clock: Now, ticket_id: TicketPath, data: JSONBody[TicketChange]
    ) -> TicketDetail:
        await ticket_for(principal, TicketId(ticket_id))
        return await store.change(
            TicketId(ticket_id),
            _given(data),
            user_id=principal.user_id,
            at=clock.now(),
            version=data.version,
        )

    @delete("/{ticket_id:str}", summary="Dismiss a ticket; machines do not make it again")
    async def dismiss_ticket(self, principal: SignedIn, clock: Now, ticket_id: TicketPath) -> None:
        await ticket_for(principal, TicketId(ticket_id))
        await store.dismiss(TicketId(ticket_id), user_id=principal.user_id, at=clock.now())

    @get("/{ticket_id:str}/history", summary="Every change, with the machine's receipts")
    async def get_history(self, principal: SignedIn, ticket_id: TicketPath) -> list[Change]:
        await ticket_for(principal, TicketId(ticket_id))
        return await store.history(TicketId(ticket_id))

    @post(
        "/{ticket_id:str}/undo",
        summary="Take back the machine's latest change, or the one named",
        status_code=200,
    )
    async def undo_change(
        self,
        principal: SignedIn,
        clock: Now,
        ticket_id: TicketPath,
        history_id: Annotated[UUID | None, QueryParameter(name="historyId")] = None,
    ) -> TicketDetail:
        await ticket_for(principal, TicketId(ticket_id))
        return await store.undo(
            TicketId(ticket_id),
            history_id=history_id,
            user_id=principal.user_id,
            at=clock.now(),
        )


class ProposalRoutes(Controller):
    path = "/api/proposals"
    tags = ("proposals",)

    @get(summary="What machines propose in my groups, newest first")
    async def list_proposals(
        self,
        principal: SignedIn,
        group_id: Annotated[int | None, QueryParameter(name="groupId", ge=1, le=BIGINT_MAX)] = None,
        meeting_id: Annotated[
            int | None, QueryParameter(name="meetingId", ge=1, le=BIGINT_MAX)
        ] = None,
        # `state` itself is a name of Litestar's
        in_state: Annotated[ProposalState | None, QueryParameter(name="state")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[Proposal]:
        if group_id is not None:
            require_member(principal, GroupId(group_id))
        found = await proposals.proposals(
            list(principal.roles) if group_id is None else [GroupId(group_id)],
            meeting_id=None if meeting_id is None else MeetingId(meeting_id),
            state=in_state,
            before=place_of(cursor),
            limit=limit + 1,
        )
        page = found[:limit]
        more = cursor_of(page[-1].created_at, page[-1].proposal_id) if len(found) > limit else None
        return Page(items=tuple(page), next_cursor=more)

    @get("/{proposal_id:int}", summary="One proposal")
    async def get_proposal(self, principal: SignedIn, proposal_id: PathId) -> Proposal:
        await proposal_for(principal, proposal_id)
        return await proposals.proposal(proposal_id)

    @post(
        "/{proposal_id:int}/accept",
        summary="Let the machine do it, with fields set otherwise if you like",
        status_code=200,
    )
    async def accept_proposal(
        self,
        principal: SignedIn,
        clock: Now,
        proposal_id: PathId,
        data: JSONBody[Edits | None] = None,
    ) -> Proposal:
        await proposal_for(principal, proposal_id)
        return await proposals.accept(
            proposal_id,
            {} if data is None else _given(data),
            user_id=principal.user_id,
            at=clock.now(),
        )

    @post(
        "/{proposal_id:int}/dismiss",
        summary="Refuse it; the same words do not propose it again",
        status_code=200,
    )
    async def dismiss_proposal(
        self, principal: SignedIn, clock: Now, proposal_id: PathId
    ) -> Proposal:
        await proposal_for(principal, proposal_id)
        return await proposals.dismiss(proposal_id, user_id=principal.user_id, at=clock.now())


@get("/api/meetings/{meeting_id:int}/tickets", tags=["meetings"], summary="A meeting's tickets")
async def meeting_tickets(
    principal: SignedIn, meeting_id: PathId, limit: Limit = 50, cursor: Cursor = None
) -> Page[TicketDetail]:
    group_id = await meeting_for(principal, MeetingId(meeting_id))
    filters = Filters(meeting_id=MeetingId(meeting_id))
    return await _page([group_id], filters, limit=limit, cursor=cursor)


@post(
    "/api/meetings/{meeting_id:int}/undo",
    tags=["meetings"],
    summary="Take back all that machines changed for a meeting",
    status_code=200,
)
async def undo_meeting_changes(principal: SignedIn, clock: Now, meeting_id: PathId) -> MeetingUndo:
    meeting = MeetingId(meeting_id)
    group_id = await meeting_for(principal, meeting)
    return await undo_meeting(meeting, group_id, user_id=principal.user_id, at=clock.now())


@get(
    "/api/meetings/{meeting_id:int}/reading",
    tags=["meetings"],
    summary="How a meeting was read last, and what its readings cost",
)
async def meeting_reading(principal: SignedIn, meeting_id: PathId) -> Reading:
    await meeting_for(principal, MeetingId(meeting_id))
    return await usage.reading(MeetingId(meeting_id))


@get(
    "/api/groups/{group_id:int}/usage",
    tags=["groups"],
    summary="What a group's meetings cost this month",
)
async def group_usage(principal: SignedIn, clock: Now, group_id: PathId) -> Spending:
    require_member(principal, GroupId(group_id))
    return await usage.spending(GroupId(group_id), at=clock.now())


async def _page(
    groups: Collection[GroupId], filters: Filters, *, limit: int, cursor: str | None
) -> Page[TicketDetail]:
    found = await store.tickets(groups, filters, before=place_of(cursor), limit=limit + 1)
    page = found[:limit]
    if len(found) == len(page):
        return Page(items=tuple(page))
    last = page[-1]
    return Page(
        items=tuple(page),
        next_cursor=cursor_of(last.created_at, store.number_of(last.ticket_id)),
    )


async def _group_of(principal: Principal, data: NewTicket) -> GroupId:
    if data.meeting_id is not None:
        group_id = await meeting_for(principal, MeetingId(data.meeting_id))
        if data.group_id not in (None, group_id):
            raise BadMessage(
                f"Meeting {data.meeting_id} is not one of group {data.group_id}.",
                code="wrong_group",
            )
        return group_id
    if data.group_id is None:
        raise BadMessage("Give `groupId` or `meetingId`.", code="no_group")
    require_member(principal, GroupId(data.group_id))
    return GroupId(data.group_id)


def _given(data: NewTicket | TicketChange | Edits) -> dict[str, Any]:
    """The ticket's fields that the request holds."""
    values = msgspec.structs.asdict(data)
    given = {name: values[name] for name in store.FIELDS if values[name] is not UNSET}
    if "title" in given:
        given["title"] = given["title"].strip()
    return given
