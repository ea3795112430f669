"""How far do recipes degrade low-resource languages? A table of scores and the pre-registration -> a record.

Pure: harness.pages.degradation reads the files and puts the record into words and pictures. The definitions stand in
reference/low_resource.yaml, the estimators in harness.verify.statistics.resampling.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from harness.project.params import BASELINE
from harness.verify.languages.records import (
    Degradation,
    Effect,
    Effects,
    OneLanguage,
    PairGain,
    RecipeResult,
    Share,
    SizeFit,
    mean_over_recipes,
)
from harness.verify.languages.registration import Language, Level, Registration
from harness.verify.languages.rows import Key, Noise
from harness.verify.languages.uncertainty import sight, target_noise, with_rows
from harness.verify.scores import ScoresTable, mean_over, paired_gains
from harness.verify.statistics.intervals import CONFIDENCE, FEWEST_SEEDS, Interval, spread, t_quantile
from harness.verify.statistics.resampling import (
    Array,
    Tested,
    add_variance,
    draw_languages,
    estimate_effects,
    mean_over_seeds,
    moderate,
    q_values,
)

ZERO_SHOT = ("low", "other")


def gains_by_language(table: ScoresTable, targets: Iterable[str]) -> dict[Key, dict[int, float]]:
    """(recipe, target, language) -> seed -> gain in points, paired by seed; the target's XTREME score per language."""
    scores: dict[Key, dict[int, float]] = {}
    for row in table.cells:
        if row.score is not None and row.cell.target in targets:
            for language, metrics in row.scores.items():
                key = (row.cell.recipe, row.cell.target, language)
                scores.setdefault(key, {})[row.cell.seed] = table.score_of(row.cell.target, {language: metrics})
    gains = {}
    for (recipe, target, language), by_seed in scores.items():
        if recipe != BASELINE:
            paired = paired_gains(by_seed, scores.get((BASELINE, target, language), {}))
            if paired:
                gains[recipe, target, language] = paired
    return gains


def measure_degradation(
    table: ScoresTable,
    languages: Mapping[str, Language],
    source_language: str,
    registration: Registration,
    judged: Literal["run", "pinned"],
    rows: Noise | None = None,
) -> Degradation:
    """Everything that the pre-registration asks of a sound table of scores. Deterministic.

    `rows`: the row noise of the gains whose cells keep their items; the others count their seeds alone.
    """
    ran = list(dict.fromkeys(row.cell.target for row in table.cells))
    targets = [target for target in registration.targets if target in ran]
    gains = gains_by_language(table, targets)
    known = {code: languages[code] for code in dict.fromkeys(key[2] for key in gains) if code in languages}
    known = dict(sorted(known.items(), key=lambda item: (item[1].cc100_gib or 0.0, item[0])))
    levels = {code: registration.level(language, code == source_language) for code, language in known.items()}
    seeds = sorted({row.cell.seed for row in table.cells})
    recipes = [recipe for recipe in dict.fromkeys(row.cell.recipe for row in table.cells) if recipe != BASELINE]
    sample = _Sample(gains, known, levels, source_language, registration, targets, seeds, table.groups, rows or {})
    seeds_of = {recipe: {seed for key in gains if key[0] == recipe for seed in gains[key]} for recipe in recipes}
    meant = [recipe for recipe in recipes if not registration.is_apart(recipe)]
    enough = [recipe for recipe in meant if len(seeds_of[recipe]) >= FEWEST_SEEDS] or meant
    results = [_result(sample, recipe, recipe in enough) for recipe in recipes if seeds_of[recipe]]
    averaged = [result.recipe for result in results if result.averaged]
    mean = sample.array(averaged)
    average, without = sample.effects(mean), sample.without_retrieval(mean)
    by_pair, over_seeds = mean_over_recipes(results), mean_over_seeds(mean)
    return Degradation(
        profile=table.profile,
        encoder=table.encoder,
        data=table.data,
        judged=judged,
        in_scope=(table.encoder, table.data) == (registration.scope.encoder, registration.scope.data),
        registration=registration,
        languages=known,
        levels=levels,
        targets=targets,
        retrieval=[target for target in targets if table.groups[target] == "retrieval"],
        seeds=seeds,
        recipes=results,
        average=average,
        average_without_retrieval=without,
        average_alternative=sample.effects(mean, alternative=True),
        low_without=_low_without(sample, averaged),
        collapsed=sum(row.status == "collapsed" for row in table.cells),
        cells=len(table.cells),
        slope_by_target={target: sample.effects(mean[place : place + 1]).slope for place, target in enumerate(targets)},
        fit=_fit(sample, over_seeds, by_pair, range(len(targets)), average.slope),
        fit_without_retrieval=_fit(sample, over_seeds, by_pair, sample.others, without.slope) if without else None,
        noise=target_noise(results, targets),
        sight=sight(sample.gains, results, sample.rows, registration),
        left_out=_left_out(table, gains, languages, registration, recipes),
    )


