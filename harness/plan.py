"""Params -> the grid: every cell, what it needs, what is done or stale, and what the rest will cost.

Staleness is read off dvc.lock (harness.lockfile); costs are measured: wall times of results of this profile, of this
machine's runs first and of our pinned results where nothing has run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from tabulate import tabulate

from harness.lockfile import Lock
from harness.params import Params
from harness.paths import Paths
from harness.results import Cell, grid_cells

State = Literal["done", "stale", "to run"]
SAMPLE = 500
"""Results that are enough to say what cells cost: every cell that finishes asks (`remaining`), and would read all."""


class Unit(BaseModel):
    """One stage of the grid: the encoder, an intermediate training or a cell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    """Name of the DVC stage, as `dvc repro` takes it."""
    kind: str
    """What is alike in cost: `encoder`, `intermediate <recipe>`, `cell <target>`."""
    needs: tuple[str, ...]
    """Stages whose outputs it reads."""
    output: str
    """A file that is there when the unit has finished, relative to the project."""


def units(params: Params, paths: Paths) -> list[Unit]:
    """Every unit of the grid in an order in which it can run."""

    def output(path: Path) -> str:
        return path.relative_to(paths.root).as_posix()

    made = [Unit(stage="encoder", kind="encoder", needs=("corpus",), output=output(paths.encoder / "encoder.json"))]
    for recipe in params.grid.recipes:
        data = tuple(f"data@{task}" for task in params.recipes[recipe].tasks)
        for seed in params.grid.seeds:
            made.append(
                Unit(
                    stage=f"intermediate@{recipe}-{seed}",
                    kind=f"intermediate {recipe}",
                    needs=("encoder", f"recipe@{recipe}", *data),
                    output=output(paths.checkpoint(recipe, seed) / "checkpoint.json"),
                )
            )
    for cell in grid_cells(params):
        made.append(
            Unit(
                stage=f"cell@{cell.id}",
                kind=f"cell {cell.target}",
                needs=(f"intermediate@{cell.recipe}-{cell.seed}", f"target@{cell.target}", f"data@{cell.target}"),
                output=output(paths.cell(cell.recipe, cell.target, cell.seed) / "result.json"),
            )
        )
    return made


def needed_units(grid: Sequence[Unit], stages: Iterable[str]) -> list[Unit]:
    """Those of the grid's units that these stages are, or are made from, in the same order."""
    by_stage = {unit.stage: unit for unit in grid}
    wanted: set[str] = set()
    waiting = list(stages)
    while waiting:
        stage = waiting.pop()
        if stage in by_stage and stage not in wanted:  # data, recipes and targets are no units
            wanted.add(stage)
            waiting += by_stage[stage].needs
    return [unit for unit in grid if unit.stage in wanted]


def states(params: Params, paths: Paths) -> dict[str, State]:
    """State of every unit, by stage: `done`, `stale` (it, or something it was made from, has changed) or `to run`.

    A unit whose inputs are to be made again counts as stale, though DVC will keep it if they come out the same. Weights
    of checkpoints are weighed, not hashed: other bytes of the same size are left for DVC to find.
    """
    return _states(units(params, paths), paths)


def _states(grid: Sequence[Unit], paths: Paths) -> dict[str, State]:
    root = paths.root
    checkpoints = paths.checkpoints.relative_to(root).as_posix()
    lock = Lock(root, is_weighed=lambda path: path.startswith(f"{checkpoints}/"))
    found: dict[str, State] = {}
    changes = cache(lock.changes)  # what many cells need is looked at once

    def is_fresh(need: str) -> bool:
        return found[need] == "done" if need in found else not changes(need)

    for unit in grid:
        if not (root / unit.output).is_file() or not lock.records(unit.stage, unit.output):
            found[unit.stage] = "to run"
        elif changes(unit.stage) or lock.outputs_differ(unit.stage) or not all(map(is_fresh, unit.needs)):
            found[unit.stage] = "stale"
        else:
            found[unit.stage] = "done"
    return found


def measured_costs(paths: Paths) -> tuple[dict[str, float], str]:
    """Median wall time in seconds by kind of unit, and where it was measured; of a large grid over SAMPLE cells."""
    own = _own_times(paths)
    if own:
        return {kind: median(times) for kind, times in own.items()}, "this machine's finished units"
    seconds, machine = _pinned_costs(paths)
    if seconds:
        return seconds, f"the pinned run ({machine['cpu']}, {machine['cores']} cores)"
    return {}, "nothing measured yet"


def unit_seconds(made: Iterable[Unit], paths: Paths) -> dict[str, float]:
    """Stage -> estimated wall time, for a schedule: only the ratios have to be right.

    A kind's median on this machine; else the pinned run's, scaled by the kinds that both have; else the median of all
    kinds of the same sort (intermediate trainings, cells); else a second.
    """
    own = {kind: median(times) for kind, times in _own_times(paths).items()}
    pinned, _ = _pinned_costs(paths)
    scale = median([own[kind] / pinned[kind] for kind in own.keys() & pinned if pinned[kind]] or [1.0])
    known = {kind: seconds * scale for kind, seconds in pinned.items()} | own
    sorts: dict[str, list[float]] = {}
    for kind, seconds in known.items():
        sorts.setdefault(kind.split()[0], []).append(seconds)
    return {unit.stage: known.get(unit.kind, median(sorts.get(unit.kind.split()[0], [1.0]))) for unit in made}


