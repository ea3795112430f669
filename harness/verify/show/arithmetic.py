"""The steps from a value per seed to what the rule gives, each as a line with its numbers put in."""

from __future__ import annotations

import math

from harness.verify.claims.checks import BestOf, Gain, NoGain, Share
from harness.verify.claims.registry import Claim
from harness.verify.claims.rules import target_band
from harness.verify.show.words import TWICE, margin_in_words
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.intervals import FEWEST_SEEDS, Interval, Verdict, place
from harness.verify.verdicts.evidence import RETRIEVAL, Evidence, RetrievalPart

Steps = list[tuple[str, str]]
"""A label and a line each."""
PLACES: dict[Verdict, str] = {
    "REPRODUCED": "lies inside",
    "NOT_REPRODUCED": "lies wholly outside",
    "INCONCLUSIVE": "lies partly inside",
}


def arithmetic(claim: Claim, evidence: Evidence) -> Steps:
    """From the values per seed to the rule's word. Empty where nothing was measured."""
    if isinstance(claim.check, Share):
        return _share(claim.check, evidence)
    if evidence.overall is None:
        return []
    steps = _interval(evidence.overall)
    if evidence.without_retrieval:
        apart = evidence.without_retrieval
        steps.append(("apart", f"without {RETRIEVAL}: mean {apart.mean:+z.3f}, {_ends(apart)}"))
    if evidence.retrieval and evidence.without_retrieval:
        steps += _retrieval(evidence.retrieval, evidence.without_retrieval.mean, evidence.n_targets)
    return [*steps, ("band", _band(claim)), ("rule gives", _placed(evidence, target_band(claim)))]


def _interval(made: Aggregate) -> Steps:
    values, n = list(made.values.values()), len(made.values)
    steps = [
        (
            "g",
            f"[{', '.join(f'{value:+z.3f}' for value in values)}] at seeds {', '.join(map(str, made.values))}; n = {n}",
        ),
        ("mean", f"sum(g) / n = {math.fsum(values):+z.3f} / {n} = {made.mean:+z.3f}"),
    ]
    if made.sd is not None:
        squares = " + ".join(f"{(value - made.mean) ** 2:.3f}" for value in values)
        steps.append(("s", f"sqrt(sum((g - mean)^2) / (n - 1)) = sqrt(({squares}) / {n - 1}) = {made.sd:.3f}"))
    if made.t is None or made.sd is None:
        return [*steps, ("interval", "none: it needs two seeds that differ")]
    half = made.t * made.sd / math.sqrt(n)
    width = f"{made.t:.3f} x {made.sd:.3f} / sqrt({n}) = {half:.3f}"
    return [
        *steps,
        ("t", f"t(0.95, n - 1) = t(0.95, {n - 1}) = {made.t:.3f}"),
        ("interval", f"mean -+ t s / sqrt(n), with t s / sqrt(n) = {width}: {_ends(made)}"),
    ]


def _ends(made: Aggregate) -> str:
    return f"90 % interval {_show(*made.interval)}" if made.interval else "no interval"


def _show(low: float, high: float) -> str:
    return f"[{low:+z.3f}, {high:+z.3f}]".replace("-inf", "-infinity").replace("+inf", "+infinity")


def _retrieval(part: RetrievalPart, apart: float, n: int) -> Steps:
    """What the retrieval targets contribute to the average, and why both averages are given."""
    k = len(part.targets)
    share = "" if part.share is None else f", {part.share:.0%} of it"
    pull = (
        ""
        if part.share is None or 0 <= part.share <= 1
        else " (they and the other targets pull in opposite directions)"
    )
    made = f"{part.of_points:+z.3f} - {part.others_share:.3f} x {apart:+z.3f} = {part.points:+z.3f}"
    words = f"{k} of the {n} targets contribute {made} of {part.of_points:+z.3f} points{share}{pull}"
    return [("retrieval", words), ("why both", " ".join(TWICE))]


def _band(claim: Claim) -> str:
    if isinstance(claim.check, Gain | BestOf):
        return margin_in_words(claim)
    band = target_band(claim)
    said = "the largest gain still called none" if isinstance(claim.check, NoGain) else "the claim says which is higher"
    return f"{_show(band.low, band.high)}: {said}"


def _placed(evidence: Evidence, band: Interval) -> str:
    made = evidence.overall
    assert made is not None
    if made.interval is None or len(made.values) < FEWEST_SEEDS:
        return f"{evidence.rule_gives}: {len(made.values)} seeds, or seeds that are all equal, decide nothing"
    interval = Interval(low=made.interval[0], high=made.interval[1])
    where = PLACES[place(interval, band)]
    return f"{_show(*made.interval)} {where} {_show(band.low, band.high)}: on these numbers alone {evidence.rule_gives}"


def _share(check: Share, evidence: Evidence) -> Steps:
    """Which recipes count, don't, or are open, and the share that leaves."""
    kinds: dict[str, list[str]] = {"count": [], "don't": [], "are open": []}
    for recipe, made in evidence.by_recipe.items():
        low, high = made.interval if made.interval and len(made.values) >= FEWEST_SEEDS else (-math.inf, math.inf)
        sure = "count" if low >= check.threshold_points else "don't" if high < check.threshold_points else "are open"
        kinds[sure].append(recipe)
    n, above, below = len(evidence.by_recipe), len(kinds["count"]), len(kinds["don't"])
    if not n:
        return []
    listed = "; ".join(
        f"{len(names)} {kind}" + (f" ({', '.join(names)})" if names else "") for kind, names in kinds.items()
    )
    shares = f"between {above}/{n} = {above / n:.0%} and ({n} - {below})/{n} = {(n - below) / n:.0%}"
    return [
        ("recipes", f"against {check.threshold_points:+.2f} points by their own 90 % intervals: {listed}"),
        ("share", f"{shares}; the claim needs {check.at_least_share:.0%}"),
        ("rule gives", f"on these numbers alone {evidence.rule_gives}"),
    ]