def _low_without(sample: _Sample, averaged: Sequence[str]) -> dict[str, Effect | None]:
    """Recipe -> what the mean gain of low-resource languages is without it, where two others or more are left."""
    if len(averaged) < 3:
        return {}
    others = {recipe: [other for other in averaged if other != recipe] for recipe in averaged}
    return {recipe: sample.effects(sample.array(rest)).low for recipe, rest in others.items()}


class _Sample:
    """The gains as arrays over targets, zero-shot languages and seeds, and one set of draws of the languages."""

    def __init__(
        self,
        gains: Mapping[Key, dict[int, float]],
        known: Mapping[str, Language],
        levels: Mapping[str, Level],
        source_language: str,
        registration: Registration,
        targets: Sequence[str],
        seeds: Sequence[int],
        groups: Mapping[str, str],
        rows: Noise,
    ) -> None:
        self.rows = rows
        self.gains, self.levels, self.registration = gains, levels, registration
        self.targets, self.seeds = targets, seeds
        self.others = [place for place, target in enumerate(targets) if groups[target] != "retrieval"]
        self.codes = [code for code, level in levels.items() if level in ZERO_SHOT]
        self.x = np.array([known[code].log_size for code in self.codes])
        self.low = {
            alternative: np.array(
                [registration.level(known[code], False, alternative) == "low" for code in self.codes], dtype=bool
            )
            for alternative in (False, True)
        }
        self.draws = draw_languages(len(self.codes), registration.bootstrap.repetitions, registration.bootstrap.seed)

    def array(self, recipes: Sequence[str]) -> Array:
        """targets x languages x seeds: the mean over those of `recipes` that have gains of the target and language, at
        the seeds that all of these have; else NaN. A seed that only some ran at would weigh these more.
        """
        array = np.full((len(self.targets), len(self.codes), len(self.seeds)), np.nan)
        for target, code in np.ndindex(array.shape[:2]):
            keys = [(recipe, self.targets[target], self.codes[code]) for recipe in recipes]
            there = [self.gains[key] for key in keys if key in self.gains]
            for seed, mean in mean_over(there, self.seeds).items() if there else ():
                array[target, code, self.seeds.index(seed)] = mean
        return array

    def effects(self, array: Array, alternative: bool = False) -> Effects:
        """The pooled effects of an array; `alternative`: levels by the second definition."""
        if not self.codes:
            return Effects(low=None, other=None, difference=None, slope=None)
        confidence = self.registration.bootstrap.confidence
        found = estimate_effects(array, self.x, self.low[alternative], self.draws, confidence)
        return Effects(**{name: Effect(value=e.value, interval=e.interval) if e else None for name, e in found.items()})

    def without_retrieval(self, array: Array) -> Effects | None:
        """The same without the retrieval targets; None where the grid has no others, or only others."""
        return self.effects(array[self.others]) if 0 < len(self.others) < len(self.targets) else None


def _result(sample: _Sample, recipe: str, averaged: bool) -> RecipeResult:
    array, pairs = sample.array([recipe]), _pairs(sample, recipe)
    alpha, threshold = sample.registration.degraded.alpha, sample.registration.degraded.threshold_points
    shares: dict[Level, Share] = {level: _share(pairs, level, alpha, threshold) for level in ("low", "other")}
    return RecipeResult(
        recipe=recipe,
        averaged=averaged,
        pairs=pairs,
        shares=shares,
        effects=sample.effects(array),
        without_retrieval=sample.without_retrieval(array),
        alternative=sample.effects(array, alternative=True),
        worst=_worst(pairs),
        unseen=_over_seeds([pair for pair in pairs if pair.level == "unseen"], sample, recipe),
        source=_over_seeds([pair for pair in pairs if pair.level == "source"], sample, recipe),
    )


def _pairs(sample: _Sample, recipe: str) -> list[PairGain]:
    """The gains of a recipe; zero-shot languages with enough seeds are tested, all of them as one family."""
    mine = {
        (target, code): sample.gains[recipe, target, code]
        for target in sample.targets
        for code in sample.levels
        if (recipe, target, code) in sample.gains
    }
    family = [key for key, g in mine.items() if sample.levels[key[1]] in ZERO_SHOT and len(g) >= FEWEST_SEEDS]
    threshold = sample.registration.degraded.threshold_points
    over_seeds = dict(zip(family, moderate([list(mine[key].values()) for key in family]), strict=True))
    noise = {key: sample.rows.get((recipe, *key)) for key in mine}
    losses, wins = q_values([with_rows(over_seeds[key], noise[key]) for key in family], threshold)
    q = {key: pair for key, *pair in zip(family, losses, wins, strict=True)}
    return [
        PairGain(
            target=target, language=code, level=sample.levels[code], by_seed=dict(by_seed),
            mean=statistics.fmean(by_seed.values()),
            error_seeds=over_seeds[target, code].standard_error if (target, code) in over_seeds else None,
            error_rows=math.sqrt(one.variance) if (one := noise[target, code]) else None,
            q_loss=q[target, code][0] if (target, code) in q else None,
            q_gain=q[target, code][1] if (target, code) in q else None,
        )
        for (target, code), by_seed in mine.items()
    ]  # fmt: skip


