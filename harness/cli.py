"""The command line: one thin function per command, every heavy import inside the command that needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.params import Params
    from harness.paths import Paths

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
run_app = typer.Typer(
    no_args_is_help=True,
    help="One stage of the pipeline, as dvc.yaml calls it. `dvc repro` calls these for you.",
)
data_app = typer.Typer(no_args_is_help=True, help="The tasks' data: fetch what is published, check it, pin it.")
pin_app = typer.Typer(no_args_is_help=True, help="Keep results of this run as the pinned reference.")
image_app = typer.Typer(
    no_args_is_help=True,
    help="The container image: build it from this checkout, pin it in params.yaml, check it, keep it.",
)
checkpoints_app = typer.Typer(
    no_args_is_help=True, help="Checkpoints of intermediate trainings: their size, and who needs them."
)
encoder_app = typer.Typer(no_args_is_help=True, help="What the encoder knows.")
app.add_typer(run_app, name="run")
app.add_typer(data_app, name="data")
app.add_typer(pin_app, name="pin")
app.add_typer(encoder_app, name="encoder")
app.add_typer(checkpoints_app, name="checkpoints")
app.add_typer(image_app, name="image")


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


def _open() -> tuple[Params, Paths]:
    from harness.params import load_params
    from harness.paths import Paths, project_root

    root = project_root()
    params = load_params(root)
    return params, Paths(root, params.profile)


def _profile(name: str) -> tuple[Params, Paths]:
    """A profile that need not be the active one."""
    from harness.params import read_profile
    from harness.paths import Paths, project_root

    root = project_root()
    params = read_profile(root, name)
    return params, Paths(root, params.profile)


@app.command()
def profile(
    name: Annotated[
        str | None, typer.Argument(help="Profile to make active; without it, the profiles are listed.")
    ] = None,
) -> None:
    """Make a profile active: copy profiles/NAME.yaml to params.yaml."""
    from harness.params import list_profiles, use_profile
    from harness.paths import project_root

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

    from harness.data.table import TASKS_HEADER, tasks_table
    from harness.tasks import load_tasks, task_names

    params, paths = _open()
    records = load_tasks(task_names(paths.tasks), paths.tasks)
    rows = tasks_table(records.values(), params.data.source, params.data.pack)
    typer.echo(tabulate(rows, headers=TASKS_HEADER, tablefmt="plain"))


@app.command()
def plan(
    profile: Annotated[
        str | None, typer.Option(help="Plan profiles/NAME.yaml without making it active.", metavar="NAME")
    ] = None,
    gpu: Annotated[
        str | None, typer.Option(help="Count time on this device of benchmarks/throughput.json.", metavar="NAME")
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="List instead what nobody confirmed: settings and published inputs.")
    ] = False,
) -> None:
    """Print the grid: every cell, what is done, what is stale, and what the rest will cost.

    Of a profile that hasn't been timed, or with --gpu: its steps, tokens, GPU-hours and disk, before anything runs.
    """
    from harness.plan import render_plan

    params, paths = _open() if profile is None else _profile(profile)
    if unverified:
        from harness.tasks import load_tasks
        from harness.unverified import render_unverified

        path = paths.params if profile is None else paths.profile_file
        typer.echo(render_unverified(path, params, load_tasks(params.data.tasks, paths.tasks)))
        return
    typer.echo(render_plan(params, paths, gpu))


@app.command()
def repro() -> int:
    """Run what is stale of the active profile (`dvc repro`), then print the verdicts (`harness verify`).

    Exit code: that of `harness verify`, or 2 where a stage failed. In a container, mount your clone:
    docker run --user "$(id -u):$(id -g)" -v "$PWD:/work" harness repro (with `--gpus all` for a GPU).
    """
    from harness.launch.pipeline import reproduce

    if not reproduce(_open()[1]):
        return 2
    return verify(json_=False)


@app.command()
def doctor(json_: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False) -> int:
    """Check this machine: environment, pins, Docker engine, GPU, disk, memory, clock, each with its remedy.

    Exit code: 0, or 1 where a check says FAIL.
    """
    from harness.doctor import examine, render_checks
    from harness.paths import project_root

    checks = examine(project_root())
    if json_:
        import json

        typer.echo(json.dumps([check.model_dump() for check in checks], indent=1, ensure_ascii=False))
    else:
        typer.echo(render_checks(checks))
    return int(any(check.word == "FAIL" for check in checks))


@app.command()
def verify(
    json_: Annotated[bool, typer.Option("--json", help="Print the whole verification as JSON.")] = False,
) -> int:
    """Judge the results: integrity (V0), agreement with our pinned results (V2), a verdict per claim (V3).

    Where nothing has run yet, the pinned results are judged. Exit code: 0 everything decidable is reproduced,
    1 some not reproduced, 2 some inconclusive (or a mistake in the input), 3 invalid.
    """
    from harness.verify import render, verify_all

    params, paths = _open()
    found = verify_all(params, paths)
    typer.echo(found.model_dump_json(indent=1) if json_ else render(found))
    return found.exit_code


@app.command()
def study(
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("docs/study.md"),
) -> None:
    """Write a page and two pictures of what the results show, claim by claim and recipe by recipe (seconds).

    Of the same results that `harness verify` judges.
    """
    from harness.study import read_study
    from harness.study_page import write_page

    params, paths = _open()
    write_page(read_study(params, paths), paths.root / out)
    typer.echo(f"written: {paths.root / out}")


@app.command()
def track() -> None:
    """Import finished results into MLflow (mlruns/mlflow.db); `make ui` shows them."""
    from harness.tracking import track as import_results

    params, paths = _open()
    count = import_results(params.profile, paths.results.parent, paths.mlruns)
    typer.echo(f"{count} new or changed cells imported into {paths.mlruns / 'mlflow.db'}; `make ui` shows them")


@pin_app.command("results")
def pin_results() -> None:
    """Keep this run's scores and predictions under reference/<profile>/, with the machine that made them."""
    from harness.verify import pin_results as keep

    params, paths = _open()
    typer.echo(keep(params, paths))


