"""What a claim's check measures in a table of scores: one value per seed, and what is missing to measure it.

A seed counts for a value only where every cell of that value has a score, so no seed is averaged over fewer
targets than another; for the same reason a target that is unavailable to one recipe is left out for all. Cells
without a score are named, never dropped in silence.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.verify.claims.checks import BestOf, Compare, Gain, Measured, NoGain, Share
from harness.verify.scores import BASELINE, Scores, mean_gain, mean_over


@dataclass(frozen=True)
class Measurement:
    """What was measured for one claim."""

    values: dict[int, float]
    """seed -> the claim's own aggregate, in points."""
    without_retrieval: dict[int, float] = field(default_factory=dict)
    """The same without BUCC and Tatoeba; empty where that makes no sense."""
    by_recipe: dict[str, dict[int, float]] = field(default_factory=dict)
    """recipe -> seed -> gain, for checks that look at each recipe."""
    recipes: list[str] = field(default_factory=list)
    """The recipes that went in."""
    targets: list[str] = field(default_factory=list)
    """The targets that went in."""
    missing: list[str] = field(default_factory=list)
    """Recipes, targets and unavailable pairs ("recipe on target") that the check needs and the grid lacks."""
    unavailable: dict[str, str] = field(default_factory=dict)
    """Those of `missing` that may not be had or used here, with the reason."""
    left_out: dict[str, dict[str, str]] = field(default_factory=dict)
    """Recipes of the check that are not the mixture they are named for -> task left out -> why."""
    unscored: list[str] = field(default_factory=list)
    """Cells of the grid that the check needs and that have no score."""


def measure(check: Measured, scores: Scores) -> Measurement:
    """Measure what the check asks for, over those of its recipes and targets that the grid has."""
    wanted = recipes_of(check)
    recipes = [recipe for recipe in wanted if _runnable(recipe, check, scores)]
    needed = all_needed(check, recipes)
    targets = [
        target
        for target in check.targets
        if target in scores.targets and not any((recipe, target) in scores.unavailable for recipe in needed)
    ]
    unavailable = _unavailable(check, scores)
    apart = [target for target in targets if target not in scores.retrieval]
    twice = bool(apart) and len(apart) < len(targets)
    return Measurement(
        values=_values(check, scores, recipes, targets),
        without_retrieval=_values(check, scores, recipes, apart) if twice else {},
        by_recipe={recipe: mean_gain(scores, recipe, targets) for recipe in recipes},
        recipes=recipes,
        targets=targets,
        missing=_missing(check, scores, unavailable),
        unavailable=unavailable,
        left_out={recipe: scores.left_out[recipe] for recipe in needed if recipe in scores.left_out},
        unscored=_unscored(scores, needed, targets),
    )


def recipes_of(check: Measured) -> list[str]:
    """The recipes that the check names."""
    return [check.recipe] if isinstance(check, Gain) else list(check.recipes)


def compared_with(check: Measured, recipe: str) -> str:
    """What a recipe's scores are compared with: the baseline or the recipe's variant."""
    return recipe + check.variant if isinstance(check, Compare) else BASELINE


def all_needed(check: Measured, recipes: Sequence[str]) -> list[str]:
    """These recipes of the check and what each is compared with, each once."""
    return list(dict.fromkeys(needed for recipe in recipes for needed in (recipe, compared_with(check, recipe))))


def _runnable(recipe: str, check: Measured, scores: Scores) -> bool:
    return all(needed in scores.recipes for needed in (recipe, compared_with(check, recipe)))


def _missing(check: Measured, scores: Scores, unavailable: Mapping[str, str]) -> list[str]:
    lacking = [recipe for recipe in all_needed(check, recipes_of(check)) if recipe not in scores.recipes]
    pairs = [words for words in unavailable if words not in lacking]
    return lacking + pairs + [target for target in check.targets if target not in scores.targets]


def _unavailable(check: Measured, scores: Scores) -> dict[str, str]:
    """Recipe, or "recipe on target" where others of its targets are there -> why it can't be had."""
    found: dict[str, str] = {}
    for recipe in all_needed(check, recipes_of(check)):
        for target in check.targets:
            if (recipe, target) in scores.unavailable:
                words = f"{recipe} on {target}" if recipe in scores.recipes else recipe
                found[words] = scores.unavailable[recipe, target]
    return found


def _unscored(scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> list[str]:
    return [
        f"{recipe}-{target}-{seed}"
        for recipe in recipes
        for target in targets
        for seed in scores.seeds
        if seed not in scores.by_pair.get((recipe, target), {})
    ]


def _values(check: Measured, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
    """One value per seed: the aggregate that the check's kind stands for."""
    if not recipes or not targets:
        return {}
    match check:
        case Gain() | NoGain() | Share():
            return mean_over([mean_gain(scores, recipe, targets) for recipe in recipes], scores.seeds)
        case Compare():
            pairs = [mean_gain(scores, recipe, targets, recipe + check.variant) for recipe in recipes]
            return mean_over(pairs, scores.seeds)
        case BestOf():
            return best_of(scores, recipes, targets)


def best_of(scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
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


def _choose(scores: Scores, candidates: Sequence[str], target: str, seed: int) -> str | None:
    """The recipe for `target` at `seed`, or None where nothing is left to choose by."""
    values = chosen_by(scores, candidates, target, seed)
    return best(values) if values else None


def best(values: Mapping[str, float]) -> str:
    """The candidate with the highest value; ties go to the first."""
    return max(values, key=lambda recipe: values[recipe])


def chosen_by(scores: Scores, candidates: Sequence[str], target: str, seed: int) -> dict[str, float]:
    """Candidate -> the mean in points by which `target` chooses at `seed`; empty where a candidate has none."""
    by_dev = {recipe: scores.dev_by_pair.get((recipe, target), {}) for recipe in candidates}
    if all(by_dev.values()):
        return {recipe: statistics.fmean(values.values()) for recipe, values in by_dev.items()}
    others = {
        recipe: [v for s, v in scores.by_pair.get((recipe, target), {}).items() if s != seed] for recipe in candidates
    }
    return {recipe: statistics.fmean(values) for recipe, values in others.items()} if all(others.values()) else {}
