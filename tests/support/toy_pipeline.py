"""The toy project as a DVC pipeline: two recipes, two targets, one seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import toy as toys
from dvc_project import Pipeline

from harness.pipeline.grid_file import write_grid
from harness.pipeline.lock import Lock
from harness.project.profiles import load_params

TARGETS, RECIPES = ("udpos", "tatoeba"), ("none", "mnli")
CELLS = {f"{recipe}-{target}-1" for recipe in RECIPES for target in TARGETS}


def settings() -> dict[str, Any]:
    content = json.loads(json.dumps(toys.toy_settings((*TARGETS, "mnli", "text"))))
    content["grid"] = {"recipes": list(RECIPES), "targets": list(TARGETS), "seeds": [1]}
    return content  # type: ignore[no-any-return]


class Project(Pipeline):
    """The toy project."""

    def __init__(self, root: Path) -> None:
        toys.make_project(root, settings())
        super().__init__(root, toys.PROFILE)
        self.log = ""

    def predictions(self) -> dict[str, str]:
        """Cell -> sha256 of its predictions."""
        found = sorted(self.paths.cells.glob("*/predictions.json.gz"))
        return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def changed(self) -> set[str]:
        """The stages whose own dependencies DVC finds changed; our reading of dvc.lock has to say the same."""
        from dvc.repo import Repo

        with Repo(str(self.root)) as repo:
            found = {name.split("dvc.yaml:")[-1] for name in repo.status()}
            stages = [stage.name for stage in repo.index.stages]
        lock = Lock(self.root)
        assert {name for name in stages if lock.changes(name)} == found
        return found

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change params.yaml."""
        content = settings()
        change(content)
        toys.write_params(self.root, content)
        write_grid(load_params(self.root), self.paths)
