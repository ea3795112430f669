"""One claim, scores and the facts of the data -> its verdict. Pure; the caller reads the files.

A claim that states a fact of the data is decided by that fact, whatever was run. For the others the statistics come
first and are always shown; then the verdict is taken back where the claim speaks about something else, or where part of
what its check needs wasn't run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.project.errors import name_some
from harness.project.params import Params
from harness.project.profiles import describe_data, describe_encoder
from harness.verify.claims.claim import Claim
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.facts import Facts
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.measurement import Measurement
from harness.verify.claims.needs import needs
from harness.verify.measure.development import DevelopmentScores, development_of
from harness.verify.measure.values import measure
from harness.verify.published.rows import PublishedRow
from harness.verify.scores import Scores
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.verdicts.collapses import hold_collapses
from harness.verify.verdicts.evidence import gather
from harness.verify.verdicts.replication import replicate
from harness.verify.verdicts.split import hold_split
from harness.verify.verdicts.verdict import ClaimVerdict, verdict_on

NO_FACTS = Facts()
"""Where there are scores and nothing else."""
UNTESTED = (1.0, 1.0)
"""p values of both directions of a claim out of scope that can't be tested."""


def judge(
    claim: Claim,
    scores: Scores,
    facts: Facts = NO_FACTS,
    development: DevelopmentScores | None = None,
    design: Design = STANDARD,
    published: Mapping[str, PublishedRow] | None = None,
) -> ClaimVerdict:
    """The verdict on one claim, from sound results.

    `scores`: points by recipe, target and seed. `facts`: what claims that are decided without a run are decided by;
    without them those are NOT_TESTED. `development`: scores of development sets, which must agree where a claim was
    published on them. `design`: which seeds count, and the looks at them; seeds out of its order count for nothing.
    `published`: rows of published scores that a claim may name as its baseline, which count in its own scope alone.
    The verdict is that on this claim alone, and the caller vouches for the scores: hold_accusations looks at several
    claims, hold_evidence at how the scores are known. Where something is lacking the verdict
    is NOT_TESTED or UNDERPOWERED and says so; nothing is raised. That holds for scores within 1e6
    points of zero, as Scores.from_rows makes them; one that is not finite raises ValueError.
    """
    check = claim.measured
    if check is None:
        return judge_fact(claim, facts)
    in_scope = (scores.encoder, scores.data) == (claim.scope.encoder, claim.scope.data)
    scores, n_claim = replace(scores, published=published or {} if in_scope else {}), claim.source.n_claim
    found = measure(check, scores, design)
    outcome = check.outcome(found, scores, n_claim, design)
    kept = hold_collapses(check, found, scores, outcome, n_claim, design)
    tells = check.replicates and found.whole and not in_scope
    kept, over = replicate(check, found, scores, outcome, kept, n_claim, design) if tells else (kept, [])
    developed = development_of(claim, found, scores, development, design) if development else None
    kept = hold_split(claim, kept, developed)
    verdict = verdict_on(claim, kept.verdict, **kept.model_dump(exclude={"verdict", "p_parts", "sensitivity"}))
    held = _hold_back(claim, check, verdict, found, scores, design, over)
    evidence = gather(claim, check, found, scores, outcome, _concluded(held), developed, design)
    return held.model_copy(update={"evidence": evidence, "evidence_level": "scores only" if evidence.cells else None})


def _concluded(verdict: ClaimVerdict) -> str:
    """The second half of the sentence for people."""
    return f"expected {verdict.expected or 'nothing that can be found'}: {verdict.verdict}" + (
        f" ({verdict.note})" if verdict.note else ""
    )


def judge_fact(claim: Claim, facts: Facts) -> ClaimVerdict:
    """The verdict on a claim whose check measures nothing: by the facts of the data, or none."""
    check = claim.fact
    assert check is not None
    finding = check.decide(facts)
    verdict = verdict_on(claim, finding.verdict, **finding.model_dump(exclude={"verdict"}))
    sentence = check.sentence(finding, _concluded(verdict))
    return verdict.model_copy(update={"evidence": Evidence(rule=claim.rule(), sentence=sentence)})


def invalid(claim: Claim, facts: Facts) -> ClaimVerdict:
    """The verdict on a claim when the results it would be judged by are not sound; facts don't depend on them."""
    if claim.measured is None:
        return judge_fact(claim, facts)
    return verdict_on(claim, "INVALID", note="see V0", reasons=["level V0 failed, so nothing is concluded"])


