"""Which ticket the words mean: stems, sounds and a small glossary across the two languages. Pure.

A clause and a ticket are bags of weighted content words. Words rare on the board weigh more.
One word may stand in Hangul and in Latin letters (게이트웨이 ~ gateway): they meet by sound; or
in two languages (결제 ~ payment): they meet in the glossary. Two tickets that fit alike are
told apart by their other words, or left alone.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct
from rapidfuzz import fuzz

from vori.tickets.extract import verbs
from vori.tickets.extract.sound import hangul_key, skeleton, sound
from vori.tickets.extract.wordlist import listed

# ------------------------------------------------------------------ words

STOP = frozenset(
    listed("""a an the and or but so if then than that this these those there here it its it's i i'm i've i'll i'd
    you your you're he she him her his hers they them their theirs we us our ours me my mine who whom whose
    what which when where why how is are was were be been being am do does did doing done have has had having
    will would can could should shall may might must not no nor of in on at by for with about against between
    into through during before after above below to from up down out off over under again further once all
    any both each few more most other some such only own same too very just also now still yet already
    okay ok yeah yes yep right sure oh um uh well like get got getting gets go going goes went gone come came
    coming make made making take took taking taken let lets let's put thing things stuff bit lot one ones
    really actually basically maybe probably quite pretty much many good great nice fine lovely perfect sorry
    thanks thank please say said saying tell told know think thought see look looking want wanna need needs
    gonna gotta today tomorrow yesterday morning afternoon evening tonight week weeks month months year day
    days monday tuesday wednesday thursday friday saturday sunday next last end ago since until till because
    cause while though although however somebody someone anybody anyone everybody everyone nobody something
    anything everything nothing way time times hour hours minute minutes else even ever never always
    them's that's there's what's who's i'd we're we'll we've they're they've isn't aren't wasn't don't
    doesn't didn't can't couldn't won't wouldn't haven't hasn't work working works worked start started
    starting finish finished finishing done half back on's second first two three four five six seven eight nine ten
    new old use used using give given gave keep kept kind sort two's per via etc everyone's it'll that'll
    able across around along soon later early long own's little big small mean means hold held wait waiting
    ahead away whole another him's ask asked asking call called try trying tried around
    whether meeting stuff piece part everybody's january february march april june july august september
    october november december twice once talk talking myself yourself otherwise ha haha moment
    bother enough lots loads plus fully nearly almost exactly completely anyway wherever whatever whenever else's mine ours
    worry worries fun funny happy glad quick quickly slow noticed notice found believe reckon guess suppose remember
    forgot forget hope honest fair true course sudden rest half halfway couple few several whose
    hundred thousand dozen pick picked hear heard live night onto toward towards upon round person idea point sense news shame pity job instead eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety absolutely definitely totally obviously seriously certainly mind listen ought panic directly hundred decide decided agree agreed
    third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth
    seventeenth eighteenth nineteenth twentieth thirtieth twenty-first twenty-second twenty-third twenty-fourth
    left rather love deadline possible poss ages better best worse latest sooner earlier later as underway stuck finally busy begun excellent brilliant amazing cool awesome fantastic wonderful cheers god""")
)
"""Words that carry no content of a piece of work."""

GENERIC = frozenset(
    listed("""fix update issue problem page add change check review report list write send team ticket task item
    test create prepare set plan project system data version run order client customer user sheet form
    number name line part file open close move show build design draft copy room area office sign
    작업 수정 확인 개선 작성 준비 진행 관리 처리 문제 내용 부분 관련 업무 회의 자료 정리 점검 검토 변경 추가
    교체 등록 요청 제출 신청 보고 계획 일정 사람 담당 팀 오늘 내일 페이지 화면 교육 기준 설정 적용 공유
    강화 전달 발송 안내 업체""")
)
"""Words that many pieces of work share; alone they mean no ticket."""

GLOSSARY = """login,log-in,signin,sign-in,로그인,사인인
payment,pay,결제,지불
refund,환불
order,주문,발주
product,상품,제품
page,screen,화면,페이지,스크린
error,bug,오류,에러,버그
database,db,postgres,postgresql,mysql,디비,데이터베이스
test,테스트,시험
deploy,release,배포,릴리즈,릴리스
document,docs,documentation,문서
schedule,timetable,일정,일정표,스케줄
customer,client,고객,고객사,클라이언트
contract,agreement,계약,계약서
quote,estimate,quotation,견적,견적서
template,템플릿,양식,서식
invoice,인보이스,청구서,송장,계산서,세금계산서
report,보고서,리포트
budget,예산
alert,alarm,notification,알림,경보,알람
search,검색
theater,theatre,극장
mirror,거울
curtain,커튼
heater,heating,난방기,난방
lift,elevator,엘리베이터,승강기
ladder,사다리
bench,벤치
fence,울타리,펜스
gate,대문,출입문
key,열쇠
lock,잠금장치,자물쇠
ceiling,천장
stairs,staircase,계단
toilet,restroom,bathroom,lavatory,loo,화장실
garden,정원
tree,나무
flower,꽃
water,물
pipe,배관
valve,밸브
engine,엔진
tyre,tire,타이어
wheel,바퀴
brake,브레이크
bike,bicycle,자전거
boat,보트
factory,공장
machine,기계
tool,공구
knife,칼
plate,접시
glass,유리
bottle,병
bread,빵
cake,케이크
meat,고기
fish,생선
rice,쌀
fruit,과일
vegetable,채소,야채
egg,계란,달걀
milk,우유
guest,하객,손님
wedding,결혼식,예식
photo,photograph,사진
article,기사
magazine,잡지
newspaper,신문
song,노래
music,음악,음원
dance,안무,댄스,춤
choreography,안무
exhibition,exhibit,전시,전시회
museum,박물관,미술관
painting,그림
sculpture,조각
statue,동상
lecture,강의,강연
course,과정,강좌
scholarship,장학금
application,지원서,신청서
interviewee,지원자
résumé,resume,cv,이력서
office,사무실
desk,책상
computer,컴퓨터
laptop,노트북
screen,화면
keyboard,키보드
phone,telephone,전화기
headset,헤드셋
battery,배터리
charger,충전기
power,전원,전력
switch,스위치
light,조명
sign,간판
tax,세금
loan,대출
bank,은행
receipt,영수증
wage,임금
court,법원
lawsuit,소송
evidence,증거
witness,증인
statement,진술서,성명서
complaint,민원
road,도로
bridge,다리,교량
crane,크레인
scaffold,scaffolding,비계
brick,벽돌
steel,철골,강재
cement,시멘트
insulation,단열재
vaccine,vaccination,백신,예방접종
ward,병동
surgery,operation,수술
prescription,처방전,처방
blood,혈액
x-ray,엑스레이
dog,강아지,개
cat,고양이
animal,동물
farm,농장
tractor,트랙터
cow,소
fertiliser,fertilizer,비료
goods,물품
shelf,선반,진열대
window display,진열창
size,사이즈
measurement,측정
address,주소
signature,서명
visa,비자
passport,여권
flight,항공편
airport,공항
luggage,수하물
tour,투어
guide,가이드
rule,규칙
law,법률
survey,설문
statistics,통계
graph,chart,그래프,차트
table,테이블
column,컬럼
query,쿼리
branch,브랜치
commit,커밋
test,테스트
feature,기능
version,버전
language,언어
character,캐릭터
level,레벨
map,맵
boss,보스
animation,애니메이션
texture,텍스처
parttimer,part-timer,part-time,알바,아르바이트,알바생
image,picture,photo,이미지,사진
upload,업로드
download,export,다운로드,내보내기
excel,spreadsheet,엑셀
email,mail,메일,이메일
setting,settings,preferences,설정
password,비밀번호,패스워드,암호
signup,sign-up,registration,회원가입,가입
member,user,회원,사용자,유저
permission,권한,퍼미션
security,보안
backup,백업
migration,migrate,이전,마이그레이션
refactor,refactoring,리팩토링,리팩터링
design,디자인,시안
manual,handbook,매뉴얼,설명서
translation,translate,번역
drawing,blueprint,도면
sample,샘플,시료,견본
battery,배터리
sensor,센서
firmware,펌웨어
device,equipment,장비,기기,디바이스
delivery,shipping,배송,shipment
inventory,stock,재고
store,shop,매장,가게,점포
warehouse,창고
price,pricing,가격
discount,할인
coupon,쿠폰,voucher
event,이벤트,행사
banner,배너,현수막
poster,포스터
flyer,leaflet,전단,전단지,리플릿
guide,가이드,안내서
dashboard,대시보드
account,계정
link,링크
button,버튼
popup,팝업
certificate,인증서,수료증
certification,인증
server,서버
gateway,게이트웨이
network,네트워크
cache,캐시
log,logs,로그
recall,회수
inspection,inspect,점검,검사
safety,안전
training,교육,연수
interview,면접,인터뷰
hire,recruit,hiring,채용
vacation,holiday,휴가
approval,approve,승인,결재
review,리뷰,검토
meeting,회의,미팅
presentation,slides,deck,발표,발표자료,슬라이드
survey,questionnaire,설문,설문조사
analysis,analyse,analyze,분석
video,영상,동영상,비디오
microphone,mic,마이크
speaker,스피커
audio,sound,음향,오디오
camera,카메라
printer,프린터
lighting,lights,조명
roof,지붕
kitchen,주방,부엌
menu,메뉴,식단
ingredient,식자재,재료
supplier,vendor,업체,납품업체,공급업체,벤더
booking,book,reservation,reserve,예약
transport,bus,버스,차량
hotel,호텔,숙소
venue,장소,대관
catering,케이터링
ticket,티켓
checkout,체크아웃
cart,basket,장바구니
app,앱,어플
website,site,홈페이지,웹사이트,사이트
crash,크래시,죽
timeout,타임아웃
retry,retries,재시도
waterproof,방수
humidity,습도
temperature,온도,temp
calibration,calibrate,캘리브레이션,보정,교정
install,installation,설치
repair,수리,fix,mend,수정,고치
replace,swap,교체,replacement,바꾸
clean,cleaning,청소
poll,vote,투표
tax,세금,vat,부가세
salary,payroll,급여,월급
label,라벨,tag,태그
box,carton,상자,박스
sign,간판,표지판
rail,난간,레일
pump,펌프
bed,침대,병상
patient,환자
nurse,간호사
drug,medicine,약,의약품
audit,감사
policy,정책,규정
script,대본,스크립트
teaser,trailer,티저
newsletter,뉴스레터,소식지
onboarding,온보딩
profile,프로필
comment,댓글,코멘트
icon,아이콘
logo,로고
font,폰트,글꼴
layout,레이아웃
prototype,프로토타입,시제품
model,모델
api,에이피아이
cost,비용
receipt,영수증
insurance,보험
complaint,민원,컴플레인,불만
subscription,구독
sms,문자
push,푸시,푸쉬
map,지도
calendar,캘린더,달력
filter,필터
scroll,스크롤
admin,관리자,어드민
monitoring,monitor,모니터링
enclosure,case,housing,케이스,하우징
cable,케이블,wire
tent,천막,텐트
uniform,유니폼,단체복
parent,학부모
student,학생
teacher,선생님,교사
class,학급,반
exam,시험
homework,숙제,과제
library,도서관,라이브러리
book,책,도서
data,데이터
room,방,실
door,문
wall,벽
floor,바닥
window,창문,윈도우
paint,페인트,도색
tile,타일
concrete,콘크리트
permit,licence,license,허가,허가서,인허가
tender,bid,입찰
delay,지연
schedule,스케줄
playlist,플레이리스트
stage,무대
lighting,조명
rehearsal,리허설
costume,의상
recipe,레시피
oven,오븐
fridge,refrigerator,냉장고
freezer,냉동고
coffee,커피
table,테이블
chair,의자
truck,트럭,화물차
driver,기사,운전기사,드라이버
route,경로,노선,동선
seed,씨앗,종자
greenhouse,온실,하우스
harvest,수확
soil,토양
irrigation,관수,관개
dataset,데이터셋
paper,논문
experiment,실험
reagent,시약
grant,연구비,과제
campaign,캠페인
advertisement,ad,ads,advert,광고
influencer,인플루언서
press,보도자료,언론
sponsor,후원,협찬,스폰서
donation,기부,후원금
volunteer,자원봉사자,봉사자
autoclave,steriliser,sterilizer
cooker,stove,hob
sofa,couch
boiler,furnace
brochure,pamphlet,booklet
rota,roster
vacuum,hoover
purchase,buy
pharmacy,chemist
lawyer,solicitor,attorney
rubbish,trash,garbage,litter
pavement,sidewalk
torch,flashlight
spanner,wrench
jumper,sweater
programme,program
colour,color
catalogue,catalog
grey,gray
centre,center
tap,faucet
dongle,token
lamp,bulb
backdrop,backcloth
footpath,path
cupboard,closet,cabinet
cellar,basement
yard,courtyard
bucket,pail
quilt,duvet
trainee,apprentice
newcomer,starter,joiner
doctor,gp,physician
dinner,supper
mould,mold
doorbell,buzzer
mains,electricity""".splitlines()
"""Words of one meaning in the two languages, one group a line."""

_CONCEPT: dict[str, str] = {}
_NOUN_ENDINGS = frozenset("사서표문안지용건")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A crude English stem: enough to bring "invoices", "invoicing" and "invoiced" together."""
    word = word.lower().strip("'-")
    word = re.sub(r"'s$|'$", "", word)
    if len(word) <= 3 or not word.isascii():
        return word
    for ending, put, least in (
        ("sses", "ss", 4),
        ("ies", "y", 5),
        ("ches", "ch", 5),
        ("shes", "sh", 5),
        ("xes", "x", 4),
        ("ations", "at", 8),
        ("ation", "at", 7),
        ("ments", "ment", 7),
        ("ings", "ing", 6),
        ("ptions", "pt", 9),
        ("ption", "pt", 8),
        ("ctions", "ct", 9),
        ("ction", "ct", 8),
    ):
        if word.endswith(ending) and len(word) >= least:
            word = word[: -len(ending)] + put
            break
    else:
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if word.endswith("i"):
        word = word[:-1] + "y"
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


