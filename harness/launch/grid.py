"""`harness repro`: DVC for what comes before the grid and after it, an executor for the grid itself.

`dvc repro` runs one stage after the other, stops at the first that fails, and writes all of dvc.lock after each. So
what comes before the grid is made side by side, the grid's stale units are run here, and each is recorded in dvc.lock
as DVC would have; `dvc repro` finds all of it up to date and goes on with the rest.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from harness.launch.executor import Executor, Job, LooksAhead, Summary, Told, render_summary, run_grid
from harness.launch.pinned_cells import take_over
from harness.launch.unit import cell_line, intermediate_line, read_record
from harness.launch.up_to_date import UpToDate
from harness.launch.work import Work, cell_work, intermediate_work
from harness.pipeline.cost_text import slow_precision
from harness.pipeline.dvc import check_project, commit, make, reproduce, restore
from harness.pipeline.times import unit_seconds
from harness.pipeline.units import Unit, needed_units, states, units
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.progress import grid_progress
from harness.project.results import grid_cells, read_result
from harness.project.stages import (
    CORPUS,
    ENCODER,
    cell_stage,
    data_stage,
    intermediate_stage,
    log_name,
    recipe_stage,
    target_stage,
)

SHOWN = 5
"""Lines of a failed unit's log that are shown at once."""


def reproduce_grid(
    executor: Executor,
    params: Params,
    paths: Paths,
    stages: Sequence[str] = (),
    to_stderr: bool = False,
    from_pins: bool = False,
) -> bool:
    """Run what is stale, or of it only these stages and what they need; False where something failed (it is said what).

    `executor` (harness.launch.launchers makes one) runs the units and is closed; `to_stderr`: all words go there, and
    standard output stays free for the verdict. `from_pins`: what is pinned and made from the same inputs is put at its
    place and does not run (harness.launch.pinned_cells).

    Raises HarnessError as harness.pipeline.dvc.check_project does, or where another run is at work here; and
    KeyboardInterrupt once finished units are recorded.
    """
    with closing(executor):
        check_project(paths)
        with alone(paths):
            return _reproduce(executor, params, paths, stages, to_stderr, from_pins)


def _reproduce(
    executor: Executor, params: Params, paths: Paths, stages: Sequence[str], to_stderr: bool, from_pins: bool
) -> bool:
    if not _stale(params, paths, stages):
        return reproduce(paths, stages, to_stderr)
    chosen = _chosen(params, paths, stages)
    if not make(stages_before(chosen, params), paths, to_stderr):
        return False
    jobs = jobs_of(_stale(params, paths, stages), params, paths)
    if jobs and not _run(executor, jobs, params, paths, to_stderr, from_pins):
        return False
    return reproduce(paths, stages, to_stderr)


def stages_before(chosen: Sequence[Unit], params: Params) -> list[str]:
    """Names for DVC of what intermediate trainings and cells need of other stages.

    A matrix that is needed whole goes by its one name: DVC reads all of dvc.lock for every name that it is given.
    """
    own = {unit.stage for unit in chosen if unit.kind != ENCODER}
    names = list(dict.fromkeys(need for unit in chosen for need in unit.needs if need not in own))
    matrices = {
        "data": {data_stage(task) for task in params.data.tasks},
        "recipe": {recipe_stage(recipe) for recipe in params.grid.recipes},
        "target": {target_stage(target) for target in params.grid.targets},
    }
    for matrix, whole in matrices.items():
        if whole <= {*names} or (matrix == "data" and CORPUS in names):  # the corpus is made from all data
            names = [matrix, *(name for name in names if name not in whole)]
    return names


def _chosen(params: Params, paths: Paths, stages: Sequence[str]) -> list[Unit]:
    grid = units(params, paths)
    return needed_units(grid, stages) if stages else grid


def _stale(params: Params, paths: Paths, stages: Sequence[str]) -> list[Unit]:
    state = states(params, paths)
    return [unit for unit in _chosen(params, paths, stages) if state[unit.stage] != "done"]


@contextmanager
def alone(paths: Paths) -> Iterator[None]:
    """One run of the grid at a time in a project; the mark goes with its process, however that ends.

    Raises HarnessError where another is at work.
    """
    paths.build.mkdir(parents=True, exist_ok=True)
    with (paths.build / "repro.lock").open("a+", encoding="utf-8", errors="replace") as mark:
        mark.seek(0)
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HarnessError(
                f"expected no other `harness repro` in {paths.root}, found one at work, process {mark.read(20)!a}",
                fix="wait until it has ended",
            ) from None
        mark.truncate(0)
        mark.write(str(os.getpid()))
        mark.flush()
        yield


