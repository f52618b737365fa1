"""What English predicates tell by their grammar, whatever the verb. Pure.

No list of words for "done" is long enough: each trade has its own. So tense and aspect are read.
A past or perfect ("the lads hoicked a nest out of it", "the minibus has found a buyer") is an
event, a thing that is somewhere or is in a good state ("the slides are with the board", "van two's
on new tyres") a result, unless the verb is one of thinking and talking, of trouble or of trying.
A progressive of a person is work under way; of a thing, how it runs since. What is listed here
are the exceptions.
"""

from __future__ import annotations

import re
from enum import Flag, auto

from vori.tickets.extract import verbs
from vori.tickets.extract.wordlist import listed


class Tells(Flag):
    """What the predicates of a clause tell."""

    NOTHING = 0
    EVENT = auto()  # something was done or happened
    RESULT = auto()  # how or where the thing is now
    UNDERWAY = auto()  # somebody is at it
    PART = auto()  # some of it, or a first version of it


_TOKEN = re.compile(r"[a-z0-9][a-z0-9-]*|'[a-z]+|[,.;?!]")
_NOT = frozenset(
    listed("not never nobody nothing none neither hardly barely cannot without no-one yet")
)
_BE = frozenset(listed("is are was were 's 're 'm am been"))
_HAVE = frozenset(listed("has have had 've 's"))
_FUTURE = frozenset(
    listed(
        "will 'll would 'd could can should must may might shall gonna to let if unless until till once when whenever "
        "before after whether hopefully ideally please"
    )
)
"""Words after which nothing has happened yet."""
_ADVERB = frozenset(
    listed(
        "all now both already just finally also really very so well truly safely fully completely officially pretty "
        "properly nicely even actually at last only too quite then currently each totally entirely successfully "
        "apparently duly long since more than ever done"
    )
)
_PERSON = frozenset(
    listed(
        "i we he she they you who everyone everybody somebody someone nobody 'm guy guys bloke chap man men woman women "
        "lad lads girl girls boy boys crew team people fitter plumber electrician sparky mechanic technician engineer "
        "builder builders painter decorator carpenter joiner roofer vet doctor nurse driver cleaner inspector surveyor "
        "lawyer solicitor accountant consultant contractor contractors developer designer architect tuner locksmith "
        "caretaker gardener printer printers caterer caterers tailor seamstress supplier council volunteers volunteer "
        "students student kids interns intern staff manager clockmaker firm company"
    )
)
"""Whose progressive is work, not how a thing runs."""

_SAY = listed(
    "be do say think tell know hear get let forget understand mean want need have ask look wait try attempt mention "
    "notice find feel like love hope wish agree decide discuss happen seem appear start begin plan promise expect believe "
    "remember see wonder reckon guess suppose assume suspect worry doubt care mind matter belong contain include "
    "depend involve require sound smell taste remind warn suggest propose offer recommend advise explain describe "
    "point note mutter argue complain moan grumble whinge shout joke laugh talk chat speak watch stare glance listen "
    "learn realise realize discover spot consider intend mull ponder debate question query dream fancy prefer "
    "hesitate struggle chase nudge ping struggle aim go come keep stay remain"
)
_TROUBLE = listed(
    "lose miss break fail crash stop drop leave stand lie cost hurt fall delay postpone leak flood burst blow snap "
    "crack rip tear jam die spill slip block clog trip overheat smoke burn rot rust shrink fade sink melt collapse "
    "bounce stall hang hiccup misplace wreck smash damage ruin spoil scratch dent cancel bail refuse reject decline "
    "decay vanish flicker squeak rattle drip wobble creak stick bust quit resign strand strike expire "
    "lapse reschedule rearrange withdraw freeze run-out slow"
)
_NO_EVENT = frozenset([*_SAY, *_TROUBLE])
_IDLE_STATE = frozenset(
    listed(
        "tired stressed worried excited supposed interested needed called based related expected allowed blocked delayed "
        "scheduled planned held stuck left broken gone flooded damaged used concerned said told known meant born seen "
        "kept lost locked jammed cracked frozen torn worn busted confused annoyed pleased surprised involved overdue red "
        "bad worked failed crashed stopped started begun come run set let asked understood thought felt found heard "
        "required affected impressed happened missed wanted covered bored intended aimed overrun understaffed rushed "
        "swamped snowed backed blown bent burnt burned rusted ruined short-staffed limited complicated tied mixed "
        "unfinished untouched undecided unchanged unpaid unsigned unsold unopened unsorted unfixed unanswered "
        "outdated crowded packed hidden listed named addressed estimated rated timed priced quoted"
    )
)
"""Participles after "is" that say nothing of work done."""

