"""`harness plan --power`: how many seeds each measured claim would need, before any are run, and how many cells.

What a claim needs follows from its check, the registered design and a spread of its gain: several supposed ones, one
that is given, and this profile's own pilot. Claims on retrieval come first: their targets need no training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from harness.metrics.xtreme import XTREME_GROUPS
from harness.pipeline.claim_plan import claim_units
from harness.pipeline.times import measured_costs
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import describe_encoder
from harness.project.stages import matrix_of
from harness.project.terminal import Column, fitting, paragraph, table_lines, terminal_width
from harness.verify.claims.claim import Claim
from harness.verify.claims.kinds.base import Measured
from harness.verify.claims.needs import needs
from harness.verify.claims.registry import CLAIMS, find_claim, read_all_claims, read_claims
from harness.verify.measure.values import measure
from harness.verify.scores import read_scores, read_table
from harness.verify.statistics.decision import POWER
from harness.verify.statistics.design import DESIGN, Design, read_design
from harness.verify.statistics.power import OFFS, SPREADS, Pilot, pilot_spreads, seeds_for

MIDDLE = 1.0
"""The spread in points whose cells are counted where there is neither a given one nor a pilot."""
LARGEST_SIGMA = 100.0
"""Points; scores go no further."""


class Planned(NamedTuple):
    """What a plan knows of one claim."""

    claim: Claim
    check: Measured
    cells: int
    """Cells at one seed."""
    minutes: float | None
    """Of work at one seed, cells and intermediate trainings; None where the grid lacks some or nothing was timed."""


def render_power(params: Params, paths: Paths, sigma: float | None = None, claim: str | None = None) -> str:
    """The table for people: claim by claim, seeds by supposed spread. `sigma`: only at this spread, in points.

    Raises HarnessError for an unknown claim, one that is decided without a run, a registry or design that doesn't load,
    and a spread that is none.
    """
    if sigma is not None and not 0 < sigma <= LARGEST_SIGMA:
        raise HarnessError(
            f"expected --sigma in points, over 0 and at most {LARGEST_SIGMA:g}, found {sigma:g}",
            fix="name the standard deviation of one seed's gain, such as `--sigma 1.5`, or leave it out",
        )
    registry, design = read_claims(paths.reference / CLAIMS), read_design(paths.reference / DESIGN)
    named = [] if claim is None else [find_claim(claim, read_all_claims(paths.reference))]
    measured = _measured(named or registry)
    if not measured:
        raise HarnessError(
            f"expected a claim that is measured, found {claim}, which is decided without a run",
            fix=f"`harness verify {claim}` judges it; `harness claims` lists the others",
        )
    seconds, _ = measured_costs(paths)
    chosen = [_planned(one, check, params, paths, seconds) for one, check in measured]
    pilot, where = _pilot(_measured([*registry, *(one for one in named if one not in registry)]), params, paths, design)
    step = _step(registry)
    spreads: list[float | None] = [*((sigma,) if sigma is not None else SPREADS), *([None] if pilot else [])]
    shown = sigma if sigma is not None else None if pilot else MIDDLE
    rows = [_row(one, spreads, shown, pilot, step, design) for one in chosen]
    columns = [_spread(spread) for spread in spreads]
    costs = ["cells\na seed", "minutes\na seed", f"cells\n({_spread(shown)})"]
    headers = ["claim", *columns, *(["pilot's s"] if pilot else []), *costs]
    width = terminal_width()
    table = [Column(name, cells) for name, cells in zip(headers, zip(*rows, strict=True), strict=True)]
    texts = [*_left_out(table, width), *_legend(design, step, where, pilot, params)]
    legend = (line for text in texts for line in paragraph(text, width))
    return "\n".join([*paragraph(_head(params, design), width), "", *table_lines(table, width), "", *legend])


def _spread(sigma: float | None) -> str:
    return "pilot" if sigma is None else f"s {sigma:g}"


def _measured(claims: Sequence[Claim]) -> list[tuple[Claim, Measured]]:
    """The measured claims with their checks, those on retrieval first."""
    found = [(claim, check) for claim in claims if (check := claim.measured) is not None]
    return sorted(found, key=lambda one: any(XTREME_GROUPS.get(target) != "retrieval" for target in one[1].targets))


def _planned(claim: Claim, check: Measured, params: Params, paths: Paths, seconds: dict[str, float]) -> Planned:
    cells = len(check.needed(check.named_recipes)) * len(check.targets)
    return Planned(claim, check, cells, _minutes(claim, params, paths, seconds))


def _minutes(claim: Claim, params: Params, paths: Paths, seconds: dict[str, float]) -> float | None:
    part = needs(claim, params)
    if part.lacking or not part.cells:
        return None
    units = [unit for unit in claim_units(part, params, paths) if matrix_of(unit.stage) in ("cell", "intermediate")]
    if any(unit.kind not in seconds for unit in units):
        return None
    return sum(seconds[unit.kind] for unit in units) / 60 / len(part.seeds)


def _pilot(
    measured: Sequence[tuple[Claim, Measured]], params: Params, paths: Paths, design: Design
) -> tuple[Pilot | None, str]:
    """The spreads of this profile's scores, and where these lie; the run's before the pinned ones. They are moderated
    over the whole registry, whichever claim is asked for.
    """
    for path in (paths.scores, paths.pinned / "scores.json"):
        if path.is_file():
            scores = read_table(read_scores(path))
            samples = {claim.id: check.pilot(measure(check, scores, design)) for claim, check in measured}
            pilot = pilot_spreads(samples)
            where = str(path.relative_to(paths.root))
            return pilot, where if pilot else f"none: {where} has no claim's gain at two seeds"
    return None, f"none: no scores of profile {params.profile} have been gathered, and none are pinned"


def _step(registry: Sequence[Claim]) -> float:
    """The smallest margin in points of the claims that state a gain."""
    return min((d for claim in registry if (d := claim.margin_points()) is not None), default=1.0)


def _row(
    one: Planned, spreads: Sequence[float | None], shown: float | None, pilot: Pilot | None, step: float, design: Design
) -> list[str]:
    own = pilot.sd_points.get(one.claim.id) if pilot else None
    by_spread = {s: _seeds(one, sigma, step, design) if (sigma := own if s is None else s) else None
                 for s in (*spreads, shown)}  # fmt: skip
    sd = [] if pilot is None else ["?" if own is None else f"{own:.2f}"]
    minutes = "?" if one.minutes is None else f"{one.minutes:.1f}"
    columns = [_show(by_spread[s], 1, design) for s in spreads]
    return [one.claim.id, *columns, *sd, str(one.cells), minutes, _show(by_spread[shown], one.cells, design)]


def _show(seeds: Sequence[int | None] | None, times: int, design: Design) -> str:
    """Numbers of seeds, or of so many `times` as much; where nothing is known of the spread a question mark."""
    if seeds is None:
        return "?"
    return " / ".join(f">{design.last * times:,}" if n is None else f"{n * times:,}" for n in seeds)


def _seeds(one: Planned, sigma: float, step: float, design: Design) -> list[int | None]:
    """At each of OFFS the first look that would do; None where none would."""
    n_claim = one.claim.source.n_claim
    truths = [one.check.supposed_points(off, step, n_claim) for off in OFFS]

    def at(true_points: float) -> int | None:
        return seeds_for(lambda n: one.check.chance(true_points, sigma, n, n_claim, design), design)

    return [at(true_points) for true_points in truths]


def _head(params: Params, design: Design) -> str:
    looks = ", ".join(map(str, design.looks))
    return (
        f"profile {params.profile}: seeds at which each measured claim would come out REPRODUCED with probability"
        f" {POWER:.0%}, were it true; looks after {looks} seeds (reference/{DESIGN})"
    )


def _left_out(table: Sequence[Column], width: int) -> list[str]:
    """Which columns this terminal has no room for, in words; empty where it shows all."""
    shown, _ = fitting(table, width)
    names = [" ".join(column.header.split()) for column in table if column not in shown]
    words = f"no room in {width} columns for {', '.join(names)}: a wider terminal or a file shows them"
    return [words] if names else []


def _legend(design: Design, step: float, where: str, pilot: Pilot | None, params: Params) -> list[str]:
    return [
        "s: standard deviation over seeds, in points, of the gain that a claim is judged by",
        f"a / b: seeds where the truth is exactly as claimed / half a margin off; >{design.last}: not within the"
        f" design's {design.last} seeds",
        f"a claim that states no amount is supposed to hold by {step:g} points, the smallest margin in the registry;"
        " one of no gain: by no gain at all; one on a share of recipes: all of them gain so",
        "cells: of all these seeds, also those that have run; ?: not known, since the grid lacks part of it or nothing"
        " has been timed",
        "retrieval first: its targets need no training of their own, so that a seed of it costs least",
        f"pilot: {where}" if pilot is None else _pilot_words(pilot, where, params),
    ]


def _pilot_words(pilot: Pilot, where: str, params: Params) -> str:
    low, high = (_factor(pilot.n_seeds, tail) for tail in (0.95, 0.05))
    return (
        f"pilot: {where}, up to {pilot.n_seeds} seeds of {describe_encoder(params)}; {pilot.how}; its cells are not"
        f" checked here as `harness verify` does. From one claim's seeds alone the true s would be {low:.1f} to"
        f" {high:.1f} times what they show (90 % interval)"
    )


def _factor(n: int, tail: float) -> float:
    """sqrt((n - 1) / quantile of chi-squared): the end of the interval of sigma / s."""
    from scipy.special import chdtri

    return math.sqrt((n - 1) / float(chdtri(n - 1, 1 - tail)))
