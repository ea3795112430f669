"""Claims on given scores -> verdicts: the same rules as for results that were run here, on scores alone.

A claim's gain at a seed is the mean over its tasks of method minus baseline at that seed. Where both were run at the
same seeds these are paired; where not, the two groups of runs are compared by Welch's t. Whoever gives the scores
vouches for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.project.errors import HarnessError, name_some
from harness.verify.given.choose import Chosen, choose
from harness.verify.given.claim import GivenClaim
from harness.verify.given.counts import judge_count
from harness.verify.given.doubts import doubts_of_table
from harness.verify.given.means import judge_mean
from harness.verify.given.pairing import Projection, pair_runs
from harness.verify.given.table import Table
from harness.verify.given.verdict import GivenVerdict, GivenVerdicts
from harness.verify.given.words import Count
from harness.verify.statistics.decision import POWER
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.holm import adjust
from harness.verify.statistics.p_values import show_p


def judge_table(
    table: Table,
    claims: Sequence[GivenClaim],
    *,
    baseline: str | None = None,
    split: str | None = None,
    metric: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    design: Design = STANDARD,
) -> GivenVerdicts:
    """The verdicts on claims that are judged together: Holm's step-down is over all of them.

    `baseline`, `split`, `metric`, `tasks` and `languages` say what of the table is compared, where it leaves a choice.
    `design`: after how many seeds one looks; its order is that of the table's seeds by number. Raises HarnessError for
    a choice that is open, a name that the table doesn't have, and claims that share an id.
    """
    if not claims:
        raise HarnessError("expected a claim to judge, found none", fix='say one, as in --claim "+3.5 +- 0.5"')
    ids = [claim.id for claim in claims]
    if twice := next((name for name in ids if ids.count(name) > 1), None):
        raise HarnessError(f"expected each id once among the claims, found `{twice}` twice", fix="rename one of them")
    said = claims[0].baseline if all(claim.baseline for claim in claims) else None
    chosen = choose(table, baseline=baseline or said, split=split, metric=metric, tasks=tasks, languages=languages)
    found = _hold([_judge(claim, chosen, design) for claim in claims], design)
    return GivenVerdicts(
        claims=found,
        source=table.source,
        unit=table.unit,
        columns=dict(table.found),
        split=chosen.split,
        metric=chosen.metric,
        design=design,
        remarks=list(table.remarks),
        known=dict(table.known),
        unknown={**table.unknown, **_unknown(chosen)},
        doubts=doubts_of_table(chosen, tasks, languages),
    )


def _unknown(chosen: Chosen) -> dict[str, str]:
    """What the table doesn't say of what is judged."""
    found = {} if chosen.split else {"split": "taken for one and the same of all scores"}
    return (
        found if chosen.has_seeds else {**found, "seed": "runs are known by their order alone, and nothing pairs them"}
    )


def _hold(judged: Sequence[tuple[GivenVerdict, Projection | None]], design: Design) -> list[GivenVerdict]:
    """Accusations that survive Holm's step-down over all claims; the others are INCONCLUSIVE."""
    family = {place: one.p_value for place, (one, _) in enumerate(judged) if one.p_value is not None}
    adjusted = dict(zip(family, adjust(list(family.values())), strict=True))
    held = []
    for place, (one, project) in enumerate(judged):
        p = adjusted.get(place)
        said: dict[str, Any] = {"p_adjusted": p}
        if one.verdict == "NOT_REPRODUCED" and p is not None and len(family) > 1:
            stands = p <= design.level
            holm = f"by Holm's step-down over {len(family)} claims {show_p(p)}"
            open_ = f"over {design.level:.2f}, so no accusation: more seeds must tell"
            told = "the accusation stands" if stands else open_
            said |= {"reasons": [*one.reasons, f"{holm}: {told}"], "steps": [*one.steps, ("Holm", f"{holm}: {told}")]}
            if not stands:
                alone = "this claim alone would be NOT_REPRODUCED; the others that it is judged with leave it open"
                said |= {"verdict": "INCONCLUSIVE", "doubts": [*one.doubts, alone]}
        found = one.model_copy(update=said)
        if project and found.verdict == "INCONCLUSIVE" and p is not None and len(family) > 1:
            found = _among(found, project, len(family), design)
        held.append(found)
    return held


def _among(one: GivenVerdict, project: Projection, tests: int, design: Design) -> GivenVerdict:
    """With the seeds at which an accusation would stand whatever the other claims show: by Holm's strictest step."""
    if one.n_seeds >= design.last:
        return one
    needed = project(design.model_copy(update={"level": design.level / tests}))
    if needed is None and one.verdict == "INCONCLUSIVE" and one.seeds_needed is None:
        return one
    when = f"{needed} seeds" if needed else f"not even the design's last look, at {design.last} seeds,"
    others = "the other claim shows" if tests == 2 else f"the other {tests - 1} claims show"
    told = f"if mean and spread stay as measured, {when} would decide it with probability {POWER:.0%} whatever {others}"
    return one.model_copy(update={"seeds_needed": needed, "reasons": [*one.reasons, told]})


def _judge(claim: GivenClaim, chosen: Chosen, design: Design) -> tuple[GivenVerdict, Projection | None]:
    every = [chosen.baseline, *chosen.methods]
    (baseline,) = chosen.known([claim.baseline or chosen.baseline], every, "baseline")
    tasks = chosen.known(claim.tasks, chosen.tasks, "task") or chosen.tasks
    if isinstance(claim.expected, Count):
        return judge_count(claim, claim.expected, chosen, baseline, tasks, design)
    method = _method(claim, chosen, baseline)
    pair = pair_runs(chosen, method, baseline, tasks, design)
    return judge_mean(claim, claim.expected, chosen, (method, baseline), tasks, pair, design)


def _method(claim: GivenClaim, chosen: Chosen, baseline: str) -> str:
    every = [chosen.baseline, *chosen.methods]
    others = [method for method in every if method != baseline]
    if claim.method is not None:
        (method,) = chosen.known([claim.method], every, "method")
        if method == baseline:
            raise HarnessError(
                f"expected a method to compare with the baseline {baseline}, found that itself", fix="name another one"
            )
        return method
    if len(others) != 1:
        raise HarnessError(
            f"expected to know which method of {chosen.table.source} the claim `{claim.says}` is about, found"
            f" {name_some(others)}",
            fix=f'name it with --method, or in the claim: "{others[0]}: {claim.says}"',
        )
    return others[0]
