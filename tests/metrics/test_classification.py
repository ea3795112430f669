"""Accuracy and binary F1: properties that hold for any labels, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import accuracy, binary_f1, pair_f1, span_f1
from harness.project.errors import HarnessError


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1))
def test_accuracy_counts_and_binary_f1_is_the_f1_of_the_ones(labels: list[tuple[int, int]]) -> None:
    gold, predicted = [g for g, _ in labels], [p for _, p in labels]
    assert accuracy(gold, predicted) + accuracy(gold, [1 - p for p in predicted]) == pytest.approx(100)
    assert accuracy(gold, gold) == 100
    positions = [{(i, "") for i, label in enumerate(side) if label == 1} for side in (predicted, gold)]
    assert binary_f1(gold, predicted) == pytest.approx(pair_f1(*positions), abs=1e-9)


def test_labels_of_any_kind_compare() -> None:
    assert accuracy(["entailment", "neutral", 1], ["entailment", "contradiction", 1]) == pytest.approx(200 / 3)


@pytest.mark.parametrize("metric", [accuracy, binary_f1, span_f1])
def test_lists_that_do_not_match_are_refused(metric: Any) -> None:
    with pytest.raises(HarnessError, match="found 1"):
        metric([0, 1], [1])
    with pytest.raises(HarnessError, match="found none"):
        metric([], [])
