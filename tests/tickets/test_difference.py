"""What a reading would change, told before it changes anything; on a real database."""

from typing import Any
from uuid import UUID

import pytest

from tests.tickets.test_board import Meeting, meet
from tests.web_site import Person, Site
from vori.data.engine import DB
from vori.ids import MeetingId, TicketId, uuid7
from vori.meetings import sound
from vori.settings import Tickets
from vori.tickets.live import Spoken
from vori.tickets.messages import Draft, Extraction, Passage, StatusIntent, TicketStatus
from vori.tickets.preview import TicketsDifference, told
from vori.tickets.reader import TicketReader

pytestmark = pytest.mark.postgres

LOGIN = Draft(title="Fix the login page", evidence=(0,), confidence=0.9, reason="a request")
REPORT = Draft(title="Write the sales report", evidence=(1,), confidence=0.8)


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    return await meet(site, mina)


async def difference(
    meeting: Meeting, *, captions: list[Spoken] | None = None, **found: Any
) -> TicketsDifference:
    passage = await meeting.board.load_passage(meeting.meeting_id, captions=captions)
    extraction = Extraction(engine="other", **found)
    return told(*await meeting.board.preview(passage, extraction), passage, extraction)


def any_change(diff: TicketsDifference) -> bool:
    return bool(diff.made or diff.changed or diff.taken_back)


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
    assert [one.title for one in diff.made] == ["Write the sales report"]
    [move] = diff.changed
    assert (move.ticket_id, move.before, move.after) == (
        made,
        {"status": "TODO"},
        {"status": "DONE"},
    )
    assert move.words.quote == "the shelves are up"
    assert [one.ticket_id for one in diff.taken_back] == [login]
    assert [await rows(table) for table in tables] == before


async def test_the_same_reading_makes_no_difference(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    await meeting.read(new_tickets=(LOGIN,))
    assert not any_change(await difference(meeting, new_tickets=(LOGIN,)))


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
    assert not diff.made
    assert not diff.taken_back
    [change] = diff.changed
    assert change.ticket_id == second
    assert change.after["title"] == "Write the sales report"
    assert change.words.quote == "the sales report"

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
    assert not any_change(await difference(meeting, captions=anew, new_tickets=(other,)))


# ------------------------------------------------------------------ over HTTP


async def test_a_meeting_read_again_shows_first_and_changes_then(site: Site, mina: Person) -> None:
    meeting = await meet(site, mina, language="en")
    await meeting.say("I'll order the new carpet for the hall by Friday.")
    path = f"/api/meetings/{meeting.meeting_id}/reread"
    shown = (await mina.post(path, params={"dryRun": True, "engine": "local"})).json()
    assert [one["title"] for one in shown["made"]] == ["Order the new carpet for the hall"]
    assert await meeting.titles() == []
    done = (await mina.post(path, params={"engine": "local"})).json()
    assert done == shown
    assert await meeting.titles() == ["Order the new carpet for the hall"]
    again = (await mina.post(path, params={"engine": "local"})).json()
    assert (again["made"], again["changed"], again["takenBack"]) == ([], [], [])


async def test_an_engine_is_asked_once_for_what_is_shown_and_applied(meeting: Meeting) -> None:
    class Moody:
        name = "moody"
        asked = 0

        async def extract(self, passage: Passage) -> Extraction:
            self.asked += 1
            draft = Draft(title=f"Answer {self.asked}", evidence=(0,), confidence=0.9)
            return Extraction(new_tickets=(draft,), engine="moody")

    await meeting.say("something")
    moody = Moody()
    reader = TicketReader(
        meeting.board,
        moody,
        moody,
        sound.fallen_silent,
        nobody_ends,
        settings=Tickets(),
        clock=meeting.site.clock,
    )
    await reader.reread(meeting.meeting_id, local=False, dry_run=True)
    await reader.reread(meeting.meeting_id, local=False, dry_run=False)
    assert await meeting.titles() == ["Answer 1"]
    await meeting.say("something else")
    await reader.reread(meeting.meeting_id, local=False, dry_run=False)
    assert moody.asked == 2


async def test_only_members_may_have_a_meeting_read_again(site: Site, mina: Person) -> None:
    meeting = await meet(site, mina)
    other = await site.person("Joon")
    answer = await other.post(f"/api/meetings/{meeting.meeting_id}/reread")
    assert answer.status_code == 404


async def nobody_ends(meeting_id: MeetingId) -> None:
    raise AssertionError(meeting_id)
