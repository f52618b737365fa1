"""Counts the weeks: reads what VORI stored, has Spark count it, writes what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from vori.analytics import insights, sink, weeks
from vori.analytics.insights import Blocked, Mentioned, Promises, Stretch
from vori.analytics.messages import Insight, InsightKind, Span, StatusTime, Trend
from vori.analytics.sample import Sample
from vori.analytics.sink import GroupTrendRow, HourRow
from vori.analytics.store import best_hour
from vori.ids import GroupId, MeetingId
from vori.tickets.messages import TicketStatus

WEEK = timedelta(days=7)
BEFORE = 4 * WEEK
"""A week is compared with so much before it."""

KINDS = tuple(kind for kind in InsightKind if kind is not InsightKind.RISING_KEYWORD)
"""The insights of this file; that of words is `text.py`'s."""

BLOCKERS = "group_id long, meeting_id long, about string"
MENTIONS = (
    "ticket_id string, group_id long, title string, still_since timestamp, meeting_id long,"
    " at timestamp"
)

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def count_weeks(spark: SparkSession, url: str, run: Run, now: datetime) -> dict[str, float]:
    """Count trends, hours and insights as of `now`; returns how much there was."""
    run(sink.count_talk())
    met = weeks.scored(_table(spark, url, _MEETINGS, weeks.MEETINGS)).cache()
    tickets = _table(spark, url, _TICKETS, weeks.TICKETS).cache()
    moves = _table(spark, url, _MOVES, weeks.MOVES)
    try:
        times = _times(weeks.stays(tickets, moves, now))
        rows = [_trend(row, times) for row in _rows(weeks.trends(met, tickets))]
        hours = msgspec.convert(_rows(weeks.hours_of_day(met)), list[HourRow])
        end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        period = Span(start=end - WEEK, end=end)
        stretches = _rows(weeks.compared(met, end - WEEK - BEFORE, end - WEEK, end))
        found = _insights(period, stretches, rows, hours)
        found += _compared(Span(start=end - BEFORE, end=end), met)
        found += _promised(Span(start=end - 2 * WEEK, end=end - WEEK), tickets)
        found += _stuck(spark, url, Span(start=end - BEFORE, end=end), met, now)
        changed = run(sink.write_trends(rows))
        run(sink.write_hours(hours))
        told = run(sink.write_insights(found, at=now, kinds=KINDS))
    finally:
        met.unpersist()
        tickets.unpersist()
    return {"weeks": len(rows), "weeksChanged": changed, "insights": len(found), "told": told}


def _table(spark: SparkSession, url: str, sql: str, schema: str) -> DataFrame:
    reader = spark.read.format("vori_query").options(
        url=url, sql=sql, schema=schema, parts=spark.sparkContext.defaultParallelism
    )
    return reader.load()


