"""`harness judge` in numpy, many studies at once: at each look of a design, which are reproduced and which accused.

Written a second time from the formulas, so that a test can hold the one against the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.verify.statistics.design import Design
from harness.verify.statistics.sequential import adjust_all, boundaries

Floats = NDArray[np.float64]
Edge = float | Floats
"""Of the band; one for all studies, or one each."""


class Looks(NamedTuple):
    """Per look (rows) and study (columns)."""

    reproduced: NDArray[np.bool_]
    """Does the interval lie inside the band?"""
    outside: NDArray[np.bool_]
    """Does it lie outside?"""
    p: Floats
    """p value of the claim, by which it is accused."""


def paired(gains: Floats, low: Edge, high: Edge, design: Design, claimed: Floats | None, n_claim: int = 1) -> Looks:
    """gains: studies x seeds. claimed: the published number of each study; None where the claim is a bound."""
    each = []
    for n, c in _looks(design, gains.shape[1]):
        values = gains[:, :n]
        mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n)
        luck = error * np.sqrt(1 + n / n_claim)
        each.append(_look(mean, error, np.full(len(mean), n - 1.0), c, luck, low, high, claimed, design, n))
    return Looks(*map(np.array, zip(*each, strict=True)))


def apart(
    first: Floats, second: Floats, low: Edge, high: Edge, design: Design, claimed: Floats | None, n_claim: int = 1
) -> Looks:
    """Two groups of runs, each studies x runs."""
    each = []
    for n, c in _looks(design, first.shape[1]):
        groups = first[:, :n], second[:, :n]
        v1, v2 = (group.var(axis=1, ddof=1) for group in groups)
        error, freedom = np.sqrt((v1 + v2) / n), (n - 1) * (v1 + v2) ** 2 / (v1**2 + v2**2)
        mean, reach = groups[0].mean(axis=1) - groups[1].mean(axis=1), stats.t.isf(stats.t.sf(c, n - 1), freedom)
        luck = np.sqrt(error**2 + (v1 + v2) / n_claim)
        each.append(_look(mean, error, freedom, reach, luck, low, high, claimed, design, n))
    return Looks(*map(np.array, zip(*each, strict=True)))


def _looks(design: Design, most: int) -> list[tuple[int, float]]:
    """Numbers of seeds, up to so many, and their boundaries."""
    every = zip(design.looks, boundaries(design.looks, design.level, design.spending), strict=True)
    return [(n, c) for n, c in every if n <= most]


def _look(
    mean: Floats,
    error: Floats,
    freedom: Floats,
    c: Floats | float,
    luck: Floats,
    low: Edge,
    high: Edge,
    claimed: Floats | None,
    design: Design,
    n: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]:
    def tail(t: Floats) -> Floats:
        return adjust_all(stats.t.sf(t, freedom), design, n)

    above, below = (mean - high) / error, (low - mean) / error
    p = np.minimum(1.0, tail(np.maximum(above, below)) + tail(-np.minimum(above, below)))
    if claimed is not None:
        p = np.maximum(p, np.minimum(1.0, 2 * tail(np.abs(claimed - mean) / luck)))
    reach = c * error
    inside = (mean - reach >= low) & (mean + reach <= high)
    return inside, (mean + reach < low) | (mean - reach > high), p
