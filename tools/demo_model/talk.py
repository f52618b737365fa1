"""Meeting talk that makes sense: verbs with the things that are done to them, and phrases around.

`sentences.py` mixes any verb with any thing, which teaches sound; this teaches what people say.
"""

from __future__ import annotations

#: verb: what it is done to
PAIRS_TEXT = """
send: the invoice|the report|the contract|the offer|the summary|the agenda|the slides|the figures|the invitation|a reminder|the link|the minutes|the files|an email|the samples|the quote|the payment|the draft|the results|the survey|the document
write: the report|the documentation|the release notes|the test plan|the summary|an email|the proposal|a short guide|the job description|the press release|the minutes|the blog post|the specification|a script|the first draft|the user guide|a ticket
fix: the bug|the login bug|the login page|the search|the broken link|the crash|the memory leak|the build|the failing test|the error message|the checkout page|the upload|the typo|the database error|the printer|the heating|the time zone bug|the mobile app|the export
test: the backup|the new version|the payment page|the app|the upload|the alarm|the login|the mobile version|the new feature|the connection|the installer|the search|the update|the microphone|the headset|the release
review: the code|the contract|the pull request|the design|the proposal|the budget|the plan|the document|the slides|the change|the translation|the numbers|the security report|the draft|the applications
update: the calendar|the website|the ticket|the documentation|the price list|the roadmap|the plan|the server|the schedule|the contact list|the software|the spreadsheet|the dashboard|the library|the board|the status page|the certificate|the home page
prepare: the presentation|the workshop|the demo|the slides|the budget|the launch|the interview|the meeting|the release|the training|the agenda|the report|the contract|the room|the next sprint|the party
order: the chairs|new laptops|more paper|the parts|lunch|the screens|coffee|the samples|a new printer|the cables|the desks|new headphones|the flowers|a cake|the business cards
book: a room|the hotel|the flights|a meeting room|the train tickets|a table|the venue|the conference room|a taxi|the projector
call: the customer|the supplier|the bank|the hotel|the landlord|the lawyer|the agency|the insurance|the support team|the client|the printer shop|the doctor
check: the logs|the numbers|the invoice|the dates|the settings|the contract|the budget|the server|the calendar|the error report|the stock|the translation|the delivery|the address|the backup|the results|the monitoring
finish: the report|the design|the migration|the prototype|the presentation|the first version|the training|the interview|the budget|the data import|the ticket|the feature|the documentation|the analysis|the translation
deploy: the new version|the fix|the server|the website|the update|the service|the database change|the release|the patch
design: the home page|the logo|the new icons|the poster|the flyer|the settings page|the form|the dashboard|the banner|the onboarding screen|the menu
translate: the website|the manual|the contract|the user guide|the email|the slides|the help page|the app
sign: the contract|the lease|the form|the offer|the agreement|the papers
schedule: a meeting|the interview|the training|the call|the workshop|the release|the next review|a follow up meeting|the maintenance
cancel: the meeting|the order|the subscription|the flight|the workshop|the reservation|the trip|the contract
move: the meeting|the deadline|the workshop|the ticket|the server|the release|the data|the desks|the launch
share: the document|the slides|the recording|the results|the numbers|the link|the screen|the notes|the feedback|the folder|the roadmap
collect: the feedback|the data|the requirements|the receipts|the keys|the ideas|the numbers
discuss: the budget|the roadmap|the design|the price|the risks|the next steps|the strategy|the contract|the feedback|the release plan|the holiday schedule
approve: the budget|the design|the contract|the request|the vacation|the invoice|the plan|the purchase|the offer
create: a ticket|a new account|the report|a backup|a list|a template|a branch|the dashboard|a checklist|the campaign|a shared folder
set up: the server|the projector|the meeting|the new laptop|the database|the printer|the test environment|the mailing list|the video call|the monitoring|the account
clean up: the database|the code|the kitchen|the backlog|the meeting room|the old files|the test data
look into: the problem|the error|the complaint|the delay|the slow queries|the memory usage|the numbers|the costs|the issue|the outage
work on: the design|the search|the report|the login page|the integration|the new feature|the roadmap|the presentation|the migration|the budget|the mobile app|the payment page
talk to: the customer|the supplier|the legal department|the design team|the manager|the bank|the new client|the press|the marketing team|the sales team|the landlord
pay: the invoice|the bill|the rent|the supplier|the deposit|the fee
install: the update|the new software|the printer|the camera|the new version|the certificate|the battery
measure: the load time|the traffic|the performance|the costs|the conversion rate|the noise
plan: the launch|the workshop|the next sprint|the trip|the budget|the party|the campaign|the release|the migration|the roadmap
publish: the report|the article|the new version|the job offer|the blog post|the results|the video|the release notes
present: the results|the new design|the numbers|the plan|the prototype|the roadmap|the idea|the strategy
remove: the old button|the banner|the feature|the test account|the old logo|the duplicate entries|the warning|the unused code
add: a new field|the missing tests|a button|a search box|more memory|the logo|a footer|a filter|another column|the new members|the link|an index
change: the password|the logo|the price|the date|the address|the color|the text|the settings|the order|the supplier|the plan
merge: the branch|the pull request|the changes|the fix|the two lists
hire: a designer|another engineer|a new tester|a driver|an accountant|two students|a new manager
contact: the support team|the supplier|the customer|the press|the landlord|the hotel|the authorities
close: the ticket|the account|the office|the old project|the window|the deal|the sprint
print: the flyers|the contract|the badges|the posters|the tickets|the manual
buy: a new camera|the tickets|a present|more storage|the licenses|new chairs|the domain
confirm: the date|the order|the reservation|the price|the appointment|the delivery|the numbers
improve: the search|the documentation|the load time|the onboarding|the test coverage|the process|the design|the sound quality
compare: the prices|the offers|the results|the two versions|the suppliers|the numbers
organize: the party|the workshop|the trip|the training|the team lunch|the conference
record: the meeting|the demo|the training|the interview|the video
repair: the printer|the door|the heating|the roof|the truck|the elevator|the machine
answer: the email|the question|the customer|the survey|the complaint
upload: the files|the video|the recording|the new pictures|the documents|the slides
restart: the server|the service|the router|the database|the computer
estimate: the costs|the work|the time|the risk|the tickets
analyze: the data|the results|the survey|the traffic|the feedback|the logs
double check: the numbers|the dates|the address|the invoice|the settings
go through: the list|the tickets|the comments|the contract|the backlog|the feedback
take care of: the invoice|the catering|the venue|the flyers|the backup|the customer|the paperwork|the tickets
"""

