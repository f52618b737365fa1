"""Words and their kinds, as a learned reader meets them."""

from __future__ import annotations

import pytest

from vori.tickets.extract.learned import tokens
from vori.tickets.extract.match import key


def kinds(text: str, *ticket_words: str, is_korean: bool = False) -> list[str]:
    known = {key(w) for w in ticket_words}
    return [k for _, k in tokens(text, is_korean=is_korean, knows=known.__contains__)]


def test_the_ticket_s_own_words_are_masked_so_that_the_trade_does_not_decide() -> None:
    pump = tokens("the pump's back in", is_korean=False, knows={key("pump")}.__contains__)
    oven = tokens("the oven's back in", is_korean=False, knows={key("oven")}.__contains__)
    assert pump == oven
    assert ("*", "*") in pump


def test_a_verb_is_never_masked_though_a_title_has_it() -> None:
    assert kinds("we fixed it", "fix")[1] == "vdn"


def test_unlike_verbs_of_one_tense_are_of_one_kind() -> None:
    assert kinds("she wrote it") == kinds("she drew it")
    assert kinds("she wrote it") != kinds("she's writing it")


def test_denial_and_numbers_stand_for_themselves() -> None:
    assert kinds("i haven't sent forty") == ["i", "have", "n't", "vdn", "#"]
    assert kinds("four of 12 are in") == ["#", "of", "#", "are", "in"]


def test_korean_is_read_by_its_endings() -> None:
    pytest.importorskip("kiwipiepy")
    done = kinds("도면 보냈어요", "도면", is_korean=True)
    assert done == kinds("명단 고쳤어요", "명단", is_korean=True)
    assert done != kinds("도면 보낼게요", "도면", is_korean=True)
    assert done[0] == "*"
