"""Events to the minutes of meetings: DataFrame to DataFrame, no input or output.

The same functions count a table of events and a stream of them.

An event's time is the one in its id (UUIDv7): when VORI learned of it. It is the same on every
road and at every replay. The clock of the database or of a broker is not, and the time at which
words were spoken is unknown for sound that is transcribed later.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from vori.analytics.plan import SOURCES
from vori.analytics.productivity import MINUTES_PER_WORK
from vori.analytics.schema import merged
from vori.streams import topics

_UNREAD = frozenset({"words", "text", "receipt", "about", "captionIds", "replaces"})
"""Fields the minutes need nothing of: reading them would cost most of the time."""

COUNTS = ("tickets_made", "status_updates", "blockers", "ticket_changes", "captions")


def events_of(messages: DataFrame) -> DataFrame:
    """Messages (`topic`, `value` as JSON text, `written_at`) to events, one row each.

    Gives `event_id`, `at`, `meeting_id`, `group_id`, and each of COUNTS as 0 or 1. A message that
    cannot be read has no `event_id`; see `readable`.
    """
    schema = merged((topic.struct for topic in SOURCES), but=_UNREAD)
    event = messages.select(
        "topic", "written_at", f.from_json("value", schema, {"mode": "PERMISSIVE"}).alias("e")
    )
    made = f.col("topic") == topics.TICKET_CREATED.name
    updated = f.col("topic") == topics.TICKET_UPDATED.name
    moved = (
        updated
        & f.array_contains("e.changed", "status")
        & ~f.coalesce(f.col("e.deleted"), f.lit(False))
    )
    return event.select(
        f.col("e.eventId").alias("event_id"),
        f.coalesce(_time_of("e.eventId"), f.col("written_at")).alias("at"),
        f.col("e.meetingId").alias("meeting_id"),
        f.coalesce("e.groupId", "e.ticket.groupId").alias("group_id"),
        _one(made).alias("tickets_made"),
        _one(moved).alias("status_updates"),
        _one(f.col("topic") == topics.BLOCKER_NOTED.name).alias("blockers"),
        _one(made | updated).alias("ticket_changes"),
        _one(f.col("topic") == topics.TRANSCRIPTION_COMPLETED.name).alias("captions"),
    )


def readable() -> Column:
    """Whether a row of `events_of` is an event at all."""
    return f.col("event_id").isNotNull() & f.col("group_id").isNotNull() & f.col("at").isNotNull()


def minutes(events: DataFrame) -> DataFrame:
    """Events to minutes: `window_start`, `window_end`, `meeting_id`, `group_id`, COUNTS,
    `productivity`.

    Tickets that came out of no meeting are in none. A minute begins with the minute of UTC, so
    clocks that are put forward or back do not show.
    """
    counted = (
        events.where(readable() & f.col("meeting_id").isNotNull())
        .groupBy(f.window("at", "1 minute").alias("w"), "meeting_id")
        .agg(f.max("group_id").alias("group_id"), *(f.sum(c).cast("int").alias(c) for c in COUNTS))
    )
    return counted.select(
        f.col("w.start").alias("window_start"),
        f.col("w.end").alias("window_end"),
        "meeting_id",
        "group_id",
        *COUNTS,
        productivity(
            work=f.col("tickets_made") + f.col("status_updates"),
            blockers=f.col("blockers"),
            minutes=f.lit(1.0),
        ).alias("productivity"),
    )


def productivity(*, work: Column, blockers: Column, minutes: Column) -> Column:
    """`vori.analytics.productivity` as a column."""
    expected = minutes / MINUTES_PER_WORK
    return f.when((work > 0) & (minutes > 0), work / (work + blockers + expected)).otherwise(0.0)


def _one(condition: Column) -> Column:
    return f.when(condition, 1).otherwise(0)


def _time_of(event_id: str) -> Column:
    """The time in a UUIDv7 (RFC 9562: its first 48 bits count milliseconds); null for others."""
    digits = f.replace(f.col(event_id), f.lit("-"), f.lit(""))
    millis = f.conv(f.substring(digits, 1, 12), 16, 10).cast("long")
    return f.when(f.substring(digits, 13, 1) == "7", f.timestamp_millis(millis))
