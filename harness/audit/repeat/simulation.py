"""How often level V2 errs, by simulation: sound redraws with unequal spreads, a cell at chance, a target that drifts.

A made-up world: nine targets by five recipes by three seeds, their scores and items drawn with a known spread, and a
second time as a sound re-run draws them. The rule of harness.audit.repeat.redraw judges it beside the one that it
replaced. Deterministic: every row has its own seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.audit.repeat.redraw import FALSE_ALARM, Again, Draws, Pair, Shares, compare_redraw
from harness.audit.repeat.redraw import SHARES as CHOSEN
from harness.project.records import Record
from harness.verify.statistics.intervals import t_quantile

Array = NDArray[np.float64]
LEVELS = {
    "xnli": 55,
    "pawsx": 75,
    "udpos": 64,
    "panx": 38,
    "xquad": 25,
    "mlqa": 30,
    "tydiqa": 30,
    "bucc": 25,
    "tatoeba": 20,
}
"""Target -> its usual score in points; made up."""
CONSTANT = {"xnli": 100 / 3, "pawsx": 50.0}
"""Target -> the constant answer, in points; the others have 0."""
RECIPES, SEEDS, ITEMS = 5, 3, 300
USUAL_SD = 0.04
"""Standard deviation over seeds of a pair on the scale of normal quantiles: 1.6 points at a score of 50."""
CHANCE_TARGET, DRIFT_TARGET = "pawsx", "panx"
SOUND = "sound"
"""What is said of a re-run in which nothing was changed."""
DRIFTS = (2.0, 4.0, 8.0)
"""Points by which every cell of one target is moved."""
Spreads = Callable[[np.random.Generator], Array]
"""A drawing of standard deviations, targets x recipes, as multiples of USUAL_SD."""


def _unequal(places: Callable[[np.random.Generator], tuple[int | slice, int | slice]]) -> Spreads:
    def draw(random: np.random.Generator) -> Array:
        found = np.ones((len(LEVELS), RECIPES))
        found[places(random)] = 10.0
        return found

    return draw


WORLDS: dict[str, Spreads] = {
    "all spreads equal": lambda random: np.ones((len(LEVELS), RECIPES)),
    "one target 10 times the others": _unequal(lambda random: (int(random.integers(len(LEVELS))), slice(None))),
    "one recipe 10 times the others": _unequal(lambda random: (slice(None), int(random.integers(RECIPES)))),
    "one pair 10 times the others": _unequal(
        lambda random: (int(random.integers(len(LEVELS))), int(random.integers(RECIPES)))
    ),
    "a third of the pairs 5 times": lambda random: np.where(random.random((len(LEVELS), RECIPES)) < 1 / 3, 5.0, 1.0),
    "every pair its own (log sd 1)": lambda random: np.exp(random.normal(0, 1, (len(LEVELS), RECIPES))),
}
"""What the page names -> how spreads are drawn."""


class RedrawRate(Record):
    """How often both rules find something in one kind of world."""

    spreads: str
    """How spreads differ."""
    what: str
    """What was done to the re-run: nothing (sound), one cell at chance, one target moved."""
    studies: int
    """So many re-runs of 135 cells were simulated."""
    old: int
    """Of these, alarms of the rule before: one tolerance for a target, spreads pooled over its recipes. Where one cell
    or target was changed, findings that name it."""
    new: int
    """Alarms of the new rule, likewise."""
    left_open: int
    """No alarm, likewise, and the cell (or, in a sound run, some cell) is left open: not accepted, not accused."""


class Study(NamedTuple):
    """One re-run."""

    cells: list[Again]
    draws: Draws


def draw_study(spreads: Spreads, random: np.random.Generator, chance: bool = False, drift: float = 0.0) -> Study:
    """One re-run; `chance`: its first cell of CHANCE_TARGET answers at chance; `drift`: points that every cell of
    DRIFT_TARGET loses.

    An item comes out right where ability + ease + noise is above zero; abilities of a pair's draws are normal.
    """
    from scipy.special import ndtri

    shape = (len(LEVELS), RECIPES, 2 * SEEDS)
    usual = ndtri(np.array(list(LEVELS.values())) / 100)[:, None, None]
    sd = np.minimum(USUAL_SD * spreads(random), 0.5)[..., None]
    ability = usual + random.normal(0, 0.08, (*shape[:2], 1)) + sd * random.normal(size=shape)
    if drift:
        density = math.exp(-(ndtri(LEVELS[DRIFT_TARGET] / 100) ** 2) / 2) / math.sqrt(2 * math.pi)
        ability[list(LEVELS).index(DRIFT_TARGET), :, SEEDS:] -= drift / 100 / density
    ease = random.normal(size=(len(LEVELS), 1, 1, ITEMS))
    noise = random.standard_normal((*shape, ITEMS), dtype=np.float32)
    right = noise > -(math.sqrt(2) * ability[..., None] + ease).astype(np.float32)
    if chance:
        right[list(LEVELS).index(CHANCE_TARGET), 0, SEEDS] = random.random(ITEMS) < CONSTANT[CHANCE_TARGET] / 100
    return _study(right)


def _study(right: NDArray[np.bool_]) -> Study:
    score, pinned, redrawn = 100 * right.mean(-1), right[:, :, :SEEDS], right[:, :, SEEDS:]
    differ = (pinned != redrawn).mean(-1)
    among = [(pinned[:, :, i] != pinned[:, :, j]).mean(-1) for i, j in combinations(range(SEEDS), 2)]
    cells: list[Again] = []
    scores: dict[Pair, Sequence[float]] = {}
    apart: dict[Pair, Sequence[float]] = {}
    for t, target in enumerate(LEVELS):
        for r in range(RECIPES):
            pair, points = (str(r), target), [float(x) for x in score[t, r]]
            scores[pair], apart[pair] = points[:SEEDS], [float(two[t, r]) for two in among]
            cells += [
                Again(f"{r}-{target}-{seed}", pair, points[SEEDS + seed], points[seed], float(differ[t, r, seed]))
                for seed in range(SEEDS)
            ]
    return Study(cells, Draws(scores, apart, CONSTANT))


def pooled_rule(study: Study) -> set[str]:
    """What the rule before found: names of cells and targets.

    |y - x| <= t(1 - alpha / 2m, nu) s sqrt(2), and of k cells of a target on average t(1 - alpha / 2T, nu) s
    sqrt(2 / k), s pooled over the target's recipes as if all spread alike.
    """
    found = set()
    for target in LEVELS:
        scores = np.array([values for (_, name), values in study.draws.scores.items() if name == target])
        s, freedom = math.sqrt(scores.var(axis=1, ddof=1).mean()), scores.size - len(scores)
        changes = {one.name: one.score - one.pinned for one in study.cells if one.pair[1] == target}
        one_cell, mean = (
            t_quantile(1 - FALSE_ALARM / (2 * count), freedom) * s * math.sqrt(2)
            for count in (len(study.cells), len(LEVELS))
        )
        found |= {name for name, change in changes.items() if abs(change) > one_cell}
        if abs(np.mean(list(changes.values()))) > mean / math.sqrt(len(changes)):
            found.add(target)
    return found


def new_rule(study: Study, shares: Shares = CHOSEN) -> tuple[set[str], set[str]]:
    """What the rule finds, likewise, and the cells that it leaves open."""
    found = compare_redraw(study.cells, study.draws, shares)
    alarms = {cell.again.name for cell in found.cells if cell.beyond or cell.sank or cell.other_items}
    opened = {cell.again.name for cell in found.cells if cell.fell or cell.unheld}
    return alarms | {one.target for one in found.drifting}, opened - alarms


def redraw_rows(shares: Shares = CHOSEN) -> list[Callable[[int], RedrawRate]]:
    """Number of studies -> a row, for both rules in every world: sound, with a cell at chance, with a target that
    drifts. About 0.05 s a study of 135 cells; changed re-runs are a fifth as many.
    """
    rows: list[Callable[[int], RedrawRate]] = []
    for world, spreads in enumerate(WORLDS):
        rows.append(partial(_rate, spreads, SOUND, [world, 0], shares))
        what = f"one cell of {CHANCE_TARGET} at chance"
        rows.append(partial(_rate, spreads, what, [world, 1], shares, chance=True))
        for drift in DRIFTS:
            what = f"all cells of {DRIFT_TARGET} {drift:g} points lower"
            rows.append(partial(_rate, spreads, what, [world, 2, int(drift)], shares, drift=drift))
    return rows


def _rate(
    spreads: str,
    what: str,
    seed: Sequence[int],
    shares: Shares,
    studies: int,
    chance: bool = False,
    drift: float = 0.0,
) -> RedrawRate:
    """One row; a finding counts where it names what was changed, in a sound run whatever it names."""
    studies = max(1, studies // 5) if chance or drift else studies
    random, old, new, left_open = np.random.default_rng(seed), 0, 0, 0
    changed = f"0-{CHANCE_TARGET}-0" if chance else DRIFT_TARGET if drift else ""
    for _ in range(studies):
        study = draw_study(WORLDS[spreads], random, chance, drift)
        before = pooled_rule(study)
        alarms, opened = new_rule(study, shares)
        if changed:
            before, alarms, opened = ({changed} & names for names in (before, alarms, opened))
        old, new, left_open = old + bool(before), new + bool(alarms), left_open + bool(opened and not alarms)
    return RedrawRate(spreads=spreads, what=what, studies=studies, old=old, new=new, left_open=left_open)
