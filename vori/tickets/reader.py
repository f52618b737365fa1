"""Reads meetings: while they run, and once more, whole, when they have ended. A worker.

While a meeting runs the local engine reads on soon after new captions. At its end the
configured engine reads everything and the minutes are written; the end comes over the road,
so a VORI that is killed in between does it at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from msgspec.structs import replace

from vori import log
from vori.clock import Clock
from vori.errors import NotFound, VoriError
from vori.ids import MeetingId, TicketId
from vori.settings import Tickets
from vori.tickets.decide import Decision, OpenTicket
from vori.tickets.extract import Extractor
from vori.tickets.live import HeardPassage, LiveReading, Part, Spoken, parted
from vori.tickets.messages import Extraction, Passage
from vori.worker import Health, State, background

logger = log.get(__name__)

POLL_S = 2.0
MOST_SHOWN = 16
"""Readings that were shown and may be applied."""
MOST_RUNNING = 200
"""Meetings whose reading is kept to go on with; of more, the longest silent is read anew."""


class Board(Protocol):
    """Where passages come from and changes go."""

    async def is_live(self, meeting_id: MeetingId) -> bool:
        """Whether people are still talking; not once the meeting has ended or is gone."""
        ...

    async def load_passage(self, meeting_id: MeetingId) -> HeardPassage:
        """All final captions of the meeting; raises NotFound when it was deleted."""
        ...

    async def apply(self, passage: Passage, extraction: Extraction) -> object:
        """Store what the reading changes; the same reading again changes nothing."""
        ...

    async def apply_part(self, passage: Passage, part: Part, *, read_at: datetime | None) -> Any:
        """Bring the board to what further captions of a running meeting say.

        `read_at`: what was made of captions stored before that moment stays as it is.
        """
        ...

    async def read_by_other(self, meeting_id: MeetingId) -> datetime | None:
        """When another engine than the local one last read the meeting; None: it is not so."""
        ...

    async def preview(
        self, passage: Passage, extraction: Extraction
    ) -> tuple[Decision, dict[TicketId, OpenTicket]]:
        """What `apply` would change now, and the group's tickets as they are; stores nothing."""
        ...

    async def board_mark(self, passage: Passage) -> int:
        """Other when tickets that the meeting's machine did not make came, went or changed words."""
        ...

    async def write_minutes(self, passage: Passage, extraction: Extraction) -> None: ...

    def hold_reading(
        self, meeting_id: MeetingId, *, wait: bool
    ) -> contextlib.AbstractAsyncContextManager[bool]:
        """Nobody in another process reads the meeting meanwhile; False: somebody does."""
        ...


class _Running(NamedTuple):
    """A running meeting's reading. `passage` is without words; `mark`: the board it goes by."""

    passage: HeardPassage
    reading: LiveReading
    mark: int
    read_at: datetime | None
    """When a better engine read what had been said by then."""


