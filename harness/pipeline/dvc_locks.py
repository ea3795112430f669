"""Before DVC is started: whom does one wait for, and what have processes left that were killed?

DVC's locks lie in .dvc/tmp: `lock`, held while it reads and writes the project, and `rwlock`, JSON that names the
process at work on each path. A process that is killed leaves the second behind, perhaps half written; and dvc.lock,
which DVC writes in place, may be cut off.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from harness.pipeline.lock import LOCK, MERGE_MARKS, read_lock
from harness.project.errors import HarnessError, writing
from harness.project.paths import Paths

LOOK_S = 0.5
"""Seconds between two looks at a lock that somebody holds."""


def wait_for_others(paths: Paths) -> None:
    """Return once no other DVC is at work in the project; whom one waits for is said on standard error, once each.

    Takes away what dead processes have left in DVC's locks. Raises HarnessError where a lock is no file.
    """
    told: set[str] = set()
    while holder := _holder(paths.root / ".dvc" / "tmp"):
        if holder not in told:
            print(f"harness: waiting for {holder}, which is at work on this project with DVC", file=sys.stderr)
            told.add(holder)
        time.sleep(LOOK_S)


def _holder(folder: Path) -> str | None:
    """The process that holds one of the locks, in words; None where nobody does."""
    path = folder / "lock"
    try:
        with path.open("r+", encoding="utf-8", errors="replace") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                word = lock.read(100).strip()
                return _in_words(int(word)) if word.isascii() and word.isdecimal() else "another process"
            return _holder_of_hard_link(path, lock.read(1000)) or _holder_of_paths(folder / "rwlock")
    except FileNotFoundError:
        return _holder_of_paths(folder / "rwlock")
    except OSError as error:
        raise HarnessError(
            f"expected DVC's lock at {path}, found: {error.strerror or error}", fix=f"remove {path}, then run it again"
        ) from None


def _holder_of_hard_link(path: Path, content: str) -> str | None:
    """Under DVC's setting core.hardlink_lock the file names host and pid, and stays when its process is killed."""
    parts = content.strip().split("|")
    if len(parts) != 4 or parts[1] != socket.gethostname() or not parts[2].isdecimal():
        return None
    if _is_held(int(parts[2]), path):
        return _in_words(int(parts[2]))
    path.unlink(missing_ok=True)
    return None


def _holder_of_paths(path: Path) -> str | None:
    """Who is at work on a path; nobody holds DVC's other lock, so that what can't be read was left by a killed one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        entries = [one for kind in found.values() for one in kind.values()]
        pids = {int(each["pid"]) for one in entries for each in (one if isinstance(one, list) else [one])}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, IsADirectoryError):
        pids = set()
    alive = sorted(pid for pid in pids if _is_held(pid, path))
    if alive:
        return _in_words(alive[0])
    with writing(path):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return None


def _is_held(pid: int, path: Path) -> bool:
    """Does the process that wrote its number here live? One that began later has only got the same number."""
    with suppress(psutil.Error, OSError, OverflowError, ValueError):
        process = psutil.Process(pid)
        began = process.create_time()
        return process.status() != psutil.STATUS_ZOMBIE and began <= path.stat().st_mtime + 1
    return False


def _in_words(pid: int) -> str:
    with suppress(psutil.Error, OverflowError, ValueError):
        return f"process {pid} ({' '.join(psutil.Process(pid).cmdline())[:80]})"
    return f"process {pid}"


@contextmanager
def lock_kept(paths: Paths) -> Iterator[None]:
    """While DVC is at work, a copy of dvc.lock lies in build/: it is put back where DVC ends in the middle of writing,
    here or, where this process is killed too, by the next `recover_lock`.
    """
    path, copy = paths.root / LOCK, _copy(paths)
    with writing(copy):
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            partial = copy.with_name(f"{copy.name}.partial")
            shutil.copyfile(path, partial)
            partial.replace(copy)
    try:
        yield
    finally:
        recover_lock(paths)


def recover_lock(paths: Paths) -> None:
    """Put back the dvc.lock from before a DVC that was killed while it wrote it, and say so; HarnessError where the
    file is broken in any other way.
    """
    path, copy = paths.root / LOCK, _copy(paths)
    try:
        read_lock(paths.root)
    except HarnessError:
        if not copy.is_file() or not path.is_file() or MERGE_MARKS.search(path.read_bytes()):
            raise
        aside = copy.with_name(f"{LOCK}.cut-off")
        with writing(path):
            os.replace(path, aside)
            os.replace(copy, path)
        print(f"{LOCK} was cut off when DVC was killed: the one from before is back ({aside})", file=sys.stderr)
    copy.unlink(missing_ok=True)


def _copy(paths: Paths) -> Path:
    return paths.build.parent / f"{LOCK}.before"
