"""A project's results -> what goes into an archive, checked (level V0) and judged afresh.

Files keep the paths that they have in the project. Weights, checkpoints and rows of data stay out: their hashes are in
the results and manifests.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.audit.integrity.inputs import image_of
from harness.audit.levels import verify_results
from harness.audit.report import render
from harness.audit.subject import Judged, sound_results
from harness.audit.verification import Verification
from harness.exchange.content import Content
from harness.exchange.dates import EPOCH, declared_date, iso_date
from harness.exchange.layout import PARAMS, PREVIEW, README, RECORD, REPORT, VERDICTS, CrateRecord, data_manifest
from harness.exchange.units import units
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import (
    RESULTS,
    holds_text,
    kept_files_name,
    predictions_name,
    read_pinned_manifest,
    read_results,
)
from harness.project.provenance import commits_of, distinct, machines_of, source_commit
from harness.project.results import Kept, Result, collect, grid_cells, kept_name
from harness.project.tasks import Task, load_tasks

KEPT = (
    "profiles/*.yaml",
    "tasks/*.yaml",
    "reference/*",
    "requirements/*",
    "dvc.yaml",
    "grid.json",
    "dvc.lock",
    "pyproject.toml",
    "Dockerfile",
)
"""Globs of the project's own files that are kept: claims, pins, locks, the pipeline and its record."""
ABOUT = """Results of profile {profile}, kept by `harness export`

The harness re-runs experiments on cross-lingual intermediate-task training (Phang et al. 2020, arXiv 2005.13013) with
data, weights, seeds and environment pinned, and decides each published claim with a statistical verdict.

report.txt                what `harness verify` printed about these results when this archive was written
verdicts.json             the same for machines
{preview}provenance.json           commits, machines, packages, images, and what is not in this archive and why
params.yaml               the settings; profiles/, tasks/: all profiles, and the pins of all data
results/, reference/      results, predictions, intermediate records, scores; claims and published numbers
data/                     manifests of the data: hashes and counts, no rows
requirements/, dvc.lock   the environment's locks; what went into and came out of every stage
ro-crate-metadata.json    a Process Run Crate: every file with its sha256, every run with what it read and wrote

`harness verify FILE.zip` checks every file and judges the results anew, offline, with no accelerator. It prints the
archive's own sha256: compare it with the one that was published.
{withheld}"""


ABOUT_PREVIEW = f"{PREVIEW}     the same as one page for a browser\n"
Preview = Callable[[Judged, Verification], str]
"""What makes the page for a browser from results that were checked and judged."""


def gather(params: Params, paths: Paths, settings: Path, preview: Preview | None = None) -> Content:
    """Everything that goes into the archive; without `preview` no page for a browser does.

    Raises HarnessError if level V0 finds a problem or no date is known.
    """
    judged, _ = sound_results(params, paths)
    verification = verify_results(judged, params, paths)
    results = _results(judged, params, paths)
    tasks = load_tasks(list(dict.fromkeys(result.cell.target for result in results.values())), paths.tasks)
    made = {name: _made(result, judged, paths) for name, result in results.items()}
    withheld = _withheld(params, paths, results, made, tasks)
    record = _record(params, paths, judged, list(results.values()), withheld)
    kept, originals = _kept(params, paths, judged, results)
    files = {name: path.read_bytes() for name, path in kept.items() if name not in withheld}
    files |= {
        PARAMS: settings.read_bytes(),
        VERDICTS: _json(verification.model_dump(mode="json")),
        REPORT: render(verification, details=True).encode(),
        RECORD: _json(record.model_dump(mode="json")),
        README: _about(record, bool(preview)).encode(),
    }
    files |= {PREVIEW: preview(judged, verification).encode()} if preview else {}
    of = {path: tasks[results[name].cell.target] for name, each in made.items() for path in each}
    licences = {path: (task.name, task.licence) for path, task in of.items()}
    return Content(
        record=record,
        title=params.title,
        files=files,
        units=units(record, results, {name: [*each] for name, each in made.items()}, files),
        licences=licences if params.data.source != "generated" else {},
        originals=originals,
    )


def _results(judged: Judged, params: Params, paths: Paths) -> dict[str, Result]:
    if judged.source == "pinned":
        return read_results(paths.pinned / RESULTS)
    return collect(paths.cells, grid_cells(params))


