"""Predictions + gold rows -> numbers in points: the metrics of the tasks, each one record, found by name.

One place for cells, dev scores and re-scoring. Imports no torch: a stored prediction is scored again without a model.
One metric more is one record more in the list at the end, and its name among those that harness.project.tasks lets a
task file give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from harness import metrics
from harness.metrics.metric import Metric, Row
from harness.project.errors import HarnessError, nearest

_METRICS: dict[str, Metric] = {}


def register(added: Metric) -> None:
    """Make a metric known by its name; HarnessError where the name is taken."""
    if added.name in _METRICS:
        raise HarnessError(
            f"expected a name that no metric has, found {added.name!r} a second time", fix="choose another name"
        )
    _METRICS[added.name] = added


@contextmanager
def registered(added: Metric) -> Iterator[None]:
    """As `register`, inside a `with` block only."""
    register(added)
    try:
        yield
    finally:
        del _METRICS[added.name]


def metric(name: str) -> Metric:
    """The metric of this name; HarnessError, with the names there are, for any other."""
    if name not in _METRICS:
        raise HarnessError(
            f"expected the name of a metric, found {name!r}; {nearest(name, _METRICS)}", fix="use one of those names"
        )
    return _METRICS[name]


def known_metrics() -> list[Metric]:
    """Every metric, in the order in which they were registered."""
    return list(_METRICS.values())


def score(name: str, rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    """Numbers of one language by the metric `name`, in points.

    `rows`: gold rows in file order (mining: the gold pairs); `predictions`: one per row in the same order: a label, a
    list of tags, an answer, a choice's index, the index of the retrieved row. Mining: the mined triples, whose
    threshold is then tuned on these gold pairs (optimistic), or the pairs that a threshold tuned elsewhere left.
    """
    return metric(name).compute(rows, predictions, language)


def headline(name: str, values: Mapping[str, float]) -> float:
    """The one number of a language, in points: SQuAD mean of F1 and EM, QQP of accuracy and F1, else the only one."""
    return metric(name).one_number(values)


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


LABELS = ("accuracy",)
SPANS = ("f1",)
ANSWERS = ("em", "f1")

for _each in (
    Metric(
        name="accuracy",
        compute=_accuracy,
        headline=LABELS,
        aggregate=LABELS,
        group="classification",
        constant_answer=True,
    ),
    Metric(
        name="accuracy_f1",
        compute=_accuracy_f1,
        headline=("accuracy", "f1"),
        aggregate=LABELS,
        group="classification",
        constant_answer=True,
    ),
    Metric(name="span_f1", compute=_span_f1, headline=SPANS, aggregate=SPANS, group="tagging"),
    Metric(name="squad", compute=_squad, headline=ANSWERS, aggregate=ANSWERS, group="qa"),
    Metric(name="squad_v2", compute=_squad_v2, headline=ANSWERS, aggregate=ANSWERS, group="qa"),
    Metric(name="mlqa", compute=_mlqa, headline=ANSWERS, aggregate=ANSWERS, group="qa"),
    Metric(name="bitext_accuracy", compute=_bitext, headline=LABELS, aggregate=LABELS, group="retrieval"),
    Metric(name="mining_f1", compute=_mining, headline=SPANS, aggregate=SPANS, group="retrieval", pairs=True),
):
    register(_each)
