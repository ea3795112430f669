"""MLflow's database and experiments: opened alone, under addresses that it takes, and described."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.exchange.tracking.links import DATABASE
from harness.exchange.tracking.names import NOTE_TAG
from harness.exchange.tracking.recipes import PRIMARY
from harness.project.errors import HarnessError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


@contextmanager
def opened(mlruns: Path) -> Iterator[MlflowClient]:
    """A client of the folder's database, which nobody else writes meanwhile. Errors become HarnessError."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when MLflow is imported
    with _alone(mlruns), _without_fsync(), _addressable(mlruns.resolve()) as folder:
        yield _client(folder / DATABASE, mlruns)


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


def find_experiment(client: MlflowClient, name: str, artifacts: Path) -> str:
    """The id of the experiment of this name, whose artifacts lie in that folder; made where there is none.

    MLflow keeps the absolute place of artifacts: where the checkout has moved, the old experiment is renamed and a new
    one is made.
    """
    place = artifacts.as_uri()
    known = client.get_experiment_by_name(name)
    if known and known.lifecycle_stage == "deleted":
        client.restore_experiment(known.experiment_id)
    if known and known.artifact_location == place:
        return str(known.experiment_id)
    if known:
        client.rename_experiment(known.experiment_id, f"{name} (set aside {time.time():.0f})")
    return client.create_experiment(name, artifact_location=place)


def describe_experiment(client: MlflowClient, experiment: str, note: str) -> None:
    """Give the experiment its description, and say what kind it is and which metric counts most.

    Of another kind its page would not open on runs.
    """
    tags = {
        NOTE_TAG: note,
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": PRIMARY,
        "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
    }
    known: Mapping[str, str] = client.get_experiment(experiment).tags
    for name, value in tags.items():
        if known.get(name) != value:
            client.set_experiment_tag(experiment, name, value)
