"""Imports finished results into MLflow: an experiment per profile, a run per cell, nested under its recipe.

Results on disk are the truth and MLflow is a view of them, written by one process after the fact. An import
can be repeated at any time: a result that is in already is left alone, one that has changed replaces its old
run. Runs of results that are no longer on disk are kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.project.errors import HarnessError
from harness.project.pinned import left_out_of_pins
from harness.project.results import Result, kept_name, read_result

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run
    from mlflow.tracking import MlflowClient

DATABASE = "mlflow.db"
SHA_TAG = "harness.result_sha256"
CELL_TAG = "harness.cell"
RECIPE_TAG = "harness.recipe"
PARENT_TAG = "mlflow.parentRunId"
METRICS_BATCH = 1000
"""Metrics per request; MLflow refuses more."""
PARAMS_BATCH = 100
"""Params per request; MLflow refuses more."""
VALUE_LENGTH = 5000
"""Characters kept of a tag or param; MLflow refuses more than 6000 in a param and 8000 in a tag."""


class Finished(NamedTuple):
    """A result on disk that is to be imported."""

    path: Path
    sha256: str
    result: Result


def track(profile: str, results_root: Path, mlruns: Path) -> int:
    """Import every `results_root/<profile>/cells/*/result.json`; returns how many runs were written.

    Raises HarnessError for a result that can't be read or whose predictions are missing, before anything is
    written, and for a folder or database that can't be used.
    """
    finished = [_read(path) for path in sorted((results_root / profile / "cells").glob("*/result.json"))]
    if not finished:
        return 0
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when MLflow is imported
    with _alone(mlruns), _without_fsync(), _addressable(mlruns.resolve()) as folder:
        client = _client(folder / DATABASE, mlruns)
        experiment = _experiment(client, profile, (mlruns / "artifacts").resolve())
        children, parents = _runs(client, experiment)
        new = [f for f in finished if not _replace_old(client, children.get(f.result.cell.id, []), f.sha256)]
        for each in _with_progress(new):
            recipe = each.result.cell.recipe
            if recipe not in parents:
                parents[recipe] = _start(client, experiment, recipe, {RECIPE_TAG: recipe}, _ended_ms(each))
                client.set_terminated(parents[recipe].info.run_id, end_time=_ended_ms(each))
            _import(client, experiment, parents[recipe].info.run_id, each)
    return len(new)


def _read(path: Path) -> Finished:
    result = read_result(path)
    unpinned = left_out_of_pins({result.cell.id: result}, path.parents[4] / "reference" / result.profile)
    if result.predictions and not (path.parent / result.predictions.path).is_file() and not unpinned:
        raise HarnessError(
            f"expected the predictions of {path} beside it in {result.predictions.path}, found none",
            fix=f"delete {path.parent} and run `dvc repro` to make the cell anew",
        )
    return Finished(path, hashlib.sha256(path.read_bytes()).hexdigest(), result)


@contextmanager
def _alone(mlruns: Path) -> Iterator[None]:
    """Hold the folder's lock: two imports at once would write every run twice. Errors become HarnessError."""
    from mlflow.exceptions import MlflowException

    try:
        mlruns.mkdir(parents=True, exist_ok=True)
        with (mlruns / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except (OSError, MlflowException) as error:
        raise HarnessError(
            f"expected to write MLflow's files in {mlruns}, found: {str(error).splitlines()[0]}",
            fix="free disk space or make the folder writable, then run `harness track` again",
        ) from None


@contextmanager
def _without_fsync() -> Iterator[None]:
    """Let sqlite not wait for the disk, which would take nine tenths of an import.

    After a power cut the database may be broken; `harness track` then writes it again from the results.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def hurry(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", hurry)
    try:
        yield
    finally:
        event.remove(Engine, "connect", hurry)


@contextmanager
def _addressable(folder: Path) -> Iterator[Path]:
    """A path to the folder without the characters that have a meaning in an address (`?`, `%`, `#`).

    The folder itself, or a link to it: MLflow and SQLAlchemy don't agree on how such a character is quoted.
    """
    if not re.search(r"[?%#]", str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="harness-") as place:
        link = Path(place) / "mlruns"
        link.symlink_to(folder, target_is_directory=True)
        yield link


def _client(database: Path, mlruns: Path) -> MlflowClient:
    """A client of the database, which is created on first use; messages name it by its place in `mlruns`."""
    from mlflow.tracking import MlflowClient

    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        _refuse_other_files(database)
        return MlflowClient(tracking_uri=f"sqlite:///{database}")
    except Exception as error:  # sqlite, SQLAlchemy, alembic and MLflow each raise their own
        raise HarnessError(
            f"expected an MLflow database in {mlruns / DATABASE}, found: {str(error).splitlines()[0]}",
            fix=f"move {mlruns / DATABASE} away and run `harness track`: it is made anew from the results",
        ) from None


def _refuse_other_files(database: Path) -> None:
    """Ask sqlite itself whether the file is a database: MLflow would ask again and again for minutes."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA schema_version")


def _experiment(client: MlflowClient, profile: str, artifacts: Path) -> str:
    """The id of the profile's experiment.

    MLflow keeps the absolute place of artifacts: where the checkout has moved, the old experiment is renamed and a new
    one is made.
    """
    place = (artifacts / profile).as_uri()
    known = client.get_experiment_by_name(profile)
    if known and known.lifecycle_stage == "deleted":
        client.restore_experiment(known.experiment_id)
    if known and known.artifact_location == place:
        return str(known.experiment_id)
    if known:
        client.rename_experiment(known.experiment_id, f"{profile} (set aside {time.time():.0f})")
    return client.create_experiment(profile, artifact_location=place)


