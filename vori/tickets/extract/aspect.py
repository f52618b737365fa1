"""How far a Korean clause says its work is: what grammar tells without knowing the verb. Pure.

Extent ("삼 층까지", "네 분 중에 두 분"), steps that come before the thing itself ("수리 맡겼어요"),
troubles that are back ("또 새요", "다시 안 잠겨요") and how well a mended thing goes now
("물 쭉쭉 내려가요"). Text is the clause as written; morphs its morphemes as `어/EC 놓/VX 었/EP`.
"""

from __future__ import annotations

import re

NUMBER = (
    r"(?:\d+|몇|서너|두세|(?:열|스물|서른|마흔|쉰|예순|일흔|여든|아흔)?(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉)|"
    r"열|스무|스물|서른|마흔|쉰|예순|일흔|여든|아흔|[일이삼사오육칠팔구십백천]+)"
)
_COUNTER = (
    r"(?:층|장|과목|과|절|화|회차|회|쪽|페이지|챕터|단원|칸|줄|동|호실|호기|호|구역|단계|차|라인|번|전시실|관|미터|킬로|분|세트|막|악장|"
    r"권|편|개|명|대|건|그루|이랑|고랑|잔|통|상자|박스|판|면|곡|문단|문제|문항|항목|항|조|팀|반|학년|홀|코스|바퀴|단|마리|벌|켤레|병|"
    r"포대|자루|묶음|롤|구간|공구|블록|레벨|스테이지|교|열|랙|존|팔레트|포기|켜|컷|씬|신|군데|곳|집|가지|종|줄기|평|묘|뼘|땀|쇄|탭|시트|통|그릇|필지|세대|가구|레인|부스|병상|침상|호선)"
)
_WHOLE = re.compile(r"끝까지|마지막|전부|모두|꼭대기|(?<![가-힣])다\s|싹\s|전체")
_UP_TO = re.compile(
    rf"(?<![가-힣\d])(?<!시 )(?:제\s?)?{NUMBER}\s?{_COUNTER}(?:\s분량)?까지(?:만|는|도)?\s"
    r"|(?<![가-힣A-Za-z])[A-Z가-하]\s?(?:동|칸|구역|관|조|라인|열|블록|존)까지(?:만|는)?\s"
    r"|(?:중간|절반|초반|중반|앞부분|앞쪽|전반부|윗부분|뼈대|골조|밑칠|초벌|초안|기초|바닥|거기)까지(?:만|는)?\s"
)
_ABOUT_SO_MANY = re.compile(
    rf"(?<![가-힣\d]){NUMBER}\s?(?:{_COUNTER}|분|사람|쪽)\s?(?:정도|쯤|남짓)(?:는|만|까지)?\s"
    r"|\d+\s?(?:년|월|일|주|분기|학기)\s?(?:치|분|자|차|도|생)까지(?:는|만)?\s"
)
_SOME_OF = re.compile(
    rf"(?<![가-힣\d]){NUMBER}\s?[가-힣]{{1,3}}\s?(?:중에서?|가운데서?|중)\s(?:\S+\s)?{NUMBER}\s?(?:{_COUNTER}|분|사람|쪽)"
)
_PAST = re.compile(r"(?:었|았)/EP")


def is_part(text: str, morphs: str) -> bool:
    """Whether only a part is said to be done: up to here, so many of so many."""
    if not _PAST.search(morphs) or _WHOLE.search(text):
        return False
    return any(p.search(text + " ") for p in (_UP_TO, _SOME_OF, _ABOUT_SO_MANY))


_LEFT = re.compile(
    r"(?:만|정도|쯤|하나|한\s?[가-힣]{1,2}|두\s?[가-힣]{1,2}|조금|살짝|마무리|마감|일부)(?:이|가|만|은|는)?\s?남(?:았|아|은|겨|겼)"
)
_TIME_LEFT = re.compile(
    r"(?:일|주일?|달|시간|분|개월|하루|이틀|사흘|나흘|밤|마감까지|기한이?)(?:이|가|도|은|는|밖에|정도|쯤)?\s?(?:안\s)?남"
)


