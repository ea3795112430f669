"""The driver of a grid: hands units to an executor in the schedule's order, retries what died, keeps count.

An executor runs units and nothing else: worker processes of this machine (harness.launch.local), or a cluster's. What
makes one is a launcher (harness.launch.launchers).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from harness.launch.schedule import Item, Schedule, in_order
from harness.launch.work import Work
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import StrictRecord

ATTEMPTS = 2
"""How often a unit whose process dies is started."""


@dataclass(frozen=True)
class Job:
    """A unit to be run by an executor."""

    stage: str
    """Name of the DVC stage."""
    work: Work
    """What it runs, reads and writes."""
    needs: tuple[str, ...]
    """Stages that must have finished first; those that are no job are done."""
    seconds: float
    """How long it takes, estimated."""
    kind: str
    """What is alike in cost."""
    log: Path
    """File for what it prints; a second attempt is appended."""
    attempt: int = 1
    """Which start of it this is, from 1."""


@dataclass(frozen=True)
class Ended:
    """How a job ended."""

    job: Job
    """As it was submitted."""
    code: int
    """Exit code of the unit; 0: its outputs lie at their places."""
    seconds: float
    """How long the unit ran, without the start of its process; of one that died, since it was submitted."""
    died: str = ""
    """How its process ended before the unit did (killed, out of memory, a lost machine); empty: the unit itself ended.
    """


class Executor(Protocol):
    """Runs jobs on `slots` slots."""

    @property
    def slots(self) -> int:
        """How many jobs run at a time."""

    def submit(self, job: Job) -> None:
        """Start a job; never called with `slots` jobs running."""

    def wait(self) -> list[Ended]:
        """Wait until a job has ended, a second at most; with code 0, its outputs are at their places by then."""

    def close(self) -> None:
        """End what still runs, leaving nothing of it at its place; closing twice does nothing."""


@runtime_checkable
class LooksAhead(Executor, Protocol):
    """An executor that is told of every job beforehand and starts each by itself once what it needs is there.

    `submit` then says from when on a job is waited for.
    """

    @property
    def at_once(self) -> int:
        """How many jobs ran at a time so far, at most."""

    @property
    def after_interruption(self) -> str:
        """What becomes of jobs that are waited for when the driver ends, in words."""

    def announce(self, jobs: Sequence[Job]) -> None:
        """Every job that is to run, each after what it needs; called once, before anything else."""

    def has(self, stage: str) -> bool:
        """Whether it has a job in hand: what lies at its place is then that job's matter."""


class Launcher(Protocol):
    """Makes an executor."""

    def __call__(
        self, params: Params, paths: Paths, slots: int | None = None, address: str | None = None, options: str = ""
    ) -> Executor:
        """`slots`: units at a time, None for as many as there is room for; `address`: where, if not on this machine;
        `options`: more words for what starts units there, where there is such a thing.

        Raises HarnessError where it can see already that no unit could run.
        """


class Summary(StrictRecord):
    """What a run of the grid did."""

    slots: int
    """Jobs at a time."""
    ran: list[str]
    """Stages whose outputs were made, in the order in which they ended."""
    kept: list[str]
    """Stages whose outputs, from present inputs, were there already."""
    failed: dict[str, str]
    """Stage -> the log that says why."""
    not_run: dict[str, str]
    """Stage -> the failed stage that it needs."""
    retried: list[str]
    """Stages whose process died and that were started again."""
    interrupted: bool
    """Whether Ctrl-C or SIGTERM ended the run."""
    wall_s: float
    """Wall time in seconds."""
    busy_s: float
    """Seconds that units ran, of all slots together."""

    @property
    def utilisation(self) -> float:
        """Share of the slots' time in which they ran something, 0 to 1."""
        return self.busy_s / (self.slots * self.wall_s) if self.wall_s else 0.0


@dataclass(frozen=True)
class Told:
    """What the user is told of when a job has ended or was kept."""

    job: Job
    """The job."""
    how: Literal["ran", "kept", "failed", "again"]
    """What became of it; `again`: its process died, and it is started once more."""
    why: str
    """How it died, or nothing."""
    done: int
    """Jobs that have ended."""
    left_s: float
    """The least time that the rest can take."""


