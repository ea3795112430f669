"""The average gain of several recipes is no more than a negligible one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from harness.project.params import BASELINE
from harness.verify.claims.arithmetic import show_ends
from harness.verify.claims.kinds.mean import MeanGain
from harness.verify.claims.kinds.pieces import ACCUSED, ADJUSTED, FEW
from harness.verify.statistics.decision import Decision
from harness.verify.statistics.design import Design
from harness.verify.statistics.intervals import Interval, place
from harness.verify.statistics.p_values import one_sided_p


class NoGain(MeanGain):
    """The average gain of several recipes is no more than a negligible one."""

    kind: Literal["no_gain"]
    recipes: list[str] = Field(min_length=1)
    """The average is over these."""
    at_most_points: float
    """The largest gain that is still called none."""

    @property
    def named_recipes(self) -> list[str]:
        """The recipes that are averaged."""
        return list(self.recipes)

    def band(self, n_claim: int | None) -> Interval:
        """Everything up to the largest gain that is called none."""
        return Interval(low=-math.inf, high=self.at_most_points)

    def supposed_points(self, off: float, step: float, n_claim: int | None) -> float:
        """No gain at all, or that part of the largest one that is called none."""
        if self.at_most_points <= 0:
            return super().supposed_points(off, step, n_claim)
        return off * self.at_most_points

    def expects(self, n_claim: int | None) -> str:
        """The largest gain that is called none."""
        return f"<= {self.at_most_points:+z.1f}"

    def rule(self, n_claim: int | None) -> str:
        """Below, above or across the threshold."""
        return (
            f"REPRODUCED if the {ADJUSTED} of the mean gain over seeds lies wholly at or below"
            f" {self.at_most_points:+z.2f} points, NOT_REPRODUCED if wholly above and {ACCUSED}, INCONCLUSIVE"
            f" otherwise; {FEW}."
        )

    def agrees(self, decision: Decision, band: Interval) -> bool | None:
        """A claimed absence of gain asks on which side of the threshold the interval lies."""
        if decision.interval is None:
            return None
        return {"REPRODUCED": True, "NOT_REPRODUCED": False}.get(place(decision.interval, band))

    def replication_p(self, values: Sequence[float], design: Design) -> tuple[float, float]:
        """Against "more than the threshold" and against "at most the threshold": its absence must be shown, too."""
        p_above, p_below = one_sided_p(values, self.at_most_points, design)
        return p_below, p_above

    def formula(self) -> str:
        """The mean of paired gains."""
        return f"g_s = mean over recipes r of A(r, s) - A({BASELINE}, s)"

    def measured_in_words(self) -> str:
        """The average gain at each seed."""
        first = "with the recipe first, minus the same with none"
        return f"the gain averaged over the recipes at each seed: {self.over_in_words()}, {first}"

    def recipes_in_words(self) -> str:
        """The recipes."""
        return f"{', '.join(self.recipes)}; each against none"

    def threshold_in_words(self, n_claim: int | None) -> list[tuple[str, str]]:
        """The threshold."""
        fixed = f"{self.at_most_points:+z.2f} points, fixed before running; the reason stands under `why`"
        return [("threshold", fixed)]

    def band_in_words(self, n_claim: int | None) -> str:
        """The threshold as an interval."""
        ends = self.band(n_claim)
        return f"{show_ends(ends.low, ends.high)}: the largest gain still called none"

    def change_in_words(self, recipes: Sequence[str]) -> tuple[str, str]:
        """A change by training on one of the recipes first."""
        return f"training on one of {', '.join(recipes)} first changed the score by", ""
