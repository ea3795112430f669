"""The records of a search: one language of a retrieval target, and what its embeddings give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.metrics.metric import Row

Sides = Mapping[str, tuple[Any, Any]]
"""Split -> something of its queries, and of its candidates."""


@dataclass(frozen=True)
class Search:
    """One language of a retrieval target: what is looked for where, and the gold."""

    file: Path
    """The gold rows' file."""
    gold: list[Row]
    """The pairs that are scored: aligned sentences (bitext), or the ids of those that are translations (mining)."""
    sides: dict[str, tuple[list[Row], list[Row]]]
    """Split -> queries and candidates, each a row with a `text`; `dev` where the threshold of mining is tuned there."""
    dev_gold: list[Row]
    """Gold pairs of `dev`."""
    dev_file: Path | None = None
    """Their file; None where there is none."""

    @property
    def sentences(self) -> int:
        """How many sentences are embedded."""
        return sum(len(rows) for pair in self.sides.values() for rows in pair)


@dataclass(frozen=True)
class Answer:
    """What one language's embeddings give."""

    predictions: list[Any]
    """Bitext: the candidate of each query, by its row. Mining: pairs of ids, with their margin where none is cut."""
    dev: dict[str, float] = field(default_factory=dict)
    """Mining with dev texts: the F1 there, threshold tuned and scored on the same gold pairs."""
    dev_predictions: list[Any] = field(default_factory=list)
    """The pairs mined there, with their margins."""
