"""`harness run ...`: one stage of the pipeline each, as dvc.yaml calls it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands import open_project
from harness.project.errors import HarnessError, check_known

if TYPE_CHECKING:
    from harness.audit.verification import Verification
    from harness.project.params import Params
    from harness.project.paths import Paths
    from harness.verify.scores import ScoresTable

app = typer.Typer(no_args_is_help=True)


@app.callback()
def begin() -> None:
    """One stage of the pipeline, as dvc.yaml calls it. `dvc repro` calls these for you."""
    if "DVC_STAGE" not in os.environ:
        return
    from harness.pipeline.dvc import dvc_process
    from harness.project.processes import end_with

    dvc = dvc_process()
    if dvc is not None:  # a stage ends with the DVC that runs it, however that ends
        end_with(dvc)


@app.command("data")
def run_data(task: Annotated[str, typer.Argument(help="Name of the task, see `harness tasks`.")]) -> None:
    """Check and normalise one task's rows into build/<profile>/data/TASK."""
    from harness.data.build import build_task

    params, paths = open_project()
    manifest = build_task(task, params, paths)
    rows = sum(entry["rows"] for entry in manifest["files"].values())
    if reason := manifest.get("unavailable"):
        typer.echo(f"data {task}: UNAVAILABLE: {reason}")
        return
    stand_in = f"; STAND-IN: {manifest['stand_in']}" if manifest["stand_in"] else ""
    typer.echo(f"data {task}: {rows} rows in {len(manifest['files'])} files, every file as pinned{stand_in}")


@app.command("corpus")
def run_corpus() -> None:
    """Gather the text to pretrain on, leaving out every evaluation row."""
    from harness.data.corpus import build_corpus

    params, paths = open_project()
    report = build_corpus(params, paths)
    kept = sum(entry["kept"] for entry in report["languages"].values())
    left_out = sum(sum(entry.values()) for entry in report["languages"].values()) - kept
    typer.echo(
        f"corpus: {kept} rows in {len(report['languages'])} languages kept, {left_out} left out as evaluation text"
    )


@app.command("encoder")
def run_encoder() -> None:
    """Train the tokenizer and pretrain the encoder, or convert one that others made (hub, wheel, folder)."""
    params, paths = open_project()  # first: a mistake in the settings need not wait for the imports
    from harness.launch.unit import do_encoder

    record = do_encoder(params, paths)
    typer.echo(f"encoder: {record['parameters']:,} parameters, {record['elapsed_s']:.0f} s")


@app.command("recipe")
def run_recipe(recipe: Annotated[str, typer.Argument(help="Name of the recipe.")]) -> None:
    """Resolve a recipe: its settings, the identity of its tasks' data, and the code."""
    from harness.experiment.inputs import write_recipe

    params, paths = open_project()
    check_known(recipe, params.recipes, "recipe")
    write_recipe(recipe, params, paths)


@app.command("target")
def run_target(target: Annotated[str, typer.Argument(help="Name of the target task.")]) -> None:
    """Resolve a target: its settings and the code of its cells."""
    from harness.experiment.inputs import write_target

    params, paths = open_project()
    check_known(target, params.target, "target")
    write_target(target, params, paths)


@app.command("intermediate")
def run_intermediate(
    recipe: Annotated[str, typer.Argument(help="Name of the recipe.")],
    seed: Annotated[int, typer.Argument(help="Seed of the repetition.")],
) -> int:
    """Train the encoder on a recipe's intermediate tasks (the baseline `none` trains nothing)."""
    return _finish("run", "intermediate", recipe, str(seed))


@app.command("cell")
def run_cell(
    recipe: Annotated[str, typer.Argument(help="Name of the recipe.")],
    target: Annotated[str, typer.Argument(help="Name of the target task.")],
    seed: Annotated[int, typer.Argument(help="Seed of the repetition.")],
) -> int:
    """Run one cell: target training, zero-shot predictions, scores."""
    return _finish("run", "cell", recipe, target, str(seed))


