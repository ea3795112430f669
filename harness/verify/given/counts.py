"""A claim that counts (`8 of 9 above 1`: methods, or tasks of one method) -> its verdict."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from harness.project.errors import HarnessError, name_some
from harness.verify.given.choose import Chosen
from harness.verify.given.claim import GivenClaim
from harness.verify.given.doubts import doubts_of_claim
from harness.verify.given.pairing import (
    Pair,
    Projection,
    difference,
    doubts_of_pair,
    not_counted,
    over_rows,
    pair_runs,
    seed_scores,
    unpaired_runs,
)
from harness.verify.given.verdict import GivenVerdict
from harness.verify.given.words import Count
from harness.verify.statistics.decision import POWER
from harness.verify.statistics.design import Design
from harness.verify.statistics.intervals import spread
from harness.verify.statistics.p_values import one_sided_p, partial_p, show_p
from harness.verify.statistics.parts import Together, one_sided_together
from harness.verify.statistics.power import SHARED, count_chance
from harness.verify.statistics.welch import one_sided_unpaired


def judge_count(
    claim: GivenClaim, expected: Count, chosen: Chosen, baseline: str, tasks: Sequence[str], design: Design
) -> tuple[GivenVerdict, Projection | None]:
    """So many of so many gain more than a threshold: the partial conjunction test, both ways.

    The verdict, and where fewer do on average after how many seeds that would be shown.
    """
    over, units = _units(claim, expected, chosen, baseline, tasks)
    pairs = {name: pair_runs(chosen, method, baseline, own, design) for name, (method, own) in units.items()}
    tested = {
        name: _tested(
            pairs[name], expected.points, design, over_rows(chosen, (method, baseline), own, pairs[name], design)[1]
        )
        for name, (method, own) in units.items()
    }
    counted = {name: _counted(pair, design) for name, pair in pairs.items()}
    means = {name: one.mean for name, one in counted.items()}
    yes, no = [p for p, _ in tested.values()], [p for _, p in tested.values()]
    shown = sum(partial_p(yes, j) <= design.level for j in range(1, len(yes) + 1))
    not_shown = sum(partial_p(no, j) <= design.level for j in range(1, len(no) + 1))
    p_no = partial_p(no, expected.of - expected.k + 1)
    verdict = "REPRODUCED" if shown >= expected.k else "NOT_REPRODUCED" if p_no <= design.level else "INCONCLUSIVE"
    fewest = min(counted.values(), key=lambda one: len(one.seeds))
    untested = [name for name, each in tested.items() if each == (1.0, 1.0)]
    if verdict == "INCONCLUSIVE" and (len(fewest.seeds) < design.first or len(untested) == len(tested)):
        verdict = "UNDERPOWERED"
    spreads = {name: one.spread for name, one in counted.items()}
    n = len(units)
    above = sum(mean is not None and mean > expected.points for mean in means.values())
    reason = (
        f"by the partial conjunction test at {design.level:.0%} at least {shown} of {n} {over} gain more than"
        f" {expected.points:+z.6g} points, and at least {not_shown} don't"
    )
    is_known = None not in means.values() and all(spreads.values()) and not chosen.table.has_items

    def project(stricter: Design) -> int | None:
        gains = [mean - expected.points for mean in means.values() if mean is not None]
        return _seeds_needed(gains, [*spreads.values()], expected, over, fewest.looked, stricter)

    is_open = is_known and verdict == "INCONCLUSIVE"
    needed = project(design) if is_open else None
    found = GivenVerdict(
        claim=claim,
        verdict=verdict,
        expected=str(expected),
        method=name_some(list(units)) if over == "methods" else next(iter(units.values()))[0],
        baseline=baseline,
        tasks=list(tasks),
        measured=above / n,
        interval=(shown / n, (n - not_shown) / n),
        plain_interval=None,
        direction=None,
        n_seeds=len(fewest.seeds),
        seeds=fewest.seeds,
        pairing="paired by seed" if all(pair.gains is not None for pair in pairs.values()) else "not paired (Welch)",
        seeds_needed=needed,
        p_value=p_no,
        scores=[row for method, own in units.values() for row in seed_scores(chosen, (method, baseline), own)],
        reasons=[
            reason,
            *([_projected(needed, fewest.looked, design)] if is_open else []),
            *dict.fromkeys(reason for pair in pairs.values() for reason in pair.reasons),
        ],
        doubts=list(
            dict.fromkeys(
                [
                    *doubts_of_claim(expected),
                    *(doubt for pair in pairs.values() for doubt in pair.doubts),
                    *(
                        doubt
                        for name, pair in pairs.items()
                        for doubt in not_counted(pair, counted[name].looked, design)
                    ),
                    *(
                        f"{name}: {doubt}" if over == "tasks" else doubt
                        for name, (method, own) in units.items()
                        for doubt in doubts_of_pair(chosen, (method, baseline), own, pairs[name])
                    ),
                ]
            )
        ),
        steps=[(name, _count_step(means[name], tested[name], expected)) for name in units],
    )
    return found, project if is_known and above < expected.k else None


def _units(
    claim: GivenClaim, expected: Count, chosen: Chosen, baseline: str, tasks: Sequence[str]
) -> tuple[str, dict[str, tuple[str, list[str]]]]:
    """What is counted -> the method and tasks of each. Raises HarnessError where there are not as many as claimed."""
    every = [name for name in [chosen.baseline, *chosen.methods] if name != baseline]
    named = claim.methods or ([claim.method] if claim.method else [])
    methods = chosen.known(named, every, "method") or every
    sizes = {"methods": len(methods), "tasks": len(tasks)}
    fits = [over for over in ("methods", "tasks") if sizes[over] == expected.of and expected.over in (None, over)]
    if "tasks" in fits and len(methods) > 1:
        fits = [over for over in fits if over != "tasks"]
    if len(fits) > 1 and expected.of == 1:
        fits = ["methods"]  # one method on one task is the same either way
    if len(fits) != 1:
        there = f"{_many(methods, 'method')} beside {baseline} and {_many(tasks, 'task')}"
        raise HarnessError(
            f"expected {expected.of} {expected.over or 'methods, or tasks of one method,'} in {chosen.table.source} for"
            f" the claim `{claim.says}`, found {there}",
            fix="name what is counted (`8 of 9 tasks above 1`), the method with --method, the tasks with --task",
        )
    if fits[0] == "methods":
        return "methods", {method: (method, list(tasks)) for method in methods}
    return "tasks", {task: (methods[0], [task]) for task in tasks}


def _many(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what}{'s' if len(names) != 1 else ''}"


def _tested(pair: Pair, edge: float, design: Design, together: Together | None) -> tuple[float, float]:
    """p values of "the gain is at most the edge" and of "it is at least the edge"; `together`: over rows, too."""
    if together:
        return one_sided_together(together, edge, design)
    if pair.gains is None:
        return one_sided_unpaired(unpaired_runs(pair, design), edge, design)
    return one_sided_p(list(pair.gains.values()), edge, design) if pair.gains else (1.0, 1.0)


class _Counted(NamedTuple):
    """What of a method's runs counts."""

    mean: float | None
    """Mean gain in points; None where nothing is measured."""
    seeds: list[str]
    """Seeds, or runs where these are not paired, of the design's last look; below the first one all."""
    looked: int
    """How many seeds that look is at; 0 below the first one."""
    spread: float
    """Standard deviation of one seed's gain in points; 0 where it is not known."""


