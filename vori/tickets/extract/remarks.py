"""What people are told about a reading, in the meeting's language. Pure."""

from __future__ import annotations

from typing import Literal

from vori.errors import VoriError
from vori.tickets.extract.match import is_hangul
from vori.tickets.messages import Passage

_TEXTS: dict[str, tuple[str, str]] = {
    "instead": (
        "{why} The {engine} engine read this meeting instead.",
        "{why} 대신 {engine} 엔진이 이 회의를 읽었습니다.",
    ),
    "rest": (
        "{why} The {engine} engine read the rest of this meeting.",
        "{why} 나머지는 {engine} 엔진이 읽었습니다.",
    ),
    "doubt": (
        "{why} What was in doubt stays as the {engine} engine read it.",
        "{why} 확실하지 않던 부분은 {engine} 엔진이 읽은 대로 둡니다.",
    ),
    "cut_off": (
        "Claude's answer was cut off; what it had finished is kept, some may be missing.",
        "Claude의 답이 중간에 끊겼습니다. 끝낸 부분은 남겼고 빠진 것이 있을 수 있습니다.",
    ),
    "long_title": (
        "The title of {title!r} was too long and is cut.",
        "제목 {title!r}이(가) 너무 길어 줄였습니다.",
    ),
    "no_member": (
        "{title!r}: nobody with id {value}; left without owner.",
        "{title!r}: id가 {value}인 구성원이 없어 담당자 없이 둡니다.",
    ),
    "no_date": (
        "{title!r}: {value} is not a date; left without.",
        "{title!r}: {value}은(는) 날짜가 아니어서 기한 없이 둡니다.",
    ),
    "few_members": (
        "Only {kept} of {all} members were shown to Claude: those nearest to what was said.",
        "구성원 {all}명 가운데 나눈 말과 가까운 {kept}명만 Claude에 보였습니다.",
    ),
    "few_tickets": (
        "Only {kept} of {all} tickets on the board were shown to Claude: those nearest to what was"
        " said.",
        "보드의 티켓 {all}개 가운데 나눈 말과 가까운 {kept}개만 Claude에 보였습니다.",
    ),
    "unforeseen": ("The engine failed unexpectedly.", "엔진에 뜻밖의 오류가 났습니다."),
}
_WHY_KOREAN = {
    "claude_timeout": "Claude가 제때 답하지 않았습니다.",
    "claude_unreachable": "Claude API에 연결할 수 없습니다.",
    "claude_refused": "Claude가 이 회의 읽기를 거절했습니다.",
    "claude_cut_off": "Claude의 답이 한도에서 끊겼습니다.",
    "claude_invalid_answer": "Claude의 답을 읽을 수 없습니다.",
    "claude_not_authorised": "Claude API가 키를 받아들이지 않습니다. ANTHROPIC_API_KEY를 확인하세요.",
    "claude_no_key": "Claude API 키가 없습니다.",
    "claude_no_credit": "Claude API 계정의 잔액이 없습니다.",
    "claude_unknown_model": "Claude API가 그 모델을 모릅니다. claude.model을 확인하세요.",
    "claude_too_large": "요청이 Claude API에 너무 컸습니다.",
    "claude_rate_limited": "Claude API에 요청이 너무 많았습니다.",
    "claude_overloaded": "Claude API가 붐빕니다.",
    "claude_server_error": "Claude API에 장애가 있습니다.",
    "claude_bad_request": "Claude API가 요청을 받아들이지 않습니다.",
}


def told_in(passage: Passage) -> Literal["ko", "en"]:
    """The meeting's language; where none was chosen, the one that most was said in."""
    if passage.language in ("ko", "en"):
        return "ko" if passage.language == "ko" else "en"
    korean = sum(is_hangul(segment.text) for segment in passage.segments)
    return "ko" if 2 * korean > len(passage.segments) else "en"


def remark(language: str, key: str, **values: object) -> str:
    """The text in `language`: Korean for ko, else English."""
    return _TEXTS[key][language == "ko"].format(**values)


def why(exc: Exception, language: str) -> str:
    """Why an engine failed, for people."""
    if not isinstance(exc, VoriError):
        return remark(language, "unforeseen")
    return _WHY_KOREAN.get(exc.code, exc.message) if language == "ko" else exc.message
