"""Results of the analytics job, read for people. `sink.py` writes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec

from vori.analytics.messages import (
    BestHour,
    BlockerMention,
    GroupStanding,
    GroupTrends,
    HourlyProductivity,
    HourOfDay,
    InsightKind,
    InsightView,
    Keyword,
    KeywordTrend,
    MeetingTopic,
    MetricWindow,
    Realtime,
    Span,
    StatusCount,
    StatusTime,
    TicketMove,
    TicketPatterns,
    Trend,
)
from vori.analytics.productivity import productivity
from vori.analytics.sample import NEEDED, Sample, differ, pooled
from vori.data.engine import DB
from vori.ids import BIGINT_MAX, GroupId, MeetingId, TicketId
from vori.tickets.messages import TicketStatus

FEW_KEYWORDS = 20
STANDING_WEEKS = 4
TREND_MINUTES = 5


async def realtime(meeting_id: MeetingId, group_id: GroupId) -> Realtime:
    """The meeting's minutes so far; none before the job has seen it."""
    rows = await DB.fetch(
        "SELECT * FROM analytics_windows WHERE meeting_id = $1 ORDER BY window_start", meeting_id
    )
    made, moved, blockers = (
        sum(row[name] for row in rows) for name in ("tickets_made", "status_updates", "blockers")
    )
    return Realtime(
        meeting_id=meeting_id,
        group_id=group_id,
        productivity_score=productivity(
            work=made + moved, blockers=blockers, minutes=minutes_of(rows)
        ),
        actionable_items_count=made,
        status_updates_count=moved,
        blockers_mentioned=blockers,
        captions=sum(row["captions"] for row in rows),
        windows=tuple(_window(row) for row in rows),
        keywords=await meeting_keywords(meeting_id, limit=FEW_KEYWORDS),
        keyword_trends=await keyword_trends(meeting_id, limit=FEW_KEYWORDS),
    )


async def keyword_trends(meeting_id: MeetingId, *, limit: int) -> tuple[KeywordTrend, ...]:
    """The words of the last minutes of talk, beside the minutes before."""
    rows = await DB.fetch(
        "SELECT minute, words FROM analytics_minute_words WHERE meeting_id = $1 ORDER BY minute",
        meeting_id,
    )
    if not rows:
        return ()
    last = rows[-1]["minute"]
    said: dict[str, KeywordTrend] = {}
    for row in rows:
        age = last - row["minute"]
        for key, (count, form) in msgspec.convert(row["words"], dict[str, tuple[int, str]]).items():
            known = said.get(key)
            said[key] = KeywordTrend(
                term=known.term if known else form,
                count=(known.count if known else 0) + count * (age < TREND_MINUTES),
                count_before=(known.count_before if known else 0)
                + count * (TREND_MINUTES <= age < 2 * TREND_MINUTES),
                total=(known.total if known else 0) + count,
            )
    recent = [word for word in said.values() if word.count]
    recent.sort(key=lambda word: (-word.count, word.count_before, word.term))
    return tuple(recent[:limit])


def minutes_of(rows: Sequence[Any]) -> float:
    """How long the talk lasted that the windows tell of: those with captions, else all."""
    spoken = [row for row in rows if row["captions"]] or rows
    return float(len(spoken))


async def ticket_patterns(meeting_id: MeetingId, group_id: GroupId) -> TicketPatterns:
    """What became of the tickets the meeting made, and what it moved."""
    tickets = await DB.fetch(_TICKETS, meeting_id)
    done = [row for row in tickets if row["status"] == TicketStatus.DONE]
    counts = {status: sum(row["status"] == status for row in tickets) for status in TicketStatus}
    return TicketPatterns(
        meeting_id=meeting_id,
        group_id=group_id,
        tickets=len(tickets),
        by_status=tuple(StatusCount(status=s, tickets=n) for s, n in counts.items()),
        assigned_share=_share(sum(row["assigned"] for row in tickets), len(tickets)),
        due_share=_share(sum(row["dated"] for row in tickets), len(tickets)),
        completion_rate=_share(len(done), len(tickets)),
        hours_to_done=_median([row["hours"] for row in done if row["hours"] is not None]),
        moves=tuple(
            TicketMove(
                ticket_id=TicketId(row["ticket_id"]),
                title=row["title"],
                from_status=TicketStatus(row["from_status"]),
                to_status=TicketStatus(row["to_status"]),
                at=row["at"],
            )
            for row in await DB.fetch(_MOVES, meeting_id)
        ),
        blockers=tuple(
            BlockerMention(**row)
            for row in await DB.fetch(
                "SELECT about, start_ms, end_ms FROM blockers WHERE meeting_id = $1"
                " ORDER BY start_ms, id",
                meeting_id,
            )
        ),
    )


