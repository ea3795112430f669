"""What the pages that commands write share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[Any]], left: str = "") -> str:
    """A Markdown table; the first `len(left)` columns are aligned left, the others right."""
    align = ["left"] * len(left) + ["right"] * (len(headers) - len(left))
    return tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True, colalign=align)
