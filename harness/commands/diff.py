"""`harness diff A B`: what differs between two runs, archives or profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands import look_at_project, paths_here
from harness.project.errors import HarnessError

if TYPE_CHECKING:
    from harness.pages.diff.record import Side

SIDE = "An archive (FILE.zip), a profile of this project, or the folder of another clone."


def diff(
    a: Annotated[str, typer.Argument(help=SIDE, metavar="A")],
    b: Annotated[str, typer.Argument(help="The same, to compare with.", metavar="B")],
    json_: Annotated[bool, typer.Option("--json", help="Print all that differs as JSON.")] = False,
) -> int:
    """Say what differs between two runs, archives or profiles: claims, scores, inputs, settings, machines (seconds).

    Each side is what `harness verify` judges there: its run, else its pinned results. Exit code: 0 nothing differs,
    1 something does, 3 one of them is not whole.
    """
    from harness.audit.exit_codes import EXIT_INVALID
    from harness.exchange.read import CrateRefused
    from harness.pages.diff.record import compare
    from harness.pages.diff.show import print_diff

    try:
        sides = [_side(name) for name in (a, b)]
    except CrateRefused as refused:
        typer.echo(f"harness: {refused}", err=True)
        return EXIT_INVALID
    for side in sides:
        if problems := side.verification.v0.problems:
            typer.echo(f"harness: {side.name} is not whole, first: {problems[0]}", err=True)
            return EXIT_INVALID
    found = compare(*sides)
    if json_:
        typer.echo(found.model_dump_json(indent=1))
    else:
        from rich.console import Console

        print_diff(found, Console(highlight=False, markup=False, emoji=False))
    return 0 if found.is_same else 1


def _side(name: str) -> Side:
    """One side, checked and judged. HarnessError where there is no such archive, profile or clone."""
    from harness.audit.levels import verify_results
    from harness.audit.subject import find_results
    from harness.pages.diff.record import Side
    from harness.project.paths import Paths
    from harness.project.profiles import load_params

    if name.endswith(".zip") or Path(name).is_file():
        return _crate(name)
    if (Path(name) / "params.yaml").is_file():
        params = load_params(Path(name))
        paths = Paths(Path(name).resolve(), params.profile)
    elif "/" in name:
        raise HarnessError(f"expected an archive or a clone at {name}, found none", fix="give the path of one")
    else:
        params, paths = look_at_project(name)
    judged = find_results(params, paths)
    if judged.source == "nothing":
        raise HarnessError(
            f"expected results of {name}, found none",
            fix=f"run `harness profile {params.profile}` and `make repro` in {paths.root}",
        )
    found = verify_results(judged, params, paths)
    settings = params.model_dump(mode="json")
    return Side(name=name, verification=found, results=dict(judged.checked.results), settings=settings)


def _crate(name: str) -> Side:
    from harness.exchange.judged.read import is_judged
    from harness.exchange.read import read_crate
    from harness.pages.diff.record import Side

    if is_judged(Path(name)):
        raise HarnessError(
            f"expected an archive of `harness export`, found one of `harness judge`: {name}",
            fix=f"run `harness verify {name}` on each, and compare their claims, hashes and verdicts",
        )
    read = read_crate(Path(name), paths_here())  # outside of a clone it has its own rules
    return Side(
        name=name, verification=read.verification, results=dict(read.results),
        settings=read.params.model_dump(mode="json"),
    )  # fmt: skip
