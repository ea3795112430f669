"""What a claim's check needs of a profile's grid: recipes x targets x seeds, and what the grid lacks for it.

Pure. A recipe that can't be compared in this grid (its variant is missing, say) needs nothing: it would be run in vain.
"""

from __future__ import annotations

from harness.project.params import BASELINE, Grid, Params
from harness.project.records import Record
from harness.project.results import Cell
from harness.verify.claims.claim import Claim

TEXT = "text"
"""The task that is pretrained on: it went into every cell."""


class Needs(Record):
    """The part of a grid that one claim is judged by."""

    recipes: list[str]
    """Recipes of the grid that are measured or compared with, in the grid's order."""
    targets: list[str]
    """Targets of the grid that the check averages over."""
    seeds: list[int]
    """Every seed of the grid; empty where no cell is needed."""
    lacking: list[str]
    """Recipes and targets that the check names and the grid lacks."""
    beside: list[str]
    """Recipes of the grid that are shown beside where they were run; the verdict doesn't need them."""
    grid: Grid
    """The whole grid; those of its cells are meant that it has."""

    @property
    def part(self) -> Grid:
        """The part of the grid, without cells of the baseline that nothing is compared with."""
        axes = {"recipes": self.recipes, "targets": self.targets, "seeds": self.seeds}
        part = self.grid.model_copy(update=axes)
        others = {(target, seed) for recipe, target, seed in part.cells if recipe != BASELINE}
        if not part.blocks or not others:
            return part
        return Grid.of([cell for cell in part.cells if cell[0] != BASELINE or cell[1:] in others])

    @property
    def cells(self) -> list[Cell]:
        """Every cell, recipe by recipe, in the grid's order."""
        return [Cell(recipe=recipe, target=target, seed=seed) for recipe, target, seed in self.part.cells]


def needs(claim: Claim, params: Params) -> Needs:
    """What the claim needs of the profile's grid; nothing for one that is decided without a run."""
    check = claim.measured
    if check is None:
        return Needs(recipes=[], targets=[], seeds=[], lacking=[], beside=[], grid=params.grid)
    grid = params.grid
    named = check.named_recipes
    comparable = [r for r in named if r in grid.recipes and check.compared_with(r) in grid.recipes]
    wanted = check.needed(comparable)
    targets = [target for target in grid.targets if target in check.targets] if wanted else []
    return Needs(
        recipes=[recipe for recipe in grid.recipes if recipe in wanted] if targets else [],
        targets=targets,
        seeds=grid.seeds if targets else [],
        lacking=[recipe for recipe in check.needed(named) if recipe not in grid.recipes]
        + [target for target in check.targets if target not in grid.targets],
        beside=[recipe for recipe in check.shown_beside if recipe in grid.recipes],
        grid=grid,
    )


def restrict(params: Params, part: Needs) -> Params:
    """The same profile with only this part of its grid, and only the data that went into it."""
    used = {task for recipe in part.recipes for task in params.recipes[recipe].tasks} | set(part.targets) | {TEXT}
    tasks = [task for task in params.data.tasks if task in used] if part.recipes else []
    changes = {
        "grid": part.part,
        "data": params.data.model_copy(update={"tasks": tasks}),
    }
    return params.model_copy(update=changes)
