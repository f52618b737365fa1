"""A written meeting in, an answer out: the files by which an extractor is measured. Pure.

`python -m vori.tickets.case CASE.json` prints the local engine's answer as one JSON object.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from vori.errors import BadMessage
from vori.ids import BIGINT_MAX, MeetingId, TicketId, UserId
from vori.tickets.messages import (
    Extraction,
    KnownTicket,
    Member,
    Passage,
    Segment,
    TicketStatus,
)

LANGUAGES = ("ko", "en", "mixed")


class CaseMember(Struct, frozen=True, kw_only=True, rename="camel"):
    user_id: int
    name: str
    nicknames: tuple[str, ...] = ()


class CaseTicket(Struct, frozen=True, kw_only=True, rename="camel"):
    ticket_id: str
    title: str
    content: str = ""
    status: TicketStatus = TicketStatus.TODO
    assignee_id: int | None = None


class CaseSegment(Struct, frozen=True, kw_only=True, rename="camel"):
    seq: int
    text: str
    start_ms: int = 0
    end_ms: int = 0
    speaker: int | None = None


class Case(Struct, frozen=True, kw_only=True, rename="camel"):
    """A meeting as a file tells it; unknown fields (notes, the right answer) are passed over."""

    meeting_id: int
    started_at: datetime
    segments: tuple[CaseSegment, ...]
    members: tuple[CaseMember, ...] = ()
    existing_tickets: tuple[CaseTicket, ...] = ()
    language: str = "mixed"


def read_case(raw: bytes) -> Passage:
    """The passage in a case file. Raises BadMessage that names the field which is wrong."""
    try:
        case = msgspec.json.decode(raw, type=Case)
    except msgspec.ValidationError as exc:
        raise BadMessage(f"The case cannot be used: {exc}.", code="bad_case") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BadMessage(f"The case is not JSON: {exc}.", code="bad_case") from exc
    _check(case)
    return Passage(
        meeting_id=MeetingId(case.meeting_id),
        started_at=case.started_at,
        language=case.language,
        segments=tuple(
            Segment(
                seq=s.seq,
                start_ms=s.start_ms,
                end_ms=s.end_ms,
                text=s.text,
                speaker=None if s.speaker is None else UserId(s.speaker),
            )
            for s in sorted(case.segments, key=lambda s: s.seq)
        ),
        members=tuple(
            Member(user_id=UserId(m.user_id), name=m.name, nicknames=m.nicknames)
            for m in case.members
        ),
        existing_tickets=tuple(
            KnownTicket(
                ticket_id=TicketId(t.ticket_id),
                title=t.title,
                content=t.content,
                status=t.status,
                assignee_id=None if t.assignee_id is None else UserId(t.assignee_id),
            )
            for t in case.existing_tickets
        ),
    )


def _check(case: Case) -> None:
    """What types cannot say: zones, ranges, and ids that are used once."""

    def refuse(field: str, why: str) -> None:
        raise BadMessage(f"The case cannot be used: `{field}` {why}.", code="bad_case")

    if case.started_at.tzinfo is None:
        refuse("startedAt", "has no time zone; write for example 2026-03-16T09:30:00+00:00")
    if case.language not in LANGUAGES:
        refuse("language", f"must be one of {', '.join(LANGUAGES)}")
    if not 0 <= case.meeting_id <= BIGINT_MAX:
        refuse("meetingId", "is out of range")
    for field, ids in (
        ("segments[].seq", [s.seq for s in case.segments]),
        ("members[].userId", [m.user_id for m in case.members]),
        ("existingTickets[].ticketId", [t.ticket_id for t in case.existing_tickets]),
    ):
        if len(set(ids)) < len(ids):
            refuse(field, "names one thing twice")
    if any(not -BIGINT_MAX <= s.seq <= BIGINT_MAX for s in case.segments):
        refuse("segments[].seq", "is out of range")


def answer(extraction: Extraction) -> dict[str, Any]:
    """The reading as plain lists: `newTickets`, `ticketUpdates`, `blockers`."""
    return {
        "newTickets": [
            {
                "title": d.title,
                "content": d.content,
                "status": d.status.value,
                "assigneeId": d.assignee_id,
                "due": d.due.isoformat() if d.due else None,
                "evidence": list(d.evidence),
                "confidence": round(d.confidence, 3),
                "reason": d.reason,
            }
            for d in extraction.new_tickets
        ],
        "ticketUpdates": [
            {
                "ticketId": u.ticket_id,
                "newStatus": u.new_status.value,
                "reason": u.reason,
                "evidence": list(u.evidence),
                "confidence": round(u.confidence, 3),
            }
            for u in extraction.ticket_updates
        ],
        "blockers": [{"evidence": list(b.evidence), "about": b.about} for b in extraction.blockers],
    }


def main(arguments: list[str]) -> int:
    from vori.errors import VoriError
    from vori.tickets.extract.local import read

    if len(arguments) != 1:
        sys.stderr.write("usage: python -m vori.tickets.case CASE.json\n")
        return 2
    try:
        extraction = read(read_case(Path(arguments[0]).read_bytes()))
    except OSError as exc:
        sys.stderr.write(f"{arguments[0]}: {exc.strerror}\n")
        return 1
    except VoriError as exc:
        sys.stderr.write(f"{exc.message}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(answer(extraction)) + b"\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
