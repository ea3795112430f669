"""tasks/*.yaml -> `Task` records: what a task is (role, head, metric, languages, licence) and its pins.

A task is data, not code. Its pins say, per source, which files it consists of, how many rows each has and
their sha256; a task without a pin for the active source is refused: nothing unpinned is trained on or scored.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from harness.errors import HarnessError, explain_validation, nearest
from harness.params import YAML_LOADER, Record

Role = Literal["intermediate", "target", "pretraining"]
Kind = Literal["nli", "paraphrase", "tagging", "qa", "multiple_choice", "bitext", "mining", "text"]
Head = Literal["classification", "tagging", "span", "choice", "retrieval", "none"]
Metric = Literal[
    "accuracy", "accuracy_f1", "span_f1", "squad", "mlqa", "squad_v2", "bitext_accuracy", "mining_f1", "none"
]
Group = Literal["classification", "tagging", "qa", "retrieval"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Revision = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Repository = Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
Stem = Annotated[str, StringConstraints(pattern=r"^(train|dev|test|text)(_[a-z]+)?\.[A-Za-z][A-Za-z0-9_-]*$")]
TRANSLATED = "train_translated"
"""The split of machine-translated training rows."""
PackPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][\w.-]*(/[A-Za-z0-9_-][\w.-]*)+$")]

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


class GeneratedFile(Record):
    """One normalised file of the laboratory world."""

    from_task: str | None = Field(default=None, alias="from")
    """The task whose generator makes it, where that is another one (XNLI trains on MNLI)."""
    rows: int = Field(ge=1)
    """How many rows are generated."""
    sha256: Sha256
    """Of the normalised file's bytes."""


class GeneratedPin(Record):
    """The laboratory analogue of a task."""

    version: int
    """`harness.lab.GENERATOR_VERSION` that made the hashes below."""
    seed: int
    """The seed of the data; it never changes with the seed of a cell."""
    source_language: str
    """The language of the training data."""
    files: dict[Stem, GeneratedFile] = Field(min_length=1)
    """Normalised file stem (`<split>.<language>`) to what it must be."""


class PackFile(Record):
    """One file of a data pack."""

    path: PackPath
    """Relative to the pack's folder."""
    rows: int = Field(ge=1)
    """Lines of JSON."""
    sha256: Sha256
    """Of the file as it lies there (compressed, where it is)."""


class LocalPin(Record):
    """A task's files in one data pack."""

    source_language: str
    """The language of the training data (the pivot of retrieval)."""
    stand_in: str | None
    """In plain words, what stands in where the pack lacks the task's own data; null where it is its own."""
    note: str | None
    """In plain words, where the pack's splits, sizes or versions differ from XTREME's or the paper's."""
    overlaps: list[str] = Field(default_factory=list)
    """Targets whose test rows share articles with the machine-translated training rows: never trained on and tested."""
    files: dict[Stem, Annotated[list[PackFile], Field(min_length=1)]] = Field(min_length=1)
    """Normalised file stem to the pack files that are concatenated, in this order."""


class Part(Record):
    """What one stem takes from one published file."""

    reader: str
    """Name of the function of `harness.data.readers` that turns the file's records into rows."""
    where: dict[str, str] = Field(default_factory=dict)
    """Only records whose field has this value (XNLI's languages lie in one file)."""
    rows: int | None = Field(ge=1)
    """Rows that it gives; null where nobody has published the count (then it is recorded when fetched)."""
    labels: dict[str, int] | None = None
    """Label -> rows, where published; otherwise only placeholder labels are refused."""


class HubFile(Part):
    """One file of a hub repository, at the revision that the pin names for it."""

    repository: Repository
    """Owner and name of the data set."""
    path: str
    """Path of the file in the repository (Parquet, JSON, TSV)."""
    bytes: int | None = Field(default=None, ge=1)
    """Its size; null where nobody has stated it."""
    sha256: Sha256 | None = None
    """Of the file's bytes; null where only the revision pins it (then it is recorded when fetched)."""


