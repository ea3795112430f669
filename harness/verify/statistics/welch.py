"""Two groups of values that nothing pairs, seed by seed: the difference of their means by Welch's t.

With n values in either group the standard error is k = sqrt((s_1^2 + s_2^2) / n) and the degrees of freedom are
f = (n - 1) (s_1^2 + s_2^2)^2 / (s_1^4 + s_2^4) (Welch 1947, Biometrika 34; Satterthwaite 1946). The looks of a design
are those of paired values: look n may spend the same one-sided level here, and the boundary is the quantile of t with f
degrees of freedom at that level.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.project.records import Record
from harness.verify.statistics.decision import POWER, Decision, seeds_to_decide
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import Interval, Published, check_finite, direction, place, spread
from harness.verify.statistics.p_values import show_p
from harness.verify.statistics.sequential import adjusted_p, boundary
from harness.verify.statistics.student import t_quantile, t_tail


class Unpaired(Record):
    """The difference of two means, and what its interval is made of. All in points."""

    difference: float
    """Mean of the first group minus mean of the second."""
    first_sd: float
    """Sample standard deviation of the first group."""
    second_sd: float
    """Of the second."""
    n: int
    """Values of either group that count: those of the design's last look that both have passed."""
    error: float
    """Standard error of the difference."""
    freedom: float
    """Degrees of freedom."""
    boundary: float
    """The number of standard errors on either side of the difference that the interval spans."""

    @property
    def interval(self) -> Interval:
        """difference -+ boundary x error."""
        reach = self.boundary * self.error
        return Interval(low=self.difference - reach, high=self.difference + reach)

    @property
    def plain_interval(self) -> Interval:
        """The 90 % interval of a single look."""
        reach = t_quantile(0.95, self.freedom) * self.error
        return Interval(low=self.difference - reach, high=self.difference + reach)

    @property
    def spread(self) -> float:
        """sqrt(s_1^2 + s_2^2): the standard deviation of the difference of one value of each group."""
        return math.hypot(self.first_sd, self.second_sd)


def difference_of_means(first: Sequence[float], second: Sequence[float], design: Design = STANDARD) -> Unpaired | None:
    """Welch's difference at the last look that both groups have passed; None below the first one, and where all values
    of both groups are equal.

    Raises ValueError for a value that is not finite or beyond 1e100.
    """
    check_finite([*first, *second])
    n = design.look(min(len(first), len(second)))
    if n is None:
        return None
    first, second = first[:n], second[:n]
    s1, s2 = spread(first), spread(second)
    if s1 == s2 == 0:
        return None
    freedom = (n - 1) * (s1**2 + s2**2) ** 2 / (s1**4 + s2**4)
    nominal = t_tail(boundary(design, n), n - 1)
    return Unpaired(
        difference=statistics.fmean(first) - statistics.fmean(second),
        first_sd=s1,
        second_sd=s2,
        n=n,
        error=math.sqrt((s1**2 + s2**2) / n),
        freedom=freedom,
        boundary=t_quantile(1 - nominal, freedom),
    )


def one_sided_unpaired(found: Unpaired | None, edge: float, design: Design = STANDARD) -> tuple[float, float]:
    """p values of "the true difference is at most `edge`" and of "it is at least `edge`", adjusted for the looks.

    (1, 1) where nothing was found.
    """
    if found is None:
        return 1.0, 1.0
    t = (found.difference - edge) / found.error
    tails = t_tail(t, found.freedom), t_tail(-t, found.freedom)
    return adjusted_p(tails[0], design, found.n), adjusted_p(tails[1], design, found.n)


def decide_unpaired(
    found: Unpaired, target: Interval, design: Design = STANDARD, published: Published | None = None
) -> Decision:
    """The verdict on a difference against the band `target`, by the same rule as `decide`.

    What it takes to decide is projected as for paired values that scatter by sqrt(s_1^2 + s_2^2), which have fewer
    degrees of freedom: it errs on the side of more seeds.
    """
    where, p = place(found.interval, target), _accusation_p(found, target, design)
    p_luck = _prediction_p(found, published, design) if published else 0.0
    largest = max(p, p_luck)
    verdict = "INCONCLUSIVE" if where == "NOT_REPRODUCED" and largest > design.level else where
    needed = (
        seeds_to_decide(found.difference, found.spread, target, found.n, design, published)
        if verdict == "INCONCLUSIVE"
        else None
    )
    return Decision(
        verdict=verdict,
        mean=found.difference,
        interval=found.interval,
        direction=direction(found.interval),
        n=found.n,
        p_value=largest,
        p_parts={"margin": p} | ({"published": p_luck} if published else {}),
        seeds_needed=needed,
        used_up=found.n == design.last,
        reason=_why(verdict, largest, needed, found.n, design),
    )


def _accusation_p(found: Unpaired, target: Interval, design: Design) -> float:
    above, below = found.difference - target.high, target.low - found.difference
    distances = max(above, below), -min(above, below)
    return min(1.0, sum(adjusted_p(t_tail(x / found.error, found.freedom), design, found.n) for x in distances))


def _prediction_p(found: Unpaired, published: Published, design: Design) -> float:
    error = math.sqrt(found.error**2 + found.spread**2 / published.n_claim)
    tail = t_tail(abs(published.points - found.difference) / error, found.freedom)
    return min(1.0, 2 * adjusted_p(tail, design, found.n))


def _why(verdict: str, p: float, needed: int | None, n: int, design: Design) -> str:
    if verdict == "NOT_REPRODUCED":
        return f"{show_p(p)} for this claim alone, adjusted for the looks"
    if verdict != "INCONCLUSIVE":
        return ""
    if n == design.last:
        return f"the design is used up: {n} seeds are its last look"
    if needed:
        return f"if means and spreads stay as measured, {needed} seeds would decide with probability {POWER:.0%}"
    return f"not even the design's last look, at {design.last} seeds, would decide with probability {POWER:.0%}"
