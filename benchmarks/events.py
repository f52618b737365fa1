"""The event road, embedded: how many events a second, and how long from commit to handler."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from vori.data.embedded import Embedded, running
from vori.data.engine import DB, transaction
from vori.data.migrate import migrate
from vori.data.outbox import publish
from vori.ids import EventId, GroupId, MeetingId, uuid7
from vori.meetings.messages import MeetingCreated, MeetingStatus
from vori.streams.relay import Road
from vori.streams.topics import MEETING_CREATED

CONNECTIONS = 16
RUN_S = 5.0
STEADY_PER_S = 400
BACKLOG = 20_000
BURST = 10
"""Events in one transaction, as when a reading of a meeting changes several tickets."""


def measure() -> dict[str, Any]:
    """Per second: from commit to the end of the handler, everything durable (fsync on).

    `steady`: 400 transactions a second, one row and one event each; milliseconds from just
    before the commit to the handler. `singles` and `bursts`: as many transactions as 16
    connections manage, of one row with one event, and of one row with ten. `drain`: a backlog
    of 20,000 events and a handler that does nothing.
    """
    return asyncio.run(_measure())


async def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as path:
        async with running(Embedded(Path(path) / "postgres")) as server:
            await DB.open(server.url, pool_size=CONNECTIONS + 2)
            try:
                await migrate()
                return {
                    "steady": await _steady(),
                    "singles": await _flat_out(events=1),
                    "bursts": await _flat_out(events=BURST),
                    "drain": await _drain(),
                }
            finally:
                await DB.close()


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


async def _steady() -> dict[str, float]:
    sent: dict[UUID, float] = {}
    arrivals, road = Arrivals(), Road()
    road.listen("bench", [MEETING_CREATED], arrivals)
    async with road.lifespan():
        await _until_relaying(road)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as writers:
            for number in range(int(RUN_S * STEADY_PER_S)):
                await asyncio.sleep(started + number / STEADY_PER_S - time.perf_counter())
                writers.create_task(_write(1, sent))
        await arrivals.all_of(len(sent))
    waits = sorted((arrivals.at[event] - sent[event]) * 1000 for event in sent)
    return {
        "perS": STEADY_PER_S,
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


async def _drain() -> dict[str, float]:
    sent: dict[UUID, float] = {}
    await DB.fetch("DELETE FROM outbox")
    for _ in range(BACKLOG // 1000):
        await _write(1000, sent)
    arrivals, road = Arrivals(), Road()
    road.subscribe("drain", [MEETING_CREATED], arrivals)
    started = time.perf_counter()
    async with road.lifespan():
        await arrivals.all_of(BACKLOG)
    return {"eventsPerS": BACKLOG / (time.perf_counter() - started)}


async def _until_relaying(road: Road) -> None:
    while road.health().detail["bench"]["state"] != "relaying":  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def _write(events: int, sent: dict[UUID, float]) -> None:
    made = [
        MeetingCreated(
            event_id=EventId(uuid7()),
            meeting_id=MeetingId(1 + number % 50),
            group_id=GroupId(1),
            title="Weekly planning, week 12",
            status=MeetingStatus.SCHEDULED,
            created_at=datetime.now(UTC),
        )
        for number in range(len(sent), len(sent) + events)
    ]
    async with transaction():
        await DB.fetch("INSERT INTO groups (name) VALUES ('bench')")
        await publish(*made)
        now = time.perf_counter()
    sent.update({event.event_id: now for event in made})
