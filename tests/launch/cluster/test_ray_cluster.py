"""Units on a real Ray cluster: two nodes on this machine, with and without a shared folder, and one that dies."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import toy as toys
from grid_bytes import made
from ray_nodes import Node, can_hide
from toy_grid import toy_grid

from harness.launch.cluster import node
from harness.launch.cluster.ray_cluster import RayCluster
from harness.launch.executor import Job, Summary, run_grid
from harness.launch.local.workers import Workers
from harness.launch.work import cell_work, intermediate_work
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import grid_cells

Toy = tuple[Params, Paths]
RECIPES, TARGETS = ("none", "squad_v2"), ("udpos", "pawsx", "tatoeba")
STAGES = {f"intermediate@{recipe}-1" for recipe in RECIPES} | {
    f"cell@{recipe}-{target}-1" for recipe in RECIPES for target in TARGETS
}


def jobs_of(params: Params, paths: Paths) -> list[Job]:
    """The grid's jobs; a cell waits for its recipe's training."""
    works = {f"intermediate@{recipe}-1": (intermediate_work(recipe, 1, params, paths), ()) for recipe in RECIPES}
    works |= {
        f"cell@{cell.id}": (cell_work(cell, paths), (f"intermediate@{cell.recipe}-1",)) for cell in grid_cells(params)
    }
    return [Job(stage, work, needs, 1.0, "unit", paths.logs / f"{stage}.log") for stage, (work, needs) in works.items()]


@pytest.fixture(scope="module")
def local(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The grid, run by worker processes of this machine."""
    root = tmp_path_factory.mktemp("local") / "project"
    params, paths = toy_grid(toy[1].root, root, RECIPES, TARGETS)
    summary = run_grid(Workers(1, params, paths), jobs_of(params, paths))
    assert set(summary.ran) == STAGES
    return params, paths


@pytest.fixture
def project(local: Toy, tmp_path: Path) -> Toy:
    """The same project before its grid has run."""
    params, paths = local
    root = tmp_path / "project"
    shutil.copytree(paths.root, root)
    copy = Paths(root, params.profile)
    for folder in (copy.results / "intermediate", copy.cells, copy.build / "checkpoints", copy.logs):
        shutil.rmtree(folder)
    return params, copy


@pytest.fixture(scope="module")
def head() -> Iterator[Node]:
    """The first node, to which this process connects."""
    started = Node()
    yield started
    started.close()


@pytest.fixture
def second(head: Node) -> Iterator[Node]:
    """Another node for one test."""
    started = Node(head)
    yield started
    started.close()


def check_whole(summary: Summary, params: Params, paths: Paths, expected: Toy) -> None:
    """Every unit ran once, and everything is what worker processes make."""
    assert sorted(summary.ran) == sorted(STAGES), {
        stage: Path(log).read_text() for stage, log in summary.failed.items()
    }
    assert made(paths) == made(expected[1])
    assert list(paths.scratch.iterdir()) == []


@pytest.mark.slow
def test_two_nodes_that_share_the_folder_make_the_same_bytes(
    head: Node, second: Node, project: Toy, local: Toy
) -> None:
    cluster = RayCluster(head.address, *project)
    assert (cluster.slots, cluster.shared) == (2, True)
    summary = run_grid(cluster, jobs_of(*project))
    check_whole(summary, *project, local)
    assert not second.received.exists() and not head.received.exists(), "nothing had to travel"
    assert "cell none-udpos-1" not in (project[1].logs / "cell@none-udpos-1.log").read_text()


@pytest.mark.slow
def test_a_node_without_the_folder_gets_its_inputs_and_sends_back_the_same_bytes(
    head: Node, project: Toy, local: Toy
) -> None:
    hidden = project[1].root if can_hide() else None
    lonely = Node(head, hidden=hidden)
    try:
        cluster = RayCluster(head.address, *project, shared=None if hidden else False)
        assert not cluster.shared
        summary = run_grid(cluster, jobs_of(*project))
        check_whole(summary, *project, local)
        kept = sorted(file.name for file in lonely.received.joinpath("files").rglob("*") if file.is_file())
        encoder = (project[1].encoder / "model.safetensors").read_bytes()
        assert kept.count(hashlib.sha256(encoder).hexdigest()) == 1
        assert list(lonely.received.joinpath("units").iterdir()) == []
    finally:
        lonely.close()


@pytest.mark.slow
@pytest.mark.skipif(not can_hide(), reason="a node's own view of the file system needs root")
def test_a_node_that_joins_later_without_the_folder_gets_its_inputs(head: Node, project: Toy, local: Toy) -> None:
    cluster = RayCluster(head.address, *project)
    assert (cluster.slots, cluster.shared) == (1, True)
    late = Node(head, hidden=project[1].root)
    try:
        summary = run_grid(cluster, jobs_of(*project))
        check_whole(summary, *project, local)
        assert (summary.retried, summary.slots, cluster.shared) == ([], 2, False)
    finally:
        late.close()


