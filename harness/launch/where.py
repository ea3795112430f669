"""Where a unit of work runs: in a container, ahead of its turn in the warm process, or here and now."""

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
from harness.params import Params
from harness.paths import OUTPUT, Paths
from harness.resolve import PACKAGE
from harness.results import Cell, Result, read_result


def do_intermediate(recipe: str, seed: int, params: Params, paths: Paths) -> tuple[int, dict[str, Any] | None]:
    """Have an intermediate training done; returns the exit code and, once its outputs are in place, its record."""
    from harness.intermediate import inputs_here, run_intermediate

    def same_inputs(scratch: Path) -> bool:
        made = _read(Paths(scratch, params.profile).intermediate(recipe, seed))
        return bool(made["inputs"] == inputs_here(recipe, params, paths))

    def here() -> object:
        return run_intermediate(recipe, seed, params, paths)

    code = _do(intermediate_work(recipe, seed, params, paths), params, paths, same_inputs, here)
    return code, _read(paths.intermediate(recipe, seed)) if code == 0 and _at_home() else None


def do_cell(cell: Cell, params: Params, paths: Paths) -> tuple[int, Result | None]:
    """Have a cell done; returns the exit code and, once its outputs are in place, its result."""

    def same_inputs(scratch: Path) -> bool:
        from harness.cell import inputs_here

        made = Paths(scratch, params.profile).cell(cell.recipe, cell.target, cell.seed) / "result.json"
        return read_result(made).inputs == inputs_here(cell, params, paths)

    def here() -> object:
        from harness.cell import run_cell

        return run_cell(cell, params, paths)

    code = _do(cell_work(cell, paths), params, paths, same_inputs, here)
    result = paths.cell(cell.recipe, cell.target, cell.seed) / "result.json"
    return code, read_result(result) if code == 0 and _at_home() else None


def do_cell_apart(cell: Cell, params: Params, paths: Paths, apart: Paths) -> int:
    """Have a cell done from the inputs that lie here, its folder written below `apart`; returns the exit code.

    A process of its own (or a container, as params.yaml says) runs the code that runs here; it reads the project and
    writes nothing into it.
    """
    work = replace(cell_work(cell, paths), outputs=cell_work(cell, apart).outputs)
    if params.runtime == "docker":
        from harness.launch.container import run_work

        return run_work(work, params, paths, apart)
    where = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {OUTPUT: str(apart.root), "PYTHONPATH": os.pathsep.join(where)}
    command = [sys.executable, "-P", "-m", "harness.cli", *work.command]
    return subprocess.run(command, cwd=paths.root, env=environment, check=False).returncode


def _do(
    work: Work, params: Params, paths: Paths, same_inputs: Callable[[Path], bool], here: Callable[[], object]
) -> int:
    if _at_home():
        if params.runtime == "docker":
            from harness.launch.container import run_work

            return run_work(work, params, paths)
        from harness.launch.ahead import take

        if take(work, paths, same_inputs):
            return 0
    here()
    return 0


def _at_home() -> bool:
    """Whether this process works in the project itself; else it was started to fill a scratch folder."""
    return OUTPUT not in os.environ


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
