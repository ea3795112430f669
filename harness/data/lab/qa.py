"""Question answering: analogues of SQuAD 1.1 and 2.0, XQuAD, MLQA and TyDiQA.

A context tells several events that share words; a question names some slots of one of them and asks for
another. An item is kept only if exactly one event fits the question (none, if it is to be unanswerable).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.data.lab import meanings as m
from harness.data.lab.changes import contradict, filled
from harness.data.lab.frames import Frame, Noun, belongs, draw, drawn, get, put
from harness.data.lab.realise import PLAIN, Sentence, realise
from harness.data.lab.streams import below, chance, pick, shuffled, stream

ASKABLE = ("agent", "patient", "place", "time", "count")


class Recipe(NamedTuple):
    """What the items of one task are like."""

    events: tuple[int, int]
    """The fewest and most events of a context."""
    hops: float
    """The chance that events are told in two sentences, the second with a pronoun."""
    impossible: float = 0.0
    """The chance that no event answers the question."""
    wider: float = 0.0
    """The chance that the question names a kind instead of the noun in the context."""


RECIPES: dict[str, Recipe] = {
    "squad_v1": Recipe((3, 4), hops=0.25, wider=0.15),
    "squad_v2": Recipe((3, 4), hops=0.25, impossible=1 / 3, wider=0.15),
    "xquad": Recipe((3, 4), hops=0.2, wider=0.1),
    "mlqa": Recipe((3, 3), hops=0.7, wider=0.1),
    "tydiqa": Recipe((2, 3), hops=0.1, wider=0.5),
}
PARALLEL = ("xquad", "mlqa")


class Item(NamedTuple):
    """One question and its context as meanings."""

    events: tuple[Frame, ...]
    """What the context tells."""
    hop: bool
    """Whether each event is told in two sentences: where its agent is, then what it does."""
    question: Frame
    """The slots that the question names (and, in the asked slot, a value that is not shown)."""
    asked: str
    """The slot asked for."""
    answer: int | None
    """The event that answers; None where none does."""


def rows(task: str, split: str, code: str, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` rows {id, question, context, answers}; squad_v2 has is_impossible too. Starts count code
    points.
    """
    out = []
    for number, item in zip(range(count), items(task, split, seed, code), strict=False):
        text, spans = _context(code, item)
        answers = {"text": [], "answer_start": []} if item.answer is None else _answers(text, spans[item.answer], item)
        row: dict[str, Any] = {"id": f"{code}-{task}-{split}-{number:05d}"}
        row |= {
            "question": realise(code, item.question, PLAIN, item.asked).text,
            "context": text,
            "answers": answers,
        }
        out.append(row | ({"is_impossible": item.answer is None} if task == "squad_v2" else {}))
    return out


def items(task: str, split: str, seed: int, code: str) -> Iterator[Item]:
    """An endless stream of different items; for the parallel tasks the same in every language."""
    rng = stream(task, split, seed) if task in PARALLEL else stream(task, split, seed, code)
    recipe, seen = RECIPES[task], set[Item]()
    while True:
        item = _item(rng, split, recipe)
        if item and item not in seen:
            seen.add(item)
            yield item


def fits(question: Frame, asked: str, event: Frame) -> bool:
    """Whether an event answers a question: it has the asked slot, and is at least as specific in every
    other one.
    """
    if get(event, asked) is None:
        return False
    hidden = (asked, f"{asked}_adj", "count" if asked == "agent" else "")
    for slot in filled(question):
        wanted, told = get(question, slot), get(event, slot)
        if slot not in hidden and wanted != told and (told is None or wanted not in m.ancestors(told)):
            return False
    return True


def _item(rng: random.Random, split: str, recipe: Recipe) -> Item | None:
    """One draw; None where the question does not single out its event."""
    hop = chance(rng, recipe.hops)
    target = _event(rng, split, hop)
    count = recipe.events[0] + below(rng, recipe.events[1] - recipe.events[0] + 1)
    events = _context_events(rng, split, target, min(count, 2) if hop else count, hop)
    asked = pick(rng, [slot for slot in ASKABLE if get(target, slot)])
    question = _question(rng, target, asked, recipe.wider)
    impossible = chance(rng, recipe.impossible)
    if impossible:
        question = _spoilt(rng, question, asked, events) or question
    fitting = [i for i, event in enumerate(events) if fits(question, asked, event)]
    if len(fitting) != (0 if impossible else 1):
        return None
    return Item(tuple(events), hop, question, asked, None if impossible else fitting[0])


