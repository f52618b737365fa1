"""The job on the outbox of a real database: the numbers of `test_metrics`, as a stream."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta

import pytest

from tests.analytics import three_weeks
from tests.analytics.test_metrics import EXPECTED, caption_at
from tests.analytics.three_weeks import events, utc
from vori.analytics.plan import Plan
from vori.data.engine import DB

pytestmark = [pytest.mark.spark, pytest.mark.postgres]

FIELDS = [*EXPECTED[0]]


def with_database(url, work):
    """Await `work()` with the database open, in a loop that is gone afterwards."""

    async def inside():
        await DB.open(url)
        try:
            return await work()
        finally:
            await DB.close()

    return asyncio.run(inside())


async def minutes_stored():
    rows = await DB.fetch("SELECT * FROM analytics_windows ORDER BY window_start, meeting_id")
    return [{name: row[name] for name in FIELDS} for row in rows]


async def told(topic):
    rows = await DB.fetch(
        "SELECT payload::jsonb AS p FROM outbox WHERE topic = $1 ORDER BY id", topic
    )
    return [row["p"] for row in rows]


class Runs:
    """Runs of the job over one database, each until nothing is left."""

    def __init__(self, spark, url, folder):
        self.spark, self.url, self.checkpoint = spark, url, folder / "checkpoint"

    def run(self, **more):
        from vori.analytics.job import Job

        reports = []
        plan = Plan(
            database_url=self.url,
            checkpoint=str(self.checkpoint),
            once=True,
            weeks_every_s=0,
            **more,
        )
        Job(plan, reports.append, spark=self.spark).run()
        return reports

    def do(self, work):
        return with_database(self.url, work)

    def publish(self, of=None):
        self.do(lambda: three_weeks.put_outbox(of))


@pytest.fixture
def runs(spark, database_url, tmp_path):
    runs = Runs(spark, database_url, tmp_path)
    runs.do(three_weeks.put_rows)
    return runs


def test_the_stream_counts_what_was_counted_by_hand_and_tells_it_once(runs):
    runs.publish()
    reports = runs.run()
    assert runs.do(minutes_stored) == EXPECTED
    assert sum(r.rows for r in reports) == len(events())
    [counted] = runs.do(lambda: told("vori.minutes-counted"))
    changed = [(c["meetingId"], c["groupId"]) for c in counted["changed"]]
    assert changed == [(11, 1), (12, 1), (13, 1), (21, 2), (22, 2), (23, 2)]

    metrics = runs.do(lambda: told("analytics.ticket.metrics"))
    assert [
        (
            m["window"]["start"],
            m["meetingId"],
            m["groupId"],
            m["actionableItemsCount"],
            m["statusUpdatesCount"],
            m["blockersMentioned"],
        )
        for m in sorted(metrics, key=lambda m: (m["window"]["start"], m["meetingId"]))
    ] == [
        (
            f"{e['window_start']:%Y-%m-%dT%H:%M:%SZ}",
            *(e[name] for name in ("meeting_id", "group_id", "tickets_made", "status_updates")),
            e["blockers"],
        )
        for e in EXPECTED
    ]
    scores = runs.do(lambda: told("analytics.productivity"))
    assert [
        (p["productivity_score"], p["ticket_count"], p["actionable_tickets"])
        for p in sorted(scores, key=lambda p: (p["window"]["start"], p["meetingId"]))
    ] == [(e["productivity"], e["ticket_changes"], e["tickets_made"]) for e in EXPECTED]

    assert sum(r.rows for r in runs.run()) == 0
    assert len(runs.do(lambda: told("analytics.productivity"))) == len(EXPECTED)


def test_small_batches_and_a_second_replay_give_the_same_numbers(runs):
    runs.publish()
    reports = runs.run(rows_per_batch=10)
    assert len([r for r in reports if r.kind == "batch"]) >= 3
    assert runs.do(minutes_stored) == EXPECTED

    shutil.rmtree(runs.checkpoint)
    runs.do(lambda: DB.fetch("DELETE FROM analytics_windows"))
    runs.run()
    assert runs.do(minutes_stored) == EXPECTED


def test_late_events_count_within_two_minutes_and_are_told_after(runs):
    runs.publish([caption_at(utc("2026-03-20 10:00:30"), 1)])
    runs.run()
    for number, second in ((2, 0), (9, 1)):  # what is late is known a batch later
        runs.publish([caption_at(utc(f"2026-03-20 10:05:0{second}"), number)])
        runs.run()
    early = [("10:03:10", 3), ("10:04:59", 4), ("10:02:50", 5), ("09:00:00", 6)]
    runs.publish([caption_at(utc(f"2026-03-20 {at}"), number) for at, number in early])
    reports = runs.run()
    # The newest was 10:05:01; what is older than 10:03:01 comes too late.
    assert sum(r.late for r in reports) == 2
    stored = {f"{m['window_start']:%H:%M}": m["captions"] for m in runs.do(minutes_stored)}
    assert stored == {"10:00": 1, "10:03": 1, "10:04": 1, "10:05": 2}


def test_a_meeting_that_is_gone_is_not_counted_on(runs):
    runs.publish()
    runs.do(lambda: DB.fetch("DELETE FROM meetings WHERE id IN (11, 21)"))
    runs.run()
    assert runs.do(minutes_stored) == [e for e in EXPECTED if e["meeting_id"] not in (11, 21)]


def test_messages_nobody_can_read_are_told_and_passed_over(runs):
    runs.publish(events()[:3])
    runs.do(
        lambda: DB.fetch(
            "INSERT INTO outbox (event_id, topic, key, payload)"
            " VALUES (gen_random_uuid(), 'ticket.created', '1', '{')"
        )
    )
    runs.publish(events()[3:])
    reports = runs.run()
    assert sum(r.unreadable for r in reports) == 1
    assert runs.do(minutes_stored) == EXPECTED


def test_the_outbox_is_kept_until_the_job_has_read_it(runs):
    from vori.data import outbox

    async def prune():
        await DB.fetch("UPDATE outbox SET created_at = now() - interval '9 days'")
        return await outbox.prune(timedelta(days=7))

    runs.publish()
    runs.run()
    runs.publish([caption_at(utc("2026-03-20 10:00:30"), 90)])
    runs.run()
    rows = runs.do(lambda: DB.fetch("SELECT sink FROM relay_cursors"))
    assert [row["sink"] for row in rows] == ["analytics"]
    assert runs.do(prune) >= len(events())


def test_a_database_restored_from_a_dump_is_read_from_the_beginning(runs):
    runs.publish()
    runs.run()
    runs.do(lambda: DB.fetch("DELETE FROM relay_cursors"))
    runs.do(lambda: DB.fetch("DELETE FROM analytics_windows"))
    reports = runs.run()
    assert sum(r.rows for r in reports) == len(events())
    assert runs.do(minutes_stored) == EXPECTED