_PLACE = frozenset(
    listed(
        "in on up out over through back there here away down with off across round around behind under inside outside "
        "at home by into onto underneath beside"
    )
)
_NO_PLACE = re.compile(
    r"(?:on|in|up|out|at|off|with|over|down|back|by|under|behind|through|around|about|away|round|here|there)\b"
    r"(?:(?<=on) (?:(?:my|the|our|your|his|her|their|everyone's) (?:(?:to-?do|waiting|wish)? ?(?:list|mind|plate|desk|radar|agenda|backlog|phone|case|back|way|edge|cards|fence|table)\b)|hold\b|ice\b|its way|their way|track\b|order\b(?=$)|(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:the )?\d|me\b|us\b|you\b|schedule|time\b|budget|offer|strike|holiday|leave|about|at me|fire\b|standby|the blink|trial)"
    r"|(?<=in) (?:progress|hand\b|review|limbo|trouble|doubt|two minds|a (?:state|mess|bad|sorry|right|pickle|muddle|heap|pile|bit|week|month|day|few|couple|hurry|queue)|bits|pieces|tatters|ruins|need\b|danger|the (?:way|works|pipeline|middle|queue|backlog|diary|dark|balance|morning|afternoon|meantime|air\b|autumn|spring|summer|winter)|discussion|talks|january|february|march|april|may|june|july|august|september|october|november|december|theory|principle|my (?:head|mind|diary)|motion|transit|draft|dispute|arrears|quarantine|storage|the (?:red|hole)|short supply|our|(?:two|three|four|five|six|ten|\d+) (?:days|weeks|hours|minutes|months)|(?:his|her|their|its) (?:hands|court|way)|charge|demand)"
    r"|(?<=up) (?:to (?:you|them|him|her|us|me|page|the)|in the air|for (?:grabs|review|discussion|debate|renewal|sale|auction)|next|against|a creek|the (?:spout|creek|wall)|and down)"
    r"|(?<=out) (?:of\b|for (?:review|delivery|tender|quote|comment)|to (?:tender|lunch)|sick|there\b)"
    r"|(?<=at) (?:risk|fault|the (?:moment|bottom|back of|mercy|stage|point)|least|most|a (?:loss|standstill|stage)|all|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|noon|\d)|(?:\w+ )?per ?cent|home\b(?! with)|it\b)"
    r"|(?<=off) (?:sick|colour|today|this|next|limits|by|key\b|balance|the (?:rails|mark|pace))"
    r"|(?<=over) (?:budget|due|the (?:moon|top|limit|place)|an? (?:hundred|year|month|week)|(?:two|three|four|five|ten|\d+)\b)"
    r"|(?<=down) (?:to (?!nothing|zero|nil|none)|again|today|at the moment|on (?:last|the|numbers)|(?:with|for)\b|by\b|(?:two|three|four|five|\d+)\b|$)"
    r"|(?<=back) (?:to (?:square|me|us|the drawing|where)|on (?:the|my|our) (?:list|board|backlog|agenda)|again\b|with a vengeance|at it)"
    r"|(?<=with) (?:me\b|us\b)|(?<=by) (?:far|no|me|friday|monday)|(?<=under) (?:way|review|pressure|discussion|consideration|construction|repair|investigation|budget|threat|water)|(?<=behind) (?:schedule|time|again|by|on|where|plan)|(?<=through) (?:the roof)|(?<=around) (?:half|ten|twenty|(?:the )?\d)|(?<=away) (?:on|for|from|today|until|this|next)|(?<=here) (?:to|today|on|next)|(?<=there) (?:if|for|to))"
)
"""Where a thing is without being done ("on hold", "in bits", "on the list", "in March")."""

