"""How many seeds a design takes that stops at its first decided verdict, by simulation: what looking early saves."""

from __future__ import annotations

import numpy as np

from harness.project.records import Record
from harness.verify.statistics.decision import critical_beyond
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import Interval
from harness.verify.statistics.sequential import boundary

SEED = 20200513
"""Of every draw; any number would do."""


class Stopping(Record):
    """What came of studies that stop at the first look that decides, or at the last."""

    seeds: float
    """Mean number of seeds."""
    reproduced: float
    """Share of the studies that stop with REPRODUCED."""
    not_reproduced: float
    """Share of the studies that stop with NOT_REPRODUCED."""


def expected_seeds(
    mean: float, sigma: float, target: Interval, design: Design = STANDARD, repetitions: int = 10_000
) -> Stopping:
    """Of `repetitions` studies with normal gains of this true mean and standard deviation, judged by `decide` at every
    look. Needs sigma > 0. The draws are the same for the same arguments.
    """
    values = mean + sigma * np.random.default_rng(SEED).normal(size=(repetitions, design.last))
    seeds = np.full(repetitions, design.last)
    stopped, yes, no = (np.zeros(repetitions, dtype=bool) for _ in range(3))
    for n in design.looks:
        means, step = values[:, :n].mean(axis=1), values[:, :n].std(axis=1, ddof=1) / np.sqrt(n)
        reach = boundary(design, n) * step
        inside = (means - reach >= target.low) & (means + reach <= target.high)
        beyond = critical_beyond((target.high - target.low) / step, n, design) * step
        outside = (means > target.high + beyond) | (means < target.low - beyond)
        seeds[~stopped & (inside | outside)] = n
        yes |= ~stopped & inside
        no |= ~stopped & outside
        stopped |= inside | outside
    return Stopping(seeds=float(seeds.mean()), reproduced=float(yes.mean()), not_reproduced=float(no.mean()))