def is_nearly_done(text: str) -> bool:
    """Whether little is left: what is begun and not finished ("도장 위치 정도 남았어요")."""
    return bool(_LEFT.search(text)) and not _TIME_LEFT.search(text)


_IN_USE = re.compile(
    r"(?:다들|모두|손님들?|직원들?|애들|사람들)\S*\s.*(?:쓰|사용하|이용하)고 있|(?:부터|그걸로|이제|이젠|벌써|잘|편하게|새\s?\S+로)\s(?:(?:다들|잘|그걸로|문제없이)\s)?(?:쓰|사용하|이용하|돌아가|굴러가|돌|가동하|팔|팔리|타|나가)고 (?:있|계)"
)


def is_in_use(text: str) -> bool:
    """Whether the finished thing is told to be used ("오늘부터 쓰고 있어요")."""
    return _IN_USE.search(text) is not None


_BOUNDARY = re.compile(
    r"/ETM (?!(?:거|것|수|줄|뻔|만|듯|예정|계획|생각|적|중)/)|(?:어서|아서|라서|느라|는데|은데|ㄴ데|니까|으니까|더니|길래|면서|자마자|려고|으면|다가|도록|게)/EC (?!(?:\S+/JX )?(?:있|하|되|말|못하|않|보|주|지)/V)|(?<!지/)고/EC (?!(?:\S+/JX )?(?:있|계시|싶|나|말)/V)|(?<=/EP )(?:고|지만)/EC "
)


def last_predicate(morphs: str) -> int:
    """Where the last predicate with its complements begins: "안 돌던 걸 | 고쳤어요"."""
    start = 0
    for m in _BOUNDARY.finditer(morphs):
        if re.search(r"/V[VAXC]|/XS[VA]", morphs[m.end() :]):
            start = m.end()
    return start


# ------------------------------------------------------------------ trouble again

_AGAIN = re.compile(r"(?:다시|또|도로|또다시|재차|다시금)/MAG (?P<rest>.*)$")
_NOT_AGAIN = re.compile(
    r"^(?:\S+ ){0,3}?(?:하나|한번|말씀|말|설명|얘기|이야기|공유|보고|연락|전화|문의|부탁|감사|확인|회의)/NNG"
    r"|^(?:다른/MM|뭐/|무슨/|있/V|없/V|하나/NR|한/MM (?:가지|번)/NNB (?:말|확인|정리)|오/VV|뵙/VV|보/VV (?:어요|ㄹ게요|ㅂ시다|죠|었))"
)
_INTO_TROUBLE = (
    r"(?:막히|밀리|풀리|열리|갈리|뚫리|찢기|끊기|잠기|걸리|떨리|흔들리|울리|쌓이|꺾이|닫히|뒤집히|엉키|꼬이|섞이|뜯기|벌어지|삐걱거리|서|죽|터지|나|나가|멈추|꺼지|빠지|끊기|막히|새|오르|올라가|내리|내려가|떨어지|울리|늘|줄|벌어지|풀리|"
    r"깨지|뜨|녹슬|썩|시들|얼|넘치|걸리|들어오|돌아오|나오|나타나|생기|도지|틀어지|어긋나|흔들리|닳|부서지|무너지|꼬이|뒤집히|날아가|사라지|없어지|쏟아지)"
)
_BROKE_AGAIN = re.compile(
    rf"(?:지/VX|[가-힣]*{_INTO_TROUBLE}/VV|(?:고장|말썽|사고|오류|에러|장애|탈|문제|누수|민원|불량|취소|중단|정지|발생|반려|반송)/NNG (?:\S+/J\S+ )?(?:\S+/(?:XSV|VV|VCP)))(?: \S+/EP)* (?:었|았)/EP"
)
_IS_SO_AGAIN = re.compile(
    r"(?:/V[VAX]|/XS[VA]|/VCP)(?: (?:시)/EP)? (?:어요?|아요?|에요|예요|이에요|ㅂ니다|습니다|네요?|더라고요?|더라구요?|는다|ㄴ다|다|대요|ㄴ대요|는대요|ㄴ다네요|는데요?|ㄴ데요?|고요?|거든요|잖아요|지요|죠|세요|ㄴ답니다|는답니다)/E[FC](?: 요/JX)?(?: \S+/S[FP])?$"
)
_FINE = re.compile(
    r"(?:잘|제대로|정상|멀쩡|말짱|깨끗)/|(?:돌아가|작동|움직이|켜지|열리|다니|살아나|뚫리|붙|복구|개통|재개)(?:/NNG)?"
    r"|(?:물|전기|불|난방|온수|화면|신호|인터넷|전원|가스)/NNG (?:\S+/J\S+ )?(?:다시/MAG )?(?:나오|들어오|켜|뜨|올라오|내려가)"
)
_DENIED = re.compile(r"(?:안|못)/MAG|지/EC (?:\S+/JX )?(?:않|못하)")
_RELAPSE = re.compile(
    r"재발|도로\s*(?:갖고|가지고|들고|싣고)|되살아나|되돌아가|원래대로\s*돌아|원상태|도로\s*그대로|(?:반려|반송|퇴짜|불합격|반품|클레임)(?:를|을|가|이)?\s*(?:하고|하셔|하는|했|됐|당했|맞았|놨|놓|왔|들어왔|처리됐|받았|걸렸|돼서|해서|당해서|맞아서)"
    r"|(?:닫은|끝낸|끝난|고친|완료한|완료된|완료로\s?\S+|바꾼|교체한|갈아\s?끼운|옮긴|마친|해결한)\s*지\s.*(?:만에|안\s*(?:돼|됐|되))"
    r"|(?:끝난|완료된|해결된|고친|고쳐진|다\s*된|잡힌|된)\s*줄\s*알았"
)
_LATER = re.compile(r"내년|다음에|나중|언젠가|만약|만일|그때\s*가서|때마다|마다")


