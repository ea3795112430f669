"""Multiple choice: analogues of HellaSwag, CosmosQA and CommonsenseQA.

Four choices are always two answers to one question crossed with two answers to another (which verb, which
object; which state, whose), so that nothing in the choices alone tells the right one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from harness.data.lab import meanings as m
from harness.data.lab.frames import Frame, Noun, draw_noun, drawn, fill, noun
from harness.data.lab.lexicon import words
from harness.data.lab.realise import PLAIN, Style, realise
from harness.data.lab.streams import below, chance, pick, shuffled, stream

Row = dict[str, Any]
_CHAINED = tuple(m.NEXT)
_REASONED = tuple(m.REASONS)


def rows(task: str, split: str, code: str, count: int, seed: int) -> list[Row]:
    """`count` rows {id, context, question, choices, label}; hellaswag has no question, commonsenseqa no
    context.
    """
    makers: dict[str, Callable[[random.Random, str, str], Row | None]] = {
        "hellaswag": _hellaswag, "cosmosqa": _cosmosqa, "commonsenseqa": _commonsenseqa,
    }  # fmt: skip
    rng, out, seen = stream(task, split, code, seed), list[Row](), set[tuple[str, str]]()
    while len(out) < count:
        row = makers[task](rng, split, code)
        if row is None or (row["context"], row.get("question", "")) in seen:
            continue
        seen.add((row["context"], row.get("question", "")))
        out.append({"id": f"{code}-{task}-{split}-{len(out):05d}"} | row)
    return out


def _placed(rng: random.Random, right: str, wrong: list[str]) -> Row:
    """The choices in random order and the place of the right one."""
    order = shuffled(rng, [right, *wrong])
    return {"choices": order, "label": order.index(right)}


def _chain_event(rng: random.Random, split: str) -> Frame:
    """An event that something usually follows."""
    verb = pick(rng, _CHAINED)
    agents, patients = m.VERBS[verb]

    def once() -> Frame:
        frame = Frame(draw_noun(rng, agents, 0.3, 0.0), verb, draw_noun(rng, patients, 0.1, 0.0))
        return fill(rng, frame, below(rng, 3))

    return drawn(once, split)


def _two_chains(rng: random.Random, split: str) -> tuple[Frame, Frame] | None:
    """Two events whose agents, patients and continuations differ, and whose patients suit both
    continuations.
    """
    one, two = _chain_event(rng, split), _chain_event(rng, split)
    assert one.patient and two.patient
    heads = {one.agent.head, two.agent.head, one.patient.head, two.patient.head}
    verbs = (m.NEXT[one.verb], m.NEXT[two.verb])
    if len(heads) < 4 or one.verb in (two.verb, *verbs) or two.verb in verbs or verbs[0] == verbs[1]:
        return None
    fit = all(m.fits(p.head, m.VERBS[verb][1]) for verb in verbs for p in (one.patient, two.patient))
    return (one, two) if fit else None


def _continuations(code: str, one: Frame, two: Frame) -> list[str]:
    """The four endings of two events, the one that continues the first with its own patient first."""
    ends = [(m.NEXT[v.verb], p.patient) for v in (one, two) for p in (one, two)]
    bare = [(verb, patient and Noun(patient.head, entity=patient.entity)) for verb, patient in ends]
    return [realise(code, Frame(Noun("they"), verb, patient)).text for verb, patient in bare]


def _hellaswag(rng: random.Random, split: str, code: str) -> Row | None:
    """What follows the last event; the wrong verb and the wrong object belong to another event, told before
    it or not.
    """
    pair = _two_chains(rng, split)
    if pair is None:
        return None
    last, other = pair
    told = [other, last] if chance(rng, 0.5) else [last]
    endings = _continuations(code, last, other)
    context = " ".join(realise(code, frame, _style(rng)).text for frame in told)
    return {"context": context} | _placed(rng, endings[0], endings[1:])


def _style(rng: random.Random) -> Style:
    """Plain, or with time or place moved."""
    return Style(fronted=chance(rng, 0.3))


def _words(code: str, frame: Frame, style: Style = PLAIN) -> list[str]:
    """The tokens of a frame without the stop."""
    return realise(code, frame, style).tokens[:-1]


def _cosmosqa(rng: random.Random, split: str, code: str) -> Row | None:
    """Why somebody does something, or what somebody does next: told by nobody, inferred from one of two
    events.
    """
    return _why(rng, split, code) if chance(rng, 0.5) else _what_next(rng, split, code)


def _what_next(rng: random.Random, split: str, code: str) -> Row | None:
    """The question names one of the two agents."""
    pair = _two_chains(rng, split)
    if pair is None:
        return None
    context = " ".join(realise(code, frame, _style(rng)).text for frame in shuffled(rng, pair))
    agent = Frame(Noun(pair[0].agent.head, entity=pair[0].agent.entity), "be", time="next")
    question = " ".join([*_words(code, agent, Style(fronted=True)), "?"])
    endings = _continuations(code, *pair)
    return {"context": context, "question": question} | _placed(rng, endings[0], endings[1:])


def _why(rng: random.Random, split: str, code: str) -> Row | None:
    """The question names what is done; the reason is inferred, and whose it is read in the context."""

    def event(verb: str) -> Frame:
        agents, patients = m.VERBS[verb]
        patient = draw_noun(rng, patients, 0.0, 0.0) if patients else None
        return fill(rng, Frame(draw_noun(rng, agents, 0.3, 0.0), verb, patient), 1 + below(rng, 2))

    verbs = shuffled(rng, _REASONED)[:2]
    one, two = (drawn(lambda verb=verb: event(verb), split) for verb in verbs)  # type: ignore[misc]
    if one.agent.head == two.agent.head:
        return None
    asked = Frame(Noun("they"), one.verb, one.patient and Noun(one.patient.head), time="why")
    answers = [
        realise(code, Frame(noun(who.agent.head), "be", state=m.REASONS[why.verb])).text
        for why in (one, two) for who in (one, two)
    ]  # fmt: skip
    context = " ".join(realise(code, frame, _style(rng)).text for frame in shuffled(rng, (one, two)))
    question = " ".join([*_words(code, asked, Style(fronted=True)), "?"])
    return {"context": context, "question": question} | _placed(rng, answers[0], answers[1:])


def _commonsenseqa(rng: random.Random, split: str, code: str) -> Row | None:
    """Where something is usually found, or of which kind it is: only knowledge answers."""
    form = words(code)
    leaf = pick(rng, tuple(m.USUAL_PLACE))
    if chance(rng, 0.6):
        frame = drawn(lambda: kept(rng, leaf), split)
        right, pool = m.USUAL_PLACE[leaf], m.nouns_of(m.PLACES)
        question = realise(code, frame, PLAIN, "place").text
    else:
        frame = drawn(lambda: fill(rng, Frame(Noun(leaf), "be"), 1 + below(rng, 2)), split)
        right, pool = m.KIND_OF[leaf], tuple(kind for kind in m.KINDS if kind not in m.PLACES)
        question = " ".join([form["what"], *_words(code, frame), "?"])
    wrong = shuffled(rng, [p for p in pool if p != right])[:4]
    return {"context": "", "question": question} | _placed(rng, form[right], [form[w] for w in wrong])


def kept(rng: random.Random, leaf: str) -> Frame:
    """Where the old baker usually keeps the red hat, as a frame; the place is the one asked for."""
    keeper = draw_noun(rng, m.PEOPLE, 0.4, 0.0)
    while keeper.head == leaf:
        keeper = draw_noun(rng, m.PEOPLE, 0.4, 0.0)
    frame = Frame(keeper, "keep", Noun(leaf), place=Noun(m.USUAL_PLACE[leaf]), time="usually")
    return fill(rng, frame, below(rng, 3))
