"""What is kept and for how long: who did what, and each group's days."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0008"
VERSION = "1.28"
DESCRIPTION = "audit log, retention of groups"

SQL = """
-- Numbers only: rows outlive the people and meetings they tell of.
CREATE TABLE audit (
    id          bigserial PRIMARY KEY,
    at          timestamptz NOT NULL,
    user_id     bigint,
    via         varchar(16) NOT NULL DEFAULT '',
    action      text NOT NULL,
    group_id    bigint,
    meeting_id  bigint,
    target      text NOT NULL DEFAULT '',
    address     text NOT NULL DEFAULT '',
    request_id  text NOT NULL DEFAULT ''
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_user ON audit (user_id, id);
CREATE INDEX audit_group ON audit (group_id, id);
CREATE INDEX audit_meeting ON audit (meeting_id, id);

-- Days after a meeting's end; NULL keeps it until somebody deletes it.
ALTER TABLE groups
    ADD COLUMN keep_sound_days  integer CHECK (keep_sound_days >= 0),
    ADD COLUMN keep_words_days  integer CHECK (keep_words_days >= 0);

ALTER TABLE meetings
    ADD COLUMN sound_deleted_at timestamptz;
"""


async def forwards() -> None:
    await DB.script(SQL)
