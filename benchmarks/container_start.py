"""How long `docker run IMAGE verify` takes beside `docker run` of `true` in the same image.

    python benchmarks/container_start.py [IMAGE] [ROUNDS]

Both are run in turns, so that a slow moment of the machine meets both; the numbers are medians of wall seconds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from kept import Table, found, keep, show


def seconds(*arguments: str) -> float:
    began = time.monotonic()
    subprocess.run(["docker", "run", "--rm", "--network", "none", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def main() -> None:
    image = sys.argv[1] if len(sys.argv) > 1 else "harness"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    pairs = [(seconds("--entrypoint", "true", image), seconds(image, "verify")) for _ in range(rounds + 1)][1:]
    true, verify = (statistics.median(side) for side in zip(*pairs, strict=True))
    beyond = statistics.median(v - t for t, v in pairs)
    table = Table(
        caption=f"Medians of {rounds} rounds in turns, wall seconds; the ratio is verify / true.",
        columns=["image", "true, s", "verify, s", "verify beyond true, s", "ratio"],
        rows=[[image, f"{true:.2f}", f"{verify:.2f}", f"{beyond:.2f}", f"{verify / true:.2f}"]],
    )
    record = found("docker run IMAGE verify", [table], packages=())
    print(show(record))
    keep("container_start", record)


if __name__ == "__main__":
    main()
