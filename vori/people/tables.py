"""Groups, users, members and tokens as rows."""

from __future__ import annotations

from piccolo.columns import (
    Array,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    DoublePrecision,
    ForeignKey,
    Integer,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from vori.data.engine import DB


class Group(Table, db=DB, tablename="groups"):
    """`policy` is auto, propose or threshold (by itself from `auto_above` on).

    The budgets are for one calendar month (UTC): tokens, and money in the currency of the
    prices in the settings.
    """

    id = BigSerial(primary_key=True)
    name = Text(required=True)
    policy = Varchar(length=16, default="auto")
    auto_above = DoublePrecision(default=None, null=True)
    budget_tokens = BigInt(default=None, null=True)
    budget_cost = DoublePrecision(default=None, null=True)
    keep_sound_days = Integer(default=None, null=True)
    keep_words_days = Integer(default=None, null=True)
    end_after_silence_min = Integer(default=None, null=True)
    created_at = Timestamptz(default=TimestamptzNow())


class User(Table, db=DB, tablename="users"):
    """`email` is unique whatever its case; a user made by a client may have none."""

    id = BigSerial(primary_key=True)
    email = Text(default=None, null=True)
    name = Text(required=True)
    language = Varchar(length=16, default="en")
    time_zone = Text(default="UTC")
    is_admin = Boolean(default=False)
    created_at = Timestamptz(default=TimestamptzNow())
    password_hash = Text(default=None, null=True)
    password_changed_at = Timestamptz(default=None, null=True)
    disabled_at = Timestamptz(default=None, null=True)
    last_seen_at = Timestamptz(default=None, null=True)


class Membership(Table, db=DB, tablename="members"):
    """A user in a group, once. `role` is ADMIN or MEMBER."""

    id = BigSerial(primary_key=True)
    group_id = ForeignKey(Group, null=False)
    user_id = ForeignKey(User, null=False)
    role = Varchar(length=16, default="MEMBER")
    nicknames = Array(Text(), default=list)
    created_at = Timestamptz(default=TimestamptzNow())


class Token(Table, db=DB, tablename="tokens"):
    """A bearer token; only `hash`, its SHA-256 (32 bytes), is kept."""

    id = BigSerial(primary_key=True)
    user_id = ForeignKey(User, null=False)
    name = Text(default="")
    hash = Bytea(required=True)
    created_at = Timestamptz(default=TimestamptzNow())
    expires_at = Timestamptz(default=None, null=True)
    last_used_at = Timestamptz(default=None, null=True)
    revoked_at = Timestamptz(default=None, null=True)
    scopes = Array(Text(), default=list)
