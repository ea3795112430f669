"""Natural language inference: analogues of MNLI, XNLI and ANLI+.

The hypothesis is drawn first, from a distribution that doesn't know the label; the premise is then made
from it by the label's rule. So a model that sees only the hypothesis is at chance by construction.

mnli and xnli ask one thing at a time, nearly always about a modifier, so that a small encoder can learn them from a few
thousand pairs; anli_plus adds hypernyms, other verbs and nouns, negation, and premises of two clauses.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.data.lab import meanings as m
from harness.data.lab.changes import contradict, extend, filled, loosen, modifiers, narrow
from harness.data.lab.frames import (
    Frame,
    Noun,
    belongs,
    draw,
    draw_core,
    drawn,
    get,
    is_name,
    noun,
    open_slots,
    put,
    value_for,
)
from harness.data.lab.lexicon import CITIES, REGION_OF
from harness.data.lab.realise import PLAIN, STYLES, Style, realise
from harness.data.lab.streams import chance, pick, shuffled, stream

LABELS = ("entailment", "neutral", "contradiction")
_OPPOSITE = {"entailment": "contradiction", "contradiction": "entailment", "neutral": "neutral"}
Clause = tuple[Frame, Style]
NEGATED = 0.1
"""Rate of negated hypotheses, the same in each label."""
WIDENED, NARROWED = 0.3, 0.35
"""Rates of wider nouns in neutral premises and of narrower ones in all, so that kinds are about as common
in each label.
"""


class Item(NamedTuple):
    """One pair as meanings."""

    premise: tuple[Clause, ...]
    """The clauses of the premise."""
    hypothesis: Clause
    """The clause of the hypothesis."""
    label: str
    """One of LABELS."""


def items(task: str, split: str, seed: int) -> Iterator[Item]:
    """An endless stream of different pairs, the same in every language; anli_plus has harder premises."""
    rng = stream(task, split, seed)
    seen: set[tuple[tuple[Clause, ...], Clause]] = set()
    while True:
        harder = task == "anli_plus" and chance(rng, 0.6)
        item = _harder(rng, split) if harder else _simple(rng, split)
        if item and (item.premise, item.hypothesis) not in seen:
            seen.add((item.premise, item.hypothesis))
            yield item


def rows(task: str, split: str, code: str, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` rows {id, premise, hypothesis, label}."""
    out = []
    for number, item in zip(range(count), items(task, split, seed), strict=False):
        premise = " ".join(realise(code, *clause).text for clause in item.premise)
        row = {"id": f"{code}-{task}-{split}-{number:05d}", "premise": premise}
        out.append(row | {"hypothesis": realise(code, *item.hypothesis).text, "label": item.label})
    return out


def _simple(rng: random.Random, split: str) -> Item | None:
    """A clause with one modifier against the same event with two.

    A kind stands for the agent in one hypothesis of ten and one in twelve is negated, whatever the label.
    """

    def once() -> Frame:
        core = draw_core(rng, transitive=0.3, names=0.05, kinds=0.1)
        slot = pick(rng, [slot for slot in open_slots(core) if slot != "patient_adj"])
        return put(core, slot, _value(rng, core, slot))

    hypothesis, label, negated = drawn(once, split), pick(rng, LABELS), chance(rng, 1 / 12)
    base, (slot,) = _OPPOSITE[label] if negated else label, modifiers(hypothesis)
    styles = [Style(fronted=chance(rng, 0.1)) for _ in range(2)]
    for _ in range(60):
        premise: Frame | None = narrow(rng, hypothesis, ("agent",), NARROWED)
        if base != "entailment":
            premise = put(hypothesis, slot, None) if base == "neutral" else contradict(rng, hypothesis, slot)
            premise = narrow(rng, premise, ("agent",), NARROWED) if premise else None
        if premise is None:
            continue
        free = [s for s in open_slots(premise) if s not in (slot, "patient_adj")]
        for more in shuffled(rng, free)[: 2 - len(modifiers(premise))]:
            premise = put(premise, more, _value(rng, premise, more))
        if belongs(premise, split):
            return Item(((premise, styles[0]),), (hypothesis._replace(negated=negated), styles[1]), label)
    return None


def _value(rng: random.Random, frame: Frame, slot: str) -> str:
    """A value for a modifier; places are common nouns."""
    return pick(rng, m.nouns_of(m.PLACES)) if slot == "place" else value_for(rng, frame, slot)


def draw_hypothesis(rng: random.Random, split: str) -> Frame:
    """A frame with one or two modifiers, often with a hypernym in it."""

    def once() -> Frame:
        frame = draw(rng, 1, 2, names=0.2, kinds=0.3)
        if frame.place and chance(rng, 0.3):
            return put(frame, "place", pick(rng, m.PLACES))
        return frame

    return drawn(once, split)


