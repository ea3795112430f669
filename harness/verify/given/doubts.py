"""What in a table asks for an explanation: seeds that were copied, left out or rounded, and claims that say nothing.

None of it decides: a doubt is printed beside the verdict, and `--strict` fails where there is one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from harness.project.errors import name_some
from harness.verify.given.cells import SUMMARIES
from harness.verify.given.choose import Chosen
from harness.verify.given.items import codes_of
from harness.verify.given.rows import less_is_better
from harness.verify.given.table import Column, Role
from harness.verify.given.words import Amount, Bound, Count
from harness.verify.statistics.intervals import FEWEST_SEEDS, spread

BEYOND = 100.0
"""Points; a score farther from 0 is no percentage."""
DIGITS = 4
"""Decimals, in points, that a rounded score has at most."""

FIGURES = 2
"""Decimals, of all scores of a seed together, from which on two seeds don't have the same ones by chance."""

Scores = Mapping[str, tuple[float, ...]]
"""Seed -> the points of each task."""


def doubts_of_table(chosen: Chosen, asked_tasks: Sequence[str], asked_languages: Sequence[str]) -> list[str]:
    """What is doubtful of all claims on these scores."""
    table, found = chosen.table, []
    metric = chosen.metric or table.found.get("score", "")
    if less := less_is_better(metric):
        found.append(f"of `{less}` less is better, but here a gain is a higher score: claim a loss, as in `<= -1`")
    if np.abs(table.score[chosen.rows]).max() > BEYOND:
        worst = table.score[chosen.rows][np.argmax(np.abs(table.score[chosen.rows]))]
        found.append(f"a score of {worst:g} is no percentage: is it in points?")
    counted: tuple[Role, ...] = ("task", "language")
    for role in counted:
        made = [name for name in table.names(role, chosen.rows) if name.lower() in SUMMARIES]
        if made:
            found.append(f"the {role} `{made[0]}` looks like a mean of the others, and counts as one of them")
    for role, asked in zip(counted, (asked_tasks, asked_languages), strict=True):
        every = table.names(role)
        if asked and len(every) > len(asked):
            found.append(f"{len(asked)} of {len(every)} {role}s are judged, chosen by who asked")
    return [*found, *_settings(chosen)]


def _settings(chosen: Chosen) -> Iterator[str]:
    """Runs that differ by more than their seed: then the spread over seeds, or the gain, is that of a setting too.

    Compared where method, task and language are the same; a value that isn't given is none.
    """
    methods = [chosen.baseline, *chosen.methods]
    for name, column in chosen.table.settings.items():
        values = _values_of(chosen, column)
        of = {method: {where: found for (own, where), found in values.items() if own == method} for method in methods}
        varied = [(method, found) for method in methods for found in of[method].values() if len(found) > 1]
        if varied:
            method, found = varied[0]
            yield (
                f"`{name}` differs between the runs of {method} ({name_some(found)}): such runs are no repetitions of"
                " one another"
            )
            continue
        for method in chosen.methods:
            both = [where for where in of[method] if where in of[chosen.baseline]]
            unlike = [where for where in both if of[method][where] != of[chosen.baseline][where]]
            if unlike:
                own, base = of[method][unlike[0]][0], of[chosen.baseline][unlike[0]][0]
                what = f"`{name}` is {own} of {method} and {base} of {chosen.baseline}"
                yield f"{what}: was it chosen for both in the same way?"
                break


def _values_of(chosen: Chosen, column: Column) -> dict[tuple[str, tuple[int, int]], list[str]]:
    """(method, numbers of task and language) -> the values of a setting in its rows, however numbers are written."""
    first: dict[float | str, str] = {}
    shown = [first.setdefault(_as_number(name), name) for name in column.names]
    each = [codes_of(chosen.table, role, chosen.rows) for role in ("method", "task", "language")]
    found: dict[tuple[str, tuple[int, int]], list[str]] = {}
    names = chosen.table.columns["method"].names
    sizes = [int(codes.max()) + 1 for codes in each]
    groups, place = np.unique(np.ravel_multi_index(each, sizes), return_inverse=True)
    group, values = np.divmod(np.unique(place * len(shown) + column.codes[chosen.rows]), len(shown))
    numbers = np.unravel_index(groups[group], sizes)
    for method, task, language, value in zip(*(codes.tolist() for codes in (*numbers, values)), strict=True):
        own = found.setdefault((names[method], (task, language)), [])
        if shown[value] and shown[value] not in own:
            own.append(shown[value])
    return {where: sorted(own) for where, own in found.items() if own}


def _as_number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def doubts_of_claim(expected: Amount | Bound | Count) -> list[str]:
    """Would the claim also hold where nothing is gained?"""
    if isinstance(expected, Amount) and expected.points and expected.band.low <= 0 <= expected.band.high:
        return [f"the margin is as wide as the claim: {expected} would also hold for no gain at all"]
    if isinstance(expected, Bound) and expected.side == ">=" and expected.points < 0:
        return [f"{expected} would also hold for no gain at all"]
    if isinstance(expected, Count) and expected.points < 0:
        return [f"a gain above {expected.points:+z.6g} is one that no gain at all has, too"]
    return []


