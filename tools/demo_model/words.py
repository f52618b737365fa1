"""The words of the grammar, by their part in a sentence. Verbs are base forms; see `inflect`."""

from __future__ import annotations

NAMES = """
Minji Junho Seoyeon Jimin Minho Jiwoo Hana Yuna Sora Jisoo Taeyang Haneul Dongwoo Eunji Hyejin Jaehyun
Kyungsoo Mina Nari Sangwoo Seojun Siwoo Sujin Sunhee Woojin Yejin Yongho Youngmi Hyunwoo Jihoon Dahye
Kim Park Lee Choi Jung Kang Yoon Lim Han Song Hong Shin Kwon Hwang Ahn
Daniel Anna Emma Tom David Sarah Michael Laura Peter Julia Martin Sophie Paul Maria Mark Nina Lucas
Olivia James Linda Kevin Rachel Robert Helen Andrew Karen Steven Alice Brian Emily Chris Grace Eric
Hannah Frank Irene George Jane Henry Kate Jack Lisa John Megan Leo Monica Max Nancy Nathan Paula Oscar
Rita Patrick Rose Philip Ruth Richard Sandra Ryan Susan Sam Tina Simon Vera Thomas Victor Wendy Walter
William Zoe Adam Amy Ben Carla Carlos Chloe Diana Diego Elena Felix Fatima Hassan Ivan Priya Raj Omar
Ravi Mei Lena Oliver Isabel Joseph Clara Edward Eva Greg Amanda Jason Angela Keith Barbara Larry
Caroline Louis Charlotte Marcus Christina Matthew Claire Neil Denise Nick Donna Ralph Ellen Roger
Fiona Scott Gloria Stuart Heather Tim Jessica Tony Joanna Vincent Katherine Alex Lucy Arthur Margaret
Albert Melissa Charles Natalie Colin Patricia Dennis Rebecca Douglas Samantha Fred Sharon Gary
Stephanie Graham Teresa Harry Vanessa Howard Veronica Hugo Victoria Ian Yvonne
"""

PLACES = """
Seoul Busan Korea London Berlin Paris Boston Chicago Tokyo Japan China India Canada America Germany
France Spain Italy Europe Asia Texas California Madrid Rome Dublin Sydney Toronto Denver Seattle
Austin Vienna Munich Hamburg Singapore Bangkok Mexico Brazil Africa Oxford Cambridge
"""

#: things a team works on or talks about
THINGS = """
report page server database test build release script screen button form field table index query
backup log alert dashboard chart graph metric budget invoice contract offer order payment refund
receipt bill price discount tax account password login token key license domain certificate website
app application feature bug ticket issue task story sprint backlog board roadmap plan schedule
calendar meeting call demo presentation slide deck document draft copy note list checklist summary
survey interview question answer feedback review comment message email letter newsletter post video
photo picture logo banner poster flyer brochure menu recipe kitchen oven fridge table chair desk room
office floor building roof wall window door lift elevator stairs corridor entrance garage parking
garden fence pump pipe valve filter boiler heater fan cable wire socket switch battery charger lamp
light camera microphone speaker headset phone tablet laptop computer keyboard mouse monitor printer
scanner router network firewall cloud cluster container image pipeline deployment branch commit merge
pull request library package module function class method interface service endpoint client queue
topic cache memory disk file folder archive template theme layout design color font icon style guide
manual handbook policy rule law permit approval signature stamp form passport visa ticket flight hotel
train car truck van bus bicycle bridge road street map route station airport port ship box parcel
package shipment delivery warehouse shelf stock inventory supplier vendor customer client partner
investor manager director engineer designer developer tester nurse doctor patient teacher student
parent driver cook waiter guest visitor neighbor lawyer accountant auditor assistant intern trainer
coach team group department company factory shop store market hospital clinic ward school college
university classroom course lesson lecture exam grade homework textbook project proposal grant
experiment sample result study paper article chapter book magazine newspaper story title headline
campaign launch event conference workshop training session webinar party dinner lunch breakfast
coffee machine engine motor tool hammer drill saw ladder crane concrete brick steel wood glass paint
tile carpet curtain pillow blanket bed bottle cup plate knife spoon bowl towel soap medicine vaccine
bandage syringe mask glove uniform jacket shirt shoe bag wallet watch ring gift card coupon voucher
number code version update upgrade patch fix change migration rollout rollback outage incident error
warning crash delay problem risk blocker decision agreement deadline milestone target goal estimate
forecast figure total average rate percentage cost expense salary bonus loan bank interest profit loss
revenue sale deal lead pipeline quote bid tender audit inspection repair maintenance cleaning
installation drawing model prototype sensor chip board robot drone antenna signal channel stream
recording transcript caption subtitle translation language word sentence paragraph line header footer
link address signature attachment spreadsheet formula column row cell chart filter search engine
profile avatar setting option checkbox menu tab popup notification reminder timer clock alarm
weather rain storm snow wind sun river lake sea beach island mountain forest tree flower grass seed
farm field barn horse cow dog cat bird fish bread butter cheese milk egg rice soup salad fruit apple
orange banana lemon potato tomato onion carrot meat chicken sugar salt pepper water juice tea wine beer
music song dance film movie theater museum gallery concert ticket game match player score trophy
child baby family brother sister mother father friend husband wife son daughter uncle aunt
"""

