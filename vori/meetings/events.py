"""`/api/events`: what happens in my groups, told to pages as it happens.

Nothing is remembered here. Whoever connects loads the rest from the API, and does so again
after a lost line.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler
from msgspec import Struct

from vori.analytics.messages import (
    GroupTrend,
    Insight,
    Productivity,
    Result,
    TicketMetrics,
    WindowsChanged,
)
from vori.errors import Forbidden, NotSignedIn, TooMany, Unavailable
from vori.ids import GroupId, MeetingId
from vori.meetings.messages import MeetingCreated, MeetingSummary, MeetingUpdated
from vori.people.auth import principal_of
from vori.people.messages import Principal
from vori.tickets.messages import (
    ProposalCreated,
    ProposalDecided,
    TicketCreated,
    TicketUpdated,
)
from vori.transcribe.messages import Caption, JobUpdated

MOST_WAITING = 500
"""A page that is further behind is sent away, to load everything anew."""
HEARTBEAT_S = 20.0
"""So often a page hears from us, and so often we ask whether it may still listen."""
NOT_SIGNED_IN, FORBIDDEN, TOO_MANY, TOO_SLOW, AWAY = 4401, 4403, 4429, 1013, 1011

Event = (
    MeetingCreated
    | MeetingUpdated
    | MeetingSummary
    | TicketCreated
    | TicketUpdated
    | ProposalCreated
    | ProposalDecided
    | Caption
    | JobUpdated
    | Result
    | WindowsChanged
)


class MinutesWritten(Struct, frozen=True, kw_only=True, rename="camel", tag="meeting.summary"):
    """That there are new minutes; the page reads them when it shows them."""

    meeting_id: MeetingId
    group_id: GroupId


class Page:
    """One open page. `meeting_id` is the meeting whose captions it shows."""

    def __init__(self, principal: Principal, meeting_id: int | None) -> None:
        self.principal = principal
        self.is_behind = False
        self._meeting_id = meeting_id
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)

    def wants(self, event: Event) -> bool:
        if _group_of(event) not in self.principal.roles:
            return False
        return not isinstance(event, Caption) or event.meeting_id == self._meeting_id

    def put(self, text: str) -> None:
        try:
            self._waiting.put_nowait(text)
        except asyncio.QueueFull:
            self.is_behind = True

    async def get(self, *, within_s: float) -> str | None:
        """The next message; None when there was none for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                return await self._waiting.get()
        return None


class Events:
    """Every page that is open on this process."""

    def __init__(self, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._heartbeat_s = heartbeat_s
        self._pages: set[Page] = set()

    async def tell(self, event: Event) -> None:
        """Put `event` before every page that may see it; never waits."""
        pages = [page for page in self._pages if page.wants(event)]
        if pages:
            text = _written(event)
            for page in pages:
                page.put(text)

    async def converse(self, socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        try:
            principal = await principal_of(socket)
        except (NotSignedIn, Forbidden, TooMany, Unavailable) as exc:
            await _refuse(socket, exc)
            return
        page = Page(principal, _number(socket.query_params.get("meetingId")))
        self._pages.add(page)
        telling = asyncio.create_task(self._tell(socket, page))
        gone = asyncio.create_task(_until_gone(socket))
        try:
            await asyncio.wait((telling, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pages.discard(page)
            for task in (telling, gone):
                task.cancel()
            await asyncio.gather(telling, gone, return_exceptions=True)

    async def _tell(self, socket: WebSocket[Any, Any, Any], page: Page) -> None:
        await socket.send_text('{"type":"ready"}')
        loop = asyncio.get_running_loop()
        ask_again_at = loop.time() + self._heartbeat_s
        while not page.is_behind:
            text = await page.get(within_s=max(0.0, ask_again_at - loop.time()))
            if text is not None:
                await socket.send_text(text)
            if loop.time() >= ask_again_at:
                ask_again_at = loop.time() + self._heartbeat_s
                try:
                    page.principal = await _principal_now(socket)
                except (NotSignedIn, Forbidden, Unavailable) as exc:
                    await _refuse(socket, exc)
                    return
                await socket.send_text('{"type":"heartbeat"}')
        await socket.close(TOO_SLOW)


def events_socket(events: Events) -> WebsocketRouteHandler:
    @websocket("/api/events")
    async def socket_of_events(socket: WebSocket[Any, Any, Any]) -> None:
        await events.converse(socket)

    return socket_of_events


async def _principal_now(socket: WebSocket[Any, Any, Any]) -> Principal:
    """Who it is by what counts now: tokens are revoked and members removed meanwhile."""
    socket.scope["state"].pop("principal", None)
    return await principal_of(socket)


async def _until_gone(socket: WebSocket[Any, Any, Any]) -> None:
    """A page has nothing to say: what it sends is passed over."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_data(mode="text")


async def _refuse(
    socket: WebSocket[Any, Any, Any], error: NotSignedIn | Forbidden | TooMany | Unavailable
) -> None:
    told = {"type": "error", "code": error.code, "message": error.message, "fatal": True}
    codes = {NotSignedIn: NOT_SIGNED_IN, Forbidden: FORBIDDEN, TooMany: TOO_MANY}
    with contextlib.suppress(WebSocketDisconnect):
        await socket.send_text(msgspec.json.encode(told).decode())
        await socket.close(codes.get(type(error), AWAY))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None


def _group_of(event: Event) -> GroupId:
    if isinstance(event, TicketCreated | TicketUpdated):
        return event.ticket.group_id
    if isinstance(event, ProposalCreated | ProposalDecided):
        return event.proposal.group_id
    return event.group_id


_NAMES: dict[type[Struct], str] = {
    MeetingCreated: "meeting.created",
    MeetingUpdated: "meeting.updated",
    TicketCreated: "ticket.created",
    TicketUpdated: "ticket.updated",
    ProposalCreated: "proposal.created",
    ProposalDecided: "proposal.decided",
    Caption: "caption",
    TicketMetrics: "analytics.ticket.metrics",
    Productivity: "analytics.productivity",
    GroupTrend: "analytics.trends.groups",
    Insight: "analytics.insights",
    WindowsChanged: "analytics.changed",
    JobUpdated: "transcription.job",
}


def _written(event: Event) -> str:
    if isinstance(event, MeetingSummary):
        short = MinutesWritten(meeting_id=event.meeting_id, group_id=event.group_id)
        return msgspec.json.encode(short).decode()
    told = {"type": _NAMES[type(event)], **msgspec.to_builtins(event)}
    return msgspec.json.encode(told).decode()
