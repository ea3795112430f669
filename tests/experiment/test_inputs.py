"""What a unit depends on, gathered in one file: complete, and refused once it is no longer what it says."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import toy as toys
import yaml

from harness.experiment import inputs
from harness.pipeline.units import states, units
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params

Toy = tuple[Params, Paths]
NOT_HASHED = {
    "harness": "the number of the version",
    "harness.data.corpus": "an intermediate training asks it only whether there is text; the text's hash is an input",
    "harness.data.fetch.store": "finds a published encoder's files, whose hashes are settings",
    "harness.data.formats": "names the type of a row; what it normalises is data, whose hashes are inputs",
    "harness.experiment.inputs": "gathers what is hashed; what it hands on is itself what the hashes are of",
    "harness.project.errors": "words of errors",
    "harness.project.files": "hashes of files and JSON written as it is given",
    "harness.project.params": "checks settings, whose values are hashed",
    "harness.project.paths": "where files lie, not what they hold",
    "harness.project.progress": "a line on the screen",
    "harness.project.provenance": "says where a result was made, after it was",
    "harness.project.records": "the base of records: unknown keys are refused",
    "harness.project.results": "records that keep what was found as it is",
    "harness.project.stages": "names of stages, in words of errors",
    "harness.project.tasks": "checks tasks/*.yaml, of which the data's manifest repeats what training and scoring read",
}
"""Module that a unit imports -> why another version of it gives the same numbers from the same inputs."""


@pytest.mark.parametrize(
    ("stage", "code"),
    [("recipe", inputs.RECIPE_CODE), ("target", inputs.TARGET_CODE), ("encoder", inputs.ENCODER_CODE)],
)
def test_the_code_named_is_the_code_that_the_stage_depends_on(stage: str, code: tuple[str, ...]) -> None:
    content = yaml.safe_load((toys.ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    deps = [dep for dep in content["deps"] if dep.startswith("harness/")]
    assert sorted(deps) == sorted(f"harness/{name}" for name in code)
    files = {
        file.relative_to(toys.ROOT).as_posix()
        for dep in deps
        for file in ([toys.ROOT / dep] if dep.endswith(".py") else (toys.ROOT / dep).rglob("*.py"))
    }
    assert set(inputs.code_sha256(code)) == files and len(files) >= len(code)


def source_of(module: str) -> Path | None:
    """The module's file; None for a name inside a module."""
    path = toys.ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that can run: what stands under `if TYPE_CHECKING` can't."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from statements(node)


def imported(module: str) -> Iterator[str]:
    """Modules of this project that a module imports, inside functions too, and the packages that hold them."""
    for node in statements(ast.parse((source_of(module) or Path()).read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "harness":
                yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def runs(module: str) -> bool:
    """Whether the name is a module with more in it than a docstring."""
    file = source_of(module)
    return file is not None and len(ast.parse(file.read_text(encoding="utf-8")).body) > 1


def closure(module: str) -> set[str]:
    """The module and all of the project that it imports, and they import in turn.

    What a module of NOT_HASHED imports is not looked at: no number depends on it by that way.
    """
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and runs(name):
            found.add(name)
            waiting += imported(name) if name not in NOT_HASHED else []
    return found


UNITS = [
    ("harness.experiment.encoder", inputs.ENCODER_CODE),
    ("harness.experiment.intermediate", inputs.RECIPE_CODE),
    ("harness.experiment.cell", inputs.TARGET_CODE),
]


@pytest.mark.parametrize(("module", "code"), UNITS)
def test_all_code_that_a_unit_runs_is_hashed(module: str, code: tuple[str, ...]) -> None:
    files = {name: (source_of(name) or Path()).relative_to(toys.ROOT).as_posix() for name in closure(module)}
    hashed = set(inputs.code_sha256(code))
    assert {"harness.experiment.training.text", "harness.model.heads"} & files.keys()
    missing = {name for name, file in files.items() if file not in hashed} - NOT_HASHED.keys()
    assert not missing, f"hash {missing} (inputs.py, dvc.yaml), or say in NOT_HASHED why no number depends on it"
    both = {name for name, file in files.items() if file in hashed} & NOT_HASHED.keys()
    assert not both, f"hashed, and said to need no hash: {both}"


def test_what_is_not_hashed_is_still_imported() -> None:
    assert set().union(*(closure(module) for module, _ in UNITS)) >= NOT_HASHED.keys()


def entry(root: Path, *outputs: str) -> dict[str, Any]:
    """What dvc.lock says of a stage that left these files as they lie here."""
    digests = {name: hashlib.md5((root / name).read_bytes(), usedforsecurity=False).hexdigest() for name in outputs}
    return {"cmd": "harness run", "outs": [{"path": name, "md5": digest} for name, digest in digests.items()]}


def write_lock(params: Params, paths: Paths, code: Iterable[str]) -> None:
    """A dvc.lock by which everything has run; the code of targets is as it lies here."""
    stages: dict[str, Any] = {}
    for unit in units(params, paths):
        output = paths.root / unit.output
        output.parent.mkdir(parents=True, exist_ok=True)
        output.touch()
        stages |= {need: {"cmd": "harness run"} for need in unit.needs if need not in stages}
        stages[unit.stage] = entry(paths.root, unit.output)
    for name in params.grid.targets:
        stages[f"target@{name}"] = {"deps": entry(paths.root, *code)["outs"]}
    (paths.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}), encoding="utf-8")


