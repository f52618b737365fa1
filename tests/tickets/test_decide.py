"""Drafts and intents against the board."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vori.ids import MeetingId, TicketId, UserId
from vori.tickets.decide import (
    Dismissed,
    DismissedMove,
    OpenTicket,
    Origin,
    apply,
    board_before,
    decide,
    is_legal,
    similarity,
)
from vori.tickets.messages import Draft, Extraction, Segment, StatusIntent, TicketStatus

TODO, IN_PROGRESS, DONE = TicketStatus.TODO, TicketStatus.IN_PROGRESS, TicketStatus.DONE
START = datetime(2026, 3, 16, 9, 0, tzinfo=UTC)
SEGMENTS = tuple(
    Segment(seq=i, start_ms=i * 60_000, end_ms=i * 60_000 + 50_000, text="…") for i in range(30)
)
MEETING = MeetingId(5)


def draft(title: str, *evidence: int, **values: object) -> Draft:
    return Draft(title=title, evidence=evidence, **values)  # type: ignore[arg-type]


def intent(
    ticket: str, status: TicketStatus, *evidence: int, confidence: float = 0.8
) -> StatusIntent:
    return StatusIntent(
        ticket_id=TicketId(ticket), new_status=status, evidence=evidence, confidence=confidence
    )


def ticket(name: str, title: str, status: TicketStatus = TODO, **values: object) -> OpenTicket:
    return OpenTicket(ticket_id=TicketId(name), title=title, status=status, **values)  # type: ignore[arg-type]


def read(*drafts: Draft, updates: tuple[StatusIntent, ...] = ()) -> Extraction:
    return Extraction(new_tickets=drafts, ticket_updates=updates)


def settle(extraction: Extraction, board: list[OpenTicket], **more: object) -> list[OpenTicket]:
    decision = decide(extraction, board, segments=SEGMENTS, started_at=START, **more)  # type: ignore[arg-type]
    return apply(decision, board, meeting_id=MEETING, next_number=100 + len(board))


def test_a_draft_becomes_a_ticket_with_its_evidence() -> None:
    decision = decide(read(draft("Repaint the hall", 3, 4, due=date(2026, 3, 20))), [])
    (create,) = decision.creates
    assert (create.title, create.evidence, create.due) == (
        "Repaint the hall",
        (3, 4),
        date(2026, 3, 20),
    )


def test_a_second_longer_reading_revises_the_ticket_instead_of_doubling_it() -> None:
    board = settle(read(draft("Repaint the hall", 3)), [])
    board = settle(read(draft("Repaint the big hall in white", 3, 9, assignee_id=UserId(2))), board)
    (only,) = board
    assert (only.title, only.assignee_id) == ("Repaint the big hall in white", 2)
    assert only.origin is not None
    assert only.origin.evidence == {3, 9}


def test_two_tickets_from_one_caption_keep_their_identity_on_the_second_reading() -> None:
    first = settle(read(draft("Order paint", 3), draft("Rent a ladder", 3)), [])
    again = settle(read(draft("Rent a ladder", 3, 4), draft("Order paint", 3, 5)), first)
    assert {t.ticket_id: t.title for t in again} == {t.ticket_id: t.title for t in first}


def test_what_the_longer_reading_withdraws_is_taken_back() -> None:
    board = settle(read(draft("Rent a ladder", 3)), [])
    assert settle(read(), board) == []
    assert settle(read(), board, whole=False) == board


def test_a_ticket_that_a_human_touched_is_never_taken_back() -> None:
    (made,) = settle(read(draft("Rent a ladder", 3)), [])
    touched = OpenTicket(
        ticket_id=made.ticket_id,
        title="Rent two ladders",
        origin=made.origin,
        meeting_id=MEETING,
        human_edited={"title": START},
    )
    assert settle(read(), [touched]) == [touched]


def test_a_humans_title_stays_while_the_machine_fills_in_the_rest() -> None:
    edited = ticket(
        "T-1",
        "My own words",
        origin=Origin(evidence=frozenset({3}), title="Rent a ladder"),
        human_edited={"title": START + timedelta(hours=1)},
    )
    (after,) = settle(read(draft("Rent a ladder", 3, 8, due=date(2026, 3, 20))), [edited])
    assert (after.title, after.due) == ("My own words", date(2026, 3, 20))


def test_a_draft_that_is_on_the_board_already_is_skipped() -> None:
    decision = decide(
        read(draft("Renew the TLS certificate", 2)), [ticket("T-4", "Renew TLS certificate")]
    )
    assert decision.is_empty()
    assert "T-4" in decision.skipped[0].why


def test_two_similar_titles_are_told_apart() -> None:
    board = [ticket("T-1", "체육대회 안전 계획서 제출")]
    assert decide(read(draft("수학여행 안전 계획서 제출", 2)), board).creates
    assert decide(read(draft("체육대회 안전 계획서를 제출", 2)), board).creates == ()
    assert similarity("Replace pump in bay 3", "Replace pump in bay 4") < 0.75


def test_korean_and_english_titles_of_one_work_meet() -> None:
    assert similarity("로그인 페이지 디자인", "Login page design") >= 0.75


def test_one_work_said_twice_is_one_ticket() -> None:
    decision = decide(
        read(draft("Order paint", 2), draft("order paint", 9, due=date(2026, 4, 1))), []
    )
    (create,) = decision.creates
    assert (create.evidence, create.due) == ((2, 9), date(2026, 4, 1))


@pytest.mark.parametrize("title", ["Order paint", "Order the paint for the hall"])
def test_what_a_human_dismissed_stays_dismissed(title: str) -> None:
    dismissed = [Dismissed(title="Order paint", evidence=frozenset({2}))]
    assert decide(read(draft(title, 2, 3)), [], dismissed=dismissed).is_empty()


def test_a_dismissal_of_another_meeting_hides_the_same_title_only() -> None:
    dismissed = [Dismissed(title="Order paint")]
    assert decide(read(draft("Order paint", 2)), [], dismissed=dismissed).is_empty()
    assert decide(read(draft("Order paint brushes", 2)), [], dismissed=dismissed).creates


@pytest.mark.parametrize(
    ("old", "new", "confidence", "moves"),
    [
        (TODO, IN_PROGRESS, 0.5, True),
        (TODO, DONE, 0.5, True),
        (IN_PROGRESS, DONE, 0.5, True),
        (IN_PROGRESS, TODO, 0.9, False),
        (DONE, TODO, 0.9, True),
        (DONE, IN_PROGRESS, 0.9, True),
        (DONE, IN_PROGRESS, 0.4, False),
        (DONE, DONE, 0.9, False),
    ],
)
def test_only_legal_moves(
    old: TicketStatus, new: TicketStatus, confidence: float, moves: bool
) -> None:
    decision = decide(
        read(updates=(intent("T-1", new, 4, confidence=confidence),)), [ticket("T-1", "Paint", old)]
    )
    assert bool(decision.moves) is moves
    assert all(
        is_legal(m.from_status, m.to_status, reopen=m.from_status is DONE) for m in decision.moves
    )


def test_an_unknown_ticket_is_skipped_with_the_reason() -> None:
    decision = decide(read(updates=(intent("T-9", DONE, 4),)), [])
    assert decision.is_empty()
    assert decision.skipped[0].why == "no such ticket on the board"


@pytest.mark.parametrize(("edited_min", "moves"), [(3, True), (10, False)])
def test_a_status_set_by_a_human_yields_only_to_later_words(edited_min: int, moves: bool) -> None:
    held = ticket(
        "T-1", "Paint", IN_PROGRESS, human_edited={"status": START + timedelta(minutes=edited_min)}
    )
    decision = decide(
        read(updates=(intent("T-1", DONE, 5),)), [held], segments=SEGMENTS, started_at=START
    )
    assert bool(decision.moves) is moves


def test_a_refused_move_needs_new_words() -> None:
    board = [ticket("T-1", "Paint", IN_PROGRESS)]
    refused = [DismissedMove(ticket_id=TicketId("T-1"), to_status=DONE, evidence=frozenset({5}))]
    same = read(updates=(intent("T-1", DONE, 5),))
    more = read(updates=(intent("T-1", DONE, 5, 12),))
    assert decide(same, board, dismissed_moves=refused).is_empty()
    assert decide(more, board, dismissed_moves=refused).moves


def test_a_move_that_was_corrected_later_is_taken_back_at_the_end() -> None:
    board = settle(read(updates=(intent("T-1", DONE, 5),)), [ticket("T-1", "Paint", IN_PROGRESS)])
    assert (board[0].status, board[0].moved_from) == (DONE, IN_PROGRESS)
    assert board_before(board)[0].status is IN_PROGRESS
    board = settle(read(), board)
    assert (board[0].status, board[0].moved_from) == (IN_PROGRESS, None)


def test_the_board_before_hides_what_this_meeting_made() -> None:
    board = settle(read(draft("Order paint", 2)), [ticket("T-1", "Other")])
    assert [t.ticket_id for t in board_before(board)] == ["T-1"]


def test_an_assignee_who_is_no_member_is_left_out_and_the_ticket_says_why() -> None:
    (create,) = decide(
        read(draft("Order paint", 2, assignee_id=UserId(9))), [], members={UserId(1)}
    ).creates
    assert create.assignee_id is None
    assert "no member" in create.why


def test_work_taken_for_new_moves_the_ticket_that_holds_it_and_stays_moved() -> None:
    said = read(draft("Order paint", 2, status=IN_PROGRESS))
    once = settle(said, [ticket("T-1", "Order paint")])
    assert once[0].status is IN_PROGRESS
    assert settle(said, once) == once


def test_five_thousand_tickets_are_compared_in_time() -> None:
    board = [ticket(f"T-{i}", f"Inspect pump {i} in hall {i % 7}") for i in range(5_000)]
    decision = decide(read(*(draft(f"Grease bearing {i}", i % 30) for i in range(100))), board)
    assert len(decision.creates) == 100


WORDS = st.sampled_from(
    [
        "order",
        "paint",
        "ladder",
        "hall",
        "server",
        "login",
        "로그인",
        "견적",
        "보내기",
        "계약서",
        "pump",
        "report",
    ]
)
TITLES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
STATUSES = st.sampled_from(list(TicketStatus))
EVIDENCE = st.sets(st.integers(0, 29), min_size=1, max_size=4).map(lambda s: tuple(sorted(s)))
DRAFTS = st.builds(
    Draft,
    title=TITLES,
    evidence=EVIDENCE,
    status=STATUSES,
    assignee_id=st.none() | st.integers(1, 4).map(UserId),
    due=st.none() | st.just(date(2026, 4, 1)),
    confidence=st.floats(0, 1),
)
EDITS = st.dictionaries(
    st.sampled_from(["title", "content", "status", "assignee_id", "due"]),
    st.integers(0, 40).map(lambda m: START + timedelta(minutes=m)),
    max_size=2,
)


@st.composite
def boards(draw: st.DrawFn) -> list[OpenTicket]:
    out = []
    for i in range(draw(st.integers(0, 5))):
        title = draw(TITLES)
        made = draw(st.booleans())
        out.append(
            OpenTicket(
                ticket_id=TicketId(f"T-{i}"),
                title=title,
                status=draw(STATUSES),
                human_edited=draw(EDITS),
                meeting_id=MEETING if made else None,
                origin=Origin(
                    evidence=frozenset(draw(EVIDENCE)), title=draw(TITLES), status=draw(STATUSES)
                )
                if made
                else None,
                moved_from=None if made else draw(st.none() | STATUSES),
            )
        )
    return out


INTENTS = st.builds(
    StatusIntent,
    ticket_id=st.integers(0, 6).map(lambda i: TicketId(f"T-{i}")),
    new_status=STATUSES,
    evidence=EVIDENCE,
    confidence=st.floats(0, 1),
)
READINGS = st.builds(
    Extraction,
    new_tickets=st.lists(DRAFTS, max_size=5).map(tuple),
    ticket_updates=st.lists(INTENTS, max_size=4).map(tuple),
)
DISMISSED = st.lists(
    st.builds(Dismissed, title=TITLES, evidence=EVIDENCE.map(frozenset)), max_size=2
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(READINGS, boards(), DISMISSED)
def test_deciding_twice_changes_nothing_the_second_time(
    reading: Extraction, board: list[OpenTicket], dismissed: list[Dismissed]
) -> None:
    once = settle(reading, board, dismissed=dismissed)
    again = decide(reading, once, segments=SEGMENTS, started_at=START, dismissed=dismissed)
    assert again.is_empty(), again


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(READINGS, boards())
def test_a_humans_edit_is_never_overwritten(reading: Extraction, board: list[OpenTicket]) -> None:
    after = {t.ticket_id: t for t in settle(reading, board)}
    for before in board:
        for name in before.human_edited:
            if name != "status":
                assert getattr(after[before.ticket_id], name) == getattr(before, name)