#: plural or mass nouns that follow "the", "some", "more"
MASS = """
documentation software hardware equipment furniture data information news research traffic storage
bandwidth security privacy quality performance accessibility availability capacity insurance
transport travel catering marketing advertising accounting payroll recruitment onboarding support
feedback progress work help advice time money paper ink fuel gas electricity heating water food
medication blood oxygen staff equipment stuff release notes test results sales figures meeting minutes
user stories error messages access rights opening hours spare parts raw materials terms and conditions
unit tests load tests bug reports exam papers lab results customer complaints shipping labels
"""

VERBS_THING = """
write read check review test fix build update upgrade install replace repair clean move send share
print scan sign copy draft edit finish start stop close open delete remove add create design draw
paint plan schedule book cancel order buy sell ship deliver return collect pack unpack label count
measure record upload download publish post announce present prepare organize arrange discuss explain
describe document translate correct approve reject confirm compare merge deploy release roll restart
reboot migrate restore archive encrypt lock unlock rename sort filter search find lose keep hold carry
bring take give show hide watch follow track monitor mean spend throw catch hit hurt lend borrow steal wear bite blow dig
expect enjoy miss love hate prefer notice recognize consider suggest recommend mention promise
introduce offer receive accept refuse avoid allow allocate bother cause contain cover cross
demand deserve destroy damage earn ease examine fear finance guess guide hope ignore imagine
include influence inform insist involve judge knock limit link list obtain own oppose observe
outline permit press prevent produce protect prove provide recall recover reflect regret remember
remind reserve respect ruin scare search settle shake shape slice smell solve sound spell spread
squeeze stack state stick store stretch strike suit supply supervise surprise suspect switch taste
tear tend tie touch trace trade transfer trap trust twist undo unite unlock upset urge value view
vote wait warn weigh weld wind wonder worry wound watch analyze investigate study teach learn improve
simplify optimize refactor rewrite clarify verify validate calculate estimate negotiate renew extend
reduce increase lower raise cut split join connect disconnect configure adjust tune calibrate inspect
clear empty fill load store save charge heat cool cook bake serve wash dry fold iron wrap hang
mount attach detach tighten turn push pull lift drop pick drive park rent lease fund sponsor support
handle manage lead coordinate assign delegate postpone delay skip repeat rehearse forward answer
use choose select change convert replace export import sync
"""

