"""What a unit depends on, gathered in one file: complete, and refused once it is no longer what it says."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import toy as toys
import yaml

from harness.experiment import code, inputs
from harness.experiment.parts import PLANTED, recipe_parts
from harness.experiment.parts import cell_parts as parts_of
from harness.metrics import scoring
from harness.pipeline.lock import Lock
from harness.pipeline.units import states, units
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params

Toy = tuple[Params, Paths]
TOYS = ("udpos", "pawsx", "xquad", "tatoeba", "bucc")
FOLDERS = ("data/folder.py", "experiment", "metrics", "model")


def deps_of(stage: str) -> list[str]:
    content = yaml.safe_load((toys.ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    return [dep for dep in content["deps"] if dep.startswith("harness/")]


def unit_files() -> set[Path]:
    """Every file that some unit of the shipped tasks runs."""
    metrics = [each.name for each in scoring.known_metrics()]
    parts = [*parts_of("bitext", "retrieval", metrics[0]), *parts_of("mining", "retrieval", metrics[0])]
    parts += [part for name in metrics for part in parts_of("tagging", "tagging", name)]
    return set(code.files_of([*parts, *recipe_parts(metrics, True), PLANTED]))


def test_the_cheap_stages_run_when_any_code_of_units_changes() -> None:
    for stage in ("recipe", "target"):
        assert sorted(deps_of(stage)) == sorted(f"harness/{name}" for name in FOLDERS)
    assert inputs.UNIT_CODE == FOLDERS
    folders = tuple(toys.ROOT / "harness" / name for name in FOLDERS)
    assert all(any(file.is_relative_to(folder) for folder in folders) for file in unit_files())


def test_the_encoder_depends_on_the_files_that_it_runs_and_on_no_other() -> None:
    files = {file.relative_to(toys.ROOT).as_posix() for file in code.files_of([inputs.ENCODER])}
    assert set(deps_of("encoder")) == files and len(files) > 10


def test_a_module_that_is_loaded_by_its_name_is_one_that_the_parts_name() -> None:
    """`import_module` is no import that can be followed; nor is a name that a package hands on when it is asked."""
    by_name = ("way_of(", "search_of(", "PLANTED", "TRAINING", "MASKED_LM", "module_of(")
    for file in unit_files():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
                assert ast.unparse(node.args[0]).startswith(by_name), f"{file}: {ast.unparse(node)}"
            if isinstance(node, ast.ImportFrom) and node.module == "harness.metrics":
                assert all(code.source_of(f"harness.metrics.{name.name}") for name in node.names), file
            assert not (isinstance(node, ast.Import) and any(n.name == "harness.metrics" for n in node.names)), file


def test_what_is_not_hashed_is_still_imported() -> None:
    named = set(code.NOT_HASHED) - {"harness"}
    text = "\n".join(file.read_text(encoding="utf-8") for file in unit_files() | set(code.files_of([inputs.ENCODER])))
    for module in named:
        package, _, name = module.rpartition(".")
        assert f"from {module} import" in text or f"from {package} import {name}" in text, module


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import harness.model.heads", {"harness", "harness.model", "harness.model.heads"}),
        ("def f():\n    from harness.model import heads", {"harness", "harness.model", "harness.model.heads"}),
        ("from . import loop", {"harness", "harness.a", "harness.a.b", "harness.a.b.loop"}),
        ("from ..c import d", {"harness", "harness.a", "harness.a.c", "harness.a.c.d"}),
        ("if TYPE_CHECKING:\n    import harness.x\nelse:\n    import harness.y", {"harness", "harness.y"}),
        ("try:\n    import harness.x as x\nexcept ImportError:\n    x = None", {"harness", "harness.x"}),
        ("import numpy, harnessed", set()),
    ],
)
def test_imports_are_followed_however_they_are_written(source: str, found: set[str]) -> None:
    assert set(code._read(source.encode(), "harness.a.b")[0]) == found


def entry(root: Path, *outputs: str) -> dict[str, Any]:
    """What dvc.lock says of a stage that left these files as they lie here."""
    digests = {name: hashlib.md5((root / name).read_bytes(), usedforsecurity=False).hexdigest() for name in outputs}
    return {"cmd": "harness run", "outs": [{"path": name, "md5": digest} for name, digest in digests.items()]}


def write_lock(params: Params, paths: Paths) -> None:
    """A dvc.lock by which everything has run; the code of recipes and targets is as it lies here."""
    stages: dict[str, Any] = {}
    for unit in units(params, paths):
        output = paths.root / unit.output
        output.parent.mkdir(parents=True, exist_ok=True)
        output.touch()
        stages |= {need: {"cmd": "harness run"} for need in unit.needs if need not in stages}
        stages[unit.stage] = entry(paths.root, unit.output)
    lock = Lock(paths.root)
    deps = [{"path": f"harness/{name}", "md5": lock.md5(f"harness/{name}")} for name in FOLDERS]
    for stage in stages:
        if stage.startswith(("recipe@", "target@")):
            stages[stage] = {"deps": deps}
    (paths.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}), encoding="utf-8")


@pytest.fixture
def own_code(toy_copy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A project that runs its own copy of the code, by whose dvc.lock everything has run."""
    params, paths = toy_copy
    package = paths.root / "harness"
    shutil.copytree(toys.ROOT / "harness", package, ignore=shutil.ignore_patterns("__pycache__"))
    for module in (inputs, code):
        monkeypatch.setattr(module, "PACKAGE", package)
    for target in params.grid.targets:
        inputs.write_target(target, params, paths)
    inputs.write_recipe("none", params, paths)
    write_lock(params, paths)
    return params, paths


