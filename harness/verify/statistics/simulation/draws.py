"""Drawn cells: studies x seeds x cells, of a known mean and spread, with accidents."""

from __future__ import annotations

import math
import zlib
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

SEED = 20200513
"""Of every draw; any number would do."""
MARGIN_POINTS = 1.5
"""Points of a margin, for what is known in points: collapses and published noise. That of the registry's gains."""
COLLAPSE_RATE = 0.01
"""Share of cells that collapse."""
COLLAPSE_POINTS = 35.0
"""What a collapsed cell loses."""

Shape = Literal["normal", "skewed up", "skewed down", "heavy tails"]
SHAPES: dict[Shape, str] = {
    "normal": "normal",
    "skewed up": "exponential, long tail upwards, skewness 2",
    "skewed down": "exponential, long tail downwards, skewness -2",
    "heavy tails": "Student's t with 3 degrees of freedom",
}
"""Distributions of one cell, all with mean 0 and standard deviation 1."""


class Cells(NamedTuple):
    """The scores of drawn studies, less what they are on average."""

    noise: Numbers
    """studies x seeds x cells, in margins."""
    collapsed: Flags
    """Which of them collapsed; the same shape."""


def generator(*key: object) -> np.random.Generator:
    """The generator of one row, by SEED and the row's own key: its words and numbers."""
    return np.random.default_rng([SEED, zlib.crc32(repr(key).encode())])


def draw(shape: Shape, random: np.random.Generator, size: tuple[int, ...]) -> Numbers:
    """Values with mean 0 and standard deviation 1."""
    match shape:
        case "normal":
            return random.normal(size=size)
        case "skewed up":
            return random.exponential(size=size) - 1
        case "skewed down":
            return 1 - random.exponential(size=size)
        case "heavy tails":
            return random.standard_t(3, size=size) / math.sqrt(3)


def draw_cells(
    random: np.random.Generator, size: tuple[int, int, int], spread: float, shape: Shape, collapses: bool
) -> Cells:
    """Cells of this spread, in margins. `collapses`: COLLAPSE_RATE of them lose COLLAPSE_POINTS."""
    noise = spread * draw(shape, random, size)
    if not collapses:
        return Cells(noise, np.zeros(size, dtype=bool))
    fell = random.random(size) < COLLAPSE_RATE
    return Cells(noise - fell * (COLLAPSE_POINTS / MARGIN_POINTS), fell)
