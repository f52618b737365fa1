"""Which of the days that are said a piece of work is due on. It is Wednesday, 2026-03-18."""

from __future__ import annotations

from datetime import date

import pytest

from tests.tickets.meetings import meeting
from vori.tickets.extract.dates import find_days
from vori.tickets.extract.due import roles
from vori.tickets.extract.local import read

pytest.importorskip("kiwipiepy")

WEDNESDAY = date(2026, 3, 18)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("actually Friday's a holiday", "off"),
        ("so I'll do the cover Thursday", "plain"),
        ("I'm at my sister's on Friday so Monday for that menu", "off plain"),
        ("can't this week, I'm away till Friday", "off off"),
        ("we've a delivery on Thursday", "event"),
        ("I'll ask the hotel about parking for the conference on Thursday", "event"),
        ("the fair opens on the thirtieth", "event"),
        ("we're presenting to the council next Wednesday", "event"),
        ("Monday's fine", "plain"),
        ("can you have the poster up on Friday", "plain"),
        (
            "the step, not Friday, they are all in on Thursday, so can it be by Thursday",
            "off event limit",
        ),
        ("print the programmes for Friday's show", "event"),
        ("I can do it by Thursday rather than Friday", "limit off"),
        ("does that have to be Tuesday", "off"),
        ("it'll have to be Tuesday", "plain"),
        ("the budget has to be in by month end", "limit"),
        ("the invoice is due on Friday", "limit"),
        ("I'll bring it when they open on Monday", "event"),
        ("I need the list on Monday", "plain"),
        ("sweep the barn before the school comes tomorrow", "limit"),
        ("before the inspection on Monday", "limit"),
        ("the supplier's shut today", "event"),
        ("let's say a week tomorrow", "plain"),
        ("목요일은 제가 예비군이라 금요일로 미룰게요", "off plain"),
        ("금요일 말고 수요일로 할게요", "off plain"),
        ("목요일 학회 때문에 제가 호텔에 주차 문의할게요", "event"),
        ("수요일에 연차네요 금요일로 미뤄도 돼요", "off plain"),
        ("수요일에서 금요일로 옮길게요", "off plain"),
        ("금요일에 제가 병원 가서요 월요일로 미룰게요", "off plain"),
        ("인쇄소는 금요일까지 문 연대요", "event"),
        ("내일까지는 써야 돼요", "event"),
        ("거래처가 오늘 쉬어요 내일 해도 돼요", "off plain"),
        ("결혼식이 28일이에요", "event"),
        ("다음 주 수요일에 구청에서 발표해요", "event"),
        ("오늘 밴드한테 토요일 일정 전화 좀 해 줘요", "plain event"),
        ("금요일에 견적서 보낼게요", "plain"),
        ("금요일 배포할게요", "plain"),
        ("토요일 공연 전까지 고쳐 주세요", "limit"),
        ("내일 제가 가서 확인할게요", "plain"),
        ("오늘 주문해 줘", "plain"),
        ("네, 그럼 오늘은 이 정도로 하겠습니다", "event"),
        ("금요일까지 보내 주세요", "limit"),
    ],
)
def test_a_day_is_a_limit_a_mere_day_turned_down_or_the_day_of_something_else(
    said: str, expected: str
) -> None:
    days = find_days(said, WEDNESDAY)
    assert [r.value for r in roles(said, days)] == expected.split()


