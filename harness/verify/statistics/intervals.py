"""The statistics of a verdict, as pure functions on a handful of numbers.

One gain per seed, an interval on their mean, and a band around the claim that was fixed before running. The interval
is mean -+ c_n s / sqrt(n), with a boundary c_n that allows for all the looks of the design
(harness.verify.statistics.sequential). The verdict is where it lies relative to the band. Inside is Schuirmann's two
one-sided tests (TOST, 1987, J. Pharmacokinet. Biopharm. 15): the interval lies inside the band exactly when both
one-sided tests reject at 5 % over all looks. Outside is an accusation, which must also hold where either side of the
band could have been missed: its p value is that of Hodges and Lehmann (1954, J. R. Stat. Soc. B 16), adjusted for the
looks. Where a number was published, which is itself a few noisy runs, it must lie outside what so many further runs
would give, too. These errors are then at most 5 % for normal gains, however noisy and however often one looks;
`harness verifier report` measures that.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field

from harness.project.records import Record
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.sequential import adjust_all, adjusted_p, boundaries, boundary
from harness.verify.statistics.student import Chances, chances, t_quantile, t_tail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

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
POWER = 0.80
"""Probability with which the number of seeds that is asked for must decide."""
LARGEST = 1e100
"""Values beyond it are refused: their squares would leave the range of floating-point numbers."""
BISECTIONS = 25
"""Halvings towards an accusation's critical value, which they reach to 1e-6."""


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


class Decision(Record):
    """Where the interval of the measured values lies relative to the band of the claim."""

    verdict: Verdict
    """What the rule says."""
    mean: float
    """Mean of the values."""
    interval: Interval | None
    """Interval of the mean, adjusted for the looks of the design; null below its first look, or without a spread."""
    direction: Direction | None
    """Is the mean above or below zero at 95 % (one-sided, over all looks)?"""
    n: int
    """Number of values that count, one per seed."""
    p_value: float | None = None
    """p value of the claim, of this one alone, adjusted for the looks: an accusation needs 0.05 or less; null below the
    first look."""
    p_parts: dict[str, float] = Field(default_factory=dict)
    """What `p_value` is the largest of: `margin`, of "the true mean lies in the band", and where a number was published
    `published`, of "it is so many runs of this very pipeline"."""
    seeds_needed: int | None = None
    """If inconclusive: the next look that would decide with probability 80 %, if mean and spread are the true ones;
    null where none would."""
    used_up: bool = False
    """Was this the design's last look?"""
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


def accusation_p(mean: float, s: float, n: int, target: Interval, design: Design | None = None) -> float:
    """p value of H0 "the true mean lies in the band [L, U]": P(T > max(mean - U, L - mean) / k)
    + P(T > max(U - mean, mean - L) / k), each adjusted for the looks of the design.

    k = s / sqrt(n), and T is Student's t with n - 1 degrees of freedom. The maxima are the distances from the nearer
    edge, negative inside the band, and from the farther one. The first term is the one-sided test at that edge, 5 %
    exactly where the interval touches it. The second is the chance to be as far out on the other side: nothing
    for a wide or endless band, but a band much narrower than the noise is a point, and a point is missed on two sides.
    Without a design it is a study of just `n` seeds; else `n` is one of its looks.
    """
    error, above, below = s / math.sqrt(n), mean - target.high, target.low - mean
    tails = t_tail(max(above, below) / error, n - 1), t_tail(-min(above, below) / error, n - 1)
    return min(1.0, sum(tails if design is None else (adjusted_p(p, design, n) for p in tails)))


def prediction_p(mean: float, s: float, n: int, published: Published, design: Design | None = None) -> float:
    """p value of H0 "the published number is the mean of n_claim runs of this very pipeline", two-sided.

    T = (published - mean) / (s sqrt(1 / n + 1 / n_claim)) is Student's t with n - 1 degrees of freedom (Hahn and Meeker
    1991, Statistical Intervals, 4.8); each side is adjusted for the looks of the design.
    """
    t = abs(published.points - mean) / (s * math.sqrt(1 / n + 1 / published.n_claim))
    tail = t_tail(t, n - 1)
    return min(1.0, 2 * (tail if design is None else adjusted_p(tail, design, n)))


