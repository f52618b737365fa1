"""English speech: clauses, what each does, and the title it makes. Pure.

Rules of the language, read from the words of a clause in lower case: modal and tense for what
is promised, begun or done; negation; questions; wishes and refusals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from vori.ids import UserId
from vori.tickets.extract import verbs
from vori.tickets.extract.clause import (
    COMMAND,
    MAX_CLAUSE_CHARS,
    Clause,
    Mark,
    Piece,
    is_cut,
    seqs_of,
    spans,
)
from vori.tickets.extract.dates import Day, find_days
from vori.tickets.extract.match import Vocabulary, key
from vori.tickets.extract.people import Mention, People
from vori.tickets.extract.predicates import has_rest, is_at_it
from vori.tickets.extract.signs import english_signs
from vori.tickets.extract.wordlist import listed

# ------------------------------------------------------------------ cleaning

_FILLER = re.compile(
    r"(?<![\w'-])(?:u[hm]+|e[rh]+m?|ah+|ooh|aw+|(?:oh,? )?for (?:heaven's|goodness'?|god's|pete's|crying out|christ's) (?:sake|loud)|good grief|my word|bless (?:you|him|her|them)|mm+|hmm*|you know|i mean|i guess|kind of|sort of|kinda|sorta|"
    r"basically|honestly|literally|obviously|(?<=, )like(?=,)|(?<= it's )like|"
    r"(?:oh )?(?:my )?(?:god|gosh|goodness|jesus|christ|crikey|blimey|heck|bloody hell)(?! (?:knows|forbid)))(?![\w'-]),?",
    re.IGNORECASE,
)
_REPEAT = re.compile(
    r"(?<![\w'])((?:[\w']+)(?: [\w']+){0,2})[,]?(?: \1(?![\w'-])[,]?)+", re.IGNORECASE
)


_DIGIT = {
    w: str(i) for i, w in enumerate(listed("zero one two three four five six seven eight nine"))
}
_DIGIT["oh"] = "0"
_DIGITS = re.compile(
    rf"\b(?:{'|'.join(_DIGIT)}) (?:oh|zero) (?:{'|'.join(_DIGIT)})(?: (?:{'|'.join(_DIGIT)}))?\b",
    re.IGNORECASE,
)
"""A number said digit by digit ("room two oh nine")."""


_ASIDE = re.compile(
    r"(?<=\w),? by the (?:way|by)(?=,? (?:i|we|he|she|they)(?:'ve| have|'d)? (?:\w+ ){0,3}?(?:it|them|that|those)\b|$)",
    re.IGNORECASE,
)
"""A "by the way" that opens nothing new."""


def tidy(text: str) -> str:
    """The text without fillers and stammered repeats."""
    text = _ASIDE.sub(" ", text)
    text = _FILLER.sub(" ", text)
    text = re.sub(r"\s+", " ", text)
    text = _DIGITS.sub(lambda m: "".join(_DIGIT[w] for w in m[0].lower().split()), text)
    text = _REPEAT.sub(r"\1", _REPEAT.sub(r"\1", text))
    text = re.sub(r"\s+([,.?!])", r"\1", text)
    text = re.sub(r"([,.?!])(?:\s*,)+", r"\1", text)
    return text.strip(" ,")


# ------------------------------------------------------------------ splitting

_SUBJECT = (
    r"(?:i|i'm|i'll|i've|i'd|we|we're|we'll|we've|we'd|you|you're|he|she|they|they're|it|it's|it'll|"
    r"he's|she's|that|that's|that'll|there|there's|this is|those|these|nobody|nobody's|somebody|someone|"
    r"everyone|everybody|can|could|would|will|let's|please|don't|who|who's|what|when|nothing|yeah|yes|no)"
)
_NP_VERB = (
    r"(?:the|my|our|his|her|their|a|an|all|both|some|one|\w+)(?: [\w'-]+){0,4}? "
    r"(?:is|are|was|were|has|have|had|needs?|isn't|aren't|hasn't|haven't|will|'ll|still|went|did|does|keeps?|"
    r"doesn't|don't|didn't|can't|could|should|must|came|comes|said|says)\b"
)
_BEFORE_ALSO = tuple(
    listed(
        "i've i'm we've we're i we is are was it's has have can could will i'll he's she's but and you i'd they"
    )
)
_BOUNDARY = re.compile(
    r"(?<=[.?!])(?<!\bmr\.)(?<!\bmrs\.)(?<!\bms\.)(?<!\bdr\.)(?<!\bst\.)\s+"
    rf"|,?\s+(?=(?:and|but|so|because|cause|cos|then|although|though)\s+(?:then |also |now |yeah |maybe |anyway |if |just )*{_SUBJECT}\b)"
    rf"|(?<!one)(?<!two)(?<!three)(?<!four)(?<!five)(?<!six)(?<!seven)(?<!eight)(?<!nine)(?<!ten),?\s+(?=(?:and|but|so|because)\s+(?:also )?{_NP_VERB})"
    r"|(?<!\bto)(?<!\bcan)(?<!\bjust)(?<!\bonly)(?<!\bcan't)(?<!\bmust)(?<!\bthe),?\s+(?=(?:oh|wait|anyway|alright|okay|ok|by the way|sorry|other than that)\b(?!\s+(?:of|with|about|to)\b))"
    + "|"
    + "".join(rf"(?<!\b{w})" for w in _BEFORE_ALSO)
    + r",?\s+(?=also\b)"
    r"|(?<!\bbut)(?<!\band)(?<!\bso),?\s+(?=(?:(?:right|okay|so|and|now) )?(?:something new|new things?|new work)\b)"
    r"|,?\s+(?=(?:and )?(?:what|how) about (?:the|that|this|your|our|my|those|these)\b)"
    r"|,?\s+(?=actually,? (?:i|i'm|i'll|we|no|that|that's|it|it's|let's|can|could|leave|sorry|the|my|our|he|she|they|there|[a-z]+'s)\b)"
    r"|(?<!\band)(?<!\boh)(?<!\bso)(?<!\bbut)(?<!\bok)(?<!\bokay)(?<!\bif),?\s+(?=(?:and )?(?:the (?:one|other|only|next|last|second) thing|one (?:more|other)(?: thing)?|another thing)\b)"
    r"|,?\s+(?=so (?:just|the|for|anyway|next|my|our)\b)"
    r"|,?\s+(?=(?:i can|i'll|let's) (?:\w+ ){0,2}(?:it|that|this|them|those|one)\b)"
    r"|(?<!\bif)(?<!\bthink)(?<!\bthat)(?<!\bsure)(?<!\bsaid)(?<!\bbut)(?<!\band)(?<!\bso)(?<!\bthen)(?<!\bbecause)(?<!\bhope)"
    r"(?<!\bknow)(?<!\bwhat)(?<!\bwhen)(?<!\bbefore)(?<!\bafter)(?<!\buntil)(?<!\bonce)(?<!\bway)(?<!\bthing)(?<!\bhow)(?<!\bwhich)"
    r"(?<!\bok)(?<!\bokay)(?<!\byeah)(?<!\bthis)(?<!\bas)(?<!\bwhere)(?<!\bguess)(?<!\bbelieve)(?<!\ball)(?<!\bof)(?<!\bdo)(?<!\bdid)(?<!\bdoes)(?<!\bshould)(?<!\bwhile)(?<!\bthough)(?<!\bunless)(?<!\bwhether)(?<!\bthan)(?<!\bsince)"
    r",?\s+(?=(?:i'll|i've|i'm|i can|i'd|we'll|let's|we're|we've|it's|that's|they're|it'll|they'll|i want to|i wanna|i need to|i will|there's|we need to|we should)\b)"
    r"|,\s+(?=(?:i|we|you|he|she|they|it|that|this|there|nobody|somebody|someone|can|could|would|please)\b)",
    re.IGNORECASE,
)
_REACTION = re.compile(
    r"(?:(?:oh|ah|okay|ok|right|yeah|yes|well),? )*(?:excellent|brilliant|lovely|perfect|amazing|great(?: stuff| job| work)?|"
    r"fantastic|superb|wonderful|awesome|sweet|nice(?: one| work)?|cool|good (?:stuff|job|work|man|lad|girl|news)|well done|"
    r"keep (?:at it|going|it up)|carry on|crack on|no rush|take your time|no hurry|cheers|ta|thanks(?: a lot| so much| very much)?|thank you(?: so much| very much)?|thank (?:god|goodness|heavens)(?: for that)?|"
    r"fair enough|no worries|fab|ace|magic|music to my ears|(?:good|glad|great) to hear(?: it| that)?|marvellous|smashing|grand|champion|ideal|super|splendid|terrific|hooray|bravo|got it|gotcha|understood|noted)"
    r"(?:[.,!]? (?:mate|guys|everyone|all|then))?[.,!]?\s+(?=(?!(?:to|for|about|with|of|if|that|on|at|in|as|but|job|work|idea|point|question|news|it|is|the way|one|thing|with)\b))",
    re.IGNORECASE,
)
"""What somebody says first about what was just heard: no part of what follows."""
_ANEW = re.compile(
    rf"(?:(?:so|and|but|oh|um|now|then|well),? )*(?:{_SUBJECT}\b|{_NP_VERB}|(?:the|my|our|your) (?:[\w-]+ ){{0,4}}?[\w-]+'s (?!(?:own|the)\b))",
    re.IGNORECASE,
)
"""A caption that begins like a sentence: the one before it, unless cut, has ended."""
_ASK = re.compile(
    r"\s+(?=(?:can|could|would|will) (?:you|we|somebody|someone|one of you)\b)", re.IGNORECASE
)


def split(texts: Sequence[tuple[int, str]], speaker: UserId | None, people: People) -> list[Piece]:
    """The clauses of one turn; `texts` are (seq, cleaned text) in order."""
    joined, owners = spans([(seq, tidy(text)) for seq, text in texts])
    cuts = {0, len(joined)}
    for m in _BOUNDARY.finditer(joined):
        cuts.add(m.end())
    for start in (i for i in range(len(joined)) if i == 0 or owners[i] != owners[i - 1]):
        if (
            start
            and not is_cut(joined[:start])
            and _ANEW.match(joined, start + (joined[start] == " "))
        ):
            cuts.add(start)
        reaction = _REACTION.match(joined, start + (joined[start] == " "))
        if reaction:
            cuts.add(reaction.end())
    mentions = people.find(joined)
    names = {m.end: m.start for m in mentions}
    if not re.search(r"[.,?!]", joined):
        cuts |= {m.start for m in mentions if _is_call(joined[: m.start], joined[m.end :])}
        known = sorted(cuts)
        for at in _unmarked(joined):
            start = max(k for k in known if k < at)
            if len(joined[start:at].split()) >= 4 and not _SUBORDINATE.match(
                joined[start:at].strip()
            ):  # else it is what the sentence is about
                cuts.add(at)
    for m in _MEANWHILE.finditer(joined):
        cuts.add(m.end())
    for name in mentions:
        joint = re.search(r"(?:,|\band)\s+$", joined[: name.start])
        if joint and _DOES.match(joined[name.end :]):
            cuts.add(name.start)
        comma = joined.rfind(", ", 0, name.start)
        listed_ = _RECAP.search(joined[:comma].lower()) if comma > 0 else None
        if listed_ and 1 <= len(joined[comma + 2 : name.start].split()) <= 3:
            cuts.add(comma + 2)  # "to recap, tiles Tom today, letters Mia"
        told = re.match(
            r",? (?:you|can you|could you|would you|will you|please)\b", joined[name.end :]
        )
        if joint and told:
            cuts.add(name.start)  # "…, and Raj, you book the van"
        calls = re.match(r" (?:you|can you|could you|would you|please)\b", joined[name.end :])
        if calls and not _NO_CALL.search(joined[: name.start]):
            cuts.add(name.start)  # "Farida asks the scouts, Lena does the rota"
    for m in _ASK.finditer(joined):
        if len(joined[m.end() :].split()) <= 3:
            continue  # "send them a photo, will you, Pete"
        before = joined[: m.start()].rstrip(" ,")
        if re.search(r"\b(?:with|about) (?:the|that|your|those) [\w-]+(?: [\w-]+)?$", before):
            continue  # "Steffen, with the cache, could you make it Wednesday"
        at = names.get(len(before), m.end())
        cuts.add(at)
    pieces: list[Piece] = []
    start = 0
    for end in sorted(cuts)[1:]:
        text = tidy(joined[start:end])[:MAX_CLAUSE_CHARS]
        bare = _call_removed(text, [joined[m.start : m.end] for m in mentions])
        if end < len(joined) and bare is not None and _JOINT.fullmatch(bare.lower()):
            continue  # a lone "so" or "and", or a name that is called, opens the next clause
        if text.strip(" .,?!-"):
            seqs = seqs_of(owners, start, max(end - 1, start + 1))
            pieces.extend(Piece(t, seqs, speaker) for t in _two_dated(text))
        start = end
    return pieces


def _two_dated(text: str) -> list[str]:
    """Two promises of one sentence, each with its day ("I'll wash it today and wax it Friday")."""
    m = _TWO_DATED.match(text)
    return [f"{m['lead']} {m['first']}", f"{m['lead']} {m['second']}"] if m else [text]


_SOME_DAY = r"(?:today|tonight|tomorrow|\w+day|week|weekend|month|morning|afternoon|evening|\d*(?:st|nd|rd|\w+th))"
_TWO_DATED = re.compile(
    rf"(?P<lead>(?:[\w',]+ ){{0,4}}?(?:i'll|we'll|can you|could you|will you|would you|you'll))"
    rf" (?P<first>.+?\b{_SOME_DAY}),? and (?P<second>(?!(?:i|i'll|you|we|he|she|they|it|that|this|the|a|an|then|so|can|could|"
    rf"next|on|by|or|maybe|if|not|\w+day|tomorrow)\b)[a-z]+ .*\b{_SOME_DAY}\b.*)$",
    re.IGNORECASE,
)
_NEW_SUBJECT = re.compile(
    r"(?:(?P<b2>[\w']+) )?(?P<b1>[\w']+) (?P<end>(?:it|them|me|us|him|yesterday|today|tomorrow|tonight|now|again|\w+day|morning|afternoon|night|week|weekend|"
    r"month|lunchtime|yet|too|either|here|done|finished|fixed|off|out|back|up|down|in|over|works|worked|fine|ready|deck|perfect|through|away|around|home|sorted|twice|hands|door|list))"
    r" (?=(?:i|we|they|you|he|she|it) (?!(?:and|or|is that)\b)[a-z']+)",
    re.IGNORECASE,
)
_NEXT_THING = re.compile(
    r"\b(?:yesterday|today|tomorrow|tonight|just now|right now|now|again|last night|this morning|this week|\w+day|yet|too|already|done|finished|fixed|sorted|mended|(?<=you )can|(?<=it )done)"
    r" (?=(?:(?:the|our|my|that|those|these|his|her|their) (?:[\w-]+ ){0,3}?[\w-]+|(?!i|we|they|you|it|he|she|that|this|there|who|what|how|where|here)[\w-]+(?: (?:one|two|three|four|five|six|seven|eight|nine|ten|\d+))?)(?:'s|'re| is| are| was| were| has| have)\b(?! (?:own|and)\b))",
    re.IGNORECASE,
)
"""Another thing and its verb after a word that ends a sentence ("… today | the inspector's coming")."""
_ASKS_BACK = re.compile(
    r"\b(?:i will|i can|i'll do that|of course|sure|okay|yeah|fine) (?=(?:what|when|where|how|who|which)(?:'s| should| do| is| are| would| can| does| will)\b)",
    re.IGNORECASE,
)
_TELLS_ON = re.compile(
    r"(?P<b1>[\w']+) (?=(?:i|we|they|he|she) (?:\w+ed|did|put|took|got|sent|made|gave|cut|ran|went|found|built|drove|wrote|swept|rang|told|bought|brought|left) (?:(?:on|at|in|with|over|through|to|into|off|up|out|down|round|around) )?(?:\w+ )?(?:it|them|that|those|the|all|both|my|our|a|an|some|every|each|two|three|four|five|six|ten|twenty|\d+)\b)",
    re.IGNORECASE,
)
"""A pronoun, a verb and its object: no relative clause, so a sentence of its own."""
_OPENS_CLAUSE = frozenset(
    listed(
        "told tell ask asked let show remind make made hope think thought said say says know the every each a that any if when "
        "because what which how where once before after until by while and but so or as than help helps helped give gave want wants"
    )
)


_GOES_BEFORE = frozenset(
    listed(
        "now then also just still already yes yeah no ok okay right well oh sorry actually maybe whether cause cos since though although "
        "can could will would should shall may might must do does did if let's dont don't first yep um uh like anyway then whenever why hope believe reckon guess sure afraid glad wish bet where who whoever"
    )
)


def _unmarked(joined: str) -> Iterable[int]:
    """Where speech without punctuation begins a new sentence ("I merged it | you can close it")."""
    for m in _NEW_SUBJECT.finditer(joined):
        before = {(m["b1"] or "").lower()}
        if m["end"].lower() in ("it", "them", "me", "us", "him"):
            before.add((m["b2"] or "").lower() if m["b1"].lower() in ("if", "that") else "")
        if not before & _OPENS_CLAUSE:
            yield m.end()
    for m in _NEXT_THING.finditer(joined):
        yield m.end()
    for m in _ASKS_BACK.finditer(joined):
        yield m.end()
    for m in _TELLS_ON.finditer(joined):
        if m["b1"].lower() not in _OPENS_CLAUSE and m["b1"].lower() not in _GOES_BEFORE:
            yield m.end()


_SUBORDINATE = re.compile(
    r"(?:(?:and|but|so|also|oh|um|well),? )*(?:while|when|after|before|as|because|if|once|since|until|although|though|whenever)\b",
    re.IGNORECASE,
)
_MEANWHILE = re.compile(
    r"\b(?:while|when|as) (?:i|we) (?:was|were) [\w' ]{3,40}?,? (?=(?:i|we) (?!was\b|were\b|noticed|saw\b|realised|realized|found|spotted|thought|heard|wondered)[a-z']+)",
    re.IGNORECASE,
)
"""What one was doing when one did something else."""
_DOES = re.compile(
    r"(?:'s (?:on|doing|got|taking|to)\b| (?:does|is|has|takes|gets|owns|asks|writes|calls|rings|sends|makes|orders|books|checks|fixes|buys|brings|looks|handles|will|to)\b)",
    re.IGNORECASE,
)


def _call_removed(text: str, names: Sequence[str]) -> str | None:
    """The text without names; None when it is a sentence of its own."""
    if text.endswith((".", "?", "!")):
        return None
    for name in names:
        text = text.replace(name, "")
    return text.strip(" ,")


_JOINT = re.compile(
    r"(?:(?:and|so|but|oh|um|uh|we|i|also|because|then|well|now|it|it's|i'm|ok|okay|right|or|the|maybe|perhaps|one day|someday|some day|one of these days|at some point|maybe one day|hopefully|ideally|in theory|if only|next year|do|did|does|should|could|actually),? ?){0,5}"
)
_NO_CALL = re.compile(
    r"(?:^|\b(?:with|from|for|of|to|ask|asked|tell|told|by|and|or|about|like|as|thanks|thank|you|is|it's|that's|"
    r"called|give|gave|let|not|said|saw|met|had|got|help|helped|emailed|phoned|rang|ring|call|than|but|me|if|"
    r"when|because|so|oh|ok|okay|yeah|right|think|know|say|says|hear|on|at|s|mr|mrs|ms|dr))\s*$",
    re.IGNORECASE,
)


def _is_call(before: str, after: str) -> bool:
    """Whether a name in speech without punctuation calls on somebody, and so begins a clause."""
    if not after.strip() and re.search(r"\b(?:can|could|would|will) you\b.{0,60}$", before):
        return False  # "can you do that today, Luca"
    goes_on = r"'s\b|\s+(?:and|or|said|says|before|by|after|for|in|at|when|so|today|tomorrow|tonight|this)\b"
    return not _NO_CALL.search(before) and not re.match(goes_on, after)


# ------------------------------------------------------------------ marks

_ADV = r"(?:just|also|then|probably|definitely|actually|now|still|already|finally|quickly|maybe|really|all|never|only|both|even|gladly|happily|personally|either|perhaps)"
_NO_WORK = (
    r"(?:you\b|we\b|i\b|they\b|he\b|she\b|it\b|be|see|say|think|wait|guess|assume|admit|remember|forget|go first|go next|start (?:with|off|us)|kick (?:us )?off|let|pass|hand over|"
    r"share my screen|stop there|mute|skip|continue|repeat|hear|believe|imagine|tell you|never|not|understand|"
    r"talk to you|speak to you|take (?:that|it) offline|do my best|try not|hold (?:you|him|her|them) to|come back to (?:that|it|you)|bet|mention|move on|jump|drop off|(?:just |simply )?have to (?:go|run|drop|leave|wait|live|see|sit|hang|manage|cope|grin|put up|do without|make do|hope|won't)|hide\b|sit tight|"
    r"go\b(?! (?:through|over|and|to|round|ahead|get|buy|see))|read the|be quick|be back|leave you|miss|stay|keep (?:it|this) short|have (?:the|a) (?:coffee|tea|lunch|cake|seat)|live with|get going|recap|summari[sz]e|run through|feel|hope|know|suppose|survive|only|correct myself|apologi[sz]e|clarify|point out|be honest|"
    r"(?:speak|talk|chat) (?:about|to you|with you)|bring up|touch on|turn to|carry on|crack on|press on|plough on|sit down|calm|relax|listen|cheer up|behave|breathe|drink|sleep|rest\b|need|keep (?:going|poking|you posted|an eye|my fingers|doing)|finish (?:here|there|up)|end (?:here|it there)|wrap|show you|explain|sit|die|cry|believe it|eat)\b"
)
_WORK = rf"(?:{_ADV} )*(?!{_NO_WORK})(?P<act>[a-z][\w'-]*.*)"
_COMMIT = re.compile(
    rf"\b(?:i'll|i will|i shall|i'm going to|i'm gonna|i am going to|we'll|we will|we're going to|we're gonna) {_WORK}"
    rf"|\blet me {_WORK.replace('<act>', '<act2>')}"
    r"|\bi(?:'ve)? (?:owe|promised) (?:you|him|her|them|qqn\d|[a-z]+) (?P<act4>(?:a|an|the|that|those|some)\b.*)"
    rf"|\b(?:i can|i could|i'd be able to|i'm happy to|happy to|i'd be happy to|i don't mind|i'd better|i (?:still |also |just |really )?need to|i promise to|i've promised to|i said i'd|i said i would|i agreed to|i'm down to|i'm meant to|i'm supposed to) (?!(?:see|hear|tell|imagine|remember|understand|only|not|barely|never|feel|believe|smell|admit)\b){_WORK.replace('<act>', '<act3>')}"
)
_VAGUE = re.compile(
    r"(?:i'm |i'd be )?happy to help\b(?! with)|(?:we'll|we will) (?:just |all )?(?:find (?:another|a way|something|somebody|someone|one)|manage|cope|figure|muddle|survive|see|live|be\b|get there|think of something)\b"
    r"|(?:i'll|i will) (?:just )?(?:tell|say to|let) (?:him|her|them) (?:know )?[\w']+[.!]?$|(?:i'll|i will) (?:make a )?(?:note|minute) (?:the|that|it|of)\b"
)
"""What sounds like a promise and is only comfort, or is done by saying it."""
_COMMIT_BARE = re.compile(
    r"^(?:(?:yeah|yes|yep|sure|ok|okay|no|oh|well|right|fine|alright|and|so),? )*(?:i can|i will|i'll|i'll go|i could|i'll do (?:it|that|this|them|so)|i can do (?:it|that|this)|i'll take (?:it|that|this one|that one)|i'll have (?:it|that)|i'll handle (?:it|that)|leave (?:it|that)(?: one)? (?:with|to) me|on it|i'm on it|consider it done|will do|i'll get (?:it|that) done|i've got (?:it|that)(?: one)?|mine|me|i'll own (?:it|that)|put me down(?: for (?:it|that))?)(?:,? (?:then|too|please|no problem|yeah))?[.,!]?$"
    r"|\b(?:it'll|it will|they'll|that'll|should all) be (?:all )?(?:done|ready|finished|there|sorted|with you|fixed|in your inbox|on your desk|up|live|out|away|over|across|printed|sent|booked|posted)\b"
    r"|\b(?:will|'ll) be (?:with you|in your (?:inbox|hands|folder|pigeonhole)|on your (?:desk|table|doorstep)|over to you)\b"
    r"|\b(?:leave (?:it|that)(?: (?:one|lot|bit))? (?:with|to) me|will do|i'll take (?:it|that)|i can take (?:it|that)|i'm on it)\b"
)
_WEAK = re.compile(
    rf"\b(?:i want to|i wanna|i'd like to|i'd love to|i've got to|i (?:still |also )?have to|i gotta|i must|i'm planning to|i plan to|i was thinking (?:of|about)|i'm thinking of|i'm hoping to|i hope to|i should|i'd say we|i might|i could maybe|maybe i'll|maybe i could|my plan is to) {_WORK}"
)
_COULD_WE = re.compile(
    r"\b(?:can|could) (?:we|i|they) (?:please |maybe |also |just )*(?:get|have) (?P<act>.+)"
)
"""A wish that waits for a yes ("could we have doves?")."""
_OFFER = re.compile(
    rf"\b(?:shall i|should i|do you want me to|want me to|would you like me to|d'you want me to|i could|i can) {_WORK}\?$|\b(?:shall i|do you want me to|want me to|would you like me to|d'you want me to) {_WORK.replace('<act>', '<act2>')}"
)
_NEED = re.compile(
    rf"\b(?:we|somebody|someone|one of us|one of you|(?:the|our|my|all|every|each|both|this|that|these|those|it|which)(?: [\w'-]+){{0,5}}?) (?:{_ADV} )*(?:need(?:s)? to|have to|has to|had better|should|must|ought to|gotta|'ve got to|'s got to|has got to|got to|really need to|do need to|will need to|'ll need to) {_WORK}"
    r"|\b(?:we|i) (?:still )?owe (?:them|him|her|you|qqn\d|the \w+) (?P<act8>(?:a|an|the|some)\b.*)"
    r"|\b(?:needs?|has|have|ought|must) (?:to )?be (?P<act7>(?:(?:in|out|there|ready|up|back|on) (?:by|before)\b.*)|(?!able|careful|fair|honest|sure|quick|here|there|back|in\b|at\b|on\b|a\b|the\b|said|done with|seen|had|kidding|joking|fine|ok|okay|more|less|so\b|very|it\b|that\b|something|up to|out of|(?:easy|easier|hard|nice|good|better|possible|enough|true|right|worse)\b)[a-z]+\b.*)"
    r"|\b(?:need(?:s)?) (?:a |an |some |another |new )?(?P<act2>(?:\w+ing|\w+ed|replac\w+|fix|repair|update|clean|check)\b.*)"
    rf"|\b(?:it|that|this|they|which|the (?:[\w'-]+ ){{0,4}}?[\w'-]+) (?:also |really |still )?needs? (?P<act6>(?:a|an|some|another|new|more|its|their)\b.*)"
    rf"|\b(?:we need|we still need|we'll need|we also need|what we need is|we're missing|we could do with|there needs to be|there has to be|there should be|we want) (?P<act3>(?:a|an|some|another|new|more|the|two|three|four|five|six|ten|\d+|somebody to|someone to)\b.*)"
    rf"|\b(?:let's|let us|shall we|we agreed (?:to|that we'll|we'll)|we've agreed to|we decided to|we've decided to|the plan is to|agreed,? (?:we'll|to)|action (?:item|point)?(?: is)?:? ?(?:to)?) {_WORK.replace('<act>', '<act4>')}"
    r"|\b(?:(?:some(?:body|one)|one of (?:us|you))(?:'s| has)?|we(?:'ve| have)?) (?:got to|gotta) (?P<act5>[a-z][\w'-]*.*)"
)
_REQUEST = re.compile(
    rf"\b(?:can|could|would|will) (?:you(?! mind| (?:both|all) (?:hear|see))|someone|somebody|one of you|you guys|you two|you both|qqn\d)(?: and (?:you|qqn\d))?(?: please| maybe| possibly| perhaps| also| just| then|,)* {_WORK}"
    rf"|\b(?:i need you to|i'd like you to|i want you to|you need to|you'll need to|you have to|you should|you could|you must|you'd better|are you able to|would you be able to|are you ok(?:ay)? to|are you happy to|do you want to|you want to|(?<!n't )(?<!not )(?<!i )(?<!we )wanna|d'you want to|can i ask you to|could i ask you to|can i get you to|i was going to ask you to|if you could|if you can|you can|make sure you|make sure to|i'll ask you to|you're going to|you're gonna|you'll|remember to|don't forget to|be sure to|i'd ask you to|may i ask you to|you to) {_WORK.replace('<act>', '<act2>')}"
    rf"|\bqqn\d,? (?:(?:and qqn\d )?(?:will|'ll|is going to|is gonna|'s going to|'s gonna|should|needs to|has to|can|could|to|would|must|said (?:he|she)(?:'ll|'d)|agreed to|offered to|volunteered to|promised to)|you(?! (?:said|promised|agreed|offered|told|volunteered)\b)) {_WORK.replace('<act>', '<act6>')}"
    rf"|\byou (?:said|promised|agreed|offered|told (?:me|us)|volunteered) (?:that )?(?:you'd|you would|you'll|you were going to|to) {_WORK.replace('<act>', '<act9>')}"
    rf"|\b(?:get|have|ask|let's (?:get|have|ask)|i'd like|i want|want|need) qqn\d (?:to )?{_WORK.replace('<act>', '<act7>')}"
    rf"|\b(?:would you mind|do you mind|mind|how about you|could i trouble you with|would you consider) (?P<act3>[a-z]+ing\b.*)"
    rf"|^(?:(?:and|so|then|or|no|ok|okay|right|well|yeah|good|great|lovely|perfect|now|qqn\d),? )*(?P<act8>(?!(?:yes|yeah|no|thank|thanks)\b)[a-z]+ .+) please[.!]?$"
    rf"|\bplease (?!(?:don't|do not|no|yeah|yes|do\b$)\b){_WORK.replace('<act>', '<act4>')}"
    rf"|\b(?:can|could) (?:we|i|they) (?:please |maybe |also |just )*(?:make sure|ask for) (?P<act5>.+)"
)
_NO_REQUEST = re.compile(
    r"\byou can (?:actually|finally|now|even|really|already|hardly|just about|properly) \w+|\byou can (?:breathe|smell|walk|feel|read it|fit|park|find (?:it|them)|open it)\b|\b(?:tells?|told|asks?|asked|wants?|wanted|allows?|allowed|lets?|forces?|forced|makes?|gets?|expects?|invites?|requires?|required|helps?|encourages?) you to\b|"
    r"\b(?:can|could) you (?:all |both |everyone |guys )?(?:hear|see|believe|imagine|tell|repeat|say|remind|explain|mute|unmute|share your screen|speak up|hold on|hang on|wait|remember|go first|turn (?:on|off|up) your)\b"
    r"|\b(?:do you want to|you want to|wanna|you wanna|would you like to|d'you want to) (?:start|go|kick|begin|say|add|talk|take us|open|continue|jump|share|tell|lead us)\b"
    r"|\bwould you (?:say|like|believe)\b|\bwill you be\b|\byou can (?:see|hear|imagine|tell|go|all|say|leave|close the door|drop|ask|always)\b|\byou should (?:see|hear|have|be|know)\b"
    r"|\byou(?:'ll| will| could| should) (?:be|see|know|have|get|hear|like|love|need(?! to)|never|not|find)\b|\byou have to (?:be|say|laugh|love|admit|wonder|understand|see)\b"
    r"|\b(?:walk|talk|take|run|bring|fill|kick|start|give|remind|tell|catch) (?:us|me|everyone|everybody) (?:through|up|in|off|what|where|how|again|about|a (?:quick )?(?:update|overview|summary)|an update|the (?:update|latest))\b"
    r"|\bplease (?:go|start|continue|carry on|be|thanks|let)\b"
    r"|\b(?:can|could|may|shall) (?:i|we) (?:have|do|take|hear|start with|go to|go through|look at|get to)\b.* (?:first|next|now|quickly|briefly)\b"
)
_GIVES = re.compile(
    r"\bis (?:that|this|it) (?:one )?(?:for you|yours|something (?:for you|you(?:'d| can| could)?)|one (?:for you|of yours)|you)\b|\b(?:fancy|are you up for|up for) (?:doing|taking|having|running|writing)?\s?(?:it|that|this)\b"
)
"""Somebody is asked whether the work is theirs ("is that one for you?")."""
_HYPO = re.compile(
    r"\b(?:would be (?:nice|good|great|cool|lovely|fun|amazing|useful|ideal|handy)|be nice if|wouldn't it be|wouldn't mind|"
    r"some ?day|one of these (?:days|weeks|years)|^one day|one day[.!]?$|in theory|ideally|at some point|in an ideal world|in a perfect world|hypothetically|imagine if|what if|i wish|if only|"
    r"if i had|if we had|if (?:i|we|you|they) (?:stay|open|close|work|live|move|charge|own|start)ed|if somebody had|if anyone (?:had|were|could|would|ever)|down the (?:line|road)|would love to|i'd love (?:a|it)|(?:would|could|should)(?:'ve| have) (?!to\b|a\b|an\b|the\b|some\b|more\b|this\b|that\b|our\b|one\b|two\b|it\b|another\b|something\b|someone\b|somebody\b)|"
    r"(?:could|might|would) (?:\w+ ){1,4}one day\b|in hindsight|could also|we could (?!have)|could maybe|i could maybe|might (?:be|want|even|try|as well)|in the long run|long term|in my dreams|"
    r"maybe (?:next year|one day|later|some time)|next year|when (?:i|we) (?:retire|get rich|win)|eventually|if (?:it|things) were|if (?:i|we|you|they) (?:ever|were|could|wanted)|"
    r"just an idea|just (?:thinking|dreaming|wondering|saying)|thinking out loud|spitball\w*|blue sky|wild idea|crazy idea|for the future|sometime|"
    r"somebody could|someone could|shouldn't have)\b"
)
_UNSURE = re.compile(
    r"\b(?:can't decide|can't choose|can't make (?:my|our) minds? up|in two minds|torn between|undecided|i think|i believe|maybe|might|may have|may be|probably|possibly|perhaps|not sure|don't know|no idea|i'd have to (?:look|check)|"
    r"i suppose|apparently|supposedly|as far as i know|should be (?:done|fine|fixed|ok)|i assume|presumably|could be|hopefully|if i remember|unclear|can't remember|i reckon|seems? (?:to be|like)|sounds like)\b"
)
_AGAINST = re.compile(
    r"\b(?:decided (?:not to|against)|decision was no|not going to (?:do|be|happen)|we're not (?:doing|going|having|taking|buying|getting|changing)|we aren't (?:doing|going)|"
    r"we won't|won't be (?:doing|needed)|no longer (?:need|doing|going)|off the table|scrap(?:ped|ping)?(?! (?:metal|paper|wood))|"
    r"cancel(?:led|ling)? (?:it|that|this)|is cancel(?:l)?ed|been cancel(?:l)?ed|(?<!can )forget (?:it|that|about|i said)|leave (?:it|that|this|those|them)(?: (?:out|alone|for now|be|as|where|there|then|off|until))?(?= |$|[.,])(?! (?:(?:one|lot|bit) )?(?:with|to) (?:me|you|us|qqn))|"
    r"skip (?:it|that|this)|(?<!so we )(?<!so i )(?<!so they )(?<!that we )don't (?:bother|do (?:it|that)|need (?:to|that|it|one|any)|want (?:to|that|it))|do not (?:need|do|want)|doesn't need|no need|not need(?:ed)?|not worth|never ?mind|hold off|"
    r"park (?:it|that|this)|let's not|rather not|please don't|too expensive|not a priority|out of scope|not now|not this (?:time|year|quarter|sprint|month|week|round|season|term)|"
    r"(?:so|then|but) no(?=[.!]?$|,)|on second thoughts?|scratch that|strike that|take that back|not proposing|not suggesting|not saying|drop (?:it|that|the idea|this)|dropped the idea|kill(?:ed)? (?:it|that|the idea)|"
    r"we'll do without|stay(?:ing)? with what|no thanks|nothing for us|we said no|we agreed not|(?:it's|that's|deal is|whole thing is) off\b(?! (?:my|our|the|your))|not happening|isn't happening|can wait|can weight|shelved?|(?:postponed|dropped|canned|binned|ditched|scrapped|called off|put off|parked|postpone) (?:that|it|this|the idea|those|them|all that)|ruled (?:it|that)? ?out|voted (?:it|that)? ?(?:down|against)|turned (?:it|that)? ?down|stick with (?:the|what))\b"
)
_LEAVE = re.compile(
    r"\b(?:leave (?:it|that|this|those|them|as)\b(?! (?:(?:one|lot|bit) )?(?:with|to) (?:me|you|us|qqn))|can (?:wait|weight)|nobody's touched|haven't touched|not touched|untouched|no (?:rush|panic|hurry)|not (?:happening|going to happen)|don't (?:move|touch|change|close) (?:it|that)|stays? (?:as|where|in|on)|keep it (?:as|where|open|there)|nothing new|no (?:news|change|update|progress)|same as (?:before|yesterday|last)|no movement|hasn't moved|just carrying on|carrying on)\b"
)
_OURS = r"(?:we|us|our|i|me|my)"
_ORG = (
    r"(?:(?:the |their |our )?(?:[\w'-]+ ){0,2}(?:team|department|dept|committee|council|agency|vendor|supplier|contractors?|landlord|consultants?|company|firm|bank|office|group|squad|crew|board|people|folks|guys|lot)"
    r"|(?:the )?(?:estates|marketing|legal|finance|hr|ops|operations|infra|infrastructure|platform|security|design|sales|facilities|support|procurement|purchasing|accounts|accounting|compliance|"
    r"logistics|maintenance|engineering|research|data|devops|qa|reception|catering|housekeeping|head office|headquarters|corporate|production|admin|communications|comms|the client|the architect|the council|the city|the school|the bank|the builders?|the printers?))"
)
_OTHER_TEAM = re.compile(
    rf"\b{_ORG}(?:'s|'re| are| is| will|'ll| have| has|'ve| said| says)?(?: (?:already|just|now|also|still|all))*(?: (?:they|they're|they'll|it))?(?: are| is)?(?: going to| gonna| be)? ?(?:doing|handling|handle|handles|taking (?:care|over|it|that|on)|take care|takes care|running|run|looking after|look after|dealing|sorting|organi[sz]ing|building|fixing|writing|planning|rolling|moving|managing|paying|preparing|own|owns|owning|covering|does|do (?:it|that|this|their)|they're going to|they're doing|said they|on (?:it|that))\b"
    rf"|\b(?:that's|it's|this is) (?:a |an )?(?:job |one |thing |matter )?(?:for |with |up to |down to |on )?{_ORG}(?:'s)?(?: (?:job|problem|thing|work|side|call|business|team|department))?(?: (?:not|they)\b.*)?[.,!]?$"
    rf"|\b(?:not on us|not ours|not our (?:job|problem|work|thing|side|business|responsibility)|nothing for us|nothing we (?:need|have) to|(?:isn't|not) us|that's them|that's theirs|their (?:job|own|problem|responsibility)|they(?:'ve| have) got their own|they're doing (?:that|it|those|this)|they do (?:that|it) themselves|themselves|taken care of by|handled by|somebody else's|someone else's|outside our|isn't ours|isn't on us|not for us|another team|other team)\b"
)
_BLOCK = re.compile(
    r"\b(?:(?<!not )(?<!un)(?<!isn't )blocked(?! (?:out|off|time))|i'm stuck|i am stuck|we're stuck|it's stuck|is stuck|are stuck|still stuck|stuck (?:on|until|because|with|at|in|waiting)|(?<!not )waiting (?:on|for|to hear)|"
    r"held up|on hold|on ice|dead in the water|ground to a halt|can't (?:file|calibrate|finish|start|continue|proceed|move|go (?:on|ahead|any further|further|anywhere|live)|run|test|get (?:in|into|on|at|any|the|to)|ship|deploy|do (?:it|that|anything|much|any|the)|order|send|sign|open|access|install|book|print|build|release|publish|complete|progress|use|make|close|submit|pay|touch|really do|work|begin|finali[sz]e|deliver|merge|carry on|pour|paint|fit|log|reach|enter)|"
    r"cannot (?:finish|start|continue|proceed|move|go|run|test|get|do)|unable to|not able to|couldn't (?:start|finish|get|do|run|test)|"
    r"won't (?:let (?:us|me)|release|give (?:us|me)|issue|hand over|tell us)|no access|don't have access|haven't got access|locked out|"
    r"hasn't (?:sent|arrived|come|answered|replied|approved|signed|given|responded|turned up|shown up|delivered|been (?:approved|delivered|signed|released|sent))|"
    r"haven't (?:had (?:the|a|an|any|it|those|them|our|their)\b|heard back|arrived|come|answered|replied|approved|signed|sent|delivered|given|got (?:the|a|an|any|it) .{0,30}(?:from|yet)|received)|still (?:no|haven't got|don't have) (?:answer|reply|word|approval|access|key|response|sign|delivery|sign-off|permit)|"
    r"(?:stuck |held |sat |sitting |still |stopped )(?:up )?(?:in|at) customs|in customs|(?:sitting|sat) on (?:it|the|our|my)|(?:sitting|sat|been|lying) on (?:somebody|someone|his|her|their|the \w+)(?:'s)? desk|(?:there's|there is) (?:just |literally |simply )?nothing (?:to (?!worry|report|add|do with|see|fear|lose|it\b)|(?:i|we) can do)|(?:my|our) hands are tied|"
    r"(?:not|isn't|aren't|won't be) letting (?:anybody|anyone|us|me|people)|(?:change|code|hiring|spending|budget) freeze|(?:got|has|have) (?:nothing|none) (?:until|till|in stock)|sitting on (?:my|our) hands|out of stock|no stock|on back ?order|back ?ordered|"
    r"nobody('s| has)? (?:answered|replied|approved|signed|(?:given|told|sent|shown) (?:us|me))|is holding (?:us|me|it|this|everything) up|holding (?:us|me|it) up|blocker|blocking (?:me|us|this|that|it)|in limbo|at a standstill|stalled(?! (?:a bit|a little|slightly|for a))|depends on (?:them|him|her) (?:sending|giving))\b"
)
_CANNOT = re.compile(
    r"\b(?:can't|cannot|couldn't|unable to|not able to) (?:really |actually |even )?(?!wait|complain|believe|remember|hear|see\b|say|tell|promise|help|stand|imagine|think|recall|make it|afford|be\b|come|attend|join|talk|speak|sleep|read that|decide|take (?:it|that|this)|do (?:it|that|this) (?:today|now|myself)|have|feel|blame|argue|find out|understand|i\b|we\b|you\b|they\b|he\b|she\b|it\b)[a-z]+"
    r"|^(?:(?:and|so|but|well|no),? )*(?:i|we) (?:can't|cannot)(?:,? (?:really|actually|yet|though|either))?[.,]?$"
)
_EXCUSE = re.compile(
    r"\b(?:i|we) (?:can't|cannot|couldn't) (?:come|attend|join|make|stay|talk|wait|complain|sleep|believe|help)\b"
)
_NO_BLOCK = re.compile(
    r"\b(?:drain|pipe|sink|toilet|gutter|road|filter|vent|chimney|downpipe|nozzle)s?(?:'s| is| are|'re) (?:\w+ )?blocked\b|\b(?:no blockers|nothing blocking|not blocked|isn't blocked|unblocked|any blockers|no longer (?:blocked|stuck|waiting)|blockers\?|nothing's blocking|not stuck|not waiting)\b"
    r"|\b(?!it's|that's|he's|she's|what's)[a-z]+'s been waiting\b|\b(?:customers?|clients?|patients?|guests?|people|he|she|family|parents?) (?:is|are|was|were|has been|have been) waiting\b|\b(?:nearly|almost) (?:there|done|finished)\b"
    r"|\bcan't wait\b|\bwaiting (?:for )?(?:my|our) turn\b|\b(?:while|when|as) (?:i|we) (?:was|were) waiting\b|\bwaiting (?:on|for) you\b|\bwaiting (?:for|on) (?:it|them|that|the \w+(?: \w+)?|my \w+) to (?:\w+ )?(?:dry|open|cool|set|cure|load|finish|warm|rise|prove|settle|thunder|rain|grow|come out|heat|boil|ferment|flower|germinate|go off|harden|thaw|defrost|soak|sync|build|compile|upload|download|render|land|print|snow|clear)\b|\bwaiting (?:on|for) (?:a |the |my |your )?(?:code )?review\b|\bcan't complain\b|\bcan't believe\b|\bcan't do (?:that|it) (?:today|now|this)\b|\bwaiting for (?:the weekend|my coffee|lunch|everyone|people|you)\b"
)
_BLOCK_HARD = re.compile(
    r"\b(?:in customs|(?:not|isn't|aren't) letting (?:anybody|anyone|us|me)|(?:got|has|have) (?:nothing|none) (?:until|till)|sitting on (?:my|our) hands|hands are tied|(?:there's|there is) (?:just |literally |simply )?nothing (?:to (?!worry|report|add|do with|see|fear|lose|it\b)|(?:i|we) can do))\b|\bcan't\b.{0,40}\bwithout\b|\bwithout (?:the|that|it|a|their|his|her)\b.*\b(?:can't|nothing)\b|\b(?:blocked|stuck(?! (?:it|them|all|the|a|up|down|some|round|around|under|behind|to|inside)\b)|waiting|held up|on hold|on ice|dead in the water|blocker|standstill|stalled(?! (?:a bit|a little|slightly|for a))|locked out|holding (?:us|me|it|this|everything) up)\b|\b(?:can't|cannot|unable|couldn't|won't (?:let|release|give|issue|sign|approve))\b.*\b(?:until|till|without|because|cause|cos|since|unless|before)\b"
    r"|\b(?:can't|cannot|couldn't)\b.*\b(?:the|our|their|his|her) [\w ]{1,25}? (?:hasn't|haven't|won't|didn't|isn't|aren't|doesn't)\b"
)

_DONE_ADJ = (
    r"(?:done(?: and dusted)?|finished|complete|completed|live|closed|sorted|fixed|merged|shipped|deployed|published|sent|signed(?: off)?|installed|delivered|swapped|"
    r"wrapped up|in place|in production|out the door|ready to go|resolved|released|submitted|approved|booked|ordered|paid|filed|cleared|launched|handed over|handed in|uploaded|printed|passed|over and done|up and running|switched on|all set|all done|settled|restocked|replaced|repaired|mended|posted|mounted|hung|painted|laid|rotated|migrated|upgraded|updated|raised|removed|cleaned|confirmed|agreed|finali[sz]ed|dealt with|taken care of|handled|off (?:my|the|our) (?:list|plate|desk)|ticked off|in the bag|in the can|history|behind us|good to go|working (?:again|now|fine)|running (?:fine|now|again|well)|connected|hooked up|rolled out|signed)"
)
_DONE = re.compile(
    rf"(?:\b(?:is|are|was|were|been|be|got|gets|all|now|it's|that's|they're|he's|she's|everything's|call(?:ing)? (?:it|that)(?: one)?|consider (?:it|that)|mark (?:it|that)|as|both|we're|i'm|'s|'re|one's|already|and)|'s|'re)(?: (?:all|now|finally|pretty much|officially|completely|fully|already|also|both|actually|totally|well and truly|been|properly|just|long|good and))* {_DONE_ADJ}\b"
    r"|\b(?:got|had) (?:it|that|them|this|those|these|both|everything) (?:all )?(?:in|off|out|done|sorted|finished|signed|over|across|sent|through|away|up)\b(?! (?:of|by|at)\b)"
    rf"|\b(?:i'd|i would|i|we'd|we can|you can|we|you|safe to) (?:just )?(?:call|count|consider|deem|declare|pronounce) (?:it|that|them|those|these|this)(?: one)? (?:all )?(?:\w+ed|{_DONE_ADJ}|built|cut|sold|won|fit|open)\b(?! (?:the|a)\b)"
    r"|\b(?:we can |can |let's )?(?:take|cross|tick|strike|knock) (?:it|that|this|them|that one|this one) off\b"
    r"|^(?:(?:yes|yeah|yep|they're|they are|it's|it is|all|both|everything|everything's|everyone),? )+(?:is |are )?(?:now )?(?:up|in|on|out|done|through|over|back|away|there)\b(?! (?:to|of|for|with|the|at|it|holiday|leave)\b)"
    r"|(?:\bit|\bthat|\bthey|\bthat one|\ball)(?:'s|'re| is| are|'ve| have)(?: all)? gone\b(?! (?:wrong|missing|quiet|bad|down|off|mad|cold|back|to|through|up|crazy|flat|out of)\b)"
    r"|\b(?:arrived|turned up|been delivered|came in)\b(?! (?:late|broken|damaged|at)\b)"
    r"|^(?:(?:yes|yeah|yep|so|well|all),? )*(?:both|all|\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|thirty|forty|fifty)(?: of (?:them|those|it))? (?!hundred|right|but|night|great|about|that|it|at|out|different|important|present|excellent|brilliant|quiet|wet|hot|eight|light|tight|bright|short|flat|best|last|most|least|just|lost|left|set\b|of|ten|even|often|then|when|need|seven|eleven|open)[a-z]+(?:ed|t|en)\b(?= (?:and|up|off|out|in|over|by|last|yesterday|on|this)\b|[.,!]|$)"
    r"|\bwent back (?:to|on|in|out)\b|\bi'm closing (?:it|that|this)\b|\bhasn't \w+ed (?:since|again)\b"
    r"|^(?:(?:yes|yeah|yep|all|well),? )*done (?:the lot|the whole lot|it|them|that|both|all|everything)\b"
    r"|\b(?:went|gone) (?:off|over|across|away) to\b"
    r"|\b(?:finally|now) works?\b|\bfinally worked\b|\bback (?:in (?:service|action|use|business|operation)|on ?line|up and running|running|working|to normal|together)\b"
    r"|\b(?:is|are|'s|'re|has|have|was|were)(?:n't| not| no longer| stopped) \w+ing (?:any ?more|any longer|now)\b|\bno longer (?:leak|drip|crash|fail|squeak|flicker|jam|stick|block|break|rattl|flood|smok|overheat)\w*|\bstopped (?:leak|drip|crash|fail|squeak|flicker|jam|stick|rattl|smok|overheat)\w*"
    r"|\b(?:have|has|did) (?:those|they|it|that|them|the [\w ]{1,20}?) (?:ever |all |actually |finally )?(?:gone|come|go|turn up|arrive|arrived|happen|get (?:done|sent|fixed|sorted|there))\b"
    r"|\b(?:went|gone|go) (?:through|out|live|in|up)\b(?! of)|\bcame (?:through|in)\b|\bdid (?:that|it|those|this|them|both|one|the (?:whole|last))\b(?: one)?|(?:\b(?:is|are)|'s|'re)(?: (?:all|now|already))? (?:up|on|in|out)(?: (?:now|and running|since|as of)\b|(?=[,.!]|$| and\b))"
    r"|\b(?:can|could) (?:close|tick off|cross off|archive) (?:it|that|this)\b|\bclose (?:that|it|this) (?:one|out|off)\b|\bcross (?:that|it) off\b|\ball (?:went|gone) (?:out|through)\b"
    r"|\b(?:wrapped|finished|sorted|closed|done|signed|ticked) (?:it |that |this |them )?(?:up|off|out|with)\b|\bas of (?:yesterday|today|now|noon|midday|lunch(?:time)?|an hour ago|five minutes ago|this morning|last night|monday|tuesday|wednesday|thursday|friday)\b|\bput (?:(?:it|that|this|them) )?to bed\b|(?<!i )(?<!we )(?<!they )\b(?:shipped|launched|landed|deployed|released|merged|rolled out)\b(?= (?:to|on|in|into|yesterday|last|this|at|over|without|fine|cleanly)\b|[.,!]|$)|\bconsider(?:ing)? (?:it|that|this)(?: one)? (?:done|delivered|closed|finished|complete)|(?:^|\b(?:so|yeah|yep|and|all|now),? )done(?=[.,!]|$)"
)
_TICK = re.compile(
    r"\b(?:you can|can you|we can|could you|i'll|let's|please|just|feel free to) (?:move|drag|shift|slide|shunt|push) (?:it|that|this|that one|this one|those|them) (?:across|over|along|to (?:the )?(?:done|finished|complete)|into (?:the )?(?:done|finished))\b|(?:^|\b(?:great|good|okay|ok|lovely|perfect|yeah|so|then|you can|can|could|just|to|please|and|i'll|we can|let's) )(?:you )?(?:tick|close|cross|mark|strike|check|archive|resolve|call|count|consider) (?:it|that|this|that one|this one|them|those)\b(?: (?:off|out|as|done|down|one|complete|finished|closed)\b|[.,?!]|$)"
)
_BARE_PAST = re.compile(
    r"^(?:(?:yeah|yes|yep|ok|okay|so|oh|and|just|already|all|finally|right|well|sure|great|also|no|then),? )*(?P<verb>[a-z]+)\b(?P<rest>.*)"
)
_FINISHED = re.compile(
    rf"^(?:(?:yes|yeah|yep|all|well),? )*done (?:the|it|them|that|both|all|everything)\b|\b(?:went|gone) (?:off|over|across|away) to\b|\bback (?:together|in (?:service|action|use)|on ?line)\b|\b(?:that|it|they|one)(?:'s|'re) gone\b|\b(?:got|had) (?:it|that|them) (?:in|off|out|done|over|away)\b|\bany ?more\b|\boff the list\b|\b(?:signed|ticked|closed|wrapped|finished) (?:it |that |this |them )?(?:off|up)\b|\b{_DONE_ADJ}\b|\bwent (?:through|out|live|in|up)\b|\bdid (?:it|that|those|this|them)\b|\bwrapped\b|\b(?:call|count|consider|deem|declare|calling|counting) (?:it|that|them|those|these|this)(?: one)? (?:all )?(?:\w+ed|done|built|cut)\b"
)
_FIRST_PAST = re.compile(
    r"\b(?:i|we|he|she|they)(?:'ve| have|'s| has)?(?: (?:deep|pressure|power|steam|jet|double|spot|dry|spring|just|already|finally|also|all|actually|even|managed to|went ahead and|gone ahead and|been and|gone and|went on and|went and|got round to and|quickly|both|then))* (?P<verb>[a-z][a-z-]+)\b(?!')(?P<rest>.*)"
)
_PROGRESS = re.compile(
    r"\b(?:working on|work(?:ing)? through|half ?way|half (?:up|in|on|out|built|painted|cleared|packed|written|wired|fitted|done|through|there|of (?:it|them)|finished|way)|halfway|in progress|under ?way|on ?going|rolling|in motion|in hand|on its way|off and running|moving along|in the works|in the pipeline|(?:that's|that one's|it's|one's) moving|(?:i'm|we're|am|is|are|he's|she's|they're|already|still|been) on it|been (?:going|working|digging|looking|getting) (?:through|into|on)|going through|been on|still (?:on(?! (?:my|the|our) (?:to-?do|list|board|backlog|pile|order|back|shelf|desk))|at (?:it|them|that|this)|doing|working|going|in (?:progress|the (?:oven|works|middle|kiln|process|thick)|pieces|bits))|busy with|in the middle of|part ?way|mid ?way|"
    r"(?:about )?(?:a third|two thirds|a quarter|three quarters|\d+ ?(?:%|per ?cent)|\w+ per ?cent|most of the way) (?:done|there|through|in|of)|almost (?:done|there|finished)|nearly (?:done|there|finished)|close to (?:done|finished|being)|getting there|coming along|still a (?:mess|bit)|as we speak|that's about it|as far as (?:i've|we've|i|we) got|in review|up for review|under review|out for review|waiting for (?:a )?review|so far|(?!has\b|have\b|had\b|needs?\b|got\b|wants?\b|ready\b|going\b|good\b|time\b|due\b|about\b|way\b|where\b|how\b)\w+ (?:more )?to go|first (?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|\d+|few|half|batch|coat|section|part|lot|load|row)\b(?: \w+){0,3} (?:is|are|were|have|got|has)|up to (?:episode|page|number|chapter|row|block|room|unit|item|question|step|level) \w+|first draft|chipping away|plugging away|poking at|making progress|got (?:\w+ ){0,3}(?:so far)|(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty) (?:out of|of) (?:the )?(?:\d+|\w+) (?:are )?(?:done|so far))\b"
    r"|\b(?:i'm|we're|been)(?: (?:also|still|now|just|currently))? doing (?:a|an|the|some|up)\b"
    r"|\b(?:i'm|i am|we're|we are|he's|she's|they're|been|currently|now|still|busy)(?: (?:still|now|currently|just|also|already|actively|actually|all))* (?P<ing>[a-z-]+ing)\b(?! (?:to|gonna)\b)"
)
_HABIT = re.compile(
    r"\b(?:every|each) (?:single )?(?:time|push|day|week|night|morning|month|order|customer|year|evening|shift|call|visit|one|job|build|room|table|class)\b|\ball the time\b|\balways\b|\bconstantly\b"
)
"""How things are done as a rule: no report of work."""
_BEGUN = re.compile(
    r"\b(?:started|begun|began|kicked off|kicked (?:it|that|this|those|them|things) off|(?<!they )(?<!he )(?<!she )picked (?!up (?:all|both|the last|\d|two|three|four|five|six|ten|our|my))(?!up [^.]{0,40}\bfrom\b)(?:it|that|this|the \w+.*?|up)(?: up)?|have begun|got going|got started|mak(?:e|ing) a start|made a (?:start|beginning|stab|dent)|moved (?:straight |right )?on(?:to| to)|cracked on with|turned to|has started|'ve started|under ?way|dug in(?:to)?|opened up|got stuck in(?:to)?|first (?:coat|batch|half|part) (?:is|are) (?:on|in|done)|as we speak|set (?:it |that )?going|took (?:it|that|this) on)\b"
    r"|\b(?:is|are|'s|'re|it's|they're|that's) (?:now |currently )?being \w+(?:ed|en|t)\b(?! (?:today|tomorrow|this|on|next|tonight|later))"
    r"|\b(?:engineer|guy|guys|bloke|chap|man|men|woman|fitter|plumber|electrician|mechanic|technician|builders?|crew|people|lads?|they|he|she)(?:'s|'re| is| are) (?:in there|up there|out there|down there|on site|at it|round there|here|there)(?: right)? (?:now|today|this morning|as we speak)\b"
    r"|\bso (?:we're|i'm) (?:off|rolling|away|moving|going)\b(?! to)|\bso (?:it's|that's) (?:rolling|away|moving|going)\b(?! to)"
    r"|\b(?:i've|we've|i|we)(?: have)? had (?:it|that|this|them|the [\w ]{1,20}|\S+) open since\b"
)
_NEGATION = re.compile(
    r"\b(?:not|n't|never|isn't|aren't|wasn't|weren't|hasn't|haven't|hadn't|didn't|don't|doesn't|won't|can't|couldn't|nobody|nobody's|no one|no one's|nothing|none|without|neither|hardly|barely|yet to|far from)\b|n't\b"
)
_NOT_DONE = re.compile(
    r"\bdone (?:nothing|nowt|not a thing|zilch|zero|sod all|bugger all|very little|precious little)\b|\bstill in (?:its|the|their|a) (?:plastic|box|boxes|packaging|wrapper|wrapping|crate|bag|van|cellophane)\b|\bstill to (?:do|come|go|hang|fit|paint|write|sort|pack|send|build|finish|be)\b|\b(?:not|n't|isn't|aren't|hasn't|haven't|wasn't|didn't|nobody's|nobody has|no one's|never)\b[^.?!]{0,40}\b(?:done|finished|complete|completed|started|begun|ready|there|touched|looked|got|been|happened|live|merged|fixed|working|sent|signed|closed|out|through|round|around|begin|start|finish|over)\b"
    r"|\b(?:yet to|still to be|still needs|not yet|far from|unfinished|still open|touch(?:ing)? nothing|won't touch|still (?:flaky|broken|failing|leaking|wrong)|isn't(?! (?:us|ours|me|mine|about|a problem)\b)|aren't(?! (?:us|ours)\b)) ?"
)
_PLAN = re.compile(
    r"\b(?:i'd|we'd|i would|we would) (?:love|like) to (?:start|begin|get (?:to|going|started)|have a go)\b|\b(?:will|'ll|going to|gonna|might|probably) (?:\w+ )?(?:look at|start|begin|get to|do|tackle|think about|come back to|see about|worry about|pick)\b.*\b(?:in (?:january|february|march|april|may|june|july|august|september|october|november|december)|next (?:month|sprint|quarter|year)|later on|at some point|after that|once|when)\b|\b(?:will|'ll|going to|gonna|plan(?:ning)? to|want to|hope to|tomorrow|next (?:week|month|sprint|quarter)|later|after (?:that|lunch|the)|once|then i)\b.{0,40}\b(?:start|begin|get to (?:it|that|\w+)|pick (?:it|that|this) up|get (?:on|round|around) to|tackle|kick off)\b"
    r"|\b(?:start|begin|starting|beginning|kick(?:ing)? off|pick(?:ing)? (?:it|that|this) up)\b.{0,20}\b(?:tomorrow|next|on (?:mon|tues|wednes|thurs|fri)|later|after|once|this afternoon)"
    r"|\b(?:is|are|'s|'re) (?:next|after that|on my list|on the list|scheduled|planned)\b"
)
_REOPEN = re.compile(
    r"\b(?:re-?open(?:ed|ing)?|open(?:ed)? (?:it|that|this|that one|this one)?(?: back)? ?(?:up )?again|open(?:ed)? (?:it |that )?back up|put (?:it|that|this|that one|this one|them)?(?: \w+){0,3} ?back (?:on|in|to|up|as)|back (?:on|to|in|into) (?:the |my |our )?(?:board|list|backlog|to-?do|not done|column|open|in progress|pile|stack|heap|queue|drawing board)|(?:said|thought|marked|reported|called|had) (?:it|that|this|those|that one|this one|we|they|he|she)?.{0,40}\b(?:done|completed?|finished|closed|fixed|sorted)(?=\W{0,2}(?:\w{1,4}\W?)?$)|(?:marked|down|listed|recorded|logged) (?:as )?(?:done|completed?|finished|closed)\b|(?:closed|marked|ticked) (?:it|that|this|those|that one|this one)(?: \w+)?(?=\W?$)|move(?:d)? (?:it|that) back|take(?:n)? (?:it|that) back|"
    r"didn't (?:really |actually )?(?:count|work|hold|last|stick)|not (?:actually|really|properly) (?:done|fixed|finished|working|closed)|(?:have to|need to|must|got to|gotta) (?:do|redo|hold|run|test|fix|clean|check|repeat|replace) (?:it|that|this|them|one|the \w+) (?:over|again|once more)|"
    r"(?:came|come|fell|gone|went|broke|failed|leaked|jammed|seized|split|tore|cracked) (?:off |out |loose |down |over |up )?again|(?:broken|failing|leaking|down|wrong|dripping|happening|back|crashing|stuck|loose) again|(?<!results )(?<!result )(?<!samples )(?<!sample )(?<!lab )(?<!tests )(?<!quotes )(?<!quote )(?<!prices )(?<!numbers )(?<!scans )(?<!proofs )(?<!feedback )(?<!they )(?<!he )(?<!she )came back\b(?! (?:with|from|to (?:me|us)|on|clean|clear|fine|negative|good|ok|okay|yesterday|today|this|in|approved|signed))|has come back\b(?! (?:with|from|to (?:me|us)))|it's back\b(?! (?:in (?:service|action|use|business|operation|place)|on ?line|up|working|running|to normal|together))|is back\b(?! (?:on|at|in|from|by|up|online|running|together|working|to))|redo (?:it|that|the)|needs? (?:re-?)?opening\b|opening (?:it |that )?(?:back )?up again|start(?:ing)? (?:it )?over|undone|never (?:actually )?(?:fired|worked|went)|not as done|as not done|un-?done)\b"
)
_REOPEN_HARD = re.compile(
    r"\b(?:re-?open\w*|needs? opening\b|open(?:ed)? .{0,12}(?:again|back up)|put .{0,20}back (?:on|in|to|as)|back (?:on|to|in|into) (?:the |my |our )?(?:board|list|backlog|to-?do|column|open|in progress|pile|stack|heap|queue|drawing board)|as not done|not as done|move(?:d)? (?:it|that) back)\b"
)
_LAUGH = re.compile(
    r"(?<!\w)(?:ha(?: ?ha)*h?|haha\w*|hehe\w*|lol|\*?laughs?\*?|heh)(?!\w)", re.IGNORECASE
)
_JOKE = re.compile(
    r"^only if\b|\b(?:if one more|if i (?:hear|see|have to) .* (?:again|one more)|just kidding|kidding|joking|joke|in your dreams|good luck with that|unicorns?|magic(?:al)? wand|lottery|million (?:dollars|pounds|euros)|(?:build|buy|get) (?:us )?a (?:robot|time machine|yacht|castle|pony|private)|by lunch(?: then)?$|while you're at it|yeah right|yeah sure and|oh sure|as if|dream on|when pigs fly|world domination|to the moon|teleport\w*|clone (?:me|myself)|nobel|a holiday in|retire|move to (?:hawaii|an island|the beach)|yacht|(?:which|that) is (?:zero|nothing|empty|nought)\b|(?:budget|account) of (?:zero|nothing)|with my (?:\w+ )?(?:salary|savings|wages|pocket money))\b"
)
_QUESTION = re.compile(
    r"\?\s*$|\b(?:how|where)(?:'s| is| are|'re) (?:it|that|they|those|things|this|we)(?: (?:at|going|looking|doing|getting on|coming along|up to))?(?:,? qqn\d)?$|(?<!of )(?<!see )(?<!know )(?<!guy )(?<!person )(?<!people )(?<!one )(?<!someone )(?<!somebody )(?<!those )(?<!woman )(?<!man )\bwho(?:'s|'ll| is| can| will| could| wants)\b"
    r"|^(?:(?:and|so|but|ok|okay|oh|um|well|sorry|wait|then|qqn\d),? )*(?:who|who's|what|what's|when|when's|where|where's|why|how|which|(?<!qqn\d )(?:is|are|was|were|do|does|did|has|have)|(?:is|are|was|were|do|does|did|has|have)(?= (?:that|you|it|they|there|this|your|we|any)\b)|should|shall|am|isn't|aren't|didn't|doesn't|can i|could i|may i|is there|any)\b"
)
_WHO = re.compile(
    r"\b(?:who|who's|whose|anyone|anybody|any (?:volunteers|takers)|somebody|someone)\b"
)
_ACCEPT = re.compile(
    r"^(?:righto|righty ho|roger|aye|okey ?doke\w*|okie ?dokie|no bother|no probs|you got it|you bet|count on it|noted|understood|can do|very good|right you are)\b|^(?:(?:oh|ok|okay|yeah|yes|well|that),? )*(?:sounds (?:right|fine|fair|great|like a plan)|works for me|fair enough|suits me|that works|makes sense)\b|^(?:(?:oh|ok|okay|yeah|yes|well|then|so|please|sure|right),? )*(?:do it|do that|please do|go for it|let's do it|let's do that|you do that|make it so)[.!]?(?: (?:then|please))?$|^(?:(?:oh|ok|okay|well|ha|right|and|uh|um|so),? )*(?:yeah|yes|yep|yup|sure|ok|okay|will do|of course|no problem|no worries|absolutely|happy to|got it|fine|alright|all right|can do|consider it done|right|gladly|deal|perfect|great|lovely|sounds good|me|definitely|certainly|agreed|exactly|true|done|noted|correct|indeed|thank you|thanks|cool|good|amazing|brilliant|please)\b"
)
_REFUSE = re.compile(
    r"^(?:(?:oh|ok|well|ha|um|uh|sorry|yeah|er|god),? )*(?:no\b(?! (?:problem|worries|blockers|rush|news|hurry))|nope|nah|(?:i )?can't[,.]?$|not me|please don't|i'd rather not|god no|absolutely not|no way|not really|never)|\b(?:i can't (?:take (?:it|that|this)|do (?:it|that|this)|make (?:it|that)|today)|i won't have time|i'm (?:away|off|out|on holiday|on leave|on vacation)|i don't have time|i'm swamped|i'm full)\b"
)
_SHIFT = re.compile(
    r"^(?:(?:right|okay|ok|so|and|now|then|well|yes|yeah),? )*(?:something new|(?:a )?new (?:work|things?|business|topic|items?|stuff|ones?|actions?|bits?|tasks?|jobs?|asks?|requests?)(?=[.,!]|$| then| now)|(?:a )?new (?:work|things?|business|topic|items?|stuff|one)|here's a new one)\b|^(?:(?:oh|ok|okay|right|and|so|um|uh|yeah|but|well|then|no),? )*(?:also|another thing|one more|one last|one other thing|one other|the other thing|other thing|next(?: one| thing| up| item)?\b|by the way|separately|on another note|last (?:thing|one|item)|lastly|finally|second(?:ly)?|anything else|moving on|as for|what about|how about|regarding|then there's|oh and|one thing|the one thing|the only (?:other )?thing|something else|before (?:i forget|we)|and one|quick one|speaking of|in other news|different (?:topic|thing)|while i was|i also|we also|for me|from me|from my side|my side|on my side|on our side)\b"
    r"|\b(?:by the way|i also|we also|one more (?:thing|from me)|the other thing|while i was (?:in there|at it))\b|^oh\b"
)
_CORRECT = re.compile(
    r"\b(?:correct myself|correction|on reflection|actually|i misspoke|my mistake|i take that back|scratch that|no wait|wait no|sorry,? no|not \w+,? but|^(?:no,? |but )?not (?:on )?(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)|(?:sorry|no|actually|and)\b.{0,40}\bnot (?:on |by )?(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)|(?:can|could|may) (?:i|we|you) (?:just |quickly )?(?:revise|change|go back to|come back to|amend|move|push|bring|swap)|(?:go|going|come|coming|back) back to the|revise|(?:i'd|we'd|i would) (?:much )?(?:rather|prefer) (?:it|that|if|to have it|we)|(?:could|can|shall|should) we say|(?:i'd|i'll|we'd|we'll) need (?:till|until|another|longer|more time|a bit (?:more|longer))|let's have (?:it|the \w+|that)(?: \w+)? (?:by |on |out |in |done )?(?:today|tomorrow|tonight|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|does (?:it|that|this) have to be|do you (?:really )?need (?:it|that) (?:by|on|before)|(?:can|could) (?:it|that|this|we) (?:be|make it|do it) (?:by|on|before|earlier|later)|make it (?:by |on |the |next )?(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|\w+teenth|twenty)|(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|week|month|november|december|january|february|march|april|may|june|july|august|september|october|\w+th|then|that)(?:'s| is| would be) (?:too (?:late|soon|early|tight)|no good|cutting it|out\b)|not the (?:\w+ )?\w+(?:th|rd|nd|st|first|second|third)\b|a (?:day|week|couple of days) (?:earlier|later|sooner)|any chance (?:of|it|that)|(?:bring|move|push|pull) (?:it|that|this) (?:forward|back|up|to)|(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|next week)(?:'s| is| would be) better|(?:make|call) that (?:a )?(?:monday|tuesday|wednesday|thursday|friday)|instead|rather than|i meant|i mean to say|change of plan|on second thoughts?|make (?:it|that)|let's (?:say|make it)|turns out|i was wrong|hang on|hold on|i got that wrong)\b"
)
_SMALL_TALK = re.compile(
    r"\bbring (?:you|us|everyone|everybody|some|in) (?:\w+ )?(?:a |an |some |the )?(?:sandwich\w*|coffees?|teas?|cake|biscuits?|doughnuts?|donuts|lunch|pizza|ice cream|chocolates?|sweets)\b|\b(?:share|shared|sharing) (?:the|my|our) (?:screen|board|slides|deck|link|doc|document)\b|\bcan everyone (?:see|hear)\b|\bcome (?:on )?in\b(?= or\b|[.,!]|$)|\bhow(?:'s| is| has| have) (?:(?:the|your|everyone|everybody|it|things|life|you|we)\b)(?: (?:week|day|weekend|morning|going|been|holding up|feeling|doing|all|family|baby|kids))+|\b(?:please )?stop \w+ing\b|\b(?:don't|do not) let (?:anybody|anyone|them|him|her|me)\b|\b(?:sit|hang) tight\b|\b(?:grab|pull up|take) a (?:seat|chair|pew|biscuit|coffee|tea)\b|\b(?:i've|i have|i|i'll|we'll|let me|who's|i'm) (?:just |now )?(?:made|got|brought|put|pour(?:ed)?|mak(?:e|ing)|put|getting|get) (?:(?:us|you|some|the|a|more|another|everyone|pot|cup|of) )*(?:tea|coffee|coffees|teas|kettle|biscuits|doughnuts|donuts)(?: on)?[.,!]?$|\b(?:let's (?:just |quickly |maybe |all )*(?:go(?! (?:with|for|through))|start|move on|wrap|get (?:started|going)|jump|see\b|keep|continue|talk|meet|call it|take a break|go round|leave it there|stop there|not|be|have a look|hear|hope|quickly|begin|recap|pick (?:this|that|it) up (?:next|again)|catch up|finish here)|see you|next meeting|meet again|same time|speak (?:soon|tomorrow|next)|(?:talk|chat|speak|meet|catch up) (?:to you )?(?:again|tomorrow|later|next|then|soon)|have a good|have a nice|good shift|enjoy|drink (?:some )?water|take care\b(?! of)|get some sleep|good (?:morning|afternoon|evening)|thanks (?:everyone|all|everybody|team)|that's (?:it|all|everything) (?:from|for)|(?<!before )(?<!than )(?<!do )anything (?:else|from)|(?<!to )(?<!will )(?<!can )go on(?! (?:sale|the|a|to|top|display|air|line|holiday))|go ahead|over to you(?=[.,!?]|$)|your turn|we're (?:two|one|three) down|i'll be quick|how are you|how was|the weather|can you hear|the drill|shout if)\b"
)
_TIMELINE = re.compile(
    r"^(?:(?:and|then|so|at|by|just after|around|about|timeline),? )*(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})(?: |:)?(?:(?:[ap]\.?m\b\.?)|o'clock|oh (?:one|two|three|four|five|six|seven|eight|nine)|(?:ten|eleven|twelve|fifteen|(?:twenty|thirty|forty|fifty)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|\d\d)(?: [ap]\.?m\.?)?),? (?!of\b|percent|per\b|people|pounds|and\b|euros|dollars)(?:the |a |an |our |we |i |they |it |he |she |somebody |nobody |\w+ \w+s\b)"
    r"|^(?:so,? |okay,? )*(?:the )?timeline\b|"
    r"\bat (?:about |around )?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b(?! (?:percent|per|degrees|euros|pounds|dollars|people))|\b(?:at|around|about|by|until) (?:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})[: ](?:oh[ -])?(?:\w+teen|twenty|thirty|forty|fifty|ten|eleven|twelve|five|two|three|four|six|seven|eight|nine|one|\d{2})(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|half past \w+|quarter (?:past|to) \w+)\b"
    r"|\b(?:at the time|in hindsight|back then|during the (?:outage|incident)|that night)\b"
)
_WANT = re.compile(
    r"\b(?:i|we)(?:'ll| will)? (?:still |also |really )?need (?!to\b|you\b|is\b|this\b|less\b)(?:[a-z]+ ){0,1}[a-z]{3,}s\b|\b(?!it|that|this)[a-z]+ (?:wants?|(?:has |have )?asked for|(?:is|are) (?:after|asking for)|keeps? asking for) (?!to\b|it\b|that\b|me\b|us\b|you\b)(?:a|an|some|the|more|another|new|our|their)\b|"
    r"\b(?:i|we) (?:still )?need (?:a|an|some|something|the|your|those|more)\b|\b(?:i'd like|we'd like|i would like|we would like|i want(?!ed to)|we want|i'd love|could do with|would be (?:great|good|helpful) to have|can we have|could we have|(?:can|could|may) (?:i|we) see|i need to see|can i get|can we get|could we get|could i get|is it possible to|would it be possible|i'm after|we're after|we were hoping|i was hoping|is there any chance)\b"
)
_RECAP = re.compile(
    r"^(?:(?:so|right|okay|ok|then|and),? )+qqn\d (?:does|is doing|do|has|takes|gets|owns|handles|keeps|is on|'s on|'s doing)\b|\b(?:recap|to sum(?:marise| up)|summary|in summary|to confirm|just confirming|double[- ]check|so that's|so (?:we have|we've got)|going through (?:the )?(?:list|actions)|actions? (?:are|is|items)|read (?:it|that|them) back|remember)\b"
)
_PROBLEM = re.compile(
    r"\b(?:racket|making (?:a|an|this|that) (?:\w+ )?(?:noise|racket|sound|mess|smell)|last legs|given up the ghost|packed (?:up|in)|conked out|knackered|buckled|fraying|peeling|backing up|stinks?|mouldy|moldy|gone off|off (?:long-term |long term |on )?sick|with no deputy|on leave until|away until|out of (?:the )?office|has(?:n't| not) got back|(?:is|are|was|been|went|goes|it's|system's|server's|site's|line's|still) down|broken|wrong|bug|issue|problem|error|errors|fails?|failing|failed|missing|crash(?:es|ed|ing)?|leak(?:s|ing|ed)?|off by|out of date|outdated|slow|stuck|gaps?|mess|doesn't|don't|isn't|aren't|can't|expired?|expir\w+|damaged|cracked|loose|faulty|incorrect|complain\w*|no (?:signal|answer|light|power|heating|water|sound|response) at all|still pointing|confus\w+|duplicate[ds]?|twice|overdue|ran out|run(?:ning)? out|low on|dead|jam(?:s|med)?|drips?|dripping|squeak\w*|noisy|playing up|acting up|on the blink|sticking|tripping|trip over|wobbl\w+|rattl\w+|smells?|keeps? \w+ing|won't (?:start|open|close|turn|load|print|charge)|dodgy|busted|frozen|flicker\w*|flood\w*|locked|closed|missing|shut|sealed off|out of service|unavailable|cut off|unreadable|empty|too (?:small|big|slow|dark|hot|cold|short|long|narrow|loud)|complaints?|rust\w*|torn|mislabel\w*|misspel\w*|typos?)\b"
)
_CONTACT = re.compile(
    r"\b(?:get|got|be|been|getting) (?:back )?in touch with\b|\b(?:call|ring|phone|email|mail|chase|ping|ask|text|message|contact|remind|nudge|talk to|speak to|speak with|check with|get hold of|write to|get on to|follow up with)\b(?: (?:up|back))? (?:him|her|them|the|my|our|[a-z]+)\b"
)
_DECISION = re.compile(
    r"\b(?:we(?:'ve| have)? (?:decided|agreed)|decision|let's (?:go with|go for)|we're going with|we'll go with|agreed|so we (?:do|go|use|keep)|final answer|settled on)\b"
)
_ANAPHOR = re.compile(
    r"\b(?:on|with|about|at|into|of) that\b(?! (?:one )?[a-z]+ (?:is|was|that|for|in|on|at)\b)|\b(?:it|it's|that's|they|they're|them|her|him|there(?!'s| is| are| was| were)|that one|this one|those ones|it'll|that'll|the same)\b"
    r"|\b(?:that|this|those|these|one)(?= (?:is|are|was|were|will|can|should|has|had|by|on|to|for|at|in|today|tomorrow|"
    r"up|out|off|down|before|after|then|and|so|with|as|too|please|if|again|now|back|over|from|yet|next|first|when|"
    r"because|asap|either|already|done|sorted|myself|though|anyway|i|we)\b|[,.?!]|$)"
)
_NOT_TOPIC_PAST = frozenset(
    listed(
        "be go come see say think tell know hear get let forget understand lose mean want need have had "
        "said thought talk ask look wait try mention notice find feel like love hope wish "
        "enjoy meet agree decide discuss happen seem turn walk sit stand sleep eat drink laugh "
        "spot discover realise realize receive expect learn remember recall miss hit glance "
        "drive burn break spill damage smash wreck snap crack chase contact ping speak remind watch promise complain restart plan start begin begun work locate identify figure"
    )
)
_ROUTINE_ING = frozenset(
    listed(
        "haunting bugging bothering annoying worrying killing driving going doing being having trying waiting getting coming looking saying thinking talking hoping wondering planning asking telling joking kidding using seeing hearing running feeling sitting standing leaving dealing interesting exciting boring missing everything something nothing anything morning evening during thing bring meeting flying hanging leaking dripping squeaking flickering failing breaking crashing lying blinking beeping rattling smoking flapping showing missing"
    )
)


def _is_planned(low: str, found: Mark, later: bool) -> bool:
    """Whether "I'm doing it" speaks of a later day ("I'm opening it next Monday")."""
    if Mark.PROGRESS not in found or Mark.BEGUN in found or not later:
        return False
    present = re.search(r"\b(?:i'm|we're|he's|she's|they're|i am|we are) \w+ing\b", low)
    return bool(present and not re.search(r"\b(?:still|now|currently|already|half|been)\b", low))


def _with_stand_ins(text: str, mentions: Sequence[Mention]) -> tuple[str, dict[str, str]]:
    """The text with `qqn0`, `qqn1` … for members' names, and what each stands for."""
    names = {f"qqn{i}": m.name for i, m in enumerate(mentions)}
    for i, m in reversed(list(enumerate(mentions))):
        text = f"{text[: m.start]}qqn{i}{text[m.end :]}"
    return text, names


