"""The runs of a method and of its baseline over some tasks, paired by seed where both have the same seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from harness.project.errors import HarnessError, name_some
from harness.verify.given.choose import Chosen
from harness.verify.given.doubts import doubts_of_runs
from harness.verify.given.evidence import RowPart, row_part
from harness.verify.given.verdict import SeedScores
from harness.verify.statistics.design import Design
from harness.verify.statistics.intervals import spread
from harness.verify.statistics.parts import Part, Together, put_together
from harness.verify.statistics.welch import Unpaired, difference_of_means

Projection = Callable[[Design], "int | None"]
"""A design -> its next look that would decide with probability 80 %, mean and spread staying as they are."""
BySeed = Mapping[str, float]


class Pair(NamedTuple):
    """A method against a baseline over tasks."""

    first: dict[str, float]
    """Seed -> mean over the tasks of the method's points; seeds that have all tasks."""
    second: dict[str, float]
    """The same of the baseline."""
    gains: dict[str, float] | None
    """Seed -> gain, where the two are paired."""
    reasons: list[str]
    """Why it is paired or not."""
    doubts: list[str]
    """What was left out."""

    @property
    def runs(self) -> tuple[list[str], list[str]]:
        """Seeds of the method and of the baseline that are compared."""
        return (list(self.gains), list(self.gains)) if self.gains is not None else (list(self.first), list(self.second))


def pair_runs(chosen: Chosen, method: str, baseline: str, tasks: Sequence[str], design: Design) -> Pair:
    first, second = (_over_tasks(chosen, name, tasks) for name in (method, baseline))
    gaps = [*_gaps(chosen, method, tasks, first), *_gaps(chosen, baseline, tasks, second)]
    if not chosen.has_seeds and max(len(first), len(second)) > design.last:
        raise HarnessError(
            f"expected at most {design.last} runs without seeds in {chosen.table.source}, found"
            f" {max(len(first), len(second))}: which of them count would hang on the order of the rows",
            fix=f"add a column of seeds, or say with --looks after how many runs you look, as --looks {len(first)}",
        )
    if not chosen.has_seeds or not first or not second:
        unnamed = [] if chosen.has_seeds else ["no seed is named, so runs are not paired: Welch's t"]
        return Pair(first, second, None, unnamed, gaps)
    common = [seed for seed in first if seed in second]
    alone = [f"{name} at {name_some([seed for seed in own if seed not in common])}" for name, own in
             ((method, first), (baseline, second)) if len(own) > len(common)]  # fmt: skip
    few = len(common) < min(design.first, len(first), len(second))
    if few:
        shared = {0: "no seed is", 1: "1 seed is"}.get(len(common), f"{len(common)} seeds are")
        why = f"{shared} common to both (only {'; '.join(alone)}), so runs are not paired: Welch's t"
        return Pair(first, second, None, [why], gaps)
    left = [f"only the {len(common)} seeds that both have count; left out: {'; '.join(alone)}"] if alone else []
    return Pair(first, second, {seed: first[seed] - second[seed] for seed in common}, [], [*gaps, *left])


def _over_tasks(chosen: Chosen, method: str, tasks: Sequence[str]) -> dict[str, float]:
    """Seed -> mean over the tasks, for seeds that have all of them."""
    each = [chosen.points.get((method, task), {}) for task in tasks]
    return {seed: statistics.fmean(by[seed] for by in each) for seed in each[0] if all(seed in by for by in each)}


def _gaps(chosen: Chosen, method: str, tasks: Sequence[str], whole: BySeed) -> list[str]:
    """What of a method is left out, since a seed lacks one of the tasks."""
    each = {task: chosen.points.get((method, task), {}) for task in tasks}
    if lacking := [task for task, by in each.items() if not by]:
        return [f"{method} has no score on {name_some(lacking)}, so no mean over the same tasks"]
    partly = sorted({seed for by in each.values() for seed in by} - set(whole))
    return [f"{method} at seed {name_some(partly)} is left out: it lacks some of the tasks"] if partly else []


def over_rows(
    chosen: Chosen, names: tuple[str, str], tasks: Sequence[str], pair: Pair, design: Design
) -> tuple[RowPart | None, Together | None]:
    """A gain's variance over rows, and that over seeds and rows; None without items. The latter is also None below the
    design's first look, and where seeds change nothing."""
    values, unpaired = list((pair.gains or {}).values()), unpaired_runs(pair, design)
    n = unpaired.n if unpaired else design.look(len(values))
    rows = row_part(chosen, names, tasks, pair.runs, n)
    if rows is None or n is None:
        return rows, None
    if unpaired:
        seeds, mean = Part(variance=unpaired.error**2, freedom=unpaired.freedom), unpaired.difference
    elif s := spread(values[:n]):
        seeds, mean = Part(variance=s**2 / n, freedom=n - 1), statistics.fmean(values[:n])
    else:
        return rows, None
    return rows, put_together(mean, n, seeds, rows.parts, design)


def unpaired_runs(pair: Pair, design: Design) -> Unpaired | None:
    """Welch's difference, where the runs are not paired."""
    if pair.gains is not None:
        return None
    return difference_of_means(list(pair.first.values()), list(pair.second.values()), design)


def difference(pair: Pair) -> float | None:
    if not pair.first or not pair.second:
        return None
    return statistics.fmean(pair.first.values()) - statistics.fmean(pair.second.values())


def not_counted(pair: Pair, n: int, design: Design) -> list[str]:
    """Seeds that the design doesn't count: beyond its last look, or beyond what the other group has."""
    groups = [pair.gains] if pair.gains is not None else [pair.first, pair.second]
    rest = list(dict.fromkeys(seed for group in groups for seed in list(group)[n:])) if n else []
    looks = ", ".join(map(str, design.looks))
    what = "seed" if pair.gains is not None else "run"
    if not rest:
        return []
    return [f"{what} {name_some(rest)} did not count: looks after {looks} {what}s of both, in their order"]


def doubts_of_pair(chosen: Chosen, names: tuple[str, str], tasks: Sequence[str], pair: Pair) -> list[str]:
    """What is doubtful of the runs that were compared."""
    each = [
        {seed: tuple(chosen.points[name, task][seed] for task in tasks) for seed in runs}
        for name, runs in zip(names, (pair.first, pair.second), strict=True)
    ]
    return doubts_of_runs(names, each[0], each[1], pair.gains is not None)


def seed_scores(chosen: Chosen, names: tuple[str, str], tasks: Sequence[str]) -> list[SeedScores]:
    first, second = names
    return [
        SeedScores(
            method=first,
            task=task,
            measured=chosen.points.get((first, task), {}),
            compared=chosen.points.get((second, task), {}),
        )
        for task in tasks
    ]
