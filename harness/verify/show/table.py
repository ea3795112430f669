"""A Verification as plain text for people: the verdict word first, columns aligned, numbers in points."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from tabulate import tabulate

from harness.verify.verdicts.verdict import ClaimVerdict

WIDTH = 150
"""Columns of the widest line."""
FOUND_WIDTH = 12
"""Columns of what was found, in words; more goes on in the next line."""
HEADERS = (
    "verdict",
    "claim",
    "expected",
    "measured",
    "interval (adj.\nfor looks)",
    "without retrieval",
    "direction",
    "seeds",
    "note",
)
SPLIT = "of test sets, also for claims on development sets (`harness claims show ID` says why)"
"""Which split is judged, in words."""
DIRECTIONS = {True: "agrees", False: "disagrees", None: "unclear"}


def claims_table(verdicts: list[ClaimVerdict]) -> str:
    """One line per claim, what is measured first."""
    rows = [HEADERS, *(_row(verdict) for verdict in in_order(verdicts))]
    columns = list(zip(*rows, strict=True))[:-1]
    others = [max(len(line) for cell in column for line in cell.splitlines()) for column in columns]
    note_width = WIDTH - sum(others) - 2 * len(others)  # a longer note goes on in the next line
    return tabulate(
        rows, tablefmt="plain", disable_numparse=True, maxcolwidths=[*(None for _ in others), max(note_width, 20)]
    )


def in_order(verdicts: list[ClaimVerdict]) -> list[ClaimVerdict]:
    """What is measured first, then the facts of the data, each part in the registry's order."""
    return sorted(verdicts, key=lambda verdict: (verdict.expected is None, verdict.is_fact))


def _row(verdict: ClaimVerdict) -> tuple[str, ...]:
    share = verdict.is_share
    beside = [f"{recipe} {gain:+.1f}" for recipe, gain in verdict.beside.items()]
    return (
        verdict.verdict,
        verdict.id,
        verdict.expected or "-",
        "\n".join(textwrap.wrap(verdict.found, FOUND_WIDTH)) if verdict.found else show_points(verdict.measured, share),
        show_interval(verdict.interval, share),
        show_points(verdict.without_retrieval),
        DIRECTIONS[verdict.agrees] if verdict.measured is not None else "-",
        str(verdict.n_seeds) if verdict.n_seeds else "-",
        ", ".join(filter(None, [verdict.note, *beside])),
    )


def show_points(value: float | None, share: bool = False) -> str:
    """A value in points with its sign, or a share of recipes in per cent."""
    if value is None:
        return "-"
    return f"{value:.0%}" if share else f"{value:+z.1f}"


def show_interval(ends: tuple[float, float] | None, share: bool = False) -> str:
    """Both ends as `show_points` shows them."""
    if ends is None:
        return "-"
    low, high = (show_points(end, share) for end in ends)
    return f"[{low}, {high}]"


def by_reason(verdicts: Iterable[ClaimVerdict]) -> dict[str, list[str]]:
    """Each distinct reason once -> the claims that it holds for."""
    claims: dict[str, list[str]] = {}
    for verdict in verdicts:
        for reason in verdict.reasons:
            claims.setdefault(reason, []).append(verdict.id)
    return claims


def reason_lines(verdicts: list[ClaimVerdict]) -> list[str]:
    """Every distinct reason once, before it the claims that it holds for; a last line is empty."""
    lines: list[str] = []
    for reason, names in by_reason(in_order(verdicts)).items():
        text = f"{', '.join(names)}: {reason}"
        lines.extend(textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False))
    return [*lines, ""] if lines else []
