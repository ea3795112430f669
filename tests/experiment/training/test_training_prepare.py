"""What a task is made ready from: translated rows, and when a model counts as collapsed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toy import ROOT

from harness.experiment.training.loop import Trained
from harness.experiment.training.prepare import best_constant, collapse_reasons, translated_rows
from harness.project.results import CurvePoint
from harness.project.tasks import load_task

TASKS = ROOT / "tasks"


def folder_of(tmp_path: Path, files: dict[str, list[str]]) -> Path:
    """A built data folder whose rows have these ids."""
    for stem, ids in files.items():
        (tmp_path / f"{stem}.jsonl").write_text("".join(json.dumps({"id": i}) + "\n" for i in ids), encoding="utf-8")
    manifest: dict[str, Any] = {
        "task": "toy",
        "kind": "nli",
        "head": "classification",
        "metric": "accuracy",
        "labels": None,
        "source": "generated",
        "source_pin": "none",
        "source_language": "en",
        "files": {f"{stem}.jsonl": {"rows": len(ids), "sha256": "0", "bytes": 1} for stem, ids in files.items()},
        "stand_in": None,
        "counts_dropped": {},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return tmp_path


def test_translated_rows_take_turns_and_every_row_comes_once(tmp_path: Path) -> None:
    numbers = [str(i) for i in range(5)]
    folder = folder_of(tmp_path, {f"train_translated.{x}": [x + n for n in numbers] for x in ("a", "b")})
    assert [row["id"] for row in translated_rows(folder, ["a", "b"])] == ["a0", "b1", "a2", "b3", "a4"]
    assert [row["id"] for row in translated_rows(folder, ["b"])] == [f"b{n}" for n in numbers]


def test_a_shorter_translation_leaves_its_turns_out(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"train_translated.a": ["a0", "a1", "a2"], "train_translated.b": ["b0", "b1"]})
    assert [row["id"] for row in translated_rows(folder, ["a", "b"])] == ["a0", "b1", "a2"]


NLI = [{"label": label} for label in ["entailment"] * 5 + ["neutral"] * 3 + ["contradiction"] * 2]
QQP = [{"label": label} for label in [0] * 6 + [1] * 4]
TAGS = [{"tags": ["N", "V"]}, {"tags": ["N", "N"]}]


@pytest.mark.parametrize(("name", "rows", "wanted"), [("mnli", NLI, 50.0), ("ccg", TAGS, 75.0)])
def test_chance_is_the_best_answer_that_never_changes(name: str, rows: list[dict[str, Any]], wanted: float) -> None:
    assert best_constant(load_task(name, TASKS), rows) == pytest.approx(wanted)


def test_chance_by_accuracy_and_f1_together() -> None:
    """Always 1 gives accuracy 40 and F1 57.1; always 0 accuracy 60 and no F1."""
    assert best_constant(load_task("qqp", TASKS), QQP) == pytest.approx(
        (40 + 2 * 40 / 1.4 / 100 * 100 / 1) / 2, abs=0.1
    )


@pytest.mark.parametrize("name", ["udpos", "xquad", "squad_v2"])
def test_spans_have_no_chance_level(name: str) -> None:
    assert best_constant(load_task(name, TASKS), TAGS) is None


def test_why_a_model_counts_as_collapsed() -> None:
    task = load_task("mnli", TASKS)
    gold = [row["label"] for row in NLI]
    level = Trained([CurvePoint(step=i, loss=1.1, learning_rate=0.1) for i in range(20)])
    assert collapse_reasons(task, Trained(), NLI, gold) == []
    constant = collapse_reasons(task, Trained(), NLI, ["entailment"] * 10)
    assert len(constant) == 2 and "same of every dev row" in constant[0] and "50.0" in constant[1]
    assert (
        "dev score 40.0"
        in collapse_reasons(task, Trained(), NLI, ["neutral"] * 3 + ["contradiction"] * 3 + gold[6:])[0]
    )
    assert "did not fall" in collapse_reasons(task, level, NLI, gold)[0]
    assert collapse_reasons(task, None, NLI, gold) == [], "the loss of a mixture tells nothing"
