"""CPU seconds and peak memory of reading and judging a table of items, beside Python's own reading of the same file.

    python benchmarks/items.py [ROUNDS [ITEMS]]

A made-up table: a row per item of two methods at three seeds, right or wrong; with 1,666,667 items it has ten million
rows. Arms in turns, in one process: csv.reader alone, `read_table`, and `judge_table` on what was read.
"""

from __future__ import annotations

import csv
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from kept import Table, found, keep, show
from timing import peak_memory_mb

from harness.verify.given.claim import claim_in_words
from harness.verify.given.judge import judge_table
from harness.verify.given.read import read_table

SEEDS = 3
METHODS = {"none": 0.0, "mnli": 0.3}
"""Method -> what it adds to the chance to be right, in standard deviations."""
CSV, READ, JUDGED = "csv.reader alone", "read_table", "judge_table, on what was read"
WANTED = {READ: 4.0, JUDGED: 1.0}
"""At most so many times csv.reader alone."""


def make_up(path: Path, items: int) -> None:
    """Write a table of `items` items for each method and seed."""
    random = np.random.default_rng(0)
    ease = random.normal(size=items)
    with path.open("w", encoding="utf-8") as file:
        file.write("item,method,seed,right\n")
        for method, gain in METHODS.items():
            for seed in range(1, SEEDS + 1):
                right = ease + random.normal(size=items) + gain + random.normal(0, 0.03) > 0
                file.writelines(f"item-{at},{method},{seed},{one:d}\n" for at, one in enumerate(right.tolist()))


def measure(path: Path, rounds: int) -> dict[str, float]:
    """Arm -> median CPU seconds of `rounds` rounds, after one that is not counted."""
    read = read_table(path)
    claim = claim_in_words(">= +1")
    arms: dict[str, Callable[[], object]] = {
        CSV: lambda: _read_alone(path),
        READ: lambda: read_table(path),
        JUDGED: lambda: judge_table(read, [claim]),
    }
    turns = [{name: _seconds(arm) for name, arm in arms.items()} for _ in range(rounds + 1)][1:]
    return {name: statistics.median(turn[name] for turn in turns) for name in arms}


def _read_alone(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file))


def _seconds(arm: Callable[[], object]) -> float:
    began = time.process_time()
    arm()
    return time.process_time() - began


def table(seconds: dict[str, float], rows: int, rounds: int) -> Table:
    """Seconds of each arm, and the ratio to csv.reader's."""
    return Table(
        caption=f"A table of {rows:,} rows. Medians of {rounds} rounds in turns; the ratio is to `{CSV}`.",
        columns=["what is done", "CPU, s", "ratio"],
        rows=[[name, f"{value:.2f}", f"{value / seconds[CSV]:.2f}"] for name, value in seconds.items()],
    )


def main(arguments: list[str]) -> None:
    rounds = int(arguments[0]) if arguments else 3
    items = int(arguments[1]) if arguments[1:] else 200_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.csv"
        make_up(path, items)
        seconds = measure(path, rounds)
    remarks = [f"Peak memory of the process: {peak_memory_mb():.0f} MB."]
    remarks += [
        f"`{name}` took {seconds[name] / seconds[CSV]:.1f} times `{CSV}`, {wanted:.1f} wanted."
        for name, wanted in WANTED.items()
        if seconds[name] > wanted * seconds[CSV]
    ]
    shown = table(seconds, items * len(METHODS) * SEEDS, rounds)
    record = found("Reading and judging a table of items", [shown], remarks, packages=("numpy",))
    print(show(record))
    keep("items", record)


if __name__ == "__main__":
    main(sys.argv[1:])
