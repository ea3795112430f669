"""The rule of level V2: a cell that ran again is another draw of its pair. Is it one like the pinned draws? Pure.

On other hardware sums come in another order, training leaves the pinned path, and in the worst case everything is
drawn anew. So a cell is held to what its pair's pinned seeds do among themselves: how far their scores lie apart, and
how many items come out otherwise. Three kinds of comparison share one chance of a false alarm (Bonferroni):
every cell's score, every cell's items, every target's changes together. Spreads are those of the PINNED seeds, never of
the run under test: garbage has a large spread and would pass its own tolerance. Three seeds estimate a spread badly, so
each is moderated by those of the same recipe and the same target (Smyth 2004). Seeds that all give the same have no
spread, and none is borrowed for them: a small change stays open, half the way to a constant answer is a finding. Both
sides answer the same rows, so another sample of rows is no part of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from harness.verify.statistics.intervals import t_quantile
from harness.verify.statistics.resampling import moderate_variances

FALSE_ALARM = 0.05
"""Chance that anything at all is found in a sound run."""
ROUNDING_POINTS = 0.01
"""Scores that differ by no more are the same: sums in another order move the last printed digits."""
LEARNT_POINTS = 1.0
"""A score no farther above the constant answer learnt nothing that could be lost."""
Pair = tuple[str, str]
"""(recipe, target)."""


class Shares(NamedTuple):
    """How FALSE_ALARM is split; a kind that has nothing to compare leaves its share to the others."""

    cells: float
    """Every cell's score against its tolerance."""
    items: float
    """Every cell's items against those of its pinned seed."""
    targets: float
    """Every target's changes together."""


SHARES = Shares(cells=0.4, items=0.4, targets=0.2)
"""Chosen on a prototype, not searched since; harness.audit.repeat.simulation measures what they find."""


class Spread(NamedTuple):
    """How far draws of a pair lie apart."""

    sd: float
    """Moderated standard deviation."""
    freedom: float
    """Its degrees of freedom."""


class Again(NamedTuple):
    """A cell that ran again beside the pinned one of its seed."""

    name: str
    """The cell."""
    pair: Pair
    """Its recipe and target."""
    score: float
    """Points; NaN where it came out without a score."""
    pinned: float
    """The same of the pinned cell."""
    apart: float | None = None
    """Share of items that came out otherwise than in the pinned cell; None where either side keeps none."""


@dataclass(frozen=True)
class Draws:
    """What the pinned seeds do among themselves."""

    scores: Mapping[Pair, Sequence[float]]
    """Pair -> score of every pinned seed, in points."""
    apart: Mapping[Pair, Sequence[float]] = field(default_factory=dict)
    """Pair -> for every two pinned seeds the share of items that came out otherwise; only pairs that keep items."""
    constant: Mapping[str, float] = field(default_factory=dict)
    """Target -> score of an answer that is the same for every row, in points; 0 where it isn't named."""


class Limits(NamedTuple):
    """How a cell may come out."""

    tolerance: float | None
    """How far its score may lie from the pinned one, in points; None: the pair's seeds show no spread."""
    halfway: float
    """Half the way from the pinned score to the constant answer, in points."""
    most_apart: float | None = None
    """The largest share of items that may come out otherwise; None where that isn't compared."""
    steady: bool = False
    """The pair has several pinned seeds, and they all give the same."""


class CellFound(NamedTuple):
    """What was found of one cell."""

    again: Again
    """The cell."""
    limits: Limits
    """What it is held to."""

    @property
    def change(self) -> float:
        """Score less pinned score; infinite where only one of them is there."""
        here, there = math.isnan(self.again.score), math.isnan(self.again.pinned)
        if here or there:
            return 0.0 if here and there else math.inf
        return self.again.score - self.again.pinned

    @property
    def beyond(self) -> bool:
        """The score lies beyond its tolerance, which only a pair with a spread has; or it is lacking on one side."""
        tolerance = self.limits.tolerance
        return math.isinf(self.change) or (tolerance is not None and abs(self.change) > tolerance)

    @property
    def other_items(self) -> bool:
        """More items came out otherwise than seeds of the pair let expect."""
        most, apart = self.limits.most_apart, self.again.apart
        return most is not None and apart is not None and apart > most

    @property
    def unheld(self) -> bool:
        """The score is another, and there is no spread to hold that to; nor did it sink."""
        return self.limits.tolerance is None and ROUNDING_POINTS < abs(self.change) < math.inf and not self.sank

    @property
    def fell(self) -> bool:
        """Within a wide tolerance the score fell half the way to the constant answer, or farther.

        A tolerance must not let a cell at chance pass; where it would, it can't decide.
        """
        return self.limits.tolerance is not None and not self.beyond and self._halfway_down

    @property
    def sank(self) -> bool:
        """The score fell as far where several pinned seeds all give the same, well above the constant answer.

        Without spread a small change says nothing, but sums in another order don't undo what all seeds learnt.
        """
        learnt = 2 * (self.again.pinned - self.limits.halfway) > LEARNT_POINTS
        return self.limits.tolerance is None and self.limits.steady and learnt and self._halfway_down

    @property
    def _halfway_down(self) -> bool:
        moved = ROUNDING_POINTS < abs(self.change) < math.inf
        return moved and self.again.pinned > self.limits.halfway >= self.again.score


