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
