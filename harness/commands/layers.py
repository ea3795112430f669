"""`harness layers`: retrieval scores by hidden layer, of checkpoints that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import ProfileName, open_project
from harness.project.errors import HarnessError


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(layers)


def layers(
    recipes: Annotated[
        str | None, typer.Option(help="Recipes of the grid, by commas (default: all); `none` always goes with them.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds of the grid, by commas (default: all).")] = None,
    out: Annotated[Path, typer.Option(help="Where to write the page; its picture lies beside it.")] = Path(
        "docs/layers.md"
    ),
    profile: ProfileName = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what was measured as JSON too.")] = False,
) -> None:
    """Score bucc and tatoeba at every hidden layer of the recipes' checkpoints, and write a page with a curve.

    Says how much of the average gain comes from retrieval, and how far that hangs on the layer. It chooses nothing:
    the cells keep the layer that params.yaml pins. Needs the run's checkpoints (`make repro`); those of the
    laboratory take about a minute.
    """
    from harness.pages.layers.page import write_page
    from harness.pages.layers.record import read_layers

    params, paths = open_project(profile)
    record = read_layers(params, paths, _names(recipes), _numbers(seeds))
    write_page(record, paths.root / out)
    if json_:
        typer.echo(record.model_dump_json(indent=1))
    typer.echo(f"written: {paths.root / out}", err=json_)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _numbers(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(number) for number in text.split(",")]
    except ValueError:
        raise HarnessError(
            f"expected seeds such as 1,2,3, found {text!r}", fix="give numbers with commas between them"
        ) from None
