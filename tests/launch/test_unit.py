"""A unit's own entry: what the command line, workers, the warm process and nodes all call."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import toy as toys

from harness.experiment.inputs import write_recipe
from harness.launch.unit import finish_unit, run_unit
from harness.launch.work import intermediate_work
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths

Toy = tuple[Params, Paths]


@pytest.fixture
def ready(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A toy project in the working folder, in which the baseline's checkpoint can be made."""
    params, paths = toy_copy
    write_recipe("none", params, paths)
    monkeypatch.chdir(paths.root)
    return paths


def test_a_finished_unit_is_one_line(ready: Paths, toy_copy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_unit(intermediate_work("none", 1, *toy_copy).command) == 0
    out, err = capsys.readouterr()
    assert out.startswith("intermediate none-1: ok, ") and out.count("\n") == 1 and err == ""
    assert ready.intermediate("none", 1).is_file()


def test_a_users_mistake_is_a_paragraph_or_raised_for_the_caller_to_tell(
    ready: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("run", "cell", "nope", "udpos", "1")
    assert run_unit(command) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("harness: expected the name of a recipe, found `nope`") and err.count("\n") == 1
    with pytest.raises(HarnessError, match="found `nope`"):
        finish_unit(command)


def test_a_command_that_is_no_unit_is_a_defect() -> None:
    with pytest.raises(ValueError, match="expected the command of a unit"):
        run_unit(["run", "scores"])


def test_a_unit_runs_without_the_command_line(ready: Paths) -> None:
    """In a process of its own, as a second run of a cell does; nothing of harness.commands is imported."""
    code = (
        "import sys; from harness.launch.unit import run_unit; code = run_unit(sys.argv[1:])\n"
        "print([name for name in sys.modules if name.startswith(('harness.commands', 'typer'))]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "intermediate", "none", "1"],
        cwd=ready.root,
        env=os.environ | {"PYTHONPATH": str(toys.ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
