"""What people said that stops their work, over HTTP; VORI reads it out of the captions."""

from __future__ import annotations

from uuid import UUID

from litestar import get
from msgspec import Struct

from vori.api import PathId, SignedIn
from vori.data.engine import DB
from vori.ids import MeetingId
from vori.people.access import meeting_for


class BlockerText(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something outside the speaker's reach. Times count in ms from the meeting's start."""

    blocker_id: UUID
    about: str
    quote: str
    caption_ids: tuple[UUID, ...]
    start_ms: int
    end_ms: int
    speaker: str | None


_BLOCKERS = """
SELECT b.id AS blocker_id, b.about, b.caption_ids,
       string_agg(c.text, ' ' ORDER BY c.meeting_start_ms, c.seq) AS quote,
       min(c.meeting_start_ms) AS start_ms,
       max(c.meeting_start_ms + c.end_ms - c.start_ms) AS end_ms, min(u.name) AS speaker
FROM blockers b JOIN captions c ON c.id = ANY(b.caption_ids)
     LEFT JOIN users u ON u.id = c.speaker_id
WHERE b.meeting_id = $1 GROUP BY b.id ORDER BY start_ms, b.id
"""


@get(
    "/api/meetings/{meeting_id:int}/blockers",
    tags=["meetings"],
    summary="What people said that stops their work",
)
async def meeting_blockers(principal: SignedIn, meeting_id: PathId) -> list[BlockerText]:
    await meeting_for(principal, MeetingId(meeting_id))
    rows = await DB.fetch(_BLOCKERS, meeting_id)
    return [BlockerText(**{**row, "caption_ids": tuple(row["caption_ids"])}) for row in rows]
