"""What is concluded about one claim."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.project.records import Record
from harness.verify.claims.claim import Claim, Truth
from harness.verify.claims.evidence import Evidence
from harness.verify.claims.kinds import group_of, unit_of
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.intervals import Direction, Verdict

Level = Literal["re-run here", "re-scored here", "hash only", "scores only"]
"""How the numbers of a cell are known here: it was run again; its metrics were computed again from its predictions and
the gold rows; its predictions are known by their hash, or were not scored again; nothing but its scores is known."""

DECIDED: tuple[Verdict, ...] = ("REPRODUCED", "NOT_REPRODUCED")
"""A measured claim of these words is decided."""

Replication = Literal["HOLDS HERE", "OPPOSITE HERE", "OPEN HERE"]
"""Out of a claim's scope: what it says is shown of what was measured, its opposite is, or neither."""


class ClaimVerdict(Record):
    """What is concluded about one claim, and from what."""

    id: str
    """The claim."""
    text: str
    """Its words."""
    kind: str
    """The kind of its check."""
    verdict: Verdict
    """The verdict."""
    expected: str | None
    """What the check expects, in words, in points unless it says otherwise."""
    margin: float | None
    """The margin d in points, for claims that state a gain."""
    measured: float | None = None
    """The mean over seeds in points (kind share: the share of recipes, 0 to 1)."""
    interval: tuple[float, float] | None = None
    """Interval of `measured`, adjusted for the looks of the design: it decides (kind share: the shares that the tests
    leave open)."""
    without_retrieval: float | None = None
    """The same mean without BUCC and Tatoeba, in points."""
    direction: Direction | None = None
    """Is the measured value above or below zero, at 95 %?"""
    agrees: bool | None = None
    """Does the measurement point where the claim points? null where it can't be told."""
    one_more_run: tuple[float, float] | None = None
    """95 % prediction interval in points: where the mean of n_claim further runs of this pipeline would fall.
    """
    consistent: bool | None = None
    """Does the claimed gain lie in `one_more_run`? null where no gain is claimed."""
    beside: dict[str, float] = Field(default_factory=dict)
    """Mean gain in points of recipes that the source could mean too."""
    found: str | None = None
    """What was found, in words, where a fact of the data is claimed."""
    n_seeds: int = 0
    """Seeds that went in."""
    seeds_needed: int | None = None
    """If inconclusive: the next look of the design that would decide it with probability 80 %, mean and spread staying
    as they are."""
    p_value: float | None = None
    """p value of "the claim holds", of this claim alone, adjusted for the looks; null below the design's first look."""
    p_adjusted: float | None = None
    """The same by Holm's step-down over all measured claims of the registry; null where the claim was not tested."""
    replication: Replication | None = None
    """Out of the claim's scope: does what it says hold of what was measured? null in its scope, where the grid lacks
    what the claim needs, and for a kind that it is not told of. It is no verdict on the claim."""
    replication_p: tuple[float, float] | None = None
    """p values behind HOLDS HERE and OPPOSITE HERE, adjusted for the looks; once all claims were looked at together,
    by Holm's step-down over both directions of all of them. Both 1 out of scope where nothing can be tested; null in
    scope."""
    replicated: Aggregate | None = None
    """What the replication was tested by, where that is over fewer targets than the claim: values per seed, their mean
    and its interval, in points. null: by `measured`, or there is no replication."""
    replicated_without: list[str] = Field(default_factory=list)
    """Targets of the claim that `replicated` leaves out (reference/design.yaml, `replication_over`)."""
    sound_seeds: int | None = None
    """Of the seeds that the replication counts, those at which no cell collapsed; null where none did at any. With
    fewer than the design's first look nothing can be shown."""
    evidence_level: Level | None = None
    """How its weakest cell is known here; null where the verdict rests on no cell."""
    note: str = ""
    """In a few words, for the table."""
    reasons: list[str] = Field(default_factory=list)
    """In sentences: why this verdict, or why there is none."""
    evidence: Evidence
    """What it rests on: cells, values per seed, interval, rule."""
    truth: Truth | None = None
    """A claim of the laboratory's own: what was planted, and the verdict that is right; null for a published claim."""

    @property
    def is_fact(self) -> bool:
        """Was a fact of the data looked up, without a run?"""
        return group_of(self.kind) == "fact"

    @property
    def is_unmeasured(self) -> bool:
        """Is it decided without a run, or by nothing?"""
        return group_of(self.kind) in ("fact", "untestable")

    @property
    def is_share(self) -> bool:
        """Is `measured` a share of recipes, from 0 to 1, and not points?"""
        return unit_of(self.kind) == "share"


def verdict_on(claim: Claim, verdict: Verdict, **found: Any) -> ClaimVerdict:
    """A verdict with what was found; its evidence is the rule and the reasons until there is more."""
    return ClaimVerdict(
        id=claim.id,
        text=claim.text,
        kind=claim.check.kind,
        verdict=verdict,
        expected=claim.expects(),
        margin=claim.margin_points(),
        truth=claim.truth,
        evidence=Evidence(rule=claim.rule(), sentence=f"{verdict}: {'; '.join(found['reasons'])}"),
        **found,
    )
