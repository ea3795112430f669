"""Recipes and their baseline on several classes of machines: told, and failed by --strict; no verdict is changed."""

from __future__ import annotations

from collections.abc import Callable

from synthetic import Project, judge, planted

from harness.audit.exit_codes import strict_problems
from harness.audit.report import render
from harness.project.results import Cell, read_result, write_result


def test_a_seed_from_two_classes_of_machines_is_told(make_project: Callable[..., Project]) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({"mnli": 1.0}))
    assert judge(project).v0.machines == []
    cell = Cell(recipe="mnli", target="xnli", seed=2)
    folder = project.paths.cell(cell.recipe, cell.target, cell.seed)
    result = read_result(folder / "result.json")
    elsewhere = result.provenance | {"machine": {"cpu": "another"}}
    write_result(folder, result.model_copy(update={"provenance": elsewhere}))
    found = judge(project)
    (sentence,) = found.v0.machines
    assert "seed 2: mnli-xnli-2 ran on another class of machine (another) than the baseline (toy;" in sentence
    assert found.v0.problems == [] and "another class of machine" in " ".join(render(found).split())
    assert "recipes and their baseline ran on other classes of machines" in strict_problems(found)


def test_other_seeds_may_run_elsewhere(make_project: Callable[..., Project]) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",)).run(planted({"mnli": 1.0}))
    for recipe in ("none", "mnli"):
        folder = project.paths.cell(recipe, "xnli", 2)
        result = read_result(folder / "result.json")
        write_result(folder, result.model_copy(update={"provenance": result.provenance | {"threads": 8}}))
    assert judge(project).v0.machines == []
