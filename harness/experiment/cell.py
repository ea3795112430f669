"""One cell: checkpoint -> target training -> zero-shot predictions per language -> scores -> result.json.

A pure function of (code, params, data, weights, seed): no network, one folder written, result.json last.
"""

from __future__ import annotations

import shutil
import time
from importlib import import_module
from typing import Any

from harness.data.folder import read_manifest
from harness.experiment.findings import Findings, Start, write_kept, write_predictions
from harness.experiment.inputs import SETTINGS, hashes_of_cell, read_target
from harness.experiment.parts import PLANTED, way_of
from harness.experiment.training.checkpoints import load_checkpoint, read_checkpoint_record
from harness.model import determinism
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.provenance import provenance
from harness.project.results import SCHEMA_VERSION, Cell, Result, write_result
from harness.project.tasks import Task, load_task


def run_cell(cell: Cell, params: Params, paths: Paths) -> Result:
    """Run one cell and write its folder.

    Raises HarnessError for missing inputs, a checkpoint that does not fit, a full disk.
    """
    began = time.monotonic()
    folder = paths.output.cell(cell.recipe, cell.target, cell.seed)
    shutil.rmtree(folder, ignore_errors=True)
    resolved = read_target(cell.target, params, paths)
    checkpoint = read_checkpoint_record(paths.checkpoint(cell.recipe, cell.seed))
    task, found = load_task(cell.target, paths.tasks), Findings()
    lacking = _why_unavailable(task, checkpoint, paths)
    if lacking:
        found.stop("unavailable", lacking)
    else:
        import_module(way_of(task.head)).run(_start(cell, task, params, paths), found)
        if checkpoint.get("planted"):
            import_module(PLANTED).plant_effects(checkpoint["planted"], cell, task.metric, found)
        found.score(task)
    result = Result(
        schema_version=SCHEMA_VERSION,
        profile=params.profile,
        cell=cell,
        left_out=checkpoint.get("left_out", {}),
        **found.recorded(),
        predictions=write_predictions(folder, cell.target, found),
        kept=write_kept(folder, task, found),
        inputs=hashes_of_cell(resolved, checkpoint),
        provenance={
            **provenance(
                paths.root, device=determinism.device_name(params.compute.device), threads=params.compute.threads
            ),
            "params": {name: resolved[name] for name in SETTINGS},
        },
        elapsed_s=round(time.monotonic() - began, 3),
    )
    write_result(folder, result)
    return result


def _why_unavailable(task: Task, checkpoint: dict[str, Any], paths: Paths) -> list[str]:
    """Why there is nothing to train or predict here, in sentences; empty: there is."""
    reasons: list[str] = list(checkpoint.get("unavailable", []))
    target_lacks = read_manifest(paths.data(task.name)).unavailable
    if target_lacks:
        reasons.append(f"{task.title}: {target_lacks}")
    reasons += [
        f"the translated training rows of {name} share articles with the test rows of {task.name}"
        for name, targets in checkpoint.get("overlaps", {}).items()
        if task.name in targets
    ]
    return reasons


def _start(cell: Cell, task: Task, params: Params, paths: Paths) -> Start:
    """Fix the random draws and load the checkpoint."""
    seed = determinism.derive(cell.seed, "target", cell.target)
    determinism.set_up(seed, params.compute.threads)
    encoder, tokenizer = load_checkpoint(paths.checkpoint(cell.recipe, cell.seed), params, paths)
    return Start(cell, task, paths.data(cell.target), encoder, tokenizer, params, seed)
