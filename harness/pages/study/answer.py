"""The answer of `harness study`: three sentences at most, each chosen by the record's numbers.

What holds here of the claims that state a gain; the largest mean gain and loss of a recipe; what this can't say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from harness.pages.study.record import Study
from harness.project.params import BASELINE
from harness.verify.show.table import show_interval, show_points
from harness.verify.statistics.aggregate import Aggregate
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
        first = f"Of the claims that state a gain, {len(gains)} can be tested here: {_count(gains)}"
    more = f"; of {len(others)} other{_s(len(others))}, {_count(others)}" if others else ""
    return f"{first}{more}."


def _s(n: int) -> str:
    return "" if n == 1 else "s"


def _count(verdicts: Sequence[ClaimVerdict]) -> str:
    """`1 HOLDS HERE (a), 0 OPPOSITE HERE, 2 OPEN HERE (b, c)`: every word, also where it is said of none."""
    parts = []
    for word in get_args(Replication):
        named = [verdict.id for verdict in verdicts if verdict.replication == word]
        parts.append(f"{len(named)} {word}" + (f" ({', '.join(named)})" if named else ""))
    return ", ".join(parts)


def on_recipes(study: Study) -> str:
    """The largest mean gain and the largest mean loss of a recipe over the targets that decide."""
    found = study.deciding.adjusted
    if not found:
        return f"No recipe has a score on all of {', '.join(study.deciding.targets)} at any seed that counts."
    where = f"Over {_targets(study)}"
    most, least = max(found, key=lambda name: found[name].mean), min(found, key=lambda name: found[name].mean)
    if most == least:
        return f"{where}, the mean gain of {_recipe(study, most)}: {_clear([found[most]])}."
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
    return f"{where}, {first}, and {second}; {_clear([found[most], found[least]])}."


def _targets(study: Study) -> str:
    """The targets that decide, by what they lack."""
    d = study.deciding
    n = len(d.targets)
    named = f"{', '.join(d.targets)}" if n <= 2 else f"{n} targets"
    without = ["retrieval"] if d.retrieval else []
    without += [f"{', '.join(d.unlearnt)}, which `{BASELINE}` never learnt"] if d.unlearnt else []
    which = f"the {named} that decide (without {', and without '.join(without)})" if without else f"all {named}"
    hit = [target for target in study.collapsed.get(BASELINE, []) if target in d.targets]
    return f"{which}, with a collapsed cell of `{BASELINE}` itself on {', '.join(hit)}" if hit else which


def _recipe(study: Study, name: str) -> str:
    value = study.deciding.adjusted[name]
    hit = [target for target in study.collapsed.get(name, []) if target in study.deciding.targets]
    mark = f", a cell on {', '.join(hit)} collapsed" if hit else ""
    return f"{name} ({with_interval(value)}, {len(value.values)} seed{_s(len(value.values))}{mark})"


def with_interval(value: Aggregate) -> str:
    """A mean in points with its interval, adjusted for looks."""
    return f"{show_points(value.mean)} {show_interval(value.interval)}" if value.interval else show_points(value.mean)


def _clear(values: Sequence[Aggregate]) -> str:
    """Which of one or two intervals exclude 0; the extremes of several recipes look larger than they are."""
    clear = [value.interval is not None and (value.interval[0] > 0 or value.interval[1] < 0) for value in values]
    if len(clear) == 1:
        return "its interval excludes 0" if clear[0] else "it is not shown to differ from 0"
    words = {(True, True): "both intervals exclude 0", (False, False): "neither is shown to differ from 0"}
    return words.get((clear[0], clear[1]), f"of the two only the {'higher' if clear[0] else 'lower'} is clear of 0")


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
