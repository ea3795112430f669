"""Level V1, carried out: cells of the judged results, drawn at random, are run again in a clean folder and compared.

A unit can write into any folder (HARNESS_OUTPUT, or the one folder of its container), so nothing of the run's own
results is touched. What trains is imported only here, late: `harness verify` without a re-run needs none of it.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.audit.exit_codes import EXIT_INCONCLUSIVE, EXIT_NOT_REPRODUCED, EXIT_REPRODUCED
from harness.audit.levels import verify_results
from harness.audit.repeat.compare_rerun import Predictions, Rerun, RerunCell, compare_rerun, differing_languages, pick
from harness.audit.repeat.redraw import Draws, Limits, score_limits
from harness.audit.repeat.same_scores import FIXED_INPUTS, constant_answers, pinned_scores
from harness.audit.subject import Judged, find_results, require_results
from harness.audit.verification import Verification
from harness.project.errors import HarnessError, nearest
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.pinned import pinned_predictions
from harness.project.profiles import load_params
from harness.project.records import gunzip
from harness.project.results import Cell, Result, grid_cells, read_result
from harness.project.stages import cell_stage
from harness.verify.scores import ScoresTable

SEEDS = 2**32
"""A draw without a given seed takes one below this."""


@dataclass(frozen=True)
class Recorded:
    """What is recorded of one cell."""

    result: Result
    """Its result."""
    predictions: Path | None
    """The file with its predictions; None where only their hash is kept."""


def verify_again(params: Params, paths: Paths, count: int, seed: int | None, named: Sequence[str] = ()) -> Verification:
    """Judge the results as `verify_all` does, and run `count` of their cells again, or those that are `named`.

    Raises HarnessError where there is nothing to judge, or where what the drawn cells were made from is not here.
    """
    judged = find_results(params, paths)
    require_results(judged, params, paths)
    found = verify_results(judged, params, paths)
    if judged.table is None:
        return found.model_copy(update={"rerun_note": "needs V0"})
    draw = secrets.randbelow(SEEDS) if seed is None else seed
    again = rerun(judged, judged.table, params, paths, count, draw, named)
    found = verify_results(judged, params, paths, rerun=again)  # cells that repeat are stronger evidence
    if not again.ok:
        return found.model_copy(update={"exit_code": EXIT_NOT_REPRODUCED})
    if again.is_open and found.exit_code == EXIT_REPRODUCED:
        return found.model_copy(update={"exit_code": EXIT_INCONCLUSIVE})
    return found


def rerun(
    judged: Judged,
    table: ScoresTable,
    params: Params,
    paths: Paths,
    count: int,
    seed: int,
    named: Sequence[str] = (),
) -> Rerun:
    """Draw cells, run each again, compare; a line of progress for each on standard error. Raises as `verify_again`."""
    _check_project(judged.source, params, paths)
    grid = set(grid_cells(params))  # pinned results may be of another grid
    candidates = [row.cell for row in table.cells if row.score is not None and row.cell in grid]
    chosen = _named(named, candidates) if named else pick(candidates, count, seed)
    if not chosen:
        raise HarnessError("expected cells with a score to run again, found none", fix="see `harness verify`")
    recorded = _recorded(judged, paths)
    again = " ".join(f"--cell {name}" for name in named) if named else f"--rerun {count} --seed {seed}"
    seconds = sum(recorded[cell.id].result.elapsed_s for cell in chosen)
    _tell(
        f"running {len(chosen)} of {len(candidates)} cells again (`{again}` draws the same);"
        f" they took {seconds / 60:.1f} min when they were recorded"
    )
    for cell in chosen:
        _check_inputs(recorded[cell.id].result, judged.source, params, paths)
    ran_again, limits = [], _limits(_pinned_table(judged, table), table, chosen, paths)
    for number, cell in enumerate(chosen, start=1):
        ran = _run_again(recorded[cell.id], params, paths, limits[cell.id], again)
        ran_again.append(ran)
        kept = f"; kept in {ran.kept}" if ran.kept else ""
        _tell(f"[{number}/{len(chosen)}] cell {cell.id}: {ran.outcome}, {ran.elapsed_s:.1f} s{kept}")
    return Rerun(seed=None if named else seed, candidates=len(candidates), cells=ran_again)


def _named(names: Sequence[str], candidates: Sequence[Cell]) -> list[Cell]:
    """The cells of these names, in the grid's order. HarnessError for any other name."""
    known = [cell.id for cell in candidates]
    for name in names:
        if name not in known:
            raise HarnessError(
                f"expected a cell with a score after --cell, found `{name}`; {nearest(name, known)}",
                fix="name one as RECIPE-TARGET-SEED, as `harness plan` lists them",
            )
    return [cell for cell in candidates if cell.id in names]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _check_project(source: str, params: Params, paths: Paths) -> None:
    """Units run with the active settings, and need what was built here."""
    if load_params(paths.root) != params:
        raise HarnessError(
            f"expected {params.profile} to be the active profile, since cells run with the settings of params.yaml,"
            " found others there",
            fix=f"run `harness profile {params.profile}`, then the same command again",
        )
    if source == "pinned" and not paths.encoder.is_dir():
        raise HarnessError(
            f"expected data, encoder and checkpoints in {paths.build} to run cells again from, found none:"
            " nothing has run here, the pinned results are the ones judged",
            fix="run `make repro`",
        )


