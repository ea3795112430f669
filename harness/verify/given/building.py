"""A table while its rows come in, and what is wrong with it as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.project.errors import HarnessError
from harness.verify.given.cells import (
    SUMMARIES,
    as_seeds,
    check_names,
    is_empty,
    is_number,
    name_of,
    names_of,
    numbers_of,
)
from harness.verify.given.columns import Layout, NoScores, check_header, find_layout, is_setting, may_be_method
from harness.verify.given.table import Column, Floats, Names, Role, Table, Unit, to_points

COMMA = re.compile(r"\s*[+-]?[0-9]+,[0-9]+\s*")
"""A number with a decimal comma."""
NEAR = 2.0
"""Scores of two methods seldom differ by such a factor; a setting and a score do."""
SAMPLE = 50
"""Rows that show whether a column holds numbers."""

Rows = Sequence[Sequence[Any]]


def build(
    parts: Iterable[tuple[list[str], Rows, int]], source: str, asked: Mapping[str, str] | None, unit: Unit | None
) -> Table:
    """A table from its parts: (header, rows, number of the first row). Raises HarnessError for what is no table."""
    building: Building | None = None
    header: list[str] | None = None
    for names, rows, begin in parts:
        header = names
        if not rows:
            continue
        if building is None:
            building = Building(_layout(header, rows, source, asked), header, source, set(asked or ()))
        building.add(rows, begin)
    if building is None:
        check_header(header or [], source)
        raise HarnessError(f"expected scores in {source}, found no row", fix="give it a row per score")
    return building.done(unit)


def _layout(header: list[str], rows: Rows, source: str, asked: Mapping[str, str] | None) -> Layout:
    cells = {name: [row[place] for row in rows[:SAMPLE]] for place, name in enumerate(header)}
    numeric = {name: own for name, own in cells.items() if _hold_numbers(own)}
    scores = [name for name in numeric if not (is_setting(name) and _is_set(name, numeric))]
    try:
        layout = find_layout(header, source, asked, scores)
    except NoScores:
        _refuse_commas(cells, source)
        raise
    if layout.is_wide:
        _refuse_commas({name: cells[name] for name in layout.ignored}, source)
    return layout


def _is_set(name: str, numeric: Mapping[str, Sequence[Any]]) -> bool:
    """Is the column called like a setting one by its values, too: always the same, or far from all other numbers?"""
    own = [abs(float(name_of(cell))) for cell in numeric[name] if not is_empty(cell)]
    scores = [own for other, own in numeric.items() if not is_setting(other) and may_be_method(other)]
    others = [abs(float(name_of(cell))) for cells in scores for cell in cells if not is_empty(cell)]
    typical = max(own)
    return len({*own}) == 1 or not any(typical / NEAR <= other <= typical * NEAR for other in others)


def _refuse_commas(cells: Mapping[str, Sequence[Any]], source: str) -> None:
    for name, own in cells.items():
        there = [str(cell) for cell in own if not is_empty(cell)]
        if there and all(map(COMMA.fullmatch, there)):
            raise HarnessError(
                f"expected numbers with a decimal point in column `{name}` of {source}, found `{there[0]:.40}`",
                fix=f"write {there[0].strip().replace(',', '.'):.40}",
            )


def _hold_numbers(cells: Sequence[Any]) -> bool:
    return any(map(is_number, cells)) and all(is_number(cell) or is_empty(cell) for cell in cells)


class Building:
    """A table while its rows come in."""

    def __init__(self, layout: Layout, header: Sequence[str], source: str, asked: set[str]) -> None:
        """Empty. `asked`: the roles whose columns the user named."""
        self.layout, self.source, self.asked = layout, source, asked
        self.at = {name: place for place, name in enumerate(header)}
        self.names: dict[Role, Names] = {role: Names() for role in layout.names}
        self.scores: list[Floats] = []
        self.counts: list[Floats] = []
        if layout.is_wide:
            self.names["method"] = Names()
        self.settings = {name: Names() for name in layout.ignored if is_setting(name)}

    def add(self, rows: Rows, begin: int) -> None:
        """Further rows, the first of which has the number `begin`."""
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        if self.layout.is_wide:
            self._add_wide(columns, begin)
            return
        for role, name in self.layout.names.items():
            names = self.names[role]
            try:
                names.add_text(columns[self.at[name]])
            except TypeError:
                names.add(names_of(columns[self.at[name]]))
            if "" in names:
                self._refuse_empty(role, names_of(columns[self.at[name]]), begin)
        for setting, names in self.settings.items():
            names.add(names_of(columns[self.at[setting]]))
        self._measure(columns, begin)

    def _refuse_empty(self, role: Role, values: Sequence[str], begin: int) -> None:
        """HarnessError for a cell without a name, where each row needs one."""
        if role in ("method", "task", "item", "seed") and "" in values:
            line = begin + values.index("")
            raise HarnessError(f"expected a {role} in row {line} of {self.source}, found none", fix="fill it in")

    def _add_wide(self, columns: Sequence[Sequence[Any]], begin: int) -> None:
        """A column of scores per method; an empty cell is a score that there isn't."""
        named = {role: names_of(columns[self.at[name]]) for role, name in self.layout.names.items()}
        settings = {name: names_of(columns[self.at[name]]) for name in self.settings}
        for role, values in named.items():
            self._refuse_empty(role, values, begin)
        for method in self.layout.score:
            cells = columns[self.at[method]]
            there = [place for place, cell in enumerate(cells) if not is_empty(cell)]
            if len(there) == len(cells):
                found = numbers_of(cells, begin, method, self.source)
            else:
                each = [numbers_of([cells[place]], begin + place, method, self.source) for place in there]
                found = np.concatenate(each) if each else np.zeros(0)
            self.scores.append(found)
            self.names["method"].add([method] * len(there))
            for role, values in named.items():
                self.names[role].add([values[place] for place in there])
            for name, values in settings.items():
                self.settings[name].add([values[place] for place in there])

    def _measure(self, columns: Sequence[Sequence[Any]], begin: int) -> None:
        layout, of_items = self.layout, "item" in self.names
        if layout.compared:
            said, gold = (columns[self.at[name]] for name in layout.compared)
            pairs = zip(names_of(said), names_of(gold), strict=True)
            self.scores.append(np.array([one == other for one, other in pairs], dtype=float))
        elif layout.counts:
            each = [numbers_of(columns[self.at[name]], begin, name, self.source) for name in layout.counts]
            self.counts.append(np.stack(each, axis=1))
            self.scores.append(np.zeros(len(columns[0])))
        else:
            (name,) = layout.score
            self.scores.append(numbers_of(columns[self.at[name]], begin, name, self.source, of_items=of_items))

    def done(self, unit: Unit | None) -> Table:
        """The table. Raises HarnessError where it holds no score, or what its rows hold doesn't fit together."""
        layout, columns = self.layout, {role: names.done() for role, names in self.names.items()}
        score = np.concatenate(self.scores) if self.scores else np.zeros(0)
        if not len(score):
            raise HarnessError(f"expected scores in {self.source}, found no row", fix="give it a row per score")
        for role, column in columns.items():
            check_names(column, role, self.source)
        if "seed" in columns:
            columns["seed"] = as_seeds(columns["seed"], self.source)
        counts = _whole(np.concatenate(self.counts), self.source) if self.counts else None
        remarks = self._remarks(columns)
        if layout.is_wide and "item" in columns and "item" not in self.asked and not np.isin(score, (0, 1)).all():
            numbers = layout.names["item"]
            raise HarnessError(
                f"expected to know whether a row of {self.source} is an item or a run, found `{numbers}` beside scores"
                " that are neither right nor wrong",
                fix=f"say it: --column seed={numbers}, or --column item={numbers}",
            )
        if layout.compared or layout.counts or "item" in columns:
            score, found = _items(score, counts, self.source)
        else:
            groups, name = _groups(columns, len(score))
            score, found = to_points(score, groups, name, unit, self.source)
        said = {role: column for role, column in layout.found.items() if role != "item" or "item" in columns}
        settings = {name: names.done() for name, names in self.settings.items()}
        return Table(self.source, columns, score, found, counts, said, tuple(remarks), settings=settings)

    def _numbers_rows(self, columns: Mapping[Role, Column]) -> bool:
        """Is the column of items a row number? No item is there for two methods, so nothing is paired by it; or, in a
        wide table, seeds tell the rows apart already."""
        if self.layout.is_wide:
            others = [column.codes for role, column in columns.items() if role != "item"]
            return "seed" in columns and np.unique(np.stack(others), axis=1).shape[1] == len(others[0])
        item, method = columns["item"], columns.get("method")
        return len(item.names) == len(item.codes) and method is not None and len(method.names) > 1

    def _remarks(self, columns: dict[Role, Column]) -> list[str]:
        """What of the table doesn't count. Takes a column of row numbers out of `columns`."""
        remarks = []
        if ignored := [name or "(without a name)" for name in self.layout.ignored]:
            remarks.append(f"columns that don't count: {', '.join(ignored[:8])}{' ...' if ignored[8:] else ''}")
        item = columns.get("item")
        scores_alone = not (self.layout.compared or self.layout.counts)
        if item and scores_alone and "item" not in self.asked and self._numbers_rows(columns):
            del columns["item"]
            remarks.append(f"column `{self.layout.names['item']}` numbers the rows and names no items")
        if self.layout.is_wide and (made := [name for name in self.layout.score if name.lower() in SUMMARIES]):
            raise HarnessError(
                f"expected a method in every column of numbers of {self.source}, found `{made[0]}`",
                fix="remove columns that are made from others",
            )
        return remarks


