"""What a unit depends on, gathered in one file: complete, and refused once it is no longer what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import toy as toys
import yaml

from harness.experiment import inputs as resolve
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params

Toy = tuple[Params, Paths]


@pytest.mark.parametrize(
    ("stage", "code"),
    [("recipe", resolve.RECIPE_CODE), ("target", resolve.TARGET_CODE), ("encoder", resolve.ENCODER_CODE)],
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
    assert set(resolve.code_sha256(code)) == files and len(files) >= len(code)


def test_a_target_resolved_from_other_settings_is_refused(toy_copy: Toy) -> None:
    params, paths = toy_copy
    resolve.write_target("udpos", params, paths)
    assert resolve.read_target("udpos", params, paths)["settings"] == params.target["udpos"].model_dump()
    content = toys.toy_settings()
    content["target"]["udpos"]["learning_rate"] = 0.5
    content["evaluation"]["best_spans"] = 3
    toys.write_params(paths.root, content)
    with pytest.raises(HarnessError, match=r"found other settings\.learning_rate and evaluation\.best_spans") as caught:
        resolve.read_target("udpos", load_params(paths.root), paths)
    assert "targets/udpos.json" in str(caught.value) and "dvc repro target@udpos" in str(caught.value)


def test_other_code_is_refused(toy_copy: Toy) -> None:
    params, paths = toy_copy
    resolve.write_target("udpos", params, paths)
    path = paths.target("udpos")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["code"]["harness/experiment/cell.py"] = "0" * 64
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(HarnessError, match="found other code"):
        resolve.read_target("udpos", params, paths)


def test_a_recipe_follows_the_data_of_its_own_tasks_only(toy_copy: Toy) -> None:
    params, paths = toy_copy

    def change(task: str) -> None:
        manifest: Path = paths.data(task) / "manifest.json"
        manifest.write_text(manifest.read_text(encoding="utf-8") + "\n", encoding="utf-8")

    resolve.write_recipe("mnli", params, paths)
    change("squad_v2")
    assert resolve.read_recipe("mnli", params, paths)["tasks"]["mnli"]["training"]
    change("mnli")
    with pytest.raises(HarnessError, match=r"found other tasks.*dvc repro recipe@mnli"):
        resolve.read_recipe("mnli", params, paths)
