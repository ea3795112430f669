"""How a verdict on given scores follows, line by line, with the numbers put in."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

from harness.verify.claims.arithmetic import PLACES, show_ends
from harness.verify.given.words import Amount, Bound
from harness.verify.statistics.decision import Decision
from harness.verify.statistics.design import Design
from harness.verify.statistics.intervals import place, spread
from harness.verify.statistics.p_values import show_p
from harness.verify.statistics.parts import Together
from harness.verify.statistics.sequential import boundary
from harness.verify.statistics.student import t_quantile
from harness.verify.statistics.welch import Unpaired

Steps = list[tuple[str, str]]


def paired_steps(gains: Mapping[str, float], n: int, decision: Decision | None, design: Design) -> Steps:
    """From the gain at each seed to the interval of the mean."""
    if decision is None:
        return []
    values, seeds = list(gains.values())[:n], list(gains)[:n]
    listed = ", ".join(f"{value:+z.3f}" for value in values)
    steps = [
        ("g", f"[{listed}] at seeds {', '.join(seeds)}; n = {n}"),
        ("mean", f"sum(g) / n = {math.fsum(values):+z.3f} / {n} = {decision.mean:+z.3f}"),
    ]
    if decision.interval is None:
        return [*steps, ("interval", "none: it needs the seeds of the design's first look, and a spread")]
    s, c = spread(values), boundary(design, n)
    half = f"{c:.3f} x {s:.3f} / sqrt({n}) = {c * s / math.sqrt(n):.3f}"
    return [
        *steps,
        ("s", f"sqrt(sum((g - mean)^2) / (n - 1)) = {s:.3f}"),
        ("c", f"the boundary of the design's look at n = {n}: {c:.3f}"),
        ("interval", f"mean -+ c s / sqrt(n), with c s / sqrt(n) = {half}: {show_ends(*decision.interval.ends)}"),
    ]


def unpaired_steps(
    first: Mapping[str, float], second: Mapping[str, float], found: Unpaired | None, names: tuple[str, str]
) -> Steps:
    """From two groups of runs to the interval of the difference of their means."""
    n = found.n if found else None
    steps = []
    for name, values in zip(names, (list(first.values())[:n], list(second.values())[:n]), strict=True):
        listed = ", ".join(f"{value:.3f}" for value in values)
        mean = f"; mean {statistics.fmean(values):.3f}" if values else ""
        steps.append((name, f"[{listed}]{mean}" + (f", s = {spread(values):.3f}" if len(values) > 1 else "")))
    if found is None:
        return [*steps, ("interval", "none: it needs the runs of the design's first look of both, and a spread")]
    k = f"sqrt(({found.first_sd:.3f}^2 + {found.second_sd:.3f}^2) / {found.n}) = {found.error:.3f}"
    reach = f"{found.boundary:.3f} x {found.error:.3f} = {found.boundary * found.error:.3f}"
    return [
        *steps,
        ("error", f"k = sqrt((s1^2 + s2^2) / n) = {k}; f = {found.freedom:.1f} degrees of freedom (Welch)"),
        ("interval", f"difference -+ c k, with c k = {reach}: {show_ends(*found.interval.ends)}"),
    ]


def item_steps(steps: Steps, found: Together, items: int, how: str) -> Steps:
    """The steps over seeds, then those that add the variance over rows."""
    both = found.both
    c = (found.interval.high - found.interval.low) / 2 / both.error
    k = f"sqrt({found.seeds.variance:.4f} + {found.rows.variance:.4f}) = {both.error:.3f}"
    own = t_quantile(1 - found.level, both.freedom)
    wider = "" if not found.is_widened else f"; it is that of one part alone, which is wider than {own:.3f} k"
    return [
        *((label if label != "interval" else "by seeds", text) for label, text in steps),
        ("by rows", f"variance {found.rows.variance:.4f} over {items:,} items: {how}"),
        ("both", f"k = sqrt(seeds + rows) = {k}; f = (sum v)^2 / sum(v^2 / f_v) = {both.freedom:.1f} (Satterthwaite)"),
        ("interval", f"mean -+ {c:.3f} k: {show_ends(*found.interval.ends)}{wider}"),
    ]


def band_steps(expected: Amount | Bound, decision: Decision | None, design: Design) -> Steps:
    """Where the interval lies relative to what is claimed."""
    band = expected.band
    steps = [("band", f"{show_ends(*band.ends)}: claimed {expected}")]
    if decision is None or decision.interval is None:
        return steps
    if "published" in decision.p_parts:
        margin, luck = decision.p_parts["margin"], decision.p_parts["published"]
        both = f"{show_p(margin)} against the band, {show_p(luck)} against the claimed number's own luck"
        steps.append(("accusing", f"{both}; the larger must be {design.level:.2f} or less"))
    where = PLACES[place(decision.interval, band)]
    return [*steps, ("rule gives", f"the interval {where} the band: {decision.verdict}")]
