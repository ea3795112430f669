"""A grid that grows in pieces: cells pinned on one clone count as done on another, and nothing else does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import toy as toys

from harness.audit.integrity.pinned import check_pinned
from harness.audit.integrity.rescore import Rescorer
from harness.audit.integrity.run import check_run
from harness.audit.pin_results import pin_results
from harness.commands.main import run
from harness.experiment.cell import run_cell
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.launch.pinned_cells import take_over
from harness.pipeline.units import units
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import read_pinned_manifest
from harness.project.profiles import load_params
from harness.project.results import grid_cells

Toy = tuple[Params, Paths]
pytestmark = pytest.mark.slow
BLOCKS = [
    {"recipes": ["none"], "targets": ["tatoeba", "xquad"], "seeds": [1, 2]},
    {"recipes": ["none", "hellaswag"], "targets": ["tatoeba", "xquad"], "seeds": [1]},
]
ONE = {"intermediate@hellaswag-1", "cell@hellaswag-tatoeba-1", "cell@hellaswag-xquad-1"}
BASELINE = {
    f"{stage}-{seed}" for seed in (1, 2) for stage in ("intermediate@none", "cell@none-tatoeba", "cell@none-xquad")
}


@pytest.fixture(scope="module")
def ran(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A toy project whose blocks have run."""
    root = tmp_path_factory.mktemp("pinned") / "project"
    shutil.copytree(toy[1].root, root)
    toys.write_params(root, toys.toy_settings() | {"grid": BLOCKS})
    params, paths = load_params(root), Paths(root, toys.PROFILE)
    for target in params.grid.targets:
        write_target(target, params, paths)
    for recipe in params.grid.recipes:
        write_recipe(recipe, params, paths)
    for recipe, seed in params.grid.trainings:
        run_intermediate(recipe, seed, params, paths)
    for cell in grid_cells(params):
        run_cell(cell, params, paths)
    return params, paths


@pytest.fixture
def own(ran: Toy, tmp_path: Path) -> Toy:
    """A copy that a test may change."""
    shutil.copytree(ran[1].root, tmp_path / "project")
    return ran[0], Paths(tmp_path / "project", toys.PROFILE)


def stages(params: Params, paths: Paths) -> set[str]:
    return {unit.stage for unit in units(params, paths)} - {"encoder"}


def forget(paths: Paths) -> None:
    """As a clone where only data and encoder were made."""
    for folder in (paths.cells, paths.checkpoints, paths.results / "intermediate"):
        shutil.rmtree(folder)


def written(paths: Paths) -> dict[str, bytes]:
    return {
        path.relative_to(paths.cells).as_posix(): path.read_bytes() for path in paths.cells.rglob("*") if path.is_file()
    }


