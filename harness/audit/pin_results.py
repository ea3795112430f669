"""`harness pin results`: keeps this run's scores and predictions under reference/<profile>/ as the pinned reference.

Pinned whole, a run replaces what was pinned. A part of it, a recipe at a seed, is added to what is pinned: a large grid
grows in pieces, each of which a clone can take over instead of running it (harness.launch.pinned_cells).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.audit.integrity.pinned import check_pinned
from harness.audit.integrity.run import check_run
from harness.audit.integrity.trainings import mixed_trainings
from harness.audit.scores import build_scores, mixed_inputs, target_groups, target_metrics
from harness.data.folder import read_manifest
from harness.experiment.training.checkpoints import read_checkpoint_record
from harness.pipeline.times import COSTS, measured_costs
from harness.project import provenance
from harness.project.errors import HarnessError, name_some, writing
from harness.project.files import write_json
from harness.project.params import BASELINE, Grid, Params
from harness.project.paths import Paths
from harness.project.pinned import (
    ENCODER,
    MANIFEST,
    RESULTS,
    SCORES,
    PinnedManifest,
    holds_text,
    kept_files_name,
    pinned_data,
    pinned_files,
    predictions_name,
    training_name,
)
from harness.project.provenance import commits_of, machines_of
from harness.project.records import read_json
from harness.project.results import Result, kept_name
from harness.project.swap import put_in_place, recover
from harness.verify.scores import ScoresTable


def pin_results(params: Params, paths: Paths, recipe: str | None = None, seed: int | None = None) -> str:
    """Copy a whole, sound run to reference/<profile>/, replacing what was pinned; returns a sentence with its size.
    Given a recipe, a seed or both, only their cells, which are added to what is pinned. Of real data no row is copied,
    and no prediction that may hold words of one.

    Raises HarnessError if level V0 finds a problem (a broken run must not become the reference), for a recipe or seed
    that the grid lacks, and for cells that don't fit those pinned: of other inputs, or without their baseline.
    """
    part = _part(params, recipe, seed)
    checked = check_run(part, paths, whole=part is params)
    if checked.table is None:
        problems = checked.integrity.problems
        raise HarnessError(
            f"expected a whole run to pin, found {len(problems)} problems, first: {problems[0]}",
            fix="run `dvc repro`, then `harness verify` until V0 is ok",
        )
    before = {} if part is params else _pinned_before(paths)
    results = _in_order({**before, **checked.results}, params)
    _check_together(results)
    partial, aside = (paths.pinned.with_name(paths.pinned.name + ending) for ending in (".partial", ".before"))
    with writing(paths.pinned):
        recover(paths.pinned, aside)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        if before:
            _copy_others(paths.pinned, partial, checked.results)
        _copy(params, paths, partial, results)
        _copy_files(params, paths, partial, checked.results.values())
        _copy_trainings(paths, partial, checked.results.values())
        mixed = mixed_trainings(partial)
        if mixed:
            shutil.rmtree(partial)
        _refuse_mixed(mixed)
        manifest = _describe(partial, paths, params, results)
        write_json(partial / MANIFEST, manifest.model_dump(mode="json", exclude_none=True))
        put_in_place(partial, paths.pinned, aside)
    added = f", {len(results)} in all" if before else ""
    return f"pinned {len(checked.results)} cells{added}, {manifest.bytes / 1e6:.1f} MB: {paths.pinned}"


def _part(params: Params, recipe: str | None, seed: int | None) -> Params:
    """The profile with that part of its grid."""
    if recipe is None and seed is None:
        return params
    cells = [one for one in params.grid.cells if recipe in (None, one[0]) and seed in (None, one[2])]
    if not cells:
        asked = [f"{what} {one}" for what, one in (("recipe", recipe), ("seed", seed)) if one is not None]
        raise HarnessError(
            f"expected {' at '.join(asked)} in the grid, found no such cell",
            fix="see `harness plan`, which prints the grid",
        )
    return params.model_copy(update={"grid": Grid.of(cells)})


def _pinned_before(paths: Paths) -> Mapping[str, Result]:
    """The results that are pinned already; empty where none are. HarnessError where they are not sound."""
    if not (paths.pinned / MANIFEST).is_file():
        return {}
    checked = check_pinned(paths.pinned)
    if checked.table is None:
        raise HarnessError(
            f"expected sound pinned results to add to, found: {checked.integrity.problems[0]}",
            fix=f"run `git checkout -- reference/{paths.profile}`, or pin the whole run (`harness pin results`)",
        )
    return checked.results


def _in_order(results: Mapping[str, Result], params: Params) -> dict[str, Result]:
    """In the grid's order, cells that the grid has no more behind it."""
    names = [f"{recipe}-{target}-{seed}" for recipe, target, seed in params.grid.cells]
    return {name: results[name] for name in [*names, *results] if name in results}


