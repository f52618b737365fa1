"""Counts the weeks: reads what VORI stored, has Spark count it, writes what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pyspark.sql import DataFrame, SparkSession

from vori.analytics import insights, sink, weeks
from vori.analytics.insights import Stretch
from vori.analytics.messages import Insight, Span, StatusTime, Trend
from vori.analytics.sample import Sample
from vori.analytics.sink import GroupTrendRow, HourRow
from vori.analytics.store import best_hour
from vori.ids import GroupId, MeetingId
from vori.tickets.messages import TicketStatus

WEEK = timedelta(days=7)
BEFORE = 4 * WEEK
"""A week is compared with so much before it."""

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def count_weeks(spark: SparkSession, url: str, run: Run, now: datetime) -> dict[str, float]:
    """Count trends, hours and insights as of `now`; returns how much there was."""
    spark.conf.set("spark.sql.session.timeZone", "UTC")
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
        changed = run(sink.write_trends(rows))
        run(sink.write_hours(hours))
        told = run(sink.write_insights(found, at=now))
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


def _stretch(row: dict[str, Any]) -> Stretch:
    return Stretch(
        meeting_ids=tuple(MeetingId(m) for m in row["meeting_ids"]),
        **{
            name: Sample(count=row["count"], mean=row[name], deviation=row[f"{name}_deviation"])
            for name in ("productivity", *insights.MEASURES)
        },
    )


# A minute of talk is one of the meeting in which a caption begins.
_MEETINGS = """
SELECT m.id AS meeting_id, m.group_id, m.started_at, m.time_zone,
       coalesce(c.minutes, 0)::float8 AS minutes, coalesce(t.made, 0)::int AS made,
       coalesce(h.moved, 0)::int AS moved, coalesce(b.blockers, 0)::int AS blockers
FROM meetings m
LEFT JOIN (SELECT meeting_id, count(DISTINCT meeting_start_ms / 60000) AS minutes FROM captions
           WHERE duplicate_of IS NULL GROUP BY meeting_id) c ON c.meeting_id = m.id
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
SELECT t.id AS ticket_id, t.group_id, t.created_at, t.status,
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
