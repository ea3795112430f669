"""The gain when each target takes its own best recipe is the published one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from harness.project.params import BASELINE
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.kinds.base import ScoreRow
from harness.verify.claims.kinds.stated import StatedGain
from harness.verify.claims.measurement import Measurement
from harness.verify.scores import Scores, best, mean_over


class BestOf(StatedGain):
    """The gain when each target takes its own best recipe is the published one."""

    kind: Literal["best_of"]
    recipes: list[str] = Field(min_length=1)
    """Candidates; the baseline `none` is always one."""
    derived_from: list[str] = Field(default_factory=list)
    """Rows of reference/paper.yaml: the first one's average minus the second one's is the published gain."""

    rows_by_recipe: ClassVar[bool] = False

    @property
    def named_recipes(self) -> list[str]:
        """The candidates beside the baseline."""
        return list(self.recipes)

    def values(self, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
        """g_s when each target takes its best recipe, `none` being one of them; mean over targets, in points.

        Chosen by the mean dev score over seeds; a target without dev scores chooses by the mean score over the
        OTHER seeds, so that no run both chooses and is scored (a choice on the same run is biased upwards).
        """
        candidates = [BASELINE, *recipes]
        gains = []
        for target in targets:
            baseline = scores.by_pair.get((BASELINE, target), {})
            chosen = {seed: _choose(scores, candidates, target, seed) for seed in scores.seeds}
            gains.append(
                {
                    seed: scores.by_pair[(recipe, target)][seed] - baseline[seed]
                    for seed, recipe in chosen.items()
                    if recipe and seed in baseline and seed in scores.by_pair.get((recipe, target), {})
                }
            )
        return mean_over(gains, scores.seeds)

    def choices(self, found: Measurement, scores: Scores) -> dict[str, dict[int, dict[str, float]]]:
        """What each target chooses by."""
        if not found.recipes:
            return {}
        candidates = [BASELINE, *found.recipes]
        return {
            target: {seed: by for seed in scores.seeds if (by := chosen_by(scores, candidates, target, seed))}
            for target in found.targets
        }

    def formula(self) -> str:
        """The mean of paired gains of what was chosen."""
        return f"g_s = mean over targets t of score(best(t), t, s) - score({BASELINE}, t, s)"

    def measured_in_words(self) -> str:
        """The gain of what is chosen, and how it is chosen."""
        return (
            "the gain when each target takes its own best recipe at each seed, averaged over the targets; chosen by"
            " the mean score on the source language's dev set over seeds, or where a target has none by its mean"
            " score over the other seeds"
        )

    def recipes_in_words(self) -> str:
        """The candidates."""
        return f"{', '.join(self.recipes)}; none too is a candidate; the gain is against none"

    def change_in_words(self, recipes: Sequence[str]) -> tuple[str, str]:
        """A change by letting each target choose."""
        return f"letting each target take the best of none, {', '.join(recipes)} changed the score by", ""

    def score_rows(
        self, recipes: Sequence[str], targets: Sequence[str], seeds: Sequence[int], evidence: Evidence
    ) -> list[ScoreRow]:
        """One row per target, with what it takes at each seed."""
        return [ScoreRow([target], evidence.chosen.get(target, {}), target, BASELINE) for target in targets]


def _choose(scores: Scores, candidates: Sequence[str], target: str, seed: int) -> str | None:
    """The recipe for `target` at `seed`, or None where nothing is left to choose by."""
    values = chosen_by(scores, candidates, target, seed)
    return best(values) if values else None


def chosen_by(scores: Scores, candidates: Sequence[str], target: str, seed: int) -> dict[str, float]:
    """Candidate -> the mean in points by which `target` chooses at `seed`, over the seeds that all candidates have, so
    that none looks better for the seeds that it alone ran at; empty where they share none.
    """
    by_dev = _at_shared_seeds([scores.dev_by_pair.get((recipe, target), {}) for recipe in candidates])
    if not by_dev:
        others = [{s: v for s, v in scores.by_pair.get((one, target), {}).items() if s != seed} for one in candidates]
        by_dev = _at_shared_seeds(others)
    return {recipe: statistics.fmean(values) for recipe, values in zip(candidates, by_dev, strict=False)}


def _at_shared_seeds(values: Sequence[Mapping[int, float]]) -> list[list[float]]:
    """Each candidate's values at the seeds that all have; empty where there is none."""
    shared = [seed for seed in values[0] if all(seed in by_seed for by_seed in values)]
    return [[by_seed[seed] for seed in shared] for by_seed in values] if shared else []
