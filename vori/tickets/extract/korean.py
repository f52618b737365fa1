"""Korean speech: clauses, what each does, and the title it makes.

Rules of the language over morphemes (kiwipiepy): the ending says whether something is
promised, asked, done or only wished for. Patterns below read a clause as text of the form
`저/NP 가/JKS 쓰/VV ㄹ게요/EF`. Sentence endings part clauses even where no full stop is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any

from vori.errors import Unavailable
from vori.ids import UserId
from vori.tickets.extract import aspect
from vori.tickets.extract.clause import (
    COMMAND,
    MAX_CLAUSE_CHARS,
    Clause,
    Mark,
    is_cut,
    seqs_of,
    spans,
)
from vori.tickets.extract.dates import Day, find_days
from vori.tickets.extract.match import GLOSSARY, STOP, Vocabulary, is_hangul, key, put, stem
from vori.tickets.extract.people import Mention, People
from vori.tickets.extract.signs import korean_signs
from vori.tickets.extract.wordlist import listed

# ------------------------------------------------------------------ morphemes


class Token:
    """A morpheme and its place in the text."""

    __slots__ = ("end", "form", "start", "tag")

    def __init__(self, form: str, tag: str, start: int, end: int) -> None:
        self.form, self.tag, self.start, self.end = form, tag, start, end

    def __str__(self) -> str:
        return f"{self.form}/{self.tag}"


_JAMO = str.maketrans({"ᆫ": "ㄴ", "ᆯ": "ㄹ", "ᆷ": "ㅁ", "ᆸ": "ㅂ", "ᆼ": "ㅇ", "ᆻ": "ㅆ"})


@lru_cache(maxsize=1)
def _kiwi() -> Any:
    """The one analyser of this process: about 1 s and 200 MB at its first use."""
    try:
        from kiwipiepy import Kiwi
    except ImportError as exc:
        raise Unavailable(
            "Korean needs the package kiwipiepy; install it with: pip install 'vori[tickets]'",
            code="korean_unavailable",
        ) from exc
    kiwi = Kiwi(num_workers=1, load_default_dict=False, load_multi_dict=False, load_typo_dict=False)
    words = {w for line in GLOSSARY for w in line.split(",") if is_hangul(w) and len(w) >= 2}
    # Only what it would take apart; all at once, since the first use after an addition is slow.
    for word in [w for w in sorted(words | set(_WORK_WORDS)) if len(kiwi.tokenize(w)) > 1]:
        kiwi.add_user_word(word, "NNG", -3.0)
    return kiwi


_WORK_WORDS = listed(
    "입고 출고 재고 발주 온보딩 업적 덤벨 락커룸 라커룸 리팩터링 스프린트 백로그 핫픽스 롤백 레거시 디버깅 "
    "컨펌 시안 썸네일 경위서 품의서 기안 결재선 견적서 거래처 납기 수주 하자 시공 도면 자재 검수 반품 환불 "
    "픽업 세팅 셋업 워크숍 세미나 답사 섭외 대관 케이터링 굿즈 라벨링 패킹 소분 선적 통관 세관 바우처 "
    "체크리스트 템플릿 포스팅 릴스 해시태그 인플루언서 협찬 촬영본 콘티 편집본 자막 더빙 재촬영 재시도 재계약 "
    "재발급 재설치 재점검 인수인계 휴무표 근무표 당직표 식단표 명단 출석부 가정통신문 안내문 공문 공고문"
)


def tokens(text: str) -> list[Token]:
    """The morphemes of `text` in order. Raises Unavailable without kiwipiepy."""
    return list(_analysed(text))


@lru_cache(maxsize=64)
def _analysed(text: str) -> tuple[Token, ...]:
    """A caption is asked for twice: as part of its turn, and by the learned reader."""
    found = [
        Token(t.form.translate(_JAMO), t.tag.split("-")[0], t.start, t.start + t.len)
        for t in _kiwi().tokenize(text)
    ]
    for i, (a, b) in enumerate(pairwise(found)):
        promised = a.tag == "ETM" and a.form in ("ㄹ", "을") and b.form == "것" and b.tag == "NNB"
        if promised and text[b.start : b.start + 1] == "게" and text[b.start - 1] != " ":
            end = i + 2  # written as one: 올릴게, 뽑을게요
            while end < len(found) and found[end].form in ("이", "요"):
                end += 1
            said = "게요" if found[end - 1].form == "요" else "게"
            found[i:end] = [Token(a.form + said, "EF", a.start, found[end - 1].end)]
            break
    return tuple(found)


# ------------------------------------------------------------------ splitting

_LINK = ("는데", "은데", "ㄴ데", "지만", "니까", "으니까", "길래", "는데요", "라서", "거든")
_ENDINGS = frozenset(
    listed(
        "어요 아요 네요 죠 지요 거든요 거든 잖아요 ㄹ게요 을게요 세요 나요 ㄹ까요 을까요 더라고요 "
        "습니다 ㅂ니다 는데요 ㄴ데요 ㄴ대요 는대요 대요"
    )
)
"""Endings of sentences, which the analyser takes for connectives where no full stop follows."""
_ANNOUNCED = frozenset(listed("소식 얘기 이야기 말씀 질문 부탁 제안 건의 하나 한가지"))
"""What somebody says is to come ("저는 나쁜 소식이요, …")."""
_STARTS_ANEW = re.compile(
    r"^(?:그거|그건|그게|이거|이건|제가|저는|저희가|내가|그래서|근데|그리고|아)"
)


class Part:
    """A clause of the running text with its morphemes; offsets count within `text`."""

    __slots__ = ("final", "seqs", "text", "tokens")

    def __init__(self, text: str, seqs: tuple[int, ...], toks: list[Token], final: bool) -> None:
        self.text, self.seqs, self.tokens, self.final = text, seqs, toks, final


def split(texts: Sequence[tuple[int, str]], people: People) -> list[Part]:
    """The clauses of one turn; `texts` are (seq, cleaned text) in order."""
    joined, owners = spans(texts)
    ended = {seq: not is_cut(text) for seq, text in texts}
    toks = tokens(_plain_names(joined, people))
    parts: list[Part] = []
    run: list[Token] = []

    def close(final: bool) -> None:
        if any(t.tag[0] in "NVXMS" and t.tag not in ("SF", "SP", "SS") for t in run) or run:
            start = run[0].start
            run[:] = [t for t in run if t.end - start <= MAX_CLAUSE_CHARS] or run[:1]
            end = min(run[-1].end, start + MAX_CLAUSE_CHARS)
            shifted = [Token(t.form, t.tag, t.start - start, t.end - start) for t in run]
            parts.append(Part(joined[start:end], seqs_of(owners, start, end), shifted, final))
        run.clear()

    for i, token in enumerate(toks):
        run.append(token)
        following = toks[i + 1] if i + 1 < len(toks) else None
        if following is None:
            break
        if owners[token.start] != owners[following.start] and ended[owners[token.start]]:
            close(final=True)
            continue
        ends = token.tag == "EC" and token.form in _ENDINGS and following.tag != "SP"
        said = {t.form for t in run[-3:]} if token.form in ("요", "이요") else set()
        ends = ends or not said.isdisjoint(_ANNOUNCED)
        if token.tag == "SF" or (ends and len(run) > 2):
            close(final=True)
        elif following.tag in ("SF", "SP") or (
            following.form in ("요", "이요") and following.tag in ("JX", "EF", "MM")
        ):
            continue
        elif (
            token.tag == "EF"
            or (
                token.form == "요"
                and token.tag == "JX"
                and len(run) > 2
                and run[-2].tag in ("EC", "EF")
            )
            or (
                token.tag == "SP"
                and len(run) > 3
                and run[-2].tag in ("EF", "JX")
                and run[-2].form in ("요", "고")
            )
        ):
            close(final=True)
        elif (token.tag == "EC" and _breaks(run, joined[following.start :])) or (
            token.tag == "SP"
            and len(run) > 2
            and run[-2].tag == "EC"
            and _breaks(run[:-1], joined[following.start :])
        ):
            close(final=False)
    if run:
        close(final=True)
    return [p for p in parts if p.text.strip(" .,?!")]


_PLAIN_NAMES = {2: "민수", 3: "김민수", 4: "남궁민수"}


def _plain_names(text: str, people: People) -> str:
    """The text with members' Hangul names as names of the same length that are no words."""
    for m in people.find(text):
        size = m.bare
        if size in _PLAIN_NAMES and is_hangul(m.name):
            text = text[: m.start] + _PLAIN_NAMES[size] + text[m.start + size :]
    return text


def _breaks(run: Sequence[Token], following: str) -> bool:
    """Whether a clause ends at this connective ending."""
    token = run[-1]
    if token.form in _LINK or token.form.rstrip("요") in _LINK:
        return len(run) > 2
    past = len(run) > 1 and run[-2].form in ("었", "았", "겠") and run[-2].tag == "EP"
    if token.form == "고" and past:
        return True
    return token.form in ("어서", "아서", "서", "고") and bool(_STARTS_ANEW.match(following))


# ------------------------------------------------------------------ marks


def _m(pattern: str) -> re.Pattern[str]:
    """A pattern over morphemes; a space stands for the space between two of them."""
    return re.compile(pattern)


