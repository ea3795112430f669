"""`harness verify CLAIM`: one claim, judged by its own cells, and how its verdict follows from them.

The other claims of the registry are judged too, by whatever cells are there, so that Holm's step-down covers the same
family whether one claim is asked for or all of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from harness.audit.integrity.pinned import check_pinned
from harness.audit.integrity.rescore import Rescorer
from harness.audit.integrity.run import check_run
from harness.audit.levels import verify_results
from harness.audit.report import render
from harness.audit.scope import confirm
from harness.audit.scores import build_scores, target_groups, target_metrics
from harness.audit.subject import Judged, nothing
from harness.audit.verification import Part, Verification
from harness.project.errors import HarnessError
from harness.project.params import Grid, Params
from harness.project.paths import Paths
from harness.project.pinned import MANIFEST
from harness.project.results import Cell, collect, grid_cells
from harness.project.terminal import WIDTH
from harness.verify.claims.claim import Claim
from harness.verify.claims.needs import Needs, needs, restrict
from harness.verify.claims.registry import find_claim, read_all_claims
from harness.verify.scores import ScoresTable
from harness.verify.show.derivation import derivation


def verify_claim(name: str, params: Params, paths: Paths) -> Verification:
    """Judge one claim by its own cells: the run's where one of them has finished, else the pinned ones; where there are
    none either it is NOT_TESTED.

    What lies elsewhere in the grid counts for Holm's step-down alone; whether it is whole is not looked at. Raises
    HarnessError for an unknown claim.
    """
    claim = find_claim(name, read_all_claims(paths.reference))
    part = needs(claim, params)
    there = [cell for cell in part.cells if _is_there(cell, paths)]
    if there or not part.cells:
        return _by_run(claim, part, there, params, paths)
    if (paths.pinned / MANIFEST).is_file():
        return _by_pinned(claim, params, paths)
    described = _describe(claim, part, [], params)
    return verify_results(nothing(len(part.cells)), params, paths, part=described)


def _is_there(cell: Cell, paths: Paths) -> bool:
    return (paths.cell(cell.recipe, cell.target, cell.seed) / "result.json").is_file()


def _by_run(claim: Claim, part: Needs, there: list[Cell], params: Params, paths: Paths) -> Verification:
    """Recipes that are only shown beside the claim's own are looked at where all their cells have run."""
    beside = (part.model_copy(update={"recipes": [recipe]}) for recipe in part.beside)
    run = [one.recipes[0] for one in beside if one.cells and all(_is_there(cell, paths) for cell in one.cells)]
    looked_at = part.model_copy(update={"recipes": [*part.recipes, *run]})
    rescorer, looked_at_params = Rescorer(params, paths), restrict(params, looked_at)
    checked = confirm(check_run(looked_at_params, paths, rescorer, whole=False), params, paths)
    is_pinned = checked.table is not None and (paths.pinned / MANIFEST).is_file()
    judged = Judged("run", checked, check_pinned(paths.pinned) if is_pinned else None)
    family = _family(checked.table, params, paths) if checked.table else None
    return verify_results(judged, params, paths, part=_describe(claim, part, there, params), family=family)


def _family(table: ScoresTable, params: Params, paths: Paths) -> ScoresTable | None:
    """Scores of every cell that is there, described as `table` is; None where they don't fit together: the other claims
    then count as not tested, which accuses no more easily.
    """
    targets = params.grid.targets
    try:
        results = collect(paths.cells, grid_cells(params))
        groups, metrics = target_groups(targets, paths.tasks), target_metrics(targets, paths.tasks)
        whole = build_scores(results, params, groups, metrics)
    except HarnessError:
        return None
    return whole.model_copy(update={"encoder": table.encoder, "data": table.data})


def _by_pinned(claim: Claim, params: Params, paths: Paths) -> Verification:
    """By the grid that is pinned, whatever params.yaml asks for by now."""
    checked = confirm(check_pinned(paths.pinned, Rescorer(params, paths)), params, paths)
    table = checked.table
    if table is not None:
        cells = [(row.cell.recipe, row.cell.target, row.cell.seed) for row in table.cells]
        params = params.model_copy(update={"grid": Grid.of(cells)})
    part, family = needs(claim, params), table
    if table is not None:
        shown = [*part.recipes, *part.beside]
        rows = [row for row in table.cells if row.cell.recipe in shown and row.cell.target in part.targets]
        table = table.model_copy(update={"cells": rows})
    there = part.cells if table else []
    described = _describe(claim, part, there, params)
    return verify_results(Judged("pinned", replace(checked, table=table)), params, paths, part=described, family=family)


def _describe(claim: Claim, part: Needs, there: list[Cell], params: Params) -> Part:
    cells = Counter(cell.recipe for cell in there)
    return Part(
        claim=claim.id,
        there={recipe: cells[recipe] for recipe in part.recipes},
        each={recipe: sum(cell.recipe == recipe for cell in part.cells) for recipe in part.recipes},
        not_looked_at=len(grid_cells(params)) - len(part.cells),
        lacking=part.lacking,
    )


def render_single(found: Verification, paths: Paths, explain: bool, width: int = WIDTH, **shown: bool) -> str:
    """The report on one claim, as of all of them; behind it, where that is asked for, the derivation of its verdict.

    `shown`: `details`, `hashes` and `symbols` of harness.audit.report.render.
    """
    report = render(found, width, explain=explain, **shown)
    if not explain:
        return report
    (verdict,) = found.claims
    claim = find_claim(verdict.id, read_all_claims(paths.reference))
    return f"{report}\n{derivation(claim, verdict, found.cells, width)}\n"