_GOOD = frozenset(
    listed(
        "clean clear dry tight ready empty full green safe legal live open straight level solid warm new perfect spotless "
        "tidy working fine good great lovely quiet smooth stable steady sound watertight airtight shiny immaculate "
        "pristine flawless complete finished done sorted ours theirs mine his hers yours usable accessible available visible "
        "online spick shipshape gleaming sparkling fresh intact healthy happy delighted thrilled chuffed satisfied "
        "pleased valid current compliant official public functional operational together square flush silent mint dandy "
        "faster quicker brighter cheaper better cleaner quieter stronger smoother history toast water-tight rock-solid "
        "up-to-date crystal cool cold hot snug true plumb pukka ship-shape tiptop tip-top secure bookable searchable"
    )
)
_GOOD_PHRASE = re.compile(
    r"(?:as (?:clean|dry|right|quiet|good|solid|neat|bright|smooth|clear|tight|sharp|tidy|flat|straight|steady|snug|sound) as|like (?:new|a (?:dream|charm|mirror|glove|rock|new)|clockwork|butter|anything)|down to (?:nothing|zero|nil|none)|up to (?:date|speed|scratch|spec|standard|code)|in (?:place|order|the (?:bag|can|bank|post|bin|skip|safe|box|ground)|one piece|working order|good (?:shape|order|nick)|full swing|service|use\b|action)|at (?:full|an end|rest\b)|none the|(?:rock|bone|dead|crystal|squeaky|brand|good|spick|safe|hale|nice) (?:solid|dry|straight|level|quiet|clear|clean|new|and|tight|sound)|(?:a )?(?:doddle|success|hit|done deal|goer|thing of the past)|over (?:and|the line|with)|out of (?:the (?:way|door|woods)|danger|our hair|here)|off (?:the|my|our|your) (?:list|plate|desk|books|hands)|on (?:stream|line|air|sale|display|show|the (?:air|shelf|shelves|wall|walls|road|market|menu|web|website|intranet|site|app|system|books|roof|door|track|van|lorry|truck|doorstep|noticeboard|board outside)))\b"
)
_HOW = (
    r"(?:fine|well|great|lovely|perfectly|perfect|properly|quiet(?:ly)?|smooth(?:ly)?|good|beautifully|nicely|sweet(?:ly)?|"
    r"like \w+|a treat|a dream|to the (?:penny|pound|cent|millimetre|minute|second|letter)|again|now|first time|every (?:time|night|day|morning|single)|"
    r"dry|shut|tight|straight|solid|without|free(?:ly)?|clear(?:ly)?|clean(?:ly)?|true|flush|flat|level|up to|no problem|hot|cold|bright|the right|steady|steadily|strong|accurately|cool)"
)
_RUNS = re.compile(
    rf"\b(?!needs|wants|keeps|looks|seems|sounds like|feels|costs|comes|goes|gets|has|does|starts|begins|opens again|says|means|takes)(?P<verb>[a-z]{{3,}}s)\b (?:\w+ ){{0,2}}?{_HOW}\b"
)
"""How a thing runs since: "balances to the penny", "cuts like butter"."""
_TROUBLED = frozenset(
    listed(
        "leaking dripping squeaking flickering failing breaking crashing lying blinking beeping rattling smoking flapping "
        "missing hanging sticking jamming tripping wobbling smelling stinking rotting rusting peeling flaking cracking "
        "sagging slipping sliding falling dying losing overheating sputtering stalling dropping driving bugging annoying "
        "worrying killing haunting bothering causing costing getting becoming slowing draining pouring seeping bleeding "
        "sinking expiring slacking lagging buzzing humming whistling grinding groaning clanking squealing"
    )
)
"""What a thing does that is still to be mended."""
_SERVES = frozenset(
    listed(
        "working taking telling holding serving earning selling accepting receiving ringing flowing purring firing spinning "
        "flying paying performing behaving gleaming sparkling shining standing drawing playing pulling reading "
        "ticking glowing beaming responding loading opening closing locking fitting matching balancing"
    )
)
"""What a finished thing does for people."""
_IN_PROCESS = frozenset(
    listed(
        "drying curing setting uploading downloading rebuilding printing charging building soaking proving rising baking "
        "cooking syncing copying importing exporting migrating rendering processing compiling installing transferring "
        "resting cooling defrosting warming filling healing growing germinating fermenting brewing moving progressing "
        "coming shaping advancing happening crawling churning ticking-over indexing replicating restoring updating "
        "draining scanning training trundling chugging marinating settling"
    )
)
"""What a thing does while it is being made."""
_TASKS = frozenset(
    listed(
        "test tests migration import export backup job scan build query script sync trial pilot survey poll campaign "
        "auction consultation interviews interview auditions training course negotiations talks investigation audit "
        "search hunt count stocktake upload download render simulation experiment"
    )
)
"""What is under way when it is running."""
_WAITING = frozenset(
    listed(
        "being having trying waiting looking saying thinking talking hoping wondering planning asking telling joking "
        "kidding seeing hearing feeling sitting standing leaving wanting needing considering expecting meaning guessing "
        "assuming going coming getting doing intending aiming struggling dreading watching holding keeping staying"
    )
)
"""Progressives of people that are no work."""
_NOUN_ING = frozenset(
    listed(
        "thing something anything everything nothing morning evening during string king ring spring wing ceiling "
        "wedding clothing ling interesting exciting amazing boring amusing disappointing annoying worrying outstanding "
        "remaining existing matching pending missing"
    )
)