@pytest.mark.parametrize("changed", ["metrics/xtreme.py", "metrics/metric.py", "experiment/findings.py"])
def test_a_cell_is_stale_once_the_code_that_makes_its_score_changes(
    toy_copy: Toy, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """By dvc.lock, and by the hashes that a cell itself looks at before it runs."""
    params, paths = toy_copy
    package = paths.root / "harness"
    shutil.copytree(toys.ROOT / "harness", package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(inputs, "PACKAGE", package)
    inputs.write_target("udpos", params, paths)
    write_lock(params, paths, inputs.code_sha256(inputs.TARGET_CODE))
    assert set(states(params, paths).values()) == {"done"}
    assert inputs.read_target("udpos", params, paths)["target"] == "udpos"

    (package / changed).write_text((package / changed).read_text(encoding="utf-8") + "\nX = 1\n", encoding="utf-8")
    found = states(params, paths)
    assert {stage for stage, state in found.items() if state == "stale"} == {f"cell@none-{t}-1" for t in toys.CELLS}
    with pytest.raises(HarnessError, match=f"found other code.harness/{changed}"):
        inputs.read_target("udpos", params, paths)


def test_a_target_resolved_from_other_settings_is_refused(toy_copy: Toy) -> None:
    params, paths = toy_copy
    inputs.write_target("udpos", params, paths)
    assert inputs.read_target("udpos", params, paths)["settings"] == params.target["udpos"].model_dump()
    content = toys.toy_settings()
    content["target"]["udpos"]["learning_rate"] = 0.5
    content["evaluation"]["best_spans"] = 3
    toys.write_params(paths.root, content)
    with pytest.raises(HarnessError, match=r"found other settings\.learning_rate and evaluation\.best_spans") as caught:
        inputs.read_target("udpos", load_params(paths.root), paths)
    assert "targets/udpos.json" in str(caught.value) and "dvc repro target@udpos" in str(caught.value)


def test_other_code_is_refused(toy_copy: Toy) -> None:
    params, paths = toy_copy
    inputs.write_target("udpos", params, paths)
    path = paths.target("udpos")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["code"]["harness/experiment/cell.py"] = "0" * 64
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(HarnessError, match="found other code"):
        inputs.read_target("udpos", params, paths)


def test_a_recipe_follows_the_data_of_its_own_tasks_only(toy_copy: Toy) -> None:
    params, paths = toy_copy

    def change(task: str) -> None:
        manifest: Path = paths.data(task) / "manifest.json"
        manifest.write_text(manifest.read_text(encoding="utf-8") + "\n", encoding="utf-8")

    inputs.write_recipe("mnli", params, paths)
    change("squad_v2")
    assert inputs.read_recipe("mnli", params, paths)["tasks"]["mnli"]["training"]
    change("mnli")
    with pytest.raises(HarnessError, match=r"found other tasks.*dvc repro recipe@mnli"):
        inputs.read_recipe("mnli", params, paths)
