"""Whether a unit's outputs lie at its place already, so that it need not run: DVC's own answer, without DVC.

DVC keeps a unit whose inputs came out the same; and a run that was killed leaves finished units that dvc.lock does not
know of yet. Those are recognised by the inputs that their records name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.launch.executor import Job
from harness.pipeline.lock import Lock
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell, read_result
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
        with suppress(HarnessError, OSError, ValueError, KeyError):
            return is_up_to_date(job.work.command, self._params, self._paths)
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
    from harness.experiment.training.checkpoints import FILE
    from harness.project.files import sha256_file

    predictions = result.predictions
    return (
        result.inputs == cell_inputs(cell, params, paths)
        and (predictions is None or sha256_file(folder / predictions.path) == predictions.sha256)
        # The checkpoint's record says more than its weights, e.g. what was left out of a mixture.
        and _is_newer(folder / "result.json", paths.checkpoint(cell.recipe, cell.seed) / FILE)
    )


def _intermediate_is_up_to_date(recipe: str, seed: int, params: Params, paths: Paths) -> bool:
    from harness.experiment.inputs import intermediate_inputs
    from harness.experiment.training.checkpoints import read_checkpoint_record, weights_of

    record = json.loads(paths.intermediate(recipe, seed).read_text(encoding="utf-8"))
    if record["inputs"] != json.loads(json.dumps(intermediate_inputs(recipe, params, paths))):
        return False
    checkpoint = paths.checkpoint(recipe, seed)
    if read_checkpoint_record(checkpoint)["weights_sha256"]:
        weights_of(checkpoint, paths)  # raises where they are not the recorded ones
    return True


def _is_newer(path: Path, other: Path) -> bool:
    return path.stat().st_mtime_ns >= other.stat().st_mtime_ns
