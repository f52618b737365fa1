"""The local engine: rules and similarity, Korean and English, no model to download. Pure.

Captions become clauses (`english`, `korean`), each with marks for what it does. This file
follows the thread of the talk over them: which piece of work a clause is about, who takes it,
by when, how far it is, and whether it was dropped, joked about or given to others. Later
speech corrects earlier speech; the state at the end is what counts.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

from msgspec.structs import replace

from vori.ids import TicketId, UserId
from vori.tickets.extract import english, korean, verbs, when, worth
from vori.tickets.extract.acts import is_other_act
from vori.tickets.extract.aspect import is_for_later, is_step
from vori.tickets.extract.clause import COMMAND_GOES_ON, Clause, Mark, clean, is_cut, turns
from vori.tickets.extract.dates import Day
from vori.tickets.extract.due import Calendar
from vori.tickets.extract.match import STOP, Match, Vocabulary, is_hangul, overlap
from vori.tickets.extract.people import People
from vori.tickets.extract.signs import Sign
from vori.tickets.messages import (
    Blocker,
    Draft,
    Extraction,
    KnownTicket,
    Passage,
    Segment,
    StatusIntent,
    TicketStatus,
)

NEAR = 3
"""An answer comes within so many segments."""
AGO = 6
"""A thing said so many segments ago may still be called "it" when nothing else came between."""
NEIGHBOURS = 4
"""So many pieces of work before and after one are asked whether they are the same."""
MAX_LOOK_BACK = 40
"""So many earlier pieces of work that share a word are compared, the latest first."""
MAX_BLOCK_CLAUSES = 12
READ_OUT_CONFIDENCE = 0.6
"""What no rule found, only the learned reader, is not surer than that."""
MAX_TITLE_CHARS = 80
MAX_CONTENT_CHARS = 1_200

TODO, IN_PROGRESS, DONE = TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE


_TO_BE_TOLD = re.compile(
    r"\b(?:quotes?|quotations?|estimates?|prices?|find out|availability|permission|approval)\b"
    r"|견적|가격|단가|허가|승인|가능한\s*날|일정",
    re.IGNORECASE,
)
"""What is had by asking for it."""
_TAKES = re.compile(
    r"\bi'?ll (?!have to|never)|\bgive (?:it|that|them) to me\b|\bleave (?:it|that) (?:with|to) me\b|\bi can (?:do|take|have|get|write)\b|"
    r"\bwill do\b|\bi'?d be happy to\b|\bhappy to\b|\bi'?ve got (?:it|that)\b|\bthat'?s (?:me|mine)\b|\bput me down\b"
    r"|제가\s.*(?:게요|겠습니다|죠)|저한테\s*(?:주|맡)|제가요",
    re.IGNORECASE,
)
"""What people say who take work on."""
_WANTS = re.compile(r"\b(?:i|we)(?:'d)? (?:do )?(?:want|need|like|would like)\b", re.IGNORECASE)
_TO_YOU = re.compile(r"\byou(?:rs?|'d|'ll|'re)?\b", re.IGNORECASE)
_FOR_YOU = re.compile(r"\b(?:you|your)\b|드릴게|드리겠|드릴께", re.IGNORECASE)
_BECAUSE = re.compile(r"(?:because|cause|cos|since|until|till|as|unless|without)\b", re.IGNORECASE)
_ONCE = re.compile(
    r"\b(?:once|when|after|as soon as|then i)\b|(?:되|끝나|나오|오|받으|주시|고쳐지)면|끝나는\s*대로|되는\s*대로",
    re.IGNORECASE,
)
_IF = re.compile(r"(?:(?:and|so|but|well|oh|yeah|no),? )*if\b|만약|만일", re.IGNORECASE)
_IF_NOT = re.compile(
    r"(?:(?:and|so|but|well|oh|yeah|no),? )*if (?:they|it|he|she|that|nobody|no one|the \w+|there) (?:\w+ )?(?:don't|doesn't|won't|can't|isn't|aren't|not|says? no|refuses?|fails?|comes?)\b",
    re.IGNORECASE,
)
_PROMISE = Mark.COMMIT | Mark.REQUEST | Mark.NEED | Mark.WEAK
_NO_CONTEXT = Mark.SMALL_TALK | Mark.LAUGH | Mark.JOKE | Mark.OTHER_TEAM | Mark.HYPO | Mark.DONE
_ASKS = Mark.WANT | Mark.WHO | Mark.PROBLEM
_RAISES = (
    Mark.WHO | Mark.WANT | Mark.PROBLEM | Mark.NEED | Mark.REQUEST | Mark.QUESTION | Mark.BLOCK
)
_NO_REPORT = (
    _PROMISE
    | Mark.REFUSE
    | Mark.SHIFT
    | Mark.QUESTION
    | Mark.AGAINST
    | Mark.DECISION
    | Mark.OTHER_TEAM
)
_DECIDED = re.compile(r"(?:로|기로)\s*(?:결정|합의|정)(?:했|됐|되었|하였|해졌)")
_CHOICE = re.compile(
    r"결정|정하|확정|합의|선정|선택|고르|일정|날짜|시간|장소|decid|agree|choos|pick|select|schedul|date|plan",
    re.IGNORECASE,
)
_TELLS = Sign.EVENT | Sign.RESULT | Sign.VERDICT
_STATUS = Mark.DONE | Mark.PROGRESS | Mark.NOT_DONE | Mark.BLOCK


class LocalExtractor:
    """The engine behind the `Extractor` protocol."""

    name = "local"

    async def extract(self, passage: Passage) -> Extraction:
        """Reads in a thread: an hour of talk takes longer than an event loop may be held up."""
        return await asyncio.to_thread(read, passage)


def read(passage: Passage) -> Extraction:
    """What the passage says. Raises Unavailable when it is Korean and kiwipiepy is missing."""
    segments = [s for s in passage.segments if s.text.strip()]
    if not segments:
        return Extraction(engine="local")
    talk = Talk(Board(passage.existing_tickets), People(passage.members), passage.started_at.date())
    talk.hear_all(segments)
    return talk.result()


def reading(passage: Passage) -> list[Clause]:
    """The passage's clauses with their marks, in order: what minutes choose from."""
    people, board = People(passage.members), Board(passage.existing_tickets)
    segments = [s for s in passage.segments if s.text.strip()]
    return list(clauses(segments, people, board.vocabulary, passage.started_at.date()))


class LiveTalk:
    """The talk of a running meeting: heard caption by caption, asked for what changed.

    A turn is taken apart anew as it grows, at most 12 captions; clauses heard already are
    passed over. A caption that is cut in the middle of a sentence waits for the next one.
    """

    def __init__(self, passage: Passage) -> None:
        self._people = People(passage.members)
        self._board = Board(passage.existing_tickets)
        self._numbers = {t.ticket_id: i for i, t in enumerate(passage.existing_tickets)}
        self._today = passage.started_at.date()
        self._talk = Talk(self._board, self._people, self._today)
        self._talk.is_over = False
        self._turn: list[Segment] = []
        self._order: dict[int, int] = {}
        self._turn_number = 0
        self._captions = 0
        self._heard: list[str] = []
        self._blocks = 0
        self._is_waiting = False

    def add(self, segment: Segment) -> None:
        """The next caption; `changes` tells what it did."""
        if not segment.text.strip():
            return
        if self._turn and len(turns([*self._turn, segment])) > 1:
            self._hear(is_over=True)
            self._turn, self._heard, self._order = [], [], {}
            self._turn_number += 1
        self._turn.append(segment)
        self._talk.lines.add(segment)
        self._order[segment.seq] = self._captions
        self._captions += 1
        self._is_waiting = True

    def changes(self) -> tuple[dict[int, Draft | None], set[TicketId], dict[int, Blocker | None]]:
        """Drafts and blockers by number (None: no longer one), and tickets spoken of since."""
        if self._is_waiting:
            self._hear(is_over=False)
        talk = self._talk
        talk.touch_again()
        works = {n: self._draft(talk.works[n]) for n in sorted(talk.touched)}
        tickets = {self._board.tickets[t].ticket_id for t in talk.touched_tickets}
        first = 0 if self._captions <= worth.ENOUGH else max(0, self._blocks - 2)
        blocks = {  # the last ones may have grown, or be none after all
            n: _blocker(talk.blocks[n]) if talk.is_stuck(talk.blocks[n]) else None
            for n in range(first, len(talk.blocks))
        }
        talk.touched, talk.touched_tickets = set(), set()
        self._blocks = len(talk.blocks)
        return works, tickets, blocks

    def intents(self, tickets: Iterable[TicketId] | None = None) -> tuple[StatusIntent, ...]:
        """The status of tickets by all that was said; of all tickets when none are named."""
        if tickets is None:
            return self._talk.intents(sorted({*self._talk.claims, *self._talk.mentions}))
        wanted = sorted(self._numbers[t] for t in tickets if t in self._numbers)
        talk = self._talk
        return talk.intents(n for n in wanted if n in talk.claims or n in talk.mentions)

    def _draft(self, work: Work) -> Draft | None:
        return self._talk.draft(work)

    def _hear(self, *, is_over: bool) -> None:
        self._is_waiting = False
        found = list(
            _clauses_of(
                self._turn,
                self._turn_number,
                self._order,
                self._people,
                self._board.vocabulary,
                self._today,
            )
        )
        if found and not is_over and is_cut(self._turn[-1].text):
            found.pop()
        texts = [c.text for c in found]
        known = next(
            (i for i, (a, b) in enumerate(zip(texts, self._heard, strict=False)) if a != b),
            min(len(texts), len(self._heard)),
        )
        for clause in found[known:]:
            self._talk.hear(clause)
        if len(texts) >= len(self._heard):
            self._heard = texts


# ------------------------------------------------------------------ clauses


def clauses(
    segments: Sequence[Segment], people: People, vocabulary: Vocabulary, today: date
) -> Iterable[Clause]:
    """The clauses of the talk in order; turns of one speaker are read as running text."""
    order = {s.seq: i for i, s in enumerate(segments)}
    for number, turn in enumerate(turns(segments)):
        yield from _clauses_of(turn, number, order, people, vocabulary, today)


def _clauses_of(
    turn: Sequence[Segment],
    number: int,
    order: Mapping[int, int],
    people: People,
    vocabulary: Vocabulary,
    today: date,
) -> Iterable[Clause]:
    """The clauses of one turn, the `number`th; `order` tells each segment's place."""
    names = people.words()
    speaker = turn[0].speaker
    if speaker is None:
        speaker = people.introduced(" ".join(clean(s.text) for s in turn))
    for run in _by_language([(s.seq, clean(s.text)) for s in turn]):
        if any(is_hangul(text) for _, text in run):
            for part in korean.split(run, people):
                yield korean.clause(
                    part,
                    speaker=speaker,
                    order=order[part.seqs[0]],
                    turn=number,
                    today=today,
                    people=people,
                    names=names,
                    vocabulary=vocabulary,
                )
        else:
            for piece in english.split(run, speaker, people):
                yield english.clause(
                    piece,
                    order=order[piece.seqs[0]],
                    turn=number,
                    today=today,
                    people=people,
                    vocabulary=vocabulary,
                )


def _by_language(texts: Sequence[tuple[int, str]]) -> Iterable[list[tuple[int, str]]]:
    run: list[tuple[int, str]] = []
    for item in texts:
        if not item[1]:
            continue
        if run and is_hangul(run[-1][1]) != is_hangul(item[1]):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


class Board:
    """The tickets that were there before, and the words they are made of."""

    def __init__(self, tickets: Sequence[KnownTicket]) -> None:
        self.tickets = tickets
        self.rivals: list[int] = []
        """The tickets that the last search could not tell apart."""
        self.vocabulary = Vocabulary(
            [_bag(t.title) for t in tickets], [_bag(t.content[:1000]) for t in tickets]
        )

    def find(
        self,
        clause_words: dict[str, float],
        speaker: UserId | None,
        *,
        least_share: float = 0.0,
        before: Mapping[str, float] | None = None,
        tells: bool = False,
    ) -> int | None:
        """The ticket the words mean; None when none does, or when two do alike.

        `least_share`: how much of its title must have been said at least. `before`: what was
        said just before; it decides between tickets that fit alike. `tells`: whether the words
        tell how far something is, so that fewer of them are enough.
        """
        self.rivals = []
        matches = self.vocabulary.find(clause_words)
        if not matches:
            return None
        total = sum(x for x in clause_words.values() if x > 0.1) or 1.0
        near = [
            m
            for m in matches[:8]
            if m.share >= least_share or m.labelled or (least_share < 0.5 and m.hits >= 3 and tells)
        ]
        good = [m for m in near if _fits(m, total)] or [m for m in near if tells and _hints(m)]
        if not good and tells:
            aside = [m for m in matches if not m.title_hits and m.score >= 0.55]
            others = any(m.title_hits and m.score >= 0.5 for m in matches)
            good = aside if len(aside) == 1 and not others else []
        if not good:
            top = [m for m in near if m.title_hits and matches[0].score - m.score < 0.25]
            self.rivals = [m.index for m in top] if total <= 2.5 and len(top) > 1 else []
            return None
        best = good[0]
        rivals = [m for m in good[1:] if best.score - m.score < 0.25]
        self.rivals = [m.index for m in (best, *rivals)] if rivals else []
        if rivals:
            if before and (found := self._by_context((best, *rivals), clause_words, before)):
                return found.index
            mine = [m for m in (best, *rivals) if self.tickets[m.index].assignee_id == speaker]
            return mine[0].index if speaker is not None and len(mine) == 1 else None
        return best.index

    def _by_context(
        self, rivals: Sequence[Match], words: Mapping[str, float], before: Mapping[str, float]
    ) -> Match | None:
        """The one of the rivals whose other words were said just before."""
        wider = {**{w: 0.6 * x for w, x in before.items()}, **words}
        scores = {m.index: m.score for m in self.vocabulary.find(wider)}
        ranked = sorted(rivals, key=lambda m: -scores.get(m.index, 0.0))
        lead = scores.get(ranked[0].index, 0.0) - scores.get(ranked[1].index, 0.0)
        return ranked[0] if lead >= 0.3 else None

    def is_search(self, ticket: int) -> bool:
        """Whether a ticket is done only when somebody or something has been found."""
        return _SEARCH.search(self.tickets[ticket].title) is not None

    def only_with(self, words: Mapping[str, float]) -> int | None:
        """The one ticket with these words in its title, however common they are ("the training?")."""
        found = [m for m in self.vocabulary.find(words) if m.title_hits]
        return found[0].index if len(found) == 1 else None

    def titled(self, phrase: str) -> int | None:
        """The one ticket in whose title the phrase stands, spaces or not."""
        if len(phrase) < 3:
            return None
        found = [i for i, t in enumerate(self.tickets) if phrase in t.title.replace(" ", "")]
        return found[0] if len(found) == 1 else None

    def about(self, word: str) -> int | None:
        """The one ticket whose title has the word that a clause is about."""
        found = [m for m in self.vocabulary.find({word: 1.0}) if m.title_hits and m.score >= 0.75]
        return found[0].index if len(found) == 1 else None


def _hints(match: Match) -> bool:
    """Whether a report that fits no ticket well may still mean this one."""
    if match.title_hits >= 2 and match.plain_share >= 0.34:
        return True
    if match.hits >= 3 and match.title_hits and match.score >= 0.9:
        return True
    return match.title_hits >= 1 and match.score >= 1.25 and match.hits > match.title_hits


