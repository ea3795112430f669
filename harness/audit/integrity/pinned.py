"""Our pinned results: a run's scores, results and predictions, kept small under reference/<profile>/ with
their hashes.

They are what a clone is judged by before anything has run there, and what a run is compared with afterwards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.audit.integrity.findings import MANIFEST, Checked, Findings
from harness.audit.integrity.rescore import Rescorer
from harness.audit.scores import cell_score
from harness.project.errors import HarnessError, explain_validation, name_some
from harness.project.records import Record
from harness.project.results import Result
from harness.verify.scores import ScoresTable, read_scores

RESULTS = "results.jsonl"
SCORES = "scores.json"
PREDICTIONS = "predictions/"
ENCODER = "encoder.json"
"""The record of the encoder's making: its size, its learning curve, the hashes of its files."""


class PinManifest(Record):
    """What lies in a folder of pinned results; written last."""

    profile: str
    """The profile."""
    files: dict[str, str]
    """Path in the folder -> sha256."""
    predictions: bool = True
    """Do the predictions lie here? Those on real data hold pieces of its rows, so only their hashes are kept."""
    bytes: int
    """Their size together."""
    machines: list[dict[str, Any]]
    """The machines, Python and devices that the pinned results were made with; most often one."""
    git_commits: list[str]
    """The commits that they were made at."""
    git_dirty: bool
    """Did tracked files differ from the commit for any of them?"""
    params_sha256: str
    """Of the params.yaml that lay there when they were pinned."""
    created: str
    """When they were pinned, UTC."""


def _predictions(cell_id: str) -> str:
    return f"{PREDICTIONS}{cell_id}.json.gz"


def pinned_predictions(folder: Path, cell_id: str) -> Path:
    """Where the pinned predictions of a cell lie."""
    return folder / _predictions(cell_id)


def _files(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != MANIFEST)


def read_pin_manifest(folder: Path) -> PinManifest:
    """The manifest of pinned results. Raises HarnessError if there is none or it doesn't fit."""
    path = folder / MANIFEST
    try:
        return PinManifest.model_validate_json(path.read_bytes())
    except OSError:
        raise HarnessError(f"expected pinned results in {folder}, found none", fix="run `make repro`") from None
    except ValidationError as error:
        raise HarnessError(explain_validation(error, PinManifest, str(path)), fix=f"git checkout -- {folder}") from None


def check_pinned(
    folder: Path,
    rescorer: Rescorer | None = None,
    quick: bool = False,
    withheld: frozenset[str] = frozenset(),
) -> Checked:
    """V0 of pinned results: every file's hash, no file that isn't listed, a whole grid, a table that follows, with a
    rescorer metrics that follow from the predictions. A quick look hashes no predictions.

    `withheld`: predictions (reference/<profile>/...) that an archive of them does not hold. The table is None if there
    is a problem. Raises HarnessError where nothing is pinned.
    """
    manifest, findings = read_pin_manifest(folder), Findings(quick)
    mend = f"run `git checkout -- reference/{folder.name}`, or pin a run anew with `harness pin results`"
    for name, sha256 in manifest.files.items():
        if f"reference/{folder.name}/{name}" in withheld:
            continue
        is_large = name.startswith(PREDICTIONS)
        findings.hash_file(folder / name, sha256, f"{folder.name}/{name}", mend, is_large)
    unlisted = [name for name in _files(folder) if name not in manifest.files]
    if unlisted:
        found = name_some(unlisted)
        findings.problems.append(f"expected only files that {MANIFEST} lists, found {found}; {mend}")
    if findings.problems:
        return Checked(findings.conclude({}, 0), None, {})
    try:
        table, results = read_scores(folder / SCORES), read_results(folder / RESULTS)
        _check_pinned_results(results, table, manifest, findings)
        findings.rescore(rescorer, results, lambda result: folder / _predictions(result.cell.id))
    except (HarnessError, ValidationError) as error:
        findings.problems.append(f"expected readable {SCORES} and {RESULTS}, found: {' '.join(str(error).split())}")
        return Checked(findings.conclude({}, 0), None, {})
    return Checked(findings.conclude(results, len(_grid(table))), None if findings.problems else table, results)


def _check_pinned_results(
    results: dict[str, Result], table: ScoresTable, manifest: PinManifest, findings: Findings
) -> None:
    """Do predictions, results and table belong together, and is the grid whole?"""
    for name, result in results.items():
        sha256 = result.predictions.sha256 if result.predictions else None
        if manifest.files.get(_predictions(name)) != (sha256 if manifest.predictions else None):
            findings.problems.append(f"expected the predictions that result {name} names, found others")
    grid, rows = _grid(table), {row.cell.id: row for row in table.cells}
    lacking = [name for name in grid if name not in results]
    if lacking:
        findings.problems.append(f"expected {len(grid)} pinned cells, found none of {name_some(lacking)}")
    follows = {
        name: cell_score(result, table.groups.get(result.cell.target, "none")) for name, result in results.items()
    }
    differing = [name for name in {**rows, **follows} if rows.get(name) != follows.get(name)]
    if differing:
        found = name_some(differing)
        findings.problems.append(f"expected {SCORES} to follow from {RESULTS}, found a difference in {found}")


def _grid(table: ScoresTable) -> list[str]:
    """Ids of the whole grid that the table's cells span."""
    recipes = dict.fromkeys(row.cell.recipe for row in table.cells)
    targets = dict.fromkeys(row.cell.target for row in table.cells)
    seeds = dict.fromkeys(row.cell.seed for row in table.cells)
    return [f"{recipe}-{target}-{seed}" for recipe in recipes for target in targets for seed in seeds]


def read_results(path: Path) -> dict[str, Result]:
    """The results in a results.jsonl, by cell id. ValidationError if one doesn't fit the schema."""
    results = (Result.model_validate_json(line) for line in path.read_bytes().splitlines())
    return {result.cell.id: result for result in results}
