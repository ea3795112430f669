"""Scores by recipe, target, seed and language: the table that every verdict starts from, and gains read off it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError

from harness.metrics.scoring import metric
from harness.metrics.xtreme import XTREME_GROUPS, task_score
from harness.project.errors import HarnessError, explain_validation, first_error
from harness.project.files import refuse_repeated_keys
from harness.project.params import BASELINE
from harness.project.records import Record
from harness.project.results import Cell, Status
from harness.verify.published.rows import PublishedRow


class CellScore(Record):
    """One row of the table of scores."""

    cell: Cell
    """Which cell."""
    status: Status
    """As in its result."""
    reasons: list[str] = Field(default_factory=list)
    """Why the status is not `ok`, as in its result."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Intermediate task -> why the mixture lacks it, as in its result."""
    score: float | None
    """The target's XTREME score in points; null if failed or unavailable."""
    dev_score: float | None
    """The same rule on the source language's dev set, in points; null where the target has none."""
    scores: dict[str, dict[str, float]]
    """language -> metric -> points."""
    predictions_sha256: str | None
    """Of the predictions file; null if failed or unavailable."""
    inputs: dict[str, str]
    """sha256 of everything that went in, as in its result."""


class ScoresTable(Record):
    """All scores of one profile, every row made from the same pins."""

    profile: str
    """The profile."""
    encoder: str
    """Which encoder, in words; a claim's scope is compared with it."""
    data: str
    """Which rows, in words; a claim's scope is compared with it."""
    groups: dict[str, str]
    """target -> XTREME group."""
    metrics: dict[str, str] = Field(default_factory=dict)
    """target -> its metric, for targets that are not XTREME's own; the others are scored by their group's rule."""
    cells: list[CellScore]
    """One row per finished cell."""

    def score_of(self, target: str, scores: Mapping[str, Mapping[str, float]]) -> float:
        """The score of one of the table's targets in points; `scores`: language -> number -> points.

        Raises HarnessError where a number is missing.
        """
        return score_target(scores, self.groups[target], self.metrics.get(target))

    def points_by_language(self, row: CellScore) -> dict[str, float]:
        """Language -> the score of a row's target on that language alone, in points; without languages whose numbers
        don't give one.
        """
        found = {}
        for language, numbers in row.scores.items():
            with suppress(HarnessError):
                found[language] = self.score_of(row.cell.target, {language: numbers})
        return found

    @property
    def recipes(self) -> list[str]:
        """Recipes of the table, each once, in its order."""
        return list(dict.fromkeys(row.cell.recipe for row in self.cells))

    @property
    def targets(self) -> list[str]:
        """Targets of the table, likewise."""
        return list(dict.fromkeys(row.cell.target for row in self.cells))

    @property
    def seeds(self) -> list[int]:
        """Seeds of the table, likewise."""
        return list(dict.fromkeys(row.cell.seed for row in self.cells))


MOST_POINTS = 1e6
"""A score lies between this and its negative: far beyond any metric, far below what a square could not hold."""


def _plain_number(value: object) -> object:
    """Refuse what Python takes for a number and no table means as one."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError("expected a number in plain digits")
    return value


def _in_range(points: float) -> float:
    if abs(points) > MOST_POINTS:
        raise ValueError(f"expected at most {MOST_POINTS:,.0f} points above or below zero")
    return points


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Seed = Annotated[int, BeforeValidator(_plain_number)]
Points = Annotated[float, BeforeValidator(_plain_number), Field(allow_inf_nan=False), AfterValidator(_in_range)]


class ScoreEntry(Record):
    """One row of a plain table of scores. Blanks around a value don't count."""

    recipe: Name
    """What is compared; the baseline is `none`."""
    target: Name
    """The target task."""
    seed: Seed
    """The repetition; gains are paired by it."""
    score: Points
    """The target's score in points, averaged over its languages."""
    dev_score: Points | None = None
    """Score in points on development sets, by which the best recipe is chosen. That they are not the test sets is the
    caller's word; `harness verify` checks that no file of one is byte for byte a file of the other, not row by row."""


