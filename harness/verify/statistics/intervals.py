"""The statistics of a verdict, as pure functions on a handful of numbers.

One gain per seed, a t interval on their mean, and a band around the claim that was fixed before running. The
verdict is where the interval lies relative to the band. Inside is Schuirmann's two one-sided tests (TOST, 1987, J.
Pharmacokinet. Biopharm. 15): the 90 % interval lies inside the band exactly when both one-sided tests reject at 5 %.
Outside is an accusation, which must also hold where either side of the band could have been missed: its p value is
that of Hodges and Lehmann (1954, J. R. Stat. Soc. B 16). Both errors are then at most 5 % for normal gains, however
noisy; `harness verifier report` measures that.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from typing import Literal

from harness.project.records import Record
from harness.verify.statistics.student import Chances, chances, t_quantile, t_tail

Verdict = Literal[
    "REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE", "UNDERPOWERED", "NOT_TESTED", "INVALID", "CONFIRMED", "REFUTED"
]
"""What is measured is reproduced or not; a fact of the data, which is looked up, is confirmed or refuted."""
Direction = Literal["up", "down", "unclear"]
Relation = Literal["weaker", "stronger", "opposite sign"]

FEWEST_SEEDS = 3
"""Below this a t interval says next to nothing: its half-width at n = 2 is 6.3 s / sqrt(2)."""
CONFIDENCE = 0.90
"""Of the interval that decides: both one-sided tests then run at 5 %."""
LEVEL = (1 - CONFIDENCE) / 2
"""Of each one-sided test, and of an accusation: how often a verdict may be false, where that is most likely."""
POWER = 0.80
"""Probability with which the number of seeds that is asked for must decide."""
LARGEST = 1e100
"""Values beyond it are refused: their squares would leave the range of floating-point numbers."""
MOST_SEEDS = 1000
"""Where the search for the number of seeds that would decide gives up."""


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


class Decision(Record):
    """Where the interval of the measured values lies relative to the band of the claim."""

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
    p_value: float | None = None
    """p value of the claim, of this one alone: an accusation needs 0.05 or less; null below three seeds."""
    seeds_needed: int | None = None
    """If inconclusive: the number of seeds that would decide with probability 80 %, if mean and spread are the true
    ones; null where 1,000 wouldn't."""
    reason: str = ""
    """What stands in the way of a verdict, or what backs an accusation, in words."""


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


def accusation_p(mean: float, s: float, n: int, target: Interval) -> float:
    """p value of H0 "the true mean lies in the band [L, U]": P(T > max(mean - U, L - mean) / k)
    + P(T > max(U - mean, mean - L) / k).

    k = s / sqrt(n), and T is Student's t with n - 1 degrees of freedom. The maxima are the distances from the nearer
    edge, negative inside the band, and from the farther one. The first term is the one-sided test at that edge, 5 %
    exactly where the 90 % interval touches it. The second is the chance to be as far out on the other side: nothing
    for a wide or endless band, but a band much narrower than the noise is a point, and a point is missed on two sides.
    """
    error, above, below = s / math.sqrt(n), mean - target.high, target.low - mean
    return t_tail(max(above, below) / error, n - 1) + t_tail(-min(above, below) / error, n - 1)


def share_p(p_values: Sequence[float | None], at_least: float) -> float | None:
    """p value of "at least this share of them holds", from the p value of each; null if none has one.

    Of n, K = ceil(share n) must hold. To refute that, n - K + 1 must fall, and if it is true one of K true ones falls
    with them: p = min(1, K p_(n - K + 1)), however they depend on each other (partial conjunction in Bonferroni's form;
    Benjamini and Heller 2008, Biometrics 64). One without a p value counts as 1.
    """
    if all(p is None for p in p_values):
        return None
    must_hold = math.ceil(at_least * len(p_values) - 1e-9)
    ordered = sorted(1.0 if p is None else p for p in p_values)
    return min(1.0, must_hold * ordered[len(p_values) - must_hold])


