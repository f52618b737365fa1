"""What the analytics job need not read again: how long meetings talked, and the words of minutes."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0011"
VERSION = "1.28"
DESCRIPTION = "analytics: minutes of talk, words of minutes"

SQL = """
-- `newest`: when the newest caption that was counted was stored.
CREATE TABLE analytics_talk (
    meeting_id  bigint PRIMARY KEY REFERENCES meetings ON DELETE CASCADE,
    minutes     integer NOT NULL,
    newest      timestamptz NOT NULL
);
CREATE INDEX analytics_talk_newest ON analytics_talk (newest);

-- `minute` counts from the meeting's start; `tickets` are those that were mentioned.
CREATE TABLE analytics_minute_words (
    meeting_id   bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    minute       integer NOT NULL,
    words        jsonb NOT NULL,
    tickets      jsonb NOT NULL DEFAULT '[]',
    newest       timestamptz NOT NULL,
    computed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (meeting_id, minute)
);
CREATE INDEX analytics_minute_words_newest ON analytics_minute_words (newest);

-- Captions are only ever added at the end: what is new lies together.
CREATE INDEX captions_created ON captions USING brin (created_at) WITH (pages_per_range = 32);
CREATE INDEX blockers_created ON blockers (created_at);
"""


async def forwards() -> None:
    await DB.script(SQL)
