"""A meeting read as it is spoken comes to the same board as one that is read whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.tickets.test_board import Meeting, meet
from tests.web_site import Person, Site
from vori.data.engine import DB
from vori.ids import uuid7
from vori.tickets.case import read_case
from vori.tickets.extract.local import read
from vori.tickets.live import LiveReading, Spoken
from vori.tickets.messages import Passage

CASES = Path(__file__).parents[2] / "benchmarks" / "cases"


def spoken(passage: Passage) -> list[Spoken]:
    return [
        Spoken(
            caption_id=uuid7(),
            text=s.text,
            start_ms=s.start_ms,
            end_ms=s.end_ms,
            speaker=s.speaker,
        )
        for s in passage.segments
    ]


@pytest.mark.parametrize("name", ["en-site-standup", "ko-warehouse", "mx-data-startup"])
def test_heard_caption_by_caption_a_meeting_asks_for_what_it_asks_for_whole(name: str) -> None:
    passage = read_case((CASES / f"{name}.json").read_bytes())
    empty = replace(passage, segments=())
    reading = LiveReading(empty, ())
    for caption in spoken(passage):
        reading.hear([caption])
    live, whole = reading.whole(), read(passage)
    assert {d.title for d in live.new_tickets} >= {d.title for d in whole.new_tickets}
    assert {(u.ticket_id, u.new_status) for u in live.ticket_updates} == {
        (u.ticket_id, u.new_status) for u in whole.ticket_updates
    }


def test_a_caption_that_comes_twice_changes_nothing() -> None:
    passage = read_case((CASES / "en-site-standup.json").read_bytes())
    captions = spoken(passage)
    reading = LiveReading(replace(passage, segments=()), ())
    for caption in captions:
        reading.hear([caption])
    assert reading.hear(captions) is None


def test_a_part_holds_only_what_the_new_words_change() -> None:
    passage = read_case((CASES / "en-site-standup.json").read_bytes())
    captions = spoken(passage)
    reading = LiveReading(replace(passage, segments=()), ())
    sizes = []
    for caption in captions:
        part = reading.hear([caption])
        if part is not None:
            sizes.append(len(part.segments))
            assert [s.seq for s in part.segments] == list(range(len(part.segments)))
    assert sizes
    assert max(sizes) <= 8


# ------------------------------------------------------------------ on the board


async def say_all(meeting: Meeting, passage: Passage) -> list[Spoken]:
    """The passage's captions in the database, none of them read yet."""
    await meeting.say(*(s.text for s in passage.segments))
    rows = await DB.fetch(
        "SELECT id AS caption_id, text, meeting_start_ms AS start_ms,"
        " meeting_start_ms + end_ms - start_ms AS end_ms FROM captions WHERE meeting_id = $1"
        " ORDER BY meeting_start_ms, seq",
        meeting.meeting_id,
    )
    return [Spoken(**row) for row in rows]


async def board_of(meeting: Meeting) -> list[tuple[str, str, str | None]]:
    return [(t["title"], t["status"], t["due"]) for t in await meeting.tickets()]


async def prepare(meeting: Meeting, passage: Passage) -> None:
    for known in passage.existing_tickets:
        made = (
            await meeting.mina.post(
                "/api/tickets", json={"title": known.title, "groupId": meeting.mina.group_id}
            )
        ).json()
        await DB.fetch(
            "UPDATE tickets SET status = $2, content = $3 WHERE id = $1",
            made["ticketId"],
            known.status.value,
            known.content,
        )


