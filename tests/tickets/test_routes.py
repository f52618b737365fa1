import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.web_site import Person, Site, events, uncommitted
from vori.data.engine import transaction
from vori.ids import MeetingId, TicketId
from vori.tickets import store
from vori.tickets.messages import Receipt, TicketStatus

pytestmark = pytest.mark.postgres


async def make(person: Person, title: str = "Fix login", **fields: object) -> dict[str, Any]:
    body = {"title": title, "groupId": person.group_id, **fields}
    answer = await person.post("/api/tickets", json=body)
    assert answer.status_code == 201, answer.text
    ticket: dict[str, Any] = answer.json()
    return ticket


async def test_a_ticket_is_made_by_hand_and_announced(mina: Person) -> None:
    made = await make(
        mina, " 로그인 수정 ", content="빨리", assigneeId=mina.user_id, due="2026-03-20"
    )
    assert made["ticketId"].startswith("T-")
    assert (made["title"], made["content"], made["status"]) == ("로그인 수정", "빨리", "TODO")
    assert (made["assigneeId"], made["assignee"]) == (mina.user_id, "Mina")
    assert (made["version"], made["meetingId"]) == (1, None)
    assert made["humanEdited"] == ["title", "content", "assigneeId", "due"]
    assert (await mina.get(f"/api/tickets/{made['ticketId']}")).json() == made
    [event] = await events("ticket.created")
    assert (event["actor"], event["ticket"]["title"]) == ("human", "로그인 수정")


async def test_a_ticket_of_a_meeting_belongs_to_its_group(mina: Person) -> None:
    meeting = (await mina.post("/api/meetings", json={"groupId": mina.group_id})).json()
    other = (await mina.post("/api/groups", json={"name": "B"})).json()["groupId"]
    body = {"title": "t", "meetingId": meeting["meetingId"]}
    made = (await mina.post("/api/tickets", json=body)).json()
    assert made["groupId"] == mina.group_id
    listed = await mina.get(f"/api/meetings/{meeting['meetingId']}/tickets")
    assert [t["ticketId"] for t in listed.json()["items"]] == [made["ticketId"]]
    answer = await mina.post("/api/tickets", json=body | {"groupId": other})
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_group")


async def test_wrong_tickets_are_refused(site: Site, mina: Person) -> None:
    jun = await site.person("Jun")
    wrong: list[dict[str, object]] = [
        {},
        {"title": "t"},
        {"title": "", "groupId": mina.group_id},
        {"title": "  ", "groupId": mina.group_id},
        {"title": "x" * 201, "groupId": mina.group_id},
        {"title": "t", "content": "x" * 4001, "groupId": mina.group_id},
        {"title": "t", "status": "OPEN", "groupId": mina.group_id},
        {"title": "t", "due": "tomorrow", "groupId": mina.group_id},
        {"title": "t", "due": "2026-02-30", "groupId": mina.group_id},
        {"title": "t", "assigneeId": jun.user_id, "groupId": mina.group_id},
        {"title": "t", "assigneeId": 2**63, "groupId": mina.group_id},
        {"title": "t", "assignee": "Mina", "groupId": mina.group_id},
        {"title": "a\0b", "groupId": mina.group_id},
        {"title": ["t"], "groupId": mina.group_id},
    ]
    for body in wrong:
        answer = await mina.post("/api/tickets", json=body)
        assert answer.status_code == 400, body
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await mina.get("/api/tickets")).json()["items"] == []


async def test_a_change_by_hand_is_remembered_by_field(site: Site, mina: Person) -> None:
    path = f"/api/tickets/{(await make(mina))['ticketId']}"
    site.clock.turn(timedelta(minutes=1))
    body = {"status": "IN_PROGRESS", "due": "2026-04-01", "title": "Fix login"}
    changed = (await mina.patch(path, json=body)).json()
    assert (changed["status"], changed["due"], changed["version"]) == (
        "IN_PROGRESS",
        "2026-04-01",
        2,
    )
    assert changed["updatedAt"] > changed["createdAt"]
    created, entry = (await mina.get(f"{path}/history")).json()
    assert created["kind"] == "created"
    assert (entry["actor"], entry["userId"], entry["user"]) == ("human", mina.user_id, "Mina")
    assert entry["before"] == {"status": "TODO", "due": None}
    assert entry["after"] == {"status": "IN_PROGRESS", "due": "2026-04-01"}
    [event] = await events("ticket.updated")
    assert (event["changed"], event["previousStatus"]) == (["status", "due"], "TODO")


