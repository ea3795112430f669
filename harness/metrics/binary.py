"""Binary F1 over aligned lists of labels: the mean of accuracy and this F1 is QQP's metric."""

from __future__ import annotations

from collections.abc import Sequence

from harness.metrics.classification import check_aligned


def binary_f1(gold: Sequence[int], predicted: Sequence[int]) -> float:
    """F1 of label 1 against every other label, in points; 0 when no 1 is predicted correctly.

    GLUE's rule for QQP (F1 of the positive class). Raises HarnessError on unequal lengths or on no labels.
    """
    check_aligned(gold, predicted, "labels")
    correct = sum(g == 1 and p == 1 for g, p in zip(gold, predicted, strict=True))
    positives = sum(g == 1 for g in gold) + sum(p == 1 for p in predicted)
    return 200 * correct / positives if correct else 0.0