CODE_OF = [
    ("model/heads.py", TOYS),
    ("model/families.py", TOYS),
    ("experiment/findings.py", TOYS),
    ("metrics/metric.py", TOYS),
    ("experiment/transfer.py", ("udpos", "pawsx", "xquad")),
    ("experiment/training/loop.py", ("udpos", "pawsx", "xquad")),
    ("experiment/retrieval.py", ("tatoeba", "bucc")),
    ("metrics/similarity.py", ("tatoeba", "bucc")),
    ("metrics/named/span_f1.py", ("udpos",)),
    ("metrics/tagging.py", ("udpos",)),
    ("metrics/answers_squad.py", ("xquad",)),
    ("metrics/nearest.py", ("tatoeba",)),
    ("metrics/mining.py", ("bucc",)),
    ("experiment/searches/mining.py", ("bucc",)),
    ("metrics/answers_mlqa.py", ()),
    ("metrics/named/new.py", ()),
    ("metrics/xtreme.py", ()),
    ("metrics/__init__.py", ()),
    ("experiment/planted.py", ()),
    ("experiment/layer_scores.py", ()),
    ("experiment/training/mlm.py", ()),
]
"""File -> the toy's targets whose cells are made anew when it changes."""


@pytest.mark.parametrize(("changed", "targets"), CODE_OF)
def test_a_cell_is_stale_once_its_own_code_changes_and_not_before(
    own_code: Toy, changed: str, targets: tuple[str, ...]
) -> None:
    """By dvc.lock, by the file that the cell depends on, and by what a cell looks at before it runs."""
    params, paths = own_code
    assert set(states(params, paths).values()) == {"done"}
    before = {target: paths.target(target).read_bytes() for target in TOYS}
    file = paths.root / "harness" / changed
    file.write_text((file.read_text(encoding="utf-8") if file.is_file() else "") + "\nX = 1\n", encoding="utf-8")

    found = states(params, paths)
    stale = {stage for stage, state in found.items() if state == "stale" and stage.startswith("cell")}
    # What making the baseline's checkpoint runs makes every cell wait for it.
    assert stale == {f"cell@none-{target}-1" for target in targets}, found["intermediate@none-1"]
    for target in TOYS:
        if target in targets:
            with pytest.raises(HarnessError, match=f"found other code.harness/{changed}"):
                inputs.read_target(target, params, paths)
        else:
            assert inputs.read_target(target, params, paths)["target"] == target
        inputs.write_target(target, params, paths)
        assert (paths.target(target).read_bytes() == before[target]) == (target not in targets)


def test_planted_effects_and_masked_lm_are_code_of_the_recipes_that_have_them(own_code: Toy) -> None:
    params, paths = own_code
    content = params.model_dump()
    content["recipes"]["worse"] = {"tasks": [], "planted": [{"points": -8.0}]}
    params = Params.model_validate(content)
    names = ("none", "worse", "mnli", "mnli+mlm", "squad_v2")
    before = {name: inputs.recipe_inputs(name, params, paths) for name in names}

    def changed(file: str) -> set[str]:
        path = paths.root / "harness" / file
        path.write_text(path.read_text(encoding="utf-8") + "\nX = 1\n", encoding="utf-8")
        found = {name for name in names if inputs.recipe_inputs(name, params, paths) != before[name]}
        before.update({name: inputs.recipe_inputs(name, params, paths) for name in names})
        return found

    assert changed("experiment/planted.py") == {"worse"}
    assert changed("experiment/training/mlm.py") == {"mnli+mlm"}
    assert changed("experiment/training/loop.py") == {"mnli", "mnli+mlm", "squad_v2"}
    assert changed("metrics/answers_squad_v2.py") == {"squad_v2"}
    assert changed("metrics/named/accuracy.py") == {"mnli", "mnli+mlm"}
    assert changed("experiment/intermediate.py") == {*names}


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


def test_a_recipe_with_masked_lm_depends_on_the_encoders_head_for_it_and_no_other_does(toy_copy: Toy) -> None:
    params, paths = toy_copy
    recipes = ("hellaswag", "mnli+mlm")

    def made_from() -> list[dict[str, Any]]:
        return [inputs.intermediate_inputs(recipe, params, paths) for recipe in recipes]

    for recipe in recipes:
        inputs.write_recipe(recipe, params, paths)
    before, head = made_from(), paths.encoder / inputs.LM_HEAD_FILE
    head.write_bytes(head.read_bytes()[:-1] + b"!")
    plain, masked = made_from()
    assert plain == before[0] and masked != before[1]
    head.unlink()
    with pytest.raises(HarnessError, match=inputs.LM_HEAD_FILE):
        made_from()
