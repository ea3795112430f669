"""The measured parts of docs/verifier.md: which rows each is made of, and how it shows them.

A further part is a line in PARTS: its title, what it says above its table, its row makers (each takes the number of
studies and gives a record), and the function that turns the records into Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from harness.audit.repeat.simulation import redraw_rows
from harness.pages.verifier import words
from harness.pages.verifier.tables import (
    coverage_table,
    family_table,
    kind_table,
    looking_table,
    noisy_table,
    redraw_table,
    replication_table,
    shape_table,
    spread_table,
    way_table,
)
from harness.project.records import Record
from harness.verify.statistics.simulation.choosing import choosing_rows, collapse_rows, noisy_choice_rows
from harness.verify.statistics.simulation.kinds import COMPARE, GAIN, NO_GAIN, RETRIEVAL, TYDIQA
from harness.verify.statistics.simulation.languages import language_rows
from harness.verify.statistics.simulation.records import Row
from harness.verify.statistics.simulation.replications import replication_rows
from harness.verify.statistics.simulation.splits import split_rows, unseen_rows
from harness.verify.statistics.simulation.studies import (
    STUDIES,
    coverage_rows,
    gain_rows,
    kind_rows,
    noisy_rows,
    shape_rows,
)
from harness.verify.statistics.simulation.together import family_rows, looking_rows
from harness.verify.statistics.simulation.ways import way_rows


class Part(NamedTuple):
    """A section with measured rows."""

    title: str
    says: str
    """What stands above the table."""
    makers: Sequence[Callable[[int], Record]]
    """Number of studies -> a row."""
    render: Callable[[Sequence[Any]], str]
    """The rows as Markdown."""
    studies: int = STUDIES
    """Studies of each row."""
    over: str = ""
    """Why false rates are over the limit there, and what to do about it, where some are."""


PARTS = (
    Part("A stated gain, by spread", words.GAIN, gain_rows(), spread_table),
    Part("A stated gain, with collapsed cells", words.COLLAPSES, kind_rows(GAIN), kind_table),
    Part("A stated gain on a group of languages", words.LANGUAGES, language_rows(), kind_table),
    Part("No gain", words.NO_GAIN, kind_rows(NO_GAIN), kind_table),
    Part("A comparison", words.COMPARE, kind_rows(COMPARE), kind_table),
    Part("A share of recipes: 8 of 9, as of retrieval", words.SHARE, kind_rows(RETRIEVAL), kind_table),
    Part("A share of recipes: 5 of 9, as of TyDiQA", words.SHARE_MANY, kind_rows(TYDIQA), kind_table),
    Part("The best recipe of each target", words.CHOOSING, choosing_rows(), kind_table, studies=4000),
    Part(
        "The best recipe, with collapsed cells",
        words.CHOOSING_COLLAPSES,
        collapse_rows(True),
        kind_table,
        4000,
        words.OVER_COLLAPSES,
    ),
    Part(
        "The best recipe, with collapsed cells, of what sound runs give",
        words.CHOOSING_SOUND,
        collapse_rows(False),
        kind_table,
        4000,
    ),
    Part("The best recipe over a noisy number", words.CHOOSING_NOISY, noisy_choice_rows(), kind_table, 4000),
    Part("When the best recipe is chosen", words.WAYS, way_rows(), way_table),
    Part("A published number that is one noisy run", words.NOISY, noisy_rows(), noisy_table),
    Part("Dev or test", words.SPLITS, split_rows(), kind_table),
    Part(
        "Dev or test, where the difference can't be seen",
        words.UNSEEN,
        unseen_rows(),
        kind_table,
        over=words.OVER_UNSEEN,
    ),
    Part("Claims judged together", words.FAMILY, family_rows(), family_table),
    Part("Out of scope: what is said of replications", words.REPLICATIONS, replication_rows(), replication_table, 4000),
    Part("Looking again", words.LOOKING, looking_rows(), looking_table),
    Part("The prediction interval", words.PREDICTION, coverage_rows(), coverage_table),
    Part("Gains that are not normal", words.SHAPES, shape_rows(), shape_table, over=words.OVER_SHAPES),
    Part("Level V2: a re-run beside the pinned results", words.REDRAW, redraw_rows(), redraw_table, studies=400),
)


class Measured(NamedTuple):
    """A part with its rows."""

    part: Part
    rows: list[Any]

    @property
    def judged(self) -> list[Row]:
        """The rows of single claims."""
        return [row for row in self.rows if isinstance(row, Row)]


def count_rows(parts: Sequence[Part] = PARTS) -> int:
    """Rows that are measured in all."""
    return sum(len(part.makers) for part in parts)


def measure_parts(
    parts: Sequence[Part] = PARTS, studies: int | None = None, advance: Callable[[], None] = lambda: None
) -> list[Measured]:
    """Measure every part; `studies`: so many per row instead of each part's own; `advance` is called after each row."""
    found = []
    for part in parts:
        rows = []
        for make in part.makers:
            rows.append(make(studies or part.studies))
            advance()
        found.append(Measured(part, rows))
    return found
