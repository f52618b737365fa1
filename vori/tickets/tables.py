"""Tickets, their history and blockers as rows."""

from __future__ import annotations

from piccolo.columns import (
    UUID,
    Array,
    BigInt,
    BigSerial,
    Date,
    DoublePrecision,
    ForeignKey,
    Integer,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from vori.data.columns import GeneratedText, Json
from vori.data.engine import DB
from vori.ids import uuid7
from vori.meetings.tables import Meeting
from vori.people.tables import Group, User


class TicketRow(Table, db=DB, tablename="tickets"):
    """`id` is `T-` and a number the database gives.

    `origin` holds the caption ids and the title a machine made it from, so that the same
    words never make it twice. `human_edited` names the fields people have set: machines leave
    those alone. `dismissed_at` is when a person threw it away. `version` counts changes.
    """

    id = GeneratedText(primary_key=True)
    group_id = ForeignKey(Group, null=False)
    meeting_id = ForeignKey(Meeting, default=None, null=True)
    title = Text(required=True)
    content = Text(default="")
    status = Varchar(length=16, default="TODO")
    assignee_id = ForeignKey(User, default=None, null=True)
    due = Date(default=None, null=True)
    origin = Json(default="{}")
    human_edited = Array(Text(), default=list)
    dismissed_at = Timestamptz(default=None, null=True)
    created_at = Timestamptz(default=TimestamptzNow())
    updated_at = Timestamptz(default=TimestamptzNow())
    version = Integer(default=1)


class TicketHistory(Table, db=DB, tablename="ticket_history"):
    """One change of one ticket: the changed fields `before` and `after`, and its receipt."""

    id = UUID(primary_key=True, default=uuid7)
    ticket_id = ForeignKey(TicketRow, null=False)
    meeting_id = ForeignKey(Meeting, default=None, null=True)
    at = Timestamptz(default=TimestamptzNow())
    actor = Varchar(length=16, required=True)
    user_id = ForeignKey(User, default=None, null=True)
    kind = Text(required=True)
    before = Json(default="{}")
    after = Json(default="{}")
    receipt = Json(default=None, null=True)
    undone_at = Timestamptz(default=None, null=True)


class BlockerRow(Table, db=DB, tablename="blockers"):
    """Something outside the speakers' reach that stops work; times are the recording's."""

    id = UUID(primary_key=True, default=uuid7)
    meeting_id = ForeignKey(Meeting, null=False)
    group_id = ForeignKey(Group, null=False)
    about = Text(default="")
    caption_ids = Array(UUID(), default=list)
    start_ms = BigInt(default=0)
    end_ms = BigInt(default=0)
    created_at = Timestamptz(default=TimestamptzNow())


class ProposalRow(Table, db=DB, tablename="proposals"):
    """A change that a machine wants and people decide on.

    `kind` is create, move, revise or withdraw; `payload` holds `before`, `after` and `origin`
    as tickets and their history do; `state` is OPEN, ACCEPTED, DISMISSED or SUPERSEDED.
    """

    id = BigSerial(primary_key=True)
    group_id = ForeignKey(Group, null=False)
    meeting_id = ForeignKey(Meeting, null=False)
    kind = Varchar(length=16, required=True)
    ticket_id = ForeignKey(TicketRow, default=None, null=True)
    payload = Json(required=True)
    receipt = Json(required=True)
    state = Varchar(length=16, default="OPEN")
    decided_by = ForeignKey(User, default=None, null=True)
    decided_at = Timestamptz(default=None, null=True)
    created_at = Timestamptz(default=TimestamptzNow())
    updated_at = Timestamptz(default=TimestamptzNow())


class ReadingRow(Table, db=DB, tablename="readings"):
    """What a meeting was last read by, and what people should know about that reading."""

    meeting_id = BigInt(primary_key=True, default=None)
    engine = Text(required=True)
    model = Text(default="")
    notes = Json(default="[]")
    rejected = Json(default="[]")
    at = Timestamptz(default=TimestamptzNow())


class TokenUsage(Table, db=DB, tablename="token_usage"):
    """What a hosted model counted for one reading; `cost` by the prices of that moment."""

    id = UUID(primary_key=True, default=uuid7)
    group_id = ForeignKey(Group, null=False)
    meeting_id = ForeignKey(Meeting, default=None, null=True)
    engine = Text(required=True)
    model = Text(default="")
    input_tokens = BigInt(default=0)
    output_tokens = BigInt(default=0)
    cache_read_tokens = BigInt(default=0)
    cache_write_tokens = BigInt(default=0)
    cost = DoublePrecision(default=None, null=True)
    at = Timestamptz(default=TimestamptzNow())
