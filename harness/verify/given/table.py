"""A table of given scores, column by column: names as numbers, scores in points; and what is wrong with it is refused.

Columns are arrays, so that ten million rows fit and are read in seconds.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.project.errors import HarnessError, name_some, nearest
from harness.verify.given.rows import Given

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]
Unit = Literal["points", "fraction"]
Role = Literal["method", "task", "seed", "language", "split", "metric", "item"]
ALIKE = str.maketrans(dict.fromkeys("\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{MINUS SIGN}", "-"))
"""Dashes that people and programs put for one another."""
MIXED = 20
"""Scores of one method on one task that differ by such a factor around 1 are fractions and points in one column."""
ROLES: tuple[Role, ...] = ("method", "task", "seed", "language", "split", "metric", "item")
"""What a column of names may be."""


class _Written(dict[str, int]):
    """Text as it is written -> the number of its name; blanks around it are none of it."""

    def __init__(self, numbers: defaultdict[object, int]) -> None:
        super().__init__()
        self.numbers = numbers

    def __missing__(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError("expected text")
        number = self[text] = self.numbers[text.strip()]
        return number


class Names:
    """A column of names being read: each gets a number when it is first seen."""

    def __init__(self) -> None:
        """Empty."""
        self._numbers: defaultdict[object, int] = defaultdict(count().__next__)
        self._written = _Written(self._numbers)
        self._parts: list[Codes] = []

    def __contains__(self, name: str) -> bool:
        """Was it seen?"""
        return name in self._numbers

    def add_text(self, values: Sequence[str]) -> None:
        """Further rows as they are written. Raises TypeError, with nothing added, where one of them is no text.

        A look-up each: most rows repeat what was seen, and are neither copied nor looked through.
        """
        self._parts.append(np.fromiter(map(self._written.__getitem__, values), dtype=np.int32, count=len(values)))

    def add(self, values: Sequence[object]) -> None:
        """Further rows."""
        self._parts.append(np.fromiter(map(self._numbers.__getitem__, values), dtype=np.int32, count=len(values)))

    def done(self) -> Column:
        """The column."""
        codes = np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=np.int32)
        return Column(codes, [str(name) for name in self._numbers])


@dataclass(frozen=True)
class Column:
    """A column of names: a number per row, and what the numbers stand for."""

    codes: Codes
    """Per row."""
    names: list[str]
    """Number -> name, in the order of the rows."""

    def of(self, rows: NDArray[np.bool_]) -> list[str]:
        """The names that stand in these rows, in their order."""
        codes = self.codes[rows]
        first = np.full(len(self.names), len(codes))
        np.minimum.at(first, codes, np.arange(len(codes)))
        return [self.names[code] for code in np.argsort(first, kind="stable") if first[code] < len(codes)]


@dataclass(frozen=True)
class Table:
    """Scores as they were given, in points."""

    source: str
    """What was read: a file, a frame, another program's results."""
    columns: Mapping[Role, Column]
    """The columns of names that there are."""
    score: Floats
    """Points per row; with items how much of an item is right, 0 to 100."""
    unit: Unit
    """What the source's scores were in."""
    counts: NDArray[np.int64] | None = None
    """Rows x (correct, predicted, gold) where items are judged by F1, -1 where one isn't; None where none is."""
    found: Mapping[str, str] = field(default_factory=dict)
    """Role -> the source's own name of the column, for what is said of it."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of the source, in sentences."""
    known: Mapping[str, str] = field(default_factory=dict)
    """What the source says of where the results come from."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """What a judge would ask for and the source doesn't say -> what was taken instead."""
    files: tuple[Path, ...] = ()
    """The files that were read."""
    settings: Mapping[str, Column] = field(default_factory=dict)
    """A setting of the runs (a learning rate, a batch size) by its column's name -> its values."""

    @property
    def has_items(self) -> bool:
        """Is a row one item of a test set?"""
        return "item" in self.columns

    @property
    def every(self) -> NDArray[np.bool_]:
        """All rows."""
        return np.ones(len(self.score), dtype=bool)

    def names(self, role: Role, rows: NDArray[np.bool_] | None = None) -> list[str]:
        """The names in a column, each once, in the order of the rows; empty where there is no such column."""
        column = self.columns.get(role)
        if column is None:
            return []
        return column.names if rows is None else column.of(rows)

    def rows_of(self, role: Role, name: str) -> NDArray[np.bool_]:
        """Which rows have this name. Raises HarnessError for one that no row has."""
        column = self.columns.get(role)
        if column is None:
            raise HarnessError(
                f"expected rows of the {role} `{name}` in {self.source}, found no column of {role}s",
                fix=f"leave --{role} out, or name that column with --column {role}=NAME",
            )
        return column.codes == column.names.index(known_name(name, column.names, role, self.source))


