"""The score of each half of a cell's test items, from what the cell keeps of every item (`items.json.gz`).

A target without development sets of its own chooses its best recipe on one half and reports the other
(harness.verify.claims.choosing). Items go in blocks of neighbours, so that questions on one passage stay together, and
by their place, so that translations of a sentence fall into the same half in every language; mined pairs, whose list
differs from cell to cell, go by the sha256 of their sentence's id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.metrics.scoring import metric
from harness.project.errors import HarnessError
from harness.project.records import gunzip
from harness.verify.scores import ScoresTable

BLOCK = 10
"""So many neighbouring items stay together."""
Halves = dict[tuple[str, str], dict[int, tuple[float, float]]]
"""(recipe, target) -> seed -> points on the half that chooses and on the half that is reported."""
_MALFORMED = (HarnessError, OSError, ValueError, KeyError, TypeError, IndexError, ZeroDivisionError, AttributeError)


def read_halves(
    table: ScoresTable, items: Mapping[str, Path], recipes: Collection[str], targets: Collection[str]
) -> Halves:
    """The halves of every cell of these recipes and targets that has a score and keeps its items.

    `items`: cell -> its file of items, whose agreement with the result level V0 has checked. A cell whose file is not
    there, or can't be split, has no halves. Raises nothing.
    """
    found: Halves = {}
    for row in table.cells:
        cell, path = row.cell, items.get(row.cell.id)
        if path is None or row.score is None or cell.recipe not in recipes or cell.target not in targets:
            continue
        try:
            content = json.loads(gunzip(path.read_bytes()))
            first, second = (_points(table, cell.target, content, half) for half in (0, 1))
        except _MALFORMED:  # V0 names a file that is broken
            continue
        found.setdefault((cell.recipe, cell.target), {})[cell.seed] = (first, second)
    return found


def _points(table: ScoresTable, target: str, content: Mapping[str, Any], half: int) -> float:
    """The target's score in points over the items of one half. Raises one of _MALFORMED where there are none."""
    total = metric(content["metric"]).total
    if total is None:
        raise HarnessError(f"expected a metric with totals of items, found {content['metric']}")
    of_language = {}
    for language, counts in content["test"].items():
        there = places(counts, half)
        if not there:
            raise HarnessError(f"expected items of {language} in either half, found none")
        of_language[language] = total({name: [values[n] for n in there] for name, values in counts.items()})
    return table.score_of(target, of_language)


def places(counts: Mapping[str, Sequence[Any]], half: int) -> list[int]:
    """The places of the items of half 0 or 1. `counts`: name of a count -> one value per item."""
    if "id" in counts:
        return [place for place, name in enumerate(counts["id"]) if _by_id(str(name)) == half]
    return [place for place in range(len(next(iter(counts.values())))) if place // BLOCK % 2 == half]


def _by_id(name: str) -> int:
    return hashlib.sha256(name.encode()).digest()[0] % 2
