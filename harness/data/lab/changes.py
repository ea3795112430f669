"""Changing one slot of a frame so that what follows is known: narrower, incompatible, or undetermined.

All sentences of a pair are taken to describe one and the same event, as in SNLI, and each slot of an event
has one most specific value: so two leaves, two verbs, two digits or two values of one dimension exclude
each other, while values of different dimensions (a day and an hour, a city and a kitchen, a name and a
role) do not.
"""

from __future__ import annotations

import random

from harness.data.lab import meanings as m
from harness.data.lab.frames import MODIFIERS, SLOTS, Frame, get, is_name, open_slots, put, value_for
from harness.data.lab.lexicon import CITIES, FIRST_NAMES, REGION_OF, REGIONS
from harness.data.lab.streams import chance, pick, shuffled


def filled(frame: Frame) -> list[str]:
    """The slots that the frame specifies."""
    return [slot for slot in SLOTS if get(frame, slot) is not None]


def _allowed(frame: Frame, slot: str) -> tuple[str, ...]:
    """The kinds that the verb takes in this slot, or the kinds of place."""
    if slot == "place":
        return m.PLACES
    return m.VERBS[frame.verb][0 if slot == "agent" else 1]


def _keeps_adjective(frame: Frame, slot: str, head: str) -> bool:
    """Whether the adjective beside a noun would still suit another noun."""
    adjective = get(frame, f"{slot}_adj") if slot in ("agent", "patient") else None
    return adjective is None or m.DIMENSION[adjective] in m.dimensions_of(head)


def _nouns(frame: Frame, slot: str, heads: tuple[str, ...] | list[str]) -> list[str]:
    """The heads among these that suit the slot and stand nowhere else in the frame."""
    others = {get(frame, other) for other in ("agent", "patient")}
    allowed = _allowed(frame, slot)
    return [h for h in heads if h not in others and m.fits(h, allowed) and _keeps_adjective(frame, slot, h)]


def narrow(rng: random.Random, frame: Frame, slots: tuple[str, ...], rate: float) -> Frame:
    """The frame with some hypernyms in these noun slots replaced by a noun below them: it entails the frame
    given.
    """
    for slot in slots:
        head = get(frame, slot)
        if head is None or not chance(rng, rate):
            continue
        below = m.descendants(head) if head not in REGIONS else tuple(c for c in CITIES if REGION_OF[c] == head)
        below = below if slot == "place" else tuple(_nouns(frame, slot, below))
        if below:
            frame = put(frame, slot, pick(rng, below))
    return frame


def _other_noun(rng: random.Random, frame: Frame, slot: str, head: str) -> str | None:
    """A noun that excludes the one given: no common member, and equally wide or narrower."""
    if slot == "place" and is_name(head):
        return pick(rng, [c for c in CITIES if c != head and REGION_OF[c] != head])
    if is_name(head):
        return pick(rng, _nouns(frame, slot, FIRST_NAMES))
    related = {head, *m.ancestors(head), *m.descendants(head)}
    pool = [*m.KINDS, *m.KIND_OF] if head not in m.KIND_OF else list(m.KIND_OF)
    same = [n for n in _nouns(frame, slot, pool) if n not in related]
    near = [n for n in same if m.leaf_kind(n) in m.KINDS and (n in m.KINDS) == (head in m.KINDS)]
    return pick(rng, near or same) if same else None


def contradict(rng: random.Random, frame: Frame, slot: str) -> Frame | None:
    """The frame with a value in one slot that excludes the one there; None where there is no such value."""
    value = get(frame, slot)
    other: str | None = None
    if value is None:
        return None
    if slot in ("agent", "patient", "place"):
        other = _other_noun(rng, frame, slot, value)
    elif slot == "verb":
        agent_and_patient = (frame.agent.head, frame.patient.head if frame.patient else None)
        others = [v for v in m.verbs_for(*agent_and_patient) if v != value]
        other = pick(rng, others) if others else None
    else:
        other = pick(rng, [v for v in _values(slot, value) if v != value])
    return put(frame, slot, other) if other else None


def _values(slot: str, value: str) -> tuple[str, ...]:
    """The values of one dimension."""
    if slot == "count":
        return m.DIGITS
    return m.TIMES[m.TIME_DIMENSION[value]] if slot == "time" else m.ADJECTIVES[m.DIMENSION[value]][0]


def loosen(rng: random.Random, frame: Frame, slot: str) -> Frame | None:
    """The frame with one slot left open, widened, or given a value that settles nothing; None where it
    can't be.

    What results neither entails the frame given nor excludes it.
    """
    value = get(frame, slot)
    if value is None or slot == "verb":
        return None
    if slot in ("agent", "patient"):
        if is_name(value):
            free = _nouns(frame, slot, m.nouns_of(m.PEOPLE))
            return put(frame, slot, pick(rng, free)) if free else None
        wider = _nouns(frame, slot, m.ancestors(value))
        return put(frame, slot, pick(rng, wider)) if wider else None
    other = _unrelated(rng, frame, slot, value) if chance(rng, 0.5) else None
    return put(frame, slot, other)


def _unrelated(rng: random.Random, frame: Frame, slot: str, value: str) -> str | None:
    """A value of another dimension, which neither follows from the one given nor excludes it."""
    if slot == "place":
        return pick(rng, m.nouns_of(m.PLACES)) if is_name(value) else pick(rng, CITIES)
    if slot == "time":
        return pick(rng, m.TIMES["hour" if m.TIME_DIMENSION[value] == "day" else "day"])
    if slot == "count":
        return None
    head = get(frame, slot.removesuffix("_adj")) or ""
    dimensions = [d for d in m.dimensions_of(head) if d != m.DIMENSION[value]]
    return pick(rng, m.ADJECTIVES[pick(rng, dimensions)][0]) if dimensions else None


def extend(rng: random.Random, frame: Frame, count: int, avoid: Frame) -> Frame:
    """The frame with `count` more modifiers, in slots that both it and `avoid` leave open."""
    free = [slot for slot in open_slots(frame) if get(avoid, slot) is None]
    for slot in shuffled(rng, free)[:count]:
        frame = put(frame, slot, value_for(rng, frame, slot))
    return frame


def modifiers(frame: Frame) -> list[str]:
    """The modifier slots that the frame specifies."""
    return [slot for slot in MODIFIERS if get(frame, slot) is not None]
