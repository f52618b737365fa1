"""What a reading would change, told before it changes anything; on a real database."""

from typing import Any
from uuid import UUID

import pytest

from tests.tickets.test_board import Meeting, meet
from tests.web_site import Person, Site
from vori.data.engine import DB
from vori.ids import TicketId, uuid7
from vori.tickets.board import Spoken, TicketDiff
from vori.tickets.messages import Draft, Extraction, StatusIntent, TicketStatus

pytestmark = pytest.mark.postgres

LOGIN = Draft(title="Fix the login page", evidence=(0,), confidence=0.9, reason="a request")
REPORT = Draft(title="Write the sales report", evidence=(1,), confidence=0.8)


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    return await meet(site, mina)


async def difference(
    meeting: Meeting, *, captions: list[Spoken] | None = None, **found: Any
) -> TicketDiff:
    passage = await meeting.board.load_passage(meeting.meeting_id, captions=captions)
    return await meeting.board.difference(passage, Extraction(engine="other", **found))


async def rows(table: str) -> int:
    [row] = await DB.fetch(f"SELECT count(*) AS n FROM {table}")
    return int(row["n"])


async def test_a_difference_tells_every_change_and_stores_none(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "the sales report", "the shelves are up")
    made = (
        await meeting.mina.post(
            "/api/tickets", json={"title": "Put up shelves", "groupId": meeting.mina.group_id}
        )
    ).json()["ticketId"]
    await meeting.read(new_tickets=(LOGIN,))
    [login] = [t["ticketId"] for t in await meeting.tickets() if t["ticketId"] != made]
    tables = ("tickets", "ticket_history", "proposals", "outbox", "readings", "blockers")
    before = [await rows(table) for table in tables]

    diff = await difference(
        meeting,
        new_tickets=(REPORT,),
        ticket_updates=(
            StatusIntent(ticket_id=TicketId(made), new_status=TicketStatus.DONE, evidence=(2,)),
        ),
    )
    assert diff.engine == "other"
    assert [(c.kind.value, c.ticket_id, c.title) for c in diff.changes] == [
        ("create", None, "Write the sales report"),
        ("move", made, "Put up shelves"),
        ("withdraw", login, "Fix the login page"),
    ]
    move = diff.changes[1]
    assert (move.before, move.after) == ({"status": "TODO"}, {"status": "DONE"})
    assert move.receipt.quote == "the shelves are up"
    assert not move.is_proposed
    assert [await rows(table) for table in tables] == before


async def test_the_same_reading_makes_no_difference(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    await meeting.read(new_tickets=(LOGIN,))
    assert (await difference(meeting, new_tickets=(LOGIN,))).changes == ()


async def test_a_difference_says_what_would_wait_for_people(meeting: Meeting) -> None:
    group = f"/api/groups/{meeting.mina.group_id}"
    await meeting.mina.patch(group, json={"policy": "propose"})
    await meeting.say("fix the login page")
    [change] = (await difference(meeting, new_tickets=(LOGIN,))).changes
    assert change.is_proposed


async def test_words_heard_anew_revise_the_ticket_they_made(meeting: Meeting) -> None:
    await meeting.say("fix the log in page", "the sails report")
    heard = Draft(title="Sails retort", evidence=(1,), confidence=0.6)
    await meeting.read(new_tickets=(LOGIN, heard))
    first, second = [t["ticketId"] for t in await meeting.tickets()]

    anew = [
        Spoken(caption_id=uuid7(), text="the sales report", start_ms=3_100, end_ms=4_900),
        Spoken(caption_id=uuid7(), text="fix the login page", start_ms=100, end_ms=2_050),
    ]
    diff = await difference(meeting, captions=anew, new_tickets=(LOGIN, REPORT))
    [change] = diff.changes
    assert (change.kind.value, change.ticket_id) == ("revise", second)
    assert change.after["title"] == "Write the sales report"
    assert change.receipt.caption_ids == (anew[0].caption_id,)

    passage = await meeting.board.load_passage(meeting.meeting_id, captions=anew)
    await meeting.board.apply(passage, Extraction(new_tickets=(LOGIN, REPORT)))
    assert [(t["ticketId"], t["title"]) for t in await meeting.tickets()] == [
        (first, "Fix the login page"),
        (second, "Write the sales report"),
    ]


async def test_what_people_refused_stays_refused_when_words_are_heard_anew(
    meeting: Meeting,
) -> None:
    await meeting.say("fix the login page")
    await meeting.read(new_tickets=(LOGIN,))
    [ticket] = await meeting.tickets()
    await meeting.mina.delete(f"/api/tickets/{ticket['ticketId']}")
    anew = [Spoken(caption_id=UUID(int=7), text="fix the lock in", start_ms=50, end_ms=1_900)]
    other = Draft(title="Repair the lock", evidence=(0,), confidence=0.8)
    assert (await difference(meeting, captions=anew, new_tickets=(other,))).changes == ()
