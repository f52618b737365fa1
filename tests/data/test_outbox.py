from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from vori.data import outbox
from vori.data.engine import DB, transaction
from vori.data.outbox import Position, first_time, publish
from vori.errors import BadMessage
from vori.ids import EventId, GroupId, MeetingId, uuid7
from vori.meetings.messages import MeetingCreated, MeetingStatus
from vori.people.tables import Group
from vori.streams.topics import TOPICS

pytestmark = pytest.mark.postgres

ALL = frozenset(topic.name for topic in TOPICS)


def created(meeting_id: int = 1, title: str = "주간 회의") -> MeetingCreated:
    return MeetingCreated(
        event_id=EventId(uuid7()),
        meeting_id=MeetingId(meeting_id),
        group_id=GroupId(1),
        title=title,
        status=MeetingStatus.SCHEDULED,
        created_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
    )


@pytest.fixture
async def reader(database):
    connection = await outbox.open_reader()
    yield connection
    await outbox.close_reader(connection)


async def test_an_event_is_stored_with_the_rows_it_tells_of_or_not_at_all(reader):
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await Group(name="lost").save()
            await publish(created())
            raise ZeroDivisionError
    async with transaction():
        await Group(name="kept").save()
        event = created()
        await publish(event)
    rows, _ = await outbox.read(reader, Position(), topics=ALL, limit=10)
    assert [(row.topic, row.key, row.event_id) for row in rows] == [
        ("meeting.created", "1", event.event_id)
    ]
    assert '"title":"주간 회의"' in rows[0].payload


async def test_publishing_outside_a_transaction_is_refused(database):
    with pytest.raises(RuntimeError, match="inside the transaction"):
        await publish(created())


async def test_the_same_event_cannot_be_published_twice(database):
    event = created()
    async with transaction():
        await publish(event)
    with pytest.raises(asyncpg.UniqueViolationError):
        async with transaction():
            await publish(event)


@pytest.mark.parametrize("text", ["a\0b", "half \udc00"], ids=["nul", "surrogate"])
async def test_an_event_with_text_that_cannot_be_stored_is_refused(database, text):
    with pytest.raises(BadMessage) as bad:
        async with transaction():
            await publish(created(title=text))
    assert bad.value.code == "bad_text"


async def test_readers_are_told_after_the_commit_and_only_then(database):
    told = []
    stop = DB.on_published(lambda: told.append(1))
    async with transaction():
        await publish(created(), created())
        assert told == []
    assert told == [1]
    async with transaction():
        await Group(name="no event").save()
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await publish(created())
            raise ZeroDivisionError
    stop()
    async with transaction():
        await publish(created())
    assert told == [1]


async def test_an_event_committed_late_is_not_overtaken(reader):
    """The first writer has the lower id and commits last: an id cursor would lose its event."""
    first_wrote, second_is_done = asyncio.Event(), asyncio.Event()

    async def slow():
        async with transaction():
            await publish(created(title="slow"))
            first_wrote.set()
            await second_is_done.wait()

    writing = asyncio.create_task(slow())
    await first_wrote.wait()
    async with transaction():
        await publish(created(title="fast"))
    rows, at = await outbox.read(reader, Position(), topics=ALL, limit=10)
    assert (rows, at) == ([], Position())
    second_is_done.set()
    await writing
    rows, _ = await outbox.read(reader, at, topics=ALL, limit=10)
    assert len(rows) == 2


