"""Results on disk and their aggregation by XTREME's rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy import ROOT

from harness.audit.scores import build_scores, target_groups, write_scores
from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import describe_data, read_params
from harness.project.results import Cell, PredictionsFile, Result, collect, grid_cells, read_result, write_result
from harness.project.tasks import load_task
from harness.verify.scores import ScoresTable, read_scores

XNLI = Cell(recipe="none", target="xnli", seed=1)


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Params:
    return read_params(ROOT / "profiles" / "lab.yaml")


def result(cell: Cell, accuracy: float = 60.0, **changes: Any) -> Result:
    fields: dict[str, Any] = {
        "schema_version": 1,
        "profile": "lab",
        "cell": cell,
        "status": "ok",
        "score": accuracy,
        "scores": {"qaa": {"accuracy": accuracy}},
        "dev_scores": {"accuracy": accuracy + 1},
        "curve": [],
        "counts": {},
        "predictions": PredictionsFile(path="predictions.json.gz", sha256="a" * 64),
        "inputs": {"data": "d" * 64, "checkpoint": f"{cell.recipe}{cell.seed}".ljust(64, "c")},
        "provenance": {},
        "elapsed_s": 1.0,
    }
    return Result(**(fields | changes))


def test_groups_agree_with_the_task_files(repo_root: Path) -> None:
    for target, group in XTREME_GROUPS.items():
        assert load_task(target, repo_root / "tasks").group == group
    with pytest.raises(HarnessError, match="xquac"):
        target_groups(["xquac"], repo_root / "tasks")


def test_collect_reads_finished_cells_in_order(tmp_path: Path) -> None:
    cells = [XNLI, Cell(recipe="mnli", target="xnli", seed=1), Cell(recipe="none", target="xnli", seed=2)]
    for cell in (cells[2], cells[0]):
        write_result(tmp_path / cell.id, result(cell))
    assert list(collect(tmp_path, cells)) == ["none-xnli-1", "none-xnli-2"]
    assert collect(tmp_path, cells)["none-xnli-1"] == result(XNLI)


def test_collect_refuses_a_result_in_anothers_folder(tmp_path: Path) -> None:
    write_result(tmp_path / "mnli-xnli-1", result(XNLI))
    with pytest.raises(HarnessError, match="none-xnli-1"):
        collect(tmp_path, [Cell(recipe="mnli", target="xnli", seed=1)])


def test_a_damaged_result_is_a_users_error(tmp_path: Path) -> None:
    path = write_result(tmp_path / XNLI.id, result(XNLI))
    path.write_text(path.read_text()[:-20])
    with pytest.raises(HarnessError, match="dvc repro"):
        read_result(path)


def test_table_holds_what_the_results_say(lab: Params, tmp_path: Path) -> None:
    table = build_scores({XNLI.id: result(XNLI)}, lab)
    assert table.cells[0].score == 60.0 and table.cells[0].dev_score == 61.0
    assert "laboratory" in table.data and table.groups == {"xnli": "classification"}
    write_json(tmp_path / "scores.json", table.model_dump(mode="json"))
    assert read_scores(tmp_path / "scores.json") == table
    with pytest.raises(HarnessError, match="found none"):
        read_scores(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("other", "inputs", "name"),
    [
        (Cell(recipe="mnli", target="xnli", seed=1), {"data": "e" * 64}, "data"),
        (Cell(recipe="none", target="pawsx", seed=1), {"checkpoint": "e" * 64}, "checkpoint"),
        (Cell(recipe="mnli", target="pawsx", seed=2), {"encoder": "e" * 64}, "encoder"),
    ],
)
def test_results_of_different_pins_do_not_merge(lab: Params, other: Cell, inputs: dict[str, str], name: str) -> None:
    first = result(XNLI, inputs={"data": "d" * 64, "checkpoint": "c" * 64, "encoder": "f" * 64})
    with pytest.raises(HarnessError) as raised:
        build_scores({XNLI.id: first, other.id: result(other, inputs=inputs)}, lab)
    assert all(word in str(raised.value) for word in (name, XNLI.id, other.id))


def test_inputs_that_may_differ_do(lab: Params) -> None:
    other = Cell(recipe="mnli", target="pawsx", seed=2)
    table = build_scores({XNLI.id: result(XNLI), other.id: result(other, inputs={"data": "e" * 64})}, lab)
    assert isinstance(table, ScoresTable) and len(table.cells) == 2


def test_results_of_another_profile_do_not_merge(lab: Params) -> None:
    with pytest.raises(HarnessError, match="mini"):
        build_scores({XNLI.id: result(XNLI, profile="mini")}, lab)


def test_write_scores_says_how_much_is_there(lab: Params, tmp_path: Path) -> None:
    paths = Paths(tmp_path, "lab")
    with pytest.raises(HarnessError, match="found none"):
        write_scores(lab, paths)
    write_result(paths.cells / XNLI.id, result(XNLI))
    assert write_scores(lab, paths).startswith(f"scores of 1 of {len(grid_cells(lab))} cells")
    assert [row.cell for row in read_scores(paths.scores).cells] == [XNLI]


def test_only_the_whole_published_data_is_called_xtreme() -> None:
    paper = read_params(ROOT / "profiles" / "paper.yaml")
    assert describe_data(paper) == "XTREME"
    few = paper.evaluation.model_copy(update={"max_rows": 100})
    assert describe_data(paper.model_copy(update={"evaluation": few})).startswith("a part of XTREME")
    for kind, task in (("target", "xnli"), ("intermediate", "mnli")):
        cut = dict(getattr(paper, kind))
        cut[task] = cut[task].model_copy(update={"max_examples": 100})
        assert describe_data(paper.model_copy(update={kind: cut})).startswith("a part of XTREME"), kind
    for fewest in (0, 1000):
        texts = paper.target["bucc"].model_copy(update={"max_others": fewest})
        cut = paper.target | {"bucc": texts}
        assert describe_data(paper.model_copy(update={"target": cut})).startswith("a part of XTREME"), fewest
