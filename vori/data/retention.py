"""What is kept for how long: each group's sound and words, and the audit log.

The database is swept by one process at a time, a meeting in a transaction; what is due is told
by the clock given, so a sweep that was missed is made up for by the next. Sound lies on the disks
of those who recorded it: rows say which of it is deleted, and each VORI removes that from its own
home, whoever decided it.

What goes with the words: captions and their versions, minutes, what readings noted, proposals,
blockers, quotes and reasons in receipts, what machines wrote into the content of tickets (mostly
the sentences themselves), words that analytics counted, and events that all readers have. What
stays: the meeting's title and times, its tickets with what people wrote, and numbers.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec
from msgspec import Struct

from vori import log, settings
from vori.clock import Clock
from vori.data.engine import DB, transaction, translated
from vori.errors import VoriError
from vori.ids import MeetingId

STEP_MEETINGS = 100
STEP_ROWS = 5_000
STEP_FOLDERS = 1_000
SINK_GONE = timedelta(days=28)
"""As in `outbox.prune`: a sink that has not moved for so long holds back nothing."""
EVENTS_KEPT = timedelta(days=40)
"""Events are looked for so long after their meeting's words were deleted; outbox.KEEP is less."""

_LOCK = 0x4B454550  # "KEEP"
_logger = log.get(__name__)


class Announce(Protocol):
    """Tells of a changed meeting, in the current transaction."""

    async def __call__(self, meeting_id: MeetingId, changed: tuple[str, ...]) -> None: ...