@checkpoints_app.command("list")
def checkpoints_list() -> None:
    """List the checkpoints that are there, the size of their weights, and the unfinished cells that need them."""
    from harness.checkpoints import render_checkpoints

    typer.echo(render_checkpoints(*_open()))


@checkpoints_app.command("drop")
def checkpoints_drop() -> None:
    """Delete the weights of checkpoints whose cells are all done, here and in DVC's cache (`checkpoints: drop`).

    dvc.lock then records the checkpoints without weights (`dvc commit`), so `dvc repro` still finds everything up to
    date. What needs the weights again (a new target, a changed cell) fails with the command that trains the checkpoint
    anew, `dvc repro -f intermediate@RECIPE-SEED`; DVC then takes the finished cells from its cache.
    """
    from harness.checkpoints import drop

    gone = drop(*_open())
    size = sum(item.size for item in gone)
    typer.echo(f"{len(gone)} checkpoints dropped, {size / 1e6:,.1f} MB; dvc.lock records it")


@encoder_app.command("report")
def encoder_report(
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("docs/encoder.md"),
) -> None:
    """Measure the encoder beside a random initialisation of the same size and write docs/encoder.md (minutes)."""
    from harness.encoder_report import write_report

    params, paths = _open()
    typer.echo(f"written: {write_report(params, paths, out)}")


Reference = Annotated[
    str | None, typer.Argument(help="Image: a tag, ID or digest (default: what params.yaml pins, else harness:latest).")
]


def _image(reference: str | None) -> tuple[Path, str]:
    """The project's folder, and the image meant: as given, as pinned, or as `harness image build` calls it."""
    from harness.launch.image import TAG
    from harness.params import load_params
    from harness.paths import project_root

    root = project_root()
    return root, reference or load_params(root).image or TAG


