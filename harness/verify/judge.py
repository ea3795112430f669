"""Level V3: one claim, a table of scores and the facts of the data -> its verdict. Pure; harness.verify.verdicts brings
the files.

A claim that states a fact of the data is decided by harness.verify.facts, whatever was run. For the others the
statistics come first and are always shown; then the verdict is taken back where the claim speaks about
something else, or where part of what its check needs wasn't run.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from harness.errors import name_some
from harness.params import Params
from harness.results import Record, ScoresTable, describe_data, describe_encoder
from harness.verify.claims import (
    BestOf,
    Claim,
    Compare,
    CountLanguages,
    CountRows,
    CountTasks,
    Fact,
    Gain,
    Measured,
    NoGain,
    NoSplit,
    OriginOf,
    Share,
    StartsFrom,
    Untestable,
    margin_points,
)
from harness.verify.development import DevelopmentScores
from harness.verify.evidence import Evidence, gather
from harness.verify.facts import Facts
from harness.verify.facts import decide as decide_fact
from harness.verify.measure import Measurement, Scores, mean_gain, measure
from harness.verify.needs import needs
from harness.verify.rules import rule, target_band
from harness.verify.statistics import (
    FEWEST_SEEDS,
    Decision,
    Direction,
    Interval,
    Verdict,
    decide,
    place,
    prediction_interval,
    relation,
    share_p,
)

INFINITE = float("inf")


class ClaimVerdict(Record):
    """What is concluded about one claim, and from what."""

    id: str
    """The claim."""
    text: str
    """Its words."""
    kind: str
    """The kind of its check."""
    verdict: Verdict
    """The verdict."""
    expected: str | None
    """What the check expects, in words, in points unless it says otherwise."""
    margin: float | None
    """The margin d in points, for claims that state a gain."""
    measured: float | None = None
    """The mean over seeds in points (kind share: the share of recipes, 0 to 1)."""
    interval: tuple[float, float] | None = None
    """90 % interval of `measured` (kind share: the shares that the recipes' own intervals leave open)."""
    without_retrieval: float | None = None
    """The same mean without BUCC and Tatoeba, in points."""
    direction: Direction | None = None
    """Is the measured value above or below zero, at 95 %?"""
    agrees: bool | None = None
    """Does the measurement point where the claim points? null where it can't be told."""
    one_more_run: tuple[float, float] | None = None
    """95 % prediction interval in points: where the mean of n_claim further runs of this pipeline would fall.
    """
    consistent: bool | None = None
    """Does the claimed gain lie in `one_more_run`? null where no gain is claimed."""
    beside: dict[str, float] = Field(default_factory=dict)
    """Mean gain in points of recipes that the source could mean too."""
    found: str | None = None
    """What was found, in words, where a fact of the data is claimed."""
    n_seeds: int = 0
    """Seeds that went in."""
    seeds_needed: int | None = None
    """If inconclusive: seeds that would decide it with probability 80 %, mean and spread staying as they are."""
    p_value: float | None = None
    """p value of "the claim holds", of this claim alone; null where nothing was measured on three seeds."""
    p_adjusted: float | None = None
    """The same by Holm's step-down over all claims that were tested; null where the claim was not tested."""
    note: str = ""
    """In a few words, for the table."""
    reasons: list[str] = Field(default_factory=list)
    """In sentences: why this verdict, or why there is none."""
    evidence: Evidence
    """What it rests on: cells, values per seed, interval, rule."""


def judge(
    claim: Claim, table: ScoresTable, scores: Scores, facts: Facts, development: DevelopmentScores | None = None
) -> ClaimVerdict:
    """The verdict on one claim, from sound results; `development` is shown beside and decides nothing."""
    check = claim.check
    if not isinstance(check, Measured):
        return judge_fact(claim, facts)
    found = measure(check, scores)
    verdict = (
        _judge_share(claim, check, found) if isinstance(check, Share) else _judge_mean(claim, check, found, scores)
    )
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
        return _verdict(claim, "NOT_TESTED", note="can't be re-run", reasons=[claim.check.undecided])
    assert isinstance(claim.check, Fact)
    finding = decide_fact(claim.check, facts)
    verdict = _verdict(claim, finding.verdict, **finding.model_dump(exclude={"verdict"}))
    sentence = f"found: {finding.found or 'nothing'}; {_concluded(verdict)}"
    return verdict.model_copy(update={"evidence": Evidence(rule=rule(claim), sentence=sentence)})


def invalid(claim: Claim, facts: Facts) -> ClaimVerdict:
    """The verdict on a claim when the results it would be judged by are not sound; facts don't depend on them."""
    if not isinstance(claim.check, Measured):
        return judge_fact(claim, facts)
    return _verdict(claim, "INVALID", note="see V0", reasons=["level V0 failed, so nothing is concluded"])


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
    return _verdict(claim, "NOT_TESTED", note=", ".join(notes), reasons=why)


def _out_of_scope(claim: Claim, measured: str, encoder: str, data: str) -> str | None:
    """What the claim is about and what is measured, in words, where they are not the same."""
    if (encoder, data) == (claim.scope.encoder, claim.scope.data):
        return None
    return f"the claim is about {claim.scope.encoder} on {claim.scope.data}; {measured}: {encoder} on {data}"


def _lacking(names: list[str]) -> str:
    return f"the grid lacks {', '.join(names)}"


def _verdict(claim: Claim, verdict: Verdict, **found: Any) -> ClaimVerdict:
    return ClaimVerdict(
        id=claim.id,
        text=claim.text,
        kind=claim.check.kind,
        verdict=verdict,
        expected=expected(claim),
        margin=margin_points(claim),
        evidence=Evidence(rule=rule(claim), sentence=f"{verdict}: {'; '.join(found['reasons'])}"),
        **found,
    )


def expected(claim: Claim) -> str | None:
    """What the check expects, as the table prints it."""
    match claim.check:
        case Gain() | BestOf():
            return f"{claim.check.expected_points:+.1f} +- {margin_points(claim):.1f}"
        case NoGain():
            return f"<= {claim.check.at_most_points:+.1f}"
        case Share():
            return f">= {claim.check.at_least_share:.0%} above {claim.check.threshold_points:+.1f}"
        case Compare():
            return f"above {claim.check.variant}"
        case CountTasks():
            return f"{claim.check.expected:,} tasks"
        case CountLanguages():
            return f"{claim.check.expected:,} languages"
        case CountRows():
            return f"{claim.check.expected:,} rows"
        case OriginOf():
            return claim.check.origin and f"from {claim.check.origin}"
        case NoSplit():
            return f"no {claim.check.split} split"
        case StartsFrom():
            return claim.check.repository.rpartition("/")[2]
    return None


def _judge_mean(
    claim: Claim, check: Gain | NoGain | BestOf | Compare, found: Measurement, scores: Scores
) -> ClaimVerdict:
    """One mean over seeds against a band."""
    values = list(found.values.values())
    if not values:
        return _verdict(claim, "UNDERPOWERED", note="nothing measured", reasons=["no seed has all the cells it needs"])
    target = target_band(claim)
    decision = decide(values, target)
    one_more = prediction_interval(values, claim.source.n_claim or 1) if decision.interval else None
    claimed = check.expected_points if isinstance(check, Gain | BestOf) else None
    return _verdict(
        claim,
        decision.verdict,
        measured=decision.mean,
        interval=_ends(decision.interval),
        without_retrieval=_mean(found.without_retrieval),
        direction=decision.direction,
        agrees=_agrees(check, decision, target),
        one_more_run=_ends(one_more),
        consistent=one_more.low <= claimed <= one_more.high if one_more and claimed is not None else None,
        n_seeds=decision.n,
        seeds_needed=decision.seeds_needed,
        p_value=decision.p_value,
        beside=_beside(check, scores),
        note=_note(check, decision),
        reasons=[decision.reason] if decision.reason else [],
    )


def _note(check: Gain | NoGain | BestOf | Compare, decision: Decision) -> str:
    """A decision that is not REPRODUCED, in a few words."""
    if decision.verdict == "NOT_REPRODUCED" and isinstance(check, Gain | BestOf):
        return relation(decision.mean, check.expected_points)
    if decision.verdict == "INCONCLUSIVE":
        needed = decision.seeds_needed
        return f"{needed} seeds would decide" if needed else "more seeds won't decide"
    if decision.verdict == "UNDERPOWERED":
        return "too few seeds" if decision.n < FEWEST_SEEDS else "seeds are all equal"
    return ""


def _beside(check: Gain | NoGain | BestOf | Compare, scores: Scores) -> dict[str, float]:
    """The mean gain of recipes that the source could mean too, where they were run."""
    if not isinstance(check, Gain):
        return {}
    gains = {recipe: mean_gain(scores, recipe, check.targets) for recipe in check.beside}
    return {recipe: statistics.fmean(values.values()) for recipe, values in gains.items() if values}


def _mean(values: Mapping[int, float]) -> float | None:
    return statistics.fmean(values.values()) if values else None


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return (interval.low, interval.high) if interval else None


def _agrees(check: Gain | NoGain | BestOf | Compare, decision: Decision, target: Interval) -> bool | None:
    """A claimed gain asks for its sign at 95 %; a claimed absence of gain asks on which side of it the
    interval lies.
    """
    if decision.interval is None:
        return None
    if isinstance(check, NoGain):
        return {"REPRODUCED": True, "NOT_REPRODUCED": False}.get(place(decision.interval, target))
    if decision.direction == "unclear":
        return None
    claimed_up = isinstance(check, Compare) or check.expected_points > 0
    return (decision.direction == "up") == claimed_up


def _judge_share(claim: Claim, check: Share, found: Measurement) -> ClaimVerdict:
    """A share of recipes, each above, below or across the threshold by its own 90 % interval.

    Those surely above give the lowest share, those not surely below the highest; the verdict follows where
    both ends agree. Fewer than three seeds, or equal ones, leave a recipe open. The recipes' own intervals are not
    adjusted for their number; the p value is.
    """
    above_threshold = Interval(low=check.threshold_points, high=INFINITE)
    decisions = [decide(list(gains.values()), above_threshold, False) for gains in found.by_recipe.values() if gains]
    if not decisions:
        return _verdict(claim, "UNDERPOWERED", note="nothing measured", reasons=["no seed has all the cells it needs"])
    n = len(decisions)
    above = sum(decision.verdict == "REPRODUCED" for decision in decisions)
    below = sum(decision.verdict == "NOT_REPRODUCED" for decision in decisions)
    shares = Interval(low=above / n, high=(n - below) / n)
    verdict = place(shares, Interval(low=check.at_least_share, high=1.0))
    seeds = min(decision.n for decision in decisions)
    return _verdict(
        claim,
        "UNDERPOWERED" if verdict == "INCONCLUSIVE" and seeds < FEWEST_SEEDS else verdict,
        measured=sum(decision.mean > check.threshold_points for decision in decisions) / n,
        interval=_ends(shares),
        agrees={"REPRODUCED": True, "NOT_REPRODUCED": False}.get(verdict),
        n_seeds=seeds,
        p_value=share_p([decision.p_value for decision in decisions], check.at_least_share),
        note=f"{above} of {n} recipes",
        reasons=[f"at 90 % {above} of {n} recipes gain over {check.threshold_points} points, {below} don't"],
    )


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
