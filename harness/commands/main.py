"""The command line: puts the commands together. A command is a thin function; heavy imports are inside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from harness import __version__
from harness.commands import (
    checkpoints,
    claims,
    data,
    diff,
    encoder,
    exchange,
    image,
    judge,
    open_project,
    pages,
    pin,
    plan,
    project,
    repro,
    verify,
)
from harness.commands import run as stages
from harness.commands.groups import HEADINGS, Grouped
from harness.commands.slurm_options import with_partition
from harness.project.errors import HarnessError
from harness.project.exits import INTERRUPTED, MISTAKE, exit_code_of, exit_with
from harness.project.names import check_words

app = typer.Typer(
    name="harness",
    cls=Grouped,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    verify.verify,
    judge.judge,
    repro.repro,
    plan.plan,
    project.profile,
    project.tasks,
    project.doctor,
    exchange.export,
    exchange.track,
    diff.diff,
    pages.report,
    pages.study,
    pages.degradation,
    pages.layers,
)
GROUPS = {
    "run": stages.app,
    "data": data.app,
    "pin": pin.app,
    "encoder": encoder.app,
    "checkpoints": checkpoints.app,
    "image": image.app,
    "verifier": pages.verifier,
    "claims": claims.app,
}
PLACES = {name: (heading, words) for heading, names in HEADINGS.items() for name, words in names.items()}
for command in COMMANDS:
    heading, words = PLACES[command.__name__]
    app.command(rich_help_panel=heading, short_help=words)(command)
for name, group in GROUPS.items():
    heading, words = PLACES[name]
    app.add_typer(group, name=name, rich_help_panel=heading, short_help=words)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def harness(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Re-run cross-lingual intermediate-task training experiments with everything pinned, and decide each claim.

    Start in your clone of the project. `harness verify` judges the results that are there, `harness claims` lists what
    is claimed, `harness plan` shows what would run and what it costs; `make repro` runs what is stale, then prints the
    verdicts. Settings live in params.yaml, the active profile (`harness profile`); no option overrides them.
    """


def main() -> None:
    """The command that the command line names; raises SystemExit with its exit code."""
    exit_with(lambda: run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a user's mistake is one paragraph and exit code 2."""
    return exit_code_of(lambda: _call(arguments))


def _broken_record() -> HarnessError | None:
    """What of the project's records is broken, where there is a project."""
    from harness.commands.broken_records import broken_record

    try:
        return broken_record(open_project()[1])
    except HarnessError:
        return None


def _call(arguments: Sequence[str]) -> int:
    check_words(arguments)
    try:
        code = app(with_partition(arguments), prog_name="harness", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        if type(error).__module__.startswith(("click", "typer")):
            error.show()  # type: ignore[attr-defined]
            return MISTAKE
        puzzled = isinstance(error, (LookupError, TypeError, ValueError, AttributeError, RecursionError, OverflowError))
        if puzzled and (broken := _broken_record()) is not None:
            raise broken from error
        raise
    if code == INTERRUPTED:  # typer itself turns Ctrl-C into this code, without a word
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0
