"""Runs windows through a recogniser in worker threads, the most urgent first.

The event loop only ever puts windows in and takes transcripts out. A free worker takes what is
due as one batch; what the engine cannot join it splits itself. Finals go before partials, older
before newer. When the queue is full partials are refused (their sound comes again, longer) and
finals wait for a place.
"""

from __future__ import annotations

import asyncio
import atexit
import heapq
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

from msgspec import Struct

from vori import log
from vori.errors import Busy, Unavailable, VoriError
from vori.transcribe.messages import RATE_HZ, Transcript
from vori.transcribe.recogniser import ModelInfo, Recogniser, Window

logger = log.get(__name__)

JOIN_S = 30.0
"""A thread inside the engine while the interpreter ends brings the process down: wait so long."""


class Priority(IntEnum):
    """Lower goes first."""

    FINAL = 0
    PARTIAL = 1
    BACKGROUND = 2
    """Files and re-transcription: waits like a final, after everything live."""


class PoolHealth(Struct, frozen=True, kw_only=True, rename="camel"):
    workers: int
    busy_workers: int
    queued: int
    oldest_ms: int
    """How long the oldest window has waited; 0 when none waits."""
    decoded_s: float
    """Sound put into words since the start."""
    real_time_factor: float
    """Seconds of one worker's work per second of sound; 0 before the first."""
    failures: int
    restarts: int
    """Workers replaced because they hung."""


@dataclass(slots=True, order=True)
class _Job:
    priority: Priority
    number: int
    window: Window = field(compare=False)
    result: asyncio.Future[Transcript] = field(compare=False)
    queued_s: float = field(compare=False)


@dataclass(slots=True, eq=False)
class _Worker:
    recogniser: Recogniser | None
    """None: the worker makes its own when it starts."""
    batch: list[_Job] = field(default_factory=list)
    is_abandoned: bool = False
    alarm: asyncio.TimerHandle | None = None
    thread: threading.Thread | None = None


