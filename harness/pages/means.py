"""Means with intervals for pages: over seeds, and over targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from harness.project.params import BASELINE
from harness.project.records import Record
from harness.verify.scores import Scores, mean_gain
from harness.verify.statistics.intervals import Direction, Interval, direction, spread, t_interval


class SeedMean(Record):
    """A mean over seeds."""

    by_seed: dict[int, float]
    """seed -> points."""
    mean: float
    """Their mean."""
    interval: Interval | None
    """Its 90 % interval; null from one seed, or if all seeds gave the same."""
    direction: Direction | None
    """Does the interval lie above or below 0, or is it unclear? null without an interval."""

    @property
    def excludes_zero(self) -> bool:
        """Is the mean's sign clear?"""
        return self.direction in ("up", "down")


class Average(Record):
    """The mean gain of a recipe over several targets."""

    targets: list[str]
    """Those that went in: the ones that are available to the recipe."""
    estimate: SeedMean | None
    """Their mean; null where no seed has a score on all of them."""


def seed_mean(by_seed: Mapping[int, float]) -> SeedMean | None:
    """Mean and 90 % t interval, of these seeds looked at once; None without any value."""
    if not by_seed:
        return None
    values = list(by_seed.values())
    interval = t_interval(values) if len(values) > 1 and spread(values) else None
    side = direction(interval) if interval else None
    return SeedMean(by_seed=dict(by_seed), mean=fmean(values), interval=interval, direction=side)


def average(scores: Scores, recipe: str, targets: Sequence[str]) -> Average:
    """The mean gain over those targets that are available to the recipe and to the baseline."""
    there = [
        target
        for target in targets
        if (recipe, target) not in scores.unavailable and (BASELINE, target) not in scores.unavailable
    ]
    return Average(targets=there, estimate=seed_mean(mean_gain(scores, recipe, there)))
