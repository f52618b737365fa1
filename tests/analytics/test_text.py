"""Words, keywords and topics of Korean and English meetings."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.analytics.test_job import Runs
from tests.analytics.three_weeks import utc
from vori.analytics.words import read, together, words_of
from vori.data.engine import DB
from vori.ids import MeetingId

NOW = utc("2026-03-22 12:00")
PAY = ["결제 모듈 오류를 결제 팀이 봅니다.", "결제 게이트웨이 로그를 모읍니다."]
DISK = ["The disk alerts are noisy, tune the alerts.", "We replaced a disk and muted the alert."]


def test_words_are_counted_by_stem_and_morpheme():
    found = words_of("\n".join([*PAY, *DISK]))
    assert found["결제"] == (3, "결제")
    assert found["alert"] == (3, "alerts")
    assert "the" not in found
    assert "를" not in found


def around(titles=None, names=()):
    return json.dumps({"titles": titles or {}, "names": names})


def test_what_people_are_called_is_no_keyword():
    said = "Daniel tunes the alerts with Sora.\n민아 님이 결제를 봅니다."
    found, _ = read(said, around(names=["Daniel Kim", "sora", "김민아"]))
    assert sorted(form for _, form in found.values()) == ["alerts", "tunes", "결제"]
    assert "민아" in read(said, around())[0]


def test_a_minute_s_words_say_which_tickets_it_means():
    titles = around({"T-1": "결제 모듈 수정", "T-2": "Tune the disk alerts"})
    lines = "결제 모듈은 아직 못 고쳤어요.\nThe disk alerts still page us.\n벤더 답변이 없어요."
    assert read(lines, titles)[1] == ("T-1", "T-2")
    assert read("결제 게이트웨이 로그를 봐요.\nThe disks are new.", titles)[1] == ()


def test_words_of_parts_are_the_words_of_the_whole():
    assert together([words_of("\n".join(PAY)), words_of("\n".join(DISK))]) == words_of(
        "\n".join([*PAY, *DISK])
    )


@pytest.fixture
def runs(spark, database_url, tmp_path):
    runs = Runs(spark, database_url, tmp_path)

    async def put():
        await DB.fetch("INSERT INTO groups (id, name) VALUES (1, 'Web')")
        for meeting in range(1, 13):
            lines = PAY if meeting % 2 else DISK
            recording = uuid4()
            await DB.fetch(
                "INSERT INTO meetings (id, group_id, status, started_at)"
                " VALUES ($1, 1, 'ENDED', $2)",
                *(meeting, NOW - timedelta(days=meeting)),
            )
            await DB.fetch(
                "INSERT INTO recordings (id, audio_id, meeting_id, group_id) VALUES ($1,$2,$3,1)",
                *(recording, f"mic-{meeting}", meeting),
            )
            for seq, text in enumerate(lines):
                await DB.fetch(
                    "INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text,"
                    " meeting_start_ms, created_at) VALUES ($1, $2, $3, 1, $4, $5, $6, $7)",
                    *(uuid4(), recording, meeting, seq, text, seq * 360_000),
                    NOW - timedelta(days=meeting),
                )

    runs.do(put)
    return runs


@pytest.mark.spark
@pytest.mark.postgres
def test_keywords_and_topics_tell_meetings_apart_and_stay_the_same(runs):
    from vori.analytics.job import _Loop
    from vori.analytics.text import count_text

    def count():
        loop = _Loop()
        loop.run(DB.open(runs.url, pool_size=2))
        try:
            return count_text(runs.spark, runs.url, loop.run, NOW)
        finally:
            loop.run(DB.close())
            loop.close()

    def topics():
        return runs.do(
            lambda: DB.fetch("SELECT name, meeting_ids FROM analytics_topics ORDER BY name")
        )

    assert count()["minutesRead"] == 24
    rows = runs.do(
        lambda: DB.fetch(
            "SELECT meeting_id, term FROM analytics_meeting_keywords k WHERE score ="
            " (SELECT max(score) FROM analytics_meeting_keywords WHERE meeting_id = k.meeting_id)"
        )
    )
    assert {r["term"] for r in rows if r["meeting_id"] % 2} == {"결제"}
    assert "결제" not in {r["term"] for r in rows if r["meeting_id"] % 2 == 0}
    found = topics()
    odd, even = list(range(1, 13, 2)), list(range(2, 13, 2))
    split = [r["meeting_ids"] for r in found]
    assert all(set(ids) <= set(odd) or set(ids) <= set(even) for ids in split)
    assert sorted(id for ids in split for id in ids) == sorted(odd + even)  # noqa: A001
    words = runs.do(lambda: DB.fetch("SELECT * FROM analytics_group_keywords WHERE term = '결제'"))
    # Meetings 1, 3, 5 and 7 were in the last seven days, 9 to 13 in those before.
    assert [(w["count"], w["meetings"], w["count_before"]) for w in words] == [(12, 4, 6)]

    assert count()["minutesRead"] == 0
    runs.do(lambda: DB.fetch("DELETE FROM analytics_words"))
    runs.do(lambda: DB.fetch("DELETE FROM analytics_minute_words"))
    assert count()["minutesRead"] == 24
    assert topics() == found

    # Meeting 1 said 결제 twice at its beginning, and once six minutes later.
    from vori.analytics import store

    [trend, *_] = [
        t for t in runs.do(lambda: store.keyword_trends(MeetingId(1), limit=20)) if t.term == "결제"
    ]
    assert (trend.count, trend.count_before, trend.total) == (1, 2, 3)


@pytest.mark.spark
@pytest.mark.postgres
def test_what_comes_back_again_and_again_is_told_with_its_meetings(runs):
    from vori.analytics.job import _Loop
    from vori.analytics.report import count_weeks
    from vori.analytics.text import count_text

    async def put():
        await DB.fetch(
            "INSERT INTO tickets (id, group_id, title, created_at) VALUES"
            " ('T-1', 1, '결제 모듈 오류 수정', $1), ('T-2', 1, '서버 이전 계획', $1),"
            " ('T-3', 1, 'Mute the disk alerts', $2)",
            *(NOW - timedelta(days=20), NOW - timedelta(days=13)),
        )
        for meeting, about in [
            (1, "벤더 답변"),
            (2, "벤더 답변이"),
            (4, "벤더 답변"),
            (9, "벤더의 답변"),
        ]:
            await DB.fetch(
                "INSERT INTO blockers (id, meeting_id, group_id, about) VALUES ($1, $2, 1, $3)",
                *(uuid4(), meeting, about),
            )
        for meeting in (1, 2, 3):
            await DB.fetch(
                "INSERT INTO blockers (id, meeting_id, group_id, about)"
                " VALUES ($1, $2, 1, 'access rights')",
                *(uuid4(), meeting),
            )

    runs.do(put)
    loop = _Loop()
    loop.run(DB.open(runs.url, pool_size=2))
    try:
        count_text(runs.spark, runs.url, loop.run, NOW)
        count_weeks(runs.spark, runs.url, loop.run, NOW)
    finally:
        loop.run(DB.close())
        loop.close()
    rows = runs.do(lambda: DB.fetch("SELECT * FROM analytics_insights ORDER BY kind"))
    found = {row["kind"]: row for row in rows}
    assert len(rows) == len(found) == 2
    # Every odd meeting of the twelve speaks of T-1; T-3 has stood still for 13 days only.
    stuck = found["stuck_ticket"]
    assert stuck["text"]["en"] == (
        "“결제 모듈 오류 수정” (T-1) came up in 6 meetings and has not moved for 20 days."
    )
    assert (stuck["meeting_ids"], stuck["ticket_ids"]) == ([1, 3, 5, 7, 9, 11], ["T-1"])
    blocker = found["recurring_blocker"]
    assert blocker["text"]["ko"] == "회의 12개 가운데 4개에서 ‘벤더 답변’ 때문에 일이 막혔습니다."
    assert (blocker["meeting_ids"], blocker["sample"]) == ([1, 2, 4, 9], 4)
    told = runs.do(lambda: DB.fetch("SELECT key FROM outbox WHERE topic = 'analytics.insights'"))
    assert [row["key"] for row in told] == ["1", "1"]
