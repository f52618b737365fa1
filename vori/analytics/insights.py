"""What the numbers show, as sentences in Korean and English. Pure.

Nothing is said of fewer than NEEDED meetings on either side, nor of a difference that may be
chance; what goes along with a drop is told beside it, and not called its cause. What was counted
and compares nothing (a blocker that comes back, a ticket that stays) needs OFTEN meetings. No
insight is about a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from msgspec import Struct

from vori.analytics.messages import BestHour, Insight, InsightKind, Span, StatusTime
from vori.analytics.sample import CONFIDENCE, NEEDED, Sample, chance, differ, pooled
from vori.ids import EventId, GroupId, MeetingId, TicketId, uuid7

_NAMES = UUID("5f0c8a8e-6f7e-4b57-9d3c-0d5f2b8a7c11")

MEASURES = ("blockers", "made", "moved", "minutes")
"""What may go along with a change of the score."""
_TOLD: dict[str, tuple[str, str]] = {
    "blockers": ("blockers per meeting", "회의당 막힌 일"),
    "made": ("tickets made per meeting", "회의당 새 티켓"),
    "moved": ("status changes per meeting", "회의당 상태 변경"),
    "minutes": ("minutes of talk per meeting", "회의당 말한 시간(분)"),
}
_STATUS = {"TODO": ("to do", "할 일"), "IN_PROGRESS": ("in progress", "진행 중")}


OFTEN = 4
"""So many meetings heard of it before a blocker or a ticket is told of."""
STUCK_DAYS = 14
"""A ticket that has not moved for so long may be stuck."""
OTHER_GROUPS = 3
"""A group is compared with at least so many others, so that no other group's numbers are told."""


class Stretch(Struct, frozen=True, kw_only=True):
    """A group's meetings of some days: each measure as a sample of them."""

    meeting_ids: tuple[MeetingId, ...]
    productivity: Sample
    blockers: Sample
    made: Sample
    moved: Sample
    minutes: Sample


def of_change(
    group_id: GroupId, period: Span, now: Stretch | None, before: Stretch | None
) -> Iterator[Insight]:
    """The score fell or rose beyond chance, and what else changed in the same days."""
    if now is None or before is None or not differ(now.productivity, before.productivity):
        return
    fell = now.productivity.mean < before.productivity.mean
    was, is_ = before.productivity, now.productivity
    beside = [
        (name, getattr(before, name).mean, getattr(now, name).mean)
        for name in MEASURES
        if differ(getattr(now, name), getattr(before, name), comparisons=len(MEASURES))
    ]
    english = (
        f"Productivity {'fell' if fell else 'rose'} from {was.mean:.2f} to {is_.mean:.2f}"
        f" (means of {was.count} and {is_.count} meetings)."
    )
    korean = (
        f"생산성이 {was.mean:.2f}에서 {is_.mean:.2f}로 {'떨어졌습니다' if fell else '올랐습니다'}"
        f" (회의 {was.count}개와 {is_.count}개의 평균)."
    )
    for name, a, b in beside:
        english += f" In the same days {_TOLD[name][0]} went from {a:.1f} to {b:.1f}."
        korean += f" 같은 기간에 {_TOLD[name][1]}: {a:.1f} → {b:.1f}."
    yield _insight(
        group_id,
        InsightKind.PRODUCTIVITY_DROP if fell else InsightKind.PRODUCTIVITY_RISE,
        "",
        period,
        english,
        korean,
        {"before": was.mean, "now": is_.mean, "meetingsBefore": was.count}
        | {f"{name}Before": a for name, a, _ in beside}
        | {f"{name}Now": b for name, _, b in beside},
        sample=is_.count,
        meeting_ids=now.meeting_ids,
    )


def bottleneck(times: Iterable[StatusTime]) -> StatusTime | None:
    """The open status where tickets stay longest, of those with enough stays; None without."""
    enough = [time for time in times if time.stays >= NEEDED]
    return max(enough, key=lambda time: time.hours, default=None)


def of_bottleneck(
    group_id: GroupId, period: Span, times: Iterable[StatusTime]
) -> Iterator[Insight]:
    slowest = bottleneck(times)
    if slowest is None:
        return
    english, korean = _STATUS[slowest.status.value]
    yield _insight(
        group_id,
        InsightKind.BOTTLENECK,
        "",
        period,
        f"Tickets stay longest in “{english}”: {slowest.hours:.0f} h"
        f" (median of {slowest.stays} stays).",
        f"티켓이 ‘{korean}’ 상태에 가장 오래 머뭅니다: {slowest.hours:.0f}시간"
        f" ({slowest.stays}번의 중앙값).",
        {"hours": slowest.hours, "stays": float(slowest.stays)},
        sample=slowest.stays,
    )