_V = r"(?:VV|VX|XSV)"
_NOT_WORK_VERBS = (
    r"(?:알|모르|좋|되|감사|죄송|힘들|어렵|있|없|같|재밌|그렇|맞|아쉽|고맙|이|아니|걸리|늦|살|죽|울|웃|들어가|나가|쉬|가|오|끊|자|먹|마시|"
    r"기다리|지켜보|넘어가|마치|듣|말하|얘기|이야기|여쭙|들어보|기대|힘내|응원|믿|놀라|나오|괜찮|미안|반갑)"
)
_COMMIT = _m(
    r"(?:ㄹ게|을게|ㄹ께|을께)요?/EF|(?:ㄹ게|을게)요?/EC|겠/EP (?:습니다|ㅂ니다|어요|다|구요|고)/E[FC]|(?:ㄹ|을)라고요?/E[FC]"
)
_WILL = _m(
    r"(?:ㄹ|을)/ETM (?:(?:거|것)/NNB (?:이/VCP|ㅂ니다|에요|예요|야/|임)|(?:예정|계획|생각)/NN[BG])|려고/EC|(?:기|ㄹ 것)/ETN 로/JKB 하/VV|으?려구요?/E[FC]"
)
_CAN = _m(
    r"저/NP .*(?:ㄹ|을)/ETM 수/NNB (?:가/JKS |는/JX |도/JX )?있(?!/\S+ 는/ETM (?:것|거|일)/NN. (?:\S+ )?없)"
)
_REQUEST = _m(
    r"주/V[XV] (?:시/EP )?면/EC (?:좋/VA 겠|되/VV|감사|고맙)|주/V[XV] (?:시/EP )?(?:(?:세요|으세요|십시오|어요|ㅂ시오|죠|ㄹ래요?|ㄹ까요|나요|어|라|ㅂ니까|길)/E[FC]|시/EP (?:죠|ㄹ래|ㄹ까)|ㄹ/ETM 수|겠/EP|ㄹ/ETM 거|으면|셨으면)"
    r"|주/V[XV] 시/EP 고/EC(?: 요/JX)?(?: \S+/S[FP])?$|시/EP (?:ㄹ/ETM 수/NNB 있|ㄹ래|겠/EP|면/EC (?:되|좋|돼))|부탁/NNG (?:을/JKO |좀/MAG )?(?:드리|하)|(?:ㄹ래|을래)/EF|(?:ㄹ래요|을래요)/EF"
    r"|가능/NNG 하/XSA (?:시/EP )?(?:세요|ㄹ까요|신가요|ㄴ가요|나요|시/EP|ㄹ까)|시/EP 는/ETM (?:걸|거|것)/NN[GB] ?(?:로|ㄹ로)|맡/VV 으시|십시오/EF|시/EP 죠/EF|셔야/EC|시/EP 어야/EC"
    r"|(?:달|다오)/V[XV] 라고/E"
)
_IMPERATIVE = _m(r"(?:하|되)?/?(?:VV|XSV) (?:세요|으세요)/EF")
_STATIVE_POLITE = _m(
    r"(?:좋아하|싫어하|원하|바라|알|모르|계시|힘들어하|기뻐하|궁금해하|말하|말씀/NNG 하|걱정/NNG 하|기다리|불편/XR 하|만족/NNG 하|생각/NNG 하|필요/NNG 하)/(?:VV|XSV|XSA)|(?:이|가)/JKS (?:\S+ ){0,4}\S+ (?:세요|으세요)/EF"
)
_GREETING = _m(
    r"(?:수고|고생|안녕|감사|말씀|축하|건강)/(?:NNG|XR) (?:하|들)|들어가/VV 세요|계시/V|있/VA 으?세요|어떠|어떻|괜찮/VA|오/VV 세요|가/VV 세요|들리/VV 시|쉬/VV 세요|보이/VV 시|맞/VV 으?시|드시|주말/NNG (?:잘|보내)|(?:금|하루|저녁|연휴|명절|시간|밤|휴일|오후|한가위|설|추석|주말)/NNG (?:\S+ )?보내/VV|조심/NNG|힘내/VV|힘/NNG 내|운전/NNG|깨/VV|서두르/VV|참/VV|이해/NNG|양해/NNG|기다리/VV|믿/VV|지켜보/VV|시작/NNG 하/XSV 시|먼저/MAG 하/VV|앉/VV|신경/NNG"
)
_NEED = _m(
    r"어야/EC (?:지/|되/VV|하/V[VX]|겠/EP|죠|ㄹ/ETM|돼)|어야(?:죠|지|겠)|야/EC (?:되|하)/V|필요/NNG (?:하/XSA|가/JKS|는/JX|도/JX)? ?(?:있|하)?|(?:ㅂ시다|읍시다|자)/EF|자고요?/E[FC]|(?:두|놓)/VX (?:죠|ㄹ까요|지요)/EF|기/ETN 로/JKB 하/VV (?:죠|시죠|ㅂ시다|었|자)"
    r"|(?:는|ㄴ)/ETM (?:걸|거|것)/NN[GB] ?(?:로/JKB|ㄹ로/JKB) ?(?:하/VV (?:죠|시|ㅂ시다|ㄹ게요|겠))|(?:올리|추가/NNG 하/XSV|넣|잡|적|등록/NNG 하/XSV|정하|만들|바꾸)(?:/VV)? (?:어/EC 두/VX )?(?:죠|지요|시/EP 죠)/EF"
)
_PAST_NEED = _m(r"었/EP 어야|어야/EC (?:되|하)/V[VX] 었")
_FINISH = _m(
    r"(?:끝나/VV|끝/NNG 나/VV|끝내/VV|끝/NNG 내/VV|마치/VV|완료/NNG|마무리/NNG|배포/NNG|출시/NNG|오픈/NNG|제출/NNG|승인/NNG|반영/NNG|머지/NNG|병합/NNG|해결/NNG|납품/NNG|설치/NNG|교체/NNG|merge|완성/NNG|발송/NNG|접수/NNG|개통/NNG|종료/NNG|등록/NNG|적용/NNG|정리/NNG|조치/NNG|처리/NNG|복구/NNG|통과/NNG|전달/NNG|수령/NNG|입고/NNG|계약/NNG|체결/NNG|결제/NNG|입금/NNG|done|release|deploy)"
)
_GRANTED = _m(
    r"(?:승인|허가|결재|허락|재가|인가|확답|오케이|사인|도장)/NNG (?:\S+/J\S+ ){0,2}(?:다/MAG )?(?:떨어지|나|나오|내려오)/VV (?:었|았)/EP"
)
_ALL = _m(r"(?:다|이미|벌써|전부|모두|싹|완전히|드디어|방금|아까)/(?:MAG|NNG)|막/MAG")
_PAST = _m(r"(?:었|았)/EP (?!었)(?:\S+/EP )*(?:\S+/E[FC])")
_STATIVE_PAST = _m(
    r"\S*[어아여려러]지/VV (?:었|았)/EP|지/VX (?:었|았)/EP|(?:나|(?<!찾아)(?<!가져)(?<!받아)(?<!데려)(?<!사)오|가|보|되|지)/(?:VV|VX) (?:었|았)/EP|(?<![가-힣])(?:있|없|같|좋|나쁘|많|적|크|작|모르|알|듣|생각/NNG 하|보이|말/NNG 하|말씀/NNG 하|말씀/NNG 드리|얘기/NNG 하|이야기/NNG 하|느끼|좋아하|고생/NNG 하|고생/NNG 하/XSV 시|수고/NNG 하|수고/NNG 하/XSV 시|모자라|늦|다치|힘들|이|아니|들어오|들어오/VV 시|가|왔|오|오/VV 시|싶|않|못하|걸리|나|깨지|죽|터지|막히|고장|떨어지|찾|알아내|파악/NNG 하|확인/NNG 하|넘|밀리|부족/NNG 하|부족하|물어보|지켜보|놀라|깜빡/MAG 하|깜빡하|까먹|잊|보|자|먹|빠지|끊기|틀리|모이|감사/NNG 하|길|되|늘|줄|남|당하|겪|발견/NNG 하|후회/NNG 하|실망/NNG 하|살|살아나|헷갈리|헤매|당황/NNG 하|당황하|걱정/NNG 하|고민/NNG 하|궁금하|기억/NNG 하|기대/NNG 하|그렇|이렇|저렇|헛걸음/NNG 하|빗나가|어긋나|줄어들|늘어나|실패/NNG 하|그러)/(?:V[VXA]|VCP|VCN|XSV|XSA|EP)(?: \S+/EP)* (?:었|았)/EP"
)
_PROGRESS = _m(
    r"고/EC (?:는/JX |도/JX )?(?:있|계시)/V[XV](?! 던/ETM)|는/ETM 중/NNB|중/NNB (?:이/VCP|입)|(?:진행|작업|검토|준비|제작|개발|테스트|조사|협의|논의|수정|작성|공사)/NNG 중/NNB|시작/NNG (?:을/JKO |은/JX )?하/(?:XSV|VV) (?:시/EP )?(?:었|어)|시작/NNG 되/XSV 었|착수/NNG|/J\w+ 그리고/MAJ 있/V|(?<![가-힣])(?<!NNG )반/NNG (?:정도|쯤|넘)|절반|거의/MAG 다|(?:작업|공사|제작|편집|개발|준비|수리|시공|촬영|인쇄|생산|공정|조사|협의|테스트)/NNG 에/JKB 들어가/VV 었|(?<!에/JKB )(?<!안/MAG )(?<!못/MAG )(?<!잘/MAG )들어가/VV 었|계속/MAG (?:하/VV|보/VV)|손/NNG (?:을/JKO )?대/VV (?:었|기)|리뷰/NNG (?:만/JX )?(?:받|대기|중|올리)|PR/SL"
)
_BEGUN = _m(
    r"시작/NNG (?:을/JKO |은/JX )?하/(?:XSV|VV) (?:시/EP )?(?:었|어|아)|시작/NNG 되/XSV 었|착수/NNG 하/XSV 었|(?:작업|공사|제작|편집|개발|준비|수리|시공|촬영|인쇄|생산|공정|조사|협의|테스트)/NNG 에/JKB 들어가/VV 었|(?<!에/JKB )들어가/VV 었|start|손/NNG (?:을/JKO )?대/VV 기|까지/JX 하/VV 었"
)
_NO_PROGRESS = _m(
    r"(?:알|가지|갖|듣|기다리|지내|살|모르|대기/NNG 하|생각/NNG 하|믿|살아)(?:/(?:VV|XSV))? 고/EC 있|못/MAG \S+ (?:\S+ ){0,2}고/EC 있|못하/V[VX] 고/EC 있|안/MAG \S+ (?:\S+ ){0,2}고/EC 있|막히"
)
_NEG = _m(
    r"(?:안|못)/MAG |지/EC (?:는/JX |ㄴ/JX |도/JX |를/JKO )?(?:않|못하|말)/V|못하/V|안되/V|아니/VCN|덜/MAG|없/VA"
)
_NOT_YET = _m(r"아직/MAG.*(?:안/MAG|못/MAG|않/V|못하/V|덜|전/NNG|중/NNB|남|없|모르|멀)")
_NOT_DONE = _m(
    r"(?:안|못)/MAG (?:\S+ ){0,3}(?:끝|되/|하/|시작|마치|완료|고치|보내|받|내/|대/|올리|나오)\S* ?(?:\S+ ){0,2}(?:었|ㅂ니다|습니다|어요|고/EC 있|는데|은|ㄴ)|지/EC (?:는/JX |ㄴ/JX )?(?:않|못하)/V\S* 었|덜/MAG|(?:미루|밀리|남)/VV 었/EP|시작/NNG (?:도/JX |을/JKO |조차/JX )?(?:안|못)|손/NNG (?:을/JKO |도/JX )?(?:못|안)"
)
_PLAN = _m(
    r"(?:내일|다음|이따|나중|담|모레|후|뒤|부터|월요일|화요일|수요일|목요일|금요일|끝나/VV 면|되/VV 면|나/VV 면|오/VV 면).*(?:시작|착수|보/VV|들어가|손/NNG).*(?:려고|ㄹ게|을게|겠/EP|예정|ㄹ/ETM 거|계획)|려고요?/E[FC]$|예정/NNG"
)
_BLOCK = _m(
    r"막히/VV|막/VV 히|묶이/VV|차단/NNG|두절/NNG|스톱/NNG|손/NNG (?:을/JKO )?놓/VV 고/EC 있|멈추/VV 었|발/NNG (?:이/JKS )?묶|(?:중단|지연|보류|스톱|올스톱|홀딩|(?<!/NNG )블록|블로킹|blocked|block)/(?:NNG|SL)|멈추/VV 어/EC 있|(?:작업|공사|일정|진행|개발)/NNG (?:이|가|을|를|도)?/?\S* ?멈추|(?:답|답변|회신|연락|승인|허가|결재|응답|자료|부품|물건|키|열쇠|권한|서류|피드백|도면|재료|자재|비밀번호)/NNG (?:이|가|을|를|도|은|는)?/?(?:J\w+ )?(?:아직/MAG )?(?:안/MAG|못/MAG (?:받|구하|얻|찾))"
    r"|못/MAG (?:(?!었/EP)\S+ ){0,2}(?:고/EC 있|ㅂ니다|습니다|어요|는/ETM|ㄴ다|네요|거든|고/E[FC]|죠)|못하/V[VX] (?:고/EC 있|ㅂ니다|습니다|어요|는)|기다리/VV (?:고/EC 있|는/ETM 중)|대기/NNG (?:중|하/XSV 고|상태)|(?:ㄹ|을)/ETM 수(?:가)?/NNB (?:가/JKS |도/JX |는/JX |밖에)?(?:있/\S+ 는/ETM 것/NNB (?:이/JKS )?)?없|고장/NNG|(?:안|못)/MAG (?:나|오|나오|주|되|풀리|내려오|떨어지|도착|들어오)\S* (?:\S+ )?어서|에/JKB 걸리/VV 어 ?/?E?C? ?있|밀리/VV|먹통"
)
_BLOCK_HARD = _m(
    r"막히/VV|묶이/VV|차단/NNG|중단|멈추/VV 어/EC 있|(?:안|못)/MAG \S+ (?:어서|아서)/EC (?:\S+ ){0,2}멈추/VV 었|손/NNG (?:을/JKO )?놓/VV 고/EC 있|스톱/NNG|두절/NNG|먹통|(?:라|라서|어서|니까)/EC (?:\S+ ){0,4}안/MAG (?:오|넘어오|나오|들어오|내려오|풀리|열리)/VV|못/MAG|못하|수/NNB (?:가/JKS |도/JX |는/JX |밖에/JX )?(?:있/\S+ 는/ETM 것/NNB (?:이/JKS )?)?없|(?<!/NNG )블록|보류|홀딩"
)
_NO_BLOCK = _m(
    r"막히/VV (?:는|ㄴ|은)/ETM (?:거|것|건|게|일|데|부분)\S* .*(?:없|있)|기다리/VV 어|바쁘/VA|리뷰/NNG (?:를/JKO |만/JX )?(?:기다리|대기)|잠/NNG|못/MAG (?:자/VV|듣/VV|보/VV (?!고/EC 있)|하/VV 겠|가/VV|닫/VV|알아보/VV|믿/VV)|어쩌/VV ㄹ/ETM 수|(?:ㄹ|을)/ETM 수/NNB 밖에"
)
_REOPEN = _m(
    r"새로/MAG (?:\S+ ){0,3}\S+/(?:VV|XSV) 어야/EC|다시/MAG (?:\S+ ){0,3}\S+/(?:VV|XSV|VX) (?:\S+/EP )?어야/EC (?:되|하|겠)|다시/MAG (?:\S+ ){0,4}(?:열/VV|오픈|돌리/VV|살리|올리/VV|할 일|하/VV ㄹ/ETM 일|시작|진행/NNG|작업|고치|고쳐|하/VV 어야|보/VV 어야|해야|손|수정|open|봐야|하/VV 기|찍|깔|걸)|재오픈|재작업|(?:다시|또)/MAG (?:\S+ ){0,2}(?:안/MAG|고장|깨지|나오|새/VV|터지|죽|발생|나/VV|끊|오류|멈추)|재발/NNG|원상|도로/MAG|되돌리|reopen"
)
_REOPEN_HARD = _m(
    r"다시/MAG (?:\S+ ){0,3}(?:열/VV|오픈|돌리/VV|살리|올리/VV|하/VV ㄹ/ETM 일)|(?:하|할)\S* ?ㄹ?/?E?T?M? ?일/NNG 로/JKB|재오픈|되돌리|reopen|완료/NNG (?:를/JKO )?(?:취소|풀)"
)
_HYPO_WORDS = re.compile(
    r"^(?:아|어|음)?[,\s]*이러다가?\s|(?:생각|고민)해\s*(?:볼|보|봐)|면\s*안\s*(?:될까|되나|되겠|될지|돼요?\?)|그냥\s*해\s*본|해\s*본\s*(?:말|소리)|언젠가|나중에(?!\s*정)|시간\s*(?:이\s*)?나면|여유\s*(?:가\s*)?(?:되|있|나|생기)|(?<!주)(?<!주시)면\s*좋겠|좋을\s*텐데|차라리|면\s*얼마나|고\s*싶(?!어도)|만약|만일|수도\s*있|혹시\s*나중|생각만|아이디어|어떨까|어때요|그냥\s*궁금|궁금해서|이론상|꿈|상상|장기적|내년|먼\s*미래|하면\s*(?:재밌|재미있|좋|멋지)|한다면|였다면|했다면|했으면\s*(?:좋았|됐)|(?:지금|당장)\s*(?:하자는|하겠다는|은\s*아니|는\s*아니)"
)
_UNSURE_WORDS = re.compile(
    r"아마|같은데|같아요|같습니다|확실(?:하|히)?[진지는 ]*(?:않|모르|치)|모르겠|몰라|수도\s*있|듯(?:요|해|합|하|$|\s)|글쎄|추정|걸요|텐데|아닐까|기억이|들은 것|[ㄴ은는]가\s*봐|나\s*봐"
)
_AGAINST_WORDS = re.compile(
    r"안\s*\S{0,5}(?:는|은|ㄴ|[가-힣])\s*(?:걸|거|것)로|안\s*\S{1,3}기로|안\s*하기로|않기로|하지\s*(?:맙|말|마)|지\s*(?:맙시다|말죠|말자|마세요|마시|말기|말아|않기로)|안\s*하는\s*(?:걸|거|것)|(?<!예약\s)취소(?:하|됐|했|해|합|로|예)|없던\s*(?:일|걸)|보류(?:하|로|합)|빼(?:죠|기로|고\s*가|주|시)|(?:필요|할\s*건|할\s*거|할\s*일)(?:는|도|은|가)?\s*없|관두|그만\s*두|접(?:기로|죠|자|었|읍)|안\s*해도|무산|포기|안\s*할\s*(?:거|게|래)|미루기로|말고요|안\s*가기로|안\s*쓰기로|안\s*사기로|철회|됐어요\s*그(?:건|냥)|없애기로|않는\s*(?:걸|것)|않아도|안\s*\S{1,4}도\s*(?:돼|됩|되)|말고\s*그냥|없이\s*(?:가|하|진행)|하지\s*않|아이디어\s*단계|불필요|기각|탈락"
)
_LEAVE_WORDS = re.compile(
    r"그대로\s*(?:두|놔|놓|가|있)|놔두|냅두|천천히|건드리지|손대지|급하(?:지|진)|안\s*급|하셔도\s*(?:됩|돼)|해도\s*(?:됩|돼)|똑같|변동|하던\s*대로|새로운\s*(?:건|거)?\s*없|특이\s*사항"
)
_ORG = r"(?:(?<![가-힣A-Za-z])[가-힣A-Za-z]{0,10}(?:팀|부서|본부|센터|업체|외주사|협력사|회사|본사|지사|대행사|시공사|재단|협회|위원회|학회|공사|은행|구청|시청|군청|교육청|관리소|사무소|사무실|연구소|지점|병원|대학|학교|건물주|제조사|공급사|고객사|거래처|파트너사|벤더|(?<![가-힣])[가-힣]{2,8}(?:과|실|처|국|소|부|측|사))|(?<![가-힣])[가-힣]{2,8}\s?쪽|거기|그쪽|그\s쪽|소방서|경찰서|세무서|보건소|등기소|우체국|집주인|아파트|주최\s?측)"
_OTHER_TEAM_WORDS = re.compile(
    rf"{_ORG}(?:에서는?|에서도|이|가|은|는|측에서)\s+(?:(?!제가|저희가|우리가|안\s|못\s)\S+\s+){{0,5}}?(?:하|한|합|해|할|맡|진행|준비|처리|담당|알아서|직접|세우|세운|고치|바꾸|바꾼|만들|만든|보내|정하|정한|주관|관리|챙기|챙긴)\S*"
    r"|(?:저희|우리)\s*(?:쪽\s*)?(?:작업|일|업무|건|거|몫|소관|담당|책임|범위)?(?:은|는|이|가|도)?\s*아니|우리가\s*할\s*(?:건|거|일)|(?:우리는?|저희는?)\s*(?:신경|상관|할)|신경\s*(?:안\s*쓰|쓰지|끄)|알아서\s*(?:한|하|해|할)|자체적으로|(?:그쪽|거기)\s*(?:일|담당|소관)|다른\s*(?:팀|부서|쪽)"
)
_LAUGH = re.compile(
    r"하하|ㅋㅋ|ㅎㅎ|허허|호호|크크|푸하|히히|(?<![A-Za-z])(?:haha|lol)", re.IGNORECASE
)
_JOKE_WORDS = re.compile(
    r"농담|웃자고|로또|은퇴|하와이|월급\s*(?:두|세|열|다섯)\s*배|로봇(?:을|이|한테|\s*사|도)|마법|요술|타임머신|우주|달나라|퇴사|사표|노벨|복권|대통령|신이시여|분신|복제(?:인간)?해|순간\s*이동|외계|도깨비|산타|(?:그|그럴)\s*돈(?:이면|이\s*있|이\s*어디|으로)"
)
_SHIFT_WORDS = re.compile(
    r"^(?:아|어|네|예|음|그|저기|참|자|오|아참)?[,\s]*(?:그리고|또\s*하나|그\s*대신|한\s*가지|하나\s*더|추가로|마지막으로|다음(?:은|으로)|참고로|참|아\s*맞다|맞다|저기|근데\s*하나|그거\s*말고|그거랑\s*별개|별도로|그\s*외|그밖|이어서|저는|저희는|제\s*쪽|제\s*거)"
)
_CORRECT_WORDS = re.compile(
    r"아니다|아\s*아니|^아니(?:요|,|\s)|잠깐만|잠시만|정정|죄송|다시\s*보니|사실은|알고\s*보니|아니라|말고|바꿔(?:서|야|주)|바꾸(?:죠|겠|기)|착각|제가\s*잘못|취소하고|대신에?\s"
)
_SMALL_TALK_WORDS = re.compile(
    r"(?:이|여기|요)\s?정도로\s*(?:하|마치|끝|마무리)|이쯤(?:에서|하고)|여기서\s*(?:끊|마치|끝)|[일이삼사오육칠팔구십\d]\s*(?:시|분)(?:으로|이라고)\s*(?:고치|고칠|적|넣|바꾸|바꿀|수정|정정)|(?:적어|메모해|기록해|받아\s?적어)\s?(?:둘|놓|두)|(?:얘기|이야기|논의|의논|회의)(?:합시다|하시죠)|(?:돌아|훑어|짚어)\s?(?:볼게|보겠|봅시다|보죠)|한\s?바퀴\s*돌|오늘은?\s*이만|해산|(?:회의|미팅|조회|조례|종례|브리핑|리뷰|스탠드업)(?:를|은)?\s*(?:할게|하겠|합시다|하죠|시작|엽니다|열겠)|(?:정리|시작|리뷰|공유|설명|보고|진행)해?\s*(?:보겠|볼게|보도록)|(?:짧게|후딱|얼른|간단히|간단하게|금방|가볍게|잠깐만?|잠시만?)\s*(?:할|하|갈|끝)|(?:전에|오늘은?|먼저)\s*(?:점검|체크|공유|얘기|확인)\s*(?:할게|하겠|하죠|합시다)|^(?:자|네|그럼|이제)?[,\s]*(?:오픈|개점|출발|영업\s*시작)(?:하겠|할게|합시다|하죠|하시죠)|빨리\s*(?:갈|할|가)|(?:시작|마치|마무리|정리|종료)(?:할|하|ㄹ|치|칠)?(?:게요|겠습니다|죠|하죠|할까요|하시죠)|마칠게|마치겠|마칩|여기까지|넘어가|리뷰\s*(?:하겠|할게|시작)|(?:순서|것)부터\s*(?:볼|보)|(?:건|거|안건|현황|상황)[은는을를]?\s*(?:보겠|볼게|봅시다|보죠|보도록)|잠깐\s*보겠|(?:쭉|먼저|하나씩|같이|한\s*번|차례로|돌아가면서|전체적으로)\s*(?:볼|보|할|얘기|말씀|갈)|말씀\s*(?:드릴게|드리겠|주세|해\s*주|하세)|(?<!만)들어\s*(?:볼|보)|이만|다음\s*회의|다음에\s*(?:뵐|봬|봐|뵙|말씀|얘기)|뵐게|뵙겠|점심\s*(?:뭐|먹|드|은|메뉴)|(?:하나|한\s*가지)만?\s*(?:정정|수정|추가|말씀|여쭤|여쭐|물어|확인|공유)\S{0,3}(?:할게|하겠|볼게|드릴게|보겠)|휴가|수고|고생|안녕|들리|녹음(?:되|돼|됩)|화면\s*공유(?!\s*기능)|다녀올|다녀오|퇴근할|회식|커피|진행\s*상황부터|재생|쉬었다|(?<!목이 )(?<!목도 )쉬어|먼저\s*(?:갈|나갈|일어|하|시작)|회의는|회의\s*때\s*(?:봬|뵐|뵙)"
)
_TIME_OF_DAY = re.compile(
    r"(?:(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|열한|열두|\d{1,2})\s*시\s*(?:반|[일이삼사오육칠팔구십\d]+\s*분|쯤|정각|경|에|부터)|[일이삼사오육칠팔구십\d]+\s*분(?:쯤|에|경))|그때|당시|사고\s*(?:때|당일)|그날(?!\s\S*(?:던|했던|한|신)\s)"
)
_WANT_WORDS = re.compile(
    r"싶(?:은|어|습|다|네)|있으면\s*좋|면\s*좋겠|주셨으면|달라고|필요(?:해|하|합|할)|받고\s*싶|원(?:해|합)"
)
_RECAP_WORDS = re.compile(
    r"(?:할\s?일|목록|보드|티켓|칸반|리스트|백로그|카드)(?:에|으로|로)(?:는|만|다가?)?\s*(?:\S+\s)?(?:올려|적어|넣어|등록해|추가해|달아|걸어|만들어)|일단\s*(?:등록|올려)|잊지\s*말|말이야|말인데|말이에요|말입니다|정리하(?:면|자면)|다시\s*(?:한\s*번|한번)?\s*확인|확인\s*(?:드리|차)|요약|아까\s*(?:말|얘기)|종합하"
)
_PROBLEM_WORDS = re.compile(
    r"깨[지져진]|안\s*(?:되|돼|맞|나와|나오|열|걸|켜|먹|보이|들)|오류|에러|문제|고장|누락|빠[지졌진]|모자|안\s*맞|죽[어더는]|느[리려린]|만료|부족|이상|틀[리려린]|새[는고]|누수|버그|두\s*번|중복|끊[기겨]|낡|찢|긁|막[히혀]|불만|민원|컴플레인|떨어[지져졌]|헐|녹슬|잘못|품절|밀[리려렸]|늦[어는]"
)
_CONTACT_WORDS = re.compile(
    r"물어\s*[보봐볼]|여쭤|여쭙|문의(?!처|함)|연락(?!망|처|선)|전화(?!번호|기|부)|재촉|독촉|메일\s*(?:보|쓰|드)|확인해\s*(?:달라|보)|얘기해\s*[보볼]"
)
_DECISION_WORDS = re.compile(
    r"기로\s*(?:했|하죠|합시다|하시죠|하겠|할게)|(?:는|은|ㄴ|[가-힣])\s*걸로(?:요|\s*하|\s*할|\.|$)|맙시다|결정(?:했|됐|하)|확정|합의"
)
_SOME_OF = re.compile(
    r"(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|\d+)\s*(?:개|대|장|명|편|곳|건|쪽|권|벌|군데|칸|종|가지|팀|판|통|줄|층)\s*(?:은|는|만|를|을)?\s*"
    r"\S*[했었났렸뒀꿨갔웠았췄썼]고(?:요)?[,.]?$"
)
_CLOSING_WORDS = re.compile(
    r"(?:이건|그건|이거|그거|이걸로)\s*(?:\S+\s)?(?:완료|마무리)(?:로|처리)?\s*(?:할게|하겠)|(?:종결|마감)(?:하시면|하면|해도|하셔도)\s*(?:돼|됩|될|되)|완료(?:로|\s*처리)\s*(?:할게|하겠|하죠|해\s*주|하시면|부탁)|"
    r"(?:완료|끝|종료|마무리|해결|클로즈|closed?|done|resolved)(?:으?로)\s*(?:보|봐|치|쳐|처리|넘기|간주|생각|표시|체크|바꾸|바꿔|돌려|옮겨)(?!류)|(?<!다시 )닫(?:을게|겠|죠|아\s*주|으면)|끝난\s*(?:걸|거|것)로\s*(?:할|하|해)"
)
_WHO_WORDS = re.compile(r"누가|누구|어느\s*분|하실\s*분|담당(?:은|자)|맡으실")
_WH_WORDS = re.compile(
    r"누가|누구|언제|어디|뭐(?:예|가|를|로|죠|\s)|무엇|왜|어떻게|얼마|몇|어떤|어느"
)
_QUESTION_END = _m(
    r"(?:나요|(?<!니)까요|ㄹ까요|을까요|ㅂ니까|습니까|ㄴ가요|은가요|는가요|(?<![가-힣])니|을까|ㄹ까|냐|ㄹ래요|을래요|려나|ㄴ가|은가|는가)/E[FC]|(?:ㄹ지|는지|ㄴ지|을지)(?:요)?/E[FC](?: \S+/S[FP])?$|ㄹ래/EF 요| 나/EF"
)
_ACCEPT_WORDS = re.compile(
    r"^(?:아|어|오|음|하하|그럼)?[,\s]*(?:(?:네|넵|넹|예|옙)(?![가-힣])|그럼요|알겠|좋(?:아|습|네)|오케이|그래요|맞아|맞습|물론|당연|그러죠|그럴게|그렇게|그래\s*주|감사|고마|고생|ok|okay|yes|sure|굿|콜|확인했|괜찮|동의|찬성|그럽시다|그래야)",
    re.IGNORECASE,
)
_REFUSE_WORDS = re.compile(
    r"^(?:아|어|음|저|죄송)?[,\s]*(?:아니(?:요|오|에요|야|다)?(?=[\s,.]|$)|아뇨|안\s*돼|안\s*됩|싫)|못\s*(?:할|합|하겠|해요)|어려울|어렵겠|힘들\s*(?:것|거|겠)|안\s*될\s*(?:것|거)|제발"
)
_ANAPHOR_WORDS = re.compile(
    r"그거|그건|이거|이건|그것|이것|그게|이게|요거|그걸|이걸|그\s*건|해당\s*건|그쪽|거기|그\s*돈"
)
_STRONG_ACT = _m(r"저/NP (?:가|는|도|두)/J|저희/NP|내/NP 가|제/NP|나/NP (?:가|는)")


