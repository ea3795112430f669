"""Addresses of the experiments' pages, which open on their charts; it asks the database without loading MLflow.

python -m harness.exchange.tracking.links MLRUNS PORT
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from harness.project.errors import HarnessError

DATABASE = "mlflow.db"
DEFAULT_PORT = "5000"
"""Of `make ui`."""


def experiment_links(mlruns: Path, port: str = DEFAULT_PORT) -> dict[str, str]:
    """Name of an experiment -> its address while `make ui` runs, the newest first; without those that hold no run.

    Raises HarnessError where there is no database, or it is none of MLflow's.
    """
    database = mlruns / DATABASE
    if not database.is_file():
        raise HarnessError(f"expected MLflow's database {database}, found none", fix="make repro, or harness track")
    query = (
        "SELECT name, experiment_id FROM experiments WHERE lifecycle_stage = 'active' AND experiment_id IN"
        " (SELECT experiment_id FROM runs WHERE lifecycle_stage = 'active') ORDER BY last_update_time DESC"
    )
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise HarnessError(
            f"expected an MLflow database in {database}, found: {error}",
            fix=f"move {database} away and run `harness track`: it is made anew from the results",
        ) from None
    # Without the type of work MLflow's pages open on traces of language models, of which there are none.
    view = "runs?workflowType=machine_learning&compareRunsMode=CHART"
    base = f"http://127.0.0.1:{port}/#/experiments"
    return {name: f"{base}/{number}/{view}" for name, number in rows}


def main(mlruns: str, port: str) -> None:
    """Print them, a line each."""
    try:
        links = experiment_links(Path(mlruns), port)
    except HarnessError as error:
        sys.exit(str(error))
    width = max(map(len, links), default=0)
    for name, address in links.items():
        print(f"{name:{width}}  {address}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