def marks(text: str, names: Mapping[str, str]) -> tuple[Mark, str]:
    """What the clause does, and the verb phrase for a title ("" when it has none).

    In `text` members are called `qqn0`, `qqn1` …; `names` tells who is who.
    """
    found, act = _marks(text.lower())
    for stand_in, name in names.items():
        act = act.replace(stand_in, name)
    return found, act


def _marks(low: str) -> tuple[Mark, str]:
    found = Mark.NONE

    def has(pattern: re.Pattern[str]) -> bool:
        return pattern.search(low) is not None

    if has(COMMAND):
        return Mark.COMMAND, ""
    for pattern, mark in (
        (_HYPO, Mark.HYPO),
        (_UNSURE, Mark.UNSURE),
        (_AGAINST, Mark.AGAINST),
        (_LEAVE, Mark.LEAVE),
        (_OTHER_TEAM, Mark.OTHER_TEAM),
        (_LAUGH, Mark.LAUGH),
        (_JOKE, Mark.JOKE),
        (_QUESTION, Mark.QUESTION),
        (_ACCEPT, Mark.ACCEPT),
        (_REFUSE, Mark.REFUSE),
        (_SHIFT, Mark.SHIFT),
        (_CORRECT, Mark.CORRECT),
        (_SMALL_TALK, Mark.SMALL_TALK),
        (_TIMELINE, Mark.PAST_STORY),
        (_WANT, Mark.WANT),
        (_RECAP, Mark.RECAP),
        (_PROBLEM, Mark.PROBLEM),
        (_ANAPHOR, Mark.ANAPHOR),
        (_PLAN, Mark.PLAN),
        (_DECISION, Mark.DECISION),
        (_CONTACT, Mark.CONTACT),
    ):
        if has(pattern):
            found |= mark
    if "?" not in low and re.match(
        r"(?:(?:and|so|but),? )*what(?:'s)? (?:i|we|they|you|really|actually)?\b.* (?:is|was)\b (?!it\b|that\b)",
        low,
    ):
        found &= ~Mark.QUESTION  # "what we need is …"
    if re.search(
        r", (?:right|yeah|correct|ok|okay|yes|is that right)\?$|^(?:shall i|do you want me)\b", low
    ) or _GIVES.search(low):
        found &= ~Mark.QUESTION
    if Mark.QUESTION in found and has(_WHO):
        found |= Mark.WHO
    stopped = has(_BLOCK) or has(_CANNOT) or (has(_BLOCK_HARD) and not has(_EXCUSE))
    if stopped and not has(_NO_BLOCK):
        found |= Mark.BLOCK
        if has(_CANNOT) or re.search(r"\b(?:can't|cannot|unable|not able|couldn't)\b", low):
            found |= Mark.CANNOT
        if has(_BLOCK_HARD):
            found |= Mark.BLOCK_HARD
    if has(_REOPEN):
        found |= Mark.REOPEN
        if has(_REOPEN_HARD):
            found |= Mark.REOPEN_HARD
    status, act = _status(low)
    found |= status
    asked, phrase = _asked(low)
    if asked is Mark.NEED and Mark.BLOCK in found and not _OUR_NEED.search(low):
        asked = Mark.NONE  # what others have to do first
    if asked:
        found |= asked
        act = phrase or act
    if Mark.REOPEN_HARD in found and not re.search(r"\b(?:i'm|we're|already|now|been)\b", low):
        found &= ~(Mark.PROGRESS | Mark.BEGUN)
    if Mark.NOT_DONE in found and re.search(r"(?:n't|not) \w+(?:ed|n) (?:since|again)\b", low):
        found = (found & ~Mark.NOT_DONE) | Mark.DONE
    if re.search(r"\b(?:i|i'm|i've|i'll|i'd|we|we've|we're|we'll|we'd)\b", low):
        found |= Mark.FIRST
    return found, act


