"""The numbers below verdicts on given scores: the forest plot's rows, and the scores that each gain is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.pages.report.forest import Row, Spec, forest
from harness.verify.given.show import ends, value_of
from harness.verify.given.verdict import GivenVerdict, GivenVerdicts, SeedScores
from harness.verify.given.words import Count

MOST_CELLS = 12_000
"""So many scores are shown on one page, about 30 bytes each; the file of scores has all of them."""


@dataclass(frozen=True)
class Line:
    """A line of numbers, a cell per seed."""

    name: str
    """What it is of."""
    cells: list[str]
    """In the order of the table's seeds."""
    is_gain: bool = False
    """Is it a gain, made of the lines above?"""


@dataclass(frozen=True)
class GainTable:
    """The scores behind a claim's gain."""

    seeds: list[str]
    """Its columns."""
    left_out: frozenset[str]
    """Seeds among them that do not count."""
    lines: list[Line]
    """Its rows; empty where they would make the page too large."""
    n_scores: int
    """Scores that there are."""


def forest_of(found: GivenVerdicts) -> tuple[list[GivenVerdict], Spec | None]:
    """The claims that have a gain in points, and the plot of them."""
    drawn = [one for one in found.claims if one.measured is not None and not isinstance(one.claim.expected, Count)]
    return drawn, forest([_row(one) for one in drawn], "gain over the baseline (points)")


def _row(one: GivenVerdict) -> Row:
    expected = one.claim.expected
    assert one.measured is not None and not isinstance(expected, Count)
    band = tuple(end if math.isfinite(end) else None for end in expected.band.ends)
    word = one.verdict.replace("_", " ").lower()
    return Row(
        name=one.claim.id,
        word=word,
        mean=one.measured,
        interval=one.interval,
        band=(band[0], band[1]),
        said=f"{one.claim.id}: {word}; measured {value_of(one, one.measured)} {ends(one)}, claimed {one.expected}",
        seeds={seed: one.values[seed] for seed in one.seeds if seed in one.values},
    )


def gain_tables(claims: Sequence[GivenVerdict]) -> list[GainTable]:
    """A table per claim; those beyond MOST_CELLS together are without lines."""
    tables, room = [], MOST_CELLS
    for one in claims:
        n_scores = sum(len(row.measured) + len(row.compared) for row in one.scores)
        is_shown = n_scores <= room
        room -= n_scores if is_shown else 0
        tables.append(_table(one, n_scores, is_shown))
    return tables


def _table(one: GivenVerdict, n_scores: int, is_shown: bool) -> GainTable:
    seeds = list(dict.fromkeys(seed for row in one.scores for seed in (*row.measured, *row.compared)))
    is_paired = one.pairing == "paired by seed"
    left_out = frozenset(seeds) - frozenset(one.seeds) if is_paired else frozenset()
    lines = [line for row in one.scores for line in _lines(row, one, seeds, is_paired)] if is_shown else []
    if lines and len(one.scores) > 1 and one.values:
        mean = [f"{one.values[seed]:+z.2f}" if seed in one.values else "-" for seed in seeds]
        lines.append(Line("mean gain", mean, is_gain=True))
    return GainTable(seeds, left_out, lines, n_scores)


def _lines(row: SeedScores, one: GivenVerdict, seeds: Sequence[str], is_paired: bool) -> list[Line]:
    on = f" on {row.task}" if len(one.tasks) > 1 or row.task != "the scores" else ""
    lines = [
        Line(f"{name}{on}", [f"{by[seed]:.2f}" if seed in by else "-" for seed in seeds])
        for name, by in ((row.method, row.measured), (one.baseline, row.compared))
    ]
    if not is_paired:
        return lines
    both = [(row.measured.get(seed), row.compared.get(seed)) for seed in seeds]
    gains = ["-" if first is None or second is None else f"{first - second:+z.2f}" for first, second in both]
    return [*lines, Line("gain", gains, is_gain=True)]
