"""The head of docs/verifier.md: every part's highest false rate, replaced rule and today's, and the exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.audit.repeat.simulation import SOUND, RedrawRate
from harness.pages.markdown import markdown_table
from harness.pages.verifier.parts import Measured
from harness.pages.verifier.tables import rate, right
from harness.verify.statistics.simulation.records import (
    CONDITIONS,
    VERDICTS,
    FamilyRow,
    LookingRow,
    ReplicationRow,
    Row,
)
from harness.verify.statistics.simulation.rules import upper_bound
from harness.verify.statistics.simulation.studies import USUAL

LIMIT = 0.063
"""Highest upper bound of a false rate that is called kept: what 5 % explains in 4,000 studies."""


class Line(NamedTuple):
    """What one part, or one thing that goes wrong in it, comes to."""

    what: str
    old: float
    """Upper 95 % bound of the highest false rate."""
    new: float
    holds: str = ""
    """How often it is decided rightly where the truth is the claim, when stopping, in per cent; replaced -> today's."""
    beyond: str = ""
    """The same where the truth lies 2 margins off."""
    why: str = ""
    """Why a false rate may be over the limit there, and what to do about it."""


def answer(measured: Sequence[Measured]) -> str:
    """The section with the table and the exceptions."""
    lines = list(summary(measured))
    rows = [(line.what, f"{100 * line.old:.1f}", f"{100 * line.new:.1f}", line.holds, line.beyond) for line in lines]
    studies = max(row.studies for part in measured for row in part.rows)
    headers = ("claims", "false, replaced", "false, today's", "right, truth 0", "right, truth 2")
    text = (
        f"Upper 95 % bounds (Clopper and Pearson 1934, Biometrika 26) of the highest false rate of a verdict, in per"
        f" cent, over the band's centre, its edge, 1.5 and 2 margins (of a word on a replication: no effect, and"
        f" effects of 0.5, 1 and 2), every look, and stopping at the first decided verdict; up to {studies:,} studies a"
        f" rate. Right: how often the right verdict falls when stopping, at a spread of {USUAL:g} margins, replaced"
        f" rule → today's; the lowest where there are several situations."
    )
    table = markdown_table(headers, rows, "l")
    return "\n\n".join(["## How often it errs, in one table", text, table, exceptions(lines)])


def exceptions(lines: Sequence[Line]) -> str:
    """Which false rates of today's rule are over the limit."""
    over = [line for line in lines if line.new > LIMIT]
    kept = f"Of {len(lines)} lines {len(lines) - len(over)} keep every false rate at {100 * LIMIT:.1f} % or less"
    if not over:
        return f"{kept} by today's rule."
    items = []
    for why in dict.fromkeys(line.why for line in over):
        named = "; ".join(f"{line.what} ({100 * line.new:.1f} %)" for line in over if line.why == why)
        items.append(" ".join(f"- {named}. {why}".split()))
    return "\n".join([f"{kept} by today's rule. The exceptions:", "", *items])


def summary(measured: Sequence[Measured]) -> Iterator[Line]:
    """A line per part and per thing that goes wrong in it; parts without verdicts have none."""
    for part in measured:
        for condition, what in CONDITIONS.items():
            if rows := [row for row in part.judged if row.condition == condition]:
                several = len({row.condition for row in part.judged}) > 1
                line = _line(part.part.title + (f": {what}" if several else ""), rows)
                yield line._replace(why=part.part.over)
        families = [row for row in part.rows if isinstance(row, FamilyRow)]
        if families:
            yield _family_line(part.part.title, families)
        for condition, what in CONDITIONS.items():
            said = [row for row in part.rows if isinstance(row, ReplicationRow) and row.condition == condition]
            if said:
                yield _replication_line(f"{part.part.title}: {what}", said)
        redrawn = [row for row in part.rows if isinstance(row, RedrawRate) and row.what == SOUND]
        if redrawn:
            old, new = (max(upper_bound(count(row), row.studies) for row in redrawn) for count in (_old, _new))
            yield Line(part.part.title, old, new)
        looked = [row for row in part.rows if isinstance(row, LookingRow)]
        if looked:
            old, new = (
                max(upper_bound(max(counts), row.studies) for row, counts in zip(looked, each, strict=True))
                for each in ([row.columns[:3] for row in looked], [row.columns[3:] for row in looked])
            )
            yield Line(part.part.title, old, new)


def _line(what: str, rows: Sequence[Row]) -> Line:
    bounds = [pair for row in rows for verdict in VERDICTS if (pair := row.bounds(verdict))]
    old, new = (max(pair[which] for pair in bounds) for which in (0, 1))
    return Line(what, old, new, _power(rows, 0.0), _power(rows, 2.0))


def _power(rows: Sequence[Row], deviation: float) -> str:
    found = []
    for situation in dict.fromkeys(row.situation for row in rows):
        there = [row for row in rows if row.situation == situation and set(row.truths) == {deviation}]
        spreads = {row.sigma for row in there}
        found += [row for row in there if row.sigma == (USUAL if USUAL in spreads else min(spreads))]
    if not found:
        return ""
    return " → ".join(
        rate(min(counts.of(right(row))[-1] for row, counts in zip(found, by_rule, strict=True)), found[0].studies)
        for by_rule in ([row.old for row in found], [row.new for row in found])
    )


def _replication_line(what: str, rows: Sequence[ReplicationRow]) -> Line:
    old, new = (max(row.bounds[which] for row in rows) for which in (0, 1))
    strong = [row for row in rows if row.effect == 2]
    power = " → ".join(
        rate(min(words.right[-1] for words in by_rule), rows[0].studies)
        for by_rule in ([row.old for row in strong], [row.new for row in strong])
    )
    return Line(what, old, new, "", power if strong else "")


def _old(row: RedrawRate) -> int:
    return row.old


def _new(row: RedrawRate) -> int:
    return row.new


def _family_line(what: str, rows: Sequence[FamilyRow]) -> Line:
    true, wrong = [row for row in rows if not row.wrong], [row for row in rows if row.wrong]
    old = max(upper_bound(max(row.alone_old), row.studies) for row in true)
    new = max(upper_bound(max(row.new), row.studies) for row in true)
    power = f"{rate(min(row.holm_old[-1] for row in wrong), wrong[0].studies)} → "
    return Line(what, old, new, "", power + rate(min(row.new[-1] for row in wrong), wrong[0].studies))
