"""How well, how fast and in how much memory a ticket engine reads meetings.

    python benchmarks/tickets.py score CASES [--command "vori tickets extract --engine claude"]
    python benchmarks/tickets.py long [--captions 4000]
    python benchmarks/tickets.py live [--captions 4000]

CASES is a folder of JSON files: a meeting (`meetingId startedAt language members
existingTickets segments`) and, as `gold`, what a careful reader would make of it:
`newTickets` (title, status, assigneeId, due, evidence), `ticketUpdates` (ticketId,
newStatus), `blockers` (evidence) and `traps` (evidence that must make no ticket). Write
a few of your own meetings down this way and you measure the engine on your own talk.

`--command` is run once per case with a file's path appended and prints the answer as JSON;
without it the local engine runs in this process. `long` makes up one meeting of many
captions, half Korean and half English, and reads it on one core. `live` hears the same
meeting caption by caption and tells what one more costs at the 50th, the 500th and the last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from vori.ids import MeetingId, UserId
from vori.tickets.case import answer, read_case
from vori.tickets.decide import similarity
from vori.tickets.extract.local import LocalExtractor, read
from vori.tickets.live import LiveReading, Spoken
from vori.tickets.messages import Member, Passage, Segment

NEIGHBOUR = 1
"""Evidence may be off by so many captions."""


class Wanted(Struct, rename="camel"):
    title: str = ""
    status: str = "TODO"
    assignee_id: int | None = None
    due: str | None = None
    evidence: list[int] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)


class Moved(Struct, rename="camel"):
    ticket_id: str
    new_status: str


class Marked(Struct, rename="camel"):
    evidence: list[int] = field(default_factory=list)


class Gold(Struct, rename="camel"):
    new_tickets: list[Wanted] = field(default_factory=list)
    ticket_updates: list[Moved] = field(default_factory=list)
    blockers: list[Marked] = field(default_factory=list)
    traps: list[Marked] = field(default_factory=list)


class Counts(Struct):
    """Right, found and wanted; F1 of nothing found and nothing wanted is 1."""

    right: int = 0
    found: int = 0
    wanted: int = 0

    def f1(self) -> float:
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 1.0

    def add(self, right: int, found: int, wanted: int) -> None:
        self.right += right
        self.found += found
        self.wanted += wanted


class Report(Struct):
    tickets: Counts = field(default_factory=Counts)
    updates: Counts = field(default_factory=Counts)
    blockers: Counts = field(default_factory=Counts)
    status: int = 0
    assignee: int = 0
    due: int = 0
    traps: int = 0
    failed: int = 0
    seconds: float = 0.0

    def lines(self) -> dict[str, float]:
        paired = self.tickets.right or 1
        return {
            "tickets_f1": round(self.tickets.f1(), 3),
            "updates_f1": round(self.updates.f1(), 3),
            "blockers_f1": round(self.blockers.f1(), 3),
            "status": round(self.status / paired, 3),
            "assignee": round(self.assignee / paired, 3),
            "due": round(self.due / paired, 3),
            "traps": self.traps,
            "failed": self.failed,
            "seconds": round(self.seconds, 2),
        }


def touches(a: list[int], b: list[int]) -> bool:
    return any(abs(x - y) <= NEIGHBOUR for x in a for y in b)


def closeness(found: dict[str, Any], wanted: Wanted) -> float:
    """0 for different work, else how surely the found ticket is the wanted one."""
    if not touches(found["evidence"], wanted.evidence):
        return 0.0
    shared = len(set(found["evidence"]) & set(wanted.evidence)) / max(1, len(wanted.evidence))
    text = f"{found['title']} {found['content']}".casefold()
    words = [w.casefold() for w in wanted.keywords or wanted.title.split()]
    said = sum(w in text for w in words) / max(1, len(words))
    if said < 0.5 and similarity(found["title"], wanted.title) < 0.5:
        return 0.0
    return shared + said


def pair(options: list[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """The best one-to-one pairs, the surest first."""
    pairs: list[tuple[int, int]] = []
    for value, a, b in sorted(options, key=lambda o: -o[0]):
        if value > 0 and all(a != x and b != y for x, y in pairs):
            pairs.append((a, b))
    return pairs


def compare(said: dict[str, Any], gold: Gold, report: Report) -> None:
    found = said["newTickets"]
    pairs = pair(
        [
            (closeness(f, w), i, j)
            for i, f in enumerate(found)
            for j, w in enumerate(gold.new_tickets)
        ]
    )
    report.tickets.add(len(pairs), len(found), len(gold.new_tickets))
    for i, j in pairs:
        report.status += found[i]["status"] == gold.new_tickets[j].status
        report.assignee += found[i]["assigneeId"] == gold.new_tickets[j].assignee_id
        report.due += found[i]["due"] == gold.new_tickets[j].due
    alone = [f for i, f in enumerate(found) if i not in {a for a, _ in pairs}]
    report.traps += sum(
        any(f["evidence"] and set(f["evidence"]) <= set(t.evidence) for t in gold.traps)
        for f in alone
    )
    moved = {(u["ticketId"], u["newStatus"]) for u in said["ticketUpdates"]}
    wanted = {(u.ticket_id, u.new_status) for u in gold.ticket_updates}
    report.updates.add(len(moved & wanted), len(moved), len(wanted))
    blocks = pair(
        [
            (float(touches(b["evidence"], w.evidence)), i, j)
            for i, b in enumerate(said["blockers"])
            for j, w in enumerate(gold.blockers)
        ]
    )
    report.blockers.add(len(blocks), len(said["blockers"]), len(gold.blockers))


def ask(command: list[str], case: bytes) -> dict[str, Any]:
    """The answer of another program."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.json"
        path.write_bytes(case)
        done = subprocess.run([*command, str(path)], capture_output=True, check=True)
    out: dict[str, Any] = json.loads(done.stdout)
    return out


