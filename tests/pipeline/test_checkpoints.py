"""Dropping checkpoints: only by the stated policy, only what no cell needs, and with DVC's consent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys
import yaml

from harness.experiment.training.checkpoints import weights_of
from harness.pipeline.checkpoints import checkpoints, drop, render_checkpoints
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params, read_params

TRAIN = """
import hashlib, json, pathlib, sys
folder = pathlib.Path("build/toy/checkpoints", sys.argv[1]); folder.mkdir(parents=True)
pathlib.Path("trained.log").open("a").write(sys.argv[1] + " ")
weights = sys.argv[1].encode() * 1000
(folder / "model.safetensors").write_bytes(weights)
content = {"recipe": sys.argv[1].split("-")[0], "weights_sha256": hashlib.sha256(weights).hexdigest()}
(folder / "checkpoint.json").write_text(json.dumps(content))
"""
CELL = """
import pathlib, sys
folder = pathlib.Path("results/toy/cells", sys.argv[1]); folder.mkdir(parents=True)
(folder / "result.json").write_text("{}")
"""
PASS = {"cmd": "true", "deps": ["train.py"]}
STAGES = {
    "stages": {
        "corpus": PASS,
        "encoder": {
            "cmd": "mkdir -p build/toy/encoder && echo {} >build/toy/encoder/encoder.json",
            "deps": ["train.py"],
            "outs": ["build/toy/encoder"],
        },
        "data": {"matrix": {"task": ["udpos", "squad_v2"]}, **PASS},
        "recipe": {"matrix": {"recipe": "${grid.recipes}"}, **PASS},
        "target": {"matrix": {"target": "${grid.targets}"}, **PASS},
        "intermediate": {
            "matrix": {"recipe": "${grid.recipes}", "seed": "${grid.seeds}"},
            "cmd": f"{sys.executable} train.py ${{item.recipe}}-${{item.seed}}",
            "deps": ["train.py"],
            "outs": ["build/toy/checkpoints/${item.recipe}-${item.seed}"],
        },
        "cell": {
            "matrix": {"recipe": "${grid.recipes}", "target": "${grid.targets}", "seed": "${grid.seeds}"},
            "cmd": f"{sys.executable} cell.py ${{item.recipe}}-${{item.target}}-${{item.seed}}",
            "deps": ["build/toy/checkpoints/${item.recipe}-${item.seed}"],
            "outs": ["results/toy/cells/${item.recipe}-${item.target}-${item.seed}"],
        },
    }
}
"""Stages with the names of dvc.yaml and the files that matter here."""


@pytest.fixture
def project(tmp_path: Path) -> tuple[Params, Paths, Callable[..., str]]:
    """One recipe and one target, checkpoints to drop, nothing run; and a function that runs `dvc`."""
    content = toys.toy_settings()
    content["grid"] = {"recipes": ["none", "squad_v2"], "targets": ["udpos"], "seeds": [1]}
    content["checkpoints"] = "drop"
    toys.write_params(tmp_path, content)
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    (tmp_path / "cell.py").write_text(CELL, encoding="utf-8")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(STAGES, sort_keys=False), encoding="utf-8")

    def dvc(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=True)
        return done.stdout

    dvc("init", "--no-scm", "--quiet")
    return load_params(tmp_path), Paths(tmp_path, toys.PROFILE), dvc


def test_nothing_is_dropped_against_the_policy(tmp_path: Path) -> None:
    params, paths = read_params(toys.ROOT / "profiles" / "lab.yaml"), Paths(tmp_path, "lab")
    assert params.checkpoints == "keep"
    with pytest.raises(HarnessError, match=r"expected `checkpoints: drop` in params.yaml, found `checkpoints: keep`"):
        drop(params, paths)


@pytest.mark.slow
def test_dropping_leaves_dvc_up_to_date(project: tuple[Params, Paths, Callable[..., str]]) -> None:
    params, paths, dvc = project
    dvc("repro", "corpus", "encoder", "data", "recipe", "target", "intermediate@squad_v2-1")
    folder = paths.checkpoint("squad_v2", 1)
    assert drop(params, paths) == [] and (folder / "model.safetensors").is_file(), "its cell has not run"
    assert "squad_v2-udpos-1" in render_checkpoints(params, paths)

    dvc("repro")
    (held,) = [item for item in checkpoints(params, paths) if item.recipe == "squad_v2"]
    assert held.can_go and held.size == 10000
    dropped = drop(params, paths)
    assert [item.recipe for item in dropped] == ["squad_v2"]
    assert [path.name for path in folder.iterdir()] == ["checkpoint.json"]
    cached = [path for path in (paths.root / ".dvc" / "cache").rglob("*") if path.is_file()]
    assert not any(path.read_bytes().startswith(b"squad_v2-1squad_v2-1") for path in cached)
    assert json.loads(dvc("status", "--json")) == {}
    dvc("repro")
    trained = (paths.root / "trained.log").read_text(encoding="utf-8").split()
    assert trained.count("squad_v2-1") == 1, "nothing is trained again"
    assert "no weights" in render_checkpoints(params, paths) and drop(params, paths) == []

    with pytest.raises(HarnessError, match=r"found no file.*run `dvc repro -f intermediate@squad_v2-1`"):
        weights_of(folder, paths)
    dvc("repro", "-f", "intermediate@squad_v2-1")
    assert weights_of(folder, paths)[0].is_file()
