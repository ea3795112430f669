"""A unit of work (an intermediate training, a cell) as what runs it elsewhere sees it: command, inputs, outputs.

A unit writes into a scratch folder, wherever it runs; its outputs are moved to their places when it has finished, so
one that fails or is killed leaves what lay there before.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from harness.project.errors import HarnessError, writing
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.results import Cell
from harness.project.swap import put_in_place

OWNED = "jobs-"
"""Before the number of the process that a scratch folder belongs to."""


@dataclass(frozen=True)
class Work:
    """One unit of work."""

    name: str
    """In words: `cell none-udpos-1`."""
    command: tuple[str, ...]
    """Arguments of `harness`."""
    inputs: tuple[Path, ...]
    """Files and folders that it reads."""
    outputs: tuple[Path, ...]
    """What it writes, at the final places; the last one marks a finished unit."""

    def scratch(self, folder: Path) -> Path:
        """The folder below `folder` that it writes into when it runs elsewhere."""
        return folder / "-".join(self.command[1:])


def encoder_work(paths: Paths) -> Work:
    """Making the encoder, which `dvc repro` has done on this machine."""
    return Work(
        name="encoder",
        command=("run", "encoder"),
        inputs=(paths.params, paths.corpus),
        outputs=(paths.results / "encoder.json", paths.encoder),
    )


def intermediate_work(recipe: str, seed: int, params: Params, paths: Paths) -> Work:
    """An intermediate training: reads the encoder, the resolved recipe, its tasks' data and, for masked LM, text."""
    data = [paths.data(task) for task in params.recipes[recipe].tasks]
    data += [paths.corpus] if params.recipes[recipe].mlm else []
    return Work(
        name=f"intermediate {recipe}-{seed}",
        command=("run", "intermediate", recipe, str(seed)),
        inputs=(*_common(paths), paths.recipe(recipe), *data),
        outputs=(paths.checkpoint(recipe, seed), paths.intermediate(recipe, seed)),
    )


def cell_work(cell: Cell, paths: Paths) -> Work:
    """A cell: reads the encoder, its checkpoint, the resolved target and the target's data."""
    checkpoint = paths.checkpoint(cell.recipe, cell.seed)
    return Work(
        name=f"cell {cell.id}",
        command=("run", "cell", cell.recipe, cell.target, str(cell.seed)),
        inputs=(*_common(paths), checkpoint, paths.target(cell.target), paths.data(cell.target)),
        outputs=(paths.cell(cell.recipe, cell.target, cell.seed),),
    )


def _common(paths: Paths) -> tuple[Path, ...]:
    return paths.params, paths.tasks, paths.encoder


def own_scratch(paths: Paths) -> Path:
    """The folder that this process's units write into; it is taken away when the process is gone."""
    return paths.scratch / f"{OWNED}{os.getpid()}"


def remove_old_scratch(paths: Paths) -> None:
    """Take away the scratch folders of processes that are gone."""
    import psutil

    for old in paths.scratch.glob(f"{OWNED}*"):
        owner = old.name.removeprefix(OWNED)
        if not (owner.isdecimal() and psutil.pid_exists(int(owner))):
            shutil.rmtree(old, ignore_errors=True)


def check_places(work: Work) -> None:
    """Raise HarnessError where a unit's outputs could not be put: before it runs, not after hours."""
    for folder in (place.parent for place in work.outputs):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def fetch_back(work: Work, scratch: Path, paths: Paths) -> None:
    """Move what a unit wrote below `scratch` to its places, the output that marks a finished unit last; what lay there
    goes once the new one is in its place.

    Raises HarnessError if an output is not there, or if anything below `scratch` is no plain file or folder.
    """
    _take_over(scratch, work)
    written = {place: scratch / place.relative_to(paths.root) for place in work.outputs}
    missing = [place for place, source in written.items() if not source.exists()]
    if missing:
        raise HarnessError(
            f"expected {work.name} to write {missing[0].relative_to(paths.root)}, found that it did not",
            fix="run the same command again",
        )
    for place, source in written.items():
        put_in_place(source, place, aside=scratch / "before")


def _take_over(scratch: Path, work: Work) -> None:
    """Check what a unit wrote and, as root, make it root's: a root caller's container runs as another user.

    No link is followed, not even one that is put there meanwhile: everything is opened by its own name in a folder
    that is open already, and looked at again once it is open.
    """
    for _, folders, files, where in os.fwalk(scratch, onerror=_raise, follow_symlinks=False):
        for name in (*folders, *files):
            seen = os.stat(name, dir_fd=where, follow_symlinks=False)
            is_plain = stat.S_ISDIR(seen.st_mode) or (stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1)
            if not is_plain:
                raise HarnessError(
                    f"expected {work.name} to write plain files and folders, found another kind at {name!r:.200}",
                    fix="find out what wrote it (the image, the code); nothing of it was kept",
                )
            if os.getuid() == 0:
                opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=where)
                try:
                    if os.path.samestat(os.fstat(opened), seen):
                        os.fchown(opened, os.getuid(), os.getgid())
                finally:
                    os.close(opened)


def _raise(error: OSError) -> None:
    raise error
