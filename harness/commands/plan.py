"""`harness plan`: what would run, what is there, and what the rest costs; of the grid or of one claim."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands import ProfileName, look_at_project
from harness.commands.slurm_options import Options, PlannedPartition, check_options
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
    slurm: PlannedPartition = None,
    slurm_args: Options = "",
) -> None:
    """Print the grid: every cell, what is done, what is stale, and what the rest will cost.

    Of a profile that hasn't been timed, or with --gpu: its steps, tokens, GPU-hours and disk, before anything runs.

    With --power: the number of seeds with which each claim, were it true, would come out so with probability 80 %, by
    the looks of reference/design.yaml, at several spreads of a gain and at that of this profile's own results; and the
    cells that these are.

    With --slurm: the job arrays that `harness repro --slurm` would submit, what each waits for, what a unit asks for,
    and the core hours.
    """
    check_options(slurm, slurm_args)
    others = {"--gpu": gpu, "--unverified": unverified, "--claim": claim, "--stages": only_stages, "--power": power}
    if slurm is not None and (named := [option for option, given in others.items() if given]):
        raise HarnessError(f"expected --slurm or {named[0]}, found both", fix="leave one out")
    if sigma is not None and not power:
        raise HarnessError("expected --power beside --sigma, found --sigma alone", fix="add `--power`")
    if power and (gpu is not None or unverified or only_stages):
        option = "--gpu" if gpu is not None else "--unverified" if unverified else "--stages"
        raise HarnessError(f"expected --power or {option}, found both", fix="leave one out")
    from harness.pipeline.plan import render_plan

    params, paths = look_at_project(profile)
    if only_stages and claim is None:
        raise HarnessError("expected --claim with --stages, found none", fix="name one: `harness claims` lists them")
    if slurm is not None:
        from harness.launch.slurm.plan_text import render_arrays
        from harness.launch.slurm.resources import Wish, read_options

        typer.echo(render_arrays(params, paths, Wish(slurm, read_options(slurm_args))))
        return
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
