"""A meeting as a file: Markdown, JSON, subtitles, a table of tickets, tasks for a calendar.

Times of lines count in milliseconds from the meeting's start.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from vori.clock import stamp
from vori.meetings.store import Line, Meeting
from vori.tickets.messages import Ticket, TicketStatus
from vori.transcribe.subtitles import Cue, srt, vtt


class Format(StrEnum):
    MD = "md"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    CSV = "csv"
    ICS = "ics"


class Export(Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything a meeting led to; `minutes` are Markdown, empty when there are none."""

    meeting: Meeting
    minutes: str
    lines: tuple[Line, ...]
    tickets: tuple[Ticket, ...]


MEDIA_TYPES = {
    Format.MD: "text/markdown",
    Format.JSON: "application/json",
    Format.SRT: "application/x-subrip; charset=utf-8",
    Format.VTT: "text/vtt",
    Format.CSV: "text/csv",
    Format.ICS: "text/calendar",
}


def write(export: Export, form: Format, *, at: datetime) -> bytes:
    """The file's bytes; `at` is when a calendar's tasks were written down."""
    if form is Format.JSON:
        return msgspec.json.format(msgspec.json.encode(export), indent=2)
    if form is Format.ICS:
        return _calendar(export.tickets, at)
    if form is Format.CSV:
        return _table(export.tickets)
    text: Callable[[Export], str] = {
        Format.MD: _markdown,
        Format.SRT: lambda export: srt(_cues(export)),
        Format.VTT: lambda export: vtt(_cues(export)),
    }[form]
    return text(export).encode()


def _markdown(export: Export) -> str:
    title = export.meeting.title or f"Meeting {export.meeting.meeting_id}"
    parts = [f"# {_one_line(title)}", export.minutes.strip(), "## Transcript"]
    parts += [f"- {_said(line, stamp(line.start_ms // 1000))}" for line in export.lines]
    heads, said = [part for part in parts[:3] if part], parts[3:]
    return "\n\n".join([*heads, "\n".join(said)]).rstrip() + "\n"


def _said(line: Line, time: str) -> str:
    speaker = f"**{_one_line(line.speaker)}**: " if line.speaker else ""
    return f"[{time}] {speaker}{_one_line(line.text)}"


def _cues(export: Export) -> list[Cue]:
    return [
        Cue(start_ms=line.start_ms, end_ms=line.end_ms, text=line.text, speaker=line.speaker)
        for line in export.lines
    ]


def _table(tickets: Sequence[Ticket]) -> bytes:
    """CSV (RFC 4180) with the mark by which spreadsheets know UTF-8.

    A cell that a spreadsheet would take for a formula starts with an apostrophe.
    """
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(["ticketId", "title", "status", "assignee", "due", "content"])
    for ticket in tickets:
        cells = (ticket.ticket_id, ticket.title, ticket.status.value, ticket.assignee or "",
                 ticket.due.isoformat() if ticket.due else "", ticket.content)  # fmt: skip
        rows.writerow(
            [f"'{c}" if c.startswith(("=", "+", "-", "@", "\t", "\r")) else c for c in cells]
        )
    return out.getvalue().encode("utf-8-sig")


_TASK_STATUS = {
    TicketStatus.TODO: "NEEDS-ACTION",
    TicketStatus.IN_PROGRESS: "IN-PROCESS",
    TicketStatus.DONE: "COMPLETED",
}


def _calendar(tickets: Sequence[Ticket], at: datetime) -> bytes:
    """Tickets that have a due date, as tasks (RFC 5545)."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//VORI//VORI//EN"]
    for ticket in tickets:
        if ticket.due is None:
            continue
        lines += [
            "BEGIN:VTODO",
            f"UID:{ticket.ticket_id}@group-{ticket.group_id}.vori",
            f"DTSTAMP:{at:%Y%m%dT%H%M%SZ}",
            f"DUE;VALUE=DATE:{ticket.due:%Y%m%d}",
            f"SUMMARY:{_calendar_text(ticket.title)}",
            f"DESCRIPTION:{_calendar_text(ticket.content)}",
            f"STATUS:{_TASK_STATUS[ticket.status]}",
            "END:VTODO",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _calendar_text(text: str) -> str:
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,")):
        text = text.replace(plain, written)
    return "\\n".join(text.splitlines())


def _folded(line: str) -> bytes:
    """At most 75 bytes a line, never cutting a character in two; CRLF at the end."""
    out, width = bytearray(), 0
    for char in line:
        encoded = char.encode()
        if width + len(encoded) > 75:
            out += b"\r\n "
            width = 1
        out += encoded
        width += len(encoded)
    return bytes(out) + b"\r\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
