"""Few numbers that say what a run found, for programs that compare runs: MLflow's recipes and DVC's metrics show them.

They are means of what the table of scores holds; no verdict rests on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import get_args

from harness.project.params import BASELINE
from harness.project.results import Status
from harness.verify.scores import Scores, ScoresTable, mean_gain, paired_gains, read_table
from harness.verify.statistics.intervals import Verdict


@dataclass(frozen=True)
class RecipeNumbers:
    """Means over the seeds of one recipe, in points; gains are against the baseline at the same seed."""

    recipe: str
    score: Mapping[str, float] = field(default_factory=dict)
    """target -> score."""
    gain: Mapping[str, float] = field(default_factory=dict)
    """target -> gain; empty for the baseline."""
    gain_all: float | None = None
    """Gain over all targets that are available; None where a cell is lacking, and for the baseline."""
    gain_without_retrieval: float | None = None
    """The same without the retrieval targets."""
    by_language: Mapping[str, float] = field(default_factory=dict)
    """language -> gain, the mean over the targets that are tested in it; of a recipe that ran on all targets."""
    by_seed: Mapping[int, float] = field(default_factory=dict)
    """seed -> gain over all targets."""
    status: Mapping[Status, int] = field(default_factory=dict)
    """status -> cells."""


def recipe_numbers(table: ScoresTable) -> list[RecipeNumbers]:
    """The numbers of every recipe of a table, in its order."""
    scores = read_table(table)
    return [_numbers(recipe, table, scores) for recipe in table.recipes]


def _numbers(recipe: str, table: ScoresTable, scores: Scores) -> RecipeNumbers:
    pairs = {target: scores.by_pair.get((recipe, target), {}) for target in scores.targets}
    status = dict(Counter(row.status for row in table.cells if row.cell.recipe == recipe))
    score = {target: fmean(values.values()) for target, values in pairs.items() if values}
    if recipe == BASELINE:
        return RecipeNumbers(recipe, score, status=status)
    by_seed = _over(scores, recipe, scores.targets)
    others = _over(scores, recipe, [target for target in scores.targets if target not in scores.retrieval])
    return RecipeNumbers(
        recipe,
        score,
        status=status,
        gain={target: mean for target in pairs if (mean := _mean(mean_gain(scores, recipe, [target]))) is not None},
        gain_all=_mean(by_seed),
        gain_without_retrieval=_mean(others),
        by_language=_by_language(scores, recipe) if by_seed else {},
        by_seed=by_seed,
    )


def _over(scores: Scores, recipe: str, targets: Iterable[str]) -> dict[int, float]:
    """Seed -> gain over those targets that are available to the recipe and to the baseline."""
    pairs = scores.unavailable
    there = [target for target in targets if (recipe, target) not in pairs and (BASELINE, target) not in pairs]
    return mean_gain(scores, recipe, there)


def _by_language(scores: Scores, recipe: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for (of, target, language), values in scores.by_language.items():
        if of == recipe:
            gains = paired_gains(values, scores.by_language.get((BASELINE, target, language), {}))
            if gains:
                found.setdefault(language, []).append(fmean(gains.values()))
    return {language: fmean(gains) for language, gains in sorted(found.items())}


def _mean(values: Mapping[int, float]) -> float | None:
    return fmean(values.values()) if values else None


def count_words(words: Iterable[Verdict]) -> dict[str, int]:
    """Verdict -> how many claims have it, in a fixed order, without those that none has."""
    counts = Counter(words)
    return {word: counts[word] for word in get_args(Verdict) if counts[word]}
