"""The record of what differs -> tables that fit a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.pages.diff.record import Change, Diff, ScoreChange
from harness.project.errors import name_some

if TYPE_CHECKING:
    from rich.console import Console

MOST = 20
"""Rows of a table; `--json` has all of them."""


def print_diff(found: Diff, console: Console) -> None:
    """Print the answer first, then a table for each part that differs."""
    console.print(answer(found), soft_wrap=False)
    console.print(f"A  {found.a}")
    console.print(f"B  {found.b}")
    _changes(console, "Claims", "claim", found.claims)
    _scores(console, found.scores)
    for side, cells in (("A", found.only_a), ("B", found.only_b)):
        if cells:
            console.print(f"\nCells only in {side}, {len(cells)}: {name_some(cells)}")
    if found.inputs:
        counts = ", ".join(f"{name} of {count}" for name, count in found.inputs.items())
        console.print(f"\nInputs that differ, cells: {counts}")
    _changes(console, "Settings", "setting", found.settings)
    _changes(console, "Machines", "what", found.machines)


def answer(found: Diff) -> str:
    """What differs, in one sentence."""
    if found.is_same:
        return f"Nothing differs: {found.cells_in_both} cells, {found.same_predictions} with the same predictions."
    changed = [one for one in (one.points for one in found.scores) if one is not None]
    largest = f", by at most {max(map(abs, changed)):.2f} points" if changed else ""
    return (
        f"Claims that differ: {len(found.claims)}; {len(found.scores)} of {found.cells_in_both} cells in both have"
        f" another score{largest}; {found.same_predictions} the same predictions."
    )


def _changes(console: Console, title: str, head: str, changes: Sequence[Change]) -> None:
    _table(console, title, (head, "A", "B"), [(one.what, one.a or "-", one.b or "-") for one in changes])


def _scores(console: Console, changes: Sequence[ScoreChange]) -> None:
    rows = [(one.cell, _points(one.a), _points(one.b), _signed(one.points)) for one in changes]
    _table(console, "Scores (points)", ("cell", "A", "B", "B - A"), rows, numbers=True)


def _table(
    console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = False
) -> None:
    if not rows:
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if numbers and place else "left", overflow="fold")
    for row in rows[:MOST]:
        table.add_row(*map(Text, row))
    console.print()
    console.print(table)
    if len(rows) > MOST:
        console.print(f"and {len(rows) - MOST} more (`--json` has them)")


def _points(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+z.2f}"
