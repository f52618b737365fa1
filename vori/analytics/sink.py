"""Results of the job, written: each again and again without harm, told on the topics once.

A minute is upserted as often as it changes, for live views. When the watermark has passed it, it
is closed and told on its topics, in the same transaction. An event that comes after that and is
still counted opens the minute again, and it is told once more.

What a deleted meeting or group led to is not written: it would outlive them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from vori.analytics.messages import (
    GroupTrend,
    Insight,
    InsightKind,
    MinutesCounted,
    Productivity,
    Span,
    TicketMetrics,
    Trend,
    WindowsChanged,
)
from vori.analytics.words import Around, Words, together
from vori.data.engine import DB, transaction
from vori.data.outbox import publish
from vori.ids import EventId, GroupId, MeetingId, uuid7

T = TypeVar("T")

CLOSE_AT_ONCE = 500
"""Minutes closed in one transaction: a long one would hold up everyone who reads the outbox."""
AT_ONCE = 200
TALKS_AT_ONCE = 2_000


class Minute(Struct, frozen=True, kw_only=True):
    """A minute of a meeting, as `metrics.minutes` counts it."""

    meeting_id: MeetingId
    group_id: GroupId
    window_start: datetime
    window_end: datetime
    tickets_made: int
    status_updates: int
    blockers: int
    ticket_changes: int
    captions: int
    productivity: float


async def write_minutes(minutes: Sequence[Minute]) -> int:
    """Upsert minutes, and tell every process in which meetings any changed; returns how many did."""
    if not minutes:
        return 0
    async with transaction():
        rows = await DB.fetch(_UPSERT_MINUTES, *_columns(minutes, Minute.__struct_fields__))
        await tell_changed((row["meeting_id"], row["group_id"]) for row in rows)
    return len(rows)


async def tell_changed(meetings: Iterable[tuple[int, int]]) -> None:
    """Tell, in this transaction, that numbers of these (meeting, group) were counted anew."""
    changed = tuple(
        WindowsChanged(meeting_id=MeetingId(meeting), group_id=GroupId(group))
        for meeting, group in sorted(set(meetings))
    )
    if changed:
        await publish(MinutesCounted(event_id=EventId(uuid7()), changed=changed))


async def close_minutes(until: datetime) -> int:
    """Close and tell the minutes that ended by `until`; returns how many."""
    closed = 0
    while True:
        async with transaction():
            rows = await DB.fetch(_CLOSE, until, CLOSE_AT_ONCE)
            await publish(*(message for row in rows for message in _told(row)))
        closed += len(rows)
        if len(rows) < CLOSE_AT_ONCE:
            return closed


async def forget_minutes(keep: timedelta, keep_words: timedelta) -> None:
    """Delete minutes that are older than `keep`, and words of minutes older than `keep_words`."""
    await DB.fetch("DELETE FROM analytics_windows WHERE window_end < now() - $1::interval", keep)
    await DB.fetch(
        "DELETE FROM analytics_minute_words w USING meetings m WHERE m.id = w.meeting_id"
        " AND coalesce(m.started_at, m.created_at) < now() - $1::interval",
        keep_words,
    )


def _told(row: Any) -> tuple[TicketMetrics, Productivity]:
    window = Span(start=row["window_start"], end=row["window_end"])
    meeting_id, group_id = MeetingId(row["meeting_id"]), GroupId(row["group_id"])
    return (
        TicketMetrics(
            event_id=EventId(uuid7()),
            window=window,
            meeting_id=meeting_id,
            group_id=group_id,
            actionable_items_count=row["tickets_made"],
            status_updates_count=row["status_updates"],
            blockers_mentioned=row["blockers"],
        ),
        Productivity(
            event_id=EventId(uuid7()),
            window=window,
            meeting_id=meeting_id,
            group_id=group_id,
            productivity_score=row["productivity"],
            ticket_count=row["ticket_changes"],
            actionable_tickets=row["tickets_made"],
        ),
    )


class GroupTrendRow(Struct, frozen=True, kw_only=True):
    group_id: GroupId
    trend: Trend


class HourRow(Struct, frozen=True, kw_only=True):
    """Meetings of a group that began in this hour of their day; `deviation` is the sample's."""

    group_id: GroupId
    hour: int
    meetings: int
    avg_productivity: float
    deviation: float


