import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from vori.ids import AudioId, CaptionId, GroupId, MeetingId, TicketId, UserId, uuid7
from vori.meetings.export import Export, Format, write
from vori.meetings.messages import MeetingStatus
from vori.meetings.store import Line, Meeting
from vori.tickets.messages import Ticket, TicketStatus

AT = datetime(2026, 3, 16, 3, 0, tzinfo=UTC)


def line(text: str, start_ms: int = 0, speaker: str | None = None) -> Line:
    return Line(
        caption_id=CaptionId(uuid7()),
        audio_id=AudioId("mic"),
        text=text,
        language="en",
        start_ms=start_ms,
        end_ms=start_ms + 1_500,
        speaker_id=UserId(1) if speaker else None,
        speaker=speaker,
    )


def ticket(number: int, title: str, **fields: Any) -> Ticket:
    values: dict[str, Any] = {"content": "", "status": TicketStatus.TODO} | fields
    return Ticket(
        ticket_id=TicketId(f"T-{number}"),
        group_id=GroupId(1),
        title=title,
        created_at=AT,
        updated_at=AT,
        **values,
    )


def export(*lines: Line, tickets: tuple[Ticket, ...] = (), minutes: str = "") -> Export:
    meeting = Meeting(
        meeting_id=MeetingId(7), group_id=GroupId(1), title="주간 회의", status=MeetingStatus.ENDED,
        language="ko", time_zone="UTC", started_at=AT, ended_at=AT, created_by=None, created_at=AT,
        updated_at=AT, has_minutes=bool(minutes),
    )  # fmt: skip
    return Export(meeting=meeting, minutes=minutes, lines=lines, tickets=tickets)


def text(value: Export, form: Format) -> str:
    return write(value, form, at=AT).decode()


def test_subrip_numbers_its_blocks() -> None:
    value = export(line("안녕하세요", speaker="민아"), line("two\n\nlines", 3_661_005))
    assert text(value, Format.SRT) == (
        "1\n00:00:00,000 --> 00:00:01,500\n민아: 안녕하세요\n\n"
        "2\n01:01:01,005 --> 01:01:02,505\ntwo lines\n"
    )


def test_webvtt_names_voices_and_takes_no_markup_from_what_was_said() -> None:
    value = export(line("a < b & c --> d", speaker="Mi>na"))
    assert text(value, Format.VTT) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Mi&gt;na>a &lt; b &amp; c --&gt; d\n"
    )


def test_what_was_said_cannot_forge_a_subrip_cue() -> None:
    said = "hi\n\n2\n00:00:01,000 --> 00:00:02,000\nforged"
    assert text(export(line(said)), Format.SRT).count("-->") == 1


def test_markdown_holds_minutes_and_transcript() -> None:
    value = export(line("hello", 65_000, "Mina"), line("bye", 3_725_000), minutes="## Summary\n")
    assert text(value, Format.MD) == (
        "# 주간 회의\n\n## Summary\n\n## Transcript\n\n- [01:05] **Mina**: hello\n- [1:02:05] bye\n"
    )


def test_json_holds_everything() -> None:
    value = export(line("hello"), tickets=(ticket(1, "t"),), minutes="m")
    read = msgspec.json.decode(write(value, Format.JSON, at=AT))
    assert set(read) == {"meeting", "minutes", "lines", "tickets"}
    assert (read["meeting"]["meetingId"], read["tickets"][0]["ticketId"]) == (7, "T-1")


def test_the_table_opens_in_a_spreadsheet_and_runs_no_formula_there() -> None:
    tickets = (
        ticket(1, '로그인 "수정", 급함', assignee="Mina", due=date(2026, 3, 20)),
        ticket(2, "=HYPERLINK(1)", content="-1+1\nsecond line"),
    )
    raw = write(export(tickets=tickets), Format.CSV, at=AT)
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert rows[1] == ["T-1", '로그인 "수정", 급함', "TODO", "Mina", "2026-03-20", ""]
    assert (rows[2][1], rows[2][5]) == ("'=HYPERLINK(1)", "'-1+1\nsecond line")


def test_the_calendar_has_the_tickets_that_are_due() -> None:
    done = ticket(
        3, "a,b;c\\d", content="one\ntwo", status=TicketStatus.DONE, due=date(2026, 3, 20)
    )
    lines = text(export(tickets=(ticket(2, "no date"), done)), Format.ICS).split("\r\n")
    assert lines.count("BEGIN:VTODO") == 1
    for expected in (
        "UID:T-3@group-1.vori",
        "DTSTAMP:20260316T030000Z",
        "DUE;VALUE=DATE:20260320",
        "SUMMARY:a\\,b\\;c\\\\d",
        "DESCRIPTION:one\\ntwo",
        "STATUS:COMPLETED",
    ):
        assert expected in lines


def test_calendar_lines_are_folded_between_characters() -> None:
    title = "회의록을 정리해서 모두에게 보내기 " * 6
    raw = write(export(tickets=(ticket(1, title, due=date(2026, 3, 20)),)), Format.ICS, at=AT)
    assert max(len(one) for one in raw.split(b"\r\n")) <= 75
    assert f"SUMMARY:{title}" in raw.decode().replace("\r\n ", "")
