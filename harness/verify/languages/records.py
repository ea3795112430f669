"""What `harness degradation` concludes, as frozen records."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Literal

from pydantic import Field

from harness.project.records import Record
from harness.verify.languages.registration import Language, Level, Registration
from harness.verify.scores import mean_over
from harness.verify.statistics.intervals import Direction, Interval, direction


class Effect(Record):
    """An estimate in points with its interval."""

    value: float
    """The estimate."""
    interval: Interval | None
    """Over seeds and languages; null where there are too few."""

    @property
    def direction(self) -> Direction | None:
        """Does the interval lie above or below 0, or is it unclear? None without an interval."""
        return direction(self.interval) if self.interval else None


class Effects(Record):
    """The pooled effects of a recipe, or of the mean over recipes; null where the gains don't have one."""

    low: Effect | None
    """Mean gain of low-resource languages."""
    other: Effect | None
    """Mean gain of the other zero-shot languages, on the same targets."""
    difference: Effect | None
    """low - other."""
    slope: Effect | None
    """Points of gain per tenfold CC-100 text; positive: the less text, the worse the gain."""


class PairGain(Record):
    """The gain of one language on one target."""

    target: str
    """The target."""
    language: str
    """The language."""
    level: Level
    """Its level, by the first definition."""
    by_seed: dict[int, float]
    """seed -> points."""
    mean: float
    """Their mean."""
    error_seeds: float | None = None
    """Standard error over seeds alone, in points, with the moderated variance; null where not tested."""
    error_rows: float | None = None
    """Standard error over test rows, which no seed makes smaller; null where cells keep no items."""
    q_loss: float | None
    """Adjusted p of `the mean gain is below the threshold`; null where not tested."""
    q_gain: float | None
    """Adjusted p of the mirror image."""


class TargetNoise(Record):
    """What is uncertain in the gain of one language on a target, over the pairs that were tested."""

    target: str
    """The target."""
    tested: int
    """So many (recipe, language)."""
    with_rows: int
    """Of these, with items of their rows."""
    seeds_points: float
    """Root mean square of the standard errors over seeds alone."""
    rows_points: float
    """The same over rows, of those with items."""
    both_points: float
    """The same of the errors that are used."""
    rows_share: float
    """Share of the rows in the variance, over those with items."""


class Sight(Record):
    """What this design can't see: the chance that one language's loss on one target is shown."""

    loss_points: float
    """The true loss."""
    seeds: int
    """With so many seeds."""
    chance: float
    """Mean over the tested (recipe, target, language), each with its own spread over seeds and rows."""
    without_rows: float
    """The same if only seeds made noise."""


class Share(Record):
    """How many (target, language) of one level changed."""

    tested: int
    """So many were tested."""
    degraded: int
    """A loss beyond the threshold is shown (false discovery rate controlled)."""
    improved: int
    """A gain beyond its mirror image is shown."""
    below: int
    """The mean lies below the threshold, shown or not."""


class OneLanguage(Record):
    """The mean gain of one language over its targets."""

    language: str
    """The language."""
    mean: float
    """Points."""
    targets: int
    """Over so many targets."""


class RecipeResult(Record):
    """What one recipe does to the languages."""

    recipe: str
    """The recipe."""
    averaged: bool
    """Does it go into the mean over recipes?"""
    pairs: list[PairGain]
    """Every (target, language) with a gain."""
    shares: dict[Level, Share]
    """`low` and `other` -> how many changed."""
    effects: Effects
    """Over all targets."""
    without_retrieval: Effects | None
    """Without BUCC and Tatoeba; null where there are no others, or only others."""
    alternative: Effects
    """Levels by the second definition of low-resource, over all targets."""
    worst: OneLanguage | None
    """The zero-shot language that loses most, or gains least."""
    unseen: Effect | None
    """Mean gain of languages without pretraining text; interval over seeds only."""
    source: Effect | None
    """Mean gain of the source language; interval over seeds only."""

    def is_degraded(self, pair: PairGain, alpha: float) -> bool:
        """Is a loss beyond the threshold shown?"""
        return pair.q_loss is not None and pair.q_loss <= alpha


def mean_over_recipes(results: Iterable[RecipeResult]) -> dict[tuple[str, str], float]:
    """(target, language) -> mean gain over the averaged recipes that have one, at the seeds that all of these have: a
    seed that only some ran at would weigh these more. Without such a seed there is no mean.
    """
    gains: dict[tuple[str, str], list[dict[int, float]]] = {}
    for result in results:
        for pair in result.pairs if result.averaged else ():
            gains.setdefault((pair.target, pair.language), []).append(pair.by_seed)
    by_seed = {key: mean_over(by_recipe, sorted(by_recipe[0])) for key, by_recipe in gains.items()}
    return {key: fmean(means.values()) for key, means in by_seed.items() if means}


class SizeFit(Record):
    """The line of gain on the size of the pretraining text, in the mean over recipes, and the languages about it."""

    points: dict[str, float]
    """Zero-shot language -> its gain in points, freed of which targets it has."""
    unseen: dict[str, float]
    """The same for languages without pretraining text, which the line doesn't know."""
    centre_log_size: float
    """log10 of GiB of a point of the line."""
    centre_gain: float
    """Its gain in points."""
    slope: Effect | None
    """Points per tenfold text."""


class Degradation(Record):
    """The whole answer."""

    profile: str
    """The profile."""
    encoder: str
    """The encoder, in words."""
    data: str
    """The data, in words."""
    judged: Literal["run", "pinned"]
    """This run's results or the pinned ones."""
    in_scope: bool
    """Are encoder and data those of the question?"""
    registration: Registration
    """What was fixed before."""
    languages: dict[str, Language]
    """Languages with a score, from little text to much."""
    levels: dict[str, Level]
    """language -> level by the first definition."""
    targets: list[str]
    """Targets that went in."""
    retrieval: list[str]
    """Those of XTREME's retrieval group."""
    seeds: list[int]
    """Seeds of the grid."""
    recipes: list[RecipeResult]
    """Recipes with a gain, in the grid's order."""
    average: Effects
    """The mean over recipes."""
    average_without_retrieval: Effects | None
    """The same without BUCC and Tatoeba."""
    average_alternative: Effects
    """The same by the second definition."""
    low_without: dict[str, Effect | None] = Field(default_factory=dict)
    """Recipe -> mean gain of low-resource languages over the other recipes; empty where there are fewer than three."""
    collapsed: int = 0
    """Cells that collapsed."""
    cells: int = 0
    """All cells."""
    slope_by_target: dict[str, Effect | None]
    """target -> slope of the mean over recipes on that target alone."""
    fit: SizeFit
    """The line over all targets."""
    fit_without_retrieval: SizeFit | None
    """The same without BUCC and Tatoeba."""
    noise: list[TargetNoise] = Field(default_factory=list)
    """What is uncertain in one language's gain, target by target."""
    sight: list[Sight] = Field(default_factory=list)
    """The chance that a loss of one language is shown, by loss and number of seeds."""
    left_out: list[str]
    """What could not go in, in words."""
    stand_ins: dict[str, str] = Field(default_factory=dict)
    """Task of a recipe -> what stands in for its data, where something does."""

    @property
    def averaged(self) -> list[RecipeResult]:
        """The recipes behind the mean."""
        return [result for result in self.recipes if result.averaged]
