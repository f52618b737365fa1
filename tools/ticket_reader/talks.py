"""Written talks with labels: what a reader of meetings is trained on.

A file holds talks, each as

    # trade, kind of meeting
    = A | title of a ticket on the board | TODO
    1: somebody needs to scrub that step jamal could you sort it before the weekend  @a1 d1
    2: yep leave that one with me  @s1

The number is the speaker's, 0 where nobody is known. Labels: `aN` makes new ticket N, `sN` is other
evidence of it, `dN` tells when it is due, `oN` a due date that is changed later, `fN`/`pN` that it is
done/begun; `uA>DONE` moves ticket A, `kA` speaks of it and moves nothing; `b` is a blocker, `x` looks
like work and is none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vori.ids import MeetingId, TicketId, UserId
from vori.tickets.messages import KnownTicket, Member, Passage, Segment, TicketStatus

FOLDER = Path(__file__).parent / "talks"
_LINE = re.compile(r"(?P<speaker>\d+): ?(?P<text>.*?)(?:\s+@(?P<labels>.+))?$")
_LABEL = re.compile(r"@?([asdofp]\d+|u[A-Z]>(?:TODO|IN_PROGRESS|DONE)|k[A-Z]|b\d*|x\d*)$")
_TICKET = re.compile(
    r"= (?P<name>[A-Z]) \| (?P<title>.+?) \| (?P<status>TODO|IN_PROGRESS|DONE)(?: *\|.*)?$"
)


@dataclass
class Talk:
    """A talk and what a careful reader makes of it; captions are told by their place in it."""

    name: str
    passage: Passage
    evidence: list[set[int]]
    """The captions of each new ticket ..."""
    due: list[list[int]]
    """... those that tell its due date, in order ..."""
    status: list[TicketStatus]
    """... and its status."""
    finished: set[int]
    """Captions that tell that new work is done ..."""
    begun: set[int]
    """... or under way."""
    makes: set[int]
    """Captions that make a ticket by themselves."""
    moves: dict[TicketId, tuple[TicketStatus, set[int]]]
    """Tickets' new statuses, and where they are told."""
    kept: set[int] | None
    """Captions that speak of a ticket and move nothing; None where nobody has marked them."""
    stuck: set[int]
    """Captions of blockers."""


@dataclass
class _Raw:
    board: list[tuple[str, str, str]] = field(default_factory=list)
    lines: list[tuple[int, str, list[str]]] = field(default_factory=list)


def talks(language: str) -> list[Talk]:
    """All talks of a language. Raises ValueError that names the line which is wrong."""
    out = []
    for path in sorted(FOLDER.glob(f"{language}-*.txt")):
        raw: list[_Raw] = []
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                _read_line(text.rstrip(), raw)
            except ValueError as exc:
                raise ValueError(f"{path.name}:{number}: {exc}") from exc
        out += [_talk(f"{path.stem}.{n}", talk) for n, talk in enumerate(raw, 1)]
    return out


def _read_line(text: str, raw: list[_Raw]) -> None:
    if not text:
        return
    if text.startswith("#"):
        raw.append(_Raw())
    elif ticket := _TICKET.match(text):
        raw[-1].board.append((ticket["name"], ticket["title"], ticket["status"]))
    elif line := _LINE.match(text):
        labels = re.split(r"[ ,]+", line["labels"].strip()) if line["labels"] else []
        for label in labels:
            if not _LABEL.match(label):
                raise ValueError(f"{label!r} is no label")
        raw[-1].lines.append((int(line["speaker"]), line["text"].strip(), labels))
    else:
        raise ValueError(f"want #, = or a caption: {text!r}")


def _talk(name: str, raw: _Raw) -> Talk:
    evidence: dict[str, set[int]] = defaultdict(set)
    due: dict[str, list[int]] = defaultdict(list)
    finished: set[int] = set()
    begun: set[int] = set()
    states: dict[str, TicketStatus] = {}
    makes: set[int] = set()
    kept: set[int] = set()
    stuck: set[int] = set()
    moves: dict[TicketId, tuple[TicketStatus, set[int]]] = {}
    board = {TicketId(f"T-{letter}"): TicketStatus(status) for letter, _, status in raw.board}
    for place, (_, _, labels) in enumerate(raw.lines):
        for label in (text.lstrip("@") for text in labels):
            if label[0] in "asdofp":
                evidence[label[1:]].add(place)
            if label[0] == "a":
                makes.add(place)
            elif label[0] == "d":
                due[label[1:]].append(place)
            elif label[0] == "f":
                finished.add(place)
                states[label[1:]] = TicketStatus.DONE
            elif label[0] == "p":
                begun.add(place)
                states.setdefault(label[1:], TicketStatus.IN_PROGRESS)
            elif label[0] == "k":
                kept.add(place)
            elif label[0] == "b":
                stuck.add(place)
            elif label[0] == "u":
                ticket, status = TicketId(f"T-{label[1]}"), TicketStatus(label[3:])
                if board.get(ticket) not in (None, status):
                    before = moves.get(ticket, (status, set()))[1]
                    moves[ticket] = status, before | {place}
    speakers = sorted({s for s, _, _ in raw.lines if s})
    passage = Passage(
        meeting_id=MeetingId(1),
        started_at=datetime(2026, 3, 23, 10, tzinfo=UTC),
        language="mixed",
        segments=tuple(
            Segment(
                seq=i,
                start_ms=4_000 * i,
                end_ms=4_000 * i + 3_500,
                text=text,
                speaker=UserId(speaker) if speaker else None,
            )
            for i, (speaker, text, _) in enumerate(raw.lines)
        ),
        members=tuple(Member(user_id=UserId(s), name=f"Speaker{s}") for s in speakers),
        existing_tickets=tuple(
            KnownTicket(
                ticket_id=TicketId(f"T-{letter}"),
                title=title,
                content="",
                status=TicketStatus(status),
            )
            for letter, title, status in raw.board
        ),
    )
    return Talk(
        name=name,
        passage=passage,
        evidence=list(evidence.values()),
        due=[due[n] for n in evidence],
        status=[states.get(n, TicketStatus.TODO) for n in evidence],
        finished=finished,
        begun=begun,
        makes=makes,
        moves=moves,
        kept=kept,
        stuck=stuck,
    )
