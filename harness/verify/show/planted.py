"""The laboratory's own claims as a table: the verdict, what was found, what had been planted, and whether that fits."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tabulate import tabulate

from harness.verify.show.table import show_interval, show_points
from harness.verify.verdicts.planted import compare_with_truth
from harness.verify.verdicts.verdict import ClaimVerdict

PLANTED_WIDTH = 40
"""Columns of what was planted; more goes on in the next line."""
HEADERS = ("verdict", "claim", "claimed", "measured", "interval", "seeds", "planted", "right", "")


def planted_table(verdicts: Sequence[ClaimVerdict]) -> str:
    """One line per claim of the laboratory's own. Raises ValueError for a published one."""
    rows = [HEADERS, *(_row(verdict) for verdict in verdicts)]
    widths = [None] * 6 + [PLANTED_WIDTH, None, None]
    return tabulate(rows, tablefmt="plain", disable_numparse=True, maxcolwidths=widths)


def planted_paragraphs(verdicts: Sequence[ClaimVerdict], width: int) -> str:
    """The same where a terminal has too few columns for the table: a paragraph per claim, verdict and name first."""
    lines: list[str] = []
    for verdict in verdicts:
        word, name, *values, found = _row(verdict)
        lines.append(f"{word}  {name}: {found}")
        parts = [f"{label} {value}" for label, value in zip(HEADERS[2:], values, strict=False) if value != "-"]
        lines += textwrap.wrap("; ".join(parts), width, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return "\n".join(lines)


def _row(verdict: ClaimVerdict) -> tuple[str, ...]:
    found, share = compare_with_truth(verdict), verdict.is_share
    truth = verdict.truth
    assert truth is not None, "compare_with_truth refuses a published claim"
    return (
        verdict.verdict,
        verdict.id,
        verdict.expected or "-",
        show_points(verdict.measured, share),
        show_interval(verdict.interval, share),
        str(verdict.n_seeds) if verdict.n_seeds else "-",
        truth.planted,
        truth.verdict,
        found,
    )
