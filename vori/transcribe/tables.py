"""Recordings and final captions as rows."""

from __future__ import annotations

from piccolo.columns import (
    UUID,
    BigInt,
    Boolean,
    DoublePrecision,
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
    sound_deleted_at = Timestamptz(default=None, null=True)


class CaptionRow(Table, db=DB, tablename="captions"):
    """A final caption. `seq` counts from 0 within its recording; `words` are Words as JSON.

    `duplicate_of` is the caption of another microphone that has the same words at the same time;
    a caption that has one is no part of the transcript. `level_db` is how loud it was spoken.
    """

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
    duplicate_of = UUID(default=None, null=True)
    level_db = DoublePrecision(default=None, null=True)


class VersionRow(Table, db=DB, tablename="transcript_versions"):
    """One way in which a recording was put into words. `number` counts from 1 in the recording.

    The captions of the CURRENT version lie in `captions`, those of DRAFT and PAST ones in
    `version_captions`. `origin` is LIVE, UPLOAD or AGAIN; `heard_bytes` of the recording were
    there when it was made. The primary key is (recording_id, number).
    """

    recording_id = ForeignKey(Recording, null=False, primary_key=True)
    number = Integer(required=True, default=None)
    state = Varchar(length=16, default="DRAFT")
    origin = Varchar(length=16, default="AGAIN")
    model = Text(default="")
    language = Varchar(length=16, default=None, null=True)
    heard_bytes = BigInt(default=0)
    created_by = ForeignKey(User, default=None, null=True)
    created_at = Timestamptz(default=TimestamptzNow())


class VersionCaptionRow(Table, db=DB, tablename="version_captions"):
    """A caption of a version that is not CURRENT. The primary key is (recording_id, number, seq)."""

    recording_id = ForeignKey(Recording, null=False, primary_key=True)
    number = Integer(required=True, default=None)
    id = UUID(default=uuid7)
    seq = Integer(required=True, default=None)
    text = Text(required=True)
    language = Varchar(length=16, default="")
    start_ms = BigInt(default=0)
    end_ms = BigInt(default=0)
    meeting_start_ms = BigInt(default=0)
    speaker_id = ForeignKey(User, default=None, null=True)
    words = Json(default="[]")
    level_db = DoublePrecision(default=None, null=True)
    created_at = Timestamptz(default=TimestamptzNow())


class JobRow(Table, db=DB, tablename="transcription_jobs"):
    """Sound to be put into words in the background. `state` is as in `messages.JobState`.

    `applies`: the version that is made becomes the CURRENT one when it is done; `done_ms` of
    `total_ms` of sound are, and what was heard up to `kept_ms` lies in the version, so that the
    job goes on from there; `attempts` counts starts; `failure` is a code, `message` for people.
    """

    id = UUID(primary_key=True, default=uuid7)
    recording_id = ForeignKey(Recording, null=False)
    meeting_id = ForeignKey(Meeting, null=False)
    group_id = ForeignKey(Group, null=False)
    version = Integer(required=True, default=None)
    state = Varchar(length=16, default="QUEUED")
    model = Text(default=None, null=True)
    language = Varchar(length=16, default=None, null=True)
    hotwords = Text(default="")
    applies = Boolean(default=True)
    attempts = Integer(default=0)
    done_ms = BigInt(default=0)
    kept_ms = BigInt(default=0)
    total_ms = BigInt(default=None, null=True)
    failure = Text(default=None, null=True)
    message = Text(default="")
    created_by = ForeignKey(User, default=None, null=True)
    created_at = Timestamptz(default=TimestamptzNow())
    updated_at = Timestamptz(default=TimestamptzNow())
    finished_at = Timestamptz(default=None, null=True)
