"""What `harness repro` runs and on how many slots; whether a unit's outputs can stay as they lie there."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import toy as toys

from harness.experiment.inputs import write_recipe, write_target
from harness.launch import grid
from harness.launch.executor import Ended, Executor, Job
from harness.launch.gpus import visible_gpus
from harness.launch.local.workers import default_slots
from harness.launch.unit import do_cell, do_intermediate
from harness.launch.up_to_date import UpToDate, is_up_to_date
from harness.launch.work import cell_work, intermediate_work
from harness.pipeline.times import unit_seconds
from harness.pipeline.units import needed_units, units
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.params import Compute, Params
from harness.project.paths import Paths
from harness.project.results import Cell

Toy = tuple[Params, Paths]
CELL = Cell(recipe="hellaswag", target="udpos", seed=1)


@pytest.fixture
def ready(toy_copy: Toy) -> Toy:
    """A toy project in which one cell and its intermediate training have run."""
    params, paths = toy_copy
    write_recipe("hellaswag", params, paths)
    write_target("udpos", params, paths)
    assert do_intermediate("hellaswag", 1, params, paths)[0] == do_cell(CELL, params, paths)[0] == 0
    return params, paths


def test_a_job_knows_its_needs_its_time_and_its_log(toy_copy: Toy) -> None:
    paths = toy_copy[1]
    content = toys.toy_settings()
    content["grid"] |= {"recipes": ["none", "squad_v2"], "targets": ["udpos"]}
    toys.write_params(paths.root, content)
    params = toys.load_params(paths.root)
    jobs = {job.stage: job for job in grid.jobs_of(units(params, paths), params, paths)}
    assert list(jobs) == [
        "intermediate@none-1",
        "intermediate@squad_v2-1",
        "cell@none-udpos-1",
        "cell@squad_v2-udpos-1",
    ]
    job = jobs["cell@squad_v2-udpos-1"]
    assert "intermediate@squad_v2-1" in job.needs and job.seconds > 0 and job.attempt == 1
    assert job.work == cell_work(Cell(recipe="squad_v2", target="udpos", seed=1), paths)
    assert job.log == paths.logs / "cell-squad_v2-udpos-1.log"


def test_dvc_is_given_a_whole_matrix_by_one_name(toy_copy: Toy) -> None:
    paths = toy_copy[1]
    content = toys.toy_settings()
    content["grid"] |= {"recipes": ["none", "squad_v2", "hellaswag"], "targets": ["udpos", "xquad"]}
    toys.write_params(paths.root, content)
    params = toys.load_params(paths.root)
    every = units(params, paths)
    assert sorted(grid.stages_before(every, params)) == ["corpus", "data", "encoder", "recipe", "target"]
    some = needed_units(every, ["cell@squad_v2-udpos-1", "cell@none-udpos-1"])
    assert sorted(grid.stages_before(some, params)) == [
        *("corpus", "data", "encoder", "recipe@none", "recipe@squad_v2", "target@udpos")
    ]


def test_times_are_this_machines_then_the_pinned_ones_scaled(toy_copy: Toy) -> None:
    params, paths = toy_copy
    made = units(params, paths)
    shutil.rmtree(paths.results, ignore_errors=True)
    assert set(unit_seconds(made, paths).values()) == {1.0}
    seconds = {"encoder": 10.0, "cell udpos": 2.0, "cell pawsx": 6.0}
    write_json(paths.pinned / "costs.json", {"seconds": seconds, "machine": {"cpu": "one", "cores": 2}})
    found = unit_seconds(made, paths)
    assert (found["cell@none-udpos-1"], found["cell@none-pawsx-1"]) == (2.0, 6.0)
    assert found["cell@none-xquad-1"] == 4.0, "the median of the other cells"
    write_json(paths.results / "encoder.json", {"elapsed_s": 20.0})
    found = unit_seconds(made, paths)
    assert (found["encoder"], found["cell@none-udpos-1"], found["intermediate@none-1"]) == (20.0, 4.0, 1.0)


def test_slots_follow_from_cores_threads_and_gpus(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    params = toy[0]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert default_slots(params) == 8 // params.compute.threads
    assert default_slots(params.model_copy(update={"compute": Compute(device="cpu", threads=16)})) == 1
    cuda = params.model_copy(update={"compute": Compute(device="cuda", threads=4)})
    for given, gpus in {"0, 3": ("0", "3"), "": (), "GPU-1a": ("GPU-1a",)}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert visible_gpus() == gpus
        assert default_slots(cuda) == max(1, len(gpus))
    assert default_slots(cuda.model_copy(update={"runtime": "docker"})) == 1


def test_gpus_are_counted_by_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == ()
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: one'\necho 'GPU 1: another'\n")
    tool.chmod(0o755)
    assert visible_gpus() == ("0", "1")
    tool.write_text("#!/bin/sh\necho no driver\nexit 9\n")
    assert visible_gpus() == ()


def test_one_run_at_a_time(toy_copy: Toy) -> None:
    paths = toy_copy[1]
    with grid.alone(paths), pytest.raises(HarnessError, match="found one at work"), grid.alone(paths):
        pass
    with grid.alone(paths):
        pass


def test_what_names_the_present_inputs_is_up_to_date(ready: Toy) -> None:
    params, paths = ready
    training, cell = intermediate_work("hellaswag", 1, params, paths), cell_work(CELL, paths)
    assert is_up_to_date(training.command, params, paths) and is_up_to_date(cell.command, params, paths)
    here = UpToDate(params, paths)  # dvc.lock knows of neither
    assert here(_job("intermediate@hellaswag-1", training)) and here(_job("cell@hellaswag-udpos-1", cell))
    assert not here(_job("cell@none-udpos-1", cell_work(CELL.model_copy(update={"recipe": "none"}), paths)))


def test_what_was_made_from_something_else_is_not(ready: Toy) -> None:
    paths = ready[1]
    content = toys.toy_settings()
    content["target"]["udpos"]["learning_rate"] = 0.0123
    content["intermediate"]["hellaswag"]["learning_rate"] = 0.0123
    toys.write_params(paths.root, content)
    params = toys.load_params(paths.root)
    write_recipe("hellaswag", params, paths)
    write_target("udpos", params, paths)
    assert not is_up_to_date(intermediate_work("hellaswag", 1, params, paths).command, params, paths)
    assert not is_up_to_date(cell_work(CELL, paths).command, params, paths)


@pytest.mark.parametrize("damage", ["predictions", "checkpoint", "weights"])
def test_what_is_not_whole_or_older_than_its_checkpoint_is_not(ready: Toy, damage: str) -> None:
    params, paths = ready
    checkpoint = paths.checkpoint("hellaswag", 1)
    if damage == "predictions":
        with (cell_work(CELL, paths).outputs[0] / "predictions.json.gz").open("ab") as file:
            file.write(b"x")
    elif damage == "checkpoint":  # written anew after the cell
        later = (cell_work(CELL, paths).outputs[0] / "result.json").stat().st_mtime + 1
        os.utime(checkpoint / "checkpoint.json", (later, later))
    else:
        (checkpoint / "model.safetensors").unlink()
        assert not UpToDate(params, paths)(
            _job("intermediate@hellaswag-1", intermediate_work("hellaswag", 1, params, paths))
        )
    assert not UpToDate(params, paths)(_job("cell@hellaswag-udpos-1", cell_work(CELL, paths)))


def _job(stage: str, work: object) -> Job:
    return replace(Job(stage, None, (), 1.0, "unit", Path("log")), work=work)  # type: ignore[arg-type]


def test_an_executor_of_another_kind_can_run_the_grid(
    ready: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here one that fails everything: nothing is recorded, the rest is not run, and DVC isn't asked for the scores."""
    params, paths = ready
    asked: list[list[str]] = []
    monkeypatch.setattr(grid, "check_project", lambda paths: None)
    monkeypatch.setattr(grid, "restore", lambda stages, paths: set())
    monkeypatch.setattr(grid, "reproduce", lambda paths, stages, to_stderr: bool(asked.append(list(stages)) or True))

    class Failing:
        def __init__(self) -> None:
            self.slots, self.jobs, self.closed = 3, list[Job](), False

        def submit(self, job: Job) -> None:
            job.log.parent.mkdir(parents=True, exist_ok=True)
            job.log.write_text("first words\nlast words\n", encoding="utf-8")
            self.jobs.append(job)

        def wait(self) -> list[Ended]:
            return [Ended(self.jobs.pop(), 2, 0.1)]

        def close(self) -> None:
            self.closed = True

    executor: Executor = (failing := Failing())
    assert not grid.reproduce_grid(executor, params, paths, ["cell@none-xquad-1"])
    assert failing.closed
    out, err = capsys.readouterr()
    assert "intermediate none-1: FAILED; see" in out and "    last words" in out
    assert "not run  cell@none-xquad-1: it needs intermediate@none-1" in out and "found 1 that failed" in err
    assert len(asked) == 1 and {"encoder", "recipe", "target@xquad"} <= set(asked[0])
