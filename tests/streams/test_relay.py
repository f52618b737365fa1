"""The road, with a real outbox."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest

from vori.data import outbox
from vori.data.embedded import Embedded
from vori.data.engine import DB, transaction
from vori.data.migrate import migrate
from vori.data.outbox import publish
from vori.data.tables import DeadLetter
from vori.errors import BadMessage, Conflict, NotFound, Unavailable
from vori.ids import EventId, GroupId, MeetingId, uuid7
from vori.meetings.messages import MeetingCreated, MeetingStatus
from vori.people.tables import Group
from vori.streams import relay
from vori.streams.relay import Consumer, Relay, Road
from vori.streams.topics import DEAD_LETTER, MEETING_CREATED, MEETING_UPDATED
from vori.worker import State

pytestmark = pytest.mark.postgres


def created(meeting_id: int = 1, title: str = "") -> MeetingCreated:
    return MeetingCreated(
        event_id=EventId(uuid7()),
        meeting_id=MeetingId(meeting_id),
        group_id=GroupId(1),
        title=title,
        status=MeetingStatus.SCHEDULED,
        created_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
    )


async def tell(*events) -> None:
    async with transaction():
        await publish(*events)


class Told:
    """A handler that remembers titles, and that one can wait for."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self._changed = asyncio.Event()

    async def __call__(self, event) -> None:
        self.titles.append(event.title)
        self._changed.set()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(120):
            while len(self.titles) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.titles


