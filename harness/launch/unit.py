"""A unit of work from its command to its exit code: here and now, in a container, or in a process of its own.

`harness run cell RECIPE TARGET SEED` and `harness run intermediate RECIPE SEED` call this module. So do workers, the
warm process and a cluster's nodes: they are handed the same words (harness.launch.work.Work.command).

    python -m harness.launch.unit run cell RECIPE TARGET SEED
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.launch.work import (
    Work,
    cell_work,
    check_places,
    encoder_work,
    fetch_back,
    intermediate_work,
    own_scratch,
    remove_old_scratch,
)
from harness.project.errors import HarnessError, check_known, writing
from harness.project.exits import exit_code_of
from harness.project.names import LARGEST_SEED
from harness.project.params import Params
from harness.project.paths import OUTPUT, PACKAGE, Paths
from harness.project.processes import end_with, starting
from harness.project.profiles import open_project
from harness.project.results import Cell, Result, read_result


def run_unit(command: Sequence[str]) -> int:
    """Run a unit of the project that the working folder lies in; returns its exit code.

    `command`: `run cell RECIPE TARGET SEED` or `run intermediate RECIPE SEED`. A finished unit is one line on standard
    output, a user's mistake a paragraph on standard error and code 2 (harness.project.exits).
    """
    return exit_code_of(lambda: finish_unit(command))


def finish_unit(command: Sequence[str]) -> int:
    """As `run_unit`, but HarnessError, OSError and KeyboardInterrupt are raised for the caller to tell."""
    match command:
        case ["run", "cell", recipe, target, seed]:
            return _finish_cell(Cell(recipe=recipe, target=target, seed=_seed(seed)))
        case ["run", "intermediate", recipe, seed]:
            return _finish_intermediate(recipe, _seed(seed))
    raise ValueError(f"expected the command of a unit of work, found {command}")


def _seed(word: str) -> int:
    if not (word.isascii() and word.isdecimal()) or len(word) > len(str(LARGEST_SEED)) or int(word) > LARGEST_SEED:
        raise HarnessError(
            f"expected a seed (a whole number from 0 to {LARGEST_SEED}), found {word!a:.80}",
            fix="name one of grid.seeds",
        )
    return int(word)


def _finish_intermediate(recipe: str, seed: int) -> int:
    params, paths = open_project()
    check_known(recipe, params.recipes, "recipe")
    code, record = do_intermediate(recipe, seed, params, paths)
    if record is not None:
        print(intermediate_line(record), flush=True)
    return code


def _finish_cell(cell: Cell) -> int:
    from harness.pipeline.plan import remaining

    params, paths = open_project()
    check_known(cell.recipe, params.recipes, "recipe")
    check_known(cell.target, params.target, "target")
    code, result = do_cell(cell, params, paths)
    if result is not None:
        print(f"{cell_line(result)}; {remaining(params, paths)}", flush=True)
    return code


def do_intermediate(recipe: str, seed: int, params: Params, paths: Paths) -> tuple[int, dict[str, Any] | None]:
    """Have an intermediate training done; returns the exit code and, once its outputs are in place, its record."""

    def here() -> object:
        from harness.experiment.intermediate import run_intermediate

        return run_intermediate(recipe, seed, params, paths)

    code = _do(intermediate_work(recipe, seed, params, paths), params, paths, here)
    return code, read_record(paths.intermediate(recipe, seed)) if code == 0 and _writes_in_place() else None


def do_cell(cell: Cell, params: Params, paths: Paths) -> tuple[int, Result | None]:
    """Have a cell done; returns the exit code and, once its outputs are in place, its result."""

    def here() -> object:
        from harness.experiment.cell import run_cell

        return run_cell(cell, params, paths)

    code = _do(cell_work(cell, paths), params, paths, here)
    result = paths.cell(cell.recipe, cell.target, cell.seed) / "result.json"
    return code, read_result(result) if code == 0 and _writes_in_place() else None


def run_cell_into(folder: Paths, cell: Cell, params: Params, paths: Paths) -> int:
    """Have a cell done from the inputs of the project, its outputs written below `folder`; returns the exit code.

    A process of its own (or a container, as params.yaml says) runs the code that runs here; it reads the project and
    writes nothing into it.
    """
    work = replace(cell_work(cell, paths), outputs=cell_work(cell, folder).outputs)
    if params.in_containers:
        from harness.launch.container.container import run_work

        return run_work(work, params, paths, folder)
    path = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {OUTPUT: str(folder.root), "PYTHONPATH": os.pathsep.join(path)}
    command = [sys.executable, "-P", "-m", "harness.launch.unit", *work.command]
    with starting("a process for the cell"):
        return subprocess.run(command, cwd=paths.root, env=environment, check=False).returncode


def do_encoder(params: Params, paths: Paths) -> dict[str, Any]:
    """Have the encoder made; returns its record once it is in its place, where the old one lies until then."""
    from harness.experiment.encoder import run_encoder

    with _beside(encoder_work(paths), paths) as scratch:
        return run_encoder(params, _EncoderBeside(paths.root, paths.profile, Paths(scratch, paths.profile)))


@dataclass(frozen=True)
class _EncoderBeside(Paths):
    """The project's folders, save for those that the encoder is written to."""

    beside: Paths

    @property
    def encoder(self) -> Path:
        return self.beside.encoder

    @property
    def results(self) -> Path:
        return self.beside.results


def _do(work: Work, params: Params, paths: Paths, here: Callable[[], object]) -> int:
    if not _writes_in_place():
        here()
        return 0
    if params.in_containers:
        from harness.launch.container.container import run_work

        return run_work(work, params, paths)
    with _beside(work, paths) as scratch:
        os.environ[OUTPUT] = str(scratch)
        try:
            here()
        finally:
            del os.environ[OUTPUT]
    return 0


@contextmanager
def _beside(work: Work, paths: Paths) -> Iterator[Path]:
    """A scratch folder for a unit that runs here; what it wrote is moved to its places if nothing was raised."""
    check_places(work)
    remove_old_scratch(paths)
    folder = own_scratch(paths)
    scratch = work.scratch(folder)
    with writing(scratch):
        scratch.mkdir(parents=True)
    try:
        yield scratch
        fetch_back(work, scratch, paths)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _writes_in_place() -> bool:
    """Whether this process writes into the project itself; else it was started to fill a scratch folder."""
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


if __name__ == "__main__":
    end_with(os.getppid())
    sys.exit(run_unit(sys.argv[1:]))
