"""Planted effects: a test world's recipe moves its scores by so many points because its settings say so.

What was planted is known, so what the pipeline and the verifier find can be held against it. The predictions are
changed row by row, towards the gold rows or away from them, until the metric has moved: everything after that (scores,
tables, verdicts) is the ordinary way. The dev set is left as it is. Real data takes no planted effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.experiment.findings import Findings
from harness.metrics import scoring
from harness.metrics.metric import Row
from harness.model import determinism
from harness.project.params import Planted
from harness.project.results import Cell


def planted_points(effects: Sequence[Planted], cell: Cell, language: str) -> float:
    """Points by which the score of one language moves: the sum of the effects that hold there, each with its own spread
    (normal, drawn by seed, target and language)."""
    seed = determinism.derive(cell.seed, "planted", cell.recipe, cell.target, language)
    draws = np.random.Generator(np.random.PCG64(seed))
    return sum(
        effect.points + effect.sd_points * float(draws.standard_normal())
        for effect in effects
        if (effect.targets is None or cell.target in effect.targets)
        and (effect.languages is None or language in effect.languages)
    )


def plant_effects(effects: Sequence[dict[str, Any]], cell: Cell, metric: str, found: Findings) -> None:
    """Change the predictions until every language's score will have moved by what was planted in the recipe."""
    planted = [Planted(**effect) for effect in effects]
    for language, given in found.predictions.items() if planted else ():
        points = planted_points(planted, cell, language)
        seed = determinism.derive(cell.seed, "planted rows", cell.recipe, cell.target, language)
        found.predictions[language] = plant(metric, found.gold[language], given, language, points, seed)


def plant(
    metric: str, rows: Sequence[Row], predictions: Sequence[Any], language: str, points: float, seed: int
) -> list[Any]:
    """Predictions whose headline score lies `points` from that of those given, on average over seeds.

    `rows` and `predictions` as `scoring.score` takes them. Scores move in steps of a row, so of the two nearest numbers
    of changed rows one is drawn, each with the chance that makes the mean right. A score stays within 0 and 100.
    """
    draws = np.random.Generator(np.random.PCG64(seed))
    changed, most = _changes(metric, rows, list(predictions), points > 0, draws)

    def score(count: int) -> float:
        return scoring.headline(metric, scoring.score(metric, rows, changed(count), language))

    sign = 1.0 if points > 0 else -1.0
    wanted = score(0) + points
    low, high = 0, most
    while high - low > 1:  # the score moves one way as more rows are changed
        middle = (low + high) // 2
        if sign * (score(middle) - wanted) < 0:
            low = middle
        else:
            high = middle
    below, above = score(low), score(high)
    share = 0.0 if above == below else (wanted - below) / (above - below)
    return changed(high if draws.random() < share else low)


def _changes(
    metric: str, rows: Sequence[Row], predictions: list[Any], better: bool, draws: np.random.Generator
) -> tuple[Callable[[int], list[Any]], int]:
    """A function from a number of changes to the predictions with so many of them, and the largest such number."""
    if scoring.metric(metric).pairs:
        return _pair_changes(rows, predictions, better, draws)
    replaced = [
        (_right if better else _wrong)(index, row, rows, given)
        for index, (row, given) in enumerate(zip(rows, predictions, strict=True))
    ]
    order = [index for index in draws.permutation(len(rows)) if replaced[index] != predictions[index]]

    def changed(count: int) -> list[Any]:
        chosen = set(order[:count])
        return [replaced[index] if index in chosen else given for index, given in enumerate(predictions)]

    return changed, len(order)


def _pair_changes(
    rows: Sequence[Row], predictions: list[Any], better: bool, draws: np.random.Generator
) -> tuple[Callable[[int], list[Any]], int]:
    """Gold pairs that were not mined are added, or gold pairs that were mined are taken away."""
    gold = {(row["source_id"], row["target_id"]) for row in rows}
    mined = {(pair[0], pair[1]) for pair in predictions}
    if better:
        top = [max(pair[2] for pair in predictions)] if predictions and len(predictions[0]) == 3 else []
        lacking = [[*pair, *top] for pair in sorted(gold - mined)]
        order = [lacking[index] for index in draws.permutation(len(lacking))]
        return lambda count: order[:count] + predictions, len(order)
    found = sorted(gold & mined)
    gone = [found[index] for index in draws.permutation(len(found))]

    def without(count: int) -> list[Any]:
        chosen = set(gone[:count])
        return [pair for pair in predictions if (pair[0], pair[1]) not in chosen]

    return without, len(gone)


def _right(index: int, row: Row, rows: Sequence[Row], given: Any) -> Any:
    if "tags" in row:
        return row["tags"]
    if "answers" in row:
        return next(iter(row["answers"]["text"]), "")
    return row.get("label", index)


def _wrong(index: int, row: Row, rows: Sequence[Row], given: Any) -> Any:
    if "tags" in row:
        names = sorted({tag for other in rows for tag in other["tags"]})
        return [names[(names.index(tag) + 1) % len(names)] for tag in row["tags"]]
    if "answers" in row:
        return "" if row["answers"]["text"] else "unanswerable"
    if "label" in row:
        names = sorted({other["label"] for other in rows})
        return names[(names.index(row["label"]) + 1) % len(names)]
    return (index + 1) % len(rows)
