"""`harness pin ...`: keep results of this run as the pinned reference."""

from __future__ import annotations

import typer

from harness.commands import open_project

app = typer.Typer(no_args_is_help=True, help="Keep results of this run as the pinned reference.")


@app.command("results")
def pin_results() -> None:
    """Keep this run's scores and predictions under reference/<profile>/, with the machine that made them.

    Of real data the predictions are not kept, which may hold pieces of its rows: only their hashes.
    """
    from harness.audit.pin_results import pin_results as keep

    params, paths = open_project()
    typer.echo(keep(params, paths))
