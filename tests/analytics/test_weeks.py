"""Weeks, hours and time in status of `three_weeks`, counted by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.analytics import three_weeks
from tests.analytics.test_job import Runs, told
from tests.analytics.three_weeks import utc
from vori.data.engine import DB

pytestmark = [pytest.mark.spark, pytest.mark.postgres]

# (group, Monday): meetings, mean score, tickets made, moves and blockers per meeting, tickets,
# share done, hours to done. A meeting's score is work / (work + blockers + minutes / 5).
WEEKS = {
    (1, "2026-03-02"): (1, 3 / (3 + 1 + 3 / 5), 2, 1, 1, 2, 0.5, 191 + 59 / 60 + 40 / 3600),
    (1, "2026-03-09"): (1, 1 / (1 + 1 + 2 / 5), 0, 1, 1, 0, None, None),
    (1, "2026-03-16"): (1, 0.0, 0, 0, 1, 0, None, None),
    (2, "2026-03-02"): (1, 1 / (1 + 2 / 5), 1, 0, 0, 1, 1.0, 167 - 27 / 3600),
    (2, "2026-03-09"): (1, 2 / (2 + 1 / 5), 1, 1, 0, 1, 0.0, None),
    (2, "2026-03-16"): (1, 1 / (1 + 1 + 2 / 5), 0, 1, 1, 0, None, None),
}
NOW = utc("2026-03-22 12:00")


@pytest.fixture
def runs(spark, database_url, tmp_path):
    runs = Runs(spark, database_url, tmp_path)
    runs.do(three_weeks.put_rows)
    return runs


def count(runs):
    from vori.analytics.job import _Loop
    from vori.analytics.report import count_weeks

    loop = _Loop()
    loop.run(DB.open(runs.url, pool_size=2))
    try:
        return count_weeks(runs.spark, runs.url, loop.run, NOW)
    finally:
        loop.run(DB.close())
        loop.close()


def test_every_field_of_every_week_is_as_counted_by_hand_and_told_once(runs):
    assert count(runs)["weeksChanged"] == 6
    rows = runs.do(lambda: DB.fetch("SELECT * FROM analytics_trends"))
    found = {(r["group_id"], f"{r['period_start']:%Y-%m-%d}"): r for r in rows}
    names = (
        *("meeting_count", "avg_productivity", "avg_actionable_items", "avg_status_updates"),
        *("avg_blockers", "tickets_made", "completion_rate", "hours_to_done"),
    )
    for week, wanted in WEEKS.items():
        assert [found[week][n] for n in names] == pytest.approx(list(wanted)), week
    assert found.keys() == WEEKS.keys()
    assert all(r["period_end"] - r["period_start"] == timedelta(days=7) for r in rows)

    spent = found[1, "2026-03-02"]["time_in_status"]
    # To do: T-1 for 90 s, T-2 from 2 March 01:01:30 until now. In progress: T-1 to 10 March.
    open_h = 20 * 24 + 10 + 58.5 / 60
    assert [(s["status"], s["stays"]) for s in spent] == [("IN_PROGRESS", 1), ("TODO", 2)]
    assert spent[0]["hours"] == pytest.approx(8 * 24 - 110 / 3600)
    assert spent[1]["hours"] == pytest.approx((90 / 3600 + open_h) / 2)
    assert found[1, "2026-03-02"]["bottleneck"] is None  # two tickets say nothing

    hours = runs.do(lambda: DB.fetch("SELECT * FROM analytics_hours ORDER BY group_id, hour"))
    assert [(h["group_id"], h["hour"], h["meetings"]) for h in hours] == [
        (1, 10, 3),
        (2, 10, 2),  # ten o'clock before and after New York's clocks were put forward
        (2, 14, 1),
    ]
    assert runs.do(lambda: DB.fetch("SELECT 1 FROM analytics_insights")) == []

    # Words that are deleted after their days take nothing of what they led to along.
    runs.do(lambda: DB.fetch("DELETE FROM captions WHERE meeting_id = 11"))
    assert count(runs)["weeksChanged"] == 0
    trends = runs.do(lambda: told("analytics.trends.groups"))
    assert len(trends) == 6
    first = next(t for t in trends if t["groupId"] == 1 and t["period"]["start"] < "2026-03-03")
    assert first["avg_productivity"] == pytest.approx(3 / 4.6)
    assert (first["meeting_count"], first["avg_actionable_items"]) == (1, 2.0)
