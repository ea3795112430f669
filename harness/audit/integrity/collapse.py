"""Level V0: should a cell that says `ok` say `collapsed`, by the dev predictions that it keeps?

The rule is that of harness.experiment.training.prepare, written once more so that no training code is imported; that a
loss did not fall is left out, as training curves are only stated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from harness.metrics.metric import Row
from harness.metrics.scoring import headline, metric, score

CHANCE_MARGIN = 1.0
"""A dev score must beat the best constant answer by this many points to count as learnt; a test holds both together."""


def collapse_reasons(name: str, rows: Sequence[Row], predictions: Sequence[Any]) -> list[str]:
    """Why the model behind these dev predictions (of `rows`, scored by metric `name`) counts as collapsed, in phrases.

    Raises what the metric raises for predictions that don't fit the rows.
    """
    reasons = []
    said = list(chain(*predictions)) if predictions and isinstance(predictions[0], list) else list(predictions)
    if len(said) > 1 and all(one == said[0] for one in said):
        reasons.append("the same is said of every dev row")
    if metric(name).constant_answer and rows:
        common = Counter(gold for row in rows for gold in (row["tags"] if "tags" in row else [row["label"]]))
        constant = max(_always(name, rows, answer) for answer, _ in common.most_common(2))
        found = headline(name, score(name, rows, predictions, ""))
        if found < constant + CHANCE_MARGIN:
            reasons.append(f"a dev score of {found:.1f}, and always the same answer gives {constant:.1f}")
    return reasons


def _always(name: str, rows: Sequence[Row], answer: Any) -> float:
    answers = [[answer] * len(row["tags"]) if "tags" in row else answer for row in rows]
    return headline(name, score(name, rows, answers, ""))
