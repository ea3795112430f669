"""A verdict that holds whenever one looks, after any number of seeds and with no looks planned: the anytime-valid mode.

The t test as an e-process with a normal mixture over the effect size (Wang and Ramdas 2023, arXiv 2310.03722). For n
values with sum S and sum of squares V of their differences from a supposed mean,
    E_n = sqrt(c / (n + c)) (V / (V - S^2 / (n + c)))^(n / 2)
is the likelihood ratio of an effect size (mean / sigma) drawn from N(0, 1 / c) against zero, sigma integrated out by
its scale-invariant prior. Where the supposed mean is the true one it is a martingale that starts at 1, so it ever
reaches 1 / a with probability a at most (Ville's inequality), at whatever n one looks. The means at which it has not
are the confidence sequence. Wider than the interval of a design with few looks: that is what freedom costs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.verify.statistics.intervals import CONFIDENCE, Interval, Verdict, check_finite, place, spread

MIXTURE = 0.1
"""c of the mixture, the inverse of the effect sizes' variance: gains of about three standard deviations of one seed.
The intervals from three to ten seeds are then near their narrowest."""


def e_value(values: Sequence[float], mean: float, c: float = MIXTURE) -> float:
    """E_n against "the true mean is `mean`": 1 says nothing, 20 or more refutes it at 5 %, whenever one looks.

    Infinite where all values are equal and not `mean`, 1 where they equal it. Raises ValueError without any value, and
    for one that is not finite or beyond 1e100.
    """
    check_finite(values)
    n = len(values)
    differences = [value - mean for value in values]
    largest = max(map(abs, differences))
    if largest == 0:
        return 1.0
    scaled = [difference / largest for difference in differences]
    total, squares = math.fsum(scaled), math.fsum(x * x for x in scaled)
    left = squares - total**2 / (n + c)
    return math.exp(0.5 * math.log(c / (n + c)) + n / 2 * math.log(squares / left))


def anytime_interval(values: Sequence[float], confidence: float = CONFIDENCE, c: float = MIXTURE) -> Interval | None:
    """The means with E_n < 1 / (1 - confidence): the confidence sequence after these values; None where it is endless.

    Its intervals after all numbers of values cover the true mean together with probability `confidence`, for normal
    values. With k = (sqrt((n + c) / c) / (1 - confidence))^(2 / n) it is mean -+ s sqrt(q (n - 1) / n),
    q = (k - 1) / (1 - k c / (n + c)), endless where that denominator is not positive. None below two values and
    where all are equal. Raises ValueError as `e_value` does.
    """
    check_finite(values)
    n = len(values)
    s = spread(values) if n > 1 else 0.0
    k = (math.sqrt((n + c) / c) / (1 - confidence)) ** (2 / n) if n else math.inf
    room = 1 - k * c / (n + c)
    if s == 0 or room <= 0:
        return None
    half_width = s * math.sqrt((k - 1) / room * (n - 1) / n)
    mean = statistics.fmean(values)
    return Interval(low=mean - half_width, high=mean + half_width)


def anytime_verdict(values: Sequence[float], target: Interval) -> Verdict:
    """Where the confidence sequence lies relative to the band; UNDERPOWERED where it is endless."""
    interval = anytime_interval(values)
    return place(interval, target) if interval else "UNDERPOWERED"
