"""Modules that a unit of work loads by name, because its task or its recipe chooses them.

What a unit runs is what the modules import that are named here for it, and nothing else; harness.experiment.code hashes
exactly that. A change to another head's way, another metric or planted effects leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.metrics.scoring import module_of

CELL = "harness.experiment.cell"
"""What every cell runs."""
INTERMEDIATE = "harness.experiment.intermediate"
"""What every intermediate training runs."""
TRAINING = "harness.experiment.training.recipe"
"""What a recipe that has tasks runs beside."""
MASKED_LM = "harness.experiment.training.mlm"
"""What a recipe with masked LM runs beside."""
PLANTED = "harness.experiment.planted"
"""What the cells of a recipe with planted effects run beside."""


def way_of(head: str) -> str:
    """The module whose `run` fills a cell's findings, for a task with this head."""
    return f"harness.experiment.{'retrieval' if head == 'retrieval' else 'transfer'}"


def search_of(kind: str) -> str:
    """The module of what a retrieval task of this kind looks for."""
    return f"harness.experiment.searches.{kind}"


def cell_parts(kind: str, head: str, metric: str) -> list[str]:
    """The modules of a target's cells, by the kind of its rows, its head and its metric."""
    search = [search_of(kind)] if head == "retrieval" else []
    return [CELL, way_of(head), *search, module_of(metric)]


def recipe_parts(metrics: Iterable[str], mlm: bool) -> list[str]:
    """The modules of an intermediate training, by the metrics of its tasks; one without tasks trains nothing."""
    tasks = [module_of(name) for name in metrics]
    return [INTERMEDIATE, *([TRAINING] if tasks else []), *tasks, *([MASKED_LM] if mlm else [])]
