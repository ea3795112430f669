"""Recipes score higher than their variants, averaged over recipes and targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from harness.verify.claims.arithmetic import show_ends
from harness.verify.claims.kinds.mean import MeanGain
from harness.verify.claims.kinds.pieces import ACCUSED, ADJUSTED, FEW
from harness.verify.statistics.intervals import Interval


class Compare(MeanGain):
    """Recipes score higher than their variants, averaged over recipes and targets."""

    kind: Literal["compare"]
    recipes: list[str] = Field(min_length=1)
    """The plain English recipes."""
    variant: Literal["+mlm", "+translated"]
    """Suffix of the recipes they are compared with."""

    @property
    def named_recipes(self) -> list[str]:
        """The plain recipes."""
        return list(self.recipes)

    def compared_with(self, recipe: str) -> str:
        """The recipe's variant."""
        return recipe + self.variant

    def band(self, n_claim: int | None) -> Interval:
        """Everything from zero up."""
        return Interval(low=0.0, high=math.inf)

    def expects(self, n_claim: int | None) -> str:
        """The variant that is to be beaten."""
        return f"above {self.variant}"

    def rule(self, n_claim: int | None) -> str:
        """Above, below or across zero."""
        return (
            f"REPRODUCED if the {ADJUSTED} of the mean difference over seeds lies wholly at or above 0 points,"
            f" NOT_REPRODUCED if wholly below and {ACCUSED}, INCONCLUSIVE otherwise; {FEW}."
        )

    def formula(self) -> str:
        """The mean of paired differences."""
        return f"g_s = mean over recipes r of A(r, s) - A(r{self.variant}, s)"

    def measured_in_words(self) -> str:
        """The average difference at each seed."""
        return (
            f"the difference averaged over the recipes at each seed: {self.over_in_words()}, with the recipe, minus the"
            f" same with its {self.variant} variant"
        )

    def recipes_in_words(self) -> str:
        """The recipes and their variant."""
        return f"{', '.join(self.recipes)}; each against itself with {self.variant}"

    def threshold_in_words(self, n_claim: int | None) -> list[tuple[str, str]]:
        """Zero."""
        return [("threshold", "0 points: the claim only says which is higher")]

    def band_in_words(self, n_claim: int | None) -> str:
        """Zero as the end of an interval."""
        ends = self.band(n_claim)
        return f"{show_ends(ends.low, ends.high)}: the claim says which is higher"

    def change_in_words(self, recipes: Sequence[str]) -> tuple[str, str]:
        """A difference from the variants."""
        return f"{', '.join(recipes)} scored", f" against their {self.variant} variants"