class TargetFound(NamedTuple):
    """What was found of the cells of one target together."""

    target: str
    """The target."""
    cells: int
    """How many of its cells moved."""
    mean: float
    """Their mean change in points."""
    p_value: float
    """Of "the changes are symmetric about zero", as those of sound redraws are."""


class Redraw(NamedTuple):
    """Everything that was compared."""

    cells: list[CellFound]
    """Cell by cell."""
    targets: list[TargetFound]
    """Target by target: those with cells enough to find anything."""
    level: float
    """The largest p value of a target that is a finding."""

    @property
    def drifting(self) -> list[TargetFound]:
        """Targets whose cells moved one way together."""
        return [one for one in self.targets if one.p_value <= self.level]

    @property
    def alarm(self) -> bool:
        """Is anything found that a sound run gives with a chance of FALSE_ALARM only?"""
        return bool(self.drifting) or any(cell.beyond or cell.sank or cell.other_items for cell in self.cells)

    @property
    def left_open(self) -> bool:
        """Is there a cell that nothing here can decide on?"""
        return any(cell.unheld or cell.fell for cell in self.cells)


def compare_redraw(cells: Sequence[Again], draws: Draws, shares: Shares = SHARES) -> Redraw:
    """Every cell against its pair's pinned seeds, and every target's changes against zero.

    cell:   |y - x| <= t(1 - a_c / 2m, f) sqrt(2) s, s and f of the pair's pinned scores x, m cells.
    items:  z(y, x) - mean z(x_i, x_j) <= t(1 - a_i / m, f) sqrt(2) s, z = asin sqrt of the share of items that came out
            otherwise, s and f those of z between the pair's pinned seeds. If z_ij = mu + a_i + a_j + e_ij, the left
            side has variance 2 var(a) + (1 + 2 / (S (S - 1))) var(e), and 2 s^2 estimates at least that.
    target: signed ranks of y - x at level a_t / T; T targets have cells enough for a p value so small.
    Sound means: y is a draw from where the pair's pinned seeds come from, independent of them.
    """
    spreads, by_items = pair_spreads(draws.scores), item_spreads(draws)
    held = [one for one in cells if one.pair in spreads]
    itemised = [one for one in held if one.apart is not None and one.pair in by_items]
    counts = {
        target: sum(one.pair[1] == target for one in held) for target in dict.fromkeys(one.pair[1] for one in held)
    }
    compared = Shares(len(held), len(itemised), len(counts))
    tested = _tested(counts, _alphas(shares, compared).targets)
    alpha = _alphas(shares, compared._replace(targets=len(tested)))
    reach = _Reach(draws, spreads, by_items, alpha)
    found = [CellFound(one, reach.limits(one)) for one in cells]
    moved = {
        target: [c.change for c in found if c.again.pair[1] == target and c.again.pair in spreads] for target in tested
    }
    return Redraw(found, [_target(target, changes) for target, changes in moved.items()], alpha.targets)


class _Reach:
    """How far cells may lie from their pinned ones, by pair."""

    def __init__(
        self, draws: Draws, spreads: Mapping[Pair, Spread], by_items: Mapping[Pair, Spread], alpha: Shares
    ) -> None:
        self.constant = draws.constant
        self.seeds = {pair: len(values) for pair, values in draws.scores.items()}
        self.points = {pair: max(ROUNDING_POINTS, _reach(alpha.cells / 2, spread)) for pair, spread in spreads.items()}
        self.apart = {}
        for pair, spread in by_items.items():
            if pair in spreads:
                roots = _roots(draws.apart[pair])
                self.apart[pair] = (
                    math.sin(min(sum(roots) / len(roots) + _reach(alpha.items, spread), math.pi / 2)) ** 2
                )

    def limits(self, one: Again) -> Limits:
        """Those of one cell."""
        halfway = (one.pinned + self.constant.get(one.pair[1], 0.0)) / 2
        most = None if one.apart is None else self.apart.get(one.pair)
        steady = one.pair not in self.points and self.seeds.get(one.pair, 0) > 1
        return Limits(self.points.get(one.pair), halfway, most, steady)


