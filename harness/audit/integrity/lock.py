"""Level V0: are the files here those that dvc.lock records, and would the pipeline still make the same?

dvc.lock is the reviewable record of a run. A file that is not the recorded bytes was changed after its stage made it; a
cell whose code, settings or inputs have changed since is stale. Checkpoints are not hashed: they are large, may be
dropped, and every cell names the sha256 of the weights that it started from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.pipeline.lock import LOCK, Lock
from harness.pipeline.resolved import says_the_same
from harness.pipeline.units import Unit, units
from harness.project.errors import name_some
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import grid_cells
from harness.project.stages import (
    cell_stage,
    data_stage,
    intermediate_stage,
    matrix_of,
    member_of,
    recipe_stage,
    target_stage,
)

INPUTS = ("recipe", "target", "intermediate", "encoder", "cell")
"""Kinds of stages whose inputs are compared. What data stages depend on is not: rows are held against their pins."""


def check_lock(params: Params, paths: Paths) -> tuple[str, list[str]]:
    """Compare the grid with dvc.lock: a phrase on what was compared, and the problems in sentences.

    Nothing is compared where dvc.lock is not there or records the runs of other profiles (stages of all profiles share
    their names); the phrase says so. Raises HarnessError where dvc.lock is broken.
    """
    lock = Lock(paths.root)
    if not lock.stages:
        return f"no {LOCK} to compare with", []
    outputs, grid = _outputs(params, paths), units(params, paths)
    ours = [stage for stage, output in outputs.items() if lock.records(stage, output)]
    cells = [stage for stage in outputs if matrix_of(stage) == "cell"]
    recorded = [stage for stage in ours if matrix_of(stage) == "cell"]
    if not recorded:
        return f"{LOCK} records no cell of profile {params.profile}", []
    problems = _absent([stage for stage in cells if stage not in lock.stages], len(cells))
    problems += _differing(lock, ours, paths)
    if lock.param("params.yaml", "profile") == params.profile:
        problems += _stale(lock, grid, ours, params, paths)
    what = f"{len(recorded)} of {len(cells)} cells and {len(ours) - len(recorded)} other stages"
    return f"{what} {'compared with' if problems else 'as in'} {LOCK}", problems


def _outputs(params: Params, paths: Paths) -> dict[str, str]:
    """Stage -> one path that it makes, relative to the project; a stage that records it ran for this profile."""
    grid = params.grid
    found = {data_stage(task): paths.data(task) for task in params.data.tasks}
    found |= {name: paths.results / f"{name}.json" for name in ("corpus", "encoder", "scores")}
    found |= {recipe_stage(recipe): paths.recipe(recipe) for recipe in grid.recipes}
    found |= {target_stage(target): paths.target(target) for target in grid.targets}
    found |= {intermediate_stage(recipe, seed): paths.intermediate(recipe, seed) for recipe, seed in grid.trainings}
    found |= {cell_stage(cell): paths.cell(cell.recipe, cell.target, cell.seed) for cell in grid_cells(params)}
    return {stage: path.relative_to(paths.root).as_posix() for stage, path in found.items()}


def _absent(stages: Sequence[str], of: int) -> list[str]:
    if not stages:
        return []
    return [f"expected {LOCK} to record {of} cells, found no {name_some(stages)}: not locked; run `dvc repro`"]


def _differing(lock: Lock, stages: Sequence[str], paths: Paths) -> list[str]:
    """Sentences on stages whose outputs have other bytes here; other checks name what is missing."""
    checkpoints = paths.checkpoints.relative_to(paths.root).as_posix()

    def is_compared(path: str) -> bool:
        return not path.startswith(f"{checkpoints}/") and (paths.root / path).exists()

    by_kind: dict[str, dict[str, list[str]]] = {}
    for stage in stages:
        found = lock.outputs_differ(stage, is_compared)
        if found:
            by_kind.setdefault(matrix_of(stage), {})[stage] = found
    return [
        f"expected the outputs of stage {name_some(list(found))} as {LOCK} records them, found other bytes in"
        f" {name_some([path for some in found.values() for path in some])}; run `dvc repro`"
        for found in by_kind.values()
    ]


def _stale(lock: Lock, grid: Sequence[Unit], ours: Sequence[str], params: Params, paths: Paths) -> list[str]:
    """A sentence on the cells that the pipeline would run again, with what has changed."""
    data = (paths.build / "data").relative_to(paths.root).as_posix()

    def is_compared(path: str) -> bool:
        # All data together: a resolved recipe names the data of its own tasks.
        return path != data

    changed = {stage: lock.changes_since(stage, is_compared) for stage in ours if matrix_of(stage) in INPUTS}
    changed = {stage: why for stage, why in changed.items() if why and not says_the_same(stage, why, params, paths)}
    needs = {unit.stage: unit.needs for unit in grid}
    stale: dict[str, list[str]] = {}
    for unit in grid:
        why = _reasons(unit.stage, changed, needs)
        if why and matrix_of(unit.stage) == "cell":
            stale[member_of(unit.stage)] = why
    if not stale:
        return []
    what = list(dict.fromkeys(path for why in stale.values() for path in why))
    return [
        f"expected cells made by what lies here now, found {len(stale)} stale: {name_some(list(stale))}; changed since:"
        f" {name_some(what)}; run `dvc repro`"
    ]


def _reasons(stage: str, changed: Mapping[str, list[str]], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """What has changed for a stage or anything that it is made from."""
    found = list(changed.get(stage, []))
    for need in needs.get(stage, ()):
        found += _reasons(need, changed, needs)
    return list(dict.fromkeys(found))
