"""What the claims of each kind are made of: their cells, the band, and the recipes that have to be above it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from harness.verify.statistics.simulation.draws import Numbers

FAR = 4.0
"""Margins by which a recipe of a share claim that is not in doubt lies above the threshold, or below."""


class Kind(NamedTuple):
    """A kind of claim with one value per seed, judged against a band."""

    name: str
    cells: str
    """What it averages, in words."""
    recipe_cells: int
    """Cells that count upwards."""
    compared_cells: int
    """Cells that they are compared with."""
    low: float
    high: float
    states_gain: bool
    """Is there a published number, so that an accusation needs the prediction interval, too?"""

    def weights(self) -> Numbers:
        """cells x 1: the value is cells @ weights."""

        up = np.full(self.recipe_cells, 1 / self.recipe_cells)
        return np.concatenate([up, np.full(self.compared_cells, -1 / max(self.compared_cells, 1))])[:, None]

    def mean(self, deviation: float) -> float:
        """The true value at this deviation, which is counted towards the band's closed end."""
        return -deviation if math.isinf(self.high) else deviation


class LanguageKind(NamedTuple):
    """A stated gain on a group of languages. A cell is a model on a target: its languages share what befalls it."""

    name: str
    cells: str
    """What it averages, in words."""
    languages: tuple[int, ...]
    """Of each target: languages of the group that it is tested in."""
    low: float = -1.0
    high: float = 1.0
    states_gain: bool = True

    def weights(self) -> Numbers:
        """2 x languages of all targets x 1, the recipe's and then the baseline's: targets count alike."""
        up = np.concatenate([np.full(many, 1 / (many * len(self.languages))) for many in self.languages])
        return np.concatenate([up, -up])[:, None]


class ShareKind(NamedTuple):
    """A claim that at least `needed` of `recipes` recipes gain more than a threshold, which is 0 here."""

    name: str
    cells: str
    recipes: int
    needed: int
    targets: int

    def weights(self) -> Numbers:
        """cells x recipes: each recipe's mean over the targets less the baseline's, which all share."""

        return over_baseline(self.recipes, self.targets)

    def means(self, deviation: float, short: bool) -> Numbers:
        """The recipes' true gains where those in doubt lie 1 - `deviation` margins above the threshold.

        `short`: one fewer than needed is surely above and all others are in doubt, the worst case for saying yes; else
        as many as needed are in doubt and all others surely below, the worst case for saying no.
        """

        sure, doubted = (self.needed - 1, FAR) if short else (self.recipes - self.needed, -FAR), 1 - deviation
        return np.concatenate([np.full(sure[0], sure[1]), np.full(self.recipes - sure[0], doubted)])


def over_baseline(recipes: int, targets: int) -> Numbers:
    """cells x recipes: each recipe's mean over its targets less the baseline's, which all share."""
    own = np.kron(np.eye(recipes), np.full((targets, 1), 1 / targets))
    return np.vstack([own, np.full((targets, recipes), -1 / targets)])


ONE = Kind("gain", "one value per seed", 1, 0, -1.0, 1.0, True)
"""A stated gain whose values are drawn as they are, for shapes that an average of cells would lose."""
GAIN = Kind("gain", "1 recipe and `none` on 9 targets", 9, 9, -1.0, 1.0, True)
NO_GAIN = Kind("no_gain", "9 recipes and `none` on 1 target", 9, 1, -math.inf, 1.0, False)
COMPARE = Kind("compare", "3 recipes and their variants on 9 targets", 27, 27, -1.0, math.inf, False)
KINDS = (GAIN, NO_GAIN, COMPARE)
RETRIEVAL = ShareKind("share, 8 of 9", "9 recipes and `none` on 2 targets", 9, 8, 2)
TYDIQA = ShareKind("share, 5 of 9", "9 recipes and `none` on 1 target", 9, 5, 1)
SHARES = (RETRIEVAL, TYDIQA)
LANGUAGES = (
    LanguageKind("language_gain", "4 targets, of 1, 2, 4 and 8 languages", (1, 2, 4, 8)),
    LanguageKind("language_gain", "1 target, of 3 languages", (3,)),
)


def cell_spread(weights: Numbers, sigma: float) -> float:
    """The spread of one cell with which every value has the spread `sigma`: sigma / sqrt(sum of squared weights)."""
    return float(sigma / math.sqrt(np.square(weights[:, 0]).sum()))
