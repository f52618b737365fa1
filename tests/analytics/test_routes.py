from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web_site import NOON, make_recording, say
from vori.analytics.productivity import productivity
from vori.data.engine import DB
from vori.ids import uuid7
from vori.people.messages import Role

pytestmark = pytest.mark.postgres

MONDAY = datetime(2026, 3, 9, tzinfo=UTC)


async def made_meeting(person) -> int:
    answer = await person.post("/api/meetings", json={"groupId": person.group_id, "title": "주간"})
    return answer.json()["meetingId"]


async def add_window(meeting_id, group_id, minute, *, made=0, moved=0, blockers=0, captions=1):
    start = NOON + timedelta(minutes=minute)
    await DB.fetch(
        "INSERT INTO analytics_windows (meeting_id, window_start, window_end, group_id,"
        " tickets_made, status_updates, blockers, ticket_changes, captions, productivity)"
        " VALUES ($1, $2, $3, $4, $5::int, $6::int, $7, $5::int + $6::int, $8, $9)",
        meeting_id,
        start,
        start + timedelta(minutes=1),
        group_id,
        made,
        moved,
        blockers,
        captions,
        productivity(work=made + moved, blockers=blockers, minutes=1),
    )


async def add_insight(group_id, *, kind="bottleneck", at=NOON, meeting_ids=()):
    await DB.fetch(
        "INSERT INTO analytics_insights (insight_id, group_id, kind, period_start, period_end,"
        " text, numbers, sample, meeting_ids, computed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, 9, $8, $9)",
        uuid7(),
        group_id,
        kind,
        MONDAY,
        MONDAY + timedelta(days=7),
        {"en": "Tickets wait.", "ko": "티켓이 밀립니다."},
        {"hours": 30.5},
        list(meeting_ids),
        at,
    )


async def test_a_meeting_is_told_minute_by_minute_and_as_a_whole(site, mina):
    meeting_id = await made_meeting(mina)
    await add_window(meeting_id, mina.group_id, 1, captions=4)
    await add_window(meeting_id, mina.group_id, 0, made=2, moved=1, blockers=1)
    told = (await mina.get(f"/api/analytics/meetings/{meeting_id}/realtime")).json()
    assert [w["window"]["start"] for w in told["windows"]] == [
        "2026-03-16T03:00:00Z",
        "2026-03-16T03:01:00Z",
    ]
    assert told["actionableItemsCount"] == 2
    assert told["statusUpdatesCount"] == 1
    assert told["blockersMentioned"] == 1
    assert told["captions"] == 5
    assert told["productivityScore"] == pytest.approx(3 / (3 + 1 + 2 / 5))
    first = told["windows"][0]
    assert first["productivityScore"] == pytest.approx(3 / (3 + 1 + 1 / 5))
    assert (first["ticketCount"], first["actionableTickets"], first["closed"]) == (3, 2, False)


async def test_a_meeting_nothing_was_counted_of_is_empty_not_absent(site, mina):
    meeting_id = await made_meeting(mina)
    told = (await mina.get(f"/api/analytics/meetings/{meeting_id}/realtime")).json()
    assert (told["windows"], told["productivityScore"], told["keywords"]) == ([], 0, [])
    patterns = (await mina.get(f"/api/analytics/meetings/{meeting_id}/ticket-patterns")).json()
    assert (patterns["tickets"], patterns["completionRate"], patterns["hoursToDone"]) == (
        0,
        None,
        None,
    )


async def test_ticket_patterns_follow_what_became_of_the_tickets(site, mina):
    meeting_id = await made_meeting(mina)
    for title, more in (("Pay", {"assigneeId": mina.user_id}), ("Plan", {"due": "2026-03-20"})):
        made = await mina.post(
            "/api/tickets", json={"title": title, "meetingId": meeting_id, **more}
        )
        assert made.status_code == 201, made.text
    ticket_id = made.json()["ticketId"]
    site.clock.turn(timedelta(hours=3))
    await mina.patch(f"/api/tickets/{ticket_id}", json={"status": "DONE"})
    recording = await make_recording(meeting_id, mina.group_id)
    await say(recording, "We wait for the vendor.", at_ms=5_000, seq=0)
    await DB.fetch(
        "INSERT INTO blockers (id, meeting_id, group_id, about, start_ms, end_ms)"
        " VALUES ($1, $2, $3, 'vendor', 5000, 7000)",
        uuid7(),
        meeting_id,
        mina.group_id,
    )
    told = (await mina.get(f"/api/analytics/meetings/{meeting_id}/ticket-patterns")).json()
    assert told["byStatus"] == [
        {"status": "TODO", "tickets": 1},
        {"status": "IN_PROGRESS", "tickets": 0},
        {"status": "DONE", "tickets": 1},
    ]
    assert (told["assignedShare"], told["dueShare"], told["completionRate"]) == (0.5, 0.5, 0.5)
    assert told["hoursToDone"] == 3.0
    [move] = told["moves"]
    assert (move["ticketId"], move["fromStatus"], move["toStatus"]) == (ticket_id, "TODO", "DONE")
    assert told["blockers"] == [{"about": "vendor", "startMs": 5000, "endMs": 7000}]


async def test_the_best_hour_is_named_only_with_enough_meetings(site, mina):
    async def hour(at, meetings, mean):
        await DB.fetch(
            "INSERT INTO analytics_hours VALUES ($1, $2, $3, $4, 0.05)",
            mina.group_id,
            at,
            meetings,
            mean,
        )

    path = f"/api/analytics/productivity/hourly?groupId={mina.group_id}"
    await hour(9, 7, 0.9)
    told = (await mina.get(path)).json()
    assert (told["best"], told["needed"]) == (None, 8)
    await hour(14, 20, 0.6)
    await hour(16, 20, 0.3)
    best = (await mina.get(path)).json()["best"]
    assert (best["hour"], best["meetings"]) == (14, 20)
    assert best["lowest"] == pytest.approx(0.6 - 2.093 * 0.05 / 20**0.5, abs=1e-4)
    assert best["sure"] is True


