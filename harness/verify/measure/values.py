"""What a claim's check measures in a table of scores: one value per seed, and what is missing to measure it.

A seed counts for a value only where every cell of that value has a score, so no seed is averaged over fewer
targets than another; for the same reason a target that is unavailable to one recipe is left out for all. Of these
seeds the design counts the first ones of its order, up to its first gap. Cells without a score and seeds that don't
count are named, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.measurement import Measurement
from harness.verify.scores import Scores, mean_gain
from harness.verify.statistics.design import STANDARD, Design


def measure(check: Measured, scores: Scores, design: Design = STANDARD) -> Measurement:
    """Measure what the check asks for, over those of its recipes and targets that the grid has, at the seeds that count
    by the design.
    """
    recipes = [name for name in check.named_recipes if all(r in scores.recipes for r in check.needed([name]))]
    needed = check.needed(recipes)
    targets = [
        target
        for target in check.targets
        if target in scores.targets and not any((recipe, target) in scores.unavailable for recipe in needed)
    ]
    unavailable = _unavailable(check, scores)
    others = [target for target in targets if target not in scores.retrieval]
    twice = bool(others) and len(others) < len(targets)
    values = _values(check, scores, recipes, targets)
    gains = {recipe: mean_gain(scores, recipe, targets) for recipe in recipes}
    looked_at = [values] if check.one_mean else list(gains.values())
    return Measurement(
        values=design.counted(values),
        every_seed=values,
        without_retrieval=design.counted(_values(check, scores, recipes, others)) if twice else {},
        own=design.counted(check.own_values(scores, recipes, targets)) if recipes and targets else {},
        by_recipe={recipe: design.counted(gain) for recipe, gain in gains.items()},
        recipes=recipes,
        targets=targets,
        missing=_missing(check, scores, unavailable),
        unavailable=unavailable,
        left_out={recipe: scores.left_out[recipe] for recipe in needed if recipe in scores.left_out},
        unscored=_unscored(scores, needed, targets),
        uncounted=sorted({seed for each in looked_at for seed in set(each) - set(design.in_order(each))}),
    )


def _values(check: Measured, scores: Scores, recipes: Sequence[str], targets: Sequence[str]) -> dict[int, float]:
    return check.values(scores, recipes, targets) if recipes and targets else {}


def _missing(check: Measured, scores: Scores, unavailable: Mapping[str, str]) -> list[str]:
    lacking = [recipe for recipe in check.needed(check.named_recipes) if recipe not in scores.recipes]
    pairs = [words for words in unavailable if words not in lacking]
    targets = [target for target in check.targets if target not in scores.targets]
    return lacking + pairs + targets + check.untested_languages(scores)


def _unavailable(check: Measured, scores: Scores) -> dict[str, str]:
    """Recipe, or "recipe on target" where others of its targets are there -> why it can't be had."""
    found: dict[str, str] = {}
    for recipe in check.needed(check.named_recipes):
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
        if seed not in scores.by_pair.get((recipe, target), {}) and scores.has_cell(recipe, target, seed)
    ]
