"""The statistics of a verdict, as pure functions on a handful of numbers.

One gain per seed, an interval on their mean, and a band around the claim that was fixed before running. The interval
is mean -+ c_n s / sqrt(n), with a boundary c_n that allows for all the looks of the design
(harness.verify.statistics.sequential). harness.verify.statistics.decision concludes from where it lies.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

from harness.project.records import Record
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.sequential import boundary
from harness.verify.statistics.student import t_quantile

Verdict = Literal[
    "REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE", "UNDERPOWERED", "NOT_TESTED", "INVALID", "CONFIRMED", "REFUTED"
]
"""What is measured is reproduced or not; a fact of the data, which is looked up, is confirmed or refuted."""
Direction = Literal["up", "down", "unclear"]
Relation = Literal["weaker", "stronger", "opposite sign"]

FEWEST_SEEDS = 3
"""Below this a t interval says next to nothing: its half-width at n = 2 is 6.3 s / sqrt(2)."""
CONFIDENCE = 0.90
"""Of intervals: both one-sided tests then run at 5 %."""
LEVEL = (1 - CONFIDENCE) / 2
"""Of each one-sided test, and of an accusation: how often a verdict may be false, where that is most likely."""
LARGEST = 1e100
"""Values beyond it are refused: their squares would leave the range of floating-point numbers."""


class Published(NamedTuple):
    """A published number."""

    points: float
    """The number."""
    n_claim: int
    """Runs that it is the mean of."""


class Interval(Record):
    """A closed interval; an open side is infinite."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""

    @property
    def ends(self) -> tuple[float, float]:
        """(low, high)."""
        return self.low, self.high

    def inside(self, band: Interval) -> bool:
        """Is every point of this interval in `band`?"""
        return band.low <= self.low and self.high <= band.high

    def disjoint(self, band: Interval) -> bool:
        """Has this interval no point in common with `band`?"""
        return self.high < band.low or band.high < self.low


def check_finite(values: Sequence[float]) -> None:
    """Raises ValueError for a value that is not finite, or beyond 1e100, naming the first of them."""
    for place, value in enumerate(values):
        if not abs(value) <= LARGEST:
            raise ValueError(f"expected finite values of at most {LARGEST:g}, found {value} at place {place}")


def spread(values: Sequence[float]) -> float:
    """Sample standard deviation s = sqrt(sum (x - mean)^2 / (n - 1)); 0 where only rounding errors differ.

    Raises ValueError below two values, and for a value that is not finite or beyond 1e100.
    """
    check_finite(values)
    if len(values) < 2:
        raise ValueError("a standard deviation needs two values")
    s = statistics.stdev(values)
    return 0.0 if s <= 1e-9 * max(1.0, max(abs(value) for value in values)) else s


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """mean +- t((1 + confidence) / 2, n - 1) s / sqrt(n), which at 90 % is t(0.95, n - 1).

    Covers the true mean with probability `confidence` if the values are independent draws from a normal
    distribution. Raises ValueError below two values, and for a value that is not finite or beyond 1e100.
    """
    s = spread(values)
    return interval_around(statistics.fmean(values), s, len(values), confidence)


def interval_around(mean: float, s: float, n: int, confidence: float = CONFIDENCE) -> Interval:
    """The t interval of `n` values with mean `mean` and sample standard deviation `s`."""
    half_width = t_quantile((1 + confidence) / 2, n - 1) * s / math.sqrt(n)
    return Interval(low=mean - half_width, high=mean + half_width)


def margin(practical_points: float, rounding_points: float, reference_sd_points: float | None, n_claim: int) -> float:
    """d = max(practical margin, 2 s_ref / sqrt(n_claim), rounding), in points.

    The claim itself is a mean of n_claim runs with noise s_ref, so it can't be held to less than twice its
    standard error, nor to less than the rounding it was printed with. Nothing measured here enters: a noisy
    run must not widen the target it is shot at. Without a known s_ref its term is left out.
    """
    noise = 2 * reference_sd_points / math.sqrt(n_claim) if reference_sd_points is not None else 0.0
    return max(practical_points, noise, rounding_points)


def band(claimed: float, margin_points: float) -> Interval:
    """[c - d, c + d], in points: what counts as the claimed gain c, `margin_points` being d >= 0.

    Raises nothing. Infinite or NaN ends come only from such arguments, which a claim's record refuses.
    """
    return Interval(low=claimed - margin_points, high=claimed + margin_points)


def place(interval: Interval, target: Interval) -> Verdict:
    """REPRODUCED if the interval is inside the band, NOT_REPRODUCED if disjoint, else INCONCLUSIVE.

    TOST: H0 "the true mean is outside [L, U]" is rejected at 5 % exactly if L <= mean - t(0.95, n - 1) s / sqrt(n) and
    mean + t(0.95, n - 1) s / sqrt(n) <= U.
    """
    if interval.inside(target):
        return "REPRODUCED"
    return "NOT_REPRODUCED" if interval.disjoint(target) else "INCONCLUSIVE"


def adjusted_interval(mean: float, s: float, n: int, design: Design = STANDARD) -> Interval:
    """mean -+ c_n s / sqrt(n): the repeated confidence interval at look `n` (Jennison and Turnbull 2000, chapter 9).

    At all looks together its lower end lies above the true mean at most 5 % of the time, and so does its upper end
    below. Raises ValueError where `n` is no look of the design.
    """
    half_width = boundary(design, n) * s / math.sqrt(n)
    return Interval(low=mean - half_width, high=mean + half_width)


def direction(interval: Interval) -> Direction:
    """Is g > 0 at 95 %? One-sided: the interval's lower end lies above 0.

    "up" is false at most 5 % of the time where g <= 0, and so is "down" where g >= 0, over all looks; where g = 0
    either is said 10 % of the time.
    """
    if interval.low > 0:
        return "up"
    return "down" if interval.high < 0 else "unclear"


def relation(mean: float, claimed: float) -> Relation:
    """How a measured gain differs from a claimed one: weaker, stronger, or of the opposite sign."""
    if mean * claimed < 0:
        return "opposite sign"
    return "weaker" if abs(mean) < abs(claimed) else "stronger"


def prediction_interval(values: Sequence[float], n_claim: int = 1, confidence: float = 0.95) -> Interval:
    """Where the mean of n_claim further runs of this very pipeline would fall.

    mean +- t((1 + confidence) / 2, n - 1) s sqrt(1 / n_claim + 1 / n). A published value outside it can't be
    put down to the luck of its seeds. Covers that mean with probability `confidence` for independent normal runs
    (Hahn and Meeker 1991, Statistical Intervals, 4.8). Raises ValueError below two values, and for a value that is not
    finite or beyond 1e100.
    """
    n = len(values)
    reach = t_quantile((1 + confidence) / 2, n - 1) * spread(values) * math.sqrt(1 / n_claim + 1 / n)
    mean = statistics.fmean(values)
    return Interval(low=mean - reach, high=mean + reach)


def pooled_spread(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Standard deviation within groups and its degrees of freedom.

    s^2 = sum over groups of sum (x - group mean)^2, divided by sum (n_group - 1). (0, 0) if no group has two
    values.
    """
    groups = [values for values in groups if len(values) >= 2]
    freedom = sum(len(values) - 1 for values in groups)
    if not freedom:
        return 0.0, 0
    return math.sqrt(sum(statistics.variance(values) * (len(values) - 1) for values in groups) / freedom), freedom
