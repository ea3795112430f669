"""Row makers: a gain that was published on development sets, judged by test sets, where the two true gains may differ.

A verdict is decided only where the rule gives the same with development sets in place of the test sets of the targets
that have both. It is counted as an error where it is false of either gain: REPRODUCED where one of the two lies outside
the band, NOT_REPRODUCED where one lies within.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from harness.verify.statistics.simulation.draws import Cells, Numbers, draw_cells, generator
from harness.verify.statistics.simulation.kinds import GAIN, cell_spread
from harness.verify.statistics.simulation.records import Condition, Row
from harness.verify.statistics.simulation.rules import LOOKS, NO, OPEN, YES, Codes, new_rule, old_rule
from harness.verify.statistics.simulation.studies import (
    ACCIDENTS,
    DEVIATIONS,
    USUAL,
    Maker,
    count,
    count_noisy,
    judge_kind,
    judge_looks,
)

TARGETS, DEVELOPED = GAIN.recipe_cells, 5
"""Targets of the claim, and those of the published data that have separate development rows in every language."""
SHARED = 0.8
"""Part of a score's variance over seeds that development and test sets share, as in the choosing of the best recipe."""
TRUTHS = (
    *((deviation, deviation) for deviation in DEVIATIONS),
    *((0.0, deviation) for deviation in DEVIATIONS[1:]),
    *((deviation, 0.0) for deviation in DEVIATIONS[1:]),
)
"""Deviations of the true gain on development and on test sets, in margins."""


class World(NamedTuple):
    """Which targets have development sets, and where the two gains differ."""

    words: str
    developed: int
    """Targets that have development sets."""
    unseen: bool
    """Does the gain differ as much on the other targets, which have no development sets to show it?"""

    def mean_in_place(self, dev: float, test: float) -> float:
        """The true gain over all targets with the development sets in place."""
        return test + (dev - test) * (self.developed / TARGETS if self.unseen else 1.0)


ALL = World("every target has development sets", TARGETS, False)
SOME = World(f"{DEVELOPED} of {TARGETS} targets have them, and differ", DEVELOPED, False)
UNSEEN = World(f"{DEVELOPED} of {TARGETS} have them, and all differ alike", DEVELOPED, True)


def split_rows() -> list[Maker]:
    """Where the difference lies on targets that have development sets: sound, with collapses, with a noisy number."""
    return [
        *(partial(measure_split, world, "sound", *truth) for world in (ALL, SOME) for truth in TRUTHS),
        *(partial(measure_split, SOME, condition, *truth) for condition in ACCIDENTS[1:] for truth in TRUTHS),
        *(partial(measure_split, SOME, "noisy published number", *truth) for truth in TRUTHS),
    ]


def unseen_rows() -> list[Maker]:
    """Where it lies on the others, too."""
    return [partial(measure_split, UNSEEN, "sound", *truth) for truth in TRUTHS]


def draw_splits(
    random: np.random.Generator, world: World, studies: int, sigma: float, collapses: bool
) -> tuple[Cells, Numbers]:
    """Cells on test sets, and the same scores with development sets in their place where there are some. What
    collapsed did on both."""
    weights = GAIN.weights()
    size, spread = (studies, LOOKS[-1], len(weights)), cell_spread(weights, sigma)
    own = draw_cells(random, size, math.sqrt(SHARED) * spread, "normal", collapses)
    test, dev = (own.noise + math.sqrt(1 - SHARED) * spread * random.normal(size=size) for _ in range(2))
    developed = np.tile(np.arange(TARGETS) < world.developed, 2)
    return Cells(test, own.collapsed), np.where(developed, dev, test)


def measure_split(world: World, condition: Condition, dev: float, test: float, studies: int) -> Row:
    """One row. With a noisy published number that is one run on development sets of a pipeline whose true gain there is
    `dev` margins from ours; NOT_REPRODUCED is then an error wherever the pipelines are the same, too."""
    noisy, falls = condition == "noisy published number", condition.startswith("collapses")
    random = generator("split", world.words, falls, noisy, dev, test)
    claimed: Numbers | float = USUAL * random.normal(size=studies) if noisy else 0.0
    test_cells, in_place = draw_splits(random, world, studies, USUAL, falls)
    weights, judge = GAIN.weights(), judge_kind(GAIN, claimed)
    old, by_test = (
        judge_looks(rule, judge, test_cells, weights, test, condition == "collapses seen")
        for rule in (old_rule(), new_rule())
    )
    developed = Cells(in_place, test_cells.collapsed)
    by_dev = judge_looks(new_rule(), judge, developed, weights, world.mean_in_place(dev, test), False)
    new: Codes = np.where(by_test == by_dev, by_test, OPEN)
    row = {"kind": "gain", "situation": world.words, "condition": condition, "sigma": USUAL, "studies": studies}
    row |= {"deviation": test, "dev_deviation": dev}
    if not noisy:
        return Row(**row, old=count(old), new=count(new))
    inside = [np.abs(claimed - truth) <= 1 for truth in (dev, test)]
    right = {YES: inside[0] & inside[1], NO: ~inside[0] & ~inside[1] & (dev != 0) & (test != 0)}
    return Row(**row, **count_noisy([old, new], right))
