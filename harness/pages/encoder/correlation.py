"""Rank correlations over languages, with the chance that they arise by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.project.records import Record

SHUFFLES = 10_000
"""Of one permutation test."""


class Correlation(Record):
    """A rank correlation and how often chance alone gives as much."""

    rho: float | None
    """Spearman's; None where one side does not vary."""
    p: float
    """One-sided: the share of shuffles with at least this rho."""
    count: int
    """Languages."""


def rank_correlation(x: Sequence[float], y: Sequence[float], groups: Sequence[float] | None = None) -> Correlation:
    """Spearman's rank correlation of `x` and `y` with a one-sided permutation test.

    With `groups` ranks are taken within each group, centred there and pooled, and shuffles stay within the group: what
    differs between groups has no say.
    """
    members = np.zeros(len(x)) if groups is None else np.asarray(groups, dtype=float)
    places = [np.flatnonzero(members == group) for group in np.unique(members)]
    left, right = _centred_ranks(x, places), _centred_ranks(y, places)
    scale = float(np.sqrt((left @ left) * (right @ right)))
    if scale == 0:
        return Correlation(rho=None, p=1.0, count=len(x))
    draws = np.random.default_rng(0)
    shuffled = np.tile(right, (SHUFFLES, 1))
    for place in places:
        shuffled[:, place] = draws.permuted(shuffled[:, place], axis=1)
    as_high = int((shuffled @ left >= left @ right - 1e-9).sum())
    return Correlation(rho=float(left @ right) / scale, p=(as_high + 1) / (SHUFFLES + 1), count=len(x))


def _centred_ranks(values: Sequence[float], places: Sequence[Any]) -> Any:
    """Ranks within each group less the group's mean rank; equal values share the mean of their ranks."""
    array, ranks = np.asarray(values, dtype=float), np.zeros(len(values))
    for place in places:
        _, inverse, counts = np.unique(array[place], return_inverse=True, return_counts=True)
        ranks[place] = (np.cumsum(counts) - (counts - 1) / 2)[inverse] - (len(place) + 1) / 2
    return ranks


def show_correlation(correlation: Correlation) -> str:
    """Rho and p as text; a dash where there is no correlation."""
    if correlation.rho is None:
        return "-"
    return f"{correlation.rho:+z.2f} (p {'< 0.001' if correlation.p < 0.001 else format(correlation.p, '.3f')})"