def marks(text: str, toks: Sequence[Token], *, final: bool) -> Mark:
    """What the clause does."""
    if COMMAND.search(text):
        return Mark.COMMAND
    morphs = " ".join(map(str, toks))
    found = Mark.NONE
    for words, mark in (
        (_HYPO_WORDS, Mark.HYPO),
        (_UNSURE_WORDS, Mark.UNSURE),
        (_AGAINST_WORDS, Mark.AGAINST),
        (_LEAVE_WORDS, Mark.LEAVE),
        (_LAUGH, Mark.LAUGH),
        (_JOKE_WORDS, Mark.JOKE),
        (_SHIFT_WORDS, Mark.SHIFT),
        (_CORRECT_WORDS, Mark.CORRECT),
        (_SMALL_TALK_WORDS, Mark.SMALL_TALK),
        (_TIME_OF_DAY, Mark.PAST_STORY),
        (_WANT_WORDS, Mark.WANT),
        (_RECAP_WORDS, Mark.RECAP),
        (_PROBLEM_WORDS, Mark.PROBLEM),
        (_ACCEPT_WORDS, Mark.ACCEPT),
        (_REFUSE_WORDS, Mark.REFUSE),
        (_ANAPHOR_WORDS, Mark.ANAPHOR),
        (_DECISION_WORDS, Mark.DECISION),
        (_CONTACT_WORDS, Mark.CONTACT),
    ):
        if words.search(text):
            found |= mark
    if _STRONG_ACT.search(morphs) or re.match(r"(?:(?:네|어|아|음)[,\s]+)?(?:저|전)\s", text):
        found |= Mark.FIRST
    if re.search(
        r"(?:면|으면|다면)/EC .*(?:어야|야)/EC (?:겠|되|하)|가정(?:이|일|하)", morphs
    ) and not re.search(r"시간|가능|괜찮|되/VV (?:시/EP )?면|으려면|려면", morphs):
        found |= Mark.HYPO
    if Mark.FIRST in found and re.search(r"어/EC (?:놓|두|드리|주)/VX (?:\S+/EP )?었", morphs):
        found &= ~Mark.PAST_STORY
    if re.search(r"(?:면|도|야)\s*(?:될|할|되)\s*(?:것|거|듯)\s*같", text):
        found &= ~Mark.UNSURE  # said politely, not doubted
    found |= _question(text, morphs)
    found |= _status(text, morphs)
    if final:
        found |= _asked(text, morphs, found)
    elif re.search(
        r"주/V[XV] (?:시/EP 고/EC|(?:시/EP )?면/EC 좋/VA 겠/EP \S+/EC)(?: \S+/S[FP])?$", morphs
    ) and not _GREETING.search(morphs):
        found |= Mark.REQUEST
    elif (
        _NEED.search(morphs)
        and not _PAST_NEED.search(morphs)
        and not re.search(r"(?:니까|어서|아서|라서|거든|느라고?)/EC(?: \S+/S[FP])?$", morphs)
    ):
        found |= Mark.NEED
    if _OTHER_TEAM_WORDS.search(text) and Mark.COMMIT not in found and Mark.BLOCK not in found:
        found |= Mark.OTHER_TEAM
    return found


