"""Level V2: does a run repeat the pinned results, within what other hardware may change?

A cell that is unavailable in either is not compared: there is nothing to repeat.

The tolerance comes from the spread of the PINNED results over seeds, never from the run under test: garbage
has a large spread and would pass its own tolerance.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from harness.project.records import Record
from harness.verify.scores import CellScore, ScoresTable
from harness.verify.statistics.intervals import pooled_spread, t_quantile

FALSE_ALARM = 0.05
"""Probability that any cell of a sound run lies outside its tolerance."""
ROUNDING_POINTS = 0.01
"""The tolerance where no spread was measured: sums in another order move a score in the last printed digits.
"""
FIXED_INPUTS = ("data", "params")
"""Inputs that are the same on any hardware; cells that differ in them are other experiments."""


class SameScores(Record):
    """What level V2 found."""

    compared: int
    """Cells that both have, made from the same data and params."""
    identical: int
    """Of these, cells whose predictions have the same hash."""
    largest_difference_points: float
    """Largest |score - pinned score|."""
    largest_in: str | None
    """The cell it is in."""
    tolerance_points: dict[str, float]
    """target -> tolerance of one cell."""
    outside: list[str]
    """Sentences on cells and targets beyond their tolerance; empty when the pinned results are repeated."""
    undecided: list[str]
    """The same where the cells start from another encoder than the pinned ones: an encoder that is pretrained in the
    pipeline is one draw, on other hardware another, and how far such draws differ was not measured."""
    not_comparable: list[str]
    """Pinned cells that were made from other data or params than here, or whose data is unavailable here: V2 can't
    decide on them."""
    not_pinned: list[str]
    """Cells of the run that the pinned results don't have, or have as unavailable; they decide nothing."""

    @property
    def ok(self) -> bool:
        """Everything compared is within its tolerance."""
        return not self.outside


def compare_scores(run: ScoresTable, pinned: ScoresTable) -> SameScores:
    """Compare a run with the pinned results cell by cell, and target by target on average."""
    reference = _ran(pinned)
    pairs = [(row, reference[name]) for name, row in _ran(run).items() if _comparable(row, reference.get(name))]
    differing = [(new, old) for new, old in pairs if new.predictions_sha256 != old.predictions_sha256]
    differences = {new.cell.id: abs(difference(new, old)) for new, old in pairs}
    same = [(new, old) for new, old in pairs if _same_encoder(new, old)]
    other = [(new, old) for new, old in pairs if not _same_encoder(new, old)]
    largest = max(differences, key=lambda name: differences[name], default=None)
    tolerances = {target: tolerance(pinned, target, len(pairs)) for target in pinned.groups}
    not_comparable = reference.keys() - {new.cell.id for new, _ in pairs}
    return SameScores(
        compared=len(pairs),
        identical=len(pairs) - len(differing),
        largest_difference_points=differences[largest] if largest else 0.0,
        largest_in=largest if largest and differences[largest] > 0 else None,
        tolerance_points=tolerances,
        outside=_beyond(same, tolerances) + _drifting(same, pinned),
        undecided=_beyond(other, tolerances) + _drifting(other, pinned),
        not_comparable=[row.cell.id for row in run.cells if row.cell.id in not_comparable],
        not_pinned=[name for name in _ran(run) if name not in reference],
    )


def _ran(table: ScoresTable) -> dict[str, CellScore]:
    """Cell id -> row of every cell whose data was there."""
    return {row.cell.id: row for row in table.cells if row.status != "unavailable"}


def difference(new: CellScore, old: CellScore) -> float:
    """Score minus pinned score, in points; infinite if only one of them has a score."""
    if new.score is None or old.score is None:
        return 0.0 if new.score is old.score else math.inf
    return new.score - old.score


def _comparable(new: CellScore, old: CellScore | None) -> bool:
    return old is not None and all(new.inputs.get(name) == old.inputs.get(name) for name in FIXED_INPUTS)


def _same_encoder(new: CellScore, old: CellScore) -> bool:
    return new.inputs.get("encoder") == old.inputs.get("encoder")


def _beyond(pairs: Sequence[tuple[CellScore, CellScore]], tolerances: Mapping[str, float]) -> list[str]:
    return [
        f"cell {new.cell.id}: {difference(new, old):+.2f} points, tolerance {tolerances[new.cell.target]:.2f}"
        for new, old in pairs
        if abs(difference(new, old)) > tolerances[new.cell.target]
    ]


def tolerance(pinned: ScoresTable, target: str, comparisons: int) -> float:
    """How far one cell of `target` may lie from its pinned score, in points.

    max(0.01, t(1 - alpha / (2 m), nu) s sqrt(2)): on other hardware sums come in another order, training
    leaves the pinned path, and in the worst case the score is a fresh draw with the spread s that scores have
    over seeds (pooled over recipes, nu degrees of freedom). Two draws differ with standard deviation s
    sqrt(2); alpha = 5 % is shared among the m cells compared (Bonferroni).
    """
    s, freedom = _spread(pinned, target)
    if not freedom or not s:
        return ROUNDING_POINTS
    quantile = t_quantile(1 - FALSE_ALARM / (2 * max(comparisons, 1)), freedom)
    return max(ROUNDING_POINTS, quantile * s * math.sqrt(2))


def _spread(pinned: ScoresTable, target: str) -> tuple[float, int]:
    by_recipe: dict[str, list[float]] = {}
    for row in pinned.cells:
        if row.cell.target == target and row.score is not None:
            by_recipe.setdefault(row.cell.recipe, []).append(row.score)
    return pooled_spread(list(by_recipe.values()))


def _drifting(pairs: Sequence[tuple[CellScore, CellScore]], pinned: ScoresTable) -> list[str]:
    """Targets whose cells moved together: a small shift of all of them passes cell by cell, not on average.

    |mean difference over the k cells of a target| may be max(0.01, t(1 - alpha / (2 T), nu) s sqrt(2 / k)), T
    targets.
    """
    found = []
    for target in pinned.groups:
        moved = [difference(new, old) for new, old in pairs if new.cell.target == target]
        moved = [value for value in moved if math.isfinite(value)]
        if not moved:
            continue
        limit = tolerance(pinned, target, len(pinned.groups)) / math.sqrt(len(moved))
        limit, mean = max(ROUNDING_POINTS, limit), statistics.fmean(moved)
        if abs(mean) > limit:
            found.append(f"target {target}: {mean:+.2f} points on average over {len(moved)} cells, limit {limit:.2f}")
    return found
