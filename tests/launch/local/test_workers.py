"""Worker processes: a unit's bytes do not depend on what its process ran before; a dead one costs its unit alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
import toy as toys

from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.launch.executor import Ended, Job, run_grid
from harness.launch.local.workers import Workers
from harness.launch.work import Work, cell_work, intermediate_work
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell, read_result

Toy = tuple[Params, Paths]
WAIT_S = 120.0
RECIPE = "squad_v2"


@pytest.fixture(scope="module")
def ready(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A toy project in which a cell of every head, and an intermediate training, can run."""
    params, paths = toy
    root = tmp_path_factory.mktemp("workers") / "project"
    shutil.copytree(paths.root, root)
    paths = Paths(root, params.profile)
    for recipe in ("none", RECIPE):
        write_recipe(recipe, params, paths)
    for target in toys.CELLS:
        write_target(target, params, paths)
    run_intermediate("none", 1, params, paths)
    return params, paths


def cell(target: str, paths: Paths) -> Work:
    return cell_work(Cell(recipe="none", target=target, seed=1), paths)


def job(work: Work, paths: Paths) -> Job:
    return Job(work.name, work, (), 1.0, "unit", paths.logs / f"{work.name}.log")


@pytest.fixture
def workers(ready: Toy) -> Iterator[Workers]:
    made = Workers(1, *ready)
    yield made
    made.close()


def run(executor: Workers, work: Work, paths: Paths) -> Ended:
    executor.submit(job(work, paths))
    return ended(executor)


def ended(executor: Workers) -> Ended:
    """The next job that ends."""
    while not (found := executor.wait()):
        pass
    return found[0]


def found(work: Work) -> dict[str, str]:
    """sha256 of what a unit made, without its records, which hold times."""
    files = [file for place in work.outputs for file in ([place] if place.is_file() else sorted(place.rglob("*")))]
    kept = [file for file in files if file.suffix != ".json" or file.name == "checkpoint.json"]
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in kept}


@pytest.mark.slow
def test_the_same_bytes_in_a_process_of_its_own_and_after_others(ready: Toy, workers: Workers) -> None:
    """Every head, and an intermediate training, twice among others in one worker; three of them alone as well."""
    params, paths = ready
    works = [intermediate_work(RECIPE, 1, params, paths), *(cell(target, paths) for target in toys.CELLS)]
    before = {}
    for work in [works[0], cell("udpos", paths), cell("xquad", paths)]:
        command = [sys.executable, "-m", "harness.launch.unit", *work.command]
        subprocess.run(command, cwd=paths.root, check=True, capture_output=True)
        before[work.name] = found(work)
    for work in (*works, *reversed(works)):
        assert run(workers, work, paths).code == 0
        assert found(work) == before.setdefault(work.name, found(work)) != {}, work.name


@pytest.mark.slow
def test_a_unit_is_fetched_back_whole_and_its_words_are_in_its_log(ready: Toy, workers: Workers) -> None:
    paths = ready[1]
    work = intermediate_work(RECIPE, 1, *ready)
    one = run(workers, work, paths)
    assert (one.code, one.died) == (0, "") and 0 < one.seconds < WAIT_S
    assert json.loads(paths.intermediate(RECIPE, 1).read_text(encoding="utf-8"))["recipe"] == RECIPE
    assert one.job.log.read_text(encoding="utf-8") == "" and not list(paths.scratch.glob("*/*"))


def test_a_users_error_is_its_own_words(ready: Toy, workers: Workers) -> None:
    paths = ready[1]
    one = run(workers, cell_work(Cell(recipe="none", target="udpos", seed=7), paths), paths)
    assert (one.code, one.died) == (2, "")
    assert one.job.log.read_text(encoding="utf-8").startswith("harness: expected a finished checkpoint")


@pytest.mark.slow
def test_peak_memory_is_the_units_own(ready: Toy, workers: Workers) -> None:
    """A unit with 10^9 bytes in a worker leaves no mark on the record of the next."""
    paths = ready[1]
    work = cell("udpos", paths)
    assert run(workers, work, paths).code == 0
    before = _peak_mb(work)
    workers._pool(0).schedule(_fill, (10**9,)).result(WAIT_S)
    assert run(workers, work, paths).code == 0
    assert _peak_mb(work) < before + 300


def _peak_mb(work: Work) -> int:
    return int(read_result(work.outputs[-1] / "result.json").provenance["peak_memory_mb"])


def _fill(size: int) -> int:
    return len(bytearray(size))