class RecogniserPool:
    """`async with RecogniserPool(recogniser) as pool: await pool.submit(window)`.

    Belongs to the event loop it was started in.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        *,
        workers: int = 1,
        batch_size: int = 4,
        queue_size: int = 64,
        deadline_s: float = 60.0,
        remake: Callable[[], Recogniser] | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Workers share `recogniser`, which must bear being called by several threads.

        deadline_s: a worker that takes longer, for each window of its batch, counts as hung: its
            windows fail with Unavailable and another takes its place.
        remake: makes the recogniser for a worker that replaces a hung one; None shares the first.
        """
        self._recogniser = recogniser
        self._remake = remake
        self._batch_size = batch_size
        self._deadline_s = deadline_s
        self._now_s = now_s
        live, background = asyncio.Semaphore(queue_size), asyncio.Semaphore(workers * batch_size)
        # Files have places of their own, so that they never take those of live rooms.
        self._places = {
            Priority.FINAL: live,
            Priority.PARTIAL: live,
            Priority.BACKGROUND: background,
        }
        self._loop: asyncio.AbstractEventLoop
        self._due: list[_Job] = []
        self._changed = threading.Condition()  # guards what follows, and _due
        self._workers = [_Worker(recogniser) for _ in range(workers)]
        self._idle = 0
        self._is_closed = True
        self._number = 0
        self._decoded_s = self._busy_s = 0.0
        self._failures = self._restarts = 0

    @property
    def model(self) -> ModelInfo:
        return self._recogniser.model

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        atexit.register(self._end_with_the_process)
        for worker in self._workers:
            self._start(worker)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def submit(self, window: Window, *, priority: Priority | None = None) -> Transcript:
        """Wait for the window's transcript. Cancelling takes it out of the queue.

        priority: None goes by `window.is_final`.
        Raises Busy for a partial when the queue is full, what the recogniser raised (wrapped in
        Unavailable unless it is a VoriError), and Unavailable when the worker hung or the pool
        closes; after Unavailable the same window may be submitted again.
        """
        if priority is None:
            priority = Priority.FINAL if window.is_final else Priority.PARTIAL
        self._check_open()
        places = self._places[priority]
        if priority is Priority.PARTIAL and places.locked():
            raise Busy("The recogniser's queue is full", code="recogniser_busy")
        await places.acquire()
        try:
            self._check_open()
        except Unavailable:
            places.release()  # wakes the next who waits, to see the same
            raise
        with self._changed:
            self._number += 1
            result: asyncio.Future[Transcript] = self._loop.create_future()
            job = _Job(priority, self._number, window, result, self._now_s())
            heapq.heappush(self._due, job)
            self._changed.notify()
        try:
            return await result
        except asyncio.CancelledError:
            self._withdraw(job)
            raise

    async def close(self, *, finish_s: float = 0.0) -> None:
        """Give running and waiting work `finish_s` to end, fail the rest with Unavailable."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._changed:
            running = [job for worker in self._workers for job in worker.batch]
            jobs = [job.result for job in [*self._due, *running]]
        if jobs and finish_s > 0:
            await asyncio.wait(jobs, timeout=finish_s)
        for job in self._abandon():
            self._places[job.priority].release()  # who waits for a place sees the end
            _settle(job, _closed())
        for worker in self._workers:
            if worker.alarm:
                worker.alarm.cancel()
        await asyncio.to_thread(self._join)
        atexit.unregister(self._end_with_the_process)

    def _abandon(self) -> list[_Job]:
        """Let every worker end after its batch; return what is left undone."""
        with self._changed:
            left = [*self._due, *(job for worker in self._workers for job in worker.batch)]
            self._due = []
            for worker in self._workers:
                worker.is_abandoned = True
            self._changed.notify_all()
        return left

    def _join(self) -> None:
        until_s = time.monotonic() + JOIN_S
        for worker in self._workers:
            if worker.thread:
                worker.thread.join(max(0.0, until_s - time.monotonic()))

    def _end_with_the_process(self) -> None:
        self._abandon()
        self._join()

    def health(self) -> PoolHealth:
        with self._changed:
            oldest_s = min((job.queued_s for job in self._due), default=None)
            return PoolHealth(
                workers=len(self._workers),
                busy_workers=sum(bool(worker.batch) for worker in self._workers),
                queued=len(self._due),
                oldest_ms=0 if oldest_s is None else round((self._now_s() - oldest_s) * 1000),
                decoded_s=round(self._decoded_s, 3),
                real_time_factor=round(self._busy_s / self._decoded_s, 4) if self._decoded_s else 0,
                failures=self._failures,
                restarts=self._restarts,
            )

    # In the event loop's thread.

    def _check_open(self) -> None:
        if self._is_closed:
            raise _closed()

    def _start(self, worker: _Worker) -> None:
        worker.thread = threading.Thread(
            target=self._work, args=(worker,), name="recogniser", daemon=True
        )
        worker.thread.start()

    def _withdraw(self, job: _Job) -> None:
        with self._changed:
            if job not in self._due:
                return  # a worker has it, and its place is free already
            self._due.remove(job)
            heapq.heapify(self._due)
        self._places[job.priority].release()

    def _taken(self, worker: _Worker, batch: list[_Job]) -> None:
        for job in batch:
            self._places[job.priority].release()
        if worker.batch is batch:  # not done meanwhile
            worker.alarm = self._loop.call_later(
                self._deadline_s * len(batch), self._replace, worker
            )

    def _done(self, worker: _Worker, outcomes: list[tuple[_Job, Transcript | Exception]]) -> None:
        if worker.alarm:
            worker.alarm.cancel()
        for job, outcome in outcomes:
            _settle(job, outcome)

    def _replace(self, worker: _Worker) -> None:
        """Leave a hung thread to itself (a thread cannot be ended) and start another."""
        with self._changed:
            batch = worker.batch
            if not batch or self._is_closed:
                return
            worker.is_abandoned = True
            self._restarts += 1
            fresh = _Worker(None if self._remake else self._recogniser)
            self._workers[self._workers.index(worker)] = fresh
        logger.error("recogniser_hung", windows=len(batch), restarts=self._restarts)
        for job in batch:
            _settle(job, Unavailable("The recogniser hung", code="recogniser_hung"))
        self._start(fresh)

    # In a worker's thread.

    def _work(self, worker: _Worker) -> None:
        if worker.recogniser is None and self._remake is not None:
            try:
                worker.recogniser = self._remake()
            except Exception:
                logger.exception("recogniser_not_remade")
                worker.recogniser = self._recogniser
        while batch := self._take(worker):
            self._call(self._taken, worker, batch)
            began_s = self._now_s()
            outcomes = self._run(worker, batch)
            with self._changed:
                if worker.is_abandoned:
                    return
                worker.batch = []
                self._busy_s += self._now_s() - began_s
                for job, outcome in outcomes:
                    if isinstance(outcome, Exception):
                        self._failures += 1
                    else:
                        self._decoded_s += len(job.window.samples) / RATE_HZ
            self._call(self._done, worker, outcomes)

    def _take(self, worker: _Worker) -> list[_Job]:
        """The most urgent windows of one priority, shared fairly with the workers that idle too.

        Of one priority, since a batch ends as a whole and finals should not wait for partials.
        Empty when the worker shall end.
        """
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._due or self._is_closed or worker.is_abandoned)
            idle, self._idle = self._idle, self._idle - 1
            if worker.is_abandoned or not self._due:
                return []
            share = min(self._batch_size, math.ceil(len(self._due) / idle))
            worker.batch = [heapq.heappop(self._due)]
            while (
                len(worker.batch) < share
                and self._due
                and self._due[0].priority is worker.batch[0].priority
            ):
                worker.batch.append(heapq.heappop(self._due))
            return worker.batch

    def _run(
        self, worker: _Worker, batch: Sequence[_Job]
    ) -> list[tuple[_Job, Transcript | Exception]]:
        """Transcribe the batch; if that fails, window by window, so that one spoils no other."""
        assert worker.recogniser is not None
        try:
            transcripts = worker.recogniser.transcribe([job.window for job in batch])
            return list(zip(batch, transcripts, strict=True))
        except Exception as exc:
            if len(batch) == 1:
                return [(batch[0], _translated(exc))]
        return [outcome for job in batch for outcome in self._run(worker, [job])]

    def _call(self, function: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            logger.debug("loop_closed_before_pool")


def _translated(exc: Exception) -> VoriError:
    if isinstance(exc, VoriError):
        return exc
    logger.error("recogniser_failed", exc_info=exc)
    error = Unavailable(f"The recogniser failed ({type(exc).__name__})", code="recogniser_failed")
    error.__cause__ = exc
    return error


def _closed() -> Unavailable:
    return Unavailable("The recogniser is shutting down", code="recogniser_closed")


def _settle(job: _Job, outcome: Transcript | Exception) -> None:
    if job.result.done():
        return  # cancelled, or given up as hung
    if isinstance(outcome, Exception):
        job.result.set_exception(outcome)
    else:
        job.result.set_result(outcome)
