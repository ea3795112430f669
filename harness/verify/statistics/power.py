"""Power before a run: how many seeds a claim would need where its gains were as noisy as supposed.

Pure. The chance of a verdict at a look is exact for normal gains (harness.verify.statistics.decision.verdict_chances);
for a claim on a share of recipes, which are tested one by one and share their baseline, it is simulated.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.project.records import Record
from harness.verify.statistics.decision import POWER, verdict_chances
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import Interval
from harness.verify.statistics.sequential import adjust_all

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SPREADS = (0.3, 0.5, 1.0, 1.5, 2.0)
"""Standard deviations in points, of one seed's gain, that a plan is made for."""
OFFS = (0.0, 0.5)
"""How far the truth lies from what is claimed, in margins."""
STUDIES = 4000
"""Simulated studies behind a chance that has no formula; its standard error is 0.6 percentage points at 80 %."""
FEWEST_STUDIES, VALUES = 200, 1_000_000
"""Where so many studies would hold more gains than VALUES they are fewer, but not fewer than these."""
HALVINGS = 12
"""Towards the smallest gain that is shown: to 1 part in 4,000."""
SHARED = 0.5
"""Correlation of two recipes' gains if recipes and baseline scatter alike: half of each variance is the baseline's."""


class Pilot(Record):
    """Spreads of claims as a pilot shows them."""

    sd_points: dict[str, float]
    """Claim -> standard deviation of one seed's gain in points."""
    n_seeds: int
    """Most seeds that one of them rests on."""
    how: str
    """How they were estimated, in words."""


def seeds_for(chance: Callable[[int], float], design: Design = STANDARD, power: float = POWER) -> int | None:
    """The first look at which `chance`, the chance of the right verdict at that look, is at least `power`; None if
    there is none.

    Whoever looks before is right at one of the looks at least as often.
    """
    return next((look for look in design.looks if chance(look) >= power), None)


def smallest_gain(
    sigma: float, n: int, tests: int = 1, design: Design = STANDARD, power: float = POWER
) -> float | None:
    """The smallest true gain in points that look `n` shows to be above zero with probability `power`, where one seed's
    gain scatters by `sigma` > 0 points; None where `n` is no look of the design.

    `tests`: so many share the level, as in the first step of Holm's (1979) procedure; 1: this test alone. By the
    noncentral t with the look's boundary (`verdict_chances` of the band from zero up), solved by halving: the chance
    depends on gain / sigma alone and rises with it.
    """
    if n not in design.looks:
        return None
    stricter, above = design.model_copy(update={"level": design.level / tests}), Interval(low=0.0, high=math.inf)
    low, high = 0.0, 1.0
    while verdict_chances(high, 1.0, n, above, stricter).reproduced < power:
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if verdict_chances(middle, 1.0, n, above, stricter).reproduced < power:
            low = middle
        else:
            high = middle
    return sigma * high


def share_chance(
    above_points: float, sigma: float, n: int, of: int, least: int, design: Design = STANDARD, seed: int = 0
) -> float:
    """P(at least `least` of `of` recipes are shown to gain more than the threshold) at look `n`.

    Every recipe truly gains `above_points` more than the threshold, one seed's gain scatters by `sigma` points, and two
    recipes' gains are correlated by SHARED. Shown by the partial conjunction test at the design's level (Benjamini and
    Heller 2008): the largest of (of - j + 1) p_(j) over j <= least. STUDIES studies, drawn from `seed`.
    """
    return count_chance([above_points] * of, [sigma] * of, n, least, SHARED, design, seed)


def count_chance(
    above_points: Sequence[float],
    sigmas: Sequence[float],
    n: int,
    least: int,
    shared: float,
    design: Design = STANDARD,
    seed: int = 0,
) -> float:
    """P(at least `least` of these are shown to gain more than a threshold) at look `n`.

    `above_points`: how much each truly gains above it; `sigmas`: how far one seed's gain of each scatters, in points;
    `shared`: the correlation of two of them, 0 to 1. As `share_chance` otherwise.
    """
    import numpy as np
    from scipy.special import stdtr

    random, of = np.random.default_rng([seed, n]), len(sigmas)
    studies = max(FEWEST_STUDIES, min(STUDIES, VALUES // (of * n)))
    own, common = random.standard_normal((studies, of, n)), random.standard_normal((studies, 1, n))
    scattered = math.sqrt(1 - shared) * own + math.sqrt(shared) * common
    gains = np.array(above_points)[:, None] + np.array(sigmas)[:, None] * scattered
    t = gains.mean(2) / (gains.std(2, ddof=1) / math.sqrt(n))
    p = np.sort(adjust_all(stdtr(n - 1, -t), design, n), axis=1)[:, :least]
    partial = (p * (of - np.arange(least))).max(axis=1)
    return float((partial <= design.level).mean())


def pilot_spreads(samples: Mapping[str, Sequence[Sequence[float]]]) -> Pilot | None:
    """What scatters from seed to seed: claim -> its gains seed by seed, of several recipes where each is judged alone.

    With two or more such samples, variances are moderated over all of them (Smyth 2004, empirical Bayes): three seeds
    say little of a spread, all claims together say more. A claim on several recipes gets the root of their mean
    variance. Samples with fewer than two seeds, or without any spread, say nothing; None where no other is there.
    """
    from harness.verify.statistics.resampling import moderate

    listed = [(name, s) for name, of in samples.items() for s in of if len(s) > 1 and statistics.variance(s) > 0]
    if not listed:
        return None
    alone = len(listed) == 1
    tested = [] if alone else moderate([sample for _, sample in listed])
    variances: dict[str, list[float]] = {}
    for place, (name, sample) in enumerate(listed):
        variance = statistics.variance(sample) if alone else tested[place].standard_error ** 2 * len(sample)
        variances.setdefault(name, []).append(variance)
    return Pilot(
        sd_points={name: math.sqrt(statistics.fmean(each)) for name, each in variances.items()},
        n_seeds=max(len(sample) for _, sample in listed),
        how="the plain standard deviation" if alone else "variances moderated over claims",
    )
