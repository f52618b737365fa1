"""Meetings and tickets to weeks, hours of day and time in status: DataFrame to DataFrame.

A week is Monday to Sunday by UTC. An hour is that of the meeting's own time zone.
"""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from vori.analytics.metrics import productivity

MEETINGS = (
    "meeting_id long, group_id long, started_at timestamp, time_zone string, minutes double,"
    " made int, moved int, blockers int"
)
TICKETS = (
    "ticket_id string, group_id long, meeting_id long, created_at timestamp, done_at timestamp,"
    " status string, is_assigned boolean, is_dated boolean"
)
MOVES = "ticket_id string, group_id long, at timestamp, from_status string, to_status string"


def scored(meetings: DataFrame) -> DataFrame:
    """Meetings (MEETINGS) with their `productivity`."""
    work = f.col("made") + f.col("moved")
    score = productivity(work=work, blockers=f.col("blockers"), minutes=f.col("minutes"))
    return meetings.withColumn("productivity", score)


def trends(meetings: DataFrame, tickets: DataFrame) -> DataFrame:
    """Scored meetings and tickets (TICKETS) to weeks of groups that met.

    Means are over meetings. Tickets count in the week they were made in.
    """
    met = meetings.groupBy("group_id", _week("started_at")).agg(
        f.count(f.lit(1)).cast("int").alias("meeting_count"),
        f.avg("productivity").alias("avg_productivity"),
        f.avg("made").alias("avg_actionable_items"),
        f.avg("moved").alias("avg_status_updates"),
        f.avg("blockers").alias("avg_blockers"),
    )
    hours = (f.col("done_at").cast("double") - f.col("created_at").cast("double")) / 3600
    promised = tickets.groupBy("group_id", _week("created_at")).agg(
        f.count(f.lit(1)).cast("int").alias("tickets_made"),
        f.avg(f.when(f.col("status") == "DONE", 1.0).otherwise(0.0)).alias("completion_rate"),
        f.median(f.when(f.col("status") == "DONE", hours)).alias("hours_to_done"),
    )
    return met.join(promised, ["group_id", "period_start"], "left").fillna({"tickets_made": 0})


def stays(tickets: DataFrame, moves: DataFrame, now: datetime) -> DataFrame:
    """How long tickets stayed in each open status, by the week in which the stay began:
    `group_id`, `period_start`, `status`, `hours` (the median), `stays`.

    A stay that goes on counts with its length so far: the medians are then at least so long.
    """
    from pyspark.sql import Window

    made = tickets.select(
        "ticket_id", "group_id", f.col("created_at").alias("at"), f.lit("TODO").alias("status")
    )
    moved = moves.select("ticket_id", "group_id", "at", f.col("to_status").alias("status"))
    in_order = Window.partitionBy("ticket_id").orderBy("at")
    until = f.coalesce(f.lead("at").over(in_order), f.lit(now))
    hours = (until.cast("double") - f.col("at").cast("double")) / 3600
    return (
        made.unionByName(moved)
        .withColumn("hours", hours)
        .where(f.col("status") != "DONE")
        .groupBy("group_id", _week("at"), "status")
        .agg(f.median("hours").alias("hours"), f.count(f.lit(1)).cast("int").alias("stays"))
    )


def hours_of_day(meetings: DataFrame) -> DataFrame:
    """Scored meetings to `group_id`, `hour`, `meetings`, `avg_productivity`, `deviation`."""
    local = f.from_utc_timestamp("started_at", f.col("time_zone"))
    return meetings.groupBy("group_id", f.hour(local).alias("hour")).agg(
        f.count(f.lit(1)).cast("int").alias("meetings"),
        f.avg("productivity").alias("avg_productivity"),
        f.coalesce(f.stddev_samp("productivity"), f.lit(0.0)).alias("deviation"),
    )


def compared(meetings: DataFrame, since: datetime, start: datetime, end: datetime) -> DataFrame:
    """Scored meetings from `start` to `end` (`is_now`), and before, from `since`: by group, what
    a meeting was like: `count`, and of each measure its mean and deviation.
    """
    measures = ("productivity", "made", "moved", "blockers", "minutes")
    chosen = meetings.where((f.col("started_at") >= since) & (f.col("started_at") < end))
    return chosen.groupBy("group_id", (f.col("started_at") >= start).alias("is_now")).agg(
        f.count(f.lit(1)).cast("int").alias("count"),
        f.sort_array(f.collect_list("meeting_id")).alias("meeting_ids"),
        *(f.avg(m).cast("double").alias(m) for m in measures),
        *(f.coalesce(f.stddev_samp(m), f.lit(0.0)).alias(f"{m}_deviation") for m in measures),
    )


def promises(tickets: DataFrame, since: datetime, start: datetime, end: datetime) -> DataFrame:
    """Tickets made from `start` to `end` (`is_now`), and before, from `since`: by group `tickets`,
    of those `kept` (done within seven days), `assigned`, `dated`, and the `meeting_ids`.
    """
    chosen = tickets.where((f.col("created_at") >= since) & (f.col("created_at") < end))
    kept = (f.col("status") == "DONE") & (
        f.col("done_at") <= f.col("created_at") + f.expr("INTERVAL 7 DAYS")
    )
    return chosen.groupBy("group_id", (f.col("created_at") >= start).alias("is_now")).agg(
        f.count(f.lit(1)).cast("int").alias("tickets"),
        f.count_if(kept).cast("int").alias("kept"),
        f.count_if("is_assigned").cast("int").alias("assigned"),
        f.count_if("is_dated").cast("int").alias("dated"),
        f.sort_array(f.collect_set("meeting_id")).alias("meeting_ids"),
    )


def recurring(blockers: DataFrame, times: int) -> DataFrame:
    """Blockers (`group_id`, `meeting_id`, `about`, `key`) that at least so many meetings heard of:
    `group_id`, `key`, `about` (as it was told most), `meeting_ids`.
    """
    return (
        blockers.where(f.col("key") != "")
        .groupBy("group_id", "key")
        .agg(
            f.mode("about", True).alias("about"),
            f.sort_array(f.collect_set("meeting_id")).alias("meeting_ids"),
        )
        .where(f.size("meeting_ids") >= times)
        .orderBy("group_id", "key")
    )


def mentioned(mentions: DataFrame, times: int, now: datetime) -> DataFrame:
    """Mentions (`ticket_id`, `group_id`, `title`, `still_since`, `meeting_id`, `at`) of tickets
    since they last moved, to those that at least so many meetings spoke of: `ticket_id`,
    `group_id`, `title`, `still_days`, `meeting_ids`.
    """
    days = (f.lit(now).cast("double") - f.col("still_since").cast("double")) / 86_400
    return (
        mentions.where(f.col("at") > f.col("still_since"))
        .groupBy("ticket_id", "group_id", "title", "still_since")
        .agg(f.sort_array(f.collect_set("meeting_id")).alias("meeting_ids"))
        .where(f.size("meeting_ids") >= times)
        .withColumn("still_days", f.floor(days).cast("int"))
        .orderBy("ticket_id")
    )


def _week(column: str) -> Column:
    return f.date_trunc("week", column).alias("period_start")
