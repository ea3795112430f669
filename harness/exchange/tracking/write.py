"""Entries -> runs of an experiment: what is there already is left alone, what has changed is replaced.

A run of a recipe stays the same run, since others are nested under it: what it holds is written over.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.exchange.tracking.entry import DataInput, Entry, Value
from harness.exchange.tracking.names import (
    CELL_TAG,
    KIND_TAG,
    LAYOUT,
    LAYOUT_TAG,
    NAME_TAG,
    PARENT_TAG,
    RECIPE_TAG,
    SHA_TAG,
    metric_name,
)

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric, Run
    from mlflow.tracking import MlflowClient

METRICS_BATCH = 1000
"""Metrics per request; MLflow refuses more."""
PARAMS_BATCH = 100
"""Params per request; MLflow refuses more."""
DIGEST_LENGTH = 36
"""Characters kept of a data set's digest; MLflow's database holds no more. The whole sha256 is in its source."""
Key = tuple[str, str]
"""Kind and name of a run."""


def present_runs(client: MlflowClient, experiment: str) -> dict[Key, list[Run]]:
    """The runs that are there."""
    found: dict[Key, list[Run]] = {}
    token: str | None = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        for run in page:
            found.setdefault(_key(run.data.tags), []).append(run)
        token = page.token
        if not token:
            return found


def _key(tags: Mapping[str, str]) -> Key:
    """Kind and name; of a run of the first layout, which had neither, by what it was nested as."""
    if KIND_TAG in tags:
        return tags[KIND_TAG], tags.get(NAME_TAG, "")
    return ("cell", tags[CELL_TAG]) if CELL_TAG in tags else ("recipe", tags.get(RECIPE_TAG, ""))


def is_present(client: MlflowClient, runs: Iterable[Run], entry: Entry) -> bool:
    """Whether one of these runs is the entry, wholly written; the others go, with their artifacts."""
    present = False
    for run in runs:
        if not present and _is_whole(run, entry):
            present = True
            continue
        client.delete_run(run.info.run_id)
        shutil.rmtree(local_artifacts(run), ignore_errors=True)
    return present


def _is_whole(run: Run, entry: Entry) -> bool:
    tags = run.data.tags
    same = tags.get(SHA_TAG) == entry.sha256 and tags.get(LAYOUT_TAG) == LAYOUT
    return same and run.info.status in ("FINISHED", "FAILED")


def write_run(client: MlflowClient, experiment: str, entry: Entry, parent: str | None) -> str:
    """Write a new run, its final status last, so that an interrupted import is seen as incomplete; returns its id."""
    nested = {} if parent is None else {PARENT_TAG: parent, RECIPE_TAG: str(entry.recipe)}
    tags = {**entry.tags, **nested, **_own_tags(entry), SHA_TAG: entry.sha256}
    run = client.create_run(experiment, start_time=entry.started_ms, tags=tags, run_name=entry.title)
    _fill(client, run, entry, entry.ended_ms)
    client.set_terminated(run.info.run_id, entry.status, entry.ended_ms)
    return str(run.info.run_id)


def write_over(client: MlflowClient, run: Run, entry: Entry) -> None:
    """Make a run that is there hold the entry, its sha256 last; a metric that it no longer has becomes NaN."""
    if _is_whole(run, entry):
        return
    given = {value.name for value in entry.values}
    gone = [Value(name, float("nan")) for name in run.data.metrics if name not in given]
    # Of two values at one step MLflow shows the later one, and a run's end may lie ahead of the clock.
    now = max(int(time.time() * 1000), (run.info.end_time or 0) + 1)
    client.update_run(run.info.run_id, name=entry.title)
    for name, value in {**entry.tags, **_own_tags(entry)}.items():
        client.set_tag(run.info.run_id, name, value)
    _log_metrics(client, run.info.run_id, [_metric(value, now, now) for value in [*entry.values, *gone]])
    client.set_terminated(run.info.run_id, entry.status, max(now, entry.ended_ms))
    client.set_tag(run.info.run_id, SHA_TAG, entry.sha256)


def _own_tags(entry: Entry) -> dict[str, str]:
    return {KIND_TAG: entry.kind, NAME_TAG: entry.name, LAYOUT_TAG: LAYOUT}


def _fill(client: MlflowClient, run: Run, entry: Entry, ended_ms: int) -> None:
    from mlflow.entities import Param

    run_id = run.info.run_id
    params = [Param(key, value) for key, value in entry.params.items()]
    for begin in range(0, len(params), PARAMS_BATCH):
        client.log_batch(run_id, params=params[begin : begin + PARAMS_BATCH])
    _log_metrics(client, run_id, [_metric(value, entry.started_ms, ended_ms) for value in entry.values])
    if entry.inputs:
        client.log_inputs(run_id, datasets=[_dataset(each) for each in entry.inputs])
    folder = local_artifacts(run)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in entry.texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    if entry.draw is not None:
        entry.draw(folder / "figures")
    for name, path in entry.files:
        with suppress(FileNotFoundError):  # of a cell that was taken over from pins without it
            shutil.copyfile(path, folder / name)


def _metric(value: Value, started_ms: int, ended_ms: int) -> Metric:
    from mlflow.entities import Metric

    at = started_ms + int((ended_ms - started_ms) * value.share)
    return Metric(metric_name(value.name), float(value.value), at, value.step)


def _log_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    for begin in range(0, len(metrics), METRICS_BATCH):
        client.log_batch(run_id, metrics=metrics[begin : begin + METRICS_BATCH])


def _dataset(given: DataInput) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = {"uri": given.source, "sha256": given.sha256}
    profile = None if given.rows is None else json.dumps({"num_rows": given.rows})
    data = Dataset(given.task, given.sha256[:DIGEST_LENGTH], "local", json.dumps(source), profile=profile)
    return DatasetInput(data, [InputTag("mlflow.data.context", given.context)])


def local_artifacts(run: Run) -> Path:
    """Where a run's artifacts lie."""
    from mlflow.utils.file_utils import local_file_uri_to_path

    return Path(local_file_uri_to_path(run.info.artifact_uri))
