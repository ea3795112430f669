"""Student's t, and how likely each verdict is when the truth is known: numbers in, numbers out.

From scipy.special, whose import is a third of that of scipy.stats; imported inside, so that commands that need no
t don't pay.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

NODES = 401
"""Of the trapezoid rule over the sample standard deviation; the chances are then good to about 1e-4."""
TAIL = 1e-12
"""Probability that is cut off at both ends of the sample standard deviation's distribution."""


class Chances(NamedTuple):
    """Probabilities of the three verdicts; they sum to 1."""

    reproduced: float
    not_reproduced: float
    inconclusive: float


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """The quantile of Student's t: P(T <= t) = probability."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, probability))


def t_tail(t: float, degrees_of_freedom: float) -> float:
    """P(T > t) of Student's t; 0 at infinity."""
    from scipy.special import stdtr

    return float(stdtr(degrees_of_freedom, -t))


def chances(
    mean: float,
    sigma: float,
    n: int,
    low: float,
    high: float,
    boundary: float,
    beyond: Callable[[Numbers], tuple[Numbers, Numbers]],
) -> Chances:
    """P(each verdict) of `n` independent normal values with this true mean and standard deviation, band [low, high].

    Given the sample standard deviation s, whose (n - 1) s^2 / sigma^2 is chi-squared with n - 1 degrees of freedom, the
    sample mean is normal with standard error e = sigma / sqrt(n), so with k = s / sqrt(n)
        P(REPRODUCED | s)     = Phi((high - c k - mean) / e) - Phi((low + c k - mean) / e), or 0 if that is negative
        P(NOT_REPRODUCED | s) = Phi((low - below(k) - mean) / e) + Phi((mean - high - above(k)) / e)
    with c = `boundary` and (below, above) = `beyond`, how far outside the band a mean is accused; the integral over s
    is a sum. For REPRODUCED this is the power of the two one-sided tests (Owen's Q; Phillips 1990, J. Pharmacokinet.
    Biopharm. 18), and for a band with one end it is the noncentral t. Needs n >= 2 and sigma > 0.
    """
    import numpy as np
    from scipy.special import chdtri, ndtr

    freedom = n - 1
    chi = np.linspace(math.sqrt(chdtri(freedom, 1 - TAIL)), math.sqrt(chdtri(freedom, TAIL)), NODES)
    density = np.exp((freedom - 1) * np.log(chi / math.sqrt(freedom)) - (chi**2 - freedom) / 2)
    density /= density.sum()
    error = sigma / math.sqrt(n)
    step = error * chi / math.sqrt(freedom)  # s / sqrt(n)
    inside = np.maximum(ndtr((high - boundary * step - mean) / error) - ndtr((low + boundary * step - mean) / error), 0)
    below, above = beyond(step)
    outside = ndtr((low - below - mean) / error) + ndtr((mean - high - above) / error)
    reproduced, refuted = float((density * inside).sum()), float((density * outside).sum())
    return Chances(reproduced, refuted, max(0.0, 1 - reproduced - refuted))