def one_sided_p(values: Sequence[float], edge: float, design: Design = STANDARD) -> tuple[float, float]:
    """p values of "the true mean is at most `edge`" and of "it is at least `edge`", adjusted for the looks.

    (1, 1) below the first look, and where all values are equal. Raises ValueError as `decide` does.
    """
    check_finite(values)
    look = design.look(len(values))
    values = values[:look]
    s = spread(values) if look else 0.0
    if look is None or s == 0:
        return 1.0, 1.0
    t = (statistics.fmean(values) - edge) / (s / math.sqrt(look))
    return adjusted_p(t_tail(t, look - 1), design, look), adjusted_p(t_tail(-t, look - 1), design, look)


def partial_p(p_values: Sequence[float], k: int) -> float:
    """p value of "fewer than k of these hypotheses are false", from the p value of each, however they depend on each
    other.

    With m hypotheses and p_(1) <= ... <= p_(m) it is the largest of min(1, (m - j + 1) p_(j)) over j <= k: the partial
    conjunction test in Bonferroni's form (Benjamini and Heller 2008, Biometrics 64), made to rise with k. The largest k
    at which it is at most 5 % is then a lower bound on how many are false. 1 where k > m, 0 where k < 1.
    """
    m, ordered = len(p_values), sorted(p_values)
    if k > m:
        return 1.0
    return max((min(1.0, (m - j) * ordered[j]) for j in range(k)), default=0.0)


def share_p(p_values: Sequence[float | None], at_least: float) -> float | None:
    """p value of "at least this share of them holds", from the p value of each; null if none has one.

    Of n, K = ceil(share n) must hold. To refute that, n - K + 1 must fall (`partial_p`). One without a p value counts
    as 1.
    """
    if all(p is None for p in p_values):
        return None
    return partial_p(
        [1.0 if p is None else p for p in p_values], len(p_values) - must_hold(len(p_values), at_least) + 1
    )


def must_hold(n: int, at_least: float) -> int:
    """K = ceil(share n), safe against rounding."""
    return math.ceil(at_least * n - 1e-9)


def decide(
    values: Sequence[float],
    target: Interval,
    project: bool = True,
    design: Design = STANDARD,
    published: Published | None = None,
) -> Decision:
    """The verdict on one value per seed, in the design's order, against the band `target`.

    The last look that so many seeds have passed counts, with as many values. Where the interval lies decides; outside
    the band it accuses only if `accusation_p` is at most the level, too, and `prediction_p` where a number was
    `published`. UNDERPOWERED below the first look, and when all values are equal: seeds that change nothing are one
    draw, whatever their number, and an interval of width zero would be a claim to certainty. `project`: also say at
    which look it would decide, the part that takes long. This is the verdict on one claim alone;
    harness.verify.verdicts.accusations looks at several.
    Raises ValueError without any value, and for a value that is not finite or beyond 1e100.
    """
    check_finite(values)
    look = design.look(len(values))
    values = values[:look]
    mean, n = statistics.fmean(values), len(values)
    s = spread(values) if n > 1 else 0.0
    if look is None or s == 0:
        why = f"all {n} seeds gave the same value: they count as one draw" if n > 1 else "one seed has no spread"
        if s:
            why = f"{n} seeds of at least {design.first}"
        return Decision(verdict="UNDERPOWERED", mean=mean, interval=None, direction=None, n=n, reason=why)
    interval = adjusted_interval(mean, s, look, design)
    p, where = accusation_p(mean, s, n, target, design), place(interval, target)
    p_luck = prediction_p(mean, s, n, published, design) if published else 0.0
    verdict = "INCONCLUSIVE" if where == "NOT_REPRODUCED" and max(p, p_luck) > design.level else where
    needed = seeds_to_decide(mean, s, target, n, design, published) if project and verdict == "INCONCLUSIVE" else None
    found = Decision(
        verdict=verdict,
        mean=mean,
        interval=interval,
        direction=direction(interval),
        n=n,
        p_value=max(p, p_luck),
        p_parts={"margin": p} | ({"published": p_luck} if published else {}),
        seeds_needed=needed,
        used_up=n == design.last,
    )
    touches = _touches(p, p_luck, published, design.level) if where != verdict else ""
    return found.model_copy(update={"reason": touches + _why(found, design)})


def adjusted_interval(mean: float, s: float, n: int, design: Design = STANDARD) -> Interval:
    """mean -+ c_n s / sqrt(n): the repeated confidence interval at look `n` (Jennison and Turnbull 2000, chapter 9).

    At all looks together its lower end lies above the true mean at most 5 % of the time, and so does its upper end
    below. Raises ValueError where `n` is no look of the design.
    """
    half_width = boundary(design, n) * s / math.sqrt(n)
    return Interval(low=mean - half_width, high=mean + half_width)


