"""Where a unit of work runs: in a container, or here and now; and what is said of it when it has finished."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.launch.work import Work, cell_work, intermediate_work
from harness.project.params import Params
from harness.project.paths import OUTPUT, PACKAGE, Paths
from harness.project.results import Cell, Result, read_result


def do_intermediate(recipe: str, seed: int, params: Params, paths: Paths) -> tuple[int, dict[str, Any] | None]:
    """Have an intermediate training done; returns the exit code and, once its outputs are in place, its record."""

    def here() -> object:
        from harness.experiment.intermediate import run_intermediate

        return run_intermediate(recipe, seed, params, paths)

    code = _do(intermediate_work(recipe, seed, params, paths), params, paths, here)
    return code, read_record(paths.intermediate(recipe, seed)) if code == 0 and _at_home() else None


def do_cell(cell: Cell, params: Params, paths: Paths) -> tuple[int, Result | None]:
    """Have a cell done; returns the exit code and, once its outputs are in place, its result."""

    def here() -> object:
        from harness.experiment.cell import run_cell

        return run_cell(cell, params, paths)

    code = _do(cell_work(cell, paths), params, paths, here)
    result = paths.cell(cell.recipe, cell.target, cell.seed) / "result.json"
    return code, read_result(result) if code == 0 and _at_home() else None


def do_cell_apart(cell: Cell, params: Params, paths: Paths, apart: Paths) -> int:
    """Have a cell done from the inputs that lie here, its folder written below `apart`; returns the exit code.

    A process of its own (or a container, as params.yaml says) runs the code that runs here; it reads the project and
    writes nothing into it.
    """
    work = replace(cell_work(cell, paths), outputs=cell_work(cell, apart).outputs)
    if params.runtime == "docker":
        from harness.launch.container.container import run_work

        return run_work(work, params, paths, apart)
    where = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {OUTPUT: str(apart.root), "PYTHONPATH": os.pathsep.join(where)}
    command = [sys.executable, "-P", "-m", "harness.commands.main", *work.command]
    return subprocess.run(command, cwd=paths.root, env=environment, check=False).returncode


def _do(work: Work, params: Params, paths: Paths, here: Callable[[], object]) -> int:
    if _at_home() and params.runtime == "docker":
        from harness.launch.container.container import run_work

        return run_work(work, params, paths)
    here()
    return 0


def _at_home() -> bool:
    """Whether this process works in the project itself; else it was started to fill a scratch folder."""
    return OUTPUT not in os.environ


def read_record(path: Path) -> dict[str, Any]:
    """The record of an intermediate training."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def intermediate_line(record: dict[str, Any]) -> str:
    """A finished intermediate training in one line."""
    scores = ", ".join(f"{task} {points:.1f}" for task, points in record["dev_headline"].items())
    return (
        f"intermediate {record['recipe']}-{record['seed']}: {record['status']}{', dev ' + scores if scores else ''},"
        f" {record['elapsed_s']:.1f} s"
    )


def cell_line(result: Result) -> str:
    """A finished cell in one line."""
    score = "no score" if result.score is None else f"score {result.score:5.1f}"
    return f"cell {result.cell.id}: {result.status}, {score}, {result.elapsed_s:.1f} s"