def _rows(frame: DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.toArrow().to_pylist()
    return rows


Times = dict[tuple[int, datetime], list[StatusTime]]


def _times(stays: DataFrame) -> Times:
    found: Times = defaultdict(list)
    for row in sorted(_rows(stays), key=lambda r: r["status"]):
        found[row["group_id"], row["period_start"]].append(
            StatusTime(status=TicketStatus(row["status"]), hours=row["hours"], stays=row["stays"])
        )
    return found


def _trend(row: dict[str, Any], times: Times) -> GroupTrendRow:
    start = row["period_start"]
    spent = tuple(times.get((row["group_id"], start), ()))
    slowest = insights.bottleneck(spent)
    measured = {k: v for k, v in row.items() if k not in ("group_id", "period_start")}
    return GroupTrendRow(
        group_id=GroupId(row["group_id"]),
        trend=Trend(
            **measured,
            period=Span(start=start, end=start + WEEK),
            time_in_status=spent,
            bottleneck=None if slowest is None else slowest.status,
        ),
    )


def _insights(
    period: Span,
    stretches: list[dict[str, Any]],
    trends: list[GroupTrendRow],
    hours: list[HourRow],
) -> list[Insight]:
    by_group = {(row["group_id"], row["is_now"]): _stretch(row) for row in stretches}
    latest = {row.group_id: row.trend for row in sorted(trends, key=lambda r: r.trend.period.start)}
    samples: dict[int, dict[int, Sample]] = defaultdict(dict)
    for row in hours:
        samples[row.group_id][row.hour] = Sample(
            count=row.meetings, mean=row.avg_productivity, deviation=row.deviation
        )
    found: list[Insight] = []
    for number in sorted({*latest, *(GroupId(group) for group, _ in by_group)}):
        group = GroupId(number)
        now, before = by_group.get((group, True)), by_group.get((group, False))
        found += insights.of_change(group, period, now, before)
        if group in latest:
            week = latest[group]
            found += insights.of_bottleneck(group, week.period, week.time_in_status)
        found += insights.of_best_hour(group, period, best_hour(samples[group]))
    return found


def _compared(period: Span, met: DataFrame) -> list[Insight]:
    """Each group beside all others."""
    rows = _rows(weeks.compared(met, period.start, period.start, period.end))
    stretches = {GroupId(row["group_id"]): _stretch(row) for row in rows}
    return [i for g in sorted(stretches) for i in insights.of_groups(g, period, stretches)]


def _promised(period: Span, tickets: DataFrame) -> list[Insight]:
    """What was promised in `period`, which is a week gone, and in the four weeks before."""
    rows = _rows(weeks.promises(tickets, period.start - BEFORE, period.start, period.end))
    found = {
        (GroupId(row.pop("group_id")), row.pop("is_now")): msgspec.convert(row, Promises)
        for row in rows
    }
    groups = sorted({group for group, _ in found})
    return [
        insight
        for group in groups
        for insight in insights.of_promises(
            group, period, found.get((group, True)), found.get((group, False))
        )
    ]


def _stuck(
    spark: SparkSession, url: str, period: Span, met: DataFrame, now: datetime
) -> list[Insight]:
    """What comes back in a group's meetings and does not go away: blockers, and tickets."""
    since = period.start.isoformat()
    held = met.where((f.col("started_at") >= period.start) & (f.col("started_at") < period.end))
    meetings = {row["group_id"]: row["count"] for row in _rows(held.groupBy("group_id").count())}
    heard = _table(spark, url, _BLOCKERS.format(since=since), BLOCKERS)
    keyed = heard.withColumn("key", f.udf(_key, "string", useArrow=False)("about"))
    mentions = _table(spark, url, _MENTIONS.format(since=since), MENTIONS)
    found: list[Insight] = []
    for group, rows in _grouped(weeks.recurring(keyed, insights.OFTEN)).items():
        blockers = msgspec.convert(rows, list[Blocked])
        found += insights.of_blockers(group, period, blockers, meetings=meetings.get(group, 0))
    for group, rows in _grouped(weeks.mentioned(mentions, insights.OFTEN, now)).items():
        found += insights.of_tickets(group, period, msgspec.convert(rows, list[Mentioned]))
    return found


def _grouped(frame: DataFrame) -> dict[GroupId, list[dict[str, Any]]]:
    groups: dict[GroupId, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(frame):
        groups[GroupId(row["group_id"])].append(row)
    return groups


def _key(about: str) -> str:
    """In Spark's Python workers: the content words of a blocker, in no order."""
    from vori.analytics.words import words_of

    return " ".join(sorted(words_of(about)))


def _stretch(row: dict[str, Any]) -> Stretch:
    return Stretch(
        meeting_ids=tuple(MeetingId(m) for m in row["meeting_ids"]),
        **{
            name: Sample(count=row["count"], mean=row[name], deviation=row[f"{name}_deviation"])
            for name in ("productivity", *insights.MEASURES)
        },
    )


_MEETINGS = """
SELECT m.id AS meeting_id, m.group_id, m.started_at, m.time_zone,
       coalesce(k.minutes, 0)::float8 AS minutes, coalesce(t.made, 0)::int AS made,
       coalesce(h.moved, 0)::int AS moved, coalesce(b.blockers, 0)::int AS blockers
FROM meetings m
LEFT JOIN analytics_talk k ON k.meeting_id = m.id
LEFT JOIN (SELECT meeting_id, count(*) AS made FROM tickets
           WHERE dismissed_at IS NULL GROUP BY meeting_id) t ON t.meeting_id = m.id
LEFT JOIN (SELECT meeting_id, count(*) AS moved FROM ticket_history
           WHERE kind = 'updated' AND after ? 'status' AND undone_at IS NULL
           GROUP BY meeting_id) h ON h.meeting_id = m.id
LEFT JOIN (SELECT meeting_id, count(*) AS blockers FROM blockers
           GROUP BY meeting_id) b ON b.meeting_id = m.id
WHERE m.started_at IS NOT NULL AND m.group_id % $2::int = $1::int
"""

_TICKETS = """
SELECT t.id AS ticket_id, t.group_id, t.meeting_id, t.created_at, t.status,
       t.assignee_id IS NOT NULL AS is_assigned, t.due IS NOT NULL AS is_dated,
       (SELECT max(h.at) FROM ticket_history h
        WHERE h.ticket_id = t.id AND h.after ->> 'status' = 'DONE') AS done_at
FROM tickets t WHERE t.meeting_id IS NOT NULL AND t.dismissed_at IS NULL
  AND t.group_id % $2::int = $1::int
"""

_MOVES = """
SELECT h.ticket_id, t.group_id, h.at, h.before ->> 'status' AS from_status,
       h.after ->> 'status' AS to_status
FROM ticket_history h JOIN tickets t ON t.id = h.ticket_id
WHERE h.before ? 'status' AND h.after ? 'status' AND t.dismissed_at IS NULL
  AND t.meeting_id IS NOT NULL AND t.group_id % $2::int = $1::int
"""

_BLOCKERS = """
SELECT b.group_id, b.meeting_id, b.about FROM blockers b JOIN meetings m ON m.id = b.meeting_id
WHERE m.started_at >= '{since}'::timestamptz AND b.group_id % $2::int = $1::int
"""

# A meeting speaks of a ticket when its words mean it, or when it changed it.
_MENTIONS = """
SELECT t.id AS ticket_id, t.group_id, t.title, t.still_since, s.meeting_id, s.at
FROM (
    SELECT id, group_id, meeting_id, title, coalesce(
        (SELECT max(h.at) FROM ticket_history h
         WHERE h.ticket_id = t.id AND h.after ? 'status' AND h.undone_at IS NULL), created_at
    ) AS still_since
    FROM tickets t
    WHERE status <> 'DONE' AND dismissed_at IS NULL AND group_id % $2::int = $1::int
) t JOIN (
    SELECT key AS ticket_id, w.meeting_id, m.started_at AS at
    FROM analytics_words w JOIN meetings m ON m.id = w.meeting_id, jsonb_object_keys(w.tickets) key
    WHERE m.started_at >= '{since}'::timestamptz
    UNION
    SELECT h.ticket_id, h.meeting_id, m.started_at
    FROM ticket_history h JOIN meetings m ON m.id = h.meeting_id
    WHERE m.started_at >= '{since}'::timestamptz AND h.kind = 'updated'
) s ON s.ticket_id = t.id AND s.meeting_id IS DISTINCT FROM t.meeting_id
"""
