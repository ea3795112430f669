"""The gain of one recipe on a group of languages, averaged over targets, is the stated one; below zero it is a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from harness.project.params import BASELINE
from harness.verify.claims.arithmetic import Steps
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.kinds.pieces import ScoreRow
from harness.verify.claims.kinds.stated import StatedGain
from harness.verify.claims.measurement import Measurement
from harness.verify.scores import Scores, mean_over, paired_gains
from harness.verify.statistics.aggregate import Aggregate


class LanguageGain(StatedGain):
    """The gain of one recipe on a group of languages, averaged over targets, is the stated one; below zero: a loss."""

    kind: Literal["language_gain"]
    recipe: str
    """The recipe."""
    languages: list[str] = Field(min_length=1)
    """The group; of each target those are averaged that it is tested in."""

    rows_by_recipe: ClassVar[bool] = False
    on_development: ClassVar[bool] = False  # their scores are known by target

    @field_validator("languages")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        return cls._named_once(names)

    @property
    def named_recipes(self) -> list[str]:
        """The recipe."""
        return [self.recipe]

    def values(self, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
        """Seed -> mean over targets of the mean gain over the group's languages, in points.

        A seed is left out where a language that the baseline has a score of lacks the recipe's, and all are where a
        target is tested in none of the languages, or scores by language are not known.
        """
        return mean_over([self._on_target(scores, target) for target in targets], scores.seeds)

    def _on_target(self, scores: Scores, target: str) -> dict[int, float]:
        tested = [language for language in self.languages if (BASELINE, target, language) in scores.by_language]
        gains = [
            paired_gains(
                scores.by_language.get((self.recipe, target, language), {}),
                scores.by_language[BASELINE, target, language],
            )
            for language in tested
        ]
        return mean_over(gains, scores.seeds)

    def untested_languages(self, scores: Scores) -> list[str]:
        """Languages of the group without a score of the baseline; none where a target has none in any language."""
        tested = {(target, language) for recipe, target, language in scores.by_language if recipe == BASELINE}
        if not set(self.targets) <= {target for target, _ in tested}:
            return []
        known = {language for target, language in tested if target in self.targets}
        return [language for language in self.languages if language not in known]

    def formula(self) -> str:
        """The paired gain on the group."""
        return (
            f"g_s = mean over targets t of the mean over the languages l, of {', '.join(self.languages)}, that t is"
            f" tested in, of score({self.recipe}, t, l, s) - score({BASELINE}, t, l, s)"
        )

    def measured_in_words(self) -> str:
        """The gain at each seed, on the group's languages alone."""
        over = "the mean over the targets" if len(self.targets) > 1 else f"on {self.targets[0]}"
        first = f"with {self.recipe} first, minus the same with none"
        return f"the gain of {self.recipe} on {', '.join(self.languages)} at each seed: {over}, {first}"

    def recipes_in_words(self) -> str:
        """The recipe."""
        return f"{self.recipe}, against none"

    def change_in_words(self, recipes: Sequence[str]) -> tuple[str, str]:
        """A change by training on the recipe first, on the group."""
        return f"training on {', '.join(recipes)} first changed the score of {', '.join(self.languages)} by", ""

    def sentence(self, found: Measurement, overall: Aggregate | None, without_retrieval: Aggregate | None) -> str:
        """As for every mean, of the languages that went in."""
        went_in = [language for language in self.languages if language not in found.missing]
        part = self.model_copy(update={"languages": went_in})
        return super(LanguageGain, part).sentence(found, overall, without_retrieval)

    def gains_by_recipe(self, found: Measurement, scores: Scores) -> dict[str, dict[int, float]]:
        """None: the one recipe's gain is the claim's own value."""
        return {}

    def score_rows(
        self, recipes: Sequence[str], targets: Sequence[str], seeds: Sequence[int], evidence: Evidence
    ) -> list[ScoreRow]:
        """One row per target, over all its languages: what the cells say as a whole."""
        labels = [[f"{target}, all languages"] for target in targets]
        measured = dict.fromkeys(seeds, self.recipe)
        return [ScoreRow(label, measured, t, BASELINE) for label, t in zip(labels, targets, strict=True)]

    def arithmetic(self, evidence: Evidence, n_claim: int | None) -> Steps:
        """That the scores above are of all languages, then the interval of the mean, and where it lies."""
        where = "scores.json, or result.json of each cell"
        group = f"the last line is of {', '.join(self.languages)} alone; their scores stand in {where}"
        steps = super().arithmetic(evidence, n_claim)
        return [("languages", group), *steps] if steps else []
