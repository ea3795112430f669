"""How seconds and memory of the commands grow with the grid: 100, 1,000 and 10,000 cells, each command a fresh process.

    python benchmarks/growth.py [--sizes 100 1000] [--only "verify --quick"] [--dvc-limit 600] [--keep-projects DIR]

The projects are made up (benchmarks/grown.py): as many recipes, seeds and hashes as a real grid has, and small weights.
What DVC itself takes stands beside them; a size at which that is longer than --dvc-limit seconds is shown as such. All
sizes take a quarter of an hour, most of it at 10,000 cells.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from kept import Table, found, keep, show
from timing import HARNESS, VERDICTS, Cost, measure

from harness.project.profiles import load_params
from harness.project.results import grid_cells

GROWN = Path(__file__).with_name("grown.py")
SIZES = {100: (4, 3), 1_000: (11, 10), 10_000: (25, 45)}
"""About so many cells -> recipes and seeds; times nine targets."""
COMMANDS = (
    "plan",
    "run scores",
    "verify --quick",
    "verify",
    "verify squad-gain",
    "study --out page/study.md",
    "degradation",
    "dvc status",
    "dvc records one stage",
)
RECORD = "from dvc.utils.serialize import modify_yaml\nwith modify_yaml('dvc.lock') as lock: lock['schema'] = '2.0'"
DVC = {"dvc status": ("-m", "dvc", "status"), "dvc records one stage": ("-c", RECORD)}
"""What DVC itself does: find out that nothing is stale; read and write dvc.lock, as after every stage that it ran."""
WANTED_S, WANTED_MB = 5.0, 500.0
WANTED = ("plan", "run scores", "verify --quick")
"""Commands that are to stay under WANTED_S and WANTED_MB at any of these sizes."""


@contextlib.contextmanager
def projects(sizes: Sequence[int], kept: Path | None) -> Iterator[dict[int, Path]]:
    """A project of every size: in a temporary folder, or kept and taken from there another time."""
    with tempfile.TemporaryDirectory() if kept is None else contextlib.nullcontext(str(kept)) as folder:
        data = Path(folder) / "data"
        roots = {size: Path(folder) / str(size) for size in sizes}
        for size, root in roots.items():
            if not root.is_dir():
                # In a process of its own: a child's peak memory counts from that of the process that started it.
                subprocess.run([sys.executable, GROWN, data, root, *map(str, SIZES[size])], check=True)
        yield roots


def run(command: str, root: Path, limit: float) -> Cost | None:
    """Cost of a command in a project; None where `dvc` takes longer than `limit` seconds."""
    if command not in DVC:
        return measure((*HARNESS, *command.split()), root, VERDICTS)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return measure((sys.executable, *DVC[command]), root, limit_s=limit)
    return None


def per_cell(cost: Cost, cells: int, first: Cost, first_cells: int) -> str:
    """CPU seconds per cell as a multiple of those at the smallest size: 1 where they grow as the grid does."""
    return f"{(cost.cpu_seconds / cells) / (first.cpu_seconds / first_cells):.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--dvc-limit", type=float, default=600.0)
    parser.add_argument("--keep-projects", type=Path, help="keep the projects here, and use those that are here")
    given = parser.parse_args(arguments)
    os.environ |= {"PYTHONPATH": str(Path(__file__).resolve().parent.parent), "DVC_NO_ANALYTICS": "1"}
    costs: dict[str, dict[int, Cost | None]] = {command: {} for command in given.only}
    with projects(sorted(given.sizes), given.keep_projects) as roots:
        cells = {size: len(grid_cells(load_params(root))) for size, root in roots.items()}
        for command, by_size in costs.items():
            for size, root in roots.items():
                if None not in by_size.values():
                    by_size[size] = run(command, root, given.dvc_limit)
                    print(command, cells[size], by_size[size], file=sys.stderr)
    table, remarks = _table(costs, cells, given.dvc_limit), _remarks(costs, cells)
    record = found("Growth with the grid", [table], remarks, packages=("dvc", "pydantic", "numpy"))
    print(show(record))
    keep("growth", record)


def _table(costs: dict[str, dict[int, Cost | None]], cells: dict[int, int], limit: float) -> Table:
    rows: list[list[str | int | float | None]] = []
    for command, by_size in costs.items():
        name = command if command in DVC else f"harness {command}"
        first_size = min(by_size)
        first = by_size[first_size]
        for size, cost in by_size.items():
            if cost is None or first is None:
                rows.append([name, f"{cells[size]:,}", f"over {limit:.0f}", None, None, None])
                continue
            times = [f"{cost.seconds:.2f}", f"{cost.cpu_seconds:.2f}", f"{cost.memory_mb:.0f}"]
            rows.append([name, f"{cells[size]:,}", *times, per_cell(cost, cells[size], first, cells[first_size])])
    return Table(
        caption="Fresh processes. The ratio is CPU seconds per cell relative to the smallest size: at most 1 where a"
        " command grows no faster than the grid.",
        columns=["command", "cells", "wall, s", "CPU, s", "peak memory, MB", "per cell, ratio"],
        rows=rows,
    )


def _remarks(costs: dict[str, dict[int, Cost | None]], cells: dict[int, int]) -> list[str]:
    """What is over its limit, and what grows with the square of the grid."""
    over = [
        f"`harness {command}` takes {cost.cpu_seconds:.1f} CPU seconds and {cost.memory_mb:.0f} MB at {cells[size]:,}"
        f" cells; wanted are {WANTED_S:.0f} s and {WANTED_MB:.0f} MB."
        for command, by_size in costs.items()
        for size, cost in by_size.items()
        if command in WANTED and cost and (cost.cpu_seconds > WANTED_S or cost.memory_mb > WANTED_MB)
    ]
    recording = [
        f"DVC records every stage that it ran: at {cells[size]:,} cells in {cost.cpu_seconds:.1f} CPU seconds, so in"
        f" about {cost.cpu_seconds * cells[size] / 7200:.1f} hours all of them, while dvc.lock grows to that size."
        for size, cost in costs.get("dvc records one stage", {}).items()
        if cost
    ]
    return over + recording


if __name__ == "__main__":
    main()
