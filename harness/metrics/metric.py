"""The record of a metric: how predictions are scored, and which of the numbers found count where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from pydantic import Field

from harness.project.errors import HarnessError
from harness.project.records import Record
from harness.project.tasks import Group

Row = dict[str, Any]
Compute = Callable[[Sequence[Row], Sequence[Any], str], dict[str, float]]
Items = dict[str, list[Any]]
"""Name of a count -> one value per item (a row, or where pairs are scored a source sentence), in the same order."""


class Metric(Record):
    """How the predictions of a task are scored."""

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
    items: Callable[[Sequence[Row], Sequence[Any], str], Items] | None = None
    """(gold rows, predictions, language) -> how each item came out: what statistics over items start from. Numbers
    alone, no text of the data. null: the metric has none."""
    total: Callable[[Items], dict[str, float]] | None = None
    """The numbers that `compute` gives, in points, from the items."""
    pairs: bool = False
    """Whether predictions and gold rows are pairs over a whole language, instead of one prediction per row."""
    constant_answer: bool = False
    """Whether the best answer that is the same for every row is a level to beat. So it is for labels; a tag that goes
    on, or an answer that fits many questions, is not chance."""

    def one_number(self, values: Mapping[str, float]) -> float:
        """The headline of one language's numbers, in points."""
        return fmean(values[name] for name in self.headline)

    def target_score(self, scores: Mapping[str, Mapping[str, float]]) -> float:
        """The score of a target, in points: the mean over `aggregate` of each number's macro average over languages.

        `scores`: language -> number -> points. Question answering has (mean EM + mean F1) / 2.
        Source: Hu et al. 2020, XTREME, section 3.3 and google-research/xtreme's evaluate.py.
        Raises HarnessError for no language, or a number missing in a language.
        """
        if not scores:
            raise HarnessError("expected scores of at least one language, found none", fix="run the cell anew")
        for language, values in scores.items():
            if lacking := [name for name in self.aggregate if name not in values]:
                raise HarnessError(
                    f"expected {' and '.join(self.aggregate)} of {language} by metric {self.name}, found no"
                    f" {' and no '.join(lacking)}",
                    fix="run the cell anew",
                )
        return fmean(fmean(values[name] for values in scores.values()) for name in self.aggregate)
