"""The cells of a profile: recipes x targets x seeds, or a list of such blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, model_validator

from harness.project.named import RecipeName, Seed, TaskName
from harness.project.params.settings import Settings

BASELINE = "none"
"""The recipe that every gain is measured against: no intermediate training."""


AXES = ("recipes", "targets", "seeds")
"""What a grid is a product of."""


class Block(Settings):
    """Cells of a grid: recipes x targets x seeds."""

    recipes: list[RecipeName] = Field(min_length=1)
    """Names of recipes."""
    targets: list[TaskName]
    """Names of target tasks."""
    seeds: list[Seed] = Field(min_length=1)
    """One independent repetition of the whole pipeline each."""


class Grid(Settings):
    """The cells to run: recipes x targets x seeds, or in a file a list of such blocks, of which a cell in two counts
    once. The three are then everything that a block names, in the order of the file.
    """

    blocks: list[Block] = Field(default_factory=list)
    """The blocks of a grid that is not one product; what is in none of them is no cell. Empty: all are cells."""
    recipes: list[RecipeName]
    """Names of recipes, `none` first: it is the baseline of every gain."""
    targets: list[TaskName]
    """Names of target tasks."""
    seeds: list[Seed] = Field(min_length=1)
    """One independent repetition of the whole pipeline each."""

    @model_validator(mode="before")
    @classmethod
    def _of_blocks(cls, value: Any) -> Any:
        """A list of blocks as the three axes and the blocks."""
        if not isinstance(value, list):
            return value
        if not value:
            raise ValueError("expected at least one block {recipes, targets, seeds}, found an empty list")
        axes: dict[str, list[Any]] = {axis: [] for axis in AXES}
        for block in value:  # each is checked as a Block; here only what fits is gathered
            for axis in AXES:
                found = block.get(axis) if isinstance(block, dict) else None
                axes[axis] += [one for one in found or [] if one not in axes[axis]] if isinstance(found, list) else []
        if all(type(seed) is int for seed in axes["seeds"]):
            axes["seeds"].sort()
        return {**axes, "blocks": value}

    @model_validator(mode="after")
    def _nothing_beside_blocks(self) -> Grid:
        """What stood beside blocks and in none of them would silently be no cell."""
        for axis in AXES if self.blocks else ():
            named = {one for block in self.blocks for one in getattr(block, axis)}
            beside = [one for one in getattr(self, axis) if one not in named]
            if beside:
                raise ValueError(f"expected {axis} of the blocks alone, found {beside[0]!r} in none of them")
        return self

    @classmethod
    def of(cls, cells: Sequence[tuple[str, str, int]]) -> Grid:
        """The grid of these cells, (recipe, target, seed), and no others; at least one."""
        seeds: dict[tuple[str, str], list[int]] = {}
        for recipe, target, seed in cells:
            seeds.setdefault((recipe, target), []).append(seed)
        axes = {axis: list(dict.fromkeys(one)) for axis, one in zip(AXES, zip(*cells, strict=True), strict=True)}
        whole = len(set(cells)) == len(axes["recipes"]) * len(axes["targets"]) * len(axes["seeds"])
        blocks = [Block(recipes=[r], targets=[t], seeds=found) for (r, t), found in seeds.items()]
        return cls(**axes, blocks=[] if whole else blocks)

    @property
    def cells(self) -> list[tuple[str, str, int]]:
        """(recipe, target, seed) of every cell, each once, recipe by recipe, then target by target."""
        every = [(recipe, target, seed) for recipe in self.recipes for target in self.targets for seed in self.seeds]
        if not self.blocks:
            return every
        there = {
            (recipe, target, seed)
            for block in self.blocks
            for recipe in block.recipes
            for target in block.targets
            for seed in block.seeds
        }
        return [cell for cell in every if cell in there]

    @property
    def trainings(self) -> list[tuple[str, int]]:
        """(recipe, seed) of every intermediate training, recipe by recipe."""
        if not self.blocks:
            return [(recipe, seed) for recipe in self.recipes for seed in self.seeds]
        return list(dict.fromkeys((recipe, seed) for recipe, _, seed in self.cells))

    def seeds_of(self, recipe: str) -> list[int]:
        """The seeds that a recipe has a cell at."""
        return [seed for other, seed in self.trainings if other == recipe]

    def targets_of(self, recipe: str, seed: int) -> list[str]:
        """The targets that a recipe has a cell of at a seed."""
        return [target for one, target, other in self.cells if (one, other) == (recipe, seed)]
