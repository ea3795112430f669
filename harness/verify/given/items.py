"""The items of a table, sorted once: the items of one method, task, seed and language lie one behind the other.

Scores of test sets are sums over them. Two methods are comparable item by item where they have the same items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.project.errors import HarnessError, name_some
from harness.verify.given.table import Role, Table
from harness.verify.statistics.items import Array, Places, Run, ScoredSet, Stratum

CODED: tuple[Role, ...] = ("method", "task", "seed", "language")
"""What tells one score from another."""
LARGEST_KEY = 2**62
"""Of numbers that several columns make together."""

Group = tuple[int, int, int, int]
"""Numbers of a method, task, seed and language."""
Mask = NDArray[np.bool_]


def codes_of(table: Table, role: Role, rows: Mask) -> Places:
    """The number of a name per row that counts; 0 where there is no such column."""
    column = table.columns.get(role)
    return column.codes[rows].astype(np.int64) if column else np.zeros(int(rows.sum()), dtype=np.int64)


@dataclass(frozen=True)
class Groups:
    """Which score each row belongs to."""

    place: Places
    """Per row that counts: the number of its group, by method, task, seed and language."""
    keys: list[Group]
    """Number -> group, ascending."""


def group_rows(codes: Mapping[Role, Places]) -> Groups:
    """Rows by method, task, seed and language: without sorting where these are few together."""
    flat, sizes = codes[CODED[0]], [int(codes[role].max()) + 1 for role in CODED]
    for role, size in zip(CODED[1:], sizes[1:], strict=True):
        if int(flat.max()) >= LARGEST_KEY // size:
            raise HarnessError(
                "expected fewer different methods, tasks, seeds and languages, found " + " x ".join(map(str, sizes)),
                fix="check which columns were taken for them; --column names others",
            )
        flat = flat * size + codes[role]
    if int(flat.max()) <= 2 * len(flat) + 1000:
        there = np.flatnonzero(np.bincount(flat))
        number = np.zeros(int(there[-1]) + 1, dtype=np.int64)
        number[there] = np.arange(len(there))
        place = number[flat]
    else:
        there, place = np.unique(flat, return_inverse=True)
    each = zip(*(code.tolist() for code in np.unravel_index(there, _fitting(sizes))), strict=True)
    return Groups(place, [(m, t, s, g) for m, t, s, g in each])


def _fitting(sizes: Sequence[int]) -> tuple[int, ...]:
    return tuple(max(1, size) for size in sizes)


@dataclass(frozen=True)
class Items:
    """Items by group."""

    table: Table
    """What they are of."""
    groups: dict[Group, slice]
    """Method, task, seed and language -> its items, ascending by number."""
    item: NDArray[np.int32]
    """Number of the item."""
    part: Array
    """100 right, or 200 correct."""
    whole: Array | None
    """predicted + gold, 1 where the item has `right`; None where all have."""

    def points(self) -> dict[Group, float]:
        """The score of each group: the mean of right, or F1 over all of its items."""
        starts = [own.start for own in self.groups.values()]
        part = np.add.reduceat(self.part, starts)
        lengths = np.array([own.stop - own.start for own in self.groups.values()], dtype=float)
        whole = lengths if self.whole is None else np.add.reduceat(self.whole, starts)
        scores = np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 100.0)
        return dict(zip(self.groups, scores.tolist(), strict=True))

    def names(self, codes: Iterable[int]) -> list[str]:
        """Names of items, in the order of the table."""
        return [self.table.columns["item"].names[code] for code in codes]


def sort_items(table: Table, rows: Mask, groups: Groups) -> Items:
    """The items of the rows that count. Raises HarnessError for an item that stands twice in a group, and a group of
    which some items have counts and others don't."""
    codes = table.columns["item"].codes[rows]
    many = int(codes.max()) + 1
    key = groups.place * many + codes
    order = None if (key[1:] > key[:-1]).all() else np.argsort(key, kind="stable")
    if order is not None:
        key, codes = key[order], codes[order]
    _check_once(table, key, codes)
    bounds = np.searchsorted(key, np.arange(len(groups.keys) + 1) * many).tolist()
    slices = {group: slice(bounds[place], bounds[place + 1]) for place, group in enumerate(groups.keys)}
    score = table.score[rows] if order is None else table.score[rows][order]
    if table.counts is None:
        return Items(table, slices, codes, score, None)
    counts = table.counts[rows] if order is None else table.counts[rows][order]
    counted = counts[:, 0] >= 0
    _check_counts(table, counted, list(slices.values()))
    part, whole = np.where(counted, 200.0 * counts[:, 0], score), np.where(counted, counts[:, 1] + counts[:, 2], 1.0)
    return Items(table, slices, codes, part, whole)


def _check_once(table: Table, key: Places, codes: NDArray[np.int32]) -> None:
    again = np.flatnonzero(key[1:] == key[:-1])
    if len(again):
        name = table.columns["item"].names[int(codes[again[0]])]
        raise HarnessError(
            f"expected each item once per method, task, seed and language in {table.source}, found `{name}` again",
            fix="remove the second row; where items of several tasks share names, add a column of tasks",
        )


