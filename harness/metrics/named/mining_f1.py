"""F1 of mined sentence pairs, with a threshold (BUCC)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from harness.metrics.metric import Items, Metric, Row
from harness.metrics.pairs import Pair, ThresholdScore, best_threshold, pair_f1, pairs_above


def _compute(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    if _has_margins(predictions):
        return {"f1": tuned_threshold(predictions, rows).f1}
    return {"f1": pair_f1([tuple(pair) for pair in predictions], _gold_pairs(rows))}


def tuned_threshold(mined: Sequence[Any], rows: Sequence[Row]) -> ThresholdScore:
    """The threshold of mined triples that is best on these gold rows, with its scores."""
    return best_threshold([tuple(triple) for triple in mined], _gold_pairs(rows))


def _has_margins(predictions: Sequence[Any]) -> bool:
    return bool(predictions) and len(predictions[0]) == 3


def _gold_pairs(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return [(row["source_id"], row["target_id"]) for row in rows]


def _items(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> Items:
    """Pairs of each source sentence, by its `id`: `correct`, `predicted`, `gold`. Sentences with neither are left out;
    those of gold pairs come first, in the order of the rows."""
    if _has_margins(predictions):
        mined: list[Pair] = pairs_above(map(tuple, predictions), tuned_threshold(predictions, rows).threshold)
    else:
        mined = [(pair[0], pair[1]) for pair in predictions]
    gold, predicted = set(_gold_pairs(rows)), set(mined)
    ids = list(dict.fromkeys([row["source_id"] for row in rows] + sorted(str(pair[0]) for pair in predicted)))
    return {
        "id": ids,
        "correct": _counts(gold & predicted, ids),
        "predicted": _counts(predicted, ids),
        "gold": _counts(gold, ids),
    }


def _counts(pairs: set[Any], ids: Sequence[str]) -> list[int]:
    by_source = Counter(source for source, _ in pairs)
    return [by_source[one] for one in ids]


def _total(items: Items) -> dict[str, float]:
    correct, of = sum(items["correct"]), sum(items["predicted"]) + sum(items["gold"])
    return {"f1": 200 * correct / of if correct else 0.0}


METRIC = Metric(
    name="mining_f1",
    compute=_compute,
    headline=("f1",),
    aggregate=("f1",),
    group="retrieval",
    items=_items,
    total=_total,
    pairs=True,
)
