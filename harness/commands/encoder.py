"""`harness encoder ...`: what the encoder knows, and how one from a folder is pinned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import open_project

app = typer.Typer(no_args_is_help=True, help="The encoder: what it knows, and the settings of one from a folder.")


@app.command("report")
def encoder_report(
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("docs/encoder.md"),
) -> None:
    """Measure the encoder, of whatever source, beside a random one and simple baselines; write docs/encoder.md.

    The random one has the same configuration and tokenizer. Both train every trained target of the grid at its first
    seed: minutes in the laboratory, about as long as two recipes at one seed elsewhere.
    """
    from harness.pages.encoder.record import write_report

    params, paths = open_project()
    typer.echo(f"written: {write_report(params, paths, out)}")


@app.command("pin")
def encoder_pin(
    folder: Annotated[Path, typer.Argument(help="Holds config.json, model.safetensors and tokenizer.json.")],
) -> None:
    """Print the `encoder` settings that pin an encoder of your own, for params.yaml or a profile.

    Loads it first: a family that is not known, or files that don't fit together, are refused.
    """
    import yaml

    from harness.experiment.share import pinned_folder
    from harness.project.paths import project_root

    settings = pinned_folder(folder, project_root()).model_dump()
    ordered = {name: settings.pop(name) for name in ("source", "name", "folder")} | settings
    typer.echo(yaml.safe_dump({"encoder": ordered}, sort_keys=False, allow_unicode=True, width=120), nl=False)
