"""English verbs of work with their forms, so that "sent" and "sending" lead back to "send". Pure."""

from __future__ import annotations

from vori.tickets.extract.wordlist import listed

_REGULAR = listed("""accept add address adjust agree aim align allocate analyse analyze announce answer
appeal apply appoint approve archive arrange ask assemble assess assign attach attend audit
automate back backfill bake balance ban benchmark bill block book boot borrow brief bump cache
calculate calibrate call cancel canvass capture carry cater chase change charge check clean clear
click clip clone close coach code collate collect combine commission compare compile complain
complete compress confirm configure connect consider consult contact convert cook copy correct
count cover crop customise deactivate debug decide declare decommission decorate delegate delete
deliver demo deploy describe design destroy detail develop diagnose disable discuss dispatch
display document donate double download draft drain dress drop dry duplicate edit email empty
enable encrypt enforce enrol enter escalate estimate evaluate examine exchange expand explain
export expose extend fax figure file fill film filter finalise finalize finance finish fit fix
flag flash flush fold follow format forward frame fuel gather glue grant group harvest hand handle
hang help highlight hire host identify implement import improve include increase index inform
insert inspect install instruct integrate interview introduce investigate invite invoice involve
iron isolate issue iterate join jot label laminate land launch lease level license lift limit
link list load localise locate lock log look lower mail maintain manage map mark market match
measure mention merge message migrate mock modify monitor move mow narrow negotiate normalise note
notify number obtain offer onboard open operate optimise optimize orchestrate order organise organize
outline overhaul own pack package paint park patch pave pay peel perform phone photograph pick
pilot pin ping pitch plan plant plaster plug plumb polish pop populate post pour prepare present
press price print prioritise process procure produce profile program promote prompt proofread
propose protect prove provide provision prune publish pull pump purchase push query question queue
quote raise reach rearrange reassign rebase rebook reboot recalculate receive recheck reconcile
record recover recruit recycle redesign redirect reduce refactor refer refill refine refresh
refund register reinstall release relocate remind remove rename renew rent reorder repair repaint
replace reply repoint report request resample reschedule research reseal reserve reset resize
resolve respond restart restock restore restructure resubmit retest retry return review revise
rework rinse roll rotate route sample sand sanitise save scan schedule scope score scrape scrub
seal search secure select separate serve service settle shadow share sharpen shift ship shop
shorten sign simplify sketch slice smooth sort source stabilise stack staff stage stain start stick
stitch stock stop store straighten streamline stress study submit supply support survey swap sweep
switch sync tackle tag tailor talk tally tape target taste test thank tidy tighten tile trace
track train transcribe transfer translate transport treat trial trim try tune turn type unblock
unpack unplug update upgrade upload use vacuum validate verify visit volunteer wait walk warn wash
water weigh weld wipe wire work wrap zip bring-forward arrange customise detail scope spec
message outline text ring-fence whitelist blacklist allow-list tweak tidy-up rerun hoover mop
sterilise sterilize disinfect inventory tender notarise notarize photocopy subtitle caption rehearse
choreograph stencil lacquer varnish prime grout insulate rewire replumb excavate prune fertilise
spray stake transplant graft vaccinate deworm groom microchip discharge admit triage prescribe
dispense cannulate catheterise x-ray appraise value list-out invoice reimburse expense budget
forecast audit depreciate reconcile outsource tender negotiate counter-sign countersign witness""")

