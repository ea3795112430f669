"""Every benchmark in one list; `make bench` runs those that are cheap and need nothing but this checkout.

    python benchmarks/bench.py [NAME ...] [--all] [--list]

Each keeps what it found (benchmarks/kept.py); at the end RESULTS.md is written anew. One that fails is named, and the
others still run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import kept

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Benchmark:
    """One script."""

    name: str
    """Of the script, without `.py`, and of what it keeps."""
    minutes: float
    """About so long on two cores."""
    what: str
    """What it measures."""
    needs: str = ""
    """What a checkout lacks; empty: it runs anywhere, and so does `make bench`."""

    @property
    def is_default(self) -> bool:
        """Does `make bench` run it?"""
        return not self.needs and self.minutes <= MOST_MINUTES


MOST_MINUTES = 5
"""Of a benchmark that runs without being named."""
BENCHMARKS = (
    Benchmark("startup", 1, "start-up of the commands that only look, beside Python's own"),
    Benchmark("verify", 1, "harness verify, whole and --quick"),
    Benchmark("loading", 1, "an encoder of 118 million parameters, beside the reading of its weights"),
    Benchmark("items", 1, "a table of items read and judged, beside csv.reader alone"),
    Benchmark("growth", 15, "seconds and memory at 100, 1,000 and 10,000 cells, and what DVC itself takes"),
    Benchmark("schedule", 1, "the grid of profile paper on 1 to 512 GPUs, simulated"),
    Benchmark("repro", 60, "the whole grid from nothing: dvc repro cold, warm, and harness repro"),
    Benchmark("training", 20, "the training loop beside transformers' Trainer", needs="encoder and data in build/"),
    Benchmark("search", 90, "learning rates, on English dev rows alone", needs="encoder and data in build/"),
    Benchmark("slurm_submission", 1, "1,000 units handed to Slurm, none run", needs="a Slurm"),
    Benchmark("container_start", 1, "docker run IMAGE verify", needs="an image `harness` in a Docker engine"),
    Benchmark("throughput", 10, "tokens per second of an encoder, for `harness plan --gpu`", needs="the GPU meant"),
    Benchmark("lengths", 5, "lengths of built data, for `harness plan`", needs="data of the profile in build/"),
)


def chosen(names: Sequence[str], everything: bool) -> list[Benchmark]:
    """Those named; else the cheap ones of those that need nothing, or all of these."""
    if names:
        return [one for one in BENCHMARKS if one.name in names]
    return [one for one in BENCHMARKS if one.is_default or (everything and not one.needs)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these, whatever they need and take")
    parser.add_argument("--all", action="store_true", help="those that take long, too")
    parser.add_argument("--list", action="store_true", help="say what there is and what it takes")
    given = parser.parse_args(arguments)
    unknown = set(given.names) - {one.name for one in BENCHMARKS}
    if unknown:
        parser.error(f"expected names of benchmarks (--list shows them), found {', '.join(sorted(unknown))}")
    if given.list:
        for one in BENCHMARKS:
            mark = "*" if one.is_default else " "
            print(f"{mark} {one.name:16} {one.minutes:3g} min  {one.what}{f'; needs {one.needs}' if one.needs else ''}")
        return 0
    failed = []
    for one in chosen(given.names, given.all):
        command = [sys.executable, str(HERE / f"{one.name}.py")]
        print(f"# {one.name}: {one.what}, about {one.minutes:g} min", flush=True)
        if subprocess.run(command, cwd=HERE.parent).returncode:
            failed.append(one.name)
    kept.main()
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
