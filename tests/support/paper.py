"""reference/paper.yaml: published rows of scores, with which the numbers of claims are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from harness.project.files import read_yaml
from harness.project.records import StrictRecord


class PublishedScores(StrictRecord):
    """One published row of scores."""

    system: str
    """Whose scores."""
    document: str
    """Where they were read."""
    place: str
    """Table or file in it."""
    split: Literal["development", "test"]
    """What they were measured on."""
    scores: dict[str, dict[str, float]]
    """target -> metric -> points, averaged over the target's languages."""
    average: float | None = None
    """Average over the nine targets in points, where it is known."""
    note: str
    """What to know before using it."""


def read_paper(path: Path) -> dict[str, PublishedScores]:
    """Published scores by row name."""
    return TypeAdapter(dict[str, PublishedScores]).validate_python(read_yaml(path))
