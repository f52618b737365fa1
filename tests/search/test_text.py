from __future__ import annotations

import pytest

from vori.errors import BadMessage
from vori.search.text import excerpt, fold, grams_of, marks, words_of


def found(text: str, query: str) -> list[str]:
    composed, places = marks(text, words_of(query))
    return [composed[start:end] for start, end in places]


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("결제 모듈을 다음 주에 배포합니다.", "결제모듈", ["결제 모듈"]),
        ("결제모듈을 배포합니다.", "결제 모듈", ["결제모듈"]),
        ("오늘 배포는 취소", "배포", ["배포"]),
        ("앱 두 개", "앱", ["앱"]),
        ("I will send the INVOICES now", "invo", ["INVO"]),
        ("Let's start the art project", "art", ["art"]),
        ("결제API를 고칩니다", "api", ["API"]),
        ("See T-12, please", "t-12", ["T-12"]),
        ("ＡＰＩ 문서", "api", ["ＡＰＩ"]),
        ("nothing here", "else", []),
        ("배포 배포배포", "배포", ["배포", "배포배포"]),
    ],
)
def test_words_are_found_as_people_would(text, query, expected):
    assert found(text, query) == expected


def test_text_in_parts_is_marked_in_composed_text():
    composed, places = marks(
        "오늘 발표".replace("발표", "\u1107\u1161\u11af\u1111\u116d"), ("발표",)
    )
    assert (composed, places) == ("오늘 발표", ((3, 5),))


def test_what_has_nothing_to_look_up_is_refused():
    for query in ("a", "?!", " ", "a b"):
        with pytest.raises(BadMessage, match="syllable"):
            words_of(query)
    with pytest.raises(BadMessage, match="at most 10"):
        words_of(" ".join(f"word{i}" for i in range(11)))


def test_the_index_is_asked_for_pairs_and_for_single_syllables():
    assert grams_of(words_of("앱 배포 t-12")) == ["12", "배포", "앱"]


def test_an_excerpt_shows_the_first_hit_with_its_marks():
    text = "word " * 100 + "invoice " + "word " * 100
    shown, places = excerpt(text, ("invoice",), most=60)
    assert len(shown) <= 62
    assert [shown[start:end] for start, end in places] == ["invoice"]
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert excerpt("short", ("none",), most=60) == ("short", ())


def test_folding_leaves_letters_and_single_blanks():
    assert fold("  (결제) — 모듈:  Version 2.0!  ") == "결제모듈 version 2 0"
