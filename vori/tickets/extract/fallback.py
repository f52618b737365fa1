"""Two engines as one: the local one answers where the other does not.

A meeting's end never fails because a hosted model does; people are told in the notes.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from vori import log
from vori.errors import Unavailable, VoriError
from vori.ids import TicketId
from vori.tickets.extract import Extractor
from vori.tickets.extract.answer import is_same
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
        except Unread as exc:
            why, partial, unread = exc.message, exc.partial, exc.seqs
            self._tell(exc, passage)
        except VoriError as exc:
            why, partial, unread = exc.message, Extraction(), _seqs(passage)
            self._tell(exc, passage)
        except Exception:  # whatever it is, the meeting still ends with its tickets
            why, partial, unread = "It failed unexpectedly.", Extraction(), _seqs(passage)
            _log.exception("engine failed", engine=self.name, meeting_id=passage.meeting_id)
        second = await self._fallback.extract(passage)
        if unread >= _seqs(passage):
            note = f"{why} The {second.engine} engine read this meeting instead."
            return replace(second, notes=(note, *second.notes), usage=partial.usage)
        note = f"{why} The {second.engine} engine read the rest of this meeting."
        return _filled(partial, second, unread, note)

    def _tell(self, exc: VoriError, passage: Passage) -> None:
        _log.warning(
            "engine fell back", engine=self.name, code=exc.code, meeting_id=passage.meeting_id
        )


def _seqs(passage: Passage) -> frozenset[int]:
    """The captions that hold words."""
    return frozenset(segment.seq for segment in passage.segments if segment.text.strip())


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
