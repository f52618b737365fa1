"""Rows of the event road that people look at; the outbox itself is read by `outbox.py`."""

from __future__ import annotations

from piccolo.columns import BigSerial, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow
from piccolo.table import Table

from vori.data.engine import DB


class DeadLetter(Table, db=DB, tablename="dead_letters"):
    """A message that `consumer` could not use, with the `reason`; `payload` as it came."""

    id = BigSerial(primary_key=True)
    topic = Text(required=True)
    key = Text(default="")
    payload = Text(default="")
    consumer = Text(default="")
    reason = Text(default="")
    created_at = Timestamptz(default=TimestamptzNow())
    replayed_at = Timestamptz(default=None, null=True)
