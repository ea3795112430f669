"""The steps from a value per seed to what the rule gives, each as a line with its numbers put in."""

from __future__ import annotations

import math

from harness.verify.claims.evidence import Evidence, RetrievalPart
from harness.verify.claims.words import RETRIEVAL, TWICE
from harness.verify.statistics.aggregate import ADJUSTED, Aggregate
from harness.verify.statistics.intervals import LEVEL, Interval, Verdict, place
from harness.verify.statistics.p_values import show_p

Steps = list[tuple[str, str]]
"""A label and a line each."""
PLACES: dict[Verdict, str] = {
    "REPRODUCED": "lies inside",
    "NOT_REPRODUCED": "lies wholly outside",
    "INCONCLUSIVE": "lies partly inside",
}


def mean_steps(evidence: Evidence, band: Interval, band_in_words: str) -> Steps:
    """From the values per seed to where the interval of their mean lies. Empty where nothing was measured."""
    overall, without = evidence.overall, evidence.without_retrieval
    if overall is None:
        return []
    steps = _interval(overall)
    if without:
        steps.append(("without", f"without {RETRIEVAL}: mean {without.mean:+z.3f}, {_ends(without)}"))
    if evidence.retrieval and without:
        steps += _retrieval(evidence.retrieval, without.mean, evidence.n_targets)
    steps.append(("band", band_in_words))
    if "published" in evidence.p_parts:
        margin, published = evidence.p_parts["margin"], evidence.p_parts["published"]
        both = f"{show_p(margin)} against the band, {show_p(published)} against the published number's own luck"
        steps.append(("accusing", f"{both}, both adjusted for the looks; the larger must be {LEVEL:.2f} or less"))
    return [*steps, ("rule gives", _placed(overall, evidence.rule_gives, band))]


def _interval(found: Aggregate) -> Steps:
    values, n = list(found.values.values()), len(found.values)
    gains, seeds = ", ".join(f"{value:+z.3f}" for value in values), ", ".join(map(str, found.values))
    steps = [
        ("g", f"[{gains}] at seeds {seeds}; n = {n}"),
        ("mean", f"sum(g) / n = {math.fsum(values):+z.3f} / {n} = {found.mean:+z.3f}"),
    ]
    if found.sd is not None:
        squares = " + ".join(f"{(value - found.mean) ** 2:.3f}" for value in values)
        steps.append(("s", f"sqrt(sum((g - mean)^2) / (n - 1)) = sqrt(({squares}) / {n - 1}) = {found.sd:.3f}"))
    if found.t is None or found.sd is None:
        return [*steps, ("interval", "none: it needs the seeds of the design's first look, and a spread")]
    half = found.t * found.sd / math.sqrt(n)
    width = f"{found.t:.3f} x {found.sd:.3f} / sqrt({n}) = {half:.3f}"
    return [
        *steps,
        ("c", f"the boundary of the design's look at n = {n}: c_{n} = {found.t:.3f}"),
        ("interval", f"mean -+ c s / sqrt(n), with c s / sqrt(n) = {width}: {_ends(found)}"),
    ]


def _ends(found: Aggregate) -> str:
    return f"{ADJUSTED} {show_ends(*found.interval)}" if found.interval else "no interval"


def show_ends(low: float, high: float) -> str:
    """Both ends of an interval in points; an open side is infinite."""
    return f"[{low:+z.3f}, {high:+z.3f}]".replace("-inf", "-infinity").replace("+inf", "+infinity")


def _retrieval(part: RetrievalPart, without: float, n: int) -> Steps:
    """What the retrieval targets contribute to the average, and why both averages are given."""
    k = len(part.targets)
    share = "" if part.share is None else f", {part.share:.0%} of it"
    pull = (
        ""
        if part.share is None or 0 <= part.share <= 1
        else " (they and the other targets pull in opposite directions)"
    )
    added = f"{part.of_points:+z.3f} - {part.others_share:.3f} x {without:+z.3f} = {part.points:+z.3f}"
    words = f"{k} of the {n} targets contribute {added} of {part.of_points:+z.3f} points{share}{pull}"
    return [("retrieval", words), ("why both", " ".join(TWICE))]


def _placed(found: Aggregate, rule_gives: Verdict | None, band: Interval) -> str:
    if found.interval is None:
        return f"{rule_gives}: {len(found.values)} seeds, or seeds that are all equal, decide nothing"
    interval = Interval(low=found.interval[0], high=found.interval[1])
    where = PLACES[place(interval, band)]
    return f"{show_ends(*found.interval)} {where} {show_ends(band.low, band.high)}: on these numbers alone {rule_gives}"
