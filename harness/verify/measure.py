"""What a claim's check measures in a table of scores: one value per seed, and what is missing to measure it.

A seed counts for a value only where every cell of that value has a score, so no seed is averaged over fewer
targets than another; for the same reason a target that is unavailable to one recipe is left out for all. Cells
without a score are named, never dropped in silence.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.results import CellScore, ScoresTable
from harness.verify.checks import BestOf, Compare, Gain, Measured, NoGain, Share
from harness.verify.statistics import paired_gains

BASELINE = "none"


@dataclass(frozen=True)
class Scores:
    """A table of scores, ready to be asked."""

    by_pair: dict[tuple[str, str], dict[int, float]]
    """(recipe, target) -> seed -> points."""
    dev_by_pair: dict[tuple[str, str], dict[int, float]]
    """The same on the source language's dev set, where there is one."""
    recipes: list[str]
    """Recipes that have at least one cell whose data was there."""
    targets: list[str]
    seeds: list[int]
    retrieval: frozenset[str]
    """Targets of XTREME's retrieval group."""
    unavailable: dict[tuple[str, str], str]
    """(recipe, target) -> why none of its cells could be had."""
    left_out: dict[str, dict[str, str]]
    """recipe -> intermediate task -> why its mixture lacks the task."""


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


def read_table(table: ScoresTable) -> Scores:
    """Index a table of scores."""
    by_pair: dict[tuple[str, str], dict[int, float]] = {}
    dev_by_pair: dict[tuple[str, str], dict[int, float]] = {}
    rows: dict[tuple[str, str], list[CellScore]] = {}
    for row in table.cells:
        pair = (row.cell.recipe, row.cell.target)
        rows.setdefault(pair, []).append(row)
        if row.score is not None:
            by_pair.setdefault(pair, {})[row.cell.seed] = row.score
        if row.dev_score is not None:
            dev_by_pair.setdefault(pair, {})[row.cell.seed] = row.dev_score
    unavailable = {
        pair: "; ".join(cells[0].reasons)
        for pair, cells in rows.items()
        if all(cell.status == "unavailable" for cell in cells)
    }
    return Scores(
        by_pair=by_pair,
        dev_by_pair=dev_by_pair,
        recipes=list(dict.fromkeys(recipe for recipe, target in rows if (recipe, target) not in unavailable)),
        targets=list(dict.fromkeys(row.cell.target for row in table.cells)),
        seeds=list(dict.fromkeys(row.cell.seed for row in table.cells)),
        retrieval=frozenset(target for target, group in table.groups.items() if group == "retrieval"),
        unavailable=unavailable,
        left_out={row.cell.recipe: row.left_out for row in table.cells if row.left_out},
    )


def mean_gain(scores: Scores, recipe: str, targets: Sequence[str], baseline: str = BASELINE) -> dict[int, float]:
    """g_s = mean over targets of score(recipe) - score(baseline) at seed s, where all of them are."""
    gains = [
        paired_gains(scores.by_pair.get((recipe, target), {}), scores.by_pair.get((baseline, target), {}))
        for target in targets
    ]
    return {seed: statistics.fmean(g[seed] for g in gains) for seed in scores.seeds if _everywhere(gains, seed)}


def _everywhere(maps: Sequence[dict[int, float]], seed: int) -> bool:
    return bool(maps) and all(seed in values for values in maps)


def mean_over(maps: Sequence[dict[int, float]], seeds: Sequence[int]) -> dict[int, float]:
    """Seed by seed mean of several values, for the seeds that have all of them."""
    return {seed: statistics.fmean(values[seed] for values in maps) for seed in seeds if _everywhere(maps, seed)}


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
