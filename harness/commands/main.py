"""The command line: one thin function per command, every heavy import inside the command that needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.commands import (
    ProfileName,
    data,
    image,
    layers,
    open_project,
    verifier,
)
from harness.commands import (
    claims as registry,
)
from harness.commands import (
    degradation as degrading,
)
from harness.commands import (
    export as archiving,
)
from harness.commands import (
    run as stages,
)
from harness.commands import (
    verify as verifying,
)
from harness.project.errors import HarnessError

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as shells have it."""

app = typer.Typer(
    name="harness",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="""Re-run cross-lingual intermediate-task training experiments with everything pinned, and decide each claim.

    Start with `make repro` (runs what is stale, then prints the verdicts); look with `harness plan`, `harness tasks`
    and `harness verify`. Settings live in params.yaml, the active profile; no option overrides them.""",
)
pin_app = typer.Typer(no_args_is_help=True, help="Keep results of this run as the pinned reference.")
checkpoints_app = typer.Typer(
    no_args_is_help=True, help="Checkpoints of intermediate trainings: their size, and who needs them."
)
encoder_app = typer.Typer(no_args_is_help=True, help="What the encoder knows.")
app.add_typer(stages.app, name="run")
app.add_typer(data.app, name="data")
app.add_typer(pin_app, name="pin")
app.add_typer(encoder_app, name="encoder")
app.add_typer(checkpoints_app, name="checkpoints")
app.add_typer(image.app, name="image")
app.add_typer(verifier.app, name="verifier")
app.add_typer(registry.app, name="claims")
verifying.register(app)
archiving.register(app)
layers.register(app)
degrading.register(app)


def main() -> None:
    """Entry point of the `harness` command."""
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a user's mistake is one paragraph and exit code 2."""
    try:
        code = app(list(arguments), standalone_mode=False)
    except HarnessError as error:
        typer.echo(f"harness: {error}", err=True)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as error:
        where = error.filename or "a file"
        mend = "free disk space or make it accessible, then run the same command again"
        typer.echo(
            f"harness: expected to read and write {where}, found: {error.strerror}. To mend it: {mend}", err=True
        )
        return 2
    except Exception as error:
        if type(error).__module__.startswith(("click", "typer")):
            error.show()  # type: ignore[attr-defined]
            return 2
        raise
    if code == INTERRUPTED:  # typer itself turns Ctrl-C into this code, without a word
        typer.echo("harness: interrupted; finished stages are kept, the same command goes on from here", err=True)
    return code if isinstance(code, int) else 0


@app.command()
def profile(
    name: Annotated[
        str | None, typer.Argument(help="Profile to make active; without it, the profiles are listed.")
    ] = None,
) -> None:
    """Make a profile active: copy profiles/NAME.yaml to params.yaml."""
    from harness.project.paths import project_root
    from harness.project.profiles import list_profiles, use_profile

    root = project_root()
    if name is None:
        for line in list_profiles(root):
            typer.echo(line)
        return
    typer.echo(use_profile(root, name))


@app.command()
def tasks() -> None:
    """List the tasks: role, head, metric, languages and rows in the active source, pin, stand-ins."""
    from tabulate import tabulate

    from harness.pages.tasks import TASKS_HEADER, tasks_table
    from harness.project.tasks import load_tasks, task_names

    params, paths = open_project()
    records = load_tasks(task_names(paths.tasks), paths.tasks)
    rows = tasks_table(records.values(), params.data.source, params.data.pack)
    typer.echo(tabulate(rows, headers=TASKS_HEADER, tablefmt="plain"))


@app.command()
def plan(
    profile: ProfileName = None,
    gpu: Annotated[
        str | None, typer.Option(help="Count time on this device of benchmarks/throughput.json.", metavar="NAME")
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="List instead what nobody confirmed: settings and published inputs.")
    ] = False,
    claim: Annotated[
        str | None, typer.Option(help="Plan only what this claim needs, see `harness claims`.", metavar="ID")
    ] = None,
    only_stages: Annotated[
        bool, typer.Option("--stages", help="With --claim: print only the DVC stages to run, one a line.")
    ] = False,
) -> None:
    """Print the grid: every cell, what is done, what is stale, and what the rest will cost.

    Of a profile that hasn't been timed, or with --gpu: its steps, tokens, GPU-hours and disk, before anything runs.
    """
    from harness.pipeline.plan import render_plan

    params, paths = open_project(profile)
    if only_stages and claim is None:
        raise HarnessError("expected --claim with --stages, found none", fix="name one: `harness claims` lists them")
    if claim is not None:
        from harness.pipeline.plan_claim import render_claim_plan, stages_to_run

        lines = stages_to_run(claim, params, paths) if only_stages else [render_claim_plan(claim, params, paths, gpu)]
        typer.echo("\n".join(lines))
        return
    if unverified:
        from harness.pipeline.unverified import render_unverified
        from harness.project.tasks import load_tasks

        path = paths.params if profile is None else paths.profile_file
        typer.echo(render_unverified(path, params, load_tasks(params.data.tasks, paths.tasks)))
        return
    typer.echo(render_plan(params, paths, gpu))


