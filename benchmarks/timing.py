"""Wall seconds, CPU seconds and peak memory of a command, each time a fresh process."""

from __future__ import annotations

import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.project.errors import HarnessError

HARNESS = (sys.executable, "-P", "-m", "harness")
"""The command line of the environment, whatever package lies in the working folder."""
VERDICTS = (0, 1, 2, 3)
"""Exit codes of a verification that came to its end (2 also of a mistake in the input; then it says so)."""


MAXRSS = 1 if sys.platform == "darwin" else 1024
"""Bytes in one unit of `ru_maxrss`."""


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    seconds: float
    """Wall time."""
    cpu_seconds: float
    """User and system time of the process and of those that it waited for."""
    memory_mb: float
    """Peak resident memory, in 1e6 bytes."""


def measure(
    command: Sequence[str], cwd: Path | None = None, codes: Collection[int] = (0,), limit_s: float | None = None
) -> Cost:
    """Run a command to its end.

    Raises HarnessError for another exit code than `codes`, or words on standard error, and subprocess.TimeoutExpired
    where it was killed after `limit_s`.
    """
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=said)
        timer = threading.Timer(limit_s or threading.TIMEOUT_MAX, process.kill)
        timer.start()
        _, status, used = os.wait4(process.pid, 0)
        timer.cancel()
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
    if limit_s is not None and seconds >= limit_s:
        raise subprocess.TimeoutExpired(list(command), limit_s)
    if process.returncode not in codes or words:
        raise HarnessError(
            f"expected `{shlex.join(command)}` to come to its end, found exit code {process.returncode}: {words}"
        )
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * MAXRSS / 1e6)


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far, in 1e6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS / 1e6


def summary(costs: Sequence[Cost]) -> Cost:
    """Medians of the times, the largest memory."""
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.memory_mb for cost in costs),
    )


def in_turns(commands: Sequence[Sequence[str]], rounds: int, codes: Collection[int] = (0,)) -> list[Cost]:
    """One summary per command; they run in turns, so that a slow moment of the machine meets all, and warm up once."""
    turns = [[measure(command, codes=codes) for command in commands] for _ in range(rounds + 1)][1:]
    return [summary([turn[place] for turn in turns]) for place in range(len(commands))]