def known_name(asked: str, known: Sequence[str], role: str, source: str) -> str:
    """The known name that is asked for, however its accents are composed and its dashes and blanks are drawn.

    Raises HarnessError for one that isn't known, or could be two.
    """
    if asked in known:
        return asked
    alike = [name for name in known if _folded(name) == _folded(asked)]
    if len(alike) != 1:
        raise HarnessError(
            f"expected the {role} `{asked:.80}` in {source}, found none; {nearest(asked, known)}",
            fix="use one of those names",
        )
    return alike[0]


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).translate(ALIKE).split())


def to_points(
    scores: Floats, groups: Codes, name: Callable[[int], str], unit: Unit | None, source: str
) -> tuple[Floats, Unit]:
    """Scores in points, and what they were in: from 0 to 1 where none is larger, else points already.

    groups: per row, a number of the method on the task; `name` says it in words. Raises HarnessError where some
    groups lie within 0 and 1 and others don't, or some scores of a group are MIXED times the others: then nobody can
    tell what a number means. `unit` decides it.
    """
    if unit is None:
        _check_one_unit(scores, groups, name, source)
        within = np.ones(int(groups.max()) + 1, dtype=bool)
        np.logical_and.at(within, groups, np.abs(scores) <= 1)
        there = np.unique(groups)
        small = there[within[there]]
        if 0 < len(small) < len(there):
            large = there[~within[there]][0]
            raise HarnessError(
                f"expected scores of one unit in {source}, found {name(int(small[0]))} within 0 and 1 and"
                f" {name(int(large))} above 1",
                fix="write all of them as points (0 to 100) or all as fractions (0 to 1); where they are of one unit,"
                " say which with --unit",
            )
        unit = "fraction" if len(small) else "points"
    if unit == "fraction" and (np.abs(scores) > 1).any():
        worst = float(scores[np.abs(scores) > 1][0])
        raise HarnessError(f"expected fractions from 0 to 1 in {source}, found {worst:g}", fix="use --unit points")
    return (scores * 100 if unit == "fraction" else scores), unit


def _check_one_unit(scores: Floats, groups: Codes, name: Callable[[int], str], source: str) -> None:
    """Raises HarnessError for a group with scores within 0 and 1 beside others that are many times as large."""
    sizes = np.abs(scores)
    small, large = (sizes > 0) & (sizes <= 1), sizes > 1
    for group in np.intersect1d(groups[small], groups[large]):
        lowest, highest = sizes[small & (groups == group)].max(), sizes[large & (groups == group)].min()
        if highest > MIXED * lowest:
            raise HarnessError(
                f"expected scores of one unit in {source}, found {name(int(group))} at {lowest:g} and {highest:g}",
                fix="write all of them as points (0 to 100) or all as fractions (0 to 1); where they are of one unit,"
                " say which with --unit",
            )


def from_given(given: Given, source: str) -> Table:
    """What an importer read, as a table: its items where it has some of every score, else its scores.

    Raises HarnessError where there is neither.
    """
    if not given.items and not given.scores:
        raise HarnessError(f"expected scores in {source}, found none", fix="name results that are finished")
    without = _without_items(given)
    if given.items and without:
        left = f"items don't count, as {name_some(without)} has none: other rows are not allowed for"
        given = replace(given, items=[], remarks=[*given.remarks, left])
    rows = given.items or given.scores
    fields: dict[Role, str] = {
        "method": "method",
        "task": "task",
        "seed": "seed",
        "language": "language",
        "split": "split",
    }
    if given.items:
        fields["item"] = "item"
    elif any(score.metric for score in given.scores):
        fields["metric"] = "metric"
    columns: dict[Role, Column] = {}
    for role, name in fields.items():
        values = [getattr(row, name) for row in rows]
        if any(value is not None for value in values):
            columns[role] = _column(["" if value is None else str(value) for value in values])
    counts = _counts(given)
    score = [100 * (item.right or 0.0) for item in given.items] if given.items else [row.score for row in given.scores]
    return Table(
        source=source,
        columns=columns,
        score=np.array(score, dtype=float),
        unit="points",
        counts=counts,
        remarks=tuple(given.remarks),
        known=given.known,
        unknown=given.unknown,
        files=tuple(given.files),
    )


