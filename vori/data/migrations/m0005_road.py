"""What several processes on one database need to know of each other, and of a broker."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0005"
VERSION = "1.28"
DESCRIPTION = "where dead letters came from, whose disk holds a recording, legacy audio"

SQL = """
-- Where in Kafka a message lay; none for one that came out of the outbox.
ALTER TABLE dead_letters
    ADD COLUMN "partition"  integer,
    ADD COLUMN "offset"     bigint,
    ADD COLUMN encoding     varchar(8) NOT NULL DEFAULT 'utf-8'
                            CHECK (encoding IN ('utf-8', 'base64'));
CREATE INDEX dead_letters_waiting ON dead_letters (id) WHERE replayed_at IS NULL;

-- Whose disk holds the sound, where several VORIs share the database.
CREATE TABLE recording_homes (
    recording_id  uuid PRIMARY KEY REFERENCES recordings ON DELETE CASCADE,
    home          uuid NOT NULL
);

-- How far each sender of the topic voriAudioStream has been taken in.
CREATE TABLE audio_streams (
    random_key      text PRIMARY KEY,
    audio_id        varchar(128) NOT NULL,
    meeting_id      bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    "partition"     integer NOT NULL,
    next_offset     bigint NOT NULL,
    received_bytes  bigint NOT NULL DEFAULT 0,
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audio_streams_meeting ON audio_streams (meeting_id);
"""


async def forwards() -> None:
    await DB.script(SQL)
