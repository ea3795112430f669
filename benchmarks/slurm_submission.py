"""How long it takes to hand a grid to Slurm, and to ask about it; no unit runs.

    python benchmarks/slurm_submission.py [--units N ...]

The units are made up (25 to a training: itself and its cells of 24 targets), their jobs are held, and cancelled once
they were counted. `python tests/support/slurm_nodes.py start FOLDER` starts a Slurm where there is none.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import kept

from harness.launch.executor import Job
from harness.launch.slurm import controller
from harness.launch.slurm.launch import launch_on_slurm
from harness.launch.slurm.slurm_arrays import SlurmArrays
from harness.launch.work import Work
from harness.project.paths import Paths, project_root
from harness.project.profiles import load_params

TARGETS = 24
UNITS = (100, 1000)


def made_up(units: int, folder: Path) -> list[Job]:
    """A grid of so many units, TARGETS cells to each training."""
    jobs: list[Job] = []
    for training in range(units // (TARGETS + 1)):
        name = f"intermediate@r{training}-1"
        jobs.append(job(name, (), f"intermediate r{training}", folder))
        jobs += [job(f"cell@r{training}-t{one}-1", (name,), f"cell t{one}", folder) for one in range(TARGETS)]
    return jobs


def job(stage: str, needs: tuple[str, ...], kind: str, folder: Path) -> Job:
    """A unit that is never run."""
    work = Work(stage, ("run", *stage.partition("@")[::2]), (folder / "input",) * 6, (folder / stage,))
    return Job(stage, work, needs, 60.0, kind, folder / f"{stage}.log")


def measure(units: int) -> list[str | int | float | None]:
    """One row: units, arrays, seconds to submit, units a second, seconds to ask about all of them."""
    root = Path(tempfile.mkdtemp(prefix="slurm-benchmark-"))
    shutil.copy(project_root() / "profiles" / "lab.yaml", root / "params.yaml")
    params = load_params(root)
    paths = Paths(root, params.profile)
    executor = launch_on_slurm(params, paths, options="--hold")
    assert isinstance(executor, SlurmArrays)
    jobs = made_up(units, root)
    try:
        began = time.perf_counter()
        executor.announce(jobs)
        submitted = time.perf_counter() - began
        began = time.perf_counter()
        listed = controller.tasks(executor.name)
        asked = time.perf_counter() - began
        assert len(listed) == len(jobs), (len(listed), len(jobs))
    finally:
        executor.close()
        shutil.rmtree(root, ignore_errors=True)
    arrays = len({task.array for task in listed})
    return [len(jobs), arrays, f"{submitted:.2f}", f"{len(jobs) / submitted:.0f}", f"{asked:.2f}"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=UNITS, metavar="N")
    given = parser.parse_args(arguments)
    table = kept.Table(
        caption="A grid handed to Slurm as job arrays, and one look at all of its units",
        columns=["units", "arrays", "seconds to submit", "units a second", "seconds of a look"],
        rows=[measure(units) for units in given.units],
    )
    made = kept.found("Submission of a grid to Slurm", [table], packages=("submitit",))
    kept.keep("slurm_submission", made)
    print(kept.show(made))


if __name__ == "__main__":
    main()
