"""Row makers: stated gains on a group of languages, whose scores share a model's luck and its collapse."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from harness.verify.statistics.simulation.draws import MARGIN_POINTS, Cells, draw_cells, generator
from harness.verify.statistics.simulation.kinds import LANGUAGES, LanguageKind
from harness.verify.statistics.simulation.records import Condition, Row
from harness.verify.statistics.simulation.rules import LOOKS, NO, YES, new_rule, old_rule
from harness.verify.statistics.simulation.studies import (
    ACCIDENTS,
    DEVIATIONS,
    PUBLISHED_SIGMAS,
    USUAL,
    Maker,
    count,
    count_noisy,
    judge_kind,
    judge_looks,
)

SHARED = 0.5
"""Part of a language's variance over seeds that it shares with the other languages of its cell."""


def language_rows() -> list[Maker]:
    """Sound and with collapses, then with a published number that is one noisy run."""
    return [
        *(
            partial(measure_languages, kind, condition, deviation)
            for condition in ACCIDENTS
            for kind in LANGUAGES
            for deviation in DEVIATIONS
        ),
        *(
            partial(measure_noisy_languages, LANGUAGES[0], points, deviation)
            for points in PUBLISHED_SIGMAS
            for deviation in DEVIATIONS
        ),
    ]


def draw_languages(
    random: np.random.Generator, kind: LanguageKind, studies: int, sigma: float, collapses: bool
) -> Cells:
    """Scores by language, studies x seeds x (recipe and baseline, their targets, their languages), with which the gain
    has the spread `sigma`; where a cell collapsed, all its languages did."""
    many = np.array(kind.languages)
    value = 2 * (SHARED + (1 - SHARED) / many).sum() / len(many) ** 2  # the gain's variance where a language's is 1
    spread, of_language = sigma / math.sqrt(value), np.tile(np.repeat(np.arange(len(many)), many), 2)
    cells = draw_cells(random, (studies, LOOKS[-1], 2 * len(many)), math.sqrt(SHARED) * spread, "normal", collapses)
    of_language[len(of_language) // 2 :] += len(many)
    own = math.sqrt(1 - SHARED) * spread * random.normal(size=(studies, LOOKS[-1], len(of_language)))
    return Cells(cells.noise[..., of_language] + own, cells.collapsed[..., of_language])


def measure_languages(kind: LanguageKind, condition: Condition, deviation: float, studies: int) -> Row:
    """One row."""
    falls = condition.startswith("collapses")  # seen or not, the studies are the same
    random = generator(kind.name, kind.languages, falls, deviation)
    cells, seen = draw_languages(random, kind, studies, USUAL, falls), condition == "collapses seen"
    old, new = (
        count(judge_looks(rule, judge_kind(kind), cells, kind.weights(), deviation, seen))
        for rule in (old_rule(), new_rule())
    )
    row = {"kind": kind.name, "situation": kind.cells, "condition": condition, "sigma": USUAL, "deviation": deviation}
    return Row(**row, studies=studies, old=old, new=new)


def measure_noisy_languages(kind: LanguageKind, points: float, deviation: float, studies: int) -> Row:
    """A published number that is one run of a pipeline whose true gain is `deviation` margins from that of ours, as in
    `measure_noisy`."""
    sigma, random = points / MARGIN_POINTS, generator("noisy", kind.name, points, deviation)
    cells = draw_languages(random, kind, studies, sigma, collapses=False)
    claimed = draw_languages(random, kind, studies, sigma, collapses=False).noise[:, 0] @ kind.weights()[:, 0]
    judge, inside = judge_kind(kind, claimed), np.abs(claimed - deviation) <= 1
    by_rule = [judge_looks(rule, judge, cells, kind.weights(), deviation, False) for rule in (old_rule(), new_rule())]
    right = {YES: inside, NO: ~inside & (deviation != 0)}
    row = {"kind": kind.name, "condition": "noisy published number", "sigma": sigma, "deviation": deviation}
    return Row(**row, situation=kind.cells, studies=studies, **count_noisy(by_rule, right))