_NUMBER = r"(?:\d+|a couple|a few|a handful|a dozen|several|half a dozen|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_PART = re.compile(
    rf"\b(?:the|a|an|my|our|its|their) first (?!aid\b|class\b)(?:\w+ )?(?:{_NUMBER}|bit|part|section|chapter|page|batch|round|coat|draft|half|row|floor|room|box|load|lot|pass|cut|version|layer|week|day|month|run|stage|phase|stretch|stitch|lick|go|module|lesson|third|quarter|cuts?|sheet|panel|column|verse|scene|act|aisle|shelf|bay|tray|field|bed)s?\b"
    rf"|\b{_NUMBER} (?:or (?:so|{_NUMBER}) )?(?:out )?(?:of|from) (?:the|them|those|my|our|these|its|\d+|{_NUMBER})\b(?! (?:best|finest|team|boxes|lads?|guys|girls|boys|men|women|volunteers|staff|crew|people|neighbours))"
    r"|\b(?:most|some|part|bits?|parts|a (?:third|quarter|fraction|chunk|handful|portion|lot)|two thirds|three quarters|half|the (?:bulk|majority|first half)|(?:a |\d+ |\w+ )per ?cent) of (?:it|them|the|that|those|my|our)\b"
    r"|\b(?:a |the |my |our |an? (?:rough|early|initial|first|basic|working) )(?:draft|outline|frame of|frame for|shell of|base of|bones of|footings|sketch|sketches|skeleton|framework|mock-?up|prototype|rough|roughs|shortlist|long-?list|storyboard|wireframes?|plan for|template|structure|framing|undercoat|primer|base ?coat|first fix|groundwork|foundations?|carcass|shell|bare bones|start|stab|dent|bash|crack|beginnings?)\b(?! (?:to|on) (?:me|you)| (?:i|you)\b)"
    rf"|\bhalf (?:a|an|the|my|our|of|way|\w+ed)\b|\bhalfway\b|\bpart ?way\b|\bmid ?way\b|\b(?:rough(?:ed)?|sketch(?:ed)?|pencil(?:led)?|mock(?:ed)?|block(?:ed)?|mapp?(?:ed)?|scop(?:ed)?|mark(?:ed)?|peg(?:ged)?|chalk(?:ed)?) (?:it |them |that )?out\b"
    rf"|\b(?:got|get|am|i'm|we're|is|are|gone|made it|worked) (?:about |only |maybe |nearly )?(?:as far as|up to|down to|through to|on to|into) (?:the |page |chapter |number |letter |row )|\b{_NUMBER}(?: of)?(?: hundred| thousand)? (?!went|came|got|go|are|were|is|was|of|and|or|people|has|have|had|did)\w+(?: (?!went|came|got|go|are|were|is|was)\w+)? (?:in|into|deep|down|done|so far|through|left|to go)\b(?! (?:the|a) (?:box|skip|bin|van|post|bag|store|fridge|safe)\b)|\bso far\b|\b(?:in|with) bits\b|\bin pieces\b|\bbits? by bits?\b|\b(?:one|row|room|box|shelf|page|piece|street|house|class|floor) by (?:one|row|room|box|shelf|page|piece|street|house|class|floor)\b"
    rf"|\b(?:i'm|we're|he's|she's|they're|i am|we are|am) (?:now |currently |already |only |still )?(?:at|on|up to|into|past|around|about) (?:about |around |roughly |nearly )?(?:the )?(?:[a-z]+ )?(?:number )?{_NUMBER}\b(?! (?:o'clock|weeks?|days?|hours?))"
    r"|\b(?:the|its|their) (?:early|opening|initial|introductory|beginning|easy|preliminary|intro|introduction) (?:\w+)?|\b(?:slow|heavy|hard|tough) going\b|\b(?:hundred|thousand|dozen) and something\b"
    r"|\b(?:got|done|did) (?:the )?\w+(?: \w+)? done and (?:i'm|we're|now|i am|he's|she's)\b|\bnow (?:i'm |we're )?on (?:to )?the \w+"
    r"|\bthe (?:rest|others?|remainder|remaining \w+|last (?:few|two|three|four|five|bit|one|part|lot|batch|\d+)|back half|second half|other half)(?:'s| is| are|'re|'ll| will| tomorrow| next| to (?:do|come|follow|go)| on (?:mon|tues|wednes|thurs|fri|satur|sun)| this| still| come| comes| follow)"
)
"""Some of the work, or a first version of it."""
_ALL = re.compile(
    r"\b(?:all|both|everything|every|each|whole|entire|last (?:one|of (?:the|them)|bit|few)|final|complete(?:ly|d)?|finish(?:ed)?|in full|full|lot|rest is (?:history|done))\b"
)
_AT_IT = re.compile(
    r"\b(?:(?:i'm|we're|he's|she's|they're) (?:about |maybe |already |now |only |roughly )?(?:\d+|half|a (?:third|quarter|couple|few|dozen|hundred)|two thirds|three quarters|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|sixty)(?: (?!minutes|hours|days|weeks|late|people|short|behind|down)\w+){0,4} (?:into|through|deep|in(?! (?:the|a|total|all)\b))|(?:i'm|we're|he's|she's|they're|i am|we are) (?:now )?(?:on|onto|on to) the (?!phone|way|road|list|case|mend|fence|train|bus|look|lookout|edge|other|same|market|hunt|verge|whole|desk|board|rota|team)\w+(?: now)?(?=[.,]|$| now\b)|(?:chugging|ticking|trundling|plodding|inching|jogging|moving|bumbling) (?:along|over|on)|chip(?:ping|ped)? away|(?:knee|elbow|waist|neck|ankle|chin)[- ]deep|up to (?:my|our|his|her|their) (?:neck|eyes|elbows|ears|eyeballs|armpits)|stuck in(?:to)?|got my teeth into|chipping away|plugging away|beavering|slogging|ploughing|plowing|wading|grinding away|hammering away|wrestling|grappling|battling|tinkering|making (?:progress|headway|inroads|good time)|made (?:progress|headway|inroads|some)|broken? (?:the back of|ground)|broke ground|on the case|hard at|deep in(?:to)?|in the thick of|(?:rolled|rolling) (?:up )?(?:my|our|their|his|her) sleeves|the ball(?:'s| is) rolling|(?:got|get|set|put) (?:the ball|things|it|that) (?:rolling|moving|going|in motion)|(?:made|making) a (?:start|beginning|dent|stab|go)|have a (?:go|stab|bash)|had a (?:first )?(?:go|stab|bash|crack)|(?:dipped|dug|dived|dove|jumped|waded|ploughed|got|gotten) (?:in|into|stuck|cracking|going|moving|started|my teeth)|first steps?|(?:on|in) the (?:bench|operating table|workshop|garage|oven|mixer)|with the (?:repairer|mender|seamstress|tailor)|taking shape|shaping up|coming (?:on|along|together)|getting there|under ?way|in full swing|cracking on|motoring|on (?:my|his|her|their) (?:bench|easel|desk now|screen now)|still (?:in|at|on) it|been (?:at (?:it|them)|having a go|on it))\b"
)
"""Idioms of being at it."""


