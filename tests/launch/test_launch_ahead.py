"""Units that run ahead of their turn: which, when, and that what they made is only taken when it is still right."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import toy as toys

from harness import cell as cell_module
from harness.cli import run
from harness.errors import HarnessError
from harness.launch import ahead
from harness.launch.warm import ACTIVE
from harness.launch.where import do_cell, do_intermediate
from harness.params import Params
from harness.paths import Paths
from harness.resolve import write_recipe, write_target
from harness.results import Cell, read_result

Toy = tuple[Params, Paths]
DVC = ["python", "/bin/dvc", "repro"]
TWO = {ahead.WORKERS: "2"}
CELL = Cell(recipe="none", target="udpos", seed=1)
COMMAND = ("run", "cell", "none", "udpos", "1")


def with_settings(paths: Paths, **grid: list[object]) -> Params:
    content = toys.toy_settings()
    content["grid"] |= grid
    toys.write_params(paths.root, content)
    return toys.load_params(paths.root)


@pytest.fixture
def ready(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A toy project in which a baseline cell of udpos can run."""
    params, paths = toy_copy
    monkeypatch.chdir(paths.root)
    write_recipe("none", params, paths)
    write_target("udpos", params, paths)
    do_intermediate("none", 1, params, paths)
    return params, paths


@pytest.fixture
def queue(ready: Toy) -> ahead.Queue:
    made = ahead.open_queue(str(ready[1].root), DVC, TWO)
    assert made is not None
    return made


def run_ahead(queue: ahead.Queue, monkeypatch: pytest.MonkeyPatch, kill: bool = False) -> None:
    """Let the cell run ahead to its end, as the warm process would, and tell this process what its own is told."""
    while (work := queue.next()) is not None and work.command != COMMAND:
        queue.claim(work.command)
    assert work is not None
    queue.start(work, lambda arguments: run(arguments), dict(os.environ) | {ACTIVE: "1"})
    pid = next(pid for pid, command in queue.running.items() if command == COMMAND)
    if kill:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    queue.ended(pid)
    told = queue.claim(COMMAND)
    assert told == f"{pid}:{queue.folder / 'cell-none-udpos-1'}"
    monkeypatch.setenv(ahead.AHEAD, told)


def test_the_queue_holds_the_grid_in_the_order_of_the_plan(toy_copy: Toy) -> None:
    paths = toy_copy[1]
    with_settings(paths, recipes=["none", "squad_v2"], targets=["udpos", "pawsx"])
    queue = ahead.open_queue(str(paths.root), DVC, TWO)
    assert queue is not None
    assert [" ".join(command[1:]) for command in queue.works] == [
        "intermediate squad_v2 1",
        "cell none udpos 1",
        "cell none pawsx 1",
        "cell squad_v2 udpos 1",
        "cell squad_v2 pawsx 1",
    ]
    # A free core takes the first; a cell of a recipe waits until the recipe's training is in its place.
    assert queue.claim(("run", "intermediate", "squad_v2", "1")) is None
    queue.asked[1] = ("run", "intermediate", "squad_v2", "1")
    order = []
    while (work := queue.next()) is not None:
        order.append(" ".join(work.command[1:]))
        queue.claim(work.command)
    assert order == ["cell none udpos 1", "cell none pawsx 1"] and len(queue.works) == 2
    queue.ended(1)
    work = queue.next()
    assert work is not None and work.command[2] == "squad_v2"


def test_units_asked_for_by_name_are_queued_with_what_they_are_made_from(toy_copy: Toy) -> None:
    paths = toy_copy[1]
    with_settings(paths, recipes=["none", "squad_v2"], targets=["udpos", "pawsx"])
    queue = ahead.open_queue(str(paths.root), [*DVC, "cell@squad_v2-pawsx-1", "cell@none-udpos-1"], TWO)
    assert queue is not None
    assert [" ".join(command[1:]) for command in queue.works] == [
        "intermediate squad_v2 1",
        "cell none udpos 1",
        "cell squad_v2 pawsx 1",
    ]


