"""Params -> the grid: every cell, what it needs, what is done or stale, and what the rest will cost.

Staleness is read off dvc.lock; costs are measured: wall times of results of this profile, of this machine's runs first
and of our pinned results where nothing has run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.pipeline.times import measured_costs
from harness.pipeline.units import State, Unit, states_of, units
from harness.project.errors import HarnessError, grid_size
from harness.project.params import Grid, Params
from harness.project.paths import Paths
from harness.project.pinned import kept_files_name, read_pinned_manifest
from harness.project.records import read_json
from harness.project.results import Cell, grid_cells
from harness.project.stages import cell_stage
from harness.project.terminal import Column, paragraph, table_lines, terminal_width


def render_plan(params: Params, paths: Paths, gpu: str | None = None) -> str:
    """The plan for people: a table recipes x targets, the units by kind, the time left.

    Where nothing was timed, or where `gpu` names a device, the cost by steps and tokens too (harness.pipeline.cost).
    """
    every = units(params, paths)
    state = states_of(every, params, paths)
    seconds, source = measured_costs(paths)
    grid = params.grid
    seeds: dict[tuple[str, str], list[Cell]] = {}
    for cell in grid_cells(params):
        seeds.setdefault((cell.recipe, cell.target), []).append(cell)
    rows = [
        [recipe, *(_done(state, paths, seeds.get((recipe, target), []), bool(grid.blocks)) for target in grid.targets)]
        for recipe in grid.recipes
    ]
    left = [unit for unit in every if state[unit.stage] != "done"]
    unavailable = ", u = some unavailable" if any("u" in mark for row in rows for mark in row[1:]) else ""
    width, names = terminal_width(), ["recipe", *grid.targets]
    counted = ", ".join(f"{count} {word}" for word, count in sorted(Counter(state.values()).items()))
    shared = f"each recipe is trained once per seed and shared by its {len(grid.targets)} targets"
    lines = [
        *paragraph(f"profile {params.profile}: {params.title}", width),
        *paragraph(f"{grid_in_words(grid)}; {shared}", width),
        "",
        *table_lines([Column(name, cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)], width),
        f"(seeds done{'' if grid.blocks else f' of {len(grid.seeds)}'}; s = some stale{unavailable})",
        "",
        f"{counted} of {len(state)} units",
        *paragraph(_cost_line(left, seconds, source), width),
        *(paragraph(_on_pinned(params, paths), width) if left else []),
    ]
    if gpu is not None or not seconds:
        from harness.pipeline.cost_text import render_cost

        lines += ["", "cost of the whole grid from nothing", render_cost(params, paths, gpu)]
    return "\n".join(lines)


def grid_in_words(grid: Grid) -> str:
    """Its size: `5 recipes x 9 targets x 3 seeds = 135 cells`."""
    size = grid_size(len(grid.recipes), len(grid.targets), len(grid.seeds))
    cells = len(grid.cells)
    return f"{size} = {cells} cells" if not grid.blocks else f"{size}, in {len(grid.blocks)} blocks: {cells} cells"


def _done(state: dict[str, State], paths: Paths, cells: Sequence[Cell], of: bool) -> str:
    """How many of one pair's cells are done; `of`: of how many, where pairs differ in it."""
    if not cells:
        return "-"
    found = [state[cell_stage(cell)] for cell in cells]
    unavailable = any(_unavailable(paths.cell(cell.recipe, cell.target, cell.seed) / "result.json") for cell in cells)
    size = f"/{len(cells)}" if of else ""
    return f"{found.count('done')}{size}" + ("s" if "stale" in found else "") + ("u" if unavailable else "")


def _unavailable(path: Path) -> bool:
    """Does the result say that its data could not be had? One that is missing or can't be read doesn't."""
    with suppress(OSError, ValueError, AttributeError):
        return bool(read_json(path).get("status") == "unavailable")
    return False


def _cost_line(left: list[Unit], seconds: dict[str, float], source: str) -> str:
    if not left:
        return "nothing to run: `dvc repro` will find everything up to date"
    unknown = {unit.kind for unit in left} - set(seconds)
    total = sum(seconds.get(unit.kind, 0.0) for unit in left)
    text = f"left to run: {len(left)} units, about {total / 60:.0f} minutes of work by {source}"
    return (
        text + (f"; no time known of: {', '.join(sorted(unknown))}" if unknown else "")
        if seconds
        else f"left to run: {len(left)} units; {source}"
    )


def _on_pinned(params: Params, paths: Paths) -> str:
    """How many of the grid's cells are pinned with what they keep of every item; empty where none is."""
    with suppress(HarnessError):
        files, cells = read_pinned_manifest(paths.pinned).files, grid_cells(params)
        if there := sum(kept_files_name("items", cell.id) in files for cell in cells):
            take = "`harness repro --pinned` takes over those that equal inputs made"
            return f"pinned: {there} of {len(cells)} cells; {take}"
    return ""


def remaining(params: Params, paths: Paths) -> str:
    """A phrase for the end of a cell's line: how many cells are there, and about how long the rest takes."""
    cells = grid_cells(params)
    waiting = [c for c in cells if not (paths.cell(c.recipe, c.target, c.seed) / "result.json").is_file()]
    done = len(cells) - len(waiting)
    seconds, _ = measured_costs(paths) if waiting else ({}, "")
    known = [seconds[f"cell {cell.target}"] for cell in waiting if f"cell {cell.target}" in seconds]
    rest = sum(known) / len(known) * len(waiting) if known else 0.0
    return f"{done} of {len(cells)} cells there" + (f", about {rest / 60:.0f} min of work left" if rest else "")
