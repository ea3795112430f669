"""Scores as somebody's file holds them, made up: methods that gain so many points over a baseline, at each seed."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

NOISE = (0.3, -0.2, 0.1, -0.4, 0.25, -0.15, 0.35, -0.25)
"""Points by which a seed's score differs from its mean, of every method in another order."""
HOSTILE = "<script>alert(1)</script>"


def rows(gains: Mapping[str, float], tasks: Sequence[str] = ("xnli",), seeds: int = 5) -> list[dict[str, object]]:
    """A score a row: the baseline `none` and every method, on every task at every seed."""
    return [
        {"method": method, "task": task, "seed": seed, "score": round(60 + gain + NOISE[(seed * (place + 1)) % 8], 3)}
        for place, (method, gain) in enumerate({"none": 0.0, **gains}.items())
        for task in tasks
        for seed in range(1, seeds + 1)
    ]


def write_rows(path: Path, found: Sequence[Mapping[str, object]]) -> Path:
    """The rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*found[0]])
        writer.writeheader()
        writer.writerows(found)
    return path