@image_app.command("build")
def image_build(
    torch: Annotated[
        str, typer.Option(help="cpu (small; needs a source of PyTorch's CPU wheel) or cuda (runs on a CPU too).")
    ] = "cuda",
    base: Annotated[
        str | None, typer.Option(help="Another base image than the Dockerfile's (Python 3.11 with venv and pip).")
    ] = None,
    tag: Annotated[str, typer.Option(help="Name of the image in the engine.")] = "harness:latest",
    network: Annotated[str | None, typer.Option(help="Network of the build, as in `docker build --network`.")] = None,
    pip_args: Annotated[str, typer.Option(help="Options for pip, e.g. '--extra-index-url ADDRESS'.")] = "",
) -> None:
    """Build the image of this checkout, with labels that say what it was built from."""
    from harness.errors import nearest
    from harness.launch.image import TORCH_BUILDS, build
    from harness.paths import project_root

    if torch not in TORCH_BUILDS:
        raise HarnessError(
            f"expected --torch cpu or cuda, found `{torch}`; {nearest(torch, TORCH_BUILDS)}", fix="use one of those"
        )
    typer.echo(build(project_root(), torch, base, tag, network, pip_args))


@image_app.command("pin")
def image_pin(
    reference: Annotated[str, typer.Argument(help="Image: a tag, ID or digest.")] = "harness:latest",
) -> None:
    """Write the image's ID (or registry digest) into params.yaml; only what runs in it becomes stale."""
    from harness.launch.image import pin
    from harness.paths import project_root

    typer.echo(pin(project_root(), reference))


@image_app.command("check")
def image_check(reference: Reference = None) -> int:
    """Compare the image's lock, code and source commit with this checkout. Exit code: 1 where they do not fit."""
    from harness.launch.image import check

    root, chosen = _image(reference)
    findings = check(root, chosen)
    typer.echo(chosen)
    for finding in findings:
        typer.echo(f"{'fits' if finding.fits else 'DIFFERS':8}{finding.what}: {finding.found}")
    return int(not all(finding.fits for finding in findings))


@image_app.command("save")
def image_save(
    reference: Reference = None,
    out: Annotated[Path | None, typer.Option(help="Where to write it (default: harness-image-<ID>.oci.tar).")] = None,
) -> None:
    """Keep the image as an OCI archive with its sha256: base images get deleted from registries."""
    from harness.launch.image import save

    typer.echo(save(_image(reference)[1], out))


TaskNames = Annotated[
    list[str] | None, typer.Argument(metavar="[TASKS]...", help="Tasks; none: what the active profile needs.")
]
WithEncoder = Annotated[bool, typer.Option("--encoder", help="The profile's encoder, beside the TASKS named or alone.")]


@data_app.command("pin")
def data_pin(
    names: Annotated[list[str] | None, typer.Argument(help="Tasks; none: all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Compare only; exit code 2 where a pin differs.")] = False,
    pack: Annotated[str | None, typer.Option("--pack", help="Pin this data pack, whatever source is active.")] = None,
) -> int:
    """Write the pins (rows and sha256 of every file) of the active source into tasks/*.yaml.

    Published data: asks the hub whether every pinned revision and file is there, and records what it states of them.
    """
    from harness.data.pin import check_pin, pin_task
    from harness.params import data_dir, store_dir
    from harness.tasks import task_names

    params, paths = _open()
    source = "local" if pack else params.data.source
    where = (paths.tasks, source, pack or params.data.pack, data_dir(params, paths.root))
    store = store_dir(params, paths.root)
    differing = 0
    for name in names or task_names(paths.tasks):
        if not check:
            pin_task(name, *where, store=store)
            typer.echo(f"pinned {name} in tasks/{name}.yaml")
            continue
        changes = check_pin(name, *where, store=store)
        differing += bool(changes)
        typer.echo(f"{name}: {'as pinned' if not changes else 'DIFFERS'}")
        for line in changes:
            typer.echo(f"  {line}")
    return 2 if differing else 0


@data_app.command("fetch")
def data_fetch(names: TaskNames = None, encoder: WithEncoder = False) -> None:
    """Fetch published files into the store (store/, HARNESS_STORE): once, then everything is read from there.

    Exactly the files that tasks/*.yaml and params.yaml pin, at their commits; with no TASKS: those of the active
    profile, its encoder included. A task's places (hub, url) are tried in the order of its file; bytes that are not
    the pinned ones are refused. Run it again after any interruption: it goes on where it stopped, and what is there
    already is not fetched twice. HF_ENDPOINT names another hub, HF_TOKEN opens a gated repository.
    """
    from harness.data.fetch import fetch_encoder, fetch_tasks

    params, paths = _open()
    tasks, with_encoder = _to_fetch(params, paths, names, encoder)
    for found in fetch_tasks(tasks, params, paths):
        for reason in found.passed_over:
            typer.echo(f"{found.name}: passed over {reason}", err=True)
        typer.echo(f"{found.name:20}{found.place:6}{found.files:4} files  {found.transferred / 1e6:10,.1f} MB fetched")
    if with_encoder:
        found = fetch_encoder(params, paths)
        typer.echo(f"{found.name:20}{found.place:6}{found.files:4} files  {found.transferred / 1e6:10,.1f} MB fetched")


