"""A task's split in its source language has so many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from harness.project.pins import Part
from harness.verify.claims.facts import Facts, Finding, Lacking, compared, places, rows_in_words
from harness.verify.claims.kinds.base import LookedUp
from harness.verify.claims.kinds.pieces import ProjectFiles


class CountRows(LookedUp):
    """A task's split in its source language has so many rows."""

    kind: Literal["count"]
    counted: Literal["rows"]
    task: str
    """The task."""
    split: Literal["train", "dev"]
    """The split."""
    expected: int
    """How many the claim says."""

    def expects(self, n_claim: int | None) -> str:
        """The number of rows."""
        return f"{self.expected:,} rows"

    def files(self) -> ProjectFiles:
        """The task."""
        return ProjectFiles(tasks=[self.task])

    def look_up(self, facts: Facts) -> Finding:
        """Counted here where the files were read here, else by the first place that states every part's rows."""
        pins = facts.pins(self.task)
        stem = f"{self.split}.{next(iter(pins.values())).source_language}"
        parts = {place: pin.files[stem] for place, pin in pins.items() if stem in pin.files}
        if not parts:
            raise Lacking("no such file", f"{self.task} has no file {stem} in its pins ({places(pins)})")
        evidence = "; ".join(rows_in_words(pins[place], listed) for place, listed in parts.items())
        here = facts.counted.get(self.task, {}).get(stem)
        found = next(filter(None, [here, *map(_stated, parts.values())]), None)
        if found is None:
            raise Lacking("no pinned count", f"no pin of {self.task} states its {self.split} rows: {evidence}")
        note, how = (
            ("pinned count", "as pinned; the files have not been counted here")
            if here is None
            else ("counted here", "counted here, in the fetched files")
        )
        reason = f"{found:,} {self.split} rows of {self.task}, {how}: {evidence}"
        return compared(self.expected, found, note, [reason])

    def decided_by(self) -> str:
        """What is counted."""
        return (
            f"the {self.split} rows of {self.task} in its source language, as counted in the fetched files or stated by"
            f" the pins; the claim expects {self.expected:,}"
        )


def _stated(parts: Sequence[Part]) -> int | None:
    counts = [part.rows for part in parts if part.rows is not None]
    return sum(counts) if len(counts) == len(parts) else None