ACTIONS = frozenset(
    stem(w)
    for w in listed(
        """write ring phone send bring give tell put pick take pull push own read set keep hold carry add remove
        begin ask speak throw grab catch stick clear close open finish deliver replace sell chase sort fix"""
    )
)
"""Verbs that say what is done, not to what: they weigh half."""


@lru_cache(maxsize=20_000)
def key(word: str) -> str:
    """The key under which a word is compared: its concept, or its stem or sound-free form."""
    if not is_hangul(word):
        return _CONCEPT.get(stem(word), stem(word))
    root = hangul_key(word)
    if root not in _CONCEPT and len(word) >= 3 and word[-1] in _NOUN_ENDINGS:
        return _CONCEPT.get(hangul_key(word[:-1]), root)  # 협찬사 ~ 협찬
    return _CONCEPT.get(root, root)


def is_hangul(word: str) -> bool:
    return any("가" <= c <= "힣" for c in word)


for _line in GLOSSARY:
    _group = _line.split(",")
    for _word in _group:
        _root = hangul_key(_word) if is_hangul(_word) else stem(_word.replace("-", ""))
        _CONCEPT.setdefault(_root, "=" + _group[0])
        if "-" in _word:
            _CONCEPT.setdefault(stem(_word), "=" + _group[0])

