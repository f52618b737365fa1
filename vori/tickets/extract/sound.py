"""How words sound, so that 로그인 meets "login" and 현우 meets "Hyunwoo". Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from vori.tickets.extract.wordlist import listed

_LEADS = listed("k kk n t tt r m p pp s ss - j jj ch k t p h")
_VOWELS = listed("a e ya ye o e yo ye o wa we we yo u wo we wi yu u ui i")
_TAILS = listed("- k k k n n n t l l m l l l p l m p p t t ng t t k t p t")

_LATIN = (
    (r"tion\b|sion\b", "syon"),
    (r"ture\b", "cho"),
    (r"que\b", "k"),
    (r"([aeiou])gh(t?)\b", r"\1\2"),
    (r"ght", "t"),
    (r"ph", "p"),
    (r"tch|ch", "č"),
    (r"sch|sh", "s"),
    (r"th", "t"),
    (r"ck", "k"),
    (r"wh", "w"),
    (r"wr", "r"),
    (r"kn", "n"),
    (r"dge|dg|ge\b|g(?=[ei])", "j"),
    (r"c(?=[eiy])", "s"),
    (r"x", "ks"),
    (r"qu", "kw"),
    (r"ng", "ň"),
    (r"eo", "o"),
    (r"([^aeiou])e\b", r"\1"),
    (r"oo|ou|ew(?![aeiouy])|eu", "u"),
    (r"ee|ea|ie|ey|y\b", "i"),
    (r"ai|ay|ei", "e"),
    (r"er\b|or\b|ar\b", "o"),
)
_CLASSES = str.maketrans(
    {"b": "p", "f": "p", "v": "p", "g": "k", "c": "k", "q": "k", "d": "t", "z": "j", "l": "r"}
)


@lru_cache(maxsize=20_000)
def sound(word: str) -> str:
    """A rough spelling of how `word` (Hangul or Latin letters) sounds."""
    text = _romanise(word) if any("가" <= c <= "힣" for c in word) else _latin(word)
    text = text.translate(_CLASSES)
    return re.sub(r"(.)\1+", r"\1", text)


@lru_cache(maxsize=20_000)
def skeleton(word: str) -> str:
    """Its consonants only: 게이트웨이 and "gateway" are both `ktw`."""
    text = re.sub(r"[aeiouy]", "", sound(word)).replace("ň", "nk").replace("č", "ch")
    return re.sub(r"h", "", text)


def _romanise(word: str) -> str:
    out = []
    for char in word:
        code = ord(char) - 0xAC00
        if not 0 <= code < 11172:
            out.append(char.lower() if char.isascii() else "")
            continue
        lead, vowel, tail = code // 588, code % 588 // 28, code % 28
        initial = "" if _LEADS[lead] == "-" else _LEADS[lead]
        if initial == "s" and _VOWELS[vowel] in ("ya", "yo", "yu", "i", "ye"):
            initial = "s"
        # ㅡ only carries a consonant of the loanword (스크롤, 테스트), so it is silent here.
        nucleus = "" if vowel == 18 else _VOWELS[vowel]
        final = _TAILS[tail].replace("-", "").replace("ng", "ň")
        out.append(initial.replace("ch", "č") + nucleus + final)
    return "".join(out)


def _latin(word: str) -> str:
    text = re.sub(r"[^a-z]", "", word.lower())
    for pattern, put in _LATIN:
        text = re.sub(pattern, put, text)
    return text.replace("cho", "čo") if text.endswith("cho") else text


@lru_cache(maxsize=20_000)
def hangul_key(word: str) -> str:
    """The word with vowels that are said alike made one: 결재 and 결제, 됬 and 됐."""
    merge = {1: 5, 3: 7, 10: 15, 11: 15}
    out = []
    for char in word:
        code = ord(char) - 0xAC00
        if 0 <= code < 11172:
            lead, vowel, tail = code // 588, code % 588 // 28, code % 28
            char = chr(0xAC00 + (lead * 21 + merge.get(vowel, vowel)) * 28 + tail)
        out.append(char)
    return "".join(out)
