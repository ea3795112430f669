"""The checks that decide claims: records of a closed set of kinds, filled from reference/claims.yaml.

A check is data: there is no expression language, so a claim can't compute anything but what harness.verify.measure
knows how to measure and harness.verify.verdicts.facts how to look up.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.project.records import StrictRecord


class Margin(StrictRecord):
    """How far a measured gain may lie from the claimed one."""

    practical_points: float = Field(gt=0)
    """A smaller difference doesn't matter to anybody who uses the number."""
    reference_sd_points: float | None = Field(ge=0)
    """Spread over runs of the published number itself; null: not published."""
    rounding_points: float = Field(ge=0)
    """Half a unit in the last printed digit."""
    reason: str
    """Why these."""


class Gain(StrictRecord):
    """The gain of one recipe, averaged over targets, is the published one."""

    kind: Literal["gain"]
    recipe: str
    """The recipe."""
    targets: list[str] = Field(min_length=1)
    """The average is over these."""
    expected_points: float
    """The published gain."""
    margin: Margin
    """How close is close."""
    beside: list[str] = Field(default_factory=list)
    """Recipes whose gain is shown beside, because the source could mean them too."""
    reason: str
    """Why this recipe and these targets."""


class NoGain(StrictRecord):
    """The average gain of several recipes is no more than a negligible one."""

    kind: Literal["no_gain"]
    recipes: list[str] = Field(min_length=1)
    """The average is over these."""
    targets: list[str] = Field(min_length=1)
    """And over these."""
    at_most_points: float
    """The largest gain that is still called none."""
    reason: str
    """Why this threshold and this average."""


class Share(StrictRecord):
    """At least a share of the recipes gains more than a threshold."""

    kind: Literal["share"]
    recipes: list[str] = Field(min_length=1)
    """The recipes that are counted."""
    targets: list[str] = Field(min_length=1)
    """A recipe's gain is its average over these."""
    threshold_points: float
    """A recipe counts if its gain is above this."""
    at_least_share: float = Field(gt=0, le=1)
    """The share that the words of the claim stand for."""
    reason: str
    """Why this threshold and this share."""


class BestOf(StrictRecord):
    """The gain when each target takes its own best recipe is the published one."""

    kind: Literal["best_of"]
    recipes: list[str] = Field(min_length=1)
    """Candidates; the baseline `none` is always one."""
    targets: list[str] = Field(min_length=1)
    """The average is over these."""
    expected_points: float
    """The published gain."""
    margin: Margin
    """How close is close."""
    derived_from: list[str] = Field(default_factory=list)
    """Rows of reference/paper.yaml: the first one's average minus the second one's is the published gain."""
    reason: str
    """How the best recipe is chosen, and why so."""


class Compare(StrictRecord):
    """Recipes score higher than their variants, averaged over recipes and targets."""

    kind: Literal["compare"]
    recipes: list[str] = Field(min_length=1)
    """The plain English recipes."""
    variant: Literal["+mlm", "+translated"]
    """Suffix of the recipes they are compared with."""
    targets: list[str] = Field(min_length=1)
    """The average is over these."""
    reason: str
    """Why this comparison stands for the claim's words."""


class CountTasks(StrictRecord):
    """The experiments use so many tasks of a role."""

    kind: Literal["count"]
    counted: Literal["tasks"]
    profile: str
    """The profile whose grid is counted; every task of it needs a pin of its published rows."""
    role: Literal["intermediate", "target"]
    """Which tasks; of targets only XTREME's own count."""
    language: str | None = None
    """A task counts only if this is its one language; null: whatever its languages."""
    expected: int
    """How many the claim says."""
    reason: str
    """Why this count stands for the claim's words."""


class CountLanguages(StrictRecord):
    """The target with most languages has so many."""

    kind: Literal["count"]
    counted: Literal["languages_of_largest_target"]
    profile: str
    """The profile whose targets are counted."""
    expected: int
    """How many the claim says."""
    reason: str
    """Why this count stands for the claim's words."""


class CountRows(StrictRecord):
    """A task's split in its source language has so many rows."""

    kind: Literal["count"]
    counted: Literal["rows"]
    task: str
    """The task."""
    split: Literal["train", "dev"]
    """The split."""
    expected: int
    """How many the claim says."""
    reason: str
    """Why this count stands for the claim's words."""


class OriginOf(StrictRecord):
    """The tasks' text comes from somewhere, as public documents state."""

    kind: Literal["provenance"]
    asserted: Literal["origin"]
    tasks: list[str] = Field(min_length=1)
    """The tasks; each must have that origin."""
    origin: str | None
    """The origin that the claim names, as the task files call it; null where its words break off before."""
    reason: str
    """What decides it, or why nothing can."""


class NoSplit(StrictRecord):
    """The tasks have no such split of their own."""

    kind: Literal["provenance"]
    asserted: Literal["no_split"]
    tasks: list[str] = Field(min_length=1)
    """The tasks."""
    split: Literal["train", "dev"]
    """The split that none of them has."""
    reason: str
    """Which document says that the pinned files are all there are."""


class StartsFrom(StrictRecord):
    """The experiments start from a published encoder."""

    kind: Literal["provenance"]
    asserted: Literal["encoder"]
    profile: str
    """The profile that must pin it, by revision and sha256."""
    repository: str
    """Owner and name of the encoder on the hub."""
    reason: str
    """Why this repository is the one that the claim means."""


class Untestable(StrictRecord):
    """No run of ours can decide it."""

    kind: Literal["untestable"]
    undecided: str
    """Why, and what would decide it."""


Measured = Gain | NoGain | Share | BestOf | Compare
Fact = CountTasks | CountLanguages | CountRows | OriginOf | NoSplit | StartsFrom
_Count = Annotated[CountTasks | CountLanguages | CountRows, Field(discriminator="counted")]
_Provenance = Annotated[OriginOf | NoSplit | StartsFrom, Field(discriminator="asserted")]
Check = Annotated[Measured | _Count | _Provenance | Untestable, Field(discriminator="kind")]
