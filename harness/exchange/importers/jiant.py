"""jiant: val_metrics.json, a score per task on its development rows.

Each task has `loss` and `metrics` with `major`, the headline, and `minor`, the numbers behind it; `aggregated` is
jiant's mean over tasks and left out. Source: nyu-mll/jiant, jiant/proj/main/components/evaluate.py `write_val_results`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.exchange.importers.choosing import Found, choose
from harness.exchange.importers.importer import Importer, Options, Source
from harness.exchange.importers.reading import as_object, is_number, peek_object, read_object, remember
from harness.verify.given.rows import Given

NAME = "val_metrics.json"
AGGREGATED = "aggregated"
MAJOR = "major"


def recognises(source: Source) -> bool:
    """Whether the file, or val_metrics.json of the folder, has a task with a major metric."""
    content = peek_object(_file(source))
    metrics = [each.get("metrics") for each in content.values() if isinstance(each, dict)]
    return any(isinstance(each, dict) and MAJOR in each for each in metrics)


def read(source: Source, options: Options) -> Given:
    """The major metric of each task in points, or of the minor ones the one that `options.metric` names."""
    path = _file(source)
    content = read_object(path)
    found = [
        Found(
            options.method or path.resolve().parent.name,
            task,
            _values(as_object(each, f"`{task}` of {path}"), options.metric),
            options.seed,
            split=options.split or "dev",
        )
        for task, each in content.items()
        if task != AGGREGATED
    ]
    chosen = choose(found, options)
    given = Given("jiant", chosen.scores, unknown=dict(chosen.unknown), remarks=list(chosen.remarks))
    remember(given, path)
    given.unknown["revision"] = "the file doesn't say which code and model made it"
    if options.method is None:
        given.unknown["method"] = f"taken: the folder's name, {given.scores[0].method}"
    if options.seed is None:
        given.unknown["seed"] = "taken: none; NAME:SEED=SOURCE says it"
    if options.split is None:
        given.remarks.append("jiant writes scores of development rows, which also chose the checkpoint.")
    return given


def _file(source: Source) -> Path:
    path = Path(source)
    return path / NAME if path.is_dir() else path


def _values(task: Mapping[str, Any], asked: str | None) -> dict[str, float]:
    """The major metric, and where one is asked for the minor ones."""
    metrics = as_object(task.get("metrics"), "`metrics` of a task")
    minor = metrics.get("minor") or {}
    values = {MAJOR: metrics.get(MAJOR)} | (minor if asked else {})
    return {name: value for name, value in values.items() if is_number(value)}


IMPORTER = Importer(
    name="jiant",
    about="jiant: val_metrics.json, the major metric of each task",
    asks=("method", "seed", "split", "metric", "fraction"),
    recognises=recognises,
    read=read,
)
