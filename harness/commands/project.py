"""What the project is set to: `harness profile` and `harness tasks`; and what its machine can do: `harness doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import look_at_project, open_project


def profile(
    name: Annotated[
        str | None, typer.Argument(help="Profile to make active; without it, the profiles are listed.")
    ] = None,
) -> None:
    """Make a profile active: copy profiles/NAME.yaml to params.yaml."""
    from harness.project.paths import checkout_root
    from harness.project.profiles import list_profiles, use_profile

    root = checkout_root()
    if name is None:
        for line in list_profiles(root):
            typer.echo(line)
        return
    typer.echo(use_profile(root, name))
    from harness.pipeline.grid_file import write_grid

    params, paths = open_project()
    write_grid(params, paths)


def tasks() -> None:
    """List the tasks: role, head, metric, languages and rows in the active source, pin, stand-ins."""
    from tabulate import tabulate

    from harness.pages.tasks import TASKS_HEADER, tasks_table
    from harness.project.tasks import load_tasks, task_names

    params, paths = look_at_project()
    records = load_tasks(task_names(paths.tasks), paths.tasks)
    rows = tasks_table(records.values(), params.data.source, params.data.pack)
    typer.echo(tabulate(rows, headers=TASKS_HEADER, tablefmt="plain"))


def doctor(json_: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False) -> int:
    """Check this machine: environment, pins, Docker, Podman, Apptainer, Slurm, Ray, GPU, disk, memory, clock.

    Each with its remedy. What the profile does not ask for is NONE where it is not there. Exit code: 0, or 1 where a
    check says FAIL.
    """
    from harness.launch.doctor import examine, render_checks
    from harness.project.paths import project_root

    checks = examine(project_root())
    if json_:
        import json

        typer.echo(json.dumps([check.model_dump() for check in checks], indent=1, ensure_ascii=False))
    else:
        typer.echo(render_checks(checks))
    return int(any(check.word == "FAIL" for check in checks))
