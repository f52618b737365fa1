"""What machines may do by themselves, what they propose, and what their readings cost."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0002"
VERSION = "1.28"
DESCRIPTION = "policy and budget of groups, proposals, readings and their tokens"

SQL = """
ALTER TABLE groups
    ADD COLUMN policy         varchar(16) NOT NULL DEFAULT 'auto'
                              CHECK (policy IN ('auto', 'propose', 'threshold')),
    ADD COLUMN auto_above     double precision CHECK (auto_above BETWEEN 0 AND 1),
    ADD COLUMN budget_tokens  bigint CHECK (budget_tokens >= 0),
    ADD COLUMN budget_cost    double precision CHECK (budget_cost >= 0),
    ADD CONSTRAINT groups_threshold CHECK (policy <> 'threshold' OR auto_above IS NOT NULL);

CREATE TABLE proposals (
    id           bigserial PRIMARY KEY,
    group_id     bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    meeting_id   bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    kind         varchar(16) NOT NULL CHECK (kind IN ('create', 'move', 'revise', 'withdraw')),
    ticket_id    text REFERENCES tickets ON DELETE CASCADE,
    payload      jsonb NOT NULL,
    receipt      jsonb NOT NULL,
    state        varchar(16) NOT NULL DEFAULT 'OPEN'
                 CHECK (state IN ('OPEN', 'ACCEPTED', 'DISMISSED', 'SUPERSEDED')),
    decided_by   bigint REFERENCES users ON DELETE SET NULL,
    decided_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX proposals_group ON proposals (group_id, state, created_at);
CREATE INDEX proposals_meeting ON proposals (meeting_id, state);
CREATE INDEX proposals_ticket ON proposals (ticket_id);
-- One ticket is asked about once for each meeting and kind.
CREATE UNIQUE INDEX proposals_open ON proposals (meeting_id, ticket_id, kind) WHERE state = 'OPEN';

-- What a meeting was last read by, and what people should know about that reading.
CREATE TABLE readings (
    meeting_id  bigint PRIMARY KEY REFERENCES meetings ON DELETE CASCADE,
    engine      text NOT NULL,
    model       text NOT NULL DEFAULT '',
    notes       jsonb NOT NULL DEFAULT '[]',
    rejected    jsonb NOT NULL DEFAULT '[]',
    at          timestamptz NOT NULL DEFAULT now()
);

-- Outlives its meeting: what a group spent this month must not shrink.
CREATE TABLE token_usage (
    id                  uuid PRIMARY KEY,
    group_id            bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    meeting_id          bigint REFERENCES meetings ON DELETE SET NULL,
    engine              text NOT NULL,
    model               text NOT NULL DEFAULT '',
    input_tokens        bigint NOT NULL DEFAULT 0,
    output_tokens       bigint NOT NULL DEFAULT 0,
    cache_read_tokens   bigint NOT NULL DEFAULT 0,
    cache_write_tokens  bigint NOT NULL DEFAULT 0,
    cost                double precision,
    at                  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX token_usage_group ON token_usage (group_id, at);
CREATE INDEX token_usage_meeting ON token_usage (meeting_id);
"""


async def forwards() -> None:
    await DB.script(SQL)
