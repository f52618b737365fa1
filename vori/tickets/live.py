"""A meeting read as it is spoken: each new caption costs the same, however long it has run. Pure.

The local engine goes on from where it was; of what it then thinks only the difference to what it
last told is a `Part`: the drafts, moves and blockers that are new, other or gone, with all that
cites the same captions, so that deciding on the part alone gives the same board. Captions are
numbered as they come. The whole reading at the meeting's end has the last word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from vori.ids import TicketId, UserId
from vori.tickets.decide import TitleIndex, is_same_draft, title_words
from vori.tickets.extract.local import LiveTalk
from vori.tickets.messages import Blocker, Draft, Extraction, Passage, Segment, StatusIntent

Cites = TypeVar("Cites", Draft, StatusIntent, Blocker)

MOST_ALIKE = 20
"""So many earlier drafts that share a word with a new one are compared with it."""


class Spoken(Struct, frozen=True, kw_only=True):
    """A final caption of a meeting; times count in milliseconds from the meeting's start."""

    caption_id: UUID
    text: str
    start_ms: int
    end_ms: int
    speaker: UserId | None = None


class HeardPassage(Passage, frozen=True, kw_only=True, rename="camel"):
    """A passage that knows where its segments come from: `caption_ids[i]` is segment i's."""

    caption_ids: tuple[UUID, ...] = ()


def parted(passage: HeardPassage, at: datetime) -> tuple[HeardPassage, list[Spoken]]:
    """The passage as it was stored at that moment, and the captions stored since."""
    at_ms = int(at.timestamp() * 1000)
    heard = list(zip(passage.segments, passage.caption_ids, strict=True))
    before = [one for one in heard if stored_ms(one[1]) <= at_ms]
    since = [one for one in heard if stored_ms(one[1]) > at_ms]
    return (
        replace(
            passage,
            segments=tuple(replace(s, seq=seq) for seq, (s, _) in enumerate(before)),
            caption_ids=tuple(caption_id for _, caption_id in before),
        ),
        [
            Spoken(
                caption_id=caption_id,
                text=s.text,
                start_ms=s.start_ms,
                end_ms=s.end_ms,
                speaker=s.speaker,
            )
            for s, caption_id in since
        ],
    )


def stored_ms(caption_id: UUID) -> int:
    """The moment in a UUIDv7."""
    return caption_id.int >> 80


class Part(Struct, frozen=True, kw_only=True):
    """Some of a meeting's captions, and all that its reading makes of just these.

    `ticket_ids`: tickets from before that this is about. What an earlier reading made of these
    captions, or did to these tickets, and is not in `extraction`, is no longer meant.
    """

    segments: tuple[Segment, ...]
    caption_ids: tuple[UUID, ...]
    ticket_ids: frozenset[TicketId]
    extraction: Extraction


