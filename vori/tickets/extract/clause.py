"""A clause and what it does: the common ground of the two languages. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto

from vori.ids import UserId
from vori.tickets.extract.dates import Day
from vori.tickets.extract.signs import Sign
from vori.tickets.messages import Segment


class Mark(Flag):
    """What a clause does in the talk. A clause may do several things."""

    NONE = 0
    COMMIT = auto()  # "I'll …", "제가 …할게요"
    WEAK = auto()  # an intention that a date, an answer or a recap must make firm
    REQUEST = auto()  # "can you …", "…해 주세요"
    NEED = auto()  # "somebody has to …", "…해야 돼요"
    DONE = auto()
    FINISHED = auto()  # DONE said with words of completion, not only in the past tense
    PROGRESS = auto()
    BEGUN = auto()  # PROGRESS said with words of beginning
    NOT_DONE = auto()  # "isn't finished", "아직"
    PLAN = auto()  # will begin later
    BLOCK = auto()
    REOPEN = auto()
    HYPO = auto()  # a wish, a what-if
    UNSURE = auto()  # "I think", "아마"
    QUESTION = auto()
    AGAINST = auto()  # decided not to, withdrawn, refused
    LEAVE = auto()  # "leave it as it is"
    ACCEPT = auto()
    REFUSE = auto()
    OTHER_TEAM = auto()
    LAUGH = auto()
    JOKE = auto()
    SHIFT = auto()  # a new topic begins
    CORRECT = auto()  # "sorry, actually", "아니다"
    COMMAND = auto()  # speech that addresses the software
    SMALL_TALK = auto()  # about the meeting itself
    FIRST = auto()  # the speaker is the doer
    SECOND = auto()  # the one spoken to is the doer
    ANAPHOR = auto()  # "it", "that one", "그거"
    PAST_STORY = auto()  # how an incident unfolded
    WHO = auto()  # "who does it?", "누가"
    WANT = auto()  # the speaker would like to have something
    RECAP = auto()
    PROBLEM = auto()
    DECISION = auto()
    CONTACT = auto()  # to call, mail or ask somebody
    BLOCK_HARD = auto()  # words that by themselves say that work stands still
    CANNOT = auto()  # what cannot be done, without saying why
    REOPEN_HARD = auto()  # words that by themselves open a ticket again
    RELAPSE = auto()  # a trouble that had been dealt with is back


@dataclass(slots=True)
class Piece:
    """A clause of the running text, before anything is known about it."""

    text: str
    seqs: tuple[int, ...]
    speaker: UserId | None


@dataclass(slots=True, eq=False)
class Clause:
    """One clause with its marks, names, days and content words, ready for the talk's thread."""

    text: str
    seqs: tuple[int, ...]
    speaker: UserId | None
    order: int
    """Position of its first segment in the passage."""
    turn: int
    """Counts the turns of speakers."""
    marks: Mark
    words: dict[str, float]
    """Content words (stems) with their weights."""
    days: list[Day] = field(default_factory=list)
    doers: tuple[UserId, ...] = ()
    """Who is named as the one to do it: one member, or several a name may mean."""
    named: tuple[tuple[UserId, ...], ...] = ()
    """Everybody named at all."""
    act_text: str = ""
    """The verb phrase a title is made of."""
    korean: bool = False
    topic: str = ""
    """The word that the clause puts first as its topic (서평단은 …); "" when none is."""
    excluded: tuple[UserId, ...] = ()
    """Whom the clause says it is not for."""
    phrase: str = ""
    """All the nouns it puts first, written as one; "" when there are not two."""
    finite: bool = False
    """Whether it ends in a verb: a sentence, and no name of a thing ("상자요")."""
    signs: Sign = Sign.NONE
    """How far work is, hinted at; weighed over a whole turn."""

    def has(self, mark: Mark) -> bool:
        """Whether any of the marks is set."""
        return bool(self.marks._value_ & mark._value_)  # asked so often that `&` of flags is slow


MAX_SEGMENT_CHARS = 4_000
"""A caption longer than this is no speech; what follows is not read."""

MAX_CLAUSE_CHARS = 500
"""Of a clause longer than this only the beginning is read."""

_CONTROL = dict.fromkeys(range(32), " ") | {127: None}


def clean(text: str) -> str:
    """One line of composed text without control characters and lone surrogates."""
    text = text[:MAX_SEGMENT_CHARS].encode("utf-8", "ignore").decode("utf-8")
    text = unicodedata.normalize("NFC", text).translate(_CONTROL)
    text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    return " ".join(text.split())


