"""The record of a metric: how predictions are scored, and which of the numbers found count where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from harness.project.tasks import Group

Row = dict[str, Any]
Compute = Callable[[Sequence[Row], Sequence[Any], str], dict[str, float]]


class Metric(BaseModel):
    """How the predictions of a task are scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """The name that tasks/*.yaml gives."""
    compute: Compute
    """(gold rows, predictions, language) -> name of a number -> points, over all rows of one language."""
    headline: tuple[str, ...] = Field(min_length=1)
    """The numbers whose mean is the one number of a language: checkpoints are chosen by it."""
    aggregate: tuple[str, ...] = Field(min_length=1)
    """The numbers whose macro averages over languages give, averaged in turn, XTREME's score of a target."""
    group: Group | None
    """XTREME's group of the targets that it scores; null: it scores no target."""
    constant_answer: bool = False
    """Whether the best answer that is the same for every row is a level to beat. So it is for labels; a tag that goes
    on, or an answer that fits many questions, is not chance."""

    def one_number(self, values: Mapping[str, float]) -> float:
        """The headline of one language's numbers, in points."""
        return fmean(values[name] for name in self.headline)