def _share(pairs: Sequence[PairGain], level: Level, alpha: float, threshold: float) -> Share:
    tested = [pair for pair in pairs if pair.level == level and pair.q_loss is not None and pair.q_gain is not None]
    return Share(
        tested=len(tested),
        degraded=sum(pair.q_loss <= alpha for pair in tested if pair.q_loss is not None),
        improved=sum(pair.q_gain <= alpha for pair in tested if pair.q_gain is not None),
        below=sum(pair.mean < threshold for pair in tested),
    )


def _worst(pairs: Sequence[PairGain]) -> OneLanguage | None:
    by_language: dict[str, list[float]] = {}
    for pair in pairs:
        if pair.level in ZERO_SHOT:
            by_language.setdefault(pair.language, []).append(pair.mean)
    if not by_language:
        return None
    code, means = min(by_language.items(), key=lambda item: statistics.fmean(item[1]))
    return OneLanguage(language=code, mean=statistics.fmean(means), targets=len(means))


def _over_seeds(pairs: Sequence[PairGain], sample: _Sample, recipe: str) -> Effect | None:
    """Mean over pairs, with its interval over seeds (those that all the pairs have) and the rows of each pair."""
    whole = [seed for seed in sample.seeds if all(seed in pair.by_seed for pair in pairs)]
    if not pairs or not whole:
        return None
    values = [statistics.fmean(pair.by_seed[seed] for pair in pairs) for seed in whole]
    if len(values) < 2 or spread(values) == 0:
        return Effect(value=statistics.fmean(values), interval=None)
    found = Tested(statistics.fmean(values), spread(values) / math.sqrt(len(values)), len(values) - 1.0)
    for pair in pairs:
        if noise := sample.rows.get((recipe, pair.target, pair.language)):
            found = add_variance(found, noise.variance / len(pairs) ** 2)
    reach = t_quantile((1 + CONFIDENCE) / 2, found.freedom) * found.standard_error
    return Effect(value=found.mean, interval=Interval(low=found.mean - reach, high=found.mean + reach))


def _fit(
    sample: _Sample,
    mean: Array,
    gains: Mapping[tuple[str, str], float],
    places: Sequence[int],
    slope: Effect | None,
) -> SizeFit:
    """The line of gain on log size, and the languages about it, freed of which targets they have.

    Fitted is gain_tl = c_t + b (x_l - x_t), c_t and x_t the target's means over its zero-shot languages. Drawn is the
    line through the mean over targets of (x_t, c_t), each weighing as it does in the slope (by the spread of its
    sizes); a language lies off it by its mean residual.
    """
    centres, weights = {}, []
    for place in places:
        there = np.isfinite(mean[place])
        if there.any():
            x = sample.x[there]
            centres[sample.targets[place]] = (float(x.mean()), float(mean[place][there].mean()))
            weights.append(float(((x - x.mean()) ** 2).sum()))
    if slope is None:
        return SizeFit(points={}, unseen={}, centre_log_size=0.0, centre_gain=0.0, slope=None)
    middle, height = (float(centre) for centre in np.average(list(centres.values()), axis=0, weights=weights))
    off: dict[str, list[float]] = {}
    for (target, code), gain in gains.items():
        if target in centres and sample.levels[code] != "source":
            centre_x, centre = centres[target]
            shift = slope.value * (centre_x - middle) if sample.levels[code] in ZERO_SHOT else 0.0
            off.setdefault(code, []).append(height + gain - centre + shift)
    points = {code: statistics.fmean(off[code]) for code in sample.levels if code in off}
    return SizeFit(
        points={code: gain for code, gain in points.items() if sample.levels[code] in ZERO_SHOT},
        unseen={code: gain for code, gain in points.items() if sample.levels[code] == "unseen"},
        centre_log_size=middle,
        centre_gain=height,
        slope=slope,
    )


def _left_out(
    table: ScoresTable,
    gains: Mapping[Key, Mapping[int, float]],
    languages: Mapping[str, Language],
    registration: Registration,
    recipes: Sequence[str],
) -> list[str]:
    """Recipes, pairs, targets and languages that the tables above lack, in words."""
    lines = [f"{t}: no target of the pre-registration" for t in table.groups if t not in registration.targets]
    lines += [f"{t}: not run" for t in registration.targets if t not in table.groups]
    pairs = {(recipe, target) for recipe, target, _ in gains}
    for recipe in recipes:
        lacking = [t for t in table.groups if t in registration.targets and (recipe, t) not in pairs]
        if lacking:
            where = (
                ""
                if len(lacking) == len([t for t in table.groups if t in registration.targets])
                else (f" on {', '.join(lacking)}")
            )
            lines.append(f"{recipe}{where}: no gain, as no seed has both scores")
    unknown = sorted({language for *_, language in gains if language not in languages})
    if unknown:
        lines.append(f"languages without known resources: {', '.join(unknown)}")
    return lines
