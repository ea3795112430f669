"""Running text: the plain corpus that an encoder is pretrained on, a short passage of one to three
sentences a row.

The sentences of a passage belong together (a story, an event told again in other words, a question and its
answer, facts), as in real text; so an encoder can learn how sentences relate and not only how words do.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from harness.data.lab import meanings as m
from harness.data.lab.choice import kept
from harness.data.lab.frames import CITY_FACTS, Frame, Noun, belongs, draw, drawn, fill, get, hidden
from harness.data.lab.languages import language
from harness.data.lab.lexicon import words
from harness.data.lab.nli import LABELS, draw_hypothesis, premise_for
from harness.data.lab.realise import PLAIN, STYLES, realise
from harness.data.lab.streams import below, chance, pick, stream
from harness.data.lab.tagging import varied
from harness.project.errors import HarnessError


def rows(task: str, split: str, code: str, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` rows {id, text}; HarnessError for the language without a corpus."""
    if language(code).size_gib == 0:
        raise HarnessError(
            f"expected a language with a corpus, found {code}, which has none by design",
            fix="leave it out of pretraining; corpus_rows gives 0 for it",
        )
    rng, passages = stream(task, split, code, seed), (_story, _told_again, _dialogue, _facts, _loose)
    ids = (f"{code}-{task}-{split}-{n:05d}" for n in range(count))
    return [{"id": name, "text": " ".join(_kind(rng, passages)(rng, code))} for name in ids]


Passage = Callable[[random.Random, str], list[str]]


def _kind(rng: random.Random, passages: tuple[Passage, ...]) -> Passage:
    """One kind of passage: story, retelling, dialogue, facts or loose sentence (20, 40, 20, 10, 10 %)."""
    r = rng.random()
    return passages[sum(r >= end for end in (0.2, 0.6, 0.8, 0.9))]


def _say(rng: random.Random, code: str, frame: Frame) -> str:
    """A sentence, mostly in plain wording."""
    return realise(code, frame, PLAIN if chance(rng, 0.75) else pick(rng, STYLES)).text


def _loose(rng: random.Random, code: str) -> list[str]:
    """A single sentence of any construction."""
    return [_say(rng, code, drawn(lambda: varied(rng, 0.3), "text"))]


def _story(rng: random.Random, code: str) -> list[str]:
    """An event and why it happens, or what its agent does next with the same patient."""
    frame = drawn(lambda: draw(rng, 0, 2, names=0.25), "text")
    story = [frame]
    reason = m.REASONS.get(frame.verb)
    because = Frame(frame.agent._replace(adjective=None, digit=None), "be", state=reason)
    if reason and belongs(because, "text"):
        story.append(because)
    if frame.verb in m.NEXT:
        following = Frame(Noun("they"), m.NEXT[frame.verb], frame.patient)
        story.append(drawn(lambda: fill(rng, following, 1 + below(rng, 2)), "text"))
    return [_say(rng, code, one) for one in story]


def _told_again(rng: random.Random, code: str) -> list[str]:
    """An event, then a sentence about it behind the connective that says how the two relate."""
    while True:
        frame, relation = draw_hypothesis(rng, "text"), pick(rng, LABELS)
        told = premise_for(rng, frame, relation)
        if told and belongs(told, "text"):
            break
    return [_say(rng, code, told), f"{words(code)[m.CONNECTIVE[relation]]} {_say(rng, code, frame)}"]


def _dialogue(rng: random.Random, code: str) -> list[str]:
    """An event, a question about it and the answer."""
    while True:
        frame = drawn(lambda: draw(rng, 1, 2, names=0.3), "text")
        asked = pick(rng, [slot for slot in m.QUESTION_WORD if get(frame, slot)])
        if belongs(hidden(frame, asked), "text"):
            break
    sentence = realise(code, frame)
    start, end = sentence.spans[asked]
    answer = " ".join([*sentence.tokens[start:end], "."])
    return [sentence.text, realise(code, frame, PLAIN, asked).text, answer]


def _facts(rng: random.Random, code: str) -> list[str]:
    """Where something usually is or is kept and of which kind it is, or in which region a city lies."""
    if chance(rng, 0.2):
        return [realise(code, pick(rng, CITY_FACTS)).text]
    leaf = pick(rng, tuple(m.USUAL_PLACE))
    if chance(rng, 0.4):
        return [realise(code, drawn(lambda: kept(rng, leaf), "text")).text]
    where = Frame(Noun(leaf), "be", place=Noun(m.USUAL_PLACE[leaf]), time="usually")
    return [realise(code, fact).text for fact in (where, Frame(Noun(leaf), "be", state=m.KIND_OF[leaf]))]
