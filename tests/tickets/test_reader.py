"""When meetings are read: soon after words came, at their end, and after long silence."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from vori.clock import TurnedClock
from vori.errors import NotFound, Unavailable
from vori.ids import MeetingId, TicketId
from vori.settings import Tickets
from vori.tickets import reader
from vori.tickets.decide import Decision, OpenTicket
from vori.tickets.live import HeardPassage, LiveReading, Part, Spoken
from vori.tickets.messages import Extraction, Passage
from vori.tickets.reader import TicketReader
from vori.worker import State

NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)
MEETING = MeetingId(7)


class Board:
    """Notes what is asked of it; meetings in `gone` were deleted."""

    def __init__(self) -> None:
        self.applied: list[tuple[MeetingId, str]] = []
        self.minutes: list[tuple[MeetingId, str]] = []
        self.gone: set[MeetingId] = set()
        self.read_elsewhere: set[MeetingId] = set()
        self.ended: set[MeetingId] = set()
        self.failures: list[Exception] = []
        self.was_applied = asyncio.Event()
        self.parts: list[Part] = []
        self.loaded = 0
        self.mark = 1

    async def is_live(self, meeting_id: MeetingId) -> bool:
        return meeting_id not in self.ended

    @contextlib.asynccontextmanager
    async def hold_reading(self, meeting_id: MeetingId, *, wait: bool) -> AsyncIterator[bool]:
        yield wait or meeting_id not in self.read_elsewhere

    async def load_passage(self, meeting_id: MeetingId) -> HeardPassage:
        if meeting_id in self.gone:
            raise NotFound("gone")
        self.loaded += 1
        return HeardPassage(meeting_id=meeting_id, started_at=NOON, segments=())

    async def read_by_other(self, meeting_id: MeetingId) -> datetime | None:
        return None

    async def preview(
        self, passage: Passage, extraction: Extraction
    ) -> tuple[Decision, dict[TicketId, OpenTicket]]:
        return Decision(), {}

    async def apply_part(self, passage: Passage, part: Part, *, read_at: datetime | None) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.parts.append(part)
        self.was_applied.set()

    async def board_mark(self, passage: Passage) -> int:
        return self.mark

    async def apply(self, passage: Passage, extraction: Extraction) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.applied.append((passage.meeting_id, extraction.engine))
        self.was_applied.set()

    async def write_minutes(self, passage: Passage, extraction: Extraction) -> None:
        self.minutes.append((passage.meeting_id, extraction.engine))


class Engine:
    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: tuple[str, ...] = ()

    async def extract(self, passage: Passage) -> Extraction:
        return Extraction(engine=self.name, notes=self.notes)


class Room:
    def __init__(self, *, live: bool = True, listens: bool = False) -> None:
        self.board = Board()
        self.silent: list[MeetingId] = []
        self.ended: list[MeetingId] = []
        self.asked_before: list[datetime] = []
        self.careful = Engine("careful")
        self.reader = TicketReader(
            self.board,
            Engine("quick"),
            self.careful,
            self._fallen_silent,
            self._end,
            settings=Tickets(live=live, live_interval_s=0.01, end_after_s=90),
            clock=TurnedClock(NOON),
            listen=LiveReading if listens else None,
        )

    async def _fallen_silent(
        self, now: datetime, *, gone: timedelta, unheard: timedelta
    ) -> list[MeetingId]:
        self.asked_before.append(now - gone)
        silent, self.silent = self.silent, []
        return silent

    async def _end(self, meeting_id: MeetingId) -> None:
        self.ended.append(meeting_id)


@contextlib.asynccontextmanager
async def running(room: Room) -> AsyncIterator[None]:
    async with asyncio.timeout(60), room.reader.lifespan():
        yield


async def test_many_captions_make_one_reading_and_later_ones_another() -> None:
    room = Room()
    async with running(room):
        for _ in range(20):
            await room.reader.captions_came(MEETING)
        await room.board.was_applied.wait()
        assert room.board.applied == [(MEETING, "quick")]
        room.board.was_applied.clear()
        await room.reader.captions_came(MEETING)
        await room.board.was_applied.wait()
    assert room.board.applied == [(MEETING, "quick")] * 2
    assert room.board.minutes == []


async def test_live_reading_can_be_switched_off() -> None:
    room = Room(live=False)
    async with running(room):
        await room.reader.captions_came(MEETING)
        assert room.reader.health().detail["due"] == 0


async def test_ended_meeting_is_read_by_the_careful_engine_with_minutes() -> None:
    room = Room()
    async with running(room):
        await room.reader.meeting_ended(MEETING)
    assert room.board.applied == [(MEETING, "careful")]
    assert room.board.minutes == [(MEETING, "careful")]


async def test_words_read_late_do_not_undo_what_the_careful_engine_found() -> None:
    room = Room()
    async with running(room):
        await room.reader.captions_came(MEETING)
        room.board.ended = {MEETING}
        await room.reader.meeting_ended(MEETING)
        while room.reader.health().detail["due"]:
            await asyncio.sleep(0.001)
    assert room.board.applied == [(MEETING, "careful")]


async def test_health_counts_readings_that_people_should_know_of() -> None:
    room = Room()
    async with running(room):
        await room.reader.meeting_ended(MEETING)
        assert "withNotes" not in room.reader.health().detail
        room.careful.notes = ("Claude was away.",)
        await room.reader.meeting_ended(MEETING)
    assert room.reader.health().detail["withNotes"] == 1


async def test_deleted_meeting_is_passed_over() -> None:
    room = Room()
    room.board.gone = {MEETING}
    async with running(room):
        await room.reader.meeting_ended(MEETING)
    assert room.board.applied == []


async def test_failed_live_reading_is_told_and_the_next_one_mends_it() -> None:
    room = Room()
    room.board.failures = [Unavailable("no database", code="database_away")]
    async with running(room):
        await room.reader.captions_came(MEETING)
        while not room.reader.health().message:
            await asyncio.sleep(0.001)
        assert room.reader.health().state is State.DEGRADED
        assert "database_away" in room.reader.health().message
        await room.reader.captions_came(MEETING)
        await room.board.was_applied.wait()
        while room.reader.health().message:
            await asyncio.sleep(0.001)
    assert room.reader.health().state is State.OK


async def test_failed_reading_of_an_ended_meeting_is_raised_so_that_it_comes_again() -> None:
    room = Room()
    room.board.failures = [Unavailable("no database", code="database_away")]
    async with running(room):
        with pytest.raises(Unavailable):
            await room.reader.meeting_ended(MEETING)
        await room.reader.meeting_ended(MEETING)
    assert room.board.minutes == [(MEETING, "careful")]


async def test_meeting_silent_for_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "POLL_S", 0.01)
    room = Room()
    room.silent = [MEETING]
    async with running(room):
        while not room.ended:
            await asyncio.sleep(0.001)
    assert room.ended == [MEETING]
    assert (NOON - room.asked_before[0]).total_seconds() == 90


def promise(number: int) -> Spoken:
    things = ("the red carpet", "a taller ladder", "the lorry permit", "forty copper pipes")
    return Spoken(
        caption_id=UUID(int=number),
        text=f"I'll order {things[number]} by Friday.",
        start_ms=5_000 * number,
        end_ms=5_000 * number + 3_000,
    )


async def test_a_running_meeting_is_loaded_once_and_then_heard_caption_by_caption() -> None:
    room = Room(listens=True)
    async with running(room):
        await room.reader.captions_came(MEETING, promise(0))
        await room.board.was_applied.wait()
        for number in (1, 2):
            room.board.was_applied.clear()
            await room.reader.captions_came(MEETING, promise(number))
            await room.board.was_applied.wait()
    assert room.board.loaded == 1
    assert room.board.applied == [(MEETING, "local")]
    made = [d.title for part in room.board.parts for d in part.extraction.new_tickets]
    assert made == ["Order a taller ladder", "Order the lorry permit"]


async def test_a_meeting_is_read_anew_when_the_board_or_its_captions_are_others_now() -> None:
    room = Room(listens=True)
    async with running(room):
        await room.reader.captions_came(MEETING, promise(0))
        await room.board.was_applied.wait()
        room.board.was_applied.clear()
        room.board.mark = 2
        await room.reader.captions_came(MEETING, promise(1))
        await room.board.was_applied.wait()
        assert room.board.loaded == 2
        room.board.was_applied.clear()
        await room.reader.captions_came(MEETING)
        await room.board.was_applied.wait()
    assert room.board.loaded == 3
    assert room.board.parts == []


async def test_after_a_failed_part_all_is_read_again() -> None:
    room = Room(listens=True)
    async with running(room):
        await room.reader.captions_came(MEETING, promise(0))
        await room.board.was_applied.wait()
        room.board.was_applied.clear()
        room.board.failures.append(Unavailable("away", code="database_away"))
        await room.reader.captions_came(MEETING, promise(1))
        await room.reader.captions_came(MEETING, promise(2))
        async with asyncio.timeout(60):
            while room.board.failures:
                await asyncio.sleep(0)
        await room.reader.captions_came(MEETING, promise(3))
        await room.board.was_applied.wait()
    assert room.board.loaded == 2