class TicketReader:
    """Worker `tickets`."""

    name = "tickets"

    def __init__(
        self,
        board: Board,
        live: Extractor,
        full: Extractor,
        fallen_silent: Callable[..., Awaitable[list[MeetingId]]],
        end_meeting: Callable[[MeetingId], Awaitable[None]],
        *,
        settings: Tickets,
        clock: Clock,
        listen: Callable[[Passage, Sequence[UUID]], LiveReading] | None = None,
    ) -> None:
        """live, full: the engines that read a running meeting and an ended one.

        `listen` begins a reading that goes on caption by caption, instead of `live`.
        """
        self._board = board
        self._live = live
        self._full = full
        self._fallen_silent = fallen_silent
        self._end_meeting = end_meeting
        self._settings = settings
        self._clock = clock
        self._due: dict[MeetingId, asyncio.Task[None]] = {}
        self._again: set[MeetingId] = set()
        self._reading: dict[MeetingId, asyncio.Lock] = {}
        self._read = 0
        self._failed = ""
        self._with_notes = 0
        self._listen = listen
        self._running: dict[MeetingId, _Running] = {}
        self._new: dict[MeetingId, list[Spoken]] = {}
        self._stale: set[MeetingId] = set()
        self._shown: dict[tuple[MeetingId, str], tuple[tuple[UUID, ...], Extraction]] = {}

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with background(self._end_silent_meetings()):
            try:
                yield
            finally:
                tasks = list(self._due.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def health(self) -> Health:
        detail = {
            "engine": self._full.name,
            "readings": self._read,
            "due": len(self._due),
            "running": len(self._running),
        }
        if self._with_notes:
            detail["withNotes"] = self._with_notes  # what they say, the meetings tell
        if self._failed:
            return Health(state=State.DEGRADED, message=self._failed, detail=detail)
        return Health(detail=detail)

    async def captions_came(self, meeting_id: MeetingId, caption: Spoken | None = None) -> None:
        """Read the meeting soon; many captions make one reading.

        `caption` is the one that came; None when others are no longer what they were, so that
        all has to be read again.
        """
        if not self._settings.live:
            return
        if caption is None:
            self._stale.add(meeting_id)
        elif self._listen is not None:
            self._new.setdefault(meeting_id, []).append(caption)
        if meeting_id in self._due:
            self._again.add(meeting_id)
        else:
            self._due[meeting_id] = asyncio.create_task(self._read_soon(meeting_id))

    async def meeting_ended(self, meeting_id: MeetingId) -> None:
        """Read the whole meeting and write its minutes; harmless when done again."""
        self._again.discard(meeting_id)
        async with self._alone(meeting_id):
            self._forget(meeting_id)
            try:
                passage = await self._board.load_passage(meeting_id)
            except NotFound:
                return
            extraction = await self._full.extract(passage)
            await self._board.apply(passage, extraction)
            await self._board.write_minutes(passage, extraction)
            self._read += 1
            self._failed = ""
            self._with_notes += bool(extraction.notes)
        logger.info(
            "meeting read",
            meeting_id=meeting_id,
            engine=extraction.engine,
            drafts=len(extraction.new_tickets),
            updates=len(extraction.ticket_updates),
            rejected=len(extraction.rejected),
        )

    async def reread(
        self, meeting_id: MeetingId, *, local: bool, dry_run: bool
    ) -> tuple[Decision, dict[TicketId, OpenTicket], Any, Extraction]:
        """Read the meeting again, by the configured engine or the `local` one.

        With `dry_run` nothing is stored, and the same reading is applied if that is asked for
        while the words are the same: an engine need not say the same thing twice. Returns what
        changes, the tickets as they were, and what was read. Raises NotFound.
        """
        engine = self._live if local else self._full
        async with self._alone(meeting_id):
            passage = await self._board.load_passage(meeting_id)
            key = (meeting_id, engine.name)
            words, extraction = self._shown.pop(key, ((), Extraction()))
            if not words or words != passage.caption_ids:
                extraction = await engine.extract(passage)
            decision, tickets = await self._board.preview(passage, extraction)
            if dry_run:
                self._shown[key] = (passage.caption_ids, extraction)
                while len(self._shown) > MOST_SHOWN:
                    del self._shown[next(iter(self._shown))]
            else:
                await self._board.apply(passage, extraction)
                self._forget(meeting_id)
                if not await self._board.is_live(meeting_id):
                    await self._board.write_minutes(passage, extraction)
            return decision, tickets, passage, extraction

    async def _read_soon(self, meeting_id: MeetingId) -> None:
        """Readings take at most a quarter of the time, however long the meeting gets."""
        loop = asyncio.get_running_loop()
        pause_s = self._settings.live_interval_s
        try:
            while True:
                await asyncio.sleep(pause_s)
                self._again.discard(meeting_id)
                started_s = loop.time()
                await self._read_live(meeting_id)
                pause_s = max(self._settings.live_interval_s, 3 * (loop.time() - started_s))
                if meeting_id not in self._again:
                    return
        finally:
            del self._due[meeting_id]

    async def _read_live(self, meeting_id: MeetingId) -> None:
        try:
            async with self._alone(meeting_id, wait=False) as is_alone:
                if not is_alone:
                    self._again.add(meeting_id)
                    return  # another VORI reads it; look again later
                if not await self._board.is_live(meeting_id):
                    self._forget(meeting_id)
                    return  # the whole meeting has been read, or will be, by the better engine
                if self._listen is None:
                    passage = await self._board.load_passage(meeting_id)
                    await self._board.apply(passage, await self._live.extract(passage))
                else:
                    await self._hear_on(meeting_id, self._listen)
            self._read += 1
            self._failed = ""
        except VoriError as exc:
            # The reading at the meeting's end covers this one.
            self._failed = f"reading a live meeting failed: {exc.code}"
            logger.warning("live reading failed", meeting_id=meeting_id, code=exc.code)
        except Exception:
            self._failed = "reading a live meeting failed; see the log"
            logger.exception("live reading failed", meeting_id=meeting_id)

    async def _hear_on(
        self, meeting_id: MeetingId, listen: Callable[[Passage, Sequence[UUID]], LiveReading]
    ) -> None:
        """Read the captions that came since; all of them where no reading is under way."""
        running = self._running.pop(meeting_id, None)
        new = self._new.pop(meeting_id, [])
        is_stale = meeting_id in self._stale
        self._stale.discard(meeting_id)
        if (
            running is not None
            and not is_stale
            and running.mark == await self._board.board_mark(running.passage)
        ):
            part = await asyncio.to_thread(running.reading.hear, new)
            if part is not None:
                await self._board.apply_part(running.passage, part, read_at=running.read_at)
        else:
            running = await self._begin(meeting_id, listen)
        # Only now: after a failure all is read again.
        self._running[meeting_id] = running
        while len(self._running) > MOST_RUNNING:
            self._forget(next(iter(self._running)))

    async def _begin(
        self, meeting_id: MeetingId, listen: Callable[[Passage, Sequence[UUID]], LiveReading]
    ) -> _Running:
        """Read all that has been said, or once a better engine has read it, what came since."""
        passage = await self._board.load_passage(meeting_id)
        empty = replace(passage, segments=(), caption_ids=())
        read_at = await self._board.read_by_other(meeting_id)
        if read_at is None:
            reading = await asyncio.to_thread(listen, passage, passage.caption_ids)
            await self._board.apply(passage, await asyncio.to_thread(reading.whole))
        else:
            before, since = parted(passage, read_at)
            reading = await asyncio.to_thread(listen, before, before.caption_ids)
            await asyncio.to_thread(reading.whole)
            part = await asyncio.to_thread(reading.hear, since)
            if part is not None:
                await self._board.apply_part(empty, part, read_at=read_at)
        mark = await self._board.board_mark(passage)
        return _Running(empty, reading, mark, read_at)

    def _forget(self, meeting_id: MeetingId) -> None:
        self._running.pop(meeting_id, None)
        self._new.pop(meeting_id, None)
        self._stale.discard(meeting_id)

    @contextlib.asynccontextmanager
    async def _alone(self, meeting_id: MeetingId, *, wait: bool = True) -> AsyncIterator[bool]:
        """Nobody else reads the meeting meanwhile, here or in another process.

        False, and only without `wait`: another process reads it.
        """
        async with (
            self._lock(meeting_id),
            self._board.hold_reading(meeting_id, wait=wait) as is_alone,
        ):
            yield is_alone

    def _lock(self, meeting_id: MeetingId) -> asyncio.Lock:
        if len(self._reading) > 1000:
            self._reading = {m: lock for m, lock in self._reading.items() if lock.locked()}
        return self._reading.setdefault(meeting_id, asyncio.Lock())

    async def _end_silent_meetings(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            now = self._clock.now()
            gone = timedelta(seconds=self._settings.end_after_s)
            unheard = timedelta(seconds=self._settings.end_after_silence_s)
            try:
                for meeting_id in await self._fallen_silent(now, gone=gone, unheard=unheard):
                    logger.info("meeting ended by silence", meeting_id=meeting_id)
                    await self._end_meeting(meeting_id)
            except VoriError as exc:
                logger.warning("cannot look for silent meetings", code=exc.code)
            except Exception:
                logger.exception("cannot look for silent meetings")
