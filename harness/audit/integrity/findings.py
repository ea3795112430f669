"""Level V0: are the results whole, and are they what their hashes say? What a check finds, and the record of it.

Nothing is concluded from results that fail here. A problem is a sentence that names the file or cell and the
fix; problems are collected, not raised, so that one look shows them all. harness.audit.integrity.run checks
a run, harness.audit.integrity.pinned what is pinned.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from harness.audit.integrity.copies import Copies, check_copies
from harness.audit.integrity.inputs import image_of
from harness.audit.integrity.machines import check_machines
from harness.audit.integrity.made import Made
from harness.audit.integrity.rescore import Rescored, Rescorer
from harness.project.records import Record
from harness.project.results import Kept, Result
from harness.verify.scores import ScoresTable

SCORE_TOLERANCE = 1e-6
"""A score and the mean of its parts may differ by the rounding of JSON numbers, in points."""


class Integrity(Record):
    """What level V0 found."""

    hashes: int
    """Files hashed and compared."""
    cells_expected: int
    """Cells of the grid."""
    cells_found: int
    """Of these, finished and readable."""
    statuses: dict[str, int]
    """Status -> number of cells."""
    collapsed: list[str]
    """Cells whose model does not learn; they count as they are."""
    failed: list[str]
    """Cells without a score; the claims that need them say so."""
    unavailable: dict[str, str]
    """Cell -> why its data may not be had or used here; no problem, and the claims that need it say so."""
    problems: list[str]
    """What is wrong, in sentences; empty when all is well."""
    images: list[str]
    """The images that cells ran in; empty where all ran in a machine's own environment."""
    rescored: int = 0
    """Cells whose metrics were computed again from their predictions and the gold rows."""
    not_rescored: dict[str, str] = Field(default_factory=dict)
    """Cell with predictions -> why its metrics were not computed again."""
    suspicious: list[str] = Field(default_factory=list)
    """Cells that look like copies of others, in sentences, each with the command that tells; they decide nothing."""
    machines: list[str] = Field(default_factory=list)
    """Seeds whose recipes and baseline come from other classes of machines, in sentences; they decide nothing."""
    one_draw: list[str] = Field(default_factory=list)
    """Cells that no seed enters and that are equal by right, in sentences."""
    cut: list[str] = Field(default_factory=list)
    """Targets of which fewer rows were scored than are pinned, in words with both numbers."""
    lock: str = ""
    """What was compared with dvc.lock, in words; empty for pinned results."""
    skipped: list[str] = Field(default_factory=list)
    """What a quick look left out, in words."""

    @property
    def ok(self) -> bool:
        """No problem."""
        return not self.problems


@dataclass(frozen=True)
class Checked:
    """Results and what level V0 says of them."""

    integrity: Integrity
    """What was found."""
    table: ScoresTable | None
    """Their scores; None if there is a problem, or nothing to check."""
    results: Mapping[str, Result]
    """Cell -> its result, of those that could be read."""
    made: Made = field(default_factory=Made)
    """What the records say that they were made from."""
    dev_rescored: frozenset[str] = frozenset()
    """Cells whose dev scores were computed again from dev predictions and dev rows."""
    items: Mapping[str, Path] = field(default_factory=dict)
    """Cell -> its file of how every test item came out, where it is here."""


@dataclass
class Findings:
    """What a check has found so far."""

    quick: bool = False
    """Only look whether large files are there."""
    hashes: int = 0
    problems: list[str] = field(default_factory=list)
    lock: str = ""
    skipped: list[str] = field(default_factory=list)
    rescored: Rescored = field(default_factory=Rescored)
    copies: Copies = field(default_factory=Copies)
    unhashed: list[int] = field(default_factory=list)
    """Sizes in bytes of the large files that were not hashed."""

    def hash_file(self, path: Path, expected: str, name: str, fix: str, is_large: bool = False) -> None:
        """Compare a file's sha256 with what is written down for it."""
        if path.exists() and not path.is_file():  # a device has no end
            self.problems.append(f"expected {name}, found something that is no file; {fix}")
            return
        try:
            if self.quick and is_large:
                self.unhashed.append(path.stat().st_size)
                return
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            self.problems.append(f"expected {name}, found: {error.strerror}; {fix}")
            return
        self.hashes += 1
        if found != expected:
            self.problems.append(
                f"expected sha256 {expected:.12}... of {name}, found {found:.12}...: it was changed; {fix}"
            )

    def rescore(
        self,
        rescorer: Rescorer | None,
        results: Mapping[str, Result],
        where: Callable[[Result], Path],
        kept_at: Callable[[Result, Kept], Path],
    ) -> None:
        """Compute the metrics again; without a rescorer nothing is, and the record says so."""
        if rescorer:
            self.rescored = rescorer.rescore(results, where, kept_at)
            self.problems += self.rescored.problems

    def compare_cells(
        self, results: Mapping[str, Result], groups: Mapping[str, str], where: Callable[[Result], Path]
    ) -> None:
        """Look for cells that are copies of others."""
        self.copies = check_copies(results, groups, where, self.quick)
        self.problems += self.copies.problems

    def _skipped(self, results: Mapping[str, Result]) -> list[str]:
        if not self.quick:
            return []
        kept = sum(result.predictions is not None for result in results.values())
        size = f"{sum(self.unhashed) / 1e6:.1f} MB"
        return [
            f"hashing {len(self.unhashed)} files of rows, predictions and weights ({size})",
            f"re-scoring {kept} cells",
        ]

    def checked(
        self,
        integrity: Integrity,
        table: ScoresTable | None,
        results: Mapping[str, Result],
        made: Made,
        kept_at: Callable[[Result, Kept], Path],
    ) -> Checked:
        """The results with what was found; the table is dropped where there is a problem."""
        keeping = {name: kept_at(one, "items") for name, one in results.items() if "items" in one.kept}
        items = {name: path for name, path in keeping.items() if path.is_file()}
        table = None if self.problems else table
        return Checked(integrity, table, results, made, frozenset(self.rescored.dev), items)

    def conclude(self, results: Mapping[str, Result], expected: int) -> Integrity:
        """The record."""
        return Integrity(
            hashes=self.hashes,
            cells_expected=expected,
            cells_found=len(results),
            statuses=dict(Counter(result.status for result in results.values())),
            collapsed=[name for name, result in results.items() if result.status == "collapsed"],
            failed=[name for name, result in results.items() if result.status == "failed"],
            unavailable={
                name: "; ".join(result.reasons) for name, result in results.items() if result.status == "unavailable"
            },
            problems=self.problems,
            images=sorted({str(digest) for result in results.values() if (digest := image_of(result.provenance))}),
            rescored=self.rescored.cells,
            not_rescored=self.rescored.left_out,
            suspicious=self.copies.suspicious,
            machines=check_machines(results),
            one_draw=self.copies.notes,
            cut=self.rescored.cut(),
            lock=self.lock,
            skipped=[*self._skipped(results), *self.skipped],
        )
