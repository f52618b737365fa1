"""Sentences for training: meeting talk and plain English, deterministic by seed.

A context-free grammar (`RULES`) over the lists in `words.py`, and "salads": words by frequency in
no sensible order, so that the model must learn sound to spelling instead of our sentences by heart.
Written form: sentence case, full stop, comma and question mark only, numbers as words without
hyphens ("twenty five"), "okay", "percent".
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator

import talk
import words as lists

IRREGULAR = """
be is was been being|have has had had having|do does did done doing|write writes wrote written writing
read reads read read reading|build builds built built building|send sends sent sent sending
draw draws drew drawn drawing|buy buys bought bought buying|sell sells sold sold selling
find finds found found finding|lose loses lost lost losing|keep keeps kept kept keeping
hold holds held held holding|bring brings brought brought bringing|take takes took taken taking
give gives gave given giving|show shows showed shown showing|hide hides hid hidden hiding
teach teaches taught taught teaching|rewrite rewrites rewrote rewritten rewriting
cut cuts cut cut cutting|split splits split split splitting|feed feeds fed fed feeding
hang hangs hung hung hanging|drive drives drove driven driving|lead leads led led leading
choose chooses chose chosen choosing|leave leaves left left leaving|come comes came come coming
go goes went gone going|sleep sleeps slept slept sleeping|wake wakes woke woken waking
run runs ran run running|speak speaks spoke spoken speaking|think thinks thought thought thinking
break breaks broke broken breaking|rise rises rose risen rising|fall falls fell fallen falling
grow grows grew grown growing|shrink shrinks shrank shrunk shrinking|sing sings sang sung singing
win wins won won winning|eat eats ate eaten eating|drink drinks drank drunk drinking
sit sits sat sat sitting|stand stands stood stood standing|meet meets met met meeting
tell tells told told telling|pay pays paid paid paying|freeze freezes froze frozen freezing
make makes made made making|get gets got gotten getting|say says said said saying
know knows knew known knowing|spend spends spent spent spending
throw throws threw thrown throwing|catch catches caught caught catching|hit hits hit hit hitting
hurt hurts hurt hurt hurting|lend lends lent lent lending|steal steals stole stolen stealing
wear wears wore worn wearing|bite bites bit bitten biting|blow blows blew blown blowing
dig digs dug dug digging|mean means meant meant meaning|spread spreads spread spread spreading
stick sticks stuck stuck sticking|strike strikes struck struck striking|tear tears tore torn tearing
undo undoes undid undone undoing|upset upsets upset upset upsetting|shake shakes shook shaken shaking
wind winds wound wound winding|tie ties tied tied tying|ring rings rang rung ringing
fly flies flew flown flying|swim swims swam swum swimming|lie lies lay lain lying
fight fights fought fought fighting|begin begins began begun beginning|bleed bleeds bled bled bleeding
shine shines shone shone shining|sink sinks sank sunk sinking|spin spins spun spun spinning
permit permits permitted permitted permitting|trap traps trapped trapped trapping
prefer prefers preferred preferred preferring|bother bothers bothered bothered bothering|see sees saw seen seeing|feel feels felt felt feeling
"""
DOUBLE = """
plan ship drop stop scan wrap submit commit refer split sit run win put fit set get cut
"""
DOUBLED = set(DOUBLE.split())

_FORMS = {row.split()[0]: row.split() for row in re.split(r"[|\n]", IRREGULAR) if row.strip()}


def inflect(verb: str) -> list[str]:
    """[base, third person, past, participle, -ing] of an English verb."""
    if verb in _FORMS:
        return _FORMS[verb]
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        third = verb + "es"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        third = verb[:-1] + "ies"
    else:
        third = verb + "s"
    if verb.endswith("e"):
        past, ing = verb + "d", (verb if verb.endswith("ee") else verb[:-1]) + "ing"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        past, ing = verb[:-1] + "ied", verb + "ing"
    elif verb in DOUBLED:
        past, ing = verb + verb[-1] + "ed", verb + verb[-1] + "ing"
    else:
        past, ing = verb + "ed", verb + "ing"
    return [verb, third, past, past, ing]


def plural(noun: str) -> str:
    special = {
        "stairs": "stairs", "news": "news", "man": "men", "woman": "women", "child": "children", "person": "people", "knife": "knives",
        "wife": "wives", "fish": "fish", "leaf": "leaves", "shelf": "shelves", "query": "queries",
        "company": "companies", "photo": "photos", "video": "videos", "logo": "logos",
        "sheep": "sheep", "foot": "feet",
    }  # fmt: skip
    if noun in special:
        return special[noun]
    if noun.endswith(("s", "sh", "ch", "x", "z")) or noun in ("potato", "tomato"):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


NAMES = lists.NAMES.split()
THINGS = sorted(set(lists.THINGS.split()))
MASS = sorted(set(lists.MASS.split()) - {"and"})

_ONES_TEXT = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
ONES = _ONES_TEXT.split()
_TENS_TEXT = """
twenty thirty forty fifty sixty seventy eighty ninety
"""
TENS = _TENS_TEXT.split()
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth \
thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth \
twenty first|twenty second|twenty third|twenty fourth|twenty fifth|twenty sixth|twenty seventh|\
twenty eighth|twenty ninth|thirtieth|thirty first"
_MONTHS_TEXT = """
January February March April May June July August September October November December
"""
MONTHS = _MONTHS_TEXT.split()
_WEEKDAYS_TEXT = """
Monday Tuesday Wednesday Thursday Friday Saturday Sunday
"""
WEEKDAYS = _WEEKDAYS_TEXT.split()


def ordinals() -> list[str]:
    """'first' to 'thirty first'."""
    plain, _, rest = ORDINALS.partition("twenty first")
    return plain.split() + ("twenty first" + rest).split("|")


def number(n: int) -> str:
    """0 <= n < 1,000,000 as words without hyphens: 125 is 'one hundred and twenty five'."""
    if n == 0:
        return "zero"
    if n < 20:
        return ONES[n - 1]
    if n < 100:
        return TENS[n // 10 - 2] + (f" {ONES[n % 10 - 1]}" if n % 10 else "")
    if n < 1000:
        return f"{ONES[n // 100 - 1]} hundred" + (f" and {number(n % 100)}" if n % 100 else "")
    rest = n % 1000
    joint = " and " if 0 < rest < 100 else " "
    return f"{number(n // 1000)} thousand" + (f"{joint}{number(rest)}" if rest else "")


# Every line: symbol, colon, alternatives between bars. {x} expands x; {x?} half of the time.
RULES_TEXT = """
S: {meeting}|{meeting}|{meeting}|{everyday}|{everyday}|{plain}|{plain}|{short}
meeting: {commit}|{commit}|{ask}|{ask}|{status}|{status}|{status}|{question}|{block}|{decide}|{greet}|{chair}|{date_s}|{number_s}|{opinion}
commit: {fill?}{will} {do}{when?}.|{fill?}{will} {do}{when?}.|{name} will {do}{when?}.|{name} and I will {do}{when?}.|{fill?}I can {do}{when?}.|{fill?}let me {do}{when?}.|{fill?}I'm going to {do}{when?}.|{name} is going to {do}{when?}.|{pro} should {do}{when}.|{fill?}we need to {do}{when?}.|{pro} {have} to {do}{when?}.|I promise to {do}{when}.|{fill?}I'll take care of {np}{when?}.|{name} will take care of {np}{when?}.|I'll have {np} {adjstate}{when}.|leave {np} to me, I'll {do}{when?}.|{fill?}I plan to {do}{when?}.|we agreed that {name} will {do}{when?}.|it's on me to {do}.|{name} takes {np}, and I take {np}.|{name} promised to {do}{when}.|I'd like to {do}{when?}.|{name} wants to {do}{when?}.|I'll {do} and then {do}.
ask: {name}, can you {do}{when?}?|{name}, could you {do}{when?}?|{name}, please {do}{when?}.|please {do}{when?}, {name}.|can you {do}{when?}, {name}?|could you please {do}{when?}?|{name}, would you {do}{when?}?|can somebody {do}{when?}?|who can {do}{when?}?|who will {do}?|{name}, will you {do}{when?}?|would you mind {doing}{when?}?|{name}, I need you to {do}{when?}.|please ask {name} to {do}.|{name}, make sure to {do}{when?}.|don't forget to {do}{when?}.|please remember to {do}{when?}, {name}.|{name}, could you look at {np}{when?}?|can you take a look at {np}?|may I ask you to {do}{when?}?|{name}, are you able to {do}{when?}?
status: {subj} is {adjstate} {now?}.|I have {done} {np}.|I've {done} {np} {adv}.|{name} has already {done} {np}.|{name} {did} {np} {past}.|I {did} {np} {past}.|we {did} {num2} {things} {past}.|I'm {doing} {now?}.|{name} is {doing} {now?}.|we are still {doing}.|{subj} is {almost?}{adjstate}.|{np} is in progress.|{np} is in review.|{np} is done.|the {things} are {adjstate}.|I finished {np} {past}.|I started {doing} {past}.|I'm almost done with {np}.|we're halfway through {np}.|{np} took longer than {expected}.|{subj} went {well}.|{subj} works {now?}.|{subj} doesn't work {now?}.|I've been {doing} all {dayp}.|{name} has been {doing} since {weekday}.|there are {num2} {things} left.|{past} I {did} {np}, and today I'll {do}.|nothing new from my side.|that one is {adjstate}.|{subj} is ready for {things}.|we {did} {np}, so {subj} is {adjstate}.|I didn't {do} {past}.|{name} hasn't {done} {np} yet.|we haven't {done} {np} yet.
question: what is the status of {np}?|how is {np} going?|when will {np} be {adjstate}?|when can we {do}?|where is {np}?|is {np} {adjstate}?|are the {things} {adjstate}?|did you {do} {past}?|did {name} {do} {past}?|has {name} {done} {np}?|have you {done} {np}?|do we have {np}?|do you know where {np} is?|why is {np} {adjstate}?|how many {things} do we have?|how much {mass} do we need?|how long does {np} take?|what about {np}?|who is {doing}?|should we {do}?|is there anything else about {np}?|what do you think, {name}?|does anyone have a question?|any news about {np}?|what happened to {np}?|which {thing} is {adj}?|what should I do with {np}?|can we move on?|how do you {do}?|is it {adj}?|are you {doing} {now?}?|why did {name} {do}?|what is the {adj} {thing}?
block: I'm blocked by {np}.|I'm blocked, because {np} is {adjstate}.|{subj} is blocked.|we are waiting for {np}.|I'm still waiting for {name} to {do}.|we can't {do} until {np} is {adjstate}.|I can't {do} without {np}.|{np} is missing, so I can't {do}.|the {thing} is broken.|{name} is stuck on {np}.|we have a problem with {np}.|there is a problem with {np}.|I need {np} from {name}.|we are waiting for an answer from {name}.|we don't have access to {np}.|nothing moves until we {do}.|the supplier can't deliver {np} before {weekday}.
decide: let's {do}{when?}.|let's not {do}.|we decided to {do}.|we decided against {np}.|so we agree to {do}.|the decision is to {do}.|we will not {do}.|we won't {do} this {period}.|let's move {np} to {weekday}.|let's talk about {np} {whenp}.|let's close {np}.|let's start with {np}.|we can drop {np}.|forget about {np}.|it's better to {do} than to {do}.|we keep {np} as it is.
greet: good {dayp}, everyone.|good {dayp}, {name}.|hello everyone.|hello {name}, how are you?|hi {name}.|hi everyone, let's start.|thank you, {name}.|thanks, {name}.|thanks a lot, {name}.|thank you very much.|welcome, {name}.|welcome to the {thing} {thing}.|goodbye everyone.|see you {whenp}.|see you all {whenp}.|have a nice {dayp}.|great work, {name}.|well done, {name}.|sorry, I'm late.|sorry, I was on mute.|can you hear me?|I can hear you.|nice to meet you, {name}.|bye.
chair: let's go around.|{name}, you go first.|{name}, your turn.|next is {name}.|over to you, {name}.|is everybody here?|{name} can't join today.|{name} is on vacation {whenp}.|first topic, {np}.|next topic, {np}.|the {ord} point is {np}.|that's all from me.|that's it for today.|anything else?|let's wrap up.|let's take a short break.|we have {num2} minutes left.|let's meet again {whenp}.|the next meeting is {whenp}.|I'll write the minutes.|I'll share my screen.|let me summarize.|to sum up, {name} will {do}, and {name} will {do}.|moving on to {np}.|okay, next one.|any other business?
date_s: {subj} is due {dayon}.|the deadline is {date}.|the deadline for {np} is {date}.|we launch on {date}.|{np} starts at {time}.|the meeting is at {time}.|let's meet at {time} on {weekday}.|{np} ends {dayon}.|{np} is planned for {month}.|we have until {date}.|it's {time} now.|today is {weekday}, {date}.|{np} was {done} on {date}.|from {weekday} to {weekday} I'm in {place}.|{name} comes back {dayon}.|{np} is open from {time} to {time}.|I'll be back by {time}.|the {thing} opens in {month}.|that was in {year}.|we moved from {place} to {place} in {year}.
number_s: we have {num} {things}.|it costs {bignum} dollars.|the {thing} costs {bignum} euros.|that's {num} percent.|{num} percent of the {things} are {adjstate}.|{np} grew by {num} percent.|we need {num2} more {things}.|{num2} of {num} {things} are {adjstate}.|the {thing} took {num2} {units}.|room {num} is free.|ticket {num} is {adjstate}.|version {num2} point {num2} is {adjstate}.|please call {digits}.|the code is {digits}.|it's {num} degrees outside.|we sold {bignum} {things} in {month}.|page {num}, line {num2}.|about {bignum} people came.|the number is {bignum}.|it weighs {num} kilograms.|{num} plus {num} is {num}.|between {num} and {num}.|a {thing} for {num} dollars.|half of the {things} are {adjstate}.|a quarter of {np} is {adjstate}.
opinion: I think {clause}.|I think we should {do}.|I don't think {clause}.|I'm not sure, {clause}.|I agree with {name}.|I like {np}.|I don't like {np}.|in my opinion, {clause}.|that sounds {adj}.|that makes sense.|that's a {adj} {thing}.|good idea, {name}.|maybe {clause}.|if {clause}, we can {do}.|if {clause}, {clause}.|because {clause}, {clause}.|{clause}, but {clause}.|{clause}, so {clause}.|{clause}, and {clause}.|I hope {clause}.|I believe that {clause}.|it seems that {clause}.|as far as I know, {clause}.|{name} says that {clause}.|{name} told me that {clause}.|remember that {clause}.|it would be {adj} to {do}.|it's {adj} to {do}.|we could {do} or {do}.
plain: {clause}.|{clause} {pp}.|{clause}, and {clause}.|{clause} when {clause}.|{np} and {np} are {adj}.|there is {a_np} {pp}.|there was {a_np} {pp}.|every {thing} has a {thing}.|the {thing} of the {thing} is {adj}.|{pro} {want} a {adj} {thing}.|{pro} {want} to {do} and {do}.|{things} and {things} are {adj}.|{adj} {things} are {adv} {adj}.|the {adj} {thing} {v_s} the {adj} {thing}.|{person} {v_d} {pp}.|{person} {vt_d} {np} {pp}.|{person} {vt_d} {np}, then {vt_d} {np}.|{adv}, {clause}.|he {vt_d} {np}, because she {vt_d} {np}.|they {will_p} {do} {pp}.|it was {adj} and {adj}.|this {thing} is more {adj} than that {thing}.|what a {adj} {thing}.|where there is a {thing}, there is a {thing}.|{person} lives in {place}.|{person} is from {place}.|the {thing} from {place} is {adj}.|in {place}, {clause}.|look at the {adj} {thing} {pp}.|nobody {v_d} {pp}.|someone {vt_d} my {thing}.|you can {do} {pp}.
short: okay.|yes.|no.|yes, please.|no, thanks.|sure.|right.|exactly.|of course.|that's right.|maybe.|I see.|all right.|not yet.|{name}.|{thing}.|{adj} {thing}.|{np}.|{do}.|{doing}.|{weekday}.|{month}.|{date}.|{time}.|{num}.|{digits}.|{adv}.|{adj}.|{things}.|{vt_d}.|{whenp}.|{place}.|{ord}.|{past}.|{name} and {name}.|{np} {pp}.
everyday: {i_am} {adj}.|{i_am} {doing} with {name}.|{i_am} in {place} {now?}.|I was {adj} {past}.|give us {np}, please.|tell me about {np}.|{name} told us about {np}.|it's up to you.|this is {name} from {place}.|this is my {adj} {thing}.|my name is {name}.|I'm from {place}.|do you want to {do}?|would you like {np}?|could I have {np}, please?|where are you from?|what time is it?|what day is it today?|it's {weekday} {dayp2}.|how much is {np}?|how old is {np}?|how far is {np} from {place}?|{mr} {name} wants to {do}.|{mr} {name} is {adjstate}.|{mr} {name}, can you {do}{when?}?|once upon a time there was {a_np}.|it rained {past}.|it is {adj} in {place}.|the {thing} {vi_d} {past}.|the {things} {vi_d} {pp}.|the {adj} {things} {vi} {pp}.|I {vt_d} {np} {past}.|we {vt_d} {np} and {vt_d} {np}.|they {vt_d} {np} {past}.|she {vt_d} {np} {pp}.|he {vt_d} {np} and {vi_d}.|{name} {vt_d} {np} for {name}.|{name} {vi_d} {past}.|if you {vt} {np}, I will {do}.|when you {vt} {np}, please {do}.|before we {do}, let's {do}.|after I {vt_d} {np}, I {vi_d}.|while {name} was {doing}, I {vt_d} {np}.|everyone {vt_d} {np}.|everything is {adj}.|everything {pp} is {adj}.|something is {adj} with {np}.|nothing is {adj}.|nobody {vt_d} {np}.|anybody can {do}.|all of us {vt} {np}.|both of them are {adj}.|one of the {things} is {adj}.|most of the {things} are {adj}.|some of us {vt} {np}.|none of the {things} {vi}.|such a {adj} {thing} is {adj}.|which one do you {vt}?|whose {thing} is this?|here is {np}.|here are the {things}.|there you are.|that was {adj}.|those are {adj} {things}.|these {things} are {adj}.|I'd rather {do}.|I used to {do}.|I tried to {do}.|we started to {do}.|they stopped {doing}.|please stop {doing}.|thanks for {doing}.|thank you for {np}.|sorry about {np}.|I look forward to {np}.|{subj} looks {adj}.|{subj} sounds {adj}.|{subj} feels {adj}.|{subj} seems {adj}.|{subj} became {adj}.|{subj} turned {adj}.|{name} looks {adj} today.|let us {do}.|shall we {do}?|may I {do}?|must we {do}?|what if {clause}?|as soon as {clause}, {clause}.|even though {clause}, {clause}.|unless {clause}, we will {do}.|since {weekday}, {clause}.|until {weekday}, {clause}.|{clause}, right?|{clause}, isn't it?|not only {np}, but also {np}.|either {np} or {np}.|neither {np} nor {np}.|first {do}, then {do}.|on the one hand {clause}, on the other hand {clause}.|by the way, {clause}.|for example, {np}.|in fact, {clause}.|of course {clause}.|at first {clause}, then {clause}.|last but not least, {np}.|as usual, {clause}.|I remember {np}.|do you remember {np}?|I forgot {np}.|I forgot to {do}.|we ran out of {mass}.|we're out of {things}.|{name} ran to the {thing}.|the {thing} fell on the {thing}.|turn left at the {thing}.|go straight to the {thing}.|come in, {name}.|sit down, please.|take your {thing}.|wait for me {pp}.|listen to the {thing}.|be {adj}.|don't be {adj}.|never {do}.|always {do}.|{num2} years ago {clause}.|every {weekday} {clause}.|every {dayp2} I {do}.
i_am: I am|I'm|we are|you are|they are|he is|she is|we're|they're|she's|he's|I was|we were
mr: Mr|Mrs|Miss|Doctor|Professor
fill: okay, |so, |well, |um, |uh, |yeah, |yes, |right, |sure, |then |alright, |actually, |and |but |
when: {sp}{whenp}|{sp}{whenp}|{sp}{whenp}|{sp}{pp}|
whenp: by {weekday}|by {weekday}|on {weekday}|next {weekday}|this {weekday}|tomorrow|tomorrow|tomorrow {dayp2}|today|tonight|this {dayp2}|next week|this week|next month|by tomorrow|by next {weekday}|by the end of the {period}|before {weekday}|after {weekday}|until {weekday}|on {date}|by {date}|in {month}|at {time}|by {time}|on {weekday} {dayp2}|on {weekday} at {time}|before the {thing}|after the {thing}|after lunch|before noon|in an hour|in {num2} {units}|in the {dayp2}|right away|as soon as possible|the day after tomorrow|early next week|at noon|right after the meeting|end of the week|end of the month|over the weekend|by the {ord}|on the {ord}
dayon: on {weekday}|{whenp}|on {date}|tomorrow|today
past: yesterday|yesterday|this morning|last {weekday}|last week|last month|on {weekday}|{num2} days ago|an hour ago|last night|{num2} weeks ago|today|last year|in {month}
now: right now|now|today|at the moment|again|
almost: almost |nearly |not |still |finally |already |now |
expected: expected|planned|we thought|last time|usual
well: well|badly|wrong|fine|smoothly|better than expected|live
will: I'll|I'll|I'll|I will|we'll|we will|he'll|she'll|they'll|you'll
will_p: will|can|should|must|could|might|would
have: have|had|will have
want: want|need|like|have|want|see
pro: we|you|I|they
do: {vt} {np}|{vt} {np}|{vt} {np}|{vt} {np}|{vp} {name}|{vi} {pp?}|{vt} the {thing} {thing}|{vt} the {things}|{vt} {np} and {np}|{vt} {np} {pp}|{vt} {np} with {name}|{vt} it|{vt} them|set up {np}|look into {np}|work on {np}|talk to {name} about {np}|talk to {name}|follow up with {name}|check with {name}|figure out {np}|go through {np}|get {np} {adjstate}|make {np} {adj}|send {np} to {name}|give {name} {np}|show {name} {np}|write to {name}|put {np} {pp}|find out why {clause}|make sure that {clause}|let {name} know|fill in {np}|hand over {np}|roll out {np}|clean up {np}|back up {np}|turn off {np}|write down {np}|sign up for {np}|get in touch with {name}|write {np} for {np}
doing: {vt_g} {np}|{vt_g} {np}|{vt_g} {np}|{vt_g} the {things}|{vi_g}|working on {np}|looking into {np}|waiting for {np}|talking to {name}|going through {np}|{vt_g} {np} with {name}|setting up {np}|cleaning up {np}|{vp_g} {name}
done: {vt_n}|{vt_n}|{vt_n}|seen|made|had|set up|looked at
did: {vt_d}|{vt_d}|{vt_d}|{vt_d}|made|had|got|saw|set up|looked at|worked on
np: the {thing}|the {thing}|the {thing}|the {thing} {thing}|the {thing} {thing}|the {thing} {thing}|the {adj} {thing}|the {adj} {thing} {thing}|the {things}|our {thing}|my {thing}|your {thing}|their {thing}|his {thing}|her {thing}|{name}'s {thing}|a {thing}|a {adj} {thing}|a new {thing}|the new {thing}|this {thing}|that {thing}|these {things}|those {things}|some {things}|all {things}|{mass}|the {mass}|the {mass}|more {mass}|the {thing} for the {thing}|the {thing} of the {thing}|the {thing} for {name}|the {thing} from {name}|{num2} {things}|another {thing}|each {thing}|the other {thing}|the {month} {thing}|the {weekday} {thing}|the {thing} in {place}|it|the {ord} {thing}
a_np: a {thing}|a {adj} {thing}|a {thing} {thing}|some {mass}|no {thing}|no {mass}
subj: the {thing}|the {thing}|the {thing} {thing}|the {adj} {thing}|our {thing}|my {thing}|{name}'s {thing}|this {thing}|the {mass}|everything|it
person: he|she|the {thing}|{name}|{name}|my {relative}|somebody|the {role}|our {role}
relative: brother|sister|mother|father|friend|neighbor|colleague|wife|husband|daughter|son|boss
role: manager|designer|engineer|nurse|doctor|teacher|student|driver|cook|director|customer|lawyer|accountant|supplier|team|client|tester|assistant
clause: {np} is {adj}|{np} is {adjstate}|{np} was {adj}|{np} was {vt_n}|{np} has been {vt_n}|{np} will be {adj}|{np} will be {vt_n} {whenp}|{person} {vt_d} {np}|{person} {v_d}|{person} {vt_s} {np}|{person} {vt_s} {np}|{person} is {doing}|{person} was {doing}|{person} has {vt_n} {np}|{person} can {do}|{person} can't {do}|{person} doesn't {vt} {np}|{person} didn't {vt} {np}|{person} should {do}|we {vt} {np}|we {vt_d} {np}|they {vt} {np}|I {vt_d} {np}|I don't {vt} {np}|you {vt} {np}|you're {adj}|we're {adj}|they're {adj}|it's {adj}|there are {things} {pp}|there is a {thing} {pp}|it's the {adj} {thing}|they've {done} {np}|she's {doing}|that's {adj}|it isn't {adj}|they aren't {adj}|we weren't {adj}|it wasn't {adj}|we couldn't {do}|you shouldn't {do}|they wouldn't {do}|I wasn't {doing}
pp: in the {thing}|on the {thing}|at the {thing}|for the {thing}|with the {thing}|from the {thing}|to the {thing}|under the {thing}|near the {thing}|behind the {thing}|next to the {thing}|in front of the {thing}|between the {thing} and the {thing}|over the {thing}|through the {thing}|without {mass}|with {name}|for {name}|in {place}|from {place}|at work|at home|at school|in the {adj} {thing}|during the {thing}|about the {thing}|after the {thing}|before the {thing}|around the {thing}|{adv}|against the {thing}|into the {thing}|inside the {thing}|across the {thing}|on {weekday}|in {month}|because of the {thing}|instead of the {thing}
v_s: {vt_s}|{vt_d}
v_d: {vi_d}|{vi_d} {adv}|{adv} {vi_d}
adjstate: done|ready|{adj}|{adj}|{vt_n}|{vt_n}|broken|open|closed|finished|complete|late|live|online|offline|blocked|gone|missing|available|empty|in progress|on hold|up to date|in place|out of stock|on track|behind schedule
period: week|month|day|quarter|year|sprint
dayp: morning|afternoon|evening|day
dayp2: morning|afternoon|evening
units: hours|days|weeks|minutes|months|years|seconds|dollars|meters|miles|kilometers|euros|times|pages|people
date: {month} {ord}|{month} {ord}|the {ord} of {month}|{weekday} the {ord}|{month} {ord} {year}
time: {hour} o'clock|{hour}|{hour} {minute}|{hour} thirty|half past {hour}|quarter past {hour}|quarter to {hour}|{hour} in the morning|{hour} in the afternoon|{hour} fifteen|noon|midnight|{hour} forty five
"""


def _parse(text: str) -> dict[str, list[str]]:
    rules: dict[str, list[str]] = {}
    for line in text.strip("\n").split("\n"):
        symbol, _, right = line.partition(":")
        rules[symbol] = [
            r.removeprefix(" ") if i == 0 else r for i, r in enumerate(right.split("|"))
        ]
    return rules


RULES = _parse(RULES_TEXT)
RULES["sp"] = [" "]
RULES |= _parse(talk.RULES_TEXT)
_SYMBOL = re.compile(r"\{(\w+)(\?)?\}")

_ANY = "thing things adj adv more name vt vt_d vt_g vt_s vi vp weekday month place mass num2 ord more more"
_SMALL = "the a of to and in for on with is at by from it this that we I you"


class Grammar:
    """Draws sentences; the same seed gives the same sentences."""

    def __init__(self, seed: int, common: list[str] | None = None) -> None:
        """`common`: words, most frequent first; a share of the nouns and the salads use them."""
        self.rng = random.Random(seed)
        self.common = common or []
        self._verbs = {
            "vt": [inflect(v) for v in sorted(set(lists.VERBS_THING.split()))],
            "vi": [inflect(v) for v in sorted(set(lists.VERBS_ALONE.split()))],
            "vp": [inflect(v) for v in sorted(set(lists.VERBS_PERSON.split()))],
        }
        self._verbs["vt"] += [inflect(v) for v in ("make", "get", "see", "feel", "know", "say")]
        self._words = {
            "name": NAMES,
            "place": lists.PLACES.split(),
            "thing": THINGS,
            "mass": MASS,
            "adj": sorted(set(lists.ADJECTIVES.split())),
            "adv": sorted(set(lists.ADVERBS.split())),
            "more": sorted(set(lists.MORE.split())),
            "weekday": WEEKDAYS,
            "month": MONTHS,
            "ord": ordinals(),
        }

    def _expand(self, symbol: str) -> str:
        rng = self.rng
        if symbol in RULES:
            alternative = rng.choice(RULES[symbol])
            return _SYMBOL.sub(self._replace, alternative)
        if symbol == "name" and rng.random() < 0.12:  # a Korean name oftener than its share
            return rng.choice(NAMES[:50])
        if symbol in ("thing", "adj") and self.common and rng.random() < 0.12:
            return self.common_word()
        if symbol == "things":
            return plural(rng.choice(THINGS))
        if symbol in self._words:
            return rng.choice(self._words[symbol])
        if symbol.split("_")[0] in self._verbs:
            base, _, form = symbol.partition("_")
            at = {"": 0, "s": 1, "d": 2, "n": 3, "g": 4}[form]
            return rng.choice(self._verbs[base])[at]
        if symbol in ("pair", "pair_d", "pair_n", "pair_g", "pobj"):
            return self._pair(symbol)
        if symbol == "pstate":
            return rng.choice(talk.STATES)
        if symbol == "num":
            return number(rng.choice((rng.randrange(1, 100), rng.randrange(1, 1000))))
        if symbol == "num2":
            return number(rng.randrange(2, rng.choice((12, 31))))
        if symbol == "bignum":
            top = rng.choice((100, 1000, 10_000, 1_000_000))
            return number(rng.randrange(1, top) // rng.choice((1, 10, 100)) * 10 or 5)
        if symbol == "digits":
            names = ["zero", *ONES[:9]]
            return " ".join(rng.choice(names) for _ in range(rng.randrange(2, 6)))
        if symbol == "hour":
            return ONES[rng.randrange(12)]
        if symbol == "minute":
            return rng.choice(("ten", "twenty", "twenty five", "forty", "fifty", "five", "o five"))
        if symbol == "year":
            return rng.choice(("twenty", "nineteen")) + " " + number(rng.randrange(11, 99))
        raise KeyError(symbol)

    def _pair(self, symbol: str) -> str:
        """A verb with a thing it is done to, in a form; `pobj` is the thing alone."""
        verb, objects = self.rng.choice(_PAIRS)
        thing = self.rng.choice(objects)
        if symbol == "pobj":
            return re.sub(r"^(an?|another) ", "the ", thing)
        head, _, rest = verb.partition(" ")
        if head == "double":
            head, rest = "check", ""
        at = {"pair": 0, "pair_d": 2, "pair_n": 3, "pair_g": 4}[symbol]
        if self.rng.random() < 0.12:
            thing = (
                f"{self.rng.choice(NAMES)}'s {thing.split(' ', 1)[1]}" if " " in thing else thing
            )
        return " ".join(word for word in (inflect(head)[at], rest, thing) if word)

    def talk(self) -> str:
        """A sentence of `talk.py` in the written form of this module."""
        while True:
            text = self._expand("T")
            text = tidy(self._spell_out(text) if self.rng.random() < 0.2 else text)
            if len(text.split()) <= 20:
                return text

    def _replace(self, match: re.Match[str]) -> str:
        if match[2] and self.rng.random() < 0.5:
            return ""
        return self._expand(match[1])

    def common_word(self) -> str:
        """A word by a flattened frequency: rank grows exponentially, so that rare ones come too."""
        n = len(self.common)
        return self.common[int(n ** self.rng.uniform(0.35, 1.0)) - 1]

    def any_word(self) -> str:
        r = self.rng.random()
        if self.common and r < 0.6:
            return self.common_word()
        return self._expand(self.rng.choice(_ANY.split()))

    def salad(self) -> str:
        """Words in no order, with small words strewn in, as a sentence of 1 to 9 words."""
        rng = self.rng
        small = _SMALL.split()
        out: list[str] = []
        for _ in range(rng.choice((1, 2, 3, 3, 4, 4, 5, 5, 6))):
            if rng.random() < 0.45:
                out.append(rng.choice(small))
            out.append(self.any_word())
        text = " ".join(out)
        if len(out) > 5 and rng.random() < 0.3:
            text = text.replace(" ", ", ", 1) if rng.random() < 0.5 else text
        return text + rng.choice("...?")

    def _spell_out(self, text: str) -> str:
        """'I'll' to 'I will', 'don't' to 'do not'."""
        for short, long in _LONG:
            text = re.sub(rf"\b{short}\b", long, text)
        return text

    def sentence(self) -> str:
        """One sentence in the written form of this module."""
        while True:
            text = self.salad() if self.rng.random() < 0.22 else self._expand("S")
            text = tidy(self._spell_out(text) if self.rng.random() < 0.35 else text)
            if 1 <= len(text.split()) <= 24:
                return text


_PAIRS = sorted(talk.PAIRS.items())
_LONG = [
    ("won't", "will not"), ("can't", "cannot"), (r"(\w+)n't", r"\1 not"), ("[Ii]'m", "I am"),
    (r"(\w+)'ll", r"\1 will"), (r"(\w+)'re", r"\1 are"), (r"(\w+)'ve", r"\1 have"),
    ("(it|that|he|she|there)'s", r"\1 is"), ("let's", "let us"), ("I'd", "I would"),
]  # fmt: skip
_AN = re.compile(
    r"\b(a|A) (?=[aeiouAEIOU])(?!one\b|uni|use|euro|user|once)|\b(a|A) (?=hour|honest)"
)


def tidy(text: str) -> str:
    """Collapse spaces, 'a apple' to 'an apple', capital at the start, one mark at the end."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([.,?])", r"\1", text)
    text = re.sub(r",+", ",", text)
    text = re.sub(r"[,.?]*([.?])$", r"\1", text)
    text = _AN.sub(lambda m: (m[1] or m[2]) + "n ", text)
    text = re.sub(r"\bi('|\b)", r"I\1", text)
    if not text or text[-1] not in ".?":
        text += "."
    return text[0].upper() + text[1:]


