"""Minutes of meetings, counted by hand and by Spark: as a table, and as a stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.analytics.three_weeks import event_id, events, messages, utc
from vori.streams.topics import BY_NAME

pytestmark = pytest.mark.spark

MESSAGES = "topic string, value string, written_at timestamp"


def minute(meeting, at, captions, made, moved, blockers, changes, score):
    start = utc(at)
    return {
        "meeting_id": meeting,
        "group_id": 1 if meeting < 20 else 2,
        "window_start": start,
        "window_end": start + timedelta(minutes=1),
        "captions": captions,
        "tickets_made": made,
        "status_updates": moved,
        "blockers": blockers,
        "ticket_changes": changes,
        "productivity": pytest.approx(score),
    }


# Counted from `three_weeks.HAPPENED`. score = work / (work + blockers + 1/5), work = made + moved.
EXPECTED = [
    minute(11, "2026-03-02 01:00", 2, 1, 0, 0, 1, 1 / 1.2),
    minute(11, "2026-03-02 01:01", 1, 1, 0, 1, 1, 1 / 2.2),
    minute(11, "2026-03-02 01:02", 1, 0, 1, 0, 1, 1 / 1.2),
    minute(21, "2026-03-06 15:00", 2, 1, 0, 0, 1, 1 / 1.2),
    minute(21, "2026-03-06 15:01", 1, 0, 0, 0, 0, 0.0),
    minute(12, "2026-03-10 01:00", 1, 0, 1, 0, 1, 1 / 1.2),
    minute(12, "2026-03-10 01:01", 1, 0, 0, 1, 0, 0.0),
    minute(22, "2026-03-13 14:00", 2, 0, 1, 0, 1, 1 / 1.2),
    minute(22, "2026-03-13 14:01", 0, 1, 0, 0, 2, 1 / 1.2),
    minute(13, "2026-03-16 01:00", 1, 0, 0, 1, 0, 0.0),
    minute(23, "2026-03-19 18:30", 1, 0, 0, 0, 0, 0.0),
    minute(23, "2026-03-19 18:31", 1, 0, 1, 1, 1, 1 / 2.2),
]


def counted(frame):
    from vori.analytics.job import counted

    return rows(counted(frame))


def rows(frame):
    return sorted(frame.toArrow().to_pylist(), key=lambda r: (r["window_start"], r["meeting_id"]))


def table(spark, of=None):
    return spark.createDataFrame(messages(of), MESSAGES)


def test_every_field_of_every_minute_is_as_counted_by_hand(spark):
    assert counted(table(spark)) == EXPECTED


def test_an_event_that_comes_twice_counts_once(spark):
    assert counted(table(spark, events() + events()[::3])) == EXPECTED


def test_messages_that_cannot_be_read_are_left_out_and_can_be_told(spark):
    from vori.analytics.metrics import events_of, readable

    broken = [
        ("transcription.completed", "{", datetime(2026, 3, 2, tzinfo=UTC)),
        ("ticket.created", '{"eventId": 5, "ticket": []}', datetime(2026, 3, 2, tzinfo=UTC)),
    ]
    frame = spark.createDataFrame(messages() + broken, MESSAGES)
    assert events_of(frame).where(~readable()).count() == 2
    assert counted(frame) == EXPECTED


def test_fields_nobody_knows_are_passed_over(spark):
    more = [(t, v.replace("{", '{"new": {"a": [1]}, ', 1), w) for t, v, w in messages()]
    assert counted(spark.createDataFrame(more, MESSAGES)) == EXPECTED


def test_an_id_without_a_time_takes_the_time_it_was_written(spark):
    from vori.analytics.metrics import events_of

    [caption] = [m for m in messages() if '"seq":0' in m[1]][:1]
    value = caption[1].replace(str(events()[0].event_id), "0b7a4f0e-3f5c-4d6e-8f0a-1b2c3d4e5f60")
    assert value != caption[1]
    [row] = events_of(spark.createDataFrame([(caption[0], value, caption[2])], MESSAGES)).collect()
    assert row["at"].replace(tzinfo=UTC) == caption[2]


def caption_at(at, number, meeting=11):
    from msgspec.structs import replace

    from tests.analytics.three_weeks import MEETINGS
    from vori.transcribe.messages import Caption

    assert MEETINGS
    first = next(e for e in events() if isinstance(e, Caption))
    return replace(first, event_id=event_id(at, number), meeting_id=meeting)


@pytest.mark.parametrize(
    ("a", "b", "minutes"),
    [
        # Clocks in New York go from 02:00 to 03:00, in Europe a fortnight later: UTC does not.
        ("2026-03-08 06:59:59.999", "2026-03-08 07:00:00", 2),
        ("2026-11-01 05:30:10", "2026-11-01 06:30:10", 2),  # 01:30 in New York, twice
        ("2028-02-29 23:59:59.999", "2028-03-01 00:00:00", 2),  # a leap day
        ("2016-12-31 23:59:59.500", "2017-01-01 00:00:00", 2),  # a leap second between them
        ("2026-12-31 23:59:00", "2026-12-31 23:59:59.999", 1),
        ("2026-03-15 15:00:00", "2026-03-15 15:00:59.999", 1),  # midnight in Seoul
    ],
)
def test_minutes_begin_and_end_by_utc(spark, a, b, minutes):
    found = counted(table(spark, [caption_at(utc(a), 1), caption_at(utc(b), 2)]))
    assert len(found) == minutes
    assert sum(row["captions"] for row in found) == 2
    assert all(row["window_start"].second == 0 for row in found)


def test_the_score_of_a_column_is_the_score_of_a_number(spark):
    from pyspark.sql import functions as f

    from vori.analytics import metrics
    from vori.analytics.productivity import productivity

    cases = [(w, b, m) for w in (0, 1, 7, 10_000) for b in (0, 1, 50) for m in (0.0, 1.0, 61.5)]
    frame = spark.createDataFrame(cases, "work int, blockers int, minutes double")
    scored = frame.select(
        metrics.productivity(
            work=f.col("work"), blockers=f.col("blockers"), minutes=f.col("minutes")
        ).alias("score")
    )
    wanted = [productivity(work=w, blockers=b, minutes=m) for w, b, m in cases]
    assert [row["score"] for row in scored.collect()] == pytest.approx(wanted)
    assert all(0 <= score <= 1 for score in wanted)


def test_schemas_come_from_the_structs_of_the_topics():
    from vori.analytics.schema import schema_of

    uncounted = {"transcription.job", "proposal.created", "proposal.decided"}
    for topic in BY_NAME.values():
        if topic.name not in uncounted:
            assert schema_of(topic.struct).names, topic.name
    ticket = schema_of(BY_NAME["ticket.updated"].struct)["ticket"].dataType
    assert ticket["createdAt"].dataType.simpleString() == "timestamp"
    assert ticket["due"].dataType.simpleString() == "date"
