"""Level V3: one claim, a table of scores and the facts of the data -> its verdict. Pure; harness.audit.levels brings
the files.

A claim that states a fact of the data is decided by harness.verify.verdicts.facts, whatever was run. For the others the
statistics come first and are always shown; then the verdict is taken back where the claim speaks about
something else, or where part of what its check needs wasn't run.
"""

from __future__ import annotations

from harness.project.errors import name_some
from harness.project.params import Params
from harness.project.profiles import describe_data, describe_encoder
from harness.verify.claims.checks import Fact, Measured, Share, Untestable
from harness.verify.claims.needs import needs
from harness.verify.claims.registry import Claim
from harness.verify.claims.rules import rule
from harness.verify.measure.development import DevelopmentScores
from harness.verify.measure.measure import Measurement, measure
from harness.verify.scores import Scores, ScoresTable
from harness.verify.verdicts.evidence import Evidence, gather
from harness.verify.verdicts.facts import Facts
from harness.verify.verdicts.facts import decide as decide_fact
from harness.verify.verdicts.judge_measured import judge_mean, judge_share
from harness.verify.verdicts.verdict import ClaimVerdict, verdict_on


def judge(
    claim: Claim, table: ScoresTable, scores: Scores, facts: Facts, development: DevelopmentScores | None = None
) -> ClaimVerdict:
    """The verdict on one claim, from sound results; `development` is shown beside and decides nothing."""
    check = claim.check
    if not isinstance(check, Measured):
        return judge_fact(claim, facts)
    found = measure(check, scores)
    verdict = judge_share(claim, check, found) if isinstance(check, Share) else judge_mean(claim, check, found, scores)
    held = _hold_back(claim, check, verdict, found, table)
    evidence = gather(claim, found, scores, verdict.verdict, _concluded(held), development)
    return held.model_copy(update={"evidence": evidence})


def _concluded(verdict: ClaimVerdict) -> str:
    """The second half of the sentence for people."""
    return f"expected {verdict.expected or 'nothing that can be found'}: {verdict.verdict}" + (
        f" ({verdict.note})" if verdict.note else ""
    )


def judge_fact(claim: Claim, facts: Facts) -> ClaimVerdict:
    """The verdict on a claim whose check measures nothing: by the facts of the data, or none."""
    if isinstance(claim.check, Untestable):
        return verdict_on(claim, "NOT_TESTED", note="can't be re-run", reasons=[claim.check.undecided])
    assert isinstance(claim.check, Fact)
    finding = decide_fact(claim.check, facts)
    verdict = verdict_on(claim, finding.verdict, **finding.model_dump(exclude={"verdict"}))
    sentence = f"found: {finding.found or 'nothing'}; {_concluded(verdict)}"
    return verdict.model_copy(update={"evidence": Evidence(rule=rule(claim), sentence=sentence)})


def invalid(claim: Claim, facts: Facts) -> ClaimVerdict:
    """The verdict on a claim when the results it would be judged by are not sound; facts don't depend on them."""
    if not isinstance(claim.check, Measured):
        return judge_fact(claim, facts)
    return verdict_on(claim, "INVALID", note="see V0", reasons=["level V0 failed, so nothing is concluded"])


def untested(claim: Claim, params: Params, facts: Facts) -> ClaimVerdict:
    """The verdict on a claim where nothing has run and nothing is pinned: NOT_TESTED, unless it is a fact."""
    if not isinstance(claim.check, Measured):
        return judge_fact(claim, facts)
    part, notes, why = needs(claim.check, params), [], []
    if part.cells:
        notes.append("nothing has run")
        none = f"no cell that it needs has run here, and none is pinned for profile {params.profile}"
        why.append(f"{none}; `harness plan --profile {params.profile}` says what running them costs")
    if other := _out_of_scope(claim, "this profile measures", describe_encoder(params), describe_data(params)):
        notes.append("out of scope")
        why.append(f"{other}, so a run of this profile would leave it NOT_TESTED too")
    if part.lacking:
        notes.append(f"lacks {len(part.lacking)}")
        why.append(_lacking(part.lacking))
    return verdict_on(claim, "NOT_TESTED", note=", ".join(notes), reasons=why)


def _out_of_scope(claim: Claim, measured: str, encoder: str, data: str) -> str | None:
    """What the claim is about and what is measured, in words, where they are not the same."""
    if (encoder, data) == (claim.scope.encoder, claim.scope.data):
        return None
    return f"the claim is about {claim.scope.encoder} on {claim.scope.data}; {measured}: {encoder} on {data}"


def _lacking(names: list[str]) -> str:
    return f"the grid lacks {', '.join(names)}"


def _hold_back(
    claim: Claim, check: Measured, verdict: ClaimVerdict, found: Measurement, table: ScoresTable
) -> ClaimVerdict:
    """NOT_TESTED where the claim speaks about something else, the grid lacks what the check needs (a licensed corpus,
    say), or a mixture had to do without one of its tasks.

    Cells of the grid without a score are named beside the verdict: their seeds don't count, and nobody shall
    miss that.
    """
    notes, why = [], []
    if other := _out_of_scope(claim, "measured here", table.encoder, table.data):
        notes.append("out of scope")
        why.append(other)
    if found.missing:
        named = f" (unavailable: {name_some([*found.unavailable])})" if found.unavailable else ""
        notes.append(f"lacks {len(found.missing)}{named}")
        why.append(_lacking(found.missing))
        why += [f"{name} is unavailable: {reason}" for name, reason in found.unavailable.items()]
    for recipe, tasks in found.left_out.items():
        notes.append(f"{recipe} without {', '.join(tasks)}")
        named = "; ".join(f"without {task} ({reason})" for task, reason in tasks.items())
        why.append(f"{recipe} was mixed {named}, so it is not the mixture that the claim is about")
    if found.unscored:
        why.append(f"{len(found.unscored)} cells have no score ({name_some(found.unscored)})")
    if notes:
        kept = [verdict.note] if isinstance(check, Share) and verdict.n_seeds else []
        note = ", ".join(kept + notes)
        return verdict.model_copy(update={"verdict": "NOT_TESTED", "note": note, "reasons": why})
    return verdict.model_copy(update={"reasons": [*verdict.reasons, *why]})
