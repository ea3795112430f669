"""Projects with made-up results (synthetic.py), in a temporary folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from synthetic import METRIC, Project

from harness.metrics.scoring import registered
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.paths import Paths
from harness.project.profiles import load_params


@pytest.fixture(scope="session")
def planted_metric() -> Iterator[None]:
    """The metric of such projects is known."""
    with registered(METRIC):
        yield


@pytest.fixture
def make_project(tmp_path: Path, repo_root: Path, planted_metric: None) -> Callable[..., Project]:
    """A project on profile lab with this grid, or one of blocks; claims are the real registry's, scores are made up."""

    def make(
        recipes: tuple[str, ...] = ("none", "mnli", "squad_v2", "hellaswag", "multi"),
        targets: tuple[str, ...] = tuple(XTREME_GROUPS),
        seeds: tuple[int, ...] = (1, 2, 3),
        name: str = "project",
        blocks: list[dict[str, Any]] | None = None,
    ) -> Project:
        root = tmp_path / name
        root.mkdir()
        content = yaml.safe_load((repo_root / "profiles" / "lab.yaml").read_text())
        content["grid"] = {"recipes": list(recipes), "targets": list(targets), "seeds": list(seeds)}
        content["grid"] = blocks or content["grid"]
        (root / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        (root / "reference").mkdir()
        for reference in ("claims.yaml", "design.yaml", "paper.yaml"):
            shutil.copy(repo_root / "reference" / reference, root / "reference" / reference)
        params = load_params(root)
        return Project(root=root, params=params, paths=Paths(root, params.profile))

    return make