def test_no_more_units_at_a_time_than_workers(queue: ahead.Queue) -> None:
    first = next(iter(queue.works))
    queue.asked[1] = ("run", "cell", "none", "xnli", "1")  # DVC waits for one that runs now
    assert queue.next() is not None
    queue.running[2] = first
    assert queue.next() is None
    queue.ended(1)
    assert queue.next() is not None
    queue.asked[3] = first  # DVC waits for the one that runs ahead: it is counted once
    assert queue.next() is not None


@pytest.mark.parametrize(
    ("command", "environment", "edit"),
    [
        ([*DVC, "scores"], TWO, {}),
        ([*DVC, "--glob", "cell@none-*"], TWO, {}),
        ([*DVC, "--force"], TWO, {}),
        ([*DVC, "-s"], TWO, {}),
        (["python", "/bin/dvc", "status"], TWO, {}),
        (DVC, {ahead.WORKERS: "1"}, {}),
        (DVC, TWO, {"runtime": "docker", "image": "sha256:" + "0" * 64}),
        (DVC, TWO, {"runtime": "nowhere"}),
    ],
)
def test_where_nothing_runs_ahead(
    toy_copy: Toy, command: list[str], environment: dict[str, str], edit: dict[str, str]
) -> None:
    paths = toy_copy[1]
    toys.write_params(paths.root, toys.toy_settings() | edit)
    assert ahead.open_queue(str(paths.root), command, environment) is None


def test_a_unit_that_ran_ahead_is_taken(ready: Toy, queue: ahead.Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    params, paths = ready
    run_ahead(queue, monkeypatch)
    assert not paths.cell("none", "udpos", 1).exists()  # nothing stands in its place before its turn

    def again(*_: object) -> None:
        raise AssertionError("it ran again")

    monkeypatch.setattr(cell_module, "run_cell", again)
    code, result = do_cell(CELL, params, paths)
    assert code == 0 and result == read_result(paths.cell("none", "udpos", 1) / "result.json")
    assert not (queue.folder / "cell-none-udpos-1").exists()


def test_the_same_bytes_ahead_and_in_turn(ready: Toy, queue: ahead.Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    params, paths = ready
    predictions = paths.cell("none", "udpos", 1) / "predictions.json.gz"
    do_cell(CELL, params, paths)
    before = predictions.read_bytes()
    run_ahead(queue, monkeypatch)
    predictions.unlink()
    do_cell(CELL, params, paths)
    assert predictions.read_bytes() == before


def test_a_unit_made_from_something_else_runs_again(
    ready: Toy, queue: ahead.Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ready[1]
    run_ahead(queue, monkeypatch)
    content = toys.toy_settings()
    content["target"]["udpos"]["learning_rate"] = 0.0123
    toys.write_params(paths.root, content)
    params = toys.load_params(paths.root)
    write_target("udpos", params, paths)
    result = do_cell(CELL, params, paths)[1]
    assert result is not None and result.provenance["params"]["settings"]["learning_rate"] == 0.0123


def test_a_unit_killed_ahead_of_its_turn_runs_again(
    ready: Toy, queue: ahead.Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, paths = ready
    run_ahead(queue, monkeypatch, kill=True)
    code, result = do_cell(CELL, params, paths)
    assert code == 0 and result is not None and result.score is not None


def test_a_unit_that_fails_ahead_says_so_in_its_turn(
    ready: Toy, queue: ahead.Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, paths = ready
    weights = paths.encoder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    run_ahead(queue, monkeypatch)
    with pytest.raises(HarnessError, match=r"model\.safetensors"):
        do_cell(CELL, params, paths)


def test_what_nobody_asked_for_is_removed(queue: ahead.Queue, ready: Toy) -> None:
    work = queue.next()
    assert work is not None
    queue.start(work, lambda arguments: signal.pause() or 0, dict(os.environ))  # type: ignore[func-returns-value]
    pid = next(iter(queue.running))
    queue.folder.mkdir(parents=True, exist_ok=True)
    queue.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert not queue.folder.exists()


def test_scratch_of_a_dead_process_is_removed(ready: Toy) -> None:
    left: Path = ready[1].build / "scratch" / "ahead-999999999"
    left.mkdir(parents=True)
    own = left.with_name(f"ahead-{os.getpid()}")
    own.mkdir()
    ahead.open_queue(str(ready[1].root), DVC, TWO)
    assert not left.exists() and own.exists()
