"""Speech after the end: the meeting runs again, and no reading undoes what a better one made."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.tickets.test_board import Meeting, meet
from tests.web_site import Person, Site, events
from vori.clock import SystemClock
from vori.data.engine import DB, transaction
from vori.ids import GroupId, MeetingId, UserId
from vori.meetings import sound
from vori.people.messages import Principal, Role
from vori.settings import Tickets
from vori.tickets.extract.local import LocalExtractor
from vori.tickets.live import LiveReading, Spoken
from vori.tickets.messages import Draft, Extraction, Passage
from vori.tickets.reader import TicketReader

pytestmark = pytest.mark.postgres


class Careful:
    """Finds what the local engine does not."""

    name = "careful"

    async def extract(self, passage: Passage) -> Extraction:
        draft = Draft(title="Rethink the entrance", evidence=(0,), confidence=0.9)
        return Extraction(new_tickets=(draft,), engine="careful", model="m-1")


async def end(meeting_id: MeetingId, site: Site) -> None:
    async def finish(_: MeetingId) -> None:
        await DB.fetch(
            "UPDATE recordings SET status = 'COMPLETE', finished_at = $1", site.clock.now()
        )

    await sound.end(meeting_id, clock=site.clock, finish_recordings=finish)


async def speak_again(meeting: Meeting, text: str) -> Spoken:
    """Somebody records again after the end."""
    mina = meeting.mina
    principal = Principal(
        user_id=UserId(mina.user_id), name="Mina", roles={GroupId(mina.group_id): Role.ADMIN}
    )
    async with transaction():
        await sound.admit(
            meeting.meeting_id,
            GroupId(mina.group_id),
            principal,
            clock=meeting.site.clock,
            reopens=True,
        )
    await meeting.say(text)
    [row] = await DB.fetch(
        "SELECT id, meeting_start_ms FROM captions ORDER BY meeting_start_ms DESC LIMIT 1"
    )
    start_ms = row["meeting_start_ms"]
    return Spoken(caption_id=row["id"], text=text, start_ms=start_ms, end_ms=start_ms + 2_000)


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    return await meet(site, mina, language="en")


@contextlib.asynccontextmanager
async def reading(meeting: Meeting) -> AsyncIterator[TicketReader]:
    reader = TicketReader(
        meeting.board,
        LocalExtractor(),
        Careful(),
        sound.fallen_silent,
        lambda meeting_id: end(meeting_id, meeting.site),
        settings=Tickets(live_interval_s=0.01, end_after_s=90),
        clock=meeting.site.clock,
        listen=LiveReading,
    )
    async with asyncio.timeout(90), reader.lifespan():
        yield reader


async def settled(reader: TicketReader) -> None:
    async with asyncio.timeout(60):
        while reader.health().detail["due"]:
            await asyncio.sleep(0.01)


async def test_speech_after_the_end_reopens_the_meeting(site: Site, meeting: Meeting) -> None:
    await meeting.say("hello")
    await end(meeting.meeting_id, site)
    await speak_again(meeting, "one more thing")
    row = (await meeting.mina.get(f"/api/meetings/{meeting.meeting_id}")).json()
    assert (row["status"], row["endedAt"]) == ("LIVE", None)
    [*_, told] = await events("meeting.updated")
    assert (told["status"], told["previousStatus"]) == ("LIVE", "ENDED")
    await end(meeting.meeting_id, site)
    await end(meeting.meeting_id, site)
    statuses = [e["status"] for e in await events("meeting.updated") if "status" in e["changed"]]
    assert statuses == ["LIVE", "ENDED", "LIVE", "ENDED"]


async def test_a_late_live_reading_changes_nothing_that_the_end_decided(
    site: Site, meeting: Meeting
) -> None:
    await meeting.say("the entrance is a mess", "I'll order the new carpet by Friday.")
    async with reading(meeting) as reader:
        await end(meeting.meeting_id, site)
        await reader.meeting_ended(meeting.meeting_id)
        await reader.captions_came(meeting.meeting_id)
        await settled(reader)
    assert await meeting.titles() == ["Rethink the entrance"]


async def test_after_reopening_only_new_words_are_read_until_it_ends_again(
    site: Site, meeting: Meeting
) -> None:
    await meeting.say("the entrance is a mess")
    async with reading(meeting) as reader:
        await end(meeting.meeting_id, site)
        await reader.meeting_ended(meeting.meeting_id)
        # The board's clock is a turned one; captions have their time from this process.
        await DB.fetch("UPDATE readings SET at = $1", SystemClock().now())
        await asyncio.sleep(0.002)  # captions are told apart by the millisecond they were stored
        caption = await speak_again(meeting, "I'll order the new carpet by Friday.")
        await reader.captions_came(meeting.meeting_id, caption)
        await settled(reader)
        assert await meeting.titles() == ["Rethink the entrance", "Order the new carpet"]
        found: Any = (await meeting.mina.get(f"/api/meetings/{meeting.meeting_id}/reading")).json()
        assert found["engine"] == "careful"


async def test_a_meeting_all_of_whose_recordings_are_gone_ends_by_itself(
    site: Site, meeting: Meeting
) -> None:
    await meeting.say("hello")
    finished_at = site.clock.now()
    await DB.fetch("UPDATE recordings SET status = 'COMPLETE', finished_at = $1", finished_at)
    assert await over(finished_at) == []
    site.clock.turn(timedelta(seconds=91))
    assert await over(site.clock.now()) == [meeting.meeting_id]
    await DB.fetch("UPDATE recordings SET status = 'OPEN'")
    assert await over(site.clock.now()) == []


async def test_a_meeting_in_which_nobody_speaks_ends_though_a_microphone_is_on(
    site: Site, meeting: Meeting
) -> None:
    began = site.clock.now()
    await DB.fetch("UPDATE recordings SET started_at = $1", began)
    await meeting.say("hello")
    await DB.fetch("UPDATE captions SET created_at = $1", began + timedelta(minutes=10))
    early, late = began + timedelta(minutes=69), began + timedelta(minutes=71)
    assert await over(early, unheard=timedelta(hours=1)) == []
    assert await over(late, unheard=timedelta(hours=1)) == [meeting.meeting_id]
    path = f"/api/groups/{meeting.mina.group_id}"
    assert (await meeting.mina.patch(path, json={"endAfterSilenceMin": 90})).status_code == 200
    assert await over(late, unheard=timedelta(hours=1)) == []
    assert await over(late + timedelta(minutes=30), unheard=timedelta(hours=1)) == [
        meeting.meeting_id
    ]
    for wrong in (0, -5, 1.5, 100_000, "an hour"):
        answer = await meeting.mina.patch(path, json={"endAfterSilenceMin": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), wrong


async def over(now: datetime, *, unheard: timedelta = timedelta(days=365)) -> list[MeetingId]:
    return await sound.fallen_silent(now, gone=timedelta(seconds=90), unheard=unheard)


def test_a_captions_moment_is_in_its_id() -> None:
    from vori.ids import uuid7
    from vori.tickets.live import stored_ms

    first, second = uuid7(), uuid7()
    assert isinstance(first, UUID)
    assert 0 <= stored_ms(second) - stored_ms(first) < 60_000
