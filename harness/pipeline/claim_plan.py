"""One claim at the least cost: the cells and intermediate trainings that it needs, which are missing, what they cost.

What a claim needs follows from its check (harness.verify.claims.needs); costs are those of harness.pipeline.times. DVC
is handed the stages of the missing cells by name and makes what those need; nothing else of the grid is run. It is no
part of harness.pipeline.plan, which every finished cell asks for what is left and which knows no claims.
"""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from harness.pipeline.plan import grid_in_words
from harness.pipeline.times import measured_costs
from harness.pipeline.units import State, Unit, needed_units, states, units
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import grid_cells
from harness.project.stages import cell_stage, matrix_of, recipe_of
from harness.verify.claims.claim import Claim
from harness.verify.claims.needs import Needs, needs, restrict
from harness.verify.claims.registry import find_claim, read_all_claims


def claim_units(part: Needs, params: Params, paths: Paths) -> list[Unit]:
    """The units of the grid that these cells are made by, in an order in which they can run."""
    return needed_units(units(params, paths), [cell_stage(cell) for cell in part.cells])


def stages_to_run(name: str, params: Params, paths: Paths) -> list[str]:
    """The stages of the claim's cells that are not done; `dvc repro` of them runs what they need, and nothing else.

    Raises HarnessError for an unknown claim.
    """
    part = needs(_claim(name, paths), params)
    state = states(params, paths)
    return [stage for cell in part.cells if state[stage := cell_stage(cell)] != "done"]


def render_claim_plan(name: str, params: Params, paths: Paths, gpu: str | None = None) -> str:
    """The plan of one claim for people: its cells, what they are made from, what is missing and what that costs.

    Raises HarnessError for an unknown claim.
    """
    claim = _claim(name, paths)
    part = needs(claim, params)
    head = f'{name}: "{claim.text}"'
    lacking = _lacking(part, params)
    if not part.cells:
        why = "it is decided without a run" if not lacking else "nothing of it can be measured in this grid"
        return "\n".join([head, f"needs no cell: {why}; `harness verify {name}` judges it", *lacking])
    needed, state = claim_units(part, params, paths), states(params, paths)
    seconds, source = measured_costs(paths)
    shown = f"{grid_in_words(part.part)}"
    lines = [
        head,
        f"profile {params.profile}: {shown} of the grid's {len(grid_cells(params))}",
        f"targets: {', '.join(part.targets)}; seeds: {', '.join(map(str, part.seeds))}",
        *lacking,
        "",
        tabulate(_rows(needed, state, seconds), headers=["unit", "needed", "done", "left, minutes"], tablefmt="plain"),
        "",
        *_cost(name, needed, units(params, paths), state, seconds, source),
    ]
    if gpu is not None or not seconds:
        from harness.pipeline.cost_text import render_cost

        lines += ["", "cost of this part of the grid from nothing", render_cost(restrict(params, part), paths, gpu)]
    return "\n".join(lines)


def _claim(name: str, paths: Paths) -> Claim:
    return find_claim(name, read_all_claims(paths.reference))


def _lacking(part: Needs, params: Params) -> list[str]:
    """What the claim names and the grid lacks, and what would bring it in."""
    if not part.lacking:
        return []
    known = [name for name in part.lacking if name in params.recipes or name in params.target]
    add = f"; params.yaml knows {', '.join(known)}: add to `grid` to have them run" if known else ""
    without = f"not in the grid of profile {params.profile}, so that the claim stays NOT_TESTED"
    return [f"{without}: {', '.join(part.lacking)}{add}"]


def _rows(needed: Sequence[Unit], state: dict[str, State], seconds: dict[str, float]) -> list[list[str]]:
    """One row per kind of unit: how many are needed, how many are done, the minutes of work that are left."""
    rows = []
    for kind in dict.fromkeys(_row_kind(unit) for unit in needed):
        alike = [unit for unit in needed if _row_kind(unit) == kind]
        left = [unit for unit in alike if state[unit.stage] != "done"]
        known = all(unit.kind in seconds for unit in left)
        minutes = f"{sum(seconds.get(unit.kind, 0.0) for unit in left) / 60:.1f}" if known else "not timed"
        rows.append([kind, str(len(alike)), str(len(alike) - len(left)), minutes])
    return rows


def _row_kind(unit: Unit) -> str:
    """Cells are gathered by recipe, whose name is what a claim is about."""
    is_cell = matrix_of(unit.stage) == "cell"
    return f"cells of {recipe_of(unit.stage)}" if is_cell else unit.kind


def _cost(
    name: str,
    needed: Sequence[Unit],
    whole: Sequence[Unit],
    state: dict[str, State],
    seconds: dict[str, float],
    source: str,
) -> list[str]:
    left = [unit for unit in needed if state[unit.stage] != "done"]
    if not left:
        return [f"all of it is done: `harness verify {name}` judges it"]
    words = f"left to run: {len(left)} of {len(needed)} units"
    if seconds:
        there = [unit for unit in whole if state[unit.stage] != "done"]
        minutes, all_minutes = (sum(seconds.get(unit.kind, 0.0) for unit in of) / 60 for of in (left, there))
        words += (
            f", about {minutes:.0f} minutes of work by {source} (the whole grid: {len(there)} units, {all_minutes:.0f})"
        )
    return [
        words,
        f"`harness verify {name} --run` runs them and judges;"
        f" by DVC alone: dvc repro $(harness plan --claim {name} --stages)",
    ]
