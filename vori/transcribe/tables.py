"""Recordings and final captions as rows."""

from __future__ import annotations

from piccolo.columns import (
    UUID,
    BigInt,
    ForeignKey,
    Integer,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from vori.data.columns import Json
from vori.data.engine import DB
from vori.ids import uuid7
from vori.meetings.tables import Meeting
from vori.people.tables import Group, User


class Recording(Table, db=DB, tablename="recordings"):
    """One microphone's sound. `status` is OPEN, COMPLETE or FAILED (`failure` says why).

    `user_id` is whose microphone it is, if anyone's. `offset_ms` counts from the meeting's
    start to the recording's; `received_bytes` are safe in the journal; `decoded_ms` of sound
    have become captions.
    """

    id = UUID(primary_key=True, default=uuid7)
    audio_id = Varchar(length=128, required=True)
    meeting_id = ForeignKey(Meeting, null=False)
    group_id = ForeignKey(Group, null=False)
    user_id = ForeignKey(User, default=None, null=True)
    status = Varchar(length=16, default="OPEN")
    encoding = Varchar(length=16, default="auto")
    language = Varchar(length=16, default=None, null=True)
    offset_ms = BigInt(default=0)
    received_bytes = BigInt(default=0)
    decoded_ms = BigInt(default=0)
    failure = Text(default=None, null=True)
    started_at = Timestamptz(default=TimestamptzNow())
    finished_at = Timestamptz(default=None, null=True)


class CaptionRow(Table, db=DB, tablename="captions"):
    """A final caption. `seq` counts from 0 within its recording; `words` are Words as JSON."""

    id = UUID(primary_key=True, default=uuid7)
    recording_id = ForeignKey(Recording, null=False)
    meeting_id = ForeignKey(Meeting, null=False)
    group_id = ForeignKey(Group, null=False)
    seq = Integer(required=True, default=None)
    text = Text(required=True)
    language = Varchar(length=16, default="")
    start_ms = BigInt(default=0)
    end_ms = BigInt(default=0)
    meeting_start_ms = BigInt(default=0)
    speaker_id = ForeignKey(User, default=None, null=True)
    words = Json(default="[]")
    created_at = Timestamptz(default=TimestamptzNow())
