"""Everything that `harness verify` concludes, as one record: what `--json` prints and verdicts.json holds."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from harness.audit.integrity.findings import Integrity
from harness.audit.repeat.compare_rerun import Rerun
from harness.audit.repeat.same_bytes import SameBytes
from harness.audit.repeat.same_scores import SameScores
from harness.project.errors import HarnessError, explain_validation, grid_size
from harness.project.files import refuse_repeated_keys
from harness.project.records import Record
from harness.verify.claims.evidence import CellEvidence
from harness.verify.published.arithmetic import Followed
from harness.verify.verdicts.verdict import ClaimVerdict, Level

Source = Literal["run", "pinned", "crate", "nothing"]
"""Whose results are judged: this run's or, where nothing has run, the pinned ones; those in an archive; or none, where
nothing has run and nothing is pinned."""


class GridSize(Record):
    """The grid that is judged."""

    recipes: list[str]
    """Its recipes."""
    targets: list[str]
    """Its targets."""
    seeds: list[int]
    """Its seeds."""
    cells: int | None = None
    """Its cells, where these are fewer than recipes x targets x seeds; null: all of them."""

    @property
    def in_words(self) -> str:
        """The grid in a few words."""
        size = grid_size(len(self.recipes), len(self.targets), len(self.seeds))
        return size if self.cells is None else f"{size}, {self.cells} cells of them"


class CrateSource(Record):
    """The archive whose results are judged."""

    file: str
    """Its file name."""
    sha256: str
    """Of the whole file, to compare with what `harness export` printed."""
    holds: Literal["run", "pinned"]
    """Whether a run's results lie in it or pinned ones."""
    files: int
    """Files in it; the hash of every one was checked."""
    notes: list[str]
    """What a reader must know of it, in sentences."""
    contradicts: list[str] = Field(default_factory=list)
    """What it says of itself (verdicts, report, provenance) otherwise than this judging finds, in sentences."""
    signature: str = "unsigned"
    """Who signed it, in words."""
    signed_by: str | None = None
    """The signer whom the file of known signers names; null where there is none."""


class Part(Record):
    """The part of the grid that one claim is judged by."""

    claim: str
    """The claim."""
    there: dict[str, int]
    """Recipe -> its cells that are there."""
    each: dict[str, int]
    """Recipe -> so many cells of it are needed."""
    not_looked_at: int
    """Cells of the grid that the claim doesn't need."""
    lacking: list[str]
    """Recipes and targets that the claim names and the grid lacks."""


class Verification(Record):
    """Everything that `harness verify` concludes."""

    profile: str
    """The profile."""
    encoder: str
    """The encoder, in words."""
    data: str
    """The data, in words."""
    grid: GridSize
    """The grid that is judged."""
    judged: Source
    """Whose results."""
    rules: list[str] = Field(default_factory=list)
    """What differs from the shipped rules (claims, definitions, pins, settings), in sentences."""
    evidence: dict[Level, int] = Field(default_factory=dict)
    """How the cells are known here -> how many of them."""
    strict: list[str] = Field(default_factory=list)
    """What `--strict` fails on, in sentences; empty where it was not asked for."""
    crate: CrateSource | None = None
    """The archive, where one was judged."""
    v0: Integrity
    """Level V0; of no file where nothing is judged."""
    v1: SameBytes | None = None
    """Level V1; null where the pinned results are themselves judged, or none were made on this class of machine."""
    v1_note: str = ""
    """Why there is no level V1, in words; empty if there is one."""
    rerun: Rerun | None = None
    """Level V1 on cells drawn at random; null where it was not asked for (`harness verify --rerun N`)."""
    rerun_note: str = ""
    """Why no cell was run again though it was asked for, in words; empty otherwise."""
    v2: SameScores | None
    """Level V2; null where there is nothing pinned or the pinned results are themselves judged."""
    v2_note: str
    """Why there is no level V2, in words; empty if there is one."""
    answer: str
    """What came out, as a sentence: how many claims were decided, and what became of the others."""
    claims: list[ClaimVerdict]
    """Level V3, in the registry's order."""
    arithmetic: list[Followed] = Field(default_factory=list)
    """Whether published numbers follow from each other, of the claims that are judged; it rests on no run."""
    part: Part | None = None
    """The part of the grid that is judged, where one claim is asked for; null: all of it."""
    cells: dict[str, CellEvidence] = Field(default_factory=dict)
    """Every cell that the claims' evidence names, with the sha256 of its predictions and of what went into it."""
    registry_sha256: str | None = None
    """Of reference/claims.yaml, whose checks decided; null where they came from elsewhere."""
    exit_code: int
    """0 everything that was decided is reproduced or confirmed, 1 some not, 2 some undecided, 3 invalid."""


def read_verification(path: Path) -> Verification:
    """Read a verdicts.json. Raises HarnessError if it is missing or doesn't fit the schema."""
    fix = "run `harness run verdicts`"
    try:
        content = path.read_bytes()
        refuse_repeated_keys(content, str(path), fix)
        return Verification.model_validate_json(content)
    except FileNotFoundError:
        raise HarnessError(f"expected verdicts at {path}, found none", fix=fix) from None
    except ValidationError as error:
        raise HarnessError(explain_validation(error, Verification, str(path)), fix=fix) from None
