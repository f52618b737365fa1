"""The transactional outbox: an event is written with the rows it tells of, or not at all.

Readers take it in the order `(xid, id)` and stop below the oldest transaction still open; the
order of `id` alone is not the order of commits and would lose events.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from vori.data.engine import DB, translated
from vori.errors import Unavailable
from vori.ids import EventId, uuid7
from vori.streams.codec import encode
from vori.streams.topics import BY_STRUCT, DEAD_LETTER, DeadLettered


class Position(Struct, frozen=True, order=True):
    """A place in the outbox; everything at or before it has been read."""

    xid: int = 0
    id: int = 0


class Row(Struct, frozen=True, kw_only=True):
    """An event as it lies in the outbox."""

    position: Position
    event_id: UUID
    topic: str
    key: str
    payload: str
    age_ms: float
    """How long ago it was written, by the database's clock."""
    partition: int | None = None
    offset: int | None = None
    """Where in Kafka it lies, if it came from there."""
    encoding: Literal["utf-8", "base64"] = "utf-8"
    """base64: the payload was bytes that are no text."""


async def publish(*events: Struct) -> None:
    """Put events in the outbox, as part of the current transaction and in the order given.

    An event's topic follows from its type. Raises RuntimeError outside a transaction, and
    BadMessage when an event holds text that cannot be stored.
    """
    current = DB.current_transaction.get()
    if current is None:
        raise RuntimeError("publish inside the transaction that writes what the event tells of")
    topics = [BY_STRUCT[type(event)] for event in events]
    await DB.fetch(
        "INSERT INTO outbox (event_id, topic, key, payload) "
        "SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])",
        [event.event_id for event in events],  # type: ignore[attr-defined]
        [topic.name for topic in topics],
        [topic.key(event) for topic, event in zip(topics, events, strict=True)],
        [encode(event) for event in events],
    )
    current.published += len(events)  # type: ignore[attr-defined]


async def first_time(consumer: str, event_id: UUID) -> bool:
    """Whether `consumer` sees this event for the first time; remembered with the transaction.

    Call it in the transaction that stores the event's effect, and leave that alone on False.
    """
    if not DB.transaction_exists():
        raise RuntimeError("call first_time inside the transaction that stores the effect")
    rows = await DB.fetch(
        "INSERT INTO handled (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1",
        consumer,
        event_id,
    )
    return bool(rows)


async def open_reader() -> asyncpg.Connection:
    """A connection for one relay. Its cursor need not be durable at once: events may repeat."""
    return await DB.connect("SET synchronous_commit = off")


async def close_reader(connection: asyncpg.Connection) -> None:
    """Give up the connection and its locks, now."""
    with contextlib.suppress(Unavailable), translated():
        await connection.close(timeout=1)


async def read(
    connection: asyncpg.Connection, after: Position, *, topics: frozenset[str], limit: int
) -> tuple[list[Row], Position]:
    """Up to `limit` settled rows after a position, in order, and the position behind them.

    Rows of other topics are passed over but move the position.
    """
    with translated():
        records = await connection.fetch(_READ, str(after.xid), after.id, list(topics), limit)
    if not records:
        return [], after
    rows = [_row(record) for record in records if record["payload"] is not None]
    return rows, _position(records[-1])


async def try_lock(connection: asyncpg.Connection, sink: str) -> bool:
    """Take the right to move `sink`'s cursor; it goes with the connection."""
    with translated():
        return bool(
            await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCKS, sink)
        )


async def still_there(connection: asyncpg.Connection) -> None:
    """Raises Unavailable when the connection, and its lock, are gone."""
    with translated():
        await connection.execute("SELECT 1")


async def newest(connection: asyncpg.Connection) -> Position:
    """Behind everything that is settled now."""
    with translated():
        xid = await connection.fetchval(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        )
    return Position(xid - 1, 2**63 - 1)


