"""Which windows are due, as one batch. Knows nothing of threads, and of time what it is told.

Finals go before partials, files after everything live; of one priority the recording whose sound
has waited longest goes first. A batch holds windows of one padded length, since the engine can
decode only those together: short ones never wait for long ones. It is so small that it takes about
BATCH_S: a worker that is busy for longer serves more windows a second, and each of them too late.
Where windows wait for much longer than that anyway, batches grow with the wait.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Generic, Protocol, TypeVar

from vori.transcribe.messages import RATE_HZ
from vori.transcribe.recogniser import Window

RECENT_S = 5.0
"""Rooms that were heard so lately are live: files then leave a worker to them."""
PATIENCE_S = 1.0
"""Where partials wait so long for a worker, rooms ask half as often."""
BATCH_S = 0.35
"""A live batch takes about so long, at most …"""
FILE_BATCH_S = 2.0
"""… and one of files, where nobody is live."""
FIRST_BATCH = 4
"""Windows in a batch before it is known how long one takes."""
WEIGHT = 0.2
"""Of the newest figure in a mean."""


class Priority(IntEnum):
    """Lower goes first."""

    FINAL = 0
    PARTIAL = 1
    BACKGROUND = 2
    """Files and re-transcription: waits like a final, after everything live."""


class Sound(Protocol):
    """Sound that may grow while it waits: the window is made when a worker is free for it."""

    @property
    def seconds(self) -> float: ...

    def window(self) -> Window: ...


class Fixed:
    """A window that is what it is."""

    def __init__(self, window: Window) -> None:
        self._window = window

    @property
    def seconds(self) -> float:
        return len(self._window.samples) / RATE_HZ

    def window(self) -> Window:
        return self._window


class Job:
    """A window that waits. `since_s`: since when its oldest sound waits for settled words."""

    __slots__ = ("number", "priority", "queued_s", "since_s", "sound")

    def __init__(
        self, sound: Sound, priority: Priority, number: int, *, queued_s: float, since_s: float
    ) -> None:
        self.sound = sound
        self.priority = priority
        self.number = number
        self.queued_s = queued_s
        self.since_s = since_s

    @property
    def urgency(self) -> tuple[Priority, float, int]:
        """The smallest goes first."""
        return self.priority, self.since_s, self.number


J = TypeVar("J", bound=Job)


class Schedule(Generic[J]):
    """The jobs of one pool."""

    def __init__(self, *, batch_size: int = 16, sizes_s: Sequence[float] = ()) -> None:
        """batch_size: at most so many windows at once. sizes_s: the lengths windows are padded to,
        ascending; none: all go together.
        """
        self.batch_size = batch_size
        self._sizes_s = sizes_s
        self._due: list[J] = []
        self._live_s = -math.inf
        self._wait_s = 0.0
        """How long partials waited for a worker, in the mean …"""
        self._live_wait_s = 0.0
        """… and all live windows."""
        self._window_s: dict[int, float] = {}
        """How long a worker is busy with one window of each size, in the mean."""

    def __len__(self) -> int:
        return len(self._due)

    def __iter__(self) -> Iterator[J]:
        return iter(self._due)

    @property
    def oldest_s(self) -> float | None:
        """When the job that waits longest was put in."""
        return min((job.queued_s for job in self._due), default=None)

    def put(self, job: J) -> None:
        self._due.append(job)

    def withdraw(self, job: J) -> bool:
        """Whether it was still waiting."""
        if job not in self._due:
            return False
        self._due.remove(job)
        return True

    def clear(self) -> list[J]:
        left, self._due = self._due, []
        return left

    def take(self, now_s: float, *, idle: int, background: int) -> list[J]:
        """The next batch for one of `idle` workers; none where nothing may be done now.

        Shared fairly with the workers that idle, too. background: how many workers have files.
        """
        if any(job.priority is not Priority.BACKGROUND for job in self._due):
            self._live_s = now_s
        first = min(self._due, key=lambda job: job.urgency, default=None)
        if first is None:
            return []
        size = self._size(first)
        is_live = first.priority is not Priority.BACKGROUND
        most = self._most(size, max(BATCH_S, self._live_wait_s / 2) if is_live else FILE_BATCH_S)
        if first.priority is Priority.BACKGROUND and now_s - self._live_s < RECENT_S:
            # One window, and never all workers: somebody may stop speaking any moment.
            if background and idle < 2:
                return []
            most = 1
        alike = [
            job for job in self._due if job.priority is first.priority and self._size(job) == size
        ]
        share = min(most, math.ceil(len(alike) / idle))
        batch = sorted(alike, key=lambda job: job.urgency)[:share]
        for job in batch:
            self._due.remove(job)
            waited_s = now_s - job.queued_s
            if job.priority is Priority.PARTIAL:
                self._wait_s += WEIGHT * (waited_s - self._wait_s)
            if is_live:
                self._live_wait_s += WEIGHT * (waited_s - self._live_wait_s)
        return batch

    def took(self, seconds: float, count: int, busy_s: float) -> None:
        """A worker was busy for `busy_s` with `count` windows, the longest of so many seconds."""
        size, mean_s = self._size_of(seconds), busy_s / count
        known_s = self._window_s.get(size, mean_s)
        self._window_s[size] = known_s + WEIGHT * (mean_s - known_s)

    def _most(self, size: int, batch_s: float) -> int:
        """How many windows of the size a worker does in `batch_s`; at least one."""
        window_s = self._window_s.get(size, batch_s / FIRST_BATCH)
        return max(1, min(self.batch_size, int(batch_s / max(window_s, 0.001))))

    def interval_s(self, least_s: float, most_s: float) -> float:
        """How often a room should ask for partials now: as often as others leave room for."""
        return min(most_s, least_s * (1 + self._wait_s / PATIENCE_S))

    def _size(self, job: J) -> int:
        return self._size_of(job.sound.seconds)

    def _size_of(self, seconds: float) -> int:
        return bisect.bisect_left(self._sizes_s, seconds)