_REST = re.compile(
    r"\bthe (?:rest|others|remainder|remaining \w+|last (?:few|two|three|four|five|bit|lot|batch)|back half|second half|other half)(?: (?:of (?:it|them)))?(?: is| are|'s|'re) (?:tomorrow|next|to (?:do|come|follow|go)|on (?:mon|tues|wednes|thurs|fri|satur|sun)|this (?:afternoon|week)|still|coming|waiting|not|tonight|later)\b"
)
"""What is left is said ("the rest are tomorrow")."""


def has_rest(low: str) -> bool:
    """Whether the clause says that some of it is still to come."""
    return _REST.search(low) is not None


def is_at_it(low: str) -> bool:
    """Whether an idiom says that somebody is at the work ("knee-deep in it")."""
    m = _AT_IT.search(low)
    return m is not None and not any(w in _NOT for w in _tokens(low[: m.start()]))


def _tokens(low: str) -> list[str]:
    low = low.replace("cannot", "can not").replace("won't", "will not").replace("can't", "can not")
    low = re.sub(r"([a-z])n't\b", r"\1 not", low)
    return _TOKEN.findall(low)


def tells(low: str) -> Tells:
    """What the predicates of a clause in lower case tell."""
    out = Tells.NOTHING
    if _PART.search(low) and not _ALL.search(low):
        out |= Tells.PART
    if is_at_it(low):
        out |= Tells.UNDERWAY
    words = _tokens(low)
    if _IS_AT.match(low) and not _NOT.intersection(words[:4]):
        out |= Tells.UNDERWAY
    if Tells.PART in out and _HAS_SOME.search(low):
        out |= Tells.EVENT
    if _ANSWERED.search(low):
        out |= Tells.EVENT
    if _ELLIPSIS.match(low):
        out |= Tells.EVENT | Tells.RESULT
    closed = 0  # a word before this place has made what follows unreal or negative
    for i, word in enumerate(words):
        if word in ",.;?!":
            closed = 0 if word != "," or closed == 0 else closed
            continue
        if word in _NOT or (word in _FUTURE and not _is_infinitive_of_purpose(words, i)):
            closed = 1
            continue
        if word in ("and", "but", "so") and i + 1 < len(words):
            closed = 0
        if closed:
            continue
        if word in _BE:
            out |= _after_be(words, i)
        if word in _HAVE:
            out |= _after_have(words, i)
        if _is_past(words, i) or (word == "came" and _arrives(words, i)):
            out |= Tells.EVENT
        after = words[i + 1] if i + 1 < len(words) else ""
        if word == "went" and after in _WENT:
            out |= Tells.EVENT
        if word == "did" and after in (
            "the",
            "all",
            "both",
            "our",
            "my",
            "every",
            "a",
            "it",
            "them",
        ):
            out |= Tells.EVENT
    m = _RUNS.search(low) if not closed else None
    if m is not None and (m["verb"][:-1] in verbs.BASE or m["verb"][:-2] in verbs.BASE):
        out |= Tells.RESULT
    if _GONE_TROUBLE.search(low):
        out |= Tells.RESULT
    return out


