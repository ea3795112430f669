"""A Verification as plain text for people: the verdict word first, columns aligned, numbers in points.

On a narrow terminal each claim is a paragraph instead of a line of a table.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable

from tabulate import tabulate

from harness.verify.verdicts.verdict import ClaimVerdict

WIDTH = 150
"""Columns of the widest line."""
NARROWEST = 60
"""Columns of the narrowest text; a terminal that has fewer breaks lines itself."""
LABEL = re.compile(r"(?:[\w,.-]+ )*[\w,.-]+\s{2,}(?=\S)|")
"""What stands before the text of a line in a report's head."""
FOUND_WIDTH = 12
"""Columns of what was found, in words; more goes on in the next line."""
HEADERS = (
    "verdict",
    "claim",
    "expected",
    "measured",
    "interval\n(for looks)",
    "without\nretrieval",
    "replication",
    "seeds",
    "note",
)
SPLIT = "of test sets, also for claims on development sets (`harness claims show ID` says why)"
"""Which split is judged, in words."""


def claims_table(verdicts: list[ClaimVerdict]) -> str:
    """One line per claim, what is measured first."""
    rows = [HEADERS, *(_row(verdict) for verdict in in_order(verdicts))]
    columns = list(zip(*rows, strict=True))[:-1]
    others = [max(len(line) for cell in column for line in cell.splitlines()) for column in columns]
    note_width = WIDTH - sum(others) - 2 * len(others)  # a longer note goes on in the next line
    return tabulate(
        rows, tablefmt="plain", disable_numparse=True, maxcolwidths=[*(None for _ in others), max(note_width, 20)]
    )


def terminal_width() -> int:
    """Columns of the terminal that is printed to, from NARROWEST to WIDTH; WIDTH where it is none, as for a file."""
    return max(NARROWEST, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def claims_paragraphs(verdicts: list[ClaimVerdict], width: int) -> str:
    """The same as claims_table in few columns: the verdict and the claim, and below them what the columns hold."""
    word_width = max(len(verdict.verdict) for verdict in verdicts)
    lines: list[str] = []
    for verdict in in_order(verdicts):
        lines.append(f"{verdict.verdict:<{word_width}}  {verdict.id}")
        named = zip(HEADERS[2:], _row(verdict)[2:], strict=True)
        parts = [f"{_flat(name)} {_flat(value)}" for name, value in named if value not in ("", "-")]
        lines += textwrap.wrap("; ".join(parts), width, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return "\n".join(lines)


def _flat(text: str) -> str:
    """A value that was broken into lines, as one; textwrap breaks behind a hyphen and at spaces."""
    return re.sub(r"\s+", " ", re.sub(r"(?<=-)\n", "", text))


def narrowed(line: str, width: int) -> list[str]:
    """A line of a report, broken where it is longer; what goes on stands below its text."""
    if len(line) <= width:
        return [line]
    label = LABEL.match(line)
    indent = len(label[0]) if label and label[0] else len(line) - len(line.lstrip()) + 4
    return textwrap.wrap(line, width, subsequent_indent=" " * min(indent, width // 2), break_on_hyphens=False)


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
        verdict.replication or "-",
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
