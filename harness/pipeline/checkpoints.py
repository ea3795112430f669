"""Checkpoints that no cell needs any more: what they weigh, who still needs them, and how their weights are dropped.

DVC sees a checkpoint's folder as an output of its intermediate training and an input of its cells. Without weights, and
without telling DVC, `dvc repro` would train it again; so dropping also has dvc.lock record the folder as it then is.
checkpoint.json stays, with the sha256 of the weights that the cells were made from.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tabulate import tabulate

from harness.pipeline.dvc import cache_dir, commit
from harness.pipeline.units import states
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.records import StrictRecord
from harness.project.results import Cell, grid_cells
from harness.project.stages import cell_stage, intermediate_stage

WEIGHTS = "*.safetensors"


class Checkpoint(StrictRecord):
    """The checkpoint of one recipe and seed."""

    recipe: str
    """Name of the recipe."""
    seed: int
    """Seed of the repetition."""
    size: int
    """Bytes of its weights; 0 where they were dropped, or where the recipe could not be trained."""
    needed_by: list[str]
    """Cells that have not finished, or whose inputs have changed since."""
    is_current: bool
    """Whether its intermediate training is as dvc.lock records it."""

    @property
    def can_go(self) -> bool:
        """Whether it holds weights that nothing needs."""
        return self.size > 0 and not self.needed_by and self.is_current


def checkpoints(params: Params, paths: Paths) -> list[Checkpoint]:
    """Every checkpoint of the grid that is there, the baseline's aside: it points at the encoder and weighs nothing."""
    state = states(params, paths)
    found = []
    for recipe, seed in params.grid.trainings:
        folder = paths.checkpoint(recipe, seed)
        if params.recipes[recipe].tasks and folder.is_dir():
            cells = _cells(recipe, seed, params)
            found.append(
                Checkpoint(
                    recipe=recipe,
                    seed=seed,
                    size=sum(path.stat().st_size for path in folder.glob(WEIGHTS)),
                    needed_by=[cell.id for cell in cells if state[cell_stage(cell)] != "done"],
                    is_current=state[intermediate_stage(recipe, seed)] == "done",
                )
            )
    return found


def _cells(recipe: str, seed: int, params: Params) -> list[Cell]:
    """The cells that read a checkpoint."""
    return [cell for cell in grid_cells(params) if (cell.recipe, cell.seed) == (recipe, seed)]


def render_checkpoints(params: Params, paths: Paths) -> str:
    """The list for people."""
    found = checkpoints(params, paths)
    if not found:
        return f"no checkpoint of profile {params.profile} is there"
    rows = [[f"{item.recipe}-{item.seed}", f"{item.size / 1e6:,.1f} MB", _need(item)] for item in found]
    free = sum(item.size for item in found if item.can_go)
    table = tabulate(
        rows, headers=["checkpoint", "weights", "needed by"], colalign=("left", "right", "left"), tablefmt="plain"
    )
    return f"{table}\n{free / 1e6:,.1f} MB of weights that no cell needs (checkpoints: {params.checkpoints})"


def _need(item: Checkpoint) -> str:
    if not item.size:
        return "no weights: dropped, or its data is not available"
    if not item.is_current:
        return "stale: `dvc repro` trains it again"
    more = f" and {len(item.needed_by) - 1} more" if len(item.needed_by) > 1 else ""
    return item.needed_by[0] + more if item.needed_by else "nothing"


def drop(params: Params, paths: Paths) -> list[Checkpoint]:
    """Delete the weights that no cell needs, here and in DVC's cache, and have dvc.lock record it; returns what went.

    Raises HarnessError where params.yaml keeps checkpoints, or where DVC fails.
    """
    if params.checkpoints != "drop":
        raise HarnessError(
            f"expected `checkpoints: drop` in params.yaml, found `checkpoints: {params.checkpoints}`",
            fix="set it, once no further target will be added to the grid",
        )
    going = [item for item in checkpoints(params, paths) if item.can_go]
    cache = cache_dir(paths) if going else paths.root
    for item in going:
        for path in sorted(paths.checkpoint(item.recipe, item.seed).glob(WEIGHTS)):
            _cached(path, cache).unlink(missing_ok=True)
            path.unlink()
        cells = _cells(item.recipe, item.seed, params)
        commit([intermediate_stage(item.recipe, item.seed), *map(cell_stage, cells)], paths)
    return going


def _cached(path: Path, cache: Path) -> Path:
    """Where DVC 3 keeps its copy of a file: by the md5 of its bytes."""
    with path.open("rb") as content:
        md5 = hashlib.file_digest(content, "md5").hexdigest()
    return cache / "files" / "md5" / md5[:2] / md5[2:]
