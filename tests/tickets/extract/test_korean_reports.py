"""Korean reports of many trades, read by what the grammar tells and not by their verbs."""

from __future__ import annotations

import pytest

from tests.tickets.meetings import DONE, IN_PROGRESS, TODO, meeting
from vori.tickets.extract import aspect
from vori.tickets.extract.local import read
from vori.tickets.messages import TicketStatus


def moved(said: str, title: str, before: TicketStatus = TODO) -> dict[str, TicketStatus]:
    passage = meeting(f"1|{said}", (title, before))
    return {u.ticket_id: u.new_status for u in read(passage).ticket_updates}


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("라벨 프린터는 헤드 갈았더니 또렷하게 찍혀요.", "출고 라벨 프린터 수리"),
        ("놀이터 바닥은 굳어서 오늘부터 애들 놀게 했어요.", "놀이터 바닥 보수"),
        ("현미경은 업체에서 고쳐서 돌려받았어요. 초점 잘 맞아요.", "과학실 현미경 수리"),
        ("교정지는 어제 조판소에 넘겼어요.", "번역 원고 교정"),
        ("챗봇은 새 답변 먹였고 테스트도 돌려 봤어요. 잘 대답해요.", "챗봇 답변 업데이트"),
        ("누수는 잡았어요. 사흘째 그래프가 평평해요.", "로그인 서버 메모리 누수"),
        ("배식대는 새 게 들어와서 어제 점심부터 그걸로 나눠 줬어요.", "급식실 배식대 교체"),
        ("교육은 어제로 세 번 다 채웠어요.", "신규 직원 커트 교육"),
        ("카니발은 어제 광택까지 내서 차주분이 찾아가셨어요.", "카니발 판금 도색"),
        ("매대는 교보하고 두 달 잡았어요.", "서점 매대 계약"),
        ("겨울 메뉴는 다 먹어 보고 세 개로 추렸어요.", "겨울 메뉴 시식"),
        (
            "101동 승강기는 어제 저녁부터 다시 다녀요. 와이어 싹 바꿨고요.",
            "101동 승강기 와이어 교체",
        ),
        ("세면대는 뚫었습니다. 물 쭉쭉 내려가요.", "세면대 배수 수리"),
        ("온도 센서는 여섯 개 다 달았고 화면에도 떠요.", "냉동창고 온도 센서 설치"),
        ("도록은 인쇄소에서 오백 부 실려 왔어요.", "기획전 도록 인쇄"),
        ("체험 재료는 인원수대로 봉투에 나눠 담았어요.", "어린이 체험 재료 준비"),
        ("고추는 어제 해 지기 전에 다 꽂았어요.", "고추 모종 정식"),
        ("리콜 전화는 명단 끝까지 다 돌렸습니다.", "리콜 환자 전화"),
        ("일본어는 검수자가 마지막 시트까지 보고 돌려줬어요.", "일본어 번역 검수"),
        ("구조 계산서는 어젯밤에 사무소로 답 보냈어요.", "구조 계산서 회신"),
        ("임플란트 재료는 발주 넣었어요.", "임플란트 재료 발주"),
        ("지게차 3호는 배터리 갈고 나니까 하루 종일 버텨요.", "지게차 3호 배터리 교체"),
        ("타이어 창고는 주말에 나와서 싹 치웠습니다.", "타이어 창고 정리"),
        ("야외 테이블은 다리 붙여서 내놨습니다.", "야외 테이블 수리"),
    ],
)
def test_a_report_in_words_of_the_trade_finishes_the_ticket(said: str, title: str) -> None:
    assert moved(said, title) == {"T-0": DONE}


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("모형은 바닥판 깔고 기둥 세우는 중이에요.", "모형 제작"),
        ("반품은 오늘 아침부터 까고 있어요.", "반품 물량 분류"),
        ("상점 UI는 첫 화면만 얹었어요.", "상점 UI 개편"),
        ("누수는 원인은 찾았고 패치 짜는 중입니다.", "로그인 서버 메모리 누수"),
        ("리콜은 명단 절반쯤 돌렸어요.", "리콜 환자 전화"),
        ("단가는 두 군데랑 말 맞추는 중이에요.", "협력사 단가 협의"),
        ("명패는 메인 요리 쪽만 팠고 디저트는 글씨체 고르는 중이에요.", "뷔페 명패 제작"),
        ("대장은 지금 2019년치까지 옮겨 적었어요.", "대여 악기 대장 정리"),
        ("자막은 삼십 분 분량까지 얹었어요.", "1회 자막 작업"),
        ("상담 일정표는 희망 시간 받고 있어요. 반쯤 왔네요.", "학부모 상담 일정표"),
        ("테이블은 사포질만 해 놨어요.", "야외 테이블 수리"),
        ("놀이터는 걷어내고 있습니다.", "놀이터 바닥 보수"),
        ("출연자는 네 분 중에 두 분 확답 받았어요.", "출연자 섭외"),
        ("챗봇은 질문 백 개 중에 사십 개 넣었어요.", "챗봇 답변 업데이트"),
    ],
)
def test_a_part_a_step_or_work_in_hand_begins_the_ticket(said: str, title: str) -> None:
    assert moved(said, title) == {"T-0": IN_PROGRESS}


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("배터리는 단종이라 구하는 데 시간이 걸린대요.", "지게차 3호 배터리 교체"),
        ("차광막은 천이 품절이라 기다리고 있어요.", "온실 차광막"),
        ("자료는 모형 사진 나오면 그때 만들게요.", "발주처 보고 자료"),
        ("택배사 클레임은 사진이 없어서 접수가 안 된대요.", "택배사 파손 클레임 접수"),
        ("재료는 원장님 승인 나면 넣을게요.", "임플란트 재료 발주"),
        ("버스 회사에서 견적이 아직 안 왔어요.", "3학년 현장학습 버스 계약"),
        ("머신 청소는 약품이 떨어져서 못 했어요.", "에스프레소 머신 청소"),
        ("승강기는 부품이 일본에서 오느라 다음 달은 돼야 한대요.", "101동 승강기 와이어 교체"),
        ("보험사 견적은 부품값 알아보고 이따 넣을게요.", "보험사 견적서 발송"),
        ("선거 공고는 문구를 아직 못 정했어요.", "입주자 대표 선거 공고"),
    ],
)
def test_what_is_planned_awaited_or_put_off_leaves_the_ticket_alone(said: str, title: str) -> None:
    assert moved(said, title) == {}


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("타이머가 또 제멋대로 돌아요.", "관수 타이머 수리"),
        ("라벨이 또 흐리게 나와요. 프린터 다시 손봐야겠어요.", "출고 라벨 프린터 수리"),
        ("냉동창고 센서 하나가 다시 먹통이에요.", "냉동창고 온도 센서 설치"),
        ("환기팬이 또 덜덜거려요. 다시 뜯어야겠네요.", "공방 환기팬 청소"),
        ("램프 경사를 심의에서 또 지적했어요. 도면 다시 손봐야 합니다.", "주차장 램프 경사 수정"),
        ("보스가 도로 너무 세졌어요. 다시 조정할게요.", "튜토리얼 보스 밸런스 조정"),
        ("온습도계가 자꾸 꺼져요. 다시 봐 주셔야겠어요.", "약제 창고 온습도계 부착"),
        ("파노라마가 다시 흐려요.", "파노라마 장비 교정"),
        ("배식대가 도로 흔들려요.", "급식실 배식대 교체"),
        ("비상벨이 5층에서 다시 안 울린대요.", "비상벨 배선 공사"),
        ("배달앱에 옛날 가격이 다시 떠요.", "배달앱 메뉴판 수정"),
        ("누수가 다시 보여요. 그래프가 또 올라가요.", "로그인 서버 메모리 누수"),
    ],
)
def test_a_trouble_that_is_back_opens_the_ticket_again(said: str, title: str) -> None:
    assert moved(said, title, DONE) == {"T-0": TODO}