@app.command("grid")
def run_grid() -> None:
    """Write grid.json, the units of params.yaml's grid for `dvc repro` (`harness repro` does it by itself)."""
    from harness.pipeline.grid_file import write_grid

    params, paths = open_project()
    write_grid(params, paths)
    typer.echo(f"grid: {len(params.grid.trainings)} intermediate trainings and {len(params.grid.cells)} cells")


@app.command("scores")
def run_scores() -> None:
    """Gather every result.json of the grid into one table."""
    from harness.audit.scores import write_scores
    from harness.pipeline.grid_file import check_grid

    params, paths = open_project()
    check_grid(params, paths)
    typer.echo(write_scores(params, paths))


@app.command("verdicts")
def run_verdicts() -> None:
    """Write results/<profile>/verdicts.json; `harness verify` prints the same and gives the exit code."""
    from harness.audit.levels import verify_all
    from harness.project.files import write_json

    params, paths = open_project()
    write_json(paths.verdicts, verify_all(params, paths).model_dump(mode="json"))
    typer.echo(f"verdicts: {paths.verdicts}")


@app.command("report")
def run_report() -> None:
    """Write build/<profile>/report.html from the verdicts; `harness report` writes the same, judging afresh."""
    from harness.pages.report.read import read_report_of, read_verdicts
    from harness.pages.report.render import report_file, write_report

    params, paths = open_project()
    size = write_report(read_report_of(read_verdicts(paths), params, paths), report_file(paths))
    typer.echo(f"report: {report_file(paths)}, {size / 1e6:.1f} MB")


@app.command("metrics")
def run_metrics() -> None:
    """Write metrics/<profile>.json and the tables that DVC compares; of the pinned results where nothing has run."""
    from harness.exchange.metrics_files import metrics_folder, write_metrics
    from harness.project.pinned import ENCODER, TRAININGS

    params, paths = open_project()
    table, found = _concluded(params, paths)
    if table is None:
        raise HarnessError(
            f"expected sound results, found {len(found.v0.problems)} problems, first: {found.v0.problems[0]}",
            fix="run `make repro`, then `harness verify` until V0 is ok",
        )
    is_pinned = found.judged == "pinned"
    folder, trainings = (paths.pinned, TRAININGS) if is_pinned else (paths.results, "intermediate")
    records = [folder / ENCODER, *sorted((folder / trainings).glob("*.json"))]
    written = write_metrics(table, found, [path for path in records if path.is_file()], metrics_folder(paths))
    typer.echo(f"metrics: {len(written)} files in {metrics_folder(paths).parent}; `dvc metrics show`, `dvc plots show`")


@app.command("track")
def run_track() -> None:
    """Import finished results and their verdicts into MLflow and note how many there are."""
    from harness.exchange.tracking.track import track as import_results
    from harness.pages.study.pictures import pictures_of
    from harness.project.files import write_json

    params, paths = open_project()
    table, found = _concluded(params, paths)
    import_results(paths, paths.mlruns, table, found, pictures_of(table, found, params, paths))
    write_json(
        paths.results / "tracked.json",
        {"profile": params.profile, "cells": len(list(paths.cells.glob("*/result.json")))},
    )


def _concluded(params: Params, paths: Paths) -> tuple[ScoresTable | None, Verification]:
    """Scores and verdicts, as the stages before have left them; where these have not run, of what is judged now."""
    from harness.audit.levels import verify_results
    from harness.audit.subject import find_results, require_results
    from harness.audit.verification import read_verification
    from harness.verify.scores import read_scores

    if paths.scores.is_file() and paths.verdicts.is_file():
        return read_scores(paths.scores), read_verification(paths.verdicts)
    judged = find_results(params, paths)
    require_results(judged, params, paths)
    return judged.table, verify_results(judged, params, paths)


def _finish(*command: str) -> int:
    """Have a unit done by the warm process of the running `dvc`, else here; the baseline's training is not worth it."""
    if command[1:3] != ("intermediate", "none"):
        from harness.launch.local.warm import delegate

        code = delegate(command)
        if code is not None:
            return code
    from harness.launch.unit import finish_unit

    return finish_unit(command)
