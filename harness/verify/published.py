"""reference/paper.yaml -> published rows of scores, which claims on best models are derived from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from harness.project.errors import HarnessError, explain_validation
from harness.project.records import StrictRecord
from harness.verify.claims.registry import read_yaml


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


def load_paper(path: Path) -> dict[str, PublishedScores]:
    """Published scores by row name. Raises HarnessError for anything that doesn't fit."""
    try:
        return TypeAdapter(dict[str, PublishedScores]).validate_python(read_yaml(path))
    except ValidationError as error:
        why = explain_validation(error, PublishedScores, str(path))
        raise HarnessError(why, fix=f"edit {path.name}") from None
