"""What a terminal can show: columns, symbols, colour; and tables that fit it, laid out by rich.

Text is laid out without colour, the same for a file and for a terminal. Colour is laid over known words at the very
end, so nothing is said by colour alone.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 150
"""Columns of the widest line, and of every line of a file."""
NARROWEST = 60
"""Columns of the narrowest text; a terminal that has fewer breaks lines itself."""
GAP = 2
"""Columns between two columns of a table; 1 where that alone makes it fit."""
ROOMY = 36
"""Columns that are room enough for a text that goes on in the next line."""
CODE = re.compile(r"`[^`\n]+`")
UNBROKEN = "\0"
"""Stands for a space at which no line is broken, while lines are made."""
EMPTY = ("", "-")
"""Cells that say nothing."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    header: str
    """A noun, with a unit where one is needed; a line break may stand in it."""
    cells: Sequence[str]
    """Its text, row by row."""
    rank: int = 0
    """The lowest come first where there is no room for all. Up to 0 a column stands wherever its words fit; a higher
    one where its text does (of one that wraps: ROOMY columns of it), and not if no cell says anything."""
    wraps: bool = False
    """May its text go on in the next line, between words?"""

    @property
    def widest(self) -> int:
        """Columns of the terminal that its longest line takes."""
        return max(len(line) for cell in (self.header, *self.cells) for line in cell.split("\n"))

    @property
    def roomy(self) -> int:
        """Columns that are enough for it."""
        return min(self.widest, max(ROOMY, self.narrowest)) if self.wraps else self.widest

    @property
    def narrowest(self) -> int:
        """Columns without which a word would break."""
        if not self.wraps:
            return self.widest
        return max(len(word) for cell in (self.header, *self.cells) for word in cell.split() or [""])


def terminal_width() -> int:
    """Columns of the terminal that is printed to, from NARROWEST to WIDTH; WIDTH where it is none, as for a file."""
    return max(NARROWEST, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def fitting(columns: Sequence[Column], width: int) -> tuple[list[Column], int]:
    """The columns that stand in `width` columns of a terminal, in their order, and the gap between them."""
    for gap in (GAP, 1):
        if _taken([column.widest for column in columns if column.rank <= 0], gap) <= width:
            break
    kept: list[Column] = []
    for column in sorted(columns, key=lambda column: column.rank):
        tried = [*kept, column]
        if column.rank <= 0:
            fits = _taken([one.narrowest for one in tried], gap) <= width
        else:
            fits = says_something(column) and _taken([one.roomy for one in tried], gap) <= width
        kept = tried if fits else kept
    return [column for column in columns if column in kept], gap


def _taken(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def says_something(column: Column) -> bool:
    """Does a cell of it hold more than that there is nothing?"""
    return any(cell not in EMPTY for cell in column.cells)


def table_lines(columns: Sequence[Column], width: int) -> list[str]:
    """The table of the columns that fit, as lines without colour; no word is broken."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown, gap = fitting(columns, width)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="")
    for column in shown:
        table.add_column(Text(column.header), no_wrap=not column.wraps, min_width=column.narrowest)
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*map(Text, row))
    out = StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def paragraph(text: str, width: int, label: str = "", indent: int = 4) -> list[str]:
    """Lines of a text behind its label; what goes on stands below the text, or set in where there is no label. What
    stands in `backticks`, a command to copy, is never broken, and its line can be longer.
    """
    whole = CODE.sub(lambda found: found[0].replace(" ", UNBROKEN), text)
    lines = textwrap.wrap(
        label + whole,
        width,
        subsequent_indent=" " * (len(label) or indent),
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [line.replace(UNBROKEN, " ") for line in lines]


def shows_symbols() -> bool:
    """Is standard output a terminal that shows more than letters (not TERM=dumb)?"""
    from rich.console import Console

    console = Console(file=sys.stdout)
    return console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf")


def say(text: str, styles: Mapping[str, str]) -> None:
    """Print to standard output; on a terminal that shows colours (NO_COLOR is not set) each style's words in it.

    `styles`: a style of rich -> a regular expression of the words.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    if console.color_system is None or console.no_color:
        print(text)
        return
    coloured = Text(text)
    for style, words in styles.items():
        coloured.highlight_regex(words, style)
    console.print(coloured, soft_wrap=True)
