"""Which of the days in a clause say when work is due, and which say something else. Pure.

A day may be a limit ("by Friday", 금요일까지), a mere day ("on Friday"), one that is turned down
("not Friday", "Friday's a holiday", 금요일 말고, 금요일은 연차라), or the day of something else
("Friday's show", "they open on Friday", 금요일 공연). Limits count more than mere days, and of
several the last one said.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from vori.ids import UserId
from vori.tickets.extract.clause import Clause, Mark
from vori.tickets.extract.dates import Day, Kind, next_weekday
from vori.tickets.extract.match import is_hangul, overlap
from vori.tickets.extract.wordlist import listed
from vori.tickets.messages import TicketStatus


class Role(Enum):
    """What a day is said for."""

    LIMIT = "limit"
    PLAIN = "plain"
    OFF = "off"  # turned down, or somebody is away
    EVENT = "event"  # the day of something else


class Told(Struct, frozen=True, kw_only=True):
    """What a clause tells of days."""

    due: tuple[Day, ...]
    """Days that work may be due on: the limits, or without any the mere days."""
    off: tuple[Day, ...]
    is_limit: bool
    moves: bool
    """Whether a day is moved or corrected ("make that Wednesday", 미룰게요)."""
    later: bool
    sooner: bool
    suits: bool
    """Whether the clause is about whether the day suits ("Monday's fine", 월요일까지 될까요)."""
    thin: bool
    """Whether it says little more than a day."""

    @property
    def day(self) -> Day:
        """The one that counts, of days that work may be due on: the last."""
        return self.due[-1]


def told(c: Clause) -> Told:
    """What the days of a clause are said for."""
    given = list(zip(c.days, roles(c.text, c.days), strict=True))
    limits = tuple(d for d, role in given if role is Role.LIMIT)
    plain = tuple(d for d, role in given if role is Role.PLAIN)
    off = tuple(d for d, role in given if role is Role.OFF)
    made = tuple(d for d in limits or plain if _MAKE_IT.search(c.text[: d.start].lower()))
    rest = _rest(c.text, c.days)
    later = _LATER.search(c.text) is not None
    sooner = _SOONER.search(c.text) is not None
    return Told(
        due=made or limits or plain,
        off=off,
        is_limit=bool(limits),
        moves=later or sooner or bool(off) or c.has(Mark.CORRECT) or bool(_MOVES.search(c.text)),
        later=later,
        sooner=sooner,
        suits=_SUITS.search(c.text) is not None,
        thin=(len(rest) <= (8 if is_hangul(c.text) else 22) and sum(c.words.values()) < 1.0)
        or not _FILLERS.sub("", rest).strip(" ,.?!"),
    )


def roles(text: str, days: Sequence[Day]) -> list[Role]:
    """The role of each of the days, which are in order."""
    out = []
    for i, day in enumerate(days):
        before = text[days[i - 1].end if i else 0 : day.start].lower()
        after = text[day.end : days[i + 1].start if i + 1 < len(days) else len(text)].lower()
        role = _korean_role if is_hangul(text) else _english_role
        out.append(role(before, text[day.start : day.end].lower(), after, day))
    return out


def agreed(
    day: Day, old: date | None, told_: Told, today: date, *, in_week: bool, sooner: bool
) -> date:
    """The date that is meant when one was agreed on before.

    `in_week`: whether that one was said with its week or date, so that a mere weekday is the
    one of its week. `sooner`: whether an earlier day is looked for.
    """
    if old is None or day.kind is not Kind.WEEKDAY:
        return day.day
    if old > day.day == next_weekday(today, old.weekday()):
        return old  # the same weekday, said once more
    found = day.day
    if in_week and old - today > timedelta(days=1):
        found = old - timedelta(days=old.weekday() - day.day.weekday())
    if sooner and found >= old and day.day < old:
        return day.day
    if found <= today or (told_.later and found < old):
        found += timedelta(days=7)
    return found


def _rest(text: str, days: Sequence[Day]) -> str:
    for d in reversed(days):
        text = text[: d.start] + text[d.end :]
    return text.strip(" ,.?!")


# ------------------------------------------------------------------ English

_EVENTS = "|".join(
    listed(
        "meeting meet-up call show class session match game party wedding service delivery inspection audit visit demo "
        "launch release sprint shift performance rehearsal matinee review standup stand-up workshop course training "
        "appointment interview flight train tour market fair festival event conference edition paper issue tasting "
        "dinner breakfast shoot concert gig hearing board committee order drop collection trip exam lesson assembly "
        "opening run race tournament ceremony funeral christening webinar briefing presentation pitch crew lot booking "
        "bookings guests arrivals intake surgery clinic round rush crowd"
    )
)
_EVENT_AFTER = re.compile(rf"(?:'s)? (?:[\w-]+ )?(?:{_EVENTS})s?\b")
_OWNS = re.compile(
    r"'s (?!(?:a|an|the|no|not|fine|good|great|better|best|ok|okay|out|off|too|when|my|your|our|perfect|doable|all|"
    r"booked|free|fully|possible|impossible|tight|lovely|ideal|easier|alright|right|it|probably|really|still|gone|"
    r"for|on|what|where|why|because|cool|enough|more|realistic|pushing|going|looking|plenty|soon|late)\b)[a-z]"
)
_AWAY = re.compile(
    r"\b(?:i'm|i am|i'll be|we're|we are|you're|he's|she's|they're|who's|is|are|be|being)(?: \w+)?? (?:all |still )?"
    r"(?:off(?: sick)?|out(?: of (?:the )?office)?|away|closed|shut|busy|on (?:annual )?leave|on holiday|on site|"
    r"at (?:the |my |a |an )?[\w' ]{2,24}?|in (?:the )?[\w']{3,14}|not in|not here|not around|travelling|traveling|"
    r"fully booked|booked up|stuck|flying|driving)(?: (?:on|all|all day|until|till|by|from|every|this|next|the))*\s*$"
)
_NOT = re.compile(
    r"(?:\bnot|rather than|instead of|\bthan|never mind|forget|no longer|\bisn't|can't (?:do|make|manage)(?: it| that)?|"
    r"won't (?:make|manage|hit)(?: it)?|clash\w* with|do(?:es)?(?:n't)? (?:that|it|this|they)? ?(?:have|need) to be|said)(?: (?:by|on|for|until|till|from|the|this))*\s*$"
)
_BAD = re.compile(
    r"(?:'s| is|'ll be| will be| would be| might be|,? that's)? ?(?:a |my |our |the |really |just |a bit )*(?:bank |public |national )?"
    r"(?:holiday|day off|no good|no use|out\b|off\b|closed|full\b|fully booked|too (?:late|soon|tight|early|much|far|short)|"
    r"not (?:good|possible|great|ideal|going|happening|on\b|enough|feasible|doable|realistic)|impossible|difficult|tricky|tight\b)"
    r"|\s?(?:won't|doesn't|can't|isn't|wouldn't|ain't)\b"
    r"|,? (?:i'm|we're|i've got|we've got|i have|we have|there's|i've a|we've a|he's|she's|they're) (?!going to|gonna)"
)
_HAPPENS = re.compile(
    r"\b(?:starts?|starting|begins?|opens?|opening|reopens?|arriv\w+|comes?|coming|visit\w*|lands?|happens?|kicks? off|"
    r"goes? (?:live|out|up|on)|launch(?:es|ing)|is in|are in|gets? (?:here|in|back)|getting (?:here|in|back)|(?:is|are|be|(?<!let)(?<!that)'s|'re) back|"
    r"comes? back|meets?|meeting|seeing|returns?|returning|flying|leaves?|leaving|travelling|closes?|closed|shuts?|delivers?|"
    r"delivered|delivering|expires?|expiring|runs? out|booked(?: in)?|scheduled|moves? (?:in|out)|presenting|running|"
    r"(?:is|are|was|isn't|aren't)(?: not)?|(?<!let)(?<!that)'s|'ve (?:got )?(?:a|an|the|our|my) [\w' -]{2,30}|"
    r"(?:have|has|had|got|there's) (?:got )?(?:a|an|another|our|my) [\w' -]{2,30})"
    r"(?: (?!(?:and|but|so|or|then|yeah|please|to (?!the|our|my|a))\b)[\w']+){0,3}?(?: (?:on|at|this|for|in|until|till|that|the))*\s*$"
)
_BEFORE = re.compile(
    r"\b(?:before|by|in time for|ahead of) (?:the|our|my|your|that|they|we|it|he|she) [\w' -]{2,30}?(?: (?:on|at|this|next))*\s*$"
)
_FOR = re.compile(
    rf"\b(?:for|about|at|during|after) (?:[\w'-]+ ){{0,3}}(?:{_EVENTS})s?(?: (?:is|on|this|next|at))+$"
)
_TAG = re.compile(r"\b(?:yeah|please|okay|ok|right)[, ]*$")
_MAKE_IT = re.compile(
    r"\b(?:make (?:it|that)|call it|let's say|bring it to|have it)(?: (?:by|for|on|the))*\s*$"
)
_ASKS = re.compile(
    r"\b(?:can|could|would|will|i'll|we'll|you'll|he'll|she'll|they'll|let's|please|need|needs|must|should|have to|has to|"
    r"going to|gonna|want|wants|shall|make (?:it|that)|due|deadline|latest)\b"
)
_UNDER = re.compile(
    r"\b(?:since|because|cause|cos|as|when|that|which|who|once|after|if|why|where)\b(?!.*\b(?:so|then|,)\b)"
)


def _english_role(before: str, said: str, after: str, day: Day) -> Role:
    if _NOT.search(before) and not (day.limit and before.rstrip().endswith(("said", "be"))):
        return Role.OFF
    if _BAD.match(after):
        return Role.OFF
    if day.limit and not said.startswith("due"):
        return Role.LIMIT
    if _AWAY.search(before):
        return Role.OFF
    if _BEFORE.search(before):
        return Role.LIMIT
    if _FOR.search(before + said.partition(" ")[0]):
        return Role.EVENT
    if _OWNS.match(after) or _EVENT_AFTER.match(after):
        return Role.EVENT
    happens = _HAPPENS.search(before) if not _TAG.search(before) else None
    if happens and not day.limit:
        ahead = before[: happens.start()]
        asks = list(_ASKS.finditer(ahead))
        if not asks or _UNDER.search(ahead[asks[-1].end() :]):
            return Role.EVENT
    return Role.LIMIT if day.limit else Role.PLAIN


# ------------------------------------------------------------------ Korean

_KO_EVENTS = "|".join(
    listed(
        "공연 회의 행사 미팅 수업 발표회 배송 납품 촬영 점검 리허설 모임 축제 방송 시험 면접 방문 예약 일정 학회 결혼식 잔치 대회 "
        "경기 박람회 전시 오픈 개장 개업 출시 배포 런칭 이사회 총회 강의 강연 교육 워크숍 세미나 회식 출장 여행 진료 수술 검진 입고 "
        "마감일 예비군 스프린트 스탠드업 데모 심사 감사 실사 개학 졸업식 입학식 상담 경매 장날 운동회 소풍"
    )
)
_KO_EVENT = re.compile(
    rf"(?:에|의|에\s*있는|에\s*하는|에\s*열리는|에\s*잡힌)?\s*(?:\S{{1,6}}\s)?(?:{_KO_EVENTS})(?!\s*(?:하[기겠면시세]|해|할|합|드|부탁|좀|넣))"
)
_KO_OFF = re.compile(
    r"(?:은|는|에는?|에도|까지는?|까진|이|가|로는?|도|날)?,?\s*(?:제가\s*|저는?\s*|저희가?\s*|다들\s*|좀\s*|너무\s*|\S{2,4}\s*(?:씨|님)[이가은는]?\s*)?"
    r"(?:말고|아니|아닌|대신|안\s*(?:되|돼|됩|될)|못|어려|어렵|힘들|힘드|쉬[어는니고려]|쉽니|쉰|휴[무일가관]|연차|반차|월차|공휴일|빨간|"
    r"출장|예비군|병원|무리|빠듯|촉박|불가|곤란|외근|바[쁘빠]|자리를?\s*비|없[어으는을]|늦[어은을]|안\s*계|문\s*(?:닫|안)|(?:\S{1,6}\s*)?(?:가서요|가거든|(?:\S+\s){0,3}?가야\s*(?:해|돼|됩)|가느라|와서요|있어서요))"
)
_KO_BEFORE = re.compile(r"(?:하기|가기|오기|시작하기|\s*시작)?\s*전(?:까지|에|으로)")
_KO_DEADLINE = re.compile(r"(?:이|가|은|는)?\s*(?:마감|기한|데드라인|납기|제출일)")
_KO_DEADLINE_IS = re.compile(r"(?:마감|기한|데드라인|납기|제출)일?[은는이가]\s*$")
_KO_CLOSE = re.compile(
    r"에?\s*(?:다시\s*)?(?:정하고|정하죠|정해요|얘기하|이야기하|논의하|상의하)|(?:은|는)?\s*(?:이\s*정도|여기까지|이만|이걸로\s*마)"
)
_KO_FROM = re.compile(r"에서\s*$|에서\s.*(?:으?로)")
_KO_STATE = re.compile(
    r"(?:은|는)?\s*(?:써야|쓸\s*(?:거|데)|써요|연대|열어|엽니다|문\s*(?:열|연)|휴가|휴무|있[어을]|계[세시]|빌려|자리에|근무)"
)
_KO_HAPPENS = re.compile(
    r"(?:에|이|은|는|에는)?\s*(?:\S+[이가은는도]?\s*){0,3}?(?:와요|옵니다|온대|온다|오세요|오니까|오거든|오시|오셔|오는데|왔|열려|열리|시작(?:해요|합니다|이|하니|하거든|인데)|"
    r"도착|들어와|들어오|들어온|나와요|나온대|나오니|있어요|있어서|있거든|있으니|있는데|있잖|있습니|이에요|예요|입니다|이라|라서|이니까|이잖|인데|때문|"
    r"가거든|갑니다|간대|떠나|마감이|발표(?:해요|합니다|예요))(?!\s*(?:주|드릴))"
)
_KO_ASKS = re.compile(
    r"(?:ㄹ게|을게|할게|릴게|울게|들게|날게|볼게|킬게|칠게|둘게|줄게|낼게|갈게|올게|겠|주세요|주십|주실|주시|줘|부탁|해야|하기로|하시면|하세요|하죠|합시다|할래|하면\s*(?:되|돼)|까지로|로\s*(?:하|미|바|당|옮))"
)


def _korean_role(before: str, said: str, after: str, day: Day) -> Role:
    if _KO_DEADLINE.match(after) or _KO_DEADLINE_IS.search(before):
        return Role.LIMIT
    if _KO_CLOSE.match(after):
        return Role.EVENT
    if _KO_OFF.match(after) or _KO_FROM.match(after):
        return Role.OFF
    if day.limit:
        return Role.EVENT if _KO_STATE.match(after) else Role.LIMIT
    first = re.split(r"[,.?!]", after)[0]
    event = _KO_EVENT.match(after)
    if event:
        return Role.LIMIT if _KO_BEFORE.match(after, event.end()) else Role.EVENT
    happens = _KO_HAPPENS.match(first)
    if happens and not _KO_ASKS.search(after[: happens.end() + 4]):
        return Role.EVENT
    return Role.PLAIN


# ------------------------------------------------------------------ both

_FILLERS = re.compile(
    r"\b(?:ideally|preferably|probably|maybe|hopefully|possibly|if (?:that's )?(?:possible|you can|poss)|at the latest|"
    r"would be|is|it|that|that's|be|fine|good|great|perfect|then|yeah|yes|yep|ok|okay|please|say|sometime|roughly|thanks|"
    r"right|well|so|and|but|oh|no|sure|or|let's|i'd|like|rather|better|works?|will do|for me|instead|actually|sorry)\b"
    r"|가급적|되도록|웬만하면|아마|대략|(?:이|가|은|는)?\s*마감(?:일)?|기한|데드라인|이에요|예요|입니다|이죠|네|넵|예|그럼|그러면|아니|아|음|어|좋아요|좋습니다|괜찮아요|돼요|됩니다|될까요|가능할까요|가능해요|"
    r"부탁드려요|부탁해요|주세요|할게요|하죠|하시죠|정도|쯤|로요?|까지요?|이요|에요?|요",
    re.IGNORECASE,
)
"""Words round a day that say nothing else."""
_LATER = re.compile(
    r"\b(?:push(?:ed|ing)? (?:it |that |them |the \w+ )?(?:back|to)|push (?:the |that |this |my |our )?[\w ]+ to|postpone\w*|delay\w*|put (?:it|that) (?:back|off)|"
    r"move (?:it|that) back|slip(?:s|ped)? to|have (?:until|till)|more time|another (?:day|week))\b"
    r"|미루|미뤄|미룰|미뤘|늦추|늦춰|늦출|연기",
    re.IGNORECASE,
)
_SOONER = re.compile(
    r"\b(?:sooner|earlier|bring (?:it|that|them|the [\w ]+) forward|brought forward|move (?:it|that) up|pull (?:it|that) in)\b"
    r"|당기|당겨|당길|앞당|더\s*빨리|일찍",
    re.IGNORECASE,
)
_MOVES = re.compile(
    r"\b(?:make (?:it|that|this)|instead|actually|change (?:it|that|this|the [\w ]+) to|rather|better|swap|switch|let's say|"
    r"(?:move|shift) (?:it|that|this|them|the [\w ]+|my [\w ]+) to|hang on|hold on|wait|sorry|scrap that|no rush|by the way|on second thought)\b"
    r"|말고|아니라|아니고|대신|바꾸|바꿔|바꿀|변경|옮기|옮겨|옮길|조정|잠깐만|착각|잘못|정정|다시\s*(?:생각|보니)|아\s*맞다|급하지",
    re.IGNORECASE,
)
_SUITS = re.compile(
    r"\b(?:fine|ok|okay|good|works?|doable|possible|suits?|do you|perfect|great|realistic|manage|ideally|please|then|enough|plenty|will do|would do|better|latest|deadline)\b"
    r"|될까|되나|되죠|돼요|됩니다|되겠|가능|괜찮|좋[아겠습을]|어때|어떠|(?:그럼|네|예|그래)\b|까지요|이요|로요",
    re.IGNORECASE,
)


# ------------------------------------------------------------------ the thread of dates


class Dated(Protocol):
    """A piece of work, as far as its date is concerned."""

    kind: Mark
    clause: Clause
    words: dict[str, float]
    heard: list[Clause]
    status: TicketStatus
    assignee: UserId | None
    due: date | None
    is_limit: bool
    in_week: bool
    firm: bool
    last: int

    @property
    def alive(self) -> bool: ...


W = TypeVar("W", bound=Dated)

LOOK_BACK = 40
"""So many of the latest pieces of work may be dated anew."""
SOON = 2
"""A bare day speaks of work that was spoken of so many captions ago at most."""


class Calendar(Generic[W]):
    """Follows which day each piece of work is due on, clause by clause.

    The last day said of a piece of work counts. A clause says it of the work that the thread of
    the talk found for it; without one, of the work it names, of the one whose old day it turns
    down, or, when it is little more than a day, of the work spoken of just before.
    """

    def __init__(self, today: date, words_of: Callable[[str], Mapping[str, float]]) -> None:
        self._today = today
        self._words_of = words_of
        self._recent: deque[tuple[Clause, Told]] = deque(maxlen=12)
        self._asked: tuple[W, date | None, bool, Clause] | None = None
        self._back: tuple[W, int] | None = None
        """The work that somebody came back to by its name, and when."""

    def hear(self, c: Clause, works: Sequence[W], owner: W | None, *, elsewhere: bool) -> list[W]:
        """The works that the clause dates, which may be none.

        `owner`: the work that the clause belongs to. `elsewhere`: whether it is about something
        else that is known.
        """
        works = [w for w in works[-LOOK_BACK:] if w.alive]
        said = told(c)
        self._recent.append((c, said))
        self._taken_back(c)
        self._come_back(c, works)
        if not said.due:
            return self._from_before(c, owner)
        dated = self._apart(c, said, works, owner)
        if not dated:
            work = self._meant(c, said, works, owner, elsewhere=elsewhere)
            if work is None or not self._counts(c, said, work):
                return []
            dated = [(work, said.day)]
        for work, day in dated:
            self._set(c, said, work, day)
        return [work for work, _ in dated]

    def _turn(self, c: Clause) -> list[tuple[Clause, Told]]:
        return [(b, t) for b, t in self._recent if b.turn == c.turn][-5:]

    def _moves(self, c: Clause) -> bool:
        return c.has(Mark.RECAP) or any(t.moves or b.has(Mark.RECAP) for b, t in self._turn(c))

    def _apart(
        self, c: Clause, said: Told, works: Sequence[W], owner: W | None
    ) -> list[tuple[W, Day]]:
        """Each of several works with its own day ("the licence by Friday, tyres by Tuesday")."""
        days = [d for d in c.days if d in said.due]
        if not days or len(works) < 2:
            return []
        ends = [0, *(d.end for d in days)]
        before = [c.text[a : d.start] for a, d in zip(ends, days, strict=False)]
        after = [*before[1:], c.text[ends[-1] :]]
        if len(days) == 1:
            if c.has(Mark.COMMIT | Mark.REQUEST) and not c.has(Mark.RECAP):
                return []
            first, then = (self._named(self._words_of(p), works) for p in (before[0], after[0]))
            return [(first, days[0])] if first and then and first is not then else []
        for parts in (before, after):
            named = [self._named(self._words_of(p), works) for p in parts]
            found = [w for w in named if w is not None]
            if len(found) > 1 and len(set(map(id, found))) == len(found):
                return [(w, d) for w, d in zip(named, days, strict=True) if w is not None]
        return []

    def _named(self, words: Mapping[str, float], works: Sequence[W]) -> W | None:
        """The one work that the words name."""
        known = Counter(word for w in works for word in words if word in w.words)
        scores = [
            sum(x for word, x in words.items() if word in w.words and known[word] == 1)
            for w in works
        ]
        best = max(scores, default=0.0)
        total = sum(words.values())
        enough = best >= 0.75 or (best >= 0.3 and best >= 0.8 * total)
        return works[scores.index(best)] if enough and scores.count(best) == 1 else None

    def _meant(
        self, c: Clause, said: Told, works: Sequence[W], owner: W | None, *, elsewhere: bool
    ) -> W | None:
        open_ = [w for w in works if w.status is not TicketStatus.DONE]
        moves = self._moves(c)
        off = {d.day.weekday() for _, t in self._turn(c) for d in t.off}
        old = [w for w in open_ if w.due is not None and w.due.weekday() in off]
        if owner is not None:
            if owner.clause is c or owner in old or not old or self._shares(owner, c):
                return owner
            mine = [w for w in old if c.speaker is not None and w.assignee == c.speaker]
            return mine[-1] if len(mine) == 1 else owner
        little = sum(c.words.values()) < 1.0
        bare = (said.thin and not _OF_OTHERS.search(c.text)) or ((said.suits or moves) and little)
        if self._back is not None and (bare or (said.is_limit and little)):
            back, order = self._back
            if back in open_ and c.order - order <= SOON:
                self._back = (back, c.order)
                return back
        if elsewhere and not moves:
            return None
        if moves or said.thin or said.is_limit:
            named = self._named(c.words, open_)
            if named is None and moves and len(c.named) == 1:  # "letters Mia by Wednesday"
                theirs = [w for w in open_ if w.assignee in c.named[0]]
                named = theirs[0] if len(theirs) == 1 else None
            if named is None and moves:
                for b, _ in reversed(self._turn(c)[:-1]):
                    named = named or self._named(b.words, open_)
            if named is not None:
                return named
        if moves and old and sum(c.words.values()) < 1.5:
            mine = [w for w in old if c.speaker is not None and w.assignee == c.speaker]
            return max(mine or old, key=lambda w: w.last)
        if elsewhere or not bare or not open_:
            return None
        last = max(open_, key=lambda w: w.last)
        return last if 0 <= c.order - last.last <= SOON else None

    def _come_back(self, c: Clause, works: Sequence[W]) -> None:
        """Notes the work that a clause names without saying much else ("oh, the report")."""
        weight = sum(c.words.values())
        if not 0 < weight <= 2.0 or c.has(Mark.COMMIT | Mark.REQUEST):
            return
        work = self._named(c.words, works)
        if work is not None and work.clause is not c and overlap(work.words, c.words)[1] >= 0.5:
            self._back = (work, c.order)

    def _shares(self, work: W, c: Clause) -> bool:
        return any(x >= 0.5 and word in work.words for word, x in c.words.items())

    def _counts(self, c: Clause, said: Told, work: W) -> bool:
        """Whether the clause says when the work is to be done."""
        promise = c.has(Mark.COMMIT | Mark.REQUEST)
        if work.status is TicketStatus.DONE and not c.has(Mark.COMMIT):
            return False
        if c.has(Mark.DONE) and not promise:
            return False
        asked = promise or c.has(Mark.NEED | Mark.WEAK | Mark.RECAP | Mark.ACCEPT)
        moves = self._moves(c)
        suits = said.suits and sum(c.words.values()) < 1.0
        plain = said.thin and not _WHY.search(c.text)
        if not (said.is_limit or asked or moves or suits or plain):
            return False
        sooner = work.due is not None and said.day.day < work.due
        tonight = sooner and work.is_limit and not said.is_limit
        return not (tonight and not moves and not c.has(Mark.REQUEST))

    def _set(self, c: Clause, said: Told, work: W, day: Day) -> None:
        old, in_week = work.due, work.in_week
        off = [d for _, t in self._turn(c) for d in t.off if d.kind is not Kind.WEEKDAY]
        if old is None and off:
            old, in_week = off[-1].day, True  # "next Friday I'm away, Thursday then"
        sooner = any(t.sooner for b, t in self._recent if c.order - b.order <= SOON)
        found = agreed(day, old, said, self._today, in_week=in_week, sooner=sooner)
        if _THIS.search(c.text) and day.day >= self._today:
            found = day.day
        if c.has(Mark.QUESTION) and work.due is not None:
            self._asked = (work, work.due, work.in_week, c)
        if found != work.due:
            work.in_week = day.kind is not Kind.WEEKDAY
        work.due, work.is_limit = found, day.limit and c.has(Mark.REQUEST)
        if work.kind is Mark.NEED and not c.korean:
            work.firm = True
        if c not in work.heard:
            work.heard.append(c)
        work.last = max(work.last, c.order)

    def _taken_back(self, c: Clause) -> None:
        """A day that was only asked for goes when the answer is no."""
        if self._asked is None:
            return
        work, due, in_week, question = self._asked
        if c.turn == question.turn:
            return
        if c.order - question.order <= SOON and c.has(Mark.REFUSE) and not c.days:
            work.due, work.in_week = due, in_week
        self._asked = None

    def _from_before(self, c: Clause, owner: W | None) -> list[W]:
        """A day said before the promise: what led to it, or the "then" of "before then"."""
        if owner is None or owner.due is not None or owner.status is TicketStatus.DONE:
            return []
        if owner.clause is c:
            for b in reversed(owner.heard):
                limits = [] if b is c else [d for d in told(b).due if d.limit]
                if limits and not b.has(Mark.DONE):
                    owner.due, owner.in_week = limits[-1].day, limits[-1].kind is not Kind.WEEKDAY
                    return [owner]
        if _THEN.search(c.text) and c.has(Mark.COMMIT | Mark.REQUEST | Mark.NEED):
            near = [b for b, _ in self._recent if b.days and c.order - b.order <= 1]
            if near and near[-1].days[-1].day >= self._today:
                owner.due, owner.in_week = near[-1].days[-1].day, True
                return [owner]
        return []


_OF_OTHERS = re.compile(
    r"\b(?:they|he|she|there|was|were|keeps?|said|says|saying|told)\b|[다라자]고\s*(?:했|하|해)|[는은ㄴ]대요|었|았|했",
    re.IGNORECASE,
)
"""What others say or do, and what was, dates no work."""
_WHY = re.compile(r"라서|니까|때문|\b(?:because|since|cause)\b", re.IGNORECASE)
_THIS = re.compile(r"\bthis (?:\w+day|week)|이번\s*주|금주", re.IGNORECASE)
_THEN = re.compile(
    r"\b(?:by|before|until|till) (?:then|that)\b|그\s*(?:전|때|날)\s*(?:까지|에|으로)|그\s*전\b",
    re.IGNORECASE,
)