@data_app.command("check")
def data_check(names: TaskNames = None, encoder: WithEncoder = False) -> int:
    """Hash every fetched file again and compare it with its pin; needs no network.

    Says ok, missing or differs per task (with no TASKS: those of the active profile, its encoder included).
    Exit code: 1 where not all are ok; `harness data fetch` mends that.
    """
    from harness.data.fetch import check_encoder, check_tasks

    params, paths = _open()
    tasks, with_encoder = _to_fetch(params, paths, names, encoder)
    found = check_tasks(tasks, params, paths) + ([check_encoder(params, paths)] if with_encoder else [])
    for checked in found:
        typer.echo(f"{checked.word:9}{checked.name:20}{checked.place:6}{checked.detail}")
    return int(any(checked.word != "ok" for checked in found))


def _to_fetch(params: Params, paths: Paths, names: list[str] | None, encoder: bool) -> tuple[list[str], bool]:
    """The tasks meant, and whether the encoder is: as named, else what the active profile takes from the net."""
    from harness.data.fetch import published_tasks

    if names or encoder:
        return names or [], encoder
    tasks, with_encoder = published_tasks(params, paths), params.encoder.source == "hub"
    if not tasks and not with_encoder:
        raise HarnessError(
            f"expected a profile with published data or a published encoder, found {params.profile}, which fetches "
            "nothing",
            fix="name tasks (`harness data fetch xnli`), or make another profile active (`harness profile` lists them)",
        )
    return tasks, with_encoder


@data_app.command("pack")
def data_pack(
    profile: Annotated[str, typer.Option(help="Profile whose pack is made: its pins say how many rows.")],
    out: Annotated[Path, typer.Option(help="Folder of the pack, which must not exist.")],
) -> None:
    """Sample the fetched published data into a data pack of the size that a profile pins."""
    from harness.data.pack import make_pack
    from harness.params import load_params, read_params, store_dir
    from harness.paths import Paths, project_root

    root = project_root()
    wanted = read_params(root / "profiles" / f"{profile}.yaml")
    for line in make_pack(wanted, Paths(root, wanted.profile), store_dir(load_params(root), root), out):
        typer.echo(line)


@run_app.command("data")
def run_data(task: Annotated[str, typer.Argument(help="Name of the task, see `harness tasks`.")]) -> None:
    """Check and normalise one task's rows into build/<profile>/data/TASK."""
    from harness.data.build import build_task

    params, paths = _open()
    manifest = build_task(task, params, paths)
    rows = sum(entry["rows"] for entry in manifest["files"].values())
    if reason := manifest.get("unavailable"):
        typer.echo(f"data {task}: UNAVAILABLE: {reason}")
        return
    stand_in = f"; STAND-IN: {manifest['stand_in']}" if manifest["stand_in"] else ""
    typer.echo(f"data {task}: {rows} rows in {len(manifest['files'])} files, every file as pinned{stand_in}")


@run_app.command("corpus")
def run_corpus() -> None:
    """Gather the text to pretrain on, leaving out every evaluation row."""
    from harness.data.corpus import build_corpus

    params, paths = _open()
    report = build_corpus(params, paths)
    kept = sum(entry["kept"] for entry in report["languages"].values())
    left_out = sum(sum(entry.values()) for entry in report["languages"].values()) - kept
    typer.echo(
        f"corpus: {kept} rows in {len(report['languages'])} languages kept, {left_out} left out as evaluation text"
    )


@run_app.command("encoder")
def run_encoder() -> None:
    """Train the tokenizer and pretrain the encoder."""
    from harness.encoder import run_encoder as make

    params, paths = _open()
    record = make(params, paths)
    typer.echo(f"encoder: {record['parameters']:,} parameters, {record['elapsed_s']:.0f} s")


