"""Who may come in: passwords, sessions, one-time links, socket passes, identities of others."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0007"
VERSION = "1.28"
DESCRIPTION = "passwords, sessions, one-time links, socket passes, scopes of tokens, identities"

SQL = """
ALTER TABLE users
    ADD COLUMN password_hash        text,
    ADD COLUMN password_changed_at  timestamptz,
    ADD COLUMN disabled_at          timestamptz,
    ADD COLUMN last_seen_at         timestamptz;

ALTER TABLE tokens
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{read,write,record,admin}';

-- A browser that is signed in. Only the SHA-256 of its cookie is kept.
CREATE TABLE sessions (
    id            bigserial PRIMARY KEY,
    user_id       bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    hash          bytea NOT NULL UNIQUE,
    method        varchar(16) NOT NULL DEFAULT 'password',
    agent         text NOT NULL DEFAULT '',
    address       text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_used_at  timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Links that work once. Without a user: whoever opens it becomes the first admin.
CREATE TABLE links (
    id          bigserial PRIMARY KEY,
    user_id     bigint REFERENCES users ON DELETE CASCADE,
    kind        varchar(16) NOT NULL CHECK (kind IN ('first_admin', 'password')),
    hash        bytea NOT NULL UNIQUE,
    created_by  bigint REFERENCES users ON DELETE SET NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    CHECK ((kind = 'first_admin') = (user_id IS NULL))
);
CREATE INDEX links_user ON links (user_id);

-- A pass opens one WebSocket, soon; it counts no longer than what it was made with.
CREATE TABLE passes (
    hash        bytea PRIMARY KEY,
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    session_id  bigint REFERENCES sessions ON DELETE CASCADE,
    token_id    bigint REFERENCES tokens ON DELETE CASCADE,
    scopes      text[] NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX passes_expiry ON passes (expires_at);

-- Who a user is at a provider of identities (OpenID Connect).
CREATE TABLE identities (
    issuer      text NOT NULL,
    subject     text NOT NULL,
    user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    email       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id);
"""


async def forwards() -> None:
    await DB.script(SQL)