class Swept(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was deleted, or with `dry_run` would be: meetings by number, the rest counted."""

    sound_of: tuple[MeetingId, ...] = ()
    words_of: tuple[MeetingId, ...] = ()
    audit_rows: int = 0
    recordings: int = 0
    """Whose sound was removed from this home."""


class Sweeper:
    """Deletes what is due."""

    def __init__(
        self, home: Path, clock: Clock, rules: settings.Retention, announce: Announce
    ) -> None:
        self._home = home
        self._clock = clock
        self._rules = rules
        self._announce = announce

    async def run(self) -> None:
        """Sweep now and every `retention.sweep_s`, until cancelled."""
        while True:
            try:
                swept = await self.sweep()
                if swept != Swept():
                    _logger.info(
                        "deleted by age",
                        sound_of=len(swept.sound_of),
                        words_of=len(swept.words_of),
                        audit_rows=swept.audit_rows,
                        recordings=swept.recordings,
                    )
            except VoriError as exc:
                _logger.warning("nothing deleted by age", code=exc.code)
            except Exception:
                _logger.exception("nothing deleted by age")
            await asyncio.sleep(self._rules.sweep_s)

    async def sweep(self, *, dry_run: bool = False) -> Swept:
        """Raises Unavailable; what was deleted until then stays deleted."""
        now = self._clock.now()
        if dry_run:
            return Swept(
                sound_of=await _due(_SOUND_DUE, now),
                words_of=await _due(_WORDS_DUE, now),
                audit_rows=await self._old_audit_rows(now),
                recordings=len(await self._folders_to_remove()),
            )
        swept = Swept()
        async with _alone() as is_alone:
            if is_alone:
                swept = Swept(
                    sound_of=await self._each(_SOUND_DUE, now, self._delete_sound),
                    words_of=await self._each(_WORDS_DUE, now, self._delete_words),
                    audit_rows=await self._delete_audit_rows(now),
                )
                await DB.fetch(_DELETE_EVENTS, now - EVENTS_KEPT, SINK_GONE)
        return msgspec.structs.replace(swept, recordings=await self.remove_sound())

    async def remove_sound(self) -> int:
        """Remove from this home what the database says is deleted; the number of recordings."""
        folders = await self._folders_to_remove()
        for folder in folders:
            await asyncio.to_thread(_remove, folder, self._home / "cache" / "wav")
        return len(folders)

    async def _each(
        self, due: str, now: datetime, delete: Callable[[MeetingId, datetime], Awaitable[None]]
    ) -> tuple[MeetingId, ...]:
        done: list[MeetingId] = []
        while meetings := (await _due(due, now))[:STEP_MEETINGS]:
            for meeting_id in meetings:
                async with transaction():
                    # Again, under the meeting's lock: people may have gone on talking.
                    await DB.fetch("SELECT 1 FROM meetings WHERE id = $1 FOR UPDATE", meeting_id)
                    if await DB.fetch(f"{due} AND m.id = $2", now, meeting_id):
                        await delete(meeting_id, now)
                        done.append(meeting_id)
            if len(meetings) < STEP_MEETINGS:
                break
        return tuple(done)

    async def _delete_sound(self, meeting_id: MeetingId, now: datetime) -> None:
        await DB.fetch(
            "UPDATE recordings SET sound_deleted_at = $2"
            " WHERE meeting_id = $1 AND sound_deleted_at IS NULL",
            meeting_id,
            now,
        )
        await DB.fetch("UPDATE meetings SET sound_deleted_at = $2 WHERE id = $1", meeting_id, now)
        await _note("retention.sound_deleted", meeting_id, now)
        await self._announce(meeting_id, ("soundDeletedAt",))

    async def _delete_words(self, meeting_id: MeetingId, now: datetime) -> None:
        await delete_words(meeting_id)
        await DB.fetch("UPDATE meetings SET words_deleted_at = $2 WHERE id = $1", meeting_id, now)
        await _note("retention.words_deleted", meeting_id, now)
        await self._announce(meeting_id, ("wordsDeletedAt",))

    async def _old_audit_rows(self, now: datetime) -> int:
        if not self._rules.audit_days:
            return 0
        before = now - timedelta(days=self._rules.audit_days)
        [row] = await DB.fetch("SELECT count(*) AS n FROM audit WHERE at < $1", before)
        return int(row["n"])

    async def _delete_audit_rows(self, now: datetime) -> int:
        if not self._rules.audit_days:
            return 0
        before, deleted = now - timedelta(days=self._rules.audit_days), 0
        while rows := await DB.fetch(_DELETE_AUDIT, before, STEP_ROWS):
            deleted += len(rows)
        return deleted

    async def _folders_to_remove(self) -> list[Path]:
        found = await asyncio.to_thread(recording_folders, self._home)
        recordings, removed = list(found), []
        for at in range(0, len(recordings), STEP_FOLDERS):
            rows = await DB.fetch(_DELETED, recordings[at : at + STEP_FOLDERS])
            removed += [found[row["id"]] for row in rows]
        return removed


async def delete_words(meeting_id: MeetingId) -> None:
    """All that was said in the meeting, wherever it stands; in the current transaction.

    Events that a reader has not read stay for it.
    """
    for sql in _WORDS:
        await DB.fetch(sql, meeting_id)
    await DB.fetch(_DELETE_EVENTS_OF, meeting_id, SINK_GONE)


def recording_folders(home: Path) -> dict[UUID, Path]:
    """The recordings whose sound lies in this home: `journal/<meeting>/<recording>`."""
    found: dict[UUID, Path] = {}
    for folder in (home / "journal").glob("*/*"):
        with contextlib.suppress(ValueError):  # somebody else's
            found[UUID(folder.name)] = folder
    return found


def _remove(folder: Path, wavs: Path) -> None:
    for made in wavs.glob(f"{folder.name}-*"):
        made.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # if this was the meeting's last


@contextlib.asynccontextmanager
async def _alone() -> AsyncIterator[bool]:
    """Whether no other process sweeps, for as long as the block lasts."""
    connection = await DB.connect()
    try:
        with translated():
            is_alone = await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK)
        yield bool(is_alone)
    finally:
        with contextlib.suppress(VoriError), translated():
            await connection.close(timeout=5)


async def _due(sql: str, now: datetime) -> tuple[MeetingId, ...]:
    rows = await DB.fetch(f"{sql} ORDER BY m.ended_at, m.id", now)
    return tuple(MeetingId(row["id"]) for row in rows)


async def _note(action: str, meeting_id: MeetingId, now: datetime) -> None:
    await DB.fetch(
        "INSERT INTO audit (at, via, action, group_id, meeting_id)"
        " SELECT $1, 'retention', $2, group_id, id FROM meetings WHERE id = $3",
        now,
        action,
        meeting_id,
    )


# Days count from the meeting's end. Sound tells the words, so it never outlives them. A job that
# puts sound into words is waited for a day.
_DUE = """
SELECT m.id FROM meetings m JOIN groups g ON g.id = m.group_id
WHERE m.status = 'ENDED' AND m.ended_at < $1::timestamptz - {days} * interval '1 day'
AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.meeting_id = m.id AND r.status = 'OPEN')
AND NOT EXISTS (
    SELECT 1 FROM transcription_jobs j WHERE j.meeting_id = m.id
    AND j.state IN ('QUEUED', 'RUNNING')
    AND j.updated_at > $1::timestamptz - interval '1 day')