_OUR_NEED = re.compile(
    r"\b(?:we|i|somebody|someone|one of us|let's|you)\b(?:'ll| will|'ve| have)?[^.,]{0,15}\b(?:need|have|has|must|should|got|ought)\b"
)
_COUNT = r"(?:\d+|a couple|a few|some|half|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty)"
_PARTLY = re.compile(
    rf"\b(?:the|a|my|our) first (?:\w+ )?(?:{_COUNT}|bit|part|section|chapter|page|batch|round|coat|draft|half|row|floor|room|box|load)s?\b"
    rf"|\b{_COUNT} (?:out )?of (?:the|them|those|my|our|these|\d+|{_COUNT})\b(?! (?:lads?|guys|girls|boys|team|men|women|volunteers|staff|crew|people|neighbours))|\b(?:most|part|bits?|parts) of (?:it|them|the|that)\b"
)


def _status(low: str) -> tuple[Mark, str]:
    """DONE, PROGRESS, NOT_DONE and BEGUN, with the verb phrase that says so."""
    found = Mark.NONE
    act = ""
    future = re.search(
        r"\b(?:will|'ll|going to|gonna|can|could|should|would|'d|must|need to|needs to|has to|have to|until|once|when|if|want to|wanna|to be)\b",
        low,
    )
    done = _DONE.search(low) or _passive(low)
    if done and not (future and future.start() < done.start()):
        found |= Mark.DONE
    if _TICK.search(low):
        found |= Mark.DONE | Mark.FINISHED
    alone = re.fullmatch(
        r"(?:(?:yes|yeah|yep|all|well|so|just|now|already),? )*(?P<verb>[a-z]+)[.!]?", low
    )
    if (
        alone
        and alone["verb"] in verbs.PARTICIPLE
        and alone["verb"] not in _STATE_WORDS | verbs.BASE | _REPLIES
    ):
        found |= Mark.DONE | Mark.FINISHED  # "Filed."
    past = _FIRST_PAST.search(low)
    if past is None and (bare := _BARE_PAST.match(low)) and _tells_of_work(bare):
        past = bare
        found |= Mark.FIRST
    if past:
        verb = past["verb"]
        base = verbs.PAST.get(verb) or verbs.PARTICIPLE.get(verb)
        if base is None and verb.endswith("ed"):
            base = verbs.guess_base(verb)
        if verb in ("read", "set", "put", "cut", "let") and re.search(
            r"\b(?:will|can|to|'ll) \w*$", low[: past.start("verb")].rstrip()
        ):
            base = None
        if base == "do" and re.match(
            r" (?:think|consider|wonder|want|try|mean|say|ask|look|hear|see|like|promise)\b",
            past["rest"],
        ):
            base = None
        if base == "do" and re.match(
            r" ?(?:$|[.,!?]|(?:it's|that's|they're|there|yes|yeah|i|we|so|and|but)\b)", past["rest"]
        ):
            base = None  # "yes we did"
        if base == "call" and re.match(
            r" (?:it|him|her|them|that|this) (?:a|an|the|after)\b", past["rest"]
        ):
            base = None  # "we called it a courgette"
        if base == "run" and re.match(r" (?:out|low|short)\b", past["rest"]):
            base = None
        if base and base not in _NOT_TOPIC_PAST:
            found |= Mark.DONE
            act = f"{base}{past['rest']}"
    causative = _passive(low)
    if causative is not None and causative["object"] and not act:
        act = f"have {causative['object']}{low[causative.start('verb2') :]}"
    has_begun = _BEGUN.search(low)
    if has_begun and not (future and future.start() < has_begun.start()):
        found |= Mark.PROGRESS | Mark.BEGUN
        found &= ~Mark.DONE
        ing = re.search(
            r"\b(?:started|begun|began) (?:on )?(?:(?P<ing>\w+ing) )?(?P<rest>.+)",
            low[has_begun.start() :],
        )
        if ing:
            act = f"{verbs.GERUND.get(ing['ing'] or '', '')} {ing['rest']}".strip()
    if (progress := _PROGRESS.search(low)) and not re.search(
        r"\b(?:calling|considering|counting|closing|marking|ticking) (?:it|that|this)\b", low
    ):
        doing = progress.groupdict().get("ing")
        troubled = bool(_PROBLEM.search(low)) and not re.search(
            r"\b(?:i'm|i am|we're|i've|on it)\b", low
        )
        habit = doing and _HABIT.search(low) and not re.search(r"\bbeen\b|\bnow\b", low)
        if not (doing and (doing in _ROUTINE_ING or troubled or habit)):
            found |= Mark.PROGRESS
            if (
                not re.search(rf"\b{_DONE_ADJ}\b", low[progress.end() :])
                or "half" in progress[0]
                or "most" in progress[0]
            ):
                found &= ~Mark.DONE
            if not act or Mark.BEGUN not in found:
                if doing and doing != "working":
                    act = f"{verbs.GERUND.get(doing, doing)} {low[progress.end() :]}".strip()
                elif m := re.search(
                    r"\b(?:working on|working through|going through|half ?way through|half way through|digging into|looking into|doing|been on|busy with|in the middle of) (?:since \w+ )?(?:is |are )?(?:\w+ing )?(?P<rest>.+)",
                    low,
                ):
                    act = m["rest"]
    if is_at_it(low) and not future:
        found = (found | Mark.PROGRESS | Mark.BEGUN) & ~(Mark.DONE | Mark.FINISHED)
    cured = re.search(r"\b(?:not|n't|no longer|stopped) \w+ing (?:any ?more|any longer|now)\b", low)
    if cured:
        return (found | Mark.DONE | Mark.FINISHED) & ~Mark.PROGRESS, act
    if Mark.DONE in found and _negates(low, "done") and not past:
        found = (found & ~Mark.DONE) | Mark.NOT_DONE
    negated = _NOT_DONE.search(low)
    if negated and not re.search(
        r"\bnot (?:only|just|a problem)\b|\bno (?:issues?|problems?)\b", low
    ):
        found |= Mark.NOT_DONE
        if Mark.DONE in found and _negates(low, "done"):
            found &= ~Mark.DONE
        if Mark.PROGRESS in found and re.search(
            r"(?:n't|not|nobody's|nobody has|never|yet to)(?: \w+){0,3} (?:start|begun|begin|touch|picked|work)",
            low,
        ):
            found &= ~(Mark.PROGRESS | Mark.BEGUN)
    if Mark.DONE in found and _FINISHED.search(low):
        found |= Mark.FINISHED
    if Mark.DONE in found and re.search(
        r"\b(?:except|apart from|all but|as we speak|that's about it)\b", low
    ):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS | Mark.BEGUN
    if Mark.DONE in found and has_rest(low):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS | Mark.BEGUN
    if Mark.DONE in found and _PARTLY.search(low) and not re.search(r"\b(?:last|rest|all)\b", low):
        found = (found & ~(Mark.DONE | Mark.FINISHED)) | Mark.PROGRESS | Mark.BEGUN
    if Mark.DONE in found and re.search(
        r"\b(?:almost|nearly|half|not quite|partly|mostly|pretty close|as good as)\b", low
    ):
        found = (found & ~Mark.DONE) | Mark.PROGRESS
    return found, act


