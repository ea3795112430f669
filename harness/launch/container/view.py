"""What a unit sees in a container and where it may write, whatever runs the container; and whose code its image has."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.experiment.inputs import units_sha256
from harness.launch.container.engine_records import ImageFacts, Mount
from harness.launch.container.image import CODE_LABEL, WORK
from harness.launch.work import Work
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import OUTPUT, Paths
from harness.project.provenance import IMAGE_DIGEST

OUT = "/output"
"""Where a container finds the folder it may write to."""
REBUILD = "run `harness image build`, then `harness image pin`"


def mounts(work: Work, paths: Paths, scratch: Path) -> tuple[Mount, ...]:
    """What a unit sees of this machine: its inputs read-only, and the one folder that it may write to."""
    inside = [(path, f"{WORK}/{path.relative_to(paths.root).as_posix()}") for path in work.inputs if path.exists()]
    read = [Mount(source=str(path), target=target, read_only=True) for path, target in inside]
    return (*read, Mount(source=str(scratch), target=OUT, read_only=False))


def environment(params: Params) -> dict[str, str]:
    """A unit's environment variables beside the image's own."""
    return {OUTPUT: OUT, IMAGE_DIGEST: str(params.unit_image), **_terminal()}


def check_code(image: ImageFacts, pinned: str) -> None:
    """HarnessError unless the image holds the code that units of this checkout run."""
    found, here = image.labels.get(CODE_LABEL), units_sha256()
    if found != here:
        raise HarnessError(
            f"expected the image {pinned} to hold the code of this checkout (units {here:.12}),"
            f" found {f'units {found:.12}' if found else f'no label {CODE_LABEL}'}",
            fix=REBUILD,
        )


def _terminal() -> dict[str, str]:
    size = shutil.get_terminal_size()
    return {"COLUMNS": str(size.columns), "LINES": str(size.lines), "TERM": os.environ.get("TERM", "dumb")}


@contextmanager
def scratch_folder(folder: Path, belongs_to: tuple[int, int] | None = None) -> Iterator[None]:
    """An empty folder that the container's user may write to, gone afterwards. `belongs_to`: uid and gid."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if belongs_to is not None:
        os.chown(folder, *belongs_to)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """`kill` and a closed terminal end the unit as Ctrl-C does: its container is removed on the way out."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
