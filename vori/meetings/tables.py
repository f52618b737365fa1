"""Meetings and their minutes as rows."""

from __future__ import annotations

from piccolo.columns import BigInt, BigSerial, ForeignKey, Text, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from vori.data.engine import DB
from vori.people.tables import Group, User


class Meeting(Table, db=DB, tablename="meetings"):
    """`status` is SCHEDULED, LIVE or ENDED.

    Without an `id` the database gives the next free one; a client may also name one that
    is free.
    """

    id = BigSerial(primary_key=True)
    group_id = ForeignKey(Group, null=False)
    title = Text(default="")
    status = Varchar(length=16, default="SCHEDULED")
    language = Varchar(length=16, default=None, null=True)
    time_zone = Text(default="UTC")
    started_at = Timestamptz(default=None, null=True)
    ended_at = Timestamptz(default=None, null=True)
    created_by = ForeignKey(User, default=None, null=True)
    created_at = Timestamptz(default=TimestamptzNow())
    updated_at = Timestamptz(default=TimestamptzNow())
    sound_deleted_at = Timestamptz(default=None, null=True)
    words_deleted_at = Timestamptz(default=None, null=True)


class Minutes(Table, db=DB, tablename="minutes"):
    """One Markdown text for each meeting. `engine` wrote it; `edited_by` changed it since."""

    meeting_id = BigInt(primary_key=True, default=None)
    language = Varchar(length=16, default="en")
    markdown = Text(default="")
    engine = Text(default="")
    model = Text(default="")
    edited_by = ForeignKey(User, default=None, null=True)
    created_at = Timestamptz(default=TimestamptzNow())
    updated_at = Timestamptz(default=TimestamptzNow())