def _recorded(judged: Judged, paths: Paths) -> Mapping[str, Recorded]:
    """Cell id -> what is recorded of it, of every judged cell that has predictions."""
    if judged.source == "pinned":
        places = {name: pinned_predictions(paths.pinned, name) for name in judged.checked.results}
        return {  # those that hold words of real data's rows are not pinned
            name: Recorded(result, places[name] if places[name].is_file() else None)
            for name, result in judged.checked.results.items()
        }
    return {
        name: Recorded(result, place if place.is_file() else None)
        for name, result in judged.checked.results.items()
        if result.predictions and (place := paths.cells / name / result.predictions.path)
    }


def _pinned_table(judged: Judged, table: ScoresTable) -> ScoresTable | None:
    """The pinned scores, by whose spread level V2 has its tolerance; None where nothing is pinned."""
    if judged.source == "pinned":
        return table
    return judged.pinned.table if judged.pinned else None


def _limits(pinned: ScoresTable | None, table: ScoresTable, chosen: Sequence[Cell], paths: Paths) -> dict[str, Limits]:
    """Cell id -> how its score may come out on another machine, by the spread of the pinned seeds."""
    recorded = {row.cell.id: row.score for row in table.cells if row.score is not None}
    cells = {cell.id: ((cell.recipe, cell.target), recorded[cell.id]) for cell in chosen}
    constant = constant_answers({cell.target for cell in chosen}, paths.tasks)
    return score_limits(cells, Draws(pinned_scores(pinned) if pinned else {}, constant=constant))


def _check_inputs(result: Result, source: str, params: Params, paths: Paths) -> None:
    """HarnessError unless the cell's inputs are here: all of them as recorded, or, where another machine's pinned
    results are judged, those that are the same on any machine.
    """
    from harness.experiment.inputs import cell_inputs

    here, cell = cell_inputs(result.cell, params, paths), result.cell
    must = here if source == "run" else FIXED_INPUTS
    other = [name for name in must if here[name] != result.inputs.get(name)]
    if other:
        fix = (
            f"run `dvc repro {cell_stage(cell)}`"
            if source == "run"
            else "run `make repro`: it makes results from these"
        )
        raise HarnessError(
            f"expected the {' and '.join(other)} that cell {cell.id} was made from, found other here", fix=fix
        )


def _run_again(recorded: Recorded, params: Params, paths: Paths, limits: Limits, again: str) -> RerunCell:
    """Run one cell in a clean folder and compare; the folder goes, unless the cell is different."""
    from harness.launch.unit import run_cell_into

    cell = recorded.result.cell
    paths.scratch.mkdir(parents=True, exist_ok=True)
    folder = Paths(Path(tempfile.mkdtemp(prefix=f"rerun-{cell.id}-", dir=paths.scratch)), paths.profile)
    keep = False
    try:
        code = run_cell_into(folder, cell, params, paths)
        if code != 0:
            raise HarnessError(
                f"expected cell {cell.id} to run again, found that it ended with exit code {code}",
                fix=f"see what it said above; `harness verify {again}` draws the same cells",
            )
        outputs = folder.cell(cell.recipe, cell.target, cell.seed)
        ran = _compare(recorded, outputs, limits)
        keep = ran.outcome == "different"
        return ran.model_copy(update={"kept": str(outputs.relative_to(paths.root))}) if keep else ran
    finally:
        if not keep:
            shutil.rmtree(folder.root, ignore_errors=True)


def _compare(recorded: Recorded, folder: Path, limits: Limits) -> RerunCell:
    result = read_result(folder / "result.json")
    predicted_again: Predictions = {}
    if result.predictions:
        predicted_again = read_predictions(folder / result.predictions.path)
    predicted = read_predictions(recorded.predictions) if recorded.predictions else None
    differing = differing_languages(recorded.result, result, predicted, predicted_again)
    return compare_rerun(recorded.result, result, differing, limits, rows_kept=predicted is not None)


def read_predictions(path: Path) -> Predictions:
    """The predictions of a cell. Raises HarnessError if the file holds anything else."""
    try:
        content = json.loads(gunzip(path.read_bytes()))
        return {language: list(entry["predictions"]) for language, entry in content["languages"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HarnessError(
            f"expected predictions per language in {path}, found something else ({error or type(error).__name__})",
            fix=f"delete {path.parent} and run `dvc repro`, or where it is pinned, restore it with `git checkout`",
        ) from None
