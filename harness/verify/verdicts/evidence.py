"""The evidence behind one verdict: the cells it rests on, a value per seed, the interval, the rule in words.

Pure. It states again what harness.verify.measure and harness.verify.statistics computed, so that a reader can follow a
verdict to the hashes of the predictions and compute it anew; harness.verify.show.derivation prints it step by step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.project.params import BASELINE
from harness.verify.claims.claim import Claim
from harness.verify.claims.evidence import CellEvidence, Development, Evidence, RetrievalPart
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.kinds.pieces import OWN
from harness.verify.claims.measurement import Measurement, Outcome
from harness.verify.scores import Scores, ScoresTable
from harness.verify.statistics.aggregate import Aggregate, aggregate
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import Interval


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
    check: Measured,
    found: Measurement,
    scores: Scores,
    outcome: Outcome,
    conclusion: str,
    development: Development | None = None,
    design: Design = STANDARD,
) -> Evidence:
    """The evidence on a claim whose `check` gave `outcome`; `conclusion` ends the sentence for people."""
    overall = aggregate(found.values, design) if check.one_mean else None
    without = aggregate(found.without_retrieval, design) if overall else None
    by_recipe = {recipe: aggregate(values, design) for recipe, values in check.gains_by_recipe(found, scores).items()}
    return Evidence(
        rule=claim.rule(),
        formula=check.formula(),
        band=_ends(check.band(claim.source.n_claim)),
        overall=overall,
        every_seed=found.every_seed if check.one_mean else {},
        without_retrieval=without,
        retrieval=retrieval_part(found, scores, overall, without),
        development=development,
        n_targets=len(found.targets),
        by_recipe={recipe: gain for recipe, gain in by_recipe.items() if gain},
        choices=check.choices(found, scores),
        baseline=check.baseline if found.own else OWN,
        own_baseline=aggregate(found.own, design),
        p_parts=outcome.p_parts,
        sensitivity=outcome.sensitivity,
        rule_gives=outcome.verdict,
        cells=cells_used(check, found, scores),
        sentence=f"{check.sentence(found, overall, without)}; {conclusion}",
    )


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    low, high = (end if math.isfinite(end) else None for end in (interval.low, interval.high))
    return low, high


def cells_used(check: Measured, found: Measurement, scores: Scores) -> list[str]:
    """Ids of the cells with a score that the check looks at: measured recipes and what they are compared with; of the
    baseline those at seeds that another of them has.
    """
    needed = check.needed(found.recipes)
    others = [recipe for recipe in needed if recipe != BASELINE]

    def is_compared(recipe: str, target: str, seed: int) -> bool:
        return recipe != BASELINE or not others or any(scores.has_cell(other, target, seed) for other in others)

    return [
        f"{recipe}-{target}-{seed}"
        for recipe in needed
        for target in found.targets
        for seed in scores.by_pair.get((recipe, target), {})
        if is_compared(recipe, target, seed)
    ]


def retrieval_part(
    found: Measurement, scores: Scores, overall: Aggregate | None, without: Aggregate | None
) -> RetrievalPart | None:
    """mean over all - (targets without retrieval / all targets) x mean without: what the retrieval targets add."""
    if overall is None or without is None or overall.values.keys() != without.values.keys():
        return None
    targets = [target for target in found.targets if target in scores.retrieval]
    others = 1 - len(targets) / len(found.targets)
    points = overall.mean - others * without.mean
    return RetrievalPart(
        targets=targets,
        others_share=others,
        points=points,
        of_points=overall.mean,
        share=points / overall.mean if overall.mean else None,
    )
