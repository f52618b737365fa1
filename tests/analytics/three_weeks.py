"""Two groups, three weeks: a small set of events that every number of the tests is counted from.

Web (group 1) meets in Seoul on Mondays and Tuesdays at ten; Ops (group 2) meets in New York at
ten, whose clocks are put forward on 8 March 2026. The events are written down by hand; the tests
hold, by hand as well, what is to come of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from msgspec import Struct

from vori.data.engine import DB
from vori.ids import CaptionId, EventId, GroupId, MeetingId, TicketId
from vori.streams.codec import encode
from vori.streams.topics import BY_STRUCT
from vori.tickets.messages import (
    Actor,
    BlockerNoted,
    Ticket,
    TicketCreated,
    TicketStatus,
    TicketUpdated,
)
from vori.transcribe.messages import Caption

WEB, OPS = GroupId(1), GroupId(2)
TODO, DOING, DONE = TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Met(NamedTuple):
    meeting_id: int
    group_id: GroupId
    at: datetime
    time_zone: str
    title: str


MEETINGS = (
    Met(11, WEB, utc("2026-03-02 01:00"), "Asia/Seoul", "주간 회의"),  # Monday, 10:00 in Seoul
    Met(12, WEB, utc("2026-03-10 01:00"), "Asia/Seoul", "결제 회의"),  # Tuesday, 10:00
    Met(13, WEB, utc("2026-03-16 01:00"), "Asia/Seoul", "주간 회의"),  # Monday, 10:00
    Met(21, OPS, utc("2026-03-06 15:00"), "America/New_York", "Ops weekly"),  # 10:00, winter time
    Met(22, OPS, utc("2026-03-13 14:00"), "America/New_York", "Ops weekly"),  # 10:00, summer time
    Met(23, OPS, utc("2026-03-19 18:30"), "America/New_York", "Ops extra"),  # 14:30
)

# meeting, seconds into it, what, and: the words | ticket and title | ticket, from, to | what blocks
HAPPENED: tuple[tuple[int, float, str, tuple], ...] = (
    (11, 5, "said", ("결제 모듈을 이번 주에 고치겠습니다.",)),
    (11, 20, "said", ("결제 게이트웨이 로그도 봐야 해요.",)),
    (11, 40, "made", ("T-1", "결제 모듈 수정")),
    (11, 70, "said", ("벤더 답변을 기다리느라 배포를 못 하고 있어요.",)),
    (11, 90, "made", ("T-2", "게이트웨이 로그 확인")),
    (11, 105, "blocked", ("벤더 답변",)),
    (11, 125, "said", ("결제 모듈은 시작했습니다.",)),
    (11, 130, "moved", ("T-1", TODO, DOING)),
    (21, 10, "said", ("I'll rotate the backup keys.",)),
    (21, 30, "made", ("T-3", "Rotate the backup keys")),
    (21, 59.999, "said", ("The disk alerts are noisy.",)),
    (21, 60, "said", ("Let's tune the disk alerts.",)),
    (12, 15, "said", ("결제 모듈이 끝났습니다.",)),
    (12, 20, "moved", ("T-1", DOING, DONE)),
    (12, 80, "said", ("벤더 답변이 아직 없어요.",)),
    (12, 85, "blocked", ("벤더 답변",)),
    (22, 0, "said", ("The backup keys are rotated.",)),
    (22, 3, "moved", ("T-3", TODO, DONE)),
    (22, 50, "said", ("The disk alerts still page us at night.",)),
    (22, 110, "made", ("T-4", "Tune the disk alerts")),
    (22, 112, "edited", ("T-4",)),
    (13, 30, "said", ("게이트웨이 로그는 아직 못 봤어요.",)),
    (13, 40, "blocked", ("벤더 답변",)),
    (23, 0, "said", ("The disk alerts are tuned now, I think.",)),
    (23, 90, "said", ("We wait for the new disks.",)),
    (23, 95, "blocked", ("new disks",)),
    (23, 100, "moved", ("T-4", TODO, DOING)),
)

GROUP_OF = {met.meeting_id: met.group_id for met in MEETINGS}
START_OF = {met.meeting_id: met.at for met in MEETINGS}
MADE_IN = {"T-1": 11, "T-2": 11, "T-3": 21, "T-4": 22}


def event_id(at: datetime, number: int) -> EventId:
    """A UUIDv7 of that time, the same in every run."""
    millis = round(at.timestamp() * 1000)
    tail = uuid5(UUID(int=0), str(number)).int & (2**80 - 1)
    value = millis << 80 | tail
    value = value & ~(0xF << 76) | 0x7 << 76
    return EventId(UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def events() -> list[Struct]:
    """All that happened, as VORI's events, in order of time."""
    made = list(_events())
    return sorted(made, key=lambda event: event.event_id)


