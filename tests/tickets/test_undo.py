"""Taking back all that machines changed for a meeting."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.tickets.test_board import (
    LOGIN,
    REPORT,
    TITLES,
    Meeting,
    by_hand,
    meet,
    moved,
    reading,
)
from tests.web_site import Person, Site, events, uncommitted
from vori.data.engine import DB
from vori.tickets import store
from vori.tickets.board import Applied
from vori.tickets.messages import Draft, TicketStatus

pytestmark = pytest.mark.postgres

TODO, IN_PROGRESS, DONE = TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    return await meet(site, mina)


async def undo_all(meeting: Meeting) -> dict[str, Any]:
    meeting.site.clock.turn(timedelta(minutes=1))
    answer = await meeting.mina.post(f"/api/meetings/{meeting.meeting_id}/undo")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_all_of_a_meeting_is_undone_and_stays_undone(meeting: Meeting) -> None:
    chairs = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "write the report", "chairs: started", "chairs: done")
    both = {"new_tickets": (LOGIN, REPORT)}
    await meeting.read(**both, ticket_updates=(moved(chairs, IN_PROGRESS, 2),))
    meeting.site.clock.turn(timedelta(seconds=5))
    renamed = Draft(title="Fix login", content="Urgent.", evidence=(0,), confidence=0.9)
    longer = {"new_tickets": (renamed, REPORT), "ticket_updates": (moved(chairs, DONE, 3),)}
    await meeting.read(**longer)
    assert len(await meeting.tickets()) == 3

    told = await undo_all(meeting)
    assert told["left"] == []
    assert {one["ticketId"]: one["changed"] for one in told["undone"]} == {
        chairs: ["status"],
        "T-2": ["title", "content", "dismissed"],
        "T-3": ["dismissed"],
    }
    assert [(t["ticketId"], t["status"]) for t in await meeting.tickets()] == [(chairs, "TODO")]
    assert [e["deleted"] for e in (await events("ticket.updated"))[-3:]] == [False, True, True]
    entry = (await meeting.history(chairs))[-1]
    assert (entry["kind"], entry["actor"], entry["user"]) == ("undone", "human", "Mina")

    for found in (both, longer):
        applied = await meeting.read(**found)
        assert (applied.created, applied.updated, applied.withdrawn) == ((), (), ())
    for policy in ("propose", "auto"):
        await meeting.mina.patch(f"/api/groups/{meeting.mina.group_id}", json={"policy": policy})
        assert (await meeting.read(**longer)).proposed == ()
    assert await undo_all(meeting) == {"undone": [], "left": []}


async def test_what_a_person_changed_since_is_left(meeting: Meeting) -> None:
    chairs = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "write the report", "I started on the chairs")
    await meeting.read(new_tickets=(LOGIN, REPORT), ticket_updates=(moved(chairs, IN_PROGRESS, 2),))
    await meeting.mina.patch(f"/api/tickets/{chairs}", json={"status": "DONE"})
    await meeting.mina.patch("/api/tickets/T-2", json={"title": "Repair login"})
    told = await undo_all(meeting)
    assert [(one["ticketId"], one["changed"]) for one in told["undone"]] == [("T-3", ["dismissed"])]
    assert {one["ticketId"]: one["changed"] for one in told["left"]} == {
        chairs: ["status"],
        "T-2": ["title"],
    }
    assert {t["title"]: t["status"] for t in await meeting.tickets()} == {
        "Order new chairs": "DONE",
        "Repair login": "TODO",
    }


async def test_a_ticket_that_a_person_dismissed_is_not_spoken_of(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    await meeting.read(new_tickets=(LOGIN,))
    await meeting.mina.delete("/api/tickets/T-1")
    assert await undo_all(meeting) == {"undone": [], "left": []}


async def test_what_the_machine_had_taken_back_does_not_come_back(meeting: Meeting) -> None:
    chairs = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "the chairs are ordered", "no")
    found = {"new_tickets": (LOGIN,), "ticket_updates": (moved(chairs, DONE, 1),)}
    await meeting.read(**found)
    meeting.site.clock.turn(timedelta(seconds=5))
    await meeting.read()
    assert await undo_all(meeting) == {"undone": [], "left": []}
    applied = await meeting.read(**found)
    assert (applied.created, applied.updated) == ((), ())
    assert [(t["title"], t["status"]) for t in await meeting.tickets()] == [
        ("Order new chairs", "TODO")
    ]


async def test_another_meeting_s_changes_stay(site: Site, mina: Person) -> None:
    first, second = [await meet(site, mina) for _ in range(2)]
    await first.say("fix the login page")
    await first.read(new_tickets=(LOGIN,))
    await second.say("write the sales report", "login is done")
    await second.read(
        new_tickets=(Draft(title=REPORT.title, evidence=(0,)),),
        ticket_updates=(moved("T-1", DONE, 1),),
    )
    told = await undo_all(first)
    assert [(one["ticketId"], one["changed"]) for one in told["left"]] == [("T-1", ["status"])]
    assert await first.titles() == ["Fix the login page", "Write the sales report"]
    await undo_all(second)
    assert await first.titles() == ["Fix the login page"]


async def test_what_was_accepted_is_undone_too(meeting: Meeting) -> None:
    await meeting.mina.patch(f"/api/groups/{meeting.mina.group_id}", json={"policy": "propose"})
    await meeting.say("fix the login page", "urgent")
    [number] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    await meeting.mina.post(f"/api/proposals/{number}/accept")
    urgent = Draft(title=LOGIN.title, content="Urgent.", evidence=(0, 1), confidence=0.9)
    [revision] = (await meeting.read(new_tickets=(urgent,))).proposed
    assert [one["ticketId"] for one in (await undo_all(meeting))["undone"]] == ["T-1"]
    state = (await meeting.mina.get(f"/api/proposals/{revision}")).json()["state"]
    assert state == "SUPERSEDED"
    assert (await meeting.read(new_tickets=(urgent,))).proposed == ()


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_people_decide_a_reading_repeated_changes_and_proposes_nothing(
    site: Site, meeting: Meeting, seed: int
) -> None:
    chance = random.Random(seed)
    await meeting.say(*TITLES)
    for title in ("Clean the office", "Fix the login page"):
        await by_hand(meeting, title)
    mina, path = meeting.mina, f"/api/groups/{meeting.mina.group_id}"
    found: dict[str, Any] = {}
    for step in range(24):
        site.clock.turn(timedelta(minutes=1))
        what = chance.choice(
            ["read", "read", "accept", "accept", "dismiss", "edit", "policy", "undo"]
        )
        tickets = [t["ticketId"] for t in await meeting.tickets()]
        query = {"state": "OPEN", "meetingId": meeting.meeting_id}
        waiting = (await mina.get("/api/proposals", params=query)).json()["items"]
        if what == "policy":
            policy = chance.choice(["auto", "propose", "propose", "threshold"])
            await mina.patch(path, json={"policy": policy, "autoAbove": 0.95})
        elif what in ("accept", "dismiss") and waiting:
            number = chance.choice(waiting)["proposalId"]
            answer = await mina.post(f"/api/proposals/{number}/{what}")
            assert answer.status_code in (200, 409), answer.text
        elif what == "edit" and tickets:
            body = {"title": f"By hand {step}"}
            await mina.patch(f"/api/tickets/{chance.choice(tickets)}", json=body)
        elif what == "undo":
            told = (await undo_all(meeting))["undone"]
            gone = {one["title"] for one in told if "dismissed" in one["changed"]}
            await meeting.read(**found)
            now = await meeting.tickets()
            back = {t["title"] for t in now if t["ticketId"] not in tickets}
            assert not gone & back, step
            assert not {one["ticketId"] for one in told if one["title"] in gone} & {
                t["ticketId"] for t in now
            }, step
        else:
            found = reading(chance, tickets, heard=1 + step % len(TITLES))
            await meeting.read(**found)
            again = await meeting.read(**found)
            assert replace(again, skipped=()) == Applied(), step


async def test_undoing_twice_at_once_undoes_once(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "write the report")
    await meeting.read(new_tickets=(LOGIN, REPORT))
    told = await asyncio.gather(*(undo_all(meeting) for _ in range(4)))
    assert sorted(len(one["undone"]) for one in told) == [0, 0, 0, 2]
    kinds = [row["kind"] for row in await DB.fetch("SELECT kind FROM ticket_history")]
    assert kinds.count("undone") == 2


async def test_a_change_by_hand_during_the_undoing_is_not_lost(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    [ticket_id] = (await meeting.read(new_tickets=(LOGIN,))).created

    async def edit() -> None:
        await store.change(
            ticket_id,
            {"title": "Repair login"},
            user_id=meeting.mina.user_id,
            at=meeting.site.clock.now(),
        )

    async with uncommitted(edit):
        undoing = asyncio.create_task(undo_all(meeting))
    assert [one["changed"] for one in (await undoing)["left"]] == [["title"]]
    assert await meeting.titles() == ["Repair login"]


async def test_a_reading_during_the_undoing_does_not_bring_it_back(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    await meeting.read(new_tickets=(LOGIN,))
    async with uncommitted(lambda: undo_all(meeting)):
        reading = asyncio.create_task(meeting.read(new_tickets=(LOGIN,)))
    assert (await reading).created == ()
    assert await meeting.titles() == []