_IRREGULAR = """be was,were been being
begin began begun beginning
break broke broken breaking
bring brought brought bringing
build built built building
buy bought bought buying
catch caught caught catching
choose chose chosen choosing
come came come coming
cut cut cut cutting
deal dealt dealt dealing
dig dug dug digging
do did done doing
draw drew drawn drawing
drive drove driven driving
eat ate eaten eating
feed fed fed feeding
find found found finding
fly flew flown flying
get got got,gotten getting
give gave given giving
go went gone going
grind ground ground grinding
grow grew grown growing
hang hung hung hanging
hold held held holding
keep kept kept keeping
lay laid laid laying
lead led led leading
leave left left leaving
lend lent lent lending
let let let letting
make made made making
meet met met meeting
pay paid paid paying
put put put putting
quit quit quit quitting
read read read reading
rebuild rebuilt rebuilt rebuilding
redo redid redone redoing
resend resent resent resending
reset reset reset resetting
rewrite rewrote rewritten rewriting
ring rang rung ringing
run ran run running
rerun reran rerun rerunning
say said said saying
see saw seen seeing
sell sold sold selling
send sent sent sending
set set set setting
sew sewed sewn sewing
show showed shown showing
shut shut shut shutting
sing sang sung singing
sit sat sat sitting
speak spoke spoken speaking
spend spent spent spending
split split split splitting
spread spread spread spreading
stand stood stood standing
steal stole stolen stealing
stick stuck stuck sticking
sweep swept swept sweeping
take took taken taking
teach taught taught teaching
tear tore torn tearing
tell told told telling
think thought thought thinking
throw threw thrown throwing
undo undid undone undoing
wear wore worn wearing
weave wove woven weaving
win won won winning
withdraw withdrew withdrawn withdrawing
wrap wrapped wrapped wrapping
write wrote written writing
oversee oversaw overseen overseeing
understand understood understood understanding
overhaul overhauled overhauled overhauling
proofread proofread proofread proofreading
hear heard heard hearing
know knew known knowing
lose lost lost losing
shoot shot shot shooting
bend bent bent bending
bind bound bound binding
blow blew blown blowing
fight fought fought fighting
freeze froze frozen freezing
light lit lit lighting
ride rode ridden riding
rise rose risen rising
shake shook shaken shaking
shine shone shone shining
shrink shrank shrunk shrinking
sink sank sunk sinking
slide slid slid sliding
spin spun spun spinning
strike struck struck striking
string strung strung stringing
swim swam swum swimming
swing swung swung swinging
wake woke woken waking
wind wound wound winding
mow mowed mown mowing
sow sowed sown sowing
saw sawed sawn sawing
weld welded welded welding
knit knitted knitted knitting
bid bid bid bidding
cost cost cost costing
hit hit hit hitting
shed shed shed shedding
slit slit slit slitting
hurt hurt hurt hurting
lie lay lain lying
fall fell fallen falling
bleed bled bled bleeding""".splitlines()

_DOUBLING = set("bdgmnprt")
_NO_DOUBLING = set(
    listed(
        "answer alter number offer order open develop deliver visit edit audit limit enter filter "
        "cover cater gather monitor register transfer-red profile market target budget consider "
        "inventory benchmark format-ted email retain discover laminate recover render administer "
        "tender repaint tailor suffer trigger listen happen sharpen straighten shorten tighten "
        "deposit exhibit inspect interpret prohibit credit debit"
    )
)


def _forms(base: str) -> tuple[str, str]:
    """The regular past and -ing forms."""
    if base.endswith("e"):
        return base + "d", base[:-1] + "ing"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied", base + "ing"
    short = (
        len(base) >= 3 and base[-1] in _DOUBLING and base[-2] in "aeiou" and base[-3] not in "aeiou"
    )
    if (
        short
        and base not in _NO_DOUBLING
        and (
            len(base) <= 5
            or base.endswith(("fer", "mit", "bug", "mat", "cap", "lan", "plug", "rap"))
        )
    ):
        return base + base[-1] + "ed", base + base[-1] + "ing"
    return base + "ed", base + "ing"


BASE: set[str] = set()
PAST: dict[str, str] = {}
PARTICIPLE: dict[str, str] = {}
GERUND: dict[str, str] = {}

for _verb in _REGULAR:
    _past, _ing = _forms(_verb)
    BASE.add(_verb)
    PAST[_past] = PARTICIPLE[_past] = _verb
    GERUND[_ing] = _verb
    if _verb.endswith("l"):  # British spelling: labelled, cancelling
        PAST[_verb + "led"] = PARTICIPLE[_verb + "led"] = _verb
        GERUND[_verb + "ling"] = _verb
for _line in _IRREGULAR:
    _verb, _pasts, _participles, _ing = _line.split()
    BASE.add(_verb)
    PAST.update(dict.fromkeys(_pasts.split(","), _verb))
    PARTICIPLE.update(dict.fromkeys(_participles.split(","), _verb))
    GERUND[_ing] = _verb
    for _table, _forms_of in ((PAST, _pasts), (PARTICIPLE, _participles)):
        for _form in _forms_of.split(","):  # rehung, rebuilt, overpaid
            _table.setdefault("re" + _form, "re" + _verb)
    BASE.add("re" + _verb)
    GERUND.setdefault("re" + _ing, "re" + _verb)


def base_of(word: str) -> str | None:
    """The base form of a verb form, or None when `word` is no verb known here."""
    word = word.lower()
    for table in (PAST, PARTICIPLE, GERUND):
        if word in table:
            return table[word]
    return word if word in BASE else None


def guess_base(word: str) -> str | None:
    """As `base_of`, and a guess for regular verbs that are not in the list."""
    word = word.lower()
    known = base_of(word)
    if known is not None:
        return known
    if len(word) > 4 and word.endswith("ied"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith("ed"):
        stem = word[:-2]
        if stem[-1] == stem[-2] and stem[-1] in _DOUBLING:
            return stem[:-1]
        return (
            stem + "e"
            if stem[-1] in "cvzu"
            or stem.endswith(("as", "at", "iz", "us", "ir", "is", "os", "ur", "ag", "id", "in"))
            else stem
        )
    return None
