"""Level V0 of a run, or of one in an unpacked archive: data, cells, predictions, metrics, inputs, dvc.lock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.audit.integrity.cells import check_result
from harness.audit.integrity.findings import Checked, Findings
from harness.audit.integrity.inputs import check_images, check_inputs
from harness.audit.integrity.lock import check_lock
from harness.audit.integrity.made import DataManifest, Made, check_recipe_records, read_data_manifest, read_record
from harness.audit.integrity.rescore import Rescorer
from harness.audit.integrity.rows import check_answers, check_pins
from harness.audit.scores import build_scores, target_groups, target_metrics
from harness.data.folder import MANIFEST
from harness.experiment.inputs import ENCODER_FILES
from harness.project.errors import HarnessError, name_some
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import ENCODER, left_out_of_pins
from harness.project.results import Cell, Kept, Result, grid_cells, kept_name, read_result
from harness.verify.scores import ScoresTable, read_scores


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
) -> Checked:
    """V0 of a run: data files, every cell of the grid and its predictions, metrics that follow from these, no mixed
    inputs, nothing changed or stale by dvc.lock, a table that follows.

    The table is built again from the cells; None if there is a problem. A quick look reads no large file.
    `archived`: the run lies in an unpacked archive, which has no rows and no weights to compare with dvc.lock.
    `whole=False`: the grid is a part of the one that was run, so that scores.json, which restates all of it, is not
    compared.
    """
    findings, cells = Findings(quick), grid_cells(params)
    manifests = archived.manifests if archived else _check_data(params, paths, findings)
    results = _read_cells(paths.cells, cells, findings)
    unpinned = set() if archived else left_out_of_pins(results, paths.pinned)
    groups = target_groups(params.grid.targets, paths.tasks)
    metrics = target_metrics(params.grid.targets, paths.tasks)
    for name, result in results.items():
        fix = f"delete the folder of cell {name} and run `dvc repro`"
        findings.problems += check_result(result, params.profile, groups, metrics, fix)
        files = {_kept(result, kept, paths): file.sha256 for kept, file in result.kept.items()}
        if result.predictions:
            files = {_predictions(result, paths): result.predictions.sha256, **files}
        for path, sha256 in files.items():
            if name in unpinned and not path.exists():
                continue
            if archived and path.relative_to(paths.root).as_posix() in archived.withheld:
                continue
            fix = f"delete {path.parent} and run `dvc repro`"
            findings.hash_file(path, sha256, f"{name}/{path.name}", fix, is_large=True)
    findings.problems += check_images(results, params, paths)
    data_pins = {task: one.sha256 for task, one in manifests.items()}
    encoder_pins = archived.encoder_pins if archived else _check_encoder(paths, findings)
    findings.problems += check_inputs(results, data_pins, encoder_pins)
    findings.compare_cells(results, groups, lambda found: _predictions(found, paths))
    if quick:
        findings.skipped = ["comparing rows with their pins, and everything with dvc.lock"]
    else:
        generated = [task for task, one in manifests.items() if one.source == "generated"]
        findings.problems += check_pins(manifests, params, paths)
        findings.problems += check_recipe_records(params, paths)
        rescorer = rescorer or Rescorer(params, paths)
        gone = [
            name
            for name, one in results.items()
            if archived and one.cell.target not in generated and not rescorer.has_gold(one)
        ]
        here = {name: result for name, result in results.items() if name not in gone}
        findings.rescore(
            rescorer, here, lambda found: _predictions(found, paths), lambda found, kept: _kept(found, kept, paths)
        )
        findings.problems += rescorer.without_rows(
            {name: results[name] for name in gone}, lambda found, kept: _kept(found, kept, paths)
        )
        findings.rescored.left_out |= dict.fromkeys(gone, "gold rows are not in the archive")
        unscored = {name: results[name] for name in findings.rescored.left_out if results[name].predictions}
        kept = {name: path for name, one in unscored.items() if (path := _predictions(one, paths)).is_file()}
        findings.problems += check_answers(results, manifests, kept)
    if not quick and not archived:
        findings.lock, problems = check_lock(params, paths)
        findings.problems += problems
    table = None
    if not findings.problems:
        table = build_scores(results, params, groups, metrics)
        if whole:
            _check_table(paths.scores, table, findings)
    made = Made(manifests, read_record(paths.results / ENCODER))
    integrity = findings.conclude(results, len(cells))
    return findings.checked(integrity, table, results, made, lambda found, kept: _kept(found, kept, paths))


def _predictions(result: Result, paths: Paths) -> Path:
    assert result.predictions
    return paths.cells / result.cell.id / result.predictions.path


def _kept(result: Result, kept: Kept, paths: Paths) -> Path:
    return paths.cells / result.cell.id / kept_name(kept)


def _check_data(params: Params, paths: Paths, findings: Findings) -> dict[str, DataManifest]:
    """Hash every file of every data folder against its manifest; the manifests by task."""
    manifests: dict[str, DataManifest] = {}
    for task in params.data.tasks:
        folder = paths.data(task)
        fix = f"run `dvc repro` (data of {task})"
        try:
            manifests[task] = read_data_manifest((folder / MANIFEST).read_bytes())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            problem = error.strerror if isinstance(error, OSError) else "another schema"
            findings.problems.append(f"expected the manifest of {task}'s data, found: {problem}; {fix}")
            continue
        for name, sha256 in manifests[task].files.items():
            findings.hash_file(folder / name, sha256, f"data/{task}/{name}", fix, is_large=True)
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
    fix = "run `dvc repro`"
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
    findings.problems.append(f"expected {path.name} to follow from the cells, found otherwise {what}; {fix}")