def _question(text: str, morphs: str) -> Mark:
    found = Mark.NONE
    if (
        text.rstrip().endswith("?")
        or _QUESTION_END.search(morphs)
        or (
            _WH_WORDS.search(text)
            and re.search(r"/EF", morphs)
            and not re.search(r"뭐/IC|었/EP|겠/EP|ㄹ게", morphs)
        )
    ):
        found |= Mark.QUESTION
    if re.search(
        r"거/NNB (?:가/JKS )?아니/VCN (?:에요|어요|죠|야|ㄴ가요?|냐)/E[FC](?: \S+/S[FP])?$", morphs
    ):
        found |= Mark.QUESTION
    open_yet = re.search(
        r"(?:누가|누구|언제|어디|어떻게)\s.{0,12}지[는를도]?\s.*(?:나중|아직|다음|정하)", text
    )
    if open_yet and not text.rstrip().endswith("?"):
        found &= ~Mark.QUESTION
    if re.search(
        r"(?:어떻게|어디까지|얼마나|언제)(?:/\S+)? (?:\S+ ){0,2}(?:었|았)/EP (?:어요|나요|죠|지요|습니까|어)/EF",
        morphs,
    ):
        found |= Mark.QUESTION
    if re.search(r"저/NP (?:가|는)/J\S+ .*(?:ㄹ까|을까|ㄹ까요|을까요)/EF", morphs):
        found &= ~Mark.QUESTION
    if _WHO_WORDS.search(text) or re.search(
        r"(?:ㄹ|을)/ETM 분/NNB (?:\S+ )?(?:있|계시|없)", morphs
    ):
        found |= Mark.WHO
    return found


