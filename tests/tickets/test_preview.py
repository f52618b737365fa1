"""What a version of a recording would change on the board, on a real database and the local engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.tickets.test_board import Meeting, meet
from tests.web_site import Person, Site, make_recording, say
from vori.data.engine import DB, transaction
from vori.errors import NotFound
from vori.ids import CaptionId, GroupId, MeetingId, TicketId, uuid7
from vori.people.messages import Principal, Role
from vori.tickets.board import StoredPassage, TicketBoard
from vori.tickets.decide import Decision, Withdraw
from vori.tickets.extract.local import LocalExtractor
from vori.tickets.messages import Extraction
from vori.tickets.preview import tickets_difference_route, told
from vori.transcribe import versions
from vori.transcribe.versions import Origin, VersionCaption

pytestmark = pytest.mark.postgres

BEFORE = [
    "Mina, can you fix the login page by Friday?",
    "Sure, I will do it.",
    "And somebody should order new chairs, I will take that.",
]
AFTER = [
    "Mina, can you fix the login page by Thursday?",
    "Sure, I will do it.",
    "And somebody should draw new charts, I will take that.",
]


class Draft:
    """A meeting that was read, and another version of its words that waits."""

    def __init__(self, meeting: Meeting, recording: UUID, number: int) -> None:
        self.meeting = meeting
        self.recording = recording
        self.number = number
        self.board = TicketBoard(meeting.site.clock)

    async def preview(self, number: int | None = None) -> dict[str, Any]:
        route = tickets_difference_route(self.board, LocalExtractor(), versions.as_if_applied)
        mina = self.meeting.mina
        found = await route.fn(
            principal=Principal(
                user_id=mina.user_id, name="Mina", roles={GroupId(mina.group_id): Role.ADMIN}
            ),
            meeting_id=self.meeting.meeting_id,
            recording_id=self.recording,
            number=self.number if number is None else number,
        )
        told: dict[str, Any] = msgspec.to_builtins(found)
        return told

    async def read(self) -> None:
        passage = await self.board.load_passage(self.meeting.meeting_id)
        await self.board.apply(passage, await LocalExtractor().extract(passage))


@pytest.fixture
async def draft(site: Site, mina: Person) -> Draft:
    meeting = await meet(site, mina)
    await meeting.say(*BEFORE)
    await DB.fetch("UPDATE recordings SET status = 'COMPLETE'")
    [row] = await DB.fetch("SELECT id FROM recordings")
    async with transaction():
        number = await versions.begin_draft(
            row["id"], origin=Origin.AGAIN, language=None, created_by=None, at=site.clock.now()
        )
        captions = [
            VersionCaption(
                caption_id=CaptionId(uuid7()),
                seq=seq,
                text=text,
                language="en",
                start_ms=3_000 * seq + 100,
                end_ms=3_000 * seq + 2_100,
                meeting_start_ms=3_000 * seq + 100,
                speaker_id=None,
                words=(),
            )
            for seq, text in enumerate(AFTER)
        ]
        await versions.extend_draft(row["id"], number, captions, at=site.clock.now())
    made = Draft(meeting, row["id"], number)
    await made.read()
    return made


async def test_the_difference_is_told_and_nothing_is_stored(draft: Draft) -> None:
    tickets = {ticket["title"]: ticket for ticket in await draft.meeting.tickets()}
    assert len(tickets) == 2
    [login] = [ticket for title, ticket in tickets.items() if "login" in title.lower()]
    before = await DB.fetch("SELECT count(*) AS n FROM outbox")
    told = await draft.preview()
    assert told["engine"] == "local"
    [due] = [one for one in told["changed"] if "due" in one["after"]]
    assert (due["ticketId"], due["before"]["due"]) == (login["ticketId"], login["due"])
    assert due["after"]["due"] < due["before"]["due"]
    assert "Thursday" in due["words"]["quote"]
    titles = [one["title"].lower() for one in told["made"]]
    titles += [one["after"].get("title", "").lower() for one in told["changed"]]
    assert any("charts" in title for title in titles)
    assert [ticket["title"] for ticket in await draft.meeting.tickets()] == [*tickets]
    assert await DB.fetch("SELECT count(*) AS n FROM outbox") == before
    assert [v.state.value for v in await versions.versions(draft.meeting.meeting_id)] == [
        "DRAFT",
        "CURRENT",
    ]


async def test_applying_it_changes_what_was_told_and_makes_no_ticket_twice(draft: Draft) -> None:
    told = await draft.preview()
    count = len(await draft.meeting.tickets())
    await versions.apply(draft.meeting.meeting_id, draft.recording, draft.number)
    await draft.read()
    tickets = await draft.meeting.tickets()
    assert len(tickets) == count + len(told["made"]) - len(told["takenBack"])
    for one in told["changed"]:
        [ticket] = [t for t in tickets if t["ticketId"] == one["ticketId"]]
        assert {name: ticket[name] for name in one["after"]} == one["after"]
    again = await draft.preview()
    assert not any(again[kind] for kind in ("made", "changed", "takenBack"))


async def test_a_version_that_is_not_there_is_not_found(draft: Draft) -> None:
    with pytest.raises(NotFound):
        await draft.preview(99)
    route = tickets_difference_route(draft.board, LocalExtractor(), versions.as_if_applied)
    with pytest.raises(NotFound):
        await route.fn(
            principal=Principal(user_id=draft.meeting.mina.user_id, name="stranger"),
            meeting_id=MeetingId(draft.meeting.meeting_id),
            recording_id=draft.recording,
            number=draft.number,
        )


async def test_a_task_that_a_second_microphone_hears_better_stays_one_ticket(
    site: Site, mina: Person
) -> None:
    meeting = await meet(site, mina)
    board = TicketBoard(site.clock)
    own = await make_recording(
        meeting.meeting_id, mina.group_id, audio_id="own", user_id=mina.user_id
    )

    async def read() -> list[dict[str, Any]]:
        async with transaction():
            await versions.mark_duplicates(meeting.meeting_id)
        passage = await board.load_passage(meeting.meeting_id)
        await board.apply(passage, await LocalExtractor().extract(passage))
        return await meeting.tickets()

    await meeting.say("I will fix the login page by Friday.")
    [first] = await read()
    better = await say(own, "I will fix the login page by Friday.", at_ms=200, seq=0)
    [second] = await read()
    assert second["ticketId"] == first["ticketId"]
    assert second["assigneeId"] == mina.user_id, "her own microphone says who speaks"
    history = await meeting.history(second["ticketId"])
    cited = [caption for entry in history for caption in entry["receipt"]["captionIds"]]
    assert str(better) in cited
    assert len(await read()) == 1


def test_a_ticket_that_left_the_board_meanwhile_is_passed_over() -> None:
    gone = Withdraw(ticket_id=TicketId("T-1"), why="nobody asks for it any more")
    began = datetime(2026, 3, 16, 10, tzinfo=UTC)
    passage = StoredPassage(
        meeting_id=MeetingId(1), group_id=GroupId(1), started_at=began, segments=()
    )
    difference = told(Decision(withdrawals=(gone,)), {}, passage, Extraction())
    assert difference.taken_back == ()
