"""The tasks' text comes from somewhere, as public documents state."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.verify.claims.facts import Facts, Finding, Lacking, first_place
from harness.verify.claims.kinds.base import LookedUp
from harness.verify.claims.kinds.pieces import ProjectFiles


class OriginOf(LookedUp):
    """The tasks' text comes from somewhere, as public documents state."""

    kind: Literal["provenance"]
    asserted: Literal["origin"]
    tasks: list[str] = Field(min_length=1)
    """The tasks; each must have that origin."""
    origin: str | None
    """The origin that the claim names, as the task files call it; null where its words break off before."""

    def expects(self, n_claim: int | None) -> str | None:
        """The origin."""
        return self.origin and f"from {self.origin}"

    def files(self) -> ProjectFiles:
        """The tasks."""
        return ProjectFiles(tasks=self.tasks)

    def look_up(self, facts: Facts) -> Finding:
        """Every task must have the origin; where the claim names none, what is documented is shown."""
        documented = {name: facts.task(name).origins for name in self.tasks}
        origins = [(name, origin) for name, listed in documented.items() for origin in listed]
        found = ", ".join(dict.fromkeys(origin.name for _, origin in origins)) or None
        reasons = list(dict.fromkeys(f"{name}: {origin.stated} ({origin.document})" for name, origin in origins))
        if self.origin is None:
            return Finding(verdict="NOT_TESTED", found=found, note="words break off", reasons=[self.reason, *reasons])
        if undocumented := [name for name, listed in documented.items() if not listed]:
            raise Lacking("no document", f"no public document on the origin of {', '.join(undocumented)} is recorded")
        reasons += [f"{name} is pinned, first in {first_place(facts.pins(name))}" for name in self.tasks]
        holds = all(self.origin in [origin.name for origin in listed] for listed in documented.values())
        verdict = "CONFIRMED" if holds else "REFUTED"
        return Finding(verdict=verdict, found=found, note="documented", reasons=reasons)

    def decided_by(self) -> str:
        """Whose origin."""
        named = self.origin or "nothing: its words break off"
        where = f"the documented origin of {', '.join(self.tasks)} (`origins` in tasks/*.yaml)"
        return f"{where}; the claim names {named}"
