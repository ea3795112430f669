"""Units of the grid as job arrays of Slurm: an executor that submits all of them at once and then looks at them.

Slurm starts a cell when its checkpoint is there, so the driver may end: it finds its jobs again by their name. It reads
how units end from their own records and from squeue; nothing here waits for accounting.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.launch.cluster.driver import append
from harness.launch.executor import Ended, Job
from harness.launch.slurm import controller
from harness.launch.slurm.arrays import Array, job_name, plan_arrays
from harness.launch.slurm.controller import Partition, Task
from harness.launch.slurm.endings import Ending, ending_of, seen, unseen
from harness.launch.slurm.resources import Wish, limit_minutes
from harness.launch.slurm.submission import Submitted, Submitter, read_folders
from harness.launch.slurm.unit_job import SCRATCH
from harness.launch.up_to_date import lies_there
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths

POLL_S = 15.0
"""How often Slurm is asked: its controller serves everybody."""
TICK_S = 0.5
"""How often an interruption is heard."""
SILENT_S = 3600.0
"""How long units go on without an answer of the controller before the driver ends."""
PATIENCE = 3
"""At so many looks in a row a file that should be there is missing before it counts as missing."""
BLIND = 2
"""So many units that leave no word in the shared folder end the run: their nodes don't see it."""
USUAL = {"None", "Priority", "Resources", "Dependency", "JobArrayTaskLimit", "BeginTime", "Prolog", ""}
"""Reasons of waiting that need no word."""


@dataclass
class Place:
    """Where in Slurm a unit is."""

    array: Submitted
    """Its array."""
    index: int
    """Its index there."""
    is_own: bool
    """Whether this process submitted it."""
    missed: int = 0
    """How often in a row squeue didn't know it, or knew it as ended, though record or outputs were not there."""
    is_over: bool = False
    """Whether nothing more is to come of it."""

    @property
    def job_id(self) -> str:
        """Slurm's name of it."""
        return self.array.job_id(self.index)

    @property
    def key(self) -> tuple[str, int]:
        """As squeue lists it."""
        return self.array.number, self.index


