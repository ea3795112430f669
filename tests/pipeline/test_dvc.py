"""The pipeline as a user runs it: `dvc repro` of a toy project, killed, resumed, repeated and changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dvc_project import TIMEOUT_S
from toy_pipeline import CELLS, RECIPES, TARGETS, Project

from harness.pipeline.plan import render_plan
from harness.pipeline.units import states
from harness.project.profiles import load_params

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pipeline that was killed in the middle, resumed, and ran to its end."""
    made = Project(tmp_path_factory.mktemp("pipeline") / "project")
    process = made.start("repro")
    weights = made.paths.checkpoint("mnli", 1)
    deadline = time.monotonic() + TIMEOUT_S
    while not weights.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL, out
    assert not made.paths.scores.exists()
    made.log = made.dvc("repro")
    return made


def test_a_killed_run_is_resumed_and_finished(project: Project) -> None:
    log = project.log
    assert "Running stage 'data@udpos'" not in log and "Running stage 'encoder'" not in log
    assert set(project.predictions()) == CELLS
    scores = json.loads(project.paths.scores.read_text(encoding="utf-8"))
    assert {f"{c['cell']['recipe']}-{c['cell']['target']}-{c['cell']['seed']}" for c in scores["cells"]} == CELLS
    verdicts = json.loads(project.paths.verdicts.read_text(encoding="utf-8"))
    assert (verdicts["judged"], verdicts["v0"]["problems"]) == ("run", [])
    assert verdicts["v0"]["rescored"] == len(CELLS) and verdicts["v0"]["lock"].endswith(" stages as in dvc.lock")
    tracked = json.loads((project.paths.results / "tracked.json").read_text(encoding="utf-8"))
    assert tracked["cells"] == len(CELLS)
    assert f"{len(CELLS)}/{len(CELLS)}" in (project.paths.build / "report.html").read_text(encoding="utf-8")
    assert (project.paths.mlruns / "mlflow.db").is_file()
    # The pieces printed say what was done, through the warm process as well.
    assert "cell mnli-udpos-1: ok, score" in log or "cell mnli-udpos-1: collapsed, score" in log


def test_dvc_shows_metrics_and_draws_plots(project: Project, tmp_path: Path) -> None:
    """Its own commands read what the stage `metrics` has written, by the project's own templates."""
    shown = json.loads(project.dvc("metrics", "show", "--json"))
    found = shown[""]["data"]["metrics/toy.json"]["data"]
    assert found["decided"] == 0 and list(found["gain"]) == ["mnli"]
    project.dvc("plots", "show", "--out", str(tmp_path))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert {f'id = "{name}"' for name in ("claims", "gains", "languages", "training")} <= set(
        re.findall(r'id = "[^"]*"', page)
    )


def test_the_second_run_has_nothing_to_do(project: Project) -> None:
    out = project.dvc("repro")
    assert "Running stage" not in out and "up to date" in out
    params = load_params(project.root)
    assert set(states(params, project.paths).values()) == {"done"}
    assert "nothing to run" in render_plan(params, project.paths)


def test_a_change_reruns_what_depends_on_it_and_nothing_else(project: Project) -> None:
    """DVC's own word, and ours, on each kind of change. A stage is named here if an input of its own changed."""
    (project.root / "README.md").write_text("# changed\n")
    (project.root / "harness" / "__pycache__").mkdir(exist_ok=True)
    (project.root / "harness" / "model" / "__pycache__").mkdir(exist_ok=True)
    (project.root / "harness" / "model" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert project.changed() == set()

    cells = {f"cell@{cell}" for cell in CELLS}
    trained = {"intermediate@none-1", "intermediate@mnli-1"}
    resolved = {f"recipe@{name}" for name in RECIPES} | {f"target@{name}" for name in TARGETS}
    try:
        project.edit(lambda content: content["grid"].update(seeds=[1, 2]))
        new = {stage.replace("-1", "-2") for stage in cells | trained}
        assert project.changed() == new | {"scores"}
        project.edit(lambda content: content["evaluation"].update(best_spans=7))
        assert project.changed() == resolved
        project.edit(lambda content: content["target"]["udpos"].update(learning_rate=0.002))
        assert project.changed() == {"target@udpos"}
        project.edit(lambda content: content["intermediate"]["mnli"].update(learning_rate=0.002))
        assert project.changed() == {"recipe@none", "recipe@mnli"}
        project.edit(lambda content: content["encoder"]["pretraining"].update(steps=21))
        assert project.changed() == {"encoder"}
    finally:
        project.edit(lambda content: None)
    with appended(project.root / "harness" / "experiment" / "training" / "loop.py"):
        assert project.changed() == resolved
    with appended(project.root / "harness" / "experiment" / "training" / "learning_rate.py"):
        assert project.changed() == resolved | {"encoder"}, "pretraining has a learning rate too"
    with appended(project.root / "tasks" / "tatoeba.yaml"):
        assert project.changed() == {"data@tatoeba", "verdicts"}, "facts are decided from the tasks' pins"
    assert project.changed() == set()


@contextmanager
def appended(path: Path) -> Iterator[None]:
    """The file with a comment more, for a while."""
    before = path.read_bytes()
    path.write_bytes(before + b"\n# changed\n")
    try:
        yield
    finally:
        path.write_bytes(before)


def test_a_cell_gives_the_same_bytes_without_the_warm_process(project: Project) -> None:
    before = project.predictions()
    shutil.rmtree(project.paths.cell("mnli", "udpos", 1))
    out = project.dvc("repro", "-f", "-s", "cell@mnli-udpos-1", HARNESS_NO_WARM_PROCESS="1")
    assert "Running stage 'cell@mnli-udpos-1'" in out
    assert project.predictions() == before


def test_a_failed_stage_stops_the_run_with_its_own_words(project: Project) -> None:
    project.edit(lambda content: content["target"]["udpos"].update(max_length=200))
    try:
        process = project.start("repro", "cell@none-udpos-1")
        out, _ = process.communicate(timeout=TIMEOUT_S)
    finally:
        project.edit(lambda content: None)
    assert process.returncode != 0
    assert "harness: expected max_length of `udpos` at most 128" in out and "Traceback" not in out
    assert not (project.paths.cell("none", "udpos", 1) / "result.json").exists()
