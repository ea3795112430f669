"""Means with intervals for pages: over seeds, over targets, and where the numbers come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.audit.pinned import read_pinned_manifest
from harness.audit.subject import Judged
from harness.project.paths import Paths
from harness.project.provenance import commits_of, machines_of
from harness.project.records import Record
from harness.project.results import Result
from harness.verify.scores import BASELINE, Scores, mean_gain
from harness.verify.statistics.intervals import Direction, Interval, decide

EVERYTHING = Interval(low=float("-inf"), high=float("inf"))
"""The band of a decision that asks for mean, interval and direction only."""


class Estimate(Record):
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
    estimate: Estimate | None
    """Their mean; null where no seed has a score on all of them."""


class Provenance(Record):
    """Where and when the results were made."""

    machines: list[dict[str, Any]]
    """The distinct machines."""
    git_commits: list[str]
    """The commits of the code."""
    git_dirty: bool
    """Did tracked files differ from the commit for any of them?"""
    when: str
    """The date, in words."""


def estimate(by_seed: Mapping[int, float]) -> Estimate | None:
    """Mean and interval as a verdict has them; None without any value."""
    if not by_seed:
        return None
    found = decide(list(by_seed.values()), EVERYTHING)
    return Estimate(by_seed=dict(by_seed), mean=found.mean, interval=found.interval, direction=found.direction)


def average(scores: Scores, recipe: str, targets: Sequence[str]) -> Average:
    """The mean gain over those targets that are available to the recipe and to the baseline."""
    there = [
        target
        for target in targets
        if (recipe, target) not in scores.unavailable and (BASELINE, target) not in scores.unavailable
    ]
    return Average(targets=there, estimate=estimate(mean_gain(scores, recipe, there)))


def provenance_of(judged: Judged, paths: Paths) -> Provenance:
    """Where and when the results that are judged were made."""
    return _provenance_of_run(judged.checked.results, paths) if judged.source == "run" else _provenance_of_pinned(paths)


def _provenance_of_run(results: Mapping[str, Result], paths: Paths) -> Provenance:
    origins = [result.provenance for result in results.values() if result.status != "unavailable"]
    times = [(paths.cells / name / "result.json").stat().st_mtime for name in results]
    first, last = (datetime.fromtimestamp(time, UTC).date().isoformat() for time in (min(times), max(times)))
    return Provenance(
        machines=machines_of(origins),
        git_commits=commits_of(origins),
        git_dirty=any(origin.get("git_dirty") for origin in origins),
        when=f"cells written {first}" + (f" to {last}" if last != first else "") + " (UTC)",
    )


def _provenance_of_pinned(paths: Paths) -> Provenance:
    manifest = read_pinned_manifest(paths.pinned)
    return Provenance(
        machines=manifest.machines,
        git_commits=manifest.git_commits,
        git_dirty=manifest.git_dirty,
        when=f"pinned {manifest.created[:10]} (UTC)",
    )
