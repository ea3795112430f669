"""What is known of results that another program made: a score a row, or an item of a test set a row.

Importers of other programs' files (harness.exchange.importers) end in these records, which harness.verify.given.table
makes a table of. Nothing here was run again: whoever gives it vouches for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from harness.project.records import Record

_LESS_IS_BETTER = re.compile(
    r"(?<![a-z])(loss|perplexity|ppl|bits_per_byte|bp[bc]|nll|[cetw]er|mae|r?mse|err|errors?)(?![a-z])", re.IGNORECASE
)


def less_is_better(metric: str) -> str | None:
    """The word in the metric's name by which less of it is better; None where it says none."""
    found = _LESS_IS_BETTER.search(metric)
    return found[0] if found else None


class GivenScore(Record):
    """One score of one method."""

    method: str
    """What was evaluated: a model, a recipe, a system."""
    task: str
    """The task or test set."""
    score: float = Field(allow_inf_nan=False)
    """The score in points, from 0 to 100 where the metric has these ends."""
    seed: int | None = None
    """The repetition; null where the file doesn't say."""
    language: str | None = None
    """The language of the test rows; null where the task is not cut by language."""
    split: str | None = None
    """The split of the test rows; null where the file doesn't say."""
    metric: str | None = None
    """The metric, in the other program's words."""


class GivenItem(Record):
    """How one item of a test set came out."""

    method: str
    """As in a score."""
    task: str
    """As in a score."""
    item: str
    """The item's name; the same for all methods, so that they are paired by it."""
    right: float | None = Field(default=None, ge=0, le=1)
    """1 where the answer is right, 0 where it is wrong, between them where the metric gives a part; null: `counts`."""
    counts: tuple[int, int, int] | None = None
    """For F1 over a whole test set: (correct, predicted, gold) of this item; null: `right`."""
    seed: int | None = None
    """As in a score."""
    language: str | None = None
    """As in a score."""
    split: str | None = None
    """As in a score."""


@dataclass(frozen=True)
class Given:
    """All that was read of another program's results."""

    program: str
    """Which program wrote them, with its version where the files say it."""
    scores: list[GivenScore]
    """Its scores; those of a single test set, never its own averages over several."""
    items: list[GivenItem] = field(default_factory=list)
    """Its items; empty where the files have none."""
    known: dict[str, str] = field(default_factory=dict)
    """What the files say of where the results come from: revision, date, packages, sha256 of each file read."""
    unknown: dict[str, str] = field(default_factory=dict)
    """What a judge would ask for and the files don't say (revision, seed, split) -> what was taken instead."""
    files: list[Path] = field(default_factory=list)
    """The files that were read."""
    remarks: list[str] = field(default_factory=list)
    """What a reader must know, in sentences: a task that is missing, a language left out of the program's average."""
