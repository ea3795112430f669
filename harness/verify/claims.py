"""reference/claims.yaml -> Claim records: what was published, where, and the check that decides it.

A check is data of a closed set of kinds: there is no expression language, so a claim can't compute anything
but what harness.verify.measure knows how to measure and harness.verify.facts how to look up. Margins and
thresholds stand in the registry, fixed before running.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from harness.errors import HarnessError, explain_validation, nearest
from harness.params import YAML_LOADER
from harness.verify import statistics


class Record(BaseModel):
    """Base of the registry's records: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(Record):
    """Where a statement was read."""

    document: str
    """Which document makes it."""
    version: str
    """Which version of the document; the numbers differ between versions."""
    place: str
    """Table, section or page, as far as it was read there."""
    split: Literal["development", "test", "none"]
    """The split that the number was measured on."""
    statistic: str
    """What the number is: the aggregate and its unit."""
    n_claim: int | None = Field(ge=1)
    """Runs behind the number; null where no number was measured."""


class Scope(Record):
    """What the claim speaks about; anything else can't reproduce or refute it."""

    encoder: str
    """The encoder."""
    data: str
    """The tasks' data."""


class Margin(Record):
    """How far a measured gain may lie from the claimed one."""

    practical_points: float = Field(gt=0)
    """A smaller difference doesn't matter to anybody who uses the number."""
    reference_sd_points: float | None = Field(ge=0)
    """Spread over runs of the published number itself; null: not published."""
    rounding_points: float = Field(ge=0)
    """Half a unit in the last printed digit."""
    reason: str
    """Why these."""


class Gain(Record):
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
    beside: list[str] = []
    """Recipes whose gain is shown beside, because the source could mean them too."""
    reason: str
    """Why this recipe and these targets."""


class NoGain(Record):
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


class Share(Record):
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


class BestOf(Record):
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
    derived_from: list[str] = []
    """Rows of reference/paper.yaml: the first one's average minus the second one's is the published gain."""
    reason: str
    """How the best recipe is chosen, and why so."""


class Compare(Record):
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


class CountTasks(Record):
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


class CountLanguages(Record):
    """The target with most languages has so many."""

    kind: Literal["count"]
    counted: Literal["languages_of_largest_target"]
    profile: str
    """The profile whose targets are counted."""
    expected: int
    """How many the claim says."""
    reason: str
    """Why this count stands for the claim's words."""


class CountRows(Record):
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


class OriginOf(Record):
    """The tasks' text comes from somewhere, as public documents state."""

    kind: Literal["provenance"]
    asserted: Literal["origin"]
    tasks: list[str] = Field(min_length=1)
    """The tasks; each must have that origin."""
    origin: str | None
    """The origin that the claim names, as the task files call it; null where its words break off before."""
    reason: str
    """What decides it, or why nothing can."""


class NoSplit(Record):
    """The tasks have no such split of their own."""

    kind: Literal["provenance"]
    asserted: Literal["no_split"]
    tasks: list[str] = Field(min_length=1)
    """The tasks."""
    split: Literal["train", "dev"]
    """The split that none of them has."""
    reason: str
    """Which document says that the pinned files are all there are."""


class StartsFrom(Record):
    """The experiments start from a published encoder."""

    kind: Literal["provenance"]
    asserted: Literal["encoder"]
    profile: str
    """The profile that must pin it, by revision and sha256."""
    repository: str
    """Owner and name of the encoder on the hub."""
    reason: str
    """Why this repository is the one that the claim means."""


class Untestable(Record):
    """No run of ours can decide it."""

    kind: Literal["untestable"]
    undecided: str
    """Why, and what would decide it."""


Measured = Gain | NoGain | Share | BestOf | Compare
Fact = CountTasks | CountLanguages | CountRows | OriginOf | NoSplit | StartsFrom
_Count = Annotated[CountTasks | CountLanguages | CountRows, Field(discriminator="counted")]
_Provenance = Annotated[OriginOf | NoSplit | StartsFrom, Field(discriminator="asserted")]
Check = Annotated[Measured | _Count | _Provenance | Untestable, Field(discriminator="kind")]


