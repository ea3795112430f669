"""What the driver of a cluster and its nodes say to each other, as frozen records; Ray carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.launch.cluster.shipping import Shipped
from harness.launch.work import Work


@dataclass(frozen=True)
class Identity:
    """What driver and nodes must have in common."""

    code_sha256: str
    """Of all code that units run."""
    packages: dict[str, str]
    """Versions; empty where units run in containers, which bring their own."""
    image: str | None
    """The pinned image that a node must have; None where units run in the node's own environment."""
    runtime: str = "docker"
    """What runs it."""


@dataclass(frozen=True)
class Probe:
    """A file that the driver wrote, by which a node finds out whether it sees the same folder."""

    file: Path
    """Its place on the driver's machine."""
    token: str
    """Its content."""


@dataclass(frozen=True)
class NodeReport:
    """What a node says of itself."""

    host: str
    """Its name."""
    problem: str
    """Why it can't run units of this driver, with what fixes it; empty: it can."""
    shares: bool
    """Whether it reads and writes the driver's folder."""


@dataclass(frozen=True)
class UnitRequest:
    """One unit for a node."""

    work: Work
    """With the paths of the driver's machine."""
    root: Path
    """The project on the driver's machine."""
    profile: str
    """Name of the profile."""
    identity: Identity
    """What the node must have."""
    probe: Probe
    """By which it finds the shared folder."""
    log: Path
    """File on the driver's machine for what the unit prints."""
    attempt: int
    """Which start of the unit this is, from 1."""
    files: Mapping[str, Shipped] | None
    """The inputs by path from the project; None: they are read from the shared folder."""


@dataclass(frozen=True)
class UnitReport:
    """How a unit ended on a node, and what comes after this report."""

    host: str
    """Where it ran."""
    code: int
    """Exit code."""
    seconds: float
    """Wall time."""
    shared: bool
    """False: the unit was to be read from a shared folder that this node doesn't see; nothing was run."""
    scratch: Path
    """The folder in the shared folder that holds the outputs; without a shared folder, of no use to the driver."""
    words: str
    """What the unit printed; empty where it stands in the log in the shared folder."""
    outputs: dict[str, tuple[str, int]]
    """Files that follow piece by piece, in this order: path from the project -> (sha256, number of pieces)."""