@pytest.mark.parametrize(
    ("due", "lines"),
    [
        (
            "heater=2026-03-20",
            "1|Ben can you get the heater in reception looked at\n2|yep, by Friday",
        ),
        (
            "heater=2026-03-23",
            "1|somebody needs to ring the landlord about the heater\n"
            "2|I can do that\n"
            "1|when by\n"
            "2|Monday",
        ),
        (
            "brochure=2026-03-26",
            "1|could you redo the brochure cover please Ben\n"
            "2|sure when do you need it\n"
            "1|Thursday next week is fine\n"
            "2|okay no problem",
        ),
        (
            "gutters=2026-03-24",
            "1|the gutters at the back need clearing before it rains again\n"
            "2|I'll sort that out\n"
            "1|is Tuesday doable\n"
            "2|Tuesday's fine",
        ),
        (
            "leaflet=None",
            "1|Ben would you proofread the leaflet\n"
            "2|sure, the printer is open until Friday anyway I think",
        ),
        (
            "invoice=2026-03-19",
            "1|who's chasing the Morrison invoice\n2|me, I'll ring them tomorrow\n1|great",
        ),
        (
            "van=2026-03-27",
            "1|we've got to get the van serviced\n"
            "2|I'll book it in\n"
            "1|before the end of next week ideally\n"
            "2|yeah will do",
        ),
        (
            "brochure=2026-03-25",
            "1|Ben please redo the brochure cover by Friday\n"
            "2|will do\n"
            "1|and the lights in the hall are flickering\n"
            "2|Yeah I saw that\n"
            "1|oh by the way the brochure, make that Wednesday instead\n"
            "2|fine",
        ),
        (
            "brochure=2026-03-19 rota=2026-03-23",
            "1|Ben please redo the brochure cover by Friday\n"
            "2|will do\n"
            "1|I'll put the new rota up on Monday\n"
            "2|good\n"
            "2|actually Friday's a holiday, so I'll do the cover Thursday\n"
            "1|thanks",
        ),
        (
            "menu=2026-03-23",
            "1|I'll translate the menu by Friday\n"
            "2|lovely\n"
            "1|hang on I'm at my sister's on Friday so Monday for that menu\n"
            "2|ok",
        ),
        (
            "stock=2026-03-20",
            "1|Ben can you do the stock count of the cellar by Thursday\n"
            "2|yeah\n"
            "1|what about the bins\n"
            "2|collected yesterday\n"
            "2|on the stock count can I have till Friday, we've a delivery on Thursday\n"
            "1|sure Friday",
        ),
        (
            "website=2026-03-24 photos=2026-03-20",
            "1|I'll take new photos of the rooms by Friday\n"
            "2|and I'll update the website with the prices by Monday\n"
            "1|perfect\n"
            "2|actually can I push the website to Tuesday\n"
            "1|of course",
        ),
        (
            "grant=2026-03-26",
            "1|Ben will you write the grant report, for Tuesday\n"
            "2|ok\n"
            "1|sorry I got that wrong, the board isn't until next Friday, so Thursday next week will do for the grant\n"
            "2|oh brilliant",
        ),
        (
            "poster=2026-03-19",
            "1|I'll hang the poster in the window by Friday\n"
            "2|can you do it sooner\n"
            "1|how soon\n"
            "2|tomorrow\n"
            "1|sure tomorrow it is",
        ),
        (
            "badge=2026-03-23",
            "2|I'll get the visitor badges printed by tomorrow\n"
            "1|no rush, Monday's fine\n"
            "2|Monday then",
        ),
        (
            "fence=2026-03-30",
            "1|Ben could you mend the fence this week\n"
            "2|can't this week, I'm away till Friday\n"
            "1|well a week on Monday then\n"
            "2|yeah ok I can do that",
        ),
        (
            "keys=2026-03-20",
            "1|I'll cut spare keys on Monday\n"
            "2|we need them before that, the cleaners start on Saturday\n"
            "1|Friday then",
        ),
        (
            "licence=2026-03-20 tyres=2026-03-24",
            "1|Ben you'll renew the alcohol licence\n"
            "2|yes\n"
            "1|and I'll order tyres\n"
            "2|great\n"
            "1|so to sum up, licence Ben by Friday, tyres me by Tuesday",
        ),
        (
            "hotel=None",
            "1|I'll ask the hotel about parking for the conference on Thursday\n2|thanks",
        ),
        (
            "cake=None",
            "1|the wedding is on Saturday the 28th\n"
            "2|Ben here, I'll make a list of the cake flavours they want",
        ),
        (
            "brakes=2026-03-20",
            "1|the brakes have been squealing since Tuesday\n2|I'll look at the brakes on Friday",
        ),
        (
            "speaker=2026-03-20",
            "1|the open day's on the second of April\n"
            "2|so we need to confirm the speaker by Friday, Ben can you\n"
            "2|I mean I can do it",
        ),
        (
            "booth=2026-03-27",
            "1|the fair opens on the thirtieth\n2|I'll have the booth design finished by the 27th",
        ),
        (
            "curtains=None",
            "1|the curtains were delivered on Monday and they're too short\n"
            "2|I'll send the curtains back",
        ),
        (
            "pitch=2026-03-24",
            "1|we're presenting to the council next Wednesday\n"
            "2|I'll have the pitch slides ready the day before, so Tuesday",
        ),
        (
            "plan=2026-03-20",
            "1|our landlord comes back from holiday on Monday\n"
            "2|I'll draw up the fire plan before then, so by Friday",
        ),
        (
            "survey=2026-03-19",
            "1|I'll close the survey first thing tomorrow",
        ),
        (
            "deposit=2026-04-03",
            "1|Ben please pay the deposit by the third of next month\n2|got it",
        ),
        (
            "roof=2026-04-01",
            "2|I'll get three quotes for the roof within a fortnight",
        ),
        (
            "ladder=2026-03-20",
            "1|can you bring the ladder back Ben\n"
            "2|I need it tomorrow still\n"
            "1|Friday then please\n"
            "2|ok",
        ),
        (
            "sign=2026-03-20",
            "1|we need a new sign for the gate\n"
            "2|I can paint one\n"
            "1|can you have it up for Friday\n"
            "2|course",
        ),
        (
            "chairs=2026-03-19",
            "1|Ben order thirty chairs today please\n"
            "2|can I do it tomorrow the supplier's shut today\n"
            "1|yeah tomorrow's fine",
        ),
        (
            "tent=2026-03-25",
            "1|I'll dry the tent out by Monday\n"
            "2|didn't you say you're in Leeds on Monday\n"
            "1|oh yeah, Wednesday then, next Wednesday",
        ),
        (
            "audio=2026-03-20",
            "1|the podcast audio needs editing\n"
            "2|I'll do it\n"
            "1|can I have it by the weekend, Friday say\n"
            "2|ok",
        ),
        (
            "히터=2026-03-20",
            "3|도윤 씨 로비 히터 좀 봐 주세요\n4|네 금요일까지 볼게요",
        ),
        (
            "히터=2026-03-23",
            "3|건물주한테 히터 고쳐 달라고 전화해야 되는데\n"
            "4|제가 할게요\n"
            "3|언제까지 될까요\n"
            "4|월요일이요",
        ),
        (
            "브로슈어=2026-03-26",
            "3|도윤 씨 브로슈어 표지 다시 만들어 주세요\n"
            "4|네 언제까지 드리면 돼요\n"
            "3|다음 주 목요일까지면 돼요\n"
            "4|알겠습니다",
        ),
        (
            "홈통=2026-03-24",
            "3|뒤쪽 홈통을 청소해야 돼요\n"
            "4|제가 하겠습니다\n"
            "3|화요일까지 가능할까요\n"
            "4|네 가능합니다",
        ),
        (
            "전단=None",
            "3|도윤 씨 전단지 교정 좀 봐 주세요\n4|네 인쇄소는 금요일까지 문 연대요",
        ),
        (
            "브로슈어=2026-03-25",
            "3|도윤 씨 브로슈어 표지 금요일까지 다시 부탁해요\n"
            "4|네\n"
            "3|그리고 홀 조명이 깜빡거려요\n"
            "4|그러게요\n"
            "3|아 아까 브로슈어요 금요일 말고 수요일로 할게요\n"
            "4|네 괜찮아요",
        ),
        (
            "브로슈어=2026-03-19 근무표=2026-03-23",
            "3|도윤 씨 브로슈어 표지 금요일까지 다시 부탁해요\n"
            "4|네 알겠습니다\n"
            "3|저는 근무표 월요일에 새로 붙일게요\n"
            "4|네\n"
            "4|아 금요일이 공휴일이네요 표지는 목요일까지 드릴게요\n"
            "3|고마워요",
        ),
        (
            "메뉴=2026-03-23",
            "3|메뉴판 번역은 제가 금요일까지 할게요\n"
            "4|좋아요\n"
            "3|아 잠깐만요 금요일에 제가 병원 가서요 메뉴는 월요일로 미룰게요\n"
            "4|네",
        ),
        (
            "재고=2026-03-20",
            "3|도윤 씨 창고 재고 조사 목요일까지 해 주세요\n"
            "4|네\n"
            "3|쓰레기통은요\n"
            "4|어제 수거해 갔어요\n"
            "4|재고 조사요 목요일에 납품이 있어서 금요일까지 해도 될까요\n"
            "3|네 금요일까지 하세요",
        ),
        (
            "홈페이지=2026-03-24 사진=2026-03-20",
            "3|객실 사진은 제가 금요일까지 새로 찍을게요\n"
            "4|저는 홈페이지 가격 월요일까지 고칠게요\n"
            "3|좋아요\n"
            "4|홈페이지 화요일로 미뤄도 될까요\n"
            "3|그럼요",
        ),
        (
            "보고서=2026-03-26",
            "3|도윤 씨 지원금 보고서 화요일까지 써 주세요\n"
            "4|네\n"
            "3|아 제가 착각했네요 이사회가 다음 주 금요일이라 지원금은 다음 주 목요일까지만 주세요\n"
            "4|다행이네요",
        ),
        (
            "포스터=2026-03-19",
            "3|포스터는 제가 금요일까지 붙일게요\n"
            "4|좀 더 빨리 안 될까요\n"
            "3|언제요\n"
            "4|내일이요\n"
            "3|네 그럼 내일까지 할게요",
        ),
        (
            "명찰=2026-03-23",
            "4|방문객 명찰 내일까지 뽑을게요\n"
            "3|급하지 않아요 월요일까지 주셔도 돼요\n"
            "4|그럼 월요일에 드릴게요",
        ),
        (
            "울타리=2026-03-30",
            "3|도윤 씨 이번 주에 울타리 좀 고쳐 주세요\n"
            "4|이번 주는 출장이라 어려워요\n"
            "3|그럼 다다음 주 월요일까지 해 주세요\n"
            "4|네",
        ),
        (
            "면허=2026-03-20 타이어=2026-03-24",
            "3|도윤 씨가 주류 면허 갱신해 주세요\n"
            "4|네\n"
            "3|타이어는 제가 주문할게요\n"
            "4|네\n"
            "3|정리하면 면허는 도윤 씨 금요일까지 타이어는 저 화요일까지요",
        ),
        (
            "호텔=None",
            "3|목요일 학회 때문에 제가 호텔에 주차 문의할게요\n4|네",
        ),
        (
            "케이크=None",
            "3|결혼식이 28일이에요\n4|케이크 맛 목록은 제가 만들게요",
        ),
        (
            "부스=2026-03-27",
            "3|박람회가 30일에 열려요\n4|부스 디자인은 27일까지 끝낼게요",
        ),
        (
            "커튼=None",
            "3|월요일에 커튼이 왔는데 너무 짧아요\n4|제가 커튼 반품할게요",
        ),
        (
            "발표=2026-03-24",
            "3|다음 주 수요일에 구청에서 발표해요\n"
            "4|발표 자료는 그 전날 화요일까지 제가 준비할게요",
        ),
        (
            "설문=2026-03-19",
            "3|설문은 제가 내일 아침에 바로 닫을게요",
        ),
        (
            "회의록=2026-03-18",
            "4|회의록은 퇴근 전에 돌릴게요",
        ),
        (
            "계약금=2026-04-03",
            "3|도윤 씨 계약금 다음 달 3일까지 입금해 주세요\n4|네",
        ),
        (
            "지붕=2026-04-02",
            "4|지붕 견적은 보름 안에 세 군데 받을게요",
        ),
        (
            "사다리=2026-03-20",
            "3|도윤 씨 사다리 좀 돌려주세요\n"
            "4|내일까지는 써야 돼요\n"
            "3|그럼 금요일까지 주세요\n"
            "4|네",
        ),
        (
            "의자=2026-03-19",
            "3|도윤 씨 의자 서른 개 오늘 주문해 주세요\n"
            "4|거래처가 오늘 쉬어요 내일 해도 돼요\n"
            "3|네 내일 하세요",
        ),
        (
            "텐트=2026-03-25",
            "3|텐트는 월요일까지 말릴게요\n"
            "4|월요일에 부산 가신다면서요\n"
            "3|아 맞다 그럼 수요일까지 할게요 다음 주 수요일",
        ),
        (
            "간판=2026-03-20",
            "3|정문 간판을 새로 달아야 돼요\n4|제가 만들게요\n3|금요일까지 될까요\n4|네 되죠",
        ),
        (
            "열쇠=2026-03-20",
            "3|열쇠는 제가 월요일에 복사할게요\n"
            "4|그 전에 필요해요 토요일부터 청소 업체가 와요\n"
            "3|그럼 금요일까지 할게요",
        ),
        (
            "오디오=2026-03-20",
            "3|팟캐스트 오디오 편집해야 돼요\n"
            "4|제가 할게요\n"
            "3|주말 전까지 받을 수 있을까요\n"
            "4|네 금요일에 드릴게요",
        ),
        (
            "invite=2026-03-23",
            "1|the invitations for the summer party\n"
            "2|I'll design the invite\n"
            "1|when will we see something\n"
            "2|start of next week I'd think",
        ),
        (
            "skip=2026-03-19",
            "1|we've still no skip booked\n"
            "2|I'll book the skip, is Thursday too soon\n"
            "1|no Thursday's perfect",
        ),
        (
            "visa=2026-03-27",
            "1|Ben could you chase the visa forms, by the twenty fourth please\n"
            "2|the twenty fourth is tight, could we say the twenty seventh\n"
            "1|ok the twenty seventh",
        ),
        (
            "allergen=2026-03-20",
            "2|I'll print the allergen sheet again\n1|by when\n2|Friday latest",
        ),
        (
            "speech=2026-03-24",
            "1|I'm going to draft the speech for the mayor\n"
            "2|when can I read it\n"
            "1|I'll have it with you by Tuesday",
        ),
        (
            "logo=2026-03-20",
            "1|can you tweak the logo by Friday Ben\n"
            "2|no problem\n"
            "1|great and on Monday we go to print\n"
            "2|exciting",
        ),
        (
            "pump=None",
            "2|I'll ring the pump people again, they promised it for last Friday\n1|typical",
        ),
        (
            "samples=2026-03-23",
            "1|the samples have to reach the lab\n"
            "2|I'll drive them over\n"
            "1|they close at four on Fridays so Monday is better\n"
            "2|Monday it is",
        ),
        (
            "badge=2026-03-25",
            "1|Ben you said you'd sort the car park badges by Monday\n"
            "2|yes but can we make it next Wednesday, the printer's being repaired\n"
            "1|next Wednesday fine",
        ),
        (
            "sofa=2026-03-21",
            "1|could somebody pick up the sofa for the lounge\n2|I can get the sofa on Saturday",
        ),
        (
            "freezer=2026-03-19",
            "1|the freezer needs defrosting\n"
            "2|I'll do it tonight\n"
            "1|not tonight, we're full, do it tomorrow\n"
            "2|ok tomorrow",
        ),
        (
            "rules=2026-03-27",
            "1|Ben will write the house rules up\n"
            "2|yeah, end of next week okay\n"
            "1|yeah that's okay",
        ),
        (
            "survey=2026-03-31",
            "2|I'll analyse the survey\n"
            "1|the trustees meet on the first of April, so before then please\n"
            "2|end of the month then",
        ),
        (
            "alarm=2026-03-24",
            "1|who's testing the fire alarm\n"
            "2|I'll test the alarm on Monday\n"
            "1|Monday's the inspection, so do it after, Tuesday\n"
            "2|ok Tuesday",
        ),
        (
            "bike=None",
            "1|the bike race was moved to Sunday\n2|oh I'll tell the bike volunteers",
        ),
        (
            "cheque=2026-03-18",
            "1|the cheque for the choir\n2|I'll post the cheque this afternoon",
        ),
        (
            "wine=2026-03-25",
            "1|I'll choose the wine with the chef by Friday\n"
            "2|he's off this week isn't he\n"
            "1|oh of course, then it'll have to be next Wednesday",
        ),
        (
            "tablet=2026-03-19",
            "1|Ben set up the tablet at the front desk please\n2|I'll have a go tomorrow",
        ),
        (
            "archive=2026-06-30",
            "2|I'll clear the archive room by the end of June",
        ),
        (
            "초대장=2026-03-23",
            "3|여름 행사 초대장은요\n"
            "4|초대장은 제가 만들게요\n"
            "3|언제쯤 볼 수 있어요\n"
            "4|다음 주 월요일이요",
        ),
        (
            "비자=2026-03-27",
            "3|도윤 씨 비자 서류 24일까지 챙겨 주세요\n"
            "4|24일은 좀 빠듯한데 27일로 하면 안 될까요\n"
            "3|네 그럼 27일로 하세요",
        ),
        (
            "알레르기=2026-03-20",
            "4|알레르기 안내문은 제가 다시 뽑을게요\n3|언제까지요\n4|늦어도 금요일까지요",
        ),
        (
            "마루=2026-03-26",
            "3|도윤 씨 전시 전에 마루 좀 다시 칠해 주세요 전시가 4월 2일이에요\n"
            "4|네\n"
            "3|그럼 다음 주 목요일까지로 하죠\n"
            "4|네",
        ),
        (
            "축사=2026-03-24",
            "3|구청장님 축사 초안은 제가 쓸게요\n4|언제 볼 수 있어요\n3|화요일까지 드릴게요",
        ),
        (
            "로고=2026-03-20",
            "3|도윤 씨 로고 금요일까지 손봐 주세요\n4|네\n3|좋아요 월요일에 인쇄 들어가요",
        ),
        (
            "펌프=None",
            "4|펌프 업체에 제가 다시 전화할게요 지난주 금요일에 준다고 했거든요\n3|네",
        ),
        (
            "시료=2026-03-23",
            "3|시료를 연구소에 갖다줘야 돼요\n"
            "4|제가 갖다줄게요\n"
            "3|금요일은 네 시에 닫으니까 월요일이 낫겠네요\n"
            "4|네 월요일에 갈게요",
        ),
        (
            "소파=2026-03-21",
            "3|라운지 소파 누가 좀 가져와야 되는데요\n4|소파는 제가 토요일에 가져올게요",
        ),
        (
            "냉동고=2026-03-19",
            "3|냉동고 성에 제거해야 돼요\n"
            "4|오늘 밤에 제가 할게요\n"
            "3|오늘은 꽉 찼으니까 내일 하세요\n"
            "4|네 내일 할게요",
        ),
        (
            "규칙=2026-03-27",
            "3|도윤 씨가 이용 규칙 좀 써 주세요\n4|네 다음 주 안에 드리면 될까요\n3|네 좋아요",
        ),
        (
            "페인트=2026-03-20",
            "3|복도 페인트는 제가 사 올게요\n"
            "4|토요일에 도배하시는 분이 오니까 금요일까지 있으면 좋겠어요\n"
            "3|네 금요일까지 사 올게요",
        ),
        (
            "설문=2026-03-31",
            "4|설문 분석은 제가 할게요\n3|이사회가 4월 1일이라 그 전까지요\n4|그럼 말일까지 할게요",
        ),
        (
            "경보기=2026-03-24",
            "4|화재 경보기는 제가 월요일에 점검할게요\n"
            "3|월요일은 감사가 있어서요 화요일에 하세요\n"
            "4|네 화요일에 할게요",
        ),
        (
            "자전거=None",
            "3|자전거 대회가 일요일로 바뀌었대요\n4|자전거 자원봉사자들한테 제가 알릴게요",
        ),
        (
            "수표=2026-03-18",
            "4|합창단 회비는 제가 오늘 오후에 수표로 보낼게요",
        ),
        (
            "와인=2026-03-25",
            "3|와인은 주방장님이랑 금요일까지 고를게요\n"
            "4|주방장님 이번 주 휴가잖아요\n"
            "3|아 그렇네요 그럼 다음 주 수요일까지요",
        ),
        (
            "태블릿=2026-03-19",
            "3|도윤 씨 안내 데스크 태블릿 좀 설치해 주세요\n4|내일 해 볼게요",
        ),
        (
            "문서고=2026-06-30",
            "4|문서고는 제가 유월 말까지 비울게요",
        ),
        (
            "현수막=2026-03-23",
            "3|현수막은 제가 금요일까지 주문할게요\n"
            "4|현수막 시안이 금요일 오후에 나와요\n"
            "3|그럼 월요일에 주문할게요",
        ),
        (
            "oven=2026-03-19 mixer=2026-03-23",
            "1|I'll clean the oven tomorrow and fix the mixer on Monday",
        ),
        (
            "blinds=2026-03-20 plants=2026-03-23",
            "1|I'll measure for the blinds\n"
            "2|okay\n"
            "1|probably tomorrow, no, Friday\n"
            "2|and I'll water the plants on Monday",
        ),
        (
            "filter=2026-03-19",
            "1|the pool filter needs changing\n"
            "2|didn't we change that in January\n"
            "1|it's blocked again, can you do it Ben\n"
            "2|ok tomorrow morning",
        ),
        (
            "quote=2026-03-20 scaffold=2026-03-26",
            "1|Ben can you get the quote over to them by Friday\n"
            "2|sure\n"
            "1|and the scaffold needs booking\n"
            "2|I'll book the scaffold, Thursday next week\n"
            "1|good",
        ),
        (
            "projector=2026-03-27",
            "2|I'll find us a projector for the training on the thirtieth\n"
            "1|have it here by the Friday before, the twenty seventh\n"
            "2|ok",
        ),
        (
            "ramp=2026-04-17",
            "1|the ramp has to be built in the next month\n"
            "2|I'll build the ramp by the seventeenth of April",
        ),
        (
            "mirror=2026-03-21",
            "2|the mirror in the gents is cracked\n"
            "1|could you replace it before the match on Saturday\n"
            "2|yes",
        ),
        (
            "database=2026-03-24",
            "1|I'll migrate the database on Monday night\n"
            "2|Monday night there's a release\n"
            "1|Tuesday night then",
        ),
        (
            "banner=2026-03-23",
            "1|I'll order the banner today\n"
            "2|hold off till Monday, the logo isn't final\n"
            "1|ok Monday",
        ),
        (
            "블라인드=2026-03-20 화분=2026-03-23",
            "3|블라인드 치수는 제가 잴게요\n"
            "4|네\n"
            "3|내일, 아니 금요일에요\n"
            "4|저는 월요일에 화분 물 줄게요",
        ),
        (
            "견적=2026-03-20 비계=2026-03-26",
            "3|도윤 씨 견적서 금요일까지 보내 주세요\n"
            "4|네\n"
            "3|비계도 예약해야 되고요\n"
            "4|비계는 제가 예약할게요 다음 주 목요일까지요\n"
            "3|좋아요",
        ),
        (
            "임대=2026-03-25",
            "3|임대 계약서는 제가 주말에 읽어 볼게요\n"
            "4|주말에는 쉬세요 다음 주 수요일까지면 충분해요\n"
            "3|네 그럼 다음 주 수요일까지 볼게요",
        ),
        (
            "프로젝터=2026-03-27",
            "4|30일 교육 때 쓸 프로젝터는 제가 구할게요\n"
            "3|그 전 주 금요일 27일까지 갖다 놔 주세요\n"
            "4|네",
        ),
        (
            "거울=2026-03-21",
            "3|화장실 거울에 금이 갔어요\n4|제가 교체할게요\n3|토요일 경기 전까지 부탁해요\n4|네",
        ),
        (
            "데이터베이스=2026-03-24",
            "3|데이터베이스는 제가 월요일 밤에 옮길게요\n"
            "4|월요일 밤에는 배포가 있어요\n"
            "3|그럼 화요일 밤에 할게요",
        ),
        (
            "예산=2026-03-27",
            "3|예산안은 제가 맡을게요\n4|다음 주 금요일이 마감이에요\n3|네 그때까지 할게요",
        ),
    ],
)
def test_the_last_day_said_of_a_piece_of_work_is_the_one_it_is_due_on(due: str, lines: str) -> None:
    drafts = read(meeting(lines)).new_tickets
    for word, day in (pair.split("=") for pair in due.split()):
        named = [d for d in drafts if word in d.title.lower()]
        named = named or [d for d in drafts if word in f"{d.title} {d.content}".lower()]
        assert [str(d.due) for d in named[:1]] == [day], [(d.title, d.due) for d in drafts]
