"""Accuracy over aligned lists of labels: XTREME scores PAWS-X, XNLI and Tatoeba by it (evaluate.py `accuracy`)."""

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