def _fits(match: Match, total: float) -> bool:
    coverage = match.score / total
    if match.title_hits == 0:
        return False
    if match.labelled and coverage >= 0.4:
        return True
    if match.title_hits >= 2 and coverage >= 0.9 and match.score >= 0.6:
        return True
    if match.share >= 0.6 or (match.title_hits >= 2 and match.score >= 1.3 and match.share >= 0.34):
        return True
    return match.score >= 0.85 and (match.share >= 0.45 or coverage >= 0.5)


def _bag(text: str) -> dict[str, float]:
    text = clean(text)
    if is_hangul(text):
        return korean.word_bag(text, korean.tokens(text), frozenset(), None)
    return Vocabulary((), ()).words(text)


# ------------------------------------------------------------------ work


@dataclass(slots=True, eq=False)
class Work:
    """A piece of work that is becoming a ticket."""

    kind: Mark
    clause: Clause
    words: dict[str, float]
    topic: str = ""
    heard: list[Clause] = field(default_factory=list)
    status: TicketStatus = TODO
    assignee: UserId | None = None
    candidates: tuple[UserId, ...] = ()
    due: date | None = None
    is_limit: bool = False
    """Whether somebody who asked for it said `due` as a limit ("by tomorrow")."""
    in_week: bool = False
    """Whether `due` was said with its week or its date, not as a mere weekday."""
    firm: bool = False
    dropped: str = ""
    refused: bool = False
    last: int = 0
    accepted: bool = False
    accepted_turn: int = -1
    number: int = 0
    """Its place among all pieces of work of the talk."""
    read_out: bool = False
    """Whether only the learned reader found it."""
    around: set[str] = field(default_factory=set)
    """Words said just before, with and just after it."""

    @property
    def alive(self) -> bool:
        return not self.dropped


@dataclass(slots=True)
class Claim:
    """What somebody said about a known ticket's status."""

    status: TicketStatus | None
    clause: Clause
    reopen: bool = False
    firm_reopen: bool = False
    step: bool = False
    """Whether what was done only leads to what the ticket asks for."""


@dataclass(slots=True)
class Subject:
    """What the talk is about just now."""

    ticket: int | None = None
    work: Work | None = None
    order: int = -100
    turn: int = -1


@dataclass(slots=True)
class Episode:
    """What one speaker tells about a ticket in a turn, and the first reaction to it."""

    ticket: int
    turn: int
    speaker: UserId | None
    last: int
    points: int = 0
    happened: bool = False
    verdict: bool = False
    remains: bool = False
    in_doubt: bool = False
    praised: bool = False
    is_stage: bool = False
    """Whether only a stage of a search was told: an advert, interviews, quotes."""
    named: bool = False
    """Whether a clause that tells how far it is also names the ticket."""
    leads: bool = False
    """Whether such a clause begins with the ticket's thing ("the handrail's up")."""
    clauses: list[Clause] = field(default_factory=list)
    claim: Claim | None = None


