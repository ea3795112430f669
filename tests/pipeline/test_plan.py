"""The plan: every unit in an order in which it can run, its state by a hand-written dvc.lock, and its cost."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import toy as toys
import yaml

from harness.pipeline.grid_file import grid_units
from harness.pipeline.plan import remaining, render_plan
from harness.pipeline.times import _own_times, measured_costs
from harness.pipeline.units import states, units
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import load_params, read_params

LAB = read_params(toys.ROOT / "profiles" / "lab.yaml")


@pytest.fixture
def project(tmp_path: Path) -> tuple[Params, Paths]:
    """Two recipes, two targets, two seeds; nothing has run."""
    content = json.loads(json.dumps(toys.toy_settings()))
    content["data"]["tasks"] = ["udpos", "pawsx", "squad_v2", "text"]
    content["grid"] = {"recipes": ["none", "squad_v2"], "targets": ["udpos", "pawsx"], "seeds": [1, 2]}
    toys.write_params(tmp_path, content)
    shutil.copytree(toys.ROOT / "tasks", tmp_path / "tasks")
    return load_params(tmp_path), Paths(tmp_path, toys.PROFILE)


def write(path: Path, text: str = "x") -> str:
    """Write a file; returns its md5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def finish(paths: Paths, params: Params, stages: dict[str, list[str]]) -> None:
    """Write a dvc.lock in which these stages have run on these files, and what they left."""
    entries: dict[str, Any] = {}
    outputs = {unit.stage: unit.output for unit in units(params, paths)}
    for stage, deps in stages.items():
        listed = [{"path": dep, "hash": "md5", "md5": write(paths.root / dep, dep)} for dep in deps]
        entries[stage] = {"cmd": "harness run", "deps": listed}
        if stage in outputs:
            md5 = write(paths.root / outputs[stage])
            entries[stage]["outs"] = [{"path": outputs[stage], "hash": "md5", "md5": md5}]
    (paths.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": entries}), encoding="utf-8")


RAN = {
    "corpus": ["build/toy/data/text"],
    "data@udpos": ["tasks/udpos.yaml"],
    "data@pawsx": ["tasks/pawsx.yaml"],
    "data@squad_v2": ["tasks/squad_v2.yaml"],
    "encoder": ["build/toy/corpus"],
    "recipe@none": [],
    "recipe@squad_v2": [],
    "target@udpos": ["harness/experiment/cell.py"],
    "target@pawsx": ["harness/experiment/cell.py"],
    "intermediate@none-1": ["build/toy/encoder/config.json"],
    "intermediate@squad_v2-1": ["build/toy/recipes/squad_v2.json"],
    "cell@none-udpos-1": ["build/toy/targets/udpos.json"],
    "cell@squad_v2-udpos-1": ["build/toy/targets/udpos.json"],
    "cell@none-pawsx-1": ["build/toy/targets/pawsx.json"],
}


def test_every_cell_of_the_grid_has_its_units() -> None:
    found = units(LAB, Paths(toys.ROOT, "lab"))
    grid = LAB.grid
    assert len(found) == 1 + len(grid.trainings) + len(grid.cells)
    assert len(grid.trainings) == len(grid.recipes) * len(grid.seeds) and grid.blocks
    assert len({unit.stage for unit in found}) == len(found)
    assert len({unit.output for unit in found}) == len(found)


def test_a_unit_comes_after_what_it_needs() -> None:
    done = {"corpus"} | {f"data@{task}" for task in LAB.data.tasks}
    done |= {f"recipe@{name}" for name in LAB.grid.recipes} | {f"target@{name}" for name in LAB.grid.targets}
    for unit in units(LAB, Paths(toys.ROOT, "lab")):
        assert set(unit.needs) <= done, unit.stage
        done.add(unit.stage)
    multi = next(unit for unit in units(LAB, Paths(toys.ROOT, "lab")) if unit.stage == "intermediate@multi-1")
    assert set(multi.needs) == {"encoder", "recipe@multi"} | {f"data@{task}" for task in LAB.recipes["multi"].tasks}


def test_stages_are_the_ones_of_dvc_yaml() -> None:
    """`dvc repro STAGE` takes the names that the plan prints."""
    stages = yaml.safe_load((toys.ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    listed = grid_units(LAB)
    for unit in units(LAB, Paths(toys.ROOT, "lab")):
        name, _, member = unit.stage.partition("@")
        assert ("foreach" in stages[name]) == bool(member) and (not member or member in listed[name])


def test_before_anything_ran(project: tuple[Params, Paths]) -> None:
    params, paths = project
    assert set(states(params, paths).values()) == {"to run"}
    text = render_plan(params, paths)
    assert "2 recipes x 2 targets x 2 seeds = 8 cells" in text
    assert "13 to run of 13 units" in text and "nothing measured yet" in text and "pinned" not in text


def test_a_study_that_grows_in_pieces_says_how_many_cells_are_pinned() -> None:
    mini = read_params(toys.ROOT / "profiles" / "mini.yaml")
    cells = sum(1 for _ in (toys.ROOT / "reference" / "mini" / "results.jsonl").open(encoding="utf-8"))
    words = " ".join(render_plan(mini, Paths(toys.ROOT, "mini")).split())
    assert f"pinned: {cells} of 423 cells; `harness repro --pinned` takes over" in words
    assert "pinned: 150 of 150 cells" in render_plan(LAB, Paths(toys.ROOT, "lab"))


def test_states_follow_the_lock(project: tuple[Params, Paths]) -> None:
    params, paths = project
    finish(paths, params, RAN)
    found = states(params, paths)
    assert {stage for stage, state in found.items() if state == "done"} == set(RAN) & set(found)
    assert {state for stage, state in found.items() if stage not in RAN} == {"to run"}
    # One recipe's own input: its training is stale, and so are the cells that read its checkpoint.
    write(paths.root / "build/toy/recipes/squad_v2.json", "changed")
    found = states(params, paths)
    stale = {stage for stage, state in found.items() if state == "stale"}
    assert stale == {"intermediate@squad_v2-1", "cell@squad_v2-udpos-1"}


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("README.md", set()),
        ("tasks/pawsx.yaml", {"cell@none-pawsx-1"}),
        ("harness/experiment/cell.py", {stage for stage in RAN if stage.startswith("cell@")}),
        ("build/toy/data/text", {stage for stage in RAN if stage.startswith(("cell@", "intermediate@", "encoder"))}),
    ],
)
def test_a_change_makes_stale_what_comes_after_it(project: tuple[Params, Paths], changed: str, stale: set[str]) -> None:
    params, paths = project
    finish(paths, params, RAN)
    write(paths.root / changed, "changed")
    found = states(params, paths)
    assert {stage for stage, state in found.items() if state == "stale"} == stale


def test_an_output_that_was_deleted_is_to_run(project: tuple[Params, Paths]) -> None:
    params, paths = project
    finish(paths, params, RAN)
    (paths.cell("none", "udpos", 1) / "result.json").unlink()
    assert states(params, paths)["cell@none-udpos-1"] == "to run"


def test_costs_are_medians_of_what_was_measured(project: tuple[Params, Paths]) -> None:
    params, paths = project
    assert measured_costs(paths) == ({}, "nothing measured yet")
    machine = {"cpu": "a processor", "cores": 2}
    write(paths.pinned / "costs.json", json.dumps({"seconds": {"encoder": 60.0}, "machine": machine}))
    assert measured_costs(paths) == ({"encoder": 60.0}, "the pinned run (a processor, 2 cores)")
    for seed, seconds in ((1, 10.0), (2, 50.0), (3, 30.0)):
        content = {"cell": {"target": "udpos"}, "elapsed_s": seconds}
        write(paths.cell("none", "udpos", seed) / "result.json", json.dumps(content))
    write(paths.results / "intermediate" / "squad_v2-1.json", json.dumps({"recipe": "squad_v2", "elapsed_s": 90.0}))
    seconds, where = measured_costs(paths)
    assert seconds == {"cell udpos": 30.0, "intermediate squad_v2": 90.0}
    assert where == "this machine's finished units"
    assert "no time known of: cell pawsx, encoder, intermediate none" in render_plan(params, paths)


def test_costs_of_a_large_grid_are_of_a_sample(project: tuple[Params, Paths], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.pipeline.times.SAMPLE", 4)
    paths = project[1]
    for seed in range(12):
        content = {"cell": {"target": "udpos"}, "elapsed_s": 10.0 + seed}
        write(paths.cell("none", "udpos", seed) / "result.json", json.dumps(content))
    assert sum(map(len, _own_times(paths).values())) == 4
    assert 10.0 <= measured_costs(paths)[0]["cell udpos"] <= 21.0


def test_another_profiles_run_is_not_this_ones(project: tuple[Params, Paths]) -> None:
    """dvc.lock holds the last profile that ran under the stages' common names."""
    params, paths = project
    finish(paths, params, RAN)
    text = (paths.root / "dvc.lock").read_text(encoding="utf-8").replace("results/toy/", "results/other/")
    (paths.root / "dvc.lock").write_text(text, encoding="utf-8")
    found = states(params, paths)
    assert found["cell@none-udpos-1"] == "to run" and found["intermediate@none-1"] == "done"


def test_a_profile_that_nobody_timed_is_costed() -> None:
    paper = read_params(toys.ROOT / "profiles" / "paper.yaml")
    text = render_plan(paper, Paths(toys.ROOT, "paper"))
    assert "18 recipes x 9 targets x 5 seeds = 810 cells" in text
    for what in ("optimiser steps", "training tokens", "GPU-hours", "disk: checkpoints", "saved by sharing"):
        assert f"\n{what} " in text
    assert "optimiser steps" not in render_plan(LAB, Paths(toys.ROOT, "lab"))


def test_what_remains_is_told_after_each_cell(project: tuple[Params, Paths]) -> None:
    params, paths = project
    assert remaining(params, paths) == "0 of 8 cells there"
    write(paths.cell("none", "udpos", 1) / "result.json", json.dumps({"cell": {"target": "udpos"}, "elapsed_s": 120.0}))
    # Of seven cells the three of udpos are known to take two minutes; the others are taken to be like them.
    assert remaining(params, paths) == "1 of 8 cells there, about 14 min of work left"
