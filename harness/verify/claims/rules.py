"""The rule of a claim: the band that counts as reproduced, what is computed, and when which verdict falls, in words."""

from __future__ import annotations

import math

from harness.verify.claims.checks import BestOf, Compare, Gain, Measured, NoGain, Share, Untestable
from harness.verify.claims.registry import Claim, margin_points
from harness.verify.scores import BASELINE
from harness.verify.statistics.intervals import FEWEST_SEEDS, LEVEL, Interval, band


def target_band(claim: Claim) -> Interval:
    """What counts as reproduced, in points; for kind share in shares of recipes."""
    match claim.check:
        case Gain() | BestOf():
            return band(claim.check.expected_points, margin_points(claim) or 0.0)
        case NoGain():
            return Interval(low=-math.inf, high=claim.check.at_most_points)
        case Compare():
            return Interval(low=0.0, high=math.inf)
        case Share():
            return Interval(low=claim.check.at_least_share, high=1.0)
    raise ValueError(f"a claim of kind {claim.check.kind} has no band")


def rule(claim: Claim) -> str:
    """The rule that decides the claim, as a sentence."""
    check = claim.check
    few = f"UNDERPOWERED below {FEWEST_SEEDS} seeds or where all seeds gave the same value"
    accused = f"p <= {LEVEL:.2f}, by Holm's step-down over all claims that are judged together"
    match check:
        case Gain() | BestOf():
            ends = target_band(claim)
            return (
                f"REPRODUCED if the 90 % interval of the mean gain over seeds lies inside [{ends.low:+.2f},"
                f" {ends.high:+.2f}] points, NOT_REPRODUCED if it lies wholly outside and {accused}, INCONCLUSIVE"
                f" otherwise; {few}."
            )
        case NoGain():
            return (
                "REPRODUCED if the 90 % interval of the mean gain over seeds lies wholly at or below"
                f" {check.at_most_points:+.2f} points, NOT_REPRODUCED if wholly above and {accused}, INCONCLUSIVE"
                f" otherwise; {few}."
            )
        case Compare():
            return (
                "REPRODUCED if the 90 % interval of the mean difference over seeds lies wholly at or above 0 points,"
                f" NOT_REPRODUCED if wholly below and {accused}, INCONCLUSIVE otherwise; {few}."
            )
        case Share():
            return (
                f"a recipe counts if the 90 % interval of its own mean gain lies above {check.threshold_points:+.2f}"
                " points, doesn't if below, and is open if it straddles; REPRODUCED if the recipes that count are at"
                f" least {check.at_least_share:.0%}, NOT_REPRODUCED if with all open ones they would still be fewer,"
                f" INCONCLUSIVE between; UNDERPOWERED instead below {FEWEST_SEEDS} seeds."
            )
        case Untestable():
            return "NOT_TESTED whatever is run: no run of ours can decide it."
    return (
        "REPRODUCED if what the pins of the published files, the profile or public documents say is what the claim"
        " says, NOT_REPRODUCED if it is something else, NOT_TESTED where nothing says it."
    )


def formula(check: Measured) -> str:
    """What is computed, one value per seed s; A is the mean over the targets."""
    match check:
        case Gain():
            return f"g_s = A({check.recipe}, s) - A({BASELINE}, s)"
        case NoGain():
            return f"g_s = mean over recipes r of A(r, s) - A({BASELINE}, s)"
        case Share():
            return f"g_s(r) = A(r, s) - A({BASELINE}, s), for each recipe r by itself"
        case Compare():
            return f"g_s = mean over recipes r of A(r, s) - A(r{check.variant}, s)"
        case BestOf():
            return f"g_s = mean over targets t of score(best(t), t, s) - score({BASELINE}, t, s)"
