"""Signs of how far a piece of work is, too weak to count one by one. Pure.

People seldom say "that ticket is done". They tell what happened ("the fitter came and put a
new belt in"), how it is since ("runs quiet as anything"), that nothing is left, and others say
"well done". Each is a sign; what one speaker tells about a ticket in a turn, with the first
reaction to it, is weighed together (`local.Talk`).
"""

from __future__ import annotations

import re
from enum import Flag, auto

from vori.tickets.extract import verbs
from vori.tickets.extract.aspect import goes_well, is_in_use, is_part
from vori.tickets.extract.predicates import Tells, tells
from vori.tickets.extract.wordlist import listed


class Sign(Flag):
    """What a clause hints at."""

    NONE = 0
    EVENT = auto()  # something happened, whoever did it
    RESULT = auto()  # how the finished thing is now
    WHOLE = auto()  # "all sixty", "every one", "전부"
    VERDICT = auto()  # "that's that", "cross it out", "nothing left"
    REMAINS = auto()  # "one left", "so far", "up to page nine", "still"
    PRAISE = auto()  # "well done", "already?", "what a relief"
    ENCOURAGE = auto()  # "no rush", "keep going"


# ------------------------------------------------------------------ English

_NO_EVENT = frozenset(
    listed(
        "be do say think tell know hear get let forget understand lose mean want need have ask look wait try "
        "mention notice find feel like love hope wish agree decide discuss happen seem start begin plan promise "
        "expect believe remember see read miss break fail crash stop drop "
        "leave stand sit lie cost hurt fall delay postpone"
    )
)
_PERFECT = re.compile(
    r"(?:\b(?:has|have|had|was|were|is|are|been|got)|'s|'ve|'re)(?: (?:all|both|now|just|already|finally|also|been|even))* (?P<verb>[a-z]+)\b"
)
_WORD = re.compile(r"[a-z]+")
_THERE = r"(?:in|on|up|out|over|through|back|there|here|away|down|with)"
_RESULT = re.compile(
    rf"(?:\b(?:it|that|they|all|both|everything|all of (?:it|them)|(?:the|our|my) (?!(?:\w+ )?(?:engineer|guy|guys|bloke|chap|man|men|woman|fitter|plumber|electrician|mechanic|technician|builders?|crew|people|lads?|boss|client|customer)\b)[a-z]+(?: [a-z]+)?)(?:'s|'re| is| are)) (?:all |both |now |already |safely |just )*{_THERE}\b(?! (?:about|hold|to me|to us|top of|track|its way|the way|their way|my|me|half))"
    r"|\b(?:works?|runs?|fits?|holds?|looks?|sounds?|opens?|closes?|loads?|rings?|shuts?|locks?|prints?|fires?|spins?|starts?|drains?|heats?|behaves?|stays?|drives?|turns?|flows?|shines?|plays?|pulls?|charges?) (?:\w+ ){0,2}?(?:fine|well|great|lovely|perfect(?:ly)?|properly|quiet(?:ly)?|smooth(?:ly)?|good|beautifully|like (?:new|a dream|a charm|anything)|again|now|first time|every (?:time|night|day|morning)|dry|shut|tight|straight|solid|without)\b"
    r"|\b(?:got|has|have|had) (?:its|their|his|her) (?:new )?\w+|(?:'s|\bis|\bare|'re) (?:all )?gone\b|(?:'s|'re|\bis|\bare) (?:very |so |really |all |now )?(?:happy|pleased|delighted|thrilled|clear|clean|dry|warm|quiet|tidy|safe|stable|steady|level|straight)\b(?! (?:to|that|about|if))|^(?:so |and |the )?(?!(?:he|she|who|what|where|there|that|it|here|how|everyone|somebody)\b)[a-z]+'s (?:all |now )?(?:back|up|in|on|out)\b(?! (?:to|of|the|a|my|our|holiday|leave|hold|monday|tuesday|wednesday|thursday|friday)\b)|\b(?:everyone|everybody|people|they)(?:'s|'re| is| are) (?:all )?using\b|\bno (?:more|further) \w+|\bnot a (?:single|drop|sound|peep|squeak|trace)\b|\bthere(?:'s| is) no (?:\w+ ){0,3}(?:any ?more|now|coming|left|at all)\b|\bever since\b|\b(?:without|not) a (?:hitch|problem|murmur|single)\b|\bevery (?:\w+ )?(?:one )?(?:passed|came|went|fits|works)\b|\bgood as new\b|\bspotless\b|\bright as rain\b|\bwent (?:really |very )?(?:fine|well|smoothly|great|without)\b"
    r"|\b(?:got|has|have|received|confirmed|acknowledged|accepted|approved|passed) (?:it|them|that|the (?:\w+ )?)\b|\ball (?:of (?:it|them)|\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|sixty)\b|\bthe (?:whole )?lot\b|\bend to end\b|\bboth (?:of them|said)\b|\bin the (?:build|safe|cupboard|cabinet|post|system|folder|drive|file|bin|box|van|office|store ?room|bag)\b|\bfor (?:everyone|everybody|all) to (?:see|use)\b"
)
_WHOLE = re.compile(
    r"\b(?:all (?:of (?:it|them)|\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty)|every (?:single )?(?:one|\w+)|both of them|the (?:whole )?lot|end to end|complete set)\b"
)
_KO_WHOLE = re.compile(r"(?:전부|모두|싹|다)\s")
_VERDICT = re.compile(
    r"\b(?:that's|this is|so that's) (?:that|it for (?:that|this)|the (?:end|last) of (?:it|that|them)|(?:one|another) (?:less|down|off)|(?:\w+ ){1,4}(?:off (?:the|our|my|your) (?:list|plate|desk|board|hands|books|back)|(?:all )?done|finished|sorted|complete|closed))\b"
    r"|\b(?:you can|can you|we can|could you|let's|just|feel free to) (?:move|drag|shift|slide|shunt|push) (?:it|that|this|that one|this one|those|them) (?:across|over|along|to (?:the )?(?:done|finished)|into (?:the )?(?:done|finished))\b"
    r"|\boff (?:the|our|my|your) (?:list|plate|desk|board|hands|books|back)\b(?!\?)|\b(?:cross|tick|strike|scratch|knock|take|rub|wipe|check) (?:that|it|this|those|them|that one|this one|the [a-z]+(?: [a-z]+)?) (?:off|out|done)\b"
    r"|\b(?:i'm|so i'm|i am|i'll|we'll|we can|i can|you can|can|let's|we|please) (?:closing|close|call(?:ing)?|mark(?:ing)?|archiv(?:e|ing)|resolv(?:e|ing)) (?:it|that|this|those)\b"
    r"|\b(?:so )?(?:we're|we are|i'm|i am|he's|she's|they're) (?:all )?(?:complete|finished|done|through)(?: (?:with|on) (?:it|that|this|them))?(?=[.,!]|$)|\bmy (?:bit|part|side|end)(?:'s| is) (?:over|done|finished|complete)\b"
    r"|\b(?:nothing|nobody|no one|none|no \w+) (?:is |are )?(?:left|more|else|remaining|outstanding)(?: to \w+)?(?: (?:there|on (?:that|it|this)|for (?:me|us)))?(?=[.,!]|$)|\b(?:you|we|i) can (?:all )?(?:forget|stop (?:worrying|fretting|asking)) (?:about )?(?:it|that|this|them|me)\b|\b(?:job|all) done\b|\bput (?:(?:it|that|this|them) )?to bed\b|\bend of story\b|\bput (?:it|that|this) to bed\b|\bbehind (?:us|me)\b|\bmakes all \w+\b|\bno longer (?:open|an issue|a problem)\b|\bweight off\b"
)
_REMAINS = re.compile(
    r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|bit|few|some|lot|more|just|only|is|are|got|have|has|'s)(?: \w+){0,2} left\b|\bleft to\b|\b(?:to go|remaining|outstanding)\b|\bso far\b|\bstill\b|\b(?:up to|as far as|on|at) (?:page|paragraph|chapter|number|line|row|room|unit|step|level|item|question|section|block|day|scene)\b|\b\w+ (?:out )?of (?:the )?(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d+)\b|\bhalf\b|\bhalfway\b|\b(?:it's|that's|they're) coming\b(?! back)|\b(?:nearly|almost|most|mostly|partly|except|apart from|other than)\b|\bjust (?:the|a|one|two)\b|\bnot (?:yet|all|the)\b|\bfor now\b|\bwaiting\b|\bonce\b|\buntil\b|\btomorrow\b|\bnext (?:week|month|\w+day)\b|\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|a few|some) more\b|\bthe first (?!time|thing|class|place|aid)\w+|\bhad to\b|\b(?:have|need|needs|has|want) to\b|\bwill\b|(?<!you)'ll\b"
)
_NOTHING = re.compile(
    r"\b(?:nothing|nobody|no one|none|no \w+|not a(?: single)? \w+|isn't (?:any|much)) (?:is |are )?(?:left|to go|remaining|outstanding)\b|\bthe last\b|\bstill (?:works|holding|going strong)\b"
)
_PRAISE = re.compile(
    r"\b(?:well done|brilliant|excellent|amazing|fantastic|superb|thank (?:god|goodness|heavens)|finally|at last|hallelujah|hooray|bravo|already|wow|(?:that's|that was) (?:quick|fast|a relief|brilliant|great)|nice (?:one|work)|(?:good|great) (?:job|work|stuff|news)|weight off|you(?:'re a)? star|champion|happy days|music to my ears|phew|what a relief|oh thank|^thank$|congratulations|beautiful|splendid|gorgeous|superstar|you legend|legend|impressive)\b"
)
_ENCOURAGE = re.compile(
    r"\b(?:no (?:rush|worries|hurry|panic)|take your time|keep (?:at it|going|it up|me posted|us posted|on)|carry on|fair enough|fingers crossed|good luck|hang in there|bear with)\b"
)


