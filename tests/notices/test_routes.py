"""What somebody is told about, on real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest

from vori.data.engine import DB

pytestmark = pytest.mark.postgres


async def told(person):
    answer = (await person.get("/api/notices")).json()
    return answer, [(one["kind"], one["title"]) for one in answer["items"]]


@pytest.fixture
async def joon(site, mina):
    return await site.person("Joon", mina.group_id)


async def test_what_others_do_with_my_tickets_is_told_to_me_and_not_to_them(site, mina, joon):
    made = await mina.post(
        "/api/tickets",
        json={"groupId": mina.group_id, "title": "Invoice", "assigneeId": joon.user_id},
    )
    ticket = f"/api/tickets/{made.json()['ticketId']}"
    site.clock.turn(timedelta(minutes=1))
    await mina.patch(ticket, json={"status": "DONE"})
    site.clock.turn(timedelta(minutes=1))
    await joon.patch(ticket, json={"status": "TODO"})  # my own doing
    answer, kinds = await told(joon)
    assert kinds == [("moved", "Invoice"), ("assigned", "Invoice")]
    assert answer["unread"] == 2
    assert answer["items"][0]["by"] == "Mina"
    assert answer["items"][0]["status"] == "DONE"
    assert (await told(mina))[1] == []


async def test_a_ticket_that_is_due_is_told_on_its_day(site, mina):
    await DB.fetch("UPDATE users SET time_zone = 'Asia/Seoul' WHERE id = $1", mina.user_id)
    today = site.clock.now().date()
    for title, due in (("Today", today), ("Tomorrow", today + timedelta(days=1))):
        body = {"groupId": mina.group_id, "title": title, "assigneeId": mina.user_id}
        await mina.post("/api/tickets", json=body | {"due": due.isoformat()})
    assert (await told(mina))[1] == [("due", "Today")]


async def test_a_meeting_that_another_began_is_told(site, mina, joon):
    made = await mina.post("/api/meetings", json={"groupId": mina.group_id, "title": "Weekly"})
    await mina.patch(f"/api/meetings/{made.json()['meetingId']}", json={"status": "LIVE"})
    assert (await told(joon))[1] == [("started", "Weekly")]
    assert (await told(mina))[1] == []


async def test_what_was_read_stays_read(site, mina, joon):
    body = {"groupId": mina.group_id, "title": "A", "assigneeId": joon.user_id}
    await mina.post("/api/tickets", json=body)
    answer, _ = await told(joon)
    at = answer["items"][0]["at"]
    assert (await joon.post("/api/notices/read", json={"until": at})).status_code == 204
    await joon.post("/api/notices/read", json={"until": "2020-01-01T00:00:00Z"})
    site.clock.turn(timedelta(minutes=1))
    await mina.post("/api/tickets", json=body | {"title": "B"})
    answer, _ = await told(joon)
    assert [(one["title"], one["isRead"]) for one in answer["items"]] == [
        ("B", False),
        ("A", True),
    ]
    assert answer["unread"] == 1


async def test_somebody_who_left_the_group_is_told_nothing_more(mina, joon):
    body = {"groupId": mina.group_id, "title": "A", "assigneeId": joon.user_id}
    await mina.post("/api/tickets", json=body)
    await mina.delete(f"/api/groups/{mina.group_id}/members/{joon.user_id}")
    assert (await told(joon))[1] == []


async def test_a_time_without_its_zone_is_refused(mina):
    answer = await mina.post("/api/notices/read", json={"until": "2026-03-16T03:00:00"})
    assert (answer.status_code, answer.json()["code"]) == (400, "no_time_zone")
