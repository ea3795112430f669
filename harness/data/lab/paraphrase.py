"""Paraphrase identification: analogues of PAWS-X (statements) and QQP (questions).

In pawsx the sentences of a pair share nearly all their words: of the pairs that aren't paraphrases most have their
roles or adjectives exchanged, the others have one word replaced by one that excludes it; the wordings (order, voice)
are drawn without regard to the label.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.data.lab import meanings as m
from harness.data.lab.changes import contradict, filled
from harness.data.lab.frames import ANIMATE_VERBS, Frame, belongs, draw, drawn, fill, get, hidden
from harness.data.lab.realise import STYLES, Style, realise
from harness.data.lab.streams import chance, pick, shuffled, stream

REPLACED = 0.4
"""Share of the pawsx pairs without paraphrase that differ by a replaced word."""
ACTIVE = 0.6
"""Share of the pawsx pairs with something to move in which both wordings are active and only the order differs."""


class Item(NamedTuple):
    """One pair as meanings."""

    first: tuple[Frame, Style, str | None]
    """The frame, its wording and the role asked for (None: a statement)."""
    second: tuple[Frame, Style, str | None]
    """The same of the other sentence."""
    label: int
    """1 for a paraphrase."""


def rows(task: str, split: str, code: str, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` rows {id, sentence1, sentence2, label}."""
    out = []
    for number, item in zip(range(count), items(task, split, seed), strict=False):
        pair = {"sentence1": realise(code, *item.first).text, "sentence2": realise(code, *item.second).text}
        out.append({"id": f"{code}-{task}-{split}-{number:05d}"} | pair | {"label": item.label})
    return out


def items(task: str, split: str, seed: int) -> Iterator[Item]:
    """An endless stream of different pairs, the same in every language."""
    rng = stream(task, split, seed)
    seen: set[tuple[object, ...]] = set()
    while True:
        item = _statements(rng, split) if task == "pawsx" else _questions(rng, split)
        if item and item[:2] not in seen:
            seen.add(item[:2])
            yield item


def exchange(frame: Frame, what: str) -> Frame:
    """The frame with the roles ("roles") or the adjectives ("adjectives") of agent and patient exchanged."""
    agent, patient = frame.agent, frame.patient
    assert patient is not None
    if what == "roles":
        return frame._replace(agent=patient, patient=agent)
    return frame._replace(
        agent=agent._replace(adjective=patient.adjective), patient=patient._replace(adjective=agent.adjective)
    )


def _styles(rng: random.Random, movable: bool) -> tuple[Style, Style]:
    """Two different wordings; fronting counts only where there is something to move."""
    active = [style for style in STYLES if not style.passive]
    styles = active if movable and chance(rng, ACTIVE) else [s for s in STYLES if movable or not s.fronted]
    first, second = shuffled(rng, styles)[:2]
    return first, second


def _voices(rng: random.Random) -> tuple[Style, Style]:
    """One active and one passive wording, in either order."""
    passive = chance(rng, 0.5)
    return Style(passive, chance(rng, 0.3)), Style(not passive, chance(rng, 0.3))


def _statements(rng: random.Random, split: str) -> Item | None:
    """A frame between two beings, against itself or its exchanged twin."""

    def once() -> Frame:
        frame = draw(rng, 0, 0, transitive=1.0, names=0.3)
        return fill(rng, frame, pick(rng, (1, 2, 2))) if frame.verb in ANIMATE_VERBS else frame

    frame = drawn(once, split)
    if frame.verb not in ANIMATE_VERBS or frame.patient is None:
        return None
    label = int(chance(rng, 0.5))
    one, two = _styles(rng, bool(frame.time or frame.place))
    if not label and chance(rng, REPLACED):
        changed = contradict(rng, frame, pick(rng, filled(frame)))
        if changed and belongs(changed, split):
            return Item((frame, one, None), (changed, two, None), 0)
    adjectives = {frame.agent.adjective, frame.patient.adjective} - {None}
    what = "adjectives" if len(adjectives) == 2 and chance(rng, 0.5) else "roles"
    return Item((frame, one, None), (frame if label else exchange(frame, what), two, None), label)


def _questions(rng: random.Random, split: str) -> Item | None:
    """A question against itself in the other voice, or against one that asks for something else."""
    frame, asked = _question(rng, split)
    one, two = _voices(rng)
    if chance(rng, 0.5):
        return Item((frame, one, asked), (frame, two, asked), 1)
    roles = [slot for slot in m.QUESTION_WORD if get(frame, slot) and slot != asked]
    roles = [role for role in roles if belongs(hidden(frame, role), split)]
    if roles and chance(rng, 0.7):
        return Item((frame, one, asked), (frame, two, pick(rng, roles)), 0)
    if frame.verb in ANIMATE_VERBS and asked not in ("agent", "patient") and chance(rng, 0.7):
        return Item((frame, one, asked), (exchange(frame, "roles"), two, asked), 0)
    other = _otherwise(rng, frame, asked, split)
    return Item((frame, one, asked), (other, two, asked), 0) if other else None


def _question(rng: random.Random, split: str) -> tuple[Frame, str]:
    """A transitive frame and the role asked for; what the question shows belongs to the split."""
    while True:
        frame = draw(rng, 1, 2, transitive=1.0, names=0.2)
        asked = pick(rng, [slot for slot in m.QUESTION_WORD if get(frame, slot)])
        if belongs(hidden(frame, asked), split):
            return frame, asked


def _otherwise(rng: random.Random, frame: Frame, asked: str, split: str) -> Frame | None:
    """The frame with one of the slots that the question shows changed; None where no such frame is in the
    split.
    """
    unseen = {asked, f"{asked}_adj"} | ({"count"} if asked == "agent" else set())
    shown = [slot for slot in filled(frame) if slot not in unseen]
    for _ in range(60):
        changed = contradict(rng, frame, pick(rng, shown))
        if changed and belongs(hidden(changed, asked), split):
            return changed
    return None
