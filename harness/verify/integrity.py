"""Level V0: are the results whole, and are they what their hashes say?

Nothing is concluded from results that fail here. A problem is a sentence that names the file or cell and what
mends it; problems are collected, not raised, so that one look shows them all.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from harness.errors import HarnessError, name_some
from harness.params import Params
from harness.paths import Paths
from harness.resolve import ENCODER_FILES
from harness.results import (
    Cell,
    Record,
    Result,
    ScoresTable,
    build_scores,
    grid_cells,
    read_result,
    read_scores,
    target_groups,
    task_score,
)
from harness.verify.locked import check_lock
from harness.verify.origins import check_images, check_inputs, image_of
from harness.verify.pins import check_pins
from harness.verify.rescore import Rescored, Rescorer

MANIFEST = "manifest.json"
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
    lock: str = ""
    """What was compared with dvc.lock, in words; empty for pinned results."""
    skipped: list[str] = Field(default_factory=list)
    """What a quick look left out, in words."""

    @property
    def ok(self) -> bool:
        """No problem."""
        return not self.problems


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
    unhashed: list[int] = field(default_factory=list)
    """Sizes in bytes of the large files that were not hashed."""

    def hash_file(self, path: Path, expected: str, name: str, mend: str, is_large: bool = False) -> None:
        """Compare a file's sha256 with what is written down for it."""
        if path.exists() and not path.is_file():  # a device has no end
            self.problems.append(f"expected {name}, found something that is no file; {mend}")
            return
        try:
            if self.quick and is_large:
                self.unhashed.append(path.stat().st_size)
                return
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            self.problems.append(f"expected {name}, found: {error.strerror}; {mend}")
            return
        self.hashes += 1
        if found != expected:
            self.problems.append(
                f"expected sha256 {expected:.12}... of {name}, found {found:.12}...: it was changed; {mend}"
            )

    def rescore(
        self, rescorer: Rescorer | None, results: Mapping[str, Result], where: Callable[[Result], Path]
    ) -> None:
        """Compute the metrics again; without a rescorer nothing is, and the record says so."""
        if rescorer:
            self.rescored = rescorer.rescore(results, where)
            self.problems += self.rescored.problems

    def _skipped(self, results: Mapping[str, Result]) -> list[str]:
        if not self.quick:
            return []
        kept = sum(result.predictions is not None for result in results.values())
        size = f"{sum(self.unhashed) / 1e6:.1f} MB"
        return [
            f"hashing {len(self.unhashed)} files of rows, predictions and weights ({size})",
            f"re-scoring {kept} cells",
        ]

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
            lock=self.lock,
            skipped=[*self._skipped(results), *self.skipped],
        )


@dataclass(frozen=True)
class DataManifest:
    """What a data folder's manifest says."""

    sha256: str
    """Of the manifest itself."""
    source: str
    """Where its rows come from."""
    files: dict[str, str]
    """File name -> sha256."""


def data_manifest(content: bytes) -> DataManifest:
    """A data folder's manifest. ValueError, KeyError, TypeError or AttributeError where it has another schema."""
    manifest = json.loads(content)
    files = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    return DataManifest(hashlib.sha256(content).hexdigest(), str(manifest.get("source")), files)


@dataclass(frozen=True)
class Archived:
    """What an archive, which holds neither rows nor weights, has in their place."""

    manifests: Mapping[str, DataManifest]
    """task -> what its data's manifest says."""
    encoder_pins: Mapping[str, str]
    """Name of an input -> sha256 of the encoder's file, as its record says."""
    withheld: frozenset[str]
    """Paths of predictions that it does not hold."""


def check_run(
    params: Params,
    paths: Paths,
    rescorer: Rescorer | None = None,
    quick: bool = False,
    archived: Archived | None = None,
    whole: bool = True,
) -> tuple[Integrity, ScoresTable | None]:
    """V0 of a run: data files, every cell of the grid and its predictions, metrics that follow from these, no mixed
    inputs, nothing changed or stale by dvc.lock, a table that follows.

    The table is built anew from the cells; None if there is a problem. A quick look reads no large file.
    `archived`: the run lies in an unpacked archive, which has no rows and no weights to compare with dvc.lock.
    `whole=False`: the grid is a part of the one that was run, so that scores.json, which restates all of it, is not
    compared.
    """
    findings, cells = Findings(quick), grid_cells(params)
    manifests = archived.manifests if archived else _check_data(params, paths, findings)
    results = _read_cells(paths.cells, cells, findings)
    groups = target_groups(params.grid.targets, paths.tasks)
    for name, result in results.items():
        _check_result(result, params.profile, groups, findings)
        if result.predictions:
            path = _predictions(result, paths)
            if archived and path.relative_to(paths.root).as_posix() in archived.withheld:
                continue
            mend = f"delete {path.parent} and run `dvc repro`"
            findings.hash_file(path, result.predictions.sha256, f"{name}/{path.name}", mend, is_large=True)
    findings.problems += check_images(results, params, paths)
    data_pins = {task: one.sha256 for task, one in manifests.items()}
    encoder_pins = archived.encoder_pins if archived else _check_encoder(paths, findings)
    findings.problems += check_inputs(results, data_pins, encoder_pins)
    if quick:
        findings.skipped = ["comparing rows with their pins, and everything with dvc.lock"]
    else:
        generated = {task: one.files for task, one in manifests.items() if one.source == "generated"}
        findings.problems += check_pins(generated, paths)
        gone = [name for name, one in results.items() if archived and one.cell.target not in generated]
        here = {name: result for name, result in results.items() if name not in gone}
        findings.rescore(rescorer or Rescorer(params, paths), here, lambda found: _predictions(found, paths))
        findings.rescored.left_out |= dict.fromkeys(gone, "gold rows are not in the archive")
    if not quick and not archived:
        findings.lock, problems = check_lock(params, paths)
        findings.problems += problems
    table = None
    if not findings.problems:
        table = build_scores(results, params, groups)
        if whole:
            _check_table(paths.scores, table, findings)
    return findings.conclude(results, len(cells)), None if findings.problems else table


