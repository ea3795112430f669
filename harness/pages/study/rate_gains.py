"""Recipes that differ from another in nothing but their learning rate: how far gains move with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.pages.means import SeedMean, seed_mean
from harness.project.params import BASELINE
from harness.project.records import Record
from harness.verify.languages.degradation import measure_degradation
from harness.verify.languages.records import Effect
from harness.verify.languages.registration import Language, Registration
from harness.verify.scores import Scores, ScoresTable, mean_gain, mean_over

RATES = {"-rate-third": "a third", "-rate-triple": "three times"}
"""Ending of a recipe's name -> its learning rate, in words, of that of the recipe named before the ending."""
CHOSEN = "chosen"
"""The rate of the recipe itself."""


class RateGains(Record):
    """A recipe's gains at several learning rates, at the seeds that all of these have."""

    recipe: str
    """The recipe at its chosen rate."""
    gains: dict[str, dict[str, SeedMean]]
    """target -> rate in words -> gain; only targets that every rate has."""
    changes: dict[str, dict[str, SeedMean]]
    """target -> another rate -> its score less that at the chosen rate, seed by seed."""
    mean: dict[str, SeedMean]
    """rate -> mean gain over these targets, at the seeds that all of them have; empty where there is one target."""
    low: dict[str, Effect]
    """rate -> mean gain of low-resource languages on these targets, as `harness degradation` measures it; without a
    rate that has none."""


def is_rate_variant(recipe: str) -> bool:
    """Is the recipe by its name another at another learning rate? It then enters no average over recipes."""
    return recipe.endswith(tuple(RATES))


def rates_of(
    table: ScoresTable,
    scores: Scores,
    recipes: Sequence[str],
    languages: Mapping[str, Language],
    source: str,
    registration: Registration,
) -> list[RateGains]:
    """One for each of `recipes` that stands at other rates in the table, too, and has a target in common with them."""
    found = []
    for recipe in recipes:
        names = {words: recipe + ending for ending, words in RATES.items() if recipe + ending in scores.recipes}
        rates = {CHOSEN: recipe, **names}
        if names and (one := _rate_gains(scores, recipe, rates)):
            low = _low(table, rates, list(one.gains), languages, source, registration)
            found.append(one.model_copy(update={"low": low}))
    return found


def _rate_gains(scores: Scores, recipe: str, names: Mapping[str, str]) -> RateGains | None:
    """`names`: rate -> the recipe at it, the chosen one first."""
    others = [rate for rate in names if rate != CHOSEN]
    gains, changes = {}, {}
    for target in scores.targets:
        raw = {rate: mean_gain(scores, name, [target]) for rate, name in names.items()}
        seeds = [seed for seed in scores.seeds if all(seed in by_seed for by_seed in raw.values())]
        if not seeds:
            continue
        at = {rate: {seed: by_seed[seed] for seed in seeds} for rate, by_seed in raw.items()}
        gains[target] = {rate: _there(at[rate]) for rate in names}
        changes[target] = {rate: _there({s: at[rate][s] - at[CHOSEN][s] for s in seeds}) for rate in others}
    if not gains:
        return None
    means = {}
    for rate in names:
        over = mean_over([gains[target][rate].by_seed for target in gains], scores.seeds)
        if len(gains) > 1 and over:
            means[rate] = _there(over)
    return RateGains(recipe=recipe, gains=gains, changes=changes, mean=means, low={})


def _low(
    table: ScoresTable,
    names: Mapping[str, str],
    targets: Sequence[str],
    languages: Mapping[str, Language],
    source: str,
    registration: Registration,
) -> dict[str, Effect]:
    """rate -> effect on low-resource languages on `targets`, at the seeds that all rates have on all of them."""
    cells = [
        row for row in table.cells if row.cell.recipe in (BASELINE, *names.values()) and row.cell.target in targets
    ]
    pairs = {(row.cell.recipe, row.cell.target, row.cell.seed) for row in cells if row.score is not None}
    whole = [
        seed
        for seed in table.seeds
        if all((name, target, seed) in pairs for name in (BASELINE, *names.values()) for target in targets)
    ]
    part = table.model_copy(update={"cells": [row for row in cells if row.cell.seed in whole]})
    if not part.cells:
        return {}
    results = measure_degradation(part, languages, source, registration, "pinned").recipes
    effects = {result.recipe: result.effects.low for result in results}
    return {rate: effect for rate, name in names.items() if (effect := effects.get(name)) is not None}


def _there(by_seed: Mapping[int, float]) -> SeedMean:
    found = seed_mean(by_seed)
    assert found is not None and math.isfinite(found.mean)
    return found
