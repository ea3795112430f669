"""Row makers: a gain when each target takes its best recipe, chosen by noisy scores.

The published procedure trains each candidate once, chooses once and reports once, so the truth is what one such run
gives on average, collapsed cells included: with tied candidates that is more than any candidate's own gain.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Literal, NamedTuple

import numpy as np

from harness.verify.statistics.simulation.draws import (
    COLLAPSE_POINTS,
    COLLAPSE_RATE,
    MARGIN_POINTS,
    Flags,
    Numbers,
    generator,
)
from harness.verify.statistics.simulation.records import Condition, Row
from harness.verify.statistics.simulation.rules import (
    LOOKS,
    NO,
    OPEN,
    YES,
    Codes,
    Rule,
    judge_means,
    moments,
    new_rule,
    old_rule,
)
from harness.verify.statistics.simulation.studies import DEVIATIONS, Maker, count, count_noisy, with_medians

WITH_DEV, WITHOUT_DEV, RECIPES = 7, 2, 10
"""Targets that choose by development sets, targets that have none, and candidates beside `none`."""
GAIN_POINTS, STEP_POINTS = 5.4, 0.5
"""Gain of the best candidate, and by how much each further one is worse where they are not tied."""
SEED_POINTS, SET_POINTS = 1.0, 0.5
"""Spread of a model's score over seeds, which development and test sets share, and what each set adds of its own."""
ONE_RUN = 200_000
"""Runs of the procedure whose mean is taken for the truth."""
LOWER = 1.0
"""Margins by which the published baseline lies lower than ours: its retrieval scores are another encoder layer's."""
WORLDS = {
    "all candidates tied": np.full(RECIPES, GAIN_POINTS),
    "each half a point worse than the one before": GAIN_POINTS - STEP_POINTS * np.arange(RECIPES),
}
"""Name -> true gains of the candidates, in points, the same on every target."""

Baseline = Literal["own", "published"]
BASELINES: dict[Baseline, str] = {"own": "over its own `none`", "published": "over a published row"}
"""What the gain is over: `none` of the same run, or one published score, which the published number is over, too."""


class Runs(NamedTuple):
    """Scores in margins, studies x seeds x targets x candidates, the first candidate being `none`. The last
    WITHOUT_DEV targets are split by item: one half chooses, the other is reported."""

    choosing: Numbers
    reported: Numbers
    collapsed: Flags
    """Which cells collapsed, on both."""

    def first(self, n: int) -> Runs:
        """The first n seeds alone."""
        return Runs(self.choosing[:, :n], self.reported[:, :n], self.collapsed[:, :n])


def choosing_rows() -> list[Maker]:
    """Every world, where nothing goes wrong."""
    return [partial(measure_choosing, world, deviation) for world in WORLDS for deviation in DEVIATIONS]


def collapse_rows(counted: bool) -> list[Maker]:
    """Every world with collapsed cells. They lengthen one tail, so published numbers on both sides are shown.

    `counted`: is the truth what runs give on average with their collapses? Else it is what sound ones give.
    """
    return [
        partial(measure_choosing, world, deviation, condition=condition, above=above, counted=counted)
        for condition in ("collapses seen", "collapses not seen")
        for world in WORLDS
        for above in (False, True)
        for deviation in DEVIATIONS
        if deviation or not above
    ]


def noisy_choice_rows() -> list[Maker]:
    """Every world and baseline, where the published number is one noisy run of the procedure."""
    return [
        partial(measure_noisy_choosing, world, baseline, deviation)
        for baseline in BASELINES
        for world in WORLDS
        for deviation in DEVIATIONS
    ]


def draw_runs(world: str, random: np.random.Generator, studies: int, seeds: int, collapses: bool = False) -> Runs:
    """Drawn studies. `collapses`: COLLAPSE_RATE of the cells lose COLLAPSE_POINTS, on what chooses and what is
    reported."""
    gains = np.concatenate([[0.0], WORLDS[world]])
    size = (studies, seeds, WITH_DEV + WITHOUT_DEV, len(gains))
    of_set = SET_POINTS * np.array([1.0] * WITH_DEV + [math.sqrt(2)] * WITHOUT_DEV)[:, None]
    own = gains + SEED_POINTS * random.normal(size=size)
    choosing, reported = (own + of_set * random.normal(size=size) for _ in range(2))
    fell = random.random(size) < COLLAPSE_RATE if collapses else np.zeros(size, dtype=bool)
    lost = COLLAPSE_POINTS * fell
    return Runs((choosing - lost) / MARGIN_POINTS, (reported - lost) / MARGIN_POINTS, fell)


def gains_by_seed(runs: Runs) -> Numbers:
    """studies x seeds: each seed chooses by its own scores and reports on other rows."""
    return _gain(runs.reported, runs.choosing.argmax(-1)).mean(-1)


def scores_by_seed(runs: Runs) -> Numbers:
    """studies x seeds: the mean score of `none`, on all items, and the gain on it. Less what is published it is the
    gain over a published row."""
    none = np.concatenate([runs.reported[..., :WITH_DEV, 0], _whole(runs)[..., 0]], axis=-1)
    return np.asarray(none.mean(-1) + gains_by_seed(runs))


def _whole(runs: Runs) -> Numbers:
    """Scores on all items of the targets that are split."""
    return (runs.choosing[..., WITH_DEV:, :] + runs.reported[..., WITH_DEV:, :]) / 2


