"""Parallel sentences: analogues of Tatoeba (one translation each) and BUCC (find the few translations among
many).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from harness.data.lab.changes import contradict, filled
from harness.data.lab.frames import Frame, belongs, concepts, draw, drawn
from harness.data.lab.languages import SOURCE_LANGUAGE
from harness.data.lab.realise import PLAIN, STYLES, Style, realise
from harness.data.lab.streams import chance, pick, shuffled, stream
from harness.project.errors import HarnessError

TRUE_SHARE = 0.28
"""The share of sentences that have a translation on the other side."""
NEAR_SHARE = 0.35
"""The share of sentences that differ in one constituent from a sentence of the other side."""


def _frames(rng: random.Random, split: str) -> Iterator[Frame]:
    """An endless stream of frames, no bag of concepts twice."""
    seen: set[str] = set()
    while True:
        frame = drawn(lambda: draw(rng, 1, 3, names=0.2), split)
        key = " ".join(concepts(frame))
        if key not in seen:
            seen.add(key)
            yield frame


def _style(rng: random.Random) -> Style:
    """Plain three times in four."""
    return PLAIN if chance(rng, 0.75) else pick(rng, STYLES)


def tatoeba(task: str, split: str, code: str, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` rows {id, source, target}: the sentence in the language and in the source language; the same
    meanings.
    """
    rng, out = stream(task, split, seed), []
    for number, frame in zip(range(count), _frames(rng, split), strict=False):
        pair = {"source": realise(code, frame, _style(rng)).text}
        pair["target"] = realise(SOURCE_LANGUAGE, frame, _style(rng)).text
        out.append({"id": f"{code}-{task}-{split}-{number:05d}"} | pair)
    return out


def bucc(task: str, split: str, code: str, count: int, seed: int) -> list[dict[str, Any]]:
    """One of the three files of a mining task; `count` sentences a side, and the gold pairs among them.

    The sides are built together from one stream, so that the three calls agree for equal (language, rows,
    seed).
    """
    part, _, what = split.partition("_")
    if what not in ("source", "target", "gold"):
        raise HarnessError(
            f"expected test_source, test_target or test_gold, found split {split!r} of bucc",
            fix="name one of the three",
        )
    ids = {side: f"{code}-{task}-{part}-{side}" for side in ("source", "target")}
    sides, pairs = _sides(stream(task, part, code, seed), part, code, count)
    if what == "gold":
        gold = [{"source_id": f"{ids['source']}-{i:05d}", "target_id": f"{ids['target']}-{j:05d}"} for i, j in pairs]
        return [{"id": f"{code}-{task}-{part}-gold-{n:05d}"} | pair for n, pair in enumerate(gold)]
    return [{"id": f"{ids[what]}-{n:05d}", "text": text} for n, text in enumerate(sides[what])]


def _sides(rng: random.Random, split: str, code: str, count: int) -> tuple[dict[str, list[str]], list[tuple[int, int]]]:
    """The shuffled sentences of both sides and the index pairs that are translations, by source index."""
    true, near = round(count * TRUE_SHARE), round(count * NEAR_SHARE)
    stream_of_frames = _frames(rng, split)
    shared = [next(stream_of_frames) for _ in range(true)]
    source = shared + [next(stream_of_frames) for _ in range(count - true)]
    used = {" ".join(concepts(frame)) for frame in source}
    target = list(shared)
    while len(target) < count:
        frame = _near(rng, pick(rng, source), split) if len(target) < true + near else next(stream_of_frames)
        key = " ".join(concepts(frame)) if frame else ""
        if frame and key not in used:
            used.add(key)
            target.append(frame)
    order = {side: shuffled(rng, range(count)) for side in ("source", "target")}
    texts = {
        "source": [realise(code, source[k], _style(rng)).text for k in order["source"]],
        "target": [realise(SOURCE_LANGUAGE, target[k], _style(rng)).text for k in order["target"]],
    }
    at = {k: j for j, k in enumerate(order["target"])}
    return texts, [(i, at[k]) for i, k in enumerate(order["source"]) if k < true]


def _near(rng: random.Random, frame: Frame, split: str) -> Frame | None:
    """The frame with one slot changed for another value."""
    changed = contradict(rng, frame, pick(rng, filled(frame)))
    return changed if changed and belongs(changed, split) else None