_GENERIC_KEYS = frozenset(key(w) for w in GENERIC)
_STOP_STEMS = STOP | frozenset(stem(w) for w in STOP)
_SIT = frozenset(listed("sit sits sat sitting"))
"""Their stem is that of "site"."""
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'+#-]*|\d+[A-Za-z]+|[A-Za-z]+\d+")
_NUMBER_WORDS = {
    w: str(i)
    for i, w in enumerate(
        listed("zero one two three four five six seven eight nine ten eleven twelve thirteen")
    )
}
_NUMBERED = re.compile(
    r"\b(?P<noun>[A-Za-z][A-Za-z-]{2,}) (?:number |no\.? )?(?P<n>\d{1,4}|"
    + "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True))
    + r"|[A-HJ-Zb-hj-z])(?![\w'])"
)
_LONE_NUMBER = re.compile(
    r"\b(?P<n>\d{1,4}|" + "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True)) + r")"
    r"(?='s\b|'ll\b| (?:is|was|at|needs|went|has|went|goes|came|comes|got|had|open|will|can|still|isn't|hasn't|wasn't)\b|\s*[?.,!]*$)"
)
_AMOUNT = re.compile(
    r"\b(?:got|have|has|had|need|needs|needed|of|least|about|around|only|just|another|other|all|these|those|at|by|to|a|for|want|more|last|first|next|past|till|until|take|took|make|made|did|done|ordered|bought|sold|or|than|up to|me|us|you|them)\s+$",
    re.IGNORECASE,
)
_NUMBERABLE = frozenset(listed("day week part item number unit point"))
_TENS = {
    w: 10 * i
    for i, w in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), 2)
}
_SAID_NUMBER = re.compile(
    rf"\b(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<ones>one|two|three|four|five|six|seven|eight|nine))?\b",
    re.IGNORECASE,
)


