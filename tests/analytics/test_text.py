"""Words, keywords and topics of Korean and English meetings."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.analytics.test_job import Runs
from tests.analytics.three_weeks import utc
from vori.analytics.words import words_of
from vori.data.engine import DB

NOW = utc("2026-03-22 12:00")
PAY = ["결제 모듈 오류를 결제 팀이 봅니다.", "결제 게이트웨이 로그를 모읍니다."]
DISK = ["The disk alerts are noisy, tune the alerts.", "We replaced a disk and muted the alert."]


def test_words_are_counted_by_stem_and_morpheme():
    found = words_of("\n".join([*PAY, *DISK]))
    assert found["결제"] == (3, "결제")
    assert found["alert"] == (3, "alerts")
    assert "the" not in found
    assert "를" not in found


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
                    "INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text)"
                    " VALUES ($1, $2, $3, 1, $4, $5)",
                    *(uuid4(), recording, meeting, seq, text),
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

    assert count()["meetingsRead"] == 12
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

    assert count()["meetingsRead"] == 0
    runs.do(lambda: DB.fetch("DELETE FROM analytics_words"))
    count()
    assert topics() == found
