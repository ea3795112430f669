"""F1 over spans of tags (PAN-X, UDPOS)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.metrics.metric import Items, Metric, Row
from harness.metrics.tagging import span_counts, span_f1


def _compute(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> dict[str, float]:
    return {"f1": span_f1([row["tags"] for row in rows], list(predictions))}


def _items(rows: Sequence[Row], predictions: Sequence[Any], language: str) -> Items:
    """Spans of each sentence: `correct`, `predicted`, `gold`."""
    return span_counts([row["tags"] for row in rows], list(predictions))


def _total(items: Items) -> dict[str, float]:
    correct, of = sum(items["correct"]), sum(items["predicted"]) + sum(items["gold"])
    return {"f1": 200 * correct / of if correct else 0.0}


METRIC = Metric(
    name="span_f1",
    compute=_compute,
    headline=("f1",),
    aggregate=("f1",),
    group="tagging",
    items=_items,
    total=_total,
)
