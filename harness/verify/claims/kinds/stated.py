"""Kinds that state an amount of gain: the measured mean is to lie within a margin of it."""

from __future__ import annotations

from typing import ClassVar

from harness.verify.claims.kinds.mean import MeanGain
from harness.verify.claims.kinds.pieces import ACCUSED, ADJUSTED, FEW, Margin
from harness.verify.statistics.decision import Decision
from harness.verify.statistics.design import Design
from harness.verify.statistics.intervals import Interval, band, relation


class StatedGain(MeanGain):
    """A check on a published gain."""

    expected_points: float
    """The published gain."""
    margin: Margin
    """How close is close."""

    states_gain: ClassVar[bool] = True

    @property
    def claimed_points(self) -> float:
        """The published gain in points."""
        return self.expected_points

    @property
    def claims_up(self) -> bool:
        """Is the published gain above zero?"""
        return self.expected_points > 0

    def margin_points(self, n_claim: int | None) -> float:
        """The margin d in points; an unknown number of runs counts as one."""
        return self.margin.points(n_claim or 1)

    def band(self, n_claim: int | None) -> Interval:
        """The published gain -+ the margin."""
        return band(self.expected_points, self.margin_points(n_claim))

    def expects(self, n_claim: int | None) -> str:
        """The gain with its margin."""
        return f"{self.expected_points:+z.1f} +- {self.margin_points(n_claim):.1f}"

    def rule(self, n_claim: int | None) -> str:
        """Inside, outside or across the band."""
        ends = self.band(n_claim)
        return (
            f"REPRODUCED if the {ADJUSTED} of the mean gain over seeds lies inside [{ends.low:+z.2f},"
            f" {ends.high:+z.2f}] points, NOT_REPRODUCED if it lies wholly outside, the published number lies outside"
            f" what {n_claim or 1} further run{'s' if (n_claim or 1) > 1 else ''} would give, too, and {ACCUSED},"
            f" INCONCLUSIVE otherwise; {FEW}."
        )

    def note(self, decision: Decision, design: Design) -> str:
        """How a refuted gain differs, or what stands in the way of a decision."""
        if decision.verdict == "NOT_REPRODUCED":
            return relation(decision.mean, self.expected_points)
        return super().note(decision, design)

    def threshold_in_words(self, n_claim: int | None) -> list[tuple[str, str]]:
        """The margin and its reason."""
        return [("margin", self.band_in_words(n_claim)), ("why this margin", self.margin.reason)]

    def band_in_words(self, n_claim: int | None) -> str:
        """How the margin d is computed, with its terms."""
        d = self.margin
        noise = (
            "the spread s_ref of the published number over runs is not known, so its term is left out"
            if d.reference_sd_points is None
            else f"2 x {d.reference_sd_points:g} / sqrt({n_claim or 1})"
        )
        ends, points = self.band(n_claim), self.margin_points(n_claim)
        return (
            f"d = max(practical {d.practical_points:g}, 2 s_ref / sqrt(n_claim), rounding {d.rounding_points:g})"
            f" = {points:g} points ({noise}); {self.expected_points:+g} -+ {points:g} is"
            f" [{ends.low:+z.2f}, {ends.high:+z.2f}]"
        )
