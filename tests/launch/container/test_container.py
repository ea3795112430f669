"""Containers without an engine: what a unit may see and use, how its outputs are fetched back, and what errors say."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import psutil
import pytest
import toy as toys

from harness.experiment.inputs import units_sha256
from harness.launch.container import container, engine, view
from harness.launch.container.engine_records import ContainerExit, ContainerSpec, EngineFacts, ImageFacts
from harness.launch.container.image import CODE_LABEL, IMAGE_USER, WORK
from harness.launch.unit import do_cell, run_cell_into
from harness.launch.work import cell_work, fetch_back, intermediate_work
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell

Toy = tuple[Params, Paths]
Command = Callable[..., tuple[int, str, str]]
IMAGE = "sha256:" + "a" * 64
CELL = Cell(recipe="none", target="udpos", seed=1)
PLAIN = EngineFacts(
    version="28", rootless=False, remapped=False, runtimes=[], cgroup_version="2", memory_limit=True, root_folder="/x"
)


def facts(**labels: str) -> ImageFacts:
    return ImageFacts(id=IMAGE, digests=(), labels=labels, size_bytes=1, architecture="linux/amd64")


@pytest.fixture
def boxed(toy_copy: Toy) -> Toy:
    """A toy project whose units run in containers."""
    paths = toy_copy[1]
    toys.write_params(paths.root, toys.toy_settings() | {"runtime": "docker", "image": IMAGE})
    return toys.load_params(paths.root), paths


def spec_of(boxed: Toy, facts: EngineFacts = PLAIN) -> ContainerSpec:
    params, paths = boxed
    work = cell_work(CELL, paths)
    return container.container_spec(
        work, params, paths, work.scratch(paths.scratch), container.container_user(facts), facts
    )


def test_a_unit_sees_its_inputs_read_only_and_writes_to_one_folder(boxed: Toy) -> None:
    paths = boxed[1]
    paths.target("udpos").parent.mkdir(parents=True)
    paths.target("udpos").write_text("{}", encoding="utf-8")
    mounts = {mount.target: mount for mount in spec_of(boxed).mounts}
    assert set(mounts) == {
        f"{WORK}/params.yaml",
        f"{WORK}/tasks",
        f"{WORK}/build/toy/encoder",
        f"{WORK}/build/toy/data/udpos",
        f"{WORK}/build/toy/targets/udpos.json",
        "/output",  # the checkpoint has not been made: the unit itself says so
    }
    writable = [mount.target for mount in mounts.values() if not mount.read_only]
    assert writable == ["/output"]
    assert mounts[f"{WORK}/tasks"].source == str(paths.tasks)


def test_a_recipe_sees_the_data_of_its_own_tasks_only(boxed: Toy) -> None:
    params, paths = boxed
    work = intermediate_work("squad_v2", 1, params, paths)
    data = [path.name for path in work.inputs if path.parent == paths.build / "data"]
    assert data == ["squad_v2"] and paths.recipe("squad_v2") in work.inputs


def test_the_engine_is_asked_for_every_restriction(boxed: Toy) -> None:
    asked = engine._creation(spec_of(boxed))
    assert asked["image"] == IMAGE and asked["command"] == ["run", "cell", "none", "udpos", "1"]
    assert asked["network_mode"] == "none" and asked["ipc_mode"] == "none"
    assert asked["read_only"] is True and asked["cap_drop"] == ["ALL"]
    assert asked["security_opt"] == ["no-new-privileges:true"]
    assert asked["mem_limit"] == asked["memswap_limit"] == "4096m" and asked["pids_limit"] == 256
    assert "size=256m" in asked["tmpfs"]["/tmp"] and asked["device_requests"] is None
    assert asked["environment"]["HARNESS_IMAGE_DIGEST"] == IMAGE
    # The SDK has to take all of it.
    docker.models.containers._create_container_args(dict(asked) | {"version": "1.41"})


def test_a_gpu_is_asked_for_where_the_profile_computes_on_one(boxed: Toy) -> None:
    params, paths = boxed
    params = params.model_copy(update={"compute": params.compute.model_copy(update={"device": "cuda"})})
    requests = engine._creation(spec_of((params, paths)))["device_requests"]
    assert requests[0]["Capabilities"] == [["gpu"]] and requests[0]["Count"] == -1


def test_a_unit_gets_the_gpus_that_its_process_was_given(boxed: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    params, paths = boxed
    params = params.model_copy(update={"compute": params.compute.model_copy(update={"device": "cuda"})})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    (request,) = engine._creation(spec_of((params, paths)))["device_requests"]
    assert request["DeviceIDs"] == ["2", "5"] and not request["Count"]


@pytest.mark.parametrize(
    ("uid", "gid", "rootless", "user"),
    [(1000, 100, False, "1000:100"), (0, 0, False, f"{IMAGE_USER}:{IMAGE_USER}"), (1000, 100, True, "0:0")],
)
def test_the_user_inside(monkeypatch: pytest.MonkeyPatch, uid: int, gid: int, rootless: bool, user: str) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(os, "getgid", lambda: gid)
    assert container.container_user(PLAIN.model_copy(update={"rootless": rootless})) == user


def test_an_engine_that_remaps_users_is_told_not_to(boxed: Toy) -> None:
    assert spec_of(boxed).user_namespace is None
    assert spec_of(boxed, PLAIN.model_copy(update={"remapped": True})).user_namespace == "host"


def test_outputs_are_fetched_back_whole_or_not_at_all(boxed: Toy) -> None:
    params, paths = boxed
    work = intermediate_work("mnli", 1, params, paths)
    scratch = work.scratch(paths.scratch)
    inside = Paths(scratch, paths.profile)
    inside.checkpoint("mnli", 1).mkdir(parents=True)
    (inside.checkpoint("mnli", 1) / "checkpoint.json").write_text("new", encoding="utf-8")
    paths.checkpoint("mnli", 1).mkdir(parents=True)
    (paths.checkpoint("mnli", 1) / "checkpoint.json").write_text("old", encoding="utf-8")
    with pytest.raises(HarnessError, match=r"intermediate mnli-1 to write results/toy/intermediate/mnli-1\.json"):
        fetch_back(work, scratch, paths)
    assert (paths.checkpoint("mnli", 1) / "checkpoint.json").read_text(encoding="utf-8") == "old"
    inside.intermediate("mnli", 1).parent.mkdir(parents=True)
    inside.intermediate("mnli", 1).write_text("{}", encoding="utf-8")
    fetch_back(work, scratch, paths)
    assert (paths.checkpoint("mnli", 1) / "checkpoint.json").read_text(encoding="utf-8") == "new"
    assert paths.intermediate("mnli", 1).read_text(encoding="utf-8") == "{}"


def test_an_image_with_other_code_is_refused() -> None:
    view.check_code(facts(**{CODE_LABEL: units_sha256()}), IMAGE)
    for labels in ({}, {CODE_LABEL: "0" * 64}):
        with pytest.raises(HarnessError, match="hold the code of this checkout") as caught:
            view.check_code(facts(**labels), IMAGE)
        assert "harness image build" in str(caught.value)


class FakeEngine:
    """Stands for the module `engine`: remembers what it was asked, and lets a container end as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ended: ContainerExit | None = None) -> None:
        self.ended, self.specs, self.left, self.removed = ended, [], [], []  # type: ignore[var-annotated]
        monkeypatch.setattr(engine, "connect", lambda *_, **__: SimpleNamespace())
        monkeypatch.setattr(engine, "engine_facts", lambda client: PLAIN)
        monkeypatch.setattr(engine, "image_facts", lambda *_: facts(**{CODE_LABEL: units_sha256()}))
        monkeypatch.setattr(engine, "labelled", lambda *_: self.left)
        monkeypatch.setattr(engine, "remove_container", lambda client, identity: self.removed.append(identity))
        monkeypatch.setattr(engine, "run_container", self.run)

    def run(self, client: Any, spec: ContainerSpec) -> ContainerExit:
        self.specs.append(spec)
        output = next(mount.source for mount in spec.mounts if not mount.read_only)
        assert Path(output).is_dir() and not list(Path(output).iterdir())
        assert self.ended is not None
        return self.ended


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (ContainerExit(code=137, out_of_memory=True), ["killed by the kernel", "4096 MiB", "container.memory_mib"]),
        (ContainerExit(code=137, out_of_memory=False), ["was killed before it finished", "dvc repro"]),
        (ContainerExit(code=0, out_of_memory=False), ["to write results/toy/cells/none-udpos-1"]),
    ],
)
def test_how_a_container_ended_is_told(
    boxed: Toy, monkeypatch: pytest.MonkeyPatch, ended: ContainerExit, words: list[str]
) -> None:
    params, paths = boxed
    fake = FakeEngine(monkeypatch, ended)
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(HarnessError) as caught:
        do_cell(CELL, params, paths)
    assert all(word in str(caught.value) for word in words), caught.value
    assert len(fake.specs) == 1 and not cell_work(CELL, paths).scratch(paths.scratch).exists()
    assert handlers == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]