class Claim(Record):
    """One row of the table of extracted claims, with what decides it."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Its name."""
    text: str
    """Verbatim, even where the table cuts it off."""
    verified: bool
    """The status in the table that it was taken from."""
    confidence: float = Field(ge=0, le=1)
    """The confidence in that table."""
    source: Source
    """Where it was read."""
    scope: Scope
    """What it speaks about."""
    check: Check
    """What decides it."""

    @model_validator(mode="after")
    def _numbers_have_runs(self) -> Claim:
        if isinstance(self.check, Gain | BestOf) and self.source.n_claim is None:
            raise ValueError("a claim that states a gain needs source.n_claim, the number of runs behind it")
        return self


def margin_points(claim: Claim) -> float | None:
    """The margin d of a claim that states a gain; null for the others."""
    if not isinstance(claim.check, Gain | BestOf) or claim.source.n_claim is None:
        return None
    d = claim.check.margin
    n_claim = claim.source.n_claim
    return statistics.margin(d.practical_points, d.rounding_points, d.reference_sd_points, n_claim)


def load_claims(path: Path) -> list[Claim]:
    """The registry, in its order.

    Raises HarnessError naming the claim and the key for anything that doesn't fit, and for an id used twice.
    """
    entries = [entry for entry in read_entries(path) if not is_question(entry)]
    claims = [_parse(entry, index, path) for index, entry in enumerate(entries, start=1)]
    ids = [claim.id for claim in claims]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        raise HarnessError(f"expected each id once in {path}, found {twice} twice", fix="rename one of them")
    return claims


def read_entries(path: Path) -> list[Any]:
    """The registry's entries as they stand there. Raises HarnessError where it is no list, or an empty one."""
    raw = read_yaml(path)
    if not isinstance(raw, list) or not raw:
        found = type(raw).__name__
        raise HarnessError(f"expected a list of claims in {path}, found {found}", fix="see reference/README.md")
    return raw


def is_question(entry: Any) -> bool:
    """Is the entry a question (harness.verify.question), which is never counted among the claims?"""
    return isinstance(entry, dict) and "question" in entry


def find_claim(name: str, claims: list[Claim]) -> Claim:
    """The claim of that name. Raises HarnessError with the nearest name and the list for any other."""
    for claim in claims:
        if claim.id == name:
            return claim
    known = [claim.id for claim in claims]
    raise HarnessError(
        f"expected the id of a claim, found `{name}`; {nearest(name, known)}",
        fix="see `harness claims` for all of them",
    )


def _parse(entry: Any, index: int, path: Path) -> Claim:
    name = entry.get("id", f"number {index}") if isinstance(entry, dict) else f"number {index}"
    try:
        return Claim.model_validate(entry)
    except ValidationError as error:
        where = f"claim {name} of {path}"
        raise HarnessError(explain_validation(error, Claim, where), fix=f"edit {path.name}") from None


class PublishedScores(Record):
    """One published row of scores."""

    system: str
    """Whose scores."""
    document: str
    """Where they were read."""
    place: str
    """Table or file in it."""
    split: Literal["development", "test"]
    """What they were measured on."""
    scores: dict[str, dict[str, float]]
    """target -> metric -> points, averaged over the target's languages."""
    average: float | None = None
    """Average over the nine targets in points, where it is known."""
    note: str
    """What to know before using it."""


def load_paper(path: Path) -> dict[str, PublishedScores]:
    """Published scores by row name. Raises HarnessError for anything that doesn't fit."""
    try:
        return TypeAdapter(dict[str, PublishedScores]).validate_python(read_yaml(path))
    except ValidationError as error:
        why = explain_validation(error, PublishedScores, str(path))
        raise HarnessError(why, fix=f"edit {path.name}") from None


def read_yaml(path: Path) -> Any:
    """The content of a reference file. Raises HarnessError where it is missing or no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)
    except FileNotFoundError:
        raise HarnessError(f"expected {path}, found no such file", fix=f"git checkout {path.name}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise HarnessError(f"expected YAML in {path}, found: {problem}", fix="mend that line") from None
