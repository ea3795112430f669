"""How often the verifier errs, read from the page that `harness verifier report` wrote from its simulation."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from harness.pages.report.record import ErrorRate

COLUMNS = ("claims", "false, replaced", "false, today's", "right, truth 0", "right, truth 2")
"""The headers of the page's first table, as harness/pages/verifier/answer.py writes them."""
CHANGE = "→"
"""Stands between the rate of the rule before and that of today's."""


def error_rates(page: Path) -> list[ErrorRate]:
    """The lines of the table; empty where there is no such page or table."""
    lines = page.read_text(encoding="utf-8").splitlines() if page.is_file() else []
    heads = [place for place, line in enumerate(lines) if _fields(line) == COLUMNS]
    if not heads:
        return []
    below = takewhile(lambda line: line.startswith("|"), lines[heads[0] + 2 :])
    return [
        ErrorRate(situation=situation.replace("`", ""), false_percent=float(false), right=_today(right))
        for situation, _, false, right, _ in map(_fields, below)
    ]


def _today(right: str) -> str:
    """Of the rates of the rule before and of today's the second."""
    return right.split(CHANGE)[-1].strip()


def _fields(line: str) -> tuple[str, ...]:
    return tuple(field.strip() for field in line.strip().strip("|").split("|"))
