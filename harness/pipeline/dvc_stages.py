"""What DVC's commands do for one stage, for a whole grid in one go; a process of its own, as the commands are.

    python -m harness.pipeline.dvc_stages PID commit STAGE...   # dvc.lock and the cache hold the files as they are
    python -m harness.pipeline.dvc_stages PID restore STAGE...  # puts back what was made from the present inputs

It ends with the process PID, which starts it.
DVC reads the whole pipeline and writes all of dvc.lock anew for every stage it is asked to commit: minutes for a grid.
And `dvc repro` looks into its cache of runs before it runs a stage; so does a grid that runs without it.
"""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.project.exits import STOPPING, leave_when_interrupted
from harness.project.processes import end_with

if __name__ == "__main__":  # before the imports, which take a second
    leave_when_interrupted(in_words=False)
    end_with(int(sys.argv[1]))

from dvc.dependency.base import DependencyDoesNotExistError
from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.stage.cache import RunCacheNotFoundError
from dvc.ui import ui
from dvc_data.hashfile.hash_info import HashInfo

from harness.pipeline.dvc import RESTORED
from harness.pipeline.lock import LOCK


def main(arguments: Sequence[str]) -> int:
    """Do it; returns the exit code."""
    try:
        with Repo(_wait_for_lock=True) as repo, lock_repo(repo):
            by_name = {stage.addressing: stage for stage in repo.index.stages}
            (commit if arguments[0] == "commit" else restore)([by_name[name] for name in arguments[1:]])
    except (DvcException, KeyError) as error:
        ui.error_write(f"ERROR: {type(error).__name__}: {error}")
        return 1
    return 0


def commit(stages: Sequence[Any]) -> None:
    """As dvc/repo/commit.py with --force, with one writing of dvc.lock, which is never seen half written.

    Ctrl-C does not stop it: what has finished is recorded.
    """
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    for stage in stages:
        stage.save()
        stage.commit()
    lock, partial = (Path(stages[0].repo.root_dir) / name for name in (LOCK, f"{LOCK}.partial"))
    partial.unlink(missing_ok=True)
    if lock.is_file():
        shutil.copyfile(lock, partial)
    Lockfile(stages[0].repo, str(partial)).dump_stages(stages)
    partial.replace(lock)


def restore(stages: Sequence[Any]) -> None:
    """As dvc/stage/run.py before it runs a stage; `stages` in an order in which they can run.

    A stage that depends on one of them that can't be put back is left alone: its inputs are still to be made.
    """
    missing: set[str] = set()
    for stage in stages:
        outs = {out.fs_path for out in stage.outs}
        if any(dep.fs_path in missing for dep in stage.deps) or not _restore(stage):
            missing |= outs
        else:
            print(f"{RESTORED}{stage.addressing}", flush=True)


def _restore(stage: Any) -> bool:
    cache = stage.repo.stage_cache
    try:
        stage.save_deps()
        for out in stage.outs:
            out.hash_info = HashInfo()  # dvc.lock's outputs belong to dvc.lock's inputs, not to the present ones
        cache.restore(stage, dry=True)
    except (RunCacheNotFoundError, DependencyDoesNotExistError):
        return False
    stage.remove_outs(ignore_remove=False, force=True)
    cache.restore(stage)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
