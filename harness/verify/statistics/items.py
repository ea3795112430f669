"""How far a score moves with the rows of its test sets: the ideal bootstrap's variance, and McNemar's test.

A score on a test set is sum(part) / sum(whole) over its items: of accuracy 100 right / 1, of F1 over the whole set
200 correct / (predicted + gold). It is never a mean of each item's own F1. What is compared is a sum of such scores
with weights, such as (mean over the method's runs) - (mean over the baseline's runs): all runs see the same items, so
items are drawn once for all of them. Items of one name in several languages are translations of each other and are
drawn together.

Drawing n - 1 of n items with replacement makes the variance unbiased (Rao and Wu 1988, J. Am. Stat. Assoc. 83). Of a
mean it then is sum (x - mean)^2 / (n (n - 1)) exactly, so nothing is drawn for it (with n draws it would be the
plug-in variance sum (x - mean)^2 / n^2; Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]

DRAWS = 2000
"""Of the bootstrap. Its standard error is then good to 1.6 % (1 / sqrt(2 draws))."""
MOST_DRAWN = 100_000_000
"""Items drawn over all draws, about five seconds. Beyond it, at 50,000 items, the variance is that of the linearised
score, which differs from the bootstrap's by about 1 / items, far less than by the luck of the draws."""
CHUNK = 4_000_000
"""Items drawn at a time, to bound memory."""
SEED = 20_240_101
"""Of the draws."""
NOTHING = 100.0
"""The score where there is nothing to find and nothing was found."""
SMALLEST = 1e-9
"""Points; a standard error below it is a rounding error."""


class Run(NamedTuple):
    """One run on the items of one test set."""

    part: Array
    """Per item: 100 right, or 200 correct."""
    whole: Array | None
    """Per item: predicted + gold; None: 1 each, for a mean."""
    weight: float
    """Of its score in what is compared: 1 / runs of the method, -1 / runs of the baseline."""


class ScoredSet(NamedTuple):
    """A test set and all runs on it."""

    runs: Sequence[Run]
    """Each on the same items, in the same order."""
    at: Places
    """Per item: its number among the stratum's items."""


class Stratum(NamedTuple):
    """Test sets whose items are drawn together: one, or languages whose items are translations of each other."""

    sets: Sequence[ScoredSet]
    items: int
    """How many different items they have."""


class RowVariance(NamedTuple):
    """What the items of a stratum add to the variance of what is compared."""

    variance: float
    """In points squared."""
    freedom: float
    """Items less one."""
    draws: int | None
    """Draws of the bootstrap; None where the variance has a closed form (means), 0 where the score is linearised."""


def score(run: Run) -> float:
    """Points of the run on its test set: sum(part) / sum(whole)."""
    whole = len(run.part) if run.whole is None else float(run.whole.sum())
    return float(run.part.sum()) / whole if whole else NOTHING


def difference(strata: Sequence[Stratum]) -> float:
    """What is compared, in points: the weighted sum of all scores."""
    return math.fsum(run.weight * score(run) for stratum in strata for one in stratum.sets for run in one.runs)


def row_variance(stratum: Stratum, draws: int = DRAWS) -> RowVariance:
    """The bootstrap variance of what is compared, over the stratum's items.

    In closed form for means; drawn `draws` times for F1, linearised where that would be more than MOST_DRAWN items.
    Raises ValueError for a test set of fewer than two items.
    """
    if any(len(one.at) < 2 for one in stratum.sets):
        raise ValueError("a variance over items needs two items")
    freedom, is_mean = stratum.items - 1.0, all(run.whole is None for one in stratum.sets for run in one.runs)
    if is_mean or stratum.items * draws > MOST_DRAWN:
        return RowVariance(_not_rounding(linear_variance(stratum)), freedom, None if is_mean else 0)
    return RowVariance(_not_rounding(drawn_variance(stratum, draws)), freedom, draws)


def _not_rounding(variance: float) -> float:
    return variance if variance > SMALLEST**2 else 0.0


def linear_variance(stratum: Stratum) -> float:
    """sum_i u_i^2, where u_i is what item i adds to the linearised difference, summed over languages.

    With R = sum(part) / sum(whole) it is weight (part_i - R whole_i) / sum(whole), times sqrt(n / (n - 1)): the
    infinitesimal jackknife (Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapter 6), which for
    means is the bootstrap's variance itself.
    """
    each = np.zeros(stratum.items)
    for one in stratum.sets:
        n = len(one.at)
        each += np.bincount(one.at, weights=_influences(one) * math.sqrt(n / (n - 1)), minlength=stratum.items)
    return float(each @ each)


def _influences(one: ScoredSet) -> Array:
    """Per item: the derivative of the weighted scores by the item's weight."""
    found = np.zeros(len(one.at))
    for run in one.runs:
        if run.whole is None:
            found += (run.part - run.part.mean()) * (run.weight / len(run.part))
        elif whole := float(run.whole.sum()):
            found += (run.part - score(run) * run.whole) * (run.weight / whole)
    return found


def drawn_variance(stratum: Stratum, draws: int = DRAWS, seed: int = SEED) -> float:
    """The variance over `draws` draws of items - 1 items with replacement, the same for all runs and languages."""
    generator = np.random.default_rng(seed)
    size = max(1, CHUNK // stratum.items)
    found = []
    for begin in range(0, draws, size):
        many = min(size, draws - begin)
        drawn = generator.integers(stratum.items, size=(many, stratum.items - 1))
        drawn += np.arange(many)[:, None] * stratum.items
        times = np.bincount(drawn.ravel(), minlength=many * stratum.items).reshape(many, stratum.items).astype(float)
        found.append(sum(_redrawn(one, times[:, one.at]) for one in stratum.sets))
    return float(np.var(np.concatenate(found), ddof=1))


def _redrawn(one: ScoredSet, times: Array) -> Array:
    """Per draw: the weighted scores, each item counted `times` (draws x items)."""
    part = times @ np.stack([run.part for run in one.runs], axis=1)
    ones = np.ones(len(one.at))
    whole = times @ np.stack([ones if run.whole is None else run.whole for run in one.runs], axis=1)
    scores = np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), NOTHING)
    found: Array = scores @ np.array([run.weight for run in one.runs])
    return found


class Discordant(NamedTuple):
    """Items that one of two models alone gets right."""

    first: int
    second: int
    p_value: float
    """Of "on rows like these both are right equally often", two-sided."""


def mcnemar(first: Array, second: Array) -> Discordant:
    """McNemar's exact test on items that are right (anything but 0) or wrong (0), paired.

    Of the discordant items each is the first's with probability 1/2 where both are right equally often: p is twice the
    binomial tail, at most 1 (McNemar 1947, Psychometrika 12; exact form in Fagerland et al. 2013, BMC Med. Res.
    Methodol. 13, 91).
    """
    from scipy.special import bdtr

    one, other = int(((first > 0) & (second == 0)).sum()), int(((first == 0) & (second > 0)).sum())
    return Discordant(one, other, min(1.0, 2 * float(bdtr(min(one, other), one + other, 0.5))))
