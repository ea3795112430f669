"""Start-up of the commands that only look, beside Python's own with pydantic, which every record needs.

    python benchmarks/startup.py [ROUNDS]

Each is a fresh process, all in turns, so that a slow moment of the machine meets all; medians of wall and CPU seconds.
What a command may import at all is held by tests/test_imports.py.
"""

from __future__ import annotations

import sys

from kept import Table, found, keep, show
from timing import HARNESS, VERDICTS, Cost, in_turns

COMMANDS = (
    ("--help",),
    ("plan",),
    ("claims",),
    ("tasks",),
    ("plan", "--profile", "paper"),
    ("verify", "--quick", "--profile", "lab"),
    ("verify", "squad-gain", "--profile", "lab"),
)
BARE = "from pydantic import BaseModel"
WANTED: dict[tuple[str, ...], float] = {("--help",): 0.15, ("plan",): 0.4, ("claims",): 0.4}
"""Command -> the wall seconds that it is to stay under."""
WANTED_RATIO: dict[tuple[str, ...], float] = {("verify", "--quick", "--profile", "lab"): 6.0}
"""Command -> the multiple of a bare interpreter with pydantic that its wall time is to stay under."""


def table(python: Cost, costs: list[Cost], rounds: int) -> Table:
    rows: list[list[str | int | float | None]] = [
        [f"python -c '{BARE}'", f"{python.seconds:.3f}", f"{python.cpu_seconds:.3f}", None, "1.0", "1.0"]
    ]
    for command, cost in zip(COMMANDS, costs, strict=True):
        wanted = WANTED.get(command)
        ratios = (cost.seconds / python.seconds, cost.cpu_seconds / python.cpu_seconds)
        rows.append(
            [
                f"harness {' '.join(command)}",
                f"{cost.seconds:.3f}",
                f"{cost.cpu_seconds:.3f}",
                None if wanted is None else f"{wanted:.1f}",
                *(f"{ratio:.1f}" for ratio in ratios),
            ]
        )
    return Table(
        caption=f"Medians of {rounds} rounds in turns; the ratios are to the first row.",
        columns=["command", "wall, s", "CPU, s", "wanted under, s", "wall ratio", "CPU ratio"],
        rows=rows,
    )


def main(arguments: list[str]) -> None:
    rounds = int(arguments[0]) if arguments else 5
    python, *costs = in_turns(
        [(sys.executable, "-c", BARE), *((*HARNESS, *command) for command in COMMANDS)], rounds, VERDICTS
    )
    over = [
        f"`harness {' '.join(command)}` took {cost.seconds:.2f} s of the {WANTED[command]} s wanted."
        for command, cost in zip(COMMANDS, costs, strict=True)
        if cost.seconds > WANTED.get(command, cost.seconds)
    ]
    ratios = {command: cost.seconds / python.seconds for command, cost in zip(COMMANDS, costs, strict=True)}
    over += [
        f"`harness {' '.join(command)}` took {ratios[command]:.1f} bare interpreters with pydantic of {most} wanted."
        for command, most in WANTED_RATIO.items()
        if ratios[command] > most
    ]
    record = found("Start-up", [table(python, costs, rounds)], over, packages=("typer", "pydantic"))
    print(show(record))
    keep("startup", record)


if __name__ == "__main__":
    main(sys.argv[1:])