def _predictions(result: Result, paths: Paths) -> Path:
    assert result.predictions
    return paths.cells / result.cell.id / result.predictions.path


def _check_data(params: Params, paths: Paths, findings: Findings) -> dict[str, DataManifest]:
    """Hash every file of every data folder against its manifest; the manifests by task."""
    manifests: dict[str, DataManifest] = {}
    for task in params.data.tasks:
        folder = paths.data(task)
        mend = f"run `dvc repro` (data of {task})"
        try:
            manifests[task] = data_manifest((folder / MANIFEST).read_bytes())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = error.strerror if isinstance(error, OSError) else "another schema"
            findings.problems.append(f"expected the manifest of {task}'s data, found: {problem}; {mend}")
            continue
        for name, sha256 in manifests[task].files.items():
            findings.hash_file(folder / name, sha256, f"data/{task}/{name}", mend, is_large=True)
    return manifests


def _read_cells(cells_dir: Path, cells: Iterable[Cell], findings: Findings) -> dict[str, Result]:
    results: dict[str, Result] = {}
    missing: list[str] = []
    wanted = list(cells)
    for cell in wanted:
        path = cells_dir / cell.id / "result.json"
        if not path.is_file():
            missing.append(cell.id)
            continue
        try:
            result = read_result(path)
        except HarnessError as error:
            findings.problems.append(str(error).rstrip("."))
            continue
        if result.cell == cell:
            results[cell.id] = result
        else:
            found = f"that of {result.cell.id}"
            findings.problems.append(f"expected the result of cell {cell.id}, found {found}; run `dvc repro`")
    if missing:
        found = f"{len(missing)} that have not run ({name_some(missing)})"
        findings.problems.insert(0, f"expected {len(wanted)} cells, found {found}; run `dvc repro`")
    return results


def _check_result(result: Result, profile: str, groups: Mapping[str, str], findings: Findings) -> None:
    """Does the score follow from its parts, and does the result belong here?"""
    name, mend = result.cell.id, f"delete the folder of cell {result.cell.id} and run `dvc repro`"
    if result.profile != profile:
        findings.problems.append(f"expected profile {profile} in cell {name}, found {result.profile}; {mend}")
    if result.status == "failed":
        return
    if result.status == "unavailable":
        if result.score is not None or result.predictions is not None or not result.reasons:
            found = "a score, predictions or no reason"
            findings.problems.append(f"expected only the reason in unavailable cell {name}, found {found}; {mend}")
        return
    if result.score is None or result.predictions is None:
        found = f"status {result.status} without them"
        findings.problems.append(f"expected score and predictions in cell {name}, found {found}; {mend}")
        return
    try:
        follows = task_score(groups[result.cell.target], result.scores)
    except HarnessError as error:
        findings.problems.append(f"cell {name}: {str(error).rstrip('.')}")
        return
    if not abs(follows - result.score) <= SCORE_TOLERANCE:
        findings.problems.append(
            f"expected score {follows:.4f} in cell {name} by its languages, found {result.score:.4f}; {mend}"
        )


def _check_encoder(paths: Paths, findings: Findings) -> dict[str, str]:
    """sha256 of the encoder's files by the name that results give them; a file not here is left out."""
    pins = {}
    for name, file in ENCODER_FILES.items():
        path = paths.encoder / file
        if path.is_file() and findings.quick:
            findings.unhashed.append(path.stat().st_size)
        elif path.is_file():
            with path.open("rb") as stream:
                pins[name] = hashlib.file_digest(stream, "sha256").hexdigest()
            findings.hashes += 1
    return pins


def _check_table(path: Path, table: ScoresTable, findings: Findings) -> None:
    """Does scores.json, where it is, say what the cells say?"""
    if not path.is_file():
        return
    mend = "run `dvc repro`"
    try:
        stored = read_scores(path)
    except HarnessError as error:
        findings.problems.append(str(error).rstrip("."))
        return
    if stored == table:
        return
    rows = {row.cell.id: row for row in stored.cells}
    differing = [row.cell.id for row in table.cells if rows.pop(row.cell.id, None) != row] + list(rows)
    what = f"in {name_some(differing)}" if differing else "in its profile, encoder, data or groups"
    findings.problems.append(f"expected {path.name} to follow from the cells, found otherwise {what}; {mend}")
