"""p values of hypotheses on a true mean, one alone and several together, adjusted for the looks of a design."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import Interval, Published, check_finite, spread
from harness.verify.statistics.sequential import adjusted_p
from harness.verify.statistics.student import t_tail


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


def must_hold(n: int, at_least: float) -> int:
    """K = ceil(share n), safe against rounding."""
    return math.ceil(at_least * n - 1e-9)


def show_p(p: float) -> str:
    """A p value in words."""
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
