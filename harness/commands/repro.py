"""`harness repro`: run what is stale, then judge."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import open_project
from harness.commands.slurm_options import Options, Partition, check_options
from harness.commands.verify import verify
from harness.project.errors import HarnessError
from harness.project.exits import MISTAKE

MOST_JOBS = 10_000


def repro(
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            max=MOST_JOBS,
            metavar="N",
            help="Units at a time; default: the cores divided by compute.threads, or one per visible GPU.",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Run the units on the Ray cluster whose head is HOST:PORT; `local`: a Ray of this machine alone.",
        ),
    ] = None,
    slurm: Partition = None,
    slurm_args: Options = "",
    pinned: Annotated[
        bool,
        typer.Option(
            "--pinned",
            help="Take over what is pinned and made from the same inputs instead of running it: to add to a study, not"
            " to check it.",
        ),
    ] = False,
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", metavar="R", help="Of the grid this recipe alone; again for more of them."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", metavar="S", help="Of the grid this seed alone; again for more of them."),
    ] = None,
) -> int:
    """Run what is stale of the active profile, then print the verdicts (`harness verify`).

    First come data, corpus and encoder, side by side where they can; then N worker processes run the intermediate
    trainings and cells, those first that most work waits for; dvc.lock records them, and `dvc repro` makes the rest. A
    unit that fails takes only those with it that need it: its log lies in build/<profile>/logs. Ctrl-C keeps what has
    finished; the same command goes on from there. With --ray, the nodes of a Ray cluster run the units
    (docs/cluster.md); with --slurm, job arrays of a Slurm cluster do, which go on when this command is ended, and the
    same command finds them again by their name. With --recipe or --seed a long study grows in pieces: those cells run,
    with what they need; nothing is judged, and `harness pin results --recipe R --seed S` keeps them.

    Exit code: that of `harness verify` (of a part: 0), or 2 where something failed. In a container, mount your clone:
    docker run --user "$(id -u):$(id -g)" -v "$PWD:/work" harness repro (with `--gpus all` for a GPU).
    """
    check_options(slurm, slurm_args)
    if ray is not None and slurm is not None:
        raise HarnessError("expected --ray or --slurm, found both: units run in one place", fix="leave one out")
    from harness.launch.grid import reproduce_grid
    from harness.launch.launchers import LAUNCHERS
    from harness.pipeline.units import part_of
    from harness.project.stages import cell_stage

    launcher = LAUNCHERS["ray" if ray is not None else "slurm" if slurm is not None else "local"]
    params, paths = open_project()
    part = part_of(params, recipe or [], seed or [])
    executor = launcher(params, paths, slots=jobs, address=ray or slurm, options=slurm_args)
    if not reproduce_grid(executor, params, paths, list(map(cell_stage, part)), from_pins=pinned):
        return MISTAKE
    if not part:
        return verify()
    print(f"{len(part)} cells of {len(params.grid.cells)} are there; not judged, as they are a part of the grid")
    return 0
