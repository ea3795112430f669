"""Whether a unit's outputs lie at its place already, so that it need not run: DVC's own answer, without DVC.

DVC keeps a unit whose inputs came out the same; and a run that was killed leaves finished units that dvc.lock does not
know of yet. Those are recognised by the inputs that their records name, never by the time of a file: DVC writes files
anew when it records or restores them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from harness.launch.executor import Job
from harness.pipeline.lock import Lock
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import read_json
from harness.project.results import Cell, Result, kept_name, read_result
from harness.project.stages import matrix_of


class UpToDate:
    """Answers for the jobs of one run, each at its turn: when what it needs is there."""

    def __init__(self, params: Params, paths: Paths) -> None:
        self._params, self._paths = params, paths
        # A lock looks every file up once; a checkpoint is looked at before its training, and after it by its cells.
        self._locks = {sort: Lock(paths.root) for sort in ("intermediate", "cell")}

    def __call__(self, job: Job) -> bool:
        """Whether the job's outputs are whole and made from what lies here now."""
        mark = job.work.outputs[-1]
        if not mark.exists():
            return False
        lock = self._locks[matrix_of(job.stage)]
        if lock.records(job.stage, mark.relative_to(self._paths.root).as_posix()) and not lock.changes(job.stage):
            return not lock.outputs_differ(job.stage)
        return lies_there(job.work.command, self._params, self._paths)


def lies_there(command: Sequence[str], params: Params, paths: Paths) -> bool:
    """As `is_up_to_date`; False where there is nothing that can be read."""
    with suppress(HarnessError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return is_up_to_date(command, params, paths)
    return False


def is_up_to_date(command: Sequence[str], params: Params, paths: Paths) -> bool:
    """Whether what lies at a unit's place is whole and names the present inputs; dvc.lock is not asked.

    `command` is the unit's, as harness.launch.work has it. Raises HarnessError, OSError or ValueError where there is
    nothing that can be read.
    """
    if command[1] == "cell":
        recipe, target, seed = command[2:]
        return _cell_is_up_to_date(Cell(recipe=recipe, target=target, seed=int(seed)), params, paths)
    return _intermediate_is_up_to_date(command[2], int(command[3]), params, paths)


def _cell_is_up_to_date(cell: Cell, params: Params, paths: Paths) -> bool:
    folder = paths.cell(cell.recipe, cell.target, cell.seed)
    result = read_result(folder / "result.json")
    from harness.experiment.inputs import cell_inputs
    from harness.experiment.training.checkpoints import read_checkpoint_record
    from harness.project.files import sha256_file

    predictions = result.predictions
    return (
        (result.cell, result.profile) == (cell, params.profile)
        and result.inputs == cell_inputs(cell, params, paths)
        and (predictions is None or sha256_file(folder / predictions.path) == predictions.sha256)
        and all(sha256_file(folder / kept_name(kept)) == file.sha256 for kept, file in result.kept.items())
        and _says_the_same(result, read_checkpoint_record(paths.checkpoint(cell.recipe, cell.seed)), paths)
    )


def _says_the_same(result: Result, checkpoint: dict[str, Any], paths: Paths) -> bool:
    """Whether the cell was made from what the checkpoint's record says beside its weights and planted effects, which
    are among the cell's `inputs`: what a mixture lacks, and why the cell can't run (harness.experiment.cell).
    """
    from harness.data.folder import read_manifest

    target, told = result.cell.target, checkpoint.get("unavailable", [])
    overlapping = [name for name, targets in checkpoint.get("overlaps", {}).items() if target in targets]
    lacks = [*told, *filter(None, [read_manifest(paths.data(target)).unavailable]), *overlapping]
    said = result.reasons if result.status == "unavailable" else []
    named = all(name in reason for name, reason in zip(reversed(overlapping), reversed(said), strict=False))
    return (
        result.left_out == checkpoint.get("left_out", {})
        and len(said) == len(lacks)
        and said[: len(told)] == told
        and named
    )


def _intermediate_is_up_to_date(recipe: str, seed: int, params: Params, paths: Paths) -> bool:
    from harness.experiment.inputs import intermediate_inputs
    from harness.experiment.training.checkpoints import read_checkpoint_record, weights_of

    record = read_json(paths.intermediate(recipe, seed))
    folder = paths.checkpoint(recipe, seed)
    checkpoint = read_checkpoint_record(folder)
    if record["inputs"] != json.loads(json.dumps(intermediate_inputs(recipe, params, paths))):
        return False
    if (record["recipe"], record["seed"], checkpoint["recipe"]) != (recipe, seed, recipe):
        return False
    if any(checkpoint[name] != record[name] for name in ("status", "unavailable", "left_out")):
        return False
    if checkpoint["weights_sha256"]:
        weights_of(folder, paths)  # raises where they are not the recorded ones
    return bool(checkpoint["weights_sha256"]) == (record["status"] != "unavailable")
