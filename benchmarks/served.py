"""`vori serve` as the caption benchmark wants it: another recogniser or order of things, measured.

    python -m benchmarks.served PLAN REPORT serve --dev …

PLAN is a JSON file (`Plan`); REPORT is written when the server ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from benchmarks.oracle import Oracle
from benchmarks.sounds import Spoken, compose, meeting_sentences
from vori import app
from vori.settings import Settings
from vori.transcribe.models import ResolvedModel, resolve
from vori.transcribe.pool import RecogniserPool
from vori.transcribe.schedule import Job, Schedule
from vori.transcribe.whisper import Whisper

BEAT_S = 0.005


class Plan(Struct):
    is_baseline: bool
    """One worker, two cores a call, one window at a time in the order they came."""
    is_oracle: bool
    model: str
    """A directory, or `demo`."""
    min_window_s: float | None
    seconds: float
    duty: float


class InTurn(Schedule[Any]):
    """First come, first served, one at a time: today's servers with their lock."""

    def take(self, now_s: float, *, idle: int, background: int) -> list[Job]:
        first = min(self, key=lambda job: job.number, default=None)
        if first is None:
            return []
        self.withdraw(first)
        return [first]

    def interval_s(self, least_s: float, most_s: float) -> float:
        return least_s


class Beats:
    """How late the event loop is, and whether it was the loop's own work that made it late."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.own_ms: list[float] = []

    async def run(self) -> None:
        while True:
            began_s, own_s = time.perf_counter(), time.thread_time()
            await asyncio.sleep(BEAT_S)
            late_s = time.perf_counter() - began_s - BEAT_S
            self.late_ms.append(1000 * late_s)
            self.own_ms.append(1000 * min(late_s, time.thread_time() - own_s))

    def figures(self) -> dict[str, float]:
        late = sorted(self.late_ms) or [0.0]
        return {
            "lateMsP99": round(late[int(0.99 * (len(late) - 1))], 1),
            "lateMsMax": round(late[-1], 1),
            "ownMsMax": round(max(self.own_ms, default=0.0), 1),
        }


def recogniser_of(plan: Plan, settings: Settings) -> Whisper:
    if plan.model == "demo":
        model = resolve("demo", home=settings.home_path)
    else:
        model = ResolvedModel(Path(plan.model), Path(plan.model).name)
    options: dict[str, Any] = {
        "device": settings.speech.device,
        "compute_type": settings.speech.compute_type,
        "workers": settings.speech.replicas,
        "min_window_s": plan.min_window_s,
    }
    if plan.is_baseline:
        options |= {"workers": 1, "cpu_threads": 2}
    if not plan.is_oracle:
        return Whisper(model, **options)
    sentences = meeting_sentences()

    def words_of(room: int) -> tuple[Spoken, ...]:
        return compose(sentences, seconds=plan.seconds, duty=plan.duty, seed=room).words

    return Oracle(words_of, model, **options)


def main() -> None:
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    report = Path(sys.argv[2])
    beats = Beats()

    @contextlib.asynccontextmanager
    async def open_pool(settings: Settings) -> AsyncIterator[Any]:
        recogniser = await asyncio.to_thread(recogniser_of, plan, settings)
        speech = settings.speech
        pool = RecogniserPool(
            recogniser,
            workers=1 if plan.is_baseline else app.replicas_of(settings, recogniser),
            batch_size=speech.batch_size,
            queue_size=speech.queue_size,
            schedule=InTurn() if plan.is_baseline else None,
        )
        beating = asyncio.create_task(beats.run())
        try:
            async with pool:
                gc.freeze()  # as `app.open_pool` does
                yield pool
        finally:
            beating.cancel()
            report.write_bytes(msgspec.json.encode(beats.figures()))  # noqa: ASYNC240 - the end

    app.open_pool = open_pool  # type: ignore[assignment]
    sys.argv = ["vori", *sys.argv[3:]]
    from vori.cli import main as vori

    vori()


if __name__ == "__main__":
    main()
