"""Rows of the event road that people look at; the outbox itself is read by `outbox.py`."""

from __future__ import annotations

from piccolo.columns import BigInt, BigSerial, Integer, Text, Timestamptz, Varchar
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from vori.data.engine import DB


class DeadLetter(Table, db=DB, tablename="dead_letters"):
    """A message that `consumer` could not use, with the `reason`; `payload` as it came.

    Bytes that are no text are kept in base64: `encoding` says so.
    """

    id = BigSerial(primary_key=True)
    topic = Text(required=True)
    key = Text(default="")
    payload = Text(default="")
    consumer = Text(default="")
    reason = Text(default="")
    created_at = Timestamptz(default=TimestamptzNow())
    replayed_at = Timestamptz(default=None, null=True)
    partition = Integer(default=None, null=True)
    offset = BigInt(default=None, null=True)
    encoding = Varchar(length=8, default="utf-8")
