"""The target with most languages has so many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from harness.project.pins import PublishedPin
from harness.project.tasks import Task
from harness.verify.claims.facts import Facts, Finding, Lacking, compared, places, tasks_of
from harness.verify.claims.kinds.base import LookedUp
from harness.verify.claims.kinds.pieces import ProjectFiles


class CountLanguages(LookedUp):
    """The target with most languages has so many."""

    kind: Literal["count"]
    counted: Literal["languages_of_largest_target"]
    profile: str
    """The profile whose targets are counted."""
    expected: int
    """How many the claim says."""

    def expects(self, n_claim: int | None) -> str:
        """The number of languages."""
        return f"{self.expected:,} languages"

    def files(self) -> ProjectFiles:
        """The profile and its tasks."""
        return ProjectFiles(profiles=[self.profile])

    def look_up(self, facts: Facts) -> Finding:
        """Count each target's languages with a pinned test file, and take the largest count."""
        names = tasks_of(facts.profile(self.profile), "target")
        if not names:
            raise Lacking("no target", f"profiles/{self.profile}.yaml has no target of XTREME")
        counts = {name: len(_tested(facts.task(name), facts.pins(name))) for name in names}
        largest = max(counts, key=lambda name: counts[name])
        others = ", ".join(f"{name} {count}" for name, count in counts.items() if name != largest)
        where = f"{counts[largest]} languages ({places(facts.pins(largest))})"
        reason = f"{largest} has pinned test files in {where}; the others: {others or 'none'}"
        return compared(self.expected, counts[largest], "pinned", [reason])

    def decided_by(self) -> str:
        """What is counted."""
        return (
            f"counting, for the target of profiles/{self.profile}.yaml that has most, the languages with a pinned test"
            f" file; the claim expects {self.expected:,}"
        )


def _tested(task: Task, pins: Mapping[str, PublishedPin]) -> set[str]:
    stems = (stem.split(".", 1) for pin in pins.values() for stem in pin.files)
    return {language for split, language in stems if split.startswith("test")} & set(task.languages)
