"""A broker that is not there, comes, goes for a minute and comes back."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from tests.streams.test_kafka import road_on, settings_for
from tests.streams.test_relay import created, tell, until
from tools.kafka.broker import Broker, missing
from vori.data.engine import DB
from vori.streams.topics import MEETING_CREATED
from vori.worker import State

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

OUTAGE_S = float(
    os.environ.get("VORI_TEST_OUTAGE_S", "60" if "VORI_TEST_STRICT" in os.environ else "10")
)


async def test_a_broker_that_goes_and_returns_loses_nothing_and_doubles_nothing(database, tmp_path):
    """Published before, while and after; the road is up before the broker is there at all."""
    if reason := missing():
        pytest.skip(reason)
    broker = Broker(tmp_path / "broker")
    told: list[int] = []

    async def note(event: Any) -> None:
        await DB.fetch("INSERT INTO noted VALUES ($1)", int(event.title))
        told.append(int(event.title))

    await DB.fetch("CREATE TABLE noted (number integer)")
    road = road_on(settings_for(broker.bootstrap, send_timeout_s=3.0), tmp_path)
    road.subscribe("noting", [MEETING_CREATED], note, once=True)
    number = 0

    async def publish(count: int) -> None:
        nonlocal number
        for _ in range(count):
            await tell(created(number % 7, title=f"{number}"))
            number += 1

    async def waiting() -> bool:
        health = road.health()
        return (
            health.state is State.DEGRADED
            and health.detail["kafka"]["lagEvents"] > 0
            and "events wait" in health.message
        )

    async def all_told() -> bool:
        return len(set(told)) == number

    try:
        async with road.lifespan():
            await publish(20)
            await until(waiting)
            await asyncio.to_thread(broker.start)
            await until(all_told)
            await asyncio.to_thread(broker.stop)
            ends = asyncio.get_running_loop().time() + OUTAGE_S
            while asyncio.get_running_loop().time() < ends:
                await publish(5)
                await asyncio.sleep(0.1)
            await until(waiting)
            await asyncio.to_thread(broker.start)
            await publish(20)
            await until(all_told)

            async def is_well() -> bool:
                return road.health().state is State.OK

            await until(is_well)
        rows = await DB.fetch("SELECT number FROM noted")
        assert sorted(row["number"] for row in rows) == list(range(number))
    finally:
        await DB.fetch("DROP TABLE noted")
        await asyncio.to_thread(broker.stop, how=signal.SIGKILL)
