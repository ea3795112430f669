"""The page that `harness verifier report` writes: measured parts -> docs/verifier.md and its picture.

Every number is measured or computed, and every sentence that depends on one is chosen from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.pages.markdown import markdown_table
from harness.pages.verifier.answer import answer
from harness.pages.verifier.figure import plot_operating
from harness.pages.verifier.parts import PARTS, Measured, count_rows, measure_parts
from harness.pages.verifier.words import HOLM, INSIDE, LIMITS, OPENING, READING, RULE
from harness.pages.whole import whole_files
from harness.verify.statistics.decision import POWER, seeds_to_decide
from harness.verify.statistics.design import STANDARD
from harness.verify.statistics.intervals import LEVEL, band
from harness.verify.statistics.sequential import boundaries
from harness.verify.statistics.simulation.records import Row
from harness.verify.statistics.simulation.studies import SIGMAS, STUDIES, USUAL, curve_rows
from harness.verify.statistics.student import t_quantile, t_tail

SEEDS_FOR = (0.0, 0.5, 1.5, 2.0)
"""Deviations, in margins, for which seeds are said."""


def simulate(
    studies: int | None = None, advance: Callable[[], None] = lambda: None
) -> tuple[list[Measured], list[Row]]:
    """The parts and the picture's curves; `advance` is called `steps()` times."""
    measured = measure_parts(PARTS, studies, advance)
    curves = []
    for make in curve_rows():
        curves.append(make(studies or STUDIES))
        advance()
    return measured, curves


def steps() -> int:
    """Rows that `simulate` measures."""
    return count_rows() + len(curve_rows())


def write_page(measured: Sequence[Measured], curves: Sequence[Row], out: Path) -> None:
    """Write the page to `out`, and <out>_operating.png beside it."""
    picture = out.with_name(f"{out.stem}_operating.png")
    with whole_files(out.parent) as place:
        plot_operating(curves, place / picture.name)
        (place / out.name).write_text(render_page(measured, picture.name), encoding="utf-8")


def render_page(measured: Sequence[Measured], picture: str) -> str:
    """The whole page as Markdown; `picture`: the picture's file name beside it."""
    parts = [
        OPENING,
        answer(measured),
        RULE,
        looks_table(),
        INSIDE,
        HOLM,
        _operating(picture),
        seeds_table(),
        READING,
        *(render_part(part) for part in measured),
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def render_part(part: Measured) -> str:
    """One measured part: what it is, and its table."""
    studies = f"{part.rows[0].studies:,} studies a row."
    return "\n\n".join([f"## {part.part.title}", f"{part.part.says} {studies}", part.part.render(part.rows)])


def looks_table() -> str:
    """The standard design: what each look may spend, and its boundary."""
    found = boundaries(STANDARD.looks, STANDARD.level, STANDARD.spending)
    rows = [
        (
            str(n),
            f"{STANDARD.spent(n):.2%}",
            f"{c:.2f}",
            f"{t_tail(c, n - 1):.2%}",
            f"{t_quantile(1 - LEVEL, n - 1):.2f}",
        )
        for n, c in zip(STANDARD.looks, found, strict=True)
    ]
    headers = ("seeds n", "spent until then", "c_n", "level of this look alone", "t for one look at 5 %")
    text = "The standard design spends its 5 % in proportion to the seeds:"
    return "\n\n".join([text, markdown_table(headers, rows)])


def _operating(picture: str) -> str:
    return "\n\n".join(
        [
            "## What to expect",
            f"![Probability of each verdict, and mean number of seeds, against the true deviation]({picture})",
            f"A stated gain, spread {USUAL:g} margins; grey: the claim holds.",
        ]
    )


def seeds_table() -> str:
    """Looks at which the right verdict falls with probability 80 %."""
    rows = [[f"{sigma:g}", *(_seeds(deviation, sigma) for deviation in SEEDS_FOR)] for sigma in SIGMAS]
    text = (
        f"The first look at which the right verdict falls with probability {POWER:.0%} (the power of the test), by the"
        " formula, for a claim without a published number. `harness verify` says such a number for an INCONCLUSIVE"
        " claim, from its own mean and spread. At the very edge of the band no number is enough."
    )
    headers = ("spread", *(f"deviation {deviation:g}" for deviation in SEEDS_FOR))
    return "\n\n".join(["## How many seeds decide", text, markdown_table(headers, rows)])


def _seeds(deviation: float, sigma: float) -> str:
    needed = seeds_to_decide(deviation, sigma, band(0.0, 1.0), 0)
    return f"{needed:,}" if needed else "none of the looks"