def doubts_of_runs(names: tuple[str, str], first: Scores, second: Scores, paired: bool) -> list[str]:
    """What is doubtful of the runs of a method and its baseline, whose names are given."""
    groups = dict(zip(names, (first, second), strict=True))
    both = {seed: (*first[seed], *second[seed]) for seed in first if seed in second}
    found = [*_constant(groups)]
    if paired:
        copied = _copied(both)
        found += [*copied, *_same_run(names, first, second, both)]
        found += [] if copied else [doubt for name, runs in groups.items() for doubt in _repeated(name, runs)]
    else:
        found += [doubt for name, runs in groups.items() for doubt in _repeated(name, runs)]
    found += _one_group_twice(names, first, second)
    found += _too_even(names, first, second) if paired else []
    return [*found, *_rounded(first, second, paired), *(_left_out([*first, *second]) if paired else [])]


def _constant(groups: Mapping[str, Scores]) -> list[str]:
    """One of the two never changes: a run that was copied to all seeds, or one that has no chance in it."""
    still = [name for name, runs in groups.items() if len(runs) >= FEWEST_SEEDS and len(set(runs.values())) == 1]
    if len(still) == 1:
        return [
            f"{still[0]} has the same score at all {len(groups[still[0]])} seeds, which counts as no spread at all: if"
            " it is one run, its own luck is not in the interval"
        ]
    near = [
        name
        for name, runs in groups.items()
        if len(runs) >= FEWEST_SEEDS
        and len(set(runs.values())) > 1
        and len({round(math.fsum(points) / len(points), 1) for points in runs.values()}) == 1
    ]
    return [f"all scores of {name} are equal to one decimal: are they runs of their own?" for name in near]


def _copied(both: Scores) -> list[str]:
    """Seeds whose scores are all those of another seed, method and baseline alike."""
    seen: dict[tuple[float, ...], str] = {}
    pairs = []
    for seed, points in both.items():
        if points in seen:
            pairs.append(f"{seed} those of {seen[points]}")
        seen.setdefault(points, seed)
    figures = _decimals([value for points in both.values() for value in points]) * len(next(iter(both.values()), ()))
    if not pairs or len(seen) == 1 or figures < FIGURES:
        return []
    return [f"seed {name_some(pairs)}: the same scores twice narrow the interval; are they runs of their own?"]


def _repeated(name: str, runs: Scores) -> list[str]:
    different = len(set(runs.values()))
    if 1 < different <= len(runs) / 2:
        return [f"the {len(runs)} runs of {name} have {different} different scores: are they runs of their own?"]
    return []


def _same_run(names: tuple[str, str], first: Scores, second: Scores, both: Scores) -> list[str]:
    same = [seed for seed in both if first[seed] == second[seed]]
    several = len(next(iter(both.values()), ())) > 2
    if len(same) > 1 or (same and several):
        return [f"{names[0]} and {names[1]} have the same scores at seed {name_some(same)}: are they the same runs?"]
    return []


def _one_group_twice(names: tuple[str, str], first: Scores, second: Scores) -> list[str]:
    if len(first) > 1 and first != second and sorted(first.values()) == sorted(second.values()):
        return [f"{names[0]} and {names[1]} have the same scores at other seeds: are they the same runs?"]
    return []


EVEN = 0.05
"""Of the spread of method and baseline; gains that scatter less hardly come from runs of their own."""


def _too_even(names: tuple[str, str], first: Scores, second: Scores) -> list[str]:
    """Runs scatter, and the gain doesn't: as if one column were the other plus a constant."""
    seeds = [seed for seed in first if seed in second]
    if len(seeds) < FEWEST_SEEDS:
        return []
    over = [[math.fsum(runs[seed]) / len(runs[seed]) for seed in seeds] for runs in (first, second)]
    gains = [one - other for one, other in zip(*over, strict=True)]
    if spread(gains) < EVEN * min(map(spread, over)):
        return [f"{names[0]} and {names[1]} go up and down together, and the gain stays: are they runs of their own?"]
    return []


def _rounded(first: Scores, second: Scores, paired: bool) -> list[str]:
    """Is the spread smaller than the last digit?"""
    values = [value for runs in (first, second) for points in runs.values() for value in points]
    digits = _decimals(values)
    if digits == DIGITS or not values:
        return []
    gains = [first[seed][0] - second[seed][0] for seed in first if seed in second]
    groups = [gains] if paired else [[points[0] for points in runs.values()] for runs in (first, second)]
    spreads = [spread(group) for group in groups if len(group) > 1]
    step = 10.0**-digits
    if spreads and 0 < math.hypot(*spreads) < step:
        return [
            f"scores are rounded to {step:g} points, and the spread over seeds is smaller: more decimals may widen the"
            " interval"
        ]
    return []


def _decimals(values: Sequence[float]) -> int:
    """Decimals of scores in points that are all rounded so far; DIGITS where they aren't."""
    return next((n for n in range(DIGITS) if all(abs(round(value, n) - value) < 1e-7 for value in values)), DIGITS)


def _left_out(seeds: Sequence[str]) -> list[str]:
    """Numbers that lack in a row of seeds."""
    if len(seeds) < FEWEST_SEEDS or not all(re.fullmatch("[0-9]{1,9}", seed) for seed in seeds):
        return []
    there = {int(seed) for seed in seeds}
    span = max(there) - min(there) + 1
    if not len(there) < span <= 2 * len(there):
        return []
    lacks = [str(seed) for seed in range(min(there), max(there)) if seed not in there]
    return [f"seed {name_some(lacks)} is not there: if it was run and left out, the verdict doesn't hold"]
