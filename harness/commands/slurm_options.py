"""The options that speak of a Slurm cluster, which `harness repro` and `harness plan` have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from harness.project.errors import HarnessError

SLURM = "--slurm"
Partition = Annotated[
    str | None,
    typer.Option(
        SLURM,
        metavar="[PARTITION]",
        help="Run the units as job arrays of the Slurm cluster whose login node this is; PARTITION: in which of its"
        " partitions, default: Slurm's own.",
    ),
]
PlannedPartition = Annotated[
    str | None,
    typer.Option(
        SLURM,
        metavar="[PARTITION]",
        help="Print instead the job arrays that `harness repro --slurm` would submit; no Slurm need be there.",
    ),
]
Options = Annotated[
    str,
    typer.Option(
        "--slurm-args",
        metavar='"--OPTION=VALUE ..."',
        help="With --slurm: further options of sbatch, in their long form: an account, a time limit, a constraint.",
    ),
]


def with_partition(arguments: Sequence[str]) -> list[str]:
    """The command line with an empty partition behind a `--slurm` that names none, which typer would refuse."""
    found: list[str] = []
    for place, word in enumerate(arguments):
        found.append(word)
        if word == SLURM and (place + 1 == len(arguments) or arguments[place + 1].startswith("-")):
            found.append("")
    return found


def check_options(slurm: str | None, options: str) -> None:
    """HarnessError where sbatch is given options that no Slurm is meant for."""
    if options and slurm is None:
        raise HarnessError("expected --slurm beside --slurm-args, found --slurm-args alone", fix="add `--slurm`")
