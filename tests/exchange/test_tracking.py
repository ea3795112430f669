"""The MLflow view equals the results on disk, however often it is imported."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from harness.exchange.tracking import track as importing
from harness.exchange.tracking.names import CELL_TAG, PARENT_TAG, RECIPE_TAG, SHA_TAG, flatten, metric_name
from harness.project.errors import HarnessError
from harness.project.paths import Paths

LANGUAGES = ("qaa", "qab", "qaj")


def write_cell(results: Path, recipe: str, target: str, seed: int, **changes: Any) -> Path:
    """A finished cell as the pipeline leaves it."""
    folder = results / "toy" / "cells" / f"{recipe}-{target}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    predictions = gzip.compress(json.dumps({"task": target, "languages": {}}).encode(), mtime=0)
    (folder / "predictions.json.gz").write_bytes(predictions)
    content = {
        "schema_version": 1,
        "profile": "toy",
        "cell": {"recipe": recipe, "target": target, "seed": seed},
        "status": "ok",
        "score": 41.25 + seed,
        "scores": {lang: {"f1": 50.5 - i, "em": 30.0 + seed} for i, lang in enumerate(LANGUAGES)},
        "dev_scores": {"f1": 77.125},
        "curve": [
            {"step": 10, "loss": 2.5, "learning_rate": 0.001},
            {"step": 20, "loss": 1.5, "learning_rate": 0.0005, "dev": {"f1": 60.0}},
        ],
        "counts": {"train_examples": 320, "truncated": 0},
        "predictions": {"path": "predictions.json.gz", "sha256": hashlib.sha256(predictions).hexdigest()},
        "inputs": {"checkpoint": "ab" * 32},
        "provenance": {
            "git": {"commit": "c" * 40, "dirty": False},
            "packages": {f"package{i}": f"{i}.0" for i in range(230)},
            "params": {"training": {"learning_rate": 0.001}, "unused": {f"p{i}": i for i in range(120)}},
        },
        "elapsed_s": 12.5,
    } | changes
    path = folder / "result.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def track(profile: str, results: Path, mlruns: Path) -> int:
    """Import a project's results alone: no scores, no verdicts."""
    return importing.track(Paths(results.parent, profile), mlruns)


def runs_of(mlruns: Path, experiment: str = "toy") -> dict[str, Run]:
    """Name -> active run; a name that occurs twice fails the test."""
    client = MlflowClient(tracking_uri=f"sqlite:///{mlruns / 'mlflow.db'}")
    known = client.get_experiment_by_name(experiment)
    assert known is not None
    found = client.search_runs([known.experiment_id])
    named = {run.info.run_name: run for run in found}
    assert len(named) == len(found)
    return named


