"""Typed ids. Numbers are PostgreSQL bigints in 1..2**63-1."""

from __future__ import annotations

import os
import time
from typing import NewType
from uuid import UUID

GroupId = NewType("GroupId", int)
UserId = NewType("UserId", int)
MeetingId = NewType("MeetingId", int)
TicketId = NewType("TicketId", str)
"""`T-` and a number, so that people can say it; unique in one VORI."""
AudioId = NewType("AudioId", str)
"""A recording's name, chosen by the client: 1 to 128 characters, unique in one VORI."""
CaptionId = NewType("CaptionId", UUID)
EventId = NewType("EventId", UUID)

BIGINT_MAX = 2**63 - 1


def uuid7() -> UUID:
    """A UUID whose order is its time of making (RFC 9562, section 5.7)."""
    millis = time.time_ns() // 1_000_000
    value = (millis & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