@app.command()
def repro(
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
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
) -> int:
    """Run what is stale of the active profile, then print the verdicts (`harness verify`).

    `dvc repro` makes data, corpus and encoder; then N worker processes run the intermediate trainings and cells, those
    first that most work waits for; dvc.lock records them, and `dvc repro` makes scores and verdicts. A unit that fails
    takes only those with it that need it: its log lies in build/<profile>/logs. Ctrl-C keeps what has finished; the
    same command goes on from there. With --ray, the nodes of a Ray cluster run the units (docs/cluster.md).

    Exit code: that of `harness verify`, or 2 where something failed. In a container, mount your clone:
    docker run --user "$(id -u):$(id -g)" -v "$PWD:/work" harness repro (with `--gpus all` for a GPU).
    """
    if ray is not None:
        if jobs is not None:
            raise HarnessError(
                "expected --jobs or --ray, found both: a cluster runs as many units as it has room for",
                fix="leave --jobs out",
            )
        from harness.launch.cluster.ray_cluster import reproduce_on_ray

        finished = reproduce_on_ray(ray, *open_project())
    else:
        from harness.launch.grid import reproduce_grid

        finished = reproduce_grid(*open_project(), slots=jobs)
    return verifying.verify() if finished else 2


@app.command()
def doctor(json_: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False) -> int:
    """Check this machine: environment, pins, Docker engine, GPU, disk, memory, clock, each with its remedy.

    Exit code: 0, or 1 where a check says FAIL.
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


@app.command()
def study(
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("docs/study.md"),
    profile: ProfileName = None,
) -> None:
    """Write a page and two pictures of what the results show, claim by claim and recipe by recipe (seconds).

    Of the same results that `harness verify` judges.
    """
    from harness.pages.study.page import write_page
    from harness.pages.study.record import read_study

    params, paths = open_project(profile)
    write_page(read_study(params, paths), paths.root / out)
    typer.echo(f"written: {paths.root / out}")


@app.command()
def track() -> None:
    """Import finished results into MLflow (mlruns/mlflow.db); `make ui` shows them."""
    from harness.exchange.tracking import track as import_results

    params, paths = open_project()
    count = import_results(params.profile, paths.results.parent, paths.mlruns)
    typer.echo(f"{count} new or changed cells imported into {paths.mlruns / 'mlflow.db'}; `make ui` shows them")


@pin_app.command("results")
def pin_results() -> None:
    """Keep this run's scores and predictions under reference/<profile>/, with the machine that made them.

    Of real data the predictions are not kept, which may hold pieces of its rows: only their hashes.
    """
    from harness.audit.pin_results import pin_results as keep

    params, paths = open_project()
    typer.echo(keep(params, paths))


@checkpoints_app.command("list")
def checkpoints_list() -> None:
    """List the checkpoints that are there, the size of their weights, and the unfinished cells that need them."""
    from harness.pipeline.checkpoints import render_checkpoints

    typer.echo(render_checkpoints(*open_project()))


@checkpoints_app.command("drop")
def checkpoints_drop() -> None:
    """Delete the weights of checkpoints whose cells are all done, here and in DVC's cache (`checkpoints: drop`).

    dvc.lock then records the checkpoints without weights (`dvc commit`), so `dvc repro` still finds everything up to
    date. What needs the weights again (a new target, a changed cell) fails with the command that trains the checkpoint
    anew, `dvc repro -f intermediate@RECIPE-SEED`; DVC then takes the finished cells from its cache.
    """
    from harness.pipeline.checkpoints import drop

    gone = drop(*open_project())
    size = sum(item.size for item in gone)
    typer.echo(f"{len(gone)} checkpoints dropped, {size / 1e6:,.1f} MB; dvc.lock records it")


@encoder_app.command("report")
def encoder_report(
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("docs/encoder.md"),
) -> None:
    """Measure the encoder beside a random initialisation of the same size and write docs/encoder.md (minutes)."""
    from harness.pages.encoder.record import write_report

    params, paths = open_project()
    typer.echo(f"written: {write_report(params, paths, out)}")


if __name__ == "__main__":
    main()
