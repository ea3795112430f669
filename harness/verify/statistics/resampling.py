"""Statistics over seeds AND languages, as pure functions on arrays: pooled effects, two-way intervals, many tests.

An array of gains has the axes targets x languages x seeds, NaN where there is no score. reference/low_resource.yaml
says which of these are used for what, and why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.verify.statistics.intervals import Interval, t_quantile

Array = NDArray[np.float64]
SMALLEST_VARIANCE = 0.01
"""Variances below this share of the median are lifted to it: three equal gains are luck, not certainty."""


FEWEST_LANGUAGES = 3
"""Of a level: below this the spread over languages can't be estimated, as that over seeds below three seeds."""
FEWEST_FOR_SLOPE = 6
"""Languages of a slope with an interval: of fewer, draws hold two close sizes too often, and the slope explodes."""
MOST_PRIOR = 4.0
"""Degrees of freedom that the usual variance may count for. Gains of one seed share a checkpoint, so their variances
are not as many independent pieces as there are languages, and an unlimited prior found something in up to 12 % of
simulations without any effect, at a nominal 5 %.
"""


OWN_BEYOND = 0.95
"""A variance above this quantile of what the others let expect is its sample's own matter: it isn't shrunk."""


class Effects(NamedTuple):
    """Pooled within targets, per draw of the languages (the fields are arrays) or for one sample (numbers)."""

    slope: Any
    """Points per unit of x."""
    low: Any
    """Mean gain of the low level in points."""
    other: Any
    """Mean gain of the other level."""
    difference: Any
    """low - other."""


class Estimate(NamedTuple):
    """An effect with its interval over seeds and languages."""

    value: float
    interval: Interval | None


def pooled_effects(gains: Array, x: Array, low: NDArray[np.bool_], weights: Array) -> Effects:
    """The effects for every row of `weights` (draws x languages: how often a language was drawn).

    gains: targets x languages in points, NaN where none; x: per language; low: is it of the low level?
    slope = sum_t Sxy_t / sum_t Sxx_t: least squares of gain on x with an intercept per target (the within estimator).
    Levels: mean over targets that have both, weighted by n_low n_other / n, so that low - other is the coefficient of
    the level in the same least squares. NaN where a draw can't tell.
    """
    there = np.isfinite(gains).astype(float)
    y = np.where(there > 0, gains, 0.0)
    x = x - x.mean()
    n = weights @ there.T
    sx, sy = (weights * x) @ there.T, weights @ y.T
    nl, yl = (weights * low) @ there.T, (weights * low) @ y.T
    with np.errstate(divide="ignore", invalid="ignore"):
        sxx = np.nan_to_num((weights * x * x) @ there.T - sx * sx / n).sum(-1)
        sxy = np.nan_to_num((weights * x) @ y.T - sx * sy / n).sum(-1)
        share = np.nan_to_num(nl * (n - nl) / n)
        of_low = np.nan_to_num(share * yl / nl).sum(-1) / share.sum(-1)
        of_other = np.nan_to_num(share * (sy - yl) / (n - nl)).sum(-1) / share.sum(-1)
        slope = np.where(sxx > 1e-9, sxy / sxx, np.nan)
    return Effects(slope, of_low, of_other, of_low - of_other)


def draw_languages(languages: int, repetitions: int, seed: int) -> Array:
    """How often each language is drawn, repetitions x languages: L - 1 of L with replacement, nothing where L is 0.

    With L draws the variance of a mean comes out (L - 1) / L too small; with L - 1 it is unbiased (Rao and Wu 1988).
    """
    if languages == 0:
        return np.zeros((repetitions, 0))
    generator = np.random.default_rng(seed)
    return generator.multinomial(languages - 1, np.full(languages, 1 / languages), size=repetitions).astype(float)


def mean_over_seeds(gains: Array) -> Array:
    """targets x languages: the mean over the seeds that have a gain; NaN where none has."""
    there = np.isfinite(gains)
    count = there.sum(-1)
    return np.where(count > 0, np.where(there, gains, 0.0).sum(-1) / np.maximum(count, 1), np.nan)


