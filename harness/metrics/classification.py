"""Accuracy and binary F1 over aligned lists of labels.

XTREME scores PAWS-X, XNLI and Tatoeba by accuracy (evaluate.py `accuracy`); QQP's metric is the mean of
accuracy and F1.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.project.errors import HarnessError


def check_aligned(gold: Sequence[object], predicted: Sequence[object], what: str) -> None:
    """Raise HarnessError unless both hold the same number of items, and at least one."""
    if len(gold) != len(predicted):
        raise HarnessError(f"expected one prediction for each of {len(gold)} gold {what}, found {len(predicted)}")
    if not gold:
        raise HarnessError(f"expected at least one gold {what} to score, found none")


def accuracy(gold: Sequence[object], predicted: Sequence[object]) -> float:
    """Share of positions where prediction and gold are equal, in points.

    Labels are compared with `==`. Raises HarnessError on unequal lengths or on no labels (upstream: an
    assertion and a division by zero).
    """
    check_aligned(gold, predicted, "labels")
    correct = sum(g == p for g, p in zip(gold, predicted, strict=True))
    return correct / len(gold) * 100


def binary_f1(gold: Sequence[int], predicted: Sequence[int]) -> float:
    """F1 of label 1 against every other label, in points; 0 when no 1 is predicted correctly.

    GLUE's rule for QQP (F1 of the positive class). Raises HarnessError on unequal lengths or on no labels.
    """
    check_aligned(gold, predicted, "labels")
    correct = sum(g == 1 and p == 1 for g, p in zip(gold, predicted, strict=True))
    positives = sum(g == 1 for g in gold) + sum(p == 1 for p in predicted)
    return 200 * correct / positives if correct else 0.0
