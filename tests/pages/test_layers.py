"""Retrieval by hidden layer: at the pinned layer exactly what a cell finds; what is there, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import toy as toys

from harness.audit.subject import sound_results
from harness.commands.main import run
from harness.experiment import layer_scores, retrieval
from harness.experiment.cell import run_cell
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.experiment.layer_scores import checkpoint_weights, measure_checkpoints
from harness.experiment.training.checkpoints import write_checkpoint_record
from harness.pages.layers import record as layers_record
from harness.pages.layers.curves import curves_of
from harness.pages.layers.page import on_stored, render_page
from harness.pages.layers.record import Layers, read_layers
from harness.project.errors import HarnessError
from harness.project.files import sha256_file
from harness.project.params import Params, Retrieval
from harness.project.paths import Paths
from harness.project.profiles import load_params
from harness.project.results import collect, grid_cells, read_result, write_result
from harness.project.tasks import load_task

Toy = tuple[Params, Paths]
GRID = {"recipes": ["none", "hellaswag"], "targets": ["udpos", "bucc", "tatoeba"], "seeds": [1, 2]}
LAYERS = 3
"""Of the toy encoder, its embeddings included."""


@pytest.fixture(scope="module")
def ran(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A toy project whose grid has run; one language of bucc has dev texts to tune its threshold on."""
    root = tmp_path_factory.mktemp("layers") / "project"
    shutil.copytree(toy[1].root, root)
    content = toys.toy_settings()
    content["grid"] = GRID
    toys.write_params(root, content)
    params, paths = load_params(root), Paths(root, content["profile"])
    add_dev_texts(paths.data("bucc"))
    for target in params.grid.targets:
        write_target(target, params, paths)
    for recipe in params.grid.recipes:
        write_recipe(recipe, params, paths)
        for seed in params.grid.seeds:
            run_intermediate(recipe, seed, params, paths)
    for cell in grid_cells(params):
        run_cell(cell, params, paths)
    return params, paths


def add_dev_texts(folder: Path) -> None:
    """Give the first language of mining the texts of the last one to tune on."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    codes = sorted(name.split(".")[1] for name in manifest["files"] if name.startswith("test_gold."))
    for part in ("source", "target", "gold"):
        name, copied = f"dev_{part}.{codes[0]}.jsonl", f"test_{part}.{codes[-1]}.jsonl"
        shutil.copy(folder / copied, folder / name)
        manifest["files"][name] = manifest["files"][copied] | {"sha256": sha256_file(folder / name)}
    manifest["source"] = "made here"  # no longer the rows that the laboratory's pins are of
    path.write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture(scope="module")
def measured(ran: Toy) -> Layers:
    return read_layers(*ran)


@pytest.fixture
def command(ran: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command line in a copy of that project: its paths, and arguments -> exit code, output, error."""
    shutil.copytree(ran[1].root, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    capsys.readouterr()

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["layers", *arguments])
        return code, *capsys.readouterr()

    return Paths(tmp_path / "project", ran[0].profile), call


def test_the_pinned_layer_has_exactly_the_score_that_each_cell_stored(ran: Toy, measured: Layers) -> None:
    params, paths = ran
    results = collect(paths.cells, grid_cells(params))
    assert len(measured.cells) == 2 * 2 * 2
    for found in measured.cells:
        result = results[found.cell.id]
        layer = measured.curves.pinned[found.cell.target].layer
        assert found.languages[layer] == result.scores
        assert found.scores[layer] == result.score == found.stored
    assert "8 of 8 cells" in on_stored(measured)
    tuned = [result for result in results.values() if result.dev_by_language]
    assert tuned and all(result.cell.target == "bucc" for result in tuned)


def test_every_layer_recipe_and_target_is_there(measured: Layers) -> None:
    assert (measured.targets, measured.recipes, measured.seeds) == (["bucc", "tatoeba"], ["none", "hellaswag"], [1, 2])
    assert list(measured.curves.layers) == [*range(LAYERS)]
    for target in measured.targets:
        assert {recipe: len(layers) for recipe, layers in measured.curves.scores[target].items()} == dict.fromkeys(
            measured.recipes, LAYERS
        )
        for layer, gain in enumerate(measured.curves.gains[target]["hellaswag"]):
            score, baseline = (measured.curves.scores[target][recipe][layer] for recipe in ("hellaswag", "none"))
            assert gain.mean == pytest.approx(score.mean - baseline.mean)
    assert all(found.interval is None for found in measured.curves.scores["bucc"]["none"]), "one encoder at both seeds"