def score(folder: Path, command: list[str]) -> int:
    pools: dict[str, Report] = {}
    total = pools.setdefault("all", Report())
    for path in sorted(folder.glob("*.json")):
        whole = json.loads(path.read_bytes())
        gold = msgspec.convert(whole.pop("gold", {}), Gold)
        case = json.dumps(whole, ensure_ascii=False).encode()
        pool = pools.setdefault(whole.get("language", "mixed"), Report())
        began = time.perf_counter()
        try:
            if command:
                said = ask(command, case)
            else:
                said = answer(asyncio.run(LocalExtractor().extract(read_case(case))))
        except (subprocess.CalledProcessError, ValueError) as exc:
            print(f"{path.name}: {exc}", file=sys.stderr)
            said = {"newTickets": [], "ticketUpdates": [], "blockers": []}
            pool.failed += 1
            total.failed += 1
        took = time.perf_counter() - began
        for report in (pool, total):
            report.seconds += took
            compare(said, gold, report)
    for name, report in pools.items():
        print(f"{name:6}", " ".join(f"{k}={v:g}" for k, v in report.lines().items()))
    return 0 if total.failed == 0 else 1


# ------------------------------------------------------------------ a long meeting

THINGS_EN = [
    "pump",
    "label",
    "budget",
    "contract",
    "poster",
    "ladder",
    "invoice",
    "sensor",
    "playlist",
    "menu",
    "rota",
    "fence",
]
THINGS_KO = [
    "견적서",
    "계약서",
    "간판",
    "냉장고",
    "배너",
    "도면",
    "보고서",
    "일정표",
    "조명",
    "현수막",
    "영수증",
    "안내문",
]
LINES_EN = (
    "um so I'll send the {a} to the client by {day}",
    "could you check the {a} before the {b} goes out",
    "the {a} is done we finished it yesterday",
    "I'm still working on the {a} it's about half way",
    "we can't start the {a} until the {b} arrives",
    "what do you think about the {a}",
    "yeah okay sounds good",
    "someday we could buy a new {a} ha",
    "the {a} isn't ready yet because the {b} is late",
    "right next one the {a}",
)
LINES_KO = (
    "어 그 {a} 제가 {day}까지 보내 드릴게요",
    "{a} 확인 좀 부탁드려요 {b} 나가기 전에요",
    "{a}는 어제 다 끝났습니다",
    "{a} 지금 만들고 있어요 반 정도 했습니다",
    "{b}가 안 와서 {a} 시작을 못 하고 있어요",
    "{a} 어떻게 생각하세요",
    "네 좋습니다 그렇게 하시죠",
    "언젠가 {a}도 새로 사면 좋겠네요 하하",
    "{a}는 아직 시작 못 했어요",
    "그럼 다음은 {a} 얘기할게요",
)