class LiveReading:
    """One running meeting."""

    def __init__(self, passage: Passage, caption_ids: Sequence[UUID]) -> None:
        """`passage`: what has been said so far, with members and the board before."""
        self._talk = LiveTalk(passage)
        self._segments: list[Segment] = []
        self._ids: list[UUID] = []
        self._known = set(caption_ids)
        self._drafts: dict[int, Draft] = {}
        self._told: dict[int, Draft] = {}
        self._citing: dict[int, set[int]] = defaultdict(set)
        self._by_word: dict[str, dict[int, None]] = defaultdict(dict)
        self._moves: dict[TicketId, StatusIntent] = {}
        self._blockers: dict[int, Blocker] = {}
        self._others = [t.ticket_id for t in passage.existing_tickets]
        self._titles = TitleIndex(t.title for t in passage.existing_tickets)
        self._add(zip(passage.segments, caption_ids, strict=True))
        self._read()

    def whole(self) -> Extraction:
        """What all that was said comes to; from now on `hear` tells what is new to it."""
        self._talk.changes()
        self._told = dict(self._drafts)
        intents = self._talk.intents()
        self._moves = {intent.ticket_id: intent for intent in intents}
        return Extraction(
            new_tickets=tuple(sorted(self._drafts.values(), key=lambda d: d.evidence)),
            ticket_updates=intents,
            blockers=tuple(self._blockers.values()),
            engine="local",
        )

    def hear(self, captions: Iterable[Spoken]) -> Part | None:
        """What further captions change; None: nothing. Those heard before are passed over."""
        new = [c for c in captions if c.caption_id not in self._known]
        self._known.update(c.caption_id for c in new)
        first = len(self._segments)
        self._add(
            (
                Segment(
                    seq=first + i,
                    start_ms=c.start_ms,
                    end_ms=c.end_ms,
                    text=c.text,
                    speaker=c.speaker,
                ),
                c.caption_id,
            )
            for i, c in enumerate(new)
        )
        works, tickets, blocks = self._read()
        changed = {n for n in works if self._drafts.get(n) != self._told.get(n)}
        if not (changed or tickets or blocks):
            return None
        return self._part(changed, tickets, blocks)

    def _add(self, captions: Iterable[tuple[Segment, UUID]]) -> None:
        for segment, caption_id in captions:
            self._segments.append(segment)
            self._ids.append(caption_id)
            self._talk.add(segment)

    def _read(self) -> tuple[set[int], set[TicketId], set[int]]:
        """Numbers of the drafts, tickets and blockers that the latest words touched."""
        works, tickets, blocks = self._talk.changes()
        for number, draft in works.items():
            if draft is None:
                self._drafts.pop(number, None)
                continue
            self._drafts[number] = draft
            for seq in draft.evidence:
                self._citing[seq].add(number)
            for word in title_words(draft.title):
                self._by_word[word][number] = None
        other = {n for n, blocker in blocks.items() if self._blockers.get(n) != blocker}
        for number, blocker in blocks.items():
            if blocker is None:
                self._blockers.pop(number, None)
            else:
                self._blockers[number] = blocker
        moves = {intent.ticket_id: intent for intent in self._talk.intents(tickets)}
        moved = {t for t in tickets if moves.get(t) != self._moves.get(t)}
        for ticket_id in moved:
            self._moves.pop(ticket_id, None)
        self._moves.update(moves)
        return set(works), moved, other

    def _part(self, changed: set[int], tickets: set[TicketId], blocks: set[int]) -> Part:
        numbers, cited = self._together(changed)
        drafts = [self._drafts[n] for n in sorted(numbers) if n in self._drafts]
        for n in changed:
            if n in self._drafts:
                tickets |= {self._others[i] for i in self._titles.near(self._drafts[n].title)}
                self._told[n] = self._drafts[n]
            else:
                self._told.pop(n, None)
        intents = self._talk.intents(tickets)
        blockers = [self._blockers[b] for b in sorted(blocks) if b in self._blockers]
        for evidence in (*(i.evidence for i in intents), *(b.evidence for b in blockers)):
            cited.update(evidence)
        seqs = sorted(cited)
        number_of = {seq: i for i, seq in enumerate(seqs)}
        return Part(
            segments=tuple(replace(self._segments[seq], seq=i) for i, seq in enumerate(seqs)),
            caption_ids=tuple(self._ids[seq] for seq in seqs),
            ticket_ids=frozenset(tickets),
            extraction=Extraction(
                new_tickets=tuple(_renumbered(d, number_of) for d in drafts),
                ticket_updates=tuple(_renumbered(i, number_of) for i in intents),
                blockers=tuple(_renumbered(b, number_of) for b in blockers),
                engine="local",
            ),
        )

    def _together(self, changed: set[int]) -> tuple[set[int], set[int]]:
        """The drafts, with all that share a caption or mean the same, and what they cite."""
        numbers: set[int] = set()
        cited: set[int] = set()
        waiting = set(changed)
        while waiting:
            n = waiting.pop()
            numbers.add(n)
            for draft in (self._drafts.get(n), self._told.get(n)):
                if draft is None:
                    continue
                cited.update(draft.evidence)
                for seq in draft.evidence:
                    waiting |= self._citing[seq] - numbers
                if n in changed:
                    waiting |= self._alike(draft) - numbers
        return numbers, cited

    def _alike(self, draft: Draft) -> set[int]:
        near: dict[int, None] = {}
        for word in title_words(draft.title):
            for n in list(reversed(self._by_word.get(word, {})))[:MOST_ALIKE]:
                near[n] = None
        return {n for n in near if n in self._drafts and is_same_draft(self._drafts[n], draft)}


def _renumbered(one: Cites, number_of: Mapping[int, int]) -> Cites:
    return replace(one, evidence=tuple(number_of[seq] for seq in one.evidence))
