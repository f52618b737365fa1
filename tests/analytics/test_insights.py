from __future__ import annotations

from datetime import timedelta

import pytest

from tests.analytics.three_weeks import utc
from vori.analytics import insights
from vori.analytics.insights import Blocked, Mentioned, Promises, Stretch, WordUse
from vori.analytics.messages import BestHour, InsightKind, Span, StatusTime
from vori.analytics.sample import Sample
from vori.ids import GroupId, MeetingId, TicketId
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


def ids(count):
    return tuple(MeetingId(n) for n in range(1, count + 1))


def promises(tickets, kept, meetings=10, *, assigned=0, dated=0):
    return Promises(
        tickets=tickets, kept=kept, assigned=assigned, dated=dated, meeting_ids=ids(meetings)
    )


def test_fewer_promises_kept_are_told_with_what_went_along():
    [found] = insights.of_promises(
        GROUP, WEEK, promises(12, 2, assigned=3, dated=6), promises(40, 30, assigned=36, dated=20)
    )
    assert found.kind is InsightKind.COMPLETION_DROP
    # 2 / 12 = 17 %, 30 / 40 = 75 %; somebody's: 3 / 12 = 25 % after 36 / 40 = 90 %.
    assert found.text["en"] == (
        "Of the tickets made in these days 17% were done within a week, 75% in the weeks before"
        " (2 of 12, 30 of 40)."
        " In the same days tickets that are somebody's went from 90% to 25%."
    )
    assert "12개 중 2개" in found.text["ko"]
    assert "담당자가 있는 티켓: 90% → 25%" in found.text["ko"]
    assert found.numbers["now"] == pytest.approx(1 / 6)
    assert "datedNow" not in found.numbers
    assert (found.sample, found.meeting_ids) == (12, ids(10))


def test_promises_of_few_meetings_or_with_a_difference_by_chance_are_not_told():
    good = promises(40, 30)
    assert list(insights.of_promises(GROUP, WEEK, promises(12, 2, meetings=3), good)) == []
    assert list(insights.of_promises(GROUP, WEEK, promises(12, 8), good)) == []
    assert list(insights.of_promises(GROUP, WEEK, promises(12, 2), None)) == []


def test_a_blocker_that_comes_back_is_told():
    def told(times, meetings):
        blocker = Blocked(about="벤더 답변", key="답변 벤더", meeting_ids=ids(times))
        return list(insights.of_blockers(GROUP, WEEK, [blocker], meetings=meetings))

    [found] = told(4, 12)
    assert found.text["en"] == "“벤더 답변” kept work from going on in 4 of 12 meetings."
    assert found.numbers == {"times": 4.0, "meetings": 12.0}
    assert (found.meeting_ids, found.sample) == (ids(4), 4)
    assert told(3, 12) == []
    assert told(4, 7) == []


def test_work_that_is_mentioned_and_does_not_move_is_told():
    def told(times, days):
        ticket = Mentioned(
            ticket_id=TicketId("T-1"), title="Tune it", still_days=days, meeting_ids=ids(times)
        )
        return list(insights.of_tickets(GROUP, WEEK, [ticket]))

    [found] = told(5, 21)
    assert (
        found.text["en"] == "“Tune it” (T-1) came up in 5 meetings and has not moved for 21 days."
    )
    assert "회의 5개에서 나왔지만 21일째" in found.text["ko"]
    assert (found.ticket_ids, found.meeting_ids) == (("T-1",), ids(5))
    assert told(3, 21) == []
    assert told(5, 13) == []


def test_a_word_that_more_meetings_say_is_told():
    def told(times, now, earlier, before):
        use = WordUse(word="결제", key="결제", meeting_ids=ids(times), before=earlier)
        return list(insights.of_words(GROUP, WEEK, [use] * 30, now=now, before=before))

    # 8 of 10 after 1 of 30: (45 * 30 + 10 * 1) / 273438880 by chance, of thirty words looked at.
    [found, *_] = told(8, 10, 1, 30)
    assert found.text["en"] == "“결제” came up in 8 of 10 meetings, in the weeks before in 1 of 30."
    assert found.numbers["timesBefore"] == 1.0
    assert told(4, 10, 6, 30) == []
    assert told(7, 7, 0, 30) == []


def test_a_group_is_compared_with_others_only_when_none_of_them_can_be_told_apart():
    def told(*means):
        stretches = {GroupId(n): stretch(10, mean) for n, mean in enumerate(means, 1)}
        return list(insights.of_groups(GROUP, WEEK, stretches))

    # The mean of 0.3, 0.4 and 0.5, ten meetings each, is 0.4.
    [found] = told(0.7, 0.3, 0.4, 0.5)
    assert found.text["en"] == (
        "Meetings of this group score higher than those of 3 other groups: 0.70 and 0.40"
        " (means of 10 and 30 meetings)."
    )
    assert "다른 3개 그룹의 회의보다 생산성이 높습니다" in found.text["ko"]
    assert told(0.7, 0.3, 0.4) == []
    assert told(0.4, 0.3, 0.4, 0.5) == []


def test_every_kind_of_insight_is_made_by_somebody():
    from pathlib import Path

    written = Path(insights.__file__).read_text(encoding="utf-8")
    assert [kind for kind in InsightKind if f"InsightKind.{kind.name}" not in written] == []
