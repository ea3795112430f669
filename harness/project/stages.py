"""Names of the pipeline's stages, as dvc.yaml's matrices build them and `dvc repro` takes them: `cell@none-udpos-1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.project.results import Cell

ENCODER, CORPUS = "encoder", "corpus"
"""Stages without a matrix that the grid's units need."""


def stage_in(matrix: str, member: str) -> str:
    """The stage of one member of a matrix; `matrix_of` and `member_of` give the two parts back."""
    return f"{matrix}@{member}"


def data_stage(task: str) -> str:
    """The stage that builds a task's rows."""
    return stage_in("data", task)


def recipe_stage(recipe: str) -> str:
    """The stage that resolves a recipe's settings, data and code."""
    return stage_in("recipe", recipe)


def target_stage(target: str) -> str:
    """The stage that resolves a target's settings, data and code."""
    return stage_in("target", target)


def intermediate_stage(recipe: str, seed: int) -> str:
    """The stage that trains a recipe's checkpoint."""
    return stage_in("intermediate", f"{recipe}-{seed}")


def cell_stage(cell: Cell) -> str:
    """The stage that runs a cell."""
    return stage_in("cell", cell.id)


def matrix_of(stage: str) -> str:
    """`cell` of `cell@none-udpos-1`; of a stage without a matrix, its name."""
    return stage.partition("@")[0]


def member_of(stage: str) -> str:
    """`none-udpos-1` of `cell@none-udpos-1`; empty for a stage without a matrix."""
    return stage.partition("@")[2]


def cell_parts(name: str) -> tuple[str, str, str]:
    """Recipe, target and seed of a cell's name; a recipe may hold hyphens, a target none."""
    recipe, target, seed = name.rsplit("-", 2)
    return recipe, target, seed


def recipe_of(stage: str) -> str:
    """`squad_v2` of `cell@squad_v2-xquad-1` and of `intermediate@squad_v2-1`; of another stage, its member."""
    parts = {"cell": 2, "intermediate": 1}.get(matrix_of(stage), 0)
    return member_of(stage).rsplit("-", parts)[0] if parts else member_of(stage)


def log_name(stage: str) -> str:
    """File name of the stage's log."""
    return f"{stage.replace('@', '-')}.log"
