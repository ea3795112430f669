"""Cells: the same bytes from two processes, what a result holds, and what happens when inputs are not there."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import toy as toys
from safetensors.torch import load_file

from harness.data.folder import languages, read_split
from harness.experiment.cell import run_cell
from harness.experiment.inputs import write_recipe, write_target
from harness.experiment.intermediate import run_intermediate
from harness.metrics import scoring
from harness.metrics.xtreme import task_score
from harness.model.encoder import load_encoder
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell, read_result
from harness.project.tasks import load_task

Toy = tuple[Params, Paths]
RAN = [f"none-{target}-1" for target in toys.CELLS] + ["multi-udpos-1"]


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, Paths]:
    """Two projects, each built and run by a process of its own, with different orders of Python's sets."""
    folders = [tmp_path_factory.mktemp(name) / "project" for name in ("first", "second")]
    running = []
    for hash_seed, folder in enumerate(folders):
        environment = os.environ | {"PYTHONPATH": str(toys.ROOT), "PYTHONHASHSEED": str(hash_seed)}
        command = [sys.executable, str(toys.ROOT / "tests" / "support" / "toy.py"), str(folder)]
        running.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for process in running:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    return Paths(folders[0], toys.PROFILE), Paths(folders[1], toys.PROFILE)


def hashes(folder: Path) -> dict[str, str]:
    """Relative path -> sha256 of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def numbers(path: Path) -> dict[str, Any]:
    """A record of a run without what two equal runs may differ in: where, when and how long."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if key not in ("provenance", "elapsed_s")}


@pytest.mark.slow
def test_everything_built_is_the_same_bytes_in_two_processes(twins: tuple[Paths, Paths]) -> None:
    first, second = (hashes(paths.build) for paths in twins)
    assert {"encoder/model.safetensors", "encoder/tokenizer.json"} < set(first)
    trained = [name for name in first if name.startswith("checkpoints/") and name.endswith(".safetensors")]
    assert len(trained) == len(toys.INTERMEDIATE) - 1  # `none` holds no weights
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize("cell", RAN)
def test_a_cell_repeats_byte_for_byte_in_another_process(twins: tuple[Paths, Paths], cell: str) -> None:
    folders = [paths.cells / cell for paths in twins]
    predictions = [(folder / "predictions.json.gz").read_bytes() for folder in folders]
    assert predictions[0] == predictions[1]
    results = [numbers(folder / "result.json") for folder in folders]
    assert results[0] == results[1]
    assert results[0]["score"] is not None


@pytest.mark.slow
@pytest.mark.parametrize("recipe", toys.INTERMEDIATE)
def test_intermediate_training_repeats(twins: tuple[Paths, Paths], recipe: str) -> None:
    records = [numbers(paths.results / "intermediate" / f"{recipe}-1.json") for paths in twins]
    assert records[0] == records[1]
    assert bool(records[0]["curve"]) == (recipe != "none")


@pytest.mark.slow
def test_intermediate_training_changes_the_encoder_and_keeps_its_shape(twins: tuple[Paths, Paths]) -> None:
    paths = twins[0]
    before = load_file(paths.encoder / "model.safetensors")
    for recipe in toys.INTERMEDIATE[1:]:
        after = load_encoder(paths.encoder, paths.checkpoint(recipe, 1) / "model.safetensors")
        after.train_words(None)
        found = after.state_dict()
        assert {name: tensor.shape for name, tensor in found.items()} == {
            name: tensor.shape for name, tensor in before.items()
        }
        assert any(not found[name].equal(before[name]) for name in before)


@pytest.mark.slow
def test_weights_are_as_readable_as_what_lies_beside_them(twins: tuple[Paths, Paths]) -> None:
    """A container may run as another user than the one who trained."""
    for folder in (twins[0].encoder, twins[0].checkpoint("hellaswag", 1)):
        assert (folder / "model.safetensors").stat().st_mode == (folder / "config.json").stat().st_mode