def _events() -> Iterator[Struct]:
    titles = {what[0]: what[1] for _, _, kind, what in HAPPENED if kind == "made"}
    said = dict.fromkeys(GROUP_OF, 0)
    for number, (meeting, second, kind, what) in enumerate(HAPPENED):
        at = START_OF[meeting] + timedelta(seconds=second)
        common = {
            "event_id": event_id(at, number),
            "meeting_id": MeetingId(meeting),
        }
        if kind == "said":
            yield Caption(
                **common,
                caption_id=CaptionId(uuid5(UUID(int=1), str(number))),
                group_id=GROUP_OF[meeting],
                audio_id=f"mic-{meeting}",
                seq=said[meeting],
                text=what[0],
                language="ko" if GROUP_OF[meeting] == WEB else "en",
                start_ms=int(second * 1000),
                end_ms=int(second * 1000) + 2000,
                meeting_start_ms=int(second * 1000),
            )
            said[meeting] += 1
        elif kind == "blocked":
            yield BlockerNoted(
                **common,
                group_id=GROUP_OF[meeting],
                about=what[0],
                caption_ids=(),
                start_ms=int(second * 1000),
                end_ms=int(second * 1000) + 2000,
            )
        else:
            status = what[2] if kind == "moved" else TODO
            ticket = Ticket(
                ticket_id=TicketId(what[0]),
                group_id=GROUP_OF[meeting],
                title=titles[what[0]],
                content="",
                status=status,
                created_at=at,
                updated_at=at,
                meeting_id=MeetingId(MADE_IN[what[0]]),
            )
            if kind == "made":
                yield TicketCreated(**common, ticket=ticket, actor=Actor.MACHINE)
            else:
                yield TicketUpdated(
                    **common,
                    ticket=ticket,
                    actor=Actor.MACHINE,
                    changed=("status",) if kind == "moved" else ("title",),
                    previous_status=what[1] if kind == "moved" else None,
                )


def messages(of: list[Struct] | None = None) -> list[tuple[str, str, datetime]]:
    """(topic, JSON, written at): what a road carries. What the road's clock says is of no use."""
    written = datetime(2026, 4, 1, tzinfo=UTC)
    return [(BY_STRUCT[type(e)].name, encode(e), written) for e in of or events()]


async def put_rows() -> None:
    """The groups, their meetings and what was stored of them, as VORI keeps it."""
    await DB.fetch("INSERT INTO groups (id, name) VALUES (1, 'Web'), (2, 'Ops')")
    for met in MEETINGS:
        await DB.fetch(
            "INSERT INTO meetings (id, group_id, title, status, time_zone, started_at, ended_at,"
            " created_at) VALUES ($1, $2, $3, 'ENDED', $4, $5, $6, $5)",
            *(met.meeting_id, met.group_id, met.title, met.time_zone),
            *(met.at, met.at + timedelta(minutes=30)),
        )
        await DB.fetch(
            "INSERT INTO recordings (id, audio_id, meeting_id, group_id, status)"
            " VALUES ($1, $2, $3, $4, 'COMPLETE')",
            *(uuid5(UUID(int=2), str(met.meeting_id)), f"mic-{met.meeting_id}"),
            *(met.meeting_id, met.group_id),
        )
    for event in events():
        await _put_row(event)


async def _put_row(event: Struct) -> None:
    if isinstance(event, Caption):
        await DB.fetch(
            "INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text, language,"
            " start_ms, end_ms, meeting_start_ms) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)",
            *(event.caption_id, uuid5(UUID(int=2), str(event.meeting_id)), event.meeting_id),
            *(event.group_id, event.seq, event.text, event.language, event.start_ms),
            *(event.end_ms, event.meeting_start_ms),
        )
    elif isinstance(event, BlockerNoted):
        await DB.fetch(
            "INSERT INTO blockers (id, meeting_id, group_id, about, start_ms, end_ms)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            *(event.event_id, event.meeting_id, event.group_id, event.about),
            *(event.start_ms, event.end_ms),
        )
    elif isinstance(event, TicketCreated):
        ticket = event.ticket
        await DB.fetch(
            "INSERT INTO tickets (id, group_id, meeting_id, title, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5, $5)",
            *(ticket.ticket_id, ticket.group_id, ticket.meeting_id, ticket.title),
            ticket.created_at,
        )
    elif isinstance(event, TicketUpdated):
        await _put_change(event)


async def _put_change(event: TicketUpdated) -> None:
    before, after = {"title": "?"}, {"title": event.ticket.title}
    if event.previous_status is not None:
        before, after = {"status": event.previous_status}, {"status": event.ticket.status}
        await DB.fetch(
            "UPDATE tickets SET status = $2 WHERE id = $1",
            *(event.ticket.ticket_id, event.ticket.status.value),
        )
    await DB.fetch(
        "INSERT INTO ticket_history (id, ticket_id, meeting_id, at, actor, kind, before, after)"
        " VALUES ($1, $2, $3, $4, 'machine', 'updated', $5, $6)",
        *(event.event_id, event.ticket.ticket_id, event.meeting_id, event.ticket.updated_at),
        *(before, after),
    )


async def put_outbox(of: list[Struct] | None = None) -> None:
    """The events as VORI publishes them."""
    from vori.data.engine import transaction
    from vori.data.outbox import publish

    for event in of or events():
        async with transaction():
            await publish(event)
