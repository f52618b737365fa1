"""What a ticket is made of: its sentences, and not what people say to end a topic."""

from __future__ import annotations

import pytest

from tests.tickets.meetings import meeting
from vori.ids import UserId
from vori.tickets.extract.local import read
from vori.tickets.messages import Draft, Member


def only(lines: str, **kwargs: tuple[Member, ...]) -> Draft:
    [draft] = read(meeting(lines, **kwargs)).new_tickets
    return draft


@pytest.mark.parametrize(
    ("lines", "content", "evidence"),
    [
        (
            "1|I'll repaint the fence by Friday.\n2|Good.\n2|Right, so what else?\n1|Thanks.",
            "I'll repaint the fence by Friday.",
            (0, 1),
        ),
        (
            "1|제가 금요일까지 울타리 칠할게요\n2|네\n2|좋아요\n1|감사합니다",
            "제가 금요일까지 울타리 칠할게요",
            (0, 1),
        ),
        (
            "1|Ben, please send the invoice to the printers.\n2|Sure, by tomorrow.\n1|Great.",
            "Ben, please send the invoice to the printers. Sure, by tomorrow.",
            (0, 1),
        ),
    ],
)
def test_words_that_end_a_topic_are_no_part_of_the_ticket(
    lines: str, content: str, evidence: tuple[int, ...]
) -> None:
    draft = only(lines)
    assert (draft.content, draft.evidence) == (content, evidence)


@pytest.mark.parametrize(
    "lines",
    [
        "1|could we get quotes for the carpet I'll ring two firms",
        "1|could we get quotes for the carpet\n1|I'll ring two firms\n1|good",
        "1|we need a price for the new awning\n1|I'll email the supplier tomorrow",
        "1|카펫 견적을 받아야 해요\n1|제가 내일 업체 두 군데에 전화할게요",
    ],
)
def test_to_ring_somebody_is_the_way_to_what_is_wanted_and_no_work_of_its_own(lines: str) -> None:
    draft = only(lines)
    assert draft.assignee_id == UserId(1)
    assert any(word in draft.content for word in ("quotes", "price", "견적"))


def test_to_ring_somebody_about_another_thing_is_work_of_its_own() -> None:
    found = read(
        meeting(
            "1|Ben, can you get quotes for the carpet?\n2|Sure.\n"
            "1|I'll ring the landlord about the keys."
        )
    )
    assert [d.assignee_id for d in found.new_tickets] == [UserId(2), UserId(1)]


def test_of_many_whom_a_name_fits_some_are_told_and_the_rest_counted() -> None:
    anas = tuple(Member(user_id=UserId(n), name=f"Ana {family}") for n, family in FAMILIES)
    draft = only("9|Ana, please send the agenda to everyone.", members=anas)
    assert draft.assignee_id is None
    assert draft.reason.endswith("Ana Okoye, Ana Quist, Ana Silva, Ana Novak and 2 more")


FAMILIES = list(enumerate(("Okoye", "Quist", "Silva", "Novak", "Rossi", "Weber"), start=1))
