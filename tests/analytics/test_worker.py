"""The worker with a real job: begun when events wait, told of each batch, ended with VORI."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.analytics import three_weeks
from tests.analytics.test_job import minutes_stored
from tests.analytics.test_metrics import EXPECTED
from vori.analytics.submit import Analytics, find_java
from vori.errors import Unavailable
from vori.settings import Kafka, Spark

pytestmark = [pytest.mark.spark, pytest.mark.postgres]


async def test_the_worker_runs_the_job_and_ends_it_with_us(database, tmp_path):
    try:
        find_java()
    except Unavailable as exc:
        pytest.skip(exc.message)
    await three_weeks.put_rows()
    await three_weeks.put_outbox()
    told = asyncio.Event()

    class Heard(Analytics):
        async def _hear(self, report):
            await super()._hear(report)
            if report.rows:
                told.set()

    settings = Spark(start_after_s=0.1, master="local[2]", weeks_every_s=0)
    worker = Heard(settings, Kafka(), tmp_path)
    async with worker.lifespan():
        await asyncio.wait_for(told.wait(), 100)
        health = worker.health()
        assert health.detail["state"] == "running"
        assert health.detail["rows"] == len(three_weeks.events())
        assert (health.detail["late"], health.detail["restarts"]) == (0, 0)
        pid = health.detail["pid"]
    assert await minutes_stored() == EXPECTED
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
