"""The laboratory's own claims as a table: the verdict, what was found, what had been planted, and whether that fits."""

from __future__ import annotations

from collections.abc import Sequence

from harness.project.terminal import Column
from harness.verify.show.table import FOUND, NAME, seeds_column, show_interval, show_points, verdict_column
from harness.verify.verdicts.planted import compare_with_truth
from harness.verify.verdicts.verdict import ClaimVerdict


def planted_columns(verdicts: Sequence[ClaimVerdict], symbols: bool = False) -> list[Column]:
    """The columns of the laboratory's own claims, a row for each. Raises ValueError for a published one."""
    findings = [compare_with_truth(verdict) for verdict in verdicts]
    truths = [verdict.truth for verdict in verdicts if verdict.truth]
    shares = [(verdict, verdict.is_share) for verdict in verdicts]
    return [
        verdict_column(verdicts, symbols),
        Column("planted effect", [verdict.id for verdict in verdicts], NAME),
        Column("claimed", [verdict.expected or "-" for verdict in verdicts], 1),
        Column("measured", [show_points(verdict.measured, share) for verdict, share in shares]),
        Column("interval", [show_interval(verdict.interval, share) for verdict, share in shares], wraps=True),
        seeds_column(verdicts, 3),
        Column("planted", [truth.planted for truth in truths], 4, wraps=True),
        Column("right verdict", [truth.verdict for truth in truths], 2),
        Column("found", findings, FOUND),
    ]


def planted_lines(verdicts: Sequence[ClaimVerdict]) -> dict[str, str]:
    """Claim -> what was planted, and which verdict that makes right, in a sentence."""
    return {
        verdict.id: f"planted {verdict.truth.planted}; right is {verdict.truth.verdict}: {verdict.truth.reason}"
        for verdict in verdicts
        if verdict.truth
    }
