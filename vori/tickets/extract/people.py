"""Whom a name means: the members, as people call them. Pure.

First and family names, Korean honorifics and titles, nicknames, and one name in Hangul and
in Latin letters. A name that fits two members stays open: both are candidates.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from vori.ids import UserId
from vori.tickets.extract.sound import skeleton, sound
from vori.tickets.extract.wordlist import listed
from vori.tickets.messages import Member


class Mention(Struct, frozen=True, kw_only=True):
    """A name at `text[start:end]` (title included) and everybody it may mean."""

    who: tuple[UserId, ...]
    start: int
    end: int
    name: str
    bare: int = 0
    """How many characters of it are the name, without title."""


SHORT_NAMES = {
    short: full.split()
    for short, full in (
        line.split(":")
        for line in """al:albert alan alfred alexander
alex:alexander alexandra alexis
andy:andrew andrea
bea:beatrice
ben:benjamin
bill:william
billy:william
bob:robert
bobby:robert
cathy:catherine
charlie:charles charlotte
chris:christopher christine christina christian
dan:daniel danielle
danny:daniel
dave:david
deb:deborah
ed:edward edwin eduardo
ellie:eleanor elena
fred:frederick alfred
gabe:gabriel
greg:gregory
hal:harold
jack:john
jim:james
jimmy:james
joe:joseph
joey:joseph
jon:jonathan
josh:joshua
kate:katherine catherine katharine
kathy:katherine
katie:katherine
ken:kenneth
kim:kimberly
larry:lawrence
liz:elizabeth
lizzie:elizabeth
lou:louis louise
maggie:margaret
matt:matthew
meg:megan margaret
mick:michael
mike:michael
nate:nathan nathaniel
nick:nicholas nicolas
nicky:nicole nicholas
pam:pamela
pat:patrick patricia
pete:peter
phil:philip phillip
rich:richard
rick:richard
rob:robert
ron:ronald
sam:samuel samantha samira
sandy:sandra alexander
steve:steven stephen
sue:susan
ted:theodore edward
terry:terence theresa
theo:theodore
tim:timothy
tina:christina
tom:thomas tomas
tony:anthony antonio
vicky:victoria
will:william
zack:zachary""".splitlines()
    )
}
"""English pet names, and the names they stand for."""

WORDS = frozenset(
    listed(
        "will may june april august grace hope joy mark bill rob sue pat frank dean drew chase grant "
        "jack ray rose dawn faith summer autumn art dale cliff gene guy ivy jade lance mason max miles "
        "nick norm penny pearl pierce reed rich rusty sandy skip sky stone sunny victor wade ward west "
        "young king long park page price rice best black brown green white gray hand hill lane law lee "
        "little love low moon noble piper power rush sharp short song star sun web wise woods archer "
        "baker bishop brooks carter church cook cooper day field fields fisher ford fox hunter knight "
        "marsh mason mills parker potter rivers salt shepherd singer smith snow stern taylor tanner "
        "tan turner walker waters weaver wells winter winters wolf wood do an so in my no go he she "
        "you we can hall case banks bond bush cash chance cole cross early frost glass gold holiday "
        "major mills minor money moody nice north pace pope pride quick ready savage small"
    )
)
"""Names that are also words: a capital letter or an address must show that a person is meant."""

TITLES = listed(
    "선생님 선생 쌤 팀장님 팀장 대리님 대리 과장님 과장 차장님 차장 부장님 부장 사원님 매니저님 매니저 "
    "주임님 주임 실장님 실장 이사님 이사 대표님 대표 본부장님 본부장 소장님 소장 원장님 원장 점장님 점장 "
    "교수님 교수 박사님 박사 기사님 기사 간호사님 간호사 셰프님 셰프 피디님 피디 작가님 작가 감독님 감독 "
    "책임님 책임 선임님 선임 수석님 수석 연구원님 연구원 반장님 반장 조장님 조장 파트장님 파트장 상무님 "
    "전무님 부원장님 학생 군 양 씨 님 형 언니 오빠 누나"
)
_TITLE = "|".join(sorted(TITLES, key=len, reverse=True))
_AFTER_NAME = (
    r"(?=$|[^가-힣a-zA-Z]|(?:이가|이는|이랑|이도|이한테|이에게|이야|이요|이|가|은|는|께서|께|도|야|아|랑|하고|한테|에게|의|를|을|요|과|와|입니다|이에요|예요|이예요)"
    r"(?:$|[^가-힣]))"
)
_I_AM = re.compile(r"\b(?:it's|this is|that's|i'm|it is)\s*$", re.IGNORECASE)
_THAT_IS_ALL = re.compile(
    r"\s*(?:[.,!]|$|by the way|btw|here|speaking|again|still|(?:by|before|next|this) \w|from the|for the (?:record|note)|(?:i'll|i can|i will)\b)",
    re.IGNORECASE,
)
_IS_I = re.compile(
    r"\s*(?:입니다|이에요|예요|이예요|speaking\b|,? that is\b|here\b(?! (?:is|we|it)))[.,\s]*$|\s*here\b(?= (?:i|it'll|i'll|i've)\b)",
    re.IGNORECASE,
)
SURNAMES_OF_TWO = ("남궁", "황보", "제갈", "사공", "선우", "서문", "독고", "동방")


class People:
    """The members of a group by everything they are called."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._names: dict[UserId, str] = {}
        self._exact: dict[str, set[UserId]] = defaultdict(set)  # lower-case, first names and whole
        self._family: dict[str, set[UserId]] = defaultdict(set)
        self._short: dict[str, set[UserId]] = defaultdict(set)
        self._sounds: dict[str, set[UserId]] = defaultdict(set)
        self._initials: dict[str, set[UserId]] = defaultdict(set)
        for member in members:
            self._learn(member)
        self._pattern = self._compile()

    def name(self, user: UserId) -> str:
        return self._names.get(user, str(user))

    def __contains__(self, user: object) -> bool:
        return user in self._names

    def find(self, text: str) -> list[Mention]:
        """Every member's name in `text`, in order; the longest reading wins."""
        if not self._names:
            return []
        found: list[Mention] = []
        for m in self._pattern.finditer(text):
            who = self._who(m)
            if who:
                start, end = m.span()
                bare = m[m.lastgroup] if m.lastgroup in ("ko", "ko1", "koany") else ""
                found.append(
                    Mention(
                        who=tuple(sorted(who)),
                        start=start,
                        end=end,
                        name=m[0],
                        bare=len(bare or ""),
                    )
                )
        return found

    def words(self) -> frozenset[str]:
        """All that members are called, lower-case: never the content of a ticket's title."""
        return frozenset(self._exact) | frozenset(self._family) | frozenset(self._short)

    def introduced(self, text: str) -> UserId | None:
        """Who says that they are speaking ("it's Maria by the way", "윤지혜예요"); None: nobody."""
        for m in self.find(text):
            before, after = text[: m.start], text[m.end :]
            said = _I_AM.search(before) and _THAT_IS_ALL.match(after)
            if len(m.who) == 1 and (said or _IS_I.match(after)):
                return m.who[0]
        return None

    # -------------------------------------------------------------- learning

    def _learn(self, member: Member) -> None:
        user, name = member.user_id, " ".join(member.name.split())[:80]
        self._names[user] = name
        for nickname in (name, *member.nicknames):
            if nickname.strip():
                self._exact[nickname.strip().lower()].add(user)
        parts = [p for p in re.split(r"[\s.]+", name) if p]
        if not parts:
            return
        if _is_hangul(name):
            self._learn_korean(user, "".join(parts))
            return
        first, rest = parts[0].lower(), [p.lower() for p in parts[1:]]
        self._exact[first].add(user)
        for part in rest:
            self._family[part].add(user)
            self._initials[f"{first} {part[0]}"].add(user)
        for short, full in SHORT_NAMES.items():
            if first in full or (len(short) >= 3 and first.startswith(short) and first != short):
                self._short[short].add(user)
        self._sounds[sound(first)].add(user)
        if _looks_korean(rest[-1] if rest else ""):
            self._exact[first.replace("-", "")].add(user)

    def _learn_korean(self, user: UserId, name: str) -> None:
        size = 2 if name.startswith(SURNAMES_OF_TWO) and len(name) >= 3 else 1
        family, given = name[:size], name[size:]
        self._exact[name].add(user)
        if given:
            self._exact[given].add(user)
            self._sounds[sound(given)].add(user)
        self._family[family].add(user)

    # -------------------------------------------------------------- reading

    def _compile(self) -> re.Pattern[str]:
        hangul = sorted((n for n in self._exact if _is_hangul(n)), key=len, reverse=True)
        latin = sorted(
            {n for names in (self._exact, self._family, self._short) for n in names} - set(hangul),
            key=len,
            reverse=True,
        )
        hangul_family = sorted((n for n in self._family if _is_hangul(n)), key=len, reverse=True)
        latin = [n for n in latin if not _is_hangul(n)]
        options = []
        if hangul:
            options.append(
                rf"(?<![가-힣])(?P<ko>{_any(n for n in hangul if len(n) > 1)})"
                rf"(?:\s?(?:{_TITLE})(?![가-힣]*팀장)|{_AFTER_NAME})"
            )
            singles = [n for n in hangul if len(n) == 1]
            if singles:
                options.append(
                    rf"(?<![가-힣])(?P<ko1>{_any(singles)})(?:\s?(?:씨|님|쌤)|이(?=가|는|도|한테|랑|야))"
                )
        if hangul_family:
            options.append(
                rf"(?<![가-힣])(?P<fam>{_any(hangul_family)})\s?"
                rf"(?P<title>(?!(?:씨|님|군|양|형))(?:{_TITLE}))"
            )
        options.append(r"(?<![가-힣])(?P<koany>[가-힣]{1,4})\s?(?:씨|님)(?![가-힣]*회사)")
        if latin:
            options.append(
                rf"(?<![\w@.-])(?P<en>{_any(latin)})(?:\s(?P<en2>(?:{_any(latin)})|[b-hj-zB-HJ-Z]\b(?!'))(?![a-zA-Z]))?"
                r"(?:\s?(?:씨|님|선생님|팀장님|매니저님))?(?![a-zA-Z0-9_@-])"
            )
        options.append(r"(?<![\w])(?P<enany>[A-Za-z]{3,12})\s?(?:씨|님|선생님|팀장님|매니저님)")
        return re.compile("|".join(f"(?:{o})" for o in options), re.IGNORECASE)

    def _who(self, m: re.Match[str]) -> set[UserId]:
        groups = m.groupdict()
        if name := groups.get("ko") or groups.get("ko1"):
            return self._exact[name]
        if groups.get("fam"):
            return self._family[groups["fam"]]
        if name := groups.get("koany") or groups.get("enany"):
            return self._by_sound(name)
        name = m["en"].lower()
        second = (groups.get("en2") or "").lower()
        if second:
            return self._two_words(name, second, m)
        if self._only_a_word(name, m):
            return set()
        return self._exact.get(name) or self._short.get(name) or self._family.get(name) or set()

    def _two_words(self, name: str, second: str, m: re.Match[str]) -> set[UserId]:
        first = self._exact.get(name, set()) | self._short.get(name, set())
        if len(second) == 1:
            family = self._initials.get(f"{name} {second}", set())
            if not family and self._only_a_word(name, m):
                return set()
            return family or self._exact.get(name, set()) or first
        both = first & (
            self._family.get(second, set()) | self._exact.get(f"{name} {second}", set())
        )
        return both or self._exact.get(name, set()) or first

    def _only_a_word(self, name: str, m: re.Match[str]) -> bool:
        """Whether a name that is also a word ("will", "grace") is only that word here."""
        is_family = name in self._family and name not in self._exact
        if name not in WORDS and not is_family:
            return False
        if m[0].endswith(("씨", "님")):
            return False
        text, start, end = m.string, m.start("en"), m.end("en")
        before, after = text[:start].rstrip(), text[end:]
        if after[:1] and "가" <= after[0] <= "힣":
            return False
        if text[start].isupper() and before and before[-1] not in ".?!":
            return False
        if is_family:
            return not text[start].isupper()
        asked = re.match(
            r"\s*,?\s+(?:can|could|would|you|your|(?:are|do|did|have|will) you|please|i was)\b|\s*,",
            after,
        )
        alone = not before or re.search(r"\b(?:and|ok|okay|so|right|oh|thanks|um|uh)$", before)
        if name in ("will", "may", "can"):
            return not (text[start].isupper() and alone and asked)
        return not (asked or (alone and not after.strip(" .,?")))

    def _by_sound(self, name: str) -> set[UserId]:
        """Members whose name in the other script sounds like this one (현우 ~ Hyunwoo)."""
        want, bones = sound(name), skeleton(name)
        near: set[UserId] = set()
        for heard, users in self._sounds.items():
            same_script = any(_is_hangul(self._names[u]) == _is_hangul(name) for u in users)
            if same_script and heard != want:
                continue
            if heard == want or _alike(heard, want, skeleton_b=bones):
                near |= users
        if not near and _is_hangul(name) and len(name) >= 3:
            return self._by_sound(name[1:])
        return near


def _alike(a: str, b: str, *, skeleton_b: str) -> bool:
    from rapidfuzz.fuzz import ratio

    bones = re.sub(r"[aeiouyhwč]", "", a)
    return a[:1] == b[:1] and (
        ratio(a, b) >= 75 or (ratio(a, b) >= 60 and bones == re.sub("[wh]", "", skeleton_b))
    )


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(n) for n in names) or r"(?!)"


def _is_hangul(text: str) -> bool:
    return any("가" <= c <= "힣" for c in text)


def _looks_korean(family: str) -> bool:
    return family in ("kim", "lee", "park", "choi", "jung", "kang", "cho", "yoon", "lim", "han")
