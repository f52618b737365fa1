"""A promise about a thing that has a ticket already may still be other work."""

from __future__ import annotations

import pytest

from tests.tickets.meetings import TODO, meeting
from vori.tickets.extract.acts import is_other_act
from vori.tickets.extract.local import read


@pytest.mark.parametrize(
    ("title", "said", "made"),
    [
        (
            "Order the whiteboards",
            "I'll clean the whiteboards by Wednesday.",
            "Clean the whiteboards",
        ),
        ("Book the van for the fair", "Ben, can you wash the van?", "Wash the van"),
        (
            "Repair the front gate",
            "I'll repaint the front gate by Friday.",
            "Repaint the front gate",
        ),
        ("화이트보드 주문", "제가 수요일까지 화이트보드 닦을게요", "화이트보드 닦기"),
        ("정문 수리", "제가 금요일까지 정문 페인트칠할게요", "정문 페인트칠"),
        ("Translate the manual", "제가 금요일까지 매뉴얼 인쇄할게요", "매뉴얼 인쇄"),
    ],
)
def test_another_act_on_the_same_thing_is_work_of_its_own(title: str, said: str, made: str) -> None:
    found = read(meeting(f"1|{said}", (title, TODO)))
    assert [draft.title for draft in found.new_tickets] == [made]
    assert found.ticket_updates == ()


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Order the whiteboards", "I'll buy the whiteboards on Wednesday."),
        ("Order the whiteboards", "I'll get the whiteboards on Wednesday."),
        ("Repair the front gate", "I'll finish the front gate by Friday."),
        ("Repair the warehouse", "제가 창고 고칠게요"),
        ("정문 수리", "정문은 제가 금요일까지 끝낼게요"),
        ("Print and laminate the badges", "I'll laminate the badges tomorrow."),
    ],
)
def test_the_same_work_in_other_words_makes_no_second_ticket(title: str, said: str) -> None:
    assert read(meeting(f"1|{said}", (title, TODO))).new_tickets == ()


@pytest.mark.parametrize(
    ("title", "act", "is_other"),
    [
        ("Book the van", "wash the van", True),
        ("Booking of the van", "book the van", False),
        ("현수막 인쇄 및 설치", "현수막 설치", False),
        ("현수막 인쇄 및 설치", "현수막 철거하기", True),
        ("The van", "wash the van", False),
        ("Fix the van", "wash the van", False),
        ("", "", False),
    ],
)
def test_acts_are_told_apart_only_where_both_are_plain(
    title: str, act: str, is_other: bool
) -> None:
    assert is_other_act(title, act) is is_other