async def hourly(group_id: GroupId) -> HourlyProductivity:
    rows = await DB.fetch(
        "SELECT hour, meetings, avg_productivity, deviation FROM analytics_hours"
        " WHERE group_id = $1 ORDER BY hour",
        group_id,
    )
    samples = {
        row["hour"]: Sample(
            count=row["meetings"], mean=row["avg_productivity"], deviation=row["deviation"]
        )
        for row in rows
    }
    return HourlyProductivity(
        group_id=group_id,
        hours=tuple(
            HourOfDay(hour=hour, meetings=s.count, avg_productivity=s.mean)
            for hour, s in samples.items()
        ),
        needed=NEEDED,
        best=best_hour(samples),
    )


def best_hour(samples: dict[int, Sample]) -> BestHour | None:
    """The hour with the highest mean, of those with enough meetings."""
    enough = {hour: s for hour, s in samples.items() if s.count >= NEEDED}
    if not enough:
        return None
    hour = max(enough, key=lambda h: (enough[h].mean, -h))
    best = enough[hour]
    others = pooled(s for h, s in samples.items() if h != hour)
    low, high = best.interval()
    return BestHour(
        hour=hour,
        meetings=best.count,
        avg_productivity=best.mean,
        lowest=max(0.0, low),
        highest=min(1.0, high),
        sure=best.mean > others.mean and differ(best, others, comparisons=len(enough)),
    )


async def trends(group_id: GroupId, *, limit: int) -> GroupTrends:
    rows = await DB.fetch(
        "SELECT * FROM analytics_trends WHERE group_id = $1 ORDER BY period_start DESC LIMIT $2",
        group_id,
        limit,
    )
    return GroupTrends(group_id=group_id, trends=tuple(_trend(row) for row in rows))


async def standings(groups: Collection[GroupId]) -> list[GroupStanding]:
    """The groups side by side, over their last four weeks with meetings."""
    rows = await DB.fetch(_STANDINGS, list(groups), STANDING_WEEKS)
    return [GroupStanding(**row) for row in rows]


async def insights(
    groups: Collection[GroupId],
    *,
    language: str,
    kind: InsightKind | None,
    before: tuple[datetime, int],
    limit: int,
) -> list[tuple[InsightView, int]]:
    """Up to `limit` insights, newest first, each with the number that places it among equals."""
    rows = await DB.fetch(
        _INSIGHTS,
        list(groups),
        None if kind is None else kind.value,
        before[0],
        before[1],
        limit,
        language if language in ("en", "ko") else "en",
    )
    return [
        (msgspec.convert({k: v for k, v in row.items() if k != "place"}, InsightView), row["place"])
        for row in ({_camel(k): v for k, v in row.items()} for row in rows)
    ]


async def meeting_keywords(meeting_id: MeetingId, *, limit: int) -> tuple[Keyword, ...]:
    rows = await DB.fetch(
        "SELECT term, score, count FROM analytics_meeting_keywords WHERE meeting_id = $1"
        " ORDER BY score DESC, count DESC, term LIMIT $2",
        meeting_id,
        limit,
    )
    return tuple(Keyword(**row) for row in rows)


async def group_keywords(group_id: GroupId, *, limit: int) -> tuple[Keyword, ...]:
    rows = await DB.fetch(
        "SELECT term, score, count, meetings, count_before FROM analytics_group_keywords"
        " WHERE group_id = $1 ORDER BY score DESC, term LIMIT $2",
        group_id,
        limit,
    )
    return tuple(Keyword(**row) for row in rows)


async def topics(group_id: GroupId) -> tuple[MeetingTopic, ...]:
    rows = await DB.fetch(
        "SELECT name, words, share, (SELECT coalesce(array_agg(m.id ORDER BY m.id DESC), '{}')"
        " FROM meetings m WHERE m.id = ANY(t.meeting_ids)) AS meeting_ids"
        " FROM analytics_topics t WHERE group_id = $1 ORDER BY share DESC, name",
        group_id,
    )
    return tuple(
        MeetingTopic(
            name=row["name"],
            words=tuple(row["words"]),
            share=row["share"],
            meeting_ids=tuple(row["meeting_ids"]),
        )
        for row in rows
    )