_PASSIVE = re.compile(
    r"(?:\b(?:is|are|was|were|been|got|gets|they're|it's|that's|all)|'s|'re)(?: (?:all|now|finally|already|also|both|just|fully|been))* (?P<verb>[a-z]+)\b"
    r"|\b(?:i|we|he|she|they|qqn\d)(?:'ve|'s| have| has)? (?:(?:already|just|also|finally) )?(?:had|got) (?P<object>(?:the|it|that|our|my|all|both|them|those) (?:[\w']+ ){0,3}?)(?P<verb2>[a-z]+(?:ed|en)|done|cut|built|sent|put|made|set|hung|fitted|laid)\b"
)
_STATE_WORDS = frozenset(
    listed(
        "tired stressed worried excited supposed interested needed called based related expected allowed blocked "
        "delayed scheduled planned held stuck left broken gone flooded damaged used concerned said told known meant "
        "born made seen kept lost locked jammed cracked frozen torn worn booked busted confused annoyed pleased "
        "surprised involved connected overdue red bad worked failed crashed stopped started begun been come run put "
        "set let got had asked understood thought felt found heard given given sold required affected impressed "
        "happened changed missed wanted owned closed dropped leaked covered bored stalled slowed paused halted slipped drifted "
        "worsened stuffed drained exhausted swamped bothered"
    )
)


