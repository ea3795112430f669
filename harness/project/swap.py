"""A file or folder put in the place of another: whoever is killed meanwhile leaves one of the two, whole."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def put_in_place(new: Path, place: Path, aside: Path) -> None:
    """Rename `new` to `place`, on the same file system; what lay there is removed afterwards.

    Linux exchanges the two in one step. Elsewhere the old one is called `aside` meanwhile, and `recover` brings it back
    after a kill just then.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(place) or not (new.is_dir() or place.is_dir()):
        new.replace(place)
    elif _exchange(new, place):
        _remove(new)
    else:
        _remove(aside)
        place.rename(aside)
        new.rename(place)
        _remove(aside)


def recover(place: Path, aside: Path) -> None:
    """Bring back what `put_in_place` had called `aside` when it was killed, or remove it where the new one is there."""
    if not os.path.lexists(aside):
        return
    if os.path.lexists(place):
        _remove(aside)
    else:
        aside.rename(place)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step (renameat2(2)); False where the system or its file system can't."""
    if not sys.platform.startswith("linux"):
        return False
    with suppress(OSError, AttributeError):
        rename = ctypes.CDLL(None).renameat2
        return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0
    return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
