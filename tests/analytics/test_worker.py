"""The worker: begins the job when events wait, watches it, starts it again, ends it with VORI.

With the real job: tests/journeys/test_analytics.py.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal

import pytest

from vori.analytics import submit
from vori.analytics.submit import Analytics
from vori.data.engine import DB
from vori.settings import Kafka, Spark
from vori.worker import State

# Stands in for the job: tells of a batch, and goes on until it is told to end.
COUNTING = """
import json, signal, sys
plan = json.loads(sys.stdin.readline())
def end(*_):
    open(plan["checkpoint"] + ".ended", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
told = ({"kind": "started"}, {"kind": "batch", "rows": 7, "late": 2, "unreadable": 1,
        "batchMs": 40, "lagMs": 90, "minutes": 3})
print("\\n".join(map(json.dumps, told)), flush=True)
sys.stdin.read()
"""
FAILING = """
import sys
sys.stdin.readline()
print('{"kind": "failed", "message": "no room on the disk"}', flush=True)
sys.exit(1)
"""


class Watched(Analytics):
    """Lets a test wait for what the job tells."""

    def __init__(self, settings, folder):
        super().__init__(settings, Kafka(), folder)
        self.batches = asyncio.Semaphore(0)

    async def _hear(self, report):
        await super()._hear(report)
        if report.kind == "batch" and report.rows:
            self.batches.release()


@pytest.fixture
def job(monkeypatch, tmp_path):
    """Has the worker run a program instead of the job; events always wait."""
    monkeypatch.setattr(submit, "LOOK_S", 0.02)
    monkeypatch.setattr(DB, "url", "nowhere", raising=False)
    monkeypatch.setattr(submit, "find_java", lambda _: "/java")

    async def waiting():
        return 7

    monkeypatch.setattr(submit, "waiting_events", waiting)

    def start(program, **settings):
        monkeypatch.setattr(submit, "JOB", ("-c", program))
        return Watched(Spark(start_after_s=0.01, **settings), tmp_path)

    return start


async def batch(worker):
    await asyncio.wait_for(worker.batches.acquire(), 120)
    return worker.health()


async def test_health_and_metrics_tell_rows_batch_time_lag_and_late_events(job):
    from prometheus_client.parser import text_string_to_metric_families

    from vori.metrics import Metrics

    worker = job(COUNTING)
    async with worker.lifespan():
        health = await batch(worker)
        told = (await Metrics().text({"analytics": health})).decode()
    assert health.state is State.OK
    expected = {"rows": 7, "late": 2, "unreadable": 1, "batchMs": 40, "lagMs": 90, "lagEvents": 7}
    assert {name: health.detail[name] for name in expected} == expected
    figures = {
        sample.name: sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }
    snake = {re.sub("([A-Z])", r"_\1", name).lower(): n for name, n in expected.items()}
    assert {name: figures[f"vori_analytics_{name}"] for name in snake} == snake


async def test_a_job_that_fails_is_started_again_with_growing_waits(job, monkeypatch):
    waits, enough = [], asyncio.Event()

    async def pause(wait_s):
        waits.append(wait_s)
        if len(waits) == 11:
            enough.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(submit, "_pause", pause)
    worker = job(FAILING)
    async with worker.lifespan():
        await asyncio.wait_for(enough.wait(), 120)
        health = worker.health()
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert (health.state, health.detail["state"]) == (State.DEGRADED, "failed")
    assert health.message == "no room on the disk"
    assert health.detail["restarts"] == 11


async def test_a_job_that_was_killed_is_started_again(job, monkeypatch):
    async def pause(wait_s):
        return None

    monkeypatch.setattr(submit, "_pause", pause)
    worker = job(COUNTING)
    async with worker.lifespan():
        first = await batch(worker)
        os.kill(first.detail["pid"], signal.SIGKILL)
        second = await batch(worker)
    assert second.detail["pid"] != first.detail["pid"]
    assert (second.state, second.detail["restarts"], second.detail["rows"]) == (State.OK, 1, 14)


async def test_a_job_with_nothing_to_count_is_ended_and_begun_again_when_events_wait(job, tmp_path):
    worker = job(COUNTING, idle_stop_s=0.05)
    async with worker.lifespan():
        first = await batch(worker)
        second = await batch(worker)  # ended meanwhile, and events wait again
    assert second.detail["pid"] != first.detail["pid"]
    assert second.detail["restarts"] == 0
    assert (tmp_path / "analytics" / "checkpoint-outbox.ended").exists()


async def test_the_job_ends_with_us_gracefully(job, tmp_path):
    worker = job(COUNTING)
    async with worker.lifespan():
        health = await batch(worker)
    assert (tmp_path / "analytics" / "checkpoint-outbox.ended").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(health.detail["pid"], 0)