_COMPOUNDS = (
    "quick start|call back|hand over|kick off|follow up|check in|check out|first aid|month end|year end|half term|"
    "open day|open evening|sign off|break down|walk through|run through|look ahead|time off|lost property|night shift|"
    "second hand|back end|front end|front of house|turn over|stand by|set up|start up|go live|opening night"
)
_COMPOUND = re.compile(
    rf"(?<![\w-])(?P<the>(?:the|a|an|our|my|your|this|that|so) )?(?P<name>{_COMPOUNDS.replace(' ', '[ -]')})(?!\w)",
    re.IGNORECASE,
)
"""Things whose names are made of words that carry nothing alone."""


def _in_digits(m: re.Match[str]) -> str:
    ones = _NUMBER_WORDS[m["ones"].lower()] if m["ones"] else "0"
    return str(_TENS[m["tens"].lower()] + int(ones))


_COUNTED = re.compile(r" (?!(?:of|for|and|in|at|on|with|to|from|by|is|was)\b)[A-Za-z]")
_NUMBER_KEY = re.compile(r"^(?P<noun>.+#).+$|^\d+(?P<unit>[가-힣]+)$")
_JOINED = {"signin": "=login", "login": "=login", "signup": "=signup"}


class Match(Struct, frozen=True, kw_only=True):
    """A ticket the words fit. `share` is how much of its title was said; `hits` which words."""

    index: int
    score: float
    share: float
    hits: int
    title_hits: int
    labelled: bool = False
    """Whether it has a number or letter that no other title has ("bay 3", "4번")."""
    plain_share: float = 0.0
    """`share` with every title word counted alike, however many tickets have it."""