def english_signs(low: str) -> Sign:
    """The signs of a clause in lower case."""
    out = Sign.NONE
    if _happened(low):
        out |= Sign.EVENT
    if _RESULT.search(low):
        out |= Sign.RESULT
    if _WHOLE.search(low):
        out |= Sign.WHOLE
    if _VERDICT.search(low):
        out |= Sign.VERDICT
    if _REMAINS.search(_NOTHING.sub(" ", low)):
        out |= Sign.REMAINS
    if _PRAISE.search(low):
        out |= Sign.PRAISE
    if _ENCOURAGE.search(low):
        out |= Sign.ENCOURAGE
    told = tells(low)
    if Tells.EVENT in told:
        out |= Sign.EVENT
    if Tells.RESULT in told:
        out |= Sign.RESULT
    if Tells.UNDERWAY in told:
        out |= Sign.EVENT | Sign.REMAINS
    if Tells.PART in told:
        out |= Sign.REMAINS
        if told & (Tells.EVENT | Tells.RESULT):
            out |= Sign.EVENT
    return out


_NEGATED = re.compile(r"n't\b|\b(?:not|never|nobody|no one|nothing|none|yet to|without)\b")


_GOT_GOING = re.compile(
    r"\b(?:i've|we've|i have|we have) got (?:(?:a|an|the|my|our|some|two|three|\w+) ){1,2}?(?:\w+ )?(?:up|in|there|on|open|going|running|drafted|ready|out|off|booked|lined up)\b"
    r"|\b(?:i've|we've|i|we) had (?:the|my|our|two|three|four|five|six|\d+) (?!look\b|time\b|same\b|feeling\b|idea\b)"
)