def test_a_units_own_error_is_its_exit_code(boxed: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeEngine(monkeypatch, ContainerExit(code=2, out_of_memory=False))
    assert do_cell(CELL, *boxed) == (2, None)


def test_a_cell_run_again_lies_in_another_folder_and_the_project_keeps_its_own(
    boxed: Toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    params, paths = boxed
    own, folder = paths.cell("none", "udpos", 1) / "result.json", Paths(tmp_path / "again", paths.profile)
    own.parent.mkdir(parents=True)
    own.write_text("own", encoding="utf-8")

    def write(client: Any, spec: ContainerSpec) -> ContainerExit:
        output = next(Path(mount.source) for mount in spec.mounts if not mount.read_only)
        made = Paths(output, paths.profile).cell("none", "udpos", 1)
        made.mkdir(parents=True)
        (made / "result.json").write_text("again", encoding="utf-8")
        return ContainerExit(code=0, out_of_memory=False)

    FakeEngine(monkeypatch)
    monkeypatch.setattr(engine, "run_container", write)
    assert run_cell_into(folder, CELL, params, paths) == 0
    assert (folder.cell("none", "udpos", 1) / "result.json").read_text(encoding="utf-8") == "again"
    assert own.read_text(encoding="utf-8") == "own"


def test_only_leftovers_of_dead_processes_are_removed(
    boxed: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeEngine(monkeypatch)
    own = psutil.Process()
    alive = {container.OWNER_PID: str(own.pid), container.OWNER_STARTED: str(own.create_time())}
    fake.left = [
        ("alive", alive),
        ("crashed", alive | {container.OWNER_PID: "999999999"}),
        ("pid used again", alive | {container.OWNER_STARTED: "1.0"}),
    ]
    assert container.remove_leftovers(None, boxed[1]) == 2
    assert fake.removed == ["crashed", "pid used again"]
    assert "removed 2 container(s)" in capsys.readouterr().err


def test_no_engine_is_one_paragraph(
    harness: Command, boxed: Toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(boxed[1].root)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    for arguments in (("run", "cell", "none", "udpos", "1"), ("image", "check"), ("image", "pin")):
        code, _, err = harness(*arguments)
        assert code == 2 and err.count("\n") == 1 and "Traceback" not in err
        assert err.startswith("harness: expected a Docker engine that answers, found none (unix://")
        assert "no such file or directory" in err and "runtime: local" in err
