"""What meetings led to: results of the analytics job, and the words it counts.

Each table's key is what a result is about, so that writing one again changes nothing. Whatever
belongs to a meeting or a group goes with it.
"""

from __future__ import annotations

from vori.data.engine import DB

ID = "0006"
VERSION = "1.28"
DESCRIPTION = "analytics: windows, words, weeks, insights"

SQL = """
CREATE TABLE analytics_windows (
    meeting_id      bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    window_start    timestamptz NOT NULL,
    window_end      timestamptz NOT NULL,
    group_id        bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    tickets_made    integer NOT NULL DEFAULT 0,
    status_updates  integer NOT NULL DEFAULT 0,
    blockers        integer NOT NULL DEFAULT 0,
    ticket_changes  integer NOT NULL DEFAULT 0,
    captions        integer NOT NULL DEFAULT 0,
    productivity    double precision NOT NULL DEFAULT 0 CHECK (productivity BETWEEN 0 AND 1),
    is_closed       boolean NOT NULL DEFAULT false,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (meeting_id, window_start)
);
CREATE INDEX analytics_windows_open ON analytics_windows (window_end) WHERE NOT is_closed;
CREATE INDEX analytics_windows_group ON analytics_windows (group_id, window_start);

-- A meeting's content words with their counts; `captions` says how many were read for it.
CREATE TABLE analytics_words (
    meeting_id   bigint PRIMARY KEY REFERENCES meetings ON DELETE CASCADE,
    group_id     bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    captions     integer NOT NULL,
    words        jsonb NOT NULL,
    tickets      jsonb NOT NULL DEFAULT '{}',
    computed_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX analytics_words_group ON analytics_words (group_id);

CREATE TABLE analytics_meeting_keywords (
    meeting_id  bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    term        text NOT NULL,
    score       double precision NOT NULL,
    count       integer NOT NULL,
    PRIMARY KEY (meeting_id, term)
);

CREATE TABLE analytics_group_keywords (
    group_id      bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    term          text NOT NULL,
    score         double precision NOT NULL,
    count         integer NOT NULL,
    meetings      integer NOT NULL,
    count_before  integer NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id, term)
);

CREATE TABLE analytics_topics (
    group_id     bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    name         text NOT NULL,
    words        text[] NOT NULL,
    share        double precision NOT NULL,
    meeting_ids  bigint[] NOT NULL,
    PRIMARY KEY (group_id, name)
);

CREATE TABLE analytics_trends (
    group_id              bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    period_start          timestamptz NOT NULL,
    period_end            timestamptz NOT NULL,
    meeting_count         integer NOT NULL,
    avg_productivity      double precision NOT NULL,
    avg_actionable_items  double precision NOT NULL,
    avg_status_updates    double precision NOT NULL,
    avg_blockers          double precision NOT NULL,
    tickets_made          integer NOT NULL,
    completion_rate       double precision,
    hours_to_done         double precision,
    time_in_status        jsonb NOT NULL DEFAULT '[]',
    bottleneck            varchar(16),
    PRIMARY KEY (group_id, period_start)
);

CREATE TABLE analytics_hours (
    group_id          bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    hour              integer NOT NULL CHECK (hour BETWEEN 0 AND 23),
    meetings          integer NOT NULL,
    avg_productivity  double precision NOT NULL,
    deviation         double precision NOT NULL,
    PRIMARY KEY (group_id, hour)
);

CREATE TABLE analytics_insights (
    insight_id    uuid PRIMARY KEY,
    group_id      bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    kind          varchar(32) NOT NULL,
    period_start  timestamptz NOT NULL,
    period_end    timestamptz NOT NULL,
    text          jsonb NOT NULL,
    numbers       jsonb NOT NULL,
    sample        integer NOT NULL,
    meeting_ids   bigint[] NOT NULL DEFAULT '{}',
    ticket_ids    text[] NOT NULL DEFAULT '{}',
    computed_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX analytics_insights_group ON analytics_insights (group_id, computed_at);
"""


async def forwards() -> None:
    await DB.script(SQL)
