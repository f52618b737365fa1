"""Dates as people say them. The meeting is on Wednesday, 2026-03-18, unless said otherwise."""

from __future__ import annotations

from datetime import date

import pytest

from vori.tickets.extract.dates import find_days

WEDNESDAY = date(2026, 3, 18)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("by friday", "2026-03-20"),
        ("I'll do it on Monday", "2026-03-23"),
        ("by Wednesday", "2026-03-25"),
        ("next Tuesday", "2026-03-24"),
        ("by Friday next week", "2026-03-27"),
        ("by the end of the week", "2026-03-20"),
        ("this week", "2026-03-20"),
        ("by end of month", "2026-03-31"),
        ("month end", "2026-03-31"),
        ("the day after tomorrow", "2026-03-20"),
        ("tomorrow morning", "2026-03-19"),
        ("this afternoon", "2026-03-18"),
        ("in two weeks", "2026-04-01"),
        ("the tenth of August", "2026-08-10"),
        ("on March 25th", "2026-03-25"),
        ("by the twenty-first", "2026-03-21"),
        ("by 2026-04-02", "2026-04-02"),
        ("a week on Monday", "2026-03-30"),
        ("수요일까지", "2026-03-25"),
        ("다음 주 화요일까지", "2026-03-24"),
        ("담주 월욜까지", "2026-03-23"),
        ("이번 주 안에", "2026-03-20"),
        ("월말까지", "2026-03-31"),
        ("이번 달 말까지", "2026-03-31"),
        ("말일까지로", "2026-03-31"),
        ("다음 달 말까지", "2026-04-30"),
        ("모레까지", "2026-03-20"),
        ("내일모레 드릴게요", "2026-03-20"),
        ("글피까지", "2026-03-21"),
        ("오늘 중으로", "2026-03-18"),
        ("25일까지", "2026-03-25"),
        ("이십오일까지", "2026-03-25"),
        ("4월 2일까지", "2026-04-02"),
        ("삼월 삼십일까지", "2026-03-30"),
        ("사흘 안에", "2026-03-21"),
        ("일주일 안에", "2026-03-25"),
    ],
)
def test_a_day_is_understood(said: str, day: str) -> None:
    assert [d.day.isoformat() for d in find_days(said, WEDNESDAY)] == [day]


@pytest.mark.parametrize(
    "said",
    [
        "since Thursday",
        "last Friday",
        "it went out on friday last week",
        "지난주 금요일에",
        "저번 주 화요일",
        "두 시 십오 분에",
        "이 주 정도 밀린대요",
        "the third floor",
        "일이 많아서요",
    ],
)
def test_the_past_and_other_numbers_are_no_due_dates(said: str) -> None:
    assert find_days(said, WEDNESDAY) == []


@pytest.mark.parametrize(
    ("said", "limit"),
    [("by Friday", True), ("on Friday", False), ("금요일까지", True), ("금요일에", False)],
)
def test_a_limit_is_told_from_a_mere_day(said: str, *, limit: bool) -> None:
    assert [d.limit for d in find_days(said, WEDNESDAY)] == [limit]


def test_the_end_of_the_year_turns_over() -> None:
    assert find_days("by the third of January", date(2026, 12, 20))[0].day == date(2027, 1, 3)
    assert find_days("월말까지", date(2028, 2, 3))[0].day == date(2028, 2, 29)


def test_a_day_that_no_calendar_has_is_not_found() -> None:
    assert find_days("on February 31st", WEDNESDAY) == []
    assert find_days("99일까지", WEDNESDAY) == []
