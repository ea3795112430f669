"""Level V0 of pinned results: files and their hashes, a whole grid, a table and metrics that follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from harness.audit.integrity.cells import check_result
from harness.audit.integrity.findings import Checked, Findings
from harness.audit.integrity.made import Made, read_data_manifest, read_record
from harness.audit.integrity.rescore import Rescorer
from harness.audit.integrity.trainings import mixed_trainings
from harness.audit.scores import cell_score, mixed_inputs
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.errors import HarnessError, name_some
from harness.project.params import BASELINE
from harness.project.pinned import (
    ENCODER,
    MANIFEST,
    RESULTS,
    SCORES,
    PinnedManifest,
    kept_files_name,
    pinned_data,
    pinned_files,
    pinned_predictions,
    predictions_name,
    read_pinned_manifest,
    read_results,
)
from harness.project.results import Kept, Result
from harness.verify.scores import ScoresTable, read_scores


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
    manifest, findings = read_pinned_manifest(folder), Findings(quick)
    fix = f"run `git checkout -- reference/{folder.name}`, or pin a run anew with `harness pin results`"
    for name, sha256 in manifest.files.items():
        if f"reference/{folder.name}/{name}" in withheld:
            continue
        is_large = name.endswith(".json.gz")
        findings.hash_file(folder / name, sha256, f"{folder.name}/{name}", fix, is_large)
    unlisted = [name for name in pinned_files(folder) if name not in manifest.files]
    if unlisted:
        found = name_some(unlisted)
        findings.problems.append(f"expected only files that {MANIFEST} lists, found {found}; {fix}")
    if findings.problems:
        return Checked(findings.conclude({}, 0), None, {})
    try:
        table, results = read_scores(folder / SCORES), read_results(folder / RESULTS)
        _check_pinned_results(results, table, manifest, findings)
        findings.problems += _check_cells(results, table, folder.name, fix)
        findings.problems += [f"{problem}; {fix}" for problem in mixed_trainings(folder)]
        findings.rescore(
            rescorer,
            results,
            lambda result: pinned_predictions(folder, result.cell.id),
            partial(_kept_at, folder),
        )
        groups = {target: table.groups.get(target, "none") for target in table.targets}
        findings.compare_cells(results, groups, lambda result: pinned_predictions(folder, result.cell.id))
    except (HarnessError, ValidationError) as error:
        findings.problems.append(f"expected readable {SCORES} and {RESULTS}, found: {' '.join(str(error).split())}")
        return Checked(findings.conclude({}, 0), None, {})
    made = _made(folder, table.targets, findings, fix)
    integrity = findings.conclude(results, len(_grid(table, manifest)))
    return findings.checked(integrity, table, results, made, partial(_kept_at, folder))


def _kept_at(folder: Path, result: Result, kept: Kept) -> Path:
    return folder / kept_files_name(kept, result.cell.id)


def _made(folder: Path, targets: Iterable[str], findings: Findings, fix: str) -> Made:
    """The manifests of the data and the record of the encoder, as far as they were pinned too."""
    kept = {target: pinned_data(folder, target) for target in targets}
    manifests = {}
    for target, path in kept.items():
        try:
            if path.is_file():
                manifests[target] = read_data_manifest(path.read_bytes())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            findings.problems.append(f"expected the manifest of {target}'s data, found another schema ({error}); {fix}")
    return Made(manifests, read_record(folder / ENCODER))


def _check_pinned_results(
    results: dict[str, Result], table: ScoresTable, manifest: PinnedManifest, findings: Findings
) -> None:
    """Do predictions, results and table belong together, and is the grid whole?"""
    for name, result in results.items():
        sha256 = result.predictions.sha256 if result.predictions else None
        allowed = {sha256} if manifest.predictions else {sha256, None}
        if manifest.files.get(predictions_name(name)) not in allowed:
            findings.problems.append(f"expected the predictions that result {name} names, found others")
        for kept, file in result.kept.items():
            allowed = {file.sha256} if manifest.predictions or kept != "dev" else {file.sha256, None}
            if manifest.files.get(kept_files_name(kept, name)) not in allowed:
                findings.problems.append(f"expected the kept file `{kept}` that result {name} names, found another")
    grid, rows = _grid(table, manifest), {row.cell.id: row for row in table.cells}
    lacking = [name for name in grid if name not in results]
    if lacking:
        findings.problems.append(f"expected {len(grid)} pinned cells, found none of {name_some(lacking)}")
    there = {(one.cell.target, one.cell.seed) for one in results.values() if one.cell.recipe == BASELINE}
    alone = [name for name, one in results.items() if (one.cell.target, one.cell.seed) not in there]
    if alone and manifest.cells is not None:
        findings.problems.append(
            f"expected the baseline beside every pinned cell, found none beside {name_some(alone)}"
        )
    follows = {
        name: cell_score(result, table.groups.get(result.cell.target, "none"), table.metrics.get(result.cell.target))
        for name, result in results.items()
    }
    differing = [name for name in {**rows, **follows} if rows.get(name) != follows.get(name)]
    if len(table.cells) > len(rows):
        twice = name_some([name for name, count in Counter(row.cell.id for row in table.cells).items() if count > 1])
        findings.problems.append(f"expected every cell once in {SCORES}, found {twice} more often")
    if differing:
        found = name_some(differing)
        findings.problems.append(f"expected {SCORES} to follow from {RESULTS}, found a difference in {found}")


def _check_cells(results: dict[str, Result], table: ScoresTable, profile: str, fix: str) -> Iterator[str]:
    """Sentences on results that don't follow from their parts, belong elsewhere or were made from mixed inputs.

    How XTREME's own targets are scored is XTREME's rule, whatever the table says.
    """
    if not results:
        yield f"expected pinned cells, found none; {fix}"
    if table.profile != profile:
        yield f"expected a table of profile {profile}, found one of {table.profile}; {fix}"
    other = [
        target
        for target in table.targets
        if target in XTREME_GROUPS and (table.groups.get(target) != XTREME_GROUPS[target] or target in table.metrics)
    ]
    if other:
        yield f"expected XTREME's groups and metrics in {SCORES}, found others for {name_some(other)}; {fix}"
    for result in results.values():
        yield from check_result(result, profile, {**table.groups, **XTREME_GROUPS}, table.metrics, fix)
    mixed = mixed_inputs({name: (result.cell, result.inputs) for name, result in results.items()})
    yield from (f"mixed inputs: {problem}; {fix}" for problem in mixed)


def _grid(table: ScoresTable, manifest: PinnedManifest) -> list[str]:
    """Ids of the grid that was pinned: those listed, else all that the table's recipes, targets and seeds span."""
    if manifest.cells is not None:
        return manifest.cells
    return [f"{recipe}-{target}-{seed}" for recipe in table.recipes for target in table.targets for seed in table.seeds]