class Talk:
    """Follows the talk clause by clause; `result` is its state at the end."""

    def __init__(self, board: Board, people: People, today: date) -> None:
        self.board = board
        self.people = people
        self.today = today
        self.lines = worth.Lines(board.vocabulary.knows, people.words())
        self.is_over = True
        """Whether no caption will follow those in `lines`: of a talk so short the rules decide."""
        self.mentions: dict[int, list[int]] = defaultdict(list)
        """By ticket, which captions speak of it."""
        self.works: list[Work] = []
        self.calendar: Calendar[Work] = Calendar(today, _bag)
        self.diary: when.Diary[Work] = when.Diary(today)
        self.claims: dict[int, list[Claim]] = defaultdict(list)
        self.blocks: list[list[Clause]] = []
        self.subject = Subject()
        self.recent: list[Clause] = []
        self.by_word: dict[str, dict[int, None]] = defaultdict(dict)
        self.about_tickets: list[Clause] = []
        self.cannot: Clause | None = None
        self.command_order = -100
        self.commands: set[int] = set()
        """Places of captions that address the software."""
        self.asked_status: tuple[Subject, Mark, Clause] | None = None
        self.touched: set[int] = set()
        """Works that may have changed since somebody last looked."""
        self.touched_tickets: set[int] = set()
        self.episode: Episode | None = None
        self.rivals: tuple[Clause, list[int]] | None = None
        self.caption: list[tuple[Clause, Subject]] = []
        """The clauses of the last caption, and what they are about."""
        self.unread: list[list[tuple[Clause, Subject]]] = []
        """Captions that the learned reader has yet to look at."""
        self.redated: Work | None = None
        """The piece of work whose day was changed last."""

    # -------------------------------------------------------------- hearing

    def hear_all(self, segments: Sequence[Segment]) -> None:
        """The whole talk at once."""
        for segment in segments:
            self.lines.add(segment)
        for clause in clauses(segments, self.people, self.board.vocabulary, self.today):
            self.hear(clause)
        self.end_caption()

    def hear(self, c: Clause) -> None:
        if self._is_command(c):
            return
        if self.caption and self.caption[-1][0].order != c.order:
            self.end_caption()
        if self.works:
            self.touched.add(self.works[-1].number)
        self._react(c)
        subject = self._subject_of(c)
        if self.asked_status is not None and self.asked_status[0].ticket is not None:
            self.touched_tickets.add(self.asked_status[0].ticket)
        self._answer_status(c, subject)
        if subject.work is not None:
            self.touched.add(subject.work.number)
        if subject.ticket is not None:
            self.touched_tickets.add(subject.ticket)
            if c.order not in self.mentions[subject.ticket][-1:]:
                self.mentions[subject.ticket].append(c.order)
        handled = False
        if subject.ticket is not None:
            self._about_ticket(c, subject)
            self._weigh(c, subject.ticket)
            self.about_tickets = [*self.about_tickets[-11:], c]
            handled = True
        elif subject.work is not None:
            handled = self._about_work(c, subject.work)
        if not handled:
            self._new_work(c)
        self._date(c, subject)
        self._note_block(c)
        self.recent.append(c)
        del self.recent[:-12]
        self.caption.append((c, subject))
        for work in self.works[-NEIGHBOURS:]:
            if c.order - work.last <= 2 and c.words:
                self.diary.lies_around(work, c)

    def end_caption(self) -> None:
        """Takes what the learned reader finds in the last captions, and no rule did.

        Captions wait until the talk is long enough to be judged; they must be in `lines`.
        """
        if self.caption:
            self.unread.append(self.caption)
            self.caption = []
        if len(self.lines.segments) < worth.ENOUGH:
            return
        for heard in self.unread:
            self._read_caption(heard)
        self.unread.clear()

    def _read_caption(self, heard: Sequence[tuple[Clause, Subject]]) -> None:
        place = heard[0][0].order
        odds = self.odds(place)
        if worth.probability(odds[worth.STUCK]) >= worth.STUCK_AT:
            self._read_stuck([c for c, _ in heard if _says_something(c)])
        late = self.works[-NEIGHBOURS:]
        if worth.probability(odds[worth.MAKES]) < worth.READ_OUT or any(
            place in self._places(c.seqs) for w in late for c in w.heard[-NEIGHBOURS:]
        ):
            return
        free = [
            c
            for c, about in heard
            if about.ticket is None
            and about.work is None
            and self._own(c) >= 0.5
            and not c.has(Mark.SMALL_TALK)
        ]
        if free:
            self._read_out(free)

    def _read_stuck(self, told: Sequence[Clause]) -> None:
        """Somebody is stuck; what a speaker goes on to say is of the same blocker."""
        last = self.blocks[-1] if self.blocks else []
        told = [c for c in told if c not in last]
        if not told:
            return
        first = told[0]
        goes_on = bool(last) and (
            last[-1].turn == first.turn
            or (first.speaker is not None and last[-1].speaker == first.speaker)
        )
        if goes_on and first.order - last[-1].order <= 2 and len(last) < MAX_BLOCK_CLAUSES:
            last.extend(told)
        else:
            self.blocks.append(list(told))

    def is_stuck(self, block: Sequence[Clause]) -> bool:
        """Whether the learned reader too takes it for a blocker."""
        if len(self.lines.segments) < worth.ENOUGH:
            return True
        places = self._places(_seqs(block))
        return any(worth.probability(self.odds(p)[worth.STUCK]) >= worth.STUCK_KEPT for p in places)

    def _read_out(self, told: Sequence[Clause]) -> None:
        """Begins the work that only the learned reader sees in clauses heard just now."""
        c = max(
            told,
            key=lambda c: (
                c.has(_PROMISE), c.has(Mark.DONE | Mark.PROGRESS), c.has(Mark.FIRST), self._own(c)
            ),
        )  # fmt: skip
        called = {who[0] for b in told for who in b.named if len(who) == 1} - {c.speaker}
        own = c.has(Mark.FIRST) and c.has(Mark.DONE | Mark.PROGRESS | Mark.COMMIT)
        spoken_to = len(called) == 1 and not own and any(_TO_YOU.search(b.text) for b in told)
        asked = c.has(Mark.REQUEST) or spoken_to or (bool(c.doers) and not c.has(Mark.FIRST))
        reported = c.has(Mark.DONE | Mark.PROGRESS) and not c.has(_PROMISE) and not spoken_to
        wants = c.has(Mark.WANT | Mark.NEED) or _WANTS.search(c.text) is not None
        promised = c.has(Mark.COMMIT) or (c.has(Mark.FIRST) and not wants)
        kind = Mark.REQUEST if asked else Mark.COMMIT if promised else Mark.NEED
        work = Work(
            kind=Mark.DONE if reported else kind, clause=c, words={}, last=c.order, firm=True,
            read_out=True,
        )  # fmt: skip
        if reported:
            work.status = IN_PROGRESS if c.has(Mark.PROGRESS) else DONE
        for b in told:
            self._learn_words(work, b.words)
            work.heard.append(b)
        self._begin(work)
        if len(c.doers) == 1:
            work.assignee = c.doers[0]
        elif spoken_to:
            work.assignee = called.pop()
        elif (reported or promised) and c.speaker in self.people:
            work.assignee = c.speaker
        elif asked:
            at = self.recent.index(c) if c in self.recent else len(self.recent)
            self._first_taker(c, work, self.recent[:at])
        if self.subject.order <= c.order and self.subject.ticket is None:
            self.subject = Subject(work=work, order=c.order, turn=c.turn)

    def odds(self, i: int) -> worth.Odds:
        """What the learned reader says of the caption at place `i`."""
        return self.lines.odds(i)

    def _is_command(self, c: Clause) -> bool:
        """Speech that addresses the software is heard, and nothing more."""
        goes_on = c.order - self.command_order <= 1 and COMMAND_GOES_ON.search(c.text)
        if c.has(Mark.COMMAND) or goes_on:
            self.command_order = c.order
            self.commands.update(self._places(c.seqs))
            return True
        return False

    # -------------------------------------------------------------- subject

    def _subject_of(self, c: Clause) -> Subject:
        """The ticket or the piece of work that the clause is about."""
        weight = sum(c.words.values())
        if self._calls_on_somebody(c, weight):
            self.subject = Subject(order=c.order, turn=c.turn)
            self.asked_status = None
        if not c.korean and len(c.text) <= 40 and _NEW_THING.search(c.text):
            self.subject = Subject(order=c.order, turn=c.turn)
        if c.korean and _MOVES.search(c.text) and c.has(Mark.COMMIT):
            moved = self._moved_to_another_day(c)
            if moved is not None:
                return self._set(c, work=moved)
        waiting = self._waiting_for(c)
        if waiting is not None:
            return self._set(c, work=waiting)
        if self._trails(c):
            return self._set(c, work=self.subject.work)
        moved = self._moved_to_another_day(c)
        if moved is not None:
            return self._set(c, work=moved)
        work = self._find_work(c)
        ticket = self.board.find(
            c.words,
            c.speaker,
            least_share=self._least_share(c),
            before=self._just_said(c),
            tells=(c.has(_STATUS) or bool(c.signs & _TELLS)) and not c.has(_PROMISE),
        )
        if self.board.rivals:
            self.rivals = (c, self.board.rivals)
        if ticket is None and work is None and 0 < weight <= 0.7 and not c.korean:
            ticket = self.board.only_with(c.words) if _FRAGMENT.match(c.text) else None
        fragment = len(c.text) <= 30 and not c.marks & ~(Mark.ACCEPT | Mark.ANAPHOR | Mark.FIRST)
        if ticket is None and weight and (c.has(_STATUS) or fragment):
            ticket = self._ticket_in_context(c)
        if ticket is None and work is None:
            ticket = self._rival_of(c, weight)
        tells = c.has(_STATUS | Mark.QUESTION) or not c.korean
        tells = tells or (bool(c.topic) and (c.has(Mark.PLAN) or bool(c.signs & _TELLS)))
        promises = c.has(_PROMISE) and not c.has(Mark.PLAN | Mark.NOT_DONE)
        if ticket is None and work is None and c.topic and tells and not promises:
            ticket = self.board.about(c.topic)
        if ticket is None and c.phrase and tells and not promises and not self.board.rivals:
            ticket = self.board.titled(c.phrase)
        if ticket is None and work is None and c.has(Mark.DONE | Mark.PROGRESS):
            ticket = self._own_ticket(c)
        if ticket is not None and c.has(_PROMISE) and not c.has(_STATUS | Mark.REOPEN):
            ticket = None if is_other_act(self.board.tickets[ticket].title, c.act_text) else ticket
        asked = self._ticket_asked_about(c) if work is None else None
        if asked is not None and (ticket is None or not self._is_named(ticket, c)):
            other = self.board.about(c.topic) if c.korean and c.topic else None
            ticket = asked if other is None else other
        if work is None and not c.korean:
            work = self._returns_to(c)
        if ticket is not None and work is not None:
            if self._is_fronted(c, work) or self._work_fit(work, c) > self._ticket_fit(ticket, c):
                ticket = None
            else:
                work = None
        if ticket is not None or work is not None:
            return self._set(c, ticket=ticket, work=work)
        near = c.order - self.subject.order <= (AGO if c.turn == self.subject.turn else NEAR)
        if near and self._goes_on(c, weight):
            says_little = weight == 0 and not c.has(_STATUS | _PROMISE | Mark.REOPEN | Mark.LEAVE)
            if self.subject.ticket is not None and says_little:
                return Subject(ticket=self.subject.ticket, order=c.order, turn=c.turn)
            return self._set(c, ticket=self.subject.ticket, work=self.subject.work)
        if (work := self._still_dated(c, weight)) is not None:
            return self._set(c, work=work)
        reply = c.turn != self.subject.turn
        work = self.subject.work
        asks = c.has(Mark.QUESTION) and not c.has(Mark.HYPO | Mark.JOKE)
        keeps = bool(work and asks and reply and near) and (
            c.speaker is not None and work is not None and c.speaker == work.assignee
        )
        tells_on = not reply and not c.has(Mark.SHIFT) and self.subject.ticket is not None
        if weight >= 1.0 and not tells_on and not keeps:
            self.subject = Subject(order=c.order, turn=c.turn)
        return Subject(order=c.order, turn=c.turn)

    def _moved_to_another_day(self, c: Clause) -> Work | None:
        """The work whose day the clause changes ("25일은 민방위라 24일까지 할게요")."""
        moves = _MOVES.search(c.text) is not None
        if not c.korean or not c.days or c.has(Mark.DONE | Mark.QUESTION):
            return None
        dated = [w for w in self.works if w.alive and w.due is not None]
        if len(c.days) > 1 and (moves or c.has(_PROMISE | Mark.CORRECT)):
            old = [w for w in dated if w.due == c.days[0].day or _same_weekday(w, c)]
            old = [w for w in old if w.due != c.days[-1].day] or old
            near = [w for w in old if overlap(w.words, c.words)[0] >= 0.5]
            if near or old:
                fits = near or old
                return max(fits, key=lambda w: (w.due == c.days[0].day, w.last))
        if moves and c.has(Mark.COMMIT | Mark.REQUEST | Mark.NEED) and dated:
            named = [w for w in dated if overlap(w.words, c.words)[0] >= 0.4]
            if named:
                return max(named, key=lambda w: (overlap(w.words, c.words)[0], w.last))
            latest = max(dated, key=lambda w: w.last)
            return latest if c.order - latest.last <= NEAR else None
        if not moves and (_is_all(c.text, c.days) or (c.has(Mark.COMMIT) and self._own(c) < 0.5)):
            before = [b for b in self.recent[-4:] if b.turn != c.turn and c.order - b.order <= 2]
            told = {d.day for b in before for d in b.days}
            old = [w for w in dated if w.due in told]
            if not _is_all(c.text, c.days) and c.days[-1].day not in told:
                return None
            if len(old) == 1 and self.subject.work is None:
                return old[0]
        if c.has(Mark.COMMIT) and _JUST_DAY.search(c.text) and self._own(c) < 0.5 and dated:
            latest = max(dated, key=lambda w: w.last)
            return latest if c.order - latest.last <= 2 else None
        return None

    def _trails(self, c: Clause) -> bool:
        """Whether a piece without a verb only adds to what was just asked for ("문 앞에 둘 다요")."""
        quotes = c.text.rstrip(" .").endswith(("달라고", "라고", "자고"))
        if not c.korean or (c.finite and not quotes) or c.topic or c.turn != self.subject.turn:
            return False
        work = self.subject.work
        told = _STATUS | _PROMISE | Mark.SHIFT | Mark.QUESTION | Mark.RECAP
        return work is not None and c.order - work.last <= 1 and not c.has(told)

    def _still_dated(self, c: Clause, weight: float) -> Work | None:
        """The work whose day is repeated or given just after it was spoken of."""
        if c.korean or not c.days or weight >= 1.0 or c.has(_STATUS):
            return None
        again = self.redated
        if again is not None and again.alive and 0 <= c.order - again.last <= 2:
            return again if _is_all(c.text, c.days) else None
        work = self.works[-1] if self.works else None
        wanted = c.has(Mark.WANT) and c.has(Mark.ANAPHOR) and any(d.limit for d in c.days)
        if work is None or not wanted or not work.alive or c.order - work.last > 2:
            return None
        return work if work.kind in (Mark.REQUEST, Mark.NEED) else None

    def _rival_of(self, c: Clause, weight: float) -> int | None:
        """The answering speaker's own ticket, of those that a question could not tell apart."""
        if self.rivals is None:
            return None
        asked, indexes = self.rivals
        if not 0 <= c.order - asked.order <= 2 or c.has(_NO_REPORT):
            return None
        if any(b.turn == c.turn and b.has(Mark.REFUSE) for b in self.recent[-2:]):
            return None
        if c.turn == asked.turn or not (c.has(_STATUS) or c.signs & _TELLS or weight < 1.0):
            return None
        mine = [i for i in indexes if self.board.tickets[i].assignee_id == c.speaker]
        return mine[0] if c.speaker is not None and len(mine) == 1 else None

    def _just_said(self, c: Clause) -> dict[str, float]:
        """The words of the last clauses, the nearer the heavier."""
        out: dict[str, float] = {}
        for before in self.recent[-5:]:
            gap = c.order - before.order
            if gap <= NEAR:
                for word, weight in before.words.items():
                    out[word] = max(out.get(word, 0.0), weight / (1 + 0.3 * gap))
        return out

    def _set(self, c: Clause, *, ticket: int | None = None, work: Work | None = None) -> Subject:
        self.subject = Subject(ticket=ticket, work=work, order=c.order, turn=c.turn)
        return self.subject

    def _least_share(self, c: Clause) -> float:
        """A promise is about a ticket only if it names it well; so is a new topic."""
        if len(c.text) <= 30 and not c.has(_PROMISE | _STATUS | Mark.FIRST):
            return 0.0  # "and the revolve"
        same_turn = self.subject.ticket is not None and self.subject.turn == c.turn
        if same_turn and not c.has(Mark.SHIFT | Mark.QUESTION):
            return 0.45
        if c.has(_PROMISE) and not c.has(Mark.REOPEN | Mark.DONE):
            return 0.67 if c.has(Mark.CONTACT) else 0.5
        if _HOW_ABOUT.match(c.text):
            return 0.0
        if _NEW_THING.search(c.text):
            return 0.9
        if c.has(Mark.SHIFT) and sum(c.words.values()) >= 2:
            return 0.4 if c.has(_STATUS | Mark.REOPEN) else 0.5
        return 0.0

    def _calls_on_somebody(self, c: Clause, weight: float) -> bool:
        """Whether a clause only gives somebody the floor ("Daniel?")."""
        if self.subject.work is not None and c.order - self.subject.order <= 2:
            return False
        if not c.named or weight or c.has(Mark.REOPEN | _STATUS | _PROMISE):
            return False
        alone = c.has(Mark.QUESTION) and len(c.text) <= 12
        return alone or (c.turn != self.subject.turn and len(c.text) < 25)

    def _waiting_for(self, c: Clause) -> Work | None:
        """The request that the speaker now answers with a promise."""
        if not c.has(Mark.COMMIT | Mark.REQUEST) or not self.works:
            return None
        about = self.subject.work
        near = about is not None and c.order - self.subject.order <= 1 and not c.korean
        work = about if near and about is not None else self.works[-1]
        if (found := self._bare_request(c, work)) is not None:
            return found
        if self._passes_on(c, work):
            return work
        wish = work.kind is Mark.WEAK and work.clause.has(Mark.WANT) and not c.korean
        free = work.kind is Mark.NEED or wish
        grants = wish and c.has(Mark.REQUEST) and c.turn != work.clause.turn
        small = sum(c.words.values()) <= 1.5 and c.order - work.last <= NEAR
        if grants and small and _SOMETHING.search(c.text):
            return work  # "can we have a poster?" "Olga can knock something up"
        if not c.has(Mark.COMMIT) and (not free or work.assignee is not None):
            return None
        gap = c.order - work.last
        same_turn = c.turn == work.clause.turn
        if not work.alive or gap > NEAR:
            return None
        if gap <= 1 and self._is_way(c, work):
            return work
        takes = not c.korean and c.speaker is not None and c.speaker == work.assignee
        takes = takes and c.turn != work.clause.turn and gap <= 1 and not c.has(Mark.SHIFT)
        if self._moved_on(work) and not self._thin_promise(c, work) and not takes:
            return None
        weight = sum(c.words.values())
        agrees = c.has(Mark.ACCEPT) or (
            bool(self.recent)
            and self.recent[-1].turn == c.turn
            and self.recent[-1].has(Mark.ACCEPT)
        )
        how = same_turn and c.korean and c.has(Mark.COMMIT) and not c.has(Mark.SHIFT) and gap <= 1
        if how and work.kind is Mark.COMMIT and self._own(work.clause) < 0.5 and not c.topic:
            return work  # "그건 제가 할게요. 오만 명으로 때려 볼게요"
        tells_how = not c.korean and work.accepted_turn == c.turn and c.has(Mark.COMMIT)
        if tells_how and self.recent and self.recent[-1] in work.heard and not _AND.match(c.text):
            return work  # "I can ask her. I'll ask at drop-off tomorrow."
        said = work.clause
        restates = said.has(Mark.COMMIT) and said.has(Mark.ANAPHOR) and c.has(Mark.ANAPHOR)
        restates = restates and same_turn and self._own(said) <= 0.6 and gap <= 1
        if restates and not c.korean:
            return None if _AND.match(c.text) else work  # "I'll deliver it, I'll drop it off"
        if same_turn:
            thin = weight < 1.0 and (c.has(Mark.ANAPHOR) or not c.has(Mark.CONTACT))
            return work if thin and gap <= 1 else None
        free = work.kind is Mark.NEED and work.assignee is None
        if free and gap <= 1 and not c.has(Mark.SHIFT):
            points = c.has(Mark.ANAPHOR) and weight <= 2.5
            points = points or (agrees and weight <= 2.0)
            return work if points or weight <= (1.0 if c.has(Mark.COMMIT) else 1.5) else None
        told_before = work.accepted and (c.korean or work.accepted_turn != c.turn)
        if work.kind is not Mark.REQUEST or (told_before and weight >= 1.0):
            return None
        mine = c.speaker is not None and (
            work.assignee == c.speaker or c.speaker in work.candidates
        )
        if mine and not c.has(Mark.SHIFT) and (gap <= 2 or self._thin_promise(c, work)):
            return work
        if weight < 1.0 and gap <= 2:
            return work
        unknown = c.speaker is None or work.assignee is None
        most = 3.0 if c.speaker is None and not c.has(Mark.SHIFT) else 2.0
        return work if agrees and unknown and gap <= 1 and weight <= most else None

    def _bare_request(self, c: Clause, work: Work) -> Work | None:
        """What "can you own that?" and "I'll order them tomorrow" speak of."""
        if c.korean or not c.has(Mark.ANAPHOR) or c.speaker is None:
            return None
        own = sum(c.words.values())
        gap = c.order - work.last
        if c.has(Mark.REQUEST) and own < 0.5 and c.turn != work.clause.turn:
            raised = c.speaker == work.clause.speaker and work.kind in (
                Mark.NEED,
                Mark.WEAK,
                Mark.REQUEST,
            )
            return work if raised and work.alive and gap <= NEAR and not work.accepted else None
        if c.has(Mark.COMMIT) and own <= 0.6 and not c.has(Mark.CONTACT):
            for w in reversed(self.works[-6:]):
                if w.alive and w.assignee == c.speaker and 0 < c.order - w.last <= NEAR:
                    return w if overlap(w.words, c.words)[0] > 0 else None
        return None

    def _passes_on(self, c: Clause, work: Work) -> bool:
        """Whether the one who was asked names another ("대호 형이 하세요")."""
        if not c.korean or not c.has(Mark.REQUEST) or len(c.doers) != 1 or not work.alive:
            return False
        reply = c.turn != work.clause.turn and c.order - work.last <= 1
        asked = c.speaker is None or c.speaker == work.assignee
        other = any(b.turn == c.turn and b.has(Mark.SHIFT) for b in self.recent[-3:])
        return reply and asked and not other and work.kind is Mark.REQUEST and self._own(c) <= 1.0

    def _is_way(self, c: Clause, work: Work) -> bool:
        """Whether a promise to ring or ask somebody is how a thing that is wanted is to be had.

        "could we get quotes for the carpet" … "I'll ring two firms"
        """
        return (
            c.has(Mark.COMMIT)
            and c.has(Mark.CONTACT)
            and not c.has(Mark.SHIFT | Mark.CORRECT)
            and work.kind in (Mark.REQUEST, Mark.NEED, Mark.WEAK)
            and not work.accepted
            and (work.assignee in (None, c.speaker) or not work.firm)
            and _TO_BE_TOLD.search(work.clause.text) is not None
        )

    def _thin_promise(self, c: Clause, work: Work) -> bool:
        """Whether "I'll have it up by then" follows a question that was asked in between."""
        since = [b for b in self.recent if b not in work.heard and b.order > work.last]
        if any(b.turn == c.turn and sum(b.words.values()) >= 1.0 for b in since):
            return False  # the speaker has brought up something else
        return (
            c.has(Mark.COMMIT)
            and c.has(Mark.ANAPHOR)
            and sum(c.words.values()) < 1.0
            and not any(b.has(_PROMISE | _STATUS) for b in since)
        )

    def _moved_on(self, work: Work) -> bool:
        """Whether something else was brought up since the work was last spoken of."""
        for c in reversed(self.recent):
            if c in work.heard:
                return False
            if c.turn == work.clause.turn and not c.has(Mark.SHIFT | _PROMISE):
                continue  # why it is needed
            if c.korean and c.has(Mark.ACCEPT) and not c.has(Mark.SHIFT | _PROMISE | _STATUS):
                continue  # "네 예전에 빌린 적 있으니까 …"
            if c.korean and _LEADS_ON.search(c.text) and not c.has(Mark.SHIFT | _STATUS):
                continue  # a reason
            if sum(c.words.values()) >= 1.0 and not c.has(Mark.SMALL_TALK):
                return True
        return False

    def _ticket_asked_about(self, c: Clause) -> int | None:
        """The ticket of the question that the clause answers ("is it done?" "yes, yesterday …")."""
        if self.asked_status is None:
            return None
        asked, _, question = self.asked_status
        answers = c.turn != question.turn or c.speaker is None
        if not answers or c.order - question.order > 2 or c.has(Mark.SHIFT | Mark.QUESTION):
            return None
        weight = sum(c.words.values())
        apart = c.has(_PROMISE) and (c.has(Mark.CONTACT) or weight >= 1.0)
        vague = sum(question.words.values()) == 0  # "already?"
        far = weight >= 3.0 and not c.has(_STATUS | Mark.ACCEPT | Mark.REFUSE)
        far = far and (vague or not c.signs & _TELLS)
        apart = apart or far
        knows = self.board.vocabulary.knows
        beside = c.topic != "" and not knows(c.topic) and c.has(Mark.FIRST) and c.has(Mark.DONE)
        apart = apart or (c.korean and beside)
        return None if apart else asked.ticket

    def _goes_on(self, c: Clause, weight: float) -> bool:
        """Whether a clause that names nothing known speaks on about the same thing."""
        if self.subject.ticket is None and self.subject.work is None:
            return False
        same_turn = c.turn == self.subject.turn
        if c.korean and not same_turn and c.has(Mark.SHIFT) and _ANEW.match(c.text):
            return False
        afterthought = same_turn and weight <= 1.0 and not c.has(_PROMISE | _STATUS)
        if c.has(Mark.SHIFT) and weight >= 1.0 and not c.has(Mark.ACCEPT) and not afterthought:
            return False
        if c.has(Mark.WHO) and c.has(Mark.QUESTION) and weight >= 1.0 and self.subject.work is None:
            return False
        replies = c.has(Mark.ACCEPT | Mark.ANAPHOR) and not c.has(Mark.SHIFT) and not c.topic
        if not c.korean and self._asks_other(c, weight):
            self.subject = Subject(order=c.order, turn=c.turn)
            return False
        about, who = self.subject.work, c.named[0] if len(c.named) == 1 else ()
        if about is not None and about.assignee is not None and not c.korean and weight >= 0.9:
            others = bool(who) and about.assignee not in who and c.speaker not in who
            if others and c.turn != about.clause.turn and not c.has(Mark.ANAPHOR | Mark.CORRECT):
                return False  # "tiles Tom today, letters Mia by Wednesday"
        redated = bool(c.days) and c.has(Mark.CORRECT) and not c.has(_PROMISE) and not c.korean
        if redated and self.subject.work is not None:
            return True
        if self._just_reopened() and weight < 1.5 and c.has(_PROMISE) and replies:
            return True
        takes = c.has(Mark.COMMIT) and not c.has(Mark.SHIFT | Mark.CONTACT) and not c.korean
        if self._just_reopened() and weight < 2.6 and takes and not c.days:
            return True
        promised = self.subject.ticket is not None and c.has(_PROMISE)
        if promised and (c.has(Mark.CONTACT) or self._helps_another(c)):
            return False
        if weight < 1.0:
            return True
        if self._answers_question(c, weight) or self._agrees_on_need(c, weight):
            return True
        about = self.subject.work
        if c.has(Mark.WANT) and c.turn != (about.clause.turn if about else self.subject.turn):
            return False
        if (
            c.has(Mark.ANAPHOR)
            and weight < 2.5
            and not c.has(Mark.COMMIT | Mark.REQUEST | Mark.NEED)
        ):
            return True
        if self.subject.ticket is not None:
            if c.has(_PROMISE) and not c.has(Mark.REOPEN):
                return False
            return same_turn
        work = self.subject.work
        if work is not None and c.has(Mark.REQUEST) and c.has(Mark.ANAPHOR) and weight <= 1.5:
            return c.order - work.last <= 1
        most = 2.5 if c.korean and c.doers and work is not None and not work.firm else 1.5
        if work is not None and same_turn and c.has(Mark.REQUEST | Mark.COMMIT) and weight <= most:
            return (
                c.turn == work.clause.turn
                and work.kind in (Mark.NEED, Mark.WEAK)
                and c.order - work.last <= 2
            )
        if not same_turn or work is None or c.has(_PROMISE | Mark.DONE | Mark.PROGRESS):
            return False
        return c.turn == work.clause.turn or weight < 1.5

    def _asks_other(self, c: Clause, weight: float) -> bool:
        """Whether somebody is asked about a thing that has nothing to do with the ticket."""
        ticket = self.subject.ticket
        if ticket is None or c.turn == self.subject.turn or weight <= 0:
            return False
        asks = c.has(Mark.QUESTION) and bool(c.named) and not c.has(Mark.ANAPHOR)
        return asks and self._ticket_fit(ticket, c) == 0.0

    def _just_reopened(self) -> bool:
        """Whether the ticket that the talk is about has been opened again just now."""
        if self.subject.ticket is None:
            return False
        claims = self.claims.get(self.subject.ticket)
        return bool(
            claims and claims[-1].reopen and self.subject.order - claims[-1].clause.order <= 1
        )

    def _answers_question(self, c: Clause, weight: float) -> bool:
        """Whether somebody answers what was asked about the work ("which ones?" "the wooden")."""
        work = self.subject.work
        if work is None or not self.recent or c.has(_PROMISE | Mark.SHIFT) or weight >= 2.5:
            return False
        before = self.recent[-1]
        return before.has(Mark.QUESTION) and before in work.heard and before.turn != c.turn

    def _agrees_on_need(self, c: Clause, weight: float) -> bool:
        """Whether somebody else says too that the work is needed."""
        work = self.subject.work
        if work is None or work.kind is not Mark.NEED or not c.has(Mark.NEED):
            return False
        near = c.turn != work.clause.turn and c.order - work.last <= 2
        return near and (c.has(Mark.ACCEPT) or weight < 1.5)

    def _helps_another(self, c: Clause) -> bool:
        """Whether somebody promises the ticket's owner something ("I'll get you those")."""
        assert self.subject.ticket is not None
        owner = self.board.tickets[self.subject.ticket].assignee_id
        if c.speaker is None or owner is None or owner == c.speaker or not c.has(Mark.COMMIT):
            return False
        return bool(_FOR_YOU.search(c.text))

    def _ticket_in_context(self, c: Clause) -> int | None:
        """The ticket meant by the clause and what the speaker said just before, together."""
        if c.has(Mark.SHIFT):
            return None
        words = dict(c.words)
        own = set(words)
        for before in reversed(self.recent[-4:]):
            if not before.words:
                continue
            named = before.turn != c.turn and _names_only(before) and c.order - before.order <= 2
            if (before.turn != c.turn and not named) or c.order - before.order > 3:
                break
            for word, weight in before.words.items():
                words[word] = max(words.get(word, 0.0), 0.7 * weight)
        if set(words) == own:
            return None
        found = self.board.find(words, c.speaker)
        if found is None:
            return None
        title = self.board.vocabulary.find(c.words)
        return found if any(m.index == found and m.title_hits for m in title) else None

    def _ticket_fit(self, ticket: int, c: Clause) -> float:
        return next(
            (m.score for m in self.board.vocabulary.find(c.words) if m.index == ticket), 0.0
        )

    def _share(self, ticket: int, c: Clause) -> float:
        return next(
            (m.share for m in self.board.vocabulary.find(c.words) if m.index == ticket), 0.0
        )

    def _own_ticket(self, c: Clause) -> int | None:
        """The speaker's own ticket when what they did has a word that only its title has."""
        if c.speaker is None or c.has(_PROMISE | Mark.SHIFT) or not c.has(Mark.FIRST):
            return None
        least = 0.3 if c.has(Mark.FINISHED) and not c.korean else 0.9
        words = c.words
        before = self.recent[-1] if self.recent else None
        if not words and before is not None and before.turn == c.turn and not c.korean:
            words = {} if before.marks else before.words  # "the pins on Android, I made a start"
        meant = {self.board.about(word) for word, weight in words.items() if weight >= least}
        mine = [t for t in meant if t is not None]
        if c.korean and mine and self._ticket_fit(mine[0], c) < 0.3 * sum(c.words.values()):
            return None
        if len(mine) == 1 and self.board.tickets[mine[0]].assignee_id == c.speaker:
            return mine[0]
        return None

    def _is_named(self, ticket: int, c: Clause) -> bool:
        """Whether the clause names the ticket well, or says nothing besides."""
        if self._share(ticket, c) >= 0.5:
            return True
        total = sum(x for x in c.words.values() if x > 0.1)
        return total > 0 and self._ticket_fit(ticket, c) >= 0.9 * total

    def _work_fit(self, work: Work, c: Clause) -> float:
        return overlap(work.words, c.words)[0]

    def _find_work(self, c: Clause) -> Work | None:
        """The piece of work whose words the clause repeats."""
        if not c.words:
            return None
        telling = [w for w, x in c.words.items() if x >= 0.4 or w == c.topic]
        shared = {
            i for w in telling for i in islice(reversed(self.by_word.get(w, {})), MAX_LOOK_BACK)
        }
        indexes = sorted(shared, reverse=True)[:MAX_LOOK_BACK]
        indexes += [
            i for i in range(max(0, len(self.works) - 5), len(self.works)) if i not in shared
        ]
        best: tuple[float, Work] | None = None
        just = self._just_said(c) if c.korean else {}
        for i in sorted(indexes, reverse=True):
            work = self.works[i]
            common, share = overlap(work.words, c.words)
            gap = c.order - work.last
            if c.turn == work.clause.turn and gap <= 1 and common >= 0.5:
                enough = share >= 0.34
            elif gap <= NEAR:
                enough = common >= 0.8 and (share >= 0.34 or common >= 1.6)
                answers = gap <= 1 and c.has(Mark.COMMIT) and c.has(Mark.ANAPHOR)
                enough = enough or (answers and common >= 0.5 and c.turn != work.clause.turn)
            else:
                told = c.has(Mark.RECAP) or bool(c.named)
                mine = bool(c.doers) and c.doers == (work.assignee,)
                back = not c.korean and any(
                    b.has(Mark.CORRECT) for b in (c, *self.recent[-4:]) if b.turn == c.turn
                )
                own = back and c.speaker is not None and c.speaker == work.assignee
                named = c.topic in work.words and (
                    work.words[c.topic] >= 0.8 or len(self.by_word.get(c.topic, ())) == 1
                )
                told_of = c.has(_PROMISE | Mark.CORRECT | Mark.RECAP) or bool(c.doers)
                changed = mine and c.has(Mark.CORRECT) and common >= 0.8
                changed = changed or (
                    bool(c.doers) and c.has(Mark.CORRECT) and common >= 0.45 and share >= 0.8
                )
                changed = changed or (back and common >= 1.0 and share >= 0.35)
                changed = changed or (own and common >= 0.45 and share >= 0.2)
                changed = changed or (back and common >= 0.6 and share >= 0.9)
                dated = bool(c.days) and not c.korean and work.due is not None
                changed = changed or (back and dated and common >= 0.6 and self._only_here(c, work))
                changed = changed or (dated and common >= 0.6 and share >= 0.9 and len(c.words) < 3)
                changed = changed or self._is_fronted(c, work)
                enough = changed or (named and told_of) or (common >= 1.6 and share >= 0.5)
                instead = c.korean and c.has(Mark.CORRECT) and "말고" in c.text
                enough = enough or (instead and common >= 1.0 and share >= 0.35)
                enough = enough or (
                    common >= (0.4 if mine else 0.65 if told else 0.8)
                    and share >= (0.65 if told else 0.75)
                    and (told or len(c.words) > 1)
                )
            said = 0.3 * min(1.0, overlap(work.words, just)[0]) if enough and just else 0.0
            if enough and (best is None or common - 0.01 * gap + said > best[0]):
                best = (common - 0.01 * gap + said, work)
        return best[1] if best else None

    def _only_here(self, c: Clause, work: Work) -> bool:
        """Whether a word of the clause is known from this piece of work alone."""
        return any(
            x >= 0.9 and w in work.words and len(self.by_word.get(w, ())) == 1
            for w, x in c.words.items()
        )

    def _returns_to(self, c: Clause) -> Work | None:
        """The piece of work that somebody comes back to ("oh, sorry, the forks")."""
        m = _BACK_TO.match(c.text)
        before = self.recent[-1] if self.recent else None
        if m is None or c.has(_STATUS | Mark.HYPO | Mark.JOKE) or before is None:
            return None
        said = self.board.vocabulary.words(m["thing"])
        said = {w: x for w, x in said.items() if x >= 0.9}
        if not said:
            return None
        found = {i for w in said for i in self.by_word.get(w, ())}
        meant = [
            w
            for w in (self.works[i] for i in found)
            if w.alive and w.kind is not Mark.DONE and all(s in w.words for s in said)
        ]
        return meant[0] if len(meant) == 1 else None

    def _is_fronted(self, c: Clause, work: Work) -> bool:
        """Whether the clause begins with the work's thing ("wristbands, do they need …")."""
        front = None if c.korean else _FRONTED.match(c.text)
        if front is None:
            return False
        words = self.board.vocabulary.words(front["front"])
        return bool(words) and all(
            w in work.words and x >= 0.9 and len(self.by_word.get(w, ())) == 1
            for w, x in words.items()
        )

    # -------------------------------------------------------------- known tickets

    def _about_ticket(self, c: Clause, subject: Subject) -> None:
        ticket = subject.ticket
        assert ticket is not None
        known = self.board.tickets[ticket]
        claims = self.claims[ticket]
        fronted = c.korean and c.has(Mark.DONE) and bool(c.topic)
        fronted = fronted and self.board.about(c.topic) == ticket
        if c.has(Mark.PAST_STORY) and not c.has(Mark.FINISHED | Mark.REOPEN) and not fronted:
            return
        named = any(m.index == ticket for m in self.board.vocabulary.find(c.words)[:2])
        bare = (
            named
            and not c.finite
            and not _SENTENCE.search(c.text)
            and not c.has(
                Mark.PLAN
                | _PROMISE
                | _STATUS
                | Mark.REOPEN
                | Mark.LEAVE
                | Mark.HYPO
                | Mark.OTHER_TEAM
            )
        )
        if bare and len(c.text) <= 40 and self._own(c) >= 0.5 and not c.has(Mark.QUESTION):
            self.asked_status = (subject, Mark.NONE, c)
            return
        if c.has(Mark.QUESTION) and not c.has(Mark.COMMIT | Mark.REQUEST | Mark.REOPEN):
            asked = Mark.NONE if c.has(Mark.NOT_DONE) else c.marks & (Mark.DONE | Mark.PROGRESS)
            if _OUGHT.search(c.text):
                asked = Mark.NONE
            self.asked_status = (subject, asked, c)
            return
        if c.has(Mark.LEAVE) and not c.has(Mark.DONE | Mark.REOPEN):
            while (
                claims
                and c.order - claims[-1].clause.order <= NEAR
                and c.turn != claims[-1].clause.turn
            ):
                claims.pop()
            if not c.has(Mark.PROGRESS):
                return
        was_done = known.status is DONE or any(x.status is DONE for x in claims)
        done_over = Mark.DONE if c.korean else Mark.FINISHED
        again = c.has(Mark.REOPEN) and (was_done or not c.has(done_over))
        if again and not c.has(Mark.HYPO):
            firm = c.has(Mark.REOPEN_HARD) or self._tells_of_relapse(c, ticket)
            claims.append(Claim(TODO, c, reopen=True, firm_reopen=firm))
            return
        if c.has(Mark.HYPO | Mark.UNSURE) or (
            c.has(Mark.PLAN) and not c.has(Mark.DONE | Mark.BEGUN)
        ):
            if (
                c.has(Mark.UNSURE)
                and claims
                and claims[-1].status is DONE
                and c.turn == claims[-1].clause.turn
            ):
                claims.pop()
            return
        if (
            self.blocks
            and self.blocks[-1][-1].turn == c.turn
            and not c.has(Mark.NOT_DONE | Mark.BEGUN)
        ):
            return  # what was tried against the trouble is not the work itself
        if self.cannot is not None and self.cannot.turn == c.turn and _BECAUSE.match(c.text):
            return
        if c.has(Mark.OTHER_TEAM) and not c.has(Mark.FINISHED | Mark.PROGRESS):
            return  # "pensions are handled by them"
        weighed = self.episode.claim if self.episode is not None else None
        plain = [x for x in claims[-2:] if x is not weighed]
        last = plain[-1] if plain and plain[-1].clause.turn == c.turn else None
        if c.has(Mark.BLOCK) and last and last.step and not c.has(Mark.PROGRESS):
            claims.remove(last)
            last = None
        if (
            c.has(Mark.BLOCK)
            and last
            and last.status is DONE
            and not last.clause.has(Mark.FINISHED)
        ):
            claims.remove(last)
            if c.has(Mark.PROGRESS) and last.clause.has(Mark.CONTACT):
                claims.append(Claim(IN_PROGRESS, last.clause))  # asked, and the answer is to come
                return
        if (
            c.korean
            and c.has(Mark.AGAINST)
            and not c.has(Mark.FINISHED)
            and not _ENDS.search(known.title)
        ):
            return  # given up
        if not c.korean and last and last.status is DONE and _FAILED_AFTER.search(c.text):
            if not last.clause.has(Mark.FINISHED):
                claims.remove(last)  # "I plugged it in and it crashed"
            return
        tried = self.cannot is not None and self.cannot.turn == c.turn and c.has(Mark.DONE)
        ends = c.has(Mark.REOPEN) or bool(c.signs & Sign.VERDICT)
        if tried and not ends and not c.korean:
            return
        if _DECIDED.search(c.text) and not _CHOICE.search(known.title):
            return  # what was decided about something is not its being done
        elsewhere = claims and claims[-1].clause.turn != c.turn and claims[-1].status is DONE
        done_before = elsewhere and claims[-1].clause.has(Mark.FINISHED)
        if done_before and c.has(Mark.BLOCK) and not c.has(Mark.CORRECT | Mark.ANAPHOR):
            return  # something like it cannot go on
        if c.has(Mark.NOT_DONE):
            whole = (
                last is not None and last.status is DONE and not _LINKED.search(last.clause.text)
            )
            if c.korean and whole and _ONLY.search(c.text):
                return  # what is left for others once it is done
            other = not c.korean and not c.has(Mark.ANAPHOR | Mark.CORRECT) and self._own(c) >= 1.0
            part = last is not None and last.status is DONE
            part = part and last is not None and (other or not last.clause.has(Mark.FINISHED))
            status = IN_PROGRESS if c.has(Mark.PROGRESS) or part else None
            claims.append(Claim(status, c))
        elif c.has(Mark.DONE) and self.board.is_search(ticket) and _STAGE.search(c.text):
            if not (last and last.status is DONE and last.clause.has(Mark.FINISHED)):
                claims.append(Claim(IN_PROGRESS, c))
        elif c.has(Mark.DONE) and not c.has(Mark.PROGRESS | Mark.BLOCK | Mark.REQUEST | Mark.NEED):
            some = not c.korean and _DONE_SOME.search(c.text) and self._ticket_fit(ticket, c) < 0.3
            part = last is not None and last.clause.has(Mark.BEGUN)
            part = part and (bool(some) or not _WHOLE.search(c.text))
            begun = last is not None and last.status is IN_PROGRESS and not last.step
            closes = bool(c.signs & Sign.VERDICT) and not c.korean
            if begun and (part or not c.has(Mark.FINISHED)) and not closes:
                return  # a step of the work, not the whole
            if c.korean and is_step(c.text, known.title):
                if last is None or last.status is not DONE:
                    claims.append(Claim(IN_PROGRESS, c, step=True))
                return
            if c.has(Mark.SHIFT) and c.has(Mark.ANAPHOR) and last and last.status is DONE:
                return  # an afterthought
            if not c.has(Mark.COMMIT) or known.status is not DONE:
                partly = last is None and self._lists_some(ticket, c)
                claims.append(Claim(IN_PROGRESS if partly else DONE, c))
        elif c.has(Mark.PROGRESS) and not c.has(Mark.BLOCK):
            said = [x for x in claims if x.clause.turn == c.turn]
            finished = any(x.clause.has(Mark.FINISHED) for x in said)
            if finished and last and last.status is DONE and _in_use(c):
                return
            denied = any(b.turn == c.turn and b.has(Mark.REFUSE) for b in self.recent[-3:])
            if denied and not c.korean and not c.has(Mark.FIRST | Mark.BEGUN):
                return  # "no, that's still hanging off"
            claims.append(Claim(IN_PROGRESS, c))

    def _tells_of_relapse(self, c: Clause, ticket: int) -> bool:
        """Whether the trouble is back, or it is to be done again for a trouble just told."""
        if c.has(Mark.RELAPSE):
            return self._ticket_fit(ticket, c) > 0
        if not c.korean or not c.has(_PROMISE):
            return False
        if c.has(Mark.NEED) and c.has(Mark.REOPEN) and not is_for_later(c.text):
            if self._ticket_fit(ticket, c) >= 0.5:
                return True
            said = [b for b in self.recent[-3:] if b.turn == c.turn and not b.has(Mark.QUESTION)]
            if any(b in self.about_tickets for b in said):
                return True
        trouble = Mark.RELAPSE | Mark.PROBLEM | Mark.BLOCK | Mark.AGAINST
        return any(b.has(trouble) and b in self.about_tickets for b in self.recent[-3:])

    def _lists_some(self, ticket: int, c: Clause) -> bool:
        """Whether only some of what the ticket lists was done ("small, medium, large")."""
        items = [i for i in _LIST.split(self.board.tickets[ticket].content.rstrip(" .")) if i]
        if c.korean or len(items) < 3 or _ALL_OF.search(c.text):
            return False
        words = [set(self.board.vocabulary.words(i)) for i in items]
        said = set(c.words)
        for b in self.recent[-3:]:
            said |= set(b.words) if b.turn == c.turn else set()
        title = set(_bag(self.board.tickets[ticket].title))
        own = {w for w, x in c.words.items() if x >= 0.3}
        mine = [w for w in words if w & own]
        left = [w for w in words if w and not w & said and not w & title]
        return bool(mine and left) and not own & title and own <= set().union(*words)

    def _weigh(self, c: Clause, ticket: int) -> None:
        """Adds the clause's signs to what is told about the ticket, and claims what they say."""
        e = self.episode
        near = e is not None and e.ticket == ticket and c.order - e.last <= NEAR
        if e is None or not near or (c.turn != e.turn and c.speaker == e.speaker and e.speaker):
            if c.has(Mark.QUESTION | Mark.COMMAND):
                return
            self.episode = e = Episode(ticket, c.turn, c.speaker, c.order)
            asked = self.asked_status
            e.named = not c.korean and asked is not None and asked[0].ticket == ticket
        e.last = max(e.last, c.order)
        if c.turn != e.turn:
            self._hear_reaction(c, e)
        elif not c.has(Mark.QUESTION):
            self._hear_report(c, e)
        self._settle(e)

    def _hear_report(self, c: Clause, e: Episode) -> None:
        if c.has(Mark.UNSURE) and c.signs & Sign.REMAINS:
            e.remains = True
            return
        if c.has(Mark.HYPO | Mark.UNSURE | Mark.AGAINST | Mark.JOKE | Mark.OTHER_TEAM | Mark.BLOCK):
            e.in_doubt = True
            return
        found = self.board.vocabulary.find(c.words)
        beside = c.has(Mark.SHIFT) and sum(c.words.values()) >= 1.0
        if beside and e.clauses and all(m.index != e.ticket for m in found):
            return
        told = c.signs & _TELLS
        if not c.korean and _GOES_ON_WITH.search(c.text):
            self._only_part(e)
            return
        if c.has(_PROMISE) and not c.signs & Sign.VERDICT:
            offers = c.has(Mark.REQUEST) or _ONCE.search(c.text) or "면" in c.text
            e.remains = e.remains or not offers
            return
        if c.has(Mark.NOT_DONE) and _NOT_BEGUN.search(c.text):
            e.in_doubt = True
            return
        if c.has(Mark.NOT_DONE | Mark.PLAN | Mark.LEAVE) or c.signs & Sign.REMAINS:
            e.remains = True
        story = any(b.turn == c.turn and b.has(Mark.PAST_STORY) for b in (c, *self.recent[-3:]))
        if story and not c.signs & (Sign.VERDICT if c.korean else Sign.VERDICT | Sign.RESULT):
            return
        if told:
            e.clauses.append(c)
            e.named = e.named or any(m.index == e.ticket and m.title_hits for m in found[:2])
            e.leads = e.leads or (not c.korean and self._leads(c, e.ticket))
        e.happened = e.happened or bool(c.signs & Sign.EVENT)
        e.verdict = e.verdict or bool(c.signs & Sign.VERDICT)
        e.points += bool(c.signs & Sign.EVENT) + bool(c.signs & Sign.RESULT)
        e.points += bool(c.signs & Sign.RESULT and c.signs & Sign.WHOLE)
        e.is_stage = e.is_stage or (self.board.is_search(e.ticket) and bool(_STAGE.search(c.text)))

    def _leads(self, c: Clause, ticket: int) -> bool:
        """Whether the clause begins with the ticket's thing, or names the ticket well."""
        if c.topic or self._share(ticket, c) >= 0.6:
            return True
        first = self.board.vocabulary.words(" ".join(c.text.split()[:6]))
        return any(
            m.index == ticket and m.title_hits for m in self.board.vocabulary.find(first)[:2]
        )

    def _only_part(self, e: Episode) -> None:
        """What was told in this turn was not all of it ("I'll carry on after lunch")."""
        e.remains = True
        for claim in self.claims[e.ticket]:
            if claim.clause.turn == e.turn and claim.status is DONE and claim is not e.claim:
                claim.status = IN_PROGRESS

    def _hear_reaction(self, c: Clause, e: Episode) -> None:
        if c.speaker is None and c.signs & _TELLS:
            self._hear_report(c, e)
        if c.signs & Sign.ENCOURAGE:
            e.remains = True
        elif c.has(Mark.QUESTION | Mark.HYPO | Mark.UNSURE | _PROMISE) and not (
            c.signs & Sign.VERDICT
        ):
            return
        elif c.signs & Sign.VERDICT and not c.has(Mark.NOT_DONE):
            e.verdict = True
            e.clauses.append(c)
        elif c.signs & Sign.PRAISE and not e.praised:
            e.praised = True
            e.points += 1

    def _settle(self, e: Episode) -> None:
        """Claims what the signs say, unless plain words said it already."""
        claims = self.claims[e.ticket]
        if e.claim is not None:
            if e.claim in claims:
                claims.remove(e.claim)
            else:  # withdrawn
                e.points, e.verdict = 0, False
            e.claim = None
        if any(x.clause.turn > e.turn for x in claims):
            return  # somebody has said it since
        told = [x for x in claims if x.clause.turn == e.turn and x.status is not None]
        plain = bool(told)
        if e.in_doubt or not e.clauses:
            return
        known = self.board.tickets[e.ticket].status
        enough = 1 if known is IN_PROGRESS or (e.named and (e.happened or e.leads)) else 2
        if e.verdict and not e.remains and not any(x.reopen for x in claims):
            status = DONE
        elif plain:
            if not e.remains or known is not TODO or not all(self._is_step(x) for x in told):
                return
            status = IN_PROGRESS
        elif e.points >= enough and not e.remains and known is not DONE:
            status = IN_PROGRESS if e.is_stage else DONE
        elif e.happened and e.remains and known is TODO:
            status = IN_PROGRESS
        else:
            return
        e.claim = Claim(status, e.clauses[-1])
        claims.append(e.claim)

    def _is_step(self, claim: Claim) -> bool:
        """Whether what was done is something that the ticket does not name, said plainly."""
        if claim.status is not DONE or claim.clause.has(Mark.FINISHED):
            return False
        knows = self.board.vocabulary.knows
        return sum(x for w, x in claim.clause.words.items() if not knows(w)) >= 1.0

    def _answer_status(self, c: Clause, subject: Subject) -> None:
        """A plain "yes" to "is it done?" says that it is."""
        if self.asked_status is None:
            return
        asked, status, question = self.asked_status
        if c.turn == question.turn:
            goes_on = c.has(_STATUS | Mark.FIRST) or sum(c.words.values()) >= 1.0
            if c is not question and goes_on and not c.has(Mark.QUESTION):
                self.asked_status = None
            return
        if c.order - question.order > 2:
            self.asked_status = None
            return
        own = c.marks & (Mark.DONE | Mark.PROGRESS | Mark.NOT_DONE | Mark.REFUSE | Mark.UNSURE)
        if c.has(Mark.ACCEPT) and not own and status and asked.ticket is not None:
            new = DONE if status & Mark.DONE else IN_PROGRESS
            self.claims[asked.ticket].append(Claim(new, c))
        self.asked_status = None

    # -------------------------------------------------------------- work

    def _about_work(self, c: Clause, work: Work) -> bool:
        """Adds the clause to the work; False when it begins work of its own."""
        gap = c.order - work.last
        if (
            work.status is TODO
            and c.has(Mark.AGAINST | Mark.OTHER_TEAM)
            and not c.has(Mark.COMMIT | Mark.REQUEST)
            and gap <= AGO
        ) and not (c.has(Mark.LEAVE) and not c.has(Mark.AGAINST)):
            work.dropped = "decided against" if c.has(Mark.AGAINST) else "another team's work"
            return True
        if c.has(Mark.HYPO | Mark.JOKE) and not (c.has(Mark.COMMIT | Mark.REQUEST) and c.days):
            return True
        if not work.alive:
            return not (
                c.has(Mark.COMMIT)
                and not c.has(Mark.JOKE | Mark.HYPO)
                and self._own(c) >= 1.5
                and gap > 1
            )
        self._attach(c, work)
        return True

    def _attach(self, c: Clause, work: Work) -> None:
        """Later speech about the work: evidence, and corrections of who, when and how far."""
        gap = c.order - work.last
        if c.has(Mark.SMALL_TALK) and c.order != work.clause.order:
            self.subject = Subject(order=c.order, turn=c.turn)
            return
        work.heard.append(c)
        reply = c.turn != work.clause.turn
        free = c.korean and not work.accepted and work.assignee in (None, c.speaker)
        declines = free and c.speaker is not None and not c.has(Mark.COMMIT)
        if declines and reply and gap <= 2 and _DECLINES.search(c.text):
            work.dropped = "declined"
        if reply and gap <= 2 and self._refuses(c, work):
            work.refused = True
            work.assignee = None if c.speaker == work.assignee else work.assignee
        if (
            c.has(Mark.CORRECT)
            and c.has(Mark.REFUSE)
            and c.speaker is not None
            and c.speaker == work.assignee
            and not c.has(Mark.COMMIT)
        ):
            work.assignee = None
        no = None if c.korean else _NO_THING.match(c.text)
        if no and reply and all(w in work.words for w in self.board.vocabulary.words(no["thing"])):
            work.dropped = "refused"  # "okay, no doves"
            return
        self._take(c, work, reply=reply)
        self._progress(c, work)
        if c.has(Mark.REQUEST) and work.kind in (Mark.NEED, Mark.WEAK, Mark.COMMIT):
            if c.korean and work.kind is Mark.NEED:
                work.accepted = False  # agreed to, and only now asked of somebody
            work.kind = Mark.REQUEST
        if c.has(Mark.COMMIT | Mark.REQUEST | Mark.NEED | Mark.RECAP) or (
            c.has(Mark.ACCEPT) and reply
        ):
            work.firm = True
            if c.has(Mark.COMMIT | Mark.REQUEST):
                work.refused = False
            if c.has(Mark.REQUEST) and not c.korean and work.accepted_turn != c.turn:
                work.accepted = False  # asked anew
        work.last = max(work.last, c.order)
        how = gap <= 1 and c.turn == work.clause.turn and not (c.korean and c.finite)
        if how or (gap <= NEAR and c.has(Mark.COMMIT | Mark.REQUEST | Mark.NEED | Mark.PROBLEM)):
            self._learn_words(work, c.words)

    def _refuses(self, c: Clause, work: Work) -> bool:
        """Whether the one who was asked says no."""
        if not c.has(Mark.REFUSE) or c.has(Mark.COMMIT | Mark.ACCEPT) or c.doers:
            return False
        asked = work.assignee is None or c.speaker is None or c.speaker == work.assignee
        return asked and work.kind is not Mark.DONE and not work.accepted

    def _take(self, c: Clause, work: Work, *, reply: bool) -> None:
        """Who does it, after this clause."""
        if work.kind is Mark.DONE and work.assignee is not None:
            return
        if work.assignee is not None and work.assignee in c.excluded:
            work.assignee = None
        who = tuple(u for u in c.doers if u not in c.excluded)
        before = self.recent[-1] if self.recent else c
        corrects = c.has(Mark.CORRECT) or (before.turn == c.turn and before.has(Mark.CORRECT))
        if c.has(Mark.COMMIT) and (not who or c.has(Mark.FIRST)) and not c.has(Mark.QUESTION):
            own = c.speaker if c.speaker in self.people else None
            if own is not None and self._may_take(c, work):
                work.assignee, work.candidates = own, ()
            if reply and not work.accepted:
                work.accepted, work.accepted_turn = True, c.turn
            if own is None and who and len(who) == 1:
                work.assignee = who[0]
            return
        if (
            not who
            and reply
            and len(c.named) == 1
            and sum(c.words.values()) < 1
            and not c.has(Mark.QUESTION)
        ):
            who = c.named[0]
        if (who and not c.has(Mark.QUESTION)) or (who and c.has(Mark.REQUEST)):
            if len(who) == 1:
                if (
                    work.assignee is None
                    or c.has(Mark.REQUEST | Mark.RECAP | Mark.NEED)
                    or corrects
                    or c.excluded
                ):
                    work.assignee, work.candidates = who[0], ()
            elif work.assignee is None:
                work.candidates = who
            return
        if c.has(Mark.ACCEPT) and reply and c.speaker is not None and work.assignee is None:
            fits = not work.candidates or c.speaker in work.candidates
            if (
                fits
                and work.kind & Mark.REQUEST
                and c.speaker != work.clause.speaker
                and c.speaker in self.people
            ) and (work.candidates or not work.accepted):
                work.assignee = c.speaker
            if not work.accepted:
                work.accepted, work.accepted_turn = True, c.turn

    def _may_take(self, c: Clause, work: Work) -> bool:
        if work.assignee is None or work.assignee == c.speaker:
            return not work.candidates or c.speaker in work.candidates or True
        if not c.has(Mark.CORRECT) and _ONCE.search(c.text):
            return False  # what they do after it
        return sum(c.words.values()) < 1.0 or c.has(Mark.CORRECT) or c.order - work.last <= 1

    def _date(self, c: Clause, subject: Subject) -> None:
        """Lets the calendar tell which works the clause's days are for."""
        near = self.works[: -MAX_LOOK_BACK - 1 : -1]
        dated: list[Work] = []
        if not c.has(Mark.SMALL_TALK) or c.has(_PROMISE):
            owner = next((w for w in near if w.heard and w.heard[-1] is c), None)
            elsewhere = subject.ticket is not None
            dated = self.calendar.hear(c, self.works, owner, elsewhere=elsewhere)
        for work in dated:
            self.touched.add(work.number)
            if c.has(Mark.CORRECT) and not c.korean:
                self.redated = work
        if c.days:
            before = (b for b in self.recent[-4:] if c.order - b.order <= 2)
            self.diary.hear(
                c,
                self._places(c.seqs),
                near,
                dated,
                before=frozenset(w for b in before for w in b.words),
                about_ticket=subject.ticket is not None,
            )

    def _progress(self, c: Clause, work: Work) -> None:
        if work.read_out and work.assignee is not None and c.speaker != work.assignee:
            return  # "they have, haven't they"
        told = c.korean and work.kind is Mark.DONE and c.turn == work.clause.turn
        if told and c.has(Mark.NOT_DONE) and not c.has(Mark.QUESTION):
            work.status = IN_PROGRESS  # "서른 개 정리했고 쉰 개 남았어요"
            return
        if c.has(Mark.QUESTION | Mark.HYPO | Mark.UNSURE | Mark.NOT_DONE):
            return
        if c.has(Mark.CORRECT) and not c.has(Mark.FIRST) and not c.korean:
            return  # why it has to change
        if c.has(Mark.DONE) and not c.has(Mark.COMMIT | Mark.REQUEST | Mark.NEED | Mark.PROGRESS):
            answers = c.turn != work.clause.turn and c.order - work.clause.order <= 2
            if c.korean and _TAKEN_OVER.search(c.text):
                return
            if c.korean and answers and work.kind is Mark.REQUEST and self._own(c) < 0.5:
                work.dropped = "done on the spot"
                return
            if (
                c.order - work.last <= NEAR
                and work.kind & (Mark.COMMIT | Mark.REQUEST | Mark.NEED)
                and c.turn == work.clause.turn
            ):
                return
            work.status = DONE
            raised = work.kind in (Mark.NEED, Mark.WEAK) and work.clause.has(
                Mark.QUESTION | Mark.WANT
            )
            if raised and c.turn != work.clause.turn and c.has(Mark.FIRST) and not c.korean:
                work.kind, work.firm = Mark.DONE, True  # "do we need one?" "I ordered one"
                work.assignee = c.speaker if c.speaker in self.people else None
        elif c.has(Mark.PROGRESS) and work.status is TODO and not c.has(Mark.COMMIT | Mark.REQUEST):
            work.status = IN_PROGRESS

    def _own(self, c: Clause) -> float:
        return sum(c.words.values())

    def _new_work(self, c: Clause) -> None:
        """Begins a piece of work when the clause asks for one, or reports one."""
        if c.has(Mark.REOPEN_HARD):
            return
        asks = c.has(Mark.COMMIT | Mark.REQUEST | Mark.NEED | Mark.WEAK)
        if asks and not (c.has(Mark.QUESTION) and not c.has(Mark.REQUEST)):
            opens = c.order <= 2 and c.korean
            all_of_us = c.has(Mark.COMMIT) or _LET_US.search(c.text) is not None
            if c.order == 0 and c.korean and all_of_us and not (c.has(Mark.FIRST) or c.days):
                return  # how the meeting is held
            if c.has(Mark.SMALL_TALK) and (opens or not (c.days and self._own(c) >= 1.5)):
                return
            self._promise(c)
        elif c.has(Mark.DONE | Mark.PROGRESS):
            self._report(c)

    def _promise(self, c: Clause) -> None:
        if c.has(Mark.HYPO | Mark.AGAINST) and not (c.has(Mark.COMMIT) and c.days):
            return
        if self._unreal(c):
            c.marks |= Mark.HYPO
            return
        dated = bool(c.days) and not c.korean and c.has(Mark.COMMIT)
        if c.has(Mark.PLAN) and not c.has(Mark.REQUEST) and self._own(c) < 1.5 and not dated:
            return
        if c.has(Mark.OTHER_TEAM) and not c.has(Mark.REQUEST | Mark.COMMIT):
            return
        if self._rest_of_others(c) and re.search(r"만\s|\bjust\b|\bonly\b", c.text):
            return
        context = self._context(c)
        e = self.episode
        if e is not None and e.turn == c.turn and not c.has(Mark.SHIFT):
            e.remains = True
            self._settle(e)
        points_back = 1.0 if c.has(Mark.COMMIT) and c.has(Mark.ANAPHOR) else 0.8
        weight = self._own(c) + points_back * sum(sum(b.words.values()) for b in context)
        if weight < (0.8 if c.has(Mark.COMMIT) and c.has(Mark.CONTACT) else 1.0):
            return
        bare = not c.korean and self._own(c) < 0.5 and not c.days and c.has(Mark.COMMIT)
        if bare and any(b.has(Mark.WHO) and not _WHO_DOES.search(b.text) for b in context):
            return  # "who's got clean hands?" "me"
        own = any(b.turn == c.turn and sum(b.words.values()) >= 1.0 for b in context)
        if bare and not own and not any(b.has(_RAISES | _PROMISE | Mark.ANAPHOR) for b in context):
            return  # "long, good" "okay, I'll take it"
        laughs = (
            bool(self.recent)
            and self.recent[-1].has(Mark.LAUGH)
            and (self.recent[-1].order == c.order)
        )
        answered = next((b for b in reversed(self.recent) if b.words and b.turn != c.turn), None)
        teases = (
            answered is not None
            and answered.turn != c.turn
            and c.order - answered.order <= 1
            and answered.has(Mark.HYPO | Mark.JOKE)
            and not answered.has(Mark.WANT)
            and self._own(c) < 1.0
        )
        joking = teases or c.has(Mark.JOKE) or laughs
        joking = joking or (
            c.has(Mark.LAUGH) and (not context or not c.has(Mark.COMMIT | Mark.REQUEST))
        )
        kind = next(k for k in (Mark.REQUEST, Mark.COMMIT, Mark.NEED, Mark.WEAK) if c.has(k))
        work = Work(kind=kind, clause=c, words={}, last=c.order)
        if joking:
            work.dropped = "a joke"
        for b in context:
            self._learn_words(work, {w: 0.7 * x for w, x in b.words.items()})
            work.heard.append(b)
        work.heard.append(c)
        work.topic = " ".join(b.text for b in context[-1:])
        self._learn_words(work, c.words)
        self._begin(work)
        self._first_taker(c, work, self.recent)
        begun = any(b.has(Mark.PROGRESS) and b.turn == c.turn for b in context)
        if begun and c.korean and c.has(Mark.COMMIT) and c.has(Mark.PROGRESS):
            work.status = IN_PROGRESS  # "그거 계속할게요"
        work.firm = (
            bool(kind & (Mark.REQUEST | Mark.COMMIT))
            or (c.days != [] and kind is Mark.WEAK)
            or (kind is Mark.NEED and bool(c.doers or c.days))
        )
        self.subject = Subject(work=work, order=c.order, turn=c.turn)

    def _unreal(self, c: Clause) -> bool:
        """Whether the clause follows from one that is made up ("if I win the lottery …")."""
        before = self.recent[-1] if self.recent else None
        if before is None or before.turn != c.turn or _IF.match(before.text) is None:
            return False
        if before.has(Mark.HYPO | Mark.JOKE):
            return True
        fallback = _IF_NOT.match(before.text) is not None and before.seqs[-1] == c.seqs[0]
        return fallback and not c.korean and not c.days and not c.has(Mark.REQUEST)

    def _rest_of_others(self, c: Clause) -> bool:
        """Whether the speaker just said that somebody else does it ("so we only wait")."""
        before = self.recent[-1] if self.recent else None
        if before is None or before.turn != c.turn or not before.has(Mark.OTHER_TEAM):
            return False
        return before.seqs[-1] == c.seqs[0] or self._own(c) < 2.0

    def _first_taker(self, c: Clause, work: Work, before: Sequence[Clause]) -> None:
        """Who does it at first; `before`: the clauses heard before this one."""
        who = tuple(u for u in c.doers if u not in c.excluded)
        heard = [b for b in before[-3:] if c.order - b.order <= 1 and b.turn != c.turn]
        called = [b.doers for b in heard if len(b.doers) == 1 and not _SAYS_WHO.search(b.text)]
        unknown = c.speaker is None and not who and not c.korean
        if unknown and c.has(Mark.COMMIT) and len(set(called)) == 1:
            work.assignee = called[0][0]  # "Dominic, you've got the rods" "I'll do it"
        elif c.has(Mark.COMMIT | Mark.WEAK) and (c.has(Mark.FIRST) or not who):
            if c.speaker in self.people and not (c.has(Mark.NEED) and not c.has(Mark.COMMIT)):
                work.assignee = c.speaker
        elif len(who) == 1:
            work.assignee = who[0]
        elif len(who) > 1:
            work.candidates = who
        elif c.has(Mark.REQUEST) and before:
            last = before[-1]
            if last.turn == c.turn and len(last.named) == 1 and self._own(last) < 1:
                if len(last.named[0]) == 1:
                    work.assignee = last.named[0][0]
                else:
                    work.candidates = last.named[0]

    def _context(self, c: Clause) -> list[Clause]:
        """What was said just before and led to it: the trouble, the wish, the question."""
        out: list[Clause] = []
        thin = self._own(c) < 1.5
        for before in reversed(self.recent):
            gap = c.order - before.order
            same_turn = before.turn == c.turn or self._only_interrupted(before, c)
            points = self._own(c) < 1.0 and c.has(Mark.ANAPHOR)
            trouble = c.has(Mark.ANAPHOR) and before.has(Mark.PROBLEM | Mark.BLOCK)
            if gap > (3 if same_turn or points or trouble or not c.korean else 2) or len(out) == 3:
                break
            told = points or (self._own(c) < 1.0 and _DID_THAT.search(c.text) is not None)
            told = told and same_turn and c.has(Mark.DONE) and not c.korean
            told = told and not before.has(_NO_CONTEXT & ~Mark.DONE)
            if before.has(_NO_CONTEXT) and not before.has(Mark.WANT | Mark.PROBLEM) and not told:
                break
            if any(before in w.heard for w in self.works[-3:]):
                break
            helps = not c.korean and c.has(Mark.COMMIT) and c.has(Mark.ANAPHOR)
            helps = helps and (
                c.has(Mark.CONTACT) or bool(_FOR_YOU.search(c.text)) or bool(_THEM.search(c.text))
            )
            if before in self.about_tickets and not (
                helps
                or (trouble and not c.korean and not before.has(Mark.BLOCK))
                or (thin and c.has(Mark.CONTACT))
                or (thin and c.has(Mark.COMMIT) and _FOR_YOU.search(c.text))
            ):
                break
            if not before.words or (out and sum(before.words.values()) < 0.5):
                continue
            if not same_turn and before.days and _is_all(before.text, before.days):
                continue  # only a day
            aside = not (same_turn or c.korean) and len(before.text) <= 12
            if aside and not before.has(_RAISES) and not points:
                continue  # "oh joy"
            if not same_turn and len(before.text) <= 20 and _MONTH_NAME.search(before.text):
                continue
            if not same_turn:
                near = (
                    trouble or helps or (gap <= 1 and (c.has(Mark.ANAPHOR) or self._own(c) < 1.0))
                )
                wanted = before.has(_RAISES) or points or near
                asked = gap <= 1 and any(
                    b.turn == before.turn and b.has(_ASKS) for b in self.recent
                )
                wanted = wanted or bool(out and before.turn == out[-1].turn)
                if not thin and not asked and not near:
                    wanted = wanted and overlap(before.words, c.words)[0] >= 0.5
                if not (wanted or asked):
                    break
            out.append(before)
            if before.has(Mark.SHIFT):
                break
        return out[::-1]

    def _only_interrupted(self, before: Clause, c: Clause) -> bool:
        """Whether nothing but a word from others came between two clauses of one speaker."""
        if c.korean or before.speaker is None or before.speaker != c.speaker:
            return False
        between = [b for b in self.recent if b.order > before.order and b.turn != c.turn]
        between = [b for b in between if b.turn != before.turn]
        return (
            bool(between)
            and c.order - before.order <= 2
            and all(
                sum(b.words.values()) <= 1.0 and not b.has(Mark.QUESTION | _PROMISE)
                for b in between
            )
        )

    def _report(self, c: Clause) -> None:
        """Work under way or done that no ticket covers."""
        no = (
            Mark.QUESTION
            | Mark.HYPO
            | Mark.UNSURE
            | Mark.NOT_DONE
            | Mark.SMALL_TALK
            | Mark.PAST_STORY
        )
        no |= Mark.JOKE | Mark.OTHER_TEAM | Mark.BLOCK | Mark.AGAINST | Mark.REOPEN | Mark.PLAN
        if c.has(no) and not (c.has(Mark.QUESTION) and c.doers and c.has(Mark.PROGRESS)):
            return
        shift = c.has(Mark.SHIFT) or (
            c.has(Mark.PROGRESS)
            and any(
                b.turn == c.turn and b.has(Mark.SHIFT) and b not in self.about_tickets
                for b in self.recent[-3:]
            )
        )
        raised = [b for b in self.recent[-3:] if b.turn == c.turn and _RAISED.search(b.text)]
        shift = shift or (c.has(Mark.FINISHED) and bool(raised))
        if c.korean and c.has(Mark.WHO):
            return
        if not (c.has(Mark.FIRST) or c.doers or (c.korean and shift)):
            return
        if self._rest_of_others(c) or self._unreal(c):
            return
        if any(b.has(Mark.PAST_STORY) and c.order - b.order <= 2 for b in self.recent[-4:]):
            return
        context = self._context(c) if self._own(c) < 2.5 or c.has(Mark.ANAPHOR) else []
        context = [b for b in context if b.turn == c.turn]
        weight = self._own(c) + sum(sum(b.words.values()) for b in context)
        least = 1.8
        if c.has(Mark.FIRST) and (c.korean or c.has(Mark.SHIFT | Mark.FINISHED)):
            told = not c.korean and c.has(Mark.SHIFT) and c.has(Mark.DONE)
            least = 1.0 if told else 1.3
        if c.korean and c.has(Mark.FIRST) and c.has(Mark.DONE) and c.topic:
            least = 1.0  # "톱날은 제가 갈아 놨어요"
        trouble = any(b.has(Mark.PROBLEM | Mark.SHIFT) for b in context)
        if trouble and c.has(Mark.FIRST) and c.has(Mark.DONE) and not c.korean:
            least = 1.0  # "we ran out of gloves, I put the order in"
        if c.has(Mark.FIRST) and c.has(Mark.PROGRESS):
            rest = c.act_text.partition(" ")[2]
            if sum(w not in STOP for w in re.findall(r"[a-z'-]+", rest.lower())) >= 2:
                least = 1.0
        if weight < least or not (c.act_text or c.korean):
            return
        before = self.recent[-1] if self.recent else None
        answers = before is not None and before.has(Mark.QUESTION) and before.turn != c.turn
        unnamed = not c.korean and not _NAMES_DOER.search(c.text)
        if unnamed and (answers or self._is_verbs_only(c)):
            return  # "paid and filed two weeks ago, yeah"
        work = Work(kind=Mark.DONE, clause=c, words={}, last=c.order, firm=True)
        work.status = IN_PROGRESS if c.has(Mark.PROGRESS) else DONE
        for b in (*context, c):
            self._learn_words(work, b.words)
            work.heard.append(b)
        work.topic = " ".join(b.text for b in context[-1:])
        if len(c.doers) == 1:
            work.assignee = c.doers[0]
        elif c.speaker in self.people:
            work.assignee = c.speaker
        self._begin(work)
        self.subject = Subject(work=work, order=c.order, turn=c.turn)

    def _is_verbs_only(self, c: Clause) -> bool:
        """Whether a report without a subject names no thing either."""
        rest = [w for w in re.findall(r"[a-z]+", c.text.lower()) if verbs.base_of(w) is None]
        nouns = self.board.vocabulary.words(" ".join(rest))
        return sum(nouns.values()) < 1.0

    def _learn_words(self, work: Work, words: dict[str, float]) -> None:
        for word, weight in words.items():
            if word not in work.words and len(work.words) < 24:
                work.words[word] = weight
        if work in self.works[-3:]:
            self._index(work)

    def _begin(self, work: Work) -> None:
        work.number = len(self.works)
        self.works.append(work)
        self.touched.add(work.number)
        self._index(work)
        for b in self.recent[-6:]:
            if work.clause.order - b.order <= 2:
                self.diary.lies_around(work, b)
        self.diary.begins(work)

    def _index(self, work: Work) -> None:
        for word in work.words:
            self.by_word[word][work.number] = None

    # -------------------------------------------------------------- reactions

    def _react(self, c: Clause) -> None:
        """Laughter and refusal right after a promise take it back."""
        if not self.works:
            return
        work = self.works[-1]
        gap = c.order - work.clause.order
        if not work.alive or not 0 < gap <= 2 or c.turn == work.clause.turn:
            return
        since = [b for b in self.recent if b.order >= work.clause.order and b not in work.heard]
        if self._moved_on(work) and any(b.turn != work.clause.turn for b in since):
            return
        teased = c.has(Mark.LAUGH) or (
            c.has(Mark.JOKE) and (c.has(Mark.ANAPHOR) or sum(c.words.values()) < 2.0)
        )
        told = work.kind is Mark.DONE and not c.korean and not c.has(Mark.JOKE)
        if teased and gap <= 1 and not work.accepted and not told:
            work.dropped = "laughed at"
        elif not c.korean and _NO.match(c.text) and gap <= 1 and not work.accepted:
            if work.kind is not Mark.DONE and work.assignee != c.speaker:
                work.dropped = "refused"
        elif (
            c.has(Mark.REFUSE)
            and c.has(Mark.AGAINST)
            and sum(c.words.values()) < 1.0
            and work.last == work.clause.order
        ):
            work.dropped = "refused"

    # -------------------------------------------------------------- blockers

    def _note_block(self, c: Clause) -> None:
        cannot, self.cannot = self.cannot, None
        own_fault = _OWN_FAULT.search(c.text) is not None
        if own_fault and self.blocks and len(self.blocks[-1]) == 1:
            blocked = self.blocks[-1][0]
            if blocked.turn == c.turn and not blocked.has(Mark.PROBLEM):
                self.blocks.pop()  # nothing outside the speaker's reach
        if cannot is not None and cannot.turn == c.turn and not c.has(Mark.QUESTION | Mark.BLOCK):
            others = c.has(Mark.NEED) and not c.has(Mark.FIRST)
            if (
                others
                or c.has(Mark.PROBLEM | Mark.NOT_DONE | Mark.UNSURE)
                or _BECAUSE.match(c.text)
            ):
                self.blocks.append([cannot, c])
                return
            self.cannot = cannot
        if not c.has(Mark.BLOCK) or c.has(Mark.QUESTION | Mark.HYPO | Mark.JOKE | Mark.LAUGH):
            return
        if c.has(Mark.RELAPSE):
            return
        if c.korean and c.has(Mark.FIRST) and c.speaker is not None:
            asked = [b for b in self.recent[-3:] if b.turn != c.turn and c.order - b.order <= 1]
            if any(c.speaker in b.doers for b in asked):
                return  # declines what was just asked
        before = [b for b in self.recent[-4:] if b.turn == c.turn]
        if any(b.has(Mark.PAST_STORY) for b in (*before, c)) and not c.has(Mark.PROGRESS):
            return
        trouble = Mark.BLOCK | Mark.BLOCK_HARD | Mark.PROBLEM | Mark.NOT_DONE
        causes = [b for b in before if b.has(trouble)]
        if not c.has(Mark.BLOCK_HARD) and not causes:
            if c.korean or not c.has(Mark.CANNOT):
                return
            if self.subject.ticket is None or len(c.text.split()) < 8:
                self.cannot = c
                return
        firm = Mark.BLOCK_HARD | Mark.CANNOT
        if not c.korean and not any(b.has(firm) for b in (*before, c)):
            return
        if self.blocks:
            last = self.blocks[-1]
            gap = c.order - last[-1].order
            own = sum(c.words.values())
            again = any(overlap(b.words, c.words)[0] >= 0.8 for b in last)
            replies = any(
                b.has(Mark.QUESTION) and 0 <= b.order - last[-1].order <= 2
                for b in self.recent[-3:]
            )
            told_on = replies and gap <= 2 and (c.has(Mark.ANAPHOR) or bool(_PERSON.match(c.text)))
            told_on = told_on or (
                gap <= 2 and c.korean and c.speaker is not None and c.speaker == last[-1].speaker
            )
            agrees = c.korean and gap <= 1 and c.has(Mark.ACCEPT | Mark.ANAPHOR)
            told_on = told_on or agrees
            if last[-1].turn == c.turn or told_on or (gap <= NEAR and (own < 1.0 or again)):
                last.append(c)
                return
        self.blocks.append([c])

    # -------------------------------------------------------------- result

    def result(self) -> Extraction:
        drafts = [self.draft(w) for w in self.works]
        return Extraction(
            new_tickets=tuple(sorted((d for d in drafts if d), key=lambda d: d.evidence)),
            ticket_updates=self.intents(sorted({*self.claims, *self.mentions})),
            blockers=tuple(_blocker(block) for block in self.blocks if self.is_stuck(block)),
            engine="local",
        )

    def intents(self, tickets: Iterable[int]) -> tuple[StatusIntent, ...]:
        return tuple(i for t in tickets if (i := self._intent(t)) is not None)

    def draft(self, work: Work) -> Draft | None:
        """The ticket that the work asks for; None when it was dropped, or is not firm."""
        if not self._stands(work):
            return None
        draft = self._draft(work)
        return self._judged(work, draft) if self._is_worth(work, draft) else None

    def _judged(self, work: Work, draft: Draft) -> Draft:
        """The draft with its status and due date by the learned readers."""
        candidate = self._candidate(work, draft)
        if candidate is None or len(self.lines.segments) < worth.ENOUGH:
            return draft
        status = worth.state(worth.stated(candidate, work.status, self.odds))
        near = self._places_near(work)
        assignee = work.assignee
        if assignee is None and not work.candidates:
            assignee = self._called_on(work) or self._taken_by(work)
            if status is not TODO and work.clause.speaker in self.people:
                assignee = assignee or work.clause.speaker  # who reports it
        return replace(
            draft,
            status=status,
            assignee_id=assignee,
            content=self._told_whole(work, near),
            due=self._due(work, near) if status is not DONE or work.clause.korean else None,
            reason=self._reason(work, status, assignee),
        )

    def touch_again(self) -> None:
        """Touch what the learned reader may judge otherwise now: it looks at what lies around."""
        heard = len(self.lines.segments)
        if heard == worth.ENOUGH:
            self.touched.update(range(len(self.works)))
        late = self.works[-2 * NEIGHBOURS :]
        self.touched.update(w.number for w in late if heard - w.last <= 2 * worth.REACH + 1)
        for n in list(self.touched):
            self.touched.update(
                range(max(0, n - NEIGHBOURS), min(len(self.works), n + NEIGHBOURS + 1))
            )
        for said in self.diary.said:
            if heard - said.places[-1] <= 2 * worth.REACH + 1:
                self.touched.update(link.number for link in said.links)

    def _is_worth(self, work: Work, draft: Draft) -> bool:
        """Whether the learned reader takes it for work, and for none that is drafted already."""
        candidate = self._candidate(work, draft)
        if candidate is None:
            return True
        if len(self.lines.segments) < worth.ENOUGH and (
            self.is_over or candidate.how != "reported"
        ):
            return True  # a report may still turn out to be one of a known ticket
        chance = worth.worth(candidate, self._places_near(work), self.odds)
        return chance >= worth.LEAST

    def _candidate(self, work: Work, draft: Draft) -> worth.Candidate | None:
        places = self._places(draft.evidence)
        if not places:
            return None
        hows = {
            Mark.REQUEST: "asked",
            Mark.COMMIT: "promised",
            Mark.NEED: "agreed",
            Mark.WEAK: "intended",
        }
        return worth.Candidate(
            places=places,
            how=hows.get(work.kind, "reported"),
            has_due=work.due is not None,
            has_assignee=work.assignee is not None,
            title_words=len(draft.title.split()),
            read_out=work.read_out,
        )

    def _told_whole(self, work: Work, near: Sequence[worth.Places]) -> str:
        """The captions that the ticket is made of, whole, with those before that led to it.

        A clause says what is to be done; what it is about often stands beside it.
        """
        said = [c for c in work.heard if c is work.clause or _says_something(c)]
        mine = set(self._places(_seqs(said)))
        others = {p for places in near for p in places}
        maker = self._places(work.clause.seqs)[-1]
        for i in range(min(mine) - 1, max(-1, min(mine) - 1 - NEAR), -1):
            chance = worth.probability(self.odds(i)[worth.EVIDENCE])
            if i in others or i in self.commands or chance < worth.LEADS_TO:
                break
            mine.add(i)
        first = sorted(p for p in mine if p <= maker)
        rest = sorted(mine.difference(first))
        texts = [clean(self.lines.segments[p].text) for p in (*first, *rest)]
        return " ".join(dict.fromkeys(texts))[:MAX_CONTENT_CHARS]

    def _called_on(self, work: Work) -> UserId | None:
        """The one member who is called by name and spoken to about the work ("Kofi d'you wanna …")."""
        called = {
            who[0]
            for c in work.heard
            for who in c.named
            if len(who) == 1
            and who[0] != c.speaker
            and who[0] not in c.excluded
            and (c.has(Mark.REQUEST) or _TO_YOU.search(c.text))
        }
        return called.pop() if len(called) == 1 else None

    def _taken_by(self, work: Work) -> UserId | None:
        """Who else takes what was asked of nobody by name, soon and in words of their own."""
        if work.kind not in (Mark.REQUEST, Mark.NEED, Mark.WEAK):
            return None
        maker = self._places(work.clause.seqs)[-1]
        for i in range(maker + 1, min(maker + 1 + NEAR, len(self.lines.segments))):
            segment = self.lines.segments[i]
            takes = _TAKES.search(segment.text) and not segment.text.rstrip().endswith("?")
            likely = worth.probability(self.odds(i)[worth.EVIDENCE]) >= worth.LEADS_TO
            if takes and likely and segment.speaker != work.clause.speaker:
                return segment.speaker if segment.speaker in self.people else None
        return None

    def _due(self, work: Work, near: Sequence[worth.Places]) -> date | None:
        """When it is due by the learned reader."""
        return when.best(
            (when.chance(when.weighed(it, near, self.odds)), it.link.said, due)
            for it, due in self.dating(work)
        )

    def dating(self, work: Work) -> list[tuple[when.Dating, date]]:
        """The days that the work may be due on, and the date that each would mean."""
        return self.diary.datings(work, self._places(_seqs(_proof(work))))

    def _places(self, evidence: Iterable[int]) -> worth.Places:
        place = self.lines.place
        return tuple(place[seq] for seq in evidence if seq in place)

    def _places_near(self, work: Work) -> list[worth.Places]:
        n = work.number
        near = self.works[max(0, n - NEIGHBOURS) : n + NEIGHBOURS + 1]
        return [self._places(_seqs(_proof(w))) for w in near if w is not work and self._stands(w)]

    def _stands(self, work: Work) -> bool:
        if not work.alive or (work.refused and not work.assignee):
            return False
        if work.kind in (Mark.WEAK, Mark.NEED):
            return work.firm
        return True

    def _draft(self, work: Work) -> Draft:
        """As the rules have it."""
        title = self._title(work)
        confidence = {Mark.REQUEST: 0.7, Mark.COMMIT: 0.75, Mark.NEED: 0.6, Mark.WEAK: 0.55}.get(
            work.kind, 0.55
        )
        confidence += 0.08 * bool(work.due) + 0.05 * bool(work.assignee) + 0.05 * work.accepted
        most = READ_OUT_CONFIDENCE if work.read_out else 0.95
        return Draft(
            title=title,
            content=_content(work),
            status=work.status,
            assignee_id=work.assignee,
            due=work.due if work.status is not DONE or work.clause.korean else None,
            evidence=_seqs(_proof(work)),
            confidence=min(confidence, most),
            reason=self._reason(work, work.status, work.assignee),
        )

    def _title(self, work: Work) -> str:
        c = work.clause
        days = [c.text[d.start : d.end] for d in c.days]
        before = work.heard[: work.heard.index(c)]
        if c.korean:
            acts = [b.act_text if b.korean else b.text for b in before]
            later = next((h.act_text for h in work.heard if h.has(Mark.COMMIT) and h.korean), "")
            text = korean.title(c.act_text, topics=acts, thin=self._own(c) < 1.0, later=later)
        else:
            topics = [b.text for b in before if b.words]
            text = english.title(c.act_text, topics=topics, days=days, source=c.text)
        if len(text) < 4:
            text = (work.topic or c.text).strip(" ,.?!")
        return _shorten(text)

    def _reason(self, work: Work, status: TicketStatus, assignee: UserId | None) -> str:
        asked = {
            Mark.REQUEST: "somebody was asked",
            Mark.COMMIT: "somebody promised it",
            Mark.NEED: "the group agreed that it is needed",
            Mark.WEAK: "somebody intends it and it was confirmed",
        }.get(work.kind)
        told = {DONE: "reported as done", IN_PROGRESS: "reported as under way"}.get(status)
        judged = work.read_out or not (asked or told)
        parts = [asked, told, "judged by how it was told" if judged else None]
        how = "; ".join(part for part in parts if part)
        if assignee is None and len(work.candidates) > 1:
            names = ", ".join(self.people.name(u) for u in work.candidates[:4])
            more = len(work.candidates) - 4
            names += f" and {more} more" if more > 0 else ""
            how += f"; nobody assigned, since the name fits {names}"
        elif assignee is None:
            how += "; nobody assigned, since nobody is named and the speaker is not known"
        return how

    def _intent(self, ticket: int) -> StatusIntent | None:
        """The ticket's new status by rules and by the learned reader; None: it is as before."""
        by_rules = self.by_rules(ticket)
        mentions = tuple(self.mentions.get(ticket, ()))
        if (self.is_over and len(self.lines.segments) < worth.ENOUGH) or not mentions:
            return by_rules
        known = self.board.tickets[ticket]
        status = by_rules.new_status if by_rules else None
        confidence = by_rules.confidence if by_rules else 0.0
        odds = self.odds
        chances = worth.outcome(
            worth.told(known.status, status, confidence, mentions, odds), known.status
        )
        move, chance = max(((s, p) for s, p in chances.items() if s), key=lambda found: found[1])
        reopens = known.status is DONE and by_rules is None
        if chance < (worth.CLEAR if reopens else worth.SURE):
            return None
        if by_rules is not None and move is by_rules.new_status:
            return by_rules
        asked = worth.MOVED[move]
        best = max(mentions, key=lambda i: odds(i)[asked])
        return StatusIntent(
            ticket_id=known.ticket_id,
            new_status=move,
            reason=_why(known.status, move) + "; judged by how it was told",
            evidence=(self.lines.segments[best].seq,),
            confidence=min(READ_OUT_CONFIDENCE, chance),
        )

    def by_rules(self, ticket: int) -> StatusIntent | None:
        """The ticket's new status by the rules alone."""
        known = self.board.tickets[ticket]
        status = known.status
        evidence: list[Clause] = []
        reopened = False
        for claim in self.claims[ticket]:
            before = status
            if claim.reopen:
                if known.status is not DONE and status is not DONE:
                    continue
                later = [x for x in self.claims[ticket] if x.clause.order >= claim.clause.order]
                works = any(x.status is IN_PROGRESS and not x.reopen for x in later)
                if claim.firm_reopen or works or sum(x.reopen for x in self.claims[ticket]) > 1:
                    near = [x for x in self.claims[ticket] if _apart(x, claim) <= NEAR]
                    begun = any(
                        (x.status is IN_PROGRESS or x.clause.has(Mark.PROGRESS)) and _is_on_it(x)
                        for x in near
                    )
                    status, reopened = IN_PROGRESS if begun else TODO, True
            elif claim.status is None:
                if status is DONE and known.status is not DONE:
                    begun = any(x.status is IN_PROGRESS for x in self.claims[ticket])
                    status = IN_PROGRESS if begun else known.status
            elif claim.status is DONE:
                if not reopened:
                    status = DONE
            elif claim.status is IN_PROGRESS:
                if known.status is DONE and not reopened:
                    continue
                status = IN_PROGRESS
            if status != before or status != known.status:
                evidence.append(claim.clause)
        if status is known.status or not evidence:
            return None
        return StatusIntent(
            ticket_id=known.ticket_id,
            new_status=status,
            reason=_why(known.status, status),
            evidence=_seqs(evidence),
            confidence=0.8 if len(evidence) > 1 else 0.7,
        )


