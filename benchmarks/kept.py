"""What a benchmark found: kept as benchmarks/results/NAME.json and shown in RESULTS.md.

    python benchmarks/kept.py        # writes benchmarks/RESULTS.md anew from what is kept

A ratio is of two things measured side by side in one run of one command; the figures it is made of stand beside it,
with the machine and the day.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import Field
from tabulate import tabulate

from harness.project.provenance import machine
from harness.project.records import Record

HERE = Path(__file__).parent
FOLDER = HERE / "results"
PAGE = HERE / "RESULTS.md"
PACKAGES = ("torch", "transformers")


class Table(Record):
    """Figures of one kind."""

    caption: str
    """What is measured, in what unit, and what the ratio is of."""
    columns: list[str]
    """Heads, units included."""
    rows: list[list[str | int | float | None]]
    """Raw figures first, ratios last."""


class Found(Record):
    """One run of one benchmark."""

    title: str
    """What the benchmark is about."""
    command: str
    """The command that measured it."""
    measured_on: str
    """Day, UTC."""
    machine: str
    """Processor and cores, or the GPU."""
    packages: dict[str, str]
    """Versions of what was measured."""
    tables: list[Table]
    """What was measured."""
    remarks: list[str] = Field(default_factory=list)
    """Sentences: what falls short, and why."""


def found(
    title: str,
    tables: Sequence[Table],
    remarks: Sequence[str] = (),
    *,
    packages: Sequence[str] = PACKAGES,
    device: str | None = None,
) -> Found:
    """The record of this process's run; `device` names a GPU that did the work."""
    here = machine()
    script = Path(sys.argv[0]).name
    return Found(
        title=title,
        command=shlex.join(["python", f"benchmarks/{script}", *sys.argv[1:]]),
        measured_on=datetime.now(UTC).date().isoformat(),
        machine=device or f"{here['cpu']}, {here['cores']} cores",
        packages={name: metadata.version(name) for name in packages},
        tables=list(tables),
        remarks=list(remarks),
    )


def keep(name: str, new: Found, folder: Path = FOLDER) -> Path:
    """Write benchmarks/results/NAME.json, in the place of what was kept before, and the page anew."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(new.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder.parent / PAGE.name).write_text(page(folder), encoding="utf-8")
    return path


def show(new: Found) -> str:
    """The same for a terminal."""
    parts = [f"{table.caption}\n{_grid(table, 'plain')}" for table in new.tables]
    return "\n\n".join([*parts, *new.remarks])


def page(folder: Path = FOLDER) -> str:
    """RESULTS.md from everything that is kept."""
    head = (
        "# Benchmark results\n\n"
        "Written by `python benchmarks/kept.py` from `benchmarks/results/`; every section names the command that\n"
        "measures it anew. Times differ from machine to machine, ratios of two things measured side by side less so:\n"
        "judge a change by the ratios.\n\n"
        "No GPU has been measured yet: tokens a second, share of the card's peak and memory of XLM-R Large there,\n"
        "beside Trainer's, are not known. `benchmarks/throughput.py` measures the first of these.\n"
    )
    return head + "".join(
        _section(Found.model_validate_json(path.read_text(encoding="utf-8"))) for path in _kept(folder)
    )


def _kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _section(kept: Found) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in kept.packages.items())
    lines = [
        f"\n## {kept.title}\n",
        f"`{kept.command}`, {kept.measured_on}, {kept.machine}{', ' + versions if versions else ''}.\n",
    ]
    for table in kept.tables:
        lines += [f"{table.caption}\n", _grid(table, "github") + "\n"]
    lines += [f"- {remark}" for remark in kept.remarks]
    return "\n".join(lines).rstrip() + "\n"


def _grid(table: Table, form: str) -> str:
    rows: list[list[Any]] = [["-" if value is None else value for value in row] for row in table.rows]
    return (
        tabulate(
            rows,
            headers=table.columns,
            tablefmt=form,
            disable_numparse=True,
            colalign=["left"] + ["right"] * (len(table.columns) - 1),
        )
        if rows
        else ""
    )


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