class MeetingWord(Struct, frozen=True, kw_only=True):
    meeting_id: MeetingId
    term: str
    score: float
    count: int


class GroupWord(Struct, frozen=True, kw_only=True):
    group_id: GroupId
    term: str
    score: float
    count: int
    meetings: int
    count_before: int


class MinuteWords(Struct, frozen=True, kw_only=True):
    """What was said in one minute of a meeting's talk, and the tickets it meant."""

    meeting_id: MeetingId
    group_id: GroupId
    minute: int
    newest: datetime
    words: Words
    tickets: tuple[str, ...]


class TopicRow(Struct, frozen=True, kw_only=True):
    group_id: GroupId
    name: str
    words: tuple[str, ...]
    share: float
    meeting_ids: tuple[MeetingId, ...]


async def around_groups() -> dict[int, str]:
    """By group `words.Around` as JSON."""
    rows = await DB.fetch(_AROUND)
    return {
        row["group_id"]: _json(Around(titles=row["titles"], names=tuple(row["names"])))
        for row in rows
    }


async def write_minute_words(rows: Sequence[MinuteWords]) -> None:
    """Store words of minutes, and anew those of their meetings; open pages are told."""
    if not rows:
        return
    meetings = sorted({row.meeting_id for row in rows})
    names = ("meeting_id", "minute", "words", "tickets", "newest")
    async with transaction():
        meeting_ids, minute, words, tickets, newest = _columns(rows, names)
        await DB.fetch(
            _UPSERT_MINUTE_WORDS,
            *(meeting_ids, minute, [*map(_json, words)], [*map(_json, tickets)], newest),
        )
        await DB.fetch(_FORGET_EMPTY_MINUTES, meetings)
        of: dict[int, list[Any]] = defaultdict(list)
        for row in await DB.fetch(
            "SELECT meeting_id, words, tickets FROM analytics_minute_words"
            " WHERE meeting_id = ANY($1) ORDER BY meeting_id, minute",
            meetings,
        ):
            of[row["meeting_id"]].append(row)
        whole = [
            (
                meeting,
                _json(together(msgspec.convert(part["words"], Words) for part in parts)),
                _json(Counter(ticket for part in parts for ticket in part["tickets"])),
            )
            for meeting, parts in of.items()
        ]
        if whole:
            await DB.fetch(_UPSERT_WORDS, *map(list, zip(*whole, strict=True)))
        await tell_changed((row.meeting_id, row.group_id) for row in rows)


async def count_talk() -> None:
    """Count in how many minutes somebody spoke, for meetings with captions that came since."""
    [last] = await DB.fetch("SELECT max(newest) - interval '1 hour' AS at FROM analytics_talk")
    while meetings := await DB.fetch(_UNCOUNTED_TALK, TALKS_AT_ONCE):
        await DB.fetch(_COUNT_TALK, [row["id"] for row in meetings])
    if last["at"] is not None:
        changed = await DB.fetch(
            "SELECT DISTINCT meeting_id AS id FROM captions WHERE created_at > $1", last["at"]
        )
        for some in batched([row["id"] for row in changed], TALKS_AT_ONCE):
            await DB.fetch(_COUNT_TALK, some)


async def write_trends(rows: Sequence[GroupTrendRow]) -> int:
    """Upsert weeks; those that changed are told. Returns how many did."""
    changed = 0
    for some in batched(rows, AT_ONCE):
        async with transaction():
            columns = list(zip(*map(_trend_values, some), strict=True))
            told = {
                (row["group_id"], row["period_start"])
                for row in await DB.fetch(_UPSERT_TRENDS, *map(list, columns))
            }
            news = [row for row in some if (row.group_id, row.trend.period.start) in told]
            await publish(*map(_trend_event, news))
        changed += len(told)
    return changed