def _passive(low: str) -> re.Match[str] | None:
    """Something has been done: "the photos are retouched", "I had the gas capped"."""
    for m in _PASSIVE.finditer(low):
        verb = m["verb"] or m["verb2"]
        caused = m["verb2"] is not None and verb not in (
            "broken",
            "stolen",
            "lost",
            "told",
            "stuck",
        )
        if not caused and (
            verb in _STATE_WORDS or (verb in verbs.BASE and not verb.endswith("ed"))
        ):
            continue
        if _UNDONE.match(verb):
            continue
        if verb in verbs.PARTICIPLE or (verb.endswith("ed") and len(verb) > 4):
            return m
    return None


_UNDONE = re.compile(
    r"un(?!block|pack|load|plug|veil|cover|lock|tangl|do|pick|screw|ravel|wrap)\w+ed$"
)
"""What has not been done: untouched, unpaid, unsigned."""
_REPLIES = frozenset(
    listed("agreed noted understood granted accepted appreciated exactly promised")
)
_TIME_PAST = re.compile(
    r"\b(?:yesterday|last (?:night|week|month|\w+day)|this morning|ago|already|earlier|over the weekend)\b"
)


def _tells_of_work(bare: re.Match[str]) -> bool:
    """Whether a clause that begins with a verb tells what the speaker did."""
    verb = bare["verb"]
    told = _TIME_PAST.search(bare["rest"]) is not None
    if told and verb in ("hit", "put", "cut", "set", "shut", "read", "split", "spread", "let"):
        return True
    return verb in verbs.PAST and verb not in verbs.BASE and len(bare["rest"].split()) >= 2