def draw_style(rng: random.Random) -> Style:
    """Mostly plain: a small model learns what follows before it learns wordings; else fronted or passive."""
    return PLAIN if chance(rng, 0.85) else pick(rng, STYLES)


def premise_for(rng: random.Random, hypothesis: Frame, label: str, keep: tuple[str, ...] = ()) -> Frame | None:
    """A premise in this relation to a positive hypothesis, the slots of `keep` untouched; None where a draw
    fails.
    """
    extra = pick(rng, (0, 1, 1, 2))
    nouns = tuple(slot for slot in ("agent", "patient", "place") if slot not in keep)
    frame = narrow(rng, hypothesis, nouns, NARROWED)
    slots = [slot for slot in filled(hypothesis) if slot not in keep]
    if label == "contradiction":
        slot = pick(rng, slots)
        changed = contradict(rng, frame, slot)
        if changed is None or not _excludes(hypothesis, changed, slot):
            return None
        frame = changed
    elif label == "neutral":
        slot = pick(rng, [slot for slot in slots if slot != "verb"])
        common = slot in ("agent", "patient") and not is_name(get(hypothesis, slot) or "")
        if common and not chance(rng, WIDENED):
            return None
        loose = loosen(rng, put(frame, slot, get(hypothesis, slot)), slot)
        if loose is None:
            return None
        extra += get(loose, slot) is None
        frame = loose
    return extend(rng, frame, extra, hypothesis)


def _excludes(hypothesis: Frame, premise: Frame, slot: str) -> bool:
    """Whether a changed noun excludes the hypothesis's noun too, not only the narrower one replaced."""
    ours, theirs = get(hypothesis, slot) or "", get(premise, slot) or ""
    return theirs != ours and ours not in m.ancestors(theirs) and REGION_OF.get(theirs) != ours


def _rich(rng: random.Random, split: str, keep: tuple[str, ...] = ()) -> Item | None:
    """One clause against one clause; one hypothesis in ten is negated, which turns the label over."""
    hypothesis, label, negated = draw_hypothesis(rng, split), pick(rng, LABELS), chance(rng, NEGATED)
    style, other = draw_style(rng), draw_style(rng)
    for _ in range(60):
        premise = premise_for(rng, hypothesis, _OPPOSITE[label] if negated else label, keep)
        if premise and belongs(premise, split) and ((premise, other) != (hypothesis, style) or negated):
            return Item(((premise, other),), (hypothesis._replace(negated=negated), style), label)
    return None


def _harder(rng: random.Random, split: str) -> Item | None:
    """Any rule, or two premise clauses: a second event by somebody else, or a place whose city is told apart."""
    return pick(rng, (_rich, _two_events, _location))(rng, split)


def _two_events(rng: random.Random, split: str) -> Item | None:
    """The hypothesis is about one of two events, told by its agent; the other may hold what it lacks."""
    item = _rich(rng, split, keep=("agent",))
    if item is None:
        return None
    hypothesis, (premise, _) = item.hypothesis[0], item.premise[0]
    slots = [slot for slot in modifiers(hypothesis) if slot in ("place", "time")]

    def other() -> Frame:
        frame = draw(rng, 0, 1, names=0.2)
        slot = pick(rng, slots) if slots and chance(rng, 0.5) else None
        return put(frame, slot, get(hypothesis, slot)) if slot else frame

    second = drawn(other, split)
    ours, theirs = hypothesis.agent.head, second.agent.head
    if ours in (theirs, *m.ancestors(theirs)) or is_name(ours) != is_name(theirs):
        return None
    clauses = ((premise, item.premise[0][1]), (second, PLAIN))
    return item._replace(premise=clauses if chance(rng, 0.5) else clauses[::-1])


def _location(rng: random.Random, split: str) -> Item | None:
    """The kitchen is in C and X sleeps in the kitchen, against: X sleeps in C."""
    label, negated = pick(rng, LABELS), chance(rng, NEGATED)
    hypothesis = drawn(lambda: put(draw(rng, 0, 1, names=0.3), "place", pick(rng, CITIES)), split)
    base = _OPPOSITE[label] if negated else label
    city = get(hypothesis, "place") or ""
    places = m.nouns_of(m.PLACES)
    for _ in range(200):
        place, elsewhere = pick(rng, places), pick(rng, places)
        other = pick(rng, [c for c in CITIES if c != city])
        event = put(hypothesis, "place", elsewhere if base == "neutral" else place)
        told = Frame(Noun(place), "be", place=noun(city if base == "entailment" or chance(rng, 0.3) else other))
        if base == "contradiction":
            told = told._replace(place=noun(other))
        if (base == "neutral" and place == elsewhere) or not (belongs(event, split) and belongs(told, split)):
            continue
        clauses = ((told, PLAIN), (event, PLAIN))
        return Item(clauses, (hypothesis._replace(negated=negated), draw_style(rng)), label)
    return None
