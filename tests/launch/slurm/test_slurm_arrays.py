"""What the driver makes of what it sees, look by look: of Slurm, of the shared folder; no Slurm is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from toy import Params, Paths

from harness.launch.executor import Job
from harness.launch.slurm import controller, slurm_arrays
from harness.launch.slurm.arrays import Array
from harness.launch.slurm.controller import Partition, Task
from harness.launch.slurm.resources import Wish, read_options
from harness.launch.slurm.slurm_arrays import PATIENCE, SlurmArrays
from harness.launch.slurm.submission import Manifest, Submitted
from harness.launch.work import Work
from harness.project.errors import HarnessError

SILENT = HarnessError("expected an answer, found none", fix="wait")


@dataclass
class Slurm:
    """What there is, and what was asked for."""

    folder: Path
    tasks: list[Task] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    submitted: list[list[str]] = field(default_factory=list)
    limits: list[int | None] = field(default_factory=list)
    is_silent: bool = False
    identity: str = "x"
    unsure: set[Path] = field(default_factory=set)

    def submit(self, array: Array, numbers: Mapping[Array, str], minutes: int | None) -> Submitted:
        if self.is_silent:
            raise SILENT
        stages = [job.stage for job in array.jobs]
        self.submitted.append(stages)
        self.limits.append(minutes)
        place = self.folder / str(len(self.submitted))
        place.mkdir(parents=True)
        manifest = Manifest(stages=stages, label=array.label, identity="x", minutes=minutes)
        return Submitted(place, manifest, str(len(self.submitted)))

    def cancel(self, *jobs: str) -> None:
        if jobs and self.is_silent:
            raise SILENT
        self.cancelled += jobs

    def ended(self, number: int, state: str) -> None:
        self.tasks.append(Task(str(number), 0, state, "None", "n1", ""))

    def record(self, number: int, code: int = 0) -> None:
        content = {"code": code, "seconds": 1.0, "host": "n1", "died": ""}
        (self.folder / str(number) / "0.json").write_text(json.dumps(content))


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    found = Slurm(tmp_path / "slurm")
    monkeypatch.setattr(controller, "tasks", lambda name: list(found.tasks))
    monkeypatch.setattr(controller, "cancel", found.cancel)
    return found


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """A training and its cell."""
    training = Work("r", ("run", "r"), (), (tmp_path / "made" / "checkpoint", tmp_path / "made" / "mark.json"))
    cell = Work("c", ("run", "c"), (), (tmp_path / "made" / "cell",))
    logs = tmp_path / "logs"
    return [
        Job("r", training, (), 1.0, "intermediate r", logs / "r.log"),
        Job("c", cell, ("r",), 1.0, "cell udpos", logs / "c.log"),
    ]


def driver(slurm: Slurm, params: Params, root: Path, options: str = "") -> SlurmArrays:
    wish, paths = Wish("", read_options(options)), Paths(root, params.profile)
    return SlurmArrays(slurm, Partition("main", True, 600, ()), wish, params, paths, [], 100, 0.0)  # type: ignore[arg-type]


@pytest.fixture
def arrays(slurm: Slurm, jobs: list[Job], toy: tuple[Params, Paths], tmp_path: Path) -> SlurmArrays:
    """With the training and its cell submitted, and the training awaited."""
    found = driver(slurm, toy[0], tmp_path)
    found.announce(jobs)
    found.submit(jobs[0])
    return found


def make(job: Job) -> None:
    for output in job.work.outputs:
        output.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("state", ["FAILED", "COMPLETED", None])
def test_a_record_that_is_on_its_way_is_waited_for(
    arrays: SlurmArrays, slurm: Slurm, jobs: list[Job], state: str | None
) -> None:
    if state is not None:
        slurm.ended(1, state)
    for _ in range(PATIENCE - 1):
        assert arrays.wait() == []
    slurm.record(1, code=2)
    (ended,) = arrays.wait()
    assert (ended.job, ended.code, ended.died) == (jobs[0], 2, "")


def test_outputs_that_are_on_their_way_are_waited_for(arrays: SlurmArrays, slurm: Slurm, jobs: list[Job]) -> None:
    slurm.ended(1, "COMPLETED")
    slurm.record(1)
    assert arrays.wait() == []
    make(jobs[0])
    (ended,) = arrays.wait()
    assert ended.code == 0 and slurm.cancelled == []


def test_a_unit_whose_outputs_are_never_seen_has_not_ended_well(
    arrays: SlurmArrays, slurm: Slurm, jobs: list[Job]
) -> None:
    slurm.ended(1, "COMPLETED")
    slurm.record(1)
    jobs[0].work.outputs[0].mkdir(parents=True)
    for _ in range(PATIENCE - 1):
        assert arrays.wait() == []
    (ended,) = arrays.wait()
    assert (ended.code, ended.died) == (1, "") and slurm.cancelled == ["2"]
    there, missing = jobs[0].work.outputs
    assert f"found {there} there and {missing} missing" in jobs[0].log.read_text()


def test_what_was_found_is_told_though_slurm_falls_silent_and_is_tried_again(
    arrays: SlurmArrays, slurm: Slurm, jobs: list[Job], capsys: pytest.CaptureFixture[str]
) -> None:
    slurm.ended(1, "CANCELLED")
    slurm.is_silent = True
    (ended,) = arrays.wait()
    assert ended.job.stage == "r" and ended.died and slurm.cancelled == []
    arrays.submit(jobs[0])  # once more
    assert arrays.wait() == [] and arrays.wait() == []
    assert capsys.readouterr().err.count("expected an answer, found none; it is tried again") == 1
    slurm.is_silent = False
    assert arrays.wait() == []
    assert slurm.cancelled == ["2"] and slurm.submitted == [["r"], ["c"], ["r"]] and arrays.has("r")
    assert arrays.wait() == [] and len(slurm.submitted) == 3, "nothing is submitted twice"


def test_a_slurm_that_takes_nothing_for_an_hour_ends_the_run(
    arrays: SlurmArrays, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_arrays, "SILENT_S", -1.0)
    slurm.ended(1, "CANCELLED")
    slurm.is_silent = True
    assert [ended.job.stage for ended in arrays.wait()] == ["r"], "what was found comes first"
    with pytest.raises(HarnessError, match="expected an answer"):
        arrays.wait()


def test_what_is_still_to_be_cancelled_at_the_end_is(arrays: SlurmArrays, slurm: Slurm) -> None:
    slurm.ended(1, "CANCELLED")
    slurm.is_silent = True
    assert arrays.wait()
    slurm.is_silent = False
    arrays.close()
    assert slurm.cancelled == ["2"] and not slurm.folder.exists()


def test_silence_counts_from_the_submission(
    slurm: Slurm, jobs: list[Job], toy: tuple[Params, Paths], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = driver(slurm, toy[0], tmp_path)
    found._answered -= 2 * slurm_arrays.SILENT_S  # data and encoder were made meanwhile
    found.announce(jobs)

    def silent(name: str) -> list[Task]:
        raise SILENT

    monkeypatch.setattr(controller, "tasks", silent)
    assert found.wait() == []


@pytest.mark.parametrize(
    ("options", "limits"), [("", [600, 600]), ("--time=2:30", [3, 3]), ("--time=infinite", [None, None])]
)
def test_the_users_time_limit_is_the_one_that_is_told(
    slurm: Slurm, jobs: list[Job], toy: tuple[Params, Paths], tmp_path: Path, options: str, limits: list[int | None]
) -> None:
    found = driver(slurm, toy[0], tmp_path, options)
    found.announce(jobs)
    assert slurm.limits == limits
    found.submit(jobs[0])
    slurm.ended(1, "TIMEOUT")
    (ended,) = found.wait()
    assert ended.died == "", "no next start with another limit"
    assert ("its time limit of 00:03:00" in jobs[0].log.read_text()) is (limits[0] == 3)


def test_nothing_is_said_where_nothing_is_submitted(
    slurm: Slurm, toy: tuple[Params, Paths], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    driver(slurm, toy[0], tmp_path).announce([])
    assert capsys.readouterr().err == ""