def _check_counts(table: Table, counted: Mask, slices: Sequence[slice]) -> None:
    if any(0 < counted[own].sum() < own.stop - own.start for own in slices):
        raise HarnessError(
            f"expected counts for all items of a test set in {table.source}, or for none, found some with and some"
            " without",
            fix="give all of them counts, or all of them `right`",
        )


@dataclass(frozen=True)
class Compared:
    """What is compared item by item: codes of a method and the seeds of its runs, and those of its baseline."""

    method: int
    seeds: tuple[int, ...]
    baseline: int
    baseline_seeds: tuple[int, ...]

    @property
    def runs(self) -> list[tuple[int, int, float]]:
        """(method, seed, weight) of every run: the weights of the method's add up to 1, those of the other to -1."""
        first = [(self.method, seed, 1 / len(self.seeds)) for seed in self.seeds]
        return first + [(self.baseline, seed, -1 / len(self.baseline_seeds)) for seed in self.baseline_seeds]


def strata_of(items: Items, compared: Compared, tasks: Sequence[int]) -> list[Stratum]:
    """The test sets of a gain that is a mean over tasks of means over languages, weights included.

    Languages of a task that share names of items are drawn together, all else by itself. Raises HarnessError where
    the runs don't have the same items of a test set, and for a test set of one item.
    """
    strata = []
    for task in tasks:
        languages = sorted({g for m, t, _, g in items.groups if t == task and m == compared.method})
        share = 1 / (len(tasks) * len(languages))
        sets = [_test_set(items, compared, task, language, share) for language in languages]
        strata += _together(sets)
    return strata


def _test_set(items: Items, compared: Compared, task: int, language: int, share: float) -> ScoredSet:
    """The runs on a test set; `at` holds codes of items still."""
    slices = {(m, s): items.groups[m, task, s, language] for m, s, _ in compared.runs}
    _check_same(items, slices, task, language)
    at = items.item[next(iter(slices.values()))]
    if len(at) < 2:
        raise HarnessError(
            f"expected two items or more of {_where(items, task, language)} in {items.table.source}, found one",
            fix="for a score per test set leave the column of items out",
        )
    whole = items.whole
    runs = [
        Run(items.part[slices[m, s]], None if whole is None else _none_if_ones(whole[slices[m, s]]), weight * share)
        for m, s, weight in compared.runs
    ]
    return ScoredSet(runs, at.astype(np.int64))


def _none_if_ones(whole: Array) -> Array | None:
    return None if (whole == 1).all() else whole


def _check_same(items: Items, slices: Mapping[tuple[int, int], slice], task: int, language: int) -> None:
    """Raises HarnessError where a run lacks items that another one has."""
    (first, own), *others = slices.items()
    for run, slice_ in others:
        if np.array_equal(items.item[own], items.item[slice_]):
            continue
        lacks = np.setdiff1d(items.item[own], items.item[slice_])
        who = run if len(lacks) else first
        if not len(lacks):
            lacks = np.setdiff1d(items.item[slice_], items.item[own])
        seed = items.table.columns.get("seed")
        name = items.table.columns["method"].names[who[0]] + (f" at seed {seed.names[who[1]]}" if seed else "")
        raise HarnessError(
            f"expected the same items of {_where(items, task, language)} for all that is compared in"
            f" {items.table.source}, but {name} lacks {name_some(items.names(lacks.tolist()))}",
            fix="score all of them on the same items: add those rows, or remove these items for all",
        )


def _where(items: Items, task: int, language: int) -> str:
    """A test set in words."""
    columns = items.table.columns
    task_name = columns["task"].names[task] if "task" in columns else "the test set"
    return task_name + (f" in {columns['language'].names[language]}" if "language" in columns else "")


def _together(sets: Sequence[ScoredSet]) -> list[Stratum]:
    """Test sets in strata: those that share an item, directly or by way of others, in one."""
    items, at = np.unique(np.concatenate([one.at for one in sets]), return_inverse=True)
    each = np.split(at, np.cumsum([len(one.at) for one in sets])[:-1])
    strata = []
    for members in _connected(each, len(items)):
        used, numbers = np.unique(np.concatenate([each[place] for place in members]), return_inverse=True)
        own = np.split(numbers, np.cumsum([len(each[place]) for place in members])[:-1])
        found = [sets[place]._replace(at=numbers) for place, numbers in zip(members, own, strict=True)]
        strata.append(Stratum(found, len(used)))
    return strata


def _connected(each: Sequence[Places], items: int) -> list[list[int]]:
    """Numbers of test sets that hang together by common items."""
    if len(each) == 1:
        return [[0]]
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = np.repeat(np.arange(len(each)), [len(at) for at in each])
    ones = np.ones(len(place), dtype=np.int8)
    edges = coo_array((ones, (place, len(each) + np.concatenate(each))), shape=(len(each) + items,) * 2)
    labels = connected_components(edges, directed=False)[1][: len(each)].tolist()
    return [[place for place, own in enumerate(labels) if own == label] for label in dict.fromkeys(labels)]
