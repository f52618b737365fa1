from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vori.analytics.productivity import MINUTES_PER_WORK, productivity

counts = st.integers(0, 10**9)
stretches = st.floats(0, 10**6, allow_nan=False)


@given(counts, counts, stretches)
def test_the_score_lies_between_0_and_1(work, blockers, minutes):
    assert 0 <= productivity(work=work, blockers=blockers, minutes=minutes) <= 1


def test_nothing_done_and_nothing_said_score_0():
    assert productivity(work=0, blockers=0, minutes=30) == 0
    assert productivity(work=0, blockers=9, minutes=30) == 0
    assert productivity(work=3, blockers=0, minutes=0) == 0


def test_what_can_be_expected_of_the_time_scores_one_half():
    assert productivity(work=6, blockers=0, minutes=6 * MINUTES_PER_WORK) == 0.5


def test_more_work_scores_more_but_each_time_less_more():
    scores = [productivity(work=n, blockers=1, minutes=30) for n in range(50)]
    gains = [b - a for a, b in pairwise(scores)]
    assert all(gain > 0 for gain in gains)
    assert gains == sorted(gains, reverse=True)


def test_blockers_and_empty_talk_lower_the_score():
    whole = productivity(work=4, blockers=0, minutes=20)
    assert productivity(work=4, blockers=2, minutes=20) < whole
    assert productivity(work=4, blockers=0, minutes=60) < whole


def test_a_negative_count_is_refused():
    for wrong in ({"work": -1}, {"blockers": -1}, {"minutes": -0.1}):
        with pytest.raises(ValueError, match="negative"):
            productivity(**{"work": 1, "blockers": 1, "minutes": 1, **wrong})
