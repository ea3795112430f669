"""The evidence behind one verdict: the cells it rests on, a value per seed, the interval, the rule in words.

Pure. It states again what harness.verify.measure and harness.verify.statistics computed, so that a reader can follow a
verdict to the hashes of the predictions and compute it anew; harness.verify.show.derivation prints it step by step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from harness.project.records import Record
from harness.project.results import Cell
from harness.verify.claims.checks import BestOf, Compare, Gain, Measured, Share
from harness.verify.claims.registry import Claim
from harness.verify.claims.rules import formula, rule, target_band
from harness.verify.measure.development import Development, DevelopmentScores, development_of
from harness.verify.measure.measure import Measurement, all_needed, best, chosen_by, compared_with
from harness.verify.scores import BASELINE, Scores, ScoresTable, mean_gain
from harness.verify.statistics.aggregate import Aggregate, aggregate, in_words
from harness.verify.statistics.intervals import Interval, Verdict

RETRIEVAL = "BUCC and Tatoeba"
"""XTREME's retrieval targets, in words."""


class RetrievalPart(Record):
    """What the retrieval targets contribute to an average gain."""

    targets: list[str]
    """The retrieval targets."""
    others_share: float
    """Which part of all targets the others are."""
    points: float
    """What they add to the mean, in points: `of_points` - `others_share` x the mean without them."""
    of_points: float
    """The mean over all targets, in points."""
    share: float | None
    """`points` / `of_points`; below 0 or above 1 where they pull against the others; null where the mean is 0."""


class CellEvidence(Record):
    """One cell that verdicts rest on."""

    cell: Cell
    """Which cell."""
    status: str
    """How it came out."""
    score: float | None
    """Its score in points."""
    dev_score: float | None
    """Its score on the source language's dev set, in points, by which `best_of` chooses."""
    predictions_sha256: str | None
    """Of its predictions file."""
    inputs: dict[str, str]
    """sha256 of everything that went in."""


class Evidence(Record):
    """What one verdict rests on."""

    rule: str
    """The rule that decides, as a sentence."""
    formula: str | None = None
    """What is computed; null where nothing is."""
    band: tuple[float | None, float | None] | None = None
    """What counts as reproduced, in points (kind share: shares of recipes); null: open on that side."""
    overall: Aggregate | None = None
    """The claim's own aggregate over all its targets; null for kind share, or where nothing was measured."""
    without_retrieval: Aggregate | None = None
    """The same without BUCC and Tatoeba; null where that makes no sense."""
    retrieval: RetrievalPart | None = None
    """What BUCC and Tatoeba contribute to `overall`."""
    development: Development | None = None
    """The same on development sets, where the source's number is one of these; it decides nothing."""
    n_targets: int = 0
    """So many targets are averaged over."""
    by_recipe: dict[str, Aggregate] = Field(default_factory=dict)
    """Recipe -> its gain, averaged over the targets; for checks on several recipes."""
    chosen: dict[str, dict[int, str]] = Field(default_factory=dict)
    """Kind best_of: target -> seed -> the recipe that it takes."""
    chosen_by: dict[str, dict[int, dict[str, float]]] = Field(default_factory=dict)
    """Kind best_of: target -> seed -> candidate -> the mean in points that it chooses by."""
    rule_gives: Verdict | None = None
    """What the rule gives on these numbers alone, before the claim's scope and what the grid lacks are looked at."""
    cells: list[str] = Field(default_factory=list)
    """The cells that went in; their hashes stand in the verification's own `cells`."""
    sentence: str
    """What was found, for people."""


def cells_of(table: ScoresTable, names: Sequence[str]) -> dict[str, CellEvidence]:
    """Those of the table's cells that verdicts name, in the table's order."""
    used = set(names)
    return {
        row.cell.id: CellEvidence(
            cell=row.cell,
            status=row.status,
            score=row.score,
            dev_score=row.dev_score,
            predictions_sha256=row.predictions_sha256,
            inputs=row.inputs,
        )
        for row in table.cells
        if row.cell.id in used
    }