def of_best_hour(group_id: GroupId, period: Span, best: BestHour | None) -> Iterator[Insight]:
    if best is None or not best.sure:
        return
    yield _insight(
        group_id,
        InsightKind.BEST_HOUR,
        "",
        period,
        f"Meetings that begin between {best.hour}:00 and {best.hour}:59 do best: "
        f"{best.avg_productivity:.2f} (mean of {best.meetings} meetings).",
        f"{best.hour}시에 시작하는 회의의 생산성이 가장 높습니다: {best.avg_productivity:.2f}"
        f" (회의 {best.meetings}개의 평균).",
        {"hour": float(best.hour), "productivity": best.avg_productivity},
        sample=best.meetings,
    )


class Promises(Struct, frozen=True, kw_only=True):
    """Tickets made in some days: how many were `kept` (done within seven days), had somebody
    to do them, had a date.
    """

    tickets: int
    kept: int
    assigned: int
    dated: int
    meeting_ids: tuple[MeetingId, ...]


_PROMISE_TOLD = {
    "assigned": ("tickets that are somebody's", "담당자가 있는 티켓"),
    "dated": ("tickets with a due date", "기한이 있는 티켓"),
}


def of_promises(
    group_id: GroupId, period: Span, now: Promises | None, before: Promises | None
) -> Iterator[Insight]:
    """Fewer tickets than before were done within seven days of being made."""
    if now is None or before is None:
        return
    if min(len(now.meeting_ids), len(before.meeting_ids), now.tickets, before.tickets) < NEEDED:
        return
    if not _fell(now.kept, now.tickets, before.kept, before.tickets):
        return
    was, is_ = before.kept / before.tickets, now.kept / now.tickets
    english = (
        f"Of the tickets made in these days {is_:.0%} were done within a week, {was:.0%} in the"
        f" weeks before ({now.kept} of {now.tickets}, {before.kept} of {before.tickets})."
    )
    korean = (
        f"이 기간에 만든 티켓 가운데 일주일 안에 끝난 것은 {is_:.0%}로, 그 전의 {was:.0%}보다 적습니다"
        f" ({now.tickets}개 중 {now.kept}개, 그 전 {before.tickets}개 중 {before.kept}개)."
    )
    numbers = {
        "before": was,
        "now": is_,
        "kept": now.kept,
        "tickets": now.tickets,
        "keptBefore": before.kept,
        "ticketsBefore": before.tickets,
    }
    for name, (told, told_korean) in _PROMISE_TOLD.items():
        some, some_before = getattr(now, name), getattr(before, name)
        if _fell(some, now.tickets, some_before, before.tickets, comparisons=len(_PROMISE_TOLD)):
            a, b = some_before / before.tickets, some / now.tickets
            english += f" In the same days {told} went from {a:.0%} to {b:.0%}."
            korean += f" 같은 기간에 {told_korean}: {a:.0%} → {b:.0%}."
            numbers |= {f"{name}Before": a, f"{name}Now": b}
    yield _insight(
        *(group_id, InsightKind.COMPLETION_DROP, "", period, english, korean, numbers),
        sample=now.tickets,
        meeting_ids=now.meeting_ids,
    )


def _fell(hits: int, of: int, before: int, of_before: int, *, comparisons: int = 1) -> bool:
    """Whether a share fell beyond chance: whether its misses grew so."""
    return chance(of - hits, of, of_before - before, of_before) < (
        (1 - CONFIDENCE) / 2 / comparisons
    )


class Blocked(Struct, frozen=True, kw_only=True):
    """What kept work from going on, in the words it was told in most."""

    about: str
    key: str
    """The same for the same blocker, however it was told."""
    meeting_ids: tuple[MeetingId, ...]


def of_blockers(
    group_id: GroupId, period: Span, blockers: Iterable[Blocked], *, meetings: int
) -> Iterator[Insight]:
    """The same blocker in several of the group's `meetings` of these days."""
    if meetings < NEEDED:
        return
    for blocker in blockers:
        times = len(blocker.meeting_ids)
        if times < OFTEN:
            continue
        yield _insight(
            group_id,
            InsightKind.RECURRING_BLOCKER,
            blocker.key,
            period,
            f"“{blocker.about}” kept work from going on in {times} of {meetings} meetings.",
            f"회의 {meetings}개 가운데 {times}개에서 ‘{blocker.about}’ 때문에 일이 막혔습니다.",
            {"times": float(times), "meetings": float(meetings)},
            sample=times,
            meeting_ids=blocker.meeting_ids,
        )


