"""Accuracy and the F1 of label 1 (QQP)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.metrics.binary import binary_f1
from harness.metrics.classification import accuracy
from harness.metrics.metric import Items, Metric, Row


def _compute(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    gold = [row["label"] for row in rows]
    return {"accuracy": accuracy(gold, list(predictions)), "f1": binary_f1(gold, list(predictions))}


def _items(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> Items:
    """`correct` of each row, and its share of F1's counts: was 1 predicted, is 1 gold, both?"""
    gold = [row["label"] for row in rows]
    both = list(zip(gold, predictions, strict=True))
    return {
        "correct": [int(g == p) for g, p in both],
        "f1_correct": [int(g == 1 and p == 1) for g, p in both],
        "f1_predicted": [int(p == 1) for p in predictions],
        "f1_gold": [int(g == 1) for g in gold],
    }


def _total(items: Items) -> dict[str, float]:
    correct, positives = sum(items["f1_correct"]), sum(items["f1_predicted"]) + sum(items["f1_gold"])
    return {
        "accuracy": sum(items["correct"]) / len(items["correct"]) * 100,
        "f1": 200 * correct / positives if correct else 0.0,
    }


METRIC = Metric(
    name="accuracy_f1",
    compute=_compute,
    headline=("accuracy", "f1"),
    aggregate=("accuracy",),
    group="classification",
    items=_items,
    total=_total,
    constant_answer=True,
)
