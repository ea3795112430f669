"""`harness pin results`: keeps this run's scores and predictions under reference/<profile>/ as the pinned reference."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from harness.audit.integrity.run import check_run
from harness.audit.pinned import (
    ENCODER,
    MANIFEST,
    RESULTS,
    SCORES,
    PinnedManifest,
    pinned_data,
    pinned_files,
    pinned_predictions,
)
from harness.pipeline.times import COSTS, measured_costs
from harness.project import provenance
from harness.project.errors import HarnessError, writing
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.provenance import commits_of, machines_of
from harness.project.results import Result
from harness.project.swap import put_in_place, recover
from harness.verify.scores import ScoresTable


def pin_results(params: Params, paths: Paths) -> str:
    """Copy a whole, sound run to reference/<profile>/, replacing what was pinned; returns a
    sentence with its size. Of real data no row and no prediction is copied, only scores and hashes.

    Raises HarnessError if level V0 finds a problem: a broken run must not become the reference.
    """
    checked = check_run(params, paths)
    if checked.table is None:
        problems = checked.integrity.problems
        raise HarnessError(
            f"expected a whole run to pin, found {len(problems)} problems, first: {problems[0]}",
            fix="run `dvc repro`, then `harness verify` until V0 is ok",
        )
    results = checked.results
    partial, aside = (paths.pinned.with_name(paths.pinned.name + ending) for ending in (".partial", ".before"))
    with writing(paths.pinned):
        recover(paths.pinned, aside)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _copy(params, paths, partial, results.values(), checked.table)
        if params.data.source == "generated":
            _copy_predictions(paths, partial, results.values())
        manifest = _describe(partial, paths, params, results.values())
        write_json(partial / MANIFEST, manifest.model_dump(mode="json"))
        put_in_place(partial, paths.pinned, aside)
    return f"pinned {len(results)} cells, {manifest.bytes / 1e6:.1f} MB: {paths.pinned}"


def _copy(params: Params, paths: Paths, folder: Path, results: Iterable[Result], table: ScoresTable) -> None:
    with (folder / RESULTS).open("w", encoding="utf-8", newline="\n") as stream:
        for result in results:
            stream.write(result.model_dump_json() + "\n")
    write_json(folder / SCORES, table.model_dump(mode="json"))
    write_json(folder / COSTS, {"seconds": measured_costs(paths)[0], "machine": provenance.machine()})
    if (made := paths.results / ENCODER).is_file():
        shutil.copyfile(made, folder / ENCODER)
    for target in table.targets if params.data.source == "published" else []:  # which rows they were, nothing else says
        kept = pinned_data(folder, target)
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(paths.data(target) / "manifest.json", kept)


def _copy_predictions(paths: Paths, folder: Path, results: Iterable[Result]) -> None:
    (folder / "predictions").mkdir()
    for result in results:
        if result.predictions:
            source = paths.cells / result.cell.id / result.predictions.path
            shutil.copyfile(source, pinned_predictions(folder, result.cell.id))


def _describe(folder: Path, paths: Paths, params: Params, results: Iterable[Result]) -> PinnedManifest:
    files, origins = pinned_files(folder), [result.provenance for result in results]
    return PinnedManifest(
        profile=params.profile,
        files={name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
        predictions=params.data.source == "generated",
        bytes=sum((folder / name).stat().st_size for name in files),
        machines=machines_of(origins),
        git_commits=commits_of(origins),
        git_dirty=any(origin.get("git_dirty") for origin in origins),
        params_sha256=hashlib.sha256(paths.params.read_bytes()).hexdigest(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