@pytest.fixture(scope="module")
def blank_mlruns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database exists already, since creating one takes seconds."""
    folder = tmp_path_factory.mktemp("blank")
    MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return folder


@pytest.fixture
def mlruns(tmp_path: Path, blank_mlruns: Path) -> Path:
    folder = tmp_path / "mlruns"
    folder.mkdir()
    (folder / "mlflow.db").write_bytes((blank_mlruns / "mlflow.db").read_bytes())
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.mark.slow
def test_a_run_holds_what_its_result_holds(results: Path, mlruns: Path) -> None:
    path = write_cell(results, "mnli", "xquad", 2)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert track("toy", results, mlruns) == 1

    runs = runs_of(mlruns)
    assert sorted(runs) == ["mnli", "mnli-xquad-2"]
    run = runs["mnli-xquad-2"]
    assert run.data.tags[PARENT_TAG] == runs["mnli"].info.run_id
    assert run.data.tags[SHA_TAG] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert run.data.tags["provenance.git.commit"] == "c" * 40
    assert run.data.tags["provenance.git.dirty"] == "False"
    assert run.data.tags["inputs.checkpoint"] == "ab" * 32
    assert run.data.tags["provenance.packages.package229"] == "229.0"
    params = {key: value for key, value in run.data.params.items() if not key.startswith("unused")}
    assert params == {"recipe": "mnli", "target": "xquad", "seed": "2", "training.learning_rate": "0.001"}
    assert len(run.data.params) == 4 + 120
    expected = {f"test/f1/{lang}": 50.5 - i for i, lang in enumerate(LANGUAGES)}
    expected |= {f"test/em/{lang}": 32.0 for lang in LANGUAGES}
    expected |= {"score": 43.25, "dev/f1": 77.125, "elapsed_s": 12.5}
    expected |= {"count/train_examples": 320.0, "count/truncated": 0.0}
    expected |= {"train/loss": 1.5, "train/learning_rate": 0.0005, "train/dev/f1": 60.0}  # the last step
    assert run.data.metrics == expected
    assert (run.info.status, run.info.end_time, run.info.start_time) == (
        "FINISHED",
        1_700_000_000_000,
        1_699_999_987_500,
    )


def test_the_curve_keeps_its_steps(results: Path, mlruns: Path) -> None:
    write_cell(results, "none", "xnli", 1)
    track("toy", results, mlruns)
    client = MlflowClient(tracking_uri=f"sqlite:///{mlruns / 'mlflow.db'}")
    history = client.get_metric_history(runs_of(mlruns)["none-xnli-1"].info.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(10, 2.5), (20, 1.5)]


def test_artifacts_are_the_files_themselves(results: Path, mlruns: Path, tmp_path: Path) -> None:
    path = write_cell(results, "none", "xnli", 1)
    track("toy", results, mlruns)
    client = MlflowClient(tracking_uri=f"sqlite:///{mlruns / 'mlflow.db'}")
    run_id = runs_of(mlruns)["none-xnli-1"].info.run_id
    for name in ("result.json", "predictions.json.gz"):
        copy = Path(client.download_artifacts(run_id, name, str(tmp_path)))
        assert copy.read_bytes() == (path.parent / name).read_bytes()
    assert (mlruns / "artifacts" / "toy" / run_id / "artifacts" / "result.json").is_file()


def test_importing_twice_changes_nothing(results: Path, mlruns: Path) -> None:
    for recipe in ("none", "mnli"):
        for seed in (1, 2):
            write_cell(results, recipe, "xnli", seed)
    assert track("toy", results, mlruns) == 4
    before = {name: run.info.run_id for name, run in runs_of(mlruns).items()}
    assert len(before) == 6
    assert track("toy", results, mlruns) == 0
    assert {name: run.info.run_id for name, run in runs_of(mlruns).items()} == before


def test_a_changed_result_replaces_its_run_only(results: Path, mlruns: Path) -> None:
    write_cell(results, "none", "xnli", 1)
    write_cell(results, "none", "xnli", 2)
    track("toy", results, mlruns)
    before = runs_of(mlruns)
    write_cell(results, "none", "xnli", 1, score=12.5)
    assert track("toy", results, mlruns) == 1
    after = runs_of(mlruns)
    assert sorted(after) == sorted(before)
    assert after["none-xnli-1"].data.metrics["score"] == 12.5
    assert after["none-xnli-1"].info.run_id != before["none-xnli-1"].info.run_id
    assert after["none-xnli-2"].info.run_id == before["none-xnli-2"].info.run_id
    assert after["none"].info.run_id == before["none"].info.run_id
    assert len(list((mlruns / "artifacts" / "toy").glob("*/artifacts/result.json"))) == 2


def test_an_interrupted_import_is_made_good(results: Path, mlruns: Path) -> None:
    path = write_cell(results, "none", "xnli", 1)
    track("toy", results, mlruns)
    client = MlflowClient(tracking_uri=f"sqlite:///{mlruns / 'mlflow.db'}")
    runs = runs_of(mlruns)
    half = dict(runs["none-xnli-1"].data.tags)
    client.delete_run(runs["none-xnli-1"].info.run_id)
    client.create_run(runs["none"].info.experiment_id, tags=half, run_name="none-xnli-1")  # stays RUNNING
    assert track("toy", results, mlruns) == 1
    run = runs_of(mlruns)["none-xnli-1"]
    assert run.info.status == "FINISHED"
    assert run.data.tags[SHA_TAG] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_failed_cell_has_no_score_and_no_predictions(results: Path, mlruns: Path) -> None:
    curve = [{"step": 10, "loss": float("nan"), "learning_rate": 0.001}]
    changes: dict[str, Any] = {
        "status": "failed",
        "score": None,
        "scores": {},
        "curve": curve,
        "predictions": None,
    }
    path = write_cell(results, "none", "xnli", 1, **changes)
    (path.parent / "predictions.json.gz").unlink()
    track("toy", results, mlruns)
    runs = runs_of(mlruns)
    run = runs["none-xnli-1 (failed)"]
    assert (run.info.status, runs["none (1 failed)"].info.status) == ("FAILED", "FAILED")
    assert "score" not in run.data.metrics
    assert math.isnan(run.data.metrics["train/loss"])


def test_an_unavailable_cell_is_finished_without_a_score_and_says_why(results: Path, mlruns: Path) -> None:
    why = "ccg needs CCGbank, which is licensed"
    changes: dict[str, Any] = {"status": "unavailable", "reasons": [why], "score": None, "scores": {}, "curve": []}
    path = write_cell(results, "ccg", "xnli", 1, predictions=None, **changes)
    (path.parent / "predictions.json.gz").unlink()
    write_cell(results, "multi", "xnli", 1, left_out={"ccg": why})
    track("toy", results, mlruns)
    runs = runs_of(mlruns)
    run = runs["ccg-xnli-1 (unavailable)"]
    assert run.info.status == "FINISHED" and "score" not in run.data.metrics
    tags = run.data.tags
    assert (tags["harness.status"], tags["harness.reasons"]) == ("unavailable", why)
    assert runs["multi-xnli-1"].data.tags["harness.left_out.ccg"] == why


def test_more_metrics_than_one_request_takes(results: Path, mlruns: Path) -> None:
    curve = [{"step": step, "loss": 1 / step, "learning_rate": 1e-4} for step in range(1, 1201)]
    write_cell(results, "none", "xnli", 1, curve=curve)
    track("toy", results, mlruns)
    client = MlflowClient(tracking_uri=f"sqlite:///{mlruns / 'mlflow.db'}")
    run_id = runs_of(mlruns)["none-xnli-1"].info.run_id
    assert [p.step for p in client.get_metric_history(run_id, "train/loss")] == list(range(1, 1201))


def test_a_moved_checkout_starts_a_new_experiment(results: Path, mlruns: Path, tmp_path: Path) -> None:
    write_cell(results, "none", "xnli", 1)
    track("toy", results, mlruns)
    moved = tmp_path / "moved"
    mlruns.rename(moved)
    assert track("toy", results, moved) == 1
    assert (moved / "artifacts" / "toy").is_dir()
    assert not mlruns.exists()
    assert runs_of(moved)["none-xnli-1"].info.artifact_uri.startswith(moved.as_uri())


@pytest.mark.parametrize("name", ["wer?bist", "ws%2Ffeature2", "pct%20x", "a#b", "sp ace", "qu'o\"te", "üñ한", "%"])
def test_a_project_may_lie_in_a_folder_of_any_name(
    name: str, results: Path, blank_mlruns: Path, tmp_path: Path
) -> None:
    """The database and the artifacts lie in the project, and nothing beside it."""
    for recipe in ("none", "mnli"):
        write_cell(results, recipe, "xnli", 1)
    mlruns = tmp_path / "outer" / name / "mlruns"
    shutil.copytree(blank_mlruns, mlruns)
    assert track("toy", results, mlruns) == 2
    assert os.listdir(mlruns.parent.parent) == [name] and os.listdir(mlruns.parent) == ["mlruns"]
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as database:
        assert database.execute("SELECT count(*) FROM runs WHERE status = 'FINISHED'").fetchone() == (4,)
    assert len(list(mlruns.glob("artifacts/toy/*/artifacts/result.json"))) == 2
    assert track("toy", results, mlruns) == 0


def test_nothing_finished_writes_nothing(results: Path, tmp_path: Path) -> None:
    assert track("toy", results, tmp_path / "mlruns") == 0
    assert not (tmp_path / "mlruns").exists()


def test_an_unreadable_result_is_named_and_nothing_is_written(results: Path, mlruns: Path) -> None:
    write_cell(results, "none", "xnli", 1)
    bad = write_cell(results, "none", "xnli", 2)
    bad.write_text(bad.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    with pytest.raises(HarnessError, match=str(bad)):
        track("toy", results, mlruns)
    client = MlflowClient(tracking_uri=f"sqlite:///{mlruns / 'mlflow.db'}")
    assert client.get_experiment_by_name("toy") is None


def test_missing_predictions_are_named(results: Path, mlruns: Path) -> None:
    path = write_cell(results, "none", "xnli", 1)
    (path.parent / "predictions.json.gz").unlink()
    with pytest.raises(HarnessError, match=r"predictions\.json\.gz, found none"):
        track("toy", results, mlruns)


def test_a_file_that_is_no_database_is_named(results: Path, tmp_path: Path) -> None:
    write_cell(results, "none", "xnli", 1)
    database = tmp_path / "mlruns" / "mlflow.db"
    database.parent.mkdir()
    database.write_text("not a database, but long enough to look like a file with a header\n" * 20)
    with pytest.raises(HarnessError, match=str(database)):
        track("toy", results, database.parent)


def test_a_folder_that_can_not_be_written_is_named(results: Path, tmp_path: Path) -> None:
    write_cell(results, "none", "xnli", 1)
    (tmp_path / "mlruns").write_text("a file where the folder should be")
    with pytest.raises(HarnessError, match=str(tmp_path / "mlruns")):
        track("toy", results, tmp_path / "mlruns")


def test_an_experiment_deleted_by_hand_comes_back(results: Path, mlruns: Path) -> None:
    write_cell(results, "none", "xnli", 1)
    track("toy", results, mlruns)
    client = MlflowClient(tracking_uri=f"sqlite:///{mlruns / 'mlflow.db'}")
    client.delete_experiment(runs_of(mlruns)["none"].info.experiment_id)
    track("toy", results, mlruns)
    assert sorted(runs_of(mlruns)) == ["none", "none-xnli-1"]


@pytest.mark.slow
def test_two_imports_at_once_write_each_run_once(results: Path, mlruns: Path, repo_root: Path) -> None:
    for seed in range(1, 6):
        write_cell(results, "none", "xnli", seed)
    code = (
        "import sys, pathlib as p; from harness.exchange.tracking.track import track; from harness.project.paths import"
        " Paths; print(track(Paths(p.Path(sys.argv[1]).parent, 'toy'), p.Path(sys.argv[2])))"
    )
    command = [sys.executable, "-c", code, str(results), str(mlruns)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=repo_root)
        for _ in range(2)
    ]
    outputs = [process.communicate() for process in both]
    assert sorted(out for out, _ in outputs) == ["0\n", "5\n"], outputs
    assert [err for _, err in outputs] == ["", ""]
    assert len(runs_of(mlruns)) == 6


def test_tags_that_group_runs_are_on_every_run(results: Path, mlruns: Path) -> None:
    write_cell(results, "squad_v2", "tydiqa", 3)
    track("toy", results, mlruns)
    runs = runs_of(mlruns)
    assert {run.data.tags[RECIPE_TAG] for run in runs.values()} == {"squad_v2"}
    assert [name for name, run in runs.items() if CELL_TAG in run.data.tags] == ["squad_v2-tydiqa-3"]


def test_flatten_and_names() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": None}, "e": [1]}) == {"a.b.c": "1", "a.d": "None", "e": "[1]"}
    assert metric_name("test/f1@50%/qaa") == "test/f1_50_/qaa"
