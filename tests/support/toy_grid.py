"""A toy project with a grid of its own before any unit has run, for tests of what runs grids."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import toy as toys

from harness.experiment.inputs import write_recipe, write_target
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params


def toy_grid(source: Path, root: Path, recipes: Sequence[str], targets: Sequence[str]) -> tuple[Params, Paths]:
    """The toy project at `source` copied to `root`, with these recipes and targets at seed 1, all resolved."""
    shutil.copytree(source, root)
    content = toys.toy_settings()
    content["grid"] = {"recipes": list(recipes), "targets": list(targets), "seeds": [1]}
    toys.write_params(root, content)
    params, paths = load_params(root), Paths(root, toys.PROFILE)
    for recipe in recipes:
        write_recipe(recipe, params, paths)
    for target in targets:
        write_target(target, params, paths)
    return params, paths
