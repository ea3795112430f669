"""What cells were made from: rows by their number, answers by theirs, recipes by the record of their training."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import Project
from toy import ROOT

from harness.audit.integrity.made import DataManifest, check_recipe_records, read_record
from harness.audit.integrity.rows import check_answers, check_pins, pinned_rows
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import read_params
from harness.project.results import Result
from harness.project.tasks import load_task

Make = Callable[..., Project]


@pytest.fixture
def paper() -> Params:
    return read_params(ROOT / "profiles" / "paper.yaml")


@pytest.fixture
def manifest() -> DataManifest:
    """XNLI's published rows, as many as are pinned."""
    rows = {f"{stem}.jsonl": n for stem, n in pinned_rows(load_task("xnli", ROOT / "tasks"), "published", None).items()}
    assert rows["test.de.jsonl"] == 5010
    return DataManifest(sha256="m", source="published", source_pin="", files=dict.fromkeys(rows, "s"), rows=rows)


def test_fewer_rows_than_are_pinned_and_a_task_file_left_out_are_named(
    paper: Params, manifest: DataManifest, tmp_path: Path
) -> None:
    paths = Paths(ROOT, "paper")
    assert check_pins({"xnli": manifest}, paper, paths) == []
    fewer = replace(manifest, rows=manifest.rows | {"test.de.jsonl": 20})
    (said,) = check_pins({"xnli": fewer}, paper, paths)
    assert "expected 5,010 rows of test.de of xnli" in said and "found 20" in said
    none = {name: rows for name, rows in manifest.rows.items() if name != "test.de.jsonl"}
    assert "found 0" in check_pins({"xnli": replace(manifest, rows=none)}, paper, paths)[0]
    (tmp_path / "tasks").mkdir()
    (said,) = check_pins({"xnli": manifest}, paper, Paths(tmp_path, "paper"))
    assert "tasks/xnli.yaml, found no such file" in said


def test_cells_answer_every_row_though_nobody_can_score_them(manifest: DataManifest, tmp_path: Path) -> None:
    line = (ROOT / "reference" / "lab" / "results.jsonl").read_text(encoding="utf-8").splitlines()[0]
    result = Result.model_validate_json(line)
    small = replace(manifest, rows={"test.de.jsonl": 3, "test.fr.jsonl": 3, "train.en.jsonl": 9})
    path = tmp_path / "predictions.json.gz"

    def said(**answers: int) -> list[str]:
        languages = {language: {"predictions": ["x"] * count} for language, count in answers.items()}
        path.write_bytes(gzip.compress(json.dumps({"languages": languages}).encode()))
        return check_answers({"one": result}, {"xnli": small}, {"one": path})

    assert said(de=3, fr=3) == []
    assert "expected 3 answers in fr in cell one" in said(de=3, fr=1)[0]
    assert "found 0" in said(de=3)[0]
    path.write_bytes(b"nothing of the kind")
    assert "another form" in check_answers({"one": result}, {"xnli": small}, {"one": path})[0]


def test_an_intermediate_training_is_of_the_recipe_that_it_is_kept_under(make_project: Make) -> None:
    project = make_project(recipes=("none", "mnli+mlm"))
    kept = project.paths.intermediate("mnli+mlm", 2)
    good = {"recipe": "mnli+mlm", "tasks": {"mnli": {}}, "mlm": True, "translated": []}
    for changes, word in (
        ({}, ""),
        ({"tasks": {"qqp": {}}}, "tasks ['qqp'] and not ['mnli']"),
        ({"mlm": False}, "mlm False"),
        ({"translated": ["qaf"]}, "translated"),
        ({"recipe": "qqp"}, "recipe 'qqp'"),
    ):
        write_json(kept, {"inputs": {"recipe": good | changes}})
        said = check_recipe_records(project.params, project.paths)
        assert (word in said[0]) if word else said == []
    kept.write_text("[]")
    assert read_record(kept) == {} and check_recipe_records(project.params, project.paths) == []
