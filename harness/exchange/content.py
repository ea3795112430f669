"""The records that gathering hands to describing: what goes into an archive, and what ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.exchange.layout import CrateRecord


@dataclass(frozen=True)
class Unit:
    """Something that ran: a pretraining, an intermediate training, a cell, the judging."""

    name: str
    """Its command line, `harness run cell none xnli 1`; unique in an archive."""
    provenance: Mapping[str, Any]
    """Commit, packages, machine, image, as its result says."""
    reads: Sequence[str]
    """Files of the archive that went in."""
    writes: Sequence[str]
    """Files that came out; of those, the archive may withhold some."""
    elapsed_s: float | None = None
    """Wall time in seconds."""
    error: str = ""
    """Why it gave no score; empty where it did."""


@dataclass(frozen=True)
class Content:
    """What goes into an archive."""

    record: CrateRecord
    """What the archive says of itself."""
    title: str
    """The profile's title."""
    files: Mapping[str, bytes]
    """Path in the archive -> bytes; without the metadata."""
    units: Sequence[Unit]
    """What ran, in order."""
    licences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """File -> the task whose data it follows from, and that data's licence, where one is stated."""
    originals: Mapping[str, str] = field(default_factory=dict)
    """File -> the path that it had in the project, where it is another one."""


@dataclass(frozen=True)
class Root:
    """What an archive as a whole is."""

    name: str
    """Its name."""
    description: str
    """What it holds, in sentences."""
    date: str
    """Its date."""
    licence: str
    """Under which terms it may be passed on, as a name."""
    licence_about: str
    """The same in sentences."""


@dataclass(frozen=True)
class Crate:
    """What the metadata of an archive describes."""

    root: Root
    """The whole."""
    files: Mapping[str, bytes]
    """Path in the archive -> bytes; without the metadata."""
    units: Sequence[Unit]
    """What ran, in order."""
    licences: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """As in Content."""
    originals: Mapping[str, str] = field(default_factory=dict)
    """As in Content."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """Files that are not in the archive -> their sha256."""
    withheld_because: str = ""
    """Why they are not."""