def _whole(counts: Floats, source: str) -> Any:
    if (broken := counts != np.floor(counts)).any():
        raise HarnessError(
            f"expected whole numbers of answers in {source}, found {float(counts[broken][0]):g}", fix="correct the row"
        )
    return counts.astype(np.int64)


def _items(score: Floats, counts: Any, source: str) -> tuple[Floats, Unit]:
    if counts is not None and ((counts < 0).any() or (counts[:, 0] > counts[:, 1:].min(axis=1)).any()):
        raise HarnessError(
            f"expected counts of 0 or more in {source}, and no more correct than predicted or gold ones",
            fix="correct the row",
        )
    if (score < 0).any() or (score > 1).any():
        worst = float(score[(score < 0) | (score > 1)][0])
        raise HarnessError(
            f"expected how much of an item is right, from 0 to 1, in {source}, found {worst:g}",
            fix="write 1 for right and 0 for wrong; for a score per test set leave the column of items out",
        )
    return score * 100, "fraction"


def _groups(columns: Mapping[Role, Column], n: int) -> tuple[Any, Callable[[int], str]]:
    """A number of the method on the task per row, and its words."""
    method, task = columns.get("method"), columns.get("task")
    zero = np.zeros(n, dtype=np.int64)
    tasks = len(task.names) if task else 1
    groups = (method.codes.astype(np.int64) if method else zero) * tasks + (task.codes if task else zero)

    def name(group: int) -> str:
        first = method.names[group // tasks] if method else "the scores"
        return first + (f" on {task.names[group % tasks]}" if task else "")

    return groups, name
