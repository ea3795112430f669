"""A claim: what was published, where, what it speaks about, and the check that decides it."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from harness.project.records import StrictRecord
from harness.verify.claims.kinds import AnyCheck
from harness.verify.claims.kinds.base import Fact, Measured


class Source(StrictRecord):
    """Where a statement was read."""

    model_config = ConfigDict(allow_inf_nan=False)

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
    """Runs behind the number; null where that is not known, or no number was measured."""


class Scope(StrictRecord):
    """What the claim speaks about; anything else can't reproduce or refute it."""

    encoder: str
    """The encoder."""
    data: str
    """The tasks' data."""


class Truth(StrictRecord):
    """What is known of a claim beforehand: the effects that it speaks about were planted in a generated world."""

    planted: str
    """What was planted, in words."""
    verdict: Literal["REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE"]
    """The verdict that is therefore right."""
    reason: str
    """Why that is the right one."""


class Claim(StrictRecord):
    """One row of the table of extracted claims, with what decides it."""

    model_config = ConfigDict(allow_inf_nan=False)

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
    check: AnyCheck
    """What decides it."""
    truth: Truth | None = None
    """A claim of the laboratory's own: what was planted; null for a published claim, whose truth nobody knows."""

    @field_validator("check")
    @classmethod
    def _of_a_split_that_it_can_measure(cls, check: AnyCheck, info: ValidationInfo) -> AnyCheck:
        """Development sets must agree where a claim was published on them, so its kind must be measured on them."""
        source, measured = info.data.get("source"), check.measured
        if source and measured and source.split == "development" and not measured.on_development:
            raise ValueError(
                f"expected `split: test`, as a check of kind {check.kind} can't be measured on development sets"
            )
        return check

    @property
    def measured(self) -> Measured | None:
        """The check if it is decided by scores, else None."""
        return self.check.measured

    @property
    def fact(self) -> Fact | None:
        """The check if it is decided without a run, else None."""
        return self.check.fact

    def expects(self) -> str | None:
        """What the claim expects, as the table prints it, in points unless it says otherwise; None where nothing."""
        return self.check.expects(self.source.n_claim)

    def rule(self) -> str:
        """The rule that decides the claim, as a sentence."""
        return self.check.rule(self.source.n_claim)

    def margin_points(self) -> float | None:
        """The margin d in points of a claim that states a gain; None for the others."""
        return self.check.margin_points(self.source.n_claim)
