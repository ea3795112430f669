"""Accuracy over labels, or over the tags of all tokens (XNLI, PAWS-X, multiple choice)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.metrics.classification import accuracy
from harness.metrics.metric import Items, Metric, Row


def _compute(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    if rows and "tags" in rows[0]:
        gold = [tag for row in rows for tag in row["tags"]]
        return {"accuracy": accuracy(gold, [tag for tags in predictions for tag in tags])}
    return {"accuracy": accuracy([row["label"] for row in rows], list(predictions))}


def _items(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> Items:
    """`correct` of each row, and for tags `of` how many tokens."""
    both = list(zip(rows, predictions, strict=True))
    if rows and "tags" in rows[0]:
        right = [sum(a == b for a, b in zip(row["tags"], tags, strict=True)) for row, tags in both]
        return {"correct": right, "of": [len(row["tags"]) for row in rows]}
    return {"correct": [int(row["label"] == label) for row, label in both]}


def _total(items: Items) -> dict[str, float]:
    return {"accuracy": sum(items["correct"]) / sum(items.get("of", [1] * len(items["correct"]))) * 100}


METRIC = Metric(
    name="accuracy",
    compute=_compute,
    headline=("accuracy",),
    aggregate=("accuracy",),
    group="classification",
    items=_items,
    total=_total,
    constant_answer=True,
)