class HubPin(Record):
    """A task's files in hub repositories at fixed revisions."""

    source_language: str
    """The language of the training data (the pivot of retrieval)."""
    note: str | None
    """In plain words, where the hub's rows differ from XTREME's or the paper's."""
    revisions: dict[Repository, Revision] = Field(min_length=1)
    """Repository -> full commit; a branch or tag can move and is refused."""
    files: dict[Stem, Annotated[list[HubFile], Field(min_length=1)]] = Field(min_length=1)
    """Normalised file stem to what is concatenated, in this order."""

    @model_validator(mode="after")
    def _every_repository_pinned(self) -> HubPin:
        lacking = {part.repository for parts in self.files.values() for part in parts} - set(self.revisions)
        if lacking:
            raise ValueError(f"revisions lacks {', '.join(sorted(lacking))}, which files name")
        return self


class OtherSide(Record):
    """The second of two files that are read line by line (Tatoeba's English sentences)."""

    url: str
    """The address."""
    bytes: int = Field(ge=1)
    """Its size."""
    sha256: Sha256
    """Of the file behind the address, as downloaded."""


class UrlFile(Part):
    """One file behind an address, or members of an archive there."""

    url: str
    """The address."""
    sha256: Sha256
    """Of the file behind the address, as downloaded."""
    bytes: int = Field(ge=1)
    """Its size."""
    member: str | None = None
    """Glob of the paths inside the archive (zip, tar), below any folder, where it is one."""
    beside: OtherSide | None = None
    """The file of the other side, where the two sides are two files."""


class UrlPin(Record):
    """A task's raw files, as its authors serve them."""

    source_language: str
    """The language of the training data (the pivot of retrieval)."""
    note: str | None
    """In plain words, where the raw rows differ from XTREME's or the paper's."""
    files: dict[Stem, Annotated[list[UrlFile], Field(min_length=1)]] = Field(min_length=1)
    """Normalised file stem to what is concatenated, in this order."""

    def downloads(self) -> list[UrlFile | OtherSide]:
        """Everything to fetch, each address once: several stems may be members of one archive."""
        parts = [part for parts in self.files.values() for part in parts]
        sides: list[UrlFile | OtherSide] = [*parts, *(part.beside for part in parts if part.beside)]
        return list({side.url: side for side in sides}.values())


class PathFile(Part):
    """Files below the folder of a licensed corpus."""

    pattern: str
    """Glob below the folder."""


class PathPin(Record):
    """A licensed corpus that nobody may pass on: its owner names the folder."""

    source_language: str
    """The language of the training data."""
    note: str | None
    """In plain words, what the reader expects."""
    variable: str
    """Environment variable that names the folder."""
    why: str
    """In a few words, why it can't be fetched."""
    files: dict[Stem, Annotated[list[PathFile], Field(min_length=1)]] = Field(min_length=1)
    """Normalised file stem to what is concatenated, in this order."""


PublishedPin = HubPin | UrlPin | PathPin
Pin = GeneratedPin | LocalPin


class Pins(Record):
    """The pins of a task's data, per source."""

    generated: GeneratedPin | None = None
    """The laboratory world."""
    local: dict[str, LocalPin] = Field(default_factory=dict)
    """Data packs by name."""
    hub: HubPin | None = None
    """The published rows, on the hub."""
    url: UrlPin | None = None
    """The published rows, as their authors serve them."""
    path: PathPin | None = None
    """The published rows, in a folder of their licensee."""

    def names(self) -> list[str]:
        """The sources that have a pin, in words."""
        published = [name for name in ("hub", "url", "path") if getattr(self, name) is not None]
        packs = [f"local pack {pack!r}" for pack in self.local]
        return ["generated"] * (self.generated is not None) + packs + published


class Origin(Record):
    """Where a task's text comes from, as a public document states it."""

    name: str
    """The origin, by the name that claims call it."""
    stated: str
    """What the document says, in our words."""
    document: str
    """Which public document says it, and in which version it was read."""


class Task(Record):
    """A data set with a head and a metric."""

    name: str
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
    languages: list[str]
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
    path = tasks_dir / f"{name}.yaml"
    if not path.is_file():
        names = task_names(tasks_dir)
        raise HarnessError(
            f"expected the name of a task, found `{name}` (no file {path}); {nearest(name, names)}",
            fix=f"use one of those names, or write {path.name} after the example of another task",
        )
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise HarnessError(f"expected YAML in {path}, found: {problem}", fix="mend that line") from None
    task = parse_task(raw, str(path))
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
