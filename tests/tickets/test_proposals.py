"""What machines may not do by themselves: proposed, revised, accepted, dismissed."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.tickets.test_board import LOGIN, REPORT, Meeting, by_hand, meet, moved
from tests.web_site import Person, Site, events, make_recording, say, uncommitted
from vori.data.engine import DB
from vori.ids import UserId
from vori.meetings import store as meetings
from vori.people.messages import Role
from vori.tickets import proposals, store
from vori.tickets.messages import Draft, TicketStatus

pytestmark = pytest.mark.postgres

TODO, IN_PROGRESS, DONE = TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    await set_policy(mina, policy="propose")
    return await meet(site, mina)


async def set_policy(person: Person, **changes: object) -> None:
    answer = await person.patch(f"/api/groups/{person.group_id}", json=changes)
    assert answer.status_code == 200, answer.text


async def proposed(meeting: Meeting, state: str = "OPEN") -> list[dict[str, Any]]:
    query = {"meetingId": meeting.meeting_id, "state": state}
    items: list[dict[str, Any]] = (await meeting.mina.get("/api/proposals", params=query)).json()[
        "items"
    ]
    return items[::-1]


async def accept(meeting: Meeting, proposal_id: int, **edits: object) -> Any:
    path = f"/api/proposals/{proposal_id}/accept"
    return await meeting.mina.post(path, json=edits) if edits else await meeting.mina.post(path)


async def dismiss(meeting: Meeting, proposal_id: int) -> Any:
    return await meeting.mina.post(f"/api/proposals/{proposal_id}/dismiss")


# ------------------------------------------------------------------ what is proposed


async def test_under_propose_a_reading_changes_no_ticket(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "the chairs are ordered")
    applied = await meeting.read(new_tickets=(LOGIN,), ticket_updates=(moved(ticket_id, DONE, 1),))
    assert (applied.created, applied.updated) == ((), ())
    assert [(t["title"], t["status"]) for t in await meeting.tickets()] == [
        ("Order new chairs", "TODO")
    ]
    create, move = await proposed(meeting)
    assert (create["kind"], create["ticketId"], create["before"]) == ("create", None, {})
    assert create["after"] == {
        "title": "Fix the login page",
        "content": "",
        "status": "TODO",
        "assigneeId": None,
        "due": None,
    }
    assert create["receipt"]["quote"] == "fix the login page"
    assert create["receipt"]["confidence"] == 0.9
    assert (move["kind"], move["ticketId"], move["title"]) == (
        "move",
        ticket_id,
        "Order new chairs",
    )
    assert (move["before"], move["after"]) == ({"status": "TODO"}, {"status": "DONE"})
    assert applied.proposed == (create["proposalId"], move["proposalId"])
    one = (await meeting.mina.get(f"/api/proposals/{move['proposalId']}")).json()
    assert one == move


async def test_the_same_reading_again_proposes_nothing_new(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "the chairs are ordered")
    found = {"new_tickets": (LOGIN,), "ticket_updates": (moved(ticket_id, DONE, 1),)}
    await meeting.read(**found)
    before = [await DB.fetch(f"SELECT * FROM {t} ORDER BY id") for t in TABLES]
    meeting.site.clock.turn(timedelta(minutes=1))
    assert (await meeting.read(**found)).proposed == ()
    assert [await DB.fetch(f"SELECT * FROM {t} ORDER BY id") for t in TABLES] == before


TABLES = ("tickets", "ticket_history", "proposals", "outbox")


async def test_a_longer_reading_revises_a_proposal_in_place(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "and the sign-up page")
    await meeting.read(new_tickets=(LOGIN,))
    [first] = await proposed(meeting)
    longer = Draft(title="Fix login and sign-up", content="Both.", evidence=(0, 1), confidence=0.7)
    await meeting.read(new_tickets=(longer,))
    [second] = await proposed(meeting)
    assert second["proposalId"] == first["proposalId"]
    assert (second["after"]["title"], second["after"]["content"]) == (
        "Fix login and sign-up",
        "Both.",
    )
    assert second["receipt"]["confidence"] == 0.7


async def test_what_the_meeting_takes_back_is_superseded_and_comes_back_with_its_id(
    meeting: Meeting,
) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "the chairs are ordered", "no, never mind")
    found = {"new_tickets": (LOGIN,), "ticket_updates": (moved(ticket_id, DONE, 1),)}
    ids = (await meeting.read(**found)).proposed
    await meeting.read()
    assert await proposed(meeting) == []
    superseded = await proposed(meeting, "SUPERSEDED")
    assert [one["proposalId"] for one in superseded] == list(ids)
    answer = await accept(meeting, ids[0])
    assert (answer.status_code, answer.json()["code"]) == (409, "proposal_decided")
    assert (await meeting.read(**found)).proposed == ids
    assert [one["decidedAt"] for one in await proposed(meeting)] == [None, None]


async def test_what_a_person_does_by_hand_meanwhile_is_not_proposed_any_more(
    meeting: Meeting,
) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "the chairs are ordered")
    found = {"new_tickets": (LOGIN,), "ticket_updates": (moved(ticket_id, DONE, 1),)}
    await meeting.read(**found)
    await meeting.mina.patch(f"/api/tickets/{ticket_id}", json={"status": "DONE"})
    await by_hand(meeting, "Fix the login page")
    await meeting.read(**found)
    assert await proposed(meeting) == []


async def test_two_meetings_propose_a_ticket_once(site: Site, mina: Person) -> None:
    await set_policy(mina, policy="propose")
    first, second = [await meet(site, mina) for _ in range(2)]
    for one in (first, second):
        await one.say("fix the login page")
        await one.read(new_tickets=(LOGIN,))
    assert (len(await proposed(first)), len(await proposed(second))) == (1, 0)
    await first.read()
    await second.read(new_tickets=(LOGIN,))
    assert (len(await proposed(first)), len(await proposed(second))) == (0, 1)


async def test_above_the_threshold_machines_act_and_below_they_propose(
    site: Site, mina: Person
) -> None:
    await set_policy(mina, policy="threshold", autoAbove=0.85)
    meeting = await meet(site, mina)
    await meeting.say("fix the login page", "write the sales report")
    await meeting.read(new_tickets=(LOGIN, REPORT))
    assert await meeting.titles() == ["Fix the login page"]
    [report] = await proposed(meeting)
    assert report["after"]["title"] == "Write the sales report"
    surer = Draft(title="Write the sales report", evidence=(1,), confidence=0.85)
    await meeting.read(new_tickets=(LOGIN, surer))
    assert await meeting.titles() == ["Fix the login page", "Write the sales report"]
    assert await proposed(meeting) == []


async def test_a_threshold_needs_its_number(mina: Person) -> None:
    path = f"/api/groups/{mina.group_id}"
    answer = await mina.patch(path, json={"policy": "threshold"})
    assert (answer.status_code, answer.json()["code"]) == (400, "no_threshold")
    for wrong in ({"policy": "always"}, {"autoAbove": 1.5}, {"autoAbove": -1}, {"budgetTokens": -1},
                  {"budgetCost": -0.5}, {"policy": None}):  # fmt: skip
        answer = await mina.patch(path, json=wrong)
        assert answer.status_code == 400, wrong
        assert [e["field"] for e in answer.json()["errors"]] == list(wrong)
    group = (await mina.get(path)).json()
    assert (group["policy"], group["autoAbove"]) == ("auto", None)
    group = (await mina.patch(path, json={"policy": "threshold", "autoAbove": 0.5})).json()
    assert (group["policy"], group["autoAbove"], group["name"]) == ("threshold", 0.5, "Mina's")
    assert (await mina.get(path)).json() == group
    answer = await mina.patch(path, json={"autoAbove": None})
    assert (answer.status_code, answer.json()["code"]) == (400, "no_threshold")


async def test_only_an_admin_sets_the_policy(site: Site, mina: Person) -> None:
    member = await site.person("Jun", mina.group_id, Role.MEMBER)
    answer = await member.patch(f"/api/groups/{mina.group_id}", json={"policy": "propose"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


# ------------------------------------------------------------------ deciding


async def test_accepting_makes_the_ticket_with_receipt_and_event(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    [number] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    answer = await accept(meeting, number)
    assert answer.status_code == 200, answer.text
    [ticket] = await meeting.tickets()
    assert (answer.json()["state"], answer.json()["ticketId"]) == ("ACCEPTED", ticket["ticketId"])
    assert answer.json()["decidedBy"] == meeting.mina.user_id
    assert (ticket["meetingId"], ticket["humanEdited"]) == (meeting.meeting_id, [])
    [entry] = await meeting.history(ticket["ticketId"])
    assert (entry["actor"], entry["user"], entry["kind"]) == ("machine", "Mina", "created")
    assert entry["receipt"]["quote"] == "fix the login page"
    [event] = await events("ticket.created")
    assert (event["actor"], event["receipt"]) == ("machine", entry["receipt"])
    assert (await meeting.read(new_tickets=(LOGIN,))).proposed == ()
    assert await meeting.titles() == ["Fix the login page"]


async def test_fields_set_otherwise_on_accepting_are_that_person_s(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "and sign-up")
    [number] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    mina = meeting.mina
    await accept(meeting, number, title="Repair login", assigneeId=mina.user_id, content="")
    [ticket] = await meeting.tickets()
    assert (ticket["title"], ticket["assignee"]) == ("Repair login", "Mina")
    assert ticket["humanEdited"] == ["title", "assigneeId"]
    made, edited = await meeting.history(ticket["ticketId"])
    assert (made["actor"], made["after"]["title"]) == ("machine", "Fix the login page")
    assert (edited["actor"], edited["user"]) == ("human", "Mina")
    longer = Draft(title="Fix login and sign-up", content="x", evidence=(0, 1), confidence=0.9)
    await meeting.read(new_tickets=(longer,))
    [revision] = await proposed(meeting)
    assert (revision["kind"], revision["after"]) == ("revise", {"content": "x"})


async def test_a_move_and_a_revision_are_accepted(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "the chairs are ordered", "login is urgent")
    update = moved(ticket_id, DONE, 1)
    create, move = (await meeting.read(new_tickets=(LOGIN,), ticket_updates=(update,))).proposed
    await accept(meeting, create)
    await accept(meeting, move)
    urgent = Draft(title=LOGIN.title, content="Urgent.", evidence=(0, 2), confidence=0.9)
    found = {"new_tickets": (urgent,), "ticket_updates": (update,)}
    [revision] = (await meeting.read(**found)).proposed
    await accept(meeting, revision)
    assert [(t["title"], t["status"], t["content"]) for t in await meeting.tickets()] == [
        ("Order new chairs", "DONE", ""),
        ("Fix the login page", "TODO", "Urgent."),
    ]
    assert (await meeting.read(**found)).proposed == ()
    assert (await meeting.undo(ticket_id)).json()["status"] == "TODO"


async def test_a_withdrawal_is_proposed_and_cannot_be_edited(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "no, never mind")
    [create] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    await accept(meeting, create)
    [number] = (await meeting.read()).proposed
    assert await meeting.titles() == ["Fix the login page"]
    answer = await accept(meeting, number, title="x")
    assert (answer.status_code, answer.json()["code"]) == (400, "no_edits")
    assert (await accept(meeting, number)).status_code == 200
    assert await meeting.titles() == []
    [again] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    ticket_id = (await accept(meeting, again)).json()["ticketId"]
    assert [t["ticketId"] for t in await meeting.tickets()] == [ticket_id] == ["T-1"]


async def test_what_was_dismissed_is_not_proposed_from_the_same_words(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page", "the chairs are ordered", "they really are")
    found = {"new_tickets": (LOGIN,), "ticket_updates": (moved(ticket_id, DONE, 1),)}
    for number in (await meeting.read(**found)).proposed:
        assert (await dismiss(meeting, number)).json()["state"] == "DISMISSED"
    await set_policy(meeting.mina, policy="auto")
    applied = await meeting.read(**found)
    assert (applied.created, applied.updated, applied.proposed) == ((), (), ())
    later = await meeting.read(ticket_updates=(moved(ticket_id, DONE, 2),))
    assert later.updated == (ticket_id,)


async def test_dismissed_revisions_and_withdrawals_are_remembered(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "by Friday", "urgent")
    [create] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    await accept(meeting, create)

    def draft(content: str, *evidence: int) -> dict[str, Any]:
        return {
            "new_tickets": (
                Draft(title=LOGIN.title, content=content, evidence=evidence, confidence=0.9),
            )
        }

    [revision] = (await meeting.read(**draft("Friday", 0, 1))).proposed
    await dismiss(meeting, revision)
    assert (await meeting.read(**draft("Friday", 0, 1))).proposed == ()
    assert (await meeting.read(**draft("By Friday", 0, 1))).proposed == ()
    assert (await meeting.read(**draft("Friday", 0, 1, 2))).proposed == ()
    assert len((await meeting.read(**draft("Urgent", 0, 1, 2))).proposed) == 1
    [withdrawal] = (await meeting.read()).proposed
    await dismiss(meeting, withdrawal)
    assert (await meeting.read()).proposed == ()
    assert await meeting.titles() == ["Fix the login page"]


async def test_a_proposal_is_refused_when_its_ticket_changed_since(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("I started on the chairs")
    [number] = (await meeting.read(ticket_updates=(moved(ticket_id, IN_PROGRESS),))).proposed
    await meeting.mina.patch(f"/api/tickets/{ticket_id}", json={"status": "DONE"})
    answer = await accept(meeting, number)
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_since")
    await meeting.mina.delete(f"/api/tickets/{ticket_id}")
    assert (await accept(meeting, number)).json()["code"] == "changed_since"
    assert (await dismiss(meeting, number)).status_code == 200


async def test_an_assignee_who_left_is_nobody(site: Site, meeting: Meeting) -> None:
    jun = await site.person("Jun", meeting.mina.group_id)
    await meeting.say("Jun fixes the login page")
    draft = Draft(title=LOGIN.title, assignee_id=UserId(jun.user_id), evidence=(0,))
    [number] = (await meeting.read(new_tickets=(draft,))).proposed
    await meeting.mina.delete(f"/api/groups/{meeting.mina.group_id}/members/{jun.user_id}")
    await accept(meeting, number)
    assert [t["assigneeId"] for t in await meeting.tickets()] == [None]


# ------------------------------------------------------------------ at once


async def test_accepting_twice_at_once_makes_one_ticket(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    [number] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    answers = await asyncio.gather(*(accept(meeting, number) for _ in range(6)))
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409, 409, 409]
    assert await meeting.titles() == ["Fix the login page"]


async def test_accepting_and_dismissing_at_once_does_one_of_them(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    [number] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    answers = await asyncio.gather(accept(meeting, number), dismiss(meeting, number))
    assert sorted(a.status_code for a in answers) == [200, 409]
    state = (await meeting.mina.get(f"/api/proposals/{number}")).json()["state"]
    assert len(await meeting.tickets()) == (state == "ACCEPTED")


async def test_a_change_by_hand_while_accepting_is_not_lost(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("the chairs are ordered")
    [number] = (await meeting.read(ticket_updates=(moved(ticket_id, DONE),))).proposed

    async def edit() -> None:
        await store.change(
            ticket_id,
            {"title": "Order desks", "status": IN_PROGRESS},
            user_id=meeting.mina.user_id,
            at=meeting.site.clock.now(),
        )

    async with uncommitted(edit):
        accepting = asyncio.create_task(accept(meeting, number))
    assert (await accepting).json()["code"] == "changed_since"
    [ticket] = await meeting.tickets()
    assert (ticket["title"], ticket["status"]) == ("Order desks", "IN_PROGRESS")


async def test_a_reading_while_somebody_accepts_does_not_double(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    [number] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    mina, now = meeting.mina, meeting.site.clock.now()

    async def take() -> None:
        await proposals.accept(number, {}, user_id=mina.user_id, at=now)

    async with uncommitted(take):
        reading = asyncio.create_task(meeting.read(new_tickets=(LOGIN,)))
    assert (await reading).proposed == ()
    assert await meeting.titles() == ["Fix the login page"]
    assert await proposed(meeting) == []


async def test_accepting_what_a_reading_takes_back_at_that_moment_is_refused(
    meeting: Meeting,
) -> None:
    await meeting.say("fix the login page", "no, never mind")
    [number] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    async with uncommitted(meeting.read):
        accepting = asyncio.create_task(accept(meeting, number))
    assert (await accepting).json()["code"] == "proposal_decided"
    assert await meeting.titles() == []


async def test_accepting_while_the_meeting_is_deleted_finds_nothing(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    [number] = (await meeting.read(new_tickets=(LOGIN,))).proposed
    await meeting.mina.post(f"/api/meetings/{meeting.meeting_id}/end")
    async with uncommitted(lambda: meetings.delete(meeting.meeting_id)):
        accepting = asyncio.create_task(accept(meeting, number))
    assert (await accepting).status_code == 404
    assert await meeting.titles() == []


# ------------------------------------------------------------------ lists


async def test_proposals_come_in_pages(meeting: Meeting) -> None:
    titles = ["budget", "venue", "menu", "badges", "slides"]
    await meeting.say(*titles)
    drafts = tuple(Draft(title=f"Prepare {t}", evidence=(n,)) for n, t in enumerate(titles))
    ids = (await meeting.read(new_tickets=drafts)).proposed
    seen: list[int] = []
    query: dict[str, Any] = {"limit": 2, "groupId": meeting.mina.group_id}
    for _ in range(3):
        page = (await meeting.mina.get("/api/proposals", params=query)).json()
        seen += [one["proposalId"] for one in page["items"]]
        query["cursor"] = page["nextCursor"]
    assert query["cursor"] is None
    assert seen == list(ids[::-1])
    for wrong in ("state=MAYBE", "groupId=0", "limit=0", "cursor=!"):
        assert (await meeting.mina.get(f"/api/proposals?{wrong}")).status_code == 400, wrong


async def test_a_deleted_meeting_takes_its_proposals_with_it(meeting: Meeting) -> None:
    recording = await make_recording(meeting.meeting_id, meeting.mina.group_id, audio_id="x")
    await say(recording, "fix the login page", at_ms=0, seq=0)
    await meeting.read(new_tickets=(LOGIN,))
    await meeting.mina.post(f"/api/meetings/{meeting.meeting_id}/end")
    await meeting.mina.delete(f"/api/meetings/{meeting.meeting_id}")
    assert await DB.fetch("SELECT id FROM proposals") == []


async def test_a_proposal_is_told_when_it_is_made_revised_and_decided(
    meeting: Meeting,
) -> None:
    await meeting.say("fix the login page", "by Friday please", "write the sales report")
    await meeting.read(new_tickets=(LOGIN, REPORT))
    await meeting.read(new_tickets=(LOGIN, REPORT))
    made = await events("proposal.created")
    assert [(e["proposal"]["after"]["title"], e["isRevised"]) for e in made] == [
        (LOGIN.title, False),
        (REPORT.title, False),
    ]
    assert {e["meetingId"] for e in made} == {meeting.meeting_id}
    sooner = replace(LOGIN, due=date(2026, 3, 20), evidence=(0, 1))
    await meeting.read(new_tickets=(sooner,))
    [*_, revised] = await events("proposal.created")
    assert (revised["isRevised"], revised["proposal"]["after"]["due"]) == (True, "2026-03-20")
    number = revised["proposal"]["proposalId"]
    await meeting.mina.post(f"/api/proposals/{number}/accept")
    decided = await events("proposal.decided")
    assert [(e["proposal"]["proposalId"] == number, e["proposal"]["state"]) for e in decided] == [
        (False, "SUPERSEDED"),
        (True, "ACCEPTED"),
    ]