async def load_cursor(connection: asyncpg.Connection, sink: str) -> Position:
    with translated():
        record = await connection.fetchrow(
            "SELECT xid::text::bigint AS xid, id FROM relay_cursors WHERE sink = $1", sink
        )
    return Position() if record is None else _position(record)


async def cursor_of(sink: str) -> Position:
    """How far the relay to `sink` has come; for others than that relay."""
    rows = await DB.fetch(
        "SELECT xid::text::bigint AS xid, id FROM relay_cursors WHERE sink = $1", sink
    )
    return _position(rows[0]) if rows else Position()


async def save_cursor(connection: asyncpg.Connection, sink: str, position: Position) -> None:
    """Remember how far `sink` has come. Losing the last one in a crash only repeats some events."""
    with translated():
        await connection.execute(_SAVE_CURSOR, sink, str(position.xid), position.id)


async def backlog(connection: asyncpg.Connection, after: Position, topics: frozenset[str]) -> int:
    """How many events of `topics` wait after a position, counted up to 10,000."""
    with translated():
        waiting = await connection.fetchval(_BACKLOG, str(after.xid), after.id, list(topics))
    return int(waiting)


def reason_of(exc: BaseException) -> str:
    """What an operator reads of an error; text that can be stored."""
    text = f"{type(exc).__name__}: {exc}"[:2000]
    return text.replace("\0", "").encode("utf-8", "replace").decode()


async def set_aside(row: Row, *, consumer: str, reason: str) -> None:
    """Keep a message that `consumer` could not use, and tell the dead-letter topic.

    One statement: of a flood of bad messages each costs one way to the database.
    """
    letter = (row.topic, row.key, row.payload, consumer, reason)
    place = (row.partition, row.offset, row.encoding)
    # A reader of dead letters that fails must not feed itself.
    if row.topic == DEAD_LETTER.name:
        await DB.fetch(_KEEP_LETTER, *letter, *place)
        return
    told = DeadLettered(
        event_id=EventId(uuid7()),
        topic=row.topic,
        key=row.key,
        # One that is too long to be sent is in the table only.
        payload=row.payload if len(row.payload) <= _LONGEST_TOLD else "",
        consumer=consumer,
        reason=reason,
        partition=row.partition,
        offset=row.offset,
        encoding=row.encoding,
    )
    await DB.fetch(
        _KEEP_AND_TELL_LETTER,
        *letter,
        *place,
        *(told.event_id, DEAD_LETTER.name, DEAD_LETTER.key(told), encode(told)),
    )
    DB.wake()


async def prune(keep: timedelta) -> int:
    """Delete what is older than `keep` and read by every sink; returns the number of events.

    A sink that has not moved for four times as long is taken for gone and holds back nothing.
    """
    deleted = await _delete_in_steps(_PRUNE_OUTBOX, keep)
    await _delete_in_steps(_PRUNE_HANDLED, 2 * keep)
    return deleted


async def _delete_in_steps(sql: str, keep: timedelta) -> int:
    """Short transactions: a long one would hold up everyone who reads the outbox."""
    deleted = 0
    while rows := await DB.fetch(sql, keep):
        deleted += len(rows)
        if len(rows) < _STEP_ROWS:
            break
    return deleted


async def adopt_restored() -> None:
    """Bring an outbox that was loaded from a dump in line with this server's transactions.

    Its transaction ids are another server's: from the future they would never be read. Its
    events are written anew in their order, and every sink goes on behind the last it had read:
    one that read all again would read every meeting of the week again, too.
    """
    if not await DB.fetch(_IS_RESTORED):
        return
    async with DB.transaction():
        await DB.fetch("LOCK TABLE outbox, relay_cursors IN ACCESS EXCLUSIVE MODE")
        if await DB.fetch(_IS_RESTORED):
            read = await DB.fetch(_LAST_READ)
            await DB.fetch(_RENEW)
            for row in read:
                await DB.fetch(_GO_ON, row["sink"], row["event_id"])


