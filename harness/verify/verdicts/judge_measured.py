"""Level V3 on what was measured: values over seeds against the band of a claim. What else may hold a verdict back is
harness.verify.verdicts.judge's.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from harness.verify.claims.checks import BestOf, Compare, Gain, NoGain, Share
from harness.verify.claims.registry import Claim
from harness.verify.claims.rules import target_band
from harness.verify.measure.measure import Measurement
from harness.verify.scores import Scores, mean_gain
from harness.verify.statistics.intervals import (
    FEWEST_SEEDS,
    Decision,
    Interval,
    decide,
    place,
    prediction_interval,
    relation,
    share_p,
)
from harness.verify.verdicts.verdict import ClaimVerdict, verdict_on

INFINITE = float("inf")


def judge_mean(
    claim: Claim, check: Gain | NoGain | BestOf | Compare, found: Measurement, scores: Scores
) -> ClaimVerdict:
    """One mean over seeds against a band."""
    values = list(found.values.values())
    if not values:
        return verdict_on(
            claim, "UNDERPOWERED", note="nothing measured", reasons=["no seed has all the cells it needs"]
        )
    target = target_band(claim)
    decision = decide(values, target)
    one_more = prediction_interval(values, claim.source.n_claim or 1) if decision.interval else None
    claimed = check.expected_points if isinstance(check, Gain | BestOf) else None
    return verdict_on(
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


def _unmeasured(claim: Claim) -> ClaimVerdict:
    why = "no seed has all the cells it needs"
    return verdict_on(claim, "UNDERPOWERED", note="nothing measured", reasons=[why])


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


def judge_share(claim: Claim, check: Share, found: Measurement) -> ClaimVerdict:
    """A share of recipes, each above, below or across the threshold by its own 90 % interval.

    Those surely above give the lowest share, those not surely below the highest; the verdict follows where
    both ends agree. Fewer than three seeds, or equal ones, leave a recipe open. The recipes' own intervals are not
    adjusted for their number; the p value is.
    """
    above_threshold = Interval(low=check.threshold_points, high=INFINITE)
    decisions = [decide(list(gains.values()), above_threshold, False) for gains in found.by_recipe.values() if gains]
    if not decisions:
        return verdict_on(
            claim, "UNDERPOWERED", note="nothing measured", reasons=["no seed has all the cells it needs"]
        )
    n = len(decisions)
    above = sum(decision.verdict == "REPRODUCED" for decision in decisions)
    below = sum(decision.verdict == "NOT_REPRODUCED" for decision in decisions)
    shares = Interval(low=above / n, high=(n - below) / n)
    verdict = place(shares, Interval(low=check.at_least_share, high=1.0))
    seeds = min(decision.n for decision in decisions)
    return verdict_on(
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