class Vocabulary:
    """The words of the board's tickets, ready to be met by what is said."""

    def __init__(
        self, titles: Sequence[Mapping[str, float]], contents: Sequence[Mapping[str, float]]
    ) -> None:
        """`titles[i]` and `contents[i]` are the weighted words of ticket i."""
        self._titles = [dict(t) for t in titles]
        self._contents = [
            {w: x for w, x in c.items() if w not in t}
            for t, c in zip(titles, contents, strict=True)
        ]
        self._by_word: dict[str, set[int]] = defaultdict(set)
        counts: dict[str, int] = defaultdict(int)
        for index, words in enumerate(self._titles):
            for word in words:
                self._by_word[word].add(index)
                counts[word] += 1
        for index, words in enumerate(self._contents):
            for word in words:
                self._by_word[word].add(index)
        self._rarity = {w: 1 / (1 + math.log(c)) for w, c in counts.items()}
        self._short = _abbreviations(titles)
        self._known: dict[str, list[str]] = defaultdict(list)
        for word in self._by_word:
            if len(skeleton(word.lstrip("="))) >= 2:
                self._known[_first(word)].append(word)
        self._near: dict[str, tuple[str, ...]] = {}
        self._pairs = _pairs(titles)
        self._is_blank = not titles
        self._numbered: dict[str, set[str]] = defaultdict(set)
        self._numbers: dict[str, set[str]] = defaultdict(set)
        for word in self._by_word:
            if kind := _number_kind(word):
                self._numbered[kind].add(word)
                self._numbers[word.rpartition("#")[2]].add(word)

    # -------------------------------------------------------------- words

    def known_in(self, word: str) -> str | None:
        """The longest ticket word that a written Korean word begins with (입고는 → 입고)."""
        for size in range(min(len(word), 12), 1, -1):
            if self.knows(key(word[:size])) and len(word) - size <= 4:
                return key(word[:size])
        return None

    def knows(self, word: str) -> bool:
        """Whether a ticket has the word."""
        return word in self._by_word

    def words(self, stripped: str) -> dict[str, float]:
        """The content words of English text (names taken out) with their weights."""
        stripped = _SAID_NUMBER.sub(_in_digits, stripped)
        out: dict[str, float] = {}
        tokens: list[str] = _LATIN_WORD.findall(stripped)
        said_by: str | None = None
        for token in tokens:
            before, said_by = said_by, token.lower()
            for part in (token, *token.split("-")) if "-" in token else (token,):
                low = re.sub(r"'(?:ll|d|ve|re|s|m)$", "", part.lower()).strip("'")
                if len(low) < 2 or low in _SIT or low in _STOP_STEMS or stem(low) in _STOP_STEMS:
                    continue
                past = verbs.PAST.get(low) or verbs.PARTICIPLE.get(low)
                if past and low not in verbs.BASE and not low.endswith("ed"):
                    if past not in _STOP_STEMS:
                        put(out, key(past))  # wrote, written: write
                    continue
                if short := self._meant_by(low):
                    out.update(dict.fromkeys(short, 1.0))
                elif before in ("it", "he", "she") and low.endswith("s"):
                    out.setdefault(key(low), 0.3)  # "it brakes" is no word about brakes
                else:
                    put(out, key(low))
        for m in _NUMBERED.finditer(stripped):
            number = _NUMBER_WORDS.get(m["n"].lower(), m["n"].lower())
            if m["noun"].lower() in verbs.BASE and _COUNTED.match(stripped, m.end()):
                continue  # "recruit two trustees"
            if m["n"].lower() == "one" and not self.knows(f"{key(m['noun'])}#1"):
                continue  # "the wooden one"
            stopped = m["noun"].lower() in _STOP_STEMS and m["noun"].lower() not in _NUMBERABLE
            if not stopped and (
                m["n"] != m["n"].lower()
                or len(m["n"]) > 1
                or self.knows(f"{key(m['noun'])}#{number}")
                or m["n"].isdigit()
            ):
                word = f"{key(m['noun'])}#{number}"
                out[word] = 1.0 if self._is_blank or self.knows(word) else 0.02
        for m in _LONE_NUMBER.finditer(stripped.lower()):
            ends = not re.search(r"\w", stripped[m.end() :])
            if ends and _AMOUNT.search(stripped[: m.start()]):
                continue  # "we've got two"
            number = _NUMBER_WORDS.get(m["n"], m["n"])
            meant = self._numbers.get(number, set())
            if len(meant) == 1:
                out[next(iter(meant))] = 0.9
        for m in _COMPOUND.finditer(stripped):
            whole = m["name"].lower().replace(" ", "").replace("-", "")
            if self.knows(whole) or self._is_blank or m["the"]:
                put(out, whole)
        for a, b in pairwise(tokens):
            joined = stem(f"{a}{b}".lower())
            concept = _JOINED.get(joined, joined)
            if concept in self._by_word or joined in _JOINED:
                put(out, concept)
            hyphened = key(f"{a}-{b}".lower())
            if hyphened in self._by_word:
                put(out, hyphened)
        return out

    def _meant_by(self, said: str) -> tuple[str, ...]:
        """The title words that a short word stands for: initials ("cd"), a clipping ("cert")."""
        if not 2 <= len(said) <= 6 or self.knows(key(said)):
            return ()
        if said in self._short:
            return self._short[said]
        if said.endswith("s") and len(said) > 4:
            said = said[:-1]
        if len(said) < 4 or said in ACTIONS or said in verbs.BASE:
            return ()
        whole = {
            w
            for w in self._by_word
            if len(w.lstrip("=")) >= len(said) + 3 and w.lstrip("=").startswith(said)
        }
        return tuple(whole) if len(whole) == 1 else ()

    # -------------------------------------------------------------- matching

    def find(self, words: Mapping[str, float]) -> list[Match]:
        """Tickets that share words with `words`, the best first."""
        hits: dict[int, dict[str, float]] = defaultdict(dict)
        for word, weight in words.items():
            for known, quality in self._alike(word):
                for index in self._by_word[known]:
                    old = hits[index].get(known, 0.0)
                    hits[index][known] = max(old, weight * quality)
        wrong = {
            other
            for word in words
            if (kind := _number_kind(word))
            for other in self._numbered.get(kind, ()) - words.keys()
        }
        out = []
        for index, found in hits.items():
            title, content = self._titles[index], self._contents[index]
            said = sum(x * self._rarity[w] for w, x in found.items() if w in title)
            aside = sum(x for w, x in found.items() if w in content)
            if wrong and not wrong.isdisjoint(title):
                said = max(0.0, said - 0.8)
            whole = sum(x * self._rarity[w] for w, x in title.items()) or 1.0
            out.append(
                Match(
                    index=index,
                    score=said + 0.3 * min(aside, 2.0),
                    share=said / whole,
                    hits=len(found),
                    title_hits=sum(1 for w in found if w in title),
                    labelled=any(
                        w in title and _number_kind(w) and self._rarity[w] == 1.0 for w in found
                    ),
                    plain_share=sum(x for w, x in found.items() if w in title)
                    / (sum(title.values()) or 1.0),
                )
            )
        return sorted(out, key=lambda m: (-m.score, -m.share, m.index))

    def _alike(self, word: str) -> list[tuple[str, float]]:
        near = self._near.get(word)
        if near is None:
            near = self._near[word] = tuple(self._look(word))
        return [(w, 1.0 if w == word else 0.8) for w in near]

    def _look(self, word: str) -> Iterable[str]:
        if word in self._by_word:
            yield word
            return
        found = False
        for known in self._known.get(_first(word), ()):
            if alike(word, known):
                found = True
                yield known
        if not found and is_hangul(word) and len(word) >= 3:
            for joined, parts in self._pairs.items():
                if _first(joined) == _first(word) and same_sound(word, joined):
                    yield from parts