_WHOLE = re.compile(
    r"\b(?:all|everything|whole|both|completely|fully|finished|done|complete)\b|다\s|전부|모두|끝|완료|마무리|완성",
    re.IGNORECASE,
)
_NOT_BEGUN = re.compile(
    r"(?:n't|not|nobody's?|never|yet to)\b.{0,20}\b(?:start|started|begin|begun|touch|touched)\b|(?:시작|착수|손)\S*\s*(?:\S+\s)?(?:못|안|않)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"\b(?:is|are|was|were|has|have)\b|(?:고|니다|죠|거든요|잖아요|려고요|거고요|거예요|었어요|았어요|했어요|됐어요)[.,]?$",
    re.IGNORECASE,
)
"""A clause with a verb of its own, which asks nothing."""
_SEARCH = re.compile(
    r"\b(?:hire|recruit|find|choose|select|source|appoint|book a|look for|pick a)\b|채용|모집|섭외|찾기|구하기|선정|위촉|선임|영입",
    re.IGNORECASE,
)
_STAGE = re.compile(
    r"\b(?:ads?|adverts?|advertised?|advertisement|posting|listing|vacancy|applicants?|applications?|applied|interview(?:s|ed)?|"
    r"candidates?|short-?list(?:ed)?|enquir\w+|rung|rang|contacted|pitched|quotes?)\b|공고|광고|구인|지원(?:했|자|서)|면접|후보|문의|연락|제안서|전화했",
    re.IGNORECASE,
)
"""What happens while somebody or something is being looked for."""
_OWN_FAULT = re.compile(
    r"게을[러르]|바빠|바쁘|바빴|깜빡|까먹|정신이?\s*없|시간이?\s*(?:안|없)|귀찮|\b(?:too busy|lazy|forgot|didn't have time|haven't had (?:time|a minute))\b",
    re.IGNORECASE,
)
_WHO_DOES = re.compile(
    r"\bwho(?:'s|'ll|'d| is| can| will| could| wants| would|se)?(?: going to| gonna| able to| to)? (?:doing|going|up for|taking|on|do|does|take|takes|help|own|owns|handle|sort|look|make|write|free|around|in charge|responsible|turn|job|volunteer)|\b(?:can|could|will|would) (?:someone|somebody|anyone|anybody)\b|\bany (?:takers|volunteers)\b",
    re.IGNORECASE,
)
_OUGHT = re.compile(r"\b(?:has|have|needs?|ought) to\b|\bshould\b|\bmust\b", re.IGNORECASE)
_NEW_THING = re.compile(
    r"\b(?:something new|new (?:work|things?|business|topic|items?|stuff|ones|actions?|bits?|tasks?|jobs?|asks?|requests?)|here's a new)\b(?! (?:in|on|for|at|from)\b)",
    re.IGNORECASE,
)
_MONTH_NAME = re.compile(
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)
_AND = re.compile(r"(?:and|also|then|plus|but|so|oh|as well)\b", re.IGNORECASE)
_DONE_SOME = re.compile(
    r"\b(?:done|finished|did|completed|fixed|sorted) (?:the|my|our|all the|two|three|four|five|six|seven|eight|nine|ten|\d+) \w+",
    re.IGNORECASE,
)
_FAILED_AFTER = re.compile(
    r"\b(?:crashed|broke|failed|leaked|died|fell (?:off|over|apart)|came (?:off|away|loose)|snapped|jammed|blew|tripped|froze|burst|didn't (?:work|hold|take|fit|help|last))\b",
    re.IGNORECASE,
)
_BACK_TO = re.compile(
    r"(?:(?:and|so|but|ok|okay|right|oh|um|wait|sorry|actually|hang on|hold on|no|also|one more|about|on|with|for|back to|going back to|the thing is|listen|[A-Z][a-z]+),? ){0,5}?"
    r"(?:(?:about|on|with|for) )?(?:the|that|those|your|my|our) (?P<thing>[\w-]+(?: [\w-]+){0,2}?)(?=[.,?!]|$| (?:it's|that's|they|is it|can|could|do|does|have|i've|we've|i'm|it|has)\b)",
    re.IGNORECASE,
)
_THEM = re.compile(r"\b(?:him|her|them|there)\b", re.IGNORECASE)
_NAMES_DOER = re.compile(r"\b(?:i|we|i've|we've|he|she|they|i'm|we're)\b", re.IGNORECASE)
_NO = re.compile(r"(?:(?:oh|god|er|um),? )*(?:no|nope|nah)[.!,]?$", re.IGNORECASE)
_SOMETHING = re.compile(r"\b(?:something|one|it|that|them|those)\b", re.IGNORECASE)
_GOES_ON_WITH = re.compile(
    r"\b(?:i'll|we'll|i will|we will|i'm going to|i'm gonna) (?:\w+ )?(?:carry on|crack on|keep (?:going|at it)|press on|finish (?:it|them|that|the rest|off)|do the (?:rest|others?|last)|get back to it|pick it (?:back )?up again|continue)\b",
    re.IGNORECASE,
)
_SAYS_WHO = re.compile(r"\b(?:that's|it's|who's|was|that is)\b", re.IGNORECASE)
_SOMEBODY = re.compile(
    r"\b(?:he|she|they|he's|she's|they're|engineer|fitter|plumber|electrician|mechanic|technician|builders?|vet|team|crew|guy|bloke|man|woman|lads?|being|underway|under way)\b",
    re.IGNORECASE,
)
_NO_THING = re.compile(
    r"(?:(?:ha|ok|okay|so|right|fine|well|then|sorry),? )*no (?P<thing>(?!problem|worries|rush|way|idea)[\w-]+(?: [\w-]+)?)(?: then)?[.!]?$",
    re.IGNORECASE,
)
_DID_THAT = re.compile(r"\bdid (?:that|it|this|those|them)\b", re.IGNORECASE)
_ALL_OF = re.compile(
    r"\b(?:all|everything|whole|both|completely|fully|every|each|entire)\b", re.IGNORECASE
)
_FRAGMENT = re.compile(
    r"(?:(?:and|so|ok|okay|right|now|then|oh|next|what about|how about),? )*(?:the|your|our|that|those) [\w-]+(?: [\w-]+)?(?:,? [A-Za-z]+)?[?.,]?$",
    re.IGNORECASE,
)
_HOW_ABOUT = re.compile(
    r"(?:(?:and|so|ok|okay|right|now|then|oh),? )*(?:what|how) about (?:the|that|your|our|those|this)\b",
    re.IGNORECASE,
)
_FRONTED = re.compile(
    r"(?:(?:and|so|ok|okay|right|now|then|oh|but|sorry|about|on),? )*(?:the |those |these |that |our |my )?(?P<front>[\w-]+(?: [\w-]+)?), ",
    re.IGNORECASE,
)
_LIST = re.compile(r"\s*(?:[,;]|\band\b)\s*")
_PERSON = re.compile(r"(?:well |oh |yeah |and )?(?:he|she|they|it)\b", re.IGNORECASE)
_ENDS = re.compile(r"취소|해지|철회|폐기|중단|폐지|없애|삭제|제거|해제|탈퇴|종료")
_LET_US = re.compile(r"(?:시다|[하시]죠|자)[.,]?$")
_LEADS_ON = re.compile(r"(?:니까|어서|아서|라서|느라)요?[.,]?$")
_ANEW = re.compile(r"(?:아|어|네)?[,\s]*(?:참|맞다|그리고|저기|하나\s*더|한\s*가지)[,\s]")
_RAISED = re.compile(r"있잖아요|있죠|말인데|말이에요|말입니다|기억하시")
_MOVES = re.compile(
    r"(?:로|으로|까지|을|를|하루|이틀|사흘|며칠)\s*(?:\S+\s)?(?:미루|미룰|미뤄|당기|당길|당겨|앞당기|앞당길|앞당겨|늦추|늦출|늦춰|옮기|옮길|옮겨|연기)"
)
_JUST_DAY = re.compile(
    r"(?:요일|일|모레|내일|말|주)(?:로|까지로?)\s*(?:할게|하겠|하죠|합시다|할까)"
)
_DECLINES = re.compile(
    r"(?:혼자|저희끼리|저희가|제가)\s*(?:\S+\s)?(?:해도|하면)\s*(?:돼|됩|되|충분)|안\s*(?:\S+\s)?(?:하셔도|해도|주셔도|줘도)\s*(?:돼|됩|괜찮)|(?:아직은?|지금은?)\s*(?:괜찮|필요\s*없|안\s*필요)"
)
_TAKEN_OVER = re.compile(r"제가\s*(?:\S+\s)?(?:받았|맡았|넘겨받|이어받|인계받|하기로)")
_LINKED = re.compile(r"(?:고|는데|지만)요?[,.]?$")
_ONLY = re.compile(r"만\s\S+\s*(?:돼|됩|되)")
_AT_WORK = re.compile(
    r"\b(?:i'm|we're) (?!using|running|getting|seeing|taking)\w+ing\b|\b(?:still|work(?:ing)?|half|halfway|left|to go|remaining|rest|underway|started|begun|so far|rolling|being \w+)\b"
    r"|아직|남|진행|작업|시작|지금(?!.*(?:잘|쓰|사용|돌아|운영|나오|나가)).*(?:고 있|중)",
    re.IGNORECASE,
)