def long_meeting(captions: int) -> Passage:
    """A meeting of many captions by eight speakers, the same each time."""
    random.seed(20260316)
    segments = []
    for seq in range(captions):
        korean = seq // 20 % 2 == 1
        lines, things = (LINES_KO, THINGS_KO) if korean else (LINES_EN, THINGS_EN)
        a, b = random.sample(things, 2)
        number = random.randrange(1, 60)
        day = random.choice(
            ["월요일", "금요일", "내일"] if korean else ["Monday", "Friday", "tomorrow"]
        )
        text = random.choice(lines).format(a=f"{a} {number}", b=b, day=day)
        segments.append(
            Segment(
                seq=seq,
                start_ms=seq * 3_600,
                end_ms=seq * 3_600 + 3_000,
                text=text,
                speaker=UserId(1 + seq // 2 % 8),
            )
        )
    names = [
        "Ana Berg",
        "Tom Hale",
        "김서준",
        "이하늘",
        "Mia Cole",
        "Omar Said",
        "박도윤",
        "최유나",
    ]
    return Passage(
        meeting_id=MeetingId(1),
        started_at=datetime(2026, 3, 16, 9, tzinfo=UTC),
        segments=tuple(segments),
        members=tuple(Member(user_id=UserId(i), name=n) for i, n in enumerate(names, 1)),
    )


def long(captions: int) -> int:
    passage = long_meeting(captions)
    began, cpu_began = time.perf_counter(), time.process_time()
    found = read(passage)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"captions={captions} seconds={seconds:.2f} cpu_seconds={cpu_s:.2f} peak_mb={peak_mb:.0f} "
        f"tickets={len(found.new_tickets)} blockers={len(found.blockers)}"
    )
    return 0


AROUND = 40
"""A live figure is the median of so many captions."""


def live(captions: int) -> dict[str, float]:
    """Milliseconds that one more caption costs near the 50th, the 500th and the last.

    Only the reading: what it writes is bounded by what changed, not by the meeting's length.
    """
    whole = long_meeting(captions)
    empty = replace(whole, segments=())
    reading = LiveReading(empty, ())
    took_ms: list[float] = []
    for segment in whole.segments:
        caption = Spoken(
            caption_id=UUID(int=segment.seq),
            text=segment.text,
            start_ms=segment.start_ms,
            end_ms=segment.end_ms,
            speaker=segment.speaker,
        )
        began = time.perf_counter()
        reading.hear([caption])
        took_ms.append((time.perf_counter() - began) * 1000)
    figures = {
        f"ms_at_{at}": statistics.median(took_ms[max(0, at - AROUND) : at])
        for at in (50, 500, captions)
        if at <= captions
    }
    figures["p99_ms"] = sorted(took_ms)[int(0.99 * len(took_ms))]
    return {name: round(value, 2) for name, value in figures.items()}


def measure() -> dict[str, Any]:
    """What a meeting of 4,000 captions costs the local engine, whole and caption by caption.

    Each in a process of its own.
    """
    figures: dict[str, Any] = {}
    for part in ("long", "live"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.tickets", part],
            capture_output=True,
            text=True,
            check=True,
        )
        figures |= {n: float(v) for n, v in (f.split("=") for f in done.stdout.split())}
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part", required=True)
    scoring = parts.add_parser("score", help="compare an engine with what you wrote down")
    scoring.add_argument("folder", type=Path)
    scoring.add_argument("--command", default="", help="program to run; default: the local engine")
    lengthy = parts.add_parser("long", help="time and memory of a long meeting")
    lengthy.add_argument("--captions", type=int, default=4000)
    running = parts.add_parser("live", help="what one more caption costs while a meeting runs")
    running.add_argument("--captions", type=int, default=4000)
    options = parser.parse_args()
    if options.part == "live":
        print(" ".join(f"{k}={v:g}" for k, v in live(options.captions).items()))
        return 0
    if options.part == "score":
        return score(options.folder, shlex.split(options.command))
    return long(options.captions)


if __name__ == "__main__":
    raise SystemExit(main())
