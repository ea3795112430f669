"""The records of the evidence behind a verdict; harness.verify.verdicts.evidence fills them."""

from __future__ import annotations

from pydantic import Field

from harness.project.records import Record
from harness.project.results import Cell
from harness.verify.claims.choosing import Choice
from harness.verify.claims.measurement import Sensitivity
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.intervals import Verdict


class RetrievalPart(Record):
    """What the retrieval targets contribute to an average gain."""

    targets: list[str]
    """The retrieval targets."""
    others_share: float
    """Which part of all targets the others are."""
    points: float
    """What they add to the mean, in points: `of_points` - `others_share` x the mean without them."""
    of_points: float
    """The mean over all targets, in points."""
    share: float | None
    """`points` / `of_points`; below 0 or above 1 where they pull against the others; null where the mean is 0."""


class Development(Record):
    """What development sets say of a claim that was published on them."""

    targets: list[str]
    """The claim's targets with a development score in every language that they are tested in, which counts."""
    lacking: dict[str, str]
    """The claim's other targets -> which development scores there are, in words."""
    withheld: list[str] = Field(default_factory=list)
    """Cells that went in and of whose targets there are separate development rows in all languages, but no score of
    theirs that counts: not shown, or not computed again here."""
    gain: Aggregate | None
    """The claim's aggregate over `targets`, on their development sets; null where there are none."""
    on_test: Aggregate | None
    """The same over the same targets on their test sets, to compare with."""
    verdict: Verdict | None = None
    """What the rule gives over all of the claim's targets with the development sets of `targets` in place of their test
    sets; null where there are none."""
    measured: float | None = None
    """The measured value of that."""
    interval: tuple[float, float] | None = None
    """Its interval."""


class CellEvidence(Record):
    """One cell that verdicts rest on."""

    cell: Cell
    """Which cell."""
    status: str
    """How it came out."""
    score: float | None
    """Its score in points."""
    dev_score: float | None
    """Its score on the source language's dev set, in points."""
    predictions_sha256: str | None
    """Of its predictions file."""
    inputs: dict[str, str]
    """sha256 of everything that went in."""


class Evidence(Record):
    """What one verdict rests on."""

    rule: str
    """The rule that decides, as a sentence."""
    formula: str | None = None
    """What is computed; null where nothing is."""
    band: tuple[float | None, float | None] | None = None
    """What counts as reproduced, in points (kind share: shares of recipes); null: open on that side."""
    overall: Aggregate | None = None
    """The claim's own aggregate over all its targets; null for kind share, or where nothing was measured."""
    every_seed: dict[int, float] = Field(default_factory=dict)
    """Seed -> the same value, of all seeds that have one, also those that the design doesn't count: what the anytime
    interval is made from. Empty for kind share."""
    without_retrieval: Aggregate | None = None
    """The same without BUCC and Tatoeba; null where that makes no sense."""
    retrieval: RetrievalPart | None = None
    """What BUCC and Tatoeba contribute to `overall`."""
    development: Development | None = None
    """What development sets say, where the source's number is one of these."""
    n_targets: int = 0
    """So many targets are averaged over."""
    by_recipe: dict[str, Aggregate] = Field(default_factory=dict)
    """Recipe -> its gain, averaged over the targets; for checks on several recipes."""
    choices: dict[str, Choice] = Field(default_factory=dict)
    """Kind best_of: target -> what it takes at each seed, by what, and what is reported of that."""
    baseline: str = "own"
    """What `overall` is measured against: `own`, this run's scores, or a row of published ones."""
    own_baseline: Aggregate | None = None
    """The same against this run's own scores, where `baseline` is a published row."""
    p_parts: dict[str, float] = Field(default_factory=dict)
    """The p values, adjusted for the looks, that an accusation needs: of the margin and, where a number was published,
    of its being a few runs of this very pipeline. The larger counts."""
    sensitivity: list[Sensitivity] = Field(default_factory=list)
    """Kind share: what other thresholds would give."""
    rule_gives: Verdict | None = None
    """What the rule gives on these numbers alone, before the claim's scope and what the grid lacks are looked at."""
    cells: list[str] = Field(default_factory=list)
    """The cells that went in; their hashes stand in the verification's own `cells`."""
    sentence: str
    """What was found, for people."""