def _trend_values(row: GroupTrendRow) -> tuple[Any, ...]:
    t = row.trend
    return (
        *(row.group_id, t.period.start, t.period.end, t.meeting_count, t.avg_productivity),
        *(t.avg_actionable_items, t.avg_status_updates, t.avg_blockers, t.tickets_made),
        *(t.completion_rate, t.hours_to_done, _json(t.time_in_status)),
        None if t.bottleneck is None else t.bottleneck.value,
    )


def _trend_event(row: GroupTrendRow) -> GroupTrend:
    t = row.trend
    return GroupTrend(
        event_id=EventId(uuid7()),
        group_id=row.group_id,
        period=t.period,
        avg_productivity=t.avg_productivity,
        avg_actionable_items=t.avg_actionable_items,
        avg_status_updates=t.avg_status_updates,
        meeting_count=t.meeting_count,
    )


async def write_hours(rows: Sequence[HourRow]) -> None:
    """Replace the hours of day of every group."""
    await _replace("analytics_hours", HourRow, rows, owner="groups", key="group_id")


async def write_meeting_words(meetings: Sequence[int], rows: Sequence[MeetingWord]) -> None:
    """Replace the keywords of those meetings."""
    await _replace(
        "analytics_meeting_keywords",
        MeetingWord,
        rows,
        owner="meetings",
        key="meeting_id",
        only=meetings,
    )


async def write_group_words(rows: Sequence[GroupWord]) -> None:
    """Replace the keywords of every group."""
    await _replace("analytics_group_keywords", GroupWord, rows, owner="groups", key="group_id")


async def write_topics(rows: Sequence[TopicRow]) -> None:
    """Replace what every group's meetings are about."""
    async with transaction():
        await DB.fetch("DELETE FROM analytics_topics")
        for row in rows:
            await DB.fetch(
                "INSERT INTO analytics_topics (group_id, name, words, share, meeting_ids)"
                " SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT 1 FROM groups WHERE id = $1)"
                " ON CONFLICT DO NOTHING",
                *(row.group_id, row.name, list(row.words), row.share, list(row.meeting_ids)),
            )


async def write_insights(
    insights: Sequence[Insight], *, at: datetime, kinds: Collection[InsightKind]
) -> int:
    """Replace all insights of `kinds`; new ones and those that say something else are told.

    Returns how many were told. One that has not changed keeps the time it was first found.
    """
    told = 0
    async with transaction():
        await DB.fetch(
            "DELETE FROM analytics_insights WHERE kind = ANY($1) AND insight_id <> ALL($2)",
            [kind.value for kind in kinds],
            [insight.insight_id for insight in insights],
        )
        for insight in insights:
            new = await DB.fetch(
                _UPSERT_INSIGHT,
                *(insight.insight_id, insight.group_id, insight.kind.value),
                *(insight.period.start, insight.period.end, insight.text, insight.numbers),
                *(insight.sample, list(insight.meeting_ids), list(insight.ticket_ids), at),
            )
            await publish(*(insight for _ in new))
            told += len(new)
    return told


async def _replace(
    table: str,
    kind: type[Struct],
    rows: Sequence[Struct],
    *,
    owner: str,
    key: str,
    only: Sequence[int] | None = None,
) -> None:
    """Rows of `kind` instead of those in `table`; names are ours, values are arguments."""
    names = kind.__struct_fields__
    types = _ARRAYS[kind]
    columns = ", ".join(f"${i}::{t}[]" for i, t in enumerate(types, 1))
    async with transaction():
        await DB.fetch(
            f"DELETE FROM {table} WHERE $1::bigint[] IS NULL OR {key} = ANY($1)",  # noqa: S608
            None if only is None else list(only),
        )
        await DB.fetch(
            f"INSERT INTO {table} ({', '.join(names)})"  # noqa: S608
            f" SELECT new.* FROM unnest({columns}) AS new({', '.join(names)})"
            f" JOIN {owner} o ON o.id = new.{key} FOR KEY SHARE OF o",
            *_columns(rows, names),
        )


def batched(rows: Sequence[T], size: int) -> Iterator[list[T]]:
    """`rows` in lists of at most `size`."""
    left = iter(rows)
    while some := list(islice(left, size)):
        yield some


