"""The transactional outbox: an event is written with the rows it tells of, or not at all.

Readers take it in the order `(xid, id)` and stop below the oldest transaction still open; the
order of `id` alone is not the order of commits and would lose events.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from vori.data.engine import DB, translated
from vori.ids import uuid7
from vori.streams.codec import encode
from vori.streams.topics import BY_STRUCT, DeadLettered


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


async def save_cursor(connection: asyncpg.Connection, sink: str, position: Position) -> None:
    """Remember how far `sink` has come. Losing the last one in a crash only repeats some events."""
    with translated():
        await connection.execute(_SAVE_CURSOR, sink, str(position.xid), position.id)


async def backlog(
    connection: asyncpg.Connection, after: Position, topics: frozenset[str]
) -> tuple[int, float]:
    """Events that wait after a position (counted up to 10,000), and the oldest one's age in ms."""
    with translated():
        record = await connection.fetchrow(_BACKLOG, str(after.xid), after.id, list(topics))
    return record["waiting"], record["oldest_ms"]


async def set_aside(*, topic: str, key: str, payload: str, consumer: str, reason: str) -> None:
    """Keep a message nobody could use, and tell the dead-letter topic."""
    letter = DeadLettered(
        event_id=uuid7(),  # type: ignore[arg-type]
        topic=topic,
        key=key,
        payload=payload,
        consumer=consumer,
        reason=reason,
    )
    async with DB.transaction():
        await DB.fetch(
            "INSERT INTO dead_letters (topic, key, payload, consumer, reason) "
            "VALUES ($1, $2, $3, $4, $5)",
            *(topic, key, payload, consumer, reason),
        )
        await publish(letter)


async def prune(keep: timedelta) -> int:
    """Delete what is older than `keep` and read by every sink; returns the number of events."""
    rows = await DB.fetch(_PRUNE, keep)
    await DB.fetch("DELETE FROM handled WHERE at < now() - 2 * $1::interval", keep)
    return int(rows[0][0])


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
SELECT count(*) AS waiting,
       coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 * 1000
           AS oldest_ms
FROM (
    SELECT created_at FROM outbox
    WHERE (outbox.xid, outbox.id) > ($1::text::xid8, $2::bigint) AND topic = ANY ($3::text[])
    LIMIT 10000
) AS waiting
"""

_PRUNE = """
WITH slowest AS (SELECT xid, id FROM relay_cursors ORDER BY xid, id LIMIT 1),
gone AS (
    DELETE FROM outbox USING slowest
    WHERE (outbox.xid, outbox.id) <= (slowest.xid, slowest.id)
      AND outbox.created_at < now() - $1::interval
    RETURNING 1
)
SELECT count(*) FROM gone
"""