@pytest.mark.slow
@pytest.mark.parametrize("cell", RAN)
def test_scores_follow_from_the_stored_predictions_alone(twins: tuple[Paths, Paths], cell: str) -> None:
    paths = twins[0]
    result = read_result(paths.cells / cell / "result.json")
    task = load_task(result.cell.target, paths.tasks)
    assert result.predictions is not None
    packed = (paths.cells / cell / result.predictions.path).read_bytes()
    assert hashlib.sha256(packed).hexdigest() == result.predictions.sha256
    stored = json.loads(gzip.decompress(packed))
    split = "test_gold" if task.kind == "mining" else "test"
    folder = paths.data(task.name)
    assert stored["task"] == task.name
    assert list(stored["languages"]) == languages(folder, split) == list(result.scores)
    for language, entry in stored["languages"].items():
        gold = folder / f"{split}.{language}.jsonl"
        assert entry["data_sha256"] == hashlib.sha256(gold.read_bytes()).hexdigest()
        rows = read_split(folder, split, language)
        if task.kind != "mining":
            rows = rows[:10]  # evaluation.max_rows of the toy project
            assert len(entry["predictions"]) == len(rows)
        again = scoring.score(task.metric, rows, entry["predictions"], language)
        assert again == pytest.approx(result.scores[language], abs=1e-9)
    assert result.score == pytest.approx(task_score(task.group or "", result.scores), abs=1e-9)


@pytest.mark.slow
def test_a_result_says_what_went_in_and_what_was_counted(twins: tuple[Paths, Paths]) -> None:
    paths = twins[0]
    result = read_result(paths.cells / "none-udpos-1" / "result.json")
    encoder = hashlib.sha256((paths.encoder / "model.safetensors").read_bytes()).hexdigest()
    manifest = hashlib.sha256((paths.data("udpos") / "manifest.json").read_bytes()).hexdigest()
    assert result.inputs["encoder"] == result.inputs["checkpoint"] == encoder
    assert result.inputs["data"] == manifest
    assert set(result.inputs) == {"params", "code", "data", "checkpoint", "encoder", "tokenizer"}
    assert result.counts["train_examples"] >= 48 and result.counts["steps"] >= 6
    assert result.counts["rows_predicted"] == 10 * len(result.scores)
    assert {"train_split", "test_split", "test_truncated"} <= set(result.counts)
    assert [point.step for point in result.curve][-1] == result.counts["steps"]
    said = result.provenance
    assert {"git_commit", "git_dirty", "packages", "machine", "device", "threads", "image_digest"} <= set(said)
    assert said["packages"]["torch"] and said["peak_memory_mb"] > 0
    trained = read_result(paths.cells / "multi-udpos-1" / "result.json")
    assert trained.inputs["checkpoint"] != encoder


def test_another_seed_gives_another_training_from_the_same_inputs(toy_copy: Toy) -> None:
    params, paths = toy_copy
    write_recipe("none", params, paths)
    write_target("pawsx", params, paths)
    scores = {}
    for seed in (1, 2):
        run_intermediate("none", seed, params, paths)
        scores[seed] = run_cell(Cell(recipe="none", target="pawsx", seed=seed), params, paths)
    assert scores[1].curve != scores[2].curve
    assert scores[1].inputs == scores[2].inputs


def test_a_finished_cell_is_replaced_whole(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash before result.json leaves no result: not a new one, and not the old one beside new predictions."""
    params, paths = toy_copy
    write_recipe("none", params, paths)
    write_target("tatoeba", params, paths)
    run_intermediate("none", 1, params, paths)
    cell = Cell(recipe="none", target="tatoeba", seed=1)
    run_cell(cell, params, paths)
    folder = paths.cell("none", "tatoeba", 1)
    assert (folder / "result.json").is_file()

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(HarnessError, match="No space left on device") as caught:
        run_cell(cell, params, paths)
    assert "result.json" in str(caught.value) and "free disk space" in str(caught.value)
    assert not (folder / "result.json").exists()


def test_a_diverged_training_is_a_failed_cell_with_its_curve(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A learning rate far too high: the loss becomes infinite, the cell says `failed` and has no score."""
    _, paths = toy_copy
    content = toys.toy_settings()
    content["target"]["pawsx"] |= {"learning_rate": 1e30, "max_gradient_norm": 1e30}
    toys.write_params(paths.root, content)
    params = toys.load_params(paths.root)
    write_recipe("none", params, paths)
    write_target("pawsx", params, paths)
    run_intermediate("none", 1, params, paths)
    result = run_cell(Cell(recipe="none", target="pawsx", seed=1), params, paths)
    assert (result.status, result.score, result.predictions, result.scores) == ("failed", None, None, {})
    assert read_result(paths.cell("none", "pawsx", 1) / "result.json") == result
