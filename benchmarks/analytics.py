"""The analytics job: a batch of 500 meetings, and the weeks of a year.

`vori bench analytics live` takes `--meetings 500 --events 10 --seconds 120 --option spark.x=y`,
`vori bench analytics weeks` takes `--year-meetings 40000 --captions 20`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import psutil
from msgspec import Struct

from vori.analytics.plan import Plan, Report
from vori.analytics.submit import Child, find_java
from vori.data.embedded import Embedded, running
from vori.data.engine import DB, transaction
from vori.data.migrate import migrate
from vori.data.outbox import publish
from vori.errors import Unavailable
from vori.ids import CaptionId, EventId, GroupId, MeetingId, TicketId, uuid7
from vori.tickets.messages import (
    Actor,
    BlockerNoted,
    Ticket,
    TicketCreated,
    TicketStatus,
    TicketUpdated,
)
from vori.transcribe.messages import Caption
from vori.worker import background

GROUPS = 25
"""Of eight people each: a company of 200."""
WARM_S = 30.0
"""After the first batch the JVM still compiles; what is measured begins so much later."""
MEMORY_EVERY_S = 2.0


def measure() -> dict[str, Any]:
    """Two cores for all of it: PostgreSQL (durable), what feeds it, Spark and its Python."""
    return main([])


def main(options: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="vori bench analytics")
    parser.add_argument("part", nargs="?", choices=("live", "weeks", "both"), default="both")
    parser.add_argument("--meetings", type=int, default=500)
    parser.add_argument("--events", type=int, default=10, help="of a meeting in a second")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--trigger", type=float, default=2.0)
    parser.add_argument("--memory", default="512m", help="the driver's heap")
    parser.add_argument("--year-meetings", type=int, default=40_000)
    parser.add_argument("--captions", type=int, default=20, help="of a meeting in the year")
    parser.add_argument("--counts", type=int, default=2, help="how often the year is counted")
    parser.add_argument("--option", action="append", default=[], help="spark.x=y")
    asked = parser.parse_args(options)
    try:
        find_java()
    except Unavailable as exc:
        return {"skipped": exc.message}
    figures: dict[str, Any] = {}
    if asked.part in ("live", "both"):
        figures["live"] = asyncio.run(_live(asked))
    if asked.part in ("weeks", "both"):
        figures["weeks"] = asyncio.run(_weeks(asked))
    return figures


@asynccontextmanager
async def _database(folder: Path) -> AsyncIterator[str]:
    async with running(Embedded(folder / "postgres")) as server:
        await DB.open(server.url, pool_size=4)
        try:
            await migrate()
            yield server.url
        finally:
            await DB.close()


def _plan(asked: argparse.Namespace, url: str, folder: Path, **more: Any) -> Plan:
    return Plan(
        database_url=url,
        checkpoint=str(folder / "checkpoint"),
        master="local[2]",
        memory=asked.memory,
        trigger_s=asked.trigger,
        options=dict(option.split("=", 1) for option in asked.option),
        **more,
    )


# ------------------------------------------------------------------ live


async def _live(asked: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as path:
        folder = Path(path)
        async with _database(folder) as url:
            await _make_meetings(asked.meetings)
            feed = Feed(asked.meetings, asked.events)
            plan = _plan(asked, url, folder, weeks_every_s=0)
            async with background(feed.run()):
                return await _watch(plan, asked, feed, folder / "spark.log")


async def _watch(plan: Plan, asked: argparse.Namespace, feed: Feed, log: Path) -> dict[str, Any]:
    began = time.monotonic()
    child = await Child.start(plan, find_java(), log_path=log)
    usage = Usage(child.pid)
    batches: list[Report] = []
    first_s: float | None = None
    rows = late = 0
    cpu_s = measured_s = 0.0
    try:
        async with background(usage.run()):
            async for report in child.reports():
                if report.kind == "failed":
                    raise SystemExit(f"{report.message}; see {log}")
                if report.kind != "batch":
                    continue
                now = time.monotonic()
                rows, late = rows + report.rows, late + report.late
                if first_s is None:
                    first_s, feed_from = now - began, now + WARM_S
                if now < feed_from:
                    cpu_s, measured_s = usage.cpu_s(), now
                    continue
                batches.append(report)
                if now > feed_from + asked.seconds:
                    cpu_s, measured_s = usage.cpu_s() - cpu_s, now - measured_s
                    break
        waiting = feed.sent - rows
        return {
            "meetings": asked.meetings,
            "eventsPerS": round(sum(r.rows for r in batches) / measured_s),
            "startS": round(first_s or 0.0, 1),
            "batches": len(batches),
            "batchMs": _spread([r.batch_ms for r in batches]),
            "batchRows": _spread([r.rows for r in batches]),
            "lagMs": _spread([r.lag_ms for r in batches]),
            "partsMs": {
                name: _spread([r.parts.get(name, 0) for r in batches])
                for name in sorted({name for r in batches for name in r.parts})
            },
            "cores": round(cpu_s / measured_s, 2),
            "memoryMb": round(usage.most_mb),
            "late": late,
            "waiting": waiting,
        }
    finally:
        await child.stop()


def _spread(values: Sequence[float]) -> dict[str, int]:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50": round(cuts[9]), "p95": round(cuts[18]), "max": round(max(values))}


class Usage:
    """Memory (PSS: shared pages count in part) and processor time of a process and its children."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._seen: dict[int, float] = {}
        self.most_mb = 0.0

    async def run(self) -> None:
        while True:
            used = await asyncio.to_thread(self._memory)
            self.most_mb = max(self.most_mb, used / 1e6)
            await asyncio.sleep(MEMORY_EVERY_S)

    def cpu_s(self) -> float:
        for process in self._all():
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            self._seen[process.pid] = times.user + times.system
        return sum(self._seen.values())

    def _memory(self) -> int:
        total = 0
        for process in self._all():
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total

    def _all(self) -> list[psutil.Process]:
        try:
            return [self._process, *self._process.children(recursive=True)]
        except psutil.Error:
            return []


