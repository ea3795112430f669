"""Where everything lies, decided once: every module asks here for a path.

`build/<profile>` holds what stages make on the way (data, encoder, checkpoints), `results/<profile>` what they find.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.project.errors import HarnessError

OUTPUT = "HARNESS_OUTPUT"
"""Environment variable: where a unit of work writes, in a container; elsewhere it writes into the project itself."""


def project_root(start: Path | None = None) -> Path:
    """The project that `start` (default: the working folder) lies in: a checkout with a params.yaml.

    Raises HarnessError outside a checkout, and in one without params.yaml; each says what to do there.
    """
    root = checkout_root(start)
    if not (root / "params.yaml").is_file():
        raise HarnessError(
            f"expected params.yaml, the active profile, in {root}, found none",
            fix=f"run `harness profile {_first_profile(root)}`, which writes it",
        )
    return root


def checkout_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that holds tasks/, and params.yaml or the profiles to make it from."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "tasks").is_dir() and ((folder / "params.yaml").is_file() or _first_profile(folder)):
            return folder
    raise HarnessError(
        f"expected a clone of the project (a folder with tasks/, profiles/ and params.yaml) at or above {here}, found"
        " none",
        fix="change into the folder of your clone; only an archive is judged anywhere (`harness verify FILE.zip`)",
    )


def _first_profile(folder: Path) -> str:
    """`lab`, which needs no download, or the first profile there is; empty where there is none."""
    names = sorted(path.stem for path in (folder / "profiles").glob("*.yaml"))
    return "lab" if "lab" in names else next(iter(names), "")


def readable_root() -> Path:
    """Where a command that only looks finds the project: as `project_root`, and outside of any clone what the
    installed package ships.

    Raises HarnessError as `project_root` does, outside a clone only where the package ships no project.
    """
    try:
        checkout_root()
    except HarnessError:
        if (SHIPPED / "params.yaml").is_file():
            return SHIPPED
        raise
    return project_root()


@dataclass(frozen=True)
class Paths:
    """The folders and files of one profile of one project."""

    root: Path
    profile: str

    @property
    def output(self) -> Paths:
        """The same folders below the one place that a unit of work may write to: HARNESS_OUTPUT, else the project."""
        folder = os.environ.get(OUTPUT)
        return Paths(Path(folder), self.profile) if folder else self

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    @property
    def grid(self) -> Path:
        """The units of the grid, spread out for DVC."""
        return self.root / "grid.json"

    @property
    def profile_file(self) -> Path:
        return self.root / "profiles" / f"{self.profile}.yaml"

    @property
    def tasks(self) -> Path:
        return self.root / "tasks"

    @property
    def reference(self) -> Path:
        return self.root / "reference"

    @property
    def benchmarks(self) -> Path:
        return self.root / "benchmarks"

    @property
    def pinned(self) -> Path:
        """Our pinned results of this profile."""
        return self.reference / self.profile

    @property
    def mlruns(self) -> Path:
        return self.root / "mlruns"

    @property
    def build(self) -> Path:
        return self.root / "build" / self.profile

    def data(self, task: str) -> Path:
        return self.build / "data" / task

    @property
    def corpus(self) -> Path:
        return self.build / "corpus"

    @property
    def encoder(self) -> Path:
        return self.build / "encoder"

    @property
    def pretraining(self) -> Path:
        """Where a pretraining that is not finished stands."""
        return self.build / "pretraining"

    def recipe(self, recipe: str) -> Path:
        return self.build / "recipes" / f"{recipe}.json"

    def target(self, target: str) -> Path:
        return self.build / "targets" / f"{target}.json"

    @property
    def checkpoints(self) -> Path:
        return self.build / "checkpoints"

    def checkpoint(self, recipe: str, seed: int) -> Path:
        return self.checkpoints / f"{recipe}-{seed}"

    def intermediate(self, recipe: str, seed: int) -> Path:
        """The record of an intermediate training."""
        return self.results / "intermediate" / f"{recipe}-{seed}.json"

    @property
    def scratch(self) -> Path:
        """Where units that run in a container or in a worker write."""
        return self.build / "scratch"

    @property
    def logs(self) -> Path:
        """What units that ran in a worker printed, a file each."""
        return self.build / "logs"

    @property
    def results(self) -> Path:
        return self.root / "results" / self.profile

    @property
    def cells(self) -> Path:
        return self.results / "cells"

    def cell(self, recipe: str, target: str, seed: int) -> Path:
        return self.cells / f"{recipe}-{target}-{seed}"

    @property
    def scores(self) -> Path:
        return self.results / "scores.json"

    @property
    def verdicts(self) -> Path:
        return self.results / "verdicts.json"


PACKAGE = Path(__file__).parent.parent
"""The folder of the code that runs."""
SHIPPED = PACKAGE / "shipped"
"""Where an installed package holds reference/, tasks/, profiles/ and params.yaml, copied there by setup.py: a project
that is only looked at. A checkout has no such folder.
"""
