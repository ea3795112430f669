"""tasks/*.yaml -> `Task` records: what a task is (role, head, metric, languages, licence) and its pins.

A task is data, not code. Its pins say, per source, which files it consists of, how many rows each has and
their sha256; a task without a pin for the active source is refused: nothing unpinned is trained on or scored.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from harness.project.errors import HarnessError, explain_validation, nearest
from harness.project.files import read_yaml
from harness.project.named import Language, TaskName
from harness.project.names import check_name
from harness.project.pins import PathPin, Pin, Pins, PublishedPin
from harness.project.records import StrictRecord

Role = Literal["intermediate", "target", "pretraining"]
Kind = Literal["nli", "paraphrase", "tagging", "qa", "multiple_choice", "bitext", "mining", "text"]
Head = Literal["classification", "tagging", "span", "choice", "retrieval", "none"]
Metric = Literal[
    "accuracy", "accuracy_f1", "span_f1", "squad", "mlqa", "squad_v2", "bitext_accuracy", "mining_f1", "none"
]
Group = Literal["classification", "tagging", "qa", "retrieval"]
TRANSLATED = "train_translated"
"""The split of machine-translated training rows."""

# What fits together: the head that a kind of row is trained with, and the metrics that can score it.
HEAD_OF_KIND: dict[str, Head] = {
    "nli": "classification",
    "paraphrase": "classification",
    "tagging": "tagging",
    "qa": "span",
    "multiple_choice": "choice",
    "bitext": "retrieval",
    "mining": "retrieval",
    "text": "none",
}
METRICS_OF_KIND: dict[str, tuple[Metric, ...]] = {
    "nli": ("accuracy",),
    "paraphrase": ("accuracy", "accuracy_f1"),
    "tagging": ("accuracy", "span_f1"),
    "qa": ("squad", "mlqa", "squad_v2"),
    "multiple_choice": ("accuracy",),
    "bitext": ("bitext_accuracy",),
    "mining": ("mining_f1",),
    "text": ("none",),
}
GROUP_OF_HEAD: dict[str, Group] = {
    "classification": "classification",
    "tagging": "tagging",
    "span": "qa",
    "retrieval": "retrieval",
}


class Origin(StrictRecord):
    """Where a task's text comes from, as a public document states it."""

    name: str
    """The origin, by the name that claims call it."""
    stated: str
    """What the document says, in our words."""
    document: str
    """Which public document says it, and in which version it was read."""


class Task(StrictRecord):
    """A data set with a head and a metric."""

    name: TaskName
    """The file's own name, used in recipes, cells and folders."""
    title: str
    """The name people know it by."""
    role: Role
    """Intermediate task, target task, or text to pretrain on."""
    kind: Kind
    """The schema of its rows."""
    head: Head
    """What is put on the encoder to train it."""
    metric: Metric
    """How predictions are scored."""
    group: Group | None
    """XTREME's group; targets only."""
    labels: list[str] | list[int] | None
    """The closed set of labels or tags, where there is one; null: free, or read off the training data."""
    languages: list[Language]
    """The real task's languages in XTREME's codes (the analogue's are in its pin)."""
    licence: str
    """What the source says about use, and what it doesn't."""
    source: str
    """Where the real data comes from."""
    publication: str
    """The paper that describes it."""
    origins: list[Origin] = Field(default_factory=list)
    """Where its text comes from, where a claim speaks of that; empty: not looked up."""
    borrowed_splits: dict[str, str] = Field(default_factory=dict)
    """In the laboratory world: split to the task whose file it is (XNLI trains on MNLI)."""
    pack_files: dict[str, list[str]]
    """Split to the pack's `<folder>/<split>` (or stem to `<folder>/<split>.<language>`), in this order."""
    pack_codes: dict[str, str] = Field(default_factory=dict)
    """A pack's language code to ours, where they differ."""
    published: list[Literal["hub", "url", "path"]] = Field(default_factory=list)
    """Where the published rows are looked for, in order; a later place serves where an earlier can't be reached."""
    pins: Pins = Field(default_factory=Pins)
    """What its data must be, per source."""

    @model_validator(mode="after")
    def _fits_together(self) -> Task:
        if self.head != HEAD_OF_KIND[self.kind]:
            raise ValueError(f"kind {self.kind!r} needs head {HEAD_OF_KIND[self.kind]!r}, not {self.head!r}")
        if self.metric not in METRICS_OF_KIND[self.kind]:
            raise ValueError(f"metric {self.metric!r} does not score kind {self.kind!r}: {METRICS_OF_KIND[self.kind]}")
        group = GROUP_OF_HEAD.get(self.head) if self.role == "target" else None
        if self.group != group:
            raise ValueError(f"a task with role {self.role!r} and head {self.head!r} has group {group!r}")
        if (self.role == "pretraining") != (self.kind == "text"):
            raise ValueError("kind 'text' and role 'pretraining' go together")
        unpinned = [name for name in self.published if getattr(self.pins, name) is None]
        if unpinned:
            raise ValueError(f"published names {', '.join(unpinned)}, which pins lacks")
        return self