async def test_weeks_come_newest_first_and_groups_side_by_side(site, mina):
    for week, meetings, mean in ((0, 4, 0.4), (1, 12, 0.6)):
        start = MONDAY + timedelta(days=7 * week)
        await DB.fetch(
            "INSERT INTO analytics_trends VALUES ($1, $2, $3, $4, $5, 2, 1, 0, 10, 0.5, 30,"
            " $6, 'IN_PROGRESS')",
            mina.group_id,
            start,
            start + timedelta(days=7),
            meetings,
            mean,
            [{"status": "IN_PROGRESS", "hours": 20.0, "stays": 8}],
        )
    told = (await mina.get(f"/api/analytics/groups/{mina.group_id}/trends?weeks=1")).json()
    [trend] = told["trends"]
    assert trend["period"]["start"] == "2026-03-16T00:00:00Z"
    assert (trend["meetingCount"], trend["avgProductivity"]) == (12, 0.6)
    assert (trend["bottleneck"], trend["timeInStatus"][0]["hours"]) == ("IN_PROGRESS", 20.0)
    [standing] = (await mina.get("/api/analytics/groups")).json()
    assert standing["meetingCount"] == 16
    assert standing["avgProductivity"] == pytest.approx(0.55)
    assert standing["completionRate"] == 0.5


async def test_insights_come_in_the_language_asked_for_and_page_by_page(site, mina):
    meeting_id = await made_meeting(mina)
    await add_insight(mina.group_id, meeting_ids=[meeting_id, 999])
    await add_insight(mina.group_id, kind="best_hour")
    await add_insight(mina.group_id, at=NOON - timedelta(days=1))
    page = (await mina.get("/api/analytics/insights?language=ko&limit=2")).json()
    assert [i["text"] for i in page["items"]] == ["티켓이 밀립니다."] * 2
    rest = (await mina.get(f"/api/analytics/insights?cursor={page['nextCursor']}")).json()
    assert len(rest["items"]) == 1
    assert "nextCursor" not in rest or rest["nextCursor"] is None
    found = (await mina.get("/api/analytics/insights?kind=bottleneck")).json()["items"]
    assert {tuple(i["meetingIds"]) for i in found} == {(meeting_id,), ()}
    assert found[0]["numbers"] == {"hours": 30.5}


async def test_keywords_are_those_of_a_meeting_or_of_a_group(site, mina):
    meeting_id = await made_meeting(mina)
    await DB.fetch("INSERT INTO analytics_meeting_keywords VALUES ($1, '결제', 2.5, 4)", meeting_id)
    await DB.fetch(
        "INSERT INTO analytics_group_keywords VALUES ($1, 'gateway', 1.5, 9, 3, 2)", mina.group_id
    )
    [of_meeting] = (await mina.get(f"/api/analytics/keywords?meetingId={meeting_id}")).json()
    assert (of_meeting["term"], of_meeting["count"]) == ("결제", 4)
    [of_group] = (await mina.get(f"/api/analytics/keywords?groupId={mina.group_id}")).json()
    assert (of_group["term"], of_group["meetings"], of_group["countBefore"]) == ("gateway", 3, 2)
    neither = await mina.get("/api/analytics/keywords")
    assert (neither.status_code, neither.json()["code"]) == (400, "group_or_meeting")


async def test_topics_name_their_meetings_that_are_left(site, mina):
    meeting_id = await made_meeting(mina)
    await DB.fetch(
        "INSERT INTO analytics_topics VALUES ($1, '결제 · 배포', '{결제,배포}', 0.5, $2)",
        mina.group_id,
        [meeting_id, 404],
    )
    [topic] = (await mina.get(f"/api/analytics/topics?groupId={mina.group_id}")).json()
    assert topic == {
        "name": "결제 · 배포",
        "words": ["결제", "배포"],
        "share": 0.5,
        "meetingIds": [meeting_id],
    }


async def test_strangers_see_no_number_of_a_group(site, mina):
    meeting_id = await made_meeting(mina)
    await add_insight(mina.group_id)
    stranger = await site.person("Stranger")
    for path in (
        f"meetings/{meeting_id}/realtime",
        f"meetings/{meeting_id}/ticket-patterns",
        f"productivity/hourly?groupId={mina.group_id}",
        f"groups/{mina.group_id}/trends",
        f"insights?groupId={mina.group_id}",
        f"keywords?groupId={mina.group_id}",
        f"keywords?meetingId={meeting_id}",
        f"topics?groupId={mina.group_id}",
    ):
        assert (await stranger.get(f"/api/analytics/{path}")).status_code == 404, path
    assert (await stranger.get("/api/analytics/insights")).json()["items"] == []
    assert [g["groupId"] for g in (await stranger.get("/api/analytics/groups")).json()] == [
        stranger.group_id
    ]
    member = await site.person("Member", mina.group_id, Role.MEMBER)
    assert (await member.get(f"/api/analytics/meetings/{meeting_id}/realtime")).status_code == 200


async def test_what_was_counted_of_a_meeting_goes_with_it(site, mina):
    meeting_id = await made_meeting(mina)
    await add_window(meeting_id, mina.group_id, 0)
    assert (await mina.delete(f"/api/meetings/{meeting_id}")).status_code == 204
    assert await DB.fetch("SELECT 1 FROM analytics_windows") == []
