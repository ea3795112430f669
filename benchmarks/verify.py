"""Wall seconds and peak memory of `harness verify`, whole and `--quick`, on what lies in this project.

    python benchmarks/verify.py [ROUNDS] [VERIFY OPTIONS...]

Each is a fresh process, in turns, so that a slow moment of the machine meets both; the seconds are medians, the memory
is the largest. CPU seconds stand beside them: they change less where others use the machine too.
"""

from __future__ import annotations

import sys

from kept import Table, found, keep, show
from timing import HARNESS, VERDICTS, Cost, in_turns


def table(whole: Cost, quick: Cost, rounds: int) -> Table:
    """Both, and whole / quick."""
    rows: list[list[str | int | float | None]] = [
        [name, f"{cost.seconds:.2f}", f"{cost.cpu_seconds:.2f}", f"{cost.memory_mb:.0f}"]
        for name, cost in (("harness verify", whole), ("harness verify --quick", quick))
    ]
    ratios = (whole.seconds / quick.seconds, whole.cpu_seconds / quick.cpu_seconds, whole.memory_mb / quick.memory_mb)
    return Table(
        caption=f"Medians of {rounds} rounds in turns; the last row is whole / quick.",
        columns=["command", "wall, s", "CPU, s", "peak memory, MB"],
        rows=[*rows, ["ratio", *(f"{ratio:.2f}" for ratio in ratios)]],
    )


def main(arguments: list[str]) -> None:
    rounds = int(arguments[0]) if arguments else 5
    command = (*HARNESS, "verify", *arguments[1:])
    whole, quick = in_turns([command, (*command, "--quick")], rounds, VERDICTS)
    what = "harness verify of what lies here, whole and quick"
    record = found(what, [table(whole, quick, rounds)], packages=("pydantic", "numpy"))
    print(show(record))
    keep("verify", record)


if __name__ == "__main__":
    main(sys.argv[1:])