def gather(
    claim: Claim,
    found: Measurement,
    scores: Scores,
    rule_gives: Verdict,
    conclusion: str,
    development: DevelopmentScores | None = None,
) -> Evidence:
    """The evidence on a claim that is measured; `conclusion` ends the sentence for people."""
    check = claim.check
    assert isinstance(check, Measured)
    overall = None if isinstance(check, Share) else aggregate(found.values)
    apart = aggregate(found.without_retrieval) if overall else None
    choices = _choices(check, found, scores)
    return Evidence(
        rule=rule(claim),
        formula=formula(check),
        band=_ends(target_band(claim)),
        overall=overall,
        without_retrieval=apart,
        retrieval=retrieval_part(found, scores, overall, apart),
        development=development_of(claim, found, scores, development) if development else None,
        n_targets=len(found.targets),
        by_recipe=_by_recipe(check, found, scores),
        chosen={t: {seed: best(by) for seed, by in by_seed.items()} for t, by_seed in choices.items()},
        chosen_by=choices,
        rule_gives=rule_gives,
        cells=cells_used(check, found, scores),
        sentence=f"{_measured(claim, found, overall, apart)}; {conclusion}",
    )


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    low, high = (end if math.isfinite(end) else None for end in (interval.low, interval.high))
    return low, high


def cells_used(check: Measured, found: Measurement, scores: Scores) -> list[str]:
    """Ids of the cells with a score that the check looks at: measured recipes and what they are compared with."""
    return [
        f"{recipe}-{target}-{seed}"
        for recipe in all_needed(check, found.recipes)
        for target in found.targets
        for seed in scores.by_pair.get((recipe, target), {})
    ]


def _by_recipe(check: Measured, found: Measurement, scores: Scores) -> dict[str, Aggregate]:
    if isinstance(check, Gain):
        return {}
    gains = {r: mean_gain(scores, r, found.targets, compared_with(check, r)) for r in found.recipes}
    return {recipe: made for recipe, values in gains.items() if (made := aggregate(values))}


def _choices(check: Measured, found: Measurement, scores: Scores) -> dict[str, dict[int, dict[str, float]]]:
    if not isinstance(check, BestOf) or not found.recipes:
        return {}
    candidates = [BASELINE, *found.recipes]
    return {
        target: {seed: by for seed in scores.seeds if (by := chosen_by(scores, candidates, target, seed))}
        for target in found.targets
    }


def retrieval_part(
    found: Measurement, scores: Scores, overall: Aggregate | None, apart: Aggregate | None
) -> RetrievalPart | None:
    """mean over all - (targets without retrieval / all targets) x mean without: what the retrieval targets add."""
    if overall is None or apart is None or overall.values.keys() != apart.values.keys():
        return None
    targets = [target for target in found.targets if target in scores.retrieval]
    others = 1 - len(targets) / len(found.targets)
    points = overall.mean - others * apart.mean
    return RetrievalPart(
        targets=targets,
        others_share=others,
        points=points,
        of_points=overall.mean,
        share=points / overall.mean if overall.mean else None,
    )


def _measured(claim: Claim, found: Measurement, overall: Aggregate | None, apart: Aggregate | None) -> str:
    """What was measured, as the first half of a sentence; average gains always with both averages."""
    check, recipes = claim.check, ", ".join(found.recipes)
    made = [values for gains in found.by_recipe.values() if (values := aggregate(gains))]
    if isinstance(check, Share) and made:
        above = sum(values.mean > check.threshold_points for values in made)
        over = over_words(found.targets)
        return f"{above} of {len(made)} recipes ({recipes}) gained more than {check.threshold_points} points {over}"
    if overall is None:
        return "nothing could be measured"
    match check:
        case Gain():
            what, against = f"training on {recipes} first changed the score by", ""
        case BestOf():
            what, against = f"letting each target take the best of none, {recipes} changed the score by", ""
        case Compare():
            what, against = f"{recipes} scored", f" against their {check.variant} variants"
        case _:
            what, against = f"training on one of {recipes} first changed the score by", ""
    seeds = f"{len(overall.values)} seed{'s' if len(overall.values) > 1 else ''}"
    both = f"; without {RETRIEVAL}: {in_words(apart)}" if apart else ""
    over = f"{over_words(found.targets)}, {seeds}"
    return f"{what} {in_words(overall)}{against} {over}{both}"


def over_words(targets: Sequence[str]) -> str:
    """What a value is averaged over: a few targets by name, many by their number."""
    if len(targets) == 1:
        return f"on {targets[0]}"
    return f"on average over {' and '.join(targets) if len(targets) == 2 else f'the {len(targets)} targets'}"
