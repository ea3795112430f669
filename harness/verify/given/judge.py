"""Claims on given scores -> verdicts: the same rules as for results that were run here, on scores alone.

A claim's gain at a seed is the mean over its tasks of method minus baseline at that seed. Where both were run at the
same seeds these are paired; where not, the two groups of runs are compared by Welch's t. Whoever gives the scores
vouches for them.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.project.errors import HarnessError, name_some
from harness.verify.given.choose import Chosen, choose
from harness.verify.given.claim import GivenClaim
from harness.verify.given.doubts import doubts_of_claim, doubts_of_runs, doubts_of_table
from harness.verify.given.evidence import RowPart, evidence, row_part
from harness.verify.given.steps import band_steps, item_steps, paired_steps, unpaired_steps
from harness.verify.given.table import Table, known_name
from harness.verify.given.verdict import GivenVerdict, GivenVerdicts, SeedScores
from harness.verify.given.words import Amount, Bound, Count
from harness.verify.statistics.decision import Decision, decide, verdict_chances
from harness.verify.statistics.design import STANDARD, Design
from harness.verify.statistics.holm import adjust
from harness.verify.statistics.intervals import Published, spread, t_interval
from harness.verify.statistics.p_values import one_sided_p, partial_p, show_p
from harness.verify.statistics.parts import Part, Together, decide_together, one_sided_together, put_together
from harness.verify.statistics.welch import Unpaired, decide_unpaired, difference_of_means, one_sided_unpaired

BySeed = Mapping[str, float]


def judge_table(
    table: Table,
    claims: Sequence[GivenClaim],
    *,
    baseline: str | None = None,
    split: str | None = None,
    metric: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    design: Design = STANDARD,
) -> GivenVerdicts:
    """The verdicts on claims that are judged together: Holm's step-down is over all of them.

    `baseline`, `split`, `metric`, `tasks` and `languages` say what of the table is compared, where it leaves a choice.
    `design`: after how many seeds one looks; its order is that of the table's seeds by number. Raises HarnessError for
    a choice that is open, a name that the table doesn't have, and claims that share an id.
    """
    if not claims:
        raise HarnessError("expected a claim to judge, found none", fix='say one, as in --claim "+3.5 +- 0.5"')
    ids = [claim.id for claim in claims]
    if twice := next((name for name in ids if ids.count(name) > 1), None):
        raise HarnessError(f"expected each id once among the claims, found `{twice}` twice", fix="rename one of them")
    said = claims[0].baseline if all(claim.baseline for claim in claims) else None
    chosen = choose(table, baseline=baseline or said, split=split, metric=metric, tasks=tasks, languages=languages)
    found = _hold([_judge(claim, chosen, design) for claim in claims], design.level)
    return GivenVerdicts(
        claims=found,
        source=table.source,
        unit=table.unit,
        columns=dict(table.found),
        split=chosen.split,
        metric=chosen.metric,
        design=design,
        remarks=list(table.remarks),
        known=dict(table.known),
        unknown={**table.unknown, **_unknown(chosen)},
        doubts=doubts_of_table(chosen, tasks, languages),
    )


def _unknown(chosen: Chosen) -> dict[str, str]:
    """What the table doesn't say of what is judged."""
    found = {} if chosen.split else {"split": "taken for one and the same of all scores"}
    return (
        found if chosen.has_seeds else {**found, "seed": "runs are known by their order alone, and nothing pairs them"}
    )


def _hold(found: Sequence[GivenVerdict], level: float) -> list[GivenVerdict]:
    """Accusations that survive Holm's step-down over all claims; the others are INCONCLUSIVE."""
    family = {place: one.p_value for place, one in enumerate(found) if one.p_value is not None}
    adjusted = dict(zip(family, adjust(list(family.values())), strict=True))
    held = []
    for place, one in enumerate(found):
        p = adjusted.get(place)
        said: dict[str, Any] = {"p_adjusted": p}
        if one.verdict == "NOT_REPRODUCED" and p is not None and len(family) > 1:
            stands = p <= level
            holm = f"by Holm's step-down over {len(family)} claims {show_p(p)}"
            told = "the accusation stands" if stands else f"over {level:.2f}, so no accusation: more seeds must tell"
            said |= {"reasons": [*one.reasons, f"{holm}: {told}"], "steps": [*one.steps, ("Holm", f"{holm}: {told}")]}
            if not stands:
                alone = "this claim alone would be NOT_REPRODUCED; the others that it is judged with leave it open"
                said |= {"verdict": "INCONCLUSIVE", "doubts": [*one.doubts, alone]}
        held.append(one.model_copy(update=said))
    return held