def _status(text: str, morphs: str) -> Mark:
    found = Mark.NONE
    last = aspect.last_predicate(morphs)
    negative = _NEG.search(morphs, last)
    if _PROGRESS.search(morphs) and not _NO_PROGRESS.search(morphs):
        found |= Mark.PROGRESS
        if _BEGUN.search(morphs):
            found |= Mark.BEGUN
    if re.search(
        r"중(?:에|에서)?\s*\S+\s*(?:개|장|명|편|곳|대|건|쪽|권|벌|마리|군데)(?:를|만|까지|는)?\s*(?:했|끝|됐|썼|그렸|마쳤)",
        text,
    ):
        found |= Mark.PROGRESS
    if re.search(
        r"(?<![가-힣])(?:반|절반)\s*(?:정도|쯤|넘|은\s(?:\S+\s)?(?:했|끝|됐|왔|썼|지웠|치웠|깔|돌|넣|옮|붙|칠|남))|[이삼사오]\s?분의|(?:퍼센트|프로|\d\s*%)\s*(?:정도|쯤|됐|했|남|왔|찼|끝|진행|완성|까지|이?[에예]요|입니다|이?고|[.,]|$)",
        text,
    ):
        found |= Mark.PROGRESS
    partly = bool(_SOME_OF.search(text)) and not re.search(r"다\s|전부|모두", text)
    partly = partly or bool(
        re.search(
            rf"반쪽|일부|절반|{aspect.NUMBER}\s*(?:개|장|명|분|대|군데|곳|칸|동|층)(?:만|는)\s",
            text,
        )
    )
    if partly and re.search(r"었/EP", morphs):
        found |= Mark.PROGRESS
    closing = _CLOSING_WORDS.search(text)
    if closing:
        found |= Mark.DONE | Mark.FINISHED
    if re.search(
        r"(?:운행|가동|운영|영업|사용|서비스|생산|방송)(?:에|을|를)?\s*(?:다시\s*)?(?:들어갔|시작했|재개)",
        text,
    ):
        found = (found | Mark.DONE | Mark.FINISHED) & ~(Mark.PROGRESS | Mark.BEGUN)
    morphs = re.sub(
        r"(/V[VX]|/XSV)(?: 시/EP)? 고/EC (?:오|가)/V[VX] (?=(?:시/EP )?(?:었|았)/EP)",
        r"\1 ",
        morphs,
    )
    past = _PAST.search(morphs)
    finished = _FINISH.search(morphs)
    whole = _ALL.search(morphs)
    if whole and past and re.search(r"NNG 되/XSV (?:었|았)/EP", morphs):
        finished = finished or whole  # "다 선임됐어요"
    complete = re.search(
        r"(?:다|이미)/MAG (?:되|하)/V\S* ?(?:었|ㄴ/ETM)|되/VV 었/EP 고/EF|(?:다|이미|전부)/MAG (?:\S+ ){0,2}\S+/(?:VV|XSV) (?:ㄴ|은)/ETM (?:거|것)/NNB",
        morphs,
    )
    if _GRANTED.search(morphs, last):
        found |= Mark.DONE
    if past and Mark.BEGUN not in found:
        state = _STATIVE_PAST.search(morphs)
        if finished and finished.start() < last and _STATIVE_PAST.search(morphs, last):
            finished = None  # "누구는 통과시키고 저도 헷갈렸어요"
        if (
            finished
            or complete
            or (whole and not state)
            or not state
            or (
                state
                and re.search(r"나가/VV 었|들어오/VV 었|나/VV 었", morphs)
                and (whole or finished)
            )
        ):
            found |= Mark.DONE
    if re.search(
        r"(?:닫|완료\s*처리|완료|체크|종료|마감|마무리)(?:아|으셔|하셔|해|하시면|하면|으시면)\S{0,2}\s*(?:도|될|되|돼|됩)",
        text,
    ):
        found |= Mark.DONE | Mark.FINISHED
    if re.search(
        r"(?:prod|운영|라이브|상용|실서버)\S*\s*(?:나갔|올라갔|올렸|반영)", text, re.IGNORECASE
    ):
        found |= Mark.DONE | Mark.FINISHED
    if re.search(r"(?:done|complete|finish|완료|끝)/(?:SL|NNG) (?:이/VCP|되/XSV)", morphs):
        found |= Mark.DONE | Mark.FINISHED
    if re.search(
        r"(?:끝나|완료|마무리|종료)\S*(?: (?!\S+/EC)\S+){0,2} (?:습니다|이/VCP|입니다)", morphs
    ) or (complete and not past):
        found |= Mark.DONE
    if (
        re.search(
            r"(?:반|절반)\s*(?:정도|쯤)|절반|반쪽|일부|삼분의|사분의|거의|퍼센트|%|프로\s|중간|아직",
            text,
        )
        and Mark.PROGRESS in found
    ):
        found &= ~Mark.DONE
    if Mark.PROGRESS in found and re.search(r"고/EC 있|중/NNB", morphs):
        found &= ~Mark.DONE
    if re.search(
        r"기/ETN 로/JKB (?:\S+ )?(?:하|되|정하|얘기/NNG 하|말/NNG 하|약속/NNG 하|합의/NNG 하)/\S+ (?:\S+/EP )*(?:었|았)/EP",
        morphs,
    ):
        found &= ~Mark.DONE
    if re.search(
        r"(?:려고?|으려고?|고자)/EC (?:\S+/JX )?하/V[VX] (?:\S+/EP )*(?:었|았)/EP", morphs
    ):
        found &= ~(Mark.DONE | Mark.FINISHED)
    if re.search(r"더라고|더군|던데|대요/EF|ㄴ대/EF|다던데|다고/EC", morphs) and not finished:
        found &= ~Mark.DONE
    if Mark.DONE in found and (finished or complete or whole):
        found |= Mark.FINISHED
    if (
        _NOT_YET.search(morphs)
        or _NOT_DONE.search(morphs, last)
        or re.fullmatch(
            r"(?:(?:네|어|음|그건|그거),? )?아직(?:은|도)?(?:이에요|이요|요|입니다|이죠|이네요)?[.,]?",
            text,
        )
    ):
        found |= Mark.NOT_DONE
        found &= ~(Mark.DONE | Mark.BEGUN)
        if re.search(r"시작|손", morphs):
            found &= ~Mark.PROGRESS
    elif (
        negative
        and not re.search(r"문제|편차|이상|없/VA 어서", morphs)
        and not (finished and finished.start() > negative.end())
    ):
        found &= ~Mark.DONE
    at_it = re.search(
        r"계속/MAG (?:\S+ ){0,2}(?:보|하|고치|만지|파|뒤지|찾|잡|맞추|돌리)/(?:VV|XSV) 고/EC (?:있|계)",
        morphs,
    )
    refused = _REFUSED_US.search(morphs)
    if refused and refused[0].endswith(("요", "다")):
        found |= Mark.BLOCK | Mark.BLOCK_HARD
    if _BLOCK.search(morphs) and not _NO_BLOCK.search(morphs) and not at_it:
        found |= Mark.BLOCK
        if _BLOCK_HARD.search(morphs):
            found |= Mark.BLOCK_HARD
    if re.search(
        r"(?:끝나|완료|마치|끝내|닫|고치|해결)\S*.{0,24}(?:다고/EC 하/VV 었/EP 는데|로/JKB 되/VV 어/EC 있|로/JKB 되/VV 었/EP 는데|ㄹ로/JKB 되/VV 어/EC 있|로/JKB 보고|줄/NNB 알/VV 었|로/JKB 하/VV 어/EC (?:놓|두)/VX 었/EP 는데|처리/NNG 하/XSV 었/EP 는데)",
        morphs,
    ):
        found |= Mark.REOPEN
        found &= ~(Mark.DONE | Mark.FINISHED)
    if _REOPEN.search(morphs):
        found |= Mark.REOPEN
        if _REOPEN_HARD.search(morphs):
            found |= Mark.REOPEN_HARD
    if re.search(
        r"(?:문항|페이지|쪽|장|편|개|건|명|곳|대|줄|칸|층|통|박스|권)\s*(?:정도|쯤|까지)(?:는|만)?\s*(?:했|됐|봤|썼|끝냈|돌렸|옮겼)",
        text,
    ):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS
    if (
        Mark.DONE in found
        and re.search(
            r"까지/JX (?:는/JX |만/JX )?(?:쓰|그리|읽|칠하|깔|적)/VV (?:시/EP )?(?:었|았)/EP (?:고|는데|어요|습니다)",
            morphs,
        )
        and not whole
    ):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS  # up to there
    if aspect.is_in_use(text):
        found &= ~(Mark.PROGRESS | Mark.BEGUN)  # how the finished thing is used
    if re.search(
        r"(?:끝난|완료된|마무리된|해결된|고쳐진|다\s*된)\s*(?:게|것이|거|건)\s*아니", text
    ):
        found = (found | Mark.REOPEN) & ~(Mark.DONE | Mark.FINISHED)
    if re.search(r"(?:이어서|마저|계속)\s*(?:하려|할게|하겠|할\s*거|할\s*예정)", text):
        found |= Mark.NOT_DONE | Mark.PROGRESS
    if re.search(
        r"(?:개|장|명|편|곳|대|건|쪽|권|벌|마리|군데|항목|과목)\s*중(?:에서?)?\s*\S+\s*(?:개|장|명|편|곳|대|건|쪽|권|벌|마리|군데)",
        text,
    ) and not re.search(r"전부|모두", text):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS  # "열 개 중에 여섯 개"
    if re.search(r"까지(?:/JX)? (?:는|ㄴ)/JX", morphs) and Mark.DONE in found and not whole:
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS  # so far, and no further
    if re.search(r"(?:긴|기/ETN (?:는|ㄴ)/JX) ?하/VX 었|(?:들여다보|둘러보|살펴보)/VV", morphs):
        found &= ~(Mark.DONE | Mark.FINISHED)  # looked at, no more
    if re.search(r"다가/EC 말/V[VX] 었|마저/MAG", morphs):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS | Mark.BEGUN
    if re.search(
        r"(?:시작/NNG (?:은/JX |을/JKO )?하/(?:VV|XSV)|들어가/VV) ㄴ/ETM (?:거|것|셈)/NNB", morphs
    ):
        found |= Mark.PROGRESS | Mark.BEGUN
    if Mark.DONE in found and re.search(r"만/JX (?:\S+ ){1,5}(?:었|았)/EP", morphs) and not whole:
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS | Mark.BEGUN
    if re.search(r"만/JX \S+/VV 어/EC 보/VX 었", morphs):
        found |= Mark.PROGRESS | Mark.BEGUN  # only tried so far
    if re.search(r"(?<!까지/JX )만/JX \S+ (?:으면|면)/EC 되/VV", morphs) and Mark.DONE not in found:
        found |= Mark.NOT_DONE | Mark.PROGRESS
    if "나머지" in text and not re.search(r"었/EP|다/MAG", morphs):
        found |= Mark.NOT_DONE
    if Mark.DONE in found and aspect.is_part(text, morphs):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS
    if aspect.is_nearly_done(text):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.NOT_DONE | Mark.PROGRESS
    if aspect.is_back(text, morphs):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.REOPEN | Mark.RELAPSE
    redone = re.search(
        r"다시/MAG (?:\S+ ){0,4}(?:올리|고치|작업|손|수정|작성|보내|만들|찍)", morphs
    )
    if redone and Mark.DONE in found and not found & (Mark.REOPEN_HARD | Mark.RELAPSE):
        found &= ~Mark.REOPEN  # done over again already
    if redone and re.search(r"다시/MAG (?:\S+ ){0,4}올리/VV 어/EC 드리/V[XV] 었", morphs):
        found &= ~(Mark.REOPEN | Mark.REOPEN_HARD)
    if re.search(r"(?:다음|내)\s?(?:달|주|년|분기|학기)\S*\s*(?:\S+\s)?잡고\s*있", text):
        found = (
            found & ~(Mark.PROGRESS | Mark.BEGUN)
        ) | Mark.PLAN  # "시작은 다음 달로 잡고 있어요"
    if _PLAN.search(morphs):
        found |= Mark.PLAN
    if re.search(r"었/EP (?:어도|더라도)|었/EP 으면|었/EP 더라면|다고/EC 하/VV 었/EP 는데", morphs):
        found &= ~Mark.DONE
    return found