"""
_SOUND_LEFT = """AND EXISTS (
    SELECT 1 FROM recordings r WHERE r.meeting_id = m.id AND r.sound_deleted_at IS NULL)
"""
_SOUND_DUE = _DUE.format(days="least(g.keep_sound_days, g.keep_words_days)") + _SOUND_LEFT
_WORDS_DUE = _DUE.format(days="g.keep_words_days") + "AND m.words_deleted_at IS NULL\n"

_WRITTEN = """
    SELECT m.after ->> 'content' FROM ticket_history m
    WHERE m.ticket_id = {ticket} AND m.meeting_id = $1 AND m.actor = 'machine' AND m.after ? 'content'
"""
"""What machines wrote into a ticket's content for the meeting; people's own text is other text."""
_OF_ITS_TICKETS = (
    "(SELECT ticket_id FROM ticket_history WHERE meeting_id = $1 AND actor = 'machine')"
)

_WORDS = (
    f"UPDATE tickets t SET content = '' WHERE t.id IN {_OF_ITS_TICKETS}"  # noqa: S608 - no input
    f" AND t.content IN ({_WRITTEN.format(ticket='t.id')})",
    "UPDATE ticket_history h SET"
    + ",".join(
        f" {side} = CASE WHEN h.{side} ->> 'content' IN ({_WRITTEN.format(ticket='h.ticket_id')})"
        f""" THEN h.{side} || '{{"content": ""}}' ELSE h.{side} END"""
        for side in ("before", "after")
    )
    + f" WHERE h.ticket_id IN {_OF_ITS_TICKETS} AND (h.before ? 'content' OR h.after ? 'content')",
    "DELETE FROM transcription_jobs WHERE meeting_id = $1",
    "DELETE FROM transcript_versions WHERE recording_id IN"
    " (SELECT id FROM recordings WHERE meeting_id = $1)",
    "DELETE FROM captions WHERE meeting_id = $1",
    "DELETE FROM minutes WHERE meeting_id = $1",
    "DELETE FROM readings WHERE meeting_id = $1",
    "DELETE FROM proposals WHERE meeting_id = $1",
    "DELETE FROM blockers WHERE meeting_id = $1",
    """UPDATE ticket_history SET receipt = receipt || '{"quote": "", "reason": ""}'::jsonb"""
    " WHERE meeting_id = $1 AND receipt IS NOT NULL",
    "DELETE FROM analytics_group_keywords k USING meetings m, analytics_words w WHERE m.id = $1"
    " AND w.meeting_id = m.id AND k.group_id = m.group_id AND w.words ? k.term",
    "DELETE FROM analytics_words WHERE meeting_id = $1",
    "DELETE FROM analytics_minute_words WHERE meeting_id = $1",
    "DELETE FROM analytics_meeting_keywords WHERE meeting_id = $1",
    "DELETE FROM analytics_topics WHERE $1 = ANY (meeting_ids)",
    "DELETE FROM analytics_insights WHERE $1 = ANY (meeting_ids)",
    "DELETE FROM dead_letters WHERE key = $1::bigint::text",
)

_DELETE_EVENTS = """
DELETE FROM outbox o USING meetings m
WHERE m.words_deleted_at > $1 AND o.key = m.id::text AND o.created_at < m.words_deleted_at
AND NOT EXISTS (
    SELECT 1 FROM relay_cursors c
    WHERE c.updated_at > now() - $2::interval AND (o.xid, o.id) > (c.xid, c.id))
"""

_DELETE_EVENTS_OF = """
DELETE FROM outbox o WHERE o.key = $1::bigint::text AND NOT EXISTS (
    SELECT 1 FROM relay_cursors c
    WHERE c.updated_at > now() - $2::interval AND (o.xid, o.id) > (c.xid, c.id))
"""

_DELETE_AUDIT = """
DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT $2) RETURNING 1
"""

_DELETED = """
SELECT id FROM recordings WHERE id = ANY ($1::uuid[]) AND sound_deleted_at IS NOT NULL
UNION SELECT recording_id FROM gone_recordings WHERE recording_id = ANY ($1::uuid[])
"""
