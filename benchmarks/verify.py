"""Wall seconds and peak memory of `harness verify`, whole and `--quick`, on what lies in this project.

    python benchmarks/verify.py [ROUNDS] [VERIFY OPTIONS...]

Each is a fresh process, in turns, so that a slow moment of the machine meets both; the seconds are medians, the memory
is the largest. CPU seconds stand beside them: they change less where others use the machine too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

VERDICTS = (0, 1, 2, 3)
"""Exit codes of a verification that came to its end (2 also of a mistake in the input; then it says so)."""


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    seconds: float
    """Wall time."""
    cpu_seconds: float
    """User and system time."""
    memory_mb: float
    """Peak resident memory, in 1e6 bytes."""


def measure(*arguments: str) -> Cost:
    """Run `harness verify` with these arguments to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "verify", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    said = process.stderr.read().decode() if process.stderr else ""
    if process.returncode not in VERDICTS or said:
        sys.exit(f"harness verify {' '.join(arguments)}: exit code {process.returncode}\n{said}")
    scale = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on macOS, else KiB
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * scale / 1e6)


def summary(costs: list[Cost]) -> Cost:
    """Medians of the times, the largest memory."""
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.memory_mb for cost in costs),
    )


def main(arguments: list[str]) -> None:
    rounds = int(arguments[0]) if arguments else 5
    options = arguments[1:]
    pairs = [(measure(*options), measure("--quick", *options)) for _ in range(rounds + 1)][1:]
    whole, quick = (summary(list(side)) for side in zip(*pairs, strict=True))
    for name, cost in (("whole", whole), ("quick", quick)):
        print(f"{name}  {cost.seconds:5.2f} s  {cost.cpu_seconds:5.2f} s CPU  {cost.memory_mb:4.0f} MB")
    ratio, cpu_ratio = whole.seconds / quick.seconds, whole.cpu_seconds / quick.cpu_seconds
    print(f"ratio  {ratio:5.2f}    {cpu_ratio:5.2f} CPU, {rounds} rounds")


if __name__ == "__main__":
    main(sys.argv[1:])