_GONE_TROUBLE = re.compile(
    r"(?:n't|\bnot|\bnever|\bno longer)\b[^,.]{0,40}\b(?:any ?more|any longer|since|a (?:peep|sound|drop|squeak|hitch|thing|trace|murmur|single|scratch|mark|crack|wobble|flicker|beep|complaint|word))\b(?! (?:to|about))"
    r"|\b(?:not one|not a single|not a|zero|no more|no further|no sign of (?:a |any |the )?|no trace of) \w+(?: \w+)?\b(?: left\b| since\b| any ?more\b| now\b| (?:in|on|at|from) \w+|[.,!]|$)"
    r"|\bcan(?:'t|not) (?:see|tell|hear|find|smell|feel) (?:a|any|where|the (?:join|difference|crack|stain|mark|hole|trace))\b"
    r"|\bnever (?:have known|know)\b|\bwithout (?:a |any |breaking |so much )"
)
"""The trouble is over: "doesn't make a peep any more", "not one clash left"."""


_IS_AT = re.compile(
    r"(?:(?:still|now|currently|just|busy|yeah|well),? )*(?!(?:thing|nothing|something|everything|anything|morning|evening|during|being|having|going|looking|waiting|trying|thinking|hoping|saying|talking|coming|according|including|depending|speaking|assuming|regarding|starting|interesting|amazing|exciting|boring)\b)[a-z]+ing (?:the|my|our|through|all the|its|their|up the|out the)\b"
)
"""Somebody is at it, without a subject ("counting the cellar")."""
_HAS_SOME = re.compile(
    r"(?:'ve| have|'s| has) got\b|\b(?:saw|met|heard|read|rang|called|went through|looked at|spoke to|been through)\b"
)
_ANSWERED = re.compile(
    r"\b(?:got|gotten|came|come|wrote|rang|written) back to (?:me|us)\b|\b(?:replied|answered|responded)\b(?! yet)"
)
"""What a question to others comes to."""
_ELLIPSIS = re.compile(
    r"(?:(?:yeah|yes|yep|all|both|they're|well|now|already|right),? )*(?:up|in|out|down|on|off|over|through|back|away|done|gone|built|painted|fixed|sorted|sent|signed|booked|paid|put to bed|ticked off|wrapped up|signed off|over the line|out the door)(?: and (?:\w+ed|\w+en|done|running|dusted|out|in|on|up|off|built|hung|shut|cut|paid|bolted|live|working|dry|ready|tested)\b|,? (?:last|yesterday|this morning|since|on (?:mon|tues|wednes|thurs|fri|satur|sun)day|as of)\b)"
)
"""An answer without a subject ("up and bolted to the deck", "in since Monday")."""


