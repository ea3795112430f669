"""`harness checkpoints ...`: what the checkpoints of intermediate trainings weigh, and dropping those nothing needs."""

from __future__ import annotations

import typer

from harness.commands import open_project

app = typer.Typer(no_args_is_help=True, help="Checkpoints of intermediate trainings: their size, and who needs them.")


@app.command("list")
def checkpoints_list() -> None:
    """List the checkpoints that are there, the size of their weights, and the unfinished cells that need them."""
    from harness.pipeline.checkpoints import render_checkpoints

    typer.echo(render_checkpoints(*open_project()))


@app.command("drop")
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
