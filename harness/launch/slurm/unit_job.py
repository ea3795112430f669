"""What a job of Slurm does on its node: runs one unit in the shared folder, moves its outputs to their places, says how
it ended in a record of its own.

The job itself puts the outputs in place, not the driver: the cell that waits for a checkpoint starts when Slurm says
so, whether the driver is there or not. A unit that was made meanwhile from the same inputs is kept.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
import traceback
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from harness.launch.cluster.messages import Identity
from harness.launch.work import Work
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import StrictRecord

RESTARTS = 5
"""How often Slurm may start a job anew by itself (preemption, a node that failed)."""
SCRATCH = "slurm-"
"""Before the number of the job that a scratch folder belongs to, of its start, and a word of its own."""


@dataclass(frozen=True)
class UnitTask:
    """One unit, as it travels to its job."""

    work: Work
    """What it runs, reads and writes; the paths are the same on every node."""
    root: Path
    """The project."""
    profile: str
    """Name of the profile."""
    identity: Identity
    """What the node must have."""
    settings_sha256: str
    """Of params.yaml when it was submitted."""
    log: Path
    """File for what the unit prints."""
    attempt: int
    """Which start of the unit this is, from 1."""
    record: Path
    """File for how it ended."""


class UnitRecord(StrictRecord):
    """How a unit ended."""

    code: int
    """Exit code; 0: its outputs lie at their places."""
    seconds: float
    """Wall time of the unit."""
    host: str
    """Where it ran."""
    died: str
    """Why it could not end by itself; empty: it did."""


def run_task(task: UnitTask) -> None:
    """Run a unit; SystemExit with its exit code where that is not 0, so that what waits for it doesn't start."""
    # submitit would have the job requeued at a signal, without bound. A unit has no state to save: it just ends.
    for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    logging.getLogger("submitit").setLevel(logging.WARNING)  # its words would stand in the unit's log
    began, restarts = time.monotonic(), int(os.environ.get("SLURM_RESTART_COUNT", "0"))
    died = f"Slurm started it {restarts} times anew" if restarts > RESTARTS else ""
    code = 1 if died else _run(task, max(task.attempt, 1 + min(restarts, 1)))
    _write(task.record, UnitRecord(code=code, seconds=time.monotonic() - began, host=socket.gethostname(), died=died))
    if code:
        sys.exit(code)


def _run(task: UnitTask, attempt: int) -> int:
    task.log.parent.mkdir(parents=True, exist_ok=True)
    with task.log.open("w" if attempt == 1 else "a", encoding="utf-8") as log:
        for number in (1, 2):
            os.dup2(log.fileno(), number)
    try:
        return _run_here(task)
    except HarnessError as error:
        print(f"harness: {socket.gethostname()}: {error}", file=sys.stderr, flush=True)
        return 2
    except Exception:
        traceback.print_exc()
        return 1


def _run_here(task: UnitTask) -> int:
    from harness.launch.cluster.node import problem_here
    from harness.launch.local.workers import run_logged
    from harness.launch.up_to_date import lies_there
    from harness.launch.work import check_places, fetch_back
    from harness.project.files import sha256_file
    from harness.project.profiles import load_params

    os.chdir(task.root)
    paths = Paths(task.root, task.profile)
    if sha256_file(paths.params) != task.settings_sha256:
        raise HarnessError(
            f"expected the settings that {task.work.name} was submitted with, found params.yaml changed",
            fix="run the same `harness repro --slurm` again: it submits what the new settings ask for",
        )
    if problem := problem_here(task.identity):
        raise HarnessError(problem)
    params = load_params(task.root)
    if lies_there(task.work.command, params, paths):
        print(f"{task.work.name}: kept, made from what lies here", flush=True)
        return 0
    check_places(task.work)
    own = paths.scratch / own_name()
    scratch = task.work.scratch(own)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        if task.identity.image is not None:
            code = _run_in_container(task.work, params, paths, Paths(scratch, task.profile))
        else:
            code = run_logged(task.work.command, str(scratch), str(task.log), 2).code  # 2: adds to the log
        if code == 0:
            fetch_back(task.work, scratch, paths)
        return code
    finally:
        shutil.rmtree(own, ignore_errors=True)


def own_name() -> str:
    """The name of a scratch folder that no other start of the unit has: a job that Slurm starts anew keeps its number,
    and its first start may still be there where a node was only cut off.
    """
    job, restarts = (os.environ.get(name) for name in ("SLURM_JOB_ID", "SLURM_RESTART_COUNT"))
    return f"{SCRATCH}{job or 'none'}-{restarts or 0}-{uuid.uuid4().hex}"


def _run_in_container(work: Work, params: Params, paths: Paths, into: Paths) -> int:
    """Run a unit in its container with its outputs below `into`, the folder of this start alone."""
    from harness.launch.container.container import run_work

    outputs = tuple(into.root / place.relative_to(paths.root) for place in work.outputs)
    return run_work(replace(work, outputs=outputs), params, paths, into)


def _write(path: Path, record: UnitRecord) -> None:
    """Whole or not at all: the driver looks at any time."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(record.model_dump()), encoding="utf-8")
    beside.replace(path)