class Feed:
    """Puts `events` of each meeting a second into the outbox: of ten, seven are captions."""

    def __init__(self, meetings: int, events: int) -> None:
        self._meetings = meetings
        self._pause_s = 1 / events
        self.sent = 0

    async def run(self) -> None:
        due = time.monotonic()
        for turn in range(10**9):
            async with transaction():
                await publish(*(self._event(m, turn) for m in range(1, self._meetings + 1)))
            self.sent += self._meetings
            due += self._pause_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _event(self, meeting: int, turn: int) -> Struct:
        number, kind = EventId(uuid7()), turn % 10
        meeting_id, group_id = MeetingId(meeting), GroupId(meeting % GROUPS + 1)
        if kind < 7:
            return Caption(
                event_id=number,
                caption_id=CaptionId(UUID(int=number.int)),
                meeting_id=meeting_id,
                group_id=group_id,
                audio_id=f"mic-{meeting}",
                seq=turn,
                text="결제 모듈 오류를 이번 주에 고치고 배포 일정은 금요일로 잡겠습니다.",
                language="ko",
                start_ms=turn * 100,
                end_ms=turn * 100 + 2000,
                meeting_start_ms=turn * 100,
            )
        if kind == 7:
            return BlockerNoted(
                event_id=number,
                meeting_id=meeting_id,
                group_id=group_id,
                about="벤더 답변",
                caption_ids=(),
                start_ms=turn * 100,
                end_ms=turn * 100 + 2000,
            )
        at = datetime.now(UTC)
        ticket = Ticket(
            ticket_id=TicketId(f"T-{meeting}"),
            group_id=group_id,
            title="결제 모듈 수정",
            content="게이트웨이 로그부터 봅니다.",
            status=TicketStatus.IN_PROGRESS,
            created_at=at,
            updated_at=at,
            meeting_id=meeting_id,
        )
        made = {
            "event_id": number,
            "meeting_id": meeting_id,
            "ticket": ticket,
            "actor": Actor.MACHINE,
        }
        if kind == 8:
            return TicketCreated(**made)
        return TicketUpdated(**made, changed=("status",), previous_status=TicketStatus.TODO)


async def _make_meetings(count: int) -> None:
    await DB.fetch(
        "INSERT INTO groups (id, name) SELECT n, 'Group ' || n FROM generate_series(1, $1) n",
        GROUPS,
    )
    await DB.fetch(
        "INSERT INTO meetings (id, group_id, status, started_at)"
        " SELECT n, n % $2 + 1, 'LIVE', now() FROM generate_series(1, $1) n",
        count,
        GROUPS,
    )


# ------------------------------------------------------------------ weeks


async def _weeks(asked: argparse.Namespace) -> dict[str, Any]:
    """Count a year of meetings for the first time, and once more when nothing has changed."""
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as path:
        folder = Path(path)
        async with _database(folder) as url:
            began = time.monotonic()
            connection = await asyncpg.connect(url)  # without the limits on time of VORI's own
            for statement in _YEAR:
                await connection.execute(
                    statement.format(
                        meetings=asked.year_meetings, captions=asked.captions, groups=GROUPS
                    )
                )
            await connection.execute("ANALYZE")
            await connection.close()
            figures: dict[str, Any] = {
                "meetings": asked.year_meetings,
                "captions": asked.year_meetings * asked.captions,
                "fillS": round(time.monotonic() - began, 1),
            }
            for name in ("first", "again")[: asked.counts]:
                print(f"{name} count …", file=sys.stderr, flush=True)
                figures[name] = await _count(_plan(asked, url, folder, once=True), folder)
            return figures


