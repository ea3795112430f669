"""Level V2: does a run repeat the pinned results, within what other hardware may change?

A cell that is unavailable in either is not compared: there is nothing to repeat. A cell whose record equals the pinned
one, times and memory aside, was not run again as far as anybody can see and isn't counted, as in level V1.
harness.audit.repeat.redraw has the rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from pydantic import Field

from harness.audit.repeat.items import Outcomes, share_apart
from harness.audit.repeat.redraw import Again, CellFound, Draws, Pair, Redraw, TargetFound, compare_redraw
from harness.metrics.scoring import metric
from harness.project.records import Record
from harness.project.tasks import load_task
from harness.verify.scores import CellScore, ScoresTable

FIXED_INPUTS = ("data", "params")
"""Inputs that are the same on any hardware; cells that differ in them are other experiments."""
ItemsOf = Callable[[str], Outcomes | None]
"""Cell id -> what it keeps of its items; None where it keeps nothing."""
Row = tuple[CellScore, CellScore]
"""A cell of the run and the pinned one."""


class SameScores(Record):
    """What level V2 found."""

    compared: int
    """Cells that both have, made from the same data and params, and run again."""
    copies: int = 0
    """Cells beside these that are the pinned ones themselves: nothing was run again."""
    identical: int
    """Of those compared, cells whose predictions have the same hash."""
    by_items: int = 0
    """Of those compared, cells whose items were compared too."""
    largest_difference_points: float
    """Largest |score - pinned score|."""
    largest_in: str | None
    """The cell it is in."""
    tolerance_points: dict[str, float | None]
    """Cell that was compared -> how far its score may lie from the pinned one; null: its pinned seeds show no spread,
    so it is the same or not comparable."""
    outside: list[str]
    """Sentences on cells and targets beyond what seeds do among themselves; empty when the pins are repeated."""
    undecided: list[str]
    """The same where the cells start from another encoder than the pinned ones: an encoder that is pretrained in the
    pipeline is one draw, on other hardware another, and how far such draws differ was not measured."""
    left_open: list[str] = Field(default_factory=list)
    """Sentences on cells that the pinned seeds can't decide on: no spread to hold a difference to, or one so wide that
    it reaches half the way to an answer that is the same for every row."""
    not_comparable: list[str]
    """Pinned cells that were made from other data or params than here, or whose data is unavailable here: V2 can't
    decide on them."""
    not_pinned: list[str]
    """Cells of the run that the pinned results don't have, or have as unavailable; they decide nothing."""

    @property
    def ok(self) -> bool:
        """Everything compared is within its tolerance."""
        return not self.outside

    @property
    def is_open(self) -> bool:
        """There are cells that V2 can't decide on."""
        return bool(self.not_comparable or self.undecided or self.left_open)


def no_items(cell: str) -> Outcomes | None:
    """Of a run that keeps nothing."""
    return None


def compare_scores(
    run: ScoresTable,
    pinned: ScoresTable,
    copies: Collection[str] = (),
    items: ItemsOf = no_items,
    pinned_items: ItemsOf = no_items,
    constant: Mapping[str, float] | None = None,
) -> SameScores:
    """Compare a run with the pinned results: every cell's score and items, and every target's changes together.

    `copies`: cells that are the pinned ones; `items`, `pinned_items`: what cells keep of their items; `constant`:
    target -> score of an answer that is the same for every row. Raises HarnessError for items that can't be read.
    """
    reference = _ran(pinned)
    rows = [(row, reference[name]) for name, row in _ran(run).items() if _comparable(row, reference.get(name))]
    pairs = [(new, old) for new, old in rows if new.cell.id not in copies]
    both = _Items(pinned, items, pinned_items)
    halves = [[row for row in pairs if _same_encoder(*row) is same] for same in (True, False)]
    same, other = (compare_redraw([both.again(*row) for row in half], both.draws(half, constant)) for half in halves)
    found = [*same.cells, *other.cells]
    largest = max(found, key=lambda cell: abs(cell.change), default=None)
    not_comparable = reference.keys() - {new.cell.id for new, _ in rows}
    return SameScores(
        compared=len(pairs),
        copies=len(rows) - len(pairs),
        identical=sum(new.predictions_sha256 == old.predictions_sha256 for new, old in pairs),
        by_items=sum(cell.limits.most_apart is not None for cell in found),
        largest_difference_points=abs(largest.change) if largest else 0.0,
        largest_in=largest.again.name if largest and largest.change else None,
        tolerance_points={cell.again.name: cell.limits.tolerance for cell in found},
        outside=_findings(same),
        undecided=[*_findings(other), *_left_open(other.cells)],
        left_open=_left_open(same.cells),
        not_comparable=[row.cell.id for row in run.cells if row.cell.id in not_comparable],
        not_pinned=[name for name in _ran(run) if name not in reference],
    )


