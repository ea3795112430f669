"""XTREME's averages by hand, within bounds, and refused where a number is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.xtreme import macro_average, task_score
from harness.project.errors import HarnessError


def test_task_score_by_hand() -> None:
    assert task_score("classification", {"en": {"accuracy": 80.0}, "sw": {"accuracy": 60.0}}) == 70.0
    assert task_score("tagging", {"en": {"f1": 90.0}, "sw": {"f1": 30.0}, "yo": {"f1": 0.0}}) == 40.0
    # (mean EM + mean F1) / 2 = ((50 + 30) / 2 + (70 + 40) / 2) / 2
    assert task_score("qa", {"en": {"em": 50.0, "f1": 70.0}, "sw": {"em": 30.0, "f1": 40.0}}) == 47.5
    assert task_score("retrieval", {"de": {"f1": 20.0}, "fr": {"f1": 40.0}}) == 30.0
    assert task_score("retrieval", {"de": {"accuracy": 20.0}}) == 20.0


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0, 100), min_size=1, max_size=40))
def test_task_score_lies_between_the_worst_and_the_best_language(accuracies: dict[str, float]) -> None:
    score = task_score("classification", {name: {"accuracy": value} for name, value in accuracies.items()})
    assert min(accuracies.values()) - 1e-9 <= score <= max(accuracies.values()) + 1e-9


@pytest.mark.parametrize(
    ("group", "scores", "word"),
    [
        ("clasification", {"en": {"accuracy": 1.0}}, "classification"),
        ("qa", {"en": {"em": 1.0, "f1": 1.0}, "sw": {"em": 1.0}}, "sw"),
        ("tagging", {}, "language"),
        ("tagging", {"en": {"accuracy": 1.0}}, "expected f1 in every language, found accuracy in en"),
        ("retrieval", {"de": {"accuracy": 1.0}, "fr": {"f1": 1.0}}, "accuracy or f1 in every language"),
    ],
)
def test_task_score_refuses(group: str, scores: dict[str, dict[str, float]], word: str) -> None:
    with pytest.raises(HarnessError, match=word):
        task_score(group, scores)


def test_every_task_counts_alike() -> None:
    assert macro_average([10.0, 20.0, 60.0]) == 30.0
