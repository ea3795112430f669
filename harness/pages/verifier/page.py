"""The page that `harness verifier report` writes: a frozen `Simulation` -> docs/verifier.md and its picture.

Every number is measured or computed, and every sentence that depends on one is chosen from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.audit.report import EXIT_MEANINGS
from harness.pages.markdown import markdown_table
from harness.pages.verifier.figure import SIGMA, plot_operating
from harness.pages.verifier.words import HOLM, LEVELS, LIMITS, OPENING, RULE, VERDICTS
from harness.project.errors import writing
from harness.verify.statistics.design import STANDARD
from harness.verify.statistics.intervals import LEVEL, POWER, band, seeds_to_decide
from harness.verify.statistics.simulation import (
    DEVIATIONS,
    FAMILY_SEEDS,
    FAMILY_SIGMA,
    FAR,
    SEED,
    SEEDS,
    SHAPES,
    SIGMAS,
    Rates,
    Simulation,
    exact_chance,
    false_not_reproduced,
    false_reproduced,
    most_at_level,
)


def write_page(simulation: Simulation, out: Path) -> None:
    """Write the page to `out`, and <out>_operating.png beside it."""
    picture = out.with_name(f"{out.stem}_operating.png")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        plot_operating(simulation, picture)
        out.write_text(render_page(simulation, picture.name), encoding="utf-8")


def render_page(simulation: Simulation, picture: str) -> str:
    """The whole page as Markdown; `picture`: the picture's file name beside it."""
    parts = [
        OPENING,
        LEVELS,
        RULE,
        VERDICTS,
        HOLM,
        _families(simulation),
        exit_codes(),
        _errors(simulation),
        _operating(picture),
        seeds_table(),
        _coverage(simulation),
        _shapes(simulation),
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def exit_codes() -> str:
    """The section on exit codes."""
    words = {
        0: "Facts of the data count; NOT_TESTED does not.",
        1: "A claim is NOT_REPRODUCED, a score differs from the pinned one (V2), or a re-run differs (V1).",
        2: "A claim is INCONCLUSIVE or UNDERPOWERED, or V2 can't compare; also a mistake in the input.",
        3: "Level V0 failed.",
    }
    rows = [(code, EXIT_MEANINGS[code], more) for code, more in words.items()]
    text = "Of `harness verify`. The highest finding in the order 3, 1, 2, 0 is the code."
    return "\n\n".join(["## Exit codes", text, markdown_table(("code", "meaning", "when"), rows, "lll")])


def rate(count: int, repetitions: int) -> str:
    """A share in per cent, with one decimal."""
    return f"{count / repetitions:.1%}"


def rates_row(row: Rates) -> tuple[str, ...]:
    """A row of the table of error rates; rates that are errors are bold."""
    wrong_yes, wrong_no = row in false_reproduced([row]), row in false_not_reproduced([row])
    yes, no = rate(row.reproduced, row.repetitions), rate(row.not_reproduced, row.repetitions)
    open_ = rate(row.repetitions - row.reproduced - row.not_reproduced, row.repetitions)
    exact = [f"{chance:.1%}" for chance in exact_chance(row)]
    words = (f"**{yes}**" if wrong_yes else yes, exact[0], f"**{no}**" if wrong_no else no, exact[1], open_)
    return (f"{row.sigma:g}", str(row.n), f"{row.deviation:g}", *words)


def _errors(simulation: Simulation) -> str:
    grid = simulation.grid
    repetitions = grid[0].repetitions
    headers = ("spread", "seeds", "deviation", "REPRODUCED", "by formula", "NOT_REPRODUCED", "by formula", "open")
    yes, no = false_reproduced(grid), false_not_reproduced(grid)
    lines = [
        _judge("false REPRODUCED (truth at the margin or beyond)", [row.reproduced for row in yes], repetitions),
        _judge("false NOT_REPRODUCED (truth within the margin)", [row.not_reproduced for row in no], repetitions),
    ]
    opening = (
        f"{repetitions:,} experiments per row, normal gains, seed {SEED}. Deviation: true gain less the claimed one; "
        "1 is the edge of the band, where both verdicts would be errors. Spread: standard deviation of one seed's "
        "gain. Bold: the verdict is an error there. By formula: the exact probability."
    )
    table = markdown_table(headers, [rates_row(row) for row in grid])
    return "\n\n".join(["## Error rates of one claim", opening, "\n".join(f"- {line}" for line in lines), table])


def _judge(what: str, counts: Sequence[int], repetitions: int) -> str:
    """The highest of these rates, and whether a true rate of 5 % explains all of them."""
    limit = most_at_level(repetitions)
    over = sum(count > limit for count in counts)
    found = f"{what}: at most {rate(max(counts), repetitions)} in {len(counts)} rows"
    allowed = f"{limit / repetitions:.1%}, the most that a true rate of {LEVEL:.0%} explains"
    return f"{found}; {f'{over} of them over' if over else 'none over'} {allowed}."


def _operating(picture: str) -> str:
    return "\n\n".join(
        [
            "## What to expect from 3, 5 and 10 seeds",
            f"![Probability of each verdict against the true deviation]({picture})",
            f"Spread {SIGMA:g} margins; curves by the formula, dots by simulation; grey: the claim holds.",
        ]
    )


def seeds_table() -> str:
    """Seeds with which the right verdict falls with probability 80 %."""
    inside_or_out = [deviation for deviation in DEVIATIONS if deviation != 1]
    rows = [[f"{sigma:g}", *(_seeds(deviation, sigma) for deviation in inside_or_out)] for sigma in SIGMAS]
    text = (
        f"The smallest number of seeds with which the right verdict falls with probability {POWER:.0%} (the power of "
        "the test), by the formula. `harness verify` says such a number for an INCONCLUSIVE claim, from its own mean "
        "and spread. At the very edge of the band no number is enough."
    )
    headers = ("spread", *(f"deviation {deviation:g}" for deviation in inside_or_out))
    return "\n\n".join(["## How many seeds decide", text, markdown_table(headers, rows)])


def _seeds(deviation: float, sigma: float) -> str:
    needed = seeds_to_decide(deviation, sigma, band(0.0, 1.0), 0)
    return f"{needed:,}" if needed else f"over {STANDARD.last}"


def _families(simulation: Simulation) -> str:
    rows = [
        (
            family.claims,
            rate(family.false_alone, family.repetitions),
            rate(family.false_holm, family.repetitions),
            rate(family.right_alone, family.repetitions),
            rate(family.right_holm, family.repetitions),
        )
        for family in simulation.families
    ]
    headers = ("claims", "a true one accused, no Holm", "with Holm", "the wrong one accused, no Holm", "with Holm")
    text = (
        f"Measured on {simulation.families[0].repetitions:,} families each, {FAMILY_SEEDS} seeds, spread "
        f"{FAMILY_SIGMA:g} margins, gains over a common baseline. First all claims hold, each at the edge of its "
        f"band, the worst case; then one is wrong, by {FAR:g} margins, and the others hold exactly. The last two "
        "columns are what Holm costs."
    )
    counts = [family.false_holm for family in simulation.families]
    found = _judge("With Holm a true claim is accused", counts, simulation.families[0].repetitions)
    return "\n\n".join([text, markdown_table(headers, rows), found])


def _coverage(simulation: Simulation) -> str:
    rows = [(row.n, row.n_claim, rate(row.covered, row.repetitions)) for row in simulation.coverage]
    text = (
        f"How often the 95 % prediction interval holds the mean of n_claim further runs of the same pipeline, in "
        f"{simulation.coverage[0].repetitions:,} experiments each."
    )
    return "\n\n".join(["## The prediction interval", text, markdown_table(("seeds", "n_claim", "covered"), rows)])


def _shapes(simulation: Simulation) -> str:
    rows = []
    for shape, words in SHAPES.items():
        for n in SEEDS:
            found = [row for row in simulation.shapes if row.shape == shape and row.n == n]
            worst = [max(row.share(count(row)) for row in found) for count in (_reproduced, _refuted)]
            rows.append((words if n == SEEDS[0] else "", n, *(f"{share:.1%}" for share in worst)))
    text = (
        f"The truth lies at an edge of the band, so every REPRODUCED and every NOT_REPRODUCED is an error; the worse "
        f"edge of the two is shown. Spread {simulation.shapes[0].sigma:g} margins, "
        f"{simulation.shapes[0].repetitions:,} experiments each. All distributions have the same mean and "
        "standard deviation."
    )
    table = markdown_table(("gains are", "seeds", "false REPRODUCED", "false NOT_REPRODUCED"), rows, "l")
    return "\n\n".join(["## When gains are not normal", text, table, _shape_words(simulation)])


def _reproduced(row: Rates) -> int:
    return row.reproduced


def _refuted(row: Rates) -> int:
    return row.not_reproduced


def _shape_words(simulation: Simulation) -> str:
    odd = [row for row in simulation.shapes if row.shape != "normal"]
    worst = max(odd, key=lambda row: max(row.reproduced, row.not_reproduced))
    count, limit = max(worst.reproduced, worst.not_reproduced), most_at_level(worst.repetitions)
    which = "REPRODUCED" if worst.reproduced == count else "NOT_REPRODUCED"
    over = sum(max(row.reproduced, row.not_reproduced) > limit for row in odd)
    if not over:
        return f"None of these rates is over what {LEVEL:.0%} explains."
    return (
        f"So the nominal {LEVEL:.0%} does not hold for every distribution: {over} of {len(odd)} settings err more "
        f"often, at worst {rate(count, worst.repetitions)} (false {which}, {worst.shape}, {worst.n} seeds). Look at "
        "the gains seed by seed before a verdict is quoted; one that stands far off is worth more than the interval."
    )
