"""Which rows of a table a claim is about, and a score per method, task and seed from them.

What is compared must be the same but for the method: the same split, metric, tasks and languages. Where the table
leaves a choice it is asked for, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.project.errors import HarnessError, name_some
from harness.verify.given.cells import seeds_in_order
from harness.verify.given.items import CODED, Group, Groups, Items, codes_of, group_rows, sort_items
from harness.verify.given.table import Role, Table, known_name

BASELINES = ("none", "baseline", "base", "control", "vanilla")
"""Names of methods that say that they are the baseline."""
ONE = "the scores"
"""What a table without a column of tasks is called."""
Points = dict[tuple[str, str], dict[str, float]]
"""(method, task) -> seed -> points."""


@dataclass(frozen=True)
class Chosen:
    """What of a table is compared."""

    table: Table
    """The table."""
    rows: NDArray[np.bool_]
    """Its rows that count."""
    baseline: str
    """The method that the others are compared with."""
    methods: list[str]
    """The others."""
    tasks: list[str]
    """The tasks."""
    points: Points
    """(method, task) -> seed -> points, averaged over languages; seeds in their order."""
    has_seeds: bool
    """Does the table name seeds? Else runs are known by their place, and nothing pairs them."""
    split: str | None
    """The split; None where the table doesn't say."""
    metric: str | None
    """The metric, or those of the tasks; likewise."""
    items: Items | None = None
    """Its items, where a row is one; a table of scores has none."""

    def known(self, names: Sequence[str], among: Sequence[str], what: str) -> list[str]:
        """The names as the table writes them. Raises HarnessError for one that isn't `among` them."""
        return [known_name(name, among, what, self.table.source) for name in names]


