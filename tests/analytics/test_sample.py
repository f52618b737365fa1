from __future__ import annotations

import math
import random
from statistics import mean, stdev

import pytest

from vori.analytics.sample import NEEDED, Sample, differ, pooled, sample, t_quantile


@pytest.mark.parametrize(
    ("probability", "freedom", "table"),
    # Tables of Student's t, two-sided 95 % and 99 %.
    [
        (0.975, 5, 2.571),
        (0.975, 7, 2.365),
        (0.975, 30, 2.042),
        (0.995, 7, 3.499),
        (0.995, 60, 2.660),
    ],
)
def test_the_quantile_is_that_of_the_tables(probability, freedom, table):
    assert t_quantile(probability, freedom) == pytest.approx(table, rel=0.005)


def test_a_sample_is_described_by_its_mean_and_deviation():
    values = [0.2, 0.4, 0.4, 0.5]
    described = sample(values)
    assert described == Sample(
        count=4, mean=pytest.approx(mean(values)), deviation=pytest.approx(stdev(values))
    )
    assert (sample([]).count, sample([3.0]).deviation) == (0, 0.0)


def test_one_value_says_nothing_of_the_mean():
    assert sample([0.5]).interval() == (-math.inf, math.inf)


def test_parts_put_together_are_the_whole():
    rng = random.Random(4)
    parts = [[rng.random() for _ in range(n)] for n in (1, 7, 30)]
    whole = sample(x for part in parts for x in part)
    found = pooled(sample(part) for part in parts)
    assert (found.count, found.mean, found.deviation) == pytest.approx(
        (whole.count, whole.mean, whole.deviation)
    )


def test_few_meetings_never_differ():
    few = Sample(count=NEEDED - 1, mean=0.9, deviation=0.01)
    many = Sample(count=100, mean=0.1, deviation=0.01)
    assert not differ(few, many)
    assert differ(Sample(count=NEEDED, mean=0.9, deviation=0.01), many)


def test_the_more_is_compared_the_more_is_asked_of_a_difference():
    a, b = (Sample(count=10, mean=m, deviation=0.2) for m in (0.5, 0.3))
    assert differ(a, b)  # t = 2.24 with 18 degrees of freedom, above 2.10
    assert not differ(a, b, comparisons=24)


def test_chance_is_called_a_difference_about_as_rarely_as_promised():
    rng = random.Random(7)
    wrong = sum(
        differ(*(sample(rng.gauss(0.4, 0.1) for _ in range(10)) for _ in range(2)))
        for _ in range(2000)
    )
    assert wrong / 2000 == pytest.approx(0.05, abs=0.02)


def test_the_chance_of_so_many_hits_is_fisher_s():
    from vori.analytics.sample import chance

    # All of 3 now, none of 3 before: one of the C(6, 3) = 20 ways to draw three hits.
    assert chance(3, 3, 0, 3) == pytest.approx(1 / 20)
    assert chance(8, 10, 1, 30) == pytest.approx((45 * 30 + 10) / 273_438_880)
    assert chance(0, 5, 5, 5) == 1.0
