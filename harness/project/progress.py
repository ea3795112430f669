"""Progress for people: a bar where there is a terminal, one line per finished unit everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar of `total` steps on a terminal's standard error; elsewhere a line at each quarter of a long run.

    Yields `advance`, to be called once per step; its arguments are ignored.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            job = bar.add_task(label, total=total)
            yield lambda *_: bar.advance(job)
        return
    done = 0

    def advance(*_: object) -> None:
        nonlocal done
        done += 1
        if total >= LONG and done % (total // 4) == 0 and done < total:
            print(f"{label}: step {done} of {total}", file=sys.stderr, flush=True)

    yield advance


@contextmanager
def grid_progress(total: int, to_stderr: bool = False) -> Iterator[Callable[[str, int, float], None]]:
    """A bar of `total` units on a terminal's standard error; everywhere a line for each unit that has ended.

    Yields `show(line, done, left_s)`. `to_stderr`: the lines go there too.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("grid"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            job = bar.add_task("", total=total)

            def show(line: str, done: int, left_s: float) -> None:
                bar.console.print(line, markup=False, highlight=False)
                bar.update(job, completed=done, description=f"about {left_s / 60:.0f} min left")

            yield show
        return
    stream = sys.stderr if to_stderr else sys.stdout
    yield lambda line, *_: print(line, file=stream, flush=True)


@contextmanager
def transfer_progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar of `total` bytes on a terminal's standard error; elsewhere a line at each quarter of a large file.

    Yields `advance`, to be called with the bytes of each piece (below zero where a transfer starts again).
    """
    if sys.stderr.isatty():
        from rich import progress as rich
        from rich.console import Console

        columns = (
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.DownloadColumn(),
            rich.TransferSpeedColumn(),
            rich.TimeRemainingColumn(),
        )
        with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            job = bar.add_task(label, total=total)
            yield lambda size: bar.advance(job, size)
        return
    done, quarters = 0, 0

    def advance(size: int) -> None:
        nonlocal done, quarters
        done += size
        if total >= LARGE and done * 4 // total > quarters:
            quarters = done * 4 // total
            print(f"{label}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB", file=sys.stderr, flush=True)

    yield advance


LONG = 500
"""Steps from which a run without a terminal reports its quarters."""

LARGE = 100_000_000
"""Bytes from which a transfer without a terminal reports its quarters."""
