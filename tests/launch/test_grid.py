"""What `harness repro` runs, in which jobs, and one run at a time."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy as toys

from harness.launch import grid
from harness.launch.executor import Ended, Executor, Job
from harness.launch.work import cell_work
from harness.pipeline.units import needed_units, units
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell

Toy = tuple[Params, Paths]


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


def test_what_lies_here_gives_way_to_no_pin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A unit that finished and that dvc.lock does not know of keeps its bytes, and a checkpoint its weights."""
    finished, asked = {"intermediate@mnli-1", "cell@mnli-xnli-1"}, list[set[str]]()

    def take_over(stages: set[str], params: Params, paths: Paths) -> set[str]:
        asked.append(stages)
        return stages

    monkeypatch.setattr(grid, "UpToDate", lambda params, paths: lambda job: job.stage in finished)
    monkeypatch.setattr(grid, "take_over", take_over)
    jobs = [SimpleNamespace(stage=stage) for stage in [*sorted(finished), "cell@mnli-panx-1"]]
    paths = Paths(tmp_path, toys.PROFILE)
    assert grid._taken_over(jobs, None, paths) == {"cell@mnli-panx-1"}  # type: ignore[arg-type]
    assert asked == [{"cell@mnli-panx-1"}]


def test_one_run_at_a_time(toy_copy: Toy) -> None:
    paths = toy_copy[1]
    said = f"found one at work, process '{os.getpid()}'"
    with grid.alone(paths), pytest.raises(HarnessError, match=said), grid.alone(paths):
        pass
    with grid.alone(paths):
        pass


def test_an_executor_of_another_kind_can_run_the_grid(
    toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here one that fails everything: nothing is recorded, the rest is not run, and DVC isn't asked for the scores."""
    params, paths = toy_copy
    asked, after = list[list[str]](), list[list[str]]()
    monkeypatch.setattr(grid, "check_project", lambda paths: None)
    monkeypatch.setattr(grid, "restore", lambda stages, paths: set())
    monkeypatch.setattr(grid, "make", lambda stages, paths, to_stderr: bool(asked.append(list(stages)) or True))
    monkeypatch.setattr(grid, "reproduce", lambda paths, stages, to_stderr: bool(after.append(list(stages)) or True))

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
    assert not after and len(asked) == 1 and {"encoder", "recipe", "target@xquad"} <= set(asked[0])
