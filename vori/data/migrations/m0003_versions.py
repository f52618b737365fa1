"""Captions heard twice, versions of a recording's captions, and the jobs that make them."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0003"
VERSION = "1.28"
DESCRIPTION = "duplicate captions, transcript versions, transcription jobs"

SQL = """
-- The same words as another microphone's caption: kept, but no part of the transcript.
ALTER TABLE captions
    ADD COLUMN duplicate_of uuid REFERENCES captions ON DELETE SET NULL,
    ADD COLUMN level_db double precision;
CREATE INDEX captions_duplicates ON captions (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- Ways in which one recording was put into words. The captions of the CURRENT one lie in
-- `captions`, those of the others in `version_captions`.
CREATE TABLE transcript_versions (
    recording_id  uuid NOT NULL REFERENCES recordings ON DELETE CASCADE,
    number        integer NOT NULL CHECK (number > 0),
    state         varchar(16) NOT NULL CHECK (state IN ('DRAFT', 'CURRENT', 'PAST')),
    origin        varchar(16) NOT NULL CHECK (origin IN ('LIVE', 'UPLOAD', 'AGAIN')),
    model         text NOT NULL DEFAULT '',
    language      varchar(16),
    heard_bytes   bigint NOT NULL DEFAULT 0,
    created_by    bigint REFERENCES users ON DELETE SET NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recording_id, number)
);
CREATE UNIQUE INDEX transcript_versions_current ON transcript_versions (recording_id)
    WHERE state = 'CURRENT';

CREATE TABLE version_captions (
    recording_id      uuid NOT NULL,
    number            integer NOT NULL,
    id                uuid NOT NULL,
    seq               integer NOT NULL CHECK (seq >= 0),
    text              text NOT NULL,
    language          varchar(16) NOT NULL DEFAULT '',
    start_ms          bigint NOT NULL DEFAULT 0,
    end_ms            bigint NOT NULL DEFAULT 0,
    meeting_start_ms  bigint NOT NULL DEFAULT 0,
    speaker_id        bigint REFERENCES users ON DELETE SET NULL,
    words             jsonb NOT NULL DEFAULT '[]',
    level_db          double precision,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recording_id, number, seq),
    FOREIGN KEY (recording_id, number) REFERENCES transcript_versions ON DELETE CASCADE
);

CREATE TABLE transcription_jobs (
    id            uuid PRIMARY KEY,
    recording_id  uuid NOT NULL REFERENCES recordings ON DELETE CASCADE,
    meeting_id    bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    group_id      bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    version       integer NOT NULL,
    state         varchar(16) NOT NULL DEFAULT 'QUEUED'
                  CHECK (state IN ('QUEUED', 'RUNNING', 'COMPLETE', 'FAILED', 'CANCELLED')),
    model         text,
    language      varchar(16),
    hotwords      text NOT NULL DEFAULT '',
    applies       boolean NOT NULL DEFAULT true,
    attempts      integer NOT NULL DEFAULT 0,
    done_ms       bigint NOT NULL DEFAULT 0,
    kept_ms       bigint NOT NULL DEFAULT 0,
    total_ms      bigint,
    failure       text,
    message       text NOT NULL DEFAULT '',
    created_by    bigint REFERENCES users ON DELETE SET NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz
);
CREATE INDEX transcription_jobs_meeting ON transcription_jobs (meeting_id, created_at);
CREATE INDEX transcription_jobs_due ON transcription_jobs (created_at)
    WHERE state IN ('QUEUED', 'RUNNING');
CREATE UNIQUE INDEX transcription_jobs_one ON transcription_jobs (recording_id)
    WHERE state IN ('QUEUED', 'RUNNING');
"""


async def forwards() -> None:
    await DB.script(SQL)
