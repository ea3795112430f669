"""Whole pipelines with a real engine: units in a container each, and everything in one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from boxes import ENGINE, boxed_settings, left
from toy_pipeline import CELLS, Project

from harness.audit.repeat.compare_rerun import Rerun
from harness.project.results import read_result

Docker = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def pipeline(image: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A whole tiny pipeline under the engine's `runtime`."""
    made = Project(tmp_path_factory.mktemp("boxed") / "project")
    made.edit(lambda content: content.update(boxed_settings(image)))
    made.log = made.dvc("repro")
    return made


def test_a_pipeline_in_containers(pipeline: Project, image: str) -> None:
    assert set(pipeline.predictions()) == CELLS
    assert "cell mnli-udpos-1: " in pipeline.log  # the line for people, as locally
    verdicts = json.loads(pipeline.paths.verdicts.read_text(encoding="utf-8"))
    assert verdicts["v0"]["problems"] == [] and verdicts["v0"]["images"] == [image]
    out = pipeline.dvc("repro")
    assert "Running stage" not in out


def test_the_bytes_of_a_local_pipeline(pipeline: Project, tmp_path: Path) -> None:
    local = Project(tmp_path / "project")
    local.dvc("repro")
    assert local.predictions() == pipeline.predictions()
    trained, here = pipeline.paths.checkpoint("mnli", 1), local.paths.checkpoint("mnli", 1)
    assert (trained / "model.safetensors").read_bytes() == (here / "model.safetensors").read_bytes()
    uid, gid = os.getuid(), os.getgid()
    foreign = [path for path in pipeline.root.rglob("*") if (path.lstat().st_uid, path.lstat().st_gid) != (uid, gid)]
    assert not foreign  # what containers wrote belongs to the caller


def test_cells_run_again_in_containers(pipeline: Project, image: str) -> None:
    """`harness verify --rerun`: each cell in a container of the image, which writes into a folder of its own."""
    before = {path: path.read_bytes() for path in pipeline.paths.results.rglob("*") if path.is_file()}
    found = harness(pipeline, "verify", "--rerun", "2", "--seed", "0", "--json")
    again = Rerun.model_validate(json.loads(found.stdout)["rerun"])
    assert len(again.cells) == 2 and again.candidates == len(CELLS), found.stderr
    for one in again.cells:
        recorded = read_result(pipeline.paths.cell(one.cell.recipe, one.cell.target, one.cell.seed) / "result.json")
        assert recorded.predictions and recorded.provenance["image_digest"] == image
        # No part of the machine is another, the image among them, so it ran in that image too.
        assert (one.outcome, one.made_otherwise) == ("repeated exactly", [])
        assert one.predictions_sha256 == one.predictions_sha256_again == recorded.predictions.sha256
    assert found.returncode == harness(pipeline, "verify").returncode
    assert {path: path.read_bytes() for path in pipeline.paths.results.rglob("*") if path.is_file()} == before
    assert left(pipeline.paths) == [] and not list(pipeline.paths.scratch.glob("*"))


def harness(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The project's own command."""
    command = [str(project.root.parent / "bin" / "harness"), *arguments]
    return subprocess.run(command, cwd=project.root, env=project.environment, capture_output=True, text=True)


def test_another_image_makes_stale_what_runs_in_it_and_nothing_else(pipeline: Project, image: str) -> None:
    resolved = {"recipe@none", "recipe@mnli", "target@udpos", "target@tatoeba"}
    other = "sha256:" + "0" * 64
    pipeline.edit(lambda content: content.update(boxed_settings(other)))
    try:
        assert pipeline.changed() == resolved
        found = harness(pipeline, "verify")
        assert found.returncode == 3 and "INVALID" in found.stdout
        assert f"expected everything made in {other}" in found.stdout.replace("\n                  ", " ")
    finally:
        pipeline.edit(lambda content: content.update(boxed_settings(image)))
    assert pipeline.changed() == set()


def test_the_pipeline_inside_one_container(docker: Docker, image: str, tmp_path: Path) -> None:
    """`docker run -v "$PWD:/work" harness repro`: data, encoder, cells, verdicts and MLflow import, without network."""
    made = Project(tmp_path / "project")
    same_user = ("--user", f"{os.getuid()}:{os.getgid()}", *(("--userns", "keep-id") if ENGINE == "podman" else ()))
    command = ("run", "--rm", "--network", "none", *same_user, "-v", f"{made.root}:/work")
    found = docker(*command, image, "repro")
    assert "V0 integrity  ok" in found.stdout and found.returncode == 0, found.stdout + found.stderr
    assert set(made.predictions()) == CELLS and (made.paths.mlruns / "mlflow.db").is_file()
    again = docker(*command, image, "repro")
    assert "Running stage" not in again.stdout + again.stderr and again.returncode == 0
    # Code that is not the image's would be recorded as what ran: refused.
    loop = made.root / "harness" / "experiment" / "training" / "loop.py"
    loop.write_bytes(loop.read_bytes() + b"\n# changed\n")
    refused = docker(*command, image, "repro")
    assert refused.returncode == 2 and "found another experiment/training/loop.py" in refused.stderr
