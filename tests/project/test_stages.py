"""Names of stages are those that dvc.yaml's matrices give them."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import yaml

from harness.pipeline.grid_file import grid_units
from harness.project.params import Grid
from harness.project.profiles import load_params
from harness.project.results import Cell
from harness.project.stages import (
    CORPUS,
    ENCODER,
    cell_parts,
    cell_stage,
    data_stage,
    intermediate_stage,
    log_name,
    matrix_of,
    member_of,
    recipe_of,
    recipe_stage,
    target_stage,
)

MEMBERS = {"task": "udpos", "recipe": "squad_v2", "target": "xquad", "seed": "3"}


def test_every_matrix_of_the_pipeline_has_its_name_here(repo_root: Path) -> None:
    """DVC names a member of a matrix by the values in the order in which dvc.yaml lists the keys, and one of `foreach`
    by its key in grid.json.
    """
    content: dict[str, Any] = yaml.safe_load((repo_root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    params = load_params(repo_root)
    one = {"recipes": ["none", "squad_v2"], "targets": ["xquad"], "seeds": [3]}
    listed = grid_units(params.model_copy(update={"grid": Grid(**one)}))
    by_dvc = {
        f"{name}@{'-'.join(MEMBERS[key] for key in stage['matrix'])}"
        for name, stage in content.items()
        if "matrix" in stage
    }
    spread = {name: stage["foreach"] for name, stage in content.items() if "foreach" in stage}
    assert spread == {name: f"${{units.{name}}}" for name in ("intermediate", "cell")}
    by_dvc |= {f"{name}@{[*listed[name]][-1]}" for name in spread}
    here = {
        data_stage("udpos"),
        recipe_stage("squad_v2"),
        target_stage("xquad"),
        intermediate_stage("squad_v2", 3),
        cell_stage(Cell(recipe="squad_v2", target="xquad", seed=3)),
    }
    assert here == by_dvc and {CORPUS, ENCODER} <= set(content)


def test_a_name_gives_its_parts_back() -> None:
    for recipe, seed in product(("none", "anli_plus"), (1, 12)):
        stage = intermediate_stage(recipe, seed)
        assert (matrix_of(stage), member_of(stage)) == ("intermediate", f"{recipe}-{seed}")
        assert log_name(stage) == f"intermediate-{recipe}-{seed}.log"
        assert recipe_of(stage) == recipe
    assert (matrix_of("scores"), member_of("scores")) == ("scores", "")
    assert recipe_of("cell@my-own-recipe-xquad-3") == "my-own-recipe" and recipe_of("recipe@my-own") == "my-own"
    assert cell_parts("my-own-recipe-xquad-3") == ("my-own-recipe", "xquad", "3")