def _check_together(results: Mapping[str, Result]) -> None:
    _refuse_mixed(mixed_inputs({name: (one.cell, one.inputs) for name, one in results.items()}))
    there = {(one.cell.target, one.cell.seed) for one in results.values() if one.cell.recipe == BASELINE}
    alone = [name for name, one in results.items() if (one.cell.target, one.cell.seed) not in there]
    if alone:
        seed = results[alone[0]].cell.seed
        raise HarnessError(
            f"expected the baseline `{BASELINE}` pinned beside every cell, found none beside {name_some(alone)}",
            fix=f"pin it first: `harness pin results --recipe {BASELINE} --seed {seed}`",
        )


def _refuse_mixed(problems: Sequence[str]) -> None:
    if problems:
        raise HarnessError(
            f"pinned results of other inputs can't be added to: {problems[0]}",
            fix="run `harness repro`, then pin the whole run (`harness pin results`), which replaces them",
        )


def _copy_others(pinned: Path, folder: Path, new: Mapping[str, Result]) -> None:
    """What is pinned of other cells: their files, and the records of the trainings."""
    for name in pinned_files(pinned):
        if "/" in name and Path(name).name.removesuffix(".json.gz") not in new:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(pinned / name, folder / name)


def _copy(params: Params, paths: Paths, folder: Path, results: Mapping[str, Result]) -> None:
    with (folder / RESULTS).open("w", encoding="utf-8", newline="\n") as stream:
        for result in results.values():
            stream.write(result.model_dump_json() + "\n")
    write_json(folder / SCORES, _table(params, paths, results).model_dump(mode="json"))
    write_json(folder / COSTS, {"seconds": _costs(paths), "machine": provenance.machine()})
    if (made := paths.results / ENCODER).is_file():
        shutil.copyfile(made, folder / ENCODER)
    targets = dict.fromkeys(one.cell.target for one in results.values())
    for target in targets if params.data.source == "published" else []:  # which rows they were, nothing else says
        kept = pinned_data(folder, target)
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(paths.data(target) / "manifest.json", kept)


def _table(params: Params, paths: Paths, results: Mapping[str, Result]) -> ScoresTable:
    targets = list(dict.fromkeys(one.cell.target for one in results.values()))
    return build_scores(results, params, target_groups(targets, paths.tasks), target_metrics(targets, paths.tasks))


def _costs(paths: Paths) -> dict[str, float]:
    """Seconds by kind of unit: this run's, and those pinned of kinds that it has none of."""
    before: dict[str, Any] = {}
    with suppress(OSError, ValueError, KeyError, TypeError):
        before = dict(read_json(paths.pinned / COSTS)["seconds"])
    return before | measured_costs(paths)[0]


def _copy_files(params: Params, paths: Paths, folder: Path, results: Iterable[Result]) -> None:
    """Predictions and what cells keep beside them; of real data without what may hold words of its rows."""
    for result in results:
        cell, here = result.cell.id, paths.cells / result.cell.id
        head = read_manifest(paths.data(result.cell.target)).head if params.data.source != "generated" else ""
        files = {kept_files_name(kept, cell): (kept, here / kept_name(kept)) for kept in result.kept}
        if result.predictions:
            files[predictions_name(cell)] = (None, here / result.predictions.path)  # type: ignore[assignment]
        for name, (kept, source) in files.items():
            if params.data.source != "generated" and (holds_text(kept, head) or not source.is_file()):
                continue
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(source, folder / name)


def _copy_trainings(paths: Paths, folder: Path, results: Iterable[Result]) -> None:
    """The record of every intermediate training and of its checkpoint: what a clone needs to take the cells over."""
    for recipe, seed in dict.fromkeys((one.cell.recipe, one.cell.seed) for one in results):
        with suppress(HarnessError, OSError, ValueError):  # a run that was fetched from elsewhere may lack them
            record, checkpoint = read_json(paths.intermediate(recipe, seed)), paths.checkpoint(recipe, seed)
            content = {"record": record, "checkpoint": read_checkpoint_record(checkpoint)}
            write_json(folder / training_name(recipe, seed), content)


def _describe(folder: Path, paths: Paths, params: Params, results: Mapping[str, Result]) -> PinnedManifest:
    files, origins = pinned_files(folder), [result.provenance for result in results.values()]
    cells = [one.cell for one in results.values()]
    grid = Grid.of([(cell.recipe, cell.target, cell.seed) for cell in cells])
    return PinnedManifest(
        profile=params.profile,
        files={name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
        cells=list(results) if grid.blocks else None,
        predictions=params.data.source == "generated",
        bytes=sum((folder / name).stat().st_size for name in files),
        machines=machines_of(origins),
        git_commits=commits_of(origins),
        git_dirty=any(origin.get("git_dirty") for origin in origins),
        params_sha256=hashlib.sha256(paths.params.read_bytes()).hexdigest(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