#: state: what it is said of
STATES = """
done|ready|finished|still open|almost done|late|on track|behind schedule|in progress|in review|approved|blocked|delayed|broken|not ready yet|complete|fixed|signed|online|live|still missing|on hold|cancelled|up to date|too expensive|very slow|closed|too slow|running|working again|out of stock|better now
""".strip().split("|")

RULES_TEXT = """
T: {t_life}|{t_life}|{t_life}|{t_life}|{t_life}|{t_life}|{t_life}|{t_commit}|{t_commit}|{t_commit}|{t_ask}|{t_ask}|{t_ask}|{t_status}|{t_status}|{t_status}|{t_question}|{t_block}|{t_decide}|{t_chair}|{t_chair}|{t_when}|{t_number}|{t_opinion}|{t_reply}
t_commit: {t_fill?}I'll {pair}{t_due?}.|{t_fill?}I will {pair}{t_due?}.|I can {pair}{t_due?}.|{t_fill?}let me {pair}{t_due?}.|I'm going to {pair}{t_due?}.|{name} will {pair}{t_due}.|{name} is going to {pair}{t_due?}.|we will {pair}{t_due?}.|we need to {pair}{t_due?}.|we have to {pair}{t_due?}.|we should {pair}{t_due?}.|{name} and I will {pair}{t_due?}.|{t_fill?}I'll {pair} and then {pair}.|I want to {pair}{t_due?}.|I have to {pair} first.|{name} promised to {pair}{t_due?}.|{name} and {name} will {pair} together.|I will {pair} as soon as {pobj} is {pstate}.|today I will {pair}.|{t_fill?}I plan to {pair}{t_due?}.|next I will {pair}.|I'll try to {pair}{t_due?}.|somebody has to {pair}{t_due?}.|I'll do it{t_due?}.|I can do that{t_due?}.
t_ask: {name}, can you {pair}{t_due?}?|{name}, could you {pair}{t_due?}?|{name}, please {pair}{t_due?}.|{name}, would you please {pair}{t_due?}?|can you {pair}{t_due?}, {name}?|could you please {pair}{t_due?}?|please {pair}{t_due?}.|{name}, will you {pair}{t_due?}?|{name}, I need you to {pair}{t_due?}.|can somebody {pair}{t_due?}?|who can {pair}{t_due?}?|who wants to {pair}?|who will {pair}?|please ask {name} to {pair}{t_due?}.|please don't forget to {pair}{t_due?}.|please remember to {pair}{t_due?}.|{name}, do you have time to {pair}{t_due?}?|could {name} {pair}{t_due?}?|I would like {name} to {pair}.|can we {pair}{t_due?}?|would you mind if I {pair}?
t_status: I finished {pobj} {t_past}, so {pobj} is {pstate}.|{pobj} is {pstate}.|{pobj} is {pstate}.|{pobj} is {pstate} now.|{pobj} was {pstate} {t_past}.|{pobj} has been {pstate} since {weekday}.|I have already {pair_n}.|I {pair_d} {t_past}.|{name} {pair_d} {t_past}.|{name} has {pair_n}.|we {pair_d} {t_past}, and it works.|I'm still {pair_g}.|{name} is {pair_g} right now.|I started {pair_g} {t_past}.|yesterday I {pair_d}.|yesterday I {pair_d}, and today I will {pair}.|{pobj} is {pstate}, but {pobj} is {pstate}.|I'm almost done with {pobj}.|we made good progress on {pobj}.|{name} is working on {pobj}.|there are no changes to {pobj}.|nothing has changed with {pobj}.|{pobj} is {pstate} again.|I think {pobj} is {pstate}.|we are {pair_g} at the moment.|we have not {pair_n} yet.|I didn't {pair} because {pobj} is {pstate}.
t_question: what is the status of {pobj}?|how is {pobj} going?|when will {pobj} be ready?|when can you {pair}?|did you {pair}?|did anyone {pair}?|have you {pair_n} yet?|is {pobj} {pstate}?|who is responsible for {pobj}?|why is {pobj} {pstate}?|do we need to {pair}?|should we {pair}{t_due?}?|how long will it take to {pair}?|what do you think about {pobj}?|does anybody know where {pobj} is?|what happened to {pobj}?|how much does {pobj} cost?|do you need help with {pobj}?|what are we going to do about {pobj}?|can we talk about {pobj}?|is there any news about {pobj}?
t_block: I'm blocked, because {pobj} is {pstate}.|I'm blocked, we are waiting for {pobj}.|I can't {pair} until {name} has {pair_n}.|I can't {pair} without {pobj}.|we are waiting for an answer from {pwho}.|I'm still waiting for {pobj}.|I'm waiting for {name} to {pair}.|we have a problem with {pobj}.|{pwho} has not answered yet.|we are stuck on {pobj}.|we still don't have {pobj}.|we can't continue because {pobj} is {pstate}.|we need more time for {pobj}.|{pobj} is blocked.|there is still an issue with {pobj}.|the problem is that {pobj} is {pstate}.|{pobj} failed again {t_past}.|it depends on {pwho}.
t_decide: let's {pair}{t_due?}.|let's {pair} first.|we decided to {pair}.|we agreed to {pair}{t_due?}.|let's not {pair}.|then we will {pair}{t_due?}.|let's talk about {pobj}{t_due?}.|{pobj} stays as it is.|we will keep {pobj} as it is.|let's move {pobj} to {weekday}.|let's postpone {pobj} to next {t_period}.|the next step is to {pair}.|we can drop {pobj}.|so we will {pair} instead.|everyone agrees, we {pair}.|it's more important to {pair}.|that has to wait until {pobj} is {pstate}.|okay, so {name} will {pair} and {name} will {pair}.
t_chair: good {dayp}, everyone.|good {dayp} everyone, let's start.|welcome to our {t_kind} meeting.|{name}, you go first.|{name}, how is {pobj} going?|{name}, what about {pobj}?|thank you, {name}.|thanks, {name}.|next topic, {pobj}.|the first point is {pobj}.|the next point on the agenda is {pobj}.|let's continue with {pobj}.|see you {t_next}.|thank you all for your time.|is there anything else?|does anyone have questions?|let's go to the next point.|{name}, it's your turn.|who wants to go first?|can everybody hear me?|you are on mute, {name}.|let's take a break of {num2} minutes.|we have {num2} minutes left.|{name} can't join us today.|let's wrap up.|let's meet again {t_next}.|I will share my screen.|{name}, do you want to start?|today we want to talk about {pobj} and {pobj}.|before we finish, let's look at {pobj}.|any other business?|have a nice {t_end}.
t_when: the deadline for {pobj} is {t_day}.|{pobj} is due {t_day}.|{pobj} has to be ready {t_by}.|the meeting is on {weekday} at {time}.|the meeting starts at {time}.|let's meet on {weekday} at {time}.|I'm on vacation next week.|I'm out of office on {weekday}.|{name} comes back on {weekday}.|we launch on {date}.|the release is planned for {month}.|{pobj} arrives {t_day}.|the workshop takes place on {date}.|we have until {weekday} to {pair}.|the new {t_role} starts on {date}.|{pwho} is coming on {weekday}.|the next review is on {date}.|can we do it on {weekday} at {time}?|{weekday} works for me.|I'm free on {weekday} {dayp2}.
t_number: we have {num2} open tickets.|there are {num2} bugs left.|sales went up by {num2} percent last {t_period}.|costs went down by {num} percent.|the budget is {bignum} dollars.|we need {num2} more days for {pobj}.|it takes {num2} hours to {pair}.|we got {num} new customers this {t_period}.|we sold {num} tickets.|{num2} people signed up for the workshop.|about {num} percent of the users have the new version.|the server was down for {num2} minutes.|version {num2} point {num2} is ready.|{num2} of {num2} tests are green.|the traffic grew by {num} percent in {month}.|{num2} customers complained about {pobj}.
t_opinion: I think we should {pair}{t_due?}.|I don't think we need to {pair}.|maybe we should {pair} first.|in my opinion, {pobj} is {pstate}.|that sounds good.|that's a good idea, {name}.|I agree with {name}.|I'm not sure about {pobj}.|I'm happy with {pobj}.|it would be better to {pair}.|we could also {pair}.|if {pobj} is {pstate}, we can {pair}.|if {name} has time, we can {pair}.|the customer is happy with {pobj}.|the customer asked for {pobj} again.|the customer wants us to {pair}.|the team likes {pobj}.|I like the idea.|that makes sense.|{pwho} wants {pobj} by {weekday}.|nobody knows when {pobj} will be ready.
t_reply: okay, I will {pair}.|sure, I will {pair}.|yes, I can {pair}.|sure, I'll do it{t_due?}.|yes, I will do that.|no problem.|of course.|sounds good.|sorry, I can't {pair} this week.|all right, thanks.|okay, thank you, {name}.|yes, please.|yes, that works.|no, not yet.|not yet, but I will {pair}{t_due?}.|I don't know, I have to check.|good point.|I will ask {name}.|I will ask {pwho}.|great, thanks.|yes, it's done.|no, {pobj} is {pstate}.|I'm sorry, I forgot to {pair}.|that's fine with me.|let me check.|I'll get back to you.|all right, {name}, thanks.
t_life: the {l_thing} in the {l_place} is {l_state}.|the {l_thing} in the {l_place} {l_broke} {t_past}.|somebody left the {l_thing} in the {l_place}.|there is a new {l_thing} in the {l_place}.|we need a new {l_thing} for the {l_place}.|{l_who} {l_went} to the {l_place} {t_past}.|{l_who} is in the {l_place} {now}.|{l_who} will come {t_next}.|{l_who} moved to {place} {t_past}.|{l_who} is waiting in the {l_place}.|{l_who} works in {place}.|{l_who} lost the {l_thing} {l_where}.|{l_who} bought a {l_adj} {l_thing} {t_past}.|{l_who} forgot the {l_thing} at home.|{l_who} found the {l_thing} in the {l_place}.|{l_who} told me about the {l_event}.|{l_who} asked for a {l_adj} {l_thing}.|{l_who} wants to {l_do}.|{l_who} has to {l_do} {t_next}.|{l_who} likes to {l_do}.|{l_who} started to {l_do}.|I would like to {l_do}.|do you want to {l_do}?|we could {l_do} after the {l_event}.|let's {l_do} {t_next}.|the {l_event} was {l_adj2}.|the {l_event} starts at {time}.|the {l_event} is on {weekday}.|the {l_event} was cancelled because of the {l_why}.|we were late because of the {l_why}.|because of the {l_why}, the {l_place} is closed.|the {l_place} is closed until {weekday}.|the {l_place} opens at {time}.|when does the {l_place} open?|where is the {l_thing}?|how was the {l_event}?|how do I get to the {l_place}?|what time does the {l_event} start?|which {l_thing} do you need?|whose {l_thing} is this?|who took the {l_thing}?|how many {l_people} are coming?|there were {num2} {l_people} at the {l_event}.|about {num} {l_people} came to the {l_event}.|the {l_people} are waiting for the {l_event}.|the {l_people} liked the {l_event}.|the {l_people} asked many questions.|all {l_people} have to leave by {time}.|my {relative} is {l_adj2}.|my {relative} lives near the {l_place}.|it's {l_weather} today.|it was {l_weather} all day.|it will be {l_weather} on {weekday}.|if it's {l_weather}, we will stay at home.|when it's {l_weather}, I like to {l_do}.|the {l_thing} is on the {l_side}.|turn {l_side2} at the {l_place}.|the {l_thing} costs {num2} dollars.|the price of {mass} went up again.|I can't find my {l_thing}.|I don't have a {l_thing}.|I think the {l_thing} is {l_adj2}.|I hope the {l_event} will be {l_adj2}.|that was a very {l_adj} {l_event}.|this is the {ord} {l_event} this year.|nobody was at the {l_event}.|everybody enjoyed the {l_event}.|after the {l_event} we went to the {l_place}.|before the {l_event} I have to {l_do}.|please close the {l_thing} before you leave.|please bring your {l_thing} to the {l_event}.|please be quiet in the {l_place}.|don't forget the {l_thing}.|you can leave the {l_thing} in the {l_place}.|you should {l_do} before {weekday}.|{name} and {name} went to the {l_place} together.|{name} gave me the {l_thing}.|{name} told everyone about the {l_event}.|{name} is {l_adj2} with the {l_thing}.|thank you for the {l_thing}.|thank you for coming to the {l_event}.
l_thing: printer|coffee machine|projector|light|door|window|heater|elevator|camera|phone|screen|microphone|key|table|chair|truck|car|bicycle|bag|book|ticket|passport|letter|box|bottle|cup|lamp|map|picture|clock|computer|keyboard|mouse|cable|battery|umbrella|jacket|suitcase|card|wallet|package|radio|television|ladder|tool|folder|notebook|machine|sign|alarm
l_place: kitchen|basement|office|second floor|hallway|lobby|parking lot|meeting room|warehouse|shop|garden|school|hospital|library|cafeteria|bank|station|airport|hotel|museum|park|market|restaurant|factory|church|harbor|city|village|pharmacy|post office|gym|theater|bakery|garage|classroom|waiting room|laboratory|bridge
l_state: broken|open|locked|missing|empty|dirty|too loud|too small|out of order|new|very old|still wet|on fire|not working|gone|fixed again
l_broke: broke down|stopped working|fell down|disappeared|was stolen|was repaired|was cleaned|was replaced|made a strange noise
l_who: {name}|{name}|{name}|my {relative}|the {role}|our {role}|the new {role}|she|he|everyone|our neighbor|the visitor|a colleague
l_went: went|drove|walked|came|returned|ran|traveled|was invited|was sent
l_where: on the train|in the park|at the station|on the way home|on the way to school|last night|in the hotel|in the snow
l_adj: new|big|small|better|cheap|red|blue|green|long|short|nice|heavy|strong|old|black|white|beautiful|useful|different|bigger|simple|strange|good|great|terrible
l_adj2: good|great|nice|boring|too long|very short|interesting|happy|sick|tired|ready|busy|expensive|important|wonderful|better than last year|difficult|easy|famous|quite good|too expensive|perfect|funny|not bad|over
l_event: meeting|party|concert|conference|workshop|lunch|dinner|game|trip|exam|wedding|lesson|interview|tour|vacation|exhibition|festival|storm|movie|lecture|competition|training|presentation|race|visit|birthday
l_why: snow|rain|storm|traffic|strike|accident|holiday|fire|noise|weather|power cut|flood|cold|heat|construction work
l_people: people|students|children|guests|patients|customers|visitors|teachers|engineers|players|passengers|tourists|workers|members|nurses|tenants
l_weather: raining|snowing|cold|hot|warm|sunny|windy|cloudy|very cold|too hot|dark|foggy
l_side: left|right|table|floor|shelf|wall|desk|second floor|other side|chair
l_side2: left|right
l_do: go home|take a break|eat something|play football|read the book|learn English|see a doctor|visit my parents|buy some food|cook dinner|clean the house|sell the car|rent a flat|go for a walk|drink some water|call a taxi|watch a movie|listen to music|write a letter|stay at home|sleep longer|leave early|work from home|take the train|paint the wall|plant some trees|wash the car|pay the bill|learn to drive|find a new job|open the window|help the children|wait for the bus|pick up the package|go swimming|change the plan|feed the dog|answer the phone|sing a song|build a house
t_fill: okay, |so |well, |yes, |right, |sure, |then |alright, |and |but |
t_due: {sp}{t_by}|{sp}{t_by}|{sp}{t_by}|{sp}{t_by}|{sp}{t_on}
t_by: by {weekday}|by {weekday}|by {weekday}|by tomorrow|by the end of the {t_period}|before {weekday}|until {weekday}|by next {weekday}|by {date}|this week|next week|tomorrow|today|by noon|by tonight|before the meeting|after lunch|after the meeting|by the end of {month}|before the release
t_on: on {weekday}|this {dayp2}|tomorrow {dayp2}|next {weekday}|in {month}|on {date}|at {time}|right away|right after lunch|as soon as possible|next month|later|first|now|on {weekday} {dayp2}|in the next sprint|with {name}|for {name}|for the customer|for the whole team
t_day: on {weekday}|tomorrow|next {weekday}|on {date}|next week|today|at the end of the {t_period}|in {num2} days
t_past: yesterday|yesterday|this morning|last week|on {weekday}|last {weekday}|last night|today|an hour ago|{num2} days ago
t_next: tomorrow|next week|on {weekday}|next {weekday}|on {weekday} at {time}|tomorrow at {time}
t_period: week|month|quarter|year|sprint
t_kind: weekly|daily|monthly|planning|budget|team|project|review
t_role: designer|engineer|manager|colleague|tester|intern|developer
t_end: day|weekend|evening|vacation|trip
pwho: the customer|the supplier|the bank|the legal department|the design team|the manager|the sales team|the marketing team|our partner|the agency|the client|the support team|the printer shop|{name}|{name}
"""

PAIRS = {
    verb: objects.split("|")
    for verb, _, objects in (line.partition(": ") for line in PAIRS_TEXT.strip().split("\n"))
}