def task_names(tasks_dir: Path) -> list[str]:
    """The tasks that have a file, sorted."""
    return sorted(path.stem for path in tasks_dir.glob("*.yaml"))


def load_task(name: str, tasks_dir: Path) -> Task:
    """The record of tasks/<name>.yaml; HarnessError for an unknown name, broken YAML or a bad field."""
    path = tasks_dir / f"{check_name(name, 'task')}.yaml"
    if not path.is_file():
        names = task_names(tasks_dir)
        raise HarnessError(
            f"expected the name of a task, found `{name}` (no file {path}); {nearest(name, names)}",
            fix=f"use one of those names, or write {path.name} after the example of another task",
        )
    task = parse_task(read_yaml(path), str(path))
    if task.name != name:
        raise HarnessError(f"expected `name: {name}` in {path}, found {task.name!r}", fix="make the two agree")
    return task


def load_tasks(names: Sequence[str], tasks_dir: Path) -> dict[str, Task]:
    """The records of several tasks by name, in the order asked for."""
    return {name: load_task(name, tasks_dir) for name in names}


def parse_task(raw: object, where: str) -> Task:
    """A parsed YAML document as a record; HarnessError names every key that doesn't fit."""
    if not isinstance(raw, dict):
        found = type(raw).__name__
        raise HarnessError(f"expected keys and values in {where}, found {found}", fix="follow tasks/mnli.yaml")
    try:
        return Task.model_validate(raw)
    except ValidationError as error:
        raise HarnessError(explain_validation(error, Task, where), fix="correct the keys named") from None


def published_pins(task: Task) -> dict[str, PublishedPin]:
    """Place ("hub", "url", "path") -> pin of the published rows, in the order in which they are looked for."""
    return {place: getattr(task.pins, place) for place in task.published}


def unavailable(task: Task) -> str | None:
    """Why this machine can't have a task's published rows, in a few words; None where it can."""
    pins = published_pins(task)
    if not pins:
        return "no published data is pinned for it"
    for pin in pins.values():
        if not isinstance(pin, PathPin) or os.environ.get(pin.variable):
            return None
        reason = f"{pin.why}; set {pin.variable} to your copy's folder"
    return reason


def published_digest(task: Task) -> str:
    """sha256 of a task's pins of published rows: a data folder whose manifest names it was built from these."""
    pins = "".join(pin.model_dump_json() for pin in published_pins(task).values())
    return hashlib.sha256(pins.encode("utf-8")).hexdigest()


def pin_for(task: Task, source: str, pack: str | None = None) -> Pin:
    """The pin of the active source ("generated", or "local" with the pack's name)."""
    pin = task.pins.generated if source == "generated" else task.pins.local.get(pack or "")
    if pin is None:
        wanted = "generated" if source == "generated" else f"local pack {pack!r}"
        command = f"harness data pin {task.name}" + ("" if source == "generated" else f" --pack {pack}")
        raise HarnessError(
            f"expected a pin of source {wanted} for task {task.name}, found "
            f"{', '.join(task.pins.names()) or 'no pin at all'} in tasks/{task.name}.yaml",
            fix=f"run `{command}`, or choose a source that is pinned",
        )
    return pin
