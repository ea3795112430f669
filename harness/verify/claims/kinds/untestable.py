"""No run of ours can decide it."""

from __future__ import annotations

from typing import ClassVar, Literal

from harness.verify.claims.facts import Facts, Finding
from harness.verify.claims.kinds.base import Fact, Group
from harness.verify.claims.kinds.pieces import ProjectFiles


class Untestable(Fact):
    """No run of ours can decide it."""

    kind: Literal["untestable"]
    undecided: str
    """Why, and what would decide it."""

    group: ClassVar[Group] = "untestable"

    @property
    def why(self) -> str:
        """Why nothing decides it."""
        return self.undecided

    def expects(self, n_claim: int | None) -> None:
        """Nothing."""
        return None

    def rule(self, n_claim: int | None) -> str:
        """No rule."""
        return "NOT_TESTED whatever is run: no run of ours can decide it."

    def files(self) -> ProjectFiles:
        """None."""
        return ProjectFiles()

    def look_up(self, facts: Facts) -> Finding:
        """Undecided whatever the files say."""
        return Finding(verdict="NOT_TESTED", note="can't be re-run", reasons=[self.undecided])

    def decided_by(self) -> str:
        """Nothing."""
        return "nothing that can be run"

    def sentence(self, finding: Finding, conclusion: str) -> str:
        """Why it is undecided."""
        return f"{finding.verdict}: {self.undecided}"