def _touches(p: float, p_luck: float, published: Published | None, level: float) -> str:
    """Why an interval outside the band is no accusation."""
    if p > level or published is None:
        return f"the interval lies outside, but {show_p(p)} with both sides counted; "
    runs = "1 run" if published.n_claim == 1 else f"{published.n_claim} runs"
    luck = f"the published {published.points:+g} is itself {runs} and may be their luck ({show_p(p_luck)})"
    return f"the interval lies outside, but {luck}; "


def _why(found: Decision, design: Design) -> str:
    if found.verdict == "NOT_REPRODUCED" and found.p_value is not None:
        return f"{show_p(found.p_value)} for this claim alone, adjusted for the looks"
    if found.verdict != "INCONCLUSIVE":
        return ""
    if found.used_up:
        return f"the design is used up: {found.n} seeds are its last look"
    if found.seeds_needed:
        more = f"{found.seeds_needed} seeds would decide with probability {POWER:.0%}"
    else:
        more = f"not even the design's last look, at {design.last} seeds, would decide with probability {POWER:.0%}"
    return f"if mean and spread stay as measured, {more}"


def show_p(p: float) -> str:
    """A p value in words."""
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


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


def verdict_chances(
    mean: float,
    sigma: float,
    n: int,
    target: Interval,
    design: Design | None = None,
    published: Published | None = None,
) -> Chances:
    """P(each verdict of `decide` at look `n`) where the gains are normal with this true mean and standard deviation.

    Without a design it is a study of just `n` seeds. Needs n >= 3 where no number is published.
    """
    design = design or fixed(n)

    def beyond(step: Numbers) -> tuple[Numbers, Numbers]:
        edge = critical_beyond((target.high - target.low) / step, n, design) * step
        if published is None:
            return edge, edge
        t = boundaries(design.looks, design.level / 2, design.spending)[design.looks.index(n)]
        luck = t * step * math.sqrt(1 + n / published.n_claim)
        return _further(edge, luck - (published.points - target.low)), _further(
            edge, luck - (target.high - published.points)
        )

    return chances(mean, sigma, n, target.low, target.high, boundary(design, n), beyond)


def _further(first: Numbers, second: Numbers) -> Numbers:
    import numpy as np

    return np.maximum(first, second)


def fixed(n: int) -> Design:
    """The study of just `n` seeds, looked at once; its boundary is t(0.95, n - 1)."""
    return Design(looks=(n,), order=tuple(range(1, n + 1)), reason=f"{n} seeds, looked at once")


def critical_beyond(width: Numbers, n: int, design: Design) -> Numbers:
    """How many standard errors beyond the band's edge a mean must lie at look `n` to be accused, for bands `width`
    standard errors wide: where `accusation_p` is the level.

    Between the boundaries at the level (an endless band) and at half of it (a point), by halving.
    """
    import numpy as np
    from scipy.special import stdtr

    at = design.looks.index(n)
    low, high = (
        np.full_like(width, boundaries(design.looks, level, design.spending)[at])
        for level in (design.level, design.level / 2)
    )
    for _ in range(BISECTIONS if np.isfinite(width).any() else 0):
        middle = (low + high) / 2
        p = adjust_all(stdtr(n - 1, -middle), design, n) + adjust_all(stdtr(n - 1, -(middle + width)), design, n)
        low, high = np.where(p > design.level, middle, low), np.where(p > design.level, high, middle)
    return low


def seeds_to_decide(
    mean: float,
    s: float,
    target: Interval,
    n: int,
    design: Design = STANDARD,
    published: Published | None = None,
) -> int | None:
    """The next look of the design after `n` seeds at which the right verdict falls with probability 80 % or more.

    Right is REPRODUCED if `mean` lies inside the band, NOT_REPRODUCED if outside. A projection, not a promise: it takes
    the measured mean and spread for the true ones, and the true spread may well be 0.6 to 4.4 times what three seeds
    show (the chi-squared 90 % interval). None if no look would do.
    """
    which = 0 if target.low <= mean <= target.high else 1
    more = (look for look in design.looks if look > n)
    return next(
        (look for look in more if verdict_chances(mean, s, look, target, design, published)[which] >= POWER), None
    )


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