def test_pieces_are_added_and_stay_checked(own: Toy, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    params, paths = own
    monkeypatch.chdir(paths.root)
    assert run(["pin", "results", "--recipe", "none", "--seed", "1"]) == 0
    assert sorted(check_pinned(paths.pinned).results) == ["none-tatoeba-1", "none-xquad-1"]
    assert run(["pin", "results", "--recipe", "hellaswag", "--seed", "1"]) == 0
    assert "pinned 2 cells, 4 in all" in capsys.readouterr().out
    assert read_pinned_manifest(paths.pinned).cells is None, "it is a whole product"
    assert run(["pin", "results", "--seed", "2"]) == 0
    checked = check_pinned(paths.pinned, Rescorer(params, paths))
    assert checked.integrity.problems == [] and checked.integrity.rescored == 6
    assert checked.integrity.cells_expected == 6 and len(read_pinned_manifest(paths.pinned).cells or []) == 6
    assert run(["pin", "results", "--recipe", "none"]) == 0
    assert len(check_pinned(paths.pinned).results) == 6, "pinned again, not twice"


def test_a_piece_without_its_baseline_or_of_no_cell_is_refused(own: Toy, monkeypatch: Any, capsys: Any) -> None:
    _, paths = own
    monkeypatch.chdir(paths.root)
    assert run(["pin", "results", "--recipe", "hellaswag", "--seed", "1"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "harness pin results --recipe none --seed 1" in said and not paths.pinned.exists()
    assert run(["pin", "results", "--recipe", "hellaswag", "--seed", "2"]) == 2
    assert "expected recipe hellaswag at seed 2 in the grid" in " ".join(capsys.readouterr().err.split())


def test_pieces_of_other_inputs_are_not_mixed(own: Toy) -> None:
    params, paths = own
    pin_results(params, paths, "none")
    before = (paths.pinned / "manifest.json").read_bytes()
    for path in paths.cells.glob("hellaswag-*/result.json"):
        text = path.read_text(encoding="utf-8")
        code = text.split('"code": "')[1][:64]
        path.write_text(text.replace(code, "0" * 64), encoding="utf-8")
    with pytest.raises(HarnessError, match="of other inputs can't be added to"):
        pin_results(params, paths, "hellaswag", 1)
    assert (paths.pinned / "manifest.json").read_bytes() == before


def test_seeds_that_were_trained_from_other_settings_are_one_recipes_neither_in_pins_nor_in_v0(own: Toy) -> None:
    """Cells name a checkpoint by its hash, which says nothing of how it was trained."""
    params, paths = own
    pin_results(params, paths, seed=1)
    before = (paths.pinned / "manifest.json").read_bytes()
    path = paths.intermediate("none", 2)
    record = json.loads(path.read_text(encoding="utf-8"))
    record["inputs"]["recipe"]["compute"] = "another"
    path.write_text(json.dumps(record), encoding="utf-8")
    said = "expected every seed of none trained from the same settings, data, encoder and code"
    with pytest.raises(HarnessError, match=f"can't be added to: {said}"):
        pin_results(params, paths, "none", 2)
    assert (paths.pinned / "manifest.json").read_bytes() == before
    assert [path.name for path in paths.pinned.parent.iterdir() if path.name.startswith("toy")] == ["toy"]
    shutil.copy(path, other := paths.pinned / "trainings" / "none-2.json")
    other.write_text(json.dumps({"record": record, "checkpoint": {}}), encoding="utf-8")
    manifest = json.loads(before)
    manifest["files"]["trainings/none-2.json"] = sha256_file(other)
    (paths.pinned / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (problem,) = check_pinned(paths.pinned).integrity.problems
    assert problem.startswith(said) and "none-1 and none-2" in problem


def test_a_clone_takes_over_what_is_pinned_byte_for_byte(own: Toy) -> None:
    params, paths = own
    pin_results(params, paths)
    before = written(paths)
    forget(paths)
    assert take_over(stages(params, paths), params, paths) == ONE | BASELINE
    assert written(paths) == before
    assert not list(paths.checkpoint("hellaswag", 1).glob("*.safetensors"))
    assert check_run(params, paths, whole=False).integrity.problems == []
    assert take_over(set(), params, paths) == set()


def test_a_piece_is_taken_over_and_the_rest_is_left_to_run(own: Toy) -> None:
    params, paths = own
    pin_results(params, paths, seed=1)
    forget(paths)
    assert take_over(stages(params, paths), params, paths) == ONE | {one for one in BASELINE if one.endswith("-1")}
    rest = {one for one in BASELINE if one.endswith("-2")}
    assert not rest & take_over(stages(params, paths), params, paths)


def test_cells_that_were_pinned_later_are_taken_over_beside_the_checkpoint_that_is_there(own: Toy) -> None:
    params, paths = own
    pin_results(params, paths)
    for name in ("none-xquad-2", "hellaswag-xquad-1"):
        shutil.rmtree(paths.cells / name)
    waiting = {"cell@none-xquad-2", "cell@hellaswag-xquad-1"}
    assert take_over(waiting, params, paths) == waiting
    shutil.rmtree(paths.cells / "hellaswag-xquad-1")
    record = paths.checkpoint("hellaswag", 1) / "checkpoint.json"
    text = record.read_text(encoding="utf-8")
    weights = text.split('"weights_sha256": "')[1][:64]
    record.write_text(text.replace(weights, "0" * 64), encoding="utf-8")
    shutil.rmtree(paths.cells / "none-xquad-2")
    assert take_over(waiting, params, paths) == {"cell@none-xquad-2"}, "another training's weights lie here"


def test_a_training_whose_cells_are_not_all_pinned_has_to_run(own: Toy) -> None:
    params, paths = own
    content = toys.toy_settings() | {"grid": BLOCKS}
    fewer = [block | {"targets": ["tatoeba"]} for block in BLOCKS]
    toys.write_params(paths.root, content | {"grid": fewer})
    pin_results(load_params(paths.root), paths)
    toys.write_params(paths.root, content)
    forget(paths)
    found = take_over(stages(params, paths), params, paths)
    assert not found & ONE, "the other cell needs the weights"
    assert found == {one for one in BASELINE if "xquad" not in one}


@pytest.mark.parametrize("what", ["settings", "data", "results", "predictions", "training", "manifest", "profile"])
def test_other_inputs_or_broken_pins_are_not_taken_over(own: Toy, what: str) -> None:
    params, paths = own
    pin_results(params, paths)
    forget(paths)
    if what == "settings":
        content = toys.toy_settings() | {"grid": BLOCKS}
        content["intermediate"]["hellaswag"]["learning_rate"] = 0.5
        content["target"]["xquad"]["learning_rate"] = content["target"]["tatoeba"]["neighbours"] = 7
        toys.write_params(paths.root, content)
        params = load_params(paths.root)
        for target in params.grid.targets:
            write_target(target, params, paths)
        for recipe in params.grid.recipes:
            write_recipe(recipe, params, paths)
    elif what == "data":
        for target in params.grid.targets:
            manifest = paths.data(target) / "manifest.json"
            manifest.write_bytes(manifest.read_bytes() + b"\n")
            write_target(target, params, paths)
    elif what == "profile":
        manifest = paths.pinned / "manifest.json"
        manifest.write_text(manifest.read_text(encoding="utf-8").replace('"toy"', '"lab"'), encoding="utf-8")
    else:
        files = {
            "results": "results.jsonl",
            "predictions": "predictions/*",
            "training": "trainings/*",
            "manifest": "man*",
        }
        for path in paths.pinned.glob(files[what]):
            path.write_bytes(path.read_bytes()[:-9])
    assert take_over(stages(params, paths), params, paths) == set()
    assert not paths.cells.exists()


def test_real_data_keeps_no_words_of_its_rows_and_is_taken_over_all_the_same(own: Toy) -> None:
    """Of question answering only the hash of predictions is pinned; how each question came out gives its score."""
    params, paths = own
    real = params.model_copy(update={"data": params.data.model_copy(update={"source": "local", "pack": "mine"})})
    pin_results_as_real(real, paths)
    names = set(read_pinned_manifest(paths.pinned).files)
    assert "predictions/none-tatoeba-1.json.gz" in names and "predictions/none-xquad-1.json.gz" not in names
    assert "items/none-xquad-1.json.gz" in names and "dev/none-xquad-1.json.gz" not in names
    forget(paths)
    assert take_over(stages(params, paths), params, paths) == ONE | BASELINE
    checked = check_run(params, paths, whole=False)
    assert checked.integrity.problems == []
    assert set(checked.integrity.not_rescored) == {f"{cell}-1" for cell in ("none-xquad", "hellaswag-xquad")} | {
        "none-xquad-2"
    }


def pin_results_as_real(real: Params, paths: Paths) -> None:
    """Pin the run as if its rows were a pack's; what level V0 compares with a pack's pins is left out."""
    from harness.audit import pin_results as module

    before = module.check_run
    module.check_run = lambda params, where, whole: before(load_params(where.root), where, whole=whole)  # type: ignore[assignment]
    try:
        pin_results(real, paths)
    finally:
        module.check_run = before