def estimate_effects(
    gains: Array, x: Array, low: NDArray[np.bool_], draws: Array, confidence: float
) -> dict[str, Estimate | None]:
    """Effect -> its value and interval; None where the gains don't have it.

    variance = s^2 / S of the values by seed + variance over draws of the languages; degrees of freedom by Satterthwaite
    from S - 1 and the number of languages (of the level) less one, or less two for what compares languages. Without a
    second seed, or below FEWEST_LANGUAGES (of each level), there is a value and no interval.
    """
    mean = mean_over_seeds(gains)
    one = np.ones((1, gains.shape[1]))
    found = Effects(*(effect[0] for effect in pooled_effects(mean, x, low, one)))
    by_seed = [pooled_effects(gains[..., seed], x, low, one) for seed in range(gains.shape[2])]
    by_draw = pooled_effects(mean, x, low, draws)
    used = np.isfinite(mean).any(0)
    n_low, n_other = int((used & low).sum()), int((used & ~low).sum())
    both = n_low + n_other - 2 if min(n_low, n_other) >= FEWEST_LANGUAGES else 0
    slope = n_low + n_other - 2 if n_low + n_other >= FEWEST_FOR_SLOPE else 0
    freedom = Effects(slope, n_low - 1, n_other - 1, both)
    return {
        name: _estimate(
            getattr(found, name),
            np.array([getattr(each, name)[0] for each in by_seed]),
            getattr(by_draw, name),
            getattr(freedom, name),
            confidence,
        )
        for name in Effects._fields
    }


def _estimate(value: float, by_seed: Array, by_draw: Array, freedom: int, confidence: float) -> Estimate | None:
    if not math.isfinite(value):
        return None
    by_seed, by_draw = by_seed[np.isfinite(by_seed)], by_draw[np.isfinite(by_draw)]
    if len(by_seed) < 2 or freedom < FEWEST_LANGUAGES - 1 or len(by_draw) < 2:
        return Estimate(float(value), None)
    parts = [(by_seed.var(ddof=1) / len(by_seed), len(by_seed) - 1), (by_draw.var(ddof=1), freedom)]
    total = float(sum(variance for variance, _ in parts))
    if total <= 1e-18:
        return Estimate(float(value), None)
    df = total**2 / sum(variance**2 / degrees for variance, degrees in parts)
    reach = t_quantile((1 + confidence) / 2, float(df)) * math.sqrt(total)
    return Estimate(float(value), Interval(low=float(value) - reach, high=float(value) + reach))


class Tested(NamedTuple):
    """One mean, with a moderated variance."""

    mean: float
    standard_error: float
    freedom: float


def moderate(samples: Sequence[Sequence[float]]) -> list[Tested]:
    """Means of small samples with variances shrunk towards their usual one (Smyth 2004, empirical Bayes).

    samples: two or more gains each. Prior s0^2 with d0 degrees of freedom, by the moments of log s^2; posterior
    s^2 = (d0 s0^2 + d s^2) / (d0 + d), t with d0 + d degrees of freedom. d0 is held at or under MOST_PRIOR.
    """
    from scipy.special import polygamma

    if not samples:
        return []
    d = np.array([len(sample) - 1.0 for sample in samples])
    s2 = _lifted(np.array([np.var(sample, ddof=1) for sample in samples]))
    e = _unbiased_log(s2, d)
    excess = float(e.var(ddof=1) - polygamma(1, d / 2).mean()) if len(e) > 1 else 0.0
    d0 = _prior_freedom(excess)
    found = _shrunk(s2, d, np.full(len(e), e.mean()), np.full(len(e), d0))
    return [
        Tested(float(np.mean(sample)), math.sqrt(v / len(sample)), float(freedom))
        for sample, v, freedom in zip(samples, found.variance, found.freedom, strict=True)
    ]


def add_variance(tested: Tested, variance: float) -> Tested:
    """The same mean with a further, independent part of its variance.

    The degrees of freedom stay those of the first part: that the second is known better would let a larger variance
    give a smaller p value (Satterthwaite's would, with few seeds), and this errs on the careful side.
    """
    return Tested(tested.mean, math.sqrt(tested.standard_error**2 + variance), tested.freedom)


def chance_to_find(tested: Tested, loss: float, threshold: float, level: float) -> float:
    """The power of a one-sided test of "the mean is below `threshold`" at `level`, where it truly is `loss` (negative).

    P(T <= -t(1 - level, f)), T noncentral t with f degrees of freedom and noncentrality (loss - threshold) / standard
    error, which is taken for the true one.
    """
    from scipy.special import nctdtr

    if tested.standard_error == 0:
        return float(loss < threshold)
    critical = -t_quantile(1 - level, tested.freedom)
    return float(nctdtr(tested.freedom, (loss - threshold) / tested.standard_error, critical))


class Moderated(NamedTuple):
    """Variances after shrinking, one per sample."""

    variance: Array
    """Posterior variances."""
    freedom: Array
    """Their degrees of freedom."""


