"""Row makers: studies of a known truth, judged by both rules at every look."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness.verify.statistics.simulation.draws import MARGIN_POINTS, Cells, Flags, Numbers, draw, draw_cells, generator
from harness.verify.statistics.simulation.kinds import GAIN, ONE, Kind, LanguageKind, ShareKind, cell_spread
from harness.verify.statistics.simulation.records import Condition, Counts, Coverage, Row
from harness.verify.statistics.simulation.rules import (
    LOOKS,
    NO,
    OPEN,
    YES,
    Rule,
    first_decided,
    judge_means,
    judge_share,
    moments,
    new_rule,
    old_rule,
)

Codes = NDArray[np.int8]

STUDIES = 10_000
"""Simulated studies per row; a rate of 5 % is then measured to 0.2 points (one standard error)."""
DEVIATIONS = (0.0, 1.0, 1.5, 2.0)
"""Distance of the truth from the claim, in margins: the band's centre, its edge, and beyond."""
SIGMAS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""True spread of one seed's gain, in margins."""
USUAL = 0.5
"""Spread of the tables that show one."""
ACCIDENTS: tuple[Condition, ...] = ("sound", "collapses seen", "collapses not seen")
SHAPED: tuple[Condition, ...] = ("skewed up", "skewed down", "heavy tails")
PUBLISHED_SIGMAS = (1.0, 1.5, 2.0)
"""Spread of a gain, in points, where the published number is a noisy run too."""
CURVE_END, CURVE_POINTS = 2.5, 51
"""Deviations of the picture, in margins: the last one, and how many."""
COVERED_SEEDS, CLAIM_RUNS = (3, 5, 8), (1, 3)
"""Of the prediction interval: seeds, and runs behind a published number."""

Maker = Callable[[int], Row]
"""Number of studies -> a row."""
Judge = Callable[[Rule, Numbers, Flags | None], "Codes"]
"""Rule, values (studies x seeds x values), seeds to keep -> a verdict per study."""


def judge_kind(kind: Kind | LanguageKind, claimed: Numbers | float = 0.0) -> Judge:
    """How studies of a kind with one mean are judged; its band lies around `claimed`."""

    def judge(rule: Rule, values: Numbers, keep: Flags | None) -> Codes:
        mean, s, n = moments(values[..., 0], keep)
        low, high = claimed + kind.low, claimed + kind.high
        return judge_means(rule, mean, s, n, low, high, claimed if kind.states_gain else None)

    return judge


def judge_recipes(kind: ShareKind) -> Judge:
    """How studies of a claim on a share of recipes are judged."""
    return lambda rule, values, keep: judge_share(rule, *moments(values, keep), kind.needed)


def judge_looks(rule: Rule, judge: Judge, cells: Cells, weights: Numbers, means: Numbers | float, seen: bool) -> Codes:
    """studies x looks: the verdict at each look, on the first seeds alone."""
    values = cells.noise @ weights + means
    found = []
    for n in LOOKS:
        verdicts = judge(rule, values[:, :n], None)
        if rule.today and seen:
            first = Cells(cells.noise[:, :n], cells.collapsed[:, :n])
            verdicts = hold_collapses(rule, judge, first, values[:, :n], weights, means, verdicts)
        found.append(verdicts)
    return np.stack(found, axis=1)


def hold_collapses(
    rule: Rule, judge: Judge, cells: Cells, values: Numbers, weights: Numbers, means: Numbers | float, verdicts: Codes
) -> Codes:
    """Verdicts on studies with a collapsed cell, open unless they stay the same without the cell's seed, and with the
    median of its other seeds in its place."""
    touched = np.flatnonzero(cells.collapsed.any((1, 2)) & (verdicts != OPEN))
    if not len(touched):
        return verdicts
    fell = cells.collapsed[touched]
    sound: Flags = np.logical_not(fell.any(2))
    without = judge(rule, values[touched], sound)
    replaced = judge(rule, with_medians(cells.noise[touched], fell) @ weights + means, None)
    stays = (without == verdicts[touched]) & (replaced == verdicts[touched])
    held = verdicts.copy()
    held[touched] = np.where(stays, verdicts[touched], OPEN)
    return held


