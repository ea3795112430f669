"""Boundaries for t statistics that are looked at several times, computed from a design; and p values adjusted for them.

At each look the level spent so far may grow by what the design's spending function gives (Lan and DeMets 1983,
Biometrika 70): P(the t statistic first crosses its boundary at look k) = spent(k) - spent(k - 1) where the true mean
lies at the edge. The interval mean -+ c_n s / sqrt(n) with these boundaries covers the true mean at all looks together
(repeated confidence interval; Jennison and Turnbull 2000, Group Sequential Methods, chapter 9), so every rule that
asks where the interval lies holds at any look.

The boundaries are exact for normal values of unknown variance. With x_1, ..., x_n independent N(0, sigma^2), let
u_n = sum(x) / |x| (Euclidean norm) and u_n = sqrt(n) sin(theta_n); then t_n = sqrt(n - 1) tan(theta_n). The next value
in units of the norm, w = x_{n+1} / |x|, is independent of u_n, with sqrt(n) w ~ t_n, and
u_{n+1} = (u_n + w) / sqrt(1 + w^2): a Markov chain, carried on over cells of theta.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from harness.verify.statistics.design import SPENDING, Design, Spending
from harness.verify.statistics.student import t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

CELLS = 320
"""Cells of theta of equal width over most of its range."""
TAIL_CELLS = 48
"""Further cells that narrow geometrically towards pi / 2, where t is large."""
FARTHEST, NEAREST = 0.1, 1e-6
"""Distances from pi / 2 between which they lie."""
POINTS = 4001
"""At which the distribution of one more value is tabulated."""
LEVELS = (1e-8, 0.5, 100)
"""Smallest and largest overall level that p values are adjusted to, and how many levels are tabulated."""


class Chain(NamedTuple):
    """The cells of theta, and what leads from one number of seeds to the next."""

    edges: Numbers
    """Edges of the cells, from -pi / 2 to pi / 2."""
    first: Numbers
    """Mass of each cell at the first look."""
    steps: tuple[Numbers, ...]
    """Per number of seeds after the first look: cell now, cell next -> probability."""


class Table(NamedTuple):
    """What a p value at one look is adjusted by."""

    log_nominal: Numbers
    """Log of the one-sided p value at the look's boundary, ascending."""
    log_level: Numbers
    """Log of the overall level that has this boundary."""


def boundary(design: Design, n: int) -> float:
    """c_n, by which a t statistic at look `n` is judged. Raises ValueError where `n` is no look of the design."""
    return boundaries(design.looks, design.level, design.spending)[design.looks.index(n)]


@lru_cache(maxsize=256)
def boundaries(looks: tuple[int, ...], level: float, spending: Spending = "linear") -> tuple[float, ...]:
    """One boundary per look, for a one-sided test at `level` over all looks; t(1 - level, n - 1) where there is one."""
    if len(looks) == 1:
        return (t_quantile(1 - level, looks[0] - 1),)
    return _boundaries(_chain(looks), looks, level, spending)


def adjusted_p(nominal: float, design: Design, n: int) -> float:
    """The smallest overall level at which look `n` would cross with this one-sided p value: a repeated p value.

    It is at most a with probability a or less where the hypothesis holds, over all looks together. What would need a
    level over one half is 1.
    """
    import numpy as np

    return float(adjust_all(np.array([nominal]), design, n)[0])


def adjust_all(nominal: Numbers, design: Design, n: int) -> Numbers:
    """`adjusted_p` of many p values at the same look. Raises KeyError where `n` is no look."""
    import numpy as np

    if design.looks == (n,):
        return nominal
    table = _tables(design.looks, design.spending)[n]
    log_p = np.log(np.maximum(nominal, 1e-300))
    found = np.interp(log_p, table.log_nominal, table.log_level)
    below = np.minimum(log_p - table.log_nominal[0], 0.0)  # further down the two are proportional
    return np.where(log_p > table.log_nominal[-1], 1.0, np.exp(found + below))


