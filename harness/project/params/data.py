"""Where a profile's rows come from."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from harness.project.named import PackName, TaskName
from harness.project.params.settings import Settings


class DataParams(Settings):
    """Where the rows of every task come from."""

    source: Literal["generated", "local", "published"]
    """`generated`: the laboratory world; `local`: a data pack folder; `published`: the whole published data, as each
    task's file names its places (hub, url, path)."""
    pack: PackName | None = None
    """Name of the data pack whose pins in tasks/*.yaml apply (`local` only)."""
    data_dir: str | None = None
    """Folder of the data pack; the environment variable HARNESS_DATA_DIR stands above it."""
    store: str | None = None
    """Folder of fetched files (`published`); HARNESS_STORE stands above it; null: store/ in the project."""
    tasks: list[TaskName]
    """Every task whose data the pipeline builds: targets, the recipes' tasks, and `text` for pretraining."""

    @model_validator(mode="after")
    def _pack_named(self) -> DataParams:
        if self.source == "local" and not self.pack:
            raise ValueError("source `local` needs `pack`, the name of the pack whose pins apply")
        return self
