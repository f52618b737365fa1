"""Whether a promise about a thing means the ticket about that thing, by what is to be done. Pure.

"I'll wash the van" is not the ticket "Book the van". Only acts that mean one thing in every trade
are told apart; "fix", "do", "finish", "send", "정리" and all others may mean any ticket's work.
"""

from __future__ import annotations

import re

from vori.tickets.extract.verbs import base_of
from vori.tickets.extract.wordlist import listed

_KINDS = (
    "clean tidy wash sweep mop hoover wipe scrub vacuum 청소 닦 씻 세척 쓸",
    "paint repaint varnish lacquer 페인트칠 칠 도색 도장",
    "order reorder buy purchase procure 주문 발주 구매 구입",
    "translate localise subtitle 번역",
    "print photocopy laminate 인쇄 출력 복사",
    "repair mend 수리 고치 수선",
    "write draft 작성 쓰 집필",
    "book reserve rent hire 예약 대여 렌트",
    "photograph film shoot 촬영 찍",
    "install mount 설치",
    "remove dismantle demolish 철거 해체",
    "sell 판매 팔",
)
"""Words for one act, in both languages; Korean verbs by their stems."""
_KIND_OF = {word: kind for kind, words in enumerate(_KINDS) for word in listed(words)}
_EOJEOL = re.compile(r"[가-힣]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z-]*")


def is_other_act(title: str, act: str) -> bool:
    """Whether a clause's act ("wash the van", "차량 세차") cannot be what the ticket asks for."""
    asked, said = _kind(title), _kind(act)
    return None not in (asked, said) and said not in _kinds(title)


def _kind(text: str) -> int | None:
    """The act that is named where titles name it: first in English, last in Korean."""
    if korean := _EOJEOL.findall(text):
        return _korean_kind(korean[-1])
    latin = _LATIN.match(text.strip())
    return _latin_kind(latin[0]) if latin else None


def _kinds(text: str) -> set[int | None]:
    """All acts that are named at all: "현수막 인쇄 및 설치"."""
    return {_korean_kind(word) for word in _EOJEOL.findall(text)} | {
        _latin_kind(word) for word in _LATIN.findall(text)
    }


def _latin_kind(word: str) -> int | None:
    word = word.lower()
    return _KIND_OF.get(word, _KIND_OF.get(base_of(word) or ""))


def _korean_kind(word: str) -> int | None:
    return _KIND_OF.get(re.sub(r"(?:하기|기)$", "", word))