def _happened(low: str) -> bool:
    """Whether the clause has a verb of happening in the past or the perfect."""
    if _NEGATED.search(low):
        return False
    if _GOT_GOING.search(low):
        return True
    for m in _PERFECT.finditer(low):
        base = verbs.PARTICIPLE.get(m["verb"])
        if base is not None and base not in _NO_EVENT:
            return True
    for m in _WORD.finditer(low):
        base = verbs.PAST.get(m[0])
        if base is None or base in _NO_EVENT or (base == m[0]):
            continue
        before = low[: m.start()].rstrip().rpartition(" ")[2]
        if before in ("to", "the", "a", "an", "be", "being", "not", "n't", "never", "get", "half"):
            continue
        return True
    return False


# ------------------------------------------------------------------ Korean

_KO_RESULT = re.compile(
    r"(?:이제|이젠|하나도|한\s?번도|더\s*이상|전혀|더는|다시는)\s.{0,16}(?:안|않|없)|잘\s*(?:돌아|되|돼|됩|나[오와와]|울[리려립]|작동|맞|열[리려립]|닫[히혀]|보[이여]|들[리려]|켜|빠지|빠져|굴러|먹[어습히])|문제\s*없|이상\s*(?:이\s*)?없|(?:다|전부|모두|싹)\s\S*(?:아|어|여|와|워|려|해|서|춰|쳐)서?\s.{0,16}있(?:어|습|죠|네)|"
    r"(?:에|에다)\s*(?:붙어|걸려|들어|올라|놓여|달려|꽂혀|세워져)\s*있|새\s*(?:걸|거|것)로|이제\s(?!.*(?:시작|해야|할|하려|부터|남|까지|봐야|겠))\S+(?:습니다|ㅂ니다|합니다|해요|어요|네요)|잘\s*\S{1,4}(?:됐|됩|되고|돼)|(?:다들|모두|손님들?|직원들?|애들|사람들)\S*\s.*(?:쓰|사용하|이용하)고 있|그걸로\s.*(?:쓰|사용하)고 있|사라졌|없어졌|풀렸|멎었|잡혔|정상|(?:전부|모두|다)\s\S+에\s*(?:들어갔|올라갔|넣었)|멀쩡|쌩쌩|깨끗|합격|통과|만족"
)
_KO_VERDICT = re.compile(
    r"(?:지우|빼|닫|내리)(?:면|어도|아도|도|셔도|시면)\s*(?:되|될|돼|됩)|(?:완료|끝|마무리|종료|해결)(?:이에요|이네요|네요|이죠|입니다|예요|이고|이라)|(?:끝난|마무리된|완료된|다\s?된|해결된|정리된)\s*(?:거|건|걸|셈)|(?:더|이제)\s*(?:할|볼|손댈|남은)\s*(?:거|것|건|게|일)[이은는]?\s*없|남은\s*(?:거|것|게|건|사람|분)?[이은는]?\s*없|(?:제|저희|우리)\s*쪽은?\s*(?:다\s*)?(?:끝|완료|마무리|됐)|(?:그럼|그건|이건|그거|이거|그거는|이거는|그\s?건은|이\s?건은)\s*(?:다\s*)?(?:됐네|됐고|됐습|된\s*거)|(?:리스트|목록|할\s*일|보드)에서\s*(?:지우|빼|내리|뺄|지울)|(?<!다시 )닫(?:을게|겠|죠|아\s*주)|손\s*(?:을\s*)?털|매듭\s*(?:을\s*)?(?:지었|지어|졌)|(?:이라|이고|니까|으니|고요?|서)[,.]?\s(?:\S+\s)?접(?:겠|을게)|종지부|마침표|일단락|졸업|클리어"
)
_KO_REMAINS = re.compile(
    r"아직|남[았은는아]|반\s*(?:정도|쯤|은)|절반|거의|까지(?:는|만)\s*\S{0,4}(?:했|썼|그렸|넣었|봤|왔|끝냈|됐)|(?:개|장|명|집|군데|대|쪽|문단|칸|곳|편|건)\s*(?:쯤|정도|째)|째\s|지금까지|중이|고\s*있|일단|먼저|내일|모레|다음\s*주|이따|예정|려고|기로\s*했|만\s*(?:하|되|받|남|오|나오)|나머지|더\s*(?:하|할|해|합|봅|봐|볼|가|갑|만나|받|찍|써|쓸|넣|와)"
)
_KO_NOTHING = re.compile(
    r"남은\s*(?:거|것|게|건|사람|분)?[이은는]?\s*없|더\s*(?:할|볼|손댈)\s*(?:거|것|건|게)[이은는]?\s*없|마지막\s*\S*까지|문제없이|고\s*있던"
)
_KO_PRAISE = re.compile(
    r"고생|수고|벌써|다행|빠르시|빠르네|드디어|잘됐|잘\s*됐|축하|대박|최고|속\s*(?:이\s*)?(?:다\s*)?시원|굿|나이스|훌륭|멋지"
)
_KO_ENCOURAGE = re.compile(
    r"천천히|급(?:한|하)\s*(?:건|거|지)|괜찮|힘내|파이팅|화이팅|계속\s*(?:해|부탁)"
)
_KO_EVENT = re.compile(
    r"(?:었|았)/EP|/(?:VV|XSV) 고/EC 나/V[VX] (?:니까|으니까|어서|서)/EC|/VV 어서/EC (?:\S+ ){0,2}(?:이제|이젠)/"
)
_KO_NO_EVENT = re.compile(
    r"(?:기/ETN 로/JKB (?:\S+ )?(?:하|되|정하|얘기/NNG 하|약속/NNG 하|합의/NNG 하)/\S+|미루/VV|연기/NNG \S+|보류/NNG \S+|취소/NNG \S+|고/EC 만/JX (?:오|가)/V[VX]|시작/NNG 하/\S+|(?:고생|수고)/NNG 하/XSV|있/V\S|없/V\S|싶/VX|않/VX|못하/V\S|말/NNG 하/XSV|알/VV|모르/VV|듣/VV|생각/NNG 하/XSV|이/VCP|아니/VCN|같/VA|좋/VA|물어보/VV|늦/V\S|밀리/VV|막히/VV|죽/VV|깨지/VV|고장/NNG 나/VV|터지/VV|떨어지/VV|남/VV|걸리/VV) (?:시/EP )?(?:었|았)/EP"
)


_KO_NEGATED = re.compile(r"(?:안|못)/MAG|지/EC (?:\S+/JX )?(?:않|못하)|(?:손|시작)/NNG \S+ 못")


def korean_signs(text: str, morphs: str) -> Sign:
    """The signs of a clause, by its text and its morphemes."""
    out = Sign.NONE
    if _KO_EVENT.search(_KO_NO_EVENT.sub(" ", morphs)) and not _KO_NEGATED.search(morphs):
        out |= Sign.EVENT
    if _KO_RESULT.search(text) or goes_well(text, morphs) or is_in_use(text):
        out |= Sign.RESULT
    if _KO_WHOLE.search(text):
        out |= Sign.WHOLE
    if _KO_VERDICT.search(text) and "아니" not in text:
        out |= Sign.VERDICT
    remains = _KO_REMAINS.search(_KO_NOTHING.sub(" ", text)) and not is_in_use(text)
    if remains or is_part(text, morphs):
        out |= Sign.REMAINS
    if _KO_PRAISE.search(text):
        out |= Sign.PRAISE
    if _KO_ENCOURAGE.search(text):
        out |= Sign.ENCOURAGE
    return out