def _window(row: Any) -> MetricWindow:
    return MetricWindow(
        window=Span(start=row["window_start"], end=row["window_end"]),
        productivity_score=row["productivity"],
        actionable_items_count=row["tickets_made"],
        status_updates_count=row["status_updates"],
        blockers_mentioned=row["blockers"],
        ticket_count=row["ticket_changes"],
        actionable_tickets=row["tickets_made"],
        captions=row["captions"],
        closed=row["is_closed"],
    )


def _trend(row: Any) -> Trend:
    names = (
        *("avg_productivity", "avg_actionable_items", "avg_status_updates", "avg_blockers"),
        *("meeting_count", "tickets_made", "completion_rate", "hours_to_done"),
    )
    return Trend(
        **{name: row[name] for name in names},
        period=Span(start=row["period_start"], end=row["period_end"]),
        time_in_status=msgspec.convert(row["time_in_status"], tuple[StatusTime, ...]),
        bottleneck=TicketStatus(row["bottleneck"]) if row["bottleneck"] else None,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _median(values: Sequence[float]) -> float | None:
    from statistics import median

    return float(median(values)) if values else None


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


_TICKETS = """
SELECT t.id, t.status, (t.assignee_id IS NOT NULL)::int AS assigned,
       (t.due IS NOT NULL)::int AS dated,
       (SELECT extract(epoch FROM max(h.at) - t.created_at)::float8 / 3600 FROM ticket_history h
        WHERE h.ticket_id = t.id AND h.after ->> 'status' = 'DONE') AS hours
FROM tickets t WHERE t.meeting_id = $1 AND t.dismissed_at IS NULL
"""

_MOVES = """
SELECT h.ticket_id, t.title, h.before ->> 'status' AS from_status,
       h.after ->> 'status' AS to_status, h.at
FROM ticket_history h JOIN tickets t ON t.id = h.ticket_id
WHERE h.meeting_id = $1 AND h.before ? 'status' AND h.after ? 'status' AND h.undone_at IS NULL
  AND h.kind = 'updated'
ORDER BY h.at, h.id
"""

_STANDINGS = """
SELECT g.id AS group_id, g.name, coalesce(sum(t.meeting_count), 0)::int AS meeting_count,
       sum(t.avg_productivity * t.meeting_count) / sum(t.meeting_count) AS avg_productivity,
       sum(t.avg_actionable_items * t.meeting_count) / sum(t.meeting_count)
           AS avg_actionable_items,
       sum(t.completion_rate * t.tickets_made) / nullif(sum(t.tickets_made)
           FILTER (WHERE t.completion_rate IS NOT NULL), 0) AS completion_rate
FROM groups g LEFT JOIN LATERAL (
    SELECT * FROM analytics_trends t WHERE t.group_id = g.id AND t.meeting_count > 0
    ORDER BY period_start DESC LIMIT $2
) t ON true
WHERE g.id = ANY($1)
GROUP BY g.id, g.name ORDER BY g.id
"""

# A link to a meeting or a ticket that is gone would lead nowhere.
_INSIGHTS = f"""
SELECT * FROM (
    SELECT insight_id, group_id, kind, text ->> $6 AS text, numbers, sample, computed_at,
           jsonb_build_object('start', period_start, 'end', period_end) AS period,
           ARRAY(SELECT m.id FROM meetings m WHERE m.id = ANY(i.meeting_ids) ORDER BY m.id)
               AS meeting_ids,
           ARRAY(SELECT t.id FROM tickets t WHERE t.id = ANY(i.ticket_ids)
                 AND t.dismissed_at IS NULL ORDER BY t.id) AS ticket_ids,
           1 + (('x' || substr(replace(insight_id::text, '-', ''), 1, 15))::bit(60)::bigint
               % {BIGINT_MAX - 1}) AS place
    FROM analytics_insights i
    WHERE group_id = ANY($1) AND ($2::text IS NULL OR kind = $2)
) found
WHERE (computed_at, place) < ($3, $4)
ORDER BY computed_at DESC, place DESC LIMIT $5
"""  # noqa: S608 - a number of ours