def _position(record: Any) -> Position:
    return Position(record["xid"], record["id"])


def _row(record: Any) -> Row:
    return Row(
        position=_position(record),
        event_id=record["event_id"],
        topic=record["topic"],
        key=record["key"],
        payload=record["payload"],
        age_ms=record["age_ms"],
    )


_LONGEST_TOLD = 1_000_000

_LOCKS = 0x524F4144  # "ROAD"

# `xid8` has no codec in asyncpg and no cast to a number: both ways lead through text.
_READ = """
SELECT xid::text::bigint AS xid, id, event_id, topic, key,
       CASE WHEN topic = ANY ($3::text[]) THEN payload END AS payload,
       extract(epoch FROM clock_timestamp() - created_at)::float8 * 1000 AS age_ms
FROM outbox
WHERE (outbox.xid, outbox.id) > ($1::text::xid8, $2::bigint)
  AND outbox.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY outbox.xid, outbox.id
LIMIT $4
"""

_SAVE_CURSOR = """
INSERT INTO relay_cursors (sink, xid, id) VALUES ($1, $2::text::xid8, $3::bigint)
ON CONFLICT (sink) DO UPDATE SET xid = excluded.xid, id = excluded.id, updated_at = now()
"""

_BACKLOG = """
SELECT count(*) FROM (
    SELECT 1 FROM outbox
    WHERE (outbox.xid, outbox.id) > ($1::text::xid8, $2::bigint) AND topic = ANY ($3::text[])
    LIMIT 10000
) AS waiting
"""

_KEEP_LETTER = """
INSERT INTO dead_letters (topic, key, payload, consumer, reason, "partition", "offset", encoding)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_KEEP_AND_TELL_LETTER = f"""
WITH letter AS ({_KEEP_LETTER})
INSERT INTO outbox (event_id, topic, key, payload) VALUES ($9, $10, $11, $12)
"""  # noqa: S608 - a statement of ours

_STEP_ROWS = 5_000

_PRUNE_OUTBOX = f"""
WITH slowest AS (
    SELECT xid, id FROM relay_cursors
    WHERE updated_at > now() - 4 * $1::interval ORDER BY xid, id LIMIT 1
)
DELETE FROM outbox WHERE id IN (
    SELECT outbox.id FROM outbox, slowest
    WHERE (outbox.xid, outbox.id) <= (slowest.xid, slowest.id)
      AND outbox.created_at < now() - $1::interval
    ORDER BY outbox.xid, outbox.id LIMIT {_STEP_ROWS}
) RETURNING 1
"""  # noqa: S608 - a number of ours

_PRUNE_HANDLED = f"""
DELETE FROM handled WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM handled WHERE at < now() - $1::interval LIMIT {_STEP_ROWS}
) RETURNING 1
"""  # noqa: S608 - a number of ours

_IS_RESTORED = """
SELECT 1 FROM (SELECT xid FROM outbox UNION ALL SELECT xid FROM relay_cursors) AS known
WHERE xid > pg_snapshot_xmax(pg_current_snapshot()) LIMIT 1
"""

_LAST_READ = """
SELECT c.sink, (SELECT o.event_id FROM outbox o WHERE (o.xid, o.id) <= (c.xid, c.id)
                ORDER BY o.xid DESC, o.id DESC LIMIT 1) AS event_id
FROM relay_cursors c
"""

_GO_ON = """
UPDATE relay_cursors c
SET xid = coalesce(o.xid, '0'::xid8), id = coalesce(o.id, 0), updated_at = now()
FROM (SELECT 1) AS once LEFT JOIN outbox o ON o.event_id = $2 WHERE c.sink = $1
"""

_RENEW = """
WITH old AS (DELETE FROM outbox RETURNING *)
INSERT INTO outbox (event_id, topic, key, payload, created_at)
SELECT event_id, topic, key, payload, created_at FROM old ORDER BY old.xid, old.id
"""
