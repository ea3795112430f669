"""Measured rows as the tables of docs/verifier.md. A cell is two rates in per cent: replaced rule -> rule of today."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.audit.repeat.simulation import SOUND, RedrawRate
from harness.pages.markdown import markdown_table
from harness.verify.statistics.simulation.draws import MARGIN_POINTS
from harness.verify.statistics.simulation.records import (
    CONDITIONS,
    VERDICTS,
    Coverage,
    Decided,
    FamilyRow,
    LookingRow,
    ReplicationRow,
    Row,
    Way,
    WayRow,
)
from harness.verify.statistics.simulation.rules import LOOKS, upper_bound

COLUMNS = (*(f"{n} seeds" for n in LOOKS), "stopping")
BOUND = "highest, bound"
FIRST = {"gain": "a stated gain", "no_gain": "no gain"}
"""Kind of the claim that a true effect is of -> in words."""


def rate(count: int, studies: int) -> str:
    """A share in per cent, without the sign."""
    return f"{100 * count / studies:.1f}"


def pairs(old: Sequence[int], new: Sequence[int], studies: int, bold: bool = False) -> list[str]:
    """Rates of the replaced rule and of today's; bold where they are errors."""
    cells = [f"{rate(before, studies)} → {rate(now, studies)}" for before, now in zip(old, new, strict=True)]
    return [f"**{cell}**" for cell in cells] if bold else cells


def bound_pair(bounds: tuple[float, float] | None) -> str:
    """Upper 95 % bounds, old and new; empty where nothing is an error."""
    return "" if bounds is None else f"{100 * bounds[0]:.1f} → {100 * bounds[1]:.1f}"


def rate_lines(row: Row, labels: Sequence[str]) -> list[list[str]]:
    """A line per verdict."""
    return [
        [
            *labels,
            truth(row),
            verdict,
            *pairs(row.old.of(verdict), row.new.of(verdict), row.studies, row.errors(verdict) is not None),
            bound_pair(row.bounds(verdict)),
        ]
        for verdict in VERDICTS
    ]


def truth(row: Row) -> str:
    """Where the truth lies, of development and of test sets where these differ."""
    return f"{row.deviation:g}" if row.dev_deviation is None else f"dev {row.dev_deviation:g}, test {row.deviation:g}"


def rates(rows: Sequence[Row], header: str, label: Callable[[Row], str]) -> str:
    """A table with one column of labels, which is named once for all rows that share it."""
    lines, last = [], ""
    for row in rows:
        for line in rate_lines(row, [label(row)]):
            lines.append(["" if line[0] == last else line[0], *line[1:]])
            last = line[0]
    return markdown_table((header, "truth", "verdict", *COLUMNS, BOUND), lines, "l")


def spread_table(rows: Sequence[Row]) -> str:
    """By spread, and what stopping costs in seeds."""
    seeds = [
        (
            f"{row.sigma:g}",
            f"{row.deviation:g}",
            rate(row.old.of(right(row))[LOOKS.index(5)], row.studies),
            rate(row.new.of(right(row))[-1], row.studies),
            f"{row.new.seeds:.1f}",
        )
        for row in rows
        if row.deviation != 1
    ]
    headers = ("spread", "truth", "right with 5 seeds, replaced rule", "right when stopping", "seeds when stopping")
    text = (
        "What that costs: how often the right verdict falls with five seeds by the replaced rule, and when stopping at"
        f" the first decided verdict by today's, at most {LOOKS[-1]} seeds; and the mean number of seeds then."
    )
    return "\n\n".join([rates(rows, "spread", lambda row: f"{row.sigma:g}"), text, markdown_table(headers, seeds)])


def right(row: Row) -> Decided:
    """The verdict that is right where the truth does not lie at the very edge."""
    return "REPRODUCED" if row.deviation < 1 else "NOT_REPRODUCED"


def kind_table(rows: Sequence[Row]) -> str:
    """One table per thing that goes wrong."""
    parts = []
    for condition, what in CONDITIONS.items():
        if some := [row for row in rows if row.condition == condition]:
            situations = any(row.situation for row in some)
            header, label = ("situation", _situation) if situations else ("spread", _spread)
            noisy = condition == "noisy published number"
            table = noisy_table(some) if noisy else rates(some, header, label)
            parts.append(f"{what[0].upper()}{what[1:]}:\n\n{table}")
    return "\n\n".join(parts)


def _situation(row: Row) -> str:
    return row.situation


def _spread(row: Row) -> str:
    return f"{row.sigma:g}"


def shape_table(rows: Sequence[Row]) -> str:
    """By distribution."""
    return rates(rows, "gains", lambda row: CONDITIONS[row.condition])


