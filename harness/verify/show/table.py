"""Verdicts as tables that fit their terminal: the verdict word first, numbers in points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.project.terminal import Column
from harness.verify.verdicts.verdict import ClaimVerdict

SPLIT = "of test sets, also for claims on development sets (`harness claims show ID` says why)"
"""Which split is judged, in words."""
NAME, FOUND = -2, -1
"""Ranks of the columns that a table is nothing without, and of the one that matters most beside them."""
SYMBOLS = {
    "REPRODUCED": "✓",
    "CONFIRMED": "✓",
    "NOT_REPRODUCED": "✗",
    "REFUTED": "✗",
    "INVALID": "!",
    "INCONCLUSIVE": "?",
    "UNDERPOWERED": "?",
    "NOT_TESTED": "·",
}
"""Verdict -> the sign that stands before it on a terminal."""


def claims_columns(verdicts: Sequence[ClaimVerdict], symbols: bool = False) -> list[Column]:
    """The columns of claims that are measured, a row for each."""
    shares = [(verdict, verdict.is_share) for verdict in verdicts]
    return [
        verdict_column(verdicts, symbols),
        Column("claim", [verdict.id for verdict in verdicts], NAME),
        Column("claimed", [verdict.expected or "-" for verdict in verdicts], wraps=True),
        Column("measured", [show_points(verdict.measured, share) for verdict, share in shares]),
        Column("interval", [show_interval(verdict.interval, share) for verdict, share in shares], wraps=True),
        Column("without\nretrieval", [show_points(verdict.without_retrieval) for verdict in verdicts], 2),
        Column("replication", [verdict.replication or "-" for verdict in verdicts], 1),
        seeds_column(verdicts, 3),
        Column("note", [", ".join(notes(verdict)) for verdict in verdicts], 4, wraps=True),
    ]


def facts_columns(verdicts: Sequence[ClaimVerdict], symbols: bool = False) -> list[Column]:
    """The columns of facts of the data, a row for each."""
    return [
        verdict_column(verdicts, symbols),
        Column("fact", [verdict.id for verdict in verdicts], NAME),
        Column("expected", [verdict.expected or "-" for verdict in verdicts], wraps=True),
        Column("found", [verdict.found or "-" for verdict in verdicts], FOUND, wraps=True),
        Column("note", [", ".join(notes(verdict)) for verdict in verdicts], 1),
    ]


def verdict_column(verdicts: Sequence[ClaimVerdict], symbols: bool) -> Column:
    """The verdicts' words, each behind its sign where a terminal shows such."""
    words = [verdict.verdict for verdict in verdicts]
    return Column("verdict", [f"{SYMBOLS[word]} {word}" if symbols else word for word in words], NAME)


def seeds_column(verdicts: Sequence[ClaimVerdict], rank: int) -> Column:
    """How many seeds went into each."""
    return Column("seeds", [str(verdict.n_seeds) if verdict.n_seeds else "-" for verdict in verdicts], rank)


def notes(verdict: ClaimVerdict) -> list[str]:
    """What a reader must know of a verdict, a few words each; then gains of recipes that its source could mean too."""
    beside = [f"{recipe} {show_points(gain)}" for recipe, gain in verdict.beside.items()]
    return [*filter(None, verdict.note.split(", ")), *beside]


def in_order(verdicts: Sequence[ClaimVerdict]) -> list[ClaimVerdict]:
    """What is measured first, then the facts of the data, each part in the registry's order."""
    return sorted(verdicts, key=lambda verdict: (verdict.expected is None, verdict.is_fact))


def show_points(value: float | None, share: bool = False) -> str:
    """A value in points with its sign and never as -0.0, or a share of recipes in per cent; `-` where there is none."""
    if value is None:
        return "-"
    return f"{value:z.0%}" if share else f"{value:+z.1f}"


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
