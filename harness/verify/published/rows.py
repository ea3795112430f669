"""reference/paper.yaml: published rows of scores, each with the place where it was read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Literal, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from harness.metrics.xtreme import XTREME_GROUPS, task_score
from harness.project.errors import HarnessError, explain_validation
from harness.project.files import read_yaml
from harness.project.records import StrictRecord

PAPER = "paper.yaml"
"""Name of the file in reference/."""


class PublishedRow(StrictRecord):
    """One published row of scores."""

    model_config = ConfigDict(allow_inf_nan=False)

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
    note: str = Field(min_length=1)
    """What to know before using it."""

    def lacking(self, targets: Sequence[str]) -> list[str]:
        """Those of these targets of which it has no score that XTREME's rule could use."""
        return [target for target in targets if self.target_points(target) is None]

    def target_points(self, target: str) -> float | None:
        """The target's score in points by XTREME's rule (question answering: mean of F1 and EM); None without one."""
        numbers, group = self.scores.get(target), XTREME_GROUPS.get(target)
        if not numbers or group is None:
            return None
        try:
            return task_score(group, {"all": numbers})
        except HarnessError:  # one of two numbers was not published
            return None

    def mean_over(self, targets: Sequence[str]) -> float | None:
        """Mean in points over these targets, the row's own average for XTREME's nine; None where one lacks."""
        if self.average is not None and set(targets) == set(XTREME_GROUPS):
            return self.average
        points = [self.target_points(target) for target in targets]
        known = [one for one in points if one is not None]
        return fmean(known) if known and len(known) == len(points) else None


def read_published(path: Path) -> dict[str, PublishedRow]:
    """Published rows by name; none where there is no such file. HarnessError for one that doesn't fit its schema."""
    return read_rows(path, PublishedRow)


Row = TypeVar("Row", bound=StrictRecord)


def read_rows(path: Path, kind: type[Row]) -> dict[str, Row]:
    """Rows of a kind by name, of a file of such; none where there is no file. HarnessError as `read_published`."""
    if not path.is_file():
        return {}
    fix = f"edit {path}"
    content = read_yaml(path, fix)
    if not isinstance(content, dict):
        found = type(content).__name__
        raise HarnessError(f"expected published rows by name in {path}, found {found}", fix=fix)
    return {str(name): _parse(entry, kind, f"row {name} of {path}", fix) for name, entry in content.items()}


def _parse(entry: object, kind: type[Row], where: str, fix: str) -> Row:
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        raise HarnessError(explain_validation(error, kind, where), fix=fix) from None
