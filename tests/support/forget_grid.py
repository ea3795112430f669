"""Take everything that the grid made, and what comes after it, out of a dvc.lock.

python tests/support/forget_grid.py dvc.lock
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

GRID = ("intermediate", "cell", "scores", "verdicts", "report", "metrics", "track")
"""Stages that run from the grid on."""


def forget_grid(path: Path) -> None:
    """Stages before the grid keep their entries."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["stages"] = {name: entry for name, entry in content["stages"].items() if not name.startswith(GRID)}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


if __name__ == "__main__":
    forget_grid(Path(sys.argv[1]))
