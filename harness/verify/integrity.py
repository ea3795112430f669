"""Level V0: are the results whole, and are they what their hashes say?

Nothing is concluded from results that fail here. A problem is a sentence that names the file or cell and what
mends it; problems are collected, not raised, so that one look shows them all.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    mixed_inputs,
    read_result,
    read_scores,
    target_groups,
    task_score,
)

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

    @property
    def ok(self) -> bool:
        """No problem."""
        return not self.problems


@dataclass
class Findings:
    """What a check has found so far."""

    hashes: int = 0
    problems: list[str] = field(default_factory=list)

    def hash_file(self, path: Path, expected: str, name: str, mend: str) -> None:
        """Compare a file's sha256 with what is written down for it."""
        try:
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
        )


def check_run(params: Params, paths: Paths, whole: bool = True) -> tuple[Integrity, ScoresTable | None]:
    """V0 of a run: data files, every cell of the grid and its predictions, no mixed inputs, a table that
    follows.

    The table is built anew from the cells; None if there is a problem. `whole=False`: the grid is a part of the one
    that was run, so that scores.json, which restates all of it, is not compared.
    """
    findings, cells = Findings(), grid_cells(params)
    data_pins = _check_data(params, paths, findings)
    results = _read_cells(paths.cells, cells, findings)
    groups = target_groups(params.grid.targets, paths.tasks)
    for name, result in results.items():
        _check_result(result, params.profile, groups, findings)
        if result.predictions:
            path = paths.cells / name / result.predictions.path
            mend = f"delete {path.parent} and run `dvc repro`"
            findings.hash_file(path, result.predictions.sha256, f"{name}/{path.name}", mend)
    _check_images(results, params, paths, findings)
    _check_inputs(results, data_pins, _check_encoder(paths, findings), findings)
    table = None
    if not findings.problems:
        table = build_scores(results, params, groups)
        if whole:
            _check_table(paths.scores, table, findings)
    return findings.conclude(results, len(cells)), None if findings.problems else table


def _check_data(params: Params, paths: Paths, findings: Findings) -> dict[str, str]:
    """Hash every file of every data folder against its manifest; task -> sha256 of the manifest itself."""
    pins: dict[str, str] = {}
    for task in params.data.tasks:
        folder = paths.data(task)
        mend = f"run `dvc repro` (data of {task})"
        try:
            content = (folder / MANIFEST).read_bytes()
            files = {name: entry["sha256"] for name, entry in json.loads(content)["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = error.strerror if isinstance(error, OSError) else "another schema"
            findings.problems.append(f"expected the manifest of {task}'s data, found: {problem}; {mend}")
            continue
        pins[task] = hashlib.sha256(content).hexdigest()
        for name, sha256 in files.items():
            findings.hash_file(folder / name, sha256, f"data/{task}/{name}", mend)
    return pins


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


def _check_inputs(
    results: Mapping[str, Result],
    data_pins: Mapping[str, str],
    encoder_pins: Mapping[str, str],
    findings: Findings,
) -> None:
    """No mixed revisions among the cells, and none made from data or an encoder other than what lies here."""
    mixed = mixed_inputs({name: (result.cell, result.inputs) for name, result in results.items()})
    findings.problems.extend(f"mixed inputs: {problem}; run `dvc repro`" for problem in mixed)
    stale: dict[str, list[str]] = {}
    for name, result in results.items():
        target = result.cell.target
        here = {"data": (data_pins.get(target), f"data of {target}")}
        here |= {file: (sha256, file) for file, sha256 in encoder_pins.items()}
        for key, (sha256, words) in here.items():
            if sha256 and result.inputs.get(key, sha256) != sha256:
                stale.setdefault(words, []).append(name)
    for words, names in stale.items():
        findings.problems.append(
            f"expected cells made from the {words} that lies here, found another in {name_some(names)}; run `dvc repro`"
        )


def image_of(provenance: Mapping[str, Any]) -> str | None:
    """The image that something was made in; None: a machine's own environment."""
    digest = provenance.get("image_digest")
    return None if digest is None else str(digest)


def _check_images(results: Mapping[str, Result], params: Params, paths: Paths, findings: Findings) -> None:
    """Every cell and intermediate training was made where params.yaml says: in the pinned image, or in none.

    What is unavailable has not been made anywhere.
    """
    made = {
        f"cell {name}": image_of(result.provenance)
        for name, result in results.items()
        if result.status != "unavailable"
    }
    for recipe in params.grid.recipes:
        for seed in params.grid.seeds:
            with suppress(OSError, ValueError, AttributeError):  # one that is not there has not made anything
                record = json.loads(paths.intermediate(recipe, seed).read_text(encoding="utf-8"))
                if record.get("status") == "unavailable":
                    continue
                made[f"intermediate {recipe}-{seed}"] = image_of(record.get("provenance") or {})
    other: dict[str | None, list[str]] = {}
    for name, image in made.items():
        if image != params.unit_image:
            other.setdefault(image, []).append(name)
    for image, names in other.items():
        findings.problems.append(
            f"expected everything made in {params.unit_image or 'no image'} (params.yaml: runtime, image),"
            f" found {image or 'no image'} in {name_some(names)}; run `dvc repro`"
        )


def _check_encoder(paths: Paths, findings: Findings) -> dict[str, str]:
    """sha256 of the encoder's files by the name that results give them; a file not here is left out."""
    pins = {}
    for name, file in ENCODER_FILES.items():
        path = paths.encoder / file
        if path.is_file():
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
