"""Podman without Podman: where it is looked for, what it is asked for, what it says of itself, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import toy as toys

from harness.launch.container import container, engine, podman, sockets
from harness.launch.container.engine_records import ContainerSpec, EngineFacts, Mount
from harness.launch.container.image import WORK
from harness.launch.work import cell_work
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell

Toy = tuple[Params, Paths]
IMAGE = "sha256:" + "a" * 64
ROOTLESS = EngineFacts(
    name="Podman",
    version="4.3.1",
    rootless=True,
    remapped=False,
    runtimes=[],
    cgroup_version="2",
    memory_limit=True,
    root_folder="/x",
)
SPEC = ContainerSpec(
    image=IMAGE,
    command=("run", "cell"),
    user="1000:1000",
    user_namespace="keep-id",
    folder=WORK,
    environment={"A": "1"},
    labels={"harness.project": "p"},
    mounts=(
        Mount(source="/in", target=f"{WORK}/in", read_only=True),
        Mount(source="/out", target="/output", read_only=False),
    ),
    memory_mib=512,
    pids=64,
    tmp_mib=16,
    gpu=False,
    terminal=False,
)


def test_every_restriction_is_asked_for() -> None:
    assert podman.creation(SPEC) == {
        "image": IMAGE,
        "command": ["run", "cell"],
        "user": "1000:1000",
        "work_dir": WORK,
        "env": {"A": "1"},
        "labels": {"harness.project": "p"},
        "mounts": [
            {
                "type": "bind",
                "source": "/in",
                "destination": f"{WORK}/in",
                "options": ["rbind", "rprivate", "nosuid", "nodev", "ro"],
            },
            {
                "type": "bind",
                "source": "/out",
                "destination": "/output",
                "options": ["rbind", "rprivate", "nosuid", "nodev", "rw"],
            },
            {
                "type": "tmpfs",
                "source": "tmpfs",
                "destination": "/tmp",
                "options": ["rw", "noexec", "nosuid", "nodev", "size=16m", "mode=1777"],
            },
        ],
        "read_only_filesystem": True,
        "image_volume_mode": "ignore",
        "netns": {"nsmode": "none"},
        "ipcns": {"nsmode": "none"},
        "userns": {"nsmode": "keep-id"},
        "cap_drop": ["all"],
        "no_new_privileges": True,
        "resource_limits": {"memory": {"limit": 512 << 20, "swap": 512 << 20}, "pids": {"limit": 64}},
        "devices": [],
        "httpproxy": False,
        "systemd": "false",
        "terminal": False,
        "stdin": False,
    }


def test_gpus_go_in_by_their_descriptions_and_no_limit_is_asked_for_where_none_is_set() -> None:
    changed = SPEC.model_copy(update={"gpu": True, "memory_mib": None, "pids": None, "unlabelled": True})
    asked = podman.creation(changed)
    assert asked["devices"] == [{"path": "nvidia.com/gpu=all"}] and asked["resource_limits"] == {}
    assert asked["selinux_opts"] == ["disable"]
    some = podman.creation(changed.model_copy(update={"gpu_ids": ("1", "3")}))
    assert some["devices"] == [{"path": "nvidia.com/gpu=1"}, {"path": "nvidia.com/gpu=3"}]


class FakePodman:
    """A client of a Podman whose compatible address says, as Podman does, that everything holds."""

    def __init__(self, controllers: list[str]) -> None:
        host = {"cgroupControllers": controllers, "cgroupVersion": "v1", "security": {"rootless": True}}
        answer = SimpleNamespace(ok=True, content=b"1", json=lambda: {"host": host})
        self.api = SimpleNamespace(base_url="", get=lambda url: answer)

    def info(self) -> dict[str, Any]:
        return {"MemoryLimit": True, "PidsLimit": True, "CgroupVersion": "1", "SecurityOptions": []}

    def version(self) -> dict[str, Any]:
        return {"Version": "4.3.1", "Components": [{"Name": "Podman Engine"}]}


def test_podmans_own_word_counts_for_what_it_can_limit() -> None:
    found = engine.engine_facts(FakePodman([]))
    assert (found.name, found.rootless, found.memory_limit, found.pids_limit) == ("Podman", True, False, False)
    assert found.kind == "Podman 4.3.1, rootless, control groups version 1"
    found = engine.engine_facts(FakePodman(["memory", "pids"]))
    assert found.memory_limit and found.pids_limit


def with_limits(toy_copy: Toy, **limits: int | None) -> Params:
    root = toy_copy[1].root
    content = toys.toy_settings() | {"runtime": "podman", "image": IMAGE}
    content["container"] = {"memory_mib": 4096, "pids": 256, "tmp_mib": 256} | limits
    toys.write_params(root, content)
    return toys.load_params(root)


def test_a_limit_that_cannot_be_held_is_refused_by_name(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    unable = ROOTLESS.model_copy(update={"memory_limit": False, "pids_limit": False, "cgroup_version": "1"})
    with pytest.raises(HarnessError) as caught:
        container.check_engine(unable, with_limits(toy_copy))
    said = str(caught.value)
    assert "container.memory_mib: 4096 and container.pids: 256" in said and "null" in said
    assert "found Podman 4.3.1, rootless, control groups version 1, which can't" in said
    with pytest.raises(HarnessError, match=r"container\.pids: 256,"):
        container.check_engine(unable, with_limits(toy_copy, memory_mib=None))
    container.check_engine(unable, with_limits(toy_copy, memory_mib=None, pids=None))
    container.check_engine(ROOTLESS, with_limits(toy_copy))


def test_root_does_not_use_another_users_podman(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    with pytest.raises(HarnessError, match="asked by the user that it belongs to, found root"):
        container.check_engine(ROOTLESS, with_limits(toy_copy))


def test_the_caller_keeps_its_number_inside(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1001)
    params, paths = with_limits(toy_copy), toy_copy[1]
    work = cell_work(Cell(recipe="none", target="udpos", seed=1), paths)
    user = container.container_user(ROOTLESS)
    spec = container.container_spec(work, params, paths, paths.scratch, user, ROOTLESS)
    assert (spec.user, spec.user_namespace, spec.unlabelled) == ("1000:1001", "keep-id", False)
    labelled = ROOTLESS.model_copy(update={"selinux": True})
    assert container.container_spec(work, params, paths, paths.scratch, user, labelled).unlabelled


MADE: dict[str, Any] = {
    "Config": {"User": "1000:1000"},
    "HostConfig": {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "SecurityOpt": ["no-new-privileges"],
        "Memory": 512 << 20,
        "PidsLimit": 64,
    },
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"Memory": 0}, "memory limit"),
        ({"PidsLimit": None}, "process limit"),
        ({"NetworkMode": "bridge"}, "no network"),
        ({"ReadonlyRootfs": False}, "read-only root"),
        ({"SecurityOpt": None}, "no new privileges"),
    ],
)
def test_what_an_engine_drops_without_a_word_is_found(changed: dict[str, Any], words: str) -> None:
    engine._check_made(MADE, SPEC)
    made = MADE | {"HostConfig": MADE["HostConfig"] | changed}
    with pytest.raises(HarnessError, match=words):
        engine._check_made(made, SPEC)


def test_where_engines_are_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in sockets.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    own = f"unix://{tmp_path}/podman/podman.sock"
    assert [str(one) for one in sockets.addresses("podman")] == [own]
    assert [str(one) for one in sockets.addresses(None)] == ["unix:///var/run/docker.sock", own]
    (tmp_path / "docker.sock").touch()
    assert [str(one) for one in sockets.addresses("docker")][1] == f"unix://{tmp_path}/docker.sock"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert [str(one) for one in sockets.addresses("podman")] == ["unix:///run/podman/podman.sock"]
    monkeypatch.setenv("CONTAINER_HOST", "tcp://10.0.0.1:2375")
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere")
    assert [str(one) for one in sockets.addresses(None)] == ["unix:///elsewhere", "tcp://10.0.0.1:2375"]


def test_no_podman_is_one_sentence_with_the_command_that_starts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(HarnessError) as caught:
        engine.connect("podman")
    assert "expected a Podman service that answers, found none" in str(caught.value)
    assert "podman system service --time=0 unix://" in str(caught.value)