def _made(result: Result, judged: Judged, paths: Paths) -> dict[str, tuple[Kept | None, str]]:
    """Where a cell's predictions, and what it keeps beside them, lie in the archive, as in the project -> which of
    these it is (None: the predictions), and its sha256.
    """
    cell, found = result.cell.id, dict[str, tuple[Kept | None, str]]()
    pinned, here = f"reference/{paths.profile}", f"results/{paths.profile}/cells/{cell}"
    is_pinned = judged.source == "pinned"
    if result.predictions:
        path = f"{pinned}/{predictions_name(cell)}" if is_pinned else f"{here}/{result.predictions.path}"
        found[path] = (None, result.predictions.sha256)
    for kept, file in result.kept.items():
        path = f"{pinned}/{kept_files_name(kept, cell)}" if is_pinned else f"{here}/{kept_name(kept)}"
        found[path] = (kept, file.sha256)
    return found


def _withheld(
    params: Params,
    paths: Paths,
    results: Mapping[str, Result],
    made: Mapping[str, Mapping[str, tuple[Kept | None, str]]],
    tasks: Mapping[str, Task],
) -> dict[str, str]:
    """Predictions that may hold text of a data pack, or that were not pinned for that reason -> their sha256."""
    if params.data.source == "generated":
        return {}
    is_pack = params.data.source == "local"
    return {
        path: sha256
        for name, each in made.items()
        for path, (kept, sha256) in each.items()
        if (is_pack and holds_text(kept, tasks[results[name].cell.target].head)) or not (paths.root / path).is_file()
    }


def _about(record: CrateRecord, has_preview: bool) -> str:
    page = ABOUT_PREVIEW if has_preview else ""
    return ABOUT.format(profile=record.profile, preview=page, withheld=_about_withheld(record))


def _about_withheld(record: CrateRecord) -> str:
    if not record.withheld:
        return ""
    return f"\nNot in it: {len(record.withheld)} predictions, {record.withheld_because}\n"


def _kept(
    params: Params, paths: Paths, judged: Judged, results: Mapping[str, Result]
) -> tuple[dict[str, Path], dict[str, str]]:
    """Path in the archive -> file, and the paths that differ from those in the project."""
    found = [path for glob in KEPT for path in sorted(paths.root.glob(glob)) if path.is_file()]
    originals: dict[str, str] = {}
    if judged.source == "pinned":
        found += sorted(path for path in paths.pinned.rglob("*") if path.is_file())
    else:
        for name, result in results.items():
            found += [paths.cells / name / "result.json", *(paths.root / path for path in _made(result, judged, paths))]
        found += [paths.scores, paths.results / "encoder.json", paths.results / "corpus.json"]
        found += [paths.intermediate(recipe, seed) for recipe, seed in params.grid.trainings]
        manifests = {data_manifest(task): paths.data(task) / "manifest.json" for task in params.data.tasks}
        originals = {name: path.relative_to(paths.root).as_posix() for name, path in manifests.items()}
    kept = {path.relative_to(paths.root).as_posix(): path for path in found if path.is_file()}
    return kept | {name: paths.root / path for name, path in originals.items()}, originals


def _record(
    params: Params, paths: Paths, judged: Judged, results: list[Result], withheld: dict[str, str]
) -> CrateRecord:
    origins = [result.provenance for result in results]
    commit, dirty = source_commit(paths.root)
    packages = (origin["packages"] for origin in origins if origin.get("packages"))
    because = "they hold words of the rows of a data pack, which are not ours to pass on."
    return CrateRecord(
        schema_version=1,
        profile=params.profile,
        holds="pinned" if judged.source == "pinned" else "run",
        date=_date(paths, judged, commits_of(origins)),
        git_commit=commit,
        git_dirty=dirty,
        result_commits=commits_of(origins),
        results_dirty=any(origin.get("git_dirty") for origin in origins),
        machines=machines_of(origins),
        packages=distinct(packages),
        images=sorted({image for origin in origins if (image := image_of(origin))}),
        withheld=withheld,
        withheld_because=because if withheld else "",
    )


def _date(paths: Paths, judged: Judged, commits: list[str]) -> str:
    """The archive's date: no result records a time, so it is that of the pinning or of the results' last commit."""
    if declared := declared_date():
        return declared
    if judged.source == "pinned":
        return read_pinned_manifest(paths.pinned).created
    dates = [date for commit in commits if (date := _commit_date(paths.root, commit))]
    if not dates:
        raise HarnessError(
            f"expected the date of the results' commit ({', '.join(commits) or 'none recorded'}), found none",
            fix=f"run the command in a clone with git, or set {EPOCH} (seconds since 1970)",
        )
    return iso_date(max(dates))


def _commit_date(root: Path, commit: str) -> str | None:
    ask = ["git", "-C", str(root), "show", "-s", "--format=%ct", commit, "--"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
