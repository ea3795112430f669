"""`harness checkpoints ...`: what the checkpoints of intermediate trainings weigh, dropping what none needs, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import open_project

app = typer.Typer(
    no_args_is_help=True,
    help="Checkpoints of intermediate trainings: their size, who needs them, and how to take one elsewhere.",
)


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


@app.command("export")
def checkpoints_export(
    name: Annotated[str, typer.Argument(help="Recipe and seed, as `mnli-1`; of `none`: the encoder itself.")],
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """Write the encoder that a recipe hands on as transformers reads it: `AutoModel.from_pretrained(FOLDER)`.

    Configuration, weights and tokenizer; the intermediate task's head is not kept. The folder is also an encoder that
    another project can start from (`harness encoder pin FOLDER`).
    """
    params, paths = open_project()
    from harness.experiment.share import export_checkpoint

    size = export_checkpoint(name, folder, params, paths)
    typer.echo(f"written: {folder} ({size / 1e6:,.1f} MB)")
