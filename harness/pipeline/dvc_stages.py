"""What DVC's commands do for one stage, for many in one go; a process of its own, as the commands are.

    python -m harness.pipeline.dvc_stages PID commit STAGE...     # dvc.lock and the cache hold the files as they are
    python -m harness.pipeline.dvc_stages PID restore STAGE...    # puts back what was made from the present inputs
    python -m harness.pipeline.dvc_stages PID make JOBS STAGE...  # as `dvc repro STAGE...`, JOBS commands at a time

It ends with the process PID, which starts it.
DVC reads the whole pipeline and writes all of dvc.lock anew for every stage it is asked to commit: minutes for a grid.
And `dvc repro` looks into its cache of runs before it runs a stage; so does a grid that runs without it.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.project.exits import INTERRUPTED, STOPPING, interrupt, leave_when_interrupted
from harness.project.processes import end_with

if __name__ == "__main__":  # before the imports, which take a second
    leave_when_interrupted(in_words=False)
    end_with(int(sys.argv[1]))

from dvc.dependency.base import DependencyDoesNotExistError
from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
from dvc.stage.cache import RunCacheNotFoundError
from dvc_data.hashfile.hash_info import HashInfo

from harness.pipeline.dvc import RESTORED
from harness.pipeline.lock import LOCK

LONG_S = 60.0
"""A stage that took longer is recorded in dvc.lock as soon as it has finished."""


def main(arguments: Sequence[str]) -> int:
    """Do it; returns the exit code."""
    logging.getLogger("dvc").setLevel(logging.WARNING)  # it names the file that becomes dvc.lock
    try:
        with Repo(_wait_for_lock=True) as repo, lock_repo(repo):
            if arguments[0] == "make":
                return make(repo, arguments[2:], int(arguments[1]))
            by_name = {stage.addressing: stage for stage in repo.index.stages}
            (commit if arguments[0] == "commit" else restore)([by_name[name] for name in arguments[1:]])
    except (DvcException, KeyError) as error:
        _say(f"{type(error).__name__}: {error}")
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
    _record(stages)


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


def make(repo: Any, names: Sequence[str], jobs: int) -> int:
    """As `dvc repro` of these stages, but with commands side by side and few writings of dvc.lock; the exit code.

    Standard output of a command is shown when it has ended. After a failure nothing new is started.
    """
    graph = get_active_graph(repo.index.graph)
    waiting = plan_repro(graph, collect_stages(repo, names))
    before = {number: signal.signal(number, interrupt) for number in STOPPING}
    left, failed = set(waiting), False
    running, made = dict[Future[tuple[int, str, float]], Any](), list[Any]()
    try:
        with ThreadPoolExecutor(jobs) as pool:
            while (waiting and not failed) or running:
                for stage in [] if failed else list(waiting):
                    if len(running) == jobs:
                        break
                    if left.isdisjoint(graph.successors(stage)):  # what it depends on is there
                        waiting.remove(stage)
                        if not stage.changed():
                            left.remove(stage)
                        elif _restore(stage):
                            left.remove(stage)
                            made.append(stage)
                        else:
                            stage.remove_outs(ignore_remove=False, force=False)
                            running[pool.submit(_run, stage)] = stage
                with _unlocked(repo):
                    ended = wait(running, return_when=FIRST_COMPLETED).done
                for future in ended:
                    stage, (code, said, seconds) = running.pop(future), future.result()
                    print(f"Running stage '{stage.addressing}':\n> {stage.cmd}\n{said}", flush=True)
                    if code:
                        _say(f"failed to reproduce '{stage.addressing}': exit code {code}")
                        failed = True
                        continue
                    stage.save()
                    stage.commit()
                    left.remove(stage)
                    made.append(stage)
                    if seconds > LONG_S:
                        _record(made)
                        made.clear()
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        for number in STOPPING:  # what has finished is recorded first
            signal.signal(number, signal.SIG_IGN)
        _record(made)
        for number, handler in before.items():
            signal.signal(number, handler)
    return int(failed)


def _run(stage: Any) -> tuple[int, str, float]:
    """Exit code, standard output and seconds of a stage's command, which runs as DVC would run it."""
    begin, environment = time.monotonic(), os.environ | {"DVC_STAGE": stage.addressing}
    done = subprocess.run(
        stage.cmd, shell=True, cwd=stage.wdir, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    return done.returncode, done.stdout, time.monotonic() - begin


@contextmanager
def _unlocked(repo: Any) -> Iterator[None]:
    """Other commands of DVC may work meanwhile, as they may while `dvc repro` runs a stage."""
    repo.lock.unlock()
    try:
        yield
    finally:
        repo.lock.lock()


def _say(error: str) -> None:
    print(f"ERROR: {error}", file=sys.stderr, flush=True)


def _record(stages: Sequence[Any]) -> None:
    """Write these stages into dvc.lock, which is never seen half written."""
    if not stages:
        return
    lock, partial = (Path(stages[0].repo.root_dir) / name for name in (LOCK, f"{LOCK}.partial"))
    partial.unlink(missing_ok=True)
    if lock.is_file():
        shutil.copyfile(lock, partial)
    Lockfile(stages[0].repo, str(partial)).dump_stages(stages)
    partial.replace(lock)


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
