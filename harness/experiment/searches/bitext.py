"""Aligned sentences (Tatoeba): the nearest neighbour of each has to be its translation."""

from __future__ import annotations

from pathlib import Path

from harness.data.folder import read_split
from harness.experiment.searches.search import Answer, Search, Sides
from harness.metrics.nearest import nearest_neighbour
from harness.project.errors import HarnessError
from harness.project.params import Retrieval

GOLD = "test"
"""The split of the pairs that are scored."""


def read_search(data: Path, language: str, limit: int | None, others: int | None) -> Search:
    """Read one language of the target's folder; `limit`: the first so many sentence pairs.

    Raises HarnessError where `others` (`max_others` of texts that are mined) is set: here it would mean nothing.
    """
    if others is not None:
        raise HarnessError(
            f"expected no max_others for aligned sentences ({data.name}), which are not mined, found {others}",
            fix=f"delete target.{data.name}.max_others in params.yaml (evaluation.max_rows cuts aligned sentences)",
        )
    rows = read_split(data, GOLD, language)[:limit]
    # The pivot sentence queries the foreign side (jiant's and the paper's direction).
    pivot, foreign = ([{"text": row[side]} for row in rows] for side in ("target", "source"))
    return Search(data / f"{GOLD}.{language}.jsonl", rows, {"test": (pivot, foreign)}, [])


def answer(search: Search, vectors: Sides, settings: Retrieval) -> Answer:
    """Predictions of one language from the embeddings of one layer."""
    return Answer([int(index) for index in nearest_neighbour(*vectors["test"])])
