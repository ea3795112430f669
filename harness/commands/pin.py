"""`harness pin ...`: keep results of this run as the pinned reference."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import open_project

app = typer.Typer(no_args_is_help=True, help="Keep results of this run as the pinned reference.")


@app.command("results")
def pin_results(
    recipe: Annotated[str | None, typer.Option(help="Add the cells of this recipe alone to what is pinned.")] = None,
    seed: Annotated[int | None, typer.Option(help="Add the cells at this seed alone.")] = None,
) -> None:
    """Keep this run's scores and predictions under reference/<profile>/, with the machine that made them.

    The whole run replaces what was pinned. With --recipe, --seed or both, those cells are added, once the baseline is
    pinned at their seed; on a clone with the same inputs `harness repro --pinned` takes them over and runs the rest.

    Of real data predictions that may hold words of its rows are not kept: only their hashes, and how each row came out.
    """
    from harness.audit.pin_results import pin_results as keep

    params, paths = open_project()
    typer.echo(keep(params, paths, recipe, seed))
