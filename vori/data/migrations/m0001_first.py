"""The first schema."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0001"
VERSION = "1.28"
DESCRIPTION = "people, meetings, captions, tickets, outbox"

SQL = """
CREATE TABLE groups (
    id          bigserial PRIMARY KEY,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id          bigserial PRIMARY KEY,
    email       text,
    name        text NOT NULL,
    language    varchar(16) NOT NULL DEFAULT 'en',
    time_zone   text NOT NULL DEFAULT 'UTC',
    is_admin    boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE members (
    id          bigserial PRIMARY KEY,
    group_id    bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    role        varchar(16) NOT NULL DEFAULT 'MEMBER' CHECK (role IN ('ADMIN', 'MEMBER')),
    nicknames   text[] NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE tokens (
    id            bigserial PRIMARY KEY,
    user_id       bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    name          text NOT NULL DEFAULT '',
    hash          bytea NOT NULL UNIQUE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz,
    last_used_at  timestamptz,
    revoked_at    timestamptz
);
CREATE INDEX tokens_user ON tokens (user_id);

-- Clients may name a meeting's id, so the sequence steps over those taken.
CREATE SEQUENCE meeting_ids;
CREATE FUNCTION next_meeting_id() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    candidate bigint;
BEGIN
    LOOP
        candidate := nextval('meeting_ids');
        EXIT WHEN NOT EXISTS (SELECT 1 FROM meetings WHERE id = candidate);
    END LOOP;
    RETURN candidate;
END
$$;

CREATE TABLE meetings (
    id          bigint PRIMARY KEY DEFAULT next_meeting_id() CHECK (id > 0),
    group_id    bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    title       text NOT NULL DEFAULT '',
    status      varchar(16) NOT NULL DEFAULT 'SCHEDULED'
                CHECK (status IN ('SCHEDULED', 'LIVE', 'ENDED')),
    language    varchar(16),
    time_zone   text NOT NULL DEFAULT 'UTC',
    started_at  timestamptz,
    ended_at    timestamptz,
    created_by  bigint REFERENCES users ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX meetings_group ON meetings (group_id, created_at);
CREATE INDEX meetings_live ON meetings (id) WHERE status = 'LIVE';
CREATE INDEX meetings_creator ON meetings (created_by);

CREATE TABLE minutes (
    meeting_id  bigint PRIMARY KEY REFERENCES meetings ON DELETE CASCADE,
    language    varchar(16) NOT NULL DEFAULT 'en',
    markdown    text NOT NULL DEFAULT '',
    engine      text NOT NULL DEFAULT '',
    model       text NOT NULL DEFAULT '',
    edited_by   bigint REFERENCES users ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE recordings (
    id              uuid PRIMARY KEY,
    audio_id        varchar(128) NOT NULL UNIQUE CHECK (audio_id <> ''),
    meeting_id      bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    group_id        bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    user_id         bigint REFERENCES users ON DELETE SET NULL,
    status          varchar(16) NOT NULL DEFAULT 'OPEN'
                    CHECK (status IN ('OPEN', 'COMPLETE', 'FAILED')),
    encoding        varchar(16) NOT NULL DEFAULT 'auto',
    language        varchar(16),
    offset_ms       bigint NOT NULL DEFAULT 0,
    received_bytes  bigint NOT NULL DEFAULT 0,
    decoded_ms      bigint NOT NULL DEFAULT 0,
    failure         text,
    started_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz
);
CREATE INDEX recordings_meeting ON recordings (meeting_id, offset_ms);
CREATE INDEX recordings_open ON recordings (started_at) WHERE status = 'OPEN';

CREATE TABLE captions (
    id                uuid PRIMARY KEY,
    recording_id      uuid NOT NULL REFERENCES recordings ON DELETE CASCADE,
    meeting_id        bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    group_id          bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    seq               integer NOT NULL CHECK (seq >= 0),
    text              text NOT NULL,
    language          varchar(16) NOT NULL DEFAULT '',
    start_ms          bigint NOT NULL DEFAULT 0,
    end_ms            bigint NOT NULL DEFAULT 0,
    meeting_start_ms  bigint NOT NULL DEFAULT 0,
    speaker_id        bigint REFERENCES users ON DELETE SET NULL,
    words             jsonb NOT NULL DEFAULT '[]',
    created_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (recording_id, seq)
);
CREATE INDEX captions_meeting ON captions (meeting_id, meeting_start_ms);

CREATE SEQUENCE ticket_numbers;
CREATE TABLE tickets (
    id            text PRIMARY KEY DEFAULT 'T-' || nextval('ticket_numbers'),
    group_id      bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    meeting_id    bigint REFERENCES meetings ON DELETE SET NULL,
    title         text NOT NULL,
    content       text NOT NULL DEFAULT '',
    status        varchar(16) NOT NULL DEFAULT 'TODO'
                  CHECK (status IN ('TODO', 'IN_PROGRESS', 'DONE')),
    assignee_id   bigint REFERENCES users ON DELETE SET NULL,
    due           date,
    origin        jsonb NOT NULL DEFAULT '{}',
    human_edited  text[] NOT NULL DEFAULT '{}',
    dismissed_at  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    version       integer NOT NULL DEFAULT 1
);
CREATE INDEX tickets_group ON tickets (group_id, status);
CREATE INDEX tickets_meeting ON tickets (meeting_id);
CREATE INDEX tickets_assignee ON tickets (assignee_id);

CREATE TABLE ticket_history (
    id          uuid PRIMARY KEY,
    ticket_id   text NOT NULL REFERENCES tickets ON DELETE CASCADE,
    meeting_id  bigint REFERENCES meetings ON DELETE SET NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    actor       varchar(16) NOT NULL CHECK (actor IN ('human', 'machine')),
    user_id     bigint REFERENCES users ON DELETE SET NULL,
    kind        text NOT NULL,
    before      jsonb NOT NULL DEFAULT '{}',
    after       jsonb NOT NULL DEFAULT '{}',
    receipt     jsonb,
    undone_at   timestamptz
);
CREATE INDEX ticket_history_ticket ON ticket_history (ticket_id, at);
CREATE INDEX ticket_history_meeting ON ticket_history (meeting_id);

CREATE TABLE blockers (
    id           uuid PRIMARY KEY,
    meeting_id   bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    group_id     bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    about        text NOT NULL DEFAULT '',
    caption_ids  uuid[] NOT NULL DEFAULT '{}',
    start_ms     bigint NOT NULL DEFAULT 0,
    end_ms       bigint NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX blockers_meeting ON blockers (meeting_id);

-- A sequence's order is not the order of commits: readers go by (xid, id) and stop below the
-- oldest transaction still open, so none is ever overtaken.
CREATE TABLE outbox (
    id          bigserial PRIMARY KEY,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    event_id    uuid NOT NULL UNIQUE,
    topic       text NOT NULL,
    key         text NOT NULL,
    payload     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_order ON outbox (xid, id);

CREATE TABLE relay_cursors (
    sink        text PRIMARY KEY,
    xid         xid8 NOT NULL,
    id          bigint NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE handled (
    consumer  text NOT NULL,
    event_id  uuid NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX handled_at ON handled (at);

CREATE TABLE dead_letters (
    id           bigserial PRIMARY KEY,
    topic        text NOT NULL,
    key          text NOT NULL DEFAULT '',
    payload      text NOT NULL DEFAULT '',
    consumer     text NOT NULL DEFAULT '',
    reason       text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    replayed_at  timestamptz
);
"""


async def forwards() -> None:
    await DB.script(SQL)