def normal(text: str) -> str:
    """Lower case, no punctuation, single spaces: the form in which words are compared."""
    return " ".join(re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("-", " ")).split()).replace(
        "'", ""
    )


_REJECTED_TEXT = """
jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur fri sat etc ms dr st
ave jr sr inc ltd corp pm ok www http https com org net html lol omg wtf usa uk eu tv ii iii iv
vs re gonna wanna gotta ain ft lb oz km mm cm mph id cd dvd pc la de el le un der die das von van
du et al app apps kinda dunno colour favour favourite centre theatre grey organisation organise
realise recognise programme defence licence honour labour behaviour neighbour travelling
cancelled metre litre fibre cheque tyre pyjamas judgement whilst learnt analyse practise
apologise
"""
_REJECTED = set(_REJECTED_TEXT.split())
#: not said in a demo
_RUDE = re.compile(
    r"fuck|shit|bitch|cunt|dick|cock|pussy|nigg|fag|slut|whore|rape|porn|sex|penis|vagin|bastard|"
    r"damn|arse|asshole|ass$|tits|boob|nazi|nude|naked|kill|suicid|murder|terror|retard|piss|crap"
)


def common_words(count: int, sound: dict[str, str] | None = None) -> list[str]:
    """The most frequent English words (wordfreq's list), one spelling for each pronunciation.

    `sound` maps a word to its phonemes; of words that sound alike the first one stays.
    """
    from wordfreq import top_n_list

    ours = set(" ".join(own_words()).lower().split())
    seen: set[str] = set()
    if sound is not None:
        seen = {sound[w] for w in ours if w in sound}
    result: list[str] = []
    for word in top_n_list("en", count * 3):
        if not re.fullmatch(r"[a-z]{3,14}", word) or word in _REJECTED or _RUDE.search(word):
            continue
        if not re.search(r"[aeiouy]", word) or re.search(r"(.)\1\1|[^aeiouy]{5}", word):
            continue
        if word.capitalize() in NAMES or word in ours:
            continue
        if sound is not None:
            if sound.get(word, "") in seen:
                continue
            seen.add(sound[word])
        result.append(word)
        if len(result) == count:
            break
    return result


def own_words() -> Iterator[str]:
    """The words of `words.py` and of the rules."""
    for name in ("PLACES", "THINGS", "MASS", "VERBS_THING", "VERBS_ALONE", "VERBS_PERSON"):
        yield from getattr(lists, name).split()
    for name in ("ADJECTIVES", "ADVERBS", "MORE", "NAMES"):
        yield from getattr(lists, name).split()
    for text in (RULES_TEXT, talk.RULES_TEXT, talk.PAIRS_TEXT):
        yield from re.findall(r"[A-Za-z']+", _SYMBOL.sub(" ", text))
    yield from " ".join(talk.STATES).split()


def draw(
    seed: int,
    count: int,
    *,
    common: list[str] | None = None,
    exclude: Iterable[str] = (),
    only_talk: bool = False,
) -> list[str]:
    """`count` sentences, none of them (in normal form) in `exclude`."""
    forbidden = {normal(e) for e in exclude}
    grammar = Grammar(seed, common)
    result: list[str] = []
    while len(result) < count:
        text = grammar.talk() if only_talk else grammar.sentence()
        if normal(text) not in forbidden:
            result.append(text)
    return result
