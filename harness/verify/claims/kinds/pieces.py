"""What checks are made of, whatever their kind: words that their rules share, and small records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ConfigDict, Field

from harness.project.records import StrictRecord
from harness.verify.statistics.intervals import LEVEL, margin

FEW = "UNDERPOWERED below the design's first look or where all seeds gave the same value"
ADJUSTED = "interval, adjusted for the looks of the design,"
"""What decides, in words."""
ACCUSED = f"p <= {LEVEL:.2f}, adjusted for the looks and by Holm's step-down over all measured claims of the registry"
OWN = "own"
"""The baseline of a check that compares with scores of the same run."""


class Margin(StrictRecord):
    """How far a measured gain may lie from the claimed one."""

    model_config = ConfigDict(allow_inf_nan=False)

    practical_points: float = Field(gt=0)
    """A smaller difference doesn't matter to anybody who uses the number."""
    reference_sd_points: float | None = Field(ge=0)
    """Spread over runs of the published number itself; null: not published."""
    rounding_points: float = Field(ge=0)
    """Half a unit in the last printed digit."""
    reason: str
    """Why these."""

    def points(self, n_claim: int) -> float:
        """The margin d in points, for a published number that is the mean of `n_claim` runs."""
        return margin(self.practical_points, self.rounding_points, self.reference_sd_points, n_claim)


class ScoreRow(NamedTuple):
    """One row of a derivation's table: scores of one target that are measured and compared, seed by seed."""

    labels: list[str]
    """What stands before the scores."""
    measured: Mapping[int, str]
    """Seed -> recipe whose score is measured."""
    target: str
    """The target."""
    compared: str
    """The recipe that it is compared with."""
    reported: Mapping[int, tuple[float, float]] | None = None
    """Seed -> points of both where these are not the cells' scores, but of a part of the items."""


class ProjectFiles(NamedTuple):
    """Files of the project that a fact is decided by."""

    profiles: Sequence[str] = ()
    """Names in profiles/."""
    tasks: Sequence[str] = ()
    """Names in tasks/, beside those that the profiles use."""