def run_grid(
    executor: Executor,
    jobs: Sequence[Job],
    keep: Callable[[Job], bool] = lambda job: False,
    tell: Callable[[Told], None] = lambda told: None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Run every job after what it needs; one that fails takes only those with it that need it.

    `keep` is asked at a job's turn, when all that it needs is there: do its outputs lie at their places already? `tell`
    hears of every job that has ended; `stop` is asked again and again, and once it says so (or a KeyboardInterrupt is
    raised) what runs is ended, and the summary says that the run was interrupted. The executor is closed.
    """
    return _Run(executor, jobs, keep, tell, stop).to_the_end()


class _Run:
    def __init__(
        self,
        executor: Executor,
        jobs: Sequence[Job],
        keep: Callable[[Job], bool],
        tell: Callable[[Told], None],
        stop: Callable[[], bool],
    ) -> None:
        self.executor, self.keep, self.tell, self.stop = executor, keep, tell, stop
        self.jobs = {job.stage: job for job in jobs}
        self.items = [Item(job.stage, job.needs, job.seconds, job.kind) for job in jobs]
        self.schedule = Schedule(self.items)
        self.ran: list[str] = []
        self.kept: list[str] = []
        self.retried: list[str] = []
        self.failed: dict[str, str] = {}
        self.not_run: dict[str, str] = {}
        self.started: dict[str, float] = {}
        self.busy_s = 0.0
        self.ahead = executor if isinstance(executor, LooksAhead) else None
        self.known: set[str] = set()

    def to_the_end(self) -> Summary:
        began, interrupted = time.monotonic(), False
        try:
            self._announce()
            interrupted = self._start()
            while self.schedule.running and not interrupted:
                for ended in self.executor.wait():
                    self._ended(ended)
                interrupted = self._start()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            now = time.monotonic()
            self.executor.close()
        return Summary(
            slots=self._slots(),
            ran=self.ran,
            kept=self.kept,
            failed=self.failed,
            not_run=self.not_run,
            retried=self.retried,
            interrupted=interrupted,
            wall_s=now - began,
            busy_s=self.busy_s + sum(now - since for since in self.started.values()),
        )

    def _announce(self) -> None:
        """Tell an executor that looks ahead of every job that doesn't lie at its place as far as that is known now."""
        if self.ahead is None or self.stop():
            return
        for item in in_order(self.items):
            if not any(need in self.jobs and need not in self.known for need in item.needs):
                self.known |= {item.name} if self.keep(self.jobs[item.name]) else set()
        self.ahead.announce([job for job in self.jobs.values() if job.stage not in self.known])

    def _is_kept(self, job: Job) -> bool:
        if job.attempt > 1 or (self.ahead is not None and self.ahead.has(job.stage)):
            return False
        return job.stage in self.known or self.keep(job)

    def _slots(self) -> int:
        return self.executor.slots if self.ahead is None else self.ahead.at_once

    def _start(self) -> bool:
        """Fill the free slots, or return True where the run is to stop."""
        while len(self.schedule.running) < self.executor.slots and not self.stop():
            stage = self.schedule.next()
            if stage is None:
                break
            job = self.jobs[stage]
            if self._is_kept(job):
                self.schedule.finish(stage)
                self.kept.append(stage)
                self._say(job, "kept")
            else:
                self.started[stage] = time.monotonic()
                self.executor.submit(job)
        return self.stop()

    def _ended(self, ended: Ended) -> None:
        job = ended.job
        del self.started[job.stage]
        self.busy_s += ended.seconds
        if ended.died and job.attempt < ATTEMPTS:
            self.retried.append(job.stage)
            self.jobs[job.stage] = replace(job, attempt=job.attempt + 1)
            self.schedule.again(job.stage)
            self._say(job, "again", ended.died)
        elif ended.died or ended.code:
            self.failed[job.stage] = str(job.log)
            self.not_run |= dict.fromkeys(self.schedule.fail(job.stage), job.stage)
            self._say(job, "failed", ended.died)
        else:
            self.schedule.finish(job.stage, ended.seconds)
            self.ran.append(job.stage)
            self._say(job, "ran")

    def _say(self, job: Job, how: Literal["ran", "kept", "failed", "again"], why: str = "") -> None:
        done = len(self.ran) + len(self.kept) + len(self.failed)
        self.tell(Told(job, how, why, done, self.schedule.left_seconds(self._slots())))


def render_summary(summary: Summary) -> str:
    """The end of a run for people: how much, how long, how busy, what failed and where its log is."""
    lines = [
        f"grid: {len(summary.ran)} units run"
        + (f", {len(summary.kept)} kept, made from the same inputs" if summary.kept else "")
        + (f", {len(summary.retried)} started again after their process died" if summary.retried else "")
        + f"; {summary.wall_s:.1f} s on {summary.slots} at a time, busy {100 * summary.utilisation:.0f} % of that"
    ]
    lines += [f"FAILED   {stage}: {log}" for stage, log in summary.failed.items()]
    lines += [f"not run  {stage}: it needs {need}" for stage, need in summary.not_run.items()]
    return "\n".join(lines)
