"""At least a share of the recipes gains more than a threshold."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from harness.project.params import BASELINE
from harness.verify.claims.arithmetic import Steps
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.measurement import Measurement, Outcome, nothing_measured
from harness.verify.claims.words import over_words
from harness.verify.scores import Scores
from harness.verify.statistics.aggregate import Aggregate, aggregate
from harness.verify.statistics.intervals import FEWEST_SEEDS, Interval, decide, place, share_p


class Share(Measured):
    """At least a share of the recipes gains more than a threshold."""

    kind: Literal["share"]
    recipes: list[str] = Field(min_length=1)
    """The recipes that are counted."""
    threshold_points: float
    """A recipe counts if its gain, averaged over the targets, is above this."""
    at_least_share: float = Field(gt=0, le=1)
    """The share that the words of the claim stand for."""

    unit: ClassVar[Literal["points", "share"]] = "share"
    one_mean: ClassVar[bool] = False

    @property
    def named_recipes(self) -> list[str]:
        """The recipes that are counted."""
        return list(self.recipes)

    def band(self, n_claim: int | None) -> Interval:
        """The share and more, in shares of recipes."""
        return Interval(low=self.at_least_share, high=1.0)

    def expects(self, n_claim: int | None) -> str:
        """The share and the threshold."""
        return f">= {self.at_least_share:.0%} above {self.threshold_points:+.1f}"

    def rule(self, n_claim: int | None) -> str:
        """When a recipe counts, and how many must."""
        return (
            f"a recipe counts if the 90 % interval of its own mean gain lies above {self.threshold_points:+.2f}"
            " points, doesn't if below, and is open if it straddles; REPRODUCED if the recipes that count are at"
            f" least {self.at_least_share:.0%}, NOT_REPRODUCED if with all open ones they would still be fewer,"
            f" INCONCLUSIVE between; UNDERPOWERED instead below {FEWEST_SEEDS} seeds."
        )

    def outcome(self, found: Measurement, scores: Scores, n_claim: int | None) -> Outcome:
        """A share of recipes, each above, below or across the threshold by its own 90 % interval.

        Those surely above give the lowest share, those not surely below the highest; the verdict follows where both
        ends agree. Fewer than three seeds, or equal ones, leave a recipe open. The recipes' own intervals are not
        adjusted for their number; the p value is.
        """
        above_threshold = Interval(low=self.threshold_points, high=math.inf)
        decisions = [decide(list(gain.values()), above_threshold, False) for gain in found.by_recipe.values() if gain]
        if not decisions:
            return nothing_measured()
        n = len(decisions)
        above = sum(decision.verdict == "REPRODUCED" for decision in decisions)
        below = sum(decision.verdict == "NOT_REPRODUCED" for decision in decisions)
        shares = Interval(low=above / n, high=(n - below) / n)
        verdict = place(shares, self.band(n_claim))
        seeds = min(decision.n for decision in decisions)
        return Outcome(
            verdict="UNDERPOWERED" if verdict == "INCONCLUSIVE" and seeds < FEWEST_SEEDS else verdict,
            measured=sum(decision.mean > self.threshold_points for decision in decisions) / n,
            interval=shares.ends,
            agrees={"REPRODUCED": True, "NOT_REPRODUCED": False}.get(verdict),
            n_seeds=seeds,
            p_value=share_p([decision.p_value for decision in decisions], self.at_least_share),
            note=f"{above} of {n} recipes",
            reasons=[f"at 90 % {above} of {n} recipes gain over {self.threshold_points} points, {below} don't"],
        )

    def formula(self) -> str:
        """The paired gain of each recipe."""
        return f"g_s(r) = A(r, s) - A({BASELINE}, s), for each recipe r by itself"

    def measured_in_words(self) -> str:
        """Each recipe's gain, then the share."""
        gain = f"for each recipe its gain at each seed, {self.over_in_words()} minus the same with none"
        return f"{gain}; then the share of recipes that gain"

    def recipes_in_words(self) -> str:
        """The recipes."""
        return f"{', '.join(self.recipes)}; each against none"

    def threshold_in_words(self, n_claim: int | None) -> list[tuple[str, str]]:
        """The threshold and the share."""
        gain = f"a gain above {self.threshold_points:+.2f} points"
        recipes = f"by at least {self.at_least_share:.0%} of the recipes"
        return [("threshold", f"{gain}, {recipes}; both fixed before running, for the reason under `why`")]

    def sentence(self, found: Measurement, overall: Aggregate | None, without_retrieval: Aggregate | None) -> str:
        """How many recipes gained more than the threshold on average."""
        gains = [each for values in found.by_recipe.values() if (each := aggregate(values))]
        if not gains:
            return "nothing could be measured"
        above = sum(gain.mean > self.threshold_points for gain in gains)
        recipes, over = ", ".join(found.recipes), over_words(found.targets)
        return f"{above} of {len(gains)} recipes ({recipes}) gained more than {self.threshold_points} points {over}"

    def arithmetic(self, evidence: Evidence, n_claim: int | None) -> Steps:
        """Which recipes count, don't, or are open, and the share that leaves."""
        groups: dict[str, list[str]] = {"count": [], "don't": [], "are open": []}
        for recipe, gain in evidence.by_recipe.items():
            low, high = gain.interval if gain.interval and len(gain.values) >= FEWEST_SEEDS else (-math.inf, math.inf)
            sure = "count" if low >= self.threshold_points else "don't" if high < self.threshold_points else "are open"
            groups[sure].append(recipe)
        n, above, below = len(evidence.by_recipe), len(groups["count"]), len(groups["don't"])
        if not n:
            return []
        listed = "; ".join(
            f"{len(names)} {group}" + (f" ({', '.join(names)})" if names else "") for group, names in groups.items()
        )
        shares = f"between {above}/{n} = {above / n:.0%} and ({n} - {below})/{n} = {(n - below) / n:.0%}"
        return [
            ("recipes", f"against {self.threshold_points:+.2f} points by their own 90 % intervals: {listed}"),
            ("share", f"{shares}; the claim needs {self.at_least_share:.0%}"),
            ("rule gives", f"on these numbers alone {evidence.rule_gives}"),
        ]
