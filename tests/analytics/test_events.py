"""Results reach open pages of the group, and nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.meetings.test_events import open_house
from tests.streams.test_relay import _is_relaying, until
from tests.web_site import NOON
from vori.analytics import sink
from vori.analytics.messages import Productivity, Span, WindowsChanged
from vori.app import Vori
from vori.clock import SystemClock
from vori.data.engine import transaction
from vori.ids import EventId, GroupId, MeetingId, UserId, uuid7
from vori.meetings.events import Events, Page
from vori.people.messages import Principal, Role
from vori.settings import Server, Settings
from vori.worker import running

pytestmark = pytest.mark.postgres


async def test_pages_of_the_group_are_told_what_was_counted(database, tmp_path):
    events = Events()
    async with open_house(tmp_path, events) as house:
        mina = await house.site.person("Mina")
        other = await house.site.person("Other")
        token = mina.client.headers["Authorization"].removeprefix("Bearer ")
        page = await house.open(token=token)
        stranger = await house.open(
            token=other.client.headers["Authorization"].removeprefix("Bearer ")
        )
        assert (await page.told())["type"] == "ready"
        assert (await stranger.told())["type"] == "ready"
        counted = Productivity(
            event_id=EventId(uuid7()),
            window=Span(start=NOON, end=NOON + timedelta(minutes=1)),
            meeting_id=MeetingId(5),
            group_id=mina.group_id,
            productivity_score=0.5,
            ticket_count=2,
            actionable_tickets=1,
        )
        await events.tell(counted)
        await events.tell(WindowsChanged(meeting_id=MeetingId(5), group_id=other.group_id))
        told = await page.told()
        assert told["type"] == "analytics.productivity"
        assert told["window"] == {"start": "2026-03-16T03:00:00Z", "end": "2026-03-16T03:01:00Z"}
        assert (told["productivity_score"], told["ticket_count"]) == (0.5, 2)
        assert await stranger.told() == {
            "type": "analytics.changed",
            "meetingId": 5,
            "groupId": other.group_id,
        }


async def test_pages_hear_what_a_job_counted_whatever_process_started_it(database, tmp_path):
    """The job writes to the database alone; this process hosts pages and no analytics."""
    vori = Vori(Settings(home=str(tmp_path), server=Server(workers=("web",))), SystemClock())
    assert "analytics" not in [worker.name for worker in vori.workers]
    roles = {GroupId(3): Role.MEMBER}
    page = Page(Principal(user_id=UserId(1), name="Mina", roles=roles), None)
    vori._events._pages.add(page)
    async with running(vori.workers):
        await until(lambda: _is_relaying(vori._road, "requests"))
        async with transaction():
            await sink.tell_changed([(5, 3), (6, 4), (5, 3)])
        told = await page.get(within_s=60)
    assert told == '{"type":"analytics.changed","meetingId":5,"groupId":3}'
    assert await page.get(within_s=0) is None