_ITS_DOING = _m(r"/NNG (?:이|가)/JKS ")
_REFUSED_US = _m(
    r"(?:안|못)/MAG (?:\S+ ){0,4}주/V[XV] (?:시/EP )?(?:어요|습니다|ㅂ니다|네요|는데|고|어서|ㄴ대요|ㄴ다)"
)
"""Somebody does not do for us what we wait for: "전산실에서 안 열어 줘요"."""
_OPENS = re.compile(
    r"(?:건|거|것|안건|현황|상황|순서|부분|쪽)(?:부터|은|는|을|를)?\s*(?:먼저\s*|한\s*번\s*|쭉\s*)?(?:보겠|볼게|볼까|봅시다|보죠)"
)
"""What a meeting turns to: no promise."""


def _asked(text: str, morphs: str, found: Mark) -> Mark:
    out = Mark.NONE
    if _CLOSING_WORDS.search(text) or re.search(r"(?<![가-힣])접(?:겠|을게)", text):
        return out
    if re.search(r"저/NP (?:가|는)/J\S+ .*(?:ㄹ까|을까|ㄹ까요|을까요)/EF", morphs):
        return Mark.WEAK
    if re.search(r"(?:ㄹ|을)/ETM 분/NNB (?:\S+ )?(?:있|계시|없)", morphs):
        return Mark.NEED  # "받아 올 분 있어요"
    commit = _COMMIT.search(morphs)
    if commit and _OPENS.search(text):
        commit = None
    if (
        commit
        and "겠/EP" in commit[0]
        and Mark.FIRST not in found
        and _ITS_DOING.search(morphs, aspect.last_predicate(morphs))
    ):
        commit = None  # "이러다 챗봇이 하겠어요"
    if commit and re.search(r"시/EP (?:\S+/EP )?$", morphs[: commit.start()]):
        commit = None  # what somebody else would do: "해 주시겠어요"
    if commit and Mark.QUESTION not in found:
        before = morphs[: commit.start()]
        verb = re.search(
            rf"(?:(?<![가-힣])|(?<=[나다들려라]))(?:{_NOT_WORK_VERBS})/(?:VV|VA|VX|VCP|XSV|XSA|XR|NNG)(?: (?:하|어/EC)\S*)?(?: \S+/EP)* $",
            before,
        )
        polite = re.search(r"(?:시|으시)/EP (?:\S+/EP )?$", before)
        must = re.search(r"어야/EC $", before)
        helper = re.search(
            r"(?:에게|한테|께|에)/JKB (?:\S+ ){0,2}(?:얘기|말씀|말|이야기)/NNG (?:하|드리)/\S+ $|(?:드리|놓|두|보|버리|주)/V[XV] $|/VV (?:어|아|고)/EC (?:오|가)/V[XV] $",
            before,
        )
        negated = re.search(r"(?:안|못)/MAG (?:\S+ ){0,2}$", before)
        if must:
            pass
        elif (
            not polite
            and not negated
            and (helper or not verb)
            and not re.search(r"/VA $|XSA $", before)
        ):
            out |= Mark.COMMIT
        elif (
            verb
            and re.search(r"(?:되|가|오|나가)/VV $", before)
            and "하" not in before
            and Mark.FIRST in found
        ):
            out |= Mark.WEAK
    if (
        not out
        and not found & (Mark.QUESTION | Mark.PROGRESS)
        and not _ITS_DOING.search(morphs, aspect.last_predicate(morphs))
        and _WILL.search(
            re.sub(
                r"(?:ㄹ|을)/ETM 거/NNB 이/VCP 요/EF|(?:ㄹ|을)/ETM (?:거|것)/NNB 같|(?:/VA|/XSA|/VCP|/VCN|(?:되|오|나오|들어오|나가|걸리|끝나|생기|막히|남|들)/VV)(?: \S+/EP)* (?:ㄹ|을)/ETM (?:거|것)/NNB",
                "",
                morphs,
            )
        )
        and not re.search(r"었/EP (?:습니다|어요|는데)", morphs)
    ):
        out |= Mark.WEAK
    if not out and _CAN.search(morphs) and Mark.QUESTION not in found:
        out |= Mark.WEAK
    request = _REQUEST.search(morphs)
    if re.search(
        r"(?:생각/NNG 하|이해/NNG 하|보|알|여기)/\S+ (?:시/EP )?면/EC 되/|기억/NNG 하/XSV 시/EP|어야/EC .*시/EP (?:죠|지요)/EF|(?:달|주)/VX 라고/E[CF](?: \S+/S[FP])?$",
        morphs,
    ):
        request = None  # "절반 왔다고 생각하시면 돼요", "기억하시죠"
    if _REFUSED_US.search(morphs):
        request = None
    if re.search(r"부탁/NNG (?:을/JKO )?(?:하|드리)/\S+ 어야", morphs):
        request = None
    if re.search(
        r"(?:알|모르|좋아하|싫어하|놀라|계시|보이|느끼)/\S+ (?:으?시/EP )(?:겠/EP )?(?:죠|지요|네요|어요|ㄹ)",
        morphs,
    ):
        request = None
    if (
        request is None
        and not _STATIVE_POLITE.search(morphs)
        and not re.search(r"면/EC 되|어야/EC |기억", morphs)
    ):
        request = _IMPERATIVE.search(morphs)
    if (
        request
        and not commit
        and not _GREETING.search(morphs)
        and not re.search(r"(?:주|드리)/V[XV] (?:시/EP )?었", morphs)
    ):
        out |= Mark.REQUEST
    idle = re.search(
        r"(?:기다리|지켜보|생각|고민|알|보)(?:/\S+)?(?: 하/XSV)? (?:어/EC 보/VX )?어야/EC",
        morphs,
    )
    idle = None if idle and re.search(r"다시", text) else idle
    idle = idle or re.search(r"/(?:VA|XSA|VCP)(?: \S+/EP)* (?:어야|야)/EC", morphs)
    hearsay = re.search(r"(?:대요?|래요?|다던데요?|다더라고요?)/E[FC]", morphs)
    let_us = re.search(r"(?:VV|VX|XSV) (?:죠|지요)/EF(?: \S+/S[FP])?$", morphs)
    let_us = let_us and re.match(r"(?:네|음|아)?[,\s]*(?:그럼|그러면|우리)\s", text)
    if let_us and not out | found & (Mark.QUESTION | Mark.AGAINST | Mark.LEAVE | Mark.SMALL_TALK):
        out |= Mark.NEED  # "그럼 달력을 만들어서 공유하죠"
    if (
        not out
        and not idle
        and not hearsay
        and _NEED.search(morphs)
        and not _PAST_NEED.search(morphs)
        and not re.search(r"(?:니까|으니까)/E[FC](?: 요/JX)?(?: \S+/S[FP])?$", morphs)
    ):
        out |= Mark.NEED
    return out


# ------------------------------------------------------------------ doers

_NOT_DOER = re.compile(
    r"^(?:한테서?|에게서?|께(?!서)|랑|이랑|하고|의|를|을|말고|때문|팀|네|보다|처럼|와|과|도\s*아니|만\s*아니|거|것|쪽|부터|까지|말대로|덕분|없이|빼고|대신)|^\s*(?:말고|때문|덕분|빼고|대신|쪽|고생|수고|감사)"
)


def doer(
    text: str, mentions: Sequence[Mention], found: Mark, speaker: UserId | None
) -> tuple[UserId, ...]:
    """Who is named as the one to do the clause's work; () when nobody is."""
    for m in mentions:
        after = text[m.end :]
        if _NOT_DOER.match(after):
            continue
        if speaker is not None and m.who == (speaker,) and Mark.REQUEST in found:
            continue
        if re.match(
            r"(?:이가?|가|은|는|께서는?|이는)?[\s,.]|(?:이|가|은|는|께서는?|도|이요|요|이|야|아)?[\s.,?!]*$",
            after,
        ):
            if Mark.QUESTION in found and re.match(r"(?:이?요)?\s*\?", after):
                continue
            return m.who
    return ()


def excluded(text: str, mentions: Sequence[Mention]) -> tuple[UserId, ...]:
    """Members the clause takes the work from (민지 씨 말고)."""
    return tuple(
        user
        for m in mentions
        if re.match(r"\s*(?:이|가)?\s*(?:말고|대신|빼고|아니라)", text[m.end :])
        for user in m.who
    )


# ------------------------------------------------------------------ clauses

_STOP_NOUNS = frozenset(
    listed(
        "사장 원장 실장 부원장 이사 대표 감독 교수 박사 간호사 기사 점장 소장 본부장 매니저님 팀장님 차장 주임 책임 선임 수석 반장 새벽 밤 낮 점심때 저녁때 퇴근길 반쪽 나머지 일부 중간 가운데 오늘 내일 모레 어제 그제 지금 아까 방금 이번 다음 저번 지난 지난주 지난달 주 달 월 일 년 주말 월요일 화요일 수요일 목요일 금요일 토요일 일요일 아침 "
        "오전 오후 저녁 점심 때 정도 반 쪽 거 것 수 중 말 안 분 씨 님 선생 선생님 팀장 대리 과장 부장 매니저 사람 나중 시간 동안 전 후 뒤 앞 처음 마지막 하나 둘 둘다 "
        "어젯밤 간밤 문제 경우 얘기 이야기 생각 말씀 감사 고생 수고 시작 끝 완료 마무리 진행 일정도 담당 부탁 확인차 여기 거기 저기 그것 이것 누구 뭐 언제 우리 저희 대신 "
        "그때 그날 당일 이후 이전 사이 계속 정말 진짜 이호 말일 월말 필요 가능 걸 게 건 데 줄 번 개 대 명 군데 자리 점 상태 편 식 척 만 시도 발견 때문 덕분 자체 회의 이상 이하 "
        "연락 답 작년 올해 내년 상황 어디 아마 대충 얼마 혼자 동의 찬성 스톱 대기 기약 아까 조만간 당분간 그제 그저께 엊그제 엊저녁 어제저녁 매듭 천만다행 큰일 난리"
    )
)


_ROLES = frozenset(
    listed(
        "사장 원장 실장 이사 대표 감독 교수 박사 간호사 기사 점장 소장 책임 선임 반장 선생님 매니저"
    )
)
_WEAK_NOUNS = _ROLES | frozenset(
    listed(
        "문제 아침 점심 저녁 새벽 주말 시간 사람 상황 연락 담당 처음 마지막 오전 오후 답 자리 상태 회의"
    )
)
"""Nouns that mean little, but tell tickets apart whose titles have them."""

_EOJEOL = re.compile(r"[가-힣]{2,}")
_JOSA = re.compile(
    r"(?<=[가-힣]{2})(?:에서는?|에게|한테|으로|까지|부터|이랑|하고|을|를|이|가|은|는|의|에|로|와|과|도|만)$"
)


