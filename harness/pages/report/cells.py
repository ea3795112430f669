"""The recipe x target heat map and the cells behind each of its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.pages.means import seed_mean
from harness.pages.report.record import CellShown, Pair
from harness.project.params import BASELINE
from harness.project.results import Cell, Result
from harness.verify.scores import ScoresTable, mean_gain, read_table


def pairs_of(grid: Sequence[Cell], results: Mapping[str, Result], table: ScoresTable | None) -> list[Pair]:
    """One for each recipe and target of `grid`, in its order.

    `results`: cell -> result, of those that are there; `table`: their scores, None where they are not sound: then
    nothing but the cells' statuses is shown.
    """
    scores = read_table(table) if table else None
    rows = {row.cell.id: table.points_by_language(row) for row in table.cells} if table else {}
    by_pair: dict[tuple[str, str], list[Cell]] = {}
    for cell in grid:
        by_pair.setdefault((cell.recipe, cell.target), []).append(cell)
    return [
        Pair(
            recipe=recipe,
            target=target,
            score=seed_mean(scores.by_pair.get((recipe, target), {})) if scores else None,
            gain=seed_mean(mean_gain(scores, recipe, [target])) if scores and recipe != BASELINE else None,
            cells=[_shown(cell, results.get(cell.id), rows) for cell in cells],
        )
        for (recipe, target), cells in by_pair.items()
    ]


def _shown(cell: Cell, result: Result | None, rows: Mapping[str, dict[str, float]]) -> CellShown:
    return CellShown(
        id=cell.id,
        seed=cell.seed,
        status=result.status if result else "missing",
        reasons=result.reasons if result else ["it has not run"],
        score=result.score if result and cell.id in rows else None,
        by_language=rows.get(cell.id, {}),
        predictions_sha256=result.predictions.sha256 if result and result.predictions else None,
        inputs=result.inputs if result else {},
    )
