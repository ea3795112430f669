"""reference/elsewhere.yaml: scores by language that others published of encoders like one used here.

A study's baseline is set beside them. They judge nothing; a gross difference asks for an explanation.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict, Field, ValidationError

from harness.project.errors import HarnessError, explain_validation
from harness.project.files import read_yaml
from harness.project.records import StrictRecord

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
    if not path.is_file():
        return []
    fix = f"edit {path}"
    content = read_yaml(path, fix)
    if not isinstance(content, dict):
        raise HarnessError(f"expected published rows by name in {path}, found {type(content).__name__}", fix=fix)
    rows = [_parse(entry, f"row {name} of {path}", fix) for name, entry in content.items()]
    return [row for row in rows if profile in row.profiles]


def _parse(entry: object, where: str, fix: str) -> ElsewhereRow:
    try:
        return ElsewhereRow.model_validate(entry)
    except ValidationError as error:
        raise HarnessError(explain_validation(error, ElsewhereRow, where), fix=fix) from None