async def until(condition) -> None:
    """For what the database alone knows: ask it again and again."""
    async with asyncio.timeout(120):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(relay, "POLL_S", 0.02)
    monkeypatch.setattr(relay, "STANDBY_S", 0.02)
    monkeypatch.setattr(relay, "MEASURE_S", 0.0)
    monkeypatch.setattr(relay, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(relay, "LONGEST_WAIT_S", 0.01)


async def test_a_commit_wakes_the_road_at_once(database, monkeypatch):
    monkeypatch.setattr(relay, "POLL_S", 3600)
    told, road = Told(), Road()
    road.subscribe("titles", [MEETING_CREATED], told)
    async with road.lifespan():
        await tell(created(title="one"))
        await told.until(1)
        await tell(created(title="two"))
        assert await told.until(2) == ["one", "two"]


async def test_what_another_process_published_is_found_by_asking(database, quick):
    told, road = Told(), Road()
    road.subscribe("titles", [MEETING_CREATED], told)
    DB.wake = lambda: None
    try:
        async with road.lifespan():
            await tell(created(title="quiet"))
            assert await told.until(1) == ["quiet"]
    finally:
        del DB.wake


async def test_only_the_topics_asked_for_arrive(database, quick):
    told, other, road = Told(), Told(), Road()
    road.subscribe("created", [MEETING_CREATED], told)
    road.subscribe("updated", [MEETING_UPDATED], other)
    async with road.lifespan():
        await tell(created(title="one"))
        await told.until(1)
        await until_read("updated")
    assert other.titles == []


async def until_read(consumer: str) -> None:
    """Until the consumer's cursor is behind everything."""

    async def at_the_end() -> bool:
        return bool(
            await DB.fetch(
                "SELECT 1 FROM relay_cursors WHERE sink = $1 AND (xid, id) >= "
                "(SELECT xid, id FROM outbox ORDER BY xid DESC, id DESC LIMIT 1)",
                consumer,
            )
        )

    await until(at_the_end)


async def test_a_new_start_goes_on_where_the_last_one_stopped(database, quick):
    for title in ("first", "second"):
        told, road = Told(), Road()
        road.subscribe("titles", [MEETING_CREATED], told)
        async with road.lifespan():
            await tell(created(title=title))
            await told.until(1)
            await until_read("titles")
        assert told.titles == [title]


async def test_each_key_keeps_its_order_and_holds_up_no_other(database, quick):
    release, told = asyncio.Event(), Told()

    async def handler(event) -> None:
        if event.title == "1-0":
            await release.wait()
        await told(event)

    road = Road()
    road.subscribe("keys", [MEETING_CREATED], handler)
    await tell(*(created(key, f"{key}-{n}") for n in range(20) for key in (1, 2, 3)))
    async with road.lifespan():
        got = set(await told.until(40))
        assert got == {f"{key}-{n}" for n in range(20) for key in (2, 3)}
        release.set()
        await told.until(60)
    for key in (1, 2, 3):
        assert [title for title in told.titles if title.startswith(f"{key}-")] == [
            f"{key}-{n}" for n in range(20)
        ]


async def test_a_consumer_that_fails_for_good_is_set_aside_and_holds_up_nobody(database, quick):
    tries = Counter()
    told, well = Told(), Told()

    async def handler(event) -> None:
        tries[event.title] += 1
        if event.title == "poison":
            raise ZeroDivisionError("no way")
        await told(event)

    road = Road()
    road.subscribe("shaky", [MEETING_CREATED], handler)
    road.subscribe("well", [MEETING_CREATED], well)
    await tell(created(title="before"), created(title="poison"), created(title="after"))
    async with road.lifespan():
        assert await told.until(2) == ["before", "after"]
        assert await well.until(3) == ["before", "poison", "after"]
        detail = road.health().detail
    assert tries["poison"] == relay.ATTEMPTS
    assert detail["shaky"]["deadLetters"] == 1
    assert detail["shaky"]["failures"] == relay.ATTEMPTS
    [letter] = await DeadLetter.objects()
    assert (letter.topic, letter.key, letter.consumer) == ("meeting.created", "1", "shaky")
    assert letter.reason == "ZeroDivisionError: no way"
    assert msgspec.json.decode(letter.payload)["title"] == "poison"


async def test_a_consumer_that_fails_for_a_while_gets_the_event_again(database, quick):
    told, tries = Told(), []

    async def handler(event) -> None:
        tries.append(1)
        if len(tries) < relay.ATTEMPTS:
            raise ZeroDivisionError
        await told(event)

    road = Road()
    road.subscribe("shaky", [MEETING_CREATED], handler)
    async with road.lifespan():
        await tell(created(title="at last"))
        await told.until(1)
    assert await DeadLetter.count() == 0


async def test_unavailable_is_waited_out_for_as_long_as_it_takes(database, quick):
    told, tries = Told(), []

    async def handler(event) -> None:
        tries.append(1)
        if len(tries) < 5 * relay.ATTEMPTS:
            raise Unavailable("the hub is away")
        await told(event)

    road = Road()
    road.subscribe("patient", [MEETING_CREATED], handler)
    async with road.lifespan():
        await tell(created(title="at last"))
        await told.until(1)
    assert await DeadLetter.count() == 0


async def test_a_message_that_cannot_be_read_is_set_aside_and_announced(database, quick):
    letters, told, road = [], Told(), Road()

    async def remember(letter) -> None:
        letters.append(letter)

    road.subscribe("titles", [MEETING_CREATED], told)
    road.subscribe("letters", [DEAD_LETTER], remember)
    await DB.fetch(
        "INSERT INTO outbox (event_id, topic, key, payload) VALUES ($1, $2, '1', '{\"x\":1}')",
        uuid7(),
        MEETING_CREATED.name,
    )
    await tell(created(title="fine"))
    async with road.lifespan():
        assert await told.until(1) == ["fine"]
        await until_read("letters")
    [letter] = letters
    assert letter.consumer == "titles"
    assert letter.payload == '{"x":1}'
    assert letter.reason.startswith("BadMessage")


async def test_a_reader_of_dead_letters_that_fails_does_not_feed_itself(database, quick):
    async def refuse(event) -> None:
        raise BadMessage("never")

    road = Road()
    road.subscribe("titles", [MEETING_CREATED], refuse)
    road.subscribe("letters", [DEAD_LETTER], refuse)
    async with road.lifespan():
        await tell(created())
        await until(lambda: _count(2))
        await until_read("letters")
    assert await DeadLetter.count() == 2


async def _count(letters: int) -> bool:
    return await DeadLetter.count() == letters


async def test_a_dead_letter_can_be_replayed_once(database, quick):
    told, road = Told(), Road()
    is_well = False

    async def handler(event) -> None:
        if not is_well:
            raise BadMessage("not yet")
        await told(event)

    road.subscribe("titles", [MEETING_CREATED], handler, once=True)
    async with road.lifespan():
        await tell(created(title="later"))
        await until(lambda: _count(1))
        [letter] = await DeadLetter.objects()
        with pytest.raises(BadMessage):
            await road.replay(letter.id)
        is_well = True
        await road.replay(letter.id)
        assert told.titles == ["later"]
        with pytest.raises(Conflict):
            await road.replay(letter.id)
        with pytest.raises(NotFound):
            await road.replay(letter.id + 1)


async def test_a_cursor_that_was_not_saved_repeats_events_but_not_their_effect(
    database, quick, monkeypatch
):
    """The crash between handler and cursor, from inside."""
    save, refusals = outbox.save_cursor, 3

    async def save_later(*arguments) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise Unavailable("gone before the cursor was saved")
        await save(*arguments)

    monkeypatch.setattr(outbox, "save_cursor", save_later)
    told = Told()

    async def store(event) -> None:
        await Group(name=event.title).save()

    road = Road()
    road.subscribe("plain", [MEETING_CREATED], told)
    async with road.lifespan():
        await tell(created(title="x"))
        await until_read("plain")
    assert told.titles == ["x"] * 4

    refusals = 3
    road = Road()
    road.subscribe("once", [MEETING_CREATED], store, once=True)
    async with road.lifespan():
        await until_read("once")
    assert refusals == 0
    assert await Group.count() == 1


async def test_once_undoes_the_effect_of_a_run_that_failed(database, quick):
    tries = []

    async def handler(event) -> None:
        await Group(name=event.title).save()
        tries.append(1)
        if len(tries) < 3:
            raise ZeroDivisionError

    road = Road()
    road.subscribe("once", [MEETING_CREATED], handler, once=True)
    async with road.lifespan():
        await tell(created(title="x"))
        await until_read("once")
    assert len(tries) == 3
    assert await Group.count() == 1


CRASHING = """
import asyncio, os, signal, sys
from vori.data.engine import DB
from vori.people.tables import Group
from vori.streams.relay import Road
from vori.streams.topics import MEETING_CREATED

async def main():
    handled = 0

    async def store(event):
        nonlocal handled
        await Group(name=event.title).save()
        handled += 1

    async def die(event):
        while handled < 7:
            await asyncio.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)

    await DB.open(sys.argv[1])
    road = Road()
    road.subscribe("store", [MEETING_CREATED], store, once=True, batch_rows=5)
    road.subscribe("die", [MEETING_CREATED], die)
    async with road.lifespan():
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_kill_in_the_middle_loses_no_event_and_doubles_no_effect(database, quick):
    titles = [f"{n}" for n in range(20)]
    await tell(*(created(n % 3, title) for n, title in enumerate(titles)))
    for _ in range(2):
        crashed = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", CRASHING, database], check=False, timeout=300
        )
        assert crashed.returncode == -signal.SIGKILL

    async def store(event) -> None:
        await Group(name=event.title).save()

    road = Road()
    road.subscribe("store", [MEETING_CREATED], store, once=True)
    async with road.lifespan():
        await until_read("store")
    stored = [row["name"] for row in await Group.select(Group.name)]
    assert sorted(stored, key=int) == titles


async def test_one_process_at_a_time_relays_and_the_next_takes_over(database, quick):
    first, second = Told(), Told()
    relays = [Relay(Consumer("shared", [MEETING_CREATED], told)) for told in (first, second)]
    one = asyncio.create_task(relays[0].run())
    await tell(created(title="a"))
    await first.until(1)
    other = asyncio.create_task(relays[1].run())

    async def stands_by() -> bool:
        return relays[1].state == "standby"

    await until(stands_by)
    await tell(created(title="b"))
    await first.until(2)
    await until_read("shared")
    one.cancel()
    await asyncio.wait([one])
    await tell(created(title="c"))
    assert await second.until(1) == ["c"]
    assert first.titles == ["a", "b"]
    other.cancel()
    await asyncio.wait([other])


async def test_a_lock_lost_with_its_connection_is_taken_again(database, quick):
    told, road = Told(), Road()
    road.subscribe("titles", [MEETING_CREATED], told)
    async with road.lifespan():
        await tell(created(title="a"))
        await told.until(1)
        await until_read("titles")
        await DB.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await tell(created(title="b"))
        assert await told.until(2) == ["a", "b"]


async def test_the_road_waits_out_a_database_that_is_gone(server_dir, quick):
    server = Embedded(server_dir / "postgres", options={"fsync": "off"})
    server.start()
    told, road = Told(), Road()
    road.subscribe("titles", [MEETING_CREATED], told)
    try:
        await DB.open(server.url)
        await migrate()
        async with road.lifespan():
            await tell(created(title="before"))
            await told.until(1)
            await until_read("titles")
            await asyncio.to_thread(server.stop)

            async def is_down() -> bool:
                return road.health().state is State.DOWN

            await until(is_down)
            await asyncio.to_thread(server.start)
            await tell(created(title="after"))
            assert (await told.until(2))[-1] == "after"

            async def is_well() -> bool:
                return road.health().state is State.OK

            await until(is_well)  # the road's own listener may come back later
    finally:
        await DB.close()
        server.stop()


async def test_a_listener_hears_what_happens_from_now_on_and_its_trouble_is_its_own(
    database, quick
):
    await tell(created(title="old"))
    told, road = Told(), Road()

    async def handler(event) -> None:
        if event.title == "bad":
            raise ZeroDivisionError
        await told(event)

    road.listen("page", [MEETING_CREATED], handler)
    async with road.lifespan():
        await until(lambda: _is_relaying(road, "page"))
        await tell(created(title="bad"), created(title="new"))
        assert await told.until(1) == ["new"]
    assert await DeadLetter.count() == 0
    assert await DB.fetch("SELECT 1 FROM relay_cursors") == []


async def _is_relaying(road: Road, consumer: str) -> bool:
    return road.health().detail[consumer]["state"] == "relaying"


async def test_a_sink_that_fails_gets_all_of_the_batch_again(database, quick):
    class Broker:
        name = "broker"
        topics = frozenset({MEETING_CREATED.name})
        batch_rows = 10

        def __init__(self) -> None:
            self.batches: list[int] = []

        async def send(self, rows) -> None:
            self.batches.append(len(rows))
            if len(self.batches) < 3:
                raise ConnectionResetError

    broker, road = Broker(), Road()
    road.attach(broker)
    await tell(*(created() for _ in range(12)))
    async with road.lifespan():
        await until_read("broker")
    assert broker.batches == [10, 10, 10, 2]


async def test_health_tells_how_far_behind_a_consumer_is(database, quick, monkeypatch):
    monkeypatch.setattr(relay, "LAG_LIMIT_MS", 1.0)
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(event) -> None:
        started.set()
        await release.wait()

    road = Road()
    road.subscribe("slow", [MEETING_CREATED], slow)
    await tell(*(created() for _ in range(3)))
    async with road.lifespan():
        await started.wait()
        await asyncio.sleep(0.01)
        health = road.health()
        assert health.detail["slow"]["lagEvents"] == 3
        assert health.detail["slow"]["lagMs"] >= 10
        assert health.state is State.DEGRADED
        assert "slow" in health.message
        release.set()
        await until_read("slow")
        assert road.health().state is State.OK
        assert road.health().detail["slow"]["relayed"] == 3


async def test_the_road_leaves_no_session_and_no_task_behind(database, quick):
    road = Road()
    for name in ("a", "b"):
        road.subscribe(name, [MEETING_CREATED], Told())
    before = len(asyncio.all_tasks())
    async with road.lifespan():
        await tell(created())
        await until_read("a")
        await until_read("b")
    assert len(asyncio.all_tasks()) == before

    async def only_the_pool() -> bool:
        [row] = await DB.fetch(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return row[0] == 0

    await until(only_the_pool)


async def test_names_are_unique_and_subscribing_comes_before_running(database):
    road = Road()
    road.subscribe("a", [MEETING_CREATED], Told())
    with pytest.raises(RuntimeError, match="two sinks"):
        road.subscribe("a", [MEETING_UPDATED], Told())
    async with road.lifespan():
        with pytest.raises(RuntimeError, match="before"):
            road.subscribe("b", [MEETING_CREATED], Told())
