"""Tagging: analogues of UDPOS (universal parts of speech), PAN-X (BIO entities) and CCG (supertags)."""

from __future__ import annotations

import random
from typing import Any

from harness.data.lab import meanings as m
from harness.data.lab.frames import Frame, Noun, belongs, draw, drawn, hidden, is_name
from harness.data.lab.lexicon import CITIES, COMPANIES, FAMILY_NAMES, FIRST_NAMES, REGIONS
from harness.data.lab.realise import STYLES, Sentence, realise
from harness.data.lab.streams import chance, pick, stream

ASKED = {"train": 0.15, "dev": 0.5, "test": 0.5}
"""How often a frame whose question is in the split too is asked for its agent: about 8 % of all sentences."""


def rows(task: str, split: str, code: str, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` rows {id, tokens, tags}, no sentence twice; the sentences of two languages are unrelated."""
    rng, out = stream(task, split, code, seed), list[dict[str, Any]]()
    seen: set[str] = set()
    while len(out) < count:
        sentence = tagged_sentence(rng, split, code, entities=0.75 if task == "panx" else 0.25)
        if sentence.text in seen:
            continue
        seen.add(sentence.text)
        tags = [_tag(task, word) for word in sentence.words]
        out.append({"id": f"{code}-{task}-{split}-{len(out):05d}", "tokens": sentence.tokens, "tags": tags})
    return out


def _tag(task: str, word: Any) -> str:
    """The tag that this task asks for."""
    return str({"udpos": word.upos, "panx": word.entity, "ccg": word.category}[task])


def tagged_sentence(rng: random.Random, split: str, code: str, entities: float) -> Sentence:
    """A sentence of any construction that the languages have, questions included."""
    frame = drawn(lambda: varied(rng, entities), split)
    style = pick(rng, STYLES) if chance(rng, 0.5) else STYLES[0]
    askable = frame.verb != "be" and not frame.joint and belongs(hidden(frame, "agent"), split)
    return realise(code, frame, style, "agent" if askable and chance(rng, ASKED[split]) else None)


def varied(rng: random.Random, entities: float) -> Frame:
    """A frame with determiners, states, joined noun phrases, negation, pronouns and, at rate `entities`,
    richer names.
    """
    r = rng.random()
    frame = draw(rng, 0, 2, names=0.05) if r < 0.85 else _state(rng)
    agent = decorated(rng, frame.agent, entities)
    if frame.verb != "be" and not is_name(agent.head) and chance(rng, 0.06):
        agent = Noun("they")
    patient = decorated(rng, frame.patient, entities) if frame.patient else None
    place = frame.place
    if place and chance(rng, entities):
        place = entity(rng, "LOC")
    frame = frame._replace(agent=agent, patient=patient, place=place, negated=chance(rng, 0.12))
    if place and chance(rng, 0.3):
        frame = frame._replace(preposition=pick(rng, ("on", "near")))
    if agent.head != "they" and chance(rng, 0.12):
        beside = decorated(rng, Noun(pick(rng, m.nouns_of(m.ANIMATE))), entities)
        frame = frame._replace(beside=beside, joint=pick(rng, ("and", "near", "with")))
    return frame


def _state(rng: random.Random) -> Frame:
    """The dog is big, the dog is in the kitchen."""
    subject = Noun(pick(rng, tuple(m.USUAL_PLACE)))
    if chance(rng, 0.5):
        return Frame(subject, "be", place=Noun(m.USUAL_PLACE[subject.head]))
    return Frame(subject, "be", state=pick(rng, m.ADJECTIVES[pick(rng, m.dimensions_of(subject.head))][0]))


def decorated(rng: random.Random, phrase: Noun, entities: float) -> Noun:
    """A being may become a person or an organisation; any other common noun may take a determiner."""
    if m.KIND_OF.get(phrase.head) in m.PEOPLE and phrase.digit is None and chance(rng, entities):
        return entity(rng, pick(rng, ("PER", "PER", "ORG")))._replace(adjective=phrase.adjective)
    if not is_name(phrase.head) and phrase.digit is None and chance(rng, 0.3):
        return phrase._replace(determiner=pick(rng, m.DETERMINERS))
    return phrase


def entity(rng: random.Random, kind: str) -> Noun:
    """A name of this kind; families, cities and companies lend each other their names, so that context must
    decide.
    """
    r = rng.random()
    if kind == "LOC":
        return Noun(pick(rng, CITIES if r < 0.7 else REGIONS if r < 0.85 else FAMILY_NAMES), entity="LOC")
    if kind == "ORG":
        head = pick(rng, COMPANIES if r < 0.6 else CITIES if r < 0.8 else FAMILY_NAMES)
        return Noun(head, title=pick(rng, m.ORGANISATION_HEADS) if r > 0.3 else None, entity="ORG")
    family = pick(rng, FAMILY_NAMES if chance(rng, 0.85) else CITIES)
    head = f"{pick(rng, FIRST_NAMES)} {family}" if r < 0.5 else family if r < 0.7 else pick(rng, FIRST_NAMES)
    return Noun(head, title=pick(rng, m.nouns_of(m.PEOPLE)) if chance(rng, 0.25) else None, entity="PER")
