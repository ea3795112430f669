"""reference/elsewhere.yaml: scores by language that others published of encoders like one used here.

A study's baseline is set beside them. They judge nothing; a gross difference asks for an explanation.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict, Field

from harness.project.records import StrictRecord
from harness.verify.published.rows import read_rows

ELSEWHERE = "elsewhere.yaml"
"""Name of the file in reference/."""


class ElsewhereRow(StrictRecord):
    """Published scores of one encoder on one target, zero-shot from English."""

    model_config = ConfigDict(allow_inf_nan=False)

    system: str
    """Whose scores."""
    document: str
    """Where they were read."""
    place: str
    """Table in it."""
    target: str
    """The target task."""
    numbers: str
    """The metric's number that they are, as results name it."""
    trained: str
    """How that encoder was fine-tuned."""
    profiles: list[str]
    """Profiles whose encoder is of this kind."""
    scores: dict[str, float] = Field(min_length=2)
    """language -> points."""


def read_elsewhere(path: Path, profile: str) -> list[ElsewhereRow]:
    """The rows that stand beside a profile; none where there is no such file.

    Raises HarnessError for a file that doesn't fit its schema.
    """
    return [row for row in read_rows(path, ElsewhereRow).values() if profile in row.profiles]
