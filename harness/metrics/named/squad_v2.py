"""SQuAD v2.0's exact match and token F1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.metrics.answers import ANSWERS, answer_items, answer_total, by_question
from harness.metrics.answers_squad import normalise_squad
from harness.metrics.answers_squad_v2 import real_answers, squad_v2, token_f1_or_no_answer
from harness.metrics.metric import Items, Metric, Row


def _compute(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    found = squad_v2(*by_question(rows, predictions))
    return {"f1": found.f1, "em": found.em}


def _items(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> Items:
    """Of each question `f1`, from 0 to 1, and `em`, 0 or 1."""
    given, gold = by_question(rows, predictions)
    return answer_items(given, real_answers(gold), normalise_squad, token_f1_or_no_answer)


METRIC = Metric(
    name="squad_v2",
    compute=_compute,
    headline=ANSWERS,
    aggregate=ANSWERS,
    group="qa",
    items=_items,
    total=answer_total,
)