def jobs_of(chosen: Sequence[Unit], params: Params, paths: Paths) -> list[Job]:
    """A job for every intermediate training and cell among `chosen`."""
    works: dict[str, Work] = {cell_stage(cell): cell_work(cell, paths) for cell in grid_cells(params)}
    for recipe, seed in params.grid.trainings:
        works[intermediate_stage(recipe, seed)] = intermediate_work(recipe, seed, params, paths)
    seconds = unit_seconds(chosen, paths)
    return [
        Job(
            unit.stage,
            works[unit.stage],
            unit.needs,
            seconds[unit.stage],
            unit.kind,
            paths.logs / log_name(unit.stage),
        )
        for unit in chosen
        if unit.stage in works
    ]


def _run(
    executor: Executor, jobs: Sequence[Job], params: Params, paths: Paths, to_stderr: bool, from_pins: bool
) -> bool:
    """Run the jobs and have dvc.lock record those that finished; False where one failed."""
    if slow := slow_precision(params):
        print(f"harness: {slow}", file=sys.stderr)
    with grid_progress(len(jobs), to_stderr) as show, interrupts() as stop:

        def tell(told: Told) -> None:
            show(_line(told, len(jobs)), told.done, told.left_s)

        def keep(job: Job) -> bool:
            return job.stage in restored or is_up_to_date(job)

        restored, is_up_to_date = restore([job.stage for job in jobs], paths), UpToDate(params, paths)
        if from_pins:
            restored |= _taken_over([job for job in jobs if job.stage not in restored], params, paths)
        summary = run_grid(executor, jobs, keep, tell, stop)
    finished = [*summary.ran, *summary.kept]
    if finished:
        commit(finished, paths)
    print(render_summary(summary), file=sys.stderr if to_stderr else sys.stdout, flush=True)
    if summary.interrupted:
        rest = executor.after_interruption if isinstance(executor, LooksAhead) else "what ran was dropped"
        print(f"{len(finished)} finished units are recorded, {rest}", file=sys.stderr)
        raise KeyboardInterrupt
    if summary.failed:
        print(_after_failure(summary), file=sys.stderr)
    return not summary.failed


def _taken_over(jobs: Sequence[Job], params: Params, paths: Paths) -> set[str]:
    """The stages that pinned results stand for; what lies here, made from present inputs, gives way to no pin."""
    is_up_to_date = UpToDate(params, paths)  # of its own: it looks every file up once, and units will change some
    pinned = take_over({job.stage for job in jobs if not is_up_to_date(job)}, params, paths)
    if pinned:
        where = paths.pinned.relative_to(paths.root).as_posix()
        print(f"{len(pinned)} units taken over from {where}, not run: their inputs lie here", file=sys.stderr)
    return pinned


def _after_failure(summary: Summary) -> str:
    return (
        f"harness: expected every unit to finish, found {len(summary.failed)} that failed. To fix it: read the log,"
        " then run the same command again; what finished is kept"
    )


def _line(told: Told, total: int) -> str:
    """What is said of a job that has ended."""
    job, rest = told.job, f"; {told.done} of {total} units, about {told.left_s / 60:.0f} min left"
    if told.how == "kept":
        return f"{job.work.name}: kept, made from what lies here{rest}"
    if told.how == "again":
        return f"{job.work.name}: {told.why}; started again"
    if told.how == "failed":
        return "\n".join([f"{job.work.name}: FAILED{', ' + told.why if told.why else ''}; see {job.log}", *_tail(job)])
    mark = job.work.outputs[-1]
    is_cell = job.work.command[1] == "cell"
    return (cell_line(read_result(mark / "result.json")) if is_cell else intermediate_line(read_record(mark))) + rest


def _tail(job: Job) -> list[str]:
    try:
        return [f"    {line}" for line in job.log.read_text(encoding="utf-8").splitlines()[-SHOWN:]]
    except OSError:
        return []


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Yields whether Ctrl-C or SIGTERM has come: a unit that is being fetched back is fetched back whole.

    A second one raises KeyboardInterrupt at once.
    """
    came: list[int] = []

    def note(number: int, _: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
