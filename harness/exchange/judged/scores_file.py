"""scores.csv of an archive: a table of given scores, written and read back to the last bit.

A column per kind of name, then points, then settings of the runs; of items that F1 counts, correct, predicted and gold
besides.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np

from harness.exchange.judged.layout import SCORES
from harness.project.errors import HarnessError
from harness.verify.given.table import ROLES, Column, Names, Role, Table

POINTS = "points"
SETTING = "setting "
"""What the column of a setting begins with."""
COUNTS = ("n_correct", "n_predicted", "n_gold")
FIX = "take the archive as it was written"


def scores_text(table: Table) -> str:
    """The table as CSV."""
    roles = [role for role in ROLES if role in table.columns]
    columns: list[list[object]] = [_values(table.columns[role]) for role in roles]
    columns.append([repr(points) for points in table.score.tolist()])
    header = [*roles, POINTS, *(SETTING + name for name in table.settings)]
    columns += [_values(column) for column in table.settings.values()]
    if table.counts is not None:
        header += COUNTS
        columns += table.counts.T.tolist()
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # so that a name with either of these is quoted
    writer.writerow(header)
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()


def _values(column: Column) -> list[object]:
    return [column.names[code] for code in column.codes.tolist()]


def read_scores(path: Path, about: Table) -> Table:
    """The table in such a file. `about`: what else is known of it; its rows are not looked at.

    Raises HarnessError, naming the line, for what `scores_text` doesn't write.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        rows = _rows(csv.reader(stream, strict=True))
        header = next(rows, [])
        roles, settings, has_counts = _roles(header)
        columns = list(zip(*rows, strict=True))
    if not columns:
        raise HarnessError(f"expected scores in {SCORES}, found none", fix=FIX)
    named = {role: _column(columns[place]) for place, role in enumerate(roles)}
    try:
        score = np.array([float(one) for one in columns[len(roles)]])
        counts = np.array([[int(one) for one in column] for column in columns[-3:]]).T if has_counts else None
    except (ValueError, OverflowError) as error:
        raise HarnessError(f"expected numbers in {SCORES}, found: {error}", fix=FIX) from None
    if not np.isfinite(score).all():
        raise HarnessError(f"expected finite points in {SCORES}, found others", fix=FIX)
    made = {name: _column(columns[place]) for place, name in enumerate(settings, len(roles) + 1)}
    return replace(about, columns=named, score=score, counts=counts, settings=made)


def _roles(header: list[str]) -> tuple[list[Role], list[str], bool]:
    """The columns of names, the settings, and whether items are counted."""
    has_counts = tuple(header[-3:]) == COUNTS
    names = header[: -3 if has_counts else None]
    roles = [role for role in ROLES if role in names]
    settings = [name.removeprefix(SETTING) for name in names if name.startswith(SETTING)]
    if names != [*roles, POINTS, *(SETTING + name for name in settings)] or len({*settings}) < len(settings):
        raise HarnessError(f"expected the columns of {SCORES}, found {', '.join(header)}", fix=FIX)
    return roles, settings, has_counts


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    width = None
    number = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise HarnessError(f"expected CSV in {SCORES}, found behind row {number}: {error}", fix=FIX) from None
        number, width = number + 1, width or len(row)
        if len(row) != width:
            raise HarnessError(f"expected {width} values in row {number} of {SCORES}, found {len(row)}", fix=FIX)
        yield row


def _column(values: tuple[str, ...]) -> Column:
    names = Names()
    names.add(values)
    return names.done()


def same_rows(one: Table, other: Table) -> bool:
    """Do two tables hold the same rows in the same order?"""
    if one.columns.keys() != other.columns.keys() or [*one.settings] != [*other.settings]:
        return False
    if len(one.score) != len(other.score):
        return False
    if not np.array_equal(one.score, other.score) or (one.counts is None) != (other.counts is None):
        return False
    if one.counts is not None and other.counts is not None and not np.array_equal(one.counts, other.counts):
        return False
    pairs = [(column, other.columns[role]) for role, column in one.columns.items()]
    pairs += [(column, other.settings[name]) for name, column in one.settings.items()]
    return all(_same_column(column, its) for column, its in pairs)


def _same_column(one: Column, other: Column) -> bool:
    codes: Mapping[str, int] = {name: code for code, name in enumerate(other.names)}
    translated = np.array([codes.get(name, -1) for name in one.names], dtype=np.int64)
    return bool(np.array_equal(translated[one.codes], other.codes))