def _json(value: Any) -> str:
    """As an element of an array: a list would be taken for one more dimension."""
    return msgspec.json.encode(value).decode()


def _columns(rows: Iterable[Struct], names: Sequence[str]) -> list[list[Any]]:
    values = [asdict(row) for row in rows]
    return [[value[name] for value in values] for name in names]


_ARRAYS: dict[type[Struct], tuple[str, ...]] = {
    HourRow: ("bigint", "int", "int", "float8", "float8"),
    MeetingWord: ("bigint", "text", "float8", "int"),
    GroupWord: ("bigint", "text", "float8", "int", "int", "int"),
}

_UPSERT_MINUTES = """
INSERT INTO analytics_windows AS w (meeting_id, group_id, window_start, window_end, tickets_made,
    status_updates, blockers, ticket_changes, captions, productivity)
SELECT new.meeting_id, m.group_id, new.window_start, new.window_end, new.tickets_made,
       new.status_updates, new.blockers, new.ticket_changes, new.captions, new.productivity
FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::int[],
            $6::int[], $7::int[], $8::int[], $9::int[], $10::float8[])
     AS new(meeting_id, group_id, window_start, window_end, tickets_made, status_updates,
            blockers, ticket_changes, captions, productivity)
JOIN meetings m ON m.id = new.meeting_id
ON CONFLICT (meeting_id, window_start) DO UPDATE SET
    tickets_made = excluded.tickets_made, status_updates = excluded.status_updates,
    blockers = excluded.blockers, ticket_changes = excluded.ticket_changes,
    captions = excluded.captions, productivity = excluded.productivity, is_closed = false,
    updated_at = now()
WHERE (w.tickets_made, w.status_updates, w.blockers, w.ticket_changes, w.captions)
    IS DISTINCT FROM (excluded.tickets_made, excluded.status_updates, excluded.blockers,
                      excluded.ticket_changes, excluded.captions)
RETURNING meeting_id, group_id
"""

_CLOSE = """
UPDATE analytics_windows SET is_closed = true WHERE (meeting_id, window_start) IN (
    SELECT meeting_id, window_start FROM analytics_windows
    WHERE NOT is_closed AND window_end <= $1
    ORDER BY window_end, meeting_id LIMIT $2 FOR UPDATE SKIP LOCKED
) RETURNING *
"""

_UPSERT_TRENDS = """
INSERT INTO analytics_trends AS t (group_id, period_start, period_end, meeting_count,
    avg_productivity, avg_actionable_items, avg_status_updates, avg_blockers, tickets_made,
    completion_rate, hours_to_done, time_in_status, bottleneck)
SELECT new.* FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::int[],
    $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::int[], $10::float8[],
    $11::float8[], $12::jsonb[], $13::varchar[])
    AS new(group_id, period_start, period_end, meeting_count, avg_productivity,
           avg_actionable_items, avg_status_updates, avg_blockers, tickets_made, completion_rate,
           hours_to_done, time_in_status, bottleneck)
JOIN groups g ON g.id = new.group_id
ON CONFLICT (group_id, period_start) DO UPDATE SET
    meeting_count = excluded.meeting_count, avg_productivity = excluded.avg_productivity,
    avg_actionable_items = excluded.avg_actionable_items,
    avg_status_updates = excluded.avg_status_updates, avg_blockers = excluded.avg_blockers,
    tickets_made = excluded.tickets_made, completion_rate = excluded.completion_rate,
    hours_to_done = excluded.hours_to_done, time_in_status = excluded.time_in_status,
    bottleneck = excluded.bottleneck
WHERE (t.meeting_count, t.avg_productivity, t.avg_actionable_items, t.avg_status_updates,
       t.avg_blockers, t.tickets_made, t.completion_rate, t.hours_to_done, t.time_in_status,
       t.bottleneck)
    IS DISTINCT FROM (excluded.meeting_count, excluded.avg_productivity,
       excluded.avg_actionable_items, excluded.avg_status_updates, excluded.avg_blockers,
       excluded.tickets_made, excluded.completion_rate, excluded.hours_to_done,
       excluded.time_in_status, excluded.bottleneck)
RETURNING group_id, period_start
"""