def untested(claim: Claim, params: Params, facts: Facts) -> ClaimVerdict:
    """The verdict on a claim where nothing has run and nothing is pinned: NOT_TESTED, unless it is a fact."""
    if claim.measured is None:
        return judge_fact(claim, facts)
    part, notes, why = needs(claim, params), [], []
    if part.cells:
        notes.append("nothing has run")
        none = f"no cell that it needs has run here, and none is pinned for profile {params.profile}"
        why.append(f"{none}; `harness plan --profile {params.profile}` says what running them costs")
    if other := _out_of_scope(claim, "this profile measures", describe_encoder(params), describe_data(params)):
        notes.append("out of scope")
        why.append(f"{other}, so a run of this profile would leave it NOT_TESTED too")
    if part.lacking:
        notes.append(_lacks(claim.measured, part.lacking))
        why.append(_lacking(part.lacking))
    return verdict_on(claim, "NOT_TESTED", note=", ".join(notes), reasons=why)


def _out_of_scope(claim: Claim, measured: str, encoder: str, data: str) -> str | None:
    """What the claim is about and what is measured, in words, where they are not the same."""
    if (encoder, data) == (claim.scope.encoder, claim.scope.data):
        return None
    return f"the claim is about {claim.scope.encoder} on {claim.scope.data}; {measured}: {encoder} on {data}"


def _lacks(check: Measured, names: Sequence[str]) -> str:
    """How many recipes, targets and languages the grid lacks of those that the check needs, for the table's note."""
    recipes = set(check.needed(check.named_recipes))
    kinds = Counter(
        "recipe" if name in recipes else "target" if name in check.targets else "language" for name in names
    )
    return f"lacks {', '.join(f'{count} {kind}' + 's' * (count > 1) for kind, count in kinds.items())}"


def _lacking(names: list[str]) -> str:
    return f"the grid lacks {', '.join(names)}"


def _uncounted(seeds: list[int], design: Design) -> str:
    named = f"seed{'s' if len(seeds) > 1 else ''} {name_some(list(map(str, seeds)))}"
    order = f"the design counts {', '.join(map(str, design.order))} in this order up to the first gap"
    return f"{named} did not count: {order}, looks after {', '.join(map(str, design.looks))} of them, and at no other"


def _hold_back(
    claim: Claim,
    check: Measured,
    verdict: ClaimVerdict,
    found: Measurement,
    scores: Scores,
    design: Design,
    replicated: Sequence[str],
) -> ClaimVerdict:
    """NOT_TESTED where the claim speaks about something else, the grid lacks what the check needs (a licensed corpus,
    say), or a mixture had to do without one of its tasks.

    Cells of the grid without a score are named beside the verdict, and seeds out of the design's order: they don't
    count, and a reader must not miss that. Out of scope the row is open to replication where the grid has all it needs;
    where it has not, it counts in the family of replications all the same. `replicated`: over what, in sentences.
    """
    notes, why = [], []
    other = _out_of_scope(claim, "measured here", scores.encoder, scores.data)
    if other:
        notes.append("out of scope")
        why += [other, *replicated]
    if found.missing:
        if absent := [name for name in found.missing if name not in found.unavailable]:
            notes.append(_lacks(check, absent))
        if found.unavailable:
            notes.append(f"{len(found.unavailable)} unavailable ({name_some([*found.unavailable])})")
        why.append(_lacking(found.missing))
        why += [f"{name} is unavailable: {reason}" for name, reason in found.unavailable.items()]
    for recipe, tasks in found.left_out.items():
        notes.append(f"{recipe} without {', '.join(tasks)}")
        named = "; ".join(f"without {task} ({reason})" for task, reason in tasks.items())
        why.append(f"{recipe} was mixed {named}, so it is not the mixture that the claim is about")
    if lacks := check.lacks_baseline(scores):
        notes += [] if notes else ["no published baseline"]
        why.append(lacks)
    why += check.remarks(found, scores)
    if found.unscored:
        why.append(f"{len(found.unscored)} cells have no score ({name_some(found.unscored)})")
    if found.uncounted:
        why.append(_uncounted(found.uncounted, design))
    tells = found.whole and check.replicates
    both = (verdict.replication_p or UNTESTED) if tells else UNTESTED
    open_here = {"replication": "OPEN HERE" if tells else None, "replication_p": both}
    verdict = verdict.model_copy(update=open_here if other else {"replication_p": None})
    if notes:
        kept = [] if check.one_mean or not verdict.n_seeds else [verdict.note]
        note = ", ".join(kept + notes)
        return verdict.model_copy(update={"verdict": "NOT_TESTED", "note": note, "reasons": why})
    return verdict.model_copy(update={"reasons": [*verdict.reasons, *why]})
