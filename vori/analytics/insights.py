"""What the numbers show, as sentences in Korean and English. Pure.

Nothing is said of fewer than NEEDED meetings on either side, nor of a difference that may be
chance; what goes along with a drop is told beside it, and not called its cause. No insight is
about a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID, uuid5

from msgspec import Struct

from vori.analytics.messages import BestHour, Insight, InsightKind, Span, StatusTime
from vori.analytics.sample import NEEDED, Sample, differ
from vori.ids import EventId, GroupId, MeetingId, uuid7

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