def is_for_later(text: str) -> bool:
    """Whether something is spoken of that would be some other time."""
    return _LATER.search(text) is not None


def is_back(text: str, morphs: str) -> bool:
    """Whether a trouble that had been dealt with is there again."""
    if _LATER.search(text):
        return False
    if _RELAPSE.search(text):
        return True
    m = _AGAIN.search(morphs)
    if m is None:
        return False
    rest = m["rest"]
    if _NOT_AGAIN.match(rest):
        return False
    if re.search(
        r"겠/EP|(?:ㄹ|을)게|(?:ㄹ|을)/ETM|어야|려고|자/EF|ㅂ시다|주/V[XV]|고/EC (?:있|계)|중/NNB|기로|(?:면|으면)/EC",
        rest,
    ):
        return False
    if _FINE.search(rest if "다시" not in text else morphs) and not _DENIED.search(rest):
        return False
    if _BROKE_AGAIN.search(rest):
        return True
    return not _PAST.search(rest) and bool(_IS_SO_AGAIN.search(rest))


# ------------------------------------------------------------------ how it goes now

_PRESENT = re.compile(
    r"(?:/V[VA]|/XS[VA])(?: 시/EP)? (?:어요?|아요?|ㅂ니다|습니다|네요|더라고요?|더라구요?|ㄴ대요|는대요|대요|거든요|죠|지요|던데요?)/E[FC](?: 요/JX)?(?: \S+/S[FP])?$"
)
_SINCE = re.compile(
    r"(?:고/EC 나/V[VX] (?:니까|으니까|서|어서)/EC|었/EP 더니|었/EP 더라니|(?:부터|이후로?|뒤로|후로)/\S+ |이제/MAG|이젠|인제|요즘/|덕분/)"
)
_NO_STATE = re.compile(
    r"겠/EP|(?:ㄹ|을)/ETM|어야|려고|(?:안|못)/MAG|지/EC (?:\S+/JX )?(?:않|못하)|없/VA|아직|모르|필요|기다리|남/VV|시작|걸리/VV|늦|부족|모자라|어렵/|힘들|아프|시끄럽|이상/|문제/|부탁|달/VX|주/VX|하/VV 어/EC 야|싶/|고/EC (?:있|계)|중/NNB|(?<![가-힣])가/VV |(?<![가-힣])오/VV |하/VV ㄹ|같/VA|예정|계획|생각"
)


