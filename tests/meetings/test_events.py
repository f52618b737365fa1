"""`/api/events` by the road it goes: asked over ASGI, told by events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from tests.web_site import NOON, Person, Site, open_site
from vori.data.engine import DB
from vori.ids import EventId, GroupId, MeetingId, TicketId, uuid7
from vori.meetings import events as events_file
from vori.meetings.events import Events, events_socket
from vori.meetings.messages import MeetingStatus, MeetingSummary, MeetingUpdated
from vori.people import store as people
from vori.tickets.messages import (
    Actor,
    Proposal,
    ProposalCreated,
    ProposalKind,
    ProposalState,
    Receipt,
    Ticket,
    TicketStatus,
    TicketUpdated,
)
from vori.transcribe.messages import Caption


class Page:
    """One open socket: what it is told, and the code it is closed with."""

    def __init__(self, app: Any, **query: Any) -> None:
        self._from_client: asyncio.Queue[Any] = asyncio.Queue()
        self._to_client: asyncio.Queue[Any] = asyncio.Queue()
        self._from_client.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": "/api/events",
            "raw_path": b"/api/events",
            "query_string": urlencode(query).encode(),
            "root_path": "",
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "subprotocols": [],
            "extensions": {},
        }
        self._running = asyncio.create_task(app(scope, self._from_client.get, self._to_client.put))

    async def told(self) -> dict[str, Any]:
        async with asyncio.timeout(60):
            message = await self._to_client.get()
            if message["type"] == "websocket.accept":
                message = await self._to_client.get()
        if message["type"] == "websocket.close":
            return {"closed": message["code"]}
        return msgspec.json.decode(message["text"])

    async def leave(self) -> None:
        self._from_client.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self._running


class House:
    def __init__(self, site: Site, events: Events) -> None:
        self.site, self.events = site, events
        self.pages: list[Page] = []
        site.app.register(events_socket(events))

    async def open(self, **query: Any) -> Page:
        page = Page(self.site.app, **query)
        self.pages.append(page)
        return page


@contextlib.asynccontextmanager
async def open_house(folder: Path, events: Events) -> AsyncIterator[House]:
    async with open_site(folder) as site:
        house = House(site, events)
        yield house
        for page in house.pages:
            await page.leave()


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, Events()) as house:
        yield house


async def member(house: House, name: str) -> tuple[Person, str]:
    person = await house.site.person(name)
    return person, (await people.create_token(person.user_id, name="page")).secret


def ticket_moved(group_id: int, title: str = "Send the draft") -> TicketUpdated:
    return TicketUpdated(
        event_id=EventId(uuid7()),
        meeting_id=MeetingId(7),
        ticket=Ticket(
            ticket_id=TicketId("T-1"),
            group_id=GroupId(group_id),
            title=title,
            content="",
            status=TicketStatus.DONE,
            created_at=NOON,
            updated_at=NOON,
        ),
        actor=Actor.HUMAN,
        changed=("status",),
    )


def caption(group_id: int, meeting_id: int, text: str) -> Caption:
    return Caption(
        event_id=EventId(uuid7()),
        caption_id=uuid7(),
        meeting_id=MeetingId(meeting_id),
        group_id=GroupId(group_id),
        audio_id="mic",
        seq=0,
        text=text,
        language="ko",
        start_ms=0,
        end_ms=900,
        meeting_start_ms=0,
    )


async def test_a_page_is_told_of_its_groups_and_of_no_others(house: House) -> None:
    mina, secret = await member(house, "Mina")
    other = await house.site.person("Other")
    page = await house.open(token=secret)
    assert await page.told() == {"type": "ready"}
    await house.events.tell(ticket_moved(other.group_id, "Not for Mina"))
    await house.events.tell(ticket_moved(mina.group_id))
    told = await page.told()
    assert (told["type"], told["ticket"]["ticketId"], told["changed"]) == (
        "ticket.updated",
        "T-1",
        ["status"],
    )


async def test_proposals_are_told_to_their_group(house: House) -> None:
    mina, secret = await member(house, "Mina")
    other = await house.site.person("Other")
    page = await house.open(token=secret)
    await page.told()
    await house.events.tell(proposed(other.group_id, 1))
    await house.events.tell(proposed(mina.group_id, 2))
    told = await page.told()
    assert (told["type"], told["proposal"]["proposalId"]) == ("proposal.created", 2)


def proposed(group_id: int, proposal_id: int) -> ProposalCreated:
    receipt = Receipt(
        quote="…", caption_ids=(), start_ms=0, end_ms=0, engine="local", confidence=0.9, reason=""
    )
    proposal = Proposal(
        proposal_id=proposal_id,
        group_id=GroupId(group_id),
        meeting_id=MeetingId(7),
        kind=ProposalKind.CREATE,
        ticket_id=None,
        title=None,
        before={},
        after={"title": "Send the draft"},
        receipt=receipt,
        state=ProposalState.OPEN,
        decided_by=None,
        decided_at=None,
        created_at=NOON,
        updated_at=NOON,
    )
    return ProposalCreated(event_id=EventId(uuid7()), meeting_id=MeetingId(7), proposal=proposal)


async def test_captions_come_for_the_one_meeting_that_was_asked_for(house: House) -> None:
    mina, secret = await member(house, "Mina")
    page = await house.open(token=secret, meetingId=7)
    await page.told()
    await house.events.tell(caption(mina.group_id, 8, "elsewhere"))
    await house.events.tell(caption(mina.group_id, 7, "여기서 한 말"))
    told = await page.told()
    assert (told["type"], told["text"], told["meetingStartMs"]) == ("caption", "여기서 한 말", 0)


async def test_minutes_are_told_of_without_their_text(house: House) -> None:
    mina, secret = await member(house, "Mina")
    page = await house.open(token=secret)
    await page.told()
    ended = MeetingUpdated(
        event_id=EventId(uuid7()),
        meeting_id=MeetingId(7),
        group_id=mina.group_id,
        title="Weekly",
        status=MeetingStatus.ENDED,
        updated_at=NOON,
        changed=("status",),
    )
    summary = MeetingSummary(
        event_id=EventId(uuid7()),
        meeting_id=MeetingId(7),
        group_id=mina.group_id,
        language="en",
        markdown="# long",
        updated_at=NOON,
    )
    await house.events.tell(ended)
    await house.events.tell(summary)
    assert (await page.told())["status"] == "ENDED"
    assert await page.told() == {
        "type": "meeting.summary",
        "meetingId": 7,
        "groupId": mina.group_id,
    }


@pytest.mark.parametrize("query", [{}, {"token": "vori_wrong"}])
async def test_nobody_listens_without_a_token(house: House, query: dict[str, str]) -> None:
    page = await house.open(**query)
    told = await page.told()
    assert (told["type"], told["fatal"]) == ("error", True)
    assert await page.told() == {"closed": 4401}


async def test_a_page_too_far_behind_is_sent_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_file, "MOST_WAITING", 2)
    mina, secret = await member(house, "Mina")
    page = await house.open(token=secret)
    assert await page.told() == {"type": "ready"}
    for _ in range(4):  # without a pause: the page has no chance to read
        await house.events.tell(ticket_moved(mina.group_id))
    codes = [await page.told() for _ in range(2)]
    assert {"closed": 1013} in codes


async def test_a_revoked_token_and_a_lost_place_count_at_the_next_heartbeat(
    database: str, tmp_path: Path
) -> None:
    async with open_house(tmp_path, Events(heartbeat_s=0.01)) as house:
        mina, secret = await member(house, "Mina")
        page = await house.open(token=secret)
        assert await page.told() == {"type": "ready"}
        assert await page.told() == {"type": "heartbeat"}
        await DB.fetch("UPDATE tokens SET revoked_at = now() WHERE user_id = $1", mina.user_id)
        while (told := await page.told())["type"] == "heartbeat":
            pass
        assert told["code"] == "bad_token"
        assert await page.told() == {"closed": 4401}


async def test_a_page_that_left_is_forgotten(house: House) -> None:
    mina, secret = await member(house, "Mina")
    page = await house.open(token=secret)
    await page.told()
    await page.leave()
    house.pages.clear()
    await house.events.tell(ticket_moved(mina.group_id))
    assert page._to_client.empty()
