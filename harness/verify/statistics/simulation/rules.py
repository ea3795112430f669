"""The rules, on arrays of studies: the verifier's own, and the one that it replaced.

A verdict is a number here: 1 REPRODUCED, -1 NOT_REPRODUCED, 0 open (INCONCLUSIVE or UNDERPOWERED).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtr, stdtrit

from harness.verify.statistics.design import STANDARD
from harness.verify.statistics.intervals import FEWEST_SEEDS, LEVEL
from harness.verify.statistics.sequential import adjust_all, boundaries
from harness.verify.statistics.simulation.draws import Flags, Numbers

Codes = NDArray[np.int8]
Counts = NDArray[np.int64]

YES, NO, OPEN = 1, -1, 0
LOOKS = STANDARD.looks
"""Numbers of seeds at which verdicts are looked at."""
MOST = 20
"""Seeds up to which the old rule is followed, which has no last look."""


class Rule(NamedTuple):
    """How many standard errors from the band's edge a mean must lie, and what an accusation needs besides."""

    critical: Numbers
    """Critical value by number of seeds, 0 to MOST; NaN where there is no verdict."""
    adjust: Callable[[Numbers, int], Numbers]
    """One-sided p values at so many seeds -> adjusted for looking again."""
    today: bool
    """Is it the verifier's own? It then asks an accusation to lie outside the prediction interval, too, a verdict on a
    collapsed cell to hold without it, and a share of recipes to hold by a test over the recipes."""


def _fixed_n() -> Numbers:
    n = np.arange(MOST + 1)
    return np.where(n >= FEWEST_SEEDS, stdtrit(np.maximum(n - 1, 1), 1 - LEVEL), np.nan)


def _by_look() -> Numbers:
    critical = np.full(MOST + 1, np.nan)
    critical[list(LOOKS)] = boundaries(LOOKS, STANDARD.level, STANDARD.spending)
    return critical


@cache
def old_rule() -> Rule:
    """Replaced: a t interval for a fixed number of seeds, whenever it was looked at; an accusation at 5 %; a collapsed
    cell counted like any other. It stands here only to show what today's rule changed."""
    return Rule(_fixed_n(), adjust=lambda p, _: p, today=False)


@cache
def new_rule() -> Rule:
    """The rule of the verifier, by the standard design."""
    return Rule(_by_look(), adjust=lambda p, n: adjust_all(p, STANDARD, n), today=True)


def _adjusted(rule: Rule, p: Numbers, n: Counts) -> Numbers:
    """Adjusted p values; 1 with so few seeds that there is no verdict."""
    found = np.ones(p.shape)
    for look in np.unique(n[np.isfinite(rule.critical[n])]):
        found[n == look] = rule.adjust(p[n == look], int(look))
    return found


def p_values(
    rule: Rule, mean: Numbers, s: Numbers, n: Counts, low: Numbers, high: Numbers, claimed: Numbers | None
) -> Numbers:
    """p values of "the claim holds": both sides of the band, and the published number where there is one."""
    error, above, below = s / np.sqrt(n), mean - high, low - mean
    near, far = np.maximum(above, below), np.minimum(above, below)
    p = _adjusted(rule, stdtr(n - 1, -near / error), n) + _adjusted(rule, stdtr(n - 1, far / error), n)
    if rule.today and claimed is not None:
        distance = np.abs(claimed - mean) / (s * np.sqrt(1 / n + 1))
        p = np.maximum(p, 2 * _adjusted(rule, stdtr(n - 1, -distance), n))
    return np.minimum(p, 1.0)


def judge_means(
    rule: Rule,
    mean: Numbers,
    s: Numbers,
    n: Counts,
    low: Numbers | float,
    high: Numbers | float,
    claimed: Numbers | float | None = None,
) -> Codes:
    """Verdicts on means of `n` values with sample standard deviation `s` against bands [low, high].

    `claimed`: the published number, the mean of one run, where the claim states one.
    """
    reach = rule.critical[n] * s / np.sqrt(n)
    verdicts = np.zeros(mean.shape, dtype=np.int8)
    verdicts[(mean - reach >= low) & (mean + reach <= high)] = YES
    out = (mean - reach > high) | (mean + reach < low)
    lows, highs, many = (np.broadcast_to(each, mean.shape)[out] for each in (low, high, n))
    published = None if claimed is None else np.broadcast_to(claimed, mean.shape)[out]
    verdicts[out] = np.where(p_values(rule, mean[out], s[out], many, lows, highs, published) <= LEVEL, NO, OPEN)
    return verdicts