def goes_well(text: str, morphs: str) -> bool:
    """Whether the thing is told to work since something was done to it."""
    if "?" in text or not _PRESENT.search(morphs) or _NO_STATE.search(morphs):
        return False
    return bool(_SINCE.search(morphs))


# ------------------------------------------------------------------ steps

_STEPS = tuple(
    (re.compile(done), re.compile(goal))
    for done, goal in (
        (
            r"(?:맡기|의뢰하|의뢰드리)(?:었|고|어|시)|맡겼|맡겨|의뢰(?:했|해|를?\s*(?:넣|드렸))|(?:수리|수선|세탁|에이에스|AS)(?:를|을)?\s*(?:보냈|보내\s*놨|들어갔|넣었|접수)",
            r"맡기|의뢰|외주|위탁|접수|신청|위임|요청",
        ),
        (
            r"(?:주문|발주|구매\s*신청)(?:은|는|을|를)?\s*(?:했|해\s*[놨뒀]|넣|걸|냈|들어갔)|시켜\s*[놨뒀]",
            r"주문|발주|구매|구입|조달|확보|준비|재고|신청|사기|채우|비품|물품|재료",
        ),
        (
            r"(?:뜯어?|떼어?|걷어|벗겨|해체해?|분해해?|들어|파)\s?(?:냈|내고|내서|놨|놓고|뒀|만\s)|(?:철거|분해|해체)(?:는|은|까지)?\s*(?:했|됐|끝)|뜯었|뗐",
            r"철거|분해|제거|청소|정리|비우|해체|철수|폐기|수거|떼기|굴착|터파기|발굴|세척|점검",
        ),
        (
            r"(?:초안|초벌|밑그림|스케치|도안|틀|뼈대|골격|골조|윤곽|밑칠|초배|가닥|목차|구성안|콘티|러프|윤곽선|개요|본)(?:은|는|을|를|만|이|가|까지|까지만)?\s*(?:잡|짰|짜|떴|그렸|그려|썼|써|만들|나왔|칠했|깔|뽑|마쳤|세웠)",
            r"초안|초벌|밑그림|스케치|도안|틀|뼈대|골조|밑칠|목차|구성|콘티|시안|개요|기획",
        ),
        (
            r"(?:치수|실측|견적|사이즈|둘레|길이)(?:은|는|을|를|만|도)?\s*(?:쟀|재\s|재고|받았|받아|뽑았|냈|봤|요청했|했)",
            r"치수|실측|견적|측정|사이즈|비교|조사|문의",
        ),
        (
            r"원인(?:은|는|을|를|만|이|까지)?\s*(?:\S+\s)?(?:찾|알아|파악|밝혀|나왔|잡았|짚)",
            r"원인|분석|조사|파악|규명|확인|진단|추적",
        ),
        (
            r"(?:자재|부품|재료|페인트|나무|목재|공구|타일|원단|자갈|모래|시멘트|장비|전구|판재|부속)(?:은|는|을|를|만|이|가|도)?\s*(?:\S+\s)?(?:샀|사\s?[놨뒀다]|받아\s?[놨뒀]|들어왔|도착했|왔|구했|챙겨\s?[놨뒀]|쟁여|실어\s?[놨뒀])",
            r"구매|구입|확보|준비|주문|발주|조달|입고|수령|사기|반입|구하기|재고",
        ),
        (
            r"(?:기사|업체|방문|예약|날짜|일정|출장)(?:님|은|는|을|를|이|가)?\s*(?:\S+\s)?(?:불렀|불러\s?[놨뒀]|잡았|잡아\s?[놨뒀]|잡혔|예약했|정했|정해졌)",
            r"예약|일정|섭외|날짜|스케줄|계약|약속|시간표|대관|신청|정하기",
        ),
    )
)


def is_step(text: str, title: str) -> bool:
    """Whether what was done only leads to what the ticket's title asks for."""
    return any(done.search(text) and not goal.search(title) for done, goal in _STEPS)