def choose(
    table: Table,
    *,
    baseline: str | None = None,
    split: str | None = None,
    metric: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> Chosen:
    """What of the table is compared; arguments that are None or empty are found, or asked for where they can't be.

    Raises HarnessError for a choice that is open, a name that isn't there, rows given twice, and languages that are not
    the same for all methods of a task.
    """
    rows = table.every
    split = _split(table, rows, split)
    rows &= table.rows_of("split", split) if split is not None else True
    named: dict[Role, Sequence[str]] = {"task": tasks, "language": languages}
    for role, wanted in named.items():
        if wanted:
            rows &= np.logical_or.reduce([table.rows_of(role, name) for name in wanted])
    metric, of_metric = _metric(table, rows, metric)
    rows &= of_metric
    if not rows.any():
        raise HarnessError(f"expected rows of that choice in {table.source}, found none", fix="choose less narrowly")
    methods = table.names("method", rows) or _no_methods(table)
    baseline = find_baseline(methods, baseline, table.source)
    points, has_seeds, items = _points(table, rows)
    found_tasks = table.names("task", rows) or [ONE]
    others = [method for method in methods if method != baseline]
    return Chosen(table, rows, baseline, others, found_tasks, points, has_seeds, split, metric, items)


def find_baseline(methods: Sequence[str], asked: str | None, source: str) -> str:
    """The method that others are compared with: the one asked for, or the only one whose name says so."""
    if len(methods) < 2:
        raise HarnessError(
            f"expected two methods in {source} at least, found {methods[0]} alone",
            fix="give the scores of both, on the same split, metric and tasks",
        )
    if asked is not None:
        return known_name(asked, methods, "baseline", source)
    said = [method for method in methods if method.lower() in BASELINES]
    if len(said) != 1:
        found = f"{' and '.join(said)}" if said else f"{name_some(list(methods))}"
        raise HarnessError(
            f"expected to know which method of {source} is the baseline, found {found}",
            fix=f"name it with --baseline, as in --baseline {methods[0]}",
        )
    return said[0]


def _no_methods(table: Table) -> list[str]:
    raise HarnessError(
        f"expected a column of methods in {table.source}, found none",
        fix="name it with --column method=NAME, or give each method a file of its own: NAME=FILE NAME=FILE",
    )


def _split(table: Table, rows: NDArray[np.bool_], asked: str | None) -> str | None:
    """The one split; None where the table doesn't say. Asked for where there are several."""
    names = table.names("split", rows)
    if asked is not None:
        return table.names("split", table.rows_of("split", asked))[0]
    if len(names) > 1:
        raise HarnessError(
            f"expected one split in {table.source}, found {name_some([name or '(empty)' for name in names])}",
            fix="say with --split which is judged; a score of another split is no baseline",
        )
    return names[0] if names and names[0] else None


def _metric(table: Table, rows: NDArray[np.bool_], asked: str | None) -> tuple[str | None, NDArray[np.bool_]]:
    """The metrics in words, and their rows: one per task, the same for all methods. Asked for where a task has more."""
    if asked is not None:
        of_metric = table.rows_of("metric", asked)
        return ", ".join(table.names("metric", of_metric)), of_metric
    if "metric" not in table.columns:
        return None, rows
    metric, task = table.columns["metric"], table.columns.get("task")
    by_task: dict[int, list[int]] = {}
    for t, m in np.unique(np.stack([codes_of(table, role, rows) for role in ("task", "metric")]), axis=1).T.tolist():
        by_task.setdefault(t, []).append(m)
    for t, found in by_task.items():
        if len(found) > 1:
            where = f"of {task.names[t]} in {table.source}" if task else f"in {table.source}"
            raise HarnessError(
                f"expected one metric {where}, found {name_some([metric.names[m] or '(empty)' for m in found])}",
                fix="say with --metric which is judged",
            )
    names = list(dict.fromkeys(metric.names[m] for (m,) in by_task.values()))
    return ", ".join(filter(None, names)) or None, rows


def _points(table: Table, rows: NDArray[np.bool_]) -> tuple[Points, bool, Items | None]:
    """(method, task) -> seed -> points; whether the table names seeds; and its items, where it has any."""
    seeds = table.names("seed", rows)
    has_seeds = bool(seeds) and "" not in seeds
    if "" in seeds and len(seeds) > 1:
        raise HarnessError(
            f"expected a seed of every run in {table.source}, found some with and some without",
            fix="give each its seed, in its column or as NAME:SEED=SOURCE, or none of them",
        )
    codes = {role: codes_of(table, role, rows) for role in CODED}
    if not has_seeds:
        codes["seed"] = np.zeros(int(rows.sum()), dtype=np.int64) if table.has_items else _runs(codes)
    groups = group_rows(codes)
    _check_languages(table, groups, has_seeds)
    items = sort_items(table, rows, groups) if table.has_items else None
    by_language = items.points() if items else _scores(table, rows, groups, has_seeds)
    points: dict[tuple[str, str], dict[str, list[float]]] = {}
    method, task, seed = (table.columns.get(role) for role in ("method", "task", "seed"))
    for (m, t, s, _), value in by_language.items():
        pair = (method.names[m] if method else "", task.names[t] if task else ONE)
        name = seed.names[s] if has_seeds and seed else str(s + 1)
        points.setdefault(pair, {}).setdefault(name, []).append(value)
    order = {name: place for place, name in enumerate(seeds_in_order({seed for by in points.values() for seed in by}))}
    found = {
        pair: {seed: float(np.mean(by[seed])) for seed in sorted(by, key=order.__getitem__)}
        for pair, by in points.items()
    }
    return found, has_seeds, items


def _runs(codes: Mapping[Role, NDArray[np.int64]]) -> NDArray[np.int64]:
    """Where no seed is named: the number of each row among those of its method, task and language."""
    seen: dict[tuple[int, int, int], int] = {}
    found = []
    for key in zip(codes["method"].tolist(), codes["task"].tolist(), codes["language"].tolist(), strict=True):
        found.append(seen.get(key, 0))
        seen[key] = seen.get(key, 0) + 1
    return np.array(found, dtype=np.int64)


def _scores(table: Table, rows: NDArray[np.bool_], groups: Groups, has_seeds: bool) -> dict[Group, float]:
    """Method, task, seed and language -> points. Raises HarnessError for a second row of one."""
    number = np.bincount(groups.place)
    if (number > 1).any():
        most = int(np.argmax(number))
        found = f"{int(number[most])} of {_named(table, groups.keys[most], has_seeds)}"
        raise HarnessError(
            f"expected one score each in {table.source}, found {found}",
            fix="remove all but one; if a row is one item of a test set, name the items with --column item=NAME",
        )
    score = np.bincount(groups.place, weights=table.score[rows])
    return dict(zip(groups.keys, score.tolist(), strict=True))


def _named(table: Table, where: Sequence[int], has_seeds: bool) -> str:
    """A method, task, seed and, where it is given, language by their numbers, in words."""
    names = {"method": "", "task": "on ", "seed": "at seed ", "language": "in "}
    words = []
    for role, code in zip(CODED, where, strict=False):
        column = table.columns.get(role)
        if role == "seed" and not has_seeds:
            words += [] if table.has_items else [f"at its run {code + 1}"]
        elif column and column.names[code]:
            words.append(names[role] + column.names[code])
    return " ".join(words)


def _check_languages(table: Table, groups: Groups, has_seeds: bool) -> None:
    """Every method has the same languages of a task, at every seed; a mean over fewer of them is another number."""
    if "language" not in table.columns:
        return
    language = table.columns["language"]
    by_run: dict[int, dict[tuple[int, int], set[int]]] = {}
    for m, t, s, g in groups.keys:
        by_run.setdefault(t, {}).setdefault((m, s), set()).add(g)
    for t, runs in by_run.items():
        every = set().union(*runs.values())
        for (m, s), own in runs.items():
            if lacks := [language.names[code] for code in sorted(every - own)]:
                common = " ".join(
                    f"--language {language.names[code]}" for code in sorted(set.intersection(*runs.values()))
                )
                raise HarnessError(
                    f"expected the same languages for all in {table.source}, but {_named(table, (m, t, s), has_seeds)}"
                    f" lacks {name_some(lacks)}",
                    fix=f"add its scores, or judge the languages that all have: {common}" if common else "add them",
                )
