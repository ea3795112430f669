"""SQuAD v1.1's exact match and token F1 (XQuAD, TyDiQA, SQuAD v1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.metrics.answers import ANSWERS, answer_items, answer_total, by_question, token_f1
from harness.metrics.answers_squad import normalise_squad, squad
from harness.metrics.metric import Items, Metric, Row


def _compute(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    found = squad(*by_question(rows, predictions))
    return {"f1": found.f1, "em": found.em}


def _items(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> Items:
    """Of each question `f1`, from 0 to 1, and `em`, 0 or 1."""
    return answer_items(*by_question(rows, predictions), normalise_squad, token_f1)


METRIC = Metric(
    name="squad",
    compute=_compute,
    headline=ANSWERS,
    aggregate=ANSWERS,
    group="qa",
    items=_items,
    total=answer_total,
)
