"""The experiments use so many tasks of a role."""

from __future__ import annotations

from typing import Literal

from harness.verify.claims.facts import Facts, Finding, compared, first_place, tasks_of
from harness.verify.claims.kinds.base import LookedUp
from harness.verify.claims.kinds.pieces import ProjectFiles


class CountTasks(LookedUp):
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

    def expects(self, n_claim: int | None) -> str:
        """The number of tasks."""
        return f"{self.expected:,} tasks"

    def files(self) -> ProjectFiles:
        """The profile and its tasks."""
        return ProjectFiles(profiles=[self.profile])

    def look_up(self, facts: Facts) -> Finding:
        """Count the profile's tasks, each of which needs a pin."""
        names = tasks_of(facts.profile(self.profile), self.role)
        if self.language:
            names = [name for name in names if facts.task(name).languages == [self.language]]
        evidence = ", ".join(f"{name} ({first_place(facts.pins(name))})" for name in names)
        reason = f"profiles/{self.profile}.yaml uses {len(names)} {self.role} tasks whose published rows are pinned"
        return compared(self.expected, len(names), "pinned", [f"{reason}, first in: {evidence}"])

    def decided_by(self) -> str:
        """What is counted."""
        language = f" whose one language is {self.language}" if self.language else ""
        return (
            f"counting the {self.role} tasks{language} that profiles/{self.profile}.yaml uses; the claim expects"
            f" {self.expected:,}"
        )