def _is_on_it(claim: Claim) -> bool:
    """Whether somebody is at it, not only some of it still well ("two of them are back")."""
    c = claim.clause
    return c.korean or c.has(Mark.FIRST) or bool(c.named) or _SOMEBODY.search(c.text) is not None


def _names_only(c: Clause) -> bool:
    """Whether a clause only brings something up ("Hartwell first", "한빛부터 볼까요")."""
    return (
        0 < sum(c.words.values()) <= 2.5 and len(c.text) <= 30 and not c.has(_STATUS | Mark.COMMIT)
    )


def _in_use(c: Clause) -> bool:
    """Whether a clause tells how a finished thing is used ("we've been printing off it")."""
    return not c.has(Mark.BEGUN | Mark.NOT_DONE) and not _AT_WORK.search(c.text)


def _is_all(text: str, days: Sequence[Day]) -> bool:
    """Whether a clause says little more than a day."""
    rest = len(text) - sum(d.end - d.start for d in days)
    return rest <= (8 if is_hangul(text) else 22)


def _same_weekday(work: Work, c: Clause) -> bool:
    """Whether the first day said has the weekday on which the work is due."""
    first = c.text[c.days[0].start : c.days[0].end]
    return (
        work.due is not None and "요일" in first and work.due.weekday() == c.days[0].day.weekday()
    )


