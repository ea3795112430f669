"""The gain of one recipe, averaged over targets, is the published one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from harness.project.params import BASELINE
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.kinds.pieces import ScoreRow
from harness.verify.claims.kinds.stated import StatedGain
from harness.verify.claims.measurement import Measurement
from harness.verify.scores import Scores, mean_gain


class Gain(StatedGain):
    """The gain of one recipe, averaged over targets, is the published one."""

    kind: Literal["gain"]
    recipe: str
    """The recipe."""
    beside: list[str] = Field(default_factory=list)
    """Recipes whose gain is shown beside, because the source could mean them too."""

    rows_by_recipe: ClassVar[bool] = False

    @property
    def named_recipes(self) -> list[str]:
        """The recipe."""
        return [self.recipe]

    @property
    def shown_beside(self) -> list[str]:
        """Recipes that the source could mean too."""
        return self.beside

    def formula(self) -> str:
        """The paired gain."""
        return f"g_s = A({self.recipe}, s) - A({BASELINE}, s)"

    def measured_in_words(self) -> str:
        """The gain at each seed."""
        over = self.over_in_words()
        return f"the gain of {self.recipe} at each seed: {over}, with {self.recipe} first, minus the same with none"

    def recipes_in_words(self) -> str:
        """The recipe, and what is shown beside."""
        beside = f"; {', '.join(self.beside)} shown beside, where run" if self.beside else ""
        return f"{self.recipe}, against none{beside}"

    def change_in_words(self, recipes: Sequence[str]) -> tuple[str, str]:
        """A change by training on the recipe first."""
        return f"training on {', '.join(recipes)} first changed the score by", ""

    def beside_gains(self, scores: Scores) -> dict[str, float]:
        """The mean gain of recipes that the source could mean too."""
        gains = {recipe: mean_gain(scores, recipe, self.targets) for recipe in self.beside}
        return {recipe: statistics.fmean(values.values()) for recipe, values in gains.items() if values}

    def gains_by_recipe(self, found: Measurement, scores: Scores) -> dict[str, dict[int, float]]:
        """None: the one recipe's gain is the claim's own value."""
        return {}

    def score_rows(
        self, recipes: Sequence[str], targets: Sequence[str], seeds: Sequence[int], evidence: Evidence
    ) -> list[ScoreRow]:
        """One row per target."""
        return [ScoreRow([target], dict.fromkeys(seeds, self.recipe), target, BASELINE) for target in targets]
