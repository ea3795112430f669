"""Where and when the results on a page were made: machines, commits, dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from harness.audit.subject import Judged
from harness.project.paths import Paths
from harness.project.pinned import read_pinned_manifest
from harness.project.provenance import commits_of, machines_of
from harness.project.records import Record
from harness.project.results import Result


class Origin(Record):
    """Where and when the results were made."""

    machines: list[dict[str, Any]]
    """The distinct machines."""
    git_commits: list[str]
    """The commits of the code."""
    git_dirty: bool
    """Did tracked files differ from the commit for any of them?"""
    when: str
    """The date, in words."""


def origin_of(judged: Judged, paths: Paths) -> Origin:
    """Where and when the results that are judged were made."""
    return _of_run(judged.checked.results, paths) if judged.source == "run" else _of_pinned(paths)


def _of_run(results: Mapping[str, Result], paths: Paths) -> Origin:
    origins = [result.provenance for result in results.values() if result.status != "unavailable"]
    times = [(paths.cells / name / "result.json").stat().st_mtime for name in results]
    first, last = (datetime.fromtimestamp(time, UTC).date().isoformat() for time in (min(times), max(times)))
    return Origin(
        machines=machines_of(origins),
        git_commits=commits_of(origins),
        git_dirty=any(origin.get("git_dirty") for origin in origins),
        when=f"cells written {first}" + (f" to {last}" if last != first else "") + " (UTC)",
    )


def _of_pinned(paths: Paths) -> Origin:
    manifest = read_pinned_manifest(paths.pinned)
    return Origin(
        machines=manifest.machines,
        git_commits=manifest.git_commits,
        git_dirty=manifest.git_dirty,
        when=f"pinned {manifest.created[:10]} (UTC)",
    )
