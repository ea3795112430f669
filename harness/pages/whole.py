"""A page with its pictures, written whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.project.errors import writing


@contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """An empty folder to write into: once everything is there, its files are renamed into `folder`, pages last.

    What fails or is interrupted before leaves `folder` as it was. OSError becomes HarnessError.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
        try:
            yield place
            for path in sorted(place.iterdir(), key=lambda path: (path.suffix == ".md", path.name)):
                path.replace(folder / path.name)
        finally:
            shutil.rmtree(place, ignore_errors=True)