@dataclass(frozen=True)
class Scores:
    """A table of scores, ready to be asked."""

    by_pair: dict[tuple[str, str], dict[int, float]]
    """(recipe, target) -> seed -> points."""
    dev_by_pair: dict[tuple[str, str], dict[int, float]]
    """The same on development sets, by which the best recipe is chosen; none where their files are the test sets',
    byte for byte. Rows are not compared."""
    recipes: list[str]
    """Recipes that have at least one cell whose data was there."""
    targets: list[str]
    """Targets of the table."""
    seeds: list[int]
    """Seeds of the table."""
    retrieval: frozenset[str]
    """Targets of XTREME's retrieval group."""
    unavailable: dict[tuple[str, str], str]
    """(recipe, target) -> why none of its cells could be had."""
    left_out: dict[str, dict[str, str]]
    """recipe -> intermediate task -> why its mixture lacks the task."""
    encoder: str
    """Which encoder, in words; a claim about another one is not tested by these scores."""
    data: str
    """Which rows, in words; likewise."""
    cells: frozenset[tuple[str, str, int]] | None = None
    """(recipe, target, seed) of every cell of a table, with a score or without; None: all that the lists above span."""
    collapsed: frozenset[tuple[str, str, int]] = frozenset()
    """(recipe, target, seed) of cells whose model predicts one class or did not learn; their scores count as they are.
    """
    by_language: Mapping[tuple[str, str, str], dict[int, float]] = field(default_factory=dict)
    """(recipe, target, language) -> seed -> points: the target's score on that language alone; empty where only scores
    of whole targets are known."""
    halves: Mapping[tuple[str, str], Mapping[int, tuple[float, float]]] = field(default_factory=dict)
    """(recipe, target) -> seed -> points on either half of its test items, by which a target without development sets
    of its own can choose and report."""
    published: Mapping[str, PublishedRow] = field(default_factory=dict)
    """Rows of published scores that a claim may name as its baseline; none where the scores are of another scope."""

    def has_cell(self, recipe: str, target: str, seed: int) -> bool:
        """Whether the grid has the cell, with a score or without."""
        return self.cells is None or (recipe, target, seed) in self.cells

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, object]], *, encoder: str, data: str) -> Scores:
        """Scores from rows with the keys of ScoreEntry, for somebody who has nothing but numbers.

        `encoder` and `data` say in words what was measured: a claim whose scope is another one stays NOT_TESTED.
        Scores are points between -1e6 and 1e6. Raises HarnessError, naming the row, for one that is no mapping, a
        missing or unknown key, a value that is no such number, and a second score of the same recipe, target and seed.
        """
        return index_rows(((f"row {number}", row) for number, row in enumerate(rows, 1)), encoder, data)


def score_target(scores: Mapping[str, Mapping[str, float]], group: str, name: str | None = None) -> float:
    """The score of a target in points: by its metric `name`, or where it is None by the rule of its XTREME group.

    `scores`: language -> number -> points. Raises HarnessError where a number is missing, and for an unknown metric.
    """
    return task_score(group, scores) if name is None else metric(name).target_score(scores)


def read_scores(path: Path) -> ScoresTable:
    """Read scores.json. Raises HarnessError if it is missing or doesn't fit the schema."""
    try:
        content = path.read_bytes()
        refuse_repeated_keys(content, str(path), "run `harness run scores`")
        return ScoresTable.model_validate_json(content)
    except FileNotFoundError:
        raise HarnessError(f"expected a table of scores at {path}, found none", fix="run `dvc repro`") from None
    except ValidationError as error:
        raise HarnessError(explain_validation(error, ScoresTable, str(path)), fix="run `harness run scores`") from None


def read_table(table: ScoresTable) -> Scores:
    """Index a table of scores, in points: its cells by recipe, target and seed, in the table's order.

    A cell without a score is left out. A recipe on a target whose every cell is `unavailable` is kept with the reason.
    A row's dev score is of the source language alone, so nothing chooses by it.
    Raises nothing: the table was checked when it was made.
    """
    by_pair: dict[tuple[str, str], dict[int, float]] = {}
    by_language: dict[tuple[str, str, str], dict[int, float]] = {}
    rows: dict[tuple[str, str], list[CellScore]] = {}
    for row in table.cells:
        pair = (row.cell.recipe, row.cell.target)
        rows.setdefault(pair, []).append(row)
        if row.score is not None:
            by_pair.setdefault(pair, {})[row.cell.seed] = row.score
            for language, points in table.points_by_language(row).items():
                by_language.setdefault((*pair, language), {})[row.cell.seed] = points
    unavailable = {
        pair: "; ".join(cells[0].reasons)
        for pair, cells in rows.items()
        if all(cell.status == "unavailable" for cell in cells)
    }
    return Scores(
        by_pair=by_pair,
        dev_by_pair={},
        recipes=list(dict.fromkeys(recipe for recipe, target in rows if (recipe, target) not in unavailable)),
        targets=table.targets,
        seeds=table.seeds,
        retrieval=frozenset(target for target, group in table.groups.items() if group == "retrieval"),
        unavailable=unavailable,
        left_out={row.cell.recipe: row.left_out for row in table.cells if row.left_out},
        encoder=table.encoder,
        data=table.data,
        cells=frozenset(_key(row) for row in table.cells),
        collapsed=frozenset(_key(row) for row in table.cells if row.status == "collapsed"),
        by_language=by_language,
    )


