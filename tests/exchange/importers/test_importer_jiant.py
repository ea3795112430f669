"""jiant, on a file made after its source: it can't be installed any more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from foreign_results import FILES, change

from harness.exchange.importers.find import find_importer, read_given
from harness.exchange.importers.importer import Options
from harness.project.errors import HarnessError

FOLDER = FILES / "jiant"


def test_each_task_has_its_major_metric() -> None:
    """In points; jiant's own average over tasks is left out."""
    given = read_given(FOLDER, Options(seed=1))
    assert [(each.method, each.task, each.score, each.metric) for each in given.scores] == [
        ("jiant", "rte", 62.5, "major"),
        ("jiant", "mrpc", 81.25, "major"),
    ]
    assert {(each.seed, each.split) for each in given.scores} == {(1, "dev")}
    assert set(given.unknown) == {"revision", "method", "scale of major"}
    assert find_importer(FOLDER).name == find_importer(FOLDER / "val_metrics.json").name == "jiant"


def test_a_minor_metric_can_be_asked_for() -> None:
    given = read_given(FOLDER, Options(metric="f1"))
    assert [(each.task, each.score) for each in given.scores] == [("mrpc", 87.5)]
    assert any("rte" in remark for remark in given.remarks)


@pytest.mark.parametrize(
    ("keys", "value", "found"),
    [
        (("rte", "metrics", "major"), float("nan"), "expected a finite number"),
        (("rte",), 3, "expected keys and values in `rte`"),
        (("rte", "metrics"), None, "expected keys and values in `metrics`"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, keys: tuple[str, ...], value: object, found: str) -> None:
    path = Path(shutil.copy(FOLDER / "val_metrics.json", tmp_path))
    change(path, *keys, value=value)
    with pytest.raises(HarnessError, match=found):
        read_given(path)
