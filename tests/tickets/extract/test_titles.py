"""The titles that speech makes: short, in its language, with the words that matter."""

from __future__ import annotations

import pytest

from tests.tickets.meetings import meeting
from vori.tickets.extract.english import title
from vori.tickets.extract.local import read
from vori.tickets.extract.verbs import base_of, guess_base

pytest.importorskip("kiwipiepy")


@pytest.mark.parametrize(
    ("act", "topics", "made"),
    [
        ("order the extra hoist slings last week", [], "Order the extra hoist slings"),
        ("make us a proper log sheet", [], "Make a proper log sheet"),
        ("repoint that", ["the backup job is still pointing at the old host"],
         "Repoint the backup job still pointing at the old host"),
        ("send the PDF to Nora by friday", [], "Send the pdf to nora"),
        ("working on the float", [], "Work on the float"),
    ],
)  # fmt: skip
def test_an_english_verb_phrase_becomes_an_imperative(
    act: str, topics: list[str], made: str
) -> None:
    assert title(act, topics=topics, days=["by Friday"]) == made


def test_capitals_come_from_what_was_said() -> None:
    (draft,) = read(meeting("1|I'll send the PDF to Ben by Friday")).new_tickets
    assert draft.title == "Send the PDF to Ben"


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("3|제가 금요일까지 장갑 주문할게요", "장갑 주문"),
        ("3|제가 내일까지 출입문 도면 고쳐 놓을게요", "출입문 도면 고치기"),
        ("3|도윤 씨가 모레까지 견적서 보내 주세요", "견적서 보내기"),
        ("4|저는 비상 연락망 새로 만들고 있어요", "비상 연락망 새로 만들기"),
    ],
)
def test_a_korean_title_drops_who_and_when_and_ends_in_a_noun(line: str, made: str) -> None:
    (draft,) = read(meeting(line)).new_tickets
    assert draft.title == made


def test_a_title_is_never_longer_than_a_line() -> None:
    long = "1|I'll rewrite " + "the very long and winding paragraph about the fence " * 6
    (draft,) = read(meeting(long)).new_tickets
    assert len(draft.title) <= 80
    assert draft.title.endswith("…")


@pytest.mark.parametrize(
    ("form", "base"),
    [("sent", "send"), ("wrote", "write"), ("labelled", "label"), ("planned", "plan"), ("moved", "move"), ("visited", "visit"), ("fixing", "fix")],
)  # fmt: skip
def test_a_verb_form_leads_back_to_its_base(form: str, base: str) -> None:
    assert base_of(form) == base


def test_an_unknown_regular_verb_is_guessed() -> None:
    assert guess_base("sandblasted") == "sandblast"
    assert guess_base("window") is None