def _key(row: CellScore) -> tuple[str, str, int]:
    return row.cell.recipe, row.cell.target, row.cell.seed


def index_rows(rows: Iterable[tuple[str, Mapping[str, object]]], encoder: str, data: str) -> Scores:
    """Scores from plain rows, each behind words that say where it stands. Raises HarnessError as `from_rows` does."""
    by_pair: dict[tuple[str, str], dict[int, float]] = {}
    dev_by_pair: dict[tuple[str, str], dict[int, float]] = {}
    entries = []
    for where, row in rows:
        entry = _entry(row, where)
        pair = (entry.recipe, entry.target)
        if entry.seed in by_pair.get(pair, {}):
            cell = f"{entry.recipe} on {entry.target} at seed {entry.seed}"
            raise HarnessError(f"expected one score of {cell}, found a second in {where}", fix="remove one of them")
        by_pair.setdefault(pair, {})[entry.seed] = entry.score
        if entry.dev_score is not None:
            dev_by_pair.setdefault(pair, {})[entry.seed] = entry.dev_score
        entries.append(entry)
    targets = list(dict.fromkeys(entry.target for entry in entries))
    return Scores(
        by_pair=by_pair,
        dev_by_pair=dev_by_pair,
        recipes=list(dict.fromkeys(entry.recipe for entry in entries)),
        targets=targets,
        seeds=list(dict.fromkeys(entry.seed for entry in entries)),
        retrieval=frozenset(target for target in targets if XTREME_GROUPS.get(target) == "retrieval"),
        unavailable={},
        left_out={},
        encoder=encoder,
        data=data,
    )


def _entry(row: Mapping[str, object], where: str) -> ScoreEntry:
    keys = ", ".join(ScoreEntry.model_fields)
    if not isinstance(row, Mapping):
        raise HarnessError(
            f"expected a mapping in {where}, found {type(row).__name__}", fix=f"give it as a dict with the keys {keys}"
        )
    try:
        return ScoreEntry.model_validate(dict(row))
    except ValidationError as error:
        advice = {"extra_forbidden": "rename or remove that key", "missing": "give it that key, with a value"}
        fix = advice.get(first_error(error)["type"], "correct that value")
        raise HarnessError(explain_validation(error, ScoreEntry, where), fix=fix) from None


def mean_gain(scores: Scores, recipe: str, targets: Sequence[str], baseline: str = BASELINE) -> dict[int, float]:
    """Seed -> g_s = mean over `targets` of score(recipe) - score(baseline) at seed s, in points.

    A seed is left out where one of these scores is lacking; all are where no target is named. Raises nothing: a recipe
    or target that the table doesn't know has no scores.
    """
    gains = [
        paired_gains(scores.by_pair.get((recipe, target), {}), scores.by_pair.get((baseline, target), {}))
        for target in targets
    ]
    return {seed: statistics.fmean(g[seed] for g in gains) for seed in scores.seeds if _everywhere(gains, seed)}


def _everywhere(maps: Sequence[dict[int, float]], seed: int) -> bool:
    return bool(maps) and all(seed in values for values in maps)


def mean_over(maps: Sequence[dict[int, float]], seeds: Sequence[int]) -> dict[int, float]:
    """Seed by seed mean of several values, for the seeds that have all of them."""
    return {seed: statistics.fmean(values[seed] for values in maps) for seed in seeds if _everywhere(maps, seed)}


def best(values: Mapping[str, float]) -> str:
    """The candidate with the highest value; ties go to the first. Raises ValueError without any."""
    return max(values, key=lambda candidate: values[candidate])


def paired_gains(scores: Mapping[int, float], baseline: Mapping[int, float]) -> dict[int, float]:
    """g_s = score_s - baseline_s for every seed s that has both, in points.

    Pairing removes what the two share at a seed, so the spread of g is the spread that matters.
    """
    return {seed: scores[seed] - baseline[seed] for seed in scores if seed in baseline}
