"""Random numbers that are the same on every machine.

A stream is named by words (task, split, seed ...); the name's SHA-256 seeds a Mersenne twister, and only
`random()` is ever drawn from it, so that neither PYTHONHASHSEED nor a newer Python changes a single row.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

GENERATOR_VERSION: int = 1

T = TypeVar("T")


def stream(*name: str | int) -> random.Random:
    """The random stream of this name; two different names give independent streams."""
    text = "\x1f".join(["lab", str(GENERATOR_VERSION), *map(str, name)])
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


def below(rng: random.Random, n: int) -> int:
    """An integer in [0, n)."""
    return int(rng.random() * n)


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """One item, each equally likely."""
    return items[int(rng.random() * len(items))]


def chance(rng: random.Random, p: float) -> bool:
    """True with probability `p`."""
    return rng.random() < p


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """The items in a random order (Fisher and Yates)."""
    out = list(items)
    for i in range(len(out) - 1, 0, -1):
        j = int(rng.random() * (i + 1))
        out[i], out[j] = out[j], out[i]
    return out