def _negates(low: str, _what: str) -> bool:
    """Whether the clause's negation stands before its word of completion."""
    neg = _NEGATION.search(low)
    done = _DONE.search(low) or _FIRST_PAST.search(low)
    return bool(neg and (not done or neg.start() <= done.start() + 4))


def _asked(low: str) -> tuple[Mark, str]:
    """COMMIT, WEAK, REQUEST or NEED, with the verb phrase of the work."""
    told = re.match(
        r"(?:(?:and|so|then|ok|okay|right|well|oh|now|yeah|good|great|also|please),? )*qqn\d (?P<act>(?P<verb>[a-z]+) .+)",
        low,
    )
    if (
        told
        and not re.match(_NO_WORK, told["act"])
        and told["verb"] in verbs.BASE
        and told["verb"] not in verbs.PAST
        and told["verb"]
        not in (
            "have",
            "do",
            "be",
            "need",
            "want",
            "like",
            "think",
            "say",
            "know",
            "see",
            "hear",
            "mean",
            "work",
            "let",
            "come",
            "go",
        )
        and not _NO_REQUEST.search(low)
    ):
        return Mark.REQUEST | Mark.SECOND, told["act"]
    shared = re.match(
        r"(?:(?:and|so|then|ok|okay|right|now),? )*qqn\d (?P<verb>[a-z]+?)(?:es|s) (?P<rest>.+)",
        low,
    )
    if shared and _WHEN.search(shared["rest"]):
        verb = next((v for v in (shared["verb"], shared["verb"] + "e") if v in verbs.BASE), None)
        if verb and verb not in ("need", "want", "like", "say", "know", "think", "seem", "keep"):
            return (
                Mark.REQUEST | Mark.SECOND,
                f"{verb} {shared['rest']}",
            )  # "Mia writes to them by …"
    order = re.search(
        r"(?:^|[.,] |\b(?:and|so|ok|okay|oh) )qqn\d, (?:(?:on reflection|actually|then|also|just|maybe),? )*(?P<act>[a-z]+ .+)",
        low,
    )
    if order and order["act"].split()[0] in verbs.BASE and not _NO_REQUEST.search(low):
        return Mark.REQUEST | Mark.SECOND, order["act"]
    named_order = re.match(
        r"(?:(?:and|so|then|ok|okay|right|well|oh|now|yeah|good|great|lovely|perfect|also|please|just),? )*"
        r"(?P<act>(?P<verb>[a-z]+)(?: (?:up|out|off|down|in|over|back))? (?:the|that|this|it|them|a|an|my|our|your|those|these|all|both)\b.*)",
        low,
    )
    if (
        named_order
        and named_order["verb"] in verbs.BASE
        and named_order["verb"]
        not in (
            "thank",
            "let",
            "see",
            "say",
            "hope",
            "guess",
            "like",
            "love",
            "bet",
            "mean",
            "have",
            "get",
            "be",
            "think",
        )
        and re.search(
            r"(?<!with )(?<!from )(?<!to )(?<!for )(?<!ask )(?<!tell )(?<!and )\bqqn\d\b(?!'s)",
            named_order["act"],
        )
        and not _NO_REQUEST.search(low)
    ):
        return Mark.REQUEST | Mark.SECOND, re.sub(r"\s*\bqqn\d\b", "", named_order["act"])
    meant = re.search(
        rf"\bi was (?:going to|gonna|about to) (?!ask|say|tell|suggest|mention){_WORK}", low
    )
    if meant and not re.search(r"\bbut\b|n't\b|\bnot\b", low):
        return Mark.WEAK, _group(meant)
    if re.search(r"\b(?:was|were) (?:going to|gonna|about to|supposed to)\b", low):
        return Mark.NONE, ""
    if _TICK.search(low):
        return Mark.NONE, ""
    offer = _OFFER.search(low)
    if offer:
        return Mark.WEAK, _group(offer)
    bare = _COMMIT_BARE.search(low)
    if _GIVES.search(low):
        return Mark.REQUEST | Mark.SECOND, ""
    request = None if _NO_REQUEST.search(low) else _REQUEST.search(low)
    if request and request["act8"] and request["act8"].split()[0] not in verbs.BASE:
        request = _REQUEST.search(low, 1)  # "right places please"
    commit = _COMMIT.search(low)
    if request and not _is_base(_group(request)):
        request = None
    if commit and re.search(r"\b(?:i'll|i will|i can|let me) (?:get|have) qqn\d\b", low):
        commit = None  # somebody else will do it
    wish = None if _NO_REQUEST.search(low) else _COULD_WE.search(low)
    if wish and not request and not commit:
        firm = re.search(r"\bplease\b|\bby\b", low)
        return (Mark.REQUEST | Mark.SECOND if firm else Mark.WEAK), _group(wish)
    if commit and _VAGUE.match(low[commit.start() :]):
        commit = bare = None  # "we'll find another", "I'll tell her Advent"
    if request and (not commit or request.start() < commit.start()):
        return Mark.REQUEST | Mark.SECOND, _group(request)
    if commit:
        phrase = _group(commit)
        if not re.match(r"(?:it|that|this)\b", phrase):
            return Mark.COMMIT, phrase
    if bare:
        return Mark.COMMIT, ""
    weak = _WEAK.search(low)
    if weak:
        return Mark.WEAK, _group(weak)
    need = _NEED.search(low)
    stays = need and re.match(
        r"(?:keep|stay|stick|leave|continue|wait|carry on|use|see|know|be)\b", _group(need)
    )
    if need and not stays and _is_base(_group(need)):
        return Mark.NEED, _group(need)
    undone = re.search(
        r"\b(?:nobody's|no one's|nobody has|no one has) (?P<act>(?!(?:in|on|at|here|there|going|sure|happy|died?|had|been)\b)[a-z][\w'-]*.*)",
        low,
    )
    if (
        undone
        and not _BLOCK.search(low)
        and not re.search(
            r"\b(?:since|ever|in (?:weeks|months|ages|years)|for (?:weeks|months))\b", low
        )
    ):
        return Mark.NEED, undone["act"]
    order = re.match(
        r"(?:(?:and|so|also|oh|then|ok|okay|please),? )*(?:somebody|someone|everybody) (?:please )?(?P<act>[a-z]+ .*)",
        low,
    )
    if order and order["act"].split()[0] in verbs.BASE:
        return Mark.NEED, order["act"]
    return Mark.NONE, ""


