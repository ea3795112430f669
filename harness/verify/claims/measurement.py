"""What was measured for one claim, and what its rule gives on that."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import Field

from harness.project.records import Record
from harness.verify.statistics.intervals import Direction, Verdict


@dataclass(frozen=True)
class Measurement:
    """What was measured for one claim."""

    values: dict[int, float]
    """seed -> the claim's own aggregate, in points."""
    without_retrieval: dict[int, float] = field(default_factory=dict)
    """The same without BUCC and Tatoeba; empty where that makes no sense."""
    own: dict[int, float] = field(default_factory=dict)
    """The claim's own aggregate against this run's baseline, where `values` is against a published one; else empty."""
    by_recipe: dict[str, dict[int, float]] = field(default_factory=dict)
    """recipe -> seed -> gain over the baseline, for checks that look at each recipe."""
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


class Outcome(Record):
    """What the rule of a check gives on what was measured; the fields are those of the verdict on the claim."""

    verdict: Verdict
    """What the rule says."""
    measured: float | None = None
    """The measured value: a mean in points, or a share from 0 to 1."""
    interval: tuple[float, float] | None = None
    """Its 90 % interval."""
    without_retrieval: float | None = None
    """The mean without retrieval targets, in points."""
    direction: Direction | None = None
    """Is the measured value above or below zero, at 95 %?"""
    agrees: bool | None = None
    """Does the measurement point where the claim points?"""
    one_more_run: tuple[float, float] | None = None
    """95 % prediction interval of n_claim further runs, in points."""
    consistent: bool | None = None
    """Does the claimed gain lie in `one_more_run`?"""
    n_seeds: int = 0
    """Seeds that went in."""
    seeds_needed: int | None = None
    """If inconclusive: seeds that would decide it."""
    p_value: float | None = None
    """p value of "the claim holds"."""
    beside: dict[str, float] = Field(default_factory=dict)
    """Recipe shown beside -> its mean gain in points."""
    note: str = ""
    """In a few words, for the table."""
    reasons: list[str] = Field(default_factory=list)
    """In sentences: why this verdict, or why there is none."""


def nothing_measured() -> Outcome:
    """The outcome where no value per seed could be computed."""
    why = "no seed has all the cells it needs"
    return Outcome(verdict="UNDERPOWERED", note="nothing measured", reasons=[why])
