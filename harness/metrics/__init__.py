"""XTREME's metrics as pure functions, every score in points from 0 to 100.

They give what google-research/xtreme's own scripts give (commit 838c13b69daafb9328785d16caae2711e4012123),
odd corners included, so that a score here can stand beside a published one. Each name is loaded on first use: only the
embedding functions need numpy, and a unit of work hashes the files of its own metric, not all of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.metrics.answers import QAScore
    from harness.metrics.answers_mlqa import mlqa
    from harness.metrics.answers_squad import squad
    from harness.metrics.answers_squad_v2 import squad_v2
    from harness.metrics.binary import binary_f1
    from harness.metrics.classification import accuracy
    from harness.metrics.mining import mine_bitext, mine_rows
    from harness.metrics.nearest import nearest_neighbour
    from harness.metrics.pairs import ThresholdScore, best_threshold, pair_f1, pairs_above
    from harness.metrics.tagging import span_f1

__all__ = [
    "QAScore",
    "ThresholdScore",
    "accuracy",
    "best_threshold",
    "binary_f1",
    "mine_bitext",
    "mine_rows",
    "mlqa",
    "nearest_neighbour",
    "pair_f1",
    "pairs_above",
    "span_f1",
    "squad",
    "squad_v2",
]

_FILES = {
    "answers": ("QAScore",),
    "answers_mlqa": ("mlqa",),
    "answers_squad": ("squad",),
    "answers_squad_v2": ("squad_v2",),
    "binary": ("binary_f1",),
    "classification": ("accuracy",),
    "mining": ("mine_bitext", "mine_rows"),
    "nearest": ("nearest_neighbour",),
    "pairs": ("ThresholdScore", "best_threshold", "pair_f1", "pairs_above"),
    "tagging": ("span_f1",),
}
"""Module -> the names that are handed on from it; no module has the name of a function."""


def __getattr__(name: str) -> Any:
    """Load a function's module when it is first asked for (PEP 562)."""
    for module, names in _FILES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