def _event(rng: random.Random, split: str, hop: bool) -> Frame:
    """An event with one or two modifiers; one that is told in two sentences has a place."""

    def once() -> Frame:
        frame = draw(rng, 1, 2, transitive=0.8, names=0.35)
        return frame if frame.place or not hop else put(frame, "place", pick(rng, m.nouns_of(m.PLACES)))

    return drawn(once, split)


def _context_events(rng: random.Random, split: str, target: Frame, count: int, hop: bool) -> list[Frame]:
    """The target among events with other agents; most share its verb, patient, place or time, as lures."""
    events = [target]
    while len(events) < count:
        other = _event(rng, split, hop)
        for slot in ("verb", "patient", "place", "time"):
            value = get(target, slot)
            lured = put(other, slot, value) if value and get(other, slot) and chance(rng, 0.45) else other
            patient = lured.patient.head if lured.patient else None
            if lured.verb in m.verbs_for(lured.agent.head, patient) and belongs(lured, split):
                other = lured
        heads = {event.agent.head for event in events}
        if other.agent.head not in heads and (other.patient is None or other.patient.head != other.agent.head):
            events.append(other)
    return shuffled(rng, events)


def _question(rng: random.Random, target: Frame, asked: str, wider: float) -> Frame:
    """The target with some of its modifiers dropped and perhaps a noun replaced by its kind."""
    question = target
    for slot in ("agent_adj", "patient_adj", "count", "place", "time"):
        if slot != asked and get(question, slot) and chance(rng, 0.5):
            question = put(question, slot, None)
    for slot in ("agent", "patient"):
        head = get(question, slot)
        kinds = m.ancestors(head) if head and slot != asked else ()
        if kinds and chance(rng, wider):
            question = put(question, slot, kinds[0])
    return question


def _spoilt(rng: random.Random, question: Frame, asked: str, events: list[Frame]) -> Frame | None:
    """The question with one named slot changed so that nothing answers it, if possible to another event's
    value.
    """
    hidden = (asked, f"{asked}_adj", "count" if asked == "agent" else "")
    slots = [slot for slot in filled(question) if slot not in hidden]
    for slot in shuffled(rng, slots):
        for event in shuffled(rng, events):
            value = get(event, slot)
            spoilt = put(question, slot, value) if value and value != get(question, slot) else None
            if spoilt and _sensible(spoilt) and not any(fits(spoilt, asked, e) for e in events):
                return spoilt
    return contradict(rng, question, pick(rng, slots))


def _sensible(frame: Frame) -> bool:
    """Whether the verb takes this agent and patient, and they differ."""
    patient = frame.patient.head if frame.patient else None
    return frame.verb in m.verbs_for(frame.agent.head, patient) and patient != frame.agent.head


def _context(code: str, item: Item) -> tuple[str, list[dict[str, tuple[int, int]]]]:
    """The context and, per event, role to [start, end) in code points of the context."""
    text, all_spans = "", list[dict[str, tuple[int, int]]]()
    for event in item.events:
        spans: dict[str, tuple[int, int]] = {}
        for frame, roles in _told(event, item.hop):
            sentence = realise(code, frame)
            text += " " if text else ""
            found = _characters(sentence, len(text))
            spans |= {role: found[role] for role in roles if role in found}
            text += sentence.text
        all_spans.append(spans)
    return text, all_spans


def _told(event: Frame, hop: bool) -> list[tuple[Frame, tuple[str, ...]]]:
    """The clauses that tell an event, each with the roles that are named in it."""
    if not hop:
        return [(event, ASKABLE)]
    second = event._replace(agent=Noun("they"), place=None)
    return [
        (Frame(event.agent, "be", place=event.place), ("agent", "count", "place")),
        (second, ("patient", "time")),
    ]


def _characters(sentence: Sentence, offset: int) -> dict[str, tuple[int, int]]:
    """Role spans in code points, the sentence beginning at `offset`."""
    starts = [offset]
    for token in sentence.tokens:
        starts.append(starts[-1] + len(token) + 1)
    return {role: (starts[start], starts[end] - 1) for role, (start, end) in sentence.spans.items()}


def _answers(text: str, spans: dict[str, tuple[int, int]], item: Item) -> dict[str, list[Any]]:
    """The answer as SQuAD writes it."""
    start, end = spans[item.asked]
    return {"text": [text[start:end]], "answer_start": [start]}
