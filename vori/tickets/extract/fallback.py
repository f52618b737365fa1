"""Two engines as one: a hosted one, and the local one wherever it does not answer.

A meeting's end never fails because a hosted model does; people are told in the notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from vori import log
from vori.errors import Unavailable, VoriError
from vori.ids import TicketId
from vori.tickets.extract import Extractor
from vori.tickets.extract.answer import is_same
from vori.tickets.extract.prompt import clean
from vori.tickets.extract.remarks import remark, told_in, why
from vori.tickets.messages import Blocker, Draft, Extraction, Passage, StatusIntent

_log = log.get(__name__)


class Unread(Unavailable):
    """An engine could not read some captions: `seqs`. `partial` holds what it did read."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        partial: Extraction,
        seqs: frozenset[int],
        **ids: object,
    ) -> None:
        super().__init__(message, code=code, **ids)
        self.partial = partial
        self.seqs = seqs


class WithFallback:
    """An Extractor: `primary`, and for whatever it fails to read, `fallback` with a note.

    Raises only what `fallback` raises; being cancelled passes through.
    """

    def __init__(self, primary: Extractor, fallback: Extractor) -> None:
        self.name = primary.name
        self._primary = primary
        self._fallback = fallback

    async def extract(self, passage: Passage) -> Extraction:
        try:
            return await self._primary.extract(passage)
        except Exception as exc:  # whatever it is, the meeting still ends with its tickets
            _tell(exc, self._primary, passage)
            because = why(exc, told_in(passage))
            partial = exc.partial if isinstance(exc, Unread) else Extraction()
            unread = exc.seqs if isinstance(exc, Unread) else _seqs(passage)
        second = await self._fallback.extract(passage)
        if unread >= _seqs(passage):
            note = remark(told_in(passage), "instead", why=because, engine=second.engine)
            return replace(second, notes=(note, *second.notes), usage=partial.usage)
        note = remark(told_in(passage), "rest", why=because, engine=second.engine)
        return _filled(partial, second, unread, note)


class Selective:
    """An Extractor: `local` reads everything, `hosted` only around what `local` is unsure of.

    Within `around` captions of an item less certain than `unsure_below`, the hosted reading
    takes the place of the local one. Where it fails, the local reading stays, with a note.
    """

    def __init__(
        self, local: Extractor, hosted: Extractor, *, unsure_below: float = 0.75, around: int = 8
    ) -> None:
        self.name = hosted.name
        self._local = local
        self._hosted = hosted
        self._unsure_below = unsure_below
        self._around = around

    async def extract(self, passage: Passage) -> Extraction:
        first = await self._local.extract(passage)
        doubtful = self._doubtful(passage, first)
        if not doubtful.segments:
            return first
        try:
            second = await self._hosted.extract(doubtful)
        except Exception as exc:  # the local reading is there already
            _tell(exc, self._hosted, passage)
            because = why(exc, told_in(passage))
            note = remark(told_in(passage), "doubt", why=because, engine=first.engine)
            usage = exc.partial.usage if isinstance(exc, Unread) else None
            return replace(first, notes=(note, *first.notes), usage=usage)
        return _replaced(first, second, _seqs(doubtful))

    def _doubtful(self, passage: Passage, first: Extraction) -> Passage:
        """The captions near what the local engine is unsure of."""
        items: tuple[Draft | StatusIntent, ...] = (*first.new_tickets, *first.ticket_updates)
        unsure = {
            seq for item in items if item.confidence < self._unsure_below for seq in item.evidence
        }
        wanted: set[int] = set()
        for index, segment in enumerate(passage.segments):
            if segment.seq in unsure:
                wanted.update(range(index - self._around, index + self._around + 1))
        near = tuple(s for index, s in enumerate(passage.segments) if index in wanted)
        return replace(passage, segments=near)


def beside_local(
    hosted: Extractor, local: Extractor, mode: Literal["full", "selective"]
) -> Extractor:
    """Both engines as `claude.mode` asks."""
    return Selective(local, hosted) if mode == "selective" else WithFallback(hosted, local)


def _tell(exc: Exception, engine: Extractor, passage: Passage) -> None:
    if isinstance(exc, VoriError):
        _log.warning(
            "engine fell back", engine=engine.name, code=exc.code, meeting_id=passage.meeting_id
        )
    else:
        _log.error("engine failed", engine=engine.name, meeting_id=passage.meeting_id, exc_info=exc)


def _seqs(passage: Passage) -> frozenset[int]:
    """The captions that hold words."""
    return frozenset(segment.seq for segment in passage.segments if clean(segment.text).strip())


def _filled(first: Extraction, second: Extraction, unread: frozenset[int], note: str) -> Extraction:
    """The first reading, with what the second found in the captions the first did not read."""
    found = replace(
        second,
        new_tickets=tuple(d for d in second.new_tickets if unread.intersection(d.evidence)),
        ticket_updates=tuple(u for u in second.ticket_updates if unread.intersection(u.evidence)),
        blockers=tuple(b for b in second.blockers if unread.intersection(b.evidence)),
    )
    return replace(
        first,
        new_tickets=tuple(_drafts(first.new_tickets, found.new_tickets)),
        ticket_updates=tuple(_updates(first.ticket_updates, found.ticket_updates)),
        blockers=tuple(_blockers(first.blockers, found.blockers)),
        rejected=(*first.rejected, *found.rejected),
        engine=f"{first.engine}+{second.engine}",
        notes=(note, *first.notes, *second.notes),
    )


def _replaced(first: Extraction, second: Extraction, read: frozenset[int]) -> Extraction:
    """The first reading, with the second in the place of all that rests on `read` alone."""
    drafts = [d for d in first.new_tickets if not read.issuperset(d.evidence)]
    updates = [u for u in first.ticket_updates if not read.issuperset(u.evidence)]
    blockers = [b for b in first.blockers if not read.issuperset(b.evidence)]
    return replace(
        second,
        new_tickets=tuple(_drafts(drafts, second.new_tickets)),
        ticket_updates=tuple(_updates(updates, second.ticket_updates)),
        blockers=tuple(_blockers(blockers, second.blockers)),
        rejected=(*first.rejected, *second.rejected),
        engine=f"{first.engine}+{second.engine}",
        notes=(*first.notes, *second.notes),
    )


def _drafts(first: Iterable[Draft], second: Iterable[Draft]) -> Iterable[Draft]:
    kept = list(first)
    return [*kept, *(d for d in second if not any(is_same(d, known) for known in kept))]


def _updates(
    first: Iterable[StatusIntent], second: Iterable[StatusIntent]
) -> Iterable[StatusIntent]:
    """One for each ticket: the one that rests on the later words."""
    latest: dict[TicketId, StatusIntent] = {}
    for update in (*first, *second):
        known = latest.get(update.ticket_id)
        if known is None or max(update.evidence) > max(known.evidence):
            latest[update.ticket_id] = update
    return latest.values()


def _blockers(first: Iterable[Blocker], second: Iterable[Blocker]) -> Iterable[Blocker]:
    kept = list(first)
    cited = {seq for blocker in kept for seq in blocker.evidence}
    return [*kept, *(b for b in second if not cited.intersection(b.evidence))]
