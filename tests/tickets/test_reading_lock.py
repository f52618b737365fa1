"""A meeting is read by one process at a time, told by two connections of a real database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.tickets.test_board import Meeting, meet
from tests.web_site import Person, Site
from vori.data.engine import DB
from vori.ids import MeetingId
from vori.settings import Tickets
from vori.tickets.board import TicketBoard
from vori.tickets.messages import Extraction, Passage
from vori.tickets.reader import TicketReader
from vori.tickets.reading_lock import ReadingLocks

pytestmark = pytest.mark.postgres

MEETING, OTHER = MeetingId(7), MeetingId(8)


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    return await meet(site, mina)


async def test_a_meeting_that_one_process_reads_is_left_alone_by_the_other(site: Site) -> None:
    here, there = ReadingLocks(), ReadingLocks()
    async with here.hold(MEETING, wait=True) as mine:
        assert mine
        async with there.hold(MEETING, wait=False) as theirs:
            assert not theirs
        async with there.hold(OTHER, wait=False) as theirs:
            assert theirs
    async with there.hold(MEETING, wait=False) as theirs:
        assert theirs


async def test_one_who_waits_reads_when_the_other_has_read(site: Site) -> None:
    here, there = ReadingLocks(), ReadingLocks()
    order: list[str] = []

    async def waiting() -> None:
        async with there.hold(MEETING, wait=True) as held:
            assert held
            order.append("there")

    async with here.hold(MEETING, wait=True):
        task = asyncio.create_task(waiting())
        while not await DB.fetch("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"):
            await asyncio.sleep(0)
        order.append("here")
    await asyncio.wait_for(task, 60)
    assert order == ["here", "there"]


async def test_a_process_that_dies_while_it_reads_leaves_no_lock(site: Site) -> None:
    here, there = ReadingLocks(), ReadingLocks()
    async with here.hold(MEETING, wait=True):
        await DB.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        async with asyncio.timeout(60), there.hold(MEETING, wait=True) as theirs:
            assert theirs
    async with here.hold(MEETING, wait=False) as again:
        assert again


class Slow:
    """An engine that tells when it reads, and reads on when it is let."""

    name = "slow"

    def __init__(self) -> None:
        self.reads, self.may_go = asyncio.Event(), asyncio.Event()

    async def extract(self, passage: Passage) -> Extraction:
        self.reads.set()
        await self.may_go.wait()
        return Extraction(engine=self.name)


@contextlib.asynccontextmanager
async def process(site: Site, live: Slow, full: Slow) -> AsyncIterator[TicketReader]:
    async def nothing_silent(*_: object, **__: object) -> list[MeetingId]:
        return []

    async def end(_: MeetingId) -> None:
        raise AssertionError

    reader = TicketReader(
        TicketBoard(site.clock),
        live,
        full,
        nothing_silent,
        end,
        settings=Tickets(live_interval_s=0.01),
        clock=site.clock,
    )
    async with asyncio.timeout(60), reader.lifespan():
        yield reader


async def test_the_reading_at_the_end_waits_for_a_live_one_in_another_process(
    site: Site, meeting: Meeting
) -> None:
    await meeting.say("fix the login page")
    site.clock.turn(timedelta(seconds=10))
    live, full = Slow(), Slow()
    async with process(site, live, Slow()) as one, process(site, Slow(), full) as other:
        await one.captions_came(meeting.meeting_id)
        await live.reads.wait()
        await DB.fetch("UPDATE meetings SET status = 'ENDED'")
        ending = asyncio.create_task(other.meeting_ended(meeting.meeting_id))
        for _ in range(3):  # it asks for the lock, and again
            await DB.fetch("SELECT pg_sleep(0.1)")
        assert not full.reads.is_set()
        live.may_go.set()
        await full.reads.wait()
        full.may_go.set()
        await ending
    [reading] = await DB.fetch("SELECT engine FROM readings")
    assert reading["engine"] == "slow"


async def test_a_live_reading_waits_until_another_process_has_read(
    site: Site, meeting: Meeting
) -> None:
    await meeting.say("fix the login page")
    live, full = Slow(), Slow()
    live.may_go.set()
    async with process(site, live, Slow()) as one, process(site, Slow(), full) as other:
        reading = asyncio.create_task(other.meeting_ended(meeting.meeting_id))
        await full.reads.wait()
        await one.captions_came(meeting.meeting_id)
        await DB.fetch("SELECT pg_sleep(0.1)")
        assert not live.reads.is_set()
        assert one.health().message == ""
        full.may_go.set()
        await reading
        await live.reads.wait()