def moderate_variances(variances: Array, freedom: Array, factors: Sequence[Sequence[str]]) -> Moderated:
    """Variances with few degrees of freedom, each shrunk towards what the others let expect (Smyth 2004).

    variances: s^2 > 0 of one or more samples; freedom: d of each, 1 or more; factors: the names of what each belongs
    to, such as (recipe, target). log s^2 is fitted by least squares with an effect of every name. The prior s0^2 of a
    sample is what the fit without it says; its d0 follows from how far log s^2 scatters about the fit (the excess over
    the sampling variance trigamma(d / 2)) and how uncertain the fit is there (leverage h): trigamma(d0 / 2) =
    excess + (excess + trigamma(d / 2)) h / (1 - h), at most MOST_PRIOR. One that no other speaks for (h = 1), or that
    lies above the OWN_BEYOND quantile of F(d, d0) times its prior, keeps itself and its d: shrinking would take most
    of it away (the idea of Phipson et al. 2016, Ann. Appl. Stat. 10, 946, for single variances far from all others).
    """
    from scipy.special import fdtri, polygamma

    s2, d = _lifted(variances), freedom
    e, sampling = _unbiased_log(s2, d), polygamma(1, d / 2)
    design = _dummies(factors)
    hat = design @ np.linalg.pinv(design)
    h, off, apart = np.diag(hat), e - hat @ e, len(e) - np.linalg.matrix_rank(design)
    known = h < 1 - 1e-9
    excess = max(0.0, float((off**2).sum() / apart - sampling.mean())) if apart else 0.0
    ratio = np.where(known, h / np.where(known, 1 - h, 1.0), 0.0)
    expected = e - np.where(known, off * (1 + ratio), 0.0)
    scatter, which = np.unique((excess + (excess + sampling) * ratio).round(12), return_inverse=True)
    d0 = np.array([_prior_freedom(float(x)) for x in scatter])[which]
    found = _shrunk(s2, d, expected, d0)
    own = ~known | (s2 > np.exp(_prior_log(expected, d0)) * fdtri(d, d0, OWN_BEYOND))
    return Moderated(np.where(own, s2, found.variance), np.where(own, d, found.freedom))


def _dummies(factors: Sequence[Sequence[str]]) -> Array:
    """samples x (1 + names): a column of ones, and one per name of every factor."""
    columns = [np.ones(len(factors))]
    for names in zip(*factors, strict=True):
        columns += [np.array([name == one for name in names], dtype=float) for one in dict.fromkeys(names)]
    return np.column_stack(columns)


def _lifted(s2: Array) -> Array:
    return np.maximum(s2, max(SMALLEST_VARIANCE * float(np.median(s2)), 1e-12))


def _unbiased_log(s2: Array, d: Array) -> Array:
    """log s^2 freed of its bias as an estimate of log sigma^2."""
    from scipy.special import digamma

    found: Array = np.log(s2) - digamma(d / 2) + np.log(d / 2)
    return found


def _prior_freedom(excess: float) -> float:
    """d0 from the variance of log sigma^2: trigamma(d0 / 2) = excess, which falls as d0 grows."""
    from scipy.special import polygamma

    return MOST_PRIOR if excess <= polygamma(1, MOST_PRIOR / 2) else 2 * _inverse_trigamma(excess)


def _prior_log(expected: Array, d0: Array) -> Array:
    """log s0^2 where log sigma^2 is expected to be so."""
    from scipy.special import digamma

    found: Array = expected + digamma(d0 / 2) - np.log(d0 / 2)
    return found


def _shrunk(s2: Array, d: Array, expected: Array, d0: Array) -> Moderated:
    """Posterior s^2 = (d0 s0^2 + d s^2) / (d0 + d), with d0 + d degrees of freedom."""
    return Moderated((d0 * np.exp(_prior_log(expected, d0)) + d * s2) / (d0 + d), d0 + d)


def _inverse_trigamma(value: float) -> float:
    """y with trigamma(y) = value > 0, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, y))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, y))
        y += step
        if -step / y < 1e-8:
            break
    return y


def q_values(tested: Sequence[Tested], threshold: float) -> tuple[list[float], list[float]]:
    """Benjamini-Hochberg adjusted p of `mean < threshold`, and of its mirror image `mean > -threshold`."""
    from scipy.stats import false_discovery_control, t

    if not tested:
        return [], []
    mean, error, df = (np.array(column) for column in zip(*tested, strict=True))
    below = t.cdf((mean - threshold) / error, df)
    above = t.sf((mean + threshold) / error, df)
    adjusted_below, adjusted_above = (false_discovery_control(p, method="bh") for p in (below, above))
    return [float(q) for q in adjusted_below], [float(q) for q in adjusted_above]
