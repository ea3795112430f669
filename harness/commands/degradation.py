"""The command on the research question itself: how far low-resource languages are degraded. Nothing here trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands import ProfileName, open_project


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(degradation)


def degradation(
    profile: ProfileName = None,
    json_: Annotated[bool, typer.Option("--json", help="Print all as JSON, gains by language included.")] = False,
    figures: Annotated[
        Path | None, typer.Option(help="Write both figures (PNG and SVG) into this folder.", metavar="DIR")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write a page with the PNG figures beside it.", metavar="FILE")
    ] = None,
) -> None:
    """How far does intermediate training degrade low-resource languages? One answer, tables, figures (seconds).

    From the results that `harness verify` judges, by language. What a low-resource language is, what counts as degraded
    and how it is tested was fixed beforehand in reference/low_resource.yaml; sizes are in reference/languages.yaml.
    Only on the encoder and data that the question names does the answer decide it; it says what it is about.
    """
    from harness.pages.degradation.figures import write_figures
    from harness.pages.degradation.page import render_text, write_page
    from harness.pages.degradation.record import read_degradation

    params, paths = open_project(profile)
    found = read_degradation(params, paths)
    typer.echo(found.model_dump_json(indent=1) if json_ else render_text(found))
    written = write_figures(found, paths.root / figures) if figures else []
    written += [write_page(found, paths.root / page)] if page else []
    for path in written:
        typer.echo(f"written: {path}", err=True)