def _without_items(given: Given) -> list[str]:
    """The tasks of scores that no item stands behind."""
    there = {(item.method, item.task, item.seed, item.language) for item in given.items}
    lacking = [one.task for one in given.scores if (one.method, one.task, one.seed, one.language) not in there]
    return list(dict.fromkeys(lacking))


def _column(values: Sequence[object]) -> Column:
    names = Names()
    names.add(values)
    return names.done()


def _counts(given: Given) -> NDArray[np.int64] | None:
    if not any(item.counts for item in given.items):
        return None
    return np.array([item.counts or (-1, -1, -1) for item in given.items], dtype=np.int64)


def join(tables: Sequence[Table]) -> Table:
    """Several tables as one: rows one behind the other. A column that some lack is empty there.

    Raises HarnessError where some hold items and others hold scores.
    """
    if len(tables) == 1:
        return tables[0]
    if len({table.has_items for table in tables}) > 1:
        listed = ", ".join(f"{table.source} has {'items' if table.has_items else 'scores'}" for table in tables)
        raise HarnessError(
            f"expected either items or scores in all files, found: {listed}", fix="judge them in separate calls"
        )
    _check_units(tables)
    roles = [role for role in ROLES if any(role in table.columns for table in tables)]
    return Table(
        source=", ".join(table.source for table in tables),
        columns={role: _joined(tables, [table.columns.get(role) for table in tables]) for role in roles},
        score=np.concatenate([table.score for table in tables]),
        unit=tables[0].unit,
        counts=_joined_counts(tables),
        found=tables[0].found,
        remarks=tuple(dict.fromkeys(remark for table in tables for remark in table.remarks)),
        known={f"{table.source}: {key}": value for table in tables for key, value in table.known.items()},
        unknown=_joined_unknown(tables),
        files=tuple(path for table in tables for path in table.files),
        settings={
            name: _joined(tables, [table.settings.get(name) for table in tables])
            for name in dict.fromkeys(name for table in tables for name in table.settings)
        },
    )


def _check_units(tables: Sequence[Table]) -> None:
    """HarnessError where sources were read in different units: 0.7 of one and 70 of another may be the same, or not."""
    found = {table.unit: table.source for table in tables if not table.has_items}
    if len(found) > 1:
        raise HarnessError(
            f"expected scores of one unit in all sources, found fractions in {found['fraction']} and points in"
            f" {found['points']}",
            fix="write all of them as points (0 to 100) or all as fractions (0 to 1), or say with --unit what they are",
        )


def _joined_unknown(tables: Sequence[Table]) -> dict[str, str]:
    """What is unknown of all sources alike, and what of each."""
    found: dict[str, str] = {}
    for table in tables:
        for key, value in table.unknown.items():
            alike = all(other.unknown.get(key) == value for other in tables)
            found[key if alike else f"{key} of {table.source}"] = value
    return found


def _joined_counts(tables: Sequence[Table]) -> NDArray[np.int64] | None:
    if all(table.counts is None for table in tables):
        return None
    none = [np.full((len(table.score), 3), -1, dtype=np.int64) for table in tables]
    return np.concatenate(
        [own if table.counts is None else table.counts for table, own in zip(tables, none, strict=True)]
    )


def _joined(tables: Sequence[Table], columns: Sequence[Column | None]) -> Column:
    names = Names()
    for table, column in zip(tables, columns, strict=True):
        if column is None:
            names.add([""] * len(table.score))
        else:
            names.add([column.names[code] for code in column.codes.tolist()])
    return names.done()