def _gain(scores: Numbers, chosen: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Numbers:
    """studies x seeds x targets: of the chosen one over `none`."""
    taken = np.take_along_axis(scores, np.broadcast_to(chosen, scores.shape[:-1])[..., None], axis=-1)
    return np.asarray(taken[..., 0] - scores[..., 0])


def gains_by_mean(runs: Runs) -> Numbers:
    """studies x seeds, as the replaced rule took them: chosen by the mean over all seeds, or for a target without
    development sets by the mean score over the other seeds."""
    dev = _gain(runs.reported[..., :WITH_DEV, :], runs.choosing[..., :WITH_DEV, :].mean(1, keepdims=True).argmax(-1))
    whole = _whole(runs)
    others = _gain(whole, (whole.sum(1, keepdims=True) - whole).argmax(-1))
    return np.concatenate([dev, others], axis=-1).mean(-1)


VALUES: dict[Baseline, Callable[[Runs], Numbers]] = {"own": gains_by_seed, "published": scores_by_seed}
"""Baseline -> what today's rule measures, less the published row."""


@cache
def truth(world: str, collapses: bool = False, baseline: Baseline = "own") -> tuple[float, float]:
    """Mean and spread, in margins, of what one run of the procedure gives: its gain, or over a published row its score
    where `none` scores 0 on average."""
    random, values = generator("one run", world), VALUES[baseline]
    found = np.concatenate([values(draw_runs(world, random, ONE_RUN // 20, 1, collapses))[:, 0] for _ in range(20)])
    return float(found.mean()), float(found.std(ddof=1))


def measure_choosing(
    world: str,
    deviation: float,
    studies: int,
    *,
    condition: Condition = "sound",
    above: bool = False,
    counted: bool = True,
) -> Row:
    """One row: the published number lies `deviation` margins below what the procedure gives here, or `above` it."""
    falls, seen = condition.startswith("collapses"), condition == "collapses seen"
    random = generator("choosing", world, deviation, *(("collapses", above) if falls else ()))
    runs = draw_runs(world, random, studies, LOOKS[-1], falls)
    mean, sigma = truth(world, falls and counted)
    claimed = mean + deviation if above else mean - deviation
    old, new = (
        count(judge_runs(rule, runs, gains, claimed, seen))
        for rule, gains in ((old_rule(), gains_by_mean), (new_rule(), gains_by_seed))
    )
    side = f", the number lies {'above' if above else 'below'}" if falls else ""
    row = {"kind": "best_of", "situation": world + side, "condition": condition, "sigma": sigma}
    return Row(**row, deviation=deviation, studies=studies, old=old, new=new)


def measure_noisy_choosing(world: str, baseline: Baseline, deviation: float, studies: int) -> Row:
    """One row: the published number is one run of a procedure that gives `deviation` margins less than ours on average.

    Over a published row, this row and the number are of the same run, whose `none` scores LOWER margins less than ours
    besides; the replaced rule compared with `none` of our run all the same. Errors are those of `measure_noisy`.
    """
    random = generator("noisy choosing", world, baseline, deviation)
    runs, theirs = draw_runs(world, random, studies, LOOKS[-1]), draw_runs(world, random, studies, 1)
    (mean, sigma), values = truth(world, False, baseline), VALUES[baseline]
    over = theirs.reported[:, 0, :, 0].mean(-1) - LOWER if baseline == "published" else np.zeros(studies)
    claimed = values(theirs)[:, 0] - deviation - over
    by_rule = [
        judge_runs(old_rule(), runs, gains_by_mean, claimed, False),
        judge_runs(new_rule(), runs, values, claimed, False, over),
    ]
    inside = np.abs(mean - over - claimed) <= 1
    right = {YES: inside, NO: ~inside & (deviation != 0)}
    row = {"kind": "best_of", "situation": f"{world}, {BASELINES[baseline]}", "condition": "noisy published number"}
    return Row(**row, sigma=sigma, deviation=deviation, studies=studies, **count_noisy(by_rule, right))


def judge_runs(
    rule: Rule,
    runs: Runs,
    values: Callable[[Runs], Numbers],
    claimed: Numbers | float,
    seen: bool,
    over: Numbers | float = 0.0,
) -> Codes:
    """studies x looks: the verdict on the values less what they are `over`, on the first seeds alone. `seen`: what
    collapsed is known, so today's rule asks that the verdict holds without it."""
    less = np.broadcast_to(over, len(runs.reported))[:, None]
    by_seed = values(runs) if rule.today else None  # the replaced rule's values hang on how many seeds there are

    def judge(points: Numbers, keep: Flags | None = None) -> Codes:
        return judge_means(rule, *moments(points - less, keep), claimed - 1, claimed + 1, claimed)

    found = []
    for n in LOOKS:
        first = runs.first(n)
        points = values(first) if by_seed is None else by_seed[:, :n]
        verdicts = judge(points)
        if rule.today and seen:
            sound: Flags = np.logical_not(first.collapsed.any((2, 3)))
            others = judge(points, sound), judge(values(in_place(first)))
            stays = sound.all(1) | ((others[0] == verdicts) & (others[1] == verdicts))
            verdicts = np.where(stays, verdicts, OPEN)
        found.append(verdicts)
    return np.stack(found, axis=1)


def in_place(runs: Runs) -> Runs:
    """The runs with each collapsed cell's scores replaced by the medians of its sound seeds."""
    flat = (*runs.collapsed.shape[:2], -1)
    fell = runs.collapsed.reshape(flat)
    choosing, reported = (
        with_medians(scores.reshape(flat), fell).reshape(scores.shape) for scores in (runs.choosing, runs.reported)
    )
    return Runs(choosing, reported, runs.collapsed)