class _Pair(NamedTuple):
    """A method against a baseline over tasks."""

    first: dict[str, float]
    """Seed -> mean over the tasks of the method's points; seeds that have all tasks."""
    second: dict[str, float]
    """The same of the baseline."""
    gains: dict[str, float] | None
    """Seed -> gain, where the two are paired."""
    reasons: list[str]
    """Why it is paired or not."""
    doubts: list[str]
    """What was left out."""

    @property
    def runs(self) -> tuple[list[str], list[str]]:
        """Seeds of the method and of the baseline that are compared."""
        return (list(self.gains), list(self.gains)) if self.gains is not None else (list(self.first), list(self.second))


def _judge(claim: GivenClaim, chosen: Chosen, design: Design) -> GivenVerdict:
    every = [chosen.baseline, *chosen.methods]
    (baseline,) = _known([claim.baseline or chosen.baseline], every, "baseline", chosen)
    tasks = _known(claim.tasks, chosen.tasks, "task", chosen) or chosen.tasks
    if isinstance(claim.expected, Count):
        return _judge_count(claim, claim.expected, chosen, baseline, tasks, design)
    method = _method(claim, chosen, baseline)
    pair = _pair(chosen, method, baseline, tasks, design)
    return _judge_mean(claim, claim.expected, chosen, (method, baseline), tasks, pair, design)


def _known(names: Sequence[str], known: Sequence[str], what: str, chosen: Chosen) -> list[str]:
    return [known_name(name, known, what, chosen.table.source) for name in names]


def _method(claim: GivenClaim, chosen: Chosen, baseline: str) -> str:
    every = [chosen.baseline, *chosen.methods]
    others = [method for method in every if method != baseline]
    if claim.method is not None:
        (method,) = _known([claim.method], every, "method", chosen)
        if method == baseline:
            raise HarnessError(
                f"expected a method to compare with the baseline {baseline}, found that itself", fix="name another one"
            )
        return method
    if len(others) != 1:
        raise HarnessError(
            f"expected to know which method of {chosen.table.source} the claim `{claim.says}` is about, found"
            f" {name_some(others)}",
            fix=f'name it with --method, or in the claim: "{others[0]}: {claim.says}"',
        )
    return others[0]


def _pair(chosen: Chosen, method: str, baseline: str, tasks: Sequence[str], design: Design) -> _Pair:
    first, second = (_over_tasks(chosen, name, tasks) for name in (method, baseline))
    gaps = [*_gaps(chosen, method, tasks, first), *_gaps(chosen, baseline, tasks, second)]
    if not chosen.has_seeds and max(len(first), len(second)) > design.last:
        raise HarnessError(
            f"expected at most {design.last} runs without seeds in {chosen.table.source}, found"
            f" {max(len(first), len(second))}: which of them count would hang on the order of the rows",
            fix=f"add a column of seeds, or say with --looks after how many runs you look, as --looks {len(first)}",
        )
    if not chosen.has_seeds or not first or not second:
        unnamed = [] if chosen.has_seeds else ["no seed is named, so runs are not paired: Welch's t"]
        return _Pair(first, second, None, unnamed, gaps)
    common = [seed for seed in first if seed in second]
    alone = [f"{name} at {name_some([seed for seed in own if seed not in common])}" for name, own in
             ((method, first), (baseline, second)) if len(own) > len(common)]  # fmt: skip
    few = len(common) < min(design.first, len(first), len(second))
    if few:
        shared = {0: "no seed is", 1: "1 seed is"}.get(len(common), f"{len(common)} seeds are")
        why = f"{shared} common to both (only {'; '.join(alone)}), so runs are not paired: Welch's t"
        return _Pair(first, second, None, [why], gaps)
    left = [f"only the {len(common)} seeds that both have count; left out: {'; '.join(alone)}"] if alone else []
    return _Pair(first, second, {seed: first[seed] - second[seed] for seed in common}, [], [*gaps, *left])


def _over_tasks(chosen: Chosen, method: str, tasks: Sequence[str]) -> dict[str, float]:
    """Seed -> mean over the tasks, for seeds that have all of them."""
    each = [chosen.points.get((method, task), {}) for task in tasks]
    return {seed: statistics.fmean(by[seed] for by in each) for seed in each[0] if all(seed in by for by in each)}


def _gaps(chosen: Chosen, method: str, tasks: Sequence[str], whole: BySeed) -> list[str]:
    """What of a method is left out, since a seed lacks one of the tasks."""
    each = {task: chosen.points.get((method, task), {}) for task in tasks}
    if lacking := [task for task, by in each.items() if not by]:
        return [f"{method} has no score on {name_some(lacking)}, so no mean over the same tasks"]
    partly = sorted({seed for by in each.values() for seed in by} - set(whole))
    return [f"{method} at seed {name_some(partly)} is left out: it lacks some of the tasks"] if partly else []


