"""What may be said about a mean when the sample is small. Pure.

Source: Student's and Welch's t; its quantile by Abramowitz & Stegun 26.7.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

from msgspec import Struct

CONFIDENCE = 0.95
NEEDED = 8
"""Fewer meetings say nothing."""


class Sample(Struct, frozen=True, kw_only=True):
    """`count` values with their mean and standard deviation (of the sample, n - 1)."""

    count: int
    mean: float
    deviation: float

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Where the true mean lies with that confidence; all there is, for fewer than two values."""
        if self.count < 2:
            return (-math.inf, math.inf)
        half = t_quantile((1 + confidence) / 2, self.count - 1) * self._error
        return (self.mean - half, self.mean + half)

    @property
    def _error(self) -> float:
        return self.deviation / math.sqrt(self.count)


def sample(values: Iterable[float]) -> Sample:
    numbers = list(values)
    n = len(numbers)
    mean = math.fsum(numbers) / n if n else 0.0
    spread = math.fsum((x - mean) ** 2 for x in numbers)
    return Sample(count=n, mean=mean, deviation=math.sqrt(spread / (n - 1)) if n > 1 else 0.0)


def pooled(samples: Iterable[Sample]) -> Sample:
    """All the values of several samples, as one."""
    parts = [part for part in samples if part.count]
    n = sum(part.count for part in parts)
    mean = math.fsum(part.count * part.mean for part in parts) / n if n else 0.0
    spread = math.fsum(
        (part.count - 1) * part.deviation**2 + part.count * (part.mean - mean) ** 2
        for part in parts
    )
    return Sample(count=n, mean=mean, deviation=math.sqrt(spread / (n - 1)) if n > 1 else 0.0)


def differ(a: Sample, b: Sample, *, comparisons: int = 1, needed: int = NEEDED) -> bool:
    """Whether the means differ beyond chance, when so many `comparisons` were looked at.

    Never with fewer than `needed` values on either side (Welch's t, Bonferroni's correction).
    """
    if min(a.count, b.count) < needed:
        return False
    parts = [s.deviation**2 / s.count for s in (a, b)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return a.mean != b.mean
    freedom = error**4 / sum(p**2 / (s.count - 1) for p, s in zip(parts, (a, b), strict=True))
    limit = t_quantile(1 - (1 - CONFIDENCE) / 2 / max(1, comparisons), freedom)
    return abs(a.mean - b.mean) / error > limit


def chance(hits: int, of: int, hits_before: int, of_before: int) -> float:
    """How likely at least so many `hits` are where nothing changed between now and before.

    Fisher's exact test, one-sided: of all hits, as many as that among `of` drawn blindly.
    """
    total, whole = hits + hits_before, of + of_before
    ways = sum(
        math.comb(of, k) * math.comb(of_before, total - k)
        for k in range(hits, min(of, total) + 1)
        if total - k <= of_before
    )
    return ways / math.comb(whole, total)


def t_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t; within 0.5 % for five degrees of freedom and more."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom ** (i + 1) for i, term in enumerate(terms))
