"""A claim on a mean gain (`+3.5 +- 0.5`, `>= +1`, `A > B`) -> its verdict."""

from __future__ import annotations

from collections.abc import Sequence

from harness.verify.given.choose import Chosen
from harness.verify.given.claim import GivenClaim
from harness.verify.given.doubts import doubts_of_claim
from harness.verify.given.evidence import evidence
from harness.verify.given.pairing import (
    Pair,
    Projection,
    difference,
    doubts_of_pair,
    not_counted,
    over_rows,
    seed_scores,
    unpaired_runs,
)
from harness.verify.given.steps import band_steps, item_steps, paired_steps, unpaired_steps
from harness.verify.given.verdict import GivenVerdict
from harness.verify.given.words import Amount, Bound
from harness.verify.statistics.decision import Decision, decide, seeds_to_decide, verdict_chances
from harness.verify.statistics.design import Design
from harness.verify.statistics.intervals import Published, spread, t_interval
from harness.verify.statistics.parts import decide_together, seeds_over_rows
from harness.verify.statistics.welch import Unpaired, decide_unpaired


def judge_mean(
    claim: GivenClaim,
    expected: Amount | Bound,
    chosen: Chosen,
    names: tuple[str, str],
    tasks: Sequence[str],
    pair: Pair,
    design: Design,
) -> tuple[GivenVerdict, Projection | None]:
    """The verdict, and where the gain lies outside what is claimed after how many seeds that would be shown."""
    published = Published(expected.points, claim.runs or 1) if isinstance(expected, Amount) else None
    values = list((pair.gains or {}).values())
    unpaired = unpaired_runs(pair, design)
    decision = _decision(pair, values, unpaired, expected, published, design)
    alone, n = decision, decision.n if decision else 0
    rows, together = over_rows(chosen, names, tasks, pair, design)
    if together:
        decision = decide_together(together, expected.band, design, published)
    seeds = list(pair.gains or pair.first)
    sigma = together.spread_at(n) if together else unpaired.spread if unpaired else spread(values[:n]) if n > 1 else 0.0
    interval = decision.interval if decision else None
    power = None
    if published and interval and sigma:
        power = verdict_chances(expected.points, sigma, n, expected.band, design, published).reproduced
    steps = paired_steps(pair.gains, n, alone, design) if pair.gains is not None else unpaired_steps(
        pair.first, pair.second, unpaired, names
    )  # fmt: skip
    if together and rows:
        steps = item_steps(steps, together, rows.items, rows.how)
    plain = unpaired.plain_interval if unpaired else t_interval(values[:n]) if interval and values else None
    project = None
    if decision and interval and not expected.band.low <= decision.mean <= expected.band.high:

        def project(stricter: Design) -> int | None:
            if together:
                return seeds_over_rows(together, expected.band, stricter, published)
            return seeds_to_decide(decision.mean, sigma, expected.band, n, stricter, published)

    found = GivenVerdict(
        claim=claim,
        verdict=decision.verdict if decision else "UNDERPOWERED",
        expected=str(expected),
        method=names[0],
        baseline=names[1],
        tasks=list(tasks),
        measured=decision.mean if decision else difference(pair),
        interval=interval.ends if interval else None,
        plain_interval=together.plain_interval.ends if together else plain.ends if plain else None,
        direction=decision.direction if decision else None,
        n_seeds=n or min(len(pair.first), len(pair.second)),
        seeds=seeds[: n or None],
        pairing="not paired (Welch)" if pair.gains is None else "paired by seed",
        power=power,
        reach=(interval.high - interval.low) / 2 if interval else None,
        seeds_needed=decision.seeds_needed if decision else None,
        p_value=decision.p_value if decision else None,
        values=dict(pair.gains or {}),
        scores=seed_scores(chosen, names, tasks),
        items=evidence(rows, together, names) if rows else None,
        reasons=[*_why(decision, pair, design), *_runs(claim, published), *pair.reasons],
        doubts=[
            *doubts_of_claim(expected),
            *pair.doubts,
            *not_counted(pair, n, design),
            *doubts_of_pair(chosen, names, tasks, pair),
        ],
        steps=[*steps, *band_steps(expected, decision, design)],
    )
    return found, project


def _decision(
    pair: Pair,
    values: Sequence[float],
    unpaired: Unpaired | None,
    expected: Amount | Bound,
    published: Published | None,
    design: Design,
) -> Decision | None:
    if unpaired is not None:
        return decide_unpaired(unpaired, expected.band, design, published)
    return decide(values, expected.band, design=design, published=published) if values else None


def _why(decision: Decision | None, pair: Pair, design: Design) -> list[str]:
    if decision is not None:
        return [decision.reason] if decision.reason else []
    n = min(len(pair.first), len(pair.second))
    if not n:
        return ["no run of each has a score on every task"]
    if n >= design.first:
        return ["all seeds gave the same value: they count as one draw"]
    return [f"{n} seed{'s' if n != 1 else ''} of at least {design.first}"]


def _runs(claim: GivenClaim, published: Published | None) -> list[str]:
    if published is None or claim.runs is not None:
        return []
    return ["how many runs the claimed number rests on is not known: it counts as one"]