class SlurmArrays:
    """An executor on Slurm; harness.launch.executor.LooksAhead says what its functions do."""

    def __init__(
        self, submitter: Submitter, partition: Partition, wish: Wish, params: Params, paths: Paths,
        timed: Sequence[str], most: int, poll_s: float = POLL_S,
    ) -> None:  # fmt: skip
        """`timed`: sorts of units (`cell`) whose times are known; `most`: units of one array at most; `poll_s`: seconds
        between two looks at Slurm.
        """
        self.name, self.slots, self.at_once = job_name(paths), 1, 1
        self._submitter, self._partition, self._wish = submitter, partition, wish
        self._params, self._paths, self._timed, self._most, self._poll_s = params, paths, set(timed), most, poll_s
        self._places: dict[str, Place] = {}
        self._awaited: dict[str, tuple[Job, float]] = {}
        self._new: list[Job] = []
        self._cancels: list[str] = []
        self._behind: dict[str, list[str]] = {}
        self._minutes: dict[str, int] = {}
        self._said: set[str] = set()
        self._others: set[Path] | None = None
        self._blind = 0
        self._looked = self._answered = self._obeyed = time.monotonic()

    @property
    def after_interruption(self) -> str:
        """What becomes of what runs, in words."""
        return (
            f"jobs in Slurm go on: the same command waits for them, `scancel --name={self.name}` cancels them"
            if self._unfinished()
            else "nothing is left in Slurm"
        )

    def announce(self, jobs: Sequence[Job]) -> None:
        """Submit all of them but those that an earlier run of the command has in Slurm.

        Raises HarnessError where Slurm refuses one, or what is there was submitted with other code or settings.
        """
        self.slots = max(1, len(jobs))
        self._answered = self._obeyed = time.monotonic()  # what comes before a grid may have taken hours
        for job in jobs:
            for need in job.needs:
                self._behind.setdefault(need, []).append(job.stage)
        stages, there = {job.stage for job in jobs}, self._find()
        self._places = {stage: place for stage, place in there.items() if stage in stages}
        self._others = {place.array.folder for stage, place in there.items() if stage not in stages}
        arrays = self._submit([job for job in jobs if job.stage not in self._places])
        found = len(self._places) - sum(len(array.jobs) for array in arrays)
        new = f"{len(self._places) - found} units submitted in {len(arrays)} job arrays"
        again = f"{found} units of an earlier run are there and waited for"
        told = [new] * bool(arrays) + [again] * bool(found)
        if told:
            self._say(f"Slurm, jobs named {self.name}: {'; '.join(told)}")

    def has(self, stage: str) -> bool:
        """Whether a unit was handed to Slurm and is not known to be over."""
        return stage in self._places and not self._places[stage].is_over

    def submit(self, job: Job) -> None:
        """Wait for this unit from now on; one that is not in Slurm goes there at the next look."""
        self._awaited[job.stage] = job, time.monotonic()
        if job.attempt > 1 or not self.has(job.stage):
            self._new.append(job)

    def wait(self) -> list[Ended]:
        """Units that have ended, looked for every `poll_s` seconds.

        Raises HarnessError where nodes don't see the shared folder, or Slurm's controller is silent for an hour.
        """
        left = self._looked + self._poll_s - time.monotonic()
        if left > 0:
            time.sleep(min(left, TICK_S))
            return []
        self._looked = time.monotonic()
        return self._look()

    def close(self) -> None:
        """Leave to Slurm what has not ended; where everything has, tidy up but for what other parts of the grid run."""
        with suppress(HarnessError):  # Slurm removes them by itself, later
            self._cancel_due()
        if self._others is None or self._unfinished():
            return
        self._places, own, others = {}, self._submitter.folder, self._others | self._submitter.unsure
        scratch = [] if others else [*self._paths.scratch.glob(f"{SCRATCH}*")]
        for folder in (*own.glob("*"), *scratch):
            if folder not in others:
                shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # not empty, or not there
            own.rmdir()

    def _unfinished(self) -> bool:
        return any(not place.is_over for place in self._places.values())

    def _find(self) -> dict[str, Place]:
        """What earlier runs of the command have in Slurm, by stage; folders of what is over are removed."""
        folders = read_folders(self._submitter.folder)
        live: dict[Path, list[Task]] = {}
        for task in controller.tasks(self.name):
            if task.is_live:
                live.setdefault(Path(task.script).parent, []).append(task)
        found: dict[str, Place] = {}
        for folder, manifest in folders.items():
            if folder not in live:
                shutil.rmtree(folder, ignore_errors=True)
            elif manifest.identity != self._submitter.identity:
                raise HarnessError(
                    f"expected jobs named {self.name} to have been submitted with this code and these settings, found"
                    f" {len(live[folder])} units of `{manifest.label}` that were not",
                    fix=f"cancel them (`scancel --name={self.name}`), then run the same command again",
                )
            for task in live.get(folder, []):
                place = Place(Submitted(folder, manifest, task.array), task.index, is_own=False)
                found[manifest.stages[task.index]] = place
        return found

    def _submit(self, jobs: Sequence[Job]) -> list[Array]:
        queued = {stage: place.job_id for stage, place in self._places.items() if self.has(stage)}
        arrays = plan_arrays(jobs, queued, self._most)
        numbers: dict[Array, str] = {}
        for array in arrays:
            submitted = self._submitter.submit(array, numbers, self._limit(array))
            numbers[array] = submitted.number
            for index, job in enumerate(array.jobs):
                self._places[job.stage] = Place(submitted, index, is_own=True)
        return arrays

    def _limit(self, array: Array) -> int | None:
        """Minutes for an array: the user's (None: no limit), else longer than usual for what ran out of time before."""
        if "time" in self._wish.options:
            return self._wish.minutes
        sort = array.jobs[0].kind.partition(" ")[0]
        usual = limit_minutes(array.seconds if sort in self._timed else None, self._partition.minutes)
        return max([usual, *(self._minutes.get(job.stage, 0) for job in array.jobs)])

    def _look(self) -> list[Ended]:
        try:
            listed = {(task.array, task.index): task for task in controller.tasks(self.name)}
        except HarnessError as error:
            if time.monotonic() - self._answered > SILENT_S:
                raise
            self._say_once(f"{error.message}; jobs go on, and it is asked again")
            return []
        self._answered = time.monotonic()
        self._tell_reasons(listed)
        self.at_once = max(self.at_once, sum(task.state == "RUNNING" for task in listed.values()))
        looked_at = [self._ended(stage, listed) for stage in list(self._awaited) if self.has(stage)]
        found = [ended for ended in looked_at if ended is not None]
        try:  # now, as the controller has just answered
            self._cancel_due()
            self._submit_due()
            self._obeyed = time.monotonic()
        except HarnessError as error:
            if not found and time.monotonic() - self._obeyed > SILENT_S:
                raise
            self._say_once(f"{error.message}; it is tried again")
        return found

    def _cancel_due(self) -> None:
        controller.cancel(*self._cancels)
        self._cancels = []

    def _submit_due(self) -> None:
        try:
            self._submit([replace(job, needs=()) for job in self._new])
        finally:  # those behind the one that Slurm did not take are due again
            self._new = [job for job in self._new if not self.has(job.stage)]

    def _ended(self, stage: str, listed: Mapping[tuple[str, int], Task]) -> Ended | None:
        """How an awaited unit ended, if it has."""
        job, since = self._awaited[stage]
        place = self._places[stage]
        task = listed.get(place.key)
        is_live = task is not None and task.is_live
        is_running = is_live and task is not None and task.state != "COMPLETING"
        record = None if is_running else place.array.record(place.index)
        if is_live and record is None:
            place.missed = 0  # also with a record: its job has yet to end well for what waits for it in Slurm
            return None
        if record is None:
            place.missed += 1
            is_clear = task is not None and task.state not in ("COMPLETED", "FAILED")
            if not is_clear and place.missed < PATIENCE:  # its record may be on its way through the shared folder
                return None
        elif record.code == 0 and not record.died:
            there, missing = seen(job.work.outputs)
            if missing:
                place.missed += 1
                if place.missed < PATIENCE:
                    return None
                self._over(stage)
                return self._died(job, since, unseen(stage, there, missing, record))
            if place.is_own or lies_there(job.work.command, self._params, self._paths):
                self._over(stage)
                return Ended(job, 0, record.seconds)
        ending = ending_of(place.array, place.index, record, task, self._longer(place))
        self._over(stage)
        return self._died(job, since, ending)

    def _died(self, job: Job, since: float, ending: Ending) -> Ended:
        append(job.log, ending.log)
        for stage in self._behind.get(job.stage, []):  # Slurm removes what waited for it
            if self.has(stage):
                self._cancels.append(self._places[stage].job_id)
                self._places[stage].is_over = True
        if ending.is_blind:
            self._blind += 1
            if self._blind >= BLIND:
                self._awaited, self._places = {}, {}
                with suppress(HarnessError):  # what is left of them ends in the same way
                    controller.cancel(f"--name={self.name}")
                raise HarnessError(
                    f"expected every node of partition {self._partition.name} to see {self._paths.root}, found"
                    f" {ending.nodes or 'nodes'} where jobs ended without a word in that folder",
                    fix="put the clone (its environment, too) where every node mounts it, or leave those nodes out:"
                    f' `--slurm-args "--exclude={ending.nodes or "NODE"}"`',
                )
        if ending.minutes:
            self._minutes[job.stage] = ending.minutes
        return Ended(job, ending.code, time.monotonic() - since, ending.died)

    def _longer(self, place: Place) -> int | None:
        """The time limit of another start of a unit that ran out of time; None: there is no longer one, or the user
        has set it.
        """
        most, minutes = self._partition.minutes, place.array.manifest.minutes
        if minutes is None or "time" in self._wish.options:
            return None
        longer = 2 * minutes if most is None else min(2 * minutes, most)
        return longer if longer > minutes else None

    def _over(self, stage: str) -> None:
        """Nothing more comes of a unit: forget it, and its array's folder with the last of them."""
        place = self._places[stage]
        place.is_over = True
        del self._awaited[stage]
        (place.array.folder / f"{place.index}.json").unlink(missing_ok=True)
        for file in place.array.folder.glob(f"{place.job_id}_*"):
            file.unlink(missing_ok=True)
        if all(not self.has(other) for other in place.array.manifest.stages):
            shutil.rmtree(place.array.folder, ignore_errors=True)

    def _tell_reasons(self, listed: Mapping[tuple[str, int], Task]) -> None:
        waiting: dict[str, int] = {}
        for task in listed.values():
            if task.state == "PENDING" and task.reason not in USUAL and task.is_live:
                waiting[task.reason] = waiting.get(task.reason, 0) + 1
        for reason, count in waiting.items():
            key = reason.partition(",")[0]
            if key not in self._said:
                self._said.add(key)
                self._say(f"{count} units wait in Slurm: {reason}; `squeue --name={self.name}` shows them")

    def _say_once(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._say(words)

    def _say(self, words: str) -> None:
        print(f"harness: {words}", file=sys.stderr, flush=True)
