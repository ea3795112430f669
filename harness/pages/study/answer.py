"""The answer of `harness study`: three sentences at most, each chosen by the record's numbers.

What holds here of the claims that state a gain; the largest mean gain and loss of a recipe; what this can't say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import get_args

from harness.pages.study.parts import has_few_seeds
from harness.pages.study.record import Study
from harness.project.params import BASELINE
from harness.verify.show.table import show_interval, show_points
from harness.verify.statistics.aggregate import Aggregate
from harness.verify.statistics.design import Design
from harness.verify.verdicts.planted import published
from harness.verify.verdicts.verdict import ClaimVerdict, Replication

CLAIMS_ON = "XLM-R Large on XTREME"
"""What the published claims are about."""


def answer(study: Study) -> str:
    """The answer as one paragraph."""
    return " ".join(filter(None, (on_claims(study), on_recipes(study), on_reach(study))))


def in_scope(study: Study) -> bool:
    """Is any claim on results about what was run, with all that it needs?"""
    verdicts = published(study.verification.claims)
    return any(verdict.verdict != "NOT_TESTED" for verdict in verdicts if not verdict.is_unmeasured)


def on_claims(study: Study) -> str:
    """How many of the claims hold here; in their scope, what `harness verify` decides."""
    if in_scope(study):
        return f"Encoder and data are those of the claims, which `harness verify` decides: {study.verification.answer}."
    told = [verdict for verdict in published(study.verification.claims) if verdict.replication is not None]
    gains = [verdict for verdict in told if verdict.margin is not None]
    others = [verdict for verdict in told if verdict.margin is None]
    if not gains:
        first = "No claim that states a gain has all the cells that it needs here"
    else:
        first = f"Of the claims that state a gain, {len(gains)} can be tested here: {_count(gains, study.design)}"
    more = f"; of {len(others)} other{_s(len(others))}, {_count(others, study.design)}" if others else ""
    return f"{first}{more}."


def _s(n: int) -> str:
    return "" if n == 1 else "s"


def _count(verdicts: Sequence[ClaimVerdict], design: Design) -> str:
    """`1 HOLDS HERE (a), 0 OPPOSITE HERE, 2 OPEN HERE (b, c)`: every word, also where it is said of none; and which
    had too few seeds for anything else.
    """
    parts = []
    for word in get_args(Replication):
        named = [verdict.id for verdict in verdicts if verdict.replication == word]
        few = [verdict.id for verdict in verdicts if verdict.replication == word and has_few_seeds(verdict, design)]
        which = "" if few == named else f" of {', '.join(few)}"
        why = f"; too few sound seeds to show anything{which}" if few else ""
        parts.append(f"{len(named)} {word}" + (f" ({', '.join(named)}{why})" if named else ""))
    return ", ".join(parts)


def on_recipes(study: Study) -> str:
    """The largest mean gain and the largest mean loss of a recipe over the targets that decide."""
    every = study.deciding.adjusted
    if not every:
        return f"No recipe has a score on all of {', '.join(study.deciding.targets)} at any seed that counts."
    first_look = study.design.looks[0]
    found = {name: value for name, value in every.items() if len(value.values) >= first_look} or every
    few = [name for name in every if name not in found]
    where = f"Over {_targets(study)}"
    where += f", and of recipes with {first_look} seeds or more (not yet {', '.join(few)})" if few else ""
    most, least = max(found, key=lambda name: found[name].mean), min(found, key=lambda name: found[name].mean)
    if most == least:
        return f"{where}, the mean gain of {_recipe(study, most)}: {_clear(found)}{_as_they_are(study, found)}."
    up, down = found[most].mean > 0, found[least].mean < 0
    n = len(found)
    if up and down:
        first = f"the largest mean gain of {n} recipes is that of {_recipe(study, most)}"
        second = f"the largest mean loss that of {_recipe(study, least)}"
    else:
        none, some = ("loses", "gain") if up else ("gains", "loss")
        near, far = (least, most) if up else (most, least)
        first = f"none of {n} recipes {none} on average: the largest mean {some} is that of {_recipe(study, far)}"
        second = f"the smallest that of {_recipe(study, near)}"
    return f"{where}, {first}, and {second}; {_clear(found)}{_as_they_are(study, found)}."


def _targets(study: Study) -> str:
    """The targets that decide, by what they lack."""
    d = study.deciding
    n = len(d.targets)
    named = f"{', '.join(d.targets)}" if n <= 2 else f"{n} targets"
    without = ["retrieval"] if d.retrieval else []
    without += [f"{', '.join(d.unlearnt)}, which `{BASELINE}` never learnt"] if d.unlearnt else []
    which = f"the {named} that decide (without {', and without '.join(without)})" if without else f"all {named}"
    hit = {target: n for target, n in study.collapsed.get(BASELINE, {}).items() if target in d.targets}
    named = " and ".join(f"{_cells(n, 'collapsed cell')} of `{BASELINE}` itself on {on}" for on, n in hit.items())
    return f"{which}, with {named}" if hit else which


def _cells(n: int, word: str) -> str:
    return f"a {word}" if n == 1 else f"{n} {word}s"


def _recipe(study: Study, name: str) -> str:
    value = study.deciding.adjusted[name]
    parts = [f"{with_interval(value)}, {len(value.values)} seed{_s(len(value.values))}"]
    if influence := _without_shared(study, name) or _without_one(study, name):
        parts.append(f"without {influence[0]} {show_points(influence[1])}")
    for target, n in study.collapsed.get(name, {}).items():
        if target in study.deciding.targets:
            parts.append(f"{_cells(n, 'cell')} on {target} collapsed")
    return f"{name} ({', '.join(parts)})"


def _as_they_are(study: Study, found: Mapping[str, Aggregate]) -> str:
    """How the intervals are to be taken, where a cell behind them collapsed: no claim is tested so."""
    hit = any(
        target in study.deciding.targets for name in (BASELINE, *found) for target in study.collapsed.get(name, ())
    )
    each = "each by itself and " if len(found) > 1 else ""
    return f", {each}with collapsed cells as they are" if hit else ""


def _without_shared(study: Study, name: str) -> tuple[str, float] | None:
    """The targets that decide and train on files of the recipe's own task, and the mean gain over the others."""
    shared = [one.target for one in study.shared if one.task == name and one.target in study.deciding.targets]
    if not shared or len(shared) == len(study.deciding.targets):
        return None
    verb = "trains" if len(shared) == 1 else "train"
    return f"{' and '.join(shared)}, which {verb} on its files,", _mean_without(study, name, shared)