def _pinned_costs(paths: Paths) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds by kind of unit in the pinned run, and its machine; nothing where nothing is pinned."""
    path = paths.pinned / "costs.json"
    if not path.is_file():
        return {}, {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return content["seconds"], content["machine"]


def _own_times(paths: Paths) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    cells = sorted(paths.cells.glob("*/result.json"))
    for path in cells if len(cells) <= SAMPLE else Random(0).sample(cells, SAMPLE):
        _note(times, path, lambda content: f"cell {content['cell']['target']}")
    for path in sorted((paths.results / "intermediate").glob("*.json")):
        _note(times, path, lambda content: f"intermediate {content['recipe']}")
    _note(times, paths.results / "encoder.json", lambda content: "encoder")
    return times


def _note(times: dict[str, list[float]], path: Path, kind: Callable[[dict[str, Any]], str]) -> None:
    """Add a record's wall time; one that can't be read costs an estimate nothing (`harness verify` names it), and one
    of something unavailable says nothing of what it costs where the data is there.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("status") == "unavailable":
            return
        of, seconds = kind(content), content["elapsed_s"]
        times.setdefault(of, []).append(seconds)


def render_plan(params: Params, paths: Paths, gpu: str | None = None) -> str:
    """The plan for people: a table recipes x targets, the units by kind, the time left.

    Where nothing was timed, or where `gpu` names a device, the cost by steps and tokens too (harness.cost).
    """
    made = units(params, paths)
    state = _states(made, paths)
    seconds, where = measured_costs(paths)
    grid = params.grid
    rows = [
        [recipe, *(_seeds_done(state, paths, recipe, target, grid.seeds) for target in grid.targets)]
        for recipe in grid.recipes
    ]
    left = [unit for unit in made if state[unit.stage] != "done"]
    unavailable = ", u = some unavailable" if any("u" in mark for row in rows for mark in row[1:]) else ""
    lines = [
        f"profile {params.profile}: {params.title}",
        f"{len(grid.recipes)} recipes x {len(grid.targets)} targets x {len(grid.seeds)} seeds"
        f" = {len(grid_cells(params))} cells;"
        f" each recipe is trained once per seed and shared by its {len(grid.targets)} targets",
        "",
        tabulate(rows, headers=["recipe", *grid.targets], tablefmt="plain"),
        f"(seeds done of {len(grid.seeds)}; s = some stale{unavailable})",
        "",
        ", ".join(f"{count} {word}" for word, count in sorted(Counter(state.values()).items()))
        + f" of {len(state)} units",
        _cost_line(left, seconds, where),
    ]
    if gpu is not None or not seconds:
        from harness.cost_text import render_cost

        lines += ["", "cost of the whole grid from nothing", render_cost(params, paths, gpu)]
    return "\n".join(lines)


def _seeds_done(state: dict[str, State], paths: Paths, recipe: str, target: str, seeds: Sequence[int]) -> str:
    found = [state[f"cell@{Cell(recipe=recipe, target=target, seed=seed).id}"] for seed in seeds]
    unavailable = any(_unavailable(paths.cell(recipe, target, seed) / "result.json") for seed in seeds)
    return f"{found.count('done')}" + ("s" if "stale" in found else "") + ("u" if unavailable else "")


def _unavailable(path: Path) -> bool:
    """Does the result say that its data could not be had? One that is missing or can't be read doesn't."""
    with suppress(OSError, ValueError, AttributeError):
        return bool(json.loads(path.read_text(encoding="utf-8")).get("status") == "unavailable")
    return False


def _cost_line(left: list[Unit], seconds: dict[str, float], where: str) -> str:
    if not left:
        return "nothing to run: `dvc repro` will find everything up to date"
    unknown = {unit.kind for unit in left} - set(seconds)
    total = sum(seconds.get(unit.kind, 0.0) for unit in left)
    text = f"left to run: {len(left)} units, about {total / 60:.0f} minutes of work by {where}"
    return (
        text + (f"; no time known of: {', '.join(sorted(unknown))}" if unknown else "")
        if seconds
        else f"left to run: {len(left)} units; {where}"
    )


def remaining(params: Params, paths: Paths) -> str:
    """A phrase for the end of a cell's line: how many cells are there, and about how long the rest takes."""
    cells = grid_cells(params)
    waiting = [c for c in cells if not (paths.cell(c.recipe, c.target, c.seed) / "result.json").is_file()]
    done = len(cells) - len(waiting)
    seconds, _ = measured_costs(paths) if waiting else ({}, "")
    known = [seconds[f"cell {cell.target}"] for cell in waiting if f"cell {cell.target}" in seconds]
    rest = sum(known) / len(known) * len(waiting) if known else 0.0
    return f"{done} of {len(cells)} cells there" + (f", about {rest / 60:.0f} min of work left" if rest else "")