class Mentioned(Struct, frozen=True, kw_only=True):
    """An open ticket, how long it has not moved, and the meetings that spoke of it since."""

    ticket_id: TicketId
    title: str
    still_days: int
    meeting_ids: tuple[MeetingId, ...]


def of_tickets(group_id: GroupId, period: Span, tickets: Iterable[Mentioned]) -> Iterator[Insight]:
    """Work that is mentioned again and again, and does not move."""
    for ticket in tickets:
        times = len(ticket.meeting_ids)
        if times < OFTEN or ticket.still_days < STUCK_DAYS:
            continue
        yield _insight(
            group_id,
            InsightKind.STUCK_TICKET,
            ticket.ticket_id,
            period,
            f"“{ticket.title}” ({ticket.ticket_id}) came up in {times} meetings and has not moved"
            f" for {ticket.still_days} days.",
            f"‘{ticket.title}’({ticket.ticket_id})은(는) 회의 {times}개에서 나왔지만"
            f" {ticket.still_days}일째 그대로입니다.",
            {"times": float(times), "days": float(ticket.still_days)},
            sample=times,
            meeting_ids=ticket.meeting_ids,
            ticket_ids=(ticket.ticket_id,),
        )


class WordUse(Struct, frozen=True, kw_only=True):
    """A word, the meetings of these days that said it, and how many of those before did."""

    word: str
    key: str
    meeting_ids: tuple[MeetingId, ...]
    before: int


def of_words(
    group_id: GroupId, period: Span, words: Sequence[WordUse], *, now: int, before: int
) -> Iterator[Insight]:
    """Words that more of the `now` meetings said than of those `before`, beyond chance."""
    if min(now, before) < NEEDED:
        return
    limit = (1 - CONFIDENCE) / 2 / max(1, len(words))
    for use in words:
        times = len(use.meeting_ids)
        if chance(times, now, use.before, before) >= limit:
            continue
        yield _insight(
            group_id,
            InsightKind.RISING_KEYWORD,
            use.key,
            period,
            f"“{use.word}” came up in {times} of {now} meetings, in the weeks before in"
            f" {use.before} of {before}.",
            f"‘{use.word}’: 회의 {now}개 중 {times}개에서 나왔습니다"
            f" (그 전에는 {before}개 중 {use.before}개).",
            {
                "times": float(times),
                "meetings": float(now),
                "timesBefore": float(use.before),
                "meetingsBefore": float(before),
            },
            sample=times,
            meeting_ids=use.meeting_ids,
        )


def of_groups(
    group_id: GroupId,
    period: Span,
    stretches: Mapping[GroupId, Stretch],
) -> Iterator[Insight]:
    """The group's meetings did better or worse than all other groups' together."""
    enough = {g: s for g, s in stretches.items() if s.productivity.count >= NEEDED}
    if group_id not in enough or len(enough) <= OTHER_GROUPS:
        return
    ours = enough[group_id].productivity
    others = pooled(s.productivity for g, s in enough.items() if g != group_id)
    if not differ(ours, others, comparisons=len(enough)):
        return
    is_above = ours.mean > others.mean
    yield _insight(
        group_id,
        InsightKind.GROUP_COMPARISON,
        "",
        period,
        f"Meetings of this group score {'higher' if is_above else 'lower'} than those of"
        f" {len(enough) - 1} other groups: {ours.mean:.2f} and {others.mean:.2f}"
        f" (means of {ours.count} and {others.count} meetings).",
        f"이 그룹의 회의는 다른 {len(enough) - 1}개 그룹의 회의보다 생산성이"
        f" {'높습니다' if is_above else '낮습니다'}: {ours.mean:.2f}, 다른 그룹 {others.mean:.2f}"
        f" (회의 {ours.count}개와 {others.count}개의 평균).",
        {"group": ours.mean, "others": others.mean, "groups": float(len(enough) - 1)},
        sample=ours.count,
        meeting_ids=enough[group_id].meeting_ids,
    )


def _insight(
    group_id: GroupId,
    kind: InsightKind,
    subject: str,
    period: Span,
    english: str,
    korean: str,
    numbers: dict[str, float],
    **more: Any,
) -> Insight:
    return Insight(
        event_id=EventId(uuid7()),
        insight_id=uuid5(_NAMES, f"{group_id} {kind.value} {subject}"),
        group_id=group_id,
        kind=kind,
        period=period,
        text={"en": english, "ko": korean},
        numbers=numbers,
        **more,
    )