def noisy_table(rows: Sequence[Row]) -> str:
    """By spread in points, and situation where there are several: every verdict, and those that are false."""
    lines, last = [], ""
    several = len({row.situation for row in rows}) > 1
    for row in rows:
        for verdict in VERDICTS:
            errors, points = row.errors(verdict), f"{row.sigma * MARGIN_POINTS:.3g}"
            assert errors is not None
            situation = ["" if row.situation == last else row.situation] if several else []
            said = pairs(row.old.of(verdict), row.new.of(verdict), row.studies)
            lines.append([*situation, points, truth(row), verdict, "all", *said, ""])
            false = pairs(*errors, row.studies, bold=True)
            blank = [""] if several else []
            lines.append([*blank, points, truth(row), "", "false", *false, bound_pair(row.bounds(verdict))])
            last = row.situation
    headers = ("spread, points", "difference", "verdict", "which", *COLUMNS, BOUND)
    return markdown_table(("situation", *headers), lines, "l") if several else markdown_table(headers, lines)


def family_table(rows: Sequence[FamilyRow]) -> str:
    """True claims that are accused, then wrong ones."""
    lines = []
    for row in rows:
        for name, counts in (
            ("replaced, one by one", row.alone_old),
            ("replaced, Holm", row.holm_old),
            ("today's", row.new),
        ):
            cells = [rate(count, row.studies) for count in counts]
            bound = "" if row.wrong else f"{100 * upper_bound(max(counts), row.studies):.1f}"
            accused = "the wrong one" if row.wrong else "a true one"
            lines.append([accused, str(row.claims), name, *(cells if row.wrong else map(_bold, cells)), bound])
    return markdown_table(("accused", "claims", "rule", *COLUMNS, BOUND), lines, "lll")


def replication_table(rows: Sequence[ReplicationRow]) -> str:
    """One table per thing that goes wrong: words that are false, and the right one where there is an effect."""
    parts = []
    for condition, what in CONDITIONS.items():
        lines = [line for row in rows if row.condition == condition for line in _replication_lines(row)]
        if lines:
            table = markdown_table(("first claim", "claims", "effect, margins", "word", *COLUMNS, BOUND), lines, "ll")
            parts.append(f"{what[0].upper()}{what[1:]}:\n\n{table}")
    return "\n\n".join(parts)


def _replication_lines(row: ReplicationRow) -> Iterator[list[str]]:
    labels = [FIRST[row.kind], str(row.claims), f"{row.effect:g}"]
    if row.effect:
        yield [*labels, "HOLDS HERE, right", *pairs(row.old.right, row.new.right, row.studies), ""]
    else:
        yield [*labels, "HOLDS HERE", *pairs(row.old.holds_false, row.new.holds_false, row.studies, True), ""]
        opposite = pairs(row.old.opposite_false, row.new.opposite_false, row.studies, True)
        yield [*labels, "OPPOSITE HERE", *opposite, ""]
    either = pairs(row.old.any_false, row.new.any_false, row.studies, True)
    yield [*labels, "any false one", *either, bound_pair(row.bounds)]


def _bold(cell: str) -> str:
    return f"**{cell}**"


def looking_table(rows: Sequence[LookingRow]) -> str:
    """By spread, with bounds in brackets."""
    headers = (
        "spread",
        "replaced, 5 seeds once",
        "replaced, 3 and then as the note says",
        "replaced, after each of 3 to 20",
        "today's, after each look",
        "anytime, after each of 3 to 20",
    )
    lines = [[f"{row.sigma:g}", *(_bounded(count, row.studies) for count in row.columns)] for row in rows]
    return markdown_table(headers, lines)


def _bounded(count: int, studies: int) -> str:
    return f"{rate(count, studies)} ({100 * upper_bound(count, studies):.1f})"


def coverage_table(rows: Sequence[Coverage]) -> str:
    """By seeds and runs."""
    lines = [(row.n, row.n_claim, rate(row.covered, row.studies)) for row in rows]
    return markdown_table(("seeds", "n_claim", "covered"), lines)


def redraw_table(rows: Sequence[RedrawRate]) -> str:
    """Level V2: alarms in sound re-runs, which are errors, then changes that were found."""
    lines = []
    for row in sorted(rows, key=lambda row: row.what != SOUND):
        counts = (row.old, row.new, row.left_open)
        cells = [rate(count, row.studies) for count in counts]
        sound = row.what == SOUND
        bound = f"{100 * upper_bound(row.old, row.studies):.1f} → {100 * upper_bound(row.new, row.studies):.1f}"
        marked = [*map(_bold, cells[:2]), cells[2]] if sound else cells
        lines.append([row.what, row.spreads, str(row.studies), *marked, bound if sound else ""])
    headers = ("re-run", "spreads over seeds", "studies", "alarm, replaced", "alarm, today's", "left open", "bound")
    return markdown_table(headers, lines, "ll")


WAYS: dict[Way, str] = {
    "others": "by the other seeds' test scores (replaced)",
    "mean": "once, by the mean of all seeds' development scores",
    "own": "by each seed's own development scores (today's)",
}


def way_table(rows: Sequence[WayRow]) -> str:
    """By seeds and correlation."""
    lines = [(row.n, f"{row.correlation:g}", *(rate(row.covered[way], row.studies) for way in WAYS)) for row in rows]
    return markdown_table(("seeds", "correlation of dev and test", *WAYS.values()), lines)