VERBS_ALONE = """
wait start stop finish continue leave arrive come go travel work rest sleep wake walk run drive
listen speak talk think help rain snow ring fly swim burn explode lie jump climb fight shout cry
cough breathe bleed recover struggle succeed apologize argue complain hurry relax retire vanish
appear disappear begin end expire proceed retry count knock bark swim shine sink float spin call answer reply agree disagree decide change fail pass break
happen matter exist remain stay return improve crash freeze hang load start respond rise fall grow
shrink drop slow smile laugh sing dance play win lose eat drink cook sit stand meet
"""

VERBS_PERSON = """
call ask tell help meet invite email message thank remind visit interview hire train pay join
support welcome contact warn pick follow inform update teach
"""

ADJECTIVES = """
new old big small large little long short high low early late fast slow quick easy hard simple
difficult important urgent critical minor major main final first second last next previous current
recent future daily weekly monthly yearly annual quarterly good bad better worse best worst great nice
fine clean dirty dry wet hot cold warm cool full empty open closed free busy ready broken missing
wrong right correct incorrect complete incomplete finished public private internal external local
remote global national international safe dangerous secure stable unstable weak strong heavy light
thick thin wide narrow deep flat round square sharp soft loud quiet bright dark red blue green yellow
black white gray brown pink purple cheap expensive rich poor young modern digital electric electronic
automatic manual mobile medical legal financial technical social political commercial industrial
natural normal special general common rare strange funny serious happy sad angry tired sick healthy
hungry thirsty nervous calm careful careless clear unclear visible hidden useful useless similar
different same other extra additional spare single double shared whole half rough smooth fresh frozen
confidential optional mandatory temporary permanent official formal casual flexible detailed brief
reliable expired outdated duplicate valid invalid available
"""

ADVERBS = """
now soon later today tomorrow tonight again already always never often sometimes usually rarely
quickly slowly carefully quietly loudly clearly easily hardly nearly almost completely partly mostly
really very quite rather pretty too also even still just only maybe perhaps probably certainly
definitely actually basically finally eventually immediately directly together alone outside inside
upstairs downstairs here there everywhere somewhere online offline early late well badly twice once
"""

#: everyday words that the lists above miss
MORE = """
am us me him them mine yours ours hers theirs myself yourself himself herself itself ourselves
themselves mister did does doing been got gotten cannot don't won't isn't aren't wasn't weren't
doesn't didn't haven't hasn't hadn't can't couldn't shouldn't wouldn't mustn't I'm I've I'd I'll
you're you've you'd you'll he's he'd he'll she's she'd she'll it's it'd it'll we're we've we'd we'll
they're they've they'd they'll that's that'll there's there'll what's who's where's how's here's
let's ago apart aside ahead afterwards recently lately shortly exactly simply nearby neighborhood
million billion dozen thousand hundred zero half quarter third percent plus minus times double
mom dad grandmother grandfather cousin nephew niece boss colleague teammate classmate partner guest
knee shoulder stomach tooth teeth hair skin finger neck throat bone voice breath tear smile
year years month months week weeks day days hour hours minute minutes morning afternoon evening night
people man woman men women boy girl person persons body head hand hands face eye eyes ear mouth foot
feet leg arm back heart mind idea ideas reason reasons way ways thing things place places part parts
side end beginning middle top bottom front corner edge center area space size shape kind sort type
piece pair lot bit amount level degree point case example fact truth lie story history life death
world country city town village house home kitchen bathroom bedroom yard government president minister
police army war peace church king queen north south east west left right up down above below under
over between among through across along around behind beside near far away beyond before after during
until since while because although though however therefore unless whether either neither both each
every any some many much more most few fewer less least several enough all none nothing something
anything everything nobody somebody anybody everybody someone anyone everyone who what where when why
how which whose this that these those here there then than such own else instead otherwise meanwhile
anyway besides except without within against toward towards upon about for from into onto off out
yes no okay sure please thanks sorry hello goodbye welcome
"""
