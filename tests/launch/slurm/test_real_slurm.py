"""Units on a real Slurm of two nodes: the bytes of a local run, whatever is killed, drained, cut off or restarted."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from grid_bytes import made
from ray_nodes import can_hide
from slurm_nodes import NODES, SHORT, Slurm
from toy_grid import toy_grid

from harness.launch.executor import Job, Summary, run_grid
from harness.launch.local.workers import Workers
from harness.launch.slurm.arrays import job_name
from harness.launch.slurm.launch import launch_on_slurm
from harness.launch.up_to_date import lies_there
from harness.launch.work import cell_work, intermediate_work
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import grid_cells

Toy = tuple[Params, Paths]
RECIPES, TARGETS = ("none", "squad_v2"), ("udpos", "tatoeba")
STAGES = {f"intermediate@{recipe}-1" for recipe in RECIPES} | {
    f"cell@{recipe}-{target}-1" for recipe in RECIPES for target in TARGETS
}
POLL_S = 0.5
WAIT_S = 240
pytestmark = pytest.mark.slow


def jobs_of(params: Params, paths: Paths) -> list[Job]:
    """The grid's jobs; a cell waits for its recipe's training."""
    found = []
    for recipe in RECIPES:
        work, log = intermediate_work(recipe, 1, params, paths), paths.logs / f"{recipe}.log"
        found.append(Job(f"intermediate@{recipe}-1", work, (), 2.0, f"intermediate {recipe}", log))
    for cell in grid_cells(params):
        needs = (f"intermediate@{cell.recipe}-1",)
        log = paths.logs / f"{cell.id}.log"
        found.append(Job(f"cell@{cell.id}", cell_work(cell, paths), needs, 1.0, f"cell {cell.target}", log))
    return found


@pytest.fixture(scope="module")
def local(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The grid, run by worker processes of this machine."""
    root = tmp_path_factory.mktemp("local") / "project"
    params, paths = toy_grid(toy[1].root, root, RECIPES, TARGETS)
    summary = run_grid(Workers(1, params, paths), jobs_of(params, paths))
    assert set(summary.ran) == STAGES
    return params, paths


@pytest.fixture
def project(local: Toy, tmp_path: Path, slurm: Slurm) -> Iterator[Toy]:
    """The same project before its grid has run; what it has left in Slurm is cancelled."""
    params, paths = local
    root = tmp_path / "project"
    shutil.copytree(paths.root, root)
    copy = Paths(root, params.profile)
    for folder in (copy.results / "intermediate", copy.cells, copy.checkpoints, copy.logs):
        shutil.rmtree(folder)
    yield params, copy
    slurm.command("scancel", "--full", "--user=root")
    wait_for(lambda: not slurm.command("squeue", "-h"))
    for node in NODES:
        slurm.command("scontrol", "update", f"NodeName={node}", "State=RESUME")


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def check_whole(summary: Summary, params: Params, paths: Paths, expected: Toy) -> None:
    """Every unit ran once, everything is what worker processes make, and nothing is left beside it."""
    words = {stage: Path(log).read_text() for stage, log in summary.failed.items()}
    assert sorted(summary.ran) == sorted(STAGES), words
    assert made(paths) == made(expected[1])
    assert not (paths.build / "slurm").exists() and list(paths.scratch.iterdir()) == []
    assert sorted(file.suffix for file in paths.logs.iterdir()) == [".log"] * len(STAGES)


def in_the_middle(do: Callable[[], None], is_time: Callable[[], object]) -> threading.Thread:
    def wait() -> None:
        wait_for(is_time)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def units_on(slurm: Slurm) -> list[psutil.Process]:
    """The processes of units that run now."""
    found = []
    for process in slurm.processes():
        with suppress(psutil.Error):
            if "submitit.core._submit" in process.cmdline() and "python" in process.name():
                found.append(process)
    return found


