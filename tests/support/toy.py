"""A toy project: the laboratory profile cut down to sizes that train in a fraction of a second.

Fixtures build it once per test session; `python tests/support/toy.py FOLDER` builds it in a process of its own and runs
one unit of work of every kind there, so that two processes can be compared byte by byte.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.data.build import build_task
from harness.data.corpus import build_corpus
from harness.data.pins.write import pin_task
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "toy"
ROWS = {"train": 60, "dev": 20, "test": 12, "text": 1200}
"""Rows per split (of `text`: of all languages together)."""
ROWS |= dict.fromkeys(("test_source", "test_target", "test_gold"), 24)
CELLS = ("pawsx", "udpos", "xquad", "tatoeba", "bucc")
"""A target for every head of a cell; retrieval has two forms."""
INTERMEDIATE = ("none", "hellaswag", "squad_v2", "multi", "mnli+mlm", "squad_v2+translated")
"""A recipe for every head that no target has, a mixture, one with masked LM and one on translated rows."""
TASKS = (*CELLS, "hellaswag", "squad_v2", "mnli", "ccg", "text")
"""Tasks whose data the shared toy project holds."""


def toy_settings(tasks: Iterable[str] = TASKS) -> dict[str, Any]:
    """The laboratory profile's settings with toy sizes."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "profiles" / "lab.yaml").read_text(encoding="utf-8"))
    content |= {"profile": PROFILE, "title": "toy sizes of the laboratory profile"}
    content["data"]["tasks"] = list(tasks)
    content["grid"] = {"recipes": ["none"], "targets": [t for t in CELLS if t in tasks], "seeds": [1]}
    content["recipes"]["multi"] = {
        "tasks": ["mnli", "ccg", "hellaswag", "squad_v2"],
        "mixing_cap": 40,
        "steps": 8,
        "learning_rate": 0.001,
    }
    # Dropout stays on: what is drawn during training has to repeat as well.
    content["encoder"]["architecture"] = {
        "hidden_size": 16,
        "layers": 2,
        "heads": 2,
        "intermediate_size": 32,
        "max_length": 128,
        "dropout": 0.1,
    }
    content["recipes"]["mnli+mlm"]["mixing_cap"] = 40
    content["mlm"] |= {"batch_size": 8}
    # One thread: a second one on cores that other tests use makes every small operation wait for it.
    content["encoder"]["pretraining"] |= {"vocabulary_size": 400, "steps": 20, "batch_tokens": 256, "threads": 1}
    for settings in (*content["intermediate"].values(), *content["target"].values()):
        if "layer" in settings:
            settings["layer"] = 1
        else:
            settings |= {"batch_size": 8, "epochs": 1, "max_examples": 48}
    content["evaluation"] |= {"batch_tokens": 1024, "max_rows": 10}
    return content


def make_project(root: Path, content: dict[str, Any] | None = None) -> tuple[Params, Paths]:
    """A project folder with params.yaml, the profiles, the references, and the tasks pinned at toy sizes."""
    content = toy_settings() if content is None else content
    root.mkdir(parents=True, exist_ok=True)
    for folder in ("tasks", "reference", "profiles"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("lab"))
    write_params(root, content)
    for task in content["data"]["tasks"]:
        pin_task(task, root / "tasks", "generated", generated_rows=ROWS)
    return load_params(root), Paths(root, content["profile"])


def write_params(root: Path, content: dict[str, Any]) -> None:
    """Make `content` the project's active settings."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (root / "params.yaml").write_text(text, encoding="utf-8")


def build(params: Params, paths: Paths) -> None:
    """Data, corpus and encoder of a project."""
    from harness.experiment.encoder import run_encoder

    for task in params.data.tasks:
        build_task(task, params, paths)
    build_corpus(params, paths)
    run_encoder(params, paths)


def run_units(root: Path) -> None:
    """Build a project and run an intermediate training and a cell of every kind."""
    from harness.experiment.cell import run_cell
    from harness.experiment.inputs import write_recipe, write_target
    from harness.experiment.intermediate import run_intermediate
    from harness.project.results import Cell

    params, paths = make_project(root)
    build(params, paths)
    for recipe in INTERMEDIATE:
        write_recipe(recipe, params, paths)
        run_intermediate(recipe, 1, params, paths)
    for target in CELLS:
        write_target(target, params, paths)
        run_cell(Cell(recipe="none", target=target, seed=1), params, paths)
    run_cell(Cell(recipe="multi", target="udpos", seed=1), params, paths)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Params, Paths]:
    """A toy project with data, corpus and encoder; shared, so not to be written to."""
    params, paths = make_project(tmp_path_factory.mktemp("toy") / "project")
    build(params, paths)
    return params, paths


@pytest.fixture
def toy_copy(toy: tuple[Params, Paths], tmp_path: Path) -> tuple[Params, Paths]:
    """A copy of the toy project that a test may change."""
    params, paths = toy
    shutil.copytree(paths.root, tmp_path / "project")
    return params, Paths(tmp_path / "project", params.profile)


@pytest.fixture
def harness(
    toy_copy: tuple[Params, Paths], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command line in a copy of the toy project: arguments -> exit code, standard output, standard error."""
    from harness.commands.main import run

    monkeypatch.chdir(toy_copy[1].root)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return command


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    run_units(Path(sys.argv[1]))
