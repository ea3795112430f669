"""Row makers: claims that are judged together, and verdicts that are looked at again."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtr

from harness.verify.statistics.anytime import anytime_interval
from harness.verify.statistics.decision import POWER
from harness.verify.statistics.intervals import spread
from harness.verify.statistics.simulation.draws import Numbers, generator
from harness.verify.statistics.simulation.kinds import GAIN
from harness.verify.statistics.simulation.records import FamilyRow, LookingRow
from harness.verify.statistics.simulation.rules import (
    LOOKS,
    MOST,
    NO,
    YES,
    Rule,
    first_decided,
    judge_family,
    judge_means,
    moments,
    new_rule,
    old_rule,
)

FAMILIES = (1, 5, 10)
"""Numbers of claims that are judged together."""
WRONG = 2.0
"""Deviation, in margins, of the one claim of a family that is wrong."""
SIGMA = 0.5
"""Spread of a family's gains, in margins."""
LOOKING_SIGMAS = (0.25, 0.5, 1.0)
"""Spreads at which looking again is shown."""


def family_rows() -> list[Callable[[int], FamilyRow]]:
    """Every number of claims; all at the edge, then one wrong."""
    return [partial(measure_family, claims, wrong) for wrong in (False, True) for claims in FAMILIES]


def measure_family(claims: int, wrong: bool, studies: int) -> FamilyRow:
    """Gains over a common baseline (correlation 1/2)."""
    truths = np.array([WRONG] + [0.0] * (claims - 1)) if wrong else np.ones(claims)
    noise = generator("family", claims, wrong).normal(size=(studies, LOOKS[-1], claims + 1))
    values = truths + SIGMA / np.sqrt(2) * (noise[..., 1:] - noise[..., :1])
    asked = slice(0, 1) if wrong else slice(None)
    counts = [
        _accused(rule, values, together, asked)
        for rule, together in ((old_rule(), False), (old_rule(), True), (new_rule(), True))
    ]
    return FamilyRow(
        claims=claims, wrong=wrong, studies=studies, alone_old=counts[0], holm_old=counts[1], new=counts[2]
    )


def _accused(rule: Rule, values: Numbers, together: bool, asked: slice) -> list[int]:
    """Families with an accusation among the claims `asked`, at each look and stopping claim by claim."""
    found = []
    for n in LOOKS:
        judge = judge_family if together else judge_means
        found.append(judge(rule, *moments(values[:, :n]), GAIN.low, GAIN.high, 0.0))
    by_look = np.stack(found, axis=1)
    last = [first_decided(by_look[..., claim])[0] for claim in range(values.shape[2])]
    columns = np.concatenate([by_look, np.stack(last, axis=1)[:, None]], axis=1)
    return [int(number) for number in (columns[..., asked] == NO).any(2).sum(0)]


def looking_rows() -> list[Callable[[int], LookingRow]]:
    """Every spread."""
    return [partial(measure_looking, sigma) for sigma in LOOKING_SIGMAS]


def measure_looking(sigma: float, studies: int) -> LookingRow:
    """The same studies of MOST seeds, looked at once, as the note says, after each seed, and by the design."""
    values = 1.0 + sigma * generator("looking", sigma).normal(size=(studies, MOST))
    old = np.stack([_yes(old_rule(), values, n) for n in range(LOOKS[0], MOST + 1)], axis=1)
    told = old[:, 0] | (~old[:, 0] & old[np.arange(studies), as_told(values[:, : LOOKS[0]]) - LOOKS[0]])
    new = np.stack([_yes(new_rule(), values, n) for n in LOOKS], axis=1)
    return LookingRow(
        sigma=sigma,
        studies=studies,
        once=int(old[:, 5 - LOOKS[0]].sum()),
        as_told=int(told.sum()),
        after_each=int(old.any(1).sum()),
        design=int(new.any(1).sum()),
        anytime=int(np.stack([inside_anytime(values[:, :n]) for n in range(LOOKS[0], MOST + 1)]).any(0).sum()),
    )


def _yes(rule: Rule, values: Numbers, n: int) -> NDArray[np.bool_]:
    return judge_means(rule, *moments(values[:, :n]), GAIN.low, GAIN.high) == YES


def inside_anytime(values: Numbers) -> NDArray[np.bool_]:
    """Lies the anytime-valid interval of these values (studies x seeds) inside the band?"""
    mean, s, _ = moments(values)
    unit = [-1.0, *[0.0] * (values.shape[1] - 2), 1.0]  # the half-width is proportional to the spread
    one = anytime_interval(unit)
    reach = s * (math.inf if one is None else one.high / spread(unit))
    return np.asarray((mean - reach >= GAIN.low) & (mean + reach <= GAIN.high))


def as_told(values: Numbers) -> NDArray[np.int64]:
    """How many seeds the replaced rule's note asked for, 4 to MOST: the fewest with which the one-sided test at the
    nearer edge decides with probability 80 % (noncentral t), mean and spread being those of the first seeds."""
    mean, s, _ = moments(values)
    more = np.arange(values.shape[1] + 1, MOST + 1)
    effect = np.abs(1 - np.abs(mean))[:, None] * np.sqrt(more) / s[:, None]
    power = 1 - nctdtr(more - 1, effect, old_rule().critical[more])
    enough = np.nan_to_num(power, nan=1.0) >= POWER
    return np.where(enough.any(1), more[enough.argmax(1)], MOST)
