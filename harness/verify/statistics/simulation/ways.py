"""Row makers: three ways to choose the best recipe for a target, and how often each one's interval covers.

What is published comes from one run of a procedure: train each candidate once, choose by development scores, report on
test. Its mean over runs is the truth here. All candidates are as good as each other: ties are where choosing misleads
most.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from harness.verify.statistics.intervals import CONFIDENCE
from harness.verify.statistics.simulation.draws import Numbers, generator
from harness.verify.statistics.simulation.records import Way, WayRow
from harness.verify.statistics.simulation.rules import moments
from harness.verify.statistics.student import t_quantile

CANDIDATES = 11
"""None and ten recipes."""
CORRELATIONS = (0.0, 0.5, 0.9)
"""Of a cell's development and test scores over seeds."""
SEEDS = (3, 5, 8)
PILOT = 200_000
"""Runs of the procedure whose mean is taken for the truth."""


def way_rows() -> list[Callable[[int], WayRow]]:
    """Every number of seeds and correlation."""
    return [partial(measure_ways, n, correlation) for n in SEEDS for correlation in CORRELATIONS]


def measure_ways(n: int, correlation: float, studies: int) -> WayRow:
    """The 90 % t interval of one target's mean gain over `n` seeds, by each way."""
    dev, test = _draw(generator("ways", n, correlation), studies, n, correlation)
    t, covered = t_quantile((1 + CONFIDENCE) / 2, n - 1), {}
    for name, way in WAYS.items():
        mean, s, _ = moments(way(dev, test))
        covered[name] = int((np.abs(mean - truth(correlation)) <= t * s / np.sqrt(n)).sum())
    return WayRow(n=n, correlation=correlation, studies=studies, covered=covered)


@cache
def truth(correlation: float) -> float:
    """Mean gain over none of one run of the procedure, in standard deviations of a cell."""
    return float(_by_own(*_draw(generator("one run of a way", correlation), PILOT, 1, correlation)).mean())


def _draw(random: np.random.Generator, studies: int, seeds: int, correlation: float) -> tuple[Numbers, Numbers]:
    """Development and test scores: studies x seeds x candidates, standard deviation 1."""
    dev, own = (random.normal(size=(studies, seeds, CANDIDATES)) for _ in range(2))
    return dev, correlation * dev + np.sqrt(1 - correlation**2) * own


def _by_own(dev: Numbers, test: Numbers) -> Numbers:
    return _gains(test, dev.argmax(-1))


def _by_mean(dev: Numbers, test: Numbers) -> Numbers:
    return _gains(test, np.broadcast_to(dev.mean(1, keepdims=True).argmax(-1), test.shape[:-1]))


def _by_others(dev: Numbers, test: Numbers) -> Numbers:
    return _gains(test, (test.sum(1, keepdims=True) - test).argmax(-1))


def _gains(test: Numbers, chosen: NDArray[np.intp]) -> Numbers:
    """studies x seeds: of the chosen candidate over none, the first."""
    return np.asarray(np.take_along_axis(test, chosen[..., None], -1)[..., 0] - test[..., 0])


WAYS: dict[Way, Callable[[Numbers, Numbers], Numbers]] = {"own": _by_own, "mean": _by_mean, "others": _by_others}
