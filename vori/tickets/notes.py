"""The prose of minutes by a hosted engine: checked citations, and the extractive one behind it.

An engine writes summary, decisions and open questions in its own words; each line must name the
captions it rests on. Lines that name none are left out. Tickets, moves and blockers come from the
board, whoever wrote the rest.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from vori import log
from vori.errors import VoriError
from vori.ids import MeetingId
from vori.tickets.extract.remarks import why
from vori.tickets.messages import Extraction, Passage, Usage

_log = log.get(__name__)

LONGEST_LINE = 400
MOST_LINES = 12


class Line(Struct, frozen=True, kw_only=True):
    """A sentence and the `seq` of the captions it rests on."""

    evidence: tuple[int, ...]
    text: str


class Notes(Struct, frozen=True, kw_only=True):
    summary: tuple[Line, ...] = ()
    decisions: tuple[Line, ...] = ()
    questions: tuple[Line, ...] = ()

    def checked(self, passage: Passage) -> Notes:
        """What can be kept: lines with words that cite captions of the passage."""
        known = {segment.seq for segment in passage.segments}

        def keep(lines: tuple[Line, ...]) -> tuple[Line, ...]:
            kept: dict[str, Line] = {}
            for line in lines:
                text = " ".join(line.text.split())[:LONGEST_LINE].strip()
                evidence = tuple(sorted({seq for seq in line.evidence if seq in known}))
                if text and evidence:
                    kept.setdefault(text.casefold(), Line(evidence=evidence, text=text))
            return tuple(kept.values())[:MOST_LINES]

        return Notes(
            summary=keep(self.summary),
            decisions=keep(self.decisions),
            questions=keep(self.questions),
        )

    def __add__(self, other: Notes) -> Notes:
        return Notes(
            summary=self.summary + other.summary,
            decisions=self.decisions + other.decisions,
            questions=self.questions + other.questions,
        )


class Notetaker(Protocol):
    """An engine that writes notes. Raises VoriError."""

    name: str
    model: str

    async def notes(self, passage: Passage, language: str) -> tuple[Notes, Usage]: ...


class Payer(Protocol):
    """Counts what is spent, and says when nothing more may be."""

    async def why_not(self, passage: Passage) -> str: ...

    async def enter(self, meeting_id: MeetingId, extraction: Extraction) -> None: ...


class Written(Struct, frozen=True, kw_only=True):
    """Notes by `engine`; None when the local ones are to be taken, and what to tell of it."""

    notes: Notes | None = None
    engine: str = ""
    model: str = ""
    remark: str = ""


class HostedNotes:
    """Notes within the group's budget; whatever fails, the meeting still has its minutes."""

    def __init__(self, notetaker: Notetaker, payer: Payer) -> None:
        self._notetaker = notetaker
        self._payer = payer

    async def write(self, passage: Passage, language: str) -> Written:
        if not any(segment.text.strip() for segment in passage.segments):
            return Written()
        if await self._payer.why_not(passage):
            return Written()  # the reading has told so already
        try:
            notes, usage = await self._notetaker.notes(passage, language)
        except Exception as exc:
            code = exc.code if isinstance(exc, VoriError) else "unforeseen"
            _log.warning("minutes fell back", code=code, meeting_id=passage.meeting_id)
            if not isinstance(exc, VoriError):
                _log.error("notes failed", meeting_id=passage.meeting_id, exc_info=exc)
            text = _REMARK["ko" if language == "ko" else "en"]
            return Written(remark=text.format(why=why(exc, language)))
        cost = Extraction(engine=self._notetaker.name, model=self._notetaker.model, usage=usage)
        await self._payer.enter(passage.meeting_id, cost)
        kept = notes.checked(passage)
        if not kept.summary:
            return Written()
        return Written(notes=kept, engine=self._notetaker.name, model=self._notetaker.model)


_REMARK = {
    "en": "{why} These minutes quote what was said instead.",
    "ko": "{why} 그래서 이 회의록은 나눈 말을 그대로 인용합니다.",
}