def _judge_mean(
    claim: GivenClaim,
    expected: Amount | Bound,
    chosen: Chosen,
    names: tuple[str, str],
    tasks: Sequence[str],
    pair: _Pair,
    design: Design,
) -> GivenVerdict:
    published = Published(expected.points, claim.runs or 1) if isinstance(expected, Amount) else None
    values = list((pair.gains or {}).values())
    unpaired = _unpaired(pair, design)
    decision = _decision(pair, values, unpaired, expected, published, design)
    alone, n = decision, decision.n if decision else 0
    rows, together = _over_rows(chosen, names, tasks, pair, design)
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
    plain = t_interval(values[:n]) if interval and values else None
    return GivenVerdict(
        claim=claim,
        verdict=decision.verdict if decision else "UNDERPOWERED",
        expected=str(expected),
        method=names[0],
        baseline=names[1],
        tasks=list(tasks),
        measured=decision.mean if decision else _difference(pair),
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
        scores=_scores(chosen, names, tasks),
        items=evidence(rows, together, names) if rows else None,
        reasons=[*_why(decision, pair, design), *_runs(claim, published), *pair.reasons],
        doubts=[
            *doubts_of_claim(expected),
            *pair.doubts,
            *_over(pair, n, design),
            *_of_runs(chosen, names, tasks, pair),
        ],
        steps=[*steps, *band_steps(expected, decision, design)],
    )


def _decision(
    pair: _Pair,
    values: Sequence[float],
    unpaired: Unpaired | None,
    expected: Amount | Bound,
    published: Published | None,
    design: Design,
) -> Decision | None:
    if unpaired is not None:
        return decide_unpaired(unpaired, expected.band, design, published)
    return decide(values, expected.band, design=design, published=published) if values else None


def _over_rows(
    chosen: Chosen, names: tuple[str, str], tasks: Sequence[str], pair: _Pair, design: Design
) -> tuple[RowPart | None, Together | None]:
    """A gain's variance over rows, and that over seeds and rows; None without items. The latter is also None below the
    design's first look, and where seeds change nothing."""
    values, unpaired = list((pair.gains or {}).values()), _unpaired(pair, design)
    n = unpaired.n if unpaired else design.look(len(values))
    rows = row_part(chosen, names, tasks, pair.runs, n)
    if rows is None or n is None:
        return rows, None
    if unpaired:
        seeds, mean = Part(variance=unpaired.error**2, freedom=unpaired.freedom), unpaired.difference
    elif s := spread(values[:n]):
        seeds, mean = Part(variance=s**2 / n, freedom=n - 1), statistics.fmean(values[:n])
    else:
        return rows, None
    return rows, put_together(mean, n, seeds, rows.parts, design)


def _unpaired(pair: _Pair, design: Design) -> Unpaired | None:
    """Welch's difference, where the runs are not paired."""
    if pair.gains is not None:
        return None
    return difference_of_means(list(pair.first.values()), list(pair.second.values()), design)


def _difference(pair: _Pair) -> float | None:
    if not pair.first or not pair.second:
        return None
    return statistics.fmean(pair.first.values()) - statistics.fmean(pair.second.values())


def _why(decision: Decision | None, pair: _Pair, design: Design) -> list[str]:
    if decision is not None:
        return [decision.reason] if decision.reason else []
    n = min(len(pair.first), len(pair.second))
    if n >= design.first:
        return ["all seeds gave the same value: they count as one draw"]
    return [f"{n} seed{'s' if n != 1 else ''} of at least {design.first}"]


def _over(pair: _Pair, n: int, design: Design) -> list[str]:
    """Seeds that the design doesn't count: beyond its last look, or beyond what the other group has."""
    groups = [pair.gains] if pair.gains is not None else [pair.first, pair.second]
    rest = list(dict.fromkeys(seed for group in groups for seed in list(group)[n:])) if n else []
    looks = ", ".join(map(str, design.looks))
    what = "seed" if pair.gains is not None else "run"
    if not rest:
        return []
    return [f"{what} {name_some(rest)} did not count: looks after {looks} {what}s of both, in their order"]


def _of_runs(chosen: Chosen, names: tuple[str, str], tasks: Sequence[str], pair: _Pair) -> list[str]:
    """What is doubtful of the runs that were compared."""
    each = [
        {seed: tuple(chosen.points[name, task][seed] for task in tasks) for seed in runs}
        for name, runs in zip(names, (pair.first, pair.second), strict=True)
    ]
    return doubts_of_runs(names, each[0], each[1], pair.gains is not None)


