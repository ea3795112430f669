"""Whether a unit's outputs can stay as they lie there."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import toy as toys

from harness.experiment.inputs import write_recipe, write_target
from harness.launch.executor import Job
from harness.launch.unit import do_cell, do_intermediate
from harness.launch.up_to_date import UpToDate, is_up_to_date
from harness.launch.work import cell_work, intermediate_work
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell

Toy = tuple[Params, Paths]
CELL = Cell(recipe="hellaswag", target="udpos", seed=1)


@pytest.fixture
def ready(toy_copy: Toy) -> Toy:
    """A toy project in which one cell and its intermediate training have run."""
    params, paths = toy_copy
    write_recipe("hellaswag", params, paths)
    write_target("udpos", params, paths)
    assert do_intermediate("hellaswag", 1, params, paths)[0] == do_cell(CELL, params, paths)[0] == 0
    return params, paths


def test_what_names_the_present_inputs_is_up_to_date(ready: Toy) -> None:
    params, paths = ready
    training, cell = intermediate_work("hellaswag", 1, params, paths), cell_work(CELL, paths)
    assert is_up_to_date(training.command, params, paths) and is_up_to_date(cell.command, params, paths)
    here = UpToDate(params, paths)  # dvc.lock knows of neither
    assert here(_job("intermediate@hellaswag-1", training)) and here(_job("cell@hellaswag-udpos-1", cell))
    assert not here(_job("cell@none-udpos-1", cell_work(CELL.model_copy(update={"recipe": "none"}), paths)))


def test_what_was_made_from_something_else_is_not(ready: Toy) -> None:
    paths = ready[1]
    content = toys.toy_settings()
    content["target"]["udpos"]["learning_rate"] = 0.0123
    content["intermediate"]["hellaswag"]["learning_rate"] = 0.0123
    toys.write_params(paths.root, content)
    params = toys.load_params(paths.root)
    write_recipe("hellaswag", params, paths)
    write_target("udpos", params, paths)
    assert not is_up_to_date(intermediate_work("hellaswag", 1, params, paths).command, params, paths)
    assert not is_up_to_date(cell_work(CELL, paths).command, params, paths)


@pytest.mark.parametrize("damage", ["predictions", "left_out", "unavailable", "overlaps", "another cell", "weights"])
def test_what_is_not_whole_or_made_from_another_checkpoint_is_not(ready: Toy, damage: str) -> None:
    params, paths = ready
    checkpoint, cell = paths.checkpoint("hellaswag", 1), cell_work(CELL, paths)
    if damage == "predictions":
        with (cell.outputs[0] / "predictions.json.gz").open("ab") as file:
            file.write(b"x")
    elif damage == "weights":
        (checkpoint / "model.safetensors").unlink()
    elif damage == "another cell":  # the baseline's cells of two seeds have the same inputs
        _edit(cell.outputs[0] / "result.json", cell={"recipe": "hellaswag", "target": "udpos", "seed": 2})
    else:
        said = {"unavailable": ["no rows"], "left_out": {"mnli": "no rows"}, "overlaps": {"mnli": ["udpos"]}}[damage]
        _edit(checkpoint / "checkpoint.json", **{damage: said})
    if damage in ("weights", "left_out", "unavailable"):
        training = intermediate_work("hellaswag", 1, params, paths)
        assert not UpToDate(params, paths)(_job("intermediate@hellaswag-1", training))
    assert not UpToDate(params, paths)(_job("cell@hellaswag-udpos-1", cell))


def test_times_of_files_mean_nothing(ready: Toy) -> None:
    """DVC writes a checkpoint anew when it restores it, and a copy of a project has other times."""
    params, paths = ready
    training, cell = intermediate_work("hellaswag", 1, params, paths), cell_work(CELL, paths)
    for seconds, folder in ((1, paths.cells), (2, paths.results / "intermediate"), (3, paths.checkpoints)):
        for path in folder.rglob("*"):
            os.utime(path, (seconds, seconds))
    here = UpToDate(params, paths)
    assert here(_job("intermediate@hellaswag-1", training)) and here(_job("cell@hellaswag-udpos-1", cell))


def test_an_unavailable_cell_is_kept_while_the_reasons_stay(ready: Toy) -> None:
    params, paths = ready
    record, cell = paths.checkpoint("hellaswag", 1) / "checkpoint.json", cell_work(CELL, paths)
    _edit(record, overlaps={"hellaswag": ["udpos"]})
    assert do_cell(CELL, params, paths)[1].status == "unavailable"  # type: ignore[union-attr]
    assert is_up_to_date(cell.command, params, paths)
    _edit(record, overlaps={"mnli": ["udpos"]})
    assert not is_up_to_date(cell.command, params, paths)
    _edit(record, overlaps={})
    assert not is_up_to_date(cell.command, params, paths)


def _edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")


def _job(stage: str, work: object) -> Job:
    return replace(Job(stage, None, (), 1.0, "unit", Path("log")), work=work)  # type: ignore[arg-type]
