"""Verdicts that rest on collapsed cells: one that hangs on how such a cell is taken is at best INCONCLUSIVE.

A model that didn't learn scores tens of points below the others, and whether it counts decides a mean of few seeds. It
does count, so that a recipe that collapses often can't look good. But nothing is concluded from it unless the verdict
is the same with it, without its seed, and with its score replaced by the median of its pair's other seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import replace

from harness.project.errors import name_some
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.measurement import Measurement, Outcome
from harness.verify.measure.values import measure
from harness.verify.scores import Scores
from harness.verify.statistics.design import Design
from harness.verify.verdicts.verdict import DECIDED

Key = tuple[str, str, int]


def hold_collapses(
    check: Measured, found: Measurement, scores: Scores, outcome: Outcome, n_claim: int | None, design: Design
) -> Outcome:
    """The outcome, INCONCLUSIVE where it is decided and hangs on a collapsed cell, with both reasons and p values the
    largest of the three. Raises nothing.
    """
    cells = collapsed_cells(check, found, scores)
    if not cells:
        return outcome
    others = [
        check.outcome(measure(check, changed, order), changed, n_claim, order)
        for changed, order in ((scores, _without(found, cells, design)), (_with_medians(scores, cells), design))
    ]
    verdicts = [outcome.verdict, *(other.verdict for other in others)]
    named = name_some([f"{recipe}-{target}-{seed}" for recipe, target, seed in cells])
    with_it, without, median = verdicts
    said = f"{with_it} with it, {without} without its seed, {median} with the median of its pair's other seeds"
    held: dict[str, object] = {
        "p_value": _largest([outcome.p_value, *(other.p_value for other in others)]),
        "replication_p": _largest_pair([outcome, *others]),
        "reasons": [*outcome.reasons, f"{named} collapsed: {said}"],
    }
    if outcome.verdict in DECIDED and len(set(verdicts)) > 1:
        held |= {"verdict": "INCONCLUSIVE", "note": "hangs on a collapsed cell"}
    return outcome.model_copy(update=held)


def collapsed_cells(check: Measured, found: Measurement, scores: Scores) -> list[Key]:
    """The collapsed cells among those that the counted values are made of."""
    return [
        (recipe, target, seed)
        for recipe in check.needed(found.recipes)
        for target in found.targets
        for seed in found.seeds
        if (recipe, target, seed) in scores.collapsed
    ]


def _without(found: Measurement, cells: list[Key], design: Design) -> Design:
    """The design whose order is the counted seeds without those of these cells."""
    counted = design.model_copy(update={"order": tuple(found.seeds)})
    return counted.without(seed for _, _, seed in cells)


def _with_medians(scores: Scores, cells: list[Key]) -> Scores:
    """The scores with these cells' replaced by the median of their pair's sound seeds; one without any has none.

    So are what the best recipe is chosen by: development scores and halves.
    """
    by_pair, dev_by_pair, halves = dict(scores.by_pair), dict(scores.dev_by_pair), dict(scores.halves)
    by_language = dict(scores.by_language)
    for pair in dict.fromkeys((recipe, target) for recipe, target, _ in cells):
        own = {seed for recipe, target, seed in cells if (recipe, target) == pair}
        unsound = {seed for recipe, target, seed in scores.collapsed if (recipe, target) == pair}
        for points in (by_pair, dev_by_pair):
            if pair in points:
                points[pair] = _medians(points[pair], own, unsound)
        for key in scores.by_language:
            if key[:2] == pair:
                by_language[key] = _medians(scores.by_language[key], own, unsound)
        if pair in halves:
            first, second = ({seed: both[n] for seed, both in halves[pair].items()} for n in (0, 1))
            first, second = _medians(first, own, unsound), _medians(second, own, unsound)
            halves[pair] = {seed: (first[seed], second[seed]) for seed in first}
    return replace(scores, by_pair=by_pair, dev_by_pair=dev_by_pair, halves=halves, by_language=by_language)


def _medians(points: Mapping[int, float], own: set[int], unsound: set[int]) -> dict[int, float]:
    """Seed -> points, at the seeds `own` the median of those that are not `unsound`."""
    sound = [value for seed, value in points.items() if seed not in unsound]
    return {
        seed: statistics.median(sound) if seed in own else value
        for seed, value in points.items()
        if sound or seed not in own
    }


def _largest(p_values: list[float | None]) -> float | None:
    return None if p_values[0] is None else max(1.0 if p is None else p for p in p_values)


def _largest_pair(outcomes: list[Outcome]) -> tuple[float, float] | None:
    if outcomes[0].replication_p is None:
        return None
    holds, opposite = zip(*(one.replication_p or (1.0, 1.0) for one in outcomes), strict=True)
    return max(holds), max(opposite)
