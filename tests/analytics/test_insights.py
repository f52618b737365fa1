from __future__ import annotations

from datetime import timedelta

import pytest

from tests.analytics.three_weeks import utc
from vori.analytics import insights
from vori.analytics.insights import Stretch
from vori.analytics.messages import BestHour, InsightKind, Span, StatusTime
from vori.analytics.sample import Sample
from vori.ids import GroupId, MeetingId
from vori.tickets.messages import TicketStatus

WEEK = Span(start=utc("2026-03-02 00:00"), end=utc("2026-03-02 00:00") + timedelta(days=7))
GROUP = GroupId(1)


def stretch(count, mean, *, blockers=1.0):
    def of(value):
        return Sample(count=count, mean=value, deviation=0.1)

    return Stretch(
        meeting_ids=tuple(MeetingId(n) for n in range(1, count + 1)),
        productivity=of(mean),
        blockers=of(blockers),
        made=of(2.0),
        moved=of(1.0),
        minutes=of(20.0),
    )


def change(now, before):
    return list(insights.of_change(GROUP, WEEK, now, before))


def test_a_drop_is_told_in_both_languages_with_what_went_along():
    [found] = change(stretch(10, 0.3, blockers=3.0), stretch(30, 0.6))
    assert found.kind is InsightKind.PRODUCTIVITY_DROP
    assert found.text["en"] == (
        "Productivity fell from 0.60 to 0.30 (means of 30 and 10 meetings)."
        " In the same days blockers per meeting went from 1.0 to 3.0."
    )
    assert "0.60에서 0.30로 떨어졌습니다" in found.text["ko"]
    assert "막힌 일: 1.0 → 3.0" in found.text["ko"]
    assert found.numbers["blockersNow"] == 3.0
    assert (found.sample, len(found.meeting_ids)) == (10, 10)


def test_an_insight_keeps_its_id_while_it_is_about_the_same():
    [first] = change(stretch(10, 0.3), stretch(30, 0.6))
    [second] = change(stretch(12, 0.35), stretch(30, 0.6))
    assert first.insight_id == second.insight_id
    assert first.event_id != second.event_id


@pytest.mark.parametrize("few", [3, 7])
def test_few_meetings_give_no_insight(few):
    assert change(stretch(few, 0.1), stretch(30, 0.9)) == []
    assert change(stretch(30, 0.1), stretch(few, 0.9)) == []
    assert change(None, stretch(30, 0.9)) == []


def test_a_difference_that_may_be_chance_is_not_told():
    assert change(stretch(10, 0.58), stretch(30, 0.6)) == []


def test_a_bottleneck_needs_enough_stays():
    def times(stays):
        return [
            StatusTime(status=TicketStatus.TODO, hours=50.0, stays=stays),
            StatusTime(status=TicketStatus.IN_PROGRESS, hours=20.0, stays=9),
        ]

    [found] = insights.of_bottleneck(GROUP, WEEK, times(9))
    assert found.numbers == {"hours": 50.0, "stays": 9.0}
    [found] = insights.of_bottleneck(GROUP, WEEK, times(3))
    assert found.numbers["hours"] == 20.0
    assert list(insights.of_bottleneck(GROUP, WEEK, [])) == []


def test_the_best_hour_is_told_only_when_it_is_sure():
    def best(sure):
        return BestHour(
            hour=14, meetings=20, avg_productivity=0.6, lowest=0.5, highest=0.7, sure=sure
        )

    assert list(insights.of_best_hour(GROUP, WEEK, best(False))) == []
    [found] = insights.of_best_hour(GROUP, WEEK, best(True))
    assert "14" in found.text["en"]
    assert "14시" in found.text["ko"]