def word_bag(
    text: str, toks: Sequence[Token], names: frozenset[str], vocabulary: Vocabulary | None
) -> dict[str, float]:
    """The content words of `text`, whose morphemes are `toks`, weighted.

    Without a vocabulary the text is a ticket's own: every written word counts, so that a word
    which the analyser takes apart (입고 as 입+고) is still known. With one, written words that
    a ticket has are added, and compounds are joined or split as the tickets have them.
    """
    out: dict[str, float] = {}
    nouns: list[tuple[str, int, int]] = []
    for t in toks:
        if t.tag in ("NNG", "NNP", "XR"):
            if len(t.form) == 1 and _is_counter(toks, t):
                pass  # "세 판"
            elif _is_content(t.form, names):
                put(out, key(t.form))
            elif t.form in _WEAK_NOUNS and t.form not in names:
                weight = 0.7 if t.form in _ROLES else 0.3
                if vocabulary is None or vocabulary.knows(key(t.form)):
                    out.setdefault(key(t.form), weight)
            elif len(t.form) == 1 and (longer := _with_suffix(toks, t)):
                put(out, key(longer))
            elif (
                _stands_alone(toks, t)
                and not _is_counter(toks, t)
                and t.form not in _STOP_NOUNS | names
                and (vocabulary is None or vocabulary.knows(key(t.form)))
            ):
                out.setdefault(key(t.form), 0.7)  # 잼
            nouns.append((t.form, t.start, t.end))
        elif t.tag in ("NNB", "XSN", "MM", "XPN", "SN") and len(t.form) <= 2:
            nouns.append((t.form, t.start, t.end))
        elif t.tag == "SL":
            low = t.form.lower().strip(".,")
            if len(low) == 1 and (vocabulary is None or vocabulary.knows(f"letter#{low}")):
                out[f"letter#{low}"] = 1.0  # "B 잔교"
            if low not in names and len(low) > 1 and stem(low) not in STOP and low not in STOP:
                put(out, key(low))
            nouns.append((low, t.start, t.end))
        elif t.tag == "VV" and len(t.form) >= 2 and t.form not in _PLAIN_VERBS:
            out.setdefault(key(t.form), 0.4)
    for a, b in pairwise(toks):
        plain = a.tag == b.tag == "NNG" and a.end == b.start and len(b.form) == 1
        if (
            plain
            and len(a.form) > 1
            and not _is_content(a.form, names)
            and b.form not in _JOSA_LIKE
        ):
            put(out, key(a.form + b.form))  # 연락망, 시간표
    for a, b in pairwise(toks):
        if a.tag == "SN" and b.tag in ("NNB", "NNG", "NR") and b.start == a.end:
            after = next((t for t in toks if t.start == b.end and t.tag == "NNB"), None)
            numbered = f"{a.form}{b.form}{after.form if after else ''}"
            if vocabulary is None:
                if b.form not in _UNITS or after:
                    out[numbered] = 1.0
            else:
                out[numbered] = 1.0 if vocabulary.knows(numbered) else 0.02
    for label in _labels(toks):
        out[label] = 1.0 if vocabulary is None or vocabulary.knows(label) else 0.02
        unit = key(label.lstrip("0123456789"))
        if vocabulary is not None and vocabulary.knows(label):
            out.pop(unit, None)
    covered = {i for _, start, end in nouns for i in range(start, end)}
    for m in _EOJEOL.finditer(text):
        word = _JOSA.sub("", m[0])
        if vocabulary is None:
            apart = _is_syllables(nouns, m.start(), m.start() + len(word))
            if (m.start() not in covered or apart) and len(word) >= 2 and _is_content(word, names):
                put(out, key(word))
        elif len(word) >= 2 and _is_syllables(nouns, m.start(), m.start() + len(word)):
            if vocabulary.knows(key(word)):
                put(out, key(word))
        elif m.start() not in covered or not toks:
            known = vocabulary.known_in(m[0])
            if known is not None and known not in out:
                put(out, known)
    if vocabulary is not None:
        _refit(out, nouns, vocabulary)
    return out


_JOSA_LIKE = frozenset("분 쪽 중 때 전 후 뒤 안 밖 날 말 초 간 건 점 데")
_SINO = {w: i for i, w in enumerate("영일이삼사오육칠팔구십")} | {"백": 100}
_SAID_NUMBER = re.compile(r"[일이삼사오육칠팔구십백]+")
_LABEL_UNITS = frozenset(
    listed(
        "막 악장 화 편 강 호선 번 호 층 동 반 차 학년 호기 조 라인 구역 관 호실 병동 도크 단계 회차 창구 공장 홀 과"
    )
)


def _labels(toks: Sequence[Token]) -> Iterable[str]:
    """Numbers that tell things apart, said or written: "사 번 도크" and "4번 도크" are `4번`."""
    said = ""
    for i, (a, b) in enumerate(pairwise(toks)):
        if a.tag in ("NR", "MM") and _SAID_NUMBER.fullmatch(a.form):
            said += a.form
            if b.tag in ("NR", "MM"):
                continue
        number = a.form if a.tag == "SN" else str(_value(said)) if said else ""
        said = ""
        if not number or b.form not in _LABEL_UNITS:
            continue
        after = toks[i + 2] if i + 2 < len(toks) else None
        if after is not None and (after.tag in ("NNG", "NNP", "SL") or after.tag[0] == "J"):
            yield f"{number}{b.form}"


def _value(said: str) -> int:
    """The number said with Sino-Korean digits: 십칠 is 17, 이백삼 is 203."""
    total, digit = 0, 0
    for letter in said:
        value = _SINO[letter]
        if value < 10:
            digit = value
        else:
            total, digit = total + (digit or 1) * value, 0
    return total + digit


def _is_syllables(nouns: Sequence[tuple[str, int, int]], start: int, end: int) -> bool:
    """Whether a written word was taken apart into nouns of one syllable (동측 as 동+측)."""
    inside = [n for n in nouns if start <= n[1] < end]
    whole = sum(n[2] - n[1] for n in inside)
    return len(inside) >= 2 and whole == end - start and all(len(n[0]) == 1 for n in inside)


def _stands_alone(toks: Sequence[Token], token: Token) -> bool:
    """Whether a noun of one syllable is a word of its own (잼) and no part of one (룩북)."""
    return (
        len(token.form) == 1
        and token.tag == "NNG"
        and not any(
            t.tag[0] in "NX" and (t.end == token.start or t.start == token.end) for t in toks
        )
    )


def _is_counter(toks: Sequence[Token], token: Token) -> bool:
    """Whether a noun counts what is spoken of (세 판, 두 칸)."""
    before = next((t for t in toks if t.end < token.start <= t.end + 1), None)
    return (
        before is not None
        and before.tag in ("MM", "NR", "SN")
        and before.form not in ("그", "이", "저", "새", "전", "각")
    )


def _with_suffix(toks: Sequence[Token], token: Token) -> str:
    """A noun of one syllable with the suffix that makes a word of it (업+적)."""
    after = next((t for t in toks if t.start == token.end and t.tag == "XSN"), None)
    return token.form + after.form if after and after.form not in ("들", "님", "씩", "쯤") else ""


def _is_content(word: str, names: frozenset[str]) -> bool:
    if word in _STOP_NOUNS or word in names:
        return False
    return len(word) >= 2 or word in _SHORT_NOUNS


def _refit(
    out: dict[str, float], nouns: Sequence[tuple[str, int, int]], vocabulary: Vocabulary
) -> None:
    """Joins and splits compounds so that they meet the tickets' words."""
    for (a, _, end), (b, start, _) in pairwise(nouns):
        joined = key(a + b)
        if start - end <= 1 and vocabulary.knows(joined):
            put(out, joined)
    for word in [w for w in out if len(w) >= 4 and is_hangul(w) and not vocabulary.knows(w)]:
        for cut in range(2, len(word) - 1):
            if vocabulary.knows(key(word[:cut])) and vocabulary.knows(key(word[cut:])):
                put(out, key(word[:cut]))
                put(out, key(word[cut:]))
                out.pop(word, None)
                break
    for word in [w for w in out if len(w) == 3 and is_hangul(w) and not vocabulary.knows(w)]:
        if vocabulary.knows(key(word[1:])):
            del out[word]
            put(out, key(word[1:]))  # 납치마, where the title was read as 납 and 치마


_UNITS = frozenset(
    listed("개 명 대 번 일 월 년 시 분 초 주 장 권 원 만 천 백 퍼센트 프로 도 회 배")
)
_SHORT_NOUNS = frozenset(
    listed(
        "셀 앱 문 벽 방 약 표 책 꽃 차 배 쌀 빵 술 옷 돈 흙 물 불 팁 룸 봇 폼 탭 립 컵 통 판 틀 글 곡 춤 펌 병 칼 실 관 홀"
    )
)
_PLAIN_VERBS = frozenset(
    listed(
        "시작하 나오 나가 들어가 들어오 보내 맡기 맡 하려 드리 만들 고치 바꾸 올리 내리 끝나 끝내 마치 물어보 알리 지켜보 기다리 가지 그러 어쩌 걸리 늦어지 돌리 말하 보이 들리 "
        "다니 모르 남기 정하 모이 줄이 늘리 넘어가 이러 저러 막히 지나 따르 다녀오 찾아보 알아보 살펴보 챙기"
    )
)


def clause(
    part: Part,
    *,
    speaker: UserId | None,
    order: int,
    turn: int,
    today: date,
    people: People,
    names: frozenset[str],
    vocabulary: Vocabulary,
) -> Clause:
    text = part.text
    found = marks(text, part.tokens, final=part.final)
    mentions = people.find(text)
    who = doer(text, mentions, found, speaker)
    morphs = " ".join(map(str, part.tokens))
    plain = re.search(r"(?:VV|VX|XSV) (?:어|아)/EF(?: \S+/S[FP])?$", morphs)
    told_to = _TOLD_TO.search(morphs) and not _HABIT.search(morphs)
    if (
        who
        and (plain or told_to)
        and who != (speaker,)
        and not found & (Mark.QUESTION | Mark.DONE | Mark.PROGRESS)
    ):
        found |= Mark.REQUEST  # said to a younger one, without 요
    asked_of = who and who != (speaker,) and _COULD.search(morphs)
    if asked_of and (found & Mark.QUESTION or "어떠" in text or "어때" in text):
        found = (found & ~Mark.HYPO) | Mark.REQUEST | Mark.QUESTION
    if (
        who
        and re.search(r"(?:었|았)/EP (?:ㄴ대요?|대요?|다네요|다던데요?)/E[FC]", morphs)
        and not _NEG.search(morphs)
    ):
        found |= Mark.DONE
    if who and _AGREED.search(morphs):
        found |= Mark.NEED | Mark.DECISION  # "마크 님이 녹화하기로 얘기했어요"
    days = find_days(text, today)
    if _NO_HURRY.search(text):
        found &= ~(Mark.AGAINST | Mark.LEAVE)
    if found & Mark.DONE and any(d.day > today for d in days) and _WILL_DO.search(text):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.COMMIT  # "내일 닫을게요"
    away = [(m.start, m.end) for m in mentions] + [(d.start, d.end) for d in days]
    own = [t for t in part.tokens if not any(a <= t.start < b for a, b in away)]
    return Clause(
        text=text,
        seqs=part.seqs,
        speaker=speaker,
        order=order,
        turn=turn,
        marks=found,
        words=word_bag(_blank(text, mentions, days), own, names, vocabulary),
        days=days,
        doers=who,
        named=tuple(m.who for m in mentions),
        act_text=phrase(part, mentions, days),
        korean=True,
        topic=_topic_word(own, vocabulary),
        phrase=_topic_phrase(own),
        excluded=excluded(text, mentions),
        finite=bool(_FINITE.search(morphs)),
        signs=korean_signs(text, morphs),
    )


