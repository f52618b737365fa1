"""Captions and tickets that hold all words of a search, newest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from vori.api import Page, cursor_of
from vori.data.engine import DB
from vori.ids import GroupId
from vori.search.messages import CaptionHit, Marked, TicketHit
from vori.search.text import excerpt, grams_of, marks, pattern_of
from vori.tickets.messages import TicketStatus

EXCERPT_CHARS = 200
NEWEST_CAPTION = UUID(int=2**128 - 1)

# The inner query asks the index and sorts; the outer one looks at each row's text until there
# are enough. OFFSET 0 keeps the two apart, so that rows nobody asked for are not looked at.
_CAPTIONS = """
SELECT c.id, c.meeting_id, c.group_id, m.title AS meeting_title, m.started_at, r.audio_id,
       c.meeting_start_ms, c.meeting_start_ms + c.end_ms - c.start_ms AS meeting_end_ms,
       c.language, c.speaker_id, u.name AS speaker, c.text
FROM (
    SELECT * FROM captions
    WHERE search_grams(text) @> $1 AND group_id = ANY($2) AND id < $3 AND duplicate_of IS NULL
    ORDER BY id DESC OFFSET 0
) c
CROSS JOIN LATERAL (SELECT search_fold(c.text) AS folded OFFSET 0) f
JOIN meetings m ON m.id = c.meeting_id
JOIN recordings r ON r.id = c.recording_id
LEFT JOIN users u ON u.id = c.speaker_id
WHERE (SELECT bool_and(f.folded ~ pattern) FROM unnest($4::text[]) AS pattern)
ORDER BY c.id DESC LIMIT $5
"""

_TICKETS = """
SELECT t.id, t.group_id, t.meeting_id, t.status, u.name AS assignee, t.due, t.title, t.content,
       t.created_at, substr(t.id, 3)::bigint AS number
FROM (
    SELECT * FROM tickets
    WHERE search_grams(id || ' ' || title || ' ' || content) @> $1 AND group_id = ANY($2)
      AND dismissed_at IS NULL AND (created_at, substr(id, 3)::bigint) < ($3, $4)
    ORDER BY created_at DESC, substr(id, 3)::bigint DESC OFFSET 0
) t
CROSS JOIN LATERAL
    (SELECT search_fold(t.id || ' ' || t.title || ' ' || t.content) AS folded OFFSET 0) f
LEFT JOIN users u ON u.id = t.assignee_id
WHERE (SELECT bool_and(f.folded ~ pattern) FROM unnest($5::text[]) AS pattern)
ORDER BY t.created_at DESC, substr(t.id, 3)::bigint DESC LIMIT $6
"""


async def captions(
    groups: Collection[GroupId], words: Sequence[str], *, before: UUID, limit: int
) -> Page[CaptionHit]:
    """Sentences that hold all `words`; `before` is the last one of the page before."""
    rows = await DB.fetch(
        _CAPTIONS,
        grams_of(words),
        list(groups),
        before,
        [pattern_of(word) for word in words],
        limit + 1,
    )
    items = tuple(_caption(row, words) for row in rows[:limit])
    return Page(items=items, next_cursor=str(items[-1].caption_id) if len(rows) > limit else None)


async def tickets(
    groups: Collection[GroupId],
    words: Sequence[str],
    *,
    before: tuple[datetime, int],
    limit: int,
) -> Page[TicketHit]:
    """Tickets that hold all `words` in id, title and content together."""
    rows = await DB.fetch(
        _TICKETS,
        grams_of(words),
        list(groups),
        *before,
        [pattern_of(word) for word in words],
        limit + 1,
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=tuple(_ticket(row, words) for row in rows[:limit]),
        next_cursor=cursor_of(last["created_at"], last["number"]) if last else None,
    )


def _caption(row: Any, words: Sequence[str]) -> CaptionHit:
    return CaptionHit(
        caption_id=row["id"],
        meeting_id=row["meeting_id"],
        group_id=row["group_id"],
        meeting_title=row["meeting_title"],
        meeting_started_at=row["started_at"],
        audio_id=row["audio_id"],
        start_ms=row["meeting_start_ms"],
        end_ms=row["meeting_end_ms"],
        language=row["language"],
        speaker_id=row["speaker_id"],
        speaker=row["speaker"],
        said=_marked(marks(row["text"], words)),
    )


def _ticket(row: Any, words: Sequence[str]) -> TicketHit:
    return TicketHit(
        ticket_id=row["id"],
        group_id=row["group_id"],
        meeting_id=row["meeting_id"],
        status=TicketStatus(row["status"]),
        assignee=row["assignee"],
        due=row["due"],
        title=_marked(marks(row["title"], words)),
        content=_marked(excerpt(row["content"], words, most=EXCERPT_CHARS)),
    )


def _marked(found: tuple[str, tuple[tuple[int, int], ...]]) -> Marked:
    return Marked(text=found[0], marks=found[1])