def _is_infinitive_of_purpose(words: list[str], i: int) -> bool:
    """Whether "to" is a preposition, after which things may have happened ("went to the printer")."""
    if words[i] != "to" or i + 1 >= len(words):
        return False
    return words[i + 1] not in verbs.BASE or words[i + 1] in (
        "date",
        "market",
        "press",
        "print",
        "board",
        "store",
        "court",
        "stock",
        "work",
    )


def _skip(words: list[str], i: int) -> int:
    while i < len(words) and words[i] in _ADVERB:
        i += 1
    return i


def _after_be(words: list[str], i: int) -> Tells:
    j = _skip(words, i + 1)
    if j >= len(words):
        return Tells.NOTHING
    word, rest = words[j], " ".join(words[j : j + 6]).replace(" '", "'")
    if any(w in _NOT for w in words[i + 1 : j + 1]):
        return Tells.NOTHING
    if words[i] == "'s" and i and words[i - 1] in ("let", "what", "here", "there", "who"):
        return Tells.NOTHING
    if word == "being" and j + 1 < len(words) and _is_participle(words[j + 1]):
        return Tells.UNDERWAY
    if _GOOD_PHRASE.match(rest):
        return Tells.RESULT
    if word.endswith("ing") and word not in _NOUN_ING:
        return _progressive(words, i, j)
    if word in _PLACE:
        person = words[i - 1] in _PERSON or words[i] == "'m" if i else False
        if person or _NO_PLACE.match(rest):
            return Tells.NOTHING
        return Tells.RESULT
    if word in _GOOD and words[i] not in ("was", "were", "'m"):
        if j + 1 < len(words) and words[j + 1] in ("to", "that", "about", "if", "enough", "for"):
            return Tells.NOTHING
        return Tells.RESULT
    if _is_participle(word) and word not in _IDLE_STATE and words[i] not in ("'m",):
        return Tells.EVENT | Tells.RESULT
    return Tells.NOTHING


def _progressive(words: list[str], i: int, j: int) -> Tells:
    """Somebody is at it, or a thing runs, is being made, or still gives trouble."""
    subject, word = (words[i - 1] if i else ""), words[j]
    after = " ".join(words[j + 1 : j + 4])
    if word in _TROUBLED or words[i] in ("was", "were"):
        return Tells.NOTHING
    if words[i] == "'m" or subject in _PERSON or "been" in words[i:j]:
        if word in _WAITING or after.startswith(("to ", "gonna")):
            return Tells.NOTHING
        return Tells.UNDERWAY
    if word in _SERVES and subject not in _TASKS:
        return Tells.RESULT
    if word in _IN_PROCESS or (subject in _TASKS and word in ("running", "going", "ticking")):
        return Tells.UNDERWAY
    if word in _WAITING:
        if word == "going" and re.match(_HOW, after):
            return Tells.RESULT
        return Tells.NOTHING
    if re.match(rf"(?:\w+ ){{0,3}}?{_HOW}\b", " ".join(words[j + 1 : j + 7])):
        return Tells.RESULT
    return Tells.UNDERWAY


def _is_participle(word: str) -> bool:
    if word in verbs.PARTICIPLE:
        return word not in verbs.BASE or word in ("put", "cut", "set", "shut", "split", "read")
    if word.startswith("un") and _UNDONE.match(word):
        return False
    return word.endswith("ed") and len(word) > 4 and not word.endswith("eed")