async def test_what_is_equal_already_is_no_change(mina: Person) -> None:
    ticket = await make(mina)
    for body in ({}, {"title": "Fix login"}, {"assigneeId": None}):
        answer = await mina.patch(f"/api/tickets/{ticket['ticketId']}", json=body)
        assert answer.json() == ticket
    assert await events("ticket.updated") == []


async def test_fields_are_cleared_by_null(mina: Person) -> None:
    ticket = await make(mina, assigneeId=mina.user_id, due="2026-03-20")
    path = f"/api/tickets/{ticket['ticketId']}"
    cleared = (await mina.patch(path, json={"assigneeId": None, "due": None})).json()
    assert (cleared["assigneeId"], cleared["assignee"], cleared["due"]) == (None, None, None)
    assert (await mina.patch(path, json={"title": None})).status_code == 400


async def test_of_two_changes_at_the_same_version_one_is_refused(site: Site, mina: Person) -> None:
    ticket_id = TicketId((await make(mina))["ticketId"])

    async def edit() -> None:
        await store.change(
            ticket_id, {"title": "First"}, user_id=mina.user_id, at=site.clock.now(), version=1
        )

    async with uncommitted(edit):
        body = {"title": "Second", "version": 1}
        changing = asyncio.create_task(mina.patch(f"/api/tickets/{ticket_id}", json=body))
    refused = (await changing).json()
    assert (refused["code"], refused["version"]) == ("version_conflict", 2)
    assert (await mina.get(f"/api/tickets/{ticket_id}")).json()["title"] == "First"


async def test_a_dismissed_ticket_looks_gone_and_can_be_brought_back(mina: Person) -> None:
    path = f"/api/tickets/{(await make(mina))['ticketId']}"
    assert (await mina.delete(path)).status_code == 204
    for answer in (
        await mina.get(path),
        await mina.delete(path),
        await mina.patch(path, json={"status": "DONE"}),
    ):
        assert answer.status_code == 404
    assert (await mina.get("/api/tickets")).json()["items"] == []
    assert (await events("ticket.updated"))[-1]["deleted"] is True
    entry = (await mina.get(f"{path}/history")).json()[-1]
    assert entry["kind"] == "dismissed"
    restored = await mina.post(f"{path}/undo?historyId={entry['historyId']}")
    assert restored.status_code == 200
    assert (await mina.get(path)).status_code == 200
    again = await mina.post(f"{path}/undo?historyId={entry['historyId']}")
    assert (again.status_code, again.json()["code"]) == (409, "already_undone")


async def test_an_undo_can_be_undone(mina: Person) -> None:
    path = f"/api/tickets/{(await make(mina))['ticketId']}"
    await mina.patch(path, json={"status": "DONE"})
    for expected in ("TODO", "DONE"):
        entry = (await mina.get(f"{path}/history")).json()[-1]
        answer = await mina.post(f"{path}/undo?historyId={entry['historyId']}")
        assert answer.json()["status"] == expected


async def test_undo_without_a_machine_s_change_is_a_conflict(mina: Person) -> None:
    path = f"/api/tickets/{(await make(mina))['ticketId']}"
    answer = await mina.post(f"{path}/undo")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_undo")
    nobody = await mina.post(f"{path}/undo?historyId=00000000-0000-7000-8000-000000000000")
    assert nobody.status_code == 404
    assert (await mina.post(f"{path}/undo?historyId=yesterday")).status_code == 400


async def test_another_ticket_s_change_cannot_be_undone_here(mina: Person) -> None:
    one, other = await make(mina), await make(mina, "Write report")
    await mina.patch(f"/api/tickets/{other['ticketId']}", json={"status": "DONE"})
    entry = (await mina.get(f"/api/tickets/{other['ticketId']}/history")).json()[-1]
    answer = await mina.post(f"/api/tickets/{one['ticketId']}/undo?historyId={entry['historyId']}")
    assert answer.status_code == 404