@pytest.mark.slow
def test_a_killed_worker_costs_its_unit_and_the_next_one_runs(ready: Toy, workers: Workers) -> None:
    paths = ready[1]
    work = cell("udpos", paths)
    run(workers, work, paths)
    before = found(work)
    with _Held(paths, "pawsx") as held:
        workers.submit(job(held, paths))
        _worker_of(paths.logs / f"{held.name}.log").kill()
        one = ended(workers)
    assert (one.code, one.died) == (1, "killed by signal 9 (by hand, or out of memory)")
    assert run(workers, work, paths).code == 0 and found(work) == before


@pytest.mark.slow
def test_a_worker_killed_between_units_is_replaced(ready: Toy, workers: Workers) -> None:
    paths = ready[1]
    work = cell("udpos", paths)
    run(workers, work, paths)
    _worker_of(paths.logs / f"{work.name}.log").kill()
    summary = run_grid(workers, [job(work, paths)])
    assert summary.ran == [work.name] and not summary.failed


def test_closing_ends_what_runs_and_leaves_nothing(ready: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = ready[1]
    monkeypatch.delenv("OMP_NUM_THREADS")
    workers = Workers(1, *ready)
    shutil.rmtree(cell("xquad", paths).outputs[-1], ignore_errors=True)
    with _Held(paths, "xquad") as held:
        workers.submit(job(held, paths))
        worker = _worker_of(paths.logs / f"{held.name}.log")
        assert os.environ["OMP_NUM_THREADS"] == str(ready[0].compute.threads)
        workers.close()
    workers.close()  # a second time, as after a run of the grid
    assert wait_for(lambda: not worker.is_running()) and "OMP_NUM_THREADS" not in os.environ
    assert not held.outputs[-1].exists() and not (paths.scratch / f"jobs-{os.getpid()}").exists()


@pytest.mark.slow
def test_scratch_of_a_dead_process_is_removed(ready: Toy) -> None:
    paths = ready[1]
    left = paths.scratch / "jobs-999999999"
    left.mkdir(parents=True)
    workers = Workers(1, *ready)
    assert left.exists(), "nothing is touched before the first unit"
    run(workers, cell("udpos", paths), paths)
    workers.close()
    assert not left.exists()


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


class _Held:
    """A cell that waits while it reads its target: a pipe nobody writes to stands in the place of the file."""

    def __init__(self, paths: Paths, target: str) -> None:
        self.work, self.file = cell(target, paths), paths.target(target)

    def __enter__(self) -> Work:
        self.content = self.file.read_bytes()
        self.file.unlink()
        os.mkfifo(self.file)
        return self.work

    def __exit__(self, *_: object) -> None:
        self.file.unlink()
        self.file.write_bytes(self.content)


def _worker_of(log: Path) -> psutil.Process:
    """The worker process whose standard output is this log."""
    seen: list[psutil.Process] = []

    def look() -> bool:
        for process in psutil.Process().children(recursive=True):
            try:
                if os.readlink(f"/proc/{process.pid}/fd/1") == str(log):
                    seen.append(process)
            except OSError:
                continue
        return bool(seen)

    assert wait_for(look), f"no worker writes to {log}"
    return seen[0]


def test_no_room_for_a_worker_is_said(workers: Workers, ready: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(slot: int) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(workers, "_pool", refuse)
    found = run(workers, cell("tatoeba", ready[1]), ready[1])
    assert found.code == 1 and found.died == "its worker did not start: [Errno 11] Resource temporarily unavailable"


@pytest.mark.slow
def test_closing_waits_for_no_imports(ready: Toy) -> None:
    """A fork server that takes a minute to import: who ends the run need not wait for it."""
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from harness.launch.local import workers\n"
        "from harness.launch.executor import Job\n"
        "from harness.launch.work import cell_work\n"
        "from harness.project.profiles import open_project\n"
        "from harness.project.results import Cell\n"
        "if __name__ == '__main__':\n"
        "    params, paths = open_project()\n"
        "    workers.IMPORTED = ['slow_to_import']\n"
        "    made = workers.Workers(1, params, paths)\n"
        "    work = cell_work(Cell(recipe='none', target='tatoeba', seed=1), paths)\n"
        "    made.submit(Job('cell', work, (), 1.0, 'unit', paths.logs / 'x.log'))\n"
        "    time.sleep(1); began = time.monotonic(); made.close()\n"
        "    print(time.monotonic() - began)\n"
    )
    root = ready[1].root
    (root / "slow_to_import.py").write_text("import time; time.sleep(60)\n", encoding="utf-8")
    (root / "main.py").write_text(code, encoding="utf-8")
    path = os.pathsep.join([str(toys.ROOT), str(root)])
    done = subprocess.run(
        [sys.executable, "main.py", str(root)], cwd=root, env=os.environ | {"PYTHONPATH": path}, capture_output=True,
        text=True, timeout=WAIT_S,
    )  # fmt: skip
    assert done.returncode == 0 and float(done.stdout) < 20 and "Traceback" not in done.stderr, done.stderr