async def listen(meeting: Meeting, captions: list[Spoken]) -> None:
    """Hear the captions one by one, as the worker does."""
    whole = await meeting.board.load_passage(meeting.meeting_id)
    empty = replace(whole, segments=(), caption_ids=())
    reading = LiveReading(empty, ())
    for caption in captions:
        part = reading.hear([caption])
        if part is not None:
            await meeting.board.apply_part(empty, part)


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["en-vet-clinic", "ko-warehouse"])
@pytest.mark.parametrize("policy", ["auto", "propose"])
async def test_a_meeting_heard_live_ends_on_the_board_of_one_that_was_read_whole(
    site: Site, mina: Person, name: str, policy: str
) -> None:
    passage = read_case((CASES / f"{name}.json").read_bytes())
    await mina.patch(f"/api/groups/{mina.group_id}", json={"policy": policy})
    meeting = await meet(site, mina, language=passage.language)
    await prepare(meeting, passage)
    captions = await say_all(meeting, passage)
    await listen(meeting, captions)
    ids = {t["title"]: t["ticketId"] for t in await meeting.tickets()}
    heard = await board_of(meeting)
    proposed = await open_proposals(meeting)
    assert len(heard) > len(passage.existing_tickets) or proposed

    stored = await meeting.board.load_passage(meeting.meeting_id)
    await meeting.board.apply(stored, read(stored))
    ended = await board_of(meeting)
    again = await meeting.board.load_passage(meeting.meeting_id)
    applied = await meeting.board.apply(again, read(again))
    assert (applied.created, applied.updated, applied.withdrawn, applied.proposed) == (
        (),
        (),
        (),
        (),
    )
    assert await board_of(meeting) == ended
    # What had been heard right keeps its id.
    for ticket in await meeting.tickets():
        assert ids.get(ticket["title"], ticket["ticketId"]) == ticket["ticketId"]
    if policy == "auto":
        assert set(heard) >= {one for one in ended if one in heard}
        assert len([one for one in ended if one in heard]) >= 0.8 * len(ended)
    else:
        assert len(await open_proposals(meeting)) == pytest.approx(len(proposed), abs=1)


async def open_proposals(meeting: Meeting) -> list[dict[str, Any]]:
    answer = await meeting.mina.get(
        "/api/proposals", params={"meetingId": meeting.meeting_id, "state": "OPEN"}
    )
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def stored_captions() -> list[Spoken]:
    """Every caption as the live reading hears it, by time."""
    rows = await DB.fetch(
        "SELECT id, text, meeting_start_ms FROM captions ORDER BY meeting_start_ms"
    )
    return [
        Spoken(
            caption_id=row["id"],
            text=row["text"],
            start_ms=row["meeting_start_ms"],
            end_ms=row["meeting_start_ms"] + 2_000,
        )
        for row in rows
    ]


@pytest.mark.postgres
async def test_later_words_take_back_what_earlier_words_made(site: Site, mina: Person) -> None:
    meeting = await meet(site, mina, language="en")
    await meeting.say(
        "I'll order the new carpet for the hall by Friday.",
        "Actually no, let's not do that, forget the carpet, it's too expensive.",
    )
    captions = await stored_captions()
    await listen(meeting, captions[:1])
    assert len(await meeting.titles()) == 1
    whole = await meeting.board.load_passage(meeting.meeting_id)
    empty = replace(whole, segments=(), caption_ids=())
    reading = LiveReading(empty, ())
    for caption in captions:
        part = reading.hear([caption])
        if part is not None:
            await meeting.board.apply_part(empty, part)
    assert await meeting.titles() == []


@pytest.mark.postgres
async def test_a_ticket_edited_by_hand_meanwhile_stays_as_it_is(site: Site, mina: Person) -> None:
    meeting = await meet(site, mina, language="en")
    await meeting.say("I'll order the new carpet.", "I'll order the carpet by Friday for the hall.")
    captions = await stored_captions()
    whole = await meeting.board.load_passage(meeting.meeting_id)
    empty = replace(whole, segments=(), caption_ids=())
    reading = LiveReading(empty, ())
    part = reading.hear(captions[:1])
    assert part is not None
    await meeting.board.apply_part(empty, part)
    [ticket] = await meeting.tickets()
    await mina.patch(f"/api/tickets/{ticket['ticketId']}", json={"title": "Carpet (Mina's words)"})
    part = reading.hear(captions[1:])
    assert part is not None
    await meeting.board.apply_part(empty, part)
    [ticket] = await meeting.tickets()
    assert ticket["title"] == "Carpet (Mina's words)"
    assert ticket["due"] == "2026-03-20"