def _mean_without(study: Study, name: str, left_out: Sequence[str]) -> float:
    """The mean gain over the targets that decide, without some."""
    others = [gain.by_seed for target in study.deciding.targets
              if target not in left_out and (gain := study.gains[name][target])]  # fmt: skip
    return fmean(by_seed[seed] for by_seed in others for seed in study.deciding.adjusted[name].values)


def _without_one(study: Study, name: str) -> tuple[str, float] | None:
    """The target without which the mean gain of a recipe turns round or more than halves, and the mean without it."""
    value, targets = study.deciding.adjusted[name], study.deciding.targets
    if len(targets) < 2 or any(study.gains[name][target] is None for target in targets):
        return None
    rests = {target: _mean_without(study, name, [target]) for target in targets}
    most = max(targets, key=lambda target: abs(value.mean - rests[target]))
    rest = rests[most]
    return (most, rest) if rest * value.mean <= 0 or abs(rest) < abs(value.mean) / 2 else None


def with_interval(value: Aggregate) -> str:
    """A mean in points with its interval, adjusted for looks."""
    return f"{show_points(value.mean)} {show_interval(value.interval)}" if value.interval else show_points(value.mean)


def _clear(found: Mapping[str, Aggregate]) -> str:
    """Which intervals exclude 0, of all recipes; the extremes of several look larger than they are."""
    up = [name for name, value in found.items() if value.interval and value.interval[0] > 0]
    down = [name for name, value in found.items() if value.interval and value.interval[1] < 0]
    if len(found) == 1:
        return "its interval excludes 0" if up or down else "it is not shown to differ from 0"
    gains = [f"the gain{_s(len(up))} of {', '.join(up)}"] if up else []
    losses = [f"the loss{'es' if len(down) > 1 else ''} of {', '.join(down)}"] if down else []
    said = [*gains, *losses]
    return f"clear of 0: {' and '.join(said)}" if said else "no recipe's interval excludes 0"


def on_reach(study: Study) -> str:
    """What this can't say: of which encoder and data it is, and what the encoder had seen."""
    v = study.verification
    seen = f"; this encoder had seen {first_sentence(study.seen)}" if study.seen else ""
    if in_scope(study):
        return f"It can't say what another pretraining, or other samples of the data, would give{seen}."
    about = f"This is about {v.encoder} on {v.data}"
    return f"{about}, and can't say whether the claims, which are about {CLAIMS_ON}, are true{seen}."


def first_sentence(text: str) -> str:
    """The first of several sentences, without its full stop."""
    return text.strip().split(". ")[0].rstrip(".")