def with_medians(noise: Numbers, fell: Flags) -> Numbers:
    """The cells with each one that fell replaced by the median of its sound seeds; studies x seeds x cells, NaN where
    there is no sound one."""
    study, seed, cell = np.nonzero(fell)
    filled = noise.copy()
    sound = np.where(fell[study, :, cell], np.inf, noise[study, :, cell])
    many, ordered = np.isfinite(sound).sum(1), np.sort(sound, axis=1)
    at = np.arange(len(study))
    median = (ordered[at, np.maximum(many - 1, 0) // 2] + ordered[at, many // 2 % sound.shape[1]]) / 2
    filled[study, seed, cell] = np.where(many > 0, median, np.nan)
    return filled


def count(by_look: Codes, right: dict[int, Flags] | None = None) -> Counts:
    """Verdicts at every look and when stopping at the first decided one; without those that are `right` for a study,
    where only errors are to be counted."""
    last, place = first_decided(by_look)
    columns = np.column_stack([by_look, last])
    counted = [
        ((columns == verdict) & (~right[verdict][:, None] if right else True)).sum(0).tolist() for verdict in (YES, NO)
    ]
    return Counts(reproduced=counted[0], not_reproduced=counted[1], seeds=float(np.take(LOOKS, place).mean()))


def measure(
    kind: Kind | ShareKind, condition: Condition, sigma: float, deviation: float, short: bool, studies: int
) -> Row:
    """One row. `short`: which recipes are in doubt, for claims on a share of them (`ShareKind.means`)."""
    weights = kind.weights()
    falls = condition.startswith("collapses")  # seen or not, the studies are the same
    random = generator(kind.name, len(weights), "collapses" if falls else condition, sigma, deviation, short)
    shape = condition if condition in SHAPED else "normal"
    size = (studies, LOOKS[-1], len(weights))
    cells = draw_cells(random, size, cell_spread(weights, sigma), shape, falls)  # type: ignore[arg-type]
    means: Numbers | float
    if isinstance(kind, ShareKind):
        means, judge, situation = kind.means(deviation, short), judge_recipes(kind), _doubt(kind, short)
    else:
        means, judge, situation = kind.mean(deviation), judge_kind(kind), ""
    seen = condition == "collapses seen"
    old, new = (count(judge_looks(rule, judge, cells, weights, means, seen)) for rule in (old_rule(), new_rule()))
    row = {"kind": kind.name, "situation": situation, "condition": condition, "sigma": sigma, "deviation": deviation}
    return Row(**row, studies=studies, old=old, new=new)


def _doubt(kind: ShareKind, short: bool) -> str:
    doubted = kind.recipes - kind.needed + 1 if short else kind.needed
    return f"{doubted} in doubt, the others surely {'above' if short else 'below'}"


def measure_noisy(points: float, deviation: float, studies: int) -> Row:
    """A published number that is one run of a pipeline whose true gain is `deviation` margins from that of ours.

    `points`: the spread of a gain, both here and there. REPRODUCED is false where our true gain lies outside the margin
    of the published number, NOT_REPRODUCED where it lies inside, and wherever the two pipelines are the same.
    """
    sigma = points / MARGIN_POINTS
    random = generator("noisy", points, deviation)
    claimed = sigma * random.normal(size=studies)
    cells = draw_cells(random, (studies, LOOKS[-1], 1), sigma, "normal", collapses=False)
    judge, inside = judge_kind(ONE, claimed), np.abs(claimed - deviation) <= 1
    by_rule = [judge_looks(rule, judge, cells, ONE.weights(), deviation, False) for rule in (old_rule(), new_rule())]
    right = {YES: inside, NO: ~inside & (deviation != 0)}
    row = {"kind": "gain", "condition": "noisy published number", "sigma": sigma, "deviation": deviation}
    return Row(**row, studies=studies, **count_noisy(by_rule, right))


def count_noisy(by_rule: Sequence[Codes], right: dict[int, Flags]) -> dict[str, Counts]:
    """The four counts of a row whose errors hang on the published number: of both rules, all and without the `right`
    ones."""
    old, new = (count(by_look) for by_look in by_rule)
    old_false, new_false = (count(by_look, right) for by_look in by_rule)
    return {"old": old, "new": new, "old_false": old_false, "new_false": new_false}


def gain_rows() -> list[Maker]:
    """Stated gains, every spread."""
    return [partial(measure, GAIN, "sound", sigma, deviation, True) for sigma in SIGMAS for deviation in DEVIATIONS]


def curve_rows() -> list[Maker]:
    """A stated gain at the usual spread over close deviations, for a picture."""
    return [partial(measure_curve, CURVE_END * place / (CURVE_POINTS - 1)) for place in range(CURVE_POINTS)]


def measure_curve(deviation: float, studies: int) -> Row:
    """The same draws at every deviation, so that curves are smooth."""
    weights = ONE.weights()
    cells = draw_cells(generator("curve"), (studies, LOOKS[-1], 1), USUAL, "normal", collapses=False)
    old, new = (
        count(judge_looks(rule, judge_kind(ONE), cells, weights, deviation, False)) for rule in (old_rule(), new_rule())
    )
    return Row(kind="gain", condition="sound", sigma=USUAL, deviation=deviation, studies=studies, old=old, new=new)


def kind_rows(kind: Kind | ShareKind) -> list[Maker]:
    """One kind, sound and with collapses, at the usual spread."""
    return [
        partial(measure, kind, condition, USUAL, deviation, short)
        for condition in ACCIDENTS
        for short in ((True, False) if isinstance(kind, ShareKind) else (True,))
        for deviation in DEVIATIONS
    ]


def shape_rows() -> list[Maker]:
    """Stated gains that are not normal; the tail is turned, since one edge of the band is shown."""
    return [
        partial(measure, ONE, condition, USUAL, deviation, True) for condition in SHAPED for deviation in DEVIATIONS
    ]


def noisy_rows() -> list[Maker]:
    """Published numbers that are noisy runs."""
    return [partial(measure_noisy, points, deviation) for points in PUBLISHED_SIGMAS for deviation in DEVIATIONS]


def coverage_rows() -> list[Callable[[int], Coverage]]:
    """The prediction interval."""
    return [partial(measure_coverage, n, n_claim) for n in COVERED_SEEDS for n_claim in CLAIM_RUNS]


def measure_coverage(n: int, n_claim: int, studies: int) -> Coverage:
    """Draw a study and the published number from the same distribution."""
    from scipy.special import stdtrit

    random = generator("coverage", n, n_claim)
    ours, theirs = draw("normal", random, (studies, n)), draw("normal", random, (studies, n_claim)).mean(axis=1)
    mean, s, _ = moments(ours)
    reach = stdtrit(n - 1, 0.975) * s * math.sqrt(1 / n_claim + 1 / n)
    return Coverage(n=n, n_claim=n_claim, studies=studies, covered=int((np.abs(theirs - mean) <= reach).sum()))
