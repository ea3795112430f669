"""Row makers: claims on the best recipe per target, where every candidate is as good as the others.

What is published comes from one run of a procedure: train each candidate once, choose by development scores, report on
test. Its mean over runs is the truth here. Ties are where choosing misleads most.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.verify.statistics.intervals import CONFIDENCE
from harness.verify.statistics.simulation.draws import Numbers, generator
from harness.verify.statistics.simulation.records import ChoosingRow, Row, Way
from harness.verify.statistics.simulation.rules import LOOKS, Rule, judge_means, moments, new_rule, old_rule
from harness.verify.statistics.simulation.studies import DEVIATIONS, Codes, count
from harness.verify.statistics.student import t_quantile

Points = NDArray[np.floating[Any]]

TARGETS, CANDIDATES = 9, 11
"""Targets, and what each chooses among: none and ten recipes."""
SIGMAS = (0.25, 0.5)
"""Spread of one seed's value, in margins."""
SHARED = 0.5
"""Correlation of a cell's development and test scores over seeds."""
CORRELATIONS = (0.0, 0.5, 0.9)
"""The same, where coverage is shown."""
SEEDS = (3, 5, 8)
"""Seeds, where coverage is shown."""
PILOT = 100_000
"""Runs of the procedure from which its mean and its spread are taken."""


def choosing_rows() -> list[Callable[[int], Row]]:
    """Verdicts, at every spread and truth."""
    return [partial(measure_choosing, sigma, deviation) for sigma in SIGMAS for deviation in DEVIATIONS]


def measure_choosing(sigma: float, deviation: float, studies: int) -> Row:
    """The replaced way (by the other seeds' test scores) and rule, and today's of each."""
    mean, spread = procedure(TARGETS, SHARED)
    scale, random = sigma / spread, generator("choosing", sigma, deviation)
    dev, test = draw_cells(random, studies, LOOKS[-1], TARGETS, SHARED)
    shift = deviation - mean * scale
    found = {}
    for rule, way in ((old_rule(), by_others), (new_rule(), by_own)):
        values = [shift + scale * way(dev[:, :n], test[:, :n]) for n in LOOKS]
        found[rule.today] = count(np.stack([_judge(rule, each) for each in values], axis=1))
    row = {"kind": "best_of", "condition": "sound", "sigma": sigma, "deviation": deviation, "studies": studies}
    return Row.model_validate({**row, "old": found[False], "new": found[True]})


def _judge(rule: Rule, values: Numbers) -> Codes:
    mean, s, n = moments(values)
    return judge_means(rule, mean, s, n, -1.0, 1.0, 0.0)


def draw_cells(
    random: np.random.Generator, studies: int, seeds: int, targets: int, correlation: float
) -> tuple[Points, Points]:
    """Development and test scores of tied candidates: studies x seeds x targets x candidates, standard deviation 1."""
    size = (studies, seeds, targets, CANDIDATES)
    dev = random.standard_normal(size, dtype=np.float32)
    own = random.standard_normal(size, dtype=np.float32)
    return dev, correlation * dev + np.sqrt(np.float32(1 - correlation**2)) * own


def by_own(dev: Points, test: Points) -> Numbers:
    """Today's way: each seed chooses by its own development scores. studies x seeds: the mean gain over none."""
    return _gains(test, dev.argmax(-1))


def by_mean(dev: Points, test: Points) -> Numbers:
    """One choice for all seeds, by the mean of their development scores."""
    return _gains(test, np.broadcast_to(dev.mean(1, keepdims=True).argmax(-1), test.shape[:-1]))


def by_others(dev: Points, test: Points) -> Numbers:
    """The replaced way of targets without development scores: by the mean of the other seeds' test scores."""
    return _gains(test, (test.sum(1, keepdims=True) - test).argmax(-1))


def _gains(test: Points, chosen: NDArray[np.intp]) -> Numbers:
    taken = np.take_along_axis(test, chosen[..., None], -1)[..., 0]
    return np.asarray((taken - test[..., 0]).mean(-1), dtype=np.float64)


@cache
def procedure(targets: int, correlation: float) -> tuple[float, float]:
    """Mean and standard deviation of what one run of the procedure reports, in standard deviations of a cell."""
    values = by_own(*draw_cells(generator("procedure", targets, correlation), PILOT, 1, targets, correlation))
    return float(values.mean()), float(values.std())


WAYS: dict[Way, Callable[[Points, Points], Numbers]] = {
    "own": by_own,
    "mean": by_mean,
    "others": by_others,
}


def choosing_coverage_rows() -> list[Callable[[int], ChoosingRow]]:
    """How often each way's interval covers, by seeds and correlation."""
    return [partial(measure_coverage, n, correlation) for n in SEEDS for correlation in CORRELATIONS]


def measure_coverage(n: int, correlation: float, studies: int) -> ChoosingRow:
    """The 90 % t interval of one target's mean gain over `n` seeds."""
    truth, _ = procedure(1, correlation)
    dev, test = draw_cells(generator("choosing coverage", n, correlation), studies, n, 1, correlation)
    t, covered = t_quantile((1 + CONFIDENCE) / 2, n - 1), {}
    for name, way in WAYS.items():
        mean, s, _ = moments(way(dev, test))
        covered[name] = int((np.abs(mean - truth) <= t * s / np.sqrt(n)).sum())
    return ChoosingRow(n=n, correlation=correlation, studies=studies, covered=covered)
