"""Which ticket the words mean."""

from __future__ import annotations

import pytest

from vori.ids import TicketId
from vori.tickets.extract.local import Board, _bag
from vori.tickets.extract.match import alike, key, overlap, same_sound, stem
from vori.tickets.messages import KnownTicket


def board(*titles: str) -> Board:
    return Board([KnownTicket(ticket_id=TicketId(f"T-{i}"), title=t) for i, t in enumerate(titles)])


@pytest.mark.parametrize(
    ("hangul", "latin"),
    [
        ("로그인", "login"),
        ("게이트웨이", "gateway"),
        ("리팩토링", "refactoring"),
        ("대시보드", "dashboard"),
        ("센서", "sensor"),
        ("배너", "banner"),
        ("프로토타입", "prototype"),
        ("스크롤", "scroll"),
        ("마이그레이션", "migration"),
    ],
)
def test_a_loanword_meets_its_origin_by_sound(hangul: str, latin: str) -> None:
    assert same_sound(hangul, latin)


@pytest.mark.parametrize(
    ("hangul", "latin"), [("계약서", "banner"), ("보고서", "server"), ("도면", "demo")]
)
def test_words_that_sound_otherwise_stay_apart(hangul: str, latin: str) -> None:
    assert not same_sound(hangul, latin)


def test_the_glossary_joins_words_of_one_meaning() -> None:
    assert key("결제") == key("payment") == key("payments")
    assert key("데이터베이스") == key("Postgres")


def test_a_misheard_vowel_is_forgiven() -> None:
    assert key("결재") == key("결제")


def test_word_forms_share_a_stem() -> None:
    assert stem("invoices") == stem("invoice")
    assert stem("testing") == stem("tested")
    assert alike(stem("calibration"), stem("calibrations"))


def test_similar_titles_are_told_apart_by_their_own_words() -> None:
    two = board("Replace broken infusion pump in bay 3", "Replace broken bed rail in bay 3")
    assert two.find(_bag("the pump"), None) == 0
    assert two.find(_bag("the rail on the bed"), None) == 1
    assert two.find(_bag("replace the broken one"), None) is None


def test_numbers_tell_two_tickets_apart() -> None:
    three = board("Install speed bumps at gate B", "Install speed bumps at gate C")
    assert three.find(_bag("the speed bumps at gate C"), None) == 1
    assert three.find(_bag("the speed bumps"), None) is None


def test_a_title_in_the_other_language_is_found() -> None:
    pytest.importorskip("kiwipiepy")
    assert (
        board("Add Apple Pay to checkout", "Refactor settings screen").find(
            _bag("설정 화면 리팩토링"), None
        )
        == 1
    )
    assert (
        board("결제 실패 시 재시도", "상품 목록 스크롤").find(_bag("the payment retry"), None) == 0
    )


def test_overlap_counts_shared_words_and_their_part_of_the_smaller_bag() -> None:
    common, share = overlap({"a": 1.0, "b": 1.0}, {"b": 1.0, "c": 1.0, "d": 1.0})
    assert (common, share) == (1.0, 0.5)
    assert overlap({}, {"a": 1.0}) == (0.0, 0.0)
