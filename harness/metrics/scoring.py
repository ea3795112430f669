"""Predictions + gold rows -> metrics in points, by the task's metric: one place for cells, dev scores and re-scoring.

Imports no torch: a stored prediction is scored again without a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness import metrics

Row = dict[str, Any]


def score(metric: str, rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    """Metrics of one language, in points.

    `rows`: gold rows in file order (mining: the gold pairs); `predictions`: one per row in the same order: a label, a
    list of tags, an answer, a choice's index, the index of the retrieved row. Mining: the mined triples, whose
    threshold is then tuned on these gold pairs (optimistic), or the pairs that a threshold tuned elsewhere left.
    """
    return _METRICS[metric](rows, predictions, language)


def headline(metric: str, values: dict[str, float]) -> float:
    """The one number of a task's metrics: SQuAD mean of F1 and EM, QQP of accuracy and F1, else the metric itself."""
    if metric in ("squad", "mlqa", "squad_v2"):
        return (values["em"] + values["f1"]) / 2
    if metric == "accuracy_f1":
        return (values["accuracy"] + values["f1"]) / 2
    return next(iter(values.values()))


def _accuracy(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    if rows and "tags" in rows[0]:
        gold = [tag for row in rows for tag in row["tags"]]
        return {"accuracy": metrics.accuracy(gold, [tag for tags in predictions for tag in tags])}
    return {"accuracy": metrics.accuracy([row["label"] for row in rows], list(predictions))}


def _accuracy_f1(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    gold = [row["label"] for row in rows]
    return {
        "accuracy": metrics.accuracy(gold, list(predictions)),
        "f1": metrics.binary_f1(gold, list(predictions)),
    }


def _span_f1(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    return {"f1": metrics.span_f1([row["tags"] for row in rows], list(predictions))}


def _answers(rows: Sequence[Row], predictions: Sequence[Any]) -> tuple[dict[str, str], dict[str, list[str]]]:
    ids = [row["id"] for row in rows]
    return dict(zip(ids, predictions, strict=True)), {row["id"]: row["answers"]["text"] for row in rows}


def _squad(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    found = metrics.squad(*_answers(rows, predictions))
    return {"f1": found.f1, "em": found.em}


def _squad_v2(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    found = metrics.squad_v2(*_answers(rows, predictions))
    return {"f1": found.f1, "em": found.em}


def _mlqa(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    found = metrics.mlqa(*_answers(rows, predictions), language)
    return {"f1": found.f1, "em": found.em}


def _bitext(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    return {"accuracy": metrics.accuracy(list(range(len(rows))), list(predictions))}


def _mining(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    if predictions and len(predictions[0]) == 3:
        return {"f1": tuned_threshold(predictions, rows).f1}
    return {"f1": metrics.pair_f1([tuple(pair) for pair in predictions], _gold_pairs(rows))}


def tuned_threshold(mined: Sequence[Any], rows: Sequence[Row]) -> metrics.ThresholdScore:
    """The threshold of mined triples that is best on these gold rows, with its scores."""
    return metrics.best_threshold([tuple(triple) for triple in mined], _gold_pairs(rows))


def _gold_pairs(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return [(row["source_id"], row["target_id"]) for row in rows]


_METRICS: dict[str, Callable[[Sequence[Row], Sequence[Any], str], dict[str, float]]] = {
    "accuracy": _accuracy,
    "accuracy_f1": _accuracy_f1,
    "span_f1": _span_f1,
    "squad": _squad,
    "squad_v2": _squad_v2,
    "mlqa": _mlqa,
    "bitext_accuracy": _bitext,
    "mining_f1": _mining,
}
