"""Files that DVC compares: they restate scores and verdicts, are stable, and its templates draw them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from synthetic import Project, planted

from harness.audit.levels import verify_all, verify_results
from harness.audit.subject import sound_results
from harness.exchange.metrics_files import write_metrics
from harness.project.paths import Paths
from harness.project.pinned import ENCODER, TRAININGS
from harness.project.profiles import load_params
from harness.verify.scores import read_scores


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_files_restate_what_was_found(make_project: Callable[..., Project], tmp_path: Path) -> None:
    project = make_project(recipes=("none", "squad_v2"), targets=("xnli", "tatoeba"), seeds=(1, 2, 3))
    project.run(planted({"squad_v2": 8.2}))
    found, table = verify_all(project.params, project.paths), read_scores(project.paths.scores)
    record = tmp_path / "squad_v2-1.json"
    record.write_text(json.dumps({"recipe": "squad_v2", "seed": 1, "curve": [{"step": 5, "loss": 0.25}]}))
    folder = tmp_path / "metrics"
    written = write_metrics(table, found, [record], folder)
    assert sorted([tmp_path / "metrics.json", *folder.iterdir()]) == sorted(written)

    summary = json.loads((tmp_path / "metrics.json").read_text())
    assert summary == {"decided": 0, "reproduced": 0, "collapsed": 0, "gain": {"squad_v2": 8.2}}
    claims = {row["claim"]: row for row in rows(folder / "claims.csv")}
    squad = claims["squad-gain"]
    assert (squad["measured"], squad["claimed_from"], squad["claimed_to"]) == ("8.2", "6.7", "9.7")
    assert float(squad["low"]) < 8.2 < float(squad["high"]), "an interval around the value"
    assert {(row["recipe"], row["target"]): row["gain_points"] for row in rows(folder / "gains.csv")} == {
        ("squad_v2", "xnli"): "8.2",
        ("squad_v2", "tatoeba"): "8.2",
    }
    assert [row["language"] for row in rows(folder / "languages.csv")] == ["qaa", "qab"]
    assert rows(folder / "training.csv") == [
        {"training": "squad_v2-1", "recipe": "squad_v2", "seed": "1", "step": "5", "loss": "0.25"}
    ]
    before = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in write_metrics(table, found, [record], folder)] == before


def test_templates_draw_columns_that_are_there(repo_root: Path) -> None:
    """Every plot of dvc.yaml names a template of the project, and columns of the committed files."""
    content = yaml.safe_load((repo_root / "dvc.yaml").read_text(encoding="utf-8"))
    for (name, plot), *rest in (list(entry.items()) for entry in content["plots"]):
        assert not rest
        template = json.loads((repo_root / ".dvc" / "plots" / f"{plot['template']}.json").read_text(encoding="utf-8"))
        assert template["data"]["values"] == "<DVC_METRIC_DATA>", name
        ((path, column),) = plot["y"].items()
        file = repo_root / path.replace("${profile}", "lab")
        columns = rows(file)[0].keys()
        assert {column, plot["x"], *template["data"]["format"]["parse"]} <= columns


def test_the_page_of_plots_holds_what_dvc_fills_in(repo_root: Path) -> None:
    config = (repo_root / ".dvc" / "config").read_text(encoding="utf-8")
    assert "html_template = page.html" in config
    page = (repo_root / ".dvc" / "page.html").read_text(encoding="utf-8")
    assert "{plot_divs}" in page and "{scripts}" in page


@pytest.mark.slow
def test_committed_files_are_those_of_the_pinned_results(repo_root: Path, tmp_path: Path) -> None:
    params, paths = load_params(repo_root), Paths(repo_root, "lab")
    if params.profile != "lab" or any(paths.cells.glob("*/result.json")):
        pytest.skip("the pinned results are not what is judged here")
    judged, table = sound_results(params, paths)
    records = [paths.pinned / ENCODER, *sorted((paths.pinned / TRAININGS).glob("*.json"))]
    for path in write_metrics(table, verify_results(judged, params, paths), records, tmp_path / "lab"):
        committed = repo_root / "metrics" / path.relative_to(tmp_path)
        assert path.read_bytes() == committed.read_bytes(), f"run `harness run metrics` and commit {committed}"