def score_limits(cells: Mapping[str, tuple[Pair, float]], draws: Draws) -> dict[str, Limits]:
    """How the scores of these cells (name -> pair, pinned score) may come out, where only scores are compared."""
    spreads = pair_spreads(draws.scores)
    alpha = _alphas(Shares(1.0, 0.0, 0.0), Shares(sum(pair in spreads for pair, _ in cells.values()), 0, 0))
    reach = _Reach(draws, spreads, {}, alpha)
    return {name: reach.limits(Again(name, pair, pinned, pinned)) for name, (pair, pinned) in cells.items()}


def pair_spreads(scores: Mapping[Pair, Sequence[float]]) -> dict[Pair, Spread]:
    """Pair -> spread of its pinned scores in points; pairs of one seed, or whose seeds all give the same, have none."""
    return _moderated(scores, {pair: len(values) - 1.0 for pair, values in scores.items()})


def item_spreads(draws: Draws) -> dict[Pair, Spread]:
    """Pair -> spread of z = asin sqrt of the share of items that two pinned seeds have otherwise, likewise.

    Two by two S seeds give S (S - 1) / 2 shares, but no more degrees of freedom than S - 1.
    """
    roots = {pair: _roots(shares) for pair, shares in draws.apart.items()}
    return _moderated(roots, {pair: len(draws.scores.get(pair, ())) - 1.0 for pair in roots})


def _moderated(samples: Mapping[Pair, Sequence[float]], freedom: Mapping[Pair, float]) -> dict[Pair, Spread]:
    pairs = [pair for pair, values in samples.items() if len(values) > 1 and np.ptp(values) > 1e-9]
    if not pairs:
        return {}
    variances = np.array([np.var(samples[pair], ddof=1) for pair in pairs])
    found = moderate_variances(variances, np.array([freedom[pair] for pair in pairs]), pairs)
    return {
        pair: Spread(math.sqrt(variance), float(degrees))
        for pair, variance, degrees in zip(pairs, found.variance, found.freedom, strict=True)
    }


def _roots(shares: Sequence[float]) -> list[float]:
    """asin sqrt: the scale on which the noise of a share hangs little on the share itself."""
    return [math.asin(math.sqrt(share)) for share in shares]


def _reach(alpha: float, spread: Spread) -> float:
    return t_quantile(1 - alpha, spread.freedom) * math.sqrt(2) * spread.sd


def _tested(counts: Mapping[str, int], level: float) -> list[str]:
    """The targets whose k cells can give a p value as small as `level`: 2 / 2^k if all moved one way."""
    return [target for target, k in counts.items() if 2.0 ** (1 - k) <= level]


def _alphas(shares: Shares, counts: Shares) -> Shares:
    """The chance of a false alarm that each single comparison may spend."""
    spent = sum(share for share, count in zip(shares, counts, strict=True) if count)
    each = [FALSE_ALARM * share / spent / count if count else 0.0 for share, count in zip(shares, counts, strict=True)]
    return Shares(*each)


def _target(target: str, changes: Sequence[float]) -> TargetFound:
    moved = [change for change in changes if math.isfinite(change) and change != 0]
    return TargetFound(target, len(moved), float(np.mean(moved)) if moved else 0.0, signed_rank_p(moved))


def signed_rank_p(changes: Sequence[float]) -> float:
    """Two-sided p of "the changes are symmetric about zero", exact for independent changes whatever their spreads.

    Wilcoxon's signed ranks (1945, Biometrics Bulletin 1), but no rank counts for more than the middle one: where pairs
    differ in spread, the largest changes say least. p = P(the smaller of both sums of ranks is as small), over all
    signs; changes of zero don't count.
    """
    from scipy.stats import rankdata

    moved = np.array([change for change in changes if abs(change) > 1e-9])
    if not len(moved):
        return 1.0
    ranks = np.rint(2 * rankdata(np.abs(moved).round(9))).astype(int)
    ranks = np.minimum(ranks, len(moved) + 1)
    chance = np.zeros(int(ranks.sum()) + 1)
    chance[0] = 1.0
    for rank in ranks:  # chance[n]: that the ranks of the cells so far with a plus sum to n
        chance[rank:] = (chance[rank:] + chance[:-rank]) / 2
        chance[:rank] /= 2
    smaller = int(min(ranks[moved > 0].sum(), ranks[moved < 0].sum()))
    return min(1.0, 2 * float(chance[: smaller + 1].sum()))
