"""Job arrays handed to Slurm by submitit, and the folder of each: what was submitted, and how its units ended.

submitit writes a pickle per unit and calls sbatch; a job unpickles the call and runs it. What it has beyond that is not
used: its own polling asks sacct, which many clusters lack, and its checkpoints requeue a job at a signal, while a unit
has nothing to save midway. Everything of an array lies in one folder, which goes when its units have ended.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import shutil
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.launch.cluster.driver import environment, first_line
from harness.launch.cluster.messages import Identity
from harness.launch.executor import Job
from harness.launch.slurm import controller
from harness.launch.slurm.arrays import Array
from harness.launch.slurm.resources import Request, Wish
from harness.launch.slurm.unit_job import UnitRecord, UnitTask, run_task
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import PACKAGE, Paths
from harness.project.records import StrictRecord, read_json

MANIFEST = "array.json"
"""In an array's folder: what was submitted."""


class Manifest(StrictRecord):
    """What an array's folder says of it."""

    stages: list[str]
    """Stages of its units, by index."""
    label: str
    """In words."""
    identity: str
    """Of code, packages and settings that it was submitted with."""
    minutes: int | None
    """Its time limit; None: it has none, the user asked for that."""


@dataclass(frozen=True)
class Submitted:
    """An array that was handed to Slurm."""

    folder: Path
    """Its folder."""
    manifest: Manifest
    """What was submitted."""
    number: str
    """Slurm's number of it."""

    def job_id(self, index: int) -> str:
        """Slurm's name of one of its units."""
        return f"{self.number}_{index}" if len(self.manifest.stages) > 1 else self.number

    def record(self, index: int) -> UnitRecord | None:
        """How a unit ended; None as long as it hasn't said so."""
        look_into(self.folder)
        try:
            return UnitRecord.model_validate(read_json(self.folder / f"{index}.json"))
        except (OSError, ValueError):
            return None

    def words(self, index: int) -> str | None:
        """What Slurm and submitit wrote of a unit, before and after its own words; None where they wrote nothing."""
        try:
            return (self.folder / f"{self.job_id(index)}_0_log.out").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None


def look_into(folder: Path) -> None:
    """List a folder of a shared file system, so that what is new in it is seen: NFS keeps for a minute in mind that a
    file was not there.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        next(entries, None)


def import_submitit() -> ModuleType:
    """submitit. Raises HarnessError where it is not installed."""
    try:
        import submitit
    except ImportError:
        raise HarnessError(
            "expected the package `submitit` for --slurm, found none in this environment",
            fix="run `.venv/bin/python -m pip install 'submitit>=1.5.3,<2'`, or `make venv`, whose lock holds it",
        ) from None
    return submitit


class Submitter:
    """Submits arrays of one project."""

    def __init__(
        self, name: str, params: Params, paths: Paths, identity: Identity, wish: Wish, request: Request
    ) -> None:
        """`name`: of all its jobs; `request`: with memory 0, none is asked for."""
        self._submitit = import_submitit()
        self._name, self._params, self._paths = name, params, paths
        self._identity, self._wish, self._request = identity, wish, request
        self._settings_sha256 = sha256(paths.params.read_bytes()).hexdigest()
        self.identity = identity_of(identity, self._settings_sha256)
        """Of code, packages and settings."""
        self.folder = paths.build / "slurm"
        """Where the arrays' folders lie."""
        self.unsure = set[Path]()
        """Folders of arrays that sbatch failed to submit, or took without saying so: Slurm has yet to tell which."""

    def submit(self, array: Array, numbers: Mapping[Array, str], minutes: int | None) -> Submitted:
        """Hand an array to Slurm. `numbers`: of the arrays submitted before; `minutes`: its time limit, None where the
        user wants none.

        Raises HarnessError, with Slurm's words, where it is refused.
        """
        for folder in tuple(self.unsure):
            self._withdraw(folder)
        folder = self.folder / f"{array.label.replace(' ', '-')}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        stages = [job.stage for job in array.jobs]
        manifest = Manifest(stages=stages, label=array.label, identity=self.identity, minutes=minutes)
        (folder / MANIFEST).write_text(json.dumps(manifest.model_dump()), encoding="utf-8")
        tasks = [self._task(job, folder / f"{index}.json") for index, job in enumerate(array.jobs)]
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said), warnings.catch_warnings(action="ignore"), _clean_environment():
                executor = self._submitit.SlurmExecutor(folder, max_num_timeout=0)
                executor.update_parameters(**self._parameters(array, numbers, minutes))
                jobs = executor.map_array(run_task, tasks)
        except Exception as error:
            self.unsure.add(folder)
            with contextlib.suppress(HarnessError):  # its folder is kept, and says whose the jobs are
                self._withdraw(folder)
            raise refused(f"{first_line(error)}\n{said.getvalue()}", array, self._wish) from None
        return Submitted(folder, manifest, jobs[0].job_id.partition("_")[0])

    def _withdraw(self, folder: Path) -> None:
        """Cancel what Slurm has of an array after all, and remove its folder. Raises HarnessError where Slurm doesn't
        answer.
        """
        there = [task for task in controller.tasks(self._name) if Path(task.script).parent == folder]
        controller.cancel(*sorted({task.array for task in there if task.is_live}))
        shutil.rmtree(folder, ignore_errors=True)
        self.unsure.discard(folder)

    def _task(self, job: Job, record: Path) -> UnitTask:
        return UnitTask(
            work=job.work,
            root=self._paths.root,
            profile=self._paths.profile,
            identity=self._identity,
            settings_sha256=self._settings_sha256,
            log=job.log,
            attempt=job.attempt,
            record=record,
        )

    def _parameters(self, array: Array, numbers: Mapping[Array, str], minutes: int | None) -> dict[str, Any]:
        """Of submitit's executor; what it has no word for is an option of sbatch."""
        request, cores = self._request, str(self._request.cpus)
        path = f'{shlex.quote(str(PACKAGE.parent))}"${{PYTHONPATH:+:$PYTHONPATH}}"'
        setting = {name: shlex.quote(value) for name, value in environment(self._params, self._paths).items()}
        options: dict[str, str | bool] = {
            "chdir": str(self._paths.root),
            "kill-on-invalid-dep": "yes",
            "requeue": True,  # after preemption or a node's failure, whether the driver is there or not
            "signal": "CONT@1",  # in place of submitit's own, which ends or requeues a job: this one does nothing
        }
        found: dict[str, Any] = {
            "job_name": self._name,
            "time": minutes,
            "cpus_per_task": request.cpus,
            "srun_args": [f"--cpus-per-task={cores}"],  # srun alone takes one core, whatever the job has
            "array_parallelism": len(array.jobs),
            "stderr_to_stdout": True,
            "wckey": None,  # submitit names itself, which a cluster that keeps such keys refuses
            "setup": [f"export PYTHONPATH={path}", *(f"export {name}={value}" for name, value in setting.items())],
        }
        if self._wish.partition:
            found["partition"] = self._wish.partition
        if request.memory_mib:
            found["mem"] = f"{request.memory_mib}MB"
        if request.gpus:
            found["gpus_per_node"] = request.gpus
        if array.after is not None:
            kind = "aftercorr" if array.by_index else "afterok"
            options["dependency"] = f"{kind}:{numbers[array.after]}"
        elif array.after_queued is not None:
            options["dependency"] = f"afterok:{array.after_queued}"
        # The user's own last; two spellings of one option would both stand in the script.
        for option, value in self._wish.options.items():
            found.pop(option.replace("-", "_"), None)
            options[option] = value
        if "no-requeue" in options:
            del options["requeue"]
        found["additional_parameters"] = options
        return found


