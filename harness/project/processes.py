"""Processes that end together: a program that this one starts ends with it, however this one ends (kill -9 included).

On Linux the kernel sees to it (prctl(2), PR_SET_PDEATHSIG); elsewhere, and for a process that is not the parent, a
thread looks.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.project.errors import HarnessError

GONE = 137
"""Exit code of a process whose owner is gone: as if it had been killed itself."""
LOOK_S = 0.2
"""Seconds between two looks at the owner."""
GRACE_S, LAST_S = 0.3, 10.0
"""Seconds that a program has to end by itself after Ctrl-C, and after it was told so."""
_PR_SET_PDEATHSIG = 1


def end_with(owner: int) -> None:
    """End this process as soon as the process `owner` is gone; at once where it is."""
    if owner == os.getppid() and _kernel_ends_with_parent():
        if os.getppid() != owner:
            os._exit(GONE)
        return
    threading.Thread(target=_wait_for_end, args=(owner,), daemon=True).start()


def _kernel_ends_with_parent() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    with suppress(OSError, AttributeError):
        return ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0
    return False


def _wait_for_end(owner: int) -> None:
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(owner)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(LOOK_S)
    os._exit(GONE)


def run_module(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    to_stderr: bool = False,
    captured: bool = False,
    finishes: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module PID ARGUMENTS` to its end; the module calls `end_with` with PID, which is this process.

    `to_stderr`: its standard output goes there; `captured`: it is returned. After Ctrl-C or SIGTERM the program and
    what it started are told to end, or (`finishes`) waited for, and KeyboardInterrupt is raised once they have ended.

    Raises HarnessError where no process can be started.
    """
    out = subprocess.PIPE if captured else sys.stderr if to_stderr else None
    with starting(f"python -m {module}"), deaf_to_ctrl_c():
        child = subprocess.Popen(
            [sys.executable, "-m", module, str(os.getpid()), *arguments], cwd=folder, stdout=out, text=True
        )
    try:
        said, _ = child.communicate()
    except KeyboardInterrupt:
        if finishes:
            child.communicate()
        else:
            _end(child)
        raise
    return subprocess.CompletedProcess(child.args, child.returncode, said or "")


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """What starts here gets no Ctrl-C, which a terminal sends to all, before it says so (harness.project.exits.listen).

    Processes and threads inherit the mask of signals; a Ctrl-C that comes meanwhile reaches this process afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def starting(what: str) -> Iterator[None]:
    """What the system says against starting a process becomes a HarnessError."""
    try:
        yield
    except OSError as error:
        raise HarnessError(
            f"expected to start {what}, found: {error.strerror or error}",
            fix="end other programs or raise the limits on processes and memory (`ulimit -u`, `ulimit -v`), then run"
            " the same command again",
        ) from None


def _end(child: subprocess.Popen[str]) -> None:
    """Have a program end, and what it started: Ctrl-C in a terminal has reached some of them, SIGTERM none."""
    try:
        for seconds in (GRACE_S, LAST_S):
            with suppress(subprocess.TimeoutExpired):
                child.communicate(timeout=seconds)
                return
            _terminate(child.pid)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _terminate(pid: int) -> None:
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [*process.children(recursive=True), process]:
            with suppress(psutil.Error):
                each.terminate()