def test_cells_of_planted_effects_are_no_part_of_the_data_in_words(
    ran: Toy, measured: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, table = sound_results(*ran)
    cell = table.cells[-1].cell.model_copy(update={"recipe": "planted-gain"})
    row = table.cells[-1].model_copy(update={"cell": cell, "inputs": {"planted": "c" * 64}})
    world = {"data": "the laboratory world with planted effects", "cells": [*table.cells, row]}
    monkeypatch.setattr(layers_record, "sound_results", lambda *_: (judged, table.model_copy(update=world)))
    assert read_layers(*ran).data == "the laboratory world"


def test_the_average_at_the_pinned_layer_is_the_judged_one(measured: Layers) -> None:
    (one,) = measured.contributions
    assert (one.recipe, one.retrieval, len(one.gains)) == ("hellaswag", ["bucc", "tatoeba"], 3)
    pinned = measured.curves.pinned["bucc"].layer
    assert one.average_at_layer[pinned].by_seed == pytest.approx(one.average.by_seed)
    assert one.total_points == pytest.approx(3 * one.average.mean)


def test_layers_in_several_passes_are_the_same(ran: Toy, measured: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
    params, paths = ran
    monkeypatch.setattr(retrieval, "MOST_BYTES", 1)
    tasks = {"tatoeba": load_task("tatoeba", paths.tasks)}
    found = measure_checkpoints(tasks, checkpoint_weights([("hellaswag", 1)], paths, {}), params, paths)
    whole = {(one.cell.recipe, one.cell.target, one.cell.seed): one.languages for one in measured.cells}
    assert found == {key: whole[key] for key in found} and len(found) == 1


def test_the_command_writes_page_and_picture_and_prints_json(command: Any) -> None:
    paths, call = command
    code, out, err = call("--recipes", "hellaswag", "--seeds", "1", "--out", "pages/one.md", "--json")
    assert code == 0 and "written: " in err
    record = Layers.model_validate_json(out)
    assert (record.recipes, record.seeds) == (["none", "hellaswag"], [1])
    assert (paths.root / "pages" / "one.md").read_text(encoding="utf-8") == render_page(record, "one.png")
    assert (paths.root / "pages" / "one.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--recipes", "helaswag"), "did you mean `hellaswag`?"),
        (("--seeds", "3"), "expected a seed of the grid, found 3; known: 1, 2"),
        (("--seeds", "one"), "expected seeds such as 1,2,3, found 'one'"),
    ],
)
def test_what_the_grid_lacks_is_refused(command: Any, arguments: tuple[str, ...], says: str) -> None:
    code, _, err = command[1](*arguments)
    assert code == 2 and says in err


def forget(paths: Paths) -> None:
    """Make the cells as older ones, which keep nothing of their layers."""
    for path in paths.cells.glob("*/result.json"):
        result = read_result(path)
        write_result(path.parent, result.model_copy(update={"kept": {}}))


def test_what_cells_keep_needs_no_checkpoint(command: Any, measured: Layers) -> None:
    paths, call = command
    shutil.rmtree(paths.checkpoints)
    code, out, err = call("--json")
    assert code == 0 and "layers: " not in err
    assert Layers.model_validate_json(out).cells == measured.cells


def test_what_is_measured_is_what_is_kept(command: Any, measured: Layers) -> None:
    paths, call = command
    forget(paths)
    code, out, err = call("--json")
    assert code == 0 and "layers: hellaswag-1 done" in err
    found = Layers.model_validate_json(out).cells
    assert sorted(found, key=lambda one: one.cell.id) == sorted(measured.cells, key=lambda one: one.cell.id)


def test_dropped_weights_and_a_missing_checkpoint_name_their_command(command: Any) -> None:
    paths, call = command
    forget(paths)
    folder = paths.checkpoint("hellaswag", 2)
    (folder / "model.safetensors").unlink()
    code, _, err = call()
    assert code == 2 and "found no file" in err and "dvc repro -f intermediate@hellaswag-2" in err
    assert "layers: " not in err, "all checkpoints are looked at before anything runs"
    assert call("--seeds", "1")[0] == 0
    shutil.rmtree(folder)
    code, _, err = call()
    assert code == 2 and "expected a finished checkpoint" in err and "dvc repro intermediate@hellaswag-2" in err


