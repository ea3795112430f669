"""A unit of work (an intermediate training, a cell) as what runs it elsewhere sees it: command, inputs, outputs.

A unit that runs in a container or in a worker writes into a scratch folder; its outputs are moved to their places when
it has finished, so one that is killed leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell


@dataclass(frozen=True)
class Work:
    """One unit of work."""

    name: str
    """In words: `cell none-udpos-1`."""
    command: tuple[str, ...]
    """Arguments of `harness`."""
    inputs: tuple[Path, ...]
    """Files and folders that it reads."""
    outputs: tuple[Path, ...]
    """What it writes, at the final places; the last one marks a finished unit."""

    def scratch(self, folder: Path) -> Path:
        """The folder below `folder` that it writes into when it runs elsewhere."""
        return folder / "-".join(self.command[1:])


def intermediate_work(recipe: str, seed: int, params: Params, paths: Paths) -> Work:
    """An intermediate training: reads the encoder, the resolved recipe, its tasks' data and, for masked LM, text."""
    data = [paths.data(task) for task in params.recipes[recipe].tasks]
    data += [paths.corpus] if params.recipes[recipe].mlm else []
    return Work(
        name=f"intermediate {recipe}-{seed}",
        command=("run", "intermediate", recipe, str(seed)),
        inputs=(*_common(paths), paths.recipe(recipe), *data),
        outputs=(paths.checkpoint(recipe, seed), paths.intermediate(recipe, seed)),
    )


def cell_work(cell: Cell, paths: Paths) -> Work:
    """A cell: reads the encoder, its checkpoint, the resolved target and the target's data."""
    checkpoint = paths.checkpoint(cell.recipe, cell.seed)
    return Work(
        name=f"cell {cell.id}",
        command=("run", "cell", cell.recipe, cell.target, str(cell.seed)),
        inputs=(*_common(paths), checkpoint, paths.target(cell.target), paths.data(cell.target)),
        outputs=(paths.cell(cell.recipe, cell.target, cell.seed),),
    )


def _common(paths: Paths) -> tuple[Path, ...]:
    return paths.params, paths.tasks, paths.encoder


def fetch_back(work: Work, scratch: Path, paths: Paths) -> None:
    """Move what a unit wrote below `scratch` to its places, the output that marks a finished unit last.

    Raises HarnessError if an output is not there.
    """
    written = {place: scratch / place.relative_to(paths.root) for place in work.outputs}
    missing = [place for place, source in written.items() if not source.exists()]
    if missing:
        raise HarnessError(
            f"expected {work.name} to write {missing[0].relative_to(paths.root)}, found that it did not",
            fix="run the same command again",
        )
    for place, source in written.items():
        if os.getuid() == 0:  # a root caller's container runs as another user
            for path in (source, *source.rglob("*")):
                os.chown(path, os.getuid(), os.getgid())
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            shutil.rmtree(place)
        source.replace(place)
