"""The verdict on one value per seed against a band that was fixed before running, and how likely each verdict is.

The verdict is where the interval of the mean lies relative to the band. Inside is Schuirmann's two one-sided tests
(TOST, 1987, J. Pharmacokinet. Biopharm. 15): the interval lies inside exactly when both one-sided tests reject at 5 %
over all looks of the design. Outside is an accusation, which must also hold where either side of the band could have
been missed: its p value is that of Hodges and Lehmann (1954, J. R. Stat. Soc. B 16), adjusted for the looks. Where a
number was published, which is itself a few noisy runs, it must lie outside what so many further runs would give, too.
These errors are then at most 5 % for normal gains, however noisy and however often one looks;
`harness verifier report` measures that.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from harness.project.records import Record
from harness.verify.statistics.design import STANDARD, Design, fixed
from harness.verify.statistics.intervals import (
    Direction,
    Interval,
    Published,
    Verdict,
    adjusted_interval,
    check_finite,
    direction,
    place,
    spread,
)
from harness.verify.statistics.p_values import accusation_p, prediction_p, show_p
from harness.verify.statistics.sequential import adjust_all, boundaries, boundary
from harness.verify.statistics.student import Chances, chances

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

POWER = 0.80
"""Probability with which the number of seeds that is asked for must decide."""
BISECTIONS = 25
"""Halvings towards an accusation's critical value, which they reach to 1e-6."""


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