def _blocker(block: Sequence[Clause]) -> Blocker:
    return Blocker(evidence=_seqs(block), about=" ".join(b.text for b in block)[:300])


def _apart(a: Claim, b: Claim) -> int:
    return abs(a.clause.order - b.clause.order)


def _why(old: TicketStatus, new: TicketStatus) -> str:
    if old is DONE:
        return "said to be open again"
    return "said to be finished" if new is DONE else "said to have begun"


def _seqs(heard: Iterable[Clause]) -> tuple[int, ...]:
    return tuple(sorted({seq for c in heard for seq in c.seqs}))


_CLOSING = Mark.ACCEPT | Mark.SHIFT | Mark.LAUGH | Mark.SMALL_TALK | Mark.QUESTION | Mark.ANAPHOR
"""All that "good", "thanks" and "right, so what else" do."""


def _says_something(c: Clause) -> bool:
    return bool(c.words or c.days or c.marks & ~_CLOSING)


def _proof(work: Work) -> list[Clause]:
    """What the ticket rests on: what says something of it, who is named, and the first yes to it.

    What people say to end a topic is left out.
    """
    replies = [c for c in work.heard if c.has(Mark.ACCEPT) and c.turn != work.clause.turn]
    return [
        c
        for c in work.heard
        if c is work.clause or _says_something(c) or c.named or c.doers or c in replies[:1]
    ]


def _content(work: Work) -> str:
    """The sentences the ticket is made of: the one that made it and what led to it first."""
    said = [c for c in work.heard if c is work.clause or _says_something(c)]
    first = [c for c in said if c.order <= work.clause.order]
    rest = [c for c in said if c not in first]
    return " ".join(dict.fromkeys(c.text for c in (*first, *rest)))[:MAX_CONTENT_CHARS]


def _shorten(text: str) -> str:
    if len(text) <= MAX_TITLE_CHARS:
        return text
    cut = text[: MAX_TITLE_CHARS - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[40:] else cut).rstrip(" ,") + "…"
