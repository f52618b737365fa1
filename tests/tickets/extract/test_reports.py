"""Reports about known tickets that name no completion: weighed over a turn, told apart by context."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.tickets.meetings import DONE, IN_PROGRESS, TODO, meeting
from vori.ids import UserId
from vori.tickets.extract.local import read
from vori.tickets.messages import Passage, TicketStatus


def moved(passage: Passage) -> dict[str, TicketStatus]:
    return {u.ticket_id: u.new_status for u in read(passage).ticket_updates}


@pytest.mark.parametrize(
    ("lines", "title", "before", "after"),
    [
        (
            "1|the gate motor a man came on tuesday and put a new gearbox in and it opens fine now",
            "Mend the gate motor",
            TODO,
            DONE,
        ),
        (
            "1|the tent poles the parcel came this morning and they're all in the store room",
            "Tent poles",
            IN_PROGRESS,
            DONE,
        ),
        ("2|the archive, all six boxes went, nothing left", "Empty the archive", IN_PROGRESS, DONE),
        (
            "2|the choir list I've spoken to four of the singers, two left to ask",
            "Choir list",
            TODO,
            IN_PROGRESS,
        ),
        (
            "1|the kiln the electrician's in there now, he's got the lid off",
            "Repair the kiln",
            TODO,
            IN_PROGRESS,
        ),
        (
            "1|the scales I took them to the workshop yesterday they're being weighed in now",
            "Scales to be adjusted",
            TODO,
            IN_PROGRESS,
        ),
        (
            "3|정수기는 기사님이 와서 필터 갈아 주셨고 이제 물 잘 나와요",
            "정수기 필터 교체",
            TODO,
            DONE,
        ),
        ("3|설문은 어제 돌렸고 열 명은 답했는데 나머지는 기다려요", "고객 설문", TODO, IN_PROGRESS),
        ("4|도록 교정은 삼 장까지는 봤어요", "도록 교정", TODO, IN_PROGRESS),
        ("4|간판은 다 달았어요\n3|그럼 그건 지우면 되겠네요", "간판 달기", IN_PROGRESS, DONE),
    ],
)
def test_signs_of_a_turn_move_the_ticket(
    lines: str, title: str, before: TicketStatus, after: TicketStatus
) -> None:
    assert moved(meeting(lines, (title, before))) == {"T-0": after}


@pytest.mark.parametrize(
    ("lines", "title", "before"),
    [
        (
            "1|the gate motor is still hanging off I haven't rung anybody",
            "Mend the gate motor",
            TODO,
        ),
        ("1|the tent poles I'm on pole nine of twenty", "Tent poles", IN_PROGRESS),
        (
            "1|배포 일정은 다음 주 월요일로 결정했습니다",
            "Write the release notes",
            IN_PROGRESS,
        ),
        ("1|is the kiln back\n2|no that's still hanging off the wall", "Repair the kiln", TODO),
        ("3|정수기는 한번 들여다보긴 했는데 아직 시작은 못 했어요", "정수기 필터 교체", TODO),
        ("4|도록 교정은 아직이에요", "도록 교정", TODO),
    ],
)
def test_what_is_left_as_it_was_moves_nothing(lines: str, title: str, before: TicketStatus) -> None:
    assert moved(meeting(lines, (title, before))) == {}


@pytest.mark.parametrize(
    ("lines", "titles", "wanted"),
    [
        (
            "1|forty-three went out last night it's finished",
            ("Issue 43 of the bulletin", "Issue 44 of the bulletin"),
            {"T-0": DONE},
        ),
        (
            "3|칠 번 창구는 어제 다 고쳤습니다",
            ("3번 창구 수리", "7번 창구 수리"),
            {"T-1": DONE},
        ),
        (
            "1|Riverside first\n2|the brochure is printed and delivered",
            ("Brochure for Riverside", "Brochure for Hillcrest"),
            {"T-0": DONE},
        ),
    ],
)
def test_similar_titles_are_told_apart(
    lines: str, titles: tuple[str, str], wanted: dict[str, TicketStatus]
) -> None:
    assert moved(meeting(lines, *((t, IN_PROGRESS) for t in titles))) == wanted


def test_who_answers_tells_which_of_two_was_asked_about() -> None:
    passage = meeting(
        "1|and the bridge\n2|finished it on sunday",
        ("Film about the bridge", IN_PROGRESS),
        ("Bridge photographs", IN_PROGRESS),
    )
    owners = (UserId(2), UserId(1))
    tickets = tuple(
        replace(t, assignee_id=u) for t, u in zip(passage.existing_tickets, owners, strict=True)
    )
    assert moved(replace(passage, existing_tickets=tickets)) == {"T-0": DONE}


def test_the_day_that_was_asked_for_stays_when_somebody_means_to_be_earlier() -> None:
    [ticket] = read(
        meeting("1|could you send me the seating chart by friday\n2|sure I'll look at it tonight")
    ).new_tickets
    assert str(ticket.due) == "2026-03-20"


def test_what_only_the_speaker_holds_up_is_no_blocker() -> None:
    assert read(meeting("3|백업은 계속 못 하고 있어요\n3|제가 게을러서요")).blockers == ()
