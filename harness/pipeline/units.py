"""The units of work of a profile (encoder, intermediate trainings, cells), what each needs, and which are done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from harness.pipeline.lock import Lock
from harness.pipeline.resolved import says_the_same
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import StrictRecord
from harness.project.results import Cell, grid_cells
from harness.project.stages import (
    CORPUS,
    ENCODER,
    cell_stage,
    data_stage,
    intermediate_stage,
    recipe_stage,
    target_stage,
)

State = Literal["done", "stale", "to run"]


class Unit(StrictRecord):
    """One stage of the grid: the encoder, an intermediate training or a cell."""

    stage: str
    """Name of the DVC stage, as `dvc repro` takes it."""
    kind: str
    """What is alike in cost: `encoder`, `intermediate <recipe>`, `cell <target>`."""
    needs: tuple[str, ...]
    """Stages whose outputs it reads."""
    output: str
    """A file that is there when the unit has finished, relative to the project."""


def units(params: Params, paths: Paths) -> list[Unit]:
    """Every unit of the grid in an order in which it can run."""

    def output(path: Path) -> str:
        return path.relative_to(paths.root).as_posix()

    found = [Unit(stage=ENCODER, kind=ENCODER, needs=(CORPUS,), output=output(paths.encoder / "encoder.json"))]
    for recipe, seed in params.grid.trainings:
        data = tuple(data_stage(task) for task in params.recipes[recipe].tasks)
        found.append(
            Unit(
                stage=intermediate_stage(recipe, seed),
                kind=f"intermediate {recipe}",
                needs=(ENCODER, recipe_stage(recipe), *data),
                output=output(paths.checkpoint(recipe, seed) / "checkpoint.json"),
            )
        )
    for cell in grid_cells(params):
        found.append(
            Unit(
                stage=cell_stage(cell),
                kind=f"cell {cell.target}",
                needs=(
                    intermediate_stage(cell.recipe, cell.seed),
                    target_stage(cell.target),
                    data_stage(cell.target),
                ),
                output=output(paths.cell(cell.recipe, cell.target, cell.seed) / "result.json"),
            )
        )
    return found


def needed_units(grid: Sequence[Unit], stages: Iterable[str]) -> list[Unit]:
    """Those of the grid's units that these stages are, or are made from, in the same order."""
    by_stage = {unit.stage: unit for unit in grid}
    wanted: set[str] = set()
    waiting = list(stages)
    while waiting:
        stage = waiting.pop()
        if stage in by_stage and stage not in wanted:  # data, recipes and targets are no units
            wanted.add(stage)
            waiting += by_stage[stage].needs
    return [unit for unit in grid if unit.stage in wanted]


def states(params: Params, paths: Paths) -> dict[str, State]:
    """State of every unit, by stage: `done`, `stale` (it, or something it was made from, has changed) or `to run`.

    A unit whose inputs are to be made again counts as stale, though DVC will keep it if they come out the same. Weights
    of checkpoints are weighed, not hashed: other bytes of the same size are left for DVC to find.
    """
    return states_of(units(params, paths), params, paths)


def states_of(grid: Sequence[Unit], params: Params, paths: Paths) -> dict[str, State]:
    """The same of these units, which stand in an order in which they can run."""
    root = paths.root
    checkpoints = paths.checkpoints.relative_to(root).as_posix()
    lock = Lock(root, is_weighed=lambda path: path.startswith(f"{checkpoints}/"))
    found: dict[str, State] = {}

    @cache  # what many cells need is looked at once
    def is_fresh(need: str) -> bool:
        if need in found:
            return found[need] == "done"
        changed = lock.changes(need)
        return not changed or says_the_same(need, changed, params, paths)

    for unit in grid:
        if not (root / unit.output).is_file() or not lock.records(unit.stage, unit.output):
            found[unit.stage] = "to run"
        elif lock.changes(unit.stage) or lock.outputs_differ(unit.stage) or not all(map(is_fresh, unit.needs)):
            found[unit.stage] = "stale"
        else:
            found[unit.stage] = "done"
    return found


def part_of(params: Params, recipes: Sequence[str], seeds: Sequence[int]) -> list[Cell]:
    """The cells of the grid at these recipes and seeds; an axis of which nothing is named counts whole, and where
    nothing is named at all there are no cells.

    Raises HarnessError where one of them is not in the grid, or none of its cells has both.
    """
    axes: tuple[tuple[str, Sequence[object], Sequence[object]], ...] = (
        ("recipe", recipes, params.grid.recipes),
        ("seed", seeds, params.grid.seeds),
    )
    for axis, named, known in axes:
        for one in named:
            if one not in known:
                raise HarnessError(
                    f"expected a {axis} of the grid of profile {params.profile} ({', '.join(map(str, known))}), found"
                    f" {one}",
                    fix=f"name one of them, or add it to `grid` in profiles/{params.profile}.yaml",
                )
    if not recipes and not seeds:
        return []
    found = [
        cell
        for cell in grid_cells(params)
        if (not recipes or cell.recipe in recipes) and (not seeds or cell.seed in seeds)
    ]
    if not found:
        named = f"{', '.join(recipes)} at {', '.join(map(str, seeds))}"
        raise HarnessError(
            f"expected cells of {named} in the grid of profile {params.profile}, found none: its blocks have others",
            fix="`harness plan` shows the grid",
        )
    return found
