"""What an importer is, and what its user may say of results whose files don't say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.verify.given.rows import Given

Source = str | Path
"""A file, a folder, or a server's address."""


@dataclass(frozen=True)
class Options:
    """What the user says of the results; None: what the files say, or what the importer takes where they don't."""

    method: str | None = None
    """The name of what was evaluated."""
    task: str | None = None
    """The task or test set, of programs that don't write it."""
    seed: int | None = None
    """The repetition."""
    split: str | None = None
    """The split: which of several in the files, or the name of the only one."""
    metric: str | None = None
    """Which of several metrics is taken."""
    labels: Path | None = None
    """XTREME: the folder of the right answers."""
    experiment: str | None = None
    """MLflow: the name or the id of the experiment."""
    fraction: bool | None = None
    """Whether the program's values are shares of 1 (True) or points (False); None: seen from the values."""


@dataclass(frozen=True)
class Importer:
    """One program's results."""

    name: str
    """Its short name, in messages."""
    about: str
    """The program, and what is read of it."""
    asks: tuple[str, ...]
    """The fields of Options that mean something to it."""
    recognises: Callable[[Source], bool]
    """Whether a source is this program's, by a look at what it holds."""
    read: Callable[[Source, Options], Given]
    """What the source says, scores in points. Raises HarnessError where it can't be read or contradicts itself."""