async def test_writers_at_once_lose_no_event_and_keep_each_key_in_order(database_url):
    """Twelve writers and a reader that never stops; beside it one that goes by `id` alone.

    That the other one does lose events shows that this run could have: one at least, of a writer
    that commits when later ids have been read.
    """
    writers, events = 12, 40
    await DB.open(database_url, pool_size=writers + 4)
    chance = random.Random(7)
    done, was_overtaken = asyncio.Event(), asyncio.Event()
    late_id = 2**63

    async def write_late() -> None:
        nonlocal late_id
        async with transaction():
            await publish(created(writers, "0"))
            late_id = (await DB.fetch("SELECT max(id) AS id FROM outbox"))[0]["id"]
            await was_overtaken.wait()

    async def write(key: int) -> None:
        for number in range(events):
            async with transaction():
                if chance.random() < 0.5:
                    await Group(name="takes the xid before the id").save()
                await publish(created(key, str(number)))
                for _ in range(chance.randrange(4)):
                    await DB.fetch("SELECT 1")

    async def read() -> list[outbox.Row]:
        connection = await outbox.open_reader()
        got, at = [], Position()
        while True:
            last = done.is_set()
            rows, at = await outbox.read(connection, at, topics=ALL, limit=7)
            got += rows
            if last and not rows:
                await outbox.close_reader(connection)
                return got

    async def read_by_id() -> int:
        got, at = 0, 0
        while not done.is_set():
            rows = await DB.fetch("SELECT id FROM outbox WHERE id > $1 ORDER BY id LIMIT 7", at)
            got, at = got + len(rows), rows[-1]["id"] if rows else at
            if at > late_id:
                was_overtaken.set()
        return got + (await DB.fetch("SELECT count(*) FROM outbox WHERE id > $1", at))[0][0]

    try:
        reading, reading_by_id = asyncio.create_task(read()), asyncio.create_task(read_by_id())
        await asyncio.gather(write_late(), *(write(key) for key in range(writers)))
        done.set()
        rows, by_id = await reading, await reading_by_id
    finally:
        await DB.close()
    total = writers * events + 1
    assert by_id < total
    assert len({row.event_id for row in rows}) == len(rows) == total
    for key in range(writers):
        titles = [msgspec.json.decode(row.payload)["title"] for row in rows if row.key == str(key)]
        assert titles == [str(number) for number in range(events)]


async def test_rows_of_other_topics_are_passed_over_and_move_the_position(reader):
    async with transaction():
        await publish(created(), created())
    rows, at = await outbox.read(reader, Position(), topics=frozenset({"ticket.created"}), limit=9)
    assert rows == []
    assert at > Position()


async def test_the_newest_position_is_behind_all_that_is_there(reader):
    async with transaction():
        await publish(created())
    at = await outbox.newest(reader)
    async with transaction():
        await publish(created(title="new"))
    rows, _ = await outbox.read(reader, at, topics=ALL, limit=9)
    assert ["new" in row.payload for row in rows] == [True]


async def test_first_time_is_remembered_with_the_transaction(database):
    event_id = uuid7()
    with pytest.raises(RuntimeError):
        await first_time("tickets", event_id)
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            assert await first_time("tickets", event_id)
            raise ZeroDivisionError
    async with transaction():
        assert await first_time("tickets", event_id)
        assert not await first_time("tickets", event_id)
        assert await first_time("analytics", event_id)


async def test_only_what_is_old_and_read_by_every_sink_is_pruned(reader):
    async with transaction():
        await publish(*(created(title=str(number)) for number in range(4)))
    rows, end = await outbox.read(reader, Position(), topics=ALL, limit=9)
    await DB.fetch("UPDATE outbox SET created_at = now() - interval '8 days'")
    assert await outbox.prune(timedelta(days=7)) == 0
    await outbox.save_cursor(reader, "fast", end)
    await outbox.save_cursor(reader, "slow", rows[1].position)
    assert await outbox.prune(timedelta(days=9)) == 0
    assert await outbox.prune(timedelta(days=7)) == 2
    await DB.fetch(
        "UPDATE relay_cursors SET updated_at = now() - interval '29 days' WHERE sink = 'slow'"
    )
    assert await outbox.prune(timedelta(days=7)) == 2


async def test_an_outbox_loaded_from_another_server_is_read_on_where_each_sink_was(reader):
    async with transaction():
        await publish(*(created(title=title) for title in "abc"))
    await DB.fetch("UPDATE outbox SET xid = '900000000'::xid8")
    [first, second, third] = [
        row["id"] for row in await DB.fetch("SELECT id FROM outbox ORDER BY 1")
    ]
    for sink, at in (("new", first - 1), ("one", first), ("two", second), ("all", third)):
        await outbox.save_cursor(reader, sink, Position(900_000_000, at))
    assert (await outbox.read(reader, Position(), topics=ALL, limit=9))[0] == []
    await outbox.adopt_restored()

    async def read_by(sink):
        after = await outbox.load_cursor(reader, sink)
        rows, _ = await outbox.read(reader, after, topics=ALL, limit=9)
        return [msgspec.json.decode(row.payload)["title"] for row in rows]

    assert await read_by("new") == ["a", "b", "c"]
    assert await read_by("one") == ["b", "c"]
    assert await read_by("two") == ["c"]
    assert await read_by("all") == []
    async with transaction():
        await publish(created(title="d"))
    assert await read_by("all") == ["d"]
    await outbox.adopt_restored()
    assert await read_by("one") == ["b", "c", "d"]
