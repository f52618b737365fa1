"""Runs windows through a recogniser in worker threads, the most urgent first.

The event loop hands out work: whenever a worker is free, the schedule gives it what is due as
one batch, and sound that grew meanwhile is taken as it is by then. Nobody waits for a batch to
fill: batches grow only where work has to wait anyway. A worker that hangs or dies is replaced.
"""

from __future__ import annotations

import asyncio
import atexit
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Self

from msgspec import Struct

from vori import log
from vori.errors import Busy, Unavailable, VoriError
from vori.transcribe.messages import RATE_HZ, Transcript
from vori.transcribe.recogniser import ModelInfo, OutOfMemory, Recogniser, Window
from vori.transcribe.schedule import Fixed, Job, Priority, Schedule, Sound

__all__ = ["PoolHealth", "Priority", "RecogniserPool"]

logger = log.get(__name__)

JOIN_S = 30.0
"""A thread inside the engine while the interpreter ends brings the process down: wait so long."""


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
    windows: int
    """Put into words since the start …"""
    batches: int
    """… in so many batches."""
    failures: int
    restarts: int
    """Workers replaced because they hung."""


class _Job(Job):
    __slots__ = ("result",)

    result: asyncio.Future[Transcript]


class _Batch:
    """What one worker has in hand."""

    def __init__(self, jobs: list[_Job], windows: list[Window]) -> None:
        self.jobs = jobs
        self.windows = windows


_Outcome = Transcript | Exception


class _Worker:
    def __init__(self, recogniser: Recogniser | None) -> None:
        """None: the worker makes its own when it starts."""
        self.recogniser = recogniser
        self.batch: _Batch | None = None
        self.alarm: asyncio.TimerHandle | None = None
        self.inbox: SimpleQueue[_Batch | None] = SimpleQueue()
        """None: the worker shall end."""
        self.thread: Thread | None = None


