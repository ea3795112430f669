"""XTREME's metrics as pure functions, every score in points from 0 to 100.

They give what google-research/xtreme's own scripts give (commit 838c13b69daafb9328785d16caae2711e4012123),
odd corners included, so that a score here can stand beside a published one. Only the embedding functions need
numpy; they load on first use, which keeps re-scoring from stored predictions fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.metrics.classification import accuracy, binary_f1
from harness.metrics.pairs import ThresholdScore, best_threshold, pair_f1, pairs_above
from harness.metrics.qa import QAScore, mlqa, squad, squad_v2
from harness.metrics.tagging import span_f1

if TYPE_CHECKING:
    from harness.metrics.retrieval import mine_bitext, mine_rows, nearest_neighbour

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

_NEED_NUMPY = ("mine_bitext", "mine_rows", "nearest_neighbour")


def __getattr__(name: str) -> Any:
    """Load the functions that need numpy when they are first asked for (PEP 562)."""
    if name in _NEED_NUMPY:
        from harness.metrics import retrieval

        return getattr(retrieval, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