def decide(values: Sequence[float], target: Interval, project: bool = True) -> Decision:
    """The verdict on one value per seed against the band `target`.

    Where the interval lies decides; outside the band it accuses only if `accusation_p` is at most 5 %, too.
    UNDERPOWERED below three seeds, and when all values are equal: seeds that change nothing are one draw, whatever
    their number, and an interval of width zero would be a claim to certainty. `project`: also say how many seeds would
    decide, the part that takes long. This is the verdict on one claim alone; harness.verify.verdicts.accusations looks
    at several.
    Raises ValueError without any value, and for a value that is not finite or beyond 1e100.
    """
    check_finite(values)
    mean, n = statistics.fmean(values), len(values)
    s = spread(values) if n > 1 else 0.0
    if s == 0:
        why = f"all {n} seeds gave the same value: they count as one draw" if n > 1 else "one seed has no spread"
        return Decision(verdict="UNDERPOWERED", mean=mean, interval=None, direction=None, n=n, reason=why)
    interval = interval_around(mean, s, n)
    found = Decision(verdict="UNDERPOWERED", mean=mean, interval=interval, direction=direction(interval), n=n)
    if n < FEWEST_SEEDS:
        return found.model_copy(update={"reason": f"{n} seeds of at least {FEWEST_SEEDS}"})
    p, where = accusation_p(mean, s, n, target), place(interval, target)
    verdict = "INCONCLUSIVE" if where == "NOT_REPRODUCED" and p > LEVEL else where
    needed = seeds_to_decide(mean, s, target, n) if project and verdict == "INCONCLUSIVE" else None
    said = {"verdict": verdict, "p_value": p, "seeds_needed": needed, "reason": _why(verdict, p, where, needed)}
    return found.model_copy(update=said)


def _why(verdict: Verdict, p: float, where: Verdict, needed: int | None) -> str:
    if verdict == "NOT_REPRODUCED":
        return f"{show_p(p)} for this claim alone"
    if verdict != "INCONCLUSIVE":
        return ""
    enough = f"{needed} seeds would decide with probability {POWER:.0%}"
    more = enough if needed else f"{MOST_SEEDS:,} seeds would not decide"
    touches = f"the interval lies outside, but {show_p(p)} with both sides counted; " if where != verdict else ""
    return f"{touches}if mean and spread stay as measured, {more}"


def show_p(p: float) -> str:
    """A p value in words."""
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def direction(interval: Interval) -> Direction:
    """Is g > 0 at 95 %? One-sided: mean - t(0.95, n - 1) s / sqrt(n) > 0, the 90 % interval's lower end.

    "up" is false at most 5 % of the time where g <= 0, and so is "down" where g >= 0; where g = 0 either is said
    10 % of the time.
    """
    if interval.low > 0:
        return "up"
    return "down" if interval.high < 0 else "unclear"


def relation(mean: float, claimed: float) -> Relation:
    """How a measured gain differs from a claimed one: weaker, stronger, or of the opposite sign."""
    if mean * claimed < 0:
        return "opposite sign"
    return "weaker" if abs(mean) < abs(claimed) else "stronger"


def verdict_chances(mean: float, sigma: float, n: int, target: Interval) -> Chances:
    """P(each verdict of `decide`) where the gains are normal with this true mean and standard deviation, n >= 3."""
    return chances(mean, sigma, n, target.low, target.high, LEVEL)


def seeds_to_decide(mean: float, s: float, target: Interval, n: int) -> int | None:
    """The smallest n' > n with which the right verdict falls with probability 80 % or more (the test's power).

    Right is REPRODUCED if `mean` lies inside the band, NOT_REPRODUCED if outside. A projection, not a promise: it takes
    the measured mean and spread for the true ones, and the true spread may well be 0.6 to 4.4 times what three seeds
    show (the chi-squared 90 % interval). None if 1,000 seeds wouldn't do. The power grows with n', so n' is found by
    halving.
    """
    which = 0 if target.low <= mean <= target.high else 1
    more = range(max(n + 1, FEWEST_SEEDS), MOST_SEEDS + 1)
    first = bisect.bisect_left(more, POWER, key=lambda n_more: verdict_chances(mean, s, n_more, target)[which])
    return more[first] if first < len(more) else None


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
