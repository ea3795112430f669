"""`harness verifier ...`: the verifier itself, looked at from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="How the verifier decides, and how often it errs.")


@app.command("report")
def verifier_report(
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("docs/verifier.md"),
) -> None:
    """Measure the verifier's error rates by simulation and write docs/verifier.md with a picture (about a minute).

    Draws gains whose truth is known, judges them by the rule of `harness verify`, and counts false verdicts. Needs no
    results and no profile; the draws are always the same, so the page is, too.
    """
    from harness.pages.verifier.page import write_page
    from harness.project.paths import project_root
    from harness.verify.statistics.simulation import simulate

    path = project_root() / out
    write_page(simulate(say=lambda what: typer.echo(f"measuring {what}", err=True)), path)
    typer.echo(f"written: {path}")
