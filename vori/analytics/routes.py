"""What meetings led to, over HTTP. Groups see their own numbers; nobody sees a person's."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.params import QueryParameter

from vori.analytics import store
from vori.analytics.messages import (
    GroupStanding,
    GroupTrends,
    HourlyProductivity,
    InsightKind,
    InsightView,
    Keyword,
    MeetingTopic,
    Realtime,
    TicketPatterns,
)
from vori.api import Cursor, Limit, Page, PathId, SignedIn, cursor_of, place_of
from vori.errors import BadMessage
from vori.ids import BIGINT_MAX, GroupId, MeetingId
from vori.people.access import meeting_for, require_member

GroupQuery = Annotated[int, QueryParameter(name="groupId", ge=1, le=BIGINT_MAX)]
AnyGroup = Annotated[int | None, QueryParameter(name="groupId", ge=1, le=BIGINT_MAX)]
AnyMeeting = Annotated[int | None, QueryParameter(name="meetingId", ge=1, le=BIGINT_MAX)]
Weeks = Annotated[int, QueryParameter(ge=1, le=104, description="How many weeks at most.")]
TextLanguage = Annotated[
    str, QueryParameter(pattern="^(en|ko)$", description="The language of the sentences.")
]


class AnalyticsRoutes(Controller):
    path = "/api/analytics"
    tags = ("analytics",)

    @get("/meetings/{meeting_id:int}/realtime", summary="A meeting so far, minute by minute")
    async def get_realtime(self, principal: SignedIn, meeting_id: PathId) -> Realtime:
        group_id = await meeting_for(principal, MeetingId(meeting_id))
        return await store.realtime(MeetingId(meeting_id), group_id)

    @get("/meetings/{meeting_id:int}/ticket-patterns", summary="What became of its tickets")
    async def get_ticket_patterns(self, principal: SignedIn, meeting_id: PathId) -> TicketPatterns:
        group_id = await meeting_for(principal, MeetingId(meeting_id))
        return await store.ticket_patterns(MeetingId(meeting_id), group_id)

    @get("/productivity/hourly", summary="A group's meetings by hour of day, and its best hour")
    async def get_hourly(self, principal: SignedIn, group_id: GroupQuery) -> HourlyProductivity:
        require_member(principal, GroupId(group_id))
        return await store.hourly(GroupId(group_id))

    @get("/groups", summary="My groups side by side, over their last four weeks")
    async def list_standings(self, principal: SignedIn) -> list[GroupStanding]:
        return await store.standings(principal.roles)

    @get("/groups/{group_id:int}/trends", summary="A group week by week, newest first")
    async def get_trends(
        self, principal: SignedIn, group_id: PathId, weeks: Weeks = 12
    ) -> GroupTrends:
        require_member(principal, GroupId(group_id))
        return await store.trends(GroupId(group_id), limit=weeks)

    @get("/insights", summary="What the numbers of my groups show, newest first")
    async def list_insights(
        self,
        principal: SignedIn,
        group_id: AnyGroup = None,
        kind: Annotated[InsightKind | None, QueryParameter()] = None,
        language: TextLanguage = "en",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[InsightView]:
        if group_id is not None:
            require_member(principal, GroupId(group_id))
        found = await store.insights(
            list(principal.roles) if group_id is None else [GroupId(group_id)],
            language=language,
            kind=kind,
            before=place_of(cursor),
            limit=limit + 1,
        )
        page = found[:limit]
        more = None
        if len(found) > limit:
            last, place = page[-1]
            more = cursor_of(last.computed_at, place)
        return Page(items=tuple(view for view, _ in page), next_cursor=more)

    @get("/keywords", summary="The words that tell a meeting, or a group's last weeks, from others")
    async def list_keywords(
        self,
        principal: SignedIn,
        group_id: AnyGroup = None,
        meeting_id: AnyMeeting = None,
        limit: Limit = 30,
    ) -> list[Keyword]:
        if (group_id is None) == (meeting_id is None):
            raise BadMessage("Give either `groupId` or `meetingId`.", code="group_or_meeting")
        if meeting_id is not None:
            await meeting_for(principal, MeetingId(meeting_id))
            return list(await store.meeting_keywords(MeetingId(meeting_id), limit=limit))
        assert group_id is not None
        require_member(principal, GroupId(group_id))
        return list(await store.group_keywords(GroupId(group_id), limit=limit))

    @get("/topics", summary="What a group's meetings of the last weeks were about")
    async def list_topics(self, principal: SignedIn, group_id: GroupQuery) -> list[MeetingTopic]:
        require_member(principal, GroupId(group_id))
        return list(await store.topics(GroupId(group_id)))
