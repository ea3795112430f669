"""Runs units ahead of their turn, on the cores that would be idle while `dvc repro` runs one stage after the other.

The warm process knows what `dvc repro`, of everything or of named units, will ask for next. It lets free cores run
those units into a scratch folder; when DVC comes to the stage, the outputs are moved to their places, provided that
everything that went into the unit is still the same. A unit is a pure function of its inputs, so the bytes do not
depend on when it ran.
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from harness.errors import HarnessError
from harness.launch.work import Work, bring_home, cell_work, intermediate_work
from harness.params import Params, load_params
from harness.paths import OUTPUT, Paths, project_root
from harness.plan import Unit, needed_units, states, units
from harness.results import grid_cells

AHEAD = "HARNESS_RAN_AHEAD"
"""Environment variable of a stage's process whose unit ran ahead: `<pid>:<scratch folder>`."""
WORKERS = "HARNESS_WORKERS"
"""Environment variable: units at a time; default: the cores that this process may use."""
PLAIN = {"-q", "--quiet", "-v", "--verbose"}
"""Options with which `dvc repro` still runs everything that is stale."""


@dataclass
class Queue:
    """The units that the running `dvc repro` is still to ask for, and those that run ahead."""

    works: dict[tuple[str, ...], Work]
    """Command -> unit, in the order in which DVC will ask."""
    needs: dict[tuple[str, ...], tuple[str, ...]]
    """Command -> stages that must have finished first."""
    stages: dict[tuple[str, ...], str]
    """Command -> its stage."""
    paths: Paths
    folder: Path
    """Scratch folder of this process."""
    workers: int
    unfinished: set[str] = field(default_factory=set)
    """Stages of the grid that have not finished yet."""
    running: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """pid -> command of the units that run ahead."""
    ahead: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Command -> what to tell (AHEAD) of the units that run or ran ahead and have not been asked for."""
    asked: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """pid -> command of the units that DVC waits for."""

    def claim(self, command: tuple[str, ...]) -> str | None:
        """DVC asks for a unit: what its process is to be told (AHEAD) if it ran ahead; it leaves the queue."""
        self.works.pop(command, None)
        return self.ahead.pop(command, None)

    def ended(self, pid: int) -> None:
        """A child has ended."""
        self.running.pop(pid, None)
        command = self.asked.pop(pid, None)
        if command in self.stages:
            self.unfinished.discard(self.stages[command])

    def next(self) -> Work | None:
        """The next unit that may run now: a core is free, and nothing that it needs is still to be made."""
        waited_for = [command for command in self.asked.values() if command not in self.running.values()]
        if len(self.running) + len(waited_for) >= self.workers:
            return None
        for command, work in self.works.items():
            if not self.unfinished.intersection(self.needs[command]):
                return work
        return None

    def start(self, work: Work, run: Callable[[list[str]], int], environment: dict[str, str]) -> None:
        """Fork a process that runs `work` into its scratch folder."""
        del self.works[work.command]
        scratch, parent = work.scratch(self.folder), os.getpid()
        pid = os.fork()
        if pid == 0:
            _run_ahead(work, scratch, parent, run, environment, self.paths.root)
        self.running[pid] = work.command
        self.ahead[work.command] = f"{pid}:{scratch}"

    def close(self) -> None:
        """End what still runs and remove what nobody asked for."""
        for pid in self.running:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        shutil.rmtree(self.folder, ignore_errors=True)


def open_queue(folder: str, dvc_command: list[str], environment: dict[str, str]) -> Queue | None:
    """The queue of the `dvc` command that runs in `folder`; None where nothing can run ahead.

    That is: one core, a GPU, units in containers, a `dvc` asked for something else than everything or units by name, or
    a system without pidfd.
    """
    asked = _asked(dvc_command)
    if not hasattr(os, "pidfd_open") or asked is None:
        return None
    try:
        root = project_root(Path(folder))
        params = load_params(root)
        paths = Paths(root, params.profile)
        workers = _workers(params, environment)
        if workers < 2:
            return None
        state = states(params, paths)
    except (HarnessError, OSError, ValueError, yaml.YAMLError):  # a stage's own process says what is wrong
        return None
    grid = units(params, paths)
    if not state.keys() >= set(asked):
        return None
    stale = [unit for unit in (needed_units(grid, asked) if asked else grid) if state[unit.stage] != "done"]
    return _queue(stale, params, paths, workers)


def _queue(stale: list[Unit], params: Params, paths: Paths, workers: int) -> Queue:
    grid = params.grid
    trained = {
        f"intermediate@{recipe}-{seed}": intermediate_work(recipe, seed, params, paths)
        for recipe in grid.recipes
        for seed in grid.seeds
        if recipe != "none"  # the baseline trains nothing: its stage does it at once
    }
    made = trained | {f"cell@{cell.id}": cell_work(cell, paths) for cell in grid_cells(params)}
    chosen = {unit.stage: unit for unit in stale if unit.stage in made}
    for old in paths.scratch.glob("ahead-*"):
        if not Path(f"/proc/{old.name.partition('-')[2]}").exists():
            shutil.rmtree(old, ignore_errors=True)
    return Queue(
        works={made[stage].command: made[stage] for stage in chosen},
        needs={made[stage].command: unit.needs for stage, unit in chosen.items()},
        stages={made[stage].command: stage for stage in chosen},
        paths=paths,
        folder=paths.scratch / f"ahead-{os.getpid()}",
        workers=workers,
        unfinished=set(chosen),
    )


def _workers(params: Params, environment: dict[str, str]) -> int:
    if params.runtime != "local" or params.compute.device != "cpu":
        return 1
    given = environment.get(WORKERS, "")
    return int(given) if given.isdigit() else len(os.sched_getaffinity(0)) // params.compute.threads


def _asked(command: list[str]) -> list[str] | None:
    """The stages that `dvc repro` is asked for by name, none of them for everything; None: it does something else."""
    if "repro" not in command:
        return None
    arguments = command[command.index("repro") + 1 :]
    names = [argument for argument in arguments if not argument.startswith("-")]
    return names if set(arguments) - set(names) <= PLAIN else None


def _run_ahead(
    work: Work, scratch: Path, parent: int, run: Callable[[list[str]], int], environment: dict[str, str], root: Path
) -> None:
    """The forked process: run the unit without a word, and end with the warm process."""

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.environ.clear()
        os.environ.update(environment | {OUTPUT: str(scratch)})
        os.chdir(root)
        threading.Thread(target=end_with_parent, daemon=True).start()
        code = run(list(work.command))
    finally:
        os._exit(code)


def take(work: Work, paths: Paths, same_inputs: Callable[[Path], bool]) -> bool:
    """Wait for a unit that runs ahead and move its outputs to their places; False: it has to run here and now.

    `same_inputs` looks into the scratch folder: was the unit made from what lies here now? A unit that failed, was
    killed or was made from something else runs again, so that its words reach the user.
    """
    pid, _, scratch = os.environ.get(AHEAD, "").partition(":")
    if not scratch:
        return False
    _wait(int(pid))
    try:
        if not same_inputs(Path(scratch)):
            return False
        bring_home(work, Path(scratch), paths)
        return True
    except (HarnessError, OSError, ValueError, KeyError):
        print(f"{work.name}: what ran ahead is not whole; running it now", file=sys.stderr)
        return False
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _wait(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:  # it has ended
        return
    select.select([descriptor], [], [])
    os.close(descriptor)
