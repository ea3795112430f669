"""What was measured for one claim, and what its rule gives on that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import Field

from harness.project.errors import name_some
from harness.project.records import Record
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.design import Design
from harness.verify.statistics.intervals import Direction, Verdict


@dataclass(frozen=True)
class Measurement:
    """What was measured for one claim."""

    values: dict[int, float]
    """seed -> the claim's own aggregate, in points."""
    every_seed: dict[int, float] = field(default_factory=dict)
    """The same of all seeds that have one, also those that the design doesn't count."""
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
    """Recipes, targets, unavailable pairs ("recipe on target") and languages that the check needs and the grid lacks.
    """
    unavailable: dict[str, str] = field(default_factory=dict)
    """Those of `missing` that may not be had or used here, with the reason."""
    left_out: dict[str, dict[str, str]] = field(default_factory=dict)
    """Recipes of the check that are not the mixture they are named for -> task left out -> why."""
    unscored: list[str] = field(default_factory=list)
    """Cells of the grid that the check needs and that have no score."""
    uncounted: list[int] = field(default_factory=list)
    """Seeds with a value that doesn't count, of any recipe where each is looked at: behind a gap in the design's order,
    beyond its last look, or between two looks."""

    @property
    def whole(self) -> bool:
        """Does the grid have all that the check needs, and is each recipe the mixture that it is named for?"""
        return not self.missing and not self.left_out

    @property
    def seeds(self) -> list[int]:
        """The seeds that went in, of any recipe where each is looked at."""
        return list(dict.fromkeys([*self.values, *(seed for gain in self.by_recipe.values() for seed in gain)]))


class Sensitivity(Record):
    """What the rule gives at one threshold, and there at other shares."""

    threshold_points: float
    """The threshold on a recipe's gain."""
    above: int
    """At least so many recipes gain more, at 95 %."""
    not_above: int
    """At least so many don't, at 95 %."""
    of: int
    """Recipes that were measured."""
    verdict: Verdict
    """What the rule gives on these numbers alone, at the registered share."""
    at_shares: dict[float, Verdict] = Field(default_factory=dict)
    """Share of the recipes that must gain more -> what the rule gives then."""


class Outcome(Record):
    """What the rule of a check gives on what was measured; the fields are those of the verdict on the claim."""

    verdict: Verdict
    """What the rule says."""
    measured: float | None = None
    """The measured value: a mean in points, or a share from 0 to 1."""
    interval: tuple[float, float] | None = None
    """Its interval, adjusted for the looks of the design (a share: the shares that the tests leave open)."""
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
    """If inconclusive: the next look of the design that would decide it."""
    p_value: float | None = None
    """p value of "the claim holds", adjusted for the looks."""
    p_parts: dict[str, float] = Field(default_factory=dict)
    """What `p_value` is the largest of: `margin` and, where a number was published, `published`."""
    replication_p: tuple[float, float] | None = None
    """p values, adjusted for the looks, against "what the claim says holds here" being false and against its opposite
    being false; null where nothing was measured."""
    replicated: Aggregate | None = None
    """What `replication_p` is of, where it is over fewer targets than the claim; else null."""
    replicated_without: list[str] = Field(default_factory=list)
    """Targets of the claim that `replicated` leaves out; empty where there is none."""
    sound_seeds: int | None = None
    """Of the seeds that the replication counts, those at which no cell collapsed; null where none did at any. With
    fewer than the design's first look nothing can be shown."""
    sensitivity: list[Sensitivity] = Field(default_factory=list)
    """What other thresholds would give, for claims whose words name no number."""
    beside: dict[str, float] = Field(default_factory=dict)
    """Recipe shown beside -> its mean gain in points."""
    note: str = ""
    """In a few words, for the table."""
    reasons: list[str] = Field(default_factory=list)
    """In sentences: why this verdict, or why there is none."""


def nothing_measured(uncounted: Sequence[int], design: Design) -> Outcome:
    """The outcome where no value per seed could be computed, or all are at seeds that don't count."""
    why = "no seed has all the cells it needs"
    if uncounted and design.order:
        first, named = design.order[0], name_some(list(map(str, uncounted)))
        why = (
            f"{why} and counts: the design's order is {', '.join(map(str, design.order))}, and seed {first} is not"
            f" there with all of them, while others are ({named}); judge those by a design of their own, fixed before"
            " they were run: `Design(looks=..., order=...)`, or reference/design.yaml"
        )
    return Outcome(verdict="UNDERPOWERED", note="nothing measured", reasons=[why])
