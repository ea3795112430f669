"""`harness plan`: what would run, what is there, and what the rest costs; of the grid or of one claim."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import ProfileName, look_at_project
from harness.project.errors import HarnessError


def plan(
    profile: ProfileName = None,
    gpu: Annotated[
        str | None, typer.Option(help="Count time on this device of benchmarks/throughput.json.", metavar="NAME")
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="List instead what nobody confirmed: settings and published inputs.")
    ] = False,
    claim: Annotated[
        str | None, typer.Option(help="Plan only what this claim needs, see `harness claims`.", metavar="ID")
    ] = None,
    only_stages: Annotated[
        bool, typer.Option("--stages", help="With --claim: print only the DVC stages to run, one a line.")
    ] = False,
    power: Annotated[
        bool,
        typer.Option("--power", help="Print instead how many seeds each measured claim (or --claim ID) would need."),
    ] = False,
    sigma: Annotated[
        float | None,
        typer.Option(help="With --power: the spread of one seed's gain, in points.", metavar="S"),
    ] = None,
) -> None:
    """Print the grid: every cell, what is done, what is stale, and what the rest will cost.

    Of a profile that hasn't been timed, or with --gpu: its steps, tokens, GPU-hours and disk, before anything runs.

    With --power: the number of seeds with which each claim, were it true, would come out so with probability 80 %, by
    the looks of reference/design.yaml, at several spreads of a gain and at that of this profile's own results; and the
    cells that these are.
    """
    if sigma is not None and not power:
        raise HarnessError("expected --power beside --sigma, found --sigma alone", fix="add `--power`")
    if power and (gpu is not None or unverified or only_stages):
        option = "--gpu" if gpu is not None else "--unverified" if unverified else "--stages"
        raise HarnessError(f"expected --power or {option}, found both", fix="leave one out")
    from harness.pipeline.plan import render_plan

    params, paths = look_at_project(profile)
    if only_stages and claim is None:
        raise HarnessError("expected --claim with --stages, found none", fix="name one: `harness claims` lists them")
    if power:
        from harness.pipeline.power_plan import render_power

        typer.echo(render_power(params, paths, sigma, claim))
        return
    if claim is not None:
        from harness.pipeline.claim_plan import render_claim_plan, stages_to_run

        lines = stages_to_run(claim, params, paths) if only_stages else [render_claim_plan(claim, params, paths, gpu)]
        typer.echo("\n".join(lines))
        return
    if unverified:
        from harness.pipeline.unverified import render_unverified
        from harness.project.tasks import load_tasks

        path = paths.params if profile is None else paths.profile_file
        typer.echo(render_unverified(path, params, load_tasks(params.data.tasks, paths.tasks)))
        return
    typer.echo(render_plan(params, paths, gpu))
