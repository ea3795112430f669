"""The tasks have no such split of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from harness.project.pins import PublishedPin
from harness.verify.claims.facts import Facts, Finding, places
from harness.verify.claims.kinds.base import LookedUp
from harness.verify.claims.kinds.pieces import ProjectFiles


class NoSplit(LookedUp):
    """The tasks have no such split of their own."""

    kind: Literal["provenance"]
    asserted: Literal["no_split"]
    tasks: list[str] = Field(min_length=1)
    """The tasks."""
    split: Literal["train", "dev"]
    """The split that none of them has."""

    def expects(self, n_claim: int | None) -> str:
        """The split that is lacking."""
        return f"no {self.split} split"

    def files(self) -> ProjectFiles:
        """The tasks."""
        return ProjectFiles(tasks=self.tasks)

    def look_up(self, facts: Facts) -> Finding:
        """No pinned file of any task may be of the split."""
        pins = {name: facts.pins(name) for name in self.tasks}
        having = {name: stem for name, where in pins.items() if (stem := _stem_of(where, self.split))}
        lacking = f"no {self.split} file"
        reasons = [f"{name} has {having.get(name, lacking)} in {places(where)}" for name, where in pins.items()]
        notes = [f"{name}: {pin.note}" for name, where in pins.items() for pin in where.values() if pin.note]
        return Finding(
            verdict="REFUTED" if having else "CONFIRMED",
            found=", ".join(having) or "none",
            note="pinned",
            reasons=[*reasons, *notes, self.reason],
        )

    def decided_by(self) -> str:
        """Whose files."""
        return f"the pinned files of {', '.join(self.tasks)}: the claim expects no {self.split} file"


def _stem_of(pins: Mapping[str, PublishedPin], split: str) -> str | None:
    stems = (stem for pin in pins.values() for stem in pin.files)
    return next((stem for stem in stems if stem.split(".", 1)[0] == split), None)
