"""MLflow's database of SQLite, read without MLflow and without a change to it.

Tables and columns as MLflow 3.17.2 has them; they are the same since 1.0.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from harness.exchange.importers.mlflow_run import Run
from harness.project.errors import HarnessError

MAGIC = b"SQLite format 3\0"
TABLES = {"experiments", "runs", "params", "latest_metrics", "tags"}
MOST_STEPS = 10_000
"""In thousands of steps of SQLite's machine: some seconds. A file that others made could ask for endless work."""
_ACTIVE = "lifecycle_stage = 'active'"


def is_database(path: Path) -> bool:
    """Whether the file is a database with MLflow's tables."""
    try:
        with path.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return False
        found = {row[0] for row in _rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
        return found.issuperset(TABLES)
    except (OSError, HarnessError):
        return False


def file_experiments(path: Path) -> dict[str, str]:
    """Id -> name of the experiments that hold a run."""
    query = (
        f"SELECT experiment_id, name FROM experiments WHERE {_ACTIVE} AND experiment_id IN"
        f" (SELECT experiment_id FROM runs WHERE {_ACTIVE}) ORDER BY experiment_id"
    )
    return {str(number): str(name) for number, name in _rows(path, query)}


def file_runs(path: Path, experiment: str) -> list[Run]:
    """The runs of an experiment, by its id, in the order in which they began; deleted ones are left out."""
    runs = _rows(
        path,
        f"SELECT run_uuid, name, status FROM runs WHERE {_ACTIVE} AND experiment_id = ? ORDER BY start_time, run_uuid",
        (experiment,),
    )
    params, tags = _by_run(path, "params", "value"), _by_run(path, "tags", "value")
    metrics = _by_run(path, "latest_metrics", "CASE WHEN is_nan THEN NULL ELSE value END")
    return [
        Run(
            id=str(run),
            name=str(tags[run].get("mlflow.runName") or name or run),
            status=str(status),
            params={key: str(value) for key, value in params[run].items()},
            metrics={key: float("nan") if value is None else float(value) for key, value in metrics[run].items()},
            tags={key: str(value) for key, value in tags[run].items()},
        )
        for run, name, status in runs
    ]


def _by_run(path: Path, table: str, value: str) -> Mapping[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for run, key, each in _rows(path, f"SELECT run_uuid, key, {value} FROM {table}"):
        found[run][str(key)] = each
    return found


def _rows(path: Path, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    with _reading(path) as base:
        return base.execute(query, values).fetchall()


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can't write; what SQLite refuses becomes a HarnessError that names the file."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            steps = iter(range(MOST_STEPS))
            base.set_progress_handler(lambda: next(steps, None) is None, 1000)
            base.execute("PRAGMA trusted_schema = OFF")
            yield base
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise HarnessError(
            f"expected a database of MLflow at {path}, found: {error}",
            fix="stop the server that writes it and copy the file anew, or name the server's address",
        ) from None
