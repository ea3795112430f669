"""grid.json: the units of params.yaml's grid, spread out for dvc.yaml, which can't spread out a list of blocks itself.

It follows from params.yaml; every command here that starts DVC writes it anew first. Who starts `dvc` by hand after a
change of the grid runs `harness run grid` before; the `scores` stage refuses a grid.json of another grid.
"""

from __future__ import annotations

import json
from typing import Any

from harness.project.errors import HarnessError
from harness.project.files import write_text
from harness.project.params import Params
from harness.project.paths import Paths


def grid_units(params: Params) -> dict[str, Any]:
    """What dvc.yaml needs of the grid: recipes, targets, and by their stages' names the trainings and the cells."""
    grid = params.grid
    return {
        "recipes": grid.recipes,
        "targets": grid.targets,
        "intermediate": {f"{recipe}-{seed}": {"recipe": recipe, "seed": seed} for recipe, seed in grid.trainings},
        "cell": {
            f"{recipe}-{target}-{seed}": {"recipe": recipe, "target": target, "seed": seed}
            for recipe, target, seed in grid.cells
        },
    }


def write_grid(params: Params, paths: Paths) -> None:
    """Have grid.json say what params.yaml does; one that does already is left as it is."""
    text = _text(params)
    if not _says(text, paths):
        write_text(paths.grid, text)


def check_grid(params: Params, paths: Paths) -> None:
    """HarnessError where grid.json is of another grid than params.yaml's: DVC has then run other cells."""
    if not _says(_text(params), paths):
        raise HarnessError(
            f"expected the units of params.yaml's grid in {paths.grid}, found others",
            fix="run `harness repro`; or `harness run grid`, then `dvc repro`",
        )


def _says(text: str, paths: Paths) -> bool:
    try:
        return paths.grid.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False


def _text(params: Params) -> str:
    """One line for each unit, so that a change is seen as one."""
    parts = []
    for name, value in grid_units(params).items():
        if isinstance(value, dict):
            lines = ",\n".join(f"   {json.dumps(key)}: {json.dumps(unit)}" for key, unit in value.items())
            parts.append(f'  "{name}": {{\n{lines}\n  }}')
        else:
            parts.append(f'  "{name}": {json.dumps(value)}')
    return '{\n "units": {\n' + ",\n".join(parts) + "\n }\n}\n"
