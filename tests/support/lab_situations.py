"""An independent judge of entailment: enumerate situations and compare the sets in which two sentences hold.

It knows nothing of how the generator changes slots. A situation gives every attribute one most specific
value; a sentence is a test on situations; entailment is inclusion of sets, contradiction an empty
intersection.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from harness.data.lab.frames import Frame, Noun
from harness.data.lab.lexicon import REGION_OF
from harness.data.lab.meanings import ADJECTIVES, KINDS, PARENTS, TIMES

Situation = dict[str, str]


def leaves(head: str) -> set[str]:
    """All leaves that a common noun can stand for."""
    return {
        leaf for kind, members in KINDS.items() for leaf in members if head in (leaf, kind) or PARENTS.get(kind) == head
    }


def demands_of(frame: Frame) -> dict[str, set[str]]:
    """What a (positive) sentence demands: attribute to the values it allows."""
    demands: dict[str, set[str]] = {"verb": {frame.verb}}
    for role, phrase in (("agent", frame.agent), ("patient", frame.patient), ("place", frame.place)):
        if phrase:
            demands |= _noun_demands(role, phrase)
    if frame.time:
        dimension = next(dim for dim, values in TIMES.items() if frame.time in values)
        demands[f"time {dimension}"] = {frame.time}
    return demands


def _noun_demands(role: str, phrase: Noun) -> dict[str, set[str]]:
    demands: dict[str, set[str]] = {}
    if phrase.head in REGION_OF.values():
        demands[f"{role} name"] = {city for city, region in REGION_OF.items() if region == phrase.head}
    elif phrase.head[0].isupper():
        demands[f"{role} name"] = {phrase.head}
    else:
        demands[f"{role} leaf"] = leaves(phrase.head)
    if phrase.adjective:
        dimension = next(dim for dim, (values, _) in ADJECTIVES.items() if phrase.adjective in values)
        demands[f"{role} {dimension}"] = {phrase.adjective}
    if phrase.digit:
        demands[f"{role} count"] = {phrase.digit}
    return demands


def situations(*all_demands: dict[str, set[str]]) -> Iterator[Situation]:
    """Every situation that these demands can tell apart: one value per cell of their Venn diagram, and one
    outside.
    """
    attributes = sorted({attribute for demands in all_demands for attribute in demands})
    choices = []
    for attribute in attributes:
        sets = [demands[attribute] for demands in all_demands if attribute in demands]
        cells = {tuple(value in s for s in sets): value for value in sorted(set().union(*sets))}
        choices.append([*cells.values(), "something else"])
    for values in product(*choices):
        yield dict(zip(attributes, values, strict=True))


def holds(demands: dict[str, set[str]], situation: Situation) -> bool:
    """Whether a sentence is true in a situation."""
    return all(situation[attribute] in allowed for attribute, allowed in demands.items())


def judge(premise: tuple[Frame, ...], hypothesis: Frame) -> str:
    """The label by comparing sets of situations; all clauses but "be" clauses are about events told apart
    by their agent.
    """
    told = [frame for frame in premise if frame.verb == "be"]
    events = [frame for frame in premise if frame.verb != "be"]
    if len(events) > 1:
        events = [frame for frame in events if frame.agent.head == hypothesis.agent.head]
        assert len(events) == 1
    ours, theirs = demands_of(hypothesis), demands_of(events[0])
    rules = []
    for fact in told:
        assert fact.place
        rules.append((fact.agent.head, fact.place.head))
    extra = [{"place leaf": {leaf}, "place name": {city}} for leaf, city in rules]
    true_in, both, all_premises = 0, 0, 0
    for situation in situations(ours, theirs, *extra):
        lawful = all(situation["place leaf"] != leaf or situation["place name"] == city for leaf, city in rules)
        if not lawful or not holds(theirs, situation):
            continue
        all_premises += 1
        true_in += holds(ours, situation) != hypothesis.negated
    both = true_in
    assert all_premises > 0
    return "contradiction" if both == 0 else "entailment" if both == all_premises else "neutral"
