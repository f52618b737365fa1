"""The event road: how many events a second, and how long from commit to handler.

Embedded, over a real Kafka (where `make kafka-broker` put one), and beside it what a bare
producer and consumer of aiokafka do with the same messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tools.kafka.broker import Broker, missing
from vori.data.embedded import Embedded, running
from vori.data.engine import DB, transaction
from vori.data.migrate import migrate
from vori.data.outbox import publish
from vori.ids import EventId, GroupId, MeetingId, uuid7
from vori.meetings.messages import MeetingCreated, MeetingStatus
from vori.settings import Kafka as KafkaSettings
from vori.streams.codec import decode, encode
from vori.streams.kafka import Kafka
from vori.streams.relay import Road
from vori.streams.topics import MEETING_CREATED

CONNECTIONS = 16
RUN_S = 5.0
STEADY_PER_S = 400
PACED_PER_S = 2_000
BACKLOG = 20_000
MEETINGS = 50
BURST = 10
"""Events in one transaction, as when a reading of a meeting changes several tickets."""


def measure() -> dict[str, Any]:
    """Per second: from commit to the end of the handler, everything durable (fsync on).

    `steady`: 400 transactions a second, one row and one event each; milliseconds from just
    before the commit to the handler. `singles` and `bursts`: as many transactions as 16
    connections manage, of one row with one event, and of one row with ten. `paced`: 2,000 events
    a second in transactions of ten. `drain`: a backlog of 20,000 events and a handler that does
    nothing, from the moment the relay may read the first. `bare`: the same pace and the same
    backlog, sent and read by aiokafka alone, with acks=all and an idempotent producer, one message
    after the other, and without a database.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `vori serve`
        return runner.run(_measure())


async def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as path:
        async with running(Embedded(Path(path) / "postgres")) as server:
            await DB.open(server.url, pool_size=CONNECTIONS + 2)
            try:
                await migrate()
                await _make_meetings()
                figures: dict[str, Any] = {
                    "steady": await _at_pace(Road, 1, STEADY_PER_S),
                    "singles": await _flat_out(events=1),
                    "bursts": await _flat_out(events=BURST),
                    "paced": await _at_pace(Road, BURST, PACED_PER_S),
                    "drain": await _drain(Road),
                }
                figures["kafka"] = await _over_kafka(Path(path))
                return figures
            finally:
                await DB.close()


async def _over_kafka(folder: Path) -> dict[str, Any]:
    if reason := missing():
        return {"skipped": reason}
    broker = Broker(folder / "kafka")
    await asyncio.to_thread(broker.start)
    runs = itertools.count()

    def road() -> Road:
        prefix = f"bench{next(runs)}."
        settings = KafkaSettings(
            bootstrap=(broker.bootstrap,), topic_prefix=prefix, group_prefix=prefix
        )
        kafka = Kafka(settings, folder)
        road = Road(kafka)
        road.attach(kafka.sink)
        return road

    try:
        return {
            "steady": await _at_pace(road, 1, STEADY_PER_S),
            "paced": await _at_pace(road, BURST, PACED_PER_S),
            "drain": await _drain(road),
            "bare": {
                "steady": await _bare_at_pace(broker.bootstrap, 1, STEADY_PER_S),
                "paced": await _bare_at_pace(broker.bootstrap, BURST, PACED_PER_S),
                "drain": await _bare_drain(broker.bootstrap),
            },
        }
    finally:
        await asyncio.to_thread(broker.stop)


class Arrivals:
    """A handler that notes when each event came."""

    def __init__(self) -> None:
        self.at: dict[UUID, float] = {}
        self.complete = asyncio.Event()
        self.awaited = -1

    async def __call__(self, event: MeetingCreated) -> None:
        self.at[event.event_id] = time.perf_counter()
        if len(self.at) == self.awaited:
            self.complete.set()

    async def all_of(self, count: int) -> None:
        self.awaited = count
        self.complete.clear()
        if len(self.at) < count:
            await self.complete.wait()