@lru_cache(maxsize=16)
def _tables(looks: tuple[int, ...], spending: Spending) -> dict[int, Table]:
    import numpy as np
    from scipy.special import stdtr

    low, high, many = LEVELS
    levels = np.geomspace(low, high, many)
    chain = _chain(looks)
    rows = np.array([_boundaries(chain, looks, float(level), spending) for level in levels])
    tables = {}
    for k, n in enumerate(looks):
        log_nominal = np.maximum.accumulate(np.log(stdtr(n - 1, -rows[:, k])))
        tables[n] = Table(log_nominal=log_nominal, log_level=np.log(levels))
    return tables


@lru_cache(maxsize=16)
def _chain(looks: tuple[int, ...]) -> Chain:
    import numpy as np

    tail = math.pi / 2 - np.geomspace(FARTHEST, NEAREST, TAIL_CELLS + 1)
    edges = np.concatenate([np.linspace(-math.pi / 2, tail[0], CELLS + 1), tail[1:], [math.pi / 2]])
    first = np.diff(_t_cdf(edges, looks[0] - 1))
    middles = (edges[1:] + edges[:-1]) / 2
    steps = tuple(_step(middles, edges, n) for n in range(looks[0], looks[-1]))
    return Chain(edges, first, steps)


def _t_cdf(theta: Numbers, freedom: int) -> Numbers:
    """P(T <= sqrt(freedom) tan(theta)) of Student's t, for theta within -+ pi / 2; 0 below, 1 above."""
    import numpy as np
    from scipy.special import stdtr

    inside = np.clip(theta, -math.pi / 2 + 1e-15, math.pi / 2 - 1e-15)
    return np.asarray(stdtr(freedom, math.sqrt(freedom) * np.tan(inside)))


def _step(middles: Numbers, edges: Numbers, n: int) -> Numbers:
    """From cell to cell, from `n` seeds to one more.

    Given u = sqrt(n) sin(theta), write w = tan(phi); then u' = sqrt(1 + u^2) sin(phi + alpha) with tan(alpha) = u, so
    u' <= y where phi + alpha lies in [-pi - a, a] or at pi - a and above, with sin(a) = y / sqrt(1 + u^2).
    """
    import numpy as np

    u = math.sqrt(n) * np.sin(middles)[:, None]
    alpha = np.arctan(u)
    y = math.sqrt(n + 1) * np.sin(edges)[None, :]
    a = np.arcsin(np.clip(y / np.sqrt(1 + u**2), -1.0, 1.0))
    grid = np.linspace(-math.pi / 2, math.pi / 2, POINTS)
    cdf = _t_cdf(grid, n)
    at_most = np.interp(a - alpha, grid, cdf) + 1 - np.interp(math.pi - a - alpha, grid, cdf)
    at_most -= np.interp(-math.pi - a - alpha, grid, cdf)
    return np.diff(at_most, axis=1)


def _boundaries(chain: Chain, looks: tuple[int, ...], level: float, spending: Spending) -> tuple[float, ...]:
    import numpy as np

    spent, found, mass = 0.0, [], chain.first
    for n in range(looks[0], looks[-1] + 1):
        if n > looks[0]:
            mass = mass @ chain.steps[n - looks[0] - 1]
        if n not in looks:
            continue
        may = SPENDING[spending](n / looks[-1], level)
        theta, mass = _cut(chain.edges, mass, may - spent)
        spent = may
        found.append(math.sqrt(n - 1) * math.tan(theta))
    assert np.isfinite(found).all()
    return tuple(found)


def _cut(edges: Numbers, mass: Numbers, beyond: float) -> tuple[float, Numbers]:
    """Where `beyond` of the mass lies above, and the mass below it."""
    import numpy as np

    above = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])  # mass above each edge
    cell = int(np.searchsorted(-above, -beyond, side="right")) - 1  # the edge below the boundary
    cell = min(max(cell, 0), len(mass) - 2)
    distance = math.pi / 2 - edges[cell : cell + 2]
    inside = (math.log(beyond) - math.log(above[cell])) / (math.log(above[cell + 1]) - math.log(above[cell]))
    theta = math.pi / 2 - math.exp(math.log(distance[0]) + inside * math.log(distance[1] / distance[0]))
    kept = mass.copy()
    kept[cell + 1 :] = 0.0
    kept[cell] = above[cell] - beyond
    return theta, kept
