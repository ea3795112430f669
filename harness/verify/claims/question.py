"""The research question that the registry keeps beside its claims: it asks how much, so no verdict can answer it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from harness.project.errors import HarnessError, explain_validation
from harness.project.records import StrictRecord
from harness.verify.claims.registry import is_question, read_entries


class Question(StrictRecord):
    """What the document of the claims asks, and what answers it."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Its name; never the name of a claim."""
    question: str
    """Verbatim."""
    source: str
    """Where it was read."""
    answered_by: str
    """The command that prints the answer."""
    reason: str
    """Why it is answered by an estimate and not by a verdict."""


def read_questions(path: Path) -> list[Question]:
    """The registry's questions, in its order. Raises HarnessError for one that doesn't fit its schema."""
    return [_parse(entry, path) for entry in read_entries(path) if is_question(entry)]


def _parse(entry: Mapping[str, Any], path: Path) -> Question:
    try:
        return Question.model_validate(entry)
    except ValidationError as error:
        where = f"question {entry.get('id', '')} of {path}"
        raise HarnessError(explain_validation(error, Question, where), fix=f"edit {path}") from None