_NO_INITIALS = frozenset(
    listed("co tv pc am pm vs mr ms dr st ex ad id uk us eu la le de cos ie eg")
)


_SPEAKABLE = re.compile(r"[^aeiou]*[^aeiouy][aeiou][^aeiou]|[aeiou][^aeiou]$")
"""Initials that are more likely a word ("bar", "ox")."""


def _abbreviations(titles: Sequence[Mapping[str, float]]) -> dict[str, tuple[str, ...]]:
    """Neighbouring Latin words of one title by their initials; not those that two titles share."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for title in titles:
        words = [w for w in title if w.lstrip("=")[:1].isascii() and "#" not in w]
        for size in (2, 3, 4):
            for start in range(len(words) - size + 1):
                run = tuple(words[start : start + size])
                found["".join(w.lstrip("=")[:1] for w in run)].add(run)
    return {
        short: next(iter(runs))
        for short, runs in found.items()
        if len(runs) == 1
        and short not in STOP
        and short not in _NO_INITIALS
        and short.isalpha()
        and not _SPEAKABLE.match(short)
    }


def _pairs(titles: Sequence[Mapping[str, float]]) -> dict[str, tuple[str, str]]:
    """Neighbouring Latin words of titles written as one: 락커룸 is "locker room"."""
    out: dict[str, tuple[str, str]] = {}
    for title in titles:
        words = [w for w in title if not is_hangul(w) and "#" not in w]
        for a, b in pairwise(words):
            out[a.lstrip("=") + b.lstrip("=")] = (a, b)
    return out


@lru_cache(maxsize=50_000)
def _number_kind(word: str) -> str:
    """What is numbered: `bay#` for `bay#3`, `회차` for `1회차`; "" for other words."""
    m = _NUMBER_KEY.match(word)
    return (m["noun"] or m["unit"]) if m else ""


@lru_cache(maxsize=50_000)
def _first(word: str) -> str:
    bones = skeleton(word.lstrip("="))
    return bones[:1]


@lru_cache(maxsize=100_000)
def alike(a: str, b: str) -> bool:
    """Whether two keys are one word: misheard, compounded, or in the other script."""
    if a == b:
        return True
    bare_a, bare_b = a.lstrip("="), b.lstrip("=")
    hangul_a, hangul_b = is_hangul(bare_a), is_hangul(bare_b)
    if hangul_a != hangul_b:
        return same_sound(bare_a, bare_b)
    if hangul_a:
        short, long = sorted((bare_a, bare_b), key=len)
        if (
            len(short) >= 2
            and len(long) - len(short) <= 2
            and long.startswith(short)
            and len(short) * 2 >= len(long)
        ):
            return len(short) >= 3 or len(long) <= 3
        return min(len(bare_a), len(bare_b)) >= 3 and fuzz.ratio(bare_a, bare_b) >= 75
    return min(len(bare_a), len(bare_b)) >= 5 and fuzz.ratio(bare_a, bare_b) >= 88


def same_sound(a: str, b: str) -> bool:
    """Whether a Hangul word and a Latin word sound alike."""
    if is_hangul(b):
        a, b = b, a
    if is_hangul(a) and not b.endswith("e"):  # b is a stem: the ending may be heard as well
        readings = (b, b.replace("g", "k")) if "g" in b else (b,)  # login, but page
        return any(_one_sound(a, r + end) for r in readings for end in ("", "ing", "er", "e"))
    return _one_sound(a, b)


def _one_sound(a: str, b: str) -> bool:
    bones_a, bones_b = skeleton(a), skeleton(b)
    if min(len(bones_a), len(bones_b)) < 2:
        return False
    spoken = fuzz.ratio(sound(a), sound(b))
    if bones_a == bones_b:
        return spoken >= (50 if len(bones_a) >= 3 else 60)
    return (
        min(len(bones_a), len(bones_b)) >= 3 and fuzz.ratio(bones_a, bones_b) >= 80 and spoken >= 62
    )


def put(words: dict[str, float], word: str) -> None:
    words[word] = 0.35 if word in _GENERIC_KEYS else 0.5 if word in ACTIONS else 1.0


def _numbered_otherwise(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    """Whether both number the same thing, and with other numbers (gate 3, gate 4)."""
    kinds = {kind: word for word in a if (kind := _number_kind(word))}
    if not kinds:
        return False
    mine = [(kinds[kind], word) for word in b if (kind := _number_kind(word)) in kinds]
    return bool(mine) and all(x != y and x not in b for x, y in mine)


def overlap(a: Mapping[str, float], b: Mapping[str, float]) -> tuple[float, float]:
    """The weight of the words that `a` and `b` share, and its part of the smaller bag."""
    if not a or not b or _numbered_otherwise(a, b):
        return 0.0, 0.0
    common = sum(min(a[w], b[w]) for w in a.keys() & b.keys())
    rest_a, rest_b = a.keys() - b.keys(), b.keys() - a.keys()
    if rest_a and rest_b and len(rest_a) * len(rest_b) <= 900:
        free = set(rest_b)
        for word in rest_a:
            other = next((w for w in free if _first(w) == _first(word) and alike(word, w)), None)
            if other is not None:
                free.discard(other)
                common += 0.8 * min(a[word], b[other])
    return common, common / min(sum(a.values()), sum(b.values()))