def test_job_arrays_make_the_bytes_of_a_local_run(
    slurm: Slurm, project: Toy, local: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []
    look = ("squeue", "-h", "-r", "-o", "%j %T %r")
    watch = in_the_middle(lambda: seen.append(slurm.command(*look)), lambda: units_on(slurm))
    summary = run_grid(launch_on_slurm(*project, poll_s=POLL_S), jobs_of(*project))
    watch.join()
    check_whole(summary, *project, local)
    name = job_name(project[1])
    assert f"jobs named {name}: 6 units submitted in 3 job arrays" in capsys.readouterr().err
    assert len(seen[0].splitlines()) == 6 and seen[0].count(f"{name} PENDING Dependency") == 4
    assert summary.slots == 2 and not summary.retried


def test_a_killed_unit_a_cancelled_one_and_a_drained_node_lose_nothing(slurm: Slurm, project: Toy, local: Toy) -> None:
    def spoil() -> None:  # each unit once: one that dies twice has failed
        one, other = units_on(slurm)[:2]
        cancelled = other.environ()["SLURM_JOB_ID"]
        one.kill()
        slurm.command("scancel", cancelled)
        slurm.command("scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=test")

    spoiler = in_the_middle(spoil, lambda: len(units_on(slurm)) >= 2)
    summary = run_grid(launch_on_slurm(*project, poll_s=POLL_S), jobs_of(*project))
    spoiler.join()
    check_whole(summary, *project, local)
    assert summary.retried, "what was killed was started again"


def test_a_driver_that_ends_leaves_its_jobs_and_the_next_one_finds_them_by_their_name(
    slurm: Slurm, project: Toy, local: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    first = launch_on_slurm(*project, poll_s=POLL_S)
    summary = run_grid(first, jobs_of(*project), stop=lambda: bool(units_on(slurm)))
    assert summary.interrupted and not summary.ran
    assert f"`scancel --name={job_name(project[1])}` cancels them" in first.after_interruption  # type: ignore[attr-defined]
    queued = slurm.command("squeue", "-h", "-r", "-o", "%F_%K")
    slurm.stop_controller()
    slurm.start_controller()
    wait_for(slurm.states)
    capsys.readouterr()
    again = launch_on_slurm(*project, poll_s=POLL_S)  # what has ended meanwhile is kept, as `harness repro` does
    summary = run_grid(again, jobs_of(*project), keep=lambda job: lies_there(job.work.command, *project))
    said = capsys.readouterr().err
    assert "units of an earlier run are there and waited for" in said and "submitted" not in said
    assert sorted([*summary.ran, *summary.kept]) == sorted(STAGES) and made(project[1]) == made(local[1])
    ever = slurm.command("squeue", "-h", "-r", "--states=all", f"--name={job_name(project[1])}", "-o", "%F_%K")
    assert set(ever.split()) == set(queued.split()), "nothing was submitted twice"
    assert not (project[1].build / "slurm").exists()


def test_a_controller_that_starts_again_meanwhile_is_waited_for(
    slurm: Slurm, project: Toy, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.launch.slurm.controller.ANSWER_S", 2)
    jobs = [job for job in jobs_of(*project) if job.stage.endswith("@none-1")]

    def restart() -> None:
        slurm.stop_controller()
        time.sleep(6)
        slurm.start_controller()

    restarter = in_the_middle(restart, lambda: units_on(slurm))
    summary = run_grid(launch_on_slurm(*project, poll_s=POLL_S), jobs)
    restarter.join()
    assert summary.ran == ["intermediate@none-1"]
    assert "expected Slurm's controller to answer `squeue`" in capsys.readouterr().err


def test_jobs_of_other_settings_are_not_waited_for(slurm: Slurm, project: Toy) -> None:
    first = launch_on_slurm(*project, poll_s=POLL_S)
    run_grid(first, jobs_of(*project), stop=lambda: bool(slurm.command("squeue", "-h")))
    params = project[1].params
    params.write_text(params.read_text() + "\n# changed\n")
    with pytest.raises(HarnessError, match=r"submitted with this code and these settings, found \d units.*scancel"):
        run_grid(launch_on_slurm(*project, poll_s=POLL_S), jobs_of(*project))


def test_a_unit_that_runs_out_of_time_says_so_with_what_fixes_it(slurm: Slurm, project: Toy) -> None:
    jobs = [job for job in jobs_of(*project) if job.stage.endswith("@none-1")]
    project[1].recipe("none").unlink()
    os.mkfifo(project[1].recipe("none"))  # whose reader waits for ever
    summary = run_grid(launch_on_slurm(*project, address=SHORT, poll_s=POLL_S), jobs)
    assert list(summary.failed) == ["intermediate@none-1"] and not summary.retried
    words = jobs[0].log.read_text()
    assert "expected intermediate@none-1 to end within its time limit of 00:01:00, found that Slurm ended it" in words
    assert '`harness repro --slurm --slurm-args "--time=00:02:00"`' in words


def test_a_unit_that_fails_takes_what_needs_it_and_leaves_its_words(slurm: Slurm, project: Toy) -> None:
    project[1].recipe("squad_v2").unlink()
    summary = run_grid(launch_on_slurm(*project, poll_s=POLL_S), jobs_of(*project))
    assert list(summary.failed) == ["intermediate@squad_v2-1"]
    assert set(summary.not_run) == {f"cell@squad_v2-{target}-1" for target in TARGETS}
    assert set(summary.ran) == {"intermediate@none-1", *(f"cell@none-{target}-1" for target in TARGETS)}
    assert "harness: expected resolved settings at " in Path(summary.failed["intermediate@squad_v2-1"]).read_text()
    assert not (project[1].build / "slurm").exists()
    wait_for(lambda: not slurm.command("squeue", "-h"))


@pytest.mark.skipif(not can_hide(), reason="a node's own view of the file system needs root")
def test_nodes_that_do_not_see_the_folder_are_named(slurm: Slurm, project: Toy) -> None:
    slurm.command("scontrol", "update", "NodeName=n1", "State=DRAIN", "Reason=test")
    slurm.stop_daemon("slurmd-n2")
    slurm.start_node("n2", hidden=project[1].root)
    try:
        wait_for(lambda: slurm.states().get("n2") == "idle")
        with pytest.raises(HarnessError, match=r"expected every node of partition main to see .*, found n2 where jobs"):
            run_grid(launch_on_slurm(*project, poll_s=POLL_S), jobs_of(*project))
        assert not (project[1].results / "intermediate").exists()
    finally:
        slurm.stop_daemon("slurmd-n2")
        slurm.start_node("n2")


def with_compute(params: Params, **changed: object) -> Params:
    return params.model_copy(update={"compute": params.compute.model_copy(update=changed)})


@pytest.mark.parametrize(
    ("changed", "address", "options", "words"),
    [
        ({}, "mian", "", "a partition of this Slurm, found `mian`; did you mean `main`? known: main, short"),
        ({"device": "cuda"}, "", "", "and 1 GPU for one unit"),
        ({"threads": 3}, "", "", "expected a node with 3 CPU"),
        ({}, "", "--time=2:00:00", "expected a time limit of at most 01:00:00, that of partition main, found 02:00:00"),
    ],
)  # fmt: skip
def test_what_this_slurm_could_never_run_is_said_at_once(
    project: Toy, changed: dict[str, object], address: str, options: str, words: str
) -> None:
    with pytest.raises(HarnessError) as raised:
        launch_on_slurm(with_compute(project[0], **changed), project[1], address=address, options=options)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--mem=100G", "ask for less: `--slurm-args \"--mem=4G\"`"),
        ("--gres=gpu:1", "expected Slurm to take 2 units of `intermediate` in the default partition, found: "),
    ],
)  # fmt: skip
def test_what_sbatch_refuses_is_said_in_its_words(project: Toy, options: str, words: str) -> None:
    with pytest.raises(HarnessError) as raised:
        run_grid(launch_on_slurm(*project, options=options, poll_s=POLL_S), jobs_of(*project))
    assert words in str(raised.value)


def test_a_unit_that_waits_for_a_node_says_why_once(
    slurm: Slurm, project: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    for node in NODES:
        slurm.command("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    said: list[str] = []

    def stop() -> bool:
        said.append(capsys.readouterr().err)
        return "wait in Slurm: " in "".join(said) and len(said) > 8

    summary = run_grid(launch_on_slurm(*project, poll_s=POLL_S), jobs_of(*project), stop=stop)
    assert summary.interrupted and "".join(said).count("wait in Slurm: ") == 1
