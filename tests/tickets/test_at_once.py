"""A board that others change, and a database that fails, in the middle of a reading."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.tickets.test_board import DONE, IN_PROGRESS, LOGIN, Meeting, by_hand, meet, moved
from tests.web_site import Person, Site
from vori.data.engine import DB
from vori.errors import Unavailable
from vori.tickets import store
from vori.tickets.messages import Extraction

pytestmark = pytest.mark.postgres


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    return await meet(site, mina)


async def test_two_meetings_that_end_at_once_move_one_ticket_once_and_lose_nothing(
    site: Site, mina: Person
) -> None:
    first, second = await meet(site, mina), await meet(site, mina)
    ticket_id = await by_hand(first, "Fix the login page")
    for one in (first, second):
        await one.say("the login page is done", "and write the sales report")

    read = [await one.board.load_passage(one.meeting_id) for one in (first, second)]
    said = [
        Extraction(ticket_updates=(moved(ticket_id, status),)) for status in (DONE, IN_PROGRESS)
    ]
    await asyncio.gather(
        *(
            one.board.apply(passage, extraction)
            for one, passage, extraction in zip((first, second), read, said, strict=True)
        )
    )
    history = await first.history(ticket_id)
    steps = [(h["before"].get("status"), h["after"].get("status")) for h in history[1:]]
    state = "TODO"
    for before, after in steps:  # every change starts from where the one before it ended
        assert before == state
        state = after
    [ticket] = await first.tickets()
    assert (ticket["status"], ticket["version"]) == (state, 1 + len(steps))
    assert state == "DONE"


async def test_a_database_that_fails_between_draft_and_store_leaves_nothing_half_done(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await meeting.say("fix the login page")
    record = store.record_creation

    async def fail(*arguments: Any, **named: Any) -> None:
        await record(*arguments, **named)
        raise Unavailable("postgres", code="database_away")

    monkeypatch.setattr(store, "record_creation", fail)
    with pytest.raises(Unavailable):
        await meeting.read(new_tickets=(LOGIN,))
    assert await meeting.titles() == []
    assert await DB.fetch("SELECT 1 FROM ticket_history") == []
    assert await DB.fetch("SELECT 1 FROM outbox WHERE topic LIKE 'ticket.%'") == []

    monkeypatch.setattr(store, "record_creation", record)
    await meeting.read(new_tickets=(LOGIN,))
    assert await meeting.titles() == ["Fix the login page"]


async def test_a_person_who_moves_a_ticket_in_the_same_second_wins(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Fix the login page")
    await meeting.say("the login page is done")
    meeting.site.clock.turn(timedelta(seconds=3))  # the words ended a second ago
    by_person = meeting.mina.patch(f"/api/tickets/{ticket_id}", json={"status": "IN_PROGRESS"})
    await asyncio.gather(by_person, meeting.read(ticket_updates=(moved(ticket_id, DONE),)))
    await meeting.read(ticket_updates=(moved(ticket_id, DONE),))
    [ticket] = await meeting.tickets()
    assert ticket["status"] == "IN_PROGRESS"
    assert (await meeting.history(ticket_id))[-1]["actor"] == "human"
