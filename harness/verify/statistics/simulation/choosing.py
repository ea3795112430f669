"""Row makers: a gain when each target takes its best recipe, chosen by noisy scores.

The published procedure trains each candidate once, chooses once and reports once, so the truth is what one such run
gives on average: with tied candidates that is more than any candidate's own gain.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from harness.verify.statistics.simulation.draws import MARGIN_POINTS, Numbers, generator
from harness.verify.statistics.simulation.records import Row
from harness.verify.statistics.simulation.rules import LOOKS, Codes, Rule, judge_means, moments, new_rule, old_rule
from harness.verify.statistics.simulation.studies import DEVIATIONS, count

WITH_DEV, WITHOUT_DEV, RECIPES = 7, 2, 10
"""Targets that choose by development sets, targets that have none, and candidates beside `none`."""
GAIN_POINTS, STEP_POINTS = 5.4, 0.5
"""Gain of the best candidate, and by how much each further one is worse where they are not tied."""
SEED_POINTS, SET_POINTS = 1.0, 0.5
"""Spread of a model's score over seeds, which development and test sets share, and what each set adds of its own."""
ONE_RUN = 200_000
"""Runs of the procedure whose mean is taken for the truth."""
WORLDS = {
    "all candidates tied": np.full(RECIPES, GAIN_POINTS),
    "each half a point worse than the one before": GAIN_POINTS - STEP_POINTS * np.arange(RECIPES),
}
"""Name -> true gains of the candidates, in points, the same on every target."""


class Runs(NamedTuple):
    """Scores in margins, studies x seeds x targets x candidates, the first candidate being `none`. The last
    WITHOUT_DEV targets are split by item: one half chooses, the other is reported."""

    choosing: Numbers
    reported: Numbers


def choosing_rows() -> list[Callable[[int], Row]]:
    """Every world."""
    return [partial(measure_choosing, world, deviation) for world in WORLDS for deviation in DEVIATIONS]


def draw_runs(world: str, random: np.random.Generator, studies: int, seeds: int) -> Runs:
    """Drawn studies."""
    gains = np.concatenate([[0.0], WORLDS[world]])
    size = (studies, seeds, WITH_DEV + WITHOUT_DEV, len(gains))
    of_set = SET_POINTS * np.array([1.0] * WITH_DEV + [math.sqrt(2)] * WITHOUT_DEV)[:, None]
    own = gains + SEED_POINTS * random.normal(size=size)
    choosing, reported = (own + of_set * random.normal(size=size) for _ in range(2))
    return Runs(choosing / MARGIN_POINTS, reported / MARGIN_POINTS)


def gains_by_seed(runs: Runs) -> Numbers:
    """studies x seeds: each seed chooses by its own scores and reports on other rows."""
    return _gain(runs.reported, runs.choosing.argmax(-1)).mean(-1)


def _gain(scores: Numbers, chosen: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Numbers:
    """studies x seeds x targets: of the chosen one over `none`."""
    taken = np.take_along_axis(scores, np.broadcast_to(chosen, scores.shape[:-1])[..., None], axis=-1)
    return np.asarray(taken[..., 0] - scores[..., 0])


def gains_by_mean(runs: Runs) -> Numbers:
    """studies x seeds, as the replaced rule took them: chosen by the mean over all seeds, or for a target without
    development sets by the mean score over the other seeds."""
    dev = _gain(runs.reported[..., :WITH_DEV, :], runs.choosing[..., :WITH_DEV, :].mean(1, keepdims=True).argmax(-1))
    whole = (runs.choosing[..., WITH_DEV:, :] + runs.reported[..., WITH_DEV:, :]) / 2
    others = _gain(whole, (whole.sum(1, keepdims=True) - whole).argmax(-1))
    return np.concatenate([dev, others], axis=-1).mean(-1)


@cache
def truth(world: str) -> tuple[float, float]:
    """Mean and spread of what one run of the procedure gives, in margins."""
    random = generator("one run", world)
    values = np.concatenate([gains_by_seed(draw_runs(world, random, ONE_RUN // 20, 1))[:, 0] for _ in range(20)])
    return float(values.mean()), float(values.std(ddof=1))


def measure_choosing(world: str, deviation: float, studies: int) -> Row:
    """One row: the published number lies `deviation` margins below what the procedure gives here."""
    runs, (mean, sigma) = draw_runs(world, generator("choosing", world, deviation), studies, LOOKS[-1]), truth(world)
    old, new = (
        count(_judge(rule, runs, gains, mean - deviation))
        for rule, gains in ((old_rule(), gains_by_mean), (new_rule(), gains_by_seed))
    )
    row = {"kind": "best_of", "situation": world, "condition": "sound", "sigma": sigma, "deviation": deviation}
    return Row(**row, studies=studies, old=old, new=new)


def _judge(rule: Rule, runs: Runs, gains: Callable[[Runs], Numbers], claimed: float) -> Codes:
    found = []
    for n in LOOKS:
        values = gains(Runs(runs.choosing[:, :n], runs.reported[:, :n]))
        found.append(judge_means(rule, *moments(values), claimed - 1, claimed + 1, claimed))
    return np.stack(found, axis=1)
