from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vori.errors import BadMessage
from vori.tickets.extract.answer import FIELDS, salvage
from vori.tickets.extract.prompt import clean, estimate_tokens

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
items = st.dictionaries(st.text(), values, min_size=1, max_size=4)
answers = st.fixed_dictionaries({field: st.lists(items, max_size=3) for field in FIELDS})


@calm
@given(answers, st.booleans(), st.sampled_from([None, 2]))
def test_a_whole_answer_is_read_as_it_is(
    answer: dict[str, Any], is_ascii: bool, indent: int | None
) -> None:
    text = json.dumps(answer, ensure_ascii=is_ascii, indent=indent)
    assert salvage(text) == (answer, True)


@calm
@given(answers, st.data())
def test_a_cut_answer_gives_exactly_the_items_that_were_complete(
    answer: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(answer)
    cut = data.draw(st.integers(0, len(text) - 1))
    try:
        found, is_whole = salvage(text[:cut])
    except BadMessage:
        found, is_whole = {}, False
    assert not is_whole
    assert all(answer[field][: len(got)] == got for field, got in found.items())
    whole = [
        json.dumps(dict(list(answer.items())[:index]) | {field: answer[field][: n + 1]})
        for index, field in enumerate(answer)
        for n in range(len(answer[field]))
    ]
    ended = sum(text[:cut].startswith(upto.removesuffix("]}")) for upto in whole)
    assert sum(map(len, found.values())) == ended


@calm
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, '{"newTickets": [' + text, '{"newTickets": ' + text + "}"):
        try:
            found, _ = salvage(candidate)
        except BadMessage:
            continue
        assert set(found) <= set(FIELDS)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"other": []}', "{1: []}", '{"newTickets": [NaN'],
)
def test_an_answer_without_any_known_list_is_refused(text: str) -> None:
    with pytest.raises(BadMessage) as caught:
        salvage(text)
    assert caught.value.code == "invalid_answer"


@calm
@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_clean_text_can_be_stored_and_sent(text: str) -> None:
    kept = clean(text)
    kept.encode()
    assert not any(char < " " for char in kept)
    assert clean(kept) == kept


def test_tokens_are_counted_by_script() -> None:
    assert estimate_tokens("a" * 400) == 101
    assert estimate_tokens("가" * 400) == 201