_UNDONE = re.compile(
    r"un(?!block|pack|load|plug|veil|cover|lock|tangl|do|pick|screw|ravel|wrap)\w+ed$"
)


def _base(word: str) -> str:
    return verbs.PAST.get(word) or verbs.PARTICIPLE.get(word) or verbs.guess_base(word) or word


_POSSESSED = frozenset(
    listed("its their his her the our my all a an both some every new two three")
)


def _after_have(words: list[str], i: int) -> Tells:
    j = _skip(words, i + 1)
    if j >= len(words) or any(w in _NOT for w in words[i + 1 : j + 1]):
        return Tells.NOTHING
    word = words[j]
    if word == "been" and j + 1 < len(words):
        k = _skip(words, j + 1)
        if k < len(words) and words[k] in ("and", "gone", "round", "over"):
            return Tells.EVENT  # "the tuner's been and gone"
        return Tells.NOTHING  # told by `_after_be`
    if word == "got" and j + 1 < len(words):
        after = words[j + 1]
        if i and words[i - 1] == "you":
            return Tells.NOTHING
        if after in ("to", "a", "an", "no", "stuck") or after.endswith("ing"):
            return Tells.NOTHING
        if words[i - 1] in ("i", "we") and after in _POSSESSED:
            return Tells.EVENT if _has_outcome(words[j + 2 :]) else Tells.NOTHING
        return Tells.EVENT
    if word == "gone":
        after = " ".join(words[j + 1 : j + 3])
        if re.match(
            r"(?:wrong|missing|quiet|bad|down|off\b(?! to)|mad|cold|crazy|flat|up\b|again)", after
        ):
            return Tells.NOTHING
        return Tells.EVENT | Tells.RESULT
    if words[i] == "had" and word in ("its", "their", "her", "his"):
        return Tells.EVENT
    if _is_participle(word) and _base(word) not in _NO_EVENT and word not in ("got", "been", "had"):
        return Tells.EVENT
    if (
        word == "found"
        and j + 1 < len(words)
        and words[j + 1] in ("a", "an", "its", "their", "our")
    ):
        return Tells.EVENT  # "the minibus has found a buyer"
    return Tells.NOTHING


def _has_outcome(rest: list[str]) -> bool:
    """Whether "I've got the roof …" goes on with what became of it ("felted", "up", "here now")."""
    for word in rest[:8]:
        if word in ("up", "in", "on", "out", "off", "down", "back", "here", "there", "through"):
            return True
        if _is_participle(word) and word not in _IDLE_STATE:
            return True
    return False


_WENT = frozenset(
    listed("on in up out live through over across to back into onto straight down round")
)
"""Where things go when they are done ("went on the wall", "went out")."""


def _arrives(words: list[str], i: int) -> bool:
    """Whether "came" tells of an arrival ("they came on Friday"), not "came up" or "came to"."""
    after = words[i + 1] if i + 1 < len(words) else "."
    return after in (
        "in", "back", "through", "on", "yesterday", "this", "last", "today", "over", "round", "at", "from", "with",
        "and", ",", ".", "early", "late", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    )  # fmt: skip


_BEFORE_NOUN = frozenset(
    listed(
        "the a an my our your his her its their this that these those some any no every each of in on at with for from by "
        "to be being get new old very more most less too as than half is are was were has have had 's 've 're 'm been got "
        "gets all finally already just also now both one another"
    )
)


def _is_past(words: list[str], i: int) -> bool:
    """Whether the word is a verb in the past tense that tells of something done."""
    word = words[i]
    known = word in verbs.PAST
    if not known and not (word.endswith("ed") and len(word) > 4 and not word.endswith("eed")):
        return False
    base = _base(word)
    if base in _NO_EVENT or (known and base == word and word not in ("put", "cut", "set", "shut")):
        return False
    before = words[i - 1] if i else ""
    if before in ("finally", "already", "just", "also", "all", "both", "now") and i >= 2:
        before = words[i - 2] if words[i - 2] not in _BEFORE_NOUN else ""
    if before in _BEFORE_NOUN:
        return False
    if base == word and before not in _PERSON:
        return False
    after = words[i + 1] if i + 1 < len(words) else ""
    if i == 0 or before in (",", "and", "then", "so", "but", "yeah", "yep", "yes"):
        return bool(after)  # "picked up all six"
    return after not in ("is", "are", "was", "were", "has", "have", "'s") or known
