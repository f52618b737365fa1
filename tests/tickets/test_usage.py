"""What readings cost, budgets, and what people are told about a reading."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tickets.test_board import LOGIN, Meeting, by_hand, meet, moved
from tests.web_site import Person, Site, events
from vori.data.engine import DB
from vori.ids import MeetingId
from vori.settings import Claude
from vori.tickets.messages import (
    Blocker,
    Extraction,
    Passage,
    Rejected,
    TicketStatus,
    Usage,
)
from vori.tickets.usage import Ledger, WithinBudget, _cost, cost_of

pytestmark = pytest.mark.postgres

TOKENS = Usage(input_tokens=600, output_tokens=300, cache_read_tokens=80, cache_write_tokens=20)
PRICES = Claude(input_price=2.0, output_price=10.0, cache_read_price=1.0, cache_write_price=4.0)
COST = (600 * 2 + 300 * 10 + 80 * 1 + 20 * 4) / 1e6


class Engine:
    """Finds nothing, at the price of `usage`."""

    def __init__(self, name: str, usage: Usage | None = None) -> None:
        self.name = name
        self.usage = usage
        self.read: list[MeetingId] = []

    async def extract(self, passage: Passage) -> Extraction:
        self.read.append(passage.meeting_id)
        return Extraction(engine=self.name, model="m", usage=self.usage, notes=("as it is",))


class Engines:
    def __init__(self, site: Site, prices: Claude = PRICES) -> None:
        self.hosted, self.local = Engine("claude", TOKENS), Engine("local")
        self.both = WithinBudget(self.hosted, self.local, Ledger(site.clock, prices))

    async def read(self, meeting: Meeting) -> Extraction:
        passage = await meeting.board.load_passage(meeting.meeting_id)
        extraction = await self.both.extract(passage)
        await meeting.board.apply(passage, extraction)
        await meeting.board.write_minutes(passage, extraction)
        return extraction


@pytest.fixture
async def meeting(site: Site, mina: Person) -> Meeting:
    meeting = await meet(site, mina)
    await meeting.say("hello there")
    return meeting


async def told(meeting: Meeting, part: str = "") -> dict[str, Any]:
    answer = await meeting.mina.get(f"/api/meetings/{meeting.meeting_id}{part}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def month(person: Person) -> dict[str, Any]:
    body: dict[str, Any] = (await person.get(f"/api/groups/{person.group_id}/usage")).json()
    return body


async def budget(person: Person, **changes: object) -> None:
    answer = await person.patch(f"/api/groups/{person.group_id}", json=changes)
    assert answer.status_code == 200, answer.text


# ------------------------------------------------------------------ cost


def test_a_cost_is_unknown_while_a_price_that_counts_is_not_set() -> None:
    assert cost_of(TOKENS, PRICES) == pytest.approx(COST)
    assert cost_of(TOKENS, Claude()) is None
    assert cost_of(TOKENS, Claude(input_price=2.0, output_price=10.0)) is None
    uncached = Usage(input_tokens=1_000_000)
    assert cost_of(uncached, Claude(input_price=2.5, output_price=1.0)) == 2.5


async def test_every_reading_of_a_meeting_is_counted(site: Site, meeting: Meeting) -> None:
    engines = Engines(site)
    for _ in range(2):
        await engines.read(meeting)
    reading = await told(meeting, "/reading")
    assert (reading["engine"], reading["model"]) == ("claude", "m")
    assert reading["usage"] == {
        "inputTokens": 1_200,
        "outputTokens": 600,
        "cacheReadTokens": 160,
        "cacheWriteTokens": 40,
    }
    assert reading["cost"] == pytest.approx(2 * COST)
    spent = await month(meeting.mina)
    assert (spent["tokens"], spent["isSpent"]) == (2_000, False)
    assert spent["cost"] == pytest.approx(2 * COST)


def test_a_sum_of_costs_is_told_without_the_tail_of_binary_fractions() -> None:
    sums = {"readings": 2, "priced": 2, "known_cost": 0.0028499999999999997}
    assert _cost(sums) == 0.00285


async def test_without_prices_the_cost_is_null(site: Site, meeting: Meeting) -> None:
    await Engines(site, Claude()).read(meeting)
    assert (await told(meeting, "/reading"))["cost"] is None
    spent = await month(meeting.mina)
    assert (spent["tokens"], spent["cost"]) == (1_000, None)
    await Engines(site).read(meeting)
    assert (await month(meeting.mina))["cost"] is None


async def test_a_meeting_that_nobody_read_cost_nothing(meeting: Meeting) -> None:
    reading = await told(meeting, "/reading")
    assert (reading["engine"], reading["cost"], reading["notes"]) == ("", None, [])
    assert set(reading["usage"].values()) == {0}


async def test_a_deleted_meeting_s_tokens_stay_spent(site: Site, meeting: Meeting) -> None:
    await Engines(site).read(meeting)
    await meeting.mina.post(f"/api/meetings/{meeting.meeting_id}/end")
    await meeting.mina.delete(f"/api/meetings/{meeting.meeting_id}")
    assert (await month(meeting.mina))["tokens"] == 1_000
    assert await DB.fetch("SELECT 1 FROM readings") == []


# ------------------------------------------------------------------ budgets


@pytest.mark.parametrize("limit", [{"budgetTokens": 2_000}, {"budgetCost": 2 * COST}])
async def test_once_the_budget_is_spent_the_local_engine_reads_until_next_month(
    site: Site, meeting: Meeting, limit: dict[str, float]
) -> None:
    await budget(meeting.mina, **limit)
    engines = Engines(site)
    read_by = [(await engines.read(meeting)).engine for _ in range(4)]
    assert read_by == ["claude", "claude", "local", "local"]
    [note, _] = (await told(meeting))["notes"]
    assert "budget for this month is spent" in note
    assert f"> {note}" in (await told(meeting, "/minutes"))["markdown"]
    assert (await month(meeting.mina))["isSpent"] is True
    site.clock.turn(datetime(2026, 4, 1, tzinfo=UTC) - site.clock.now() - timedelta(seconds=1))
    assert (await engines.read(meeting)).engine == "local"
    site.clock.turn(timedelta(seconds=1))
    assert (await engines.read(meeting)).engine == "claude"
    assert (await month(meeting.mina))["tokens"] == 1_000


async def test_a_budget_of_nothing_lets_nothing_through_and_none_all(
    site: Site, meeting: Meeting
) -> None:
    engines = Engines(site)
    await budget(meeting.mina, budgetTokens=0)
    assert (await engines.read(meeting)).engine == "local"
    assert engines.hosted.read == []
    await budget(meeting.mina, budgetTokens=None)
    assert (await engines.read(meeting)).engine == "claude"


async def test_a_budget_in_money_without_prices_lets_nothing_through(
    site: Site, meeting: Meeting
) -> None:
    await budget(meeting.mina, budgetCost=100)
    extraction = await Engines(site, Claude()).read(meeting)
    assert extraction.engine == "local"
    assert "prices of tokens are not set" in extraction.notes[0]


async def test_one_group_s_spending_is_not_another_s(site: Site, meeting: Meeting) -> None:
    jun = await site.person("Jun")
    other = await meet(site, jun, language="ko")
    for person in (meeting.mina, jun):
        await budget(person, budgetTokens=1_000)
    engines = Engines(site)
    await engines.read(meeting)
    assert (await engines.read(meeting)).engine == "local"
    assert (await engines.read(other)).engine == "claude"
    assert (await engines.read(other)).notes[0].startswith("이번 달 예산을 다 써서")


async def test_the_local_engine_alone_is_not_wrapped(site: Site) -> None:
    local = Engine("local")
    assert WithinBudget.unless_local(local, local, Ledger(site.clock, PRICES)) is local


# ------------------------------------------------------------------ notes


async def test_notes_and_what_was_rejected_are_those_of_the_last_reading(
    meeting: Meeting,
) -> None:
    assert (await told(meeting))["notes"] == []
    await meeting.read(
        notes=("Claude was away.",), rejected=(Rejected(item="T-99", why="no such ticket"),)
    )
    assert (await told(meeting))["notes"] == ["Claude was away."]
    reading = await told(meeting, "/reading")
    assert reading["rejected"] == [{"item": "T-99", "why": "no such ticket"}]
    listed = (await meeting.mina.get("/api/meetings")).json()["items"]
    assert [one["notes"] for one in listed] == [["Claude was away."]]
    await meeting.read()
    assert (await told(meeting))["notes"] == []
    assert (await told(meeting, "/reading"))["rejected"] == []


# ------------------------------------------------------------------ minutes anew


async def rewrite(meeting: Meeting, **body: object) -> Any:
    path = f"/api/meetings/{meeting.meeting_id}/minutes"
    return await meeting.mina.post(path, json=body) if body else await meeting.mina.post(path)


async def test_minutes_are_written_anew_of_the_tickets_as_they_are(
    site: Site, mina: Person
) -> None:
    meeting = await meet(site, mina)
    chairs = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page please", "the chairs are ordered", "no access yet")
    found = Extraction(
        engine="claude",
        model="m",
        new_tickets=(LOGIN,),
        ticket_updates=(moved(chairs, TicketStatus.DONE, 1),),
        blockers=(Blocker(evidence=(2,), about="no access"),),
        notes=("Cut off.",),
    )
    passage = await meeting.board.load_passage(meeting.meeting_id)
    await meeting.board.apply(passage, found)
    await meeting.board.write_minutes(passage, found)
    first = await told(meeting, "/minutes")
    assert (await rewrite(meeting)).json()["markdown"] == first["markdown"]
    await mina.patch("/api/tickets/T-2", json={"title": "Repair login"})
    answer = await rewrite(meeting)
    assert answer.status_code == 200, answer.text
    text = answer.json()
    assert (text["engine"], text["model"], text["language"]) == ("claude", "m", "en")
    for piece in ("Repair login", "Order new chairs", "no access", "[00:06]", "> Cut off."):
        assert piece in text["markdown"]
    assert await told(meeting, "/minutes") == text
    korean = (await rewrite(meeting, language="ko")).json()
    assert korean["language"] == "ko"
    assert korean["markdown"].startswith("# 회의록")
    assert [e["language"] for e in await events("meeting.summary")] == ["en", "en", "ko"]


async def test_minutes_tell_what_waits_for_a_decision(site: Site, mina: Person) -> None:
    await mina.patch(f"/api/groups/{mina.group_id}", json={"policy": "propose"})
    meeting = await meet(site, mina)
    chairs = await by_hand(meeting, "Order new chairs")
    await meeting.say("fix the login page please", "the chairs are ordered")
    update = moved(chairs, TicketStatus.DONE, 1)
    create, move = (await meeting.read(new_tickets=(LOGIN,), ticket_updates=(update,))).proposed
    text = (await rewrite(meeting)).json()["markdown"]
    section = text.split("## Proposed, not decided yet")[1].split("##")[0]
    assert "**Fix the login page** — nobody yet, to do [00:00]" in section
    assert f"**{chairs} Order new chairs** → done [00:03]" in section
    await mina.post(f"/api/proposals/{create}/accept")
    await mina.post(f"/api/proposals/{move}/dismiss")
    text = (await rewrite(meeting)).json()["markdown"]
    assert "Proposed" not in text
    assert "**T-2 Fix the login page**" in text.split("## New tickets")[1].split("##")[0]


async def test_a_text_that_a_person_edited_is_replaced_only_on_demand(meeting: Meeting) -> None:
    path = f"/api/meetings/{meeting.meeting_id}/minutes"
    await meeting.mina.patch(path, json={"markdown": "# mine"})
    refused = await rewrite(meeting)
    assert (refused.status_code, refused.json()["code"]) == (409, "minutes_edited")
    assert (await told(meeting, "/minutes"))["markdown"] == "# mine"
    text = (await rewrite(meeting, replace=True)).json()
    assert text["editedBy"] is None
    assert text["markdown"].startswith("# Minutes")
    assert (await rewrite(meeting)).status_code == 200


async def test_a_wrong_wish_for_minutes_is_named(meeting: Meeting) -> None:
    for wrong in ({"language": "fr"}, {"replace": "yes"}, {"lang": "ko"}):
        answer = await rewrite(meeting, **wrong)
        assert answer.status_code == 400, wrong
        assert [error["field"] for error in answer.json()["errors"]] == list(wrong)