def _counted(pair: Pair, design: Design) -> _Counted:
    if pair.gains is not None:
        look = design.look(len(pair.gains))
        gains = dict(list(pair.gains.items())[:look])
        values = list(gains.values())
        return _Counted(statistics.fmean(values) if values else None, list(gains), look or 0, _spread(values))
    look = design.look(min(len(pair.first), len(pair.second)))
    first, second = (dict(list(runs.items())[:look]) for runs in (pair.first, pair.second))
    mean = difference(pair._replace(first=first, second=second))
    scatter = math.hypot(*(_spread(list(runs.values())) for runs in (first, second)))
    return _Counted(mean, list(first if len(first) <= len(second) else second), look or 0, scatter)


def _spread(values: Sequence[float]) -> float:
    return spread(values) if len(values) > 1 else 0.0


def _seeds_needed(
    above: Sequence[float], spreads: Sequence[float], expected: Count, over: str, n: int, design: Design
) -> int | None:
    """The next look that would decide with probability POWER, where each gains `above` points more than the threshold
    and scatters by so many points; None where none would.

    Methods share their baseline, so their gains are taken as correlated; tasks are not.
    """
    holds = sum(points > 0 for points in above) >= expected.k
    least = expected.k if holds else expected.of - expected.k + 1
    signed = above if holds else [-points for points in above]
    shared = SHARED if over == "methods" else 0.0
    return next(
        (
            look
            for look in design.looks
            if look > n and count_chance(signed, spreads, look, least, shared, design) >= POWER
        ),
        None,
    )


def _projected(needed: int | None, n: int, design: Design) -> str:
    if n == design.last:
        return f"the design is used up: {n} seeds are its last look"
    when = f"{needed} seeds" if needed else f"not even the design's last look, at {design.last} seeds,"
    return f"if means and spreads stay as measured, {when} would decide with probability {POWER:.0%}"


def _count_step(mean: float | None, tested: tuple[float, float], expected: Count) -> str:
    gain = "no gain known" if mean is None else f"{mean:+z.3f} points"
    return f"{gain}; above {expected.points:+z.6g}: {show_p(tested[0])}, not above: {show_p(tested[1])}"