@run_app.command("recipe")
def run_recipe(recipe: Annotated[str, typer.Argument(help="Name of the recipe.")]) -> None:
    """Resolve a recipe: its settings, the identity of its tasks' data, and the code."""
    from harness.resolve import write_recipe

    params, paths = _open()
    write_recipe(_known(recipe, list(params.recipes), "recipe"), params, paths)


@run_app.command("target")
def run_target(target: Annotated[str, typer.Argument(help="Name of the target task.")]) -> None:
    """Resolve a target: its settings and the code of its cells."""
    from harness.resolve import write_target

    params, paths = _open()
    write_target(_known(target, list(params.target), "target"), params, paths)


@run_app.command("intermediate")
def run_intermediate(
    recipe: Annotated[str, typer.Argument(help="Name of the recipe.")],
    seed: Annotated[int, typer.Argument(help="Seed of the repetition.")],
) -> int:
    """Train the encoder on a recipe's intermediate tasks (the baseline `none` trains nothing)."""
    delegated = _delegate(["run", "intermediate", recipe, str(seed)]) if recipe != "none" else None
    if delegated is not None:
        return delegated
    from harness.launch.where import do_intermediate

    params, paths = _open()
    _known(recipe, list(params.recipes), "recipe")
    code, record = do_intermediate(recipe, seed, params, paths)
    if record is not None:
        scores = ", ".join(f"{task} {points:.1f}" for task, points in record["dev_headline"].items())
        typer.echo(
            f"intermediate {recipe}-{seed}: {record['status']}{', dev ' + scores if scores else ''},"
            f" {record['elapsed_s']:.1f} s"
        )
    return code


@run_app.command("cell")
def run_cell(
    recipe: Annotated[str, typer.Argument(help="Name of the recipe.")],
    target: Annotated[str, typer.Argument(help="Name of the target task.")],
    seed: Annotated[int, typer.Argument(help="Seed of the repetition.")],
) -> int:
    """Run one cell: target training, zero-shot predictions, scores."""
    delegated = _delegate(["run", "cell", recipe, target, str(seed)])
    if delegated is not None:
        return delegated
    from harness.launch.where import do_cell
    from harness.plan import remaining
    from harness.results import Cell

    params, paths = _open()
    _known(recipe, list(params.recipes), "recipe")
    _known(target, list(params.target), "target")
    code, result = do_cell(Cell(recipe=recipe, target=target, seed=seed), params, paths)
    if result is not None:
        score = "no score" if result.score is None else f"score {result.score:5.1f}"
        typer.echo(
            f"cell {result.cell.id}: {result.status}, {score}, {result.elapsed_s:.1f} s; {remaining(params, paths)}"
        )
    return code


@run_app.command("scores")
def run_scores() -> None:
    """Gather every result.json of the grid into one table."""
    from harness.verify import write_scores

    params, paths = _open()
    typer.echo(write_scores(params, paths))


@run_app.command("verdicts")
def run_verdicts() -> None:
    """Write results/<profile>/verdicts.json; `harness verify` prints the same and gives the exit code."""
    from harness.results import write_json
    from harness.verify import verify_all

    params, paths = _open()
    write_json(paths.verdicts, verify_all(params, paths).model_dump(mode="json"))
    typer.echo(f"verdicts: {paths.verdicts}")


@run_app.command("track")
def run_track() -> None:
    """Import finished results into MLflow and note how many there are."""
    from harness.results import write_json
    from harness.tracking import track as import_results

    params, paths = _open()
    import_results(params.profile, paths.results.parent, paths.mlruns)
    write_json(
        paths.results / "tracked.json",
        {"profile": params.profile, "cells": len(list(paths.cells.glob("*/result.json")))},
    )


def _known(name: str, names: list[str], what: str) -> str:
    """`name` if it is one of `names`, else an error with the list."""
    from harness.errors import nearest

    if name not in names:
        raise HarnessError(
            f"expected the name of a {what}, found `{name}`; {nearest(name, names)}",
            fix="use one of those names",
        )
    return name


def _delegate(arguments: list[str]) -> int | None:
    """Let the warm process of the running `dvc` do the work; None: do it here."""
    from harness.launch.warm import delegate

    return delegate(arguments)


if __name__ == "__main__":
    main()