def turns(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Neighbouring segments of one known speaker; of unknown speakers, sentences cut in two."""
    out: list[list[Segment]] = []
    for segment in segments:
        last = out[-1][-1] if out else None
        same = last is not None and last.speaker == segment.speaker and len(out[-1]) < 12
        known = segment.speaker is not None
        if same and last is not None and (known or _goes_on(last.text, segment.text)):
            out[-1].append(segment)
        else:
            out.append([segment])
    return out


_CUT_EN = re.compile(
    r"(?<!dealt )(?<!done )(?<!through )(?<!finished )(?<!we up )(?<!n't )\b(?:a|an|the|of|to|for|with|and|but|so|or|in|on|at|by|from|is|are|was|its|my|our|your|"
    r"(?:and|so|but|because|if|think|when|said|know|hope|sure|is) (?:it|that)|which|because|if|i|we|you|they|he|she|i'm|we're|haven't|have|has|don't|thought)$",
    re.IGNORECASE,
)
_CUT_KO = re.compile(
    r"(?:[은는이가을를에의와과도로]|에서|까지|부터|하고|[아어해]서|는데|지만|고|면)$"
)
_REPLY = re.compile(
    r"^(?:yeah|yes|yep|no|nope|ok|okay|sure|right|great|thanks?|oh|hm+|네|예|아니|아뇨|아|오|음|그럼|그래요|좋)",
    re.IGNORECASE,
)


def _goes_on(text: str, following: str) -> bool:
    """Whether a segment of an unknown speaker is cut in the middle of a sentence."""
    text = text.rstrip()
    if not text or text[-1] in ".?!" or _REPLY.match(following.strip()):
        return False
    if _CUT_EN.search(text):
        return True
    return bool(_CUT_KO.search(text) and not text.endswith(("세요", "네요", "데요", "까요")))


def is_cut(text: str) -> bool:
    """Whether a caption ends in the middle of a sentence."""
    return _goes_on(text, "")


def spans(texts: Sequence[tuple[int, str]]) -> tuple[str, list[int]]:
    """The texts joined by spaces, and the seq of every character."""
    joined: list[str] = []
    owners: list[int] = []
    for seq, text in texts:
        if joined and text:
            joined.append(" ")
            owners.append(seq)
        joined.append(text)
        owners.extend([seq] * len(text))
    return "".join(joined), owners


def seqs_of(owners: Sequence[int], start: int, end: int) -> tuple[int, ...]:
    """The segments that `joined[start:end]` lies in, in order."""
    return tuple(dict.fromkeys(owners[start:end]))


COMMAND = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:previous|prior|above|earlier|all|your)\b"
    r".{0,20}\b(?:instruction|prompt|rule|command|order|direction)s?"
    r"|\b(?:close|delete|remove|reopen|assign|mark|move|set|resolve|complete)\b.{0,12}"
    r"\b(?:all|every|everything)\b(?:.{0,20}\b(?:ticket|task|issue|card|item)s?|\s+(?:as|to)\b)"
    r"|\bsystem prompt\b|\byou are now\b|\bas an ai\b|\b(?:hey|ok|okay|dear) (?:computer|assistant|ai|bot|vori)\b"
    r"|^(?:(?:so|and|hey|ok|okay|dear|listen),? )*(?:computer|note ?taker|transcriber|assistant|a\.?i\.?|(?:chat)?bot|vori|"
    r"robot|recorder),?(?:[!?.]?$| (?:please|can you|could you|will you|make|book|close|give|mark|assign|delete|write|add|send)\b)"
    r"|\bdeveloper mode\b|\b(?:new|following) instructions?:"
    r"|(?:이전|앞선|앞의|지금까지|기존|위의?|모든).{0,12}(?:지시|명령|프롬프트|규칙|설정|지침).{0,12}"
    r"(?:무시|잊|취소|따르지)"
    r"|(?:티켓|태스크|카드|이슈|할 ?일).{0,8}(?:전부|모두|다|싹)\s.{0,10}(?:닫|완료|삭제|지워|끝난|종료)"
    r"|(?:모든|전체|전부)\s?(?:티켓|태스크|카드|이슈).{0,10}(?:닫|완료|삭제|지워|끝|종료|배정|할당)"
    r"|(?:시스템|인공지능|에이아이|AI|봇|어시스턴트|프로그램)(?:아|야|님|은|는|에게|한테)[,\s].{0,30}"
    r"(?:해|줘|세요|라|시오)",
    re.IGNORECASE,
)
COMMAND_GOES_ON = re.compile(
    r"^(?:and|then|also|please|그리고|또)?\s*(?:assign|mark|delete|close|set|move|make|create|give|approve|전부|모두|다)\b"
    r"|\b(?:everything|every ticket|all (?:of )?(?:them|tickets|tasks))\b",
    re.IGNORECASE,
)
