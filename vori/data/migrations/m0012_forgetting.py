"""What is no longer there: sound and words deleted by age, or with the person they belong to."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0012"
VERSION = "1.28"
DESCRIPTION = "deleted sound and words"

SQL = """
ALTER TABLE recordings
    ADD COLUMN sound_deleted_at timestamptz;
ALTER TABLE meetings
    ADD COLUMN words_deleted_at timestamptz;
CREATE INDEX meetings_ended ON meetings (ended_at) WHERE status = 'ENDED';

-- A row that goes takes its sound along, on whichever disk that lies: every VORI removes the
-- recordings that stand here from its own.
CREATE TABLE gone_recordings (
    recording_id  uuid PRIMARY KEY,
    at            timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION note_gone_recording() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gone_recordings (recording_id) VALUES (OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER recordings_gone AFTER DELETE ON recordings
    FOR EACH ROW EXECUTE FUNCTION note_gone_recording();
"""


async def forwards() -> None:
    await DB.script(SQL)