def _runs(claim: GivenClaim, published: Published | None) -> list[str]:
    if published is None or claim.runs is not None:
        return []
    return ["how many runs the claimed number rests on is not known: it counts as one"]


def _scores(chosen: Chosen, names: tuple[str, str], tasks: Sequence[str]) -> list[SeedScores]:
    first, second = names
    return [
        SeedScores(
            method=first,
            task=task,
            measured=chosen.points.get((first, task), {}),
            compared=chosen.points.get((second, task), {}),
        )
        for task in tasks
    ]


def _judge_count(
    claim: GivenClaim, expected: Count, chosen: Chosen, baseline: str, tasks: Sequence[str], design: Design
) -> GivenVerdict:
    """So many of so many gain more than a threshold: the partial conjunction test, both ways."""
    over, units = _units(claim, expected, chosen, baseline, tasks)
    pairs = {name: _pair(chosen, method, baseline, own, design) for name, (method, own) in units.items()}
    tested = {
        name: _tested(
            pairs[name], expected.points, design, _over_rows(chosen, (method, baseline), own, pairs[name], design)[1]
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
    n = len(units)
    above = sum(mean is not None and mean > expected.points for mean in means.values())
    reason = (
        f"by the partial conjunction test at {design.level:.0%} at least {shown} of {n} {over} gain more than"
        f" {expected.points:+z.6g} points, and at least {not_shown} don't"
    )
    return GivenVerdict(
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
        p_value=p_no,
        scores=[row for method, own in units.values() for row in _scores(chosen, (method, baseline), own)],
        reasons=[reason, *dict.fromkeys(reason for pair in pairs.values() for reason in pair.reasons)],
        doubts=list(
            dict.fromkeys(
                [
                    *doubts_of_claim(expected),
                    *(doubt for pair in pairs.values() for doubt in pair.doubts),
                    *(doubt for name, pair in pairs.items() for doubt in _over(pair, counted[name].looked, design)),
                    *(
                        f"{name}: {doubt}" if over == "tasks" else doubt
                        for name, (method, own) in units.items()
                        for doubt in _of_runs(chosen, (method, baseline), own, pairs[name])
                    ),
                ]
            )
        ),
        steps=[(name, _count_step(means[name], tested[name], expected)) for name in units],
    )


def _units(
    claim: GivenClaim, expected: Count, chosen: Chosen, baseline: str, tasks: Sequence[str]
) -> tuple[str, dict[str, tuple[str, list[str]]]]:
    """What is counted -> the method and tasks of each. Raises HarnessError where there are not as many as claimed."""
    every = [name for name in [chosen.baseline, *chosen.methods] if name != baseline]
    named = claim.methods or ([claim.method] if claim.method else [])
    methods = _known(named, every, "method", chosen) or every
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


def _tested(pair: _Pair, edge: float, design: Design, together: Together | None) -> tuple[float, float]:
    """p values of "the gain is at most the edge" and of "it is at least the edge"; `together`: over rows, too."""
    if together:
        return one_sided_together(together, edge, design)
    if pair.gains is None:
        return one_sided_unpaired(_unpaired(pair, design), edge, design)
    return one_sided_p(list(pair.gains.values()), edge, design) if pair.gains else (1.0, 1.0)


class _Counted(NamedTuple):
    """What of a method's runs counts."""

    mean: float | None
    """Mean gain in points; None where nothing is measured."""
    seeds: list[str]
    """Seeds, or runs where these are not paired, of the design's last look; below the first one all."""
    looked: int
    """How many seeds that look is at; 0 below the first one."""


def _counted(pair: _Pair, design: Design) -> _Counted:
    if pair.gains is not None:
        look = design.look(len(pair.gains))
        gains = dict(list(pair.gains.items())[:look])
        return _Counted(statistics.fmean(gains.values()) if gains else None, list(gains), look or 0)
    look = design.look(min(len(pair.first), len(pair.second)))
    first, second = (dict(list(runs.items())[:look]) for runs in (pair.first, pair.second))
    mean = _difference(pair._replace(first=first, second=second))
    return _Counted(mean, list(first if len(first) <= len(second) else second), look or 0)


def _count_step(mean: float | None, tested: tuple[float, float], expected: Count) -> str:
    gain = "no gain known" if mean is None else f"{mean:+z.3f} points"
    return f"{gain}; above {expected.points:+z.6g}: {show_p(tested[0])}, not above: {show_p(tested[1])}"
