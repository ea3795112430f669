"""Commands on claims and verdicts: they look at results and references, and import nothing that trains."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import ProfileName, open_project


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(verify)


def verify(
    profile: ProfileName = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Neither hash large files nor re-score; V0 says what was left out.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the whole verification as JSON.")] = False,
) -> int:
    """Judge the results: integrity (V0), agreement with our pinned results (V1, V2), a verdict per claim (V3).

    V0 hashes every file, computes every metric again from the stored predictions and the gold rows, and compares what
    lies here with dvc.lock. V1: on the same class of machine the predictions are the same bytes. V2: on any other the
    scores lie within a tolerance. V3: each claim's interval against its margin.

    Where nothing has run yet, the pinned results are judged. Exit code: 0 everything decidable is reproduced,
    1 some not reproduced, 2 some inconclusive (or a mistake in the input), 3 invalid.
    """
    from harness.verify import render, verify_all

    params, paths = open_project(profile)
    found = verify_all(params, paths, quick)
    typer.echo(found.model_dump_json(indent=1) if json_ else render(found))
    return found.exit_code