@contextlib.contextmanager
def _clean_environment() -> Iterator[None]:
    """For submitit, which gives sbatch the environment of this process."""
    before = dict(os.environ)
    clean = controller.clean_environment()
    for name in before.keys() - clean.keys():
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in before.items() if name not in clean})


def identity_of(identity: Identity, settings_sha256: str) -> str:
    """Code, packages, image and settings in one word."""
    content = [identity.code_sha256, sorted(identity.packages.items()), identity.image, settings_sha256]
    return sha256(json.dumps(content).encode()).hexdigest()[:16]


def read_folders(folder: Path) -> dict[Path, Manifest]:
    """The arrays that lie in a folder, by their own folders; what is none is left out."""
    found = {}
    for place in sorted(folder.glob("*")):
        with contextlib.suppress(OSError, ValueError):
            found[place] = Manifest.model_validate(read_json(place / MANIFEST))
    return found


REFUSALS: Sequence[tuple[str, str]] = (
    ("memory specification", 'ask for less: `--slurm-args "--mem=4G"`, or lower container.memory_mib in params.yaml'),
    ("invalid partition", "name another partition behind --slurm (`sinfo` shows them)"),
    ("time limit", 'ask for less: `--slurm-args "--time=1:00:00"`, or name another partition behind --slurm'),
    ("node configuration", "name a partition whose nodes have that behind --slurm (`sinfo -o '%P %c %m %G'`)"),
    ("account", 'name yours: `--slurm-args "--account=NAME"` (`sacctmgr show associations user=$USER`)'),
    ("limit", "wait until some jobs have ended, then run the same command again: it finds those that are queued"),
    ("contact", "see whether `sinfo` answers here; when it does, run the same command again"),
)
"""What sbatch says -> what fixes it; the first that fits."""


def refused(words: str, array: Array, wish: Wish) -> HarnessError:
    """What to tell a user whose array was not taken."""
    lines = [line.strip().removeprefix("sbatch: ").removeprefix("error: ") for line in words.splitlines()]
    said = next((line for line in lines if line), "nothing")
    fix = next((fix for part, fix in REFUSALS if part in words.lower()), "see `man sbatch` on what it says")
    where = f"partition {wish.partition}" if wish.partition else "the default partition"
    return HarnessError(
        f"expected Slurm to take {len(array.jobs)} units of `{array.label}` in {where}, found: {said:.300}", fix=fix
    )
