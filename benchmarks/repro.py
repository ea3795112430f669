"""Wall time of the whole grid from nothing: plain `dvc repro`, with the warm process, and `harness repro`.

    python benchmarks/repro.py [PROFILE] [--jobs N] [--folder FOLDER]

Each arm runs in a fresh clone of this checkout's last commit, one after the other, without DVC's cache; the time is
from the command's start to its end. All predictions are compared; the clones are removed unless --folder names a place.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import kept

from harness.launch.local.warm import OFF
from harness.project.paths import Paths, project_root

DVC = [sys.executable, "-m", "dvc", "repro"]
HARNESS = [sys.executable, "-m", "harness"]
WANTED = 0.5
"""The greatest share of an arm of `dvc repro` that `harness repro` is to take."""


@dataclass(frozen=True)
class Arm:
    """One way to run the grid."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]


@dataclass(frozen=True)
class Ran:
    """What one arm took and made."""

    seconds: float
    """Wall time."""
    said: str
    """The summary line of `harness repro`; empty for `dvc repro`."""
    predictions: dict[str, str]
    """Cell -> sha256 of its predictions."""

    @property
    def grid_seconds(self) -> float | None:
        """Wall time of the grid alone, as the summary line has it."""
        found = re.search(r"([\d.]+) s on", self.said)
        return float(found[1]) if found else None


def arms(jobs: int) -> list[Arm]:
    return [
        Arm("dvc repro, a process per stage", tuple(DVC), {OFF: "1"}),
        Arm("dvc repro, warm process", tuple(DVC), {}),
        Arm(f"harness repro --jobs {jobs}", (*HARNESS, "repro", "--jobs", str(jobs)), {}),
    ]


def clone(source: Path, place: Path, profile: str) -> dict[str, str]:
    """A clone with this profile active, and the environment in which `harness` is the clone's code."""
    subprocess.run(["git", "clone", "-q", str(source), str(place)], check=True)
    shim = place.with_name(f"{place.name}-bin") / "harness"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness "$@"\n')
    shim.chmod(0o755)
    path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(place)}
    subprocess.run([*HARNESS, "profile", profile], cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
    return environment


def run(arm: Arm, place: Path, environment: dict[str, str], profile: str) -> Ran:
    """Run an arm to its end; its words go to the file PLACE.log.

    Exits where something failed; a verdict other than `reproduced` is no failure.
    """
    log = place.with_name(f"{place.name}.log")
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as stream:
        subprocess.run(
            arm.command, cwd=place, env=environment | arm.environment, stdout=stream, stderr=stream, check=False
        )
    seconds = time.monotonic() - began
    paths = Paths(place, profile)
    if not paths.verdicts.is_file():
        sys.exit(f"{arm.name}: {log} says what failed")
    said = re.search(r"^grid: (.*)$", log.read_text(encoding="utf-8"), re.MULTILINE)
    found = sorted(paths.cells.glob("*/predictions.json.gz"))
    predictions = {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    return Ran(seconds, said[1] if said else "", predictions)


def report(profile: str, chosen: list[Arm], ran: list[Ran]) -> kept.Found:
    """The times, and how many predictions are those of the first arm."""
    first = ran[0]
    rows = [
        [
            arm.name,
            f"{one.seconds:,.0f}",
            f"{sum(first.predictions.get(cell) == digest for cell, digest in one.predictions.items())}"
            f" of {len(first.predictions)}",
            f"{one.seconds / first.seconds:.2f}",
        ]
        for arm, one in zip(chosen, ran, strict=True)
    ]
    caption = f"Profile {profile} from nothing, wall seconds; the ratio is of the first row's"
    columns = ["command", "seconds", "identical predictions", "ratio"]
    remarks = [f"`{arm.name}`: {one.said}." for arm, one in zip(chosen, ran, strict=True) if one.said]
    remarks += [
        f"`{arm.name}` took {one.seconds / other.seconds:.2f} of the time of `{against.name}`, {WANTED} wanted: of its"
        f" {one.seconds:,.0f} s, {one.seconds - one.grid_seconds:,.0f} s are stages before and after the grid (data,"
        " corpus, encoder, scores), which every arm runs one after the other."
        for arm, one in zip(chosen, ran, strict=True)
        for against, other in zip(chosen, ran, strict=True)
        if one.grid_seconds is not None and one.seconds > WANTED * other.seconds and other is not one
    ]
    remarks.append("`harness repro` also judges the results (`harness verify`), which the other two do not.")
    return kept.found("The whole grid", [kept.Table(caption=caption, columns=columns, rows=rows)], remarks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", nargs="?", default="ci")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep the clones and what they printed here")
    given = parser.parse_args()
    chosen, ran, source = arms(given.jobs), list[Ran](), project_root()
    with tempfile.TemporaryDirectory(prefix="harness-repro-") as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for number, arm in enumerate(chosen, start=1):
            place = folder / f"arm-{number}"
            environment = clone(source, place, given.profile)
            ran.append(run(arm, place, environment, given.profile))
            print(f"{arm.name}: {ran[-1].seconds:,.0f} s, {len(ran[-1].predictions)} cells", flush=True)
    made = report(given.profile, chosen, ran)
    kept.keep(f"repro-{given.profile}", made)
    print(kept.show(made))
    if any(one.predictions != ran[0].predictions for one in ran):
        sys.exit("expected identical predictions, found others")


if __name__ == "__main__":
    main()