def test_pinned_results_of_an_unfinished_study_need_no_data_and_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(toys.ROOT / name)
    (tmp_path / "params.yaml").symlink_to(toys.ROOT / "profiles" / "mini.yaml")
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "layers.md"
    page.write_text("# Retrieval by hidden layer, profile `lab`\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(["layers", "--json"]) == 0
    record = Layers.model_validate_json(capsys.readouterr().out)
    pinned = [*(toys.ROOT / "reference" / "mini" / "layers").glob("*.json.gz")]
    assert len(record.cells) == len(pinned) > 0
    assert f"{len(pinned)} of {len(pinned)} cells have the score" in on_stored(record)
    own = tmp_path / "docs" / "layers-mini.md"
    assert own.read_text(encoding="utf-8") == render_page(record, "layers-mini.png")
    assert run(["layers", "--out", "docs/layers.md"]) == 2
    assert "run `harness layers --profile mini --out" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "# Retrieval by hidden layer, profile `lab`\n"


def test_seeds_that_have_not_run_are_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(toys.ROOT / name)
    content = (toys.ROOT / "profiles" / "mini.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(content.replace("seeds: [1, 2, 3, 4, 5]", "seeds: [1, 2, 3, 4, 5, 9]"))
    monkeypatch.chdir(tmp_path)
    assert run(["layers", "--seeds", "9"]) == 2
    assert "expected cells of `none` on bucc or tatoeba at 9, found none" in capsys.readouterr().err


def test_curves_leave_out_a_recipe_that_shares_no_seed_with_the_baseline() -> None:
    pinned = {"bucc": Retrieval(layer=1, pooling="mean", neighbours=4, max_length=64)}
    scores = {
        ("none", "bucc", 1): [10.0, 20.0], ("none", "bucc", 2): [10.0, 22.0],
        ("mnli", "bucc", 2): [13.0, 20.0], ("mnli", "bucc", 3): [19.0, 20.0], ("multi", "bucc", 3): [9.0, 9.0],
    }  # fmt: skip
    curves = curves_of(scores, pinned, ["mnli", "multi"])
    assert [found.mean for found in curves.scores["bucc"]["none"]] == [10.0, 21.0]
    assert {recipe: [gain.by_seed for gain in gains] for recipe, gains in curves.gains["bucc"].items()} == {
        "mnli": [{2: 3.0}, {2: -2.0}]
    }
    assert [*curves.scores["bucc"]] == ["none", "mnli"] and [*curves.layers] == [0, 1]


def test_unsound_results_are_not_written_about(command: Any) -> None:
    paths, call = command
    shutil.rmtree(paths.cell("hellaswag", "udpos", 1))
    code, _, err = call()
    assert code == 2 and "expected sound results" in err and not (paths.root / "docs").exists()


def test_a_recipe_without_data_is_left_out_by_name(tmp_path: Path) -> None:
    paths, left_out = Paths(tmp_path, "toy"), {}
    record = {"recipe": "ccg", "weights_sha256": None, "unavailable": ["CCGbank is licensed"]}
    write_checkpoint_record(paths.checkpoint("ccg", 1), record)
    assert checkpoint_weights([("ccg", 1)], paths, left_out) == {}
    assert left_out == {"ccg": "CCGbank is licensed"}


def test_weights_that_are_not_numbers_are_refused(command: Any, ran: Toy) -> None:
    from harness.model.encoder import load_encoder, save_encoder

    paths, _ = command
    encoder = load_encoder(paths.encoder)
    next(encoder.parameters()).data.fill_(float("nan"))
    folder = paths.checkpoint("hellaswag", 1)
    save_encoder(encoder, folder)
    weights = sha256_file(folder / "model.safetensors")
    write_checkpoint_record(folder, {"recipe": "hellaswag", "weights_sha256": weights})
    with pytest.raises(HarnessError, match="training of hellaswag failed at seed 1"):
        layer_scores.load_encoder_of("hellaswag", 1, ran[0], paths)
