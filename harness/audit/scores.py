"""All results of one profile -> one table of scores; results of different pins refuse to merge, naming both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.metrics.xtreme import XTREME_GROUPS
from harness.project.errors import HarnessError, nearest
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.profiles import describe_data, describe_encoder
from harness.project.results import Cell, Result, collect, grid_cells
from harness.project.tasks import load_task
from harness.verify.scores import CellScore, ScoresTable, score_target

CELL_PARTS = ("recipe", "target", "seed")
SHARED_INPUTS: dict[str, tuple[str, ...]] = {
    "encoder": (),
    "tokenizer": (),
    "data": ("target",),
    "params": ("target",),
    "code": ("target",),
    "checkpoint": ("recipe", "seed"),
    "planted": ("recipe",),
}
"""Name of an input -> the parts of a cell that it belongs to; an input not named here is the cell's own."""


def target_groups(targets: Iterable[str], tasks_dir: Path) -> dict[str, str]:
    """target -> XTREME group; a target that isn't XTREME's own is looked up in its task file."""
    groups = {target: XTREME_GROUPS[target] for target in targets if target in XTREME_GROUPS}
    for target in targets:
        if target not in groups:
            groups[target] = load_task(target, tasks_dir).group or "none"
    return groups


def target_metrics(targets: Iterable[str], tasks_dir: Path) -> dict[str, str]:
    """target -> name of its metric, by its task file, for targets that are not XTREME's own."""
    return {target: load_task(target, tasks_dir).metric for target in targets if target not in XTREME_GROUPS}


def mixed_inputs(inputs: Mapping[str, tuple[Cell, Mapping[str, str]]]) -> list[str]:
    """Sentences on inputs that several cells should share and don't, naming both; empty when all agree.

    SHARED_INPUTS says what an input belongs to: two cells that agree in those parts must agree in it.
    """
    first: dict[tuple[Any, ...], tuple[str, str]] = {}
    problems: dict[tuple[Any, ...], str] = {}
    for cell_id, (cell, entry) in inputs.items():
        for name, sha256 in entry.items():
            key = (name, *(getattr(cell, part) for part in SHARED_INPUTS.get(name, CELL_PARTS)))
            known_id, known = first.setdefault(key, (cell_id, sha256))
            if known != sha256:
                whose = " ".join(map(str, key[1:])) or "all cells"
                found = f"{known:.12} in {known_id} and {sha256:.12} in {cell_id}"
                problems.setdefault(key, f"expected one sha256 of `{name}` for {whose}, found {found}")
    return list(problems.values())


def build_scores(
    results: Mapping[str, Result],
    params: Params,
    groups: Mapping[str, str] | None = None,
    metrics: Mapping[str, str] | None = None,
) -> ScoresTable:
    """One table from finished results (by cell id).

    `groups` (target -> XTREME group) and `metrics` (target -> metric) are needed for targets that are not XTREME's own.
    Raises HarnessError when results don't come from the same pins, naming both.
    """
    groups = {**XTREME_GROUPS, **(groups or {})}
    mixed = mixed_inputs({cell_id: (result.cell, result.inputs) for cell_id, result in results.items()})
    if mixed:
        raise HarnessError(f"results of different inputs can't be merged: {mixed[0]}", fix="run `dvc repro`")
    for result in results.values():
        if result.profile != params.profile:
            raise HarnessError(
                f"expected results of profile {params.profile}, found {result.profile} in cell {result.cell.id}",
                fix="run `dvc repro`",
            )
    targets = dict.fromkeys(result.cell.target for result in results.values())
    unknown = [target for target in targets if target not in groups]
    if unknown:
        raise HarnessError(f"expected an XTREME group for target {unknown[0]}; {nearest(unknown[0], groups)}")
    return ScoresTable(
        profile=params.profile,
        encoder=describe_encoder(params),
        data=describe_data(params),
        groups={target: groups[target] for target in targets},
        metrics={target: name for target, name in (metrics or {}).items() if target in targets},
        cells=[
            cell_score(result, groups[result.cell.target], (metrics or {}).get(result.cell.target))
            for result in results.values()
        ],
    )


def cell_score(result: Result, group: str, metric: str | None = None) -> CellScore:
    """A result as a row of the table; `group`, `metric`: those of its target, None for the group's rule."""
    trained = result.score is not None and result.dev_scores
    return CellScore(
        cell=result.cell,
        status=result.status,
        reasons=result.reasons,
        left_out=result.left_out,
        score=result.score,
        dev_score=score_target({"dev": result.dev_scores}, group, metric) if trained else None,
        scores=result.scores,
        predictions_sha256=result.predictions.sha256 if result.predictions else None,
        inputs=result.inputs,
    )


def write_scores(params: Params, paths: Paths) -> str:
    """Write results/<profile>/scores.json from the cells that have finished; returns a sentence on it.

    Raises HarnessError if no cell has finished or results don't come from the same pins.
    """
    cells = grid_cells(params)
    results = collect(paths.cells, cells)
    if not results:
        raise HarnessError(f"expected finished cells in {paths.cells}, found none", fix="run `dvc repro`")
    targets = params.grid.targets
    groups, metrics = target_groups(targets, paths.tasks), target_metrics(targets, paths.tasks)
    table = build_scores(results, params, groups, metrics)
    write_json(paths.scores, table.model_dump(mode="json"))
    unavailable = sum(row.status == "unavailable" for row in table.cells)
    note = f" ({unavailable} unavailable)" if unavailable else ""
    return f"scores of {len(results)} of {len(cells)} cells{note}: {paths.scores}"