_WHEN = re.compile(
    r"\b(?:by|before|on|until|today|tomorrow|tonight|this|next|end of)\b.*\b(?:\w+day|week|month|\w+th|today|tomorrow|tonight|afternoon|evening|\d+)\b|\b(?:today|tomorrow|tonight)\b"
)


def _is_base(phrase: str) -> bool:
    """Whether a verb phrase begins with a verb's base form: work to do, not work of the past."""
    first, _, rest = phrase.partition(" ")
    if first in ("have", "of") and (words := rest.split()):
        return not (
            (words[0] in verbs.PARTICIPLE and words[0] not in verbs.BASE) or words[0] == "been"
        )
    return not (first in verbs.PAST and first not in verbs.BASE)


def _group(m: re.Match[str]) -> str:
    return next((v for k, v in m.groupdict().items() if k.startswith("act") and v), "").strip()


# ------------------------------------------------------------------ doers

_LEAD = r"^(?:(?:and|so|ok|okay|right|oh|then|um|uh|but|well|lovely|great|yeah|sorry|also|no|yes|alright|actually|maybe|perhaps|hey|thanks|thank you|perfect|good|let's say|if|plus),? )*"


def doer(text: str, mentions: Sequence[Mention]) -> tuple[UserId, ...]:
    """Who is named as the one to do the clause's work; () when nobody is."""
    for m in mentions:
        if re.search(r"\blet\s*$", text[: m.start], re.IGNORECASE) and re.match(
            r" (?:do|take|have|handle|own|write|finish|sort)\b", text[m.end :]
        ):
            return m.who  # "Priya, let Omar do it"
    for m in mentions:
        before, after = text[: m.start], text[m.end :]
        if re.search(r"\b(?:not|instead of|rather than|except|but not)\s*$", before, re.IGNORECASE):
            continue
        if re.search(r"\b(?:can|could|would|will)\s*$", before, re.IGNORECASE) and re.match(
            r"\s+[a-z]+", after
        ):
            return m.who
        if re.match(r",?\s+(?:can|could|would|will) (?:someone|somebody|anyone) else\b", after):
            return ()
        told = re.match(r" ([a-z]+) ", after)
        shared = re.match(r" ([a-z]+?)(?:es|s) ", after)
        called = re.search(_LEAD + "$", before, re.IGNORECASE)
        if called and told and told[1] in verbs.BASE and told[1] not in verbs.PAST:
            return m.who  # "right Simone order five rolls"
        if called and shared and {shared[1], shared[1] + "e"} & verbs.BASE and _WHEN.search(after):
            return m.who  # "and Mia writes to them by Wednesday"
        addressed = called and re.match(
            r",?\s*(?:can|could|would|will|won't|please|you\b|you're|are you|is (?:that|this|it) (?:one )?(?:for you|yours|something|one|you)|fancy|i need you|i want you|i'd like you|"
            r"maybe you|'ll|is going to|is gonna|'s going to|'s gonna|to\b|should|needs to|has to|takes?\b|owns?\b|has\b|does\b|"
            r"is (?:on|doing|taking|making|writing)|'s (?:on|doing|taking|got|making|writing)|said (?:he|she|they)(?:'ll|'d)|"
            r"(?:and|or) (?:me|i)\b|on\b|for\b|with\b|do\b|by\b|[-:–]|,|$|[.?!]|the\b|your\b|how\b|what\b)",
            after,
            re.IGNORECASE,
        )
        if addressed:
            return m.who
        if (
            re.search(
                r"\b(?:assign(?:ed)? (?:it |that |this )?to|give (?:it|that|this) to|that's|it's|for|over to|goes to|with|down to|by|ask|get|have|and|so|then|can|could|would|is|will|to be|let)\s*$",
                before,
                re.IGNORECASE,
            )
            and re.match(
                r"\s*(?:,|$|[.?!]|to\b|can\b|will\b|'ll\b|please\b|could\b|then\b|do\b|does\b|own\b|is\b|has\b|take\b|'s (?:on|doing|got|taking))",
                after,
                re.IGNORECASE,
            )
            and not re.search(r"\b(?:thanks|with|from|ask|for|by) *$", before, re.IGNORECASE)
        ):
            return m.who
        if (
            len(mentions) == 1
            and re.search(r"\b(?:can|could|would|will) you\b", before, re.IGNORECASE)
            and re.match(
                r",? (?:before|by|after|for|in|at|on|when|today|tomorrow|tonight|this|please)\b",
                after,
            )
            and not re.search(
                r"\b(?:with|from|for|of|ask|tell|call|to|by|and|or|about|like|as|email|phone|ring|chase|remind|help|give|see|meet|text|the|mr|mrs|ms|dr)\s*$",
                before,
                re.IGNORECASE,
            )
        ):
            return m.who
        if (
            re.match(r"\s*(?:please)?[.?!,]*\s*$", after, re.IGNORECASE)
            and re.search(r"[,\w]\s*$", before)
            and not re.search(
                r"\b(?:with|from|for|of|ask|tell|call|to|by|and|or|about|like|as|the|thanks|thank you|cheers|sorry|morning|hi|hello|yes|yeah)\s*,?\s*$",
                before,
                re.IGNORECASE,
            )
        ):
            return m.who
    return ()


