"""Meanings of sentences: a frame says who does what to whom, where and when.

Frames are drawn here, changed slot by slot (narrowed, widened, contradicted), and split: every frame falls
into exactly one of train, dev, test and text by a hash of the bag of its concepts, so that no evaluation
sentence can be a training or a corpus sentence, whatever the task, the seed or the number of rows.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.data.lab import meanings as m
from harness.data.lab.lexicon import CITIES, FIRST_NAMES, REGION_OF
from harness.data.lab.streams import below, chance, pick, shuffled


class Noun(NamedTuple):
    """A noun phrase."""

    head: str
    """A concept, or a name (capitalised; a space parts first and family name)."""
    adjective: str | None = None
    """What it is like."""
    digit: str | None = None
    """How many, as a digit."""
    determiner: str | None = None
    """A determiner; it adds no meaning that a label depends on."""
    title: str | None = None
    """A role put before a person's name, or the head noun of an organisation's name."""
    entity: str | None = None
    """PER, LOC or ORG for a name."""


class Frame(NamedTuple):
    """One event, or one state where the verb is "be"."""

    agent: Noun
    """Who does it, or what the state is of."""
    verb: str
    """What is done; "be" for a state."""
    patient: Noun | None = None
    """To whom or what."""
    place: Noun | None = None
    """Where."""
    time: str | None = None
    """When."""
    negated: bool = False
    """Whether the sentence denies the event."""
    state: str | None = None
    """The adjective of a state ("the dog is big")."""
    preposition: str = "in"
    """How the event lies to the place: in, on or near."""
    beside: Noun | None = None
    """A noun phrase joined to the agent ..."""
    joint: str | None = None
    """... by this word: and, with or near."""


SLOTS = ("agent", "verb", "patient", "agent_adj", "patient_adj", "count", "place", "time")
MODIFIERS = ("agent_adj", "patient_adj", "count", "place", "time")
_SPLIT_ENDS = (("train", 55), ("dev", 70), ("test", 85), ("text", 100))


def is_name(head: str) -> bool:
    """Whether the head of a noun phrase is a name."""
    return head[:1].isupper()


def get(frame: Frame, slot: str) -> str | None:
    """The value of one slot of SLOTS, None where the frame leaves it open."""
    if slot == "agent":
        return frame.agent.head
    if slot == "agent_adj":
        return frame.agent.adjective
    if slot == "count":
        return frame.agent.digit
    if slot == "patient":
        return frame.patient.head if frame.patient else None
    if slot == "patient_adj":
        return frame.patient.adjective if frame.patient else None
    if slot == "place":
        return frame.place.head if frame.place else None
    return frame.verb if slot == "verb" else frame.time


def put(frame: Frame, slot: str, value: str | None) -> Frame:
    """The frame with one slot changed."""
    if slot == "agent":
        return frame._replace(agent=noun(value or "", frame.agent))
    if slot == "agent_adj":
        return frame._replace(agent=frame.agent._replace(adjective=value))
    if slot == "count":
        return frame._replace(agent=frame.agent._replace(digit=value))
    if slot == "patient":
        return frame._replace(patient=noun(value, frame.patient) if value else None)
    if slot == "patient_adj":
        return frame._replace(patient=frame.patient._replace(adjective=value)) if frame.patient else frame
    if slot == "place":
        return frame._replace(place=noun(value) if value else None)
    return frame._replace(verb=value or "") if slot == "verb" else frame._replace(time=value)


def noun(head: str, like: Noun | None = None) -> Noun:
    """A noun phrase with this head and the modifiers of another one."""
    entity = None
    if is_name(head):
        entity = "LOC" if head in REGION_OF or head in REGION_OF.values() else "PER"
    return like._replace(head=head, entity=entity) if like else Noun(head, entity=entity)


def concepts(frame: Frame) -> list[str]:
    """The bag of concepts, names and digits of a frame, sorted; polarity and style are left out."""
    bag = [frame.verb, frame.time, frame.state, frame.joint]
    for phrase in (frame.agent, frame.patient, frame.place, frame.beside):
        if phrase:
            bag += [phrase.head, phrase.adjective, phrase.digit, phrase.title]
    return sorted(word for word in bag if word)


def split_of(words: Sequence[str]) -> str:
    """The one split that this bag of words belongs to: 55 % train, 15 % dev, 15 % test, 15 % text."""
    position = zlib.crc32(" ".join(words).encode()) % 100
    return next(name for name, end in _SPLIT_ENDS if position < end)


def belongs(frame: Frame, split: str) -> bool:
    """Whether a frame may be used in this split."""
    return split_of(concepts(frame)) == split


def hidden(frame: Frame, asked: str | None) -> Frame:
    """What a question for the role `asked` shows of a frame: the question word stands for the whole noun
    phrase.

    A question belongs to the split of what it shows, or else two splits could hold the same one.
    """
    if asked is None:
        return frame
    word = m.QUESTION_WORD[asked]
    if asked in ("count", "time"):
        return put(frame, asked, word)
    phrase = Noun(word)
    if asked == "agent":
        return frame._replace(agent=phrase)
    return frame._replace(patient=phrase) if asked == "patient" else frame._replace(place=phrase)


def drawn(draw: Callable[[], Frame], split: str) -> Frame:
    """The first frame of `draw` that belongs to the split."""
    while True:
        frame = draw()
        if belongs(frame, split):
            return frame


def draw_core(rng: random.Random, transitive: float = 0.65, names: float = 0.2, kinds: float = 0.0) -> Frame:
    """An agent, a verb and perhaps a patient; `names` and `kinds` are the chances of a name and of a
    hypernym.
    """
    verb = pick(rng, m.TRANSITIVE if chance(rng, transitive) else m.INTRANSITIVE)
    agents, patients = m.VERBS[verb]
    agent = draw_noun(rng, agents, names, kinds)
    patient = draw_noun(rng, patients, names, kinds) if patients else None
    while patient and patient.head == agent.head:
        patient = draw_noun(rng, patients, names, kinds)
    return Frame(agent, verb, patient)


def draw_noun(rng: random.Random, allowed: tuple[str, ...], names: float, kinds: float) -> Noun:
    """A noun phrase without modifiers that is of one of the allowed kinds."""
    if chance(rng, names) and m.fits(FIRST_NAMES[0], allowed):
        return noun(pick(rng, FIRST_NAMES))
    leaf = pick(rng, m.nouns_of(allowed))
    if not chance(rng, kinds):
        return Noun(leaf)
    wider = [kind for kind in m.ancestors(leaf) if m.fits(kind, allowed)]
    return Noun(pick(rng, wider)) if wider else Noun(leaf)


def open_slots(frame: Frame) -> list[str]:
    """The modifiers that the frame could still take."""
    slots = [slot for slot in MODIFIERS if get(frame, slot) is None]
    if frame.patient is None or not m.dimensions_of(frame.patient.head):
        slots = [slot for slot in slots if slot != "patient_adj"]
    return [slot for slot in slots if slot != "count"] if is_name(frame.agent.head) else slots


def value_for(rng: random.Random, frame: Frame, slot: str) -> str:
    """A random value that suits a modifier slot of this frame."""
    if slot == "count":
        return pick(rng, m.DIGITS)
    if slot == "time":
        return pick(rng, m.TIMES[pick(rng, tuple(m.TIMES))])
    if slot == "place":
        return draw_place(rng, frame)
    head = frame.agent.head if slot == "agent_adj" or frame.patient is None else frame.patient.head
    return pick(rng, m.ADJECTIVES[pick(rng, m.dimensions_of(head))][0])


def draw_place(rng: random.Random, frame: Frame) -> str:
    """A place: where agent or patient usually is (one half), a city (one fifth) or anywhere."""
    r = rng.random()
    if r < 0.2:
        return pick(rng, CITIES)
    usual = [m.USUAL_PLACE[p.head] for p in (frame.agent, frame.patient) if p and p.head in m.USUAL_PLACE]
    return pick(rng, usual) if usual and r < 0.7 else pick(rng, m.nouns_of(m.PLACES))


def fill(rng: random.Random, frame: Frame, count: int) -> Frame:
    """The frame with `count` more modifiers, or as many as it can take."""
    for slot in shuffled(rng, open_slots(frame))[:count]:
        frame = put(frame, slot, value_for(rng, frame, slot))
    return frame


def draw(rng: random.Random, low: int = 0, high: int = 2, **chances: float) -> Frame:
    """A frame with `low` to `high` modifiers."""
    return fill(rng, draw_core(rng, **chances), low + below(rng, high - low + 1))


ANIMATE_VERBS = tuple(v for v in m.TRANSITIVE if m.VERBS[v] == (m.ANIMATE, m.ANIMATE))
"""The verbs whose agent and patient can be exchanged."""

CITY_FACTS = tuple(Frame(noun(city), "be", place=noun(region)) for city, region in REGION_OF.items())
"""The geography of the world, one clause a city."""
