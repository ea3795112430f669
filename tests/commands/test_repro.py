"""`harness repro` as a user runs it: the same bytes as plain `dvc repro`, whatever dies on the way."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import toy as toys
import yaml
from dvc_project import TIMEOUT_S, Pipeline
from scripts import load

from harness.pipeline.lock import Lock
from harness.pipeline.units import states
from harness.project.profiles import load_params

TARGETS, RECIPES = ("udpos", "tatoeba"), ("none", "mnli")
GRID = ("intermediate", "cell", "scores", "verdicts", "report", "metrics", "track")
pytestmark = pytest.mark.slow


class Project(Pipeline):
    """A toy project whose grid has run under plain `dvc repro`, without the stage that MLflow's import makes slow."""

    def __init__(self, root: Path) -> None:
        toys.make_project(root, self.settings())
        super().__init__(root, toys.PROFILE)
        self.runs = root / ".dvc" / "cache" / "runs"
        self.track(False)
        self.dvc("repro")
        self.reference = self.made()
        self.kept = root.parent / "kept"
        for path in self.grid():
            shutil.copytree(path, self.kept / path.name)
        shutil.copy(root / "dvc.lock", self.kept / "dvc.lock")

    def settings(self) -> dict[str, Any]:
        content = toys.toy_settings((*TARGETS, "mnli", "text"))
        content["grid"] = {"recipes": list(RECIPES), "targets": list(TARGETS), "seeds": [1]}
        return content

    def write_settings(self, **udpos: float) -> None:
        """Make the project's settings active, those of udpos changed."""
        content = json.loads(json.dumps(self.settings()))  # YAML shares what tasks have in common
        content["target"]["udpos"] |= udpos
        toys.write_params(self.root, content)

    def made(self) -> dict[str, str]:
        """sha256 of every prediction and checkpoint."""
        found = [*self.paths.cells.glob("*/predictions.json.gz"), *self.paths.checkpoint("x", 1).parent.glob("*/*.*")]
        return {str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def grid(self) -> tuple[Path, Path, Path]:
        """Folders of what the grid makes: cells, intermediate trainings, checkpoints."""
        return self.paths.cells, self.paths.results / "intermediate", self.paths.checkpoints

    def put_the_grid_back(self) -> None:
        """The grid as plain `dvc repro` has made it."""
        self.forget_the_grid()
        for path in self.grid():
            shutil.copytree(self.kept / path.name, path)
        shutil.copy(self.kept / "dvc.lock", self.root / "dvc.lock")

    def forget_the_grid(self) -> None:
        """Remove every trace of the grid: results, checkpoints, entries of dvc.lock, DVC's cache of runs."""
        for folder in (*self.grid(), self.runs):
            shutil.rmtree(folder, ignore_errors=True)
        content = yaml.safe_load((self.root / "dvc.lock").read_text(encoding="utf-8"))
        content["stages"] = {name: entry for name, entry in content["stages"].items() if not name.startswith(GRID)}
        (self.root / "dvc.lock").write_text(yaml.safe_dump(content), encoding="utf-8")

    def start_harness(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `harness` in a process group of its own, as a terminal does."""
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def harness(self, *arguments: str) -> tuple[int, str, str]:
        """Run `harness` to its end: exit code, standard output, standard error."""
        process = self.start_harness(*arguments)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, out, err

    def states(self) -> set[str]:
        return set(states(load_params(self.root), self.paths).values())

    def recorded(self) -> set[str]:
        return {name for name in Lock(self.root).stages if name.startswith(("intermediate", "cell"))}

    def cell_is_there(self, name: str) -> bool:
        return (self.paths.cells / name / "result.json").is_file()

    @contextmanager
    def workers_that(self, do: str) -> Iterator[None]:
        """Workers that do this when they are handed a unit: statements on `unit` (its name) and `attempt`."""
        path = self.root / "harness" / "launch" / "local" / "workers.py"
        before = path.read_text(encoding="utf-8")
        path.write_text(
            f"{before}\n\n_run_logged = run_logged\n\n\ndef run_logged(command, scratch, log, attempt):\n"
            f"    unit = '-'.join(command[1:])\n    {do}\n    return _run_logged(command, scratch, log, attempt)\n",
            encoding="utf-8",
        )
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("repro") / "project")


@pytest.fixture
def project(whole: Project) -> Project:
    """The project without its grid."""
    whole.forget_the_grid()
    return whole


@pytest.fixture
def finished(whole: Project) -> Project:
    """The project with its grid."""
    whole.put_the_grid_back()
    return whole


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_the_same_bytes_as_plain_dvc_repro(project: Project) -> None:
    code, out, err = project.harness("repro", "--jobs", "2")
    assert code == 0, out + err
    assert project.made() == project.reference
    assert "grid: 6 units run" in out and "Running stage 'cell@" not in out and "harness verify" in out
    assert "; 6 of 6 units" in out and project.states() == {"done"}
    assert project.paths.verdicts.is_file()
    assert "Running stage" not in project.dvc("repro"), "DVC finds everything up to date"

    # A setting changed and changed back: DVC's cache has what was made from the old one.
    project.write_settings(learning_rate=0.0123)
    code, out, err = project.harness("repro", "--jobs", "1")
    assert "grid: 2 units run;" in out and project.made() != project.reference, out + err
    project.write_settings()
    code, out, err = project.harness("repro", "--jobs", "1")
    assert "grid: 0 units run, 2 kept" in out and project.made() == project.reference, out + err

    # A checkpoint that comes out the same leaves its cells as they are.
    shutil.rmtree(project.paths.checkpoint("mnli", 1))
    shutil.rmtree(project.runs)
    code, out, err = project.harness("repro", "--jobs", "1")
    assert code == 0, out + err
    assert "grid: 1 units run, 2 kept" in out and project.made() == project.reference


def test_a_part_of_the_grid_runs_alone_and_is_not_judged(project: Project) -> None:
    code, out, err = project.harness("repro", "--recipe", "none", "--seed", "1")
    assert code == 0, out + err
    assert project.recorded() == {"intermediate@none-1", "cell@none-udpos-1", "cell@none-tatoeba-1"}
    assert "2 cells of 4 are there; not judged" in out and "harness verify" not in out
    code, out, err = project.harness("repro", "--recipe", "none")
    assert code == 0 and "grid:" not in out, "nothing is left to run of it"
    code, out, err = project.harness("repro", "--seed", "7")
    assert code == 2 and "expected a seed of the grid of profile toy (1), found 7" in err, out + err
    code, out, err = project.harness("repro")
    assert code == 0 and project.made() == project.reference, out + err


def test_a_process_that_dies_costs_its_unit_and_what_needs_it(project: Project) -> None:
    kill = "unit == 'intermediate-mnli-1' or (unit, attempt) == ('cell-none-tatoeba-1', 1)"
    with project.workers_that(f"({kill}) and os.kill(os.getpid(), 9)"):
        code, out, err = project.harness("repro", "--jobs", "2")
    assert code == 2, out + err
    assert "cell none-tatoeba-1: killed by signal 9 (by hand, or out of memory); started again" in out
    assert "FAILED   intermediate@mnli-1: " in out and "not run  cell@mnli-udpos-1: it needs intermediate@mnli-1" in out
    assert "grid: 3 units run, 2 started again" in out and "expected every unit to finish, found 1 that failed" in err
    assert project.recorded() == {"intermediate@none-1", "cell@none-udpos-1", "cell@none-tatoeba-1"}
    code, out, err = project.harness("repro", "--jobs", "2")
    assert code == 0, out + err
    assert "grid: 3 units run;" in out and project.made() == project.reference


def test_a_unit_that_fails_says_so_in_its_own_words(project: Project) -> None:
    weights = project.paths.encoder / "model.safetensors"
    before = weights.read_bytes()
    with project.workers_that("open('build/toy/encoder/model.safetensors', 'ab').write(b'x')"):
        code, out, _ = project.harness("repro", "--jobs", "1")
    weights.write_bytes(before)
    assert code == 2 and "FAILED" in out and "model.safetensors" in out
    assert "harness: expected" in (project.paths.logs / "cell-none-udpos-1.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_keep_what_had_finished(project: Project, how: signal.Signals) -> None:
    with project.workers_that("unit == 'intermediate-mnli-1' and __import__('time').sleep(600)"):
        process = project.start_harness("repro", "--jobs", "2")
        assert wait_for(lambda: all(map(project.cell_is_there, ("none-udpos-1", "none-tatoeba-1"))))
        os.killpg(process.pid, how) if how == signal.SIGINT else process.send_signal(how)  # a terminal's reaches all
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130, out + err
    assert "3 finished units are recorded, what ran was dropped" in err and "the same command goes on from here" in err
    assert project.recorded() == {"intermediate@none-1", "cell@none-udpos-1", "cell@none-tatoeba-1"}
    assert not project.paths.checkpoint("mnli", 1).exists() and not list(project.paths.scratch.glob("*/*"))


def test_a_killed_scheduler_loses_no_finished_unit(project: Project) -> None:
    with project.workers_that("unit == 'intermediate-mnli-1' and __import__('time').sleep(600)"):
        process = project.start_harness("repro", "--jobs", "2")
        assert wait_for(lambda: all(map(project.cell_is_there, ("none-udpos-1", "none-tatoeba-1"))))
        started = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate(timeout=TIMEOUT_S)
    assert len(started) >= 2 and wait_for(lambda: not any(map(psutil.Process.is_running, started)))
    assert project.recorded() == set()
    result = project.paths.cell("none", "udpos", 1) / "result.json"
    before = result.read_bytes()
    # What a finished unit was made from has changed since: that one runs again.
    predictions = project.paths.cell("none", "tatoeba", 1) / "predictions.json.gz"
    predictions.write_bytes(predictions.read_bytes() + b"x")
    code, out, err = project.harness("repro", "--jobs", "2")
    assert code == 0, out + err
    assert "grid: 4 units run, 2 kept" in out and result.read_bytes() == before
    assert project.made() == project.reference and project.states() == {"done"}


def test_units_by_name_run_with_what_they_need_and_nothing_else(project: Project) -> None:
    call = (
        "from harness.commands import open_project; from harness.launch.grid import reproduce_grid;"
        "from harness.launch.launchers import LAUNCHERS; project = open_project();"
        "executor = LAUNCHERS['local'](*project, slots=1);"
        "assert reproduce_grid(executor, *project, ['cell@none-udpos-1'], to_stderr=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=project.root, env=project.environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr
    assert "grid: 2 units run" in done.stderr
    assert project.recorded() == {"intermediate@none-1", "cell@none-udpos-1"}
    assert not project.cell_is_there("none-tatoeba-1")


def test_pinned_cells_are_taken_over_where_that_is_asked_for_and_else_run(finished: Project) -> None:
    """Whoever checks pinned results must not get them back as a run of his own."""
    project = finished
    code, out, err = project.harness("pin", "results")
    assert code == 0, out + err
    try:
        project.forget_the_grid()
        code, out, err = project.harness("repro", "--pinned")
        assert code == 0 and f"6 units taken over from reference/{toys.PROFILE}, not run" in err, out + err
        assert "grid: 0 units run, 6 kept" in out and "nothing shows that they ran again" in " ".join(out.split())
        project.forget_the_grid()
        code, out, err = project.harness("repro")
        assert code == 0 and "taken over" not in err and "grid: 6 units run" in out, out + err
        assert project.made() == project.reference
        # from the same commit on the same machine, nothing but times could tell them from the pinned ones
        assert "nothing shows that they ran again" in " ".join(out.split())
    finally:
        shutil.rmtree(project.paths.pinned)


INT, TERM = signal.SIGINT, signal.SIGTERM


def is_up(process: subprocess.Popen[str]) -> bool:
    """Has the process got as far as to handle SIGTERM? Before that, Python itself is being loaded."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.is_file():  # no Linux
        return True
    caught = dict(line.split(":", 1) for line in status.read_text().splitlines())["SigCgt"]
    return bool(int(caught, 16) >> (TERM - 1) & 1)


@pytest.mark.parametrize(
    ("seconds", "how"), [(0.2, INT), (0.5, TERM), (1, INT), (1.5, TERM), (2, INT), (3, TERM), (6, INT), (6, TERM)]
)
def test_a_signal_at_any_moment_ends_in_words(project: Project, seconds: float, how: signal.Signals) -> None:
    process = project.start_harness("repro", "--jobs", "2")
    assert wait_for(lambda: is_up(process))
    time.sleep(seconds)
    started = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, how)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130 and "Traceback" not in out + err, out + err
    assert "interrupted; finished stages are kept" in err
    assert wait_for(lambda: not any(map(psutil.Process.is_running, started)))


def test_a_killed_run_leaves_no_dvc_and_no_stage(finished: Project) -> None:
    """kill -9 while `dvc repro` runs a stage: all that was started ends too, and the next run gets as far as MLflow."""
    project = finished
    shutil.rmtree(project.paths.encoder)
    shutil.rmtree(project.runs, ignore_errors=True)
    process = project.start_harness("repro", "--jobs", "2")
    parent = psutil.Process(process.pid)
    stage = ["run", "encoder"]
    assert wait_for(lambda: any(each.cmdline()[-2:] == stage for each in parent.children(recursive=True)))
    started = parent.children(recursive=True)
    process.kill()
    process.communicate(timeout=TIMEOUT_S)
    assert wait_for(lambda: not any(map(psutil.Process.is_running, started)))
    project.track(True)
    code, out, err = project.harness("repro", "--jobs", "2")
    project.track(False)
    assert code == 0 and project.made() == project.reference, out + err
    assert (project.paths.results / "tracked.json").is_file()


def test_some_kills_and_some_bad_inputs_lose_nothing(finished: Project) -> None:
    """tests/campaigns/breaks.py, cut down."""
    counts = load("tests/campaigns/breaks").campaign(finished, kills=3, bad_inputs=12, seed=1)
    assert counts.is_sound and counts.kills == 3 and counts.bad_inputs == 12 and counts.kept, str(counts)