_COULD = _m(
    r"(?:되/VV|가능/NNG 하/XSA) (?:시/EP )?(?:ㄹ까요?|나요?|겠/EP \S+|ㄴ가요?|세요|어요)/EF|(?:ㄹ|을)/ETM 수/NNB (?:\S+/JX )?있|어떻/VA|(?:하|맡)/VV (?:시/EP )?(?:면|실래|ㄹ래)"
)
_TOLD_TO = _m(r"(?:VV|VX|XSV) (?:어요|아요)/EF(?: \S+/S[FP])?$")
_HABIT = _m(
    r"요즘/|어떻|고/EC (?:있|계시)|(?:알|모르|좋아하|싫어하|쉬|오|가|나오|나가|다니|계시|보이|살|들어오|들어가|말하|그러|되|기다리|나|같|들리|떨|웃|울|아프|늦|걸리|자|먹|지내|놀|붙)/VV (?:시/EP )?(?:어요|아요)|(?:관리|담당|말|얘기|이야기|생각|걱정|고생|수고|출근|퇴근|휴가|출장|감사)/NNG 하/XSV 어요|(?:잘|자주|항상|늘|원래|보통|매일|맨날|벌써|이미|아직)/MAG|때문|(?:안|못)/MAG|ㄴ다/|라고/"
)
"""What somebody does at all, and was not asked to do now."""
_NO_HURRY = re.compile(r"급하지|급한\s*(?:건|거)|서두르|천천히")
"""That a thing has time does not mean that it is not to be done."""
_WILL_DO = re.compile(r"게요?[.]?$|겠(?:습니다|어요)[.]?$")
_FINITE = _m(
    r"(?<!달/VX 라고/EC)/(?:V[VXA]|XS[VA])(?: \S+/EP)* \S+/E[FC](?: 요/JX)?(?: \S+/S[FP])?$"
)
_AGREED = _m(
    r"기/ETN 로/JKB (?:\S+ )?(?:하|되|정하|얘기/NNG 하|말/NNG 하|약속/NNG 하|합의/NNG 하|이야기/NNG 하)/\S+ (?:\S+/EP )*(?:었|았)/EP"
)


def _topic_word(toks: Sequence[Token], vocabulary: Vocabulary) -> str:
    """The key of a noun marked with 은/는 at the beginning of the clause."""
    nouns: list[str] = []

    def fronted() -> str:
        mine = any(t.tag == "NP" and t.form in ("저", "제", "내", "나") for t in toks)
        of_other = mine and len(nouns) == 2 and len(nouns[1]) > 1 and nouns[1] not in _ABOUT_IT
        of_other = of_other and not vocabulary.find({key(nouns[1]): 1.0})
        return "" if len(nouns) > 2 or of_other else key(nouns[0])

    for t in toks[:9]:
        if t.tag in ("NNG", "NNP"):
            nouns.append(t.form)
        elif t.form in ("은", "는") and t.tag == "JX" and nouns:
            return fronted()
        elif t.tag == "SL":
            nouns.append(t.form.lower())
        elif nouns and t.tag == "NP" and t.form in ("그거", "그것", "이거", "이것"):
            return fronted()
        elif nouns and (t.form, t.tag) in (("말", "NNB"), ("거", "NNB"), ("것", "NNB")):
            return key(nouns[0])
        elif nouns and t.form in ("요", "이요") and t.tag in ("JX", "EF", "EC"):
            return fronted() if t is not toks[-1] else ""
        elif (
            nouns
            and t.tag in ("JKB", "VV", "ETM", "JKG", "VA", "NP", "JX", "JKO", "JKS")
            and _hangs(toks)
        ) or (not nouns and (t.tag in ("MAG", "JX") or (t.form, t.tag) == ("요", "EF"))):
            continue
        elif t.tag not in ("IC", "MAJ", "SP", "XSN", "MM") and not (
            nouns and t.tag in ("NNB", "NR", "SN")
        ):
            return ""
    return ""


_ABOUT_IT = frozenset(
    listed(
        "쪽 작업 건 일 문제 진행 상황 준비 업무 일정 부분 관련 현황 담당 처리 교체 수리 설치 공사 제작 신청 계약 검토"
    )
)
"""Heads that say nothing else of the thing before them (현수막 건, 배관 쪽)."""


def _topic_phrase(toks: Sequence[Token]) -> str:
    """The nouns that a clause puts first, written as one ("시작 시간은": 시작시간)."""
    nouns: list[str] = []
    for t in toks[:9]:
        if t.tag in ("NNG", "NNP", "SL", "XSN", "NNB") and (nouns or t.tag[0] != "X"):
            nouns.append(t.form)
        elif nouns or t.tag not in ("IC", "MAJ", "SP", "MM", "NP", "MAG"):
            break
    return "".join(nouns) if len(nouns) > 1 else ""


def _hangs(toks: Sequence[Token]) -> bool:
    """Whether the clause begins with a thing that is only brought up ("튕기는 거요, …")."""
    for a, b in pairwise(toks[:12]):
        if a.form in ("거", "것", "건", "그거") and b.form in ("요", "이요", "는요", "말"):
            return True
        if a.tag in ("EF", "EC", "SF"):
            return False
    return False


def _blank(text: str, mentions: Sequence[Mention], days: Sequence[Day]) -> str:
    """The text with names and days blanked out; offsets stay."""
    for start, end in [(m.start, m.end) for m in mentions] + [(d.start, d.end) for d in days]:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


# ------------------------------------------------------------------ titles

_DROP_ADVERBS = frozenset(
    listed(
        "좀 꼭 직접 일단 한번 바로 혹시 먼저 그냥 지금 아까 방금 이미 벌써 다 또 더 계속 아직 얼른 빨리 다시 같이 이제 막 잘 조금 우선 그럼 제발"
    )
)
_WHEN_PAST = frozenset(
    listed(
        "어제 그저께 그제 엊그제 지난주 지난달 저번 작년 요즘 최근 월요일 화요일 수요일 목요일 금요일 토요일 일요일"
    )
)


def phrase(part: Part, mentions: Sequence[Mention], days: Sequence[Day]) -> str:
    """The clause as the words of a title: no subject, no day, its verb as a noun."""
    toks = [
        t
        for t in part.tokens
        if not any(m.start <= t.start < m.end for m in mentions)
        and not any(d.start <= t.start < d.end for d in days)
    ]
    while toks and (
        toks[0].tag in ("IC", "MAJ", "SP", "SF")
        or toks[0].tag.startswith("J")
        or toks[0].form in ("저", "제", "저희", "내", "그거", "이거", "그것", "이것", "네", "자")
    ):
        toks = toks[1:]
    end, tail = _predicate(toks)
    head = toks[:end]
    kept: list[Token] = []
    for i, t in enumerate(head):
        if (t.form, t.tag) in (("그", "MM"), ("대신", "NNG"), ("또", "MAG")) and i < 2:
            continue
        if t.form in _WHEN_PAST or (t.form == "에" and i and head[i - 1].form in _WHEN_PAST):
            continue
        if t.tag in ("IC", "MAJ", "SF", "SP") or (t.tag == "MAG" and t.form in _DROP_ADVERBS):
            continue
        if t.tag == "NP" and t.form in (
            "저",
            "제",
            "저희",
            "그거",
            "이거",
            "그것",
            "이것",
            "내",
            "거기",
            "여기",
            "우리",
        ):
            continue
        if t.tag.startswith("J"):
            previous = head[i - 1] if i else None
            if (
                previous is None
                or previous not in kept
                or t.form in ("은", "는", "ㄴ", "이", "가", "도", "요", "을", "를", "만", "이요")
            ):
                continue
        kept.append(t)
    text = _surface(part.text, kept)
    if tail and tail not in ("하기", "되기", "있기"):
        text = f"{text} {tail}".strip()
    return re.sub(r"\s+", " ", text).strip(" ,.?!")


def _predicate(toks: Sequence[Token]) -> tuple[int, str]:
    """Where the final predicate begins, and its noun form ("" when the noun before it will do)."""
    i = len(toks) - 1
    while i >= 0 and (
        toks[i].tag
        in (
            "EF",
            "EC",
            "EP",
            "SF",
            "SP",
            "VX",
            "JX",
            "ETM",
            "NNB",
            "VA",
            "ETN",
            "VCP",
            "VCN",
            "XSA",
            "MAG",
        )
        or toks[i].form in ("수", "거", "것", "걸", "예정", "계획", "생각")
    ):
        if toks[i].tag in ("VA", "JX", "MAG", "NNB", "XSA") and not any(
            t.tag in ("VV", "XSV") for t in toks[:i]
        ):
            break
        i -= 1
    if i < 0:
        return len(toks), ""
    if i and toks[i].form in ("되", "하") and toks[i - 1].form in ("어야", "면"):
        return _predicate(toks[: i - 1])
    verb = toks[i]
    if verb.tag == "XSV":
        return i, ""
    if verb.tag == "VV":
        if verb.form in ("하", "되"):
            return i, ""
        return i, verb.form + "기"
    return i + 1, ""


def _surface(text: str, toks: Sequence[Token]) -> str:
    """The kept morphemes as written, with the spaces between words that were there."""
    out: list[str] = []
    last_end = -1
    i = 0
    while i < len(toks):
        t = toks[i]
        # A word whose morphemes melt into one another is written as it stood in the text.
        j = i
        end = t.end
        while (
            j + 1 < len(toks)
            and toks[j + 1].start <= end
            and toks[j + 1].start < toks[j + 1].end + 1
        ):
            j += 1
            end = max(end, toks[j].end)
        piece = text[t.start : end]
        if last_end >= 0 and (t.start > last_end or (out and not out[-1].endswith(" "))):
            out.append(" ")
        out.append(piece)
        last_end = end
        i = j + 1
    return "".join(out)


def title(act: str, *, topics: Sequence[str], thin: bool, later: str = "") -> str:
    """The verb phrase, with words of what led to it where it says too little by itself.

    `topics`: the phrases before it, in order; `later`: the phrase of the promise that answered.
    """
    act = _trim(re.sub(r"\s*달라고$", "", act))
    full = [t for t in (_trim(t) for t in topics) if len(t) >= 4]
    topic = full[-1] if full else ""
    if later and not act.endswith("기") and len(later.split()) == 1 and later.endswith("기"):
        act = f"{act} {later}"
    thin = thin or len(act.replace(" ", "")) <= 5 or len(act.split()) < 2
    if not topic or not act:
        return act or topic
    if thin and act not in topic and topic not in act:
        return f"{_as_noun(topic)} {act}"
    return act


def _as_noun(phrase: str) -> str:
    """A clause as the thing that is worked on: "링크 깨져 있" becomes "링크 깨짐"."""
    phrase = re.sub(r"\s*(?:깨져 있|깨지기)$", " 깨짐", phrase)
    phrase = re.sub(r"(\S+)지 있$", r"\1짐", phrase)
    return re.sub(r"\s+(?:있|없|되|하)$", "", re.sub(r"\s+", " ", phrase)).strip()


def _trim(text: str) -> str:
    text = re.sub(
        r"^(?:(?:네|예|아|어|음|저|그|근데|그리고|그럼|그래서|또|하나|참|대신|요즘|발견한|게)\s+)+",
        "",
        text,
    )
    return re.sub(r"\s+", " ", text).strip(" ,.?!")
