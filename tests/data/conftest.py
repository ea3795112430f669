"""Fixtures of the data stage's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy_pack import PACK, World, write_heads, write_pack

from harness.data.pins.write import pin_task
from harness.project.params import DataParams, Params
from harness.project.paths import Paths


@pytest.fixture(autouse=True)
def _no_data_dir_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., World]:
    """Builds a pinned toy project; `rows` replaces files of the pack."""

    def make(rows: dict[str, list[dict[str, Any]]] | None = None) -> World:
        root, pack = tmp_path / "project", tmp_path / "toy"
        root.mkdir()
        write_pack(pack, PACK | (rows or {}))
        paths = Paths(root, "toy")
        write_heads(paths.tasks)
        for name in ("mnli", "xnli", "text"):
            pin_task(name, paths.tasks, "local", "toy", pack)
        data = DataParams(source="local", pack="toy", data_dir=str(pack), tasks=["mnli", "xnli", "text"])
        return World(paths, Params.model_construct(profile="toy", data=data), pack)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The toy project as it is."""
    return make_world()