async def _count(plan: Plan, folder: Path) -> dict[str, Any]:
    began = time.monotonic()
    child = await Child.start(plan, find_java(), log_path=folder / "spark.log")
    usage = Usage(child.pid)
    counted: dict[str, float] | None = None
    async with background(usage.run()):
        async for report in child.reports():
            if report.kind == "weeks":
                counted = report.figures
        await child.wait()
    if counted is None:
        raise SystemExit((folder / "spark.log").read_text()[-3000:])
    print(counted, file=sys.stderr, flush=True)
    return {
        "processS": round(time.monotonic() - began, 1),
        "memoryMb": round(usage.most_mb),
        **{name: round(value, 2) for name, value in counted.items()},
    }


# No index and no foreign key is looked after while the year is filled in: they are not measured.
_YEAR = (
    "SELECT setseed(0.5)",
    "DROP INDEX captions_search",
    "ALTER TABLE captions DISABLE TRIGGER ALL",
    "INSERT INTO groups (id, name) SELECT n, 'Group ' || n FROM generate_series(1, {groups}) n",
    """
    INSERT INTO meetings (id, group_id, title, status, time_zone, started_at, ended_at, created_at)
    SELECT n, n % {groups} + 1, 'Meeting', 'ENDED',
           (ARRAY['Asia/Seoul', 'Europe/Berlin', 'America/New_York'])[1 + n % 3],
           at, at + interval '30 minutes', at
    FROM (SELECT n, now() - interval '365 days' * (1 - n::float8 / {meetings}) AS at
          FROM generate_series(1, {meetings}) n) made
    """,
    """
    INSERT INTO recordings (id, audio_id, meeting_id, group_id, status)
    SELECT md5('r' || n)::uuid, 'mic-' || n, n, n % {groups} + 1, 'COMPLETE'
    FROM generate_series(1, {meetings}) n
    """,
    """
    INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text, language, start_ms,
                          end_ms, meeting_start_ms, created_at)
    SELECT md5(n || ' ' || c)::uuid, md5('r' || n)::uuid, n, n % {groups} + 1, c,
           (ARRAY['결제 모듈 오류를 이번 주에 고치겠습니다.', '배포 일정은 금요일로 잡았어요.',
                  '고객 문의가 늘어서 담당자를 정해야 합니다.', '서버 비용 보고서를 다시 봅시다.',
                  'The disk alerts are noisy, we tune them this week.',
                  'Marketing waits for the figures of the new release.',
                  'I will send the contract draft to the vendor tomorrow.',
                  'Hiring goes on, two candidates come on Thursday.'])[
               1 + n % 4 * 2 + c % 2] || ' ' || c % 17,
           CASE WHEN n % 4 < 2 THEN 'ko' ELSE 'en' END,
           c * 18000, c * 18000 + 6000, c * 18000, started_at
    FROM (SELECT id AS n, started_at FROM meetings) m, generate_series(0, {captions} - 1) c
    """,
    "ALTER TABLE captions ENABLE TRIGGER ALL",
    """
    INSERT INTO tickets (id, group_id, meeting_id, title, status, created_at, updated_at)
    SELECT 'B-' || n, m.group_id, m.id, 'Ticket ' || n,
           (ARRAY['DONE', 'DONE', 'IN_PROGRESS', 'TODO'])[1 + n % 4], started_at, started_at
    FROM generate_series(1, 2 * {meetings}) n JOIN meetings m ON m.id = (n + 1) / 2
    """,
    """
    INSERT INTO ticket_history (id, ticket_id, meeting_id, at, actor, kind, before, after)
    SELECT md5('h' || id || step)::uuid, id, meeting_id,
           created_at + interval '1 hour' * (step * 30 + length(id) * 7), 'machine', 'updated',
           jsonb_build_object('status', (ARRAY['TODO', 'IN_PROGRESS'])[step]),
           jsonb_build_object('status', (ARRAY['IN_PROGRESS', 'DONE'])[step])
    FROM tickets, generate_series(1, 2) step
    WHERE status = 'DONE' OR status = 'IN_PROGRESS' AND step = 1
    """,
    """
    INSERT INTO blockers (id, meeting_id, group_id, about, start_ms, end_ms)
    SELECT md5('b' || id)::uuid, id, group_id,
           (ARRAY['벤더 답변', 'access rights', '서버 점검'])[1 + id % 3], 0, 1000
    FROM meetings WHERE id % 2 = 0
    """,
)
