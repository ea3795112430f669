"""At least a share of the recipes gains more than a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import ClassVar, Literal

from pydantic import Field

from harness.project.params import BASELINE
from harness.verify.claims.arithmetic import Steps
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.kinds.pieces import ACCUSED
from harness.verify.claims.measurement import Measurement, Outcome, Sensitivity, nothing_measured
from harness.verify.claims.words import over_words
from harness.verify.scores import Scores
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.intervals import LEVEL, Interval, Verdict
from harness.verify.statistics.p_values import must_hold, one_sided_p, partial_p
from harness.verify.statistics.power import share_chance

SENSITIVITY = (0.0, 0.5, 1.0, 1.5, 2.0)
"""The thresholds that are shown, in units of the registered one (of a point where that is 0), for every claim alike."""
SHARES = (0.5, 0.75, 1.0)
"""The shares that are shown beside the registered one, for every claim alike: words like "many" or "almost every" name
none."""


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

    def supposed_points(self, off: float, step: float, n_claim: int | None) -> float:
        """Every recipe's gain: the threshold and `step` more, or less of it."""
        return self.threshold_points + step * (1 - off)

    def chance(self, true_points: float, sigma: float, n: int, n_claim: int | None, design: Design = STANDARD) -> float:
        """P(REPRODUCED) at look `n` where every recipe gains so much; simulated."""
        of = len(self.recipes)
        above = true_points - self.threshold_points
        return share_chance(above, sigma, n, of, must_hold(of, self.at_least_share), design)

    def expects(self, n_claim: int | None) -> str:
        """The share and the threshold."""
        return f">= {self.at_least_share:.0%} above {self.threshold_points:+z.1f}"

    def rule(self, n_claim: int | None) -> str:
        """How many recipes must be shown to gain, or not to."""
        return (
            f"each recipe's mean gain is tested one-sided against {self.threshold_points:+z.2f} points, in both"
            f" directions, adjusted for the looks of the design; REPRODUCED if at least {self.at_least_share:.0%} of"
            f" the recipes gain more by the partial conjunction test at {LEVEL:.2f}, NOT_REPRODUCED if by the same test"
            f" so many don't that fewer do, and {ACCUSED}; INCONCLUSIVE between; UNDERPOWERED instead below the"
            " design's first look."
        )

    def outcome(self, found: Measurement, scores: Scores, n_claim: int | None, design: Design = STANDARD) -> Outcome:
        """How many of the recipes gain more than the threshold, by the partial conjunction test, and how many don't.

        Both counts are lower bounds at 95 %, however the recipes depend on each other (they share the baseline). The
        first gives the lowest share, the second the highest; the verdict follows where both ends agree. Fewer seeds
        than the first look, or equal ones, leave a recipe open; one without a seed that counts is one of them all the
        same, or leaving out seeds of what doesn't gain would raise the share.
        """
        gains = [list(gain.values()) for gain in found.by_recipe.values()]
        if not any(gains):
            return nothing_measured(found.uncounted, design)
        n, seeds = len(gains), min(map(len, gains))
        empty = [recipe for recipe, gain in found.by_recipe.items() if not gain]
        here = self._counted(gains, self.threshold_points, design)
        shares = Interval(low=here.above / n, high=(n - here.not_above) / n)
        p_yes, p_no = self._p_values(gains, self.threshold_points, design)
        some = any(len(gain) >= design.first for gain in gains)
        return Outcome(
            verdict="UNDERPOWERED" if here.verdict == "INCONCLUSIVE" and seeds < design.first else here.verdict,
            measured=sum(fmean(gain) > self.threshold_points for gain in gains if gain) / n,
            interval=shares.ends,
            agrees={"REPRODUCED": True, "NOT_REPRODUCED": False}.get(here.verdict),
            n_seeds=seeds,
            p_value=p_no if some else None,
            replication_p=(p_yes, p_no),
            sensitivity=[self._counted(gains, threshold, design) for threshold in self.thresholds],
            note=f"{here.above} of {n} recipes",
            reasons=[
                f"by the partial conjunction test at {design.level:.0%} at least {here.above} of {n} recipes gain over"
                f" {self.threshold_points} points, and at least {here.not_above} don't",
                *([f"no seed of {', '.join(empty)} counts: open, and still of the {n}"] if empty else []),
            ],
        )

    @property
    def thresholds(self) -> list[float]:
        """The thresholds at which the rule is shown, the registered one among them."""
        return sorted({self.threshold_points, *(factor * (self.threshold_points or 1.0) for factor in SENSITIVITY)})

    @property
    def shares(self) -> list[float]:
        """The shares of recipes at which the rule is shown, the registered one among them."""
        return sorted({self.at_least_share, *SHARES})

    def _p_values(self, gains: Sequence[Sequence[float]], threshold: float, design: Design) -> tuple[float, float]:
        """Of "fewer than the share gain more" and of "the share gains more"."""
        tested = [one_sided_p(gain, threshold, design) for gain in gains]
        least = must_hold(len(gains), self.at_least_share)
        p_yes = partial_p([above for above, _ in tested], least)
        return p_yes, partial_p([below for _, below in tested], len(gains) - least + 1)

    def _counted(self, gains: Sequence[Sequence[float]], threshold: float, design: Design) -> Sensitivity:
        """How many recipes gain more than a threshold, how many don't, and the verdict that follows."""
        n = len(gains)
        tested = [one_sided_p(gain, threshold, design) for gain in gains]
        above, below = (_at_least(p_values, design.level) for p_values in zip(*tested, strict=True))
        at_shares = {share: _at_share(share, above, below, n) for share in self.shares}
        verdict = at_shares[self.at_least_share]
        return Sensitivity(
            threshold_points=threshold, above=above, not_above=below, of=n, verdict=verdict, at_shares=at_shares
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
        gain = f"a gain above {self.threshold_points:+z.2f} points"
        recipes = f"by at least {self.at_least_share:.0%} of the recipes"
        return [("threshold", f"{gain}, {recipes}; both fixed before running, for the reason under `why`")]

    def sentence(self, found: Measurement, overall: Aggregate | None, without_retrieval: Aggregate | None) -> str:
        """How many recipes gained more than the threshold on average."""
        gains = [fmean(values.values()) for values in found.by_recipe.values() if values]
        if not gains:
            return "nothing could be measured"
        above = sum(gain > self.threshold_points for gain in gains)
        recipes, over = ", ".join(found.recipes), over_words(found.targets)
        of = f"{above} of {len(found.by_recipe)} recipes ({recipes})"
        return f"{of} gained more than {self.threshold_points} points {over}"

    def arithmetic(self, evidence: Evidence, n_claim: int | None) -> Steps:
        """How many recipes are shown to gain, how many not to, what share that leaves, and the same elsewhere."""
        rows = {row.threshold_points: row for row in evidence.sensitivity}
        here = rows.get(self.threshold_points)
        if here is None:
            return []
        n, above, below = here.of, here.above, here.not_above
        test = f"partial conjunction test: the largest k with max over j <= k of (m - j + 1) p_(j) at most {LEVEL:.2f}"
        shares = f"between {above}/{n} = {above / n:.0%} and ({n} - {below})/{n} = {(n - below) / n:.0%}"
        return [
            ("recipes", f"against {self.threshold_points:+z.2f} points {above} count and {below} don't ({test})"),
            ("share", f"{shares}; the claim needs {self.at_least_share:.0%}"),
            ("rule gives", f"on these numbers alone {evidence.rule_gives}"),
        ]


def _at_share(share: float, above: int, not_above: int, n: int) -> Verdict:
    """The verdict where this share must gain more: of `n` recipes so many are shown to, and so many not to."""
    least = must_hold(n, share)
    return "REPRODUCED" if above >= least else "NOT_REPRODUCED" if n - not_above < least else "INCONCLUSIVE"


def _at_least(p_values: Sequence[float], level: float) -> int:
    """How many of these hypotheses are false at least: the largest k that the partial conjunction test shows."""
    return sum(partial_p(p_values, k) <= level for k in range(1, len(p_values) + 1))