async def _at_pace(make: Callable[[], Road], events: int, per_s: int) -> dict[str, float]:
    """`events` in each transaction, `per_s` in all."""
    sent: dict[UUID, float] = {}
    await _forget_events()
    arrivals, road = Arrivals(), make()
    road.subscribe("bench", [MEETING_CREATED], arrivals)
    async with road.lifespan():
        await _warm_up(arrivals)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as writers:
            for number in range(int(RUN_S * per_s) // events):
                await asyncio.sleep(started + number * events / per_s - time.perf_counter())
                writers.create_task(_write(events, sent))
        await arrivals.all_of(len(sent) + 1)
        took_s = time.perf_counter() - started
    return {"perS": len(sent) / took_s} | _quantiles(
        (arrivals.at[event] - sent[event]) * 1000 for event in sent
    )


async def _warm_up(arrivals: Arrivals) -> None:
    """One event goes through; with Kafka that takes topics, a group and its partitions."""
    await _write(1, {})
    await arrivals.all_of(1)


def _quantiles(waits_ms: Iterable[float]) -> dict[str, float]:
    waits = sorted(waits_ms)
    return {
        "p50Ms": waits[len(waits) // 2],
        "p95Ms": waits[int(len(waits) * 0.95)],
        "p99Ms": waits[int(len(waits) * 0.99)],
    }


async def _flat_out(*, events: int) -> dict[str, float]:
    sent: dict[UUID, float] = {}
    arrivals, road = Arrivals(), Road()
    road.listen("bench", [MEETING_CREATED], arrivals)
    async with road.lifespan():
        await _until_relaying(road)
        started = time.perf_counter()

        async def writer() -> None:
            while time.perf_counter() < started + RUN_S:
                await _write(events, sent)

        await asyncio.gather(*(writer() for _ in range(CONNECTIONS)))
        await arrivals.all_of(len(sent))
        took_s = time.perf_counter() - started
    waits = sorted((arrivals.at[event] - sent[event]) * 1000 for event in sent)
    return {
        "eventsPerS": len(sent) / took_s,
        "p50Ms": waits[len(waits) // 2],
        "p95Ms": waits[int(len(waits) * 0.95)],
    }


async def _drain(make: Callable[[], Road]) -> dict[str, float]:
    """The clock starts when the relay may take the first event: all connections are there by then,
    and one event has gone the whole way.
    """
    await _forget_events()
    sent: dict[UUID, float] = {}
    arrivals, road = Arrivals(), make()
    road.subscribe("drain", [MEETING_CREATED], arrivals)
    async with road.lifespan():
        await _warm_up(arrivals)
        async with _held_back():
            for _ in range(BACKLOG // 1000):
                await _write(1000, sent)
            started = time.perf_counter()
        road.wake()
        await arrivals.all_of(BACKLOG + 1)
    return {"eventsPerS": BACKLOG / (time.perf_counter() - started)}


@contextlib.asynccontextmanager
async def _held_back() -> AsyncIterator[None]:
    """No relay reads past a transaction that is open; what is written now waits for its end."""
    connection = await DB.connect()
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_current_xact_id()")
            yield
    finally:
        await connection.close()


async def _forget_events() -> None:
    for table in ("outbox", "relay_cursors"):
        await DB.fetch(f"DELETE FROM {table}")


@contextlib.asynccontextmanager
async def _bare(bootstrap: str, topic: str) -> AsyncIterator[tuple[Any, Any]]:
    import aiokafka
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 5, 1)])
    await admin.close()
    async with (
        aiokafka.AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", enable_idempotence=True
        ) as producer,
        aiokafka.AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=topic,
            auto_offset_reset="earliest",
            session_timeout_ms=10_000,
        ) as consumer,
    ):
        yield producer, consumer


async def _bare_at_pace(bootstrap: str, events: int, per_s: int) -> dict[str, float]:
    topic = f"bare-{events}"
    waits: list[float] = []
    async with _bare(bootstrap, topic) as (producer, consumer):
        await producer.send_and_wait(topic, b"{}", key=b"1")
        await consumer.getone()

        async def read(count: int) -> None:
            while len(waits) < count:
                message = await consumer.getone()
                decode(MEETING_CREATED, message.value)
                sent_at = float(dict(message.headers)["at"])
                waits.append((time.perf_counter() - sent_at) * 1000)

        count = int(RUN_S * per_s) // events * events
        reading = asyncio.create_task(read(count))
        started = time.perf_counter()
        sending = []
        for number in range(count // events):
            await asyncio.sleep(started + number * events / per_s - time.perf_counter())
            for event in _made(number * events, events):
                headers = [("at", repr(time.perf_counter()).encode())]
                value, key = encode(event).encode(), str(event.meeting_id).encode()
                sending.append(await producer.send(topic, value, key=key, headers=headers))
        await asyncio.gather(*sending)
        await reading
        took_s = time.perf_counter() - started
    return {"perS": count / took_s} | _quantiles(waits)


async def _bare_drain(bootstrap: str) -> dict[str, float]:
    """Sent and read side by side, as the road does it, and with its headers."""
    made = [
        (encode(e).encode(), str(e.meeting_id).encode(), _headers(e)) for e in _made(0, BACKLOG)
    ]
    topic = "bare-drain"
    async with _bare(bootstrap, topic) as (producer, consumer):
        await producer.send_and_wait(topic, b"{}", key=b"1")
        await consumer.getone()

        async def send() -> None:
            for at in range(0, BACKLOG, 500):
                sent = [
                    await producer.send(topic, value, key=key, headers=headers)
                    for value, key, headers in made[at : at + 500]
                ]
                await asyncio.gather(*sent)

        started, read = time.perf_counter(), 0
        sending = asyncio.create_task(send())
        while read < BACKLOG:
            decode(MEETING_CREATED, (await consumer.getone()).value)
            read += 1
        took_s = time.perf_counter() - started
        await sending
    return {"eventsPerS": BACKLOG / took_s}


def _headers(event: MeetingCreated) -> list[tuple[str, bytes]]:
    """As long as the road's."""
    return [("eventId", str(event.event_id).encode()), ("outbox", b"12345:123456")]


async def _until_relaying(road: Road) -> None:
    while road.health().detail["bench"]["state"] != "relaying":  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def _make_meetings() -> None:
    """What comes by Kafka is refused when it names a meeting that is not here."""
    await DB.fetch("INSERT INTO groups (name) VALUES ('bench')")
    await DB.fetch(
        "INSERT INTO meetings (id, group_id) SELECT n, 1 FROM generate_series(1, $1) n", MEETINGS
    )


def _made(first: int, count: int) -> list[MeetingCreated]:
    return [
        MeetingCreated(
            event_id=EventId(uuid7()),
            meeting_id=MeetingId(1 + number % MEETINGS),
            group_id=GroupId(1),
            title="Weekly planning, week 12",
            status=MeetingStatus.SCHEDULED,
            created_at=datetime.now(UTC),
        )
        for number in range(first, first + count)
    ]


async def _write(events: int, sent: dict[UUID, float]) -> None:
    made = _made(len(sent), events)
    async with transaction():
        await DB.fetch("INSERT INTO groups (name) VALUES ('bench')")
        await publish(*made)
        now = time.perf_counter()
    sent.update({event.event_id: now for event in made})