def judge_family(rule: Rule, mean: Numbers, s: Numbers, n: Counts, low: float, high: float, claimed: float) -> Codes:
    """Verdicts on studies x claims; accusations hold by Holm's step-down over the claims of a study."""
    alone = judge_means(rule, mean, s, n, low, high, claimed)
    many, lows, highs, published = (np.broadcast_to(each, mean.shape) for each in (n, low, high, claimed))
    p = p_values(rule, mean, s, many, lows, highs, published)
    return np.where((alone == NO) & (holm(p) > LEVEL), OPEN, alone)


def holm(p: Numbers) -> Numbers:
    """Adjusted p values by Holm's step-down along the last axis, as `harness.verify.adjust` gives them."""
    order = np.argsort(p, axis=-1)
    steps = np.arange(p.shape[-1], 0, -1) * np.take_along_axis(p, order, axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0), axis=-1)
    return adjusted


def judge_share(rule: Rule, mean: Numbers, s: Numbers, n: Counts, needed: int) -> Codes:
    """Verdicts on "at least `needed` of the recipes gain more than 0"; mean, s: studies x recipes.

    To refute it so many must fall that fewer than `needed` are left, by the partial conjunction test (Benjamini and
    Heller 2008); to confirm it today's rule asks the same test for `needed` recipes above. The replaced one counted
    those whose own interval lies above.
    """
    must_fall = mean.shape[1] - needed + 1
    above, below = (np.sort(p, axis=1) for p in one_sided(rule, mean, s, n))
    verdicts = np.zeros(len(mean), dtype=np.int8)
    sure = partial_p(above, needed) <= LEVEL if rule.today else (above <= LEVEL).sum(1) >= needed
    verdicts[sure] = YES
    verdicts[partial_p(below, must_fall) <= LEVEL] = NO
    return verdicts


def one_sided(rule: Rule, mean: Numbers, s: Numbers, n: Counts) -> tuple[Numbers, Numbers]:
    """p values of "the true mean is at most 0" and of "it is at least 0"; 1 with so few seeds that nothing is said."""
    many = np.broadcast_to(n, mean.shape)
    t = mean / (s / np.sqrt(many))
    above, below = (_adjusted(rule, stdtr(many - 1, side), many) for side in (-t, t))
    return above, below


def partial_p(ordered: Numbers, k: int) -> Numbers:
    """p values of "fewer than k of the hypotheses are false", from ascending p values (studies x hypotheses)."""
    return np.asarray((np.arange(ordered.shape[1], 0, -1) * ordered)[:, :k].max(1))


def moments(values: Numbers, keep: Flags | None = None) -> tuple[Numbers, Numbers, Counts]:
    """Mean, sample standard deviation (NaN below two) and number over the seeds (axis 1), of those to `keep` (studies x
    seeds).

    The number has an axis of length 1 for every further axis of `values`, so that the three go together.
    """
    further = [1] * (values.ndim - 2)
    if keep is None:
        return values.mean(1), values.std(1, ddof=1), np.full((len(values), *further), values.shape[1])
    weights, n = keep.reshape(*keep.shape, *further).astype(float), keep.sum(1).reshape(-1, *further)
    mean = (values * weights).sum(1) / np.maximum(n, 1)
    squares = (np.square(values - mean[:, None]) * weights).sum(1)
    return mean, np.sqrt(np.where(n > 1, squares, np.nan) / np.maximum(n - 1, 1)), n


def first_decided(by_look: Codes) -> tuple[Codes, Counts]:
    """Of verdicts studies x looks: the first that is not open, else open, and the place of the look where it fell."""
    decided = by_look != OPEN
    place = np.where(decided.any(1), decided.argmax(1), by_look.shape[1] - 1)
    return by_look[np.arange(len(by_look)), place], place


def upper_bound(count: int, total: int, confidence: float = 0.95) -> float:
    """The largest rate that `count` of `total` does not contradict, one-sided.

    Clopper and Pearson (1934, Biometrika 26): the root p of P(at most `count` | p) = 1 - confidence, a quantile of the
    beta distribution; 1 where all counted.
    """
    return float(betaincinv(count + 1, total - count, confidence)) if count < total else 1.0
