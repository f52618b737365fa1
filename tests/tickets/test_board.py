"""The machine's side of the board, on a real database."""

import asyncio
import random
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.web_site import (
    Person,
    Site,
    events,
    make_recording,
    say,
    uncommitted,
)
from vori.data.engine import DB, transaction
from vori.errors import NotFound
from vori.ids import MeetingId, TicketId, UserId
from vori.tickets import store
from vori.tickets.board import Applied, StoredPassage, TicketBoard
from vori.tickets.messages import Blocker, Draft, Extraction, StatusIntent, TicketStatus

pytestmark = pytest.mark.postgres

TODO, IN_PROGRESS, DONE = TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE


class Meeting:
    """A meeting in which things were said and a board that read them."""

    def __init__(self, site: Site, mina: Person, meeting_id: int, room: UUID) -> None:
        self.site = site
        self.mina = mina
        self.meeting_id = MeetingId(meeting_id)
        self.board = TicketBoard(site.clock)
        self._room = room
        self._said = 0

    async def say(self, *texts: str) -> None:
        for text in texts:
            await say(self._room, text, at_ms=3_000 * self._said, seq=self._said)
            self._said += 1

    async def read(self, **found: Any) -> Applied:
        passage = await self.board.load_passage(self.meeting_id)
        return await self.board.apply(passage, Extraction(engine="local", **found))

    async def tickets(self) -> list[dict[str, Any]]:
        answer = await self.mina.get("/api/tickets", params={"groupId": self.mina.group_id})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items[::-1]

    async def titles(self) -> list[str]:
        return [ticket["title"] for ticket in await self.tickets()]

    async def history(self, ticket_id: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = (
            await self.mina.get(f"/api/tickets/{ticket_id}/history")
        ).json()
        return entries

    async def undo(self, ticket_id: str, query: str = "") -> Any:
        return await self.mina.post(f"/api/tickets/{ticket_id}/undo{query}")


async def meet(site: Site, mina: Person, **fields: object) -> Meeting:
    body = {"groupId": mina.group_id, **fields}
    meeting_id = (await mina.post("/api/meetings", json=body)).json()["meetingId"]
    await mina.patch(f"/api/meetings/{meeting_id}", json={"status": "LIVE"})
    room = await make_recording(meeting_id, mina.group_id, audio_id=f"room-{meeting_id}")
    return Meeting(site, mina, meeting_id, room)


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    return await meet(site, mina)


LOGIN = Draft(title="Fix the login page", evidence=(0,), confidence=0.9, reason="a request")
REPORT = Draft(title="Write the sales report", evidence=(1,), confidence=0.8)


async def test_a_passage_holds_all_recordings_by_time_with_members_and_board(
    site: Site, mina: Person
) -> None:
    meeting = await meet(site, mina, timeZone="Asia/Seoul", language="ko")
    await mina.patch(
        f"/api/groups/{mina.group_id}/members/{mina.user_id}", json={"nicknames": ["민아"]}
    )
    ticket = (
        await mina.post("/api/tickets", json={"title": "Old", "groupId": mina.group_id})
    ).json()
    hers = await make_recording(meeting.meeting_id, mina.group_id, user_id=mina.user_id)
    await meeting.say("첫째", "셋째")
    second = await say(hers, "둘째", at_ms=1_000, seq=0)

    passage = await meeting.board.load_passage(meeting.meeting_id)
    assert [(s.seq, s.text, s.start_ms, s.end_ms, s.speaker) for s in passage.segments] == [
        (0, "첫째", 0, 2_000, None),
        (1, "둘째", 1_000, 3_000, mina.user_id),
        (2, "셋째", 3_000, 5_000, None),
    ]
    assert passage.caption_ids[1] == second
    assert passage.language == "ko"
    assert passage.started_at.isoformat() == "2026-03-16T12:00:00+09:00"
    assert [(m.name, m.nicknames) for m in passage.members] == [("Mina", ("민아",))]
    assert [t.ticket_id for t in passage.existing_tickets] == [ticket["ticketId"]]


async def test_a_deleted_meeting_has_no_passage(meeting: Meeting) -> None:
    passage = await meeting.board.load_passage(meeting.meeting_id)
    await DB.fetch("DELETE FROM meetings WHERE id = $1", meeting.meeting_id)
    with pytest.raises(NotFound):
        await meeting.board.load_passage(meeting.meeting_id)
    with pytest.raises(NotFound):
        await meeting.board.apply(passage, Extraction(new_tickets=(LOGIN,)))
    assert await meeting.titles() == []


async def test_a_new_ticket_carries_its_receipt_and_event(meeting: Meeting) -> None:
    await meeting.say("Somebody has to fix the login page", "by Friday")
    draft = Draft(
        title="Fix the login page",
        content="It is broken.",
        assignee_id=UserId(meeting.mina.user_id),
        due=date(2026, 3, 20),
        evidence=(0, 1),
        confidence=0.9,
        reason="a request",
    )
    applied = await meeting.read(new_tickets=(draft,))
    [ticket] = await meeting.tickets()
    assert applied.created == (ticket["ticketId"],)
    assert (ticket["status"], ticket["assignee"], ticket["due"]) == ("TODO", "Mina", "2026-03-20")
    assert ticket["meetingId"] == meeting.meeting_id
    [entry] = await meeting.history(ticket["ticketId"])
    assert (entry["actor"], entry["kind"]) == ("machine", "created")
    passage = await meeting.board.load_passage(meeting.meeting_id)
    assert entry["receipt"] == {
        "quote": "Somebody has to fix the login page … by Friday",
        "captionIds": [str(c) for c in passage.caption_ids],
        "startMs": 0,
        "endMs": 5_000,
        "engine": "local",
        "confidence": 0.9,
        "reason": "a request",
        "model": "",
    }
    [event] = await events("ticket.created")
    assert event["ticket"]["ticketId"] == ticket["ticketId"]
    assert event["receipt"] == entry["receipt"]


async def test_the_same_reading_again_changes_nothing(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "write the sales report")
    found: dict[str, Any] = {
        "new_tickets": (LOGIN, REPORT),
        "blockers": (Blocker(evidence=(1,), about="no figures"),),
    }
    await meeting.read(**found)
    before = [await DB.fetch(f"SELECT * FROM {t} ORDER BY id") for t in TABLES]
    applied = await meeting.read(**found)
    assert (applied.created, applied.updated, applied.withdrawn) == ((), (), ())
    assert [await DB.fetch(f"SELECT * FROM {t} ORDER BY id") for t in TABLES] == before


TABLES = ("tickets", "ticket_history", "blockers", "outbox")


async def test_evidence_is_found_again_when_a_late_caption_comes_between(
    site: Site, meeting: Meeting
) -> None:
    await meeting.say("hello", "write the sales report")
    await meeting.read(new_tickets=(REPORT,))
    late = await make_recording(meeting.meeting_id, meeting.mina.group_id, audio_id="late")
    await say(late, "good morning", at_ms=500, seq=0)
    renamed = Draft(title="Prepare quarterly figures", evidence=(2,), confidence=0.8)
    applied = await meeting.read(new_tickets=(renamed,))
    assert applied.created == ()
    assert await meeting.titles() == ["Prepare quarterly figures"]


async def test_a_ticket_that_moves_says_why(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Fix the login page")
    await meeting.say("the login page is done")
    await meeting.read(ticket_updates=(moved(ticket_id, DONE),))
    [ticket] = await meeting.tickets()
    assert (ticket["status"], ticket["version"]) == ("DONE", 2)
    entry = (await meeting.history(ticket_id))[-1]
    assert (entry["before"], entry["after"]) == ({"status": "TODO"}, {"status": "DONE"})
    assert entry["receipt"]["quote"] == "the login page is done"
    [event] = await events("ticket.updated")
    assert (event["changed"], event["previousStatus"], event["actor"]) == (
        ["status"],
        "TODO",
        "machine",
    )


async def by_hand(meeting: Meeting, title: str) -> TicketId:
    body = {"title": title, "groupId": meeting.mina.group_id}
    answer = await meeting.mina.post("/api/tickets", json=body)
    meeting.site.clock.turn(timedelta(seconds=1))
    return TicketId(answer.json()["ticketId"])


def moved(ticket_id: str, status: TicketStatus, seq: int = 0) -> StatusIntent:
    return StatusIntent(
        ticket_id=TicketId(ticket_id), new_status=status, evidence=(seq,), confidence=0.9
    )


async def test_a_move_the_meeting_corrects_later_is_taken_back(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Fix the login page")
    await meeting.say("the login page is done")
    await meeting.read(ticket_updates=(moved(ticket_id, DONE),))
    await meeting.say("sorry, it is not")
    await meeting.read()
    assert [t["status"] for t in await meeting.tickets()] == ["TODO"]
    applied = await meeting.read()
    assert applied.updated == ()


async def test_a_ticket_the_meeting_takes_back_is_gone_and_comes_back_with_its_number(
    meeting: Meeting,
) -> None:
    await meeting.say("fix the login page", "no, never mind")
    [ticket_id] = (await meeting.read(new_tickets=(LOGIN,))).created
    assert (await meeting.read()).withdrawn == (ticket_id,)
    assert await meeting.titles() == []
    again = await meeting.read(new_tickets=(LOGIN,))
    assert (again.created, again.updated) == ((), (ticket_id,))
    assert [t["ticketId"] for t in await meeting.tickets()] == [ticket_id]
    assert (await meeting.read(new_tickets=(LOGIN,))).updated == ()


async def test_what_a_person_dismissed_stays_dismissed(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    [ticket_id] = (await meeting.read(new_tickets=(LOGIN,))).created
    await meeting.mina.delete(f"/api/tickets/{ticket_id}")
    applied = await meeting.read(new_tickets=(LOGIN,))
    assert (applied.created, [s.why for s in applied.skipped]) == ((), ["a human dismissed it"])
    assert await meeting.titles() == []


async def test_what_a_person_wrote_stays_while_the_rest_is_revised(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "and the sign-up page")
    [ticket_id] = (await meeting.read(new_tickets=(LOGIN,))).created
    meeting.site.clock.turn(timedelta(seconds=10))
    await meeting.mina.patch(f"/api/tickets/{ticket_id}", json={"title": "Repair login"})
    longer = Draft(
        title="Fix login and sign-up", content="Both pages.", evidence=(0, 1), confidence=0.9
    )
    await meeting.read(new_tickets=(longer,))
    [ticket] = await meeting.tickets()
    assert (ticket["title"], ticket["content"]) == ("Repair login", "Both pages.")
    assert ticket["humanEdited"] == ["title"]


async def test_an_undone_ticket_is_gone_and_stays_gone(meeting: Meeting) -> None:
    await meeting.say("fix the login page")
    [ticket_id] = (await meeting.read(new_tickets=(LOGIN,))).created
    assert (await meeting.undo(ticket_id)).json()["dismissed"] is True
    assert (await events("ticket.updated"))[-1]["deleted"] is True
    assert (await meeting.read(new_tickets=(LOGIN,))).created == ()
    assert await meeting.titles() == []


async def test_an_undone_move_is_restored_and_not_made_again(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Fix the login page")
    await meeting.say("the login page is done")
    found = {"ticket_updates": (moved(ticket_id, DONE),)}
    await meeting.read(**found)
    meeting.site.clock.turn(timedelta(minutes=1))
    assert (await meeting.undo(ticket_id)).json()["status"] == "TODO"
    applied = await meeting.read(**found)
    assert applied.updated == ()
    again = await meeting.undo(ticket_id)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_undo")


async def test_undo_is_refused_when_a_person_changed_the_field_since(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Fix the login page")
    await meeting.say("I started on the login page")
    await meeting.read(ticket_updates=(moved(ticket_id, IN_PROGRESS),))
    await meeting.mina.patch(f"/api/tickets/{ticket_id}", json={"status": "DONE"})
    answer = await meeting.undo(ticket_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_since")
    assert [t["status"] for t in await meeting.tickets()] == ["DONE"]


async def test_a_withdrawal_can_be_undone_and_the_ticket_then_stays(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "no, never mind")
    [ticket_id] = (await meeting.read(new_tickets=(LOGIN,))).created
    await meeting.read()
    assert (await meeting.undo(ticket_id)).json()["dismissed"] is False
    assert (await meeting.read()).withdrawn == ()
    assert await meeting.titles() == ["Fix the login page"]


async def test_a_stranger_is_never_assigned(site: Site, meeting: Meeting) -> None:
    jun = await site.person("Jun")
    await meeting.say("Jun fixes the login page")
    draft = Draft(title="Fix the login page", assignee_id=jun.user_id, evidence=(0,))
    await meeting.read(new_tickets=(draft,))
    assert [t["assigneeId"] for t in await meeting.tickets()] == [None]


async def test_readings_of_one_meeting_at_once_make_each_ticket_once(meeting: Meeting) -> None:
    await meeting.say("fix the login page", "write the sales report")
    passage = await meeting.board.load_passage(meeting.meeting_id)
    found = Extraction(new_tickets=(LOGIN, REPORT))
    await asyncio.gather(*(meeting.board.apply(passage, found) for _ in range(6)))
    assert await meeting.titles() == ["Fix the login page", "Write the sales report"]
    assert len(await events("ticket.created")) == 2


async def test_two_meetings_of_a_group_at_once_do_not_double_a_ticket(
    site: Site, mina: Person
) -> None:
    first, second = [await meet(site, mina) for _ in range(2)]
    for one in (first, second):
        await one.say("fix the login page")
    async with uncommitted(lambda: first.read(new_tickets=(LOGIN,))):
        reading = asyncio.create_task(second.read(new_tickets=(LOGIN,)))
    assert (await reading).created == ()
    assert await first.titles() == ["Fix the login page"]


async def test_a_change_by_hand_during_a_reading_is_not_lost(meeting: Meeting) -> None:
    """It is written before the machine decides, and committed only after."""
    ticket_id = await by_hand(meeting, "Fix the login page")
    await meeting.say("the login page is done")

    async def edit() -> None:
        await store.change(
            ticket_id,
            {"title": "Repair login", "status": IN_PROGRESS},
            user_id=meeting.mina.user_id,
            at=meeting.site.clock.now() + timedelta(hours=1),
        )

    async with uncommitted(edit):
        reading = asyncio.create_task(meeting.read(ticket_updates=(moved(ticket_id, DONE),)))
    await reading
    [ticket] = await meeting.tickets()
    assert (ticket["title"], ticket["status"]) == ("Repair login", "IN_PROGRESS")


async def test_changes_by_hand_and_readings_at_once_all_count(meeting: Meeting) -> None:
    await meeting.say(*(f"task {n} please" for n in range(8)))
    drafts = tuple(
        Draft(title=f"Prepare {name}", evidence=(n,), confidence=0.9)
        for n, name in enumerate(
            ["budget", "venue", "menu", "badges", "slides", "posters", "music", "parking"]
        )
    )
    await meeting.read(new_tickets=drafts)
    ids = [t["ticketId"] for t in await meeting.tickets()]
    changed = tuple(
        Draft(title=d.title, content=f"more on {d.title}", evidence=d.evidence, confidence=0.9)
        for d in drafts
    )
    answers = await asyncio.gather(
        meeting.read(new_tickets=changed),
        *(meeting.mina.patch(f"/api/tickets/{i}", json={"status": "IN_PROGRESS"}) for i in ids),
        meeting.read(new_tickets=changed),
    )
    assert [a.status_code for a in answers if not isinstance(a, Applied)] == [200] * 8
    tickets = await meeting.tickets()
    assert [t["ticketId"] for t in tickets] == ids
    assert {t["status"] for t in tickets} == {"IN_PROGRESS"}
    assert [t["content"] for t in tickets] == [f"more on {d.title}" for d in drafts]
    assert [t["version"] for t in tickets] == [3] * 8


async def test_blockers_follow_the_latest_reading(meeting: Meeting) -> None:
    await meeting.say("no access yet", "the server is down")
    access, server = (Blocker(evidence=(n,), about=a) for n, a in ((0, "access"), (1, "server")))
    await meeting.read(blockers=(access,))
    [first] = await DB.fetch("SELECT id FROM blockers")
    await meeting.read(blockers=(access, server))
    rows = await DB.fetch("SELECT id, about, start_ms, end_ms FROM blockers ORDER BY start_ms")
    assert [tuple(row)[1:] for row in rows] == [("access", 0, 2_000), ("server", 3_000, 5_000)]
    assert rows[0]["id"] == first["id"]
    await meeting.read(blockers=(server,))
    assert [r["about"] for r in await DB.fetch("SELECT about FROM blockers")] == ["server"]


async def test_a_blocker_is_told_once_when_it_is_first_noted(meeting: Meeting) -> None:
    await meeting.say("no access yet", "the server is down")
    access, server = (Blocker(evidence=(n,), about=a) for n, a in ((0, "access"), (1, "server")))
    await meeting.read(blockers=(access,))
    await meeting.read(blockers=(access, server))
    # Told in other words, it is what was heard before.
    await meeting.read(blockers=(Blocker(evidence=(0,), about="no access"), server))
    told = await events("blocker.noted")
    assert [(t["about"], t["startMs"], t["endMs"]) for t in told] == [
        ("access", 0, 2_000),
        ("server", 3_000, 5_000),
    ]
    captions = await DB.fetch("SELECT id FROM captions ORDER BY meeting_start_ms")
    assert [t["captionIds"] for t in told] == [[str(row["id"])] for row in captions]
    assert {(t["meetingId"], t["groupId"]) for t in told} == {
        (meeting.meeting_id, meeting.mina.group_id)
    }


async def test_minutes_name_the_tickets_as_they_are_on_the_board(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page please", "the new chairs are ordered, that is done")
    found = Extraction(
        new_tickets=(LOGIN,), ticket_updates=(moved(ticket_id, DONE, 1),), engine="local"
    )
    passage = await meeting.board.load_passage(meeting.meeting_id)
    await meeting.board.apply(passage, found)
    await meeting.board.write_minutes(passage, found)
    minutes = (await meeting.mina.get(f"/api/meetings/{meeting.meeting_id}/minutes")).json()
    assert (minutes["engine"], minutes["language"]) == ("local", "en")
    made = (await meeting.tickets())[1]["ticketId"]
    for piece in (made, "Fix the login page", ticket_id, "Order new chairs", "[00:03]"):
        assert piece in minutes["markdown"]


async def test_a_passage_from_elsewhere_is_refused(meeting: Meeting) -> None:
    from vori.tickets.messages import Passage

    passage = await meeting.board.load_passage(meeting.meeting_id)
    assert isinstance(passage, StoredPassage)
    bare = Passage(meeting_id=passage.meeting_id, started_at=passage.started_at, segments=())
    with pytest.raises(TypeError):
        await meeting.board.apply(bare, Extraction())


async def test_a_ticket_that_the_meeting_finished_is_not_made_anew(meeting: Meeting) -> None:
    ticket_id = await by_hand(meeting, "Fix the login page")
    await meeting.say("fix the login page, it is done")
    found = {"new_tickets": (LOGIN,), "ticket_updates": (moved(ticket_id, DONE),)}
    for _ in range(2):
        await meeting.read(**found)
    assert [(t["ticketId"], t["status"]) for t in await meeting.tickets()] == [(ticket_id, "DONE")]


TITLES = ["Fix the login page", "Write the sales report", "Order new chairs", "회의실 예약하기",
          "배포 스크립트 고치기", "Update the price list"]  # fmt: skip


def reading(chance: random.Random, known: list[str], heard: int) -> dict[str, Any]:
    """Anything an engine could have found in the meeting so far."""
    drafts = [
        Draft(
            title=title,
            content=chance.choice(["", "more"]),
            status=chance.choice([TODO, TODO, IN_PROGRESS, DONE]),
            due=chance.choice([None, date(2026, 3, 20)]),
            evidence=(seq,),
            confidence=0.9,
        )
        for seq, title in enumerate(TITLES[:heard])
        if chance.random() < 0.6
    ]
    moves = [
        moved(ticket_id, chance.choice(list(TicketStatus)), chance.randrange(heard))
        for ticket_id in known
        if chance.random() < 0.3
    ]
    return {"new_tickets": tuple(drafts), "ticket_updates": tuple(moves)}


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_people_do_in_between_a_reading_repeated_changes_nothing(
    site: Site, meeting: Meeting, seed: int
) -> None:
    chance = random.Random(seed)
    await meeting.say(*TITLES)
    by_people: dict[str, dict[str, Any]] = {}
    for title in ("Clean the office", "Fix the login page"):
        await by_hand(meeting, title)
    for step in range(25):
        site.clock.turn(timedelta(minutes=1))
        tickets = await meeting.tickets()
        chosen = chance.choice(tickets)["ticketId"] if tickets else None
        what = chance.choice(["read", "read", "title", "status", "dismiss", "undo"])
        if what == "read":
            found = reading(chance, [t["ticketId"] for t in tickets], heard=1 + step % len(TITLES))
            await meeting.read(**found)
            again = await meeting.read(**found)
            assert (again.created, again.updated, again.withdrawn) == ((), (), ()), step
        elif chosen and what in ("title", "status"):
            value = f"By hand {step}" if what == "title" else chance.choice(["TODO", "DONE"])
            before = await meeting.mina.get(f"/api/tickets/{chosen}")
            await meeting.mina.patch(f"/api/tickets/{chosen}", json={what: value})
            if before.json()[what] != value:
                by_people.setdefault(chosen, {})[what] = value
        elif chosen and what == "dismiss":
            await meeting.mina.delete(f"/api/tickets/{chosen}")
            by_people.pop(chosen, None)
        elif chosen and (await meeting.undo(chosen)).status_code == 200:
            by_people.pop(chosen, None)
        now = {t["ticketId"]: t for t in await meeting.tickets()}
        for ticket_id, fields in by_people.items():
            assert {name: now[ticket_id][name] for name in fields} == fields, step


@pytest.mark.parametrize("what", ["change", "dismiss", "undo"])
async def test_deleting_a_meeting_and_changing_its_ticket_wait_for_each_other(
    meeting: Meeting, what: str
) -> None:
    await meeting.say("fix the login page")
    await meeting.read(new_tickets=(LOGIN,))
    [ticket] = await meeting.tickets()
    path = f"/api/tickets/{ticket['ticketId']}"
    await DB.fetch("UPDATE meetings SET status = 'ENDED'")

    async def ask() -> Any:
        if what == "change":
            return await meeting.mina.patch(path, json={"title": "Another"})
        if what == "dismiss":
            return await meeting.mina.delete(path)
        return await meeting.mina.post(f"{path}/undo")

    held = asyncio.Event()

    async def deleting() -> None:
        async with transaction():
            await DB.fetch("SELECT 1 FROM meetings WHERE id = $1 FOR UPDATE", meeting.meeting_id)
            held.set()
            async with asyncio.timeout(60):
                while not await DB.fetch(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    " AND datname = current_database()"
                ):
                    await DB.fetch("SELECT pg_stat_clear_snapshot()")
            await DB.fetch("DELETE FROM meetings WHERE id = $1", meeting.meeting_id)

    gone = asyncio.create_task(deleting())
    await held.wait()
    answer = await ask()
    await gone
    assert answer.status_code in (200, 204, 409), answer.text
    assert "deadlock" not in answer.text