@pytest.mark.slow
def test_a_node_that_dies_loses_nothing(head: Node, second: Node, project: Toy, local: Toy) -> None:
    cluster = RayCluster(head.address, *project)
    killer = threading.Thread(target=kill_at_work, args=(second,))
    killer.start()
    summary = run_grid(cluster, jobs_of(*project))
    killer.join()
    check_whole(summary, *project, local)
    assert summary.retried, "a unit ran on the node when it was killed"


def kill_at_work(second: Node) -> None:
    """Kill the node as soon as a cell runs on it, by the name that Ray gives the process."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(psutil.Error):
            if any("ray::cell" in " ".join(process.cmdline()) for process in second.processes()):
                break
        time.sleep(0.02)
    second.kill()


def with_compute(params: Params, **changed: object) -> Params:
    return params.model_copy(update={"compute": params.compute.model_copy(update=changed)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "words"), [({"device": "cuda"}, "1 CPU and 1 GPU"), ({"threads": 3}, "3 CPU and 0 GPU")]
)
def test_a_unit_that_no_node_has_room_for_is_reported_at_once(
    head: Node, project: Toy, changed: dict[str, object], words: str
) -> None:
    params, paths = project
    with pytest.raises(HarnessError, match=f"expected a node with {words} for one unit") as raised:
        RayCluster(head.address, with_compute(params, **changed), paths)
    assert f"{socket.gethostname()}: 1 CPU and 0 GPU" in str(raised.value)


@pytest.mark.slow
def test_a_node_with_other_packages_is_refused(head: Node, project: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "versions", lambda: node_versions() | {"torch": "1.0", "numpy": "0.1"})
    with pytest.raises(HarnessError, match=r"expected the driver's torch 1\.0, numpy 0\.1, found torch \d") as raised:
        RayCluster(head.address, *project)
    assert socket.gethostname() in str(raised.value)


node_versions = node.versions


@pytest.mark.slow
def test_a_unit_that_fails_elsewhere_leaves_its_words_in_its_log(head: Node, project: Toy) -> None:
    params, paths = project
    paths.target("udpos").unlink()
    jobs = [job for job in jobs_of(*project) if job.stage in ("intermediate@none-1", "cell@none-udpos-1")]
    for job in jobs:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.log.write_text("of an earlier run")
    summary = run_grid(RayCluster(head.address, params, paths, shared=False), jobs)
    assert (summary.ran, list(summary.failed)) == (["intermediate@none-1"], ["cell@none-udpos-1"])
    words = Path(summary.failed["cell@none-udpos-1"]).read_text()
    assert words.startswith("harness: expected resolved settings at ") and words.count("\n") == 1


@pytest.mark.slow
def test_ctrl_c_cancels_what_runs_and_keeps_what_has_finished(head: Node, project: Toy) -> None:
    cluster = RayCluster(head.address, *project)

    def interrupt(told: object) -> None:
        raise KeyboardInterrupt

    summary = run_grid(cluster, jobs_of(*project), tell=interrupt)
    assert summary.interrupted and len(summary.ran) == 1
    paths = project[1]
    assert len(made(paths)) > 0
    assert list(paths.scratch.iterdir()) == []


ALONE = """
import sys
import ray
from pathlib import Path
from test_ray_cluster import RayCluster, jobs_of, run_grid, Paths
from harness.project.profiles import load_params
params = load_params(Path.cwd())
paths = Paths(Path.cwd(), params.profile)
cluster = RayCluster("local", params, paths)
print(cluster.shared, *run_grid(cluster, [job for job in jobs_of(params, paths) if job.stage in sys.argv]).ran)
print(ray.is_initialized(), cluster.session.exists())
"""


@pytest.mark.slow
def test_a_ray_of_this_machine_alone_begins_and_ends_with_the_run(project: Toy, tmp_path: Path) -> None:
    """In a process of its own, since one process has one Ray's token."""
    stages = ["intermediate@none-1", "cell@none-udpos-1"]
    where = os.pathsep.join([str(toys.ROOT), str(toys.ROOT / "tests" / "support"), str(Path(__file__).parent)])
    ran = subprocess.run(
        [sys.executable, "-c", ALONE, *stages],
        cwd=project[1].root,
        env=os.environ | {"PYTHONPATH": where, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines()[-2:] == [f"True {' '.join(stages)}", "False False"], ran.stderr
    assert not (tmp_path / ".ray").exists(), "nothing is left in the user's folder"


@pytest.mark.parametrize("address", ["nowhere", "ray://127.0.0.1:10001", "127.0.0.1:", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(project: Toy, address: str) -> None:
    with pytest.raises(HarnessError, match=r"expected (host:port of a Ray cluster's head|a Ray cluster at)"):
        RayCluster(address, *project)


def test_an_address_where_nothing_listens_is_refused(project: Toy) -> None:
    with pytest.raises(HarnessError, match=r"expected a Ray cluster at 127\.0\.0\.1:1, found: .*refused"):
        RayCluster("127.0.0.1:1", *project)
