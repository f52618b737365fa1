from __future__ import annotations

import itertools
from uuid import UUID

from vori.transcribe.diff import Timed, carry_ids, difference

_ids = itertools.count(1)


def timed(start_s: float, end_s: float, text: str) -> Timed:
    return Timed(
        id=UUID(int=next(_ids)), start_ms=int(start_s * 1000), end_ms=int(end_s * 1000), text=text
    )


def changes(before: list[Timed], after: list[Timed]) -> list[list[tuple[str, str, str]]]:
    found = difference(before, after)
    return [[(c.kind, c.before, c.after) for c in one.changes] for one in found.stretches]


def test_words_are_compared_and_case_and_stops_are_no_difference() -> None:
    before = [timed(0, 2, "배포는 금요일에 합니다"), timed(5, 7, "Hello, everyone")]
    after = [timed(0, 2, "배포는 토요일에 합니다."), timed(5, 7, "hello everyone.")]
    assert changes(before, after) == [
        [
            ("same", "배포는", "배포는"),
            ("changed", "금요일에", "토요일에"),
            ("same", "합니다", "합니다."),
        ]
    ]
    found = difference(before, after)
    assert (found.words_before, found.words_after, found.words_same) == (5, 5, 4)


def test_captions_that_are_cut_elsewhere_are_compared_as_one_stretch() -> None:
    before = [timed(0, 4, "we ship it"), timed(4, 8, "on friday")]
    after = [timed(0, 2, "we ship"), timed(2, 8, "it on friday then")]
    assert changes(before, after) == [
        [("same", "we ship it on friday", "we ship it on friday"), ("added", "", "then")]
    ]
    [stretch] = difference(before, after).stretches
    assert (stretch.start_ms, stretch.end_ms) == (0, 8000)


def test_what_only_one_of_them_has_is_added_or_removed() -> None:
    before, after = [timed(0, 1, "gone")], [timed(50, 51, "new here")]
    assert changes(before, after) == [[("removed", "gone", "")], [("added", "", "new here")]]
    assert difference([], []).stretches == ()


def test_a_meeting_of_hours_is_compared_at_once() -> None:
    before = [timed(i * 3, i * 3 + 2, f"word {i} of many") for i in range(4000)]
    after = [timed(i * 3, i * 3 + 2, f"word {i} of most") for i in range(4000)]
    assert len(difference(before, after).stretches) == 4000


def test_ids_go_to_the_caption_of_the_same_stretch_one_to_one() -> None:
    old = [timed(0, 3, "we ship it"), timed(3, 6, "on friday"), timed(20, 22, "gone")]
    new = [timed(0, 2.8, "we ship it."), timed(2.9, 6.2, "on Friday"), timed(40, 42, "new")]
    assert carry_ids(old, new) == {new[0].id: old[0].id, new[1].id: old[1].id}
    joined = [timed(0, 6, "we ship it on friday")]
    assert carry_ids(old, joined)[joined[0].id] in {old[0].id, old[1].id}
    assert len(set(carry_ids(joined, new).values())) == 1
