"""How uncertain a gain is because the test set is a sample of rows: the paired row variance. Pure.

Seeds share their test rows, so what another sample of rows would change does not shrink with seeds. Recipe and baseline
answer the same rows, so it is the variance of the rows' differences that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from harness.metrics.metric import Items
from harness.project.errors import HarnessError
from harness.verify.statistics.resampling import Array

Key = tuple[str, str, str]
"""(recipe, target, language)."""


class RowNoise(NamedTuple):
    """The row variance of the mean gain of one (recipe, target, language)."""

    variance: float
    """In points squared."""
    rows: int
    """Items that it was estimated from."""


def influences(items: Items) -> Array:
    """What each item adds to the score in points, to first order; they sum to 0.

    A mean over items (QA: of EM and F1): 100 (x_i - mean) / N. A ratio of sums sum a / sum b, as accuracy per token and
    F1 = 2 correct / (predicted + gold) are: 100 (a_i - ratio b_i) / sum b (the delta method; Cochran 1977, 6.4).
    Raises HarnessError for counts of another kind.
    """
    counts = {name: np.asarray(values, dtype=float) for name, values in items.items() if name != "id"}
    if {"f1", "em"} <= set(counts):
        above, below = (counts["f1"] + counts["em"]) / 2, np.ones(len(counts["f1"]))
    elif {"correct", "predicted", "gold"} <= set(counts):
        above, below = 2 * counts["correct"], counts["predicted"] + counts["gold"]
    elif "correct" in counts:
        above = counts["correct"]
        below = counts.get("of", np.ones(len(above)))
    else:
        raise HarnessError(f"expected counts of items that a score follows from, found {', '.join(counts) or 'none'}")
    total = float(below.sum())
    found: Array = 100 * (above - above.sum() / total * below) / total if total else np.zeros(len(above))
    return found


def row_noise(pairs: Sequence[tuple[Items, Items]]) -> RowNoise | None:
    """Of one language, from the items of (recipe, baseline) at every seed; None below two items, or without a seed.

    u_i = mean over seeds of the difference of influences; variance = N / (N - 1) sum u_i^2. For accuracy that is the
    variance of the items' differences, averaged over seeds, divided by the number of rows. Items are matched by id
    where they have one (mined pairs: a source sentence that only some cells list has no influence in the others), else
    by place. Raises HarnessError where the two don't answer the same rows.
    """
    differences: dict[object, float] = {}
    for recipe, baseline in pairs:
        for items, sign in ((recipe, 1.0), (baseline, -1.0)):
            found = influences(items)
            for name, value in zip(items.get("id", range(len(found))), found, strict=True):
                differences[name] = differences.get(name, 0.0) + sign * float(value) / len(pairs)
        if "id" not in recipe and len(differences) != len(next(iter(baseline.values()), [])):
            raise HarnessError(
                "expected items of the same rows in a recipe's cell and its baseline's, found other numbers of them",
                fix="run `harness verify`",
            )
    n = len(differences)
    if n < 2:
        return None
    return RowNoise(n / (n - 1) * sum(value**2 for value in differences.values()), n)


def share_of_rows(seeds: float, rows: float) -> float:
    """Which share of a variance the rows make up; 0 where there is none."""
    return rows / (seeds + rows) if seeds + rows > 0 else 0.0


Noise = Mapping[Key, RowNoise]
"""The row noise of every gain whose cells keep their items."""