class RecogniserPool:
    """`async with RecogniserPool(recogniser) as pool: await pool.submit(window)`.

    Belongs to the event loop it was started in; all but the recogniser's work happens there.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        *,
        workers: int = 1,
        batch_size: int = 16,
        queue_size: int = 64,
        deadline_s: float = 60.0,
        remake: Callable[[], Recogniser] | None = None,
        now_s: Callable[[], float] = time.monotonic,
        schedule: Schedule[_Job] | None = None,
    ) -> None:
        """Workers share `recogniser`, which must bear being called by several threads.

        deadline_s: a worker that takes longer, for each window of its batch, counts as hung: its
            windows fail with Unavailable and another takes its place.
        remake: makes the recogniser for a worker that replaces a hung one; None shares the first.
        schedule: another order of things, for comparisons.
        """
        self._recogniser = recogniser
        self._remake = remake
        self._deadline_s = deadline_s
        self._now_s = now_s
        sizes_s = recogniser.model.window_sizes_s
        # An empty one counts as false.
        self._due = (
            Schedule(batch_size=batch_size, sizes_s=sizes_s) if schedule is None else schedule
        )
        live, background = asyncio.Semaphore(queue_size), asyncio.Semaphore(workers * batch_size)
        # Files have places of their own, so that they never take those of live rooms.
        self._places = {
            Priority.FINAL: live,
            Priority.PARTIAL: live,
            Priority.BACKGROUND: background,
        }
        self._loop: asyncio.AbstractEventLoop
        self._workers = [_Worker(recogniser) for _ in range(workers)]
        self._idle: list[_Worker] = []
        self._is_closed = True
        self._number = 0
        self._decoded_s = self._busy_s = 0.0
        self._windows = self._batches = self._failures = self._restarts = 0

    @property
    def model(self) -> ModelInfo:
        return self._recogniser.model

    @property
    def workers(self) -> int:
        return len(self._workers)

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

    async def submit(
        self,
        sound: Window | Sound,
        *,
        priority: Priority | None = None,
        since_s: float | None = None,
    ) -> Transcript:
        """Wait for the transcript. Cancelling takes it out of the queue.

        sound: a window, or what makes one when a worker is free for it (called in the loop).
        priority: None: final or partial, as the window says. since_s: since when its oldest sound
            waits for settled words, by the pool's clock (`time.monotonic`); None is now.
        Raises Busy for a partial when the queue is full, what the recogniser raised (wrapped in
        Unavailable unless it is a VoriError), and Unavailable when the worker hung or the pool
        closes; after Unavailable the same window may be submitted again.
        """
        if isinstance(sound, Window):
            if priority is None:
                priority = Priority.FINAL if sound.is_final else Priority.PARTIAL
            sound = Fixed(sound)
        assert priority is not None
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
        now_s = self._now_s()
        self._number += 1
        job = _Job(sound, priority, self._number, queued_s=now_s, since_s=since_s or now_s)
        job.result = self._loop.create_future()
        self._due.put(job)
        self._hand_out()
        try:
            return await job.result
        except asyncio.CancelledError:
            if self._due.withdraw(job):  # else a worker has it, and its place is free already
                places.release()
            raise

    def interval_s(self, least_s: float, most_s: float) -> float:
        """How often a room should ask for partials: at most every `least_s` when nobody waits."""
        return self._due.interval_s(least_s, most_s)

    async def close(self, *, finish_s: float = 0.0) -> None:
        """Give running and waiting work `finish_s` to end, fail the rest with Unavailable."""
        if self._is_closed:
            return
        self._is_closed = True
        running = [job for worker in self._workers if worker.batch for job in worker.batch.jobs]
        if finish_s > 0:
            waiting = [job.result for job in [*self._due, *running]]
            if waiting:
                await asyncio.wait(waiting, timeout=finish_s)
        for job in self._due.clear():
            self._places[job.priority].release()  # who waits for a place sees the end
            _settle(job, _closed())
        for job in running:
            _settle(job, _closed())
        for worker in self._workers:
            if worker.alarm:
                worker.alarm.cancel()
            worker.inbox.put(None)
        await asyncio.to_thread(self._join)
        atexit.unregister(self._end_with_the_process)

    def _join(self) -> None:
        until_s = time.monotonic() + JOIN_S
        for worker in self._workers:
            if worker.thread:
                worker.thread.join(max(0.0, until_s - time.monotonic()))

    def _end_with_the_process(self) -> None:
        for worker in self._workers:
            worker.inbox.put(None)
        self._join()

    def health(self) -> PoolHealth:
        oldest_s = self._due.oldest_s
        return PoolHealth(
            workers=len(self._workers),
            busy_workers=sum(worker.batch is not None for worker in self._workers),
            queued=len(self._due),
            oldest_ms=0 if oldest_s is None else round((self._now_s() - oldest_s) * 1000),
            decoded_s=round(self._decoded_s, 3),
            real_time_factor=round(self._busy_s / self._decoded_s, 4) if self._decoded_s else 0,
            windows=self._windows,
            batches=self._batches,
            failures=self._failures,
            restarts=self._restarts,
        )

    # In the event loop's thread.

    def _check_open(self) -> None:
        if self._is_closed:
            raise _closed()

    def _start(self, worker: _Worker) -> None:
        worker.thread = Thread(target=self._work, args=(worker,), name="recogniser", daemon=True)
        worker.thread.start()
        if worker.recogniser is not None:
            self._ready(worker)

    def _ready(self, worker: _Worker) -> None:
        if worker in self._workers and not self._is_closed:
            self._idle.append(worker)
            self._hand_out()

    def _hand_out(self) -> None:
        """Give every idle worker its share of what is due."""
        while self._idle:
            background = sum(
                worker.batch is not None and worker.batch.jobs[0].priority is Priority.BACKGROUND
                for worker in self._workers
            )
            jobs = self._due.take(self._now_s(), idle=len(self._idle), background=background)
            if not jobs:
                return
            worker = self._idle.pop()
            for job in jobs:
                self._places[job.priority].release()
            worker.batch = _Batch(jobs, [job.sound.window() for job in jobs])
            worker.alarm = self._loop.call_later(
                self._deadline_s * len(jobs), self._replace, worker
            )
            worker.inbox.put(worker.batch)

    def _done(self, worker: _Worker, outcomes: list[_Outcome], busy_s: float) -> None:
        batch = worker.batch
        if batch is None:
            return  # it took too long and was replaced
        worker.batch = None
        if worker.alarm:
            worker.alarm.cancel()
        self._busy_s += busy_s
        self._batches += 1
        self._windows += len(batch.windows)
        longest = max(len(window.samples) for window in batch.windows)
        self._due.took(longest / RATE_HZ, len(batch.jobs), busy_s)
        for job, window, outcome in zip(batch.jobs, batch.windows, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self._failures += 1
            else:
                self._decoded_s += len(window.samples) / RATE_HZ
            _settle(job, outcome)
        self._idle.append(worker)
        # After those who have just got their words: they may ask for more at once.
        self._loop.call_soon(self._hand_out)

    def _replace(self, worker: _Worker) -> None:
        """Leave a hung thread to itself (a thread cannot be ended) and start another."""
        batch, worker.batch = worker.batch, None
        if self._is_closed or worker not in self._workers:
            return
        worker.inbox.put(None)
        if worker in self._idle:
            self._idle.remove(worker)
        self._restarts += 1
        fresh = _Worker(None if self._remake else self._recogniser)
        self._workers[self._workers.index(worker)] = fresh
        jobs = batch.jobs if batch else []
        logger.error("recogniser_hung", windows=len(jobs), restarts=self._restarts)
        for job in jobs:
            _settle(job, Unavailable("The recogniser hung", code="recogniser_hung"))
        self._start(fresh)

    def _shrink(self, count: int) -> None:
        """A batch of `count` did not fit into the device's memory."""
        if count // 2 < self._due.batch_size:
            self._due.batch_size = max(1, count // 2)
            logger.warning("batches made smaller: out of memory", batch_size=self._due.batch_size)

    # In a worker's thread.

    def _work(self, worker: _Worker) -> None:
        try:
            if worker.recogniser is None and self._remake is not None:
                worker.recogniser = self._made_again()
                self._call(self._ready, worker)
            while batch := worker.inbox.get():
                began_s = self._now_s()
                outcomes = self._run(worker, batch.windows)
                self._call(self._done, worker, outcomes, self._now_s() - began_s)
        except BaseException:
            # Nothing above raises but for what ends a thread: another takes its place.
            logger.exception("recogniser_died")
            self._call(self._replace, worker)

    def _made_again(self) -> Recogniser:
        assert self._remake is not None
        try:
            return self._remake()
        except Exception:
            logger.exception("recogniser_not_remade")
            return self._recogniser

    def _run(self, worker: _Worker, windows: Sequence[Window]) -> list[_Outcome]:
        """Transcribe the batch; if that fails, window by window, so that one spoils no other."""
        assert worker.recogniser is not None
        try:
            transcripts = worker.recogniser.transcribe(windows)
            if len(transcripts) != len(windows):
                raise RuntimeError(f"{len(transcripts)} transcripts of {len(windows)} windows")
            return list(transcripts)
        except Exception as exc:
            if len(windows) == 1:
                return [_translated(exc)]
            if isinstance(exc, OutOfMemory):
                self._call(self._shrink, len(windows))
        return [outcome for window in windows for outcome in self._run(worker, [window])]

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


def _settle(job: _Job, outcome: _Outcome) -> None:
    if job.result.done():
        return  # cancelled, or given up as hung
    if isinstance(outcome, Exception):
        job.result.set_exception(outcome)
    else:
        job.result.set_result(outcome)
