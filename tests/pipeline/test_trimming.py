"""What `harness plan` says that trimmed word embeddings save: from trainings that ran, else nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import toy as toys

from harness.pipeline.cost_text import render_cost
from harness.pipeline.trimming import read_trimming
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params


@pytest.fixture
def project(tmp_path: Path) -> tuple[Params, Paths]:
    """Three recipes at two seeds, nothing run, an encoder of 1,000 pieces and 100 numbers each."""
    content = toys.toy_settings()
    content["grid"] |= {"recipes": ["none", "mnli", "squad_v2", "mnli+mlm"], "seeds": [1, 2]}
    toys.write_params(tmp_path, content)
    shutil.copytree(toys.ROOT / "tasks", tmp_path / "tasks")
    paths = Paths(tmp_path, toys.PROFILE)
    paths.encoder.mkdir(parents=True)
    write_json(paths.encoder / "config.json", {"vocab_size": 1000, "hidden_size": 100})
    return load_params(tmp_path), paths


def ran(paths: Paths, recipe: str, seed: int, counts: object) -> None:
    path = paths.intermediate(recipe, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"counts": counts})


def test_nothing_is_said_before_a_training_has_run(project: tuple[Params, Paths]) -> None:
    params, paths = project
    assert "unknown until an intermediate training has run" in render_cost(params, paths, None)
    ran(paths, "none", 1, {})
    ran(paths, "mnli", 1, {"steps": 3})
    ran(paths, "mnli+mlm", 1, {"words_trained": 1000})
    assert read_trimming(params, paths) is None, "masked LM trains every row, and older records say nothing"


def test_the_training_with_the_most_rows_counts(project: tuple[Params, Paths]) -> None:
    params, paths = project
    ran(paths, "mnli", 1, {"words_trained": 150})
    ran(paths, "squad_v2", 2, {"words_trained": 200})
    ran(paths, "mnli+mlm", 1, {"words_trained": 1000})
    found = read_trimming(params, paths)
    assert found is not None and (found.trained, found.trainings, found.parameters) == (200, 2, 80_000)
    text = " ".join(render_cost(params, paths, None).split())
    # 80,000 parameters: gradient and two moments of 4 bytes each; 4 bytes in each of 2 x 2 checkpoints
    assert "1.0 MB of memory in each training, 1.3 MB of checkpoints" in text
    assert "200 of 1,000 word embeddings were trained at most, in 2 trainings" in text


def test_a_training_that_is_no_longer_in_the_grid_does_not_count(project: tuple[Params, Paths]) -> None:
    _, paths = project
    content = toys.toy_settings()
    targets = content["grid"]["targets"]
    content["grid"] = [
        {"recipes": ["none", "mnli"], "targets": targets, "seeds": [1]},
        {"recipes": ["none"], "targets": targets, "seeds": [2]},
    ]
    toys.write_params(paths.root, content)
    ran(paths, "mnli", 1, {"words_trained": 150})
    ran(paths, "mnli", 2, {"words_trained": 200})
    found = read_trimming(load_params(paths.root), paths)
    assert found is not None and (found.trained, found.trainings) == (150, 1)


@pytest.mark.parametrize("config", ["{", '{"vocab_size": "many", "hidden_size": 3}', None])
def test_an_encoder_that_cannot_be_read_is_none(project: tuple[Params, Paths], config: str | None) -> None:
    params, paths = project
    ran(paths, "mnli", 1, {"words_trained": 150})
    path = paths.encoder / "config.json"
    path.unlink() if config is None else path.write_text(config, encoding="utf-8")
    assert read_trimming(params, paths) is None
