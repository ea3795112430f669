"""The statistics of a verdict, as pure functions on a handful of numbers.

One gain per seed, a t interval on their mean, and a band around the claim that was fixed before running. The
verdict is where the interval lies relative to the band. This is Schuirmann's two one-sided tests (TOST,
1987): the 90 % interval lies inside the band exactly when both one-sided tests reject at 5 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE", "UNDERPOWERED", "NOT_TESTED", "INVALID"]
Direction = Literal["up", "down", "unclear"]
Relation = Literal["weaker", "stronger", "opposite sign"]

FEWEST_SEEDS = 3
"""Below this a t interval says next to nothing: its half-width at n = 2 is 6.3 s / sqrt(2)."""
CONFIDENCE = 0.90
"""Of the interval that decides: both one-sided tests then run at 5 %."""
MOST_SEEDS = 1000
"""Where the search for the number of seeds that would decide gives up."""


class Interval(BaseModel):
    """A closed interval; an open side is infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    """Lower end."""
    high: float
    """Upper end."""

    def inside(self, band: Interval) -> bool:
        """Is every point of this interval in `band`?"""
        return band.low <= self.low and self.high <= band.high

    def disjoint(self, band: Interval) -> bool:
        """Has this interval no point in common with `band`?"""
        return self.high < band.low or band.high < self.low


class Decision(BaseModel):
    """Where the interval of the measured values lies relative to the band of the claim."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    """What the rule says."""
    mean: float
    """Mean of the values."""
    interval: Interval | None
    """90 % interval of the mean; null if the values can't give one."""
    direction: Direction | None
    """Is the mean above or below zero at 95 % (one-sided)?"""
    n: int
    """Number of values, one per seed."""
    seeds_needed: int | None = None
    """If inconclusive: the number of seeds that would decide, mean and spread staying as they are."""
    reason: str = ""
    """What stands in the way of a verdict, in words."""


def paired_gains(scores: Mapping[int, float], baseline: Mapping[int, float]) -> dict[int, float]:
    """g_s = score_s - baseline_s for every seed s that has both, in points.

    Pairing removes what the two share at a seed, so the spread of g is the spread that matters.
    """
    return {seed: scores[seed] - baseline[seed] for seed in scores if seed in baseline}


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """The quantile of Student's t: P(T <= t) = probability.

    From scipy.special, whose import is a third of that of scipy.stats; inside, so that commands that need no
    t don't pay.
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, probability))


def spread(values: Sequence[float]) -> float:
    """Sample standard deviation s = sqrt(sum (x - mean)^2 / (n - 1)); 0 where only rounding errors differ.

    Raises ValueError below two values.
    """
    if len(values) < 2:
        raise ValueError("a standard deviation needs two values")
    s = statistics.stdev(values)
    return 0.0 if s <= 1e-9 * max(1.0, max(abs(value) for value in values)) else s


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """mean +- t((1 + confidence) / 2, n - 1) s / sqrt(n), which at 90 % is t(0.95, n - 1).

    Covers the true mean with probability `confidence` if the values are independent draws from a normal
    distribution. Raises ValueError below two values.
    """
    return interval_around(statistics.fmean(values), spread(values), len(values), confidence)


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
    """[c - d, c + d]: what counts as the claimed gain."""
    return Interval(low=claimed - margin_points, high=claimed + margin_points)


def place(interval: Interval, target: Interval) -> Verdict:
    """REPRODUCED if the interval is inside the band, NOT_REPRODUCED if disjoint, else INCONCLUSIVE."""
    if interval.inside(target):
        return "REPRODUCED"
    return "NOT_REPRODUCED" if interval.disjoint(target) else "INCONCLUSIVE"


def decide(values: Sequence[float], target: Interval) -> Decision:
    """The verdict on one value per seed against the band `target`.

    UNDERPOWERED below three seeds, and when all values are equal: seeds that change nothing are one draw,
    whatever their number, and an interval of width zero would be a claim to certainty. Raises ValueError
    without any value.
    """
    mean, n = statistics.fmean(values), len(values)
    s = spread(values) if n > 1 else 0.0
    if s == 0:
        why = f"all {n} seeds gave the same value: they count as one draw" if n > 1 else "one seed has no spread"
        return Decision(verdict="UNDERPOWERED", mean=mean, interval=None, direction=None, n=n, reason=why)
    interval = interval_around(mean, s, n)
    verdict = place(interval, target) if n >= FEWEST_SEEDS else "UNDERPOWERED"
    return Decision(
        verdict=verdict,
        mean=mean,
        interval=interval,
        direction=direction(interval),
        n=n,
        seeds_needed=seeds_to_decide(mean, s, target, n) if verdict == "INCONCLUSIVE" else None,
        reason=f"{n} seeds of at least {FEWEST_SEEDS}" if verdict == "UNDERPOWERED" else "",
    )


def direction(interval: Interval) -> Direction:
    """Is g > 0 at 95 %? One-sided: mean - t(0.95, n - 1) s / sqrt(n) > 0, the 90 % interval's lower end."""
    if interval.low > 0:
        return "up"
    return "down" if interval.high < 0 else "unclear"


def relation(mean: float, claimed: float) -> Relation:
    """How a measured gain differs from a claimed one: weaker, stronger, or of the opposite sign."""
    if mean * claimed < 0:
        return "opposite sign"
    return "weaker" if abs(mean) < abs(claimed) else "stronger"


def seeds_to_decide(mean: float, s: float, target: Interval, n: int) -> int | None:
    """The smallest n' > n whose interval mean +- t(0.95, n' - 1) s / sqrt(n') is inside or outside the band.

    A projection, not a promise: it takes mean and spread as they are. None if 1,000 seeds wouldn't do.
    """
    return next(
        (
            more
            for more in range(max(n + 1, FEWEST_SEEDS), MOST_SEEDS + 1)
            if place(interval_around(mean, s, more), target) != "INCONCLUSIVE"
        ),
        None,
    )


def prediction_interval(values: Sequence[float], n_claim: int = 1, confidence: float = 0.95) -> Interval:
    """Where the mean of n_claim further runs of this very pipeline would fall.

    mean +- t((1 + confidence) / 2, n - 1) s sqrt(1 / n_claim + 1 / n). A published value outside it can't be
    put down to the luck of its seeds. Raises ValueError below two values.
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
