"""The image as a reviewer uses it: verdicts with no mounts, other people's results, what is in it, how it is kept."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys

from harness.commands.main import run
from harness.experiment.inputs import write_recipe, write_target
from harness.launch.container import image as images
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params

Toy = tuple[Params, Paths]
Docker = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("options", [(), ("--network", "none", "--read-only", "--cap-drop", "ALL")])
def test_verdicts_with_no_mounts_and_no_set_up(docker: Docker, image: str, options: tuple[str, ...]) -> None:
    found = docker("run", "--rm", *options, image, "verify")
    assert found.returncode == 0, found.stderr
    assert "judged   PINNED results in reference/lab" in found.stdout
    assert "V0 integrity  ok" in found.stdout and "squad-gain" in found.stdout
    assert not found.stderr


def test_the_table_is_the_checkouts_own(docker: Docker, image: str, tmp_path: Path) -> None:
    """The pinned results of this checkout, judged here and in the image."""
    project = tmp_path / "project"
    for folder in ("reference", "tasks", "profiles"):
        shutil.copytree(toys.ROOT / folder, project / folder)
    shutil.copy(toys.ROOT / "profiles" / "lab.yaml", project / "params.yaml")
    here = subprocess.run(["harness", "verify", "--json"], cwd=project, capture_output=True, text=True, timeout=60)
    inside = docker("run", "--rm", "--network", "none", image, "verify", "--json")
    assert json.loads(inside.stdout) == json.loads(here.stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Usage: harness"),
        (("--help",), "Usage: harness"),
        (("plan",), "10 recipes x 9 targets x 3 seeds, in 3 blocks: 150 cells"),
        (("tasks",), "squad_v2"),
        (("doctor",), "pins of tasks"),
    ],
)
def test_other_commands_work_too(docker: Docker, image: str, arguments: tuple[str, ...], words: str) -> None:
    found = docker("run", "--rm", "--network", "none", "--read-only", image, *arguments)
    assert found.returncode == 0, found.stderr
    assert words in found.stdout


def test_a_run_without_a_clone_says_how_to_mount_one(docker: Docker, image: str) -> None:
    found = docker("run", "--rm", "--network", "none", image, "repro")
    assert found.returncode == 2 and "Traceback" not in found.stderr
    assert "docker run --user" in found.stderr and '-v "$PWD:/work"' in found.stderr


def test_a_users_own_results_are_judged(docker: Docker, image: str, toy_copy: Toy) -> None:
    params, paths = toy_copy
    write_recipe("none", params, paths)
    write_target("tatoeba", params, paths)
    previous = os.getcwd()
    os.chdir(paths.root)
    try:
        assert run(["run", "intermediate", "none", "1"]) == run(["run", "cell", "none", "tatoeba", "1"]) == 0
    finally:
        os.chdir(previous)
    found = docker("run", "--rm", "-v", f"{paths.root}:/work", image, "verify")
    assert found.returncode == 3, found.stdout  # the grid of this project has more cells
    assert "judged   the run in results/toy" in found.stdout and "INVALID" in found.stdout


def test_labels_user_and_variables(docker: Docker, image: str) -> None:
    found = json.loads(docker("image", "inspect", image).stdout)[0]["Config"]
    assert found["User"] == f"{images.IMAGE_USER}:{images.IMAGE_USER}"
    assert found["Entrypoint"] == ["harness"] and found["Healthcheck"] == {"Test": ["NONE"]}
    labels = found["Labels"]
    assert labels[images.LOCK_LABEL] and labels[images.CODE_LABEL] and labels[images.BASE_LABEL].startswith("sha256:")
    assert len(labels[images.COMMIT_LABEL]) == 40
    variables = dict(entry.split("=", 1) for entry in found["Env"])
    assert variables["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8" and variables["PYTHONHASHSEED"] == "0"
    assert variables["NVIDIA_VISIBLE_DEVICES"] == "all" and variables["DO_NOT_TRACK"] == "1"


PROBE = """
import importlib.util, json, os, shutil
tools = [name for name in ("gcc", "cc", "g++", "clang", "make", "git") if shutil.which(name)]
dev = [name for name in ("pytest", "mypy", "ruff", "hypothesis", "xdist", "uv") if importlib.util.find_spec(name)]
import harness.experiment.cell, harness.experiment.intermediate, harness.experiment.encoder
import harness.exchange.tracking.track, harness.verify, datasets, mlflow, dvc.cli
print(json.dumps({"uid": os.getuid(), "tools": tools, "dev": dev, "cache": os.path.exists("/root/.cache/pip")}))
"""


def test_what_is_in_it_and_what_is_not(docker: Docker, image: str) -> None:
    options = ("--network", "none", "--read-only", "--tmpfs", "/tmp", "--entrypoint", "python3")
    found = docker("run", "--rm", *options, image, "-c", PROBE)
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout.splitlines()[-1])
    assert said == {"uid": images.IMAGE_USER, "tools": [], "dev": [], "cache": False}


def test_pin_and_check(
    image: str, toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = toy_copy[1].root
    toys.write_params(root, toys.toy_settings())
    monkeypatch.chdir(root)
    assert run(["image", "pin", image]) == 0
    assert load_params(root).image == image
    shutil.copytree(toys.ROOT / "requirements", root / "requirements")
    code = run(["image", "check"])
    out = capsys.readouterr().out
    assert "fits    lock" in out and "fits    code that units run" in out, out
    assert code == 1 and "DIFFERS source commit" in out  # a toy project has no history
    lock = root / "requirements" / "cpu.txt"
    lock.write_text(lock.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert run(["image", "check"]) == 1
    assert "DIFFERS lock" in capsys.readouterr().out


def test_an_unknown_image_is_named(
    image: str, toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(toy_copy[1].root)
    assert run(["image", "pin", "harness:nothing"]) == 2
    assert "expected the image harness:nothing in the engine, found none" in capsys.readouterr().err


def test_a_saved_image_comes_back_as_the_same(
    docker: Docker, tmp_path: Path, toy_copy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an image of a few bytes: saved, removed from the engine, loaded."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    (tmp_path / "tiny.tar").write_bytes(packed.getvalue())
    tiny = docker("import", str(tmp_path / "tiny.tar"), "harness-test:tiny").stdout.strip()
    monkeypatch.chdir(toy_copy[1].root)
    out = tmp_path / "kept.oci.tar"
    assert run(["image", "save", "harness-test:tiny", "--out", str(out)]) == 0
    subprocess.run(["sha256sum", "--check", "--quiet", f"{out.name}.sha256"], cwd=tmp_path, check=True)
    assert docker("rmi", "harness-test:tiny").returncode == 0
    assert docker("image", "inspect", tiny).returncode != 0
    loaded = docker("load", "-i", str(out))
    assert loaded.returncode == 0, loaded.stderr
    assert docker("image", "inspect", tiny).returncode == 0
    docker("rmi", tiny)
