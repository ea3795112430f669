"""Commands on claims and verdicts: they look at results and references, and import nothing that trains."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import ProfileName, open_project
from harness.errors import HarnessError


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(verify)


def verify(
    claim: Annotated[
        str | None, typer.Argument(help="Judge this claim alone, see `harness claims`.", metavar="[CLAIM]")
    ] = None,
    profile: ProfileName = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print how the claim's verdict follows from its cells, step by step.")
    ] = False,
    run: Annotated[
        bool, typer.Option("--run", help="First run what the claim needs and nothing else (`harness plan --claim`).")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the whole verification as JSON.")] = False,
) -> int:
    """Judge the results: integrity (V0), agreement with our pinned results (V2), a verdict per claim (V3).

    Where nothing has run yet, the pinned results are judged. With the id of a claim only its own cells are looked at,
    and the exit code is that claim's. Exit code: 0 everything decidable is reproduced, 1 some not reproduced, 2 some
    inconclusive (or a mistake in the input), 3 invalid.
    """
    from harness.verify import render, verify_all

    if claim is None and (explain or run):
        option = "--explain" if explain else "--run"
        raise HarnessError(f"expected a claim with {option}, found none", fix="name one: `harness claims` lists them")
    params, paths = open_project(profile)
    if claim is None:
        found = verify_all(params, paths)
        typer.echo(found.model_dump_json(indent=1) if json_ else render(found))
        return found.exit_code
    from harness.verify.single import render_single, verify_claim

    if run and not _run_claim(claim, profile, json_):
        return 2
    found = verify_claim(claim, params, paths)
    typer.echo(found.model_dump_json(indent=1) if json_ else render_single(found, paths, explain))
    return found.exit_code


def _run_claim(claim: str, profile: str | None, to_stderr: bool) -> bool:
    """Run the stages that the claim needs; False where one of them failed."""
    from harness.launch.pipeline import reproduce
    from harness.plan_claim import stages_to_run

    params, paths = open_project()
    if profile is not None and profile != params.profile:
        raise HarnessError(
            f"expected --run with the active profile {params.profile}, found --profile {profile}",
            fix=f"run `harness profile {profile}` first",
        )
    stages = stages_to_run(claim, params, paths)
    return reproduce(paths, stages, to_stderr) if stages else True
