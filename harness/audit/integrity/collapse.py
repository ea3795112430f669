"""Level V0: has the model of a cell collapsed, by the dev predictions that it keeps and the losses that it states?

The rules are those of harness.experiment.training, written once more so that no training code is imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from harness.metrics.metric import Row
from harness.metrics.scoring import headline, metric, score
from harness.project.results import CurvePoint

CHANCE_MARGIN = 1.0
"""A dev score must beat the best constant answer by this many points to count as learnt; a test holds both together."""
POINTS, FLAT = 20, 0.99
"""A loss did not fall that is at the end of so many points over this share of the first; the same test holds these."""


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


def loss_fell(curve: Sequence[CurvePoint]) -> bool:
    """Whether the stated losses fell; too short a training tells nothing, so it counts as one whose loss fell."""
    return len(curve) < POINTS or curve[-1].loss <= FLAT * curve[0].loss


def _always(name: str, rows: Sequence[Row], answer: Any) -> float:
    answers = [[answer] * len(row["tags"]) if "tags" in row else answer for row in rows]
    return headline(name, score(name, rows, answers, ""))
