"""Minutes of a meeting in Markdown, Korean or English, made of what was said. Pure.

Every line cites when it was said: `[03:25]`, from the first hour on `[1:03:25]`, counted from
the meeting's start. Nothing is invented: summary, decisions and questions are the speakers'
own sentences, or an engine's with the captions they rest on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from vori.clock import stamp
from vori.ids import UserId
from vori.tickets.extract.clause import Clause, Mark
from vori.tickets.extract.local import reading
from vori.tickets.extract.remarks import told_in
from vori.tickets.messages import Extraction, Passage, TicketStatus
from vori.tickets.notes import Line, Notes

MAX_SUMMARY = 5
MAX_DECISIONS = 12
MAX_QUESTIONS = 8


class NotedTicket(Struct, frozen=True, kw_only=True):
    """A ticket that the meeting made, as the minutes list it."""

    title: str
    evidence: tuple[int, ...]
    ticket_id: str = ""
    status: TicketStatus = TicketStatus.TODO
    assignee_id: UserId | None = None
    due: date | None = None


class NotedMove(Struct, frozen=True, kw_only=True):
    """A ticket that the meeting moved."""

    ticket_id: str
    to_status: TicketStatus
    evidence: tuple[int, ...]
    title: str = ""


_TEXT: dict[str, dict[str, str]] = {
    "en": {
        "title": "Minutes",
        "summary": "Summary",
        "decisions": "Decisions",
        "made": "New tickets",
        "moved": "Tickets moved",
        "proposed": "Proposed, not decided yet",
        "blockers": "Blockers",
        "questions": "Open questions",
        "nobody": "nobody yet",
        "due": "due",
        "empty": "Nothing was said.",
        "none": "None.",
        "TODO": "to do",
        "IN_PROGRESS": "in progress",
        "DONE": "done",
    },
    "ko": {
        "title": "회의록",
        "summary": "요약",
        "decisions": "결정 사항",
        "made": "새 티켓",
        "moved": "상태가 바뀐 티켓",
        "proposed": "제안, 아직 정하지 않음",
        "blockers": "막힌 일",
        "questions": "남은 질문",
        "nobody": "담당 미정",
        "due": "기한",
        "empty": "나눈 말이 없습니다.",
        "none": "없음.",
        "TODO": "할 일",
        "IN_PROGRESS": "진행 중",
        "DONE": "완료",
    },
}


def minutes(
    passage: Passage,
    extraction: Extraction,
    *,
    language: str | None = None,
    made: Sequence[NotedTicket] | None = None,
    moved: Sequence[NotedMove] | None = None,
    proposed: Sequence[NotedTicket | NotedMove] = (),
    notes: Notes | None = None,
) -> str:
    """The minutes as Markdown.

    `language` is `ko` or `en`; None or `mixed` takes what most was said in. `made` and `moved`
    are the tickets as stored; without them the extraction's drafts and intents are listed.
    `proposed` waits for somebody to accept it, and has a section only when there is any.
    `notes` are summary, decisions and questions in an engine's words, each line with its captions;
    without them the speakers' own sentences are quoted.
    Raises Unavailable when Korean is to be read and kiwipiepy is missing.
    """
    text = _TEXT[_language(passage, language)]
    head = f"# {text['title']} · {passage.started_at:%Y-%m-%d %H:%M}"
    if not any(s.text.strip() for s in passage.segments):
        return f"{head}\n\n{text['empty']}\n"
    names = {m.user_id: m.name for m in passage.members}
    when = _Times(passage)
    if made is None:
        made = _made(extraction)
    if moved is None:
        moved = _moved(passage, extraction)
    work = {e for noted in (*made, *moved, *proposed) for e in noted.evidence}
    blocked = {e for b in extraction.blockers for e in b.evidence}
    if notes is None:
        heard = reading(passage)
        summary = [_quote(c, when) for c in _summary(heard, work | blocked)]
        decisions = [_quote(c, when) for c in _decisions(heard)]
        questions = [_quote(c, when) for c in _questions(heard, work)]
    else:
        summary = [_noted_line(line, when) for line in notes.summary]
        decisions = [_noted_line(line, when) for line in notes.decisions]
        questions = [_noted_line(line, when) for line in notes.questions]
    sections = (
        ("summary", summary),
        ("decisions", decisions),
        ("made", [_ticket_line(t, text, names, when) for t in made]),
        ("moved", [_move_line(m, text, when) for m in moved]),
        ("proposed", [_proposal_line(p, text, names, when) for p in proposed]),
        ("blockers", [f"- {_plain(b.about)} {when(b.evidence)}" for b in extraction.blockers]),
        ("questions", questions),
    )
    out = [head]
    for name, lines in sections:
        if name == "proposed" and not lines:
            continue
        out.append(f"## {text[name]}\n\n" + ("\n".join(lines) if lines else text["none"]))
    return "\n\n".join(out) + "\n"


# ------------------------------------------------------------------ lines


class _Times:
    """When segments were spoken, as `[03:25]`."""

    def __init__(self, passage: Passage) -> None:
        self._start_ms = {s.seq: s.start_ms for s in passage.segments}

    def __call__(self, evidence: Iterable[int]) -> str:
        starts = sorted({self._start_ms[e] // 1000 for e in evidence if e in self._start_ms})
        return " ".join(f"[{stamp(s)}]" for s in starts[:4])


def _quote(c: Clause, when: _Times) -> str:
    return f"- {_plain(c.text)} {when(c.seqs)}"


def _noted_line(line: Line, when: _Times) -> str:
    return f"- {_plain(line.text)} {when(line.evidence)}"


def _ticket_line(
    ticket: NotedTicket,
    text: dict[str, str],
    names: dict[UserId, str],
    when: _Times,
) -> str:
    who = names.get(ticket.assignee_id, "") if ticket.assignee_id is not None else ""
    parts = [_plain(who) or text["nobody"], text[ticket.status.value]]
    if ticket.due is not None:
        parts.append(f"{text['due']} {ticket.due.isoformat()}")
    label = f"{ticket.ticket_id} " if ticket.ticket_id else ""
    return f"- **{label}{_plain(ticket.title)}** — {', '.join(parts)} {when(ticket.evidence)}"


def _move_line(move: NotedMove, text: dict[str, str], when: _Times) -> str:
    return (
        f"- **{_plain(f'{move.ticket_id} {move.title}'.strip())}** → {text[move.to_status.value]} "
        f"{when(move.evidence)}"
    )


def _proposal_line(
    proposal: NotedTicket | NotedMove,
    text: dict[str, str],
    names: dict[UserId, str],
    when: _Times,
) -> str:
    if isinstance(proposal, NotedMove):
        return _move_line(proposal, text, when)
    return _ticket_line(proposal, text, names, when)


def _plain(text: str) -> str:
    """Spoken text that Markdown shows as it is."""
    text = " ".join(text.split())[:400]
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


# ------------------------------------------------------------------ choosing

_NO_SUMMARY = Mark.SMALL_TALK | Mark.LAUGH | Mark.JOKE | Mark.COMMAND | Mark.QUESTION | Mark.HYPO


def _summary(heard: Sequence[Clause], work: set[int]) -> list[Clause]:
    """The sentences whose words come up most, in the order they were said."""
    counts = Counter(w for c in heard for w in c.words)
    scored: list[tuple[float, int]] = []
    for i, c in enumerate(heard):
        if c.has(_NO_SUMMARY) or len(c.words) < 2:
            continue
        weight = sum(x * min(counts[w], 4) for w, x in c.words.items()) / (4 + len(c.words))
        scored.append((weight * (1.3 if work & set(c.seqs) else 1.0), i))
    best: list[int] = []
    for _, i in sorted(scored, key=lambda s: (-s[0], s[1])):
        same = any(heard[i].words.keys() & heard[j].words.keys() for j in best)
        if same and sum(w in heard[j].words for j in best for w in heard[i].words) >= 2:
            continue
        best.append(i)
        if len(best) == MAX_SUMMARY:
            break
    return [heard[i] for i in sorted(best)]


def _decisions(heard: Sequence[Clause]) -> list[Clause]:
    wrong = Mark.HYPO | Mark.QUESTION | Mark.JOKE | Mark.LAUGH | Mark.COMMAND
    return [c for c in heard if c.has(Mark.DECISION) and not c.has(wrong) and c.words][
        :MAX_DECISIONS
    ]


def _questions(heard: Sequence[Clause], work: set[int]) -> list[Clause]:
    """Questions that were answered with "I don't know", or asked who and found nobody."""
    out: list[Clause] = []
    for i, c in enumerate(heard):
        if not c.has(Mark.QUESTION) or c.has(Mark.SMALL_TALK | Mark.JOKE | Mark.REQUEST):
            continue
        if sum(c.words.values()) < 1 or work & set(c.seqs):
            continue
        replies = [a for a in heard[i + 1 : i + 4] if a.order > c.order and a.order - c.order <= 2]
        unknown = any(a.has(Mark.UNSURE) for a in replies)
        nobody = c.has(Mark.WHO) and not any(a.has(Mark.COMMIT | Mark.OTHER_TEAM) for a in replies)
        if unknown or nobody:
            out.append(c)
    return out[:MAX_QUESTIONS]


# ------------------------------------------------------------------ from the extraction


def _made(extraction: Extraction) -> list[NotedTicket]:
    return [
        NotedTicket(
            title=d.title,
            evidence=d.evidence,
            status=d.status,
            assignee_id=d.assignee_id,
            due=d.due,
        )
        for d in extraction.new_tickets
    ]


def _moved(passage: Passage, extraction: Extraction) -> list[NotedMove]:
    titles = {t.ticket_id: t.title for t in passage.existing_tickets}
    return [
        NotedMove(
            ticket_id=u.ticket_id,
            title=titles.get(u.ticket_id, ""),
            to_status=u.new_status,
            evidence=u.evidence,
        )
        for u in extraction.ticket_updates
    ]


def _language(passage: Passage, wanted: str | None) -> str:
    if wanted in _TEXT:
        return str(wanted)
    return told_in(passage if wanted is None else replace(passage, language="mixed"))
