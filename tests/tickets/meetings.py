"""Small meetings for tests, written one caption a line: `speaker|text`, `-` for nobody known."""

from __future__ import annotations

from datetime import datetime

from vori.ids import MeetingId, TicketId, UserId
from vori.tickets.messages import KnownTicket, Member, Passage, Segment, TicketStatus

TODO, IN_PROGRESS, DONE = TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE
TEAM = (
    Member(user_id=UserId(1), name="Nora Quist"),
    Member(user_id=UserId(2), name="Ben Okoye"),
    Member(user_id=UserId(3), name="배수정"),
    Member(user_id=UserId(4), name="하도윤"),
)


def meeting(
    lines: str,
    *tickets: tuple[str, TicketStatus],
    members: tuple[Member, ...] = TEAM,
    started_at: str = "2026-03-18T10:00:00+09:00",
) -> Passage:
    """The passage of the lines; tickets are T-0, T-1 … in order. It is a Wednesday."""
    segments = []
    for seq, line in enumerate(line for line in lines.strip().splitlines() if line.strip()):
        speaker, text = line.strip().split("|", 1)
        segments.append(
            Segment(
                seq=seq,
                start_ms=seq * 5_000,
                end_ms=seq * 5_000 + 4_000,
                text=text,
                speaker=None if speaker == "-" else UserId(int(speaker)),
            )
        )
    return Passage(
        meeting_id=MeetingId(1),
        started_at=datetime.fromisoformat(started_at),
        segments=tuple(segments),
        members=members,
        existing_tickets=tuple(
            KnownTicket(ticket_id=TicketId(f"T-{i}"), title=title, status=status)
            for i, (title, status) in enumerate(tickets)
        ),
    )
