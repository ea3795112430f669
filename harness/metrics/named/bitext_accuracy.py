"""Share of sentences whose nearest neighbour is their translation (Tatoeba)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.metrics.classification import accuracy
from harness.metrics.metric import Items, Metric, Row


def _compute(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    return {"accuracy": accuracy(list(range(len(rows))), list(predictions))}


def _items(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> Items:
    """`correct` of each sentence."""
    return {"correct": [int(place == row) for row, (place, _) in enumerate(zip(predictions, rows, strict=True))]}


def _total(items: Items) -> dict[str, float]:
    return {"accuracy": sum(items["correct"]) / len(items["correct"]) * 100}


METRIC = Metric(
    name="bitext_accuracy",
    compute=_compute,
    headline=("accuracy",),
    aggregate=("accuracy",),
    group="retrieval",
    items=_items,
    total=_total,
)
