"""What one run in MLflow is to hold, as a record: modules beside this one make them, and `write.py` writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.project.results import CurvePoint

Kind = Literal["recipe", "cell", "training", "encoder", "verdicts"]


@dataclass(frozen=True)
class Value:
    """One point of a metric."""

    name: str
    """Its name in MLflow."""
    value: float
    """In the name's unit."""
    step: int = 0
    """Optimiser steps, or the seed where a metric goes over seeds; 0 for a metric of one value."""
    share: float = 1.0
    """When, as a share of the run's time."""


@dataclass(frozen=True)
class DataInput:
    """A data set that a run read."""

    task: str
    """Its task, or `corpus`."""
    sha256: str
    """Of the manifest of its rows."""
    context: str
    """What it was read for: `training`, `evaluation` or `pretraining`."""
    source: str
    """The file of the project that pins it."""
    rows: int | None = None
    """Rows that were read; None where the record doesn't say."""


@dataclass(frozen=True)
class Entry:
    """One run."""

    kind: Kind
    name: str
    """Of its kind there is one of that name."""
    title: str
    """What MLflow shows as its name."""
    sha256: str
    """Of what it was made from: a run with the same is left alone."""
    ended_ms: int
    """When it ended, milliseconds since 1970."""
    elapsed_s: float = 0.0
    """How long it took."""
    recipe: str | None = None
    """The recipe that it is nested under; None: it stands at the top."""
    status: Literal["FINISHED", "FAILED"] = "FINISHED"
    """As MLflow has it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    values: Sequence[Value] = ()
    inputs: Sequence[DataInput] = ()
    files: Sequence[tuple[str, Path]] = ()
    """Name among the artifacts -> file; one that isn't there is left out."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Name among the artifacts -> what it holds, where no file does."""
    draw: Callable[[Path], None] | None = None
    """Draws pictures into a folder, which goes among the artifacts as `figures`."""

    @property
    def started_ms(self) -> int:
        return self.ended_ms - int(1000 * self.elapsed_s)


def curve_values(curve: Iterable[CurvePoint]) -> list[Value]:
    """Loss, learning rate and dev metrics of a training curve; its points are spread evenly over the run's time."""
    points = list(curve)
    found = []
    for index, point in enumerate(points, start=1):
        values = {"train/loss": point.loss, "train/learning_rate": point.learning_rate}
        values |= {f"train/dev/{metric}": value for metric, value in (point.dev or {}).items()}
        found += [Value(name, value, point.step, index / len(points)) for name, value in values.items()]
    return found


def read_record(path: Path) -> dict[str, Any]:
    """A record of an encoder or an intermediate training, as a run or a pinning keeps it.

    Raises ValueError where the file holds no JSON object.
    """
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"no JSON object in {path}")
    record: dict[str, Any] = found.get("record", found)
    return record