async def test_the_board_is_filtered(site: Site, mina: Person) -> None:
    jun = await site.person("Jun", mina.group_id)
    login = await make(mina, "Fix login", assigneeId=jun.user_id, due="2026-03-20")
    report = await make(mina, "보고서 100% 작성", status="IN_PROGRESS", due="2026-03-25")
    venue = await make(mina, "Book_a venue", status="DONE", content="for the 행사")
    names = {login["ticketId"]: "login", report["ticketId"]: "report", venue["ticketId"]: "venue"}

    async def listed(**query: object) -> list[str]:
        answer = await mina.get("/api/tickets", params=query)
        assert answer.status_code == 200, answer.text
        return [names[t["ticketId"]] for t in answer.json()["items"]]

    assert await listed() == ["venue", "report", "login"]
    assert await listed(status="DONE") == ["venue"]
    assert await listed(status=["TODO", "DONE"]) == ["venue", "login"]
    assert await listed(assigneeId=jun.user_id) == ["login"]
    assert await listed(q="LOGIN") == ["login"]
    assert await listed(q="보고서") == ["report"]
    assert await listed(q="행사") == ["venue"]
    assert await listed(q="%") == ["report"]
    assert await listed(q="_") == ["venue"]
    assert await listed(q="\\") == []
    assert await listed(q=venue["ticketId"]) == ["venue"]
    assert await listed(dueBefore="2026-03-20") == ["login"]
    assert await listed(dueAfter="2026-03-21") == ["report"]
    assert await listed(groupId=mina.group_id, meetingId=99) == []


async def test_a_meeting_lists_what_its_words_changed_besides_what_it_made(
    site: Site, mina: Person
) -> None:
    async def met() -> MeetingId:
        answer = await mina.post("/api/meetings", json={"groupId": mina.group_id})
        return MeetingId(answer.json()["meetingId"])

    here, elsewhere = await met(), await met()
    await make(mina, "made here", groupId=None, meetingId=here)
    moved = await make(mina, "moved here")
    await make(mina, "of no meeting")
    at = site.clock.now()
    said = Receipt(
        quote="It is done.",
        caption_ids=(),
        start_ms=0,
        end_ms=900,
        engine="local",
        confidence=0.9,
        reason="",
    )
    async with transaction():
        before = await store.locked(TicketId(moved["ticketId"]))
        done = {"status": TicketStatus.DONE}
        after = await store.set_fields(before, done, human_edited=(), at=at)
        kind = store.HistoryKind.UPDATED
        await store.record_change(before, after, kind, at=at, meeting_id=here, receipt=said)

    async def listed(**query: Any) -> list[str]:
        answer = await mina.get("/api/tickets", params=query)
        return [t["title"] for t in answer.json()["items"]]

    assert await listed(touchedIn=here) == ["moved here", "made here"]
    assert await listed(touchedIn=elsewhere) == []
    assert await listed(meetingId=here) == ["made here"]


async def test_pages_neither_repeat_nor_miss_while_tickets_are_made(
    site: Site, mina: Person
) -> None:
    ids = []
    for number in range(5):
        ids.append((await make(mina, f"t{number}"))["ticketId"])
        site.clock.turn(timedelta(minutes=number % 2))
    first = (await mina.get("/api/tickets?limit=2")).json()
    await make(mina, "newer")
    rest: list[str] = []
    cursor = first["nextCursor"]
    while cursor:
        page = (await mina.get(f"/api/tickets?limit=2&cursor={cursor}")).json()
        rest += [t["ticketId"] for t in page["items"]]
        cursor = page["nextCursor"]
    assert [t["ticketId"] for t in first["items"]] + rest == ids[::-1]


async def test_wrong_queries_and_ids_are_refused(mina: Person) -> None:
    for query in ("status=OPEN", "assigneeId=x", "dueAfter=soon", "limit=0", "cursor=x",
                  "groupId=9223372036854775808", "q=" + "x" * 201, "q=%00"):  # fmt: skip
        assert (await mina.get(f"/api/tickets?{query}")).status_code == 400, query
    for ticket_id in ("T-0", "T-", "7", "t-1", "T-1x", "T-" + "9" * 30, "T-١"):
        answer = await mina.get(f"/api/tickets/{ticket_id}")
        assert answer.status_code in (400, 404), ticket_id
    assert (await mina.get("/api/tickets/T-9999999999999999999")).status_code == 404
