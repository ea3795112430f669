"""The doctor: one answer per question, a remedy with every WARN and FAIL, and an exit code."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import toy as toys

from harness.launch import doctor, doctor_checks, doctor_offers
from harness.project.params import Params
from harness.project.paths import Paths

Toy = tuple[Params, Paths]
Command = Callable[..., tuple[int, str, str]]
LOCK = "nvidia-cuda-runtime==13.0.96 ; sys_platform == 'linux' \\\n    --hash=sha256:0\n"
Usage = namedtuple("Usage", "total used free")


def by_name(checks: list[doctor_checks.Check]) -> dict[str, doctor_checks.Check]:
    return {check.what: check for check in checks}


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("DOCKER_HOST", "CONTAINER_HOST"):
        monkeypatch.setenv(variable, f"unix://{tmp_path}/nothing.sock")
    monkeypatch.setattr(doctor, "ask", lambda *command: "")
    monkeypatch.setattr(doctor_offers, "ask", lambda *command: "")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)


@pytest.mark.usefixtures("no_engine")
def test_without_engine_and_gpu_a_local_cpu_profile_is_fine(harness: Command) -> None:
    code, out, _ = harness("doctor")
    assert code == 0 and "FAIL" not in out
    for what in ("Docker engine", "Podman service", "Apptainer", "Slurm"):
        assert re.search(rf"^NONE  {what} .*; to have it: ", out, re.MULTILINE), out
    assert "compute.device is cpu" in out


@pytest.mark.usefixtures("no_engine")
def test_json_holds_the_same(harness: Command) -> None:
    code, out, _ = harness("doctor", "--json")
    checks = by_name([doctor_checks.Check(**entry) for entry in json.loads(out)])
    assert code == 0
    assert {"params.yaml", "environment", "pins of tasks", "claims", "GPU"} < set(checks)
    assert {"Docker engine", "Podman service", "Apptainer", "Slurm", "Ray"} < set(checks)
    assert {"disk", "memory", "clock"} < set(checks)
    for check in checks.values():
        assert bool(check.remedy) == (check.word != "OK"), check


@pytest.mark.usefixtures("no_engine")
def test_what_the_profile_needs_and_lacks_fails(harness: Command, toy_copy: Toy) -> None:
    content = toys.toy_settings() | {"runtime": "docker", "image": "sha256:" + "0" * 64}
    content["compute"]["device"] = "cuda"
    toys.write_params(toy_copy[1].root, content)
    code, out, _ = harness("doctor")
    assert code == 1 and "FAIL  Docker engine" in out and "FAIL  GPU" in out and "to fix it: install the NVIDIA" in out
    assert "NONE  Podman service" in out


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    ("runtime", "image", "words"),
    [
        ("podman", "sha256:" + "0" * 64, ("FAIL  Podman service", "podman system service")),
        ("apptainer", "h.sif@sha256:" + "0" * 64, ("FAIL  Apptainer", "FAIL  image", "apptainer build FILE.sif")),
    ],
)
def test_the_engine_that_the_profile_asks_for_fails_where_it_is_not_there(
    harness: Command, toy_copy: Toy, runtime: str, image: str, words: tuple[str, ...]
) -> None:
    toys.write_params(toy_copy[1].root, toys.toy_settings() | {"runtime": runtime, "image": image})
    code, out, _ = harness("doctor")
    assert code == 1 and all(word in out for word in words), out
    assert "NONE  Docker engine" in out


@pytest.mark.parametrize(
    ("said", "word", "found"),
    [
        ("main* 2\ngpu 1", "OK", "partitions main (2 nodes), gpu (1 node)"),
        ("", "NONE", "sinfo is there and names no partition"),
    ],
)
def test_slurm_is_described_by_its_partitions(
    monkeypatch: pytest.MonkeyPatch, said: str, word: str, found: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/bin/sinfo")
    monkeypatch.setattr(doctor_offers, "ask", lambda *command: said)
    assert (doctor_offers.slurm().word, doctor_offers.slurm().found) == (word, found)


def test_broken_settings_are_the_first_and_only_finding(harness: Command, toy_copy: Toy) -> None:
    toys.write_params(toy_copy[1].root, toys.toy_settings() | {"runtim": "docker"})
    code, out, _ = harness("doctor")
    assert code == 1 and out.startswith("FAIL  params.yaml") and "did you mean `runtime`?" in out


@pytest.mark.usefixtures("no_engine")
def test_a_task_without_its_pin_fails(harness: Command, toy_copy: Toy) -> None:
    (toy_copy[1].tasks / "udpos.yaml").unlink()
    code, out, _ = harness("doctor")
    assert code == 1 and "FAIL  pins of tasks" in out and "udpos" in out


def test_installed_packages_are_compared_with_the_lock(tmp_path: Path) -> None:
    folder = tmp_path / "requirements"
    folder.mkdir()
    for name in ("cpu", "cuda"):
        text = f"numpy==0.0.1 \\\n    --hash=sha256:0\npsutil=={psutil.__version__} ; sys_platform != 'nothing'\n"
        (folder / f"{name}.txt").write_text(text + "unknown==1 ; sys_platform == 'nothing'\n", encoding="utf-8")
    check = next(doctor._environment(tmp_path))
    assert check.word == "WARN" and "1 of 2 packages" in check.found and "instead of 0.0.1" in check.found


@pytest.mark.parametrize(
    ("driver", "word"), [("580.65.06", "OK"), ("595.10", "OK"), ("570.124.06", "FAIL"), ("470.1", "FAIL")]
)
def test_the_driver_has_to_run_the_cuda_of_the_wheels(driver: str, word: str) -> None:
    check = doctor.driver_check(driver, LOCK, "FAIL")
    assert check.word == word and "CUDA 13.0" in check.found and driver in check.found


def test_the_lock_names_a_cuda_runtime() -> None:
    lock = (toys.ROOT / "requirements" / "cuda.txt").read_text(encoding="utf-8")
    assert doctor.driver_check("999", lock, "FAIL").word == "OK"


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("NVIDIA Container Toolkit CLI version 1.18.1", "OK"),
        ("NVIDIA Container Toolkit CLI version 1.17.8\ncommit: f202b80", "WARN"),
        ("version 2.0", "OK"),
        ("", "FAIL"),
    ],
)
def test_the_container_toolkit(said: str, word: str) -> None:
    assert doctor.toolkit_check(said, "FAIL").word == word


def test_a_gpu_is_described_with_driver_and_toolkit(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"nvidia-smi": "NVIDIA H100 80GB HBM3, 570.1", "nvidia-ctk": "version 1.17.0"}
    monkeypatch.setattr(doctor, "ask", lambda *command: said[command[0]])
    checks = by_name(list(doctor._gpu(toy_copy[0], toys.ROOT)))
    assert checks["GPU"].found == "NVIDIA H100 80GB HBM3, driver 570.1"
    assert (checks["CUDA"].word, checks["container toolkit"].word) == ("WARN", "WARN")


@pytest.mark.parametrize(("free", "word"), [(50, "OK"), (5, "WARN"), (0, "FAIL")])
def test_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, word: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free * doctor_checks.GIB))
    assert doctor_checks.disk(tmp_path, "disk").word == word


@pytest.mark.parametrize(("available", "word"), [(8, "OK"), (1, "WARN")])
def test_memory(monkeypatch: pytest.MonkeyPatch, toy: Toy, available: int, word: str) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available * doctor_checks.GIB))
    assert doctor._memory(toy[0]).word == word


@pytest.mark.parametrize(("shift", "word"), [(-1000, "OK"), (1000, "FAIL")])
def test_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shift: int, word: str) -> None:
    monkeypatch.setattr(doctor, "ask", lambda *command: str(int(time.time()) + shift))
    assert doctor._clock(tmp_path).word == word
