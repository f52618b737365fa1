"""What the job keeps so that it need not read it again."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.analytics import three_weeks
from tests.analytics.three_weeks import utc
from vori.analytics import sink
from vori.analytics.sink import MinuteWords
from vori.data.engine import DB
from vori.ids import GroupId, MeetingId

pytestmark = pytest.mark.postgres


async def say(meeting, at_ms):
    await DB.fetch(
        "INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text, meeting_start_ms)"
        " SELECT $1, id, meeting_id, group_id, 99, 'so', $3 FROM recordings WHERE meeting_id = $2",
        *(uuid4(), meeting, at_ms),
    )


async def talked():
    rows = await DB.fetch("SELECT meeting_id, minutes FROM analytics_talk ORDER BY meeting_id")
    return {row["meeting_id"]: row["minutes"] for row in rows}


async def test_minutes_of_talk_follow_new_captions_and_outlast_deleted_ones(database):
    await three_weeks.put_rows()
    await sink.count_talk()
    assert await talked() == {11: 3, 12: 2, 13: 1, 21: 2, 22: 1, 23: 2}
    await say(22, 119_000)
    await DB.fetch("DELETE FROM captions WHERE meeting_id = 11")
    await sink.count_talk()
    assert await talked() == {11: 3, 12: 2, 13: 1, 21: 2, 22: 2, 23: 2}


def minute(number, count, tickets=()):
    return MinuteWords(
        meeting_id=MeetingId(11),
        group_id=GroupId(1),
        minute=number,
        newest=utc("2026-03-02 01:00"),
        words={"disk": (count, "disks")},
        tickets=tickets,
    )


async def test_a_meeting_s_words_are_those_of_its_minutes_and_pages_are_told(database):
    await three_weeks.put_rows()
    await sink.write_minute_words([minute(0, 2, ("T-1",)), minute(1, 3, ("T-1", "T-2"))])
    await sink.write_minute_words([minute(1, 4, ("T-1",)), minute(2, 1)])
    [row] = await DB.fetch("SELECT captions, words, tickets FROM analytics_words")
    assert (row["words"], row["tickets"]) == ({"disk": [7, "disks"]}, {"T-1": 2})
    assert row["captions"] == 4
    told = await DB.fetch(
        "SELECT payload::jsonb -> 'changed' AS changed FROM outbox"
        " WHERE topic = 'vori.minutes-counted'"
    )
    assert [row["changed"] for row in told] == [[{"meetingId": 11, "groupId": 1}]] * 2


async def test_minutes_in_which_nobody_speaks_any_more_are_forgotten(database):
    await three_weeks.put_rows()
    await sink.write_minute_words([minute(0, 2), minute(1, 3)])
    await DB.fetch(
        "DELETE FROM captions WHERE meeting_id = 11 AND meeting_start_ms BETWEEN 60000 AND 119999"
    )
    await sink.write_minute_words([minute(0, 2), minute(7, 1)])
    rows = await DB.fetch("SELECT minute FROM analytics_minute_words")
    assert [row["minute"] for row in rows] == [0]