_AROUND = """
SELECT g.id AS group_id,
       (SELECT coalesce(jsonb_object_agg(t.id, t.title ORDER BY t.id), '{}') FROM tickets t
        WHERE t.group_id = g.id AND t.status <> 'DONE' AND t.dismissed_at IS NULL) AS titles,
       ARRAY(SELECT unnest(u.name || m.nicknames) FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.group_id = g.id ORDER BY 1) AS names
FROM groups g
"""

_UPSERT_MINUTE_WORDS = """
INSERT INTO analytics_minute_words AS w (meeting_id, minute, words, tickets, newest)
SELECT new.* FROM unnest($1::bigint[], $2::int[], $3::jsonb[], $4::jsonb[], $5::timestamptz[])
    AS new(meeting_id, minute, words, tickets, newest)
JOIN meetings m ON m.id = new.meeting_id
ON CONFLICT (meeting_id, minute) DO UPDATE SET words = excluded.words,
    tickets = excluded.tickets, newest = excluded.newest, computed_at = now()
"""

# A recording that was put into words again may leave minutes in which nobody speaks now.
_FORGET_EMPTY_MINUTES = """
DELETE FROM analytics_minute_words w WHERE meeting_id = ANY($1) AND NOT EXISTS (
    SELECT 1 FROM captions c WHERE c.meeting_id = w.meeting_id AND c.duplicate_of IS NULL
      AND c.meeting_start_ms >= w.minute * 60000::bigint
      AND c.meeting_start_ms < (w.minute + 1) * 60000::bigint)
"""

_UPSERT_WORDS = """
INSERT INTO analytics_words (meeting_id, group_id, captions, words, tickets)
SELECT m.id, m.group_id, (SELECT count(*) FROM captions c
                          WHERE c.meeting_id = m.id AND c.duplicate_of IS NULL)::int,
       new.words, new.tickets
FROM unnest($1::bigint[], $2::jsonb[], $3::jsonb[]) AS new(meeting_id, words, tickets)
JOIN meetings m ON m.id = new.meeting_id
ON CONFLICT (meeting_id) DO UPDATE SET captions = excluded.captions, words = excluded.words,
    tickets = excluded.tickets, computed_at = now()
"""

_UNCOUNTED_TALK = """
SELECT m.id FROM meetings m LEFT JOIN analytics_talk t ON t.meeting_id = m.id
WHERE t.meeting_id IS NULL AND EXISTS (
    SELECT 1 FROM captions c WHERE c.meeting_id = m.id AND c.duplicate_of IS NULL)
ORDER BY m.id LIMIT $1
"""

_COUNT_TALK = """
INSERT INTO analytics_talk (meeting_id, minutes, newest)
SELECT meeting_id, count(DISTINCT meeting_start_ms / 60000), max(created_at) FROM captions
WHERE duplicate_of IS NULL AND meeting_id = ANY($1)
GROUP BY meeting_id
ON CONFLICT (meeting_id) DO UPDATE SET minutes = excluded.minutes, newest = excluded.newest
"""

_UPSERT_INSIGHT = """
INSERT INTO analytics_insights AS i (insight_id, group_id, kind, period_start, period_end, text,
    numbers, sample, meeting_ids, ticket_ids, computed_at)
SELECT $1::uuid, $2::bigint, $3::varchar, $4::timestamptz, $5::timestamptz, $6::jsonb, $7::jsonb,
       $8::int, $9::bigint[], $10::text[], $11::timestamptz
WHERE EXISTS (SELECT 1 FROM groups WHERE id = $2::bigint)
ON CONFLICT (insight_id) DO UPDATE SET period_start = excluded.period_start,
    period_end = excluded.period_end, text = excluded.text, numbers = excluded.numbers,
    sample = excluded.sample, meeting_ids = excluded.meeting_ids,
    ticket_ids = excluded.ticket_ids, computed_at = excluded.computed_at
WHERE i.text <> excluded.text
RETURNING 1
"""
