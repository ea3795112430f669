"""What the study says of the intermediate trainings: from their records, of a run or pinned."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import toy as toys
from made_up_study import make, page_of, row
from synthetic import Project, planted

from harness.audit.subject import sound_results
from harness.pages.study.trainings import RecipeTraining, TaskLearnt, on_trainings, read_trainings
from harness.project.errors import HarnessError
from harness.project.files import write_json
from harness.project.paths import Paths
from harness.project.profiles import read_params

SECTION = "What the intermediate trainings learnt"


def training(
    recipe: str, tasks: Mapping[str, Mapping[int, list[str]]], seeds: tuple[int, ...] = (1, 2)
) -> RecipeTraining:
    """A recipe's trainings; `tasks`: task -> seed that did not learn it -> why."""
    learnt = {task: TaskLearnt(dev=dict.fromkeys(seeds, 50.0), unlearnt=dict(bad)) for task, bad in tasks.items()}
    losses = [(2.0, 1.0 + seed / 10) for seed in seeds]
    return RecipeTraining(recipe=recipe, tasks=learnt, seconds=[1800.0] * len(seeds), losses=losses)


NO = ["it says the same of every dev row"]


def test_the_sentence_counts_seeds_that_learnt_the_task() -> None:
    said = on_trainings([training("a", {"a": {1: NO}}), training("b", {"b": {}}), training("c", {"c": {1: NO, 2: NO}})])
    assert said == (
        "By dev rows of their own tasks, recipes learnt these: b at all 2 seeds; a at 1 of 2 seeds; c at none of 2 "
        "seeds. Where nothing was learnt, a gain or loss is no evidence of transfer; where the loss fell all the same, "
        "more may have been learnt than dev rows show."
    )
    mixture = training("multi", {"a": {1: NO, 2: NO}, "b": {2: NO}})
    assert "of multi's 2 tasks 1 at one seed or more (b)." in on_trainings([mixture])
    whole = on_trainings([training("a", {"a": {}}), training("b", {"b": {}}, seeds=(1,))])
    assert whole == "By dev rows of their own tasks, recipes learnt these: a at all 2 seeds; b at the one seed."
    assert "c at no seed (of one)." in on_trainings([training("c", {"c": {1: NO}}, seeds=(1,))])
    assert on_trainings([]) == ""


def test_signs_of_failure_stand_in_the_table_once() -> None:
    why = {
        1: ["dev score 28.0, and always the same answer gives 34.0", "its loss did not fall: 1.387 to 1.384"],
        2: ["dev score 24.0, and always the same answer gives 34.0"],
    }
    study = make({"mnli": 1.0}, trainings=[training("mnli", {"mnli": why})], cell_seconds=7200.0)
    page = page_of(study)
    assert row(page, "mnli", SECTION) == [
        "mnli", "mnli", "1: 50.0, 2: 50.0", "0 of 2", "2.00 to 1.15",
        "always the same answer gives 34.0; its loss did not fall",
    ]  # fmt: skip
    assert row(page, "time", "What was run")[1] == "cells 2.0 h, intermediate trainings 1.0 h, added up"
    assert page.index("mnli at none of 2 seeds") < page.index("## The claims"), "beside the answer"
    few = page_of(make({"mnli": 1.0}, trainings=[training("mnli", {"mnli": why})], most_rows=25))
    assert "None of them is proof on 25 dev rows" in few and "standard error of 10 points" in few
    assert "standard error of" not in page
    assert SECTION not in page_of(make({"mnli": 1.0}))


def test_records_of_a_run_are_read_and_those_that_lack_are_left_out(
    make_project: Callable[..., Project], repo_root: os.PathLike[str]
) -> None:
    project = make_project(recipes=("none", "mnli"), targets=("xnli",))
    project.paths.tasks.symlink_to(os.path.join(repo_root, "tasks"))
    project.write_data()
    project.run(planted({"mnli": 2.0}))
    judged, table = sound_results(project.params, project.paths)
    for seed in project.params.grid.seeds:
        project.paths.intermediate("mnli", seed).unlink(missing_ok=True)
    assert read_trainings(judged, table.recipes, project.paths) == []
    record = {"dev_headline": {"mnli": 44.0}, "reasons": ["mnli: it says no", "mnlier: other"], "elapsed_s": 5.0}
    record["curve"] = [{"step": step, "loss": 3.0 - step} for step in (0, 1, 2)]
    write_json(project.paths.intermediate("mnli", 2), record)
    (found,) = read_trainings(judged, table.recipes, project.paths)
    assert found.tasks == {"mnli": TaskLearnt(dev={2: 44.0}, unlearnt={2: ["it says no"]})} and found.seconds == [5.0]
    assert found.losses == [(3.0, 1.0)]
    write_json(project.paths.intermediate("mnli", 1), {"dev_headline": [1]})
    with pytest.raises(HarnessError, match=r"mnli-1\.json.*intermediate@mnli-1"):
        read_trainings(judged, table.recipes, project.paths)


def test_the_pinned_records_of_mini_are_read(tmp_path: Path) -> None:
    for name in ("tasks", "profiles", "reference"):
        (tmp_path / name).symlink_to(toys.ROOT / name)
    (tmp_path / "params.yaml").symlink_to(toys.ROOT / "profiles" / "mini.yaml")
    params, paths = read_params(tmp_path / "params.yaml"), Paths(tmp_path, "mini")
    judged, table = sound_results(params, paths)
    found = {one.recipe: one for one in read_trainings(judged, table.recipes, paths)}
    assert found.keys() == set(table.recipes) - {"none"} and found["multi"].is_mixture
    assert [*found["squad_v2"].tasks] == ["squad_v2"] and len(found["mnli"].seconds) >= 3
