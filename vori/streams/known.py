"""Whether what came by Kafka names meetings and groups that are VORI's: the one place that asks.

Kafka tells nobody who wrote a message. Who may write VORI's topics is for the cluster's rights to
say; beyond them, a message that names a meeting VORI has not, or as another group's, is refused
before a handler sees it. What lies in the outbox is VORI's own, whatever has been deleted since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from vori.data.engine import DB
from vori.data.outbox import Row
from vori.errors import BadMessage
from vori.ids import BIGINT_MAX
from vori.streams.topics import TOPICS

MOST_REMEMBERED = 100_000


class _Named(Struct, rename="camel"):
    meeting_id: int | None = None
    group_id: int | None = None


_named = msgspec.json.Decoder(_Named)
_EVENTS = frozenset(topic.name for topic in TOPICS)


class Known:
    """Remembers the meetings and groups that were asked for: neither changes its place."""

    def __init__(self) -> None:
        self._group_of: dict[int, int] = {}
        self._groups: set[int] = set()

    async def strangers(self, rows: Sequence[Row]) -> list[tuple[Row, BadMessage]]:
        """Rows that must not be handled, each with the reason. Raises Unavailable."""
        named = [(row, found) for row in rows if (found := _read(row)) is not None]
        await self._learn(found for _, found in named)
        suspects = [(row, why) for row, found in named if (why := self._against(found))]
        if not suspects:
            return []
        records = await DB.fetch(
            "SELECT event_id FROM outbox WHERE event_id = ANY ($1::uuid[])",
            [row.event_id for row, _ in suspects],
        )
        ours = {record["event_id"] for record in records}
        return [(row, why) for row, why in suspects if row.event_id not in ours]

    def _against(self, found: _Named) -> BadMessage | None:
        if found.meeting_id is not None and found.meeting_id not in self._group_of:
            return BadMessage(
                f"it names meeting {found.meeting_id}, which is not here", code="unknown_meeting"
            )
        if found.group_id is None:
            return None
        if found.group_id not in self._groups:
            return BadMessage(
                f"it names group {found.group_id}, which is not here", code="unknown_group"
            )
        if found.meeting_id is not None and self._group_of[found.meeting_id] != found.group_id:
            return BadMessage(
                f"it names meeting {found.meeting_id} as one of group {found.group_id},"
                " which it is not",
                code="unknown_meeting",
            )
        return None

    async def _learn(self, all_found: Iterable[_Named]) -> None:
        if len(self._group_of) > MOST_REMEMBERED:
            self._group_of.clear()
        wanted = list(all_found)
        if meetings := _numbers(one.meeting_id for one in wanted) - self._group_of.keys():
            records = await DB.fetch(
                "SELECT id, group_id FROM meetings WHERE id = ANY ($1::bigint[])", list(meetings)
            )
            self._group_of |= {record["id"]: record["group_id"] for record in records}
        if groups := _numbers(one.group_id for one in wanted) - self._groups:
            records = await DB.fetch(
                "SELECT id FROM groups WHERE id = ANY ($1::bigint[])", list(groups)
            )
            self._groups |= {record["id"] for record in records}


def _numbers(named: Iterable[int | None]) -> set[int]:
    return {number for number in named if number is not None and 0 < number <= BIGINT_MAX}


def _read(row: Row) -> _Named | None:
    """None for what is no event, or cannot be read: its consumer sets that aside."""
    if row.topic not in _EVENTS:
        return None
    try:
        return _named.decode(row.payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