def test_again_about_a_ticket_that_is_not_done_opens_nothing() -> None:
    assert moved("세면대가 또 막혔어요. 다시 뚫어야 해요.", "세면대 배수 수리") == {}


@pytest.mark.parametrize(
    "said",
    [
        "보일러가 다시 잘 돌아가요.",
        "또 하나 말씀드리면 보일러는 조용해요.",
        "보일러는 내년에 다시 점검해야 해요.",
    ],
)
def test_again_that_tells_of_no_trouble_leaves_a_done_ticket_done(said: str) -> None:
    assert moved(said, "보일러 점검", DONE) == {}


@pytest.mark.parametrize(
    ("text", "is_part"),
    [
        ("비상벨은 3층까지 선 깔았어요", True),
        ("출연자는 네 분 중에 두 분 확답 받았어요", True),
        ("대본은 열 장 정도 썼어요", True),
        ("명단은 마지막 장까지 확인했어요", False),
        ("접수는 세 시까지 했어요", False),
        ("메뉴판은 사진까지 바꿔 끼웠어요", False),
    ],
)
def test_a_part_is_told_by_how_far_or_how_many(text: str, is_part: bool) -> None:
    assert aspect.is_part(text, "었/EP") is is_part


@pytest.mark.parametrize(
    ("said", "title", "is_step"),
    [
        ("현미경은 수리 맡겼어요", "과학실 현미경 수리", True),
        ("드레스는 수선 맡겼어요", "드레스 수선 맡기기", False),
        ("타일은 주문 넣었어요", "화장실 타일 교체", True),
        ("염색약은 주문 넣었어요", "염색약 재고 주문", False),
        ("누수는 원인을 찾았어요", "로그인 서버 누수 수정", True),
    ],
)
def test_a_step_before_the_thing_is_not_the_thing(said: str, title: str, is_step: bool) -> None:
    assert aspect.is_step(said, title) is is_step