def excluded(text: str, mentions: Sequence[Mention]) -> tuple[UserId, ...]:
    """Members the clause takes the work from ("not Tom", "instead of Tom")."""
    return tuple(
        user
        for m in mentions
        if re.search(
            r"\b(?:not|instead of|rather than|except|but not)\s*$", text[: m.start], re.IGNORECASE
        )
        for user in m.who
    )


# ------------------------------------------------------------------ clauses


def clause(
    piece: Piece, *, order: int, turn: int, today: date, people: People, vocabulary: Vocabulary
) -> Clause:
    mentions = people.find(piece.text)
    found, act = marks(*_with_stand_ins(piece.text, mentions))
    days = find_days(piece.text, today)
    if _is_planned(piece.text.lower(), found, any(d.day > today for d in days)):
        found = (found | Mark.PLAN) & ~Mark.PROGRESS
    if _OWN_IT.search(piece.text) and not re.search(
        r"\b(?:that|they|them|this)\b", piece.text, re.IGNORECASE
    ):
        found &= ~Mark.ANAPHOR
    who = doer(piece.text, mentions)
    if len(who) > 1 and piece.speaker in who and Mark.SECOND in found:
        who = tuple(u for u in who if u != piece.speaker)  # nobody asks themselves
    if who and piece.speaker is not None and who == (piece.speaker,) and Mark.COMMIT not in found:
        who = ()
    days = [d for d in days if d.limit or not _is_event(piece.text, d)]
    words = vocabulary.words(_without(piece.text, [*mentions, *days]))
    if len(re.findall(r"[A-Za-z']+", piece.text)) <= 1:
        words = {w: x for w, x in words.items() if vocabulary.knows(w)}
    if _LEAVE_IT.search(piece.text):
        words.pop("leav", None)
    asked = found & (Mark.COMMIT | Mark.REQUEST | Mark.NEED | Mark.WEAK)
    if act and (asked or re.match(r"\w+ (?:it|that|this|them|those|these)\b", act)):
        for verb in (act.split()[0], _said_verb(act, piece.text)):
            word = key(re.sub(r"\W", "", verb))
            if word in words:
                words[word] = min(words[word], 0.5)
    adjunct = _ADJUNCT.search(piece.text)
    if adjunct and (days or (asked and Mark.ANAPHOR in found)):
        for word in vocabulary.words(_without(adjunct[0], people.find(adjunct[0]))):
            if word in words:
                words[word] *= 0.3
    return Clause(
        text=piece.text,
        seqs=piece.seqs,
        speaker=piece.speaker,
        order=order,
        turn=turn,
        marks=found,
        words=words,
        days=days,
        doers=who,
        named=tuple(m.who for m in mentions),
        act_text=act,
        excluded=excluded(piece.text, mentions),
        topic=_topic_word(piece.text, vocabulary),
        signs=english_signs(piece.text.lower()),
    )


def _is_event(text: str, day: Day) -> bool:
    said_on = re.match(r"on\b", text[day.start : day.end], re.IGNORECASE)
    return said_on is not None and _EVENT.search(text[: day.start]) is not None


_OWN_IT = re.compile(
    r"^(?:(?:and|but|so|also|oh|then),? )*(?:the|our|my|your|this|a|some|all) (?:[\w'-]+ ){2,8}(?:on|in|inside) it[.?!]?$",
    re.IGNORECASE,
)
"""A clause whose "it" means its own subject ("the list still has the old prices on it")."""
_EVENT = re.compile(r"\bfor (?:the|our|a|an|my|your|that) [\w'-]+(?: [\w'-]+)? $", re.IGNORECASE)
"""The day of what something is for ("a room for the audit on the 19th") is no due date."""
_LEAVE_IT = re.compile(r"\bleav(?:e|ing) (?:it|that|this|them|those)\b", re.IGNORECASE)
_ADJUNCT = re.compile(
    r"\b(?:before|after|until|till|once|when) (?:the |my |our |your |this )?[\w'-]+(?: [\w'-]+)?[.,!?]?$",
    re.IGNORECASE,
)
"""When something is to be done: the words in it are not what it is about."""
_FRONT = re.compile(
    r"^(?:(?:and|so|but|oh|ok|okay|yeah|yes|right|well|now|then|also|um|on|for|with|as for|regarding),? )*"
    r"(?:the|that|this|those|these|my|our|your|his|her|their|both|all)? ?"
    r"(?P<topic>(?!(?:i|it|we|he|she|they|you|there|who|what|nothing|nobody|somebody|someone|if|not|can|could|would|let)\b)[\w'-]+(?: [\w'-]+){0,3}?),? "
    r"(?:is|are|was|were|has|have|isn't|aren't|wasn't|hasn't|haven't|went|came|got|still|already|finally|i|i'm|i've|we|we're|we've|"
    r"it|it's|they|they're|that's|he|he's|she|she's|nobody|nobody's)\b",
    re.IGNORECASE,
)


def _topic_word(text: str, vocabulary: Vocabulary) -> str:
    """The board's word in the noun phrase a clause begins with ("the projector, I've …")."""
    m = _FRONT.match(text)
    if m is None:
        return ""
    front = {w: x for w, x in vocabulary.words(m["topic"]).items() if x > 0.1}
    known = {w: x for w, x in front.items() if x >= 0.9 and vocabulary.knows(w)}
    if not known or 2 * sum(known.values()) < sum(front.values()):
        return ""
    return max(known, key=lambda w: known[w])


def _said_verb(act: str, text: str) -> str:
    """The verb of `act` as it was said ("paid" for "pay it"); "" when it is not found."""
    rest = act.partition(" ")[2].strip()[:20].rstrip(" .,?!")
    before = text.lower().partition(rest)[0].split() if rest else []
    return before[-1] if before else ""


def _without(text: str, spans_: Sequence[Mention | Day]) -> str:
    """The text with names and days taken out."""
    for span in sorted(spans_, key=lambda x: -x.start):
        text = text[: span.start] + " " + text[span.end :]
    return text


# ------------------------------------------------------------------ titles

_LEADING = re.compile(
    r"^(?:(?:just|also|then|please|maybe|probably|quickly|actually|really|try (?:to|and)|go ahead and|go and|have to|need to|be able to|"
    r"get (?:someone|somebody|you) to|make sure (?:that )?(?:we|you|i)?|and|so|well|still|possibly|perhaps|all|to|be|been|have|now|already|finally|help me|help us|own|sure)\s+)+"
)
_TAIL = re.compile(
    r"(?:,? (?:so|because|since|but|if|when|before|after|otherwise|and then|and i|and we|as well|too|okay|ok|right|yeah|then|please|though|thanks|for me|for us|i think|i'd say|once|until|unless|which|while|by the way|if that's|if you|if possible|anyway|at least|and it|and that|and they)\b.*)$"
)
_PRONOUN = re.compile(
    r"\b(?:it|that|this|them|those|these|that one|this one|one|so)\b(?! (?:\w+ )?(?:page|one|thing|list|week|month)\b)"
)
_SOMEBODY = re.compile(r"\b(?:him|her|them|they)\b")
_WHEN_PAST = re.compile(
    r",? \b(?:last (?:week|night|month|year|\w+day)|yesterday(?: \w+)?|this (?:morning|afternoon|week)|"
    r"over the weekend|the other day|a while ago|already|earlier|just now|by the way|at the moment|right now)\b.*$"
)


def title(act: str, *, topics: Sequence[str], days: Sequence[str] = (), source: str = "") -> str:
    """An imperative title out of a verb phrase.

    `topics` are the clauses that led to it: the fullest fills in for "it" and "that".
    `source` is the clause itself; capitals are taken from it.
    """
    low = _drop_days(act.lower().strip(" .,?!"), days)
    low = _TAIL.sub("", _LEADING.sub("", low)).strip(" .,?!")
    low = _WHEN_PAST.sub("", re.sub(r"\b(?:um|uh|like|sort of|kind of)\b", "", low))
    low = re.sub(r"^(\w+) (?:us|me) (?=(?:a|an|the|some|two|three|all)\b)", r"\1 ", low)
    subject = _best_topic([_topic(t, days) for t in topics])
    thin = len([w for w in re.findall(r"[\w'-]+", low) if w not in _THIN]) < 2
    m = _PRONOUN.search(low)
    if subject and _SOMEBODY.search(low) and thin:
        low = f"{low} about {subject}"
    elif subject and (thin or (m and m.start() <= 30)):
        head = _PRONOUN.sub("", low).strip(" .,") if m else low
        head = re.sub(
            r"\b(?:do|have|take|get|own|handle|be|on|me|over|to|you|for)\b", "", head
        ).strip()
        low = f"{head} {subject}" if head and head not in _THIN else subject
    low = re.sub(r"\s+", " ", low).strip(" .,?!-")
    low = re.sub(r"\b(?:the|a|an|for|to|by|on|at|in|and|with|of|that|is|are)$", "", low).strip()
    low = re.sub(r"^(?:the|a|an|since|is|some) ", "", low)
    first, _, rest = low.partition(" ")
    base = verbs.base_of(first) if first not in verbs.BASE else first
    if base and (first in verbs.GERUND or first in verbs.PAST):
        low = f"{base} {rest}".strip()
    low = _recase(low, (source, *topics))
    return low[:1].upper() + low[1:]


def _recase(text: str, sources: Sequence[str]) -> str:
    """Words of the title with the capitals they had inside the sentences."""
    seen: dict[str, str] = {"i": "I"}
    for source in sources:
        for m in re.finditer(r"[A-Za-z][\w'-]*", source):
            word = m[0]
            inside = m.start() > 0 and source[m.start() - 2 : m.start()] not in (". ", "? ", "! ")
            if word != word.lower() and (inside or sum(c.isupper() for c in word) > 1):
                seen.setdefault(word.lower(), word)
    return re.sub(r"[A-Za-z][\w'-]*", lambda m: seen.get(m[0], m[0]), text)


_THIN = frozenset(
    listed(
        "it that this them those these one do take have get own handle be on me the a an and to of for with "
        "can will i you we so done sort sorted please make him her they over draft mind look"
    )
)
_TOPIC_LEAD = re.compile(
    r"^(?:(?:and|so|but|oh|also|um|ok|okay|well|yeah|no|right|listen|next one|next up|one more(?: thing)?(?: from me)?|from me|"
    r"one (?:other|last) thing|because|then|sorry|like|now|for the|while (?:i|we) \w+ (?:in there|there|at it)|"
    r"the (?:one|other|only|last|next) thing (?:that |i've |we've |i'm )?(?:[\w' ]{0,40}? )?(?:is|was)|the (?:one|other|only|last|next) thing|"
    r"(?:i|we)(?:'ve)? (?:just |also )?(?:noticed|found|saw|think|heard|realised|realized|discovered|spotted|want|need|agreed)(?: out)?(?: that)?|"
    r"(?:i'd|we'd|i would|we would) (?:like|love)(?: to have)?|can (?:i|we) (?:see|have|get)|there's|there is|there are|somebody (?:needs to|has to|should)|"
    r"we (?:need to|have to|should|need)|the (?:problem|issue|thing) is(?: that)?|what about|how about|who's|who is|who can|as for|about|"
    r"nobody's|do|does|is|are|\w+ (?:flagged|said|says|mentioned|reported|told me)(?: that)?)\s*[,:]?\s+)+"
)


def _best_topic(topics: Sequence[str]) -> str:
    """The last topic that stands by itself, or else the longest."""
    for topic in reversed(topics):
        words = topic.split()
        if len(words) >= 2 and not re.match(
            r"(?:i|it|he|she|they|we|you|that|this|those)\b", topic
        ):
            return topic
    return max(topics, key=len, default="")


def _topic(text: str, days: Sequence[str]) -> str:
    low = _drop_days(text.lower().strip(" .,?!"), days)
    low = _TOPIC_LEAD.sub("", low)
    low = re.sub(r",? (?:so|and) (?:i|i'll|we|we'll|somebody|that|that's)\b.*$", "", low)
    low = _WHEN_PAST.sub("", low)
    low = re.sub(r" (?:is|are|was|were|has|have|had)\b", "", low, count=1)
    return re.sub(r"\s+", " ", low).strip(" .,?!")


def _drop_days(text: str, days: Sequence[str]) -> str:
    for day in days:
        text = re.sub(
            rf"(?:\b(?:by|on|before|for|until|due|this|at|from) )?{re.escape(day.lower())}(?!'s)",
            " ",
            text,
        )
    return re.sub(r"\s+", " ", text).strip(" ,.")