class _Items:
    """The items of both sides: each file is read once, and only where predictions differ."""

    def __init__(self, pinned: ScoresTable, items: ItemsOf, pinned_items: ItemsOf) -> None:
        self.pinned, self.items, self.pinned_items = pinned, items, pinned_items

    def again(self, new: CellScore, old: CellScore) -> Again:
        """A cell beside the pinned one; of the same predictions every item came out the same."""
        apart: float | None = 0.0
        if new.predictions_sha256 != old.predictions_sha256:
            one, two = self.items(new.cell.id), self.pinned_items(old.cell.id)
            apart = share_apart(one, two) if one and two else None
        elif new.predictions_sha256 is None:
            apart = None
        score, pinned = (math.nan if row.score is None else row.score for row in (new, old))
        return Again(new.cell.id, (new.cell.recipe, new.cell.target), score, pinned, apart)

    def draws(self, rows: Sequence[Row], constant: Mapping[str, float] | None) -> Draws:
        """What the pinned seeds do among themselves: all scores, and the items if any cell has other predictions."""
        seeds: dict[Pair, list[str]] = {}
        for row in self.pinned.cells:
            if row.score is not None:
                seeds.setdefault((row.cell.recipe, row.cell.target), []).append(row.cell.id)
        scores = pinned_scores(self.pinned)
        changed = any(new.predictions_sha256 != old.predictions_sha256 for new, old in rows)
        apart = {pair: self._apart(cells) for pair, cells in seeds.items()} if changed else {}
        return Draws(scores, {pair: shares for pair, shares in apart.items() if shares}, constant or {})

    def _apart(self, cells: Sequence[str]) -> list[float]:
        kept = [self.pinned_items(name) for name in cells]
        if len(kept) < 2 or not all(kept):
            return []
        shares = [share_apart(one, two) for one, two in combinations(kept, 2) if one and two]
        return [share for share in shares if share is not None] if None not in shares else []


def pinned_scores(pinned: ScoresTable) -> dict[Pair, list[float]]:
    """Pair -> score of every pinned seed that has one, in points."""
    found: dict[Pair, list[float]] = {}
    for row in pinned.cells:
        if row.score is not None:
            found.setdefault((row.cell.recipe, row.cell.target), []).append(row.score)
    return found


def constant_answers(targets: Iterable[str], tasks: Path) -> dict[str, float]:
    """Target -> points of an answer that is the same for every row, by its task file in `tasks`.

    100 / labels where the metric takes such an answer for a level to beat (accuracy over labels), 0 elsewhere: tags,
    spans and sentences found give next to nothing that way.
    """
    found = {}
    for target in targets:
        task = load_task(target, tasks) if (tasks / f"{target}.yaml").is_file() else None
        chance = task is not None and task.labels and metric(task.metric).constant_answer
        found[target] = 100 / len(task.labels) if task and task.labels and chance else 0.0
    return found


def _ran(table: ScoresTable) -> dict[str, CellScore]:
    """Cell id -> row of every cell whose data was there."""
    return {row.cell.id: row for row in table.cells if row.status != "unavailable"}


def _comparable(new: CellScore, old: CellScore | None) -> bool:
    return old is not None and all(new.inputs.get(name) == old.inputs.get(name) for name in FIXED_INPUTS)


def _same_encoder(new: CellScore, old: CellScore) -> bool:
    return new.inputs.get("encoder") == old.inputs.get("encoder")


def _findings(found: Redraw) -> list[str]:
    cells = [_cell_words(cell) for cell in found.cells if cell.beyond or cell.sank or cell.other_items]
    return cells + [_target_words(one, found.level) for one in found.drifting]


def _cell_words(cell: CellFound) -> str:
    parts, limits = [], cell.limits
    if cell.beyond:
        held = "no score on one side" if limits.tolerance is None else f"tolerance {limits.tolerance:.2f}"
        parts.append(f"{cell.change:+z.2f} points, {held}")
    if cell.sank:
        constant = 2 * limits.halfway - cell.again.pinned
        parts.append(
            f"{cell.change:+z.2f} points, half the way or more to the {constant:.1f} of a constant answer, where all"
            " pinned seeds give the same"
        )
    if cell.other_items:
        parts.append(
            f"{cell.again.apart:.0%} of its items came out otherwise, where by the pair's pinned seeds"
            f" {limits.most_apart:.0%} may"
        )
    return f"cell {cell.again.name}: {'; '.join(parts)}"


def _target_words(one: TargetFound, level: float) -> str:
    moved = f"{one.mean:+z.2f} points on average over {one.cells} cells"
    return f"target {one.target}: {moved} that moved one way together (p = {one.p_value:.1g}, finding at {level:.1g})"


def _left_open(cells: Sequence[CellFound]) -> list[str]:
    return [words for cell in cells if (words := open_words(cell))]


def open_words(cell: CellFound) -> str:
    """Why the pinned seeds can't decide on this cell; empty where they can."""
    if cell.unheld:
        return f"cell {cell.again.name}: {cell.change:+z.2f} points; its pinned seeds show no spread to hold that to"
    if cell.fell and not cell.other_items and cell.limits.tolerance is not None:
        constant = 2 * cell.limits.halfway - cell.again.pinned
        return (
            f"cell {cell.again.name}: {cell.change:+z.2f} points, half the way or more to the {constant:.1f} of a"
            f" constant answer, which its tolerance of {cell.limits.tolerance:.2f} can't tell it from"
        )
    return ""