def _runs(client: MlflowClient, experiment: str) -> tuple[dict[str, list[Run]], dict[str, Run]]:
    """The experiment's runs: cell id -> runs, recipe -> parent run."""
    children: dict[str, list[Run]] = {}
    parents: dict[str, Run] = {}
    token: str | None = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        for run in page:
            if CELL_TAG in run.data.tags:
                children.setdefault(run.data.tags[CELL_TAG], []).append(run)
            elif RECIPE_TAG in run.data.tags:
                parents[run.data.tags[RECIPE_TAG]] = run
        token = page.token
        if not token:
            return children, parents


def _replace_old(client: MlflowClient, runs: Iterable[Run], sha256: str) -> bool:
    """Whether one of a cell's runs is this result, wholly imported; the others go, with their artifacts."""
    present = False
    for run in runs:
        complete = run.data.tags.get(SHA_TAG) == sha256 and run.info.status in ("FINISHED", "FAILED")
        if complete and not present:
            present = True
            continue
        client.delete_run(run.info.run_id)
        shutil.rmtree(_local(run), ignore_errors=True)
    return present


def _import(client: MlflowClient, experiment: str, parent: str, each: Finished) -> None:
    """Write one run; its final status comes last, so that an interrupted import is seen as incomplete."""
    result, ended = each.result, _ended_ms(each)
    started = ended - int(1000 * result.elapsed_s)
    given = {key: value for key, value in result.provenance.items() if key != "params"}
    tags = flatten({"provenance": given, "inputs": result.inputs})
    tags |= {PARENT_TAG: parent, RECIPE_TAG: result.cell.recipe}
    tags |= {CELL_TAG: result.cell.id, SHA_TAG: each.sha256}
    tags |= {"harness.profile": result.profile, "harness.status": result.status}
    tags |= flatten({"harness.left_out": result.left_out})
    tags |= flatten({"harness.reasons": "; ".join(result.reasons)} if result.reasons else {})
    run = _start(client, experiment, result.cell.id, tags, started)
    _log(client, run.info.run_id, result, metrics(result, started, ended))
    folder = _local(run)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(each.path, folder / each.path.name)
    files = [result.predictions.path] if result.predictions else []
    for name in [*files, *(kept_name(kept) for kept in result.kept)]:
        with suppress(FileNotFoundError):  # of a cell that was taken over from pins without it
            shutil.copyfile(each.path.parent / name, folder / name)
    client.set_terminated(run.info.run_id, "FAILED" if result.status == "failed" else "FINISHED", ended)


def _start(client: MlflowClient, experiment: str, name: str, tags: Mapping[str, str], started_ms: int) -> Run:
    return client.create_run(experiment, start_time=started_ms, tags=dict(tags), run_name=name)


def _log(client: MlflowClient, run_id: str, result: Result, values: list[Metric]) -> None:
    from mlflow.entities import Param

    given = flatten(result.provenance.get("params") or {}) | flatten(result.cell.model_dump())
    params = [Param(key, value) for key, value in given.items()]
    for begin in range(0, len(params), PARAMS_BATCH):
        client.log_batch(run_id, params=params[begin : begin + PARAMS_BATCH])
    for begin in range(0, len(values), METRICS_BATCH):
        client.log_batch(run_id, metrics=values[begin : begin + METRICS_BATCH])


def metrics(result: Result, started_ms: int, ended_ms: int) -> list[Metric]:
    """Everything numeric of a result; points of the training curve are spread evenly over the run's time.

    Names: score, test/<metric>/<language>, dev/<metric>, count/<what>, elapsed_s, train/loss,
    train/learning_rate, train/dev/<metric>.
    """
    from mlflow.entities import Metric

    single = {"elapsed_s": result.elapsed_s} | ({} if result.score is None else {"score": result.score})
    single |= {f"test/{m}/{lang}": v for lang, scores in result.scores.items() for m, v in scores.items()}
    single |= {f"dev/{m}": v for m, v in result.dev_scores.items()}
    single |= {f"count/{what}": v for what, v in result.counts.items()}
    found = [Metric(metric_name(name), float(value), ended_ms, 0) for name, value in single.items()]
    for index, point in enumerate(result.curve, start=1):
        at = started_ms + (ended_ms - started_ms) * index // len(result.curve)
        values = {"train/loss": point.loss, "train/learning_rate": point.learning_rate}
        values |= {f"train/dev/{m}": v for m, v in (point.dev or {}).items()}
        found += [Metric(metric_name(name), value, at, point.step) for name, value in values.items()]
    return found


def metric_name(name: str) -> str:
    """`name` with every character that MLflow refuses in a name replaced by an underscore."""
    return re.sub(r"[^/\w.\- ]", "_", name)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as dotted names; everything else as text, cut to what MLflow takes."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = metric_name(f"{prefix}{key}")
        nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{name}.") if nested else {name: str(value)[:VALUE_LENGTH]}
    return flat


def _local(run: Run) -> Path:
    from mlflow.utils.file_utils import local_file_uri_to_path

    return Path(local_file_uri_to_path(run.info.artifact_uri))


def _ended_ms(each: Finished) -> int:
    """result.json is written last, so its time is the end of the cell."""
    return int(1000 * each.path.stat().st_mtime)


def _with_progress(new: list[Finished]) -> Iterable[Finished]:
    """The results to import, with a bar on a terminal and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import track as bar

    console = Console(stderr=True)
    shown = bool(new) and console.is_terminal
    return bar(new, "importing into MLflow", console=console, transient=True, disable=not shown)
