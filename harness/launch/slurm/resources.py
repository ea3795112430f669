"""What a unit asks Slurm for: cores, memory, GPUs, time; and what a user's own options for sbatch change of it."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.project.errors import HarnessError
from harness.project.params import Params

FACTOR = 4.0
"""A unit may take so many times as long as those of its kind took: nodes are not the machine that was timed."""
LEAST_MIN = 15
"""Minutes that any unit may take: a node imports the libraries from a shared folder first."""
UNTIMED_MIN = 24 * 60
"""Minutes of a unit of which nothing like it has been timed."""
OURS = {"array", "chdir", "clusters", "dependency", "error", "job-name", "kill-on-invalid-dep", "nodes", "ntasks"}
OURS |= {
    "ntasks-per-core",
    "ntasks-per-gpu",
    "ntasks-per-node",
    "ntasks-per-socket",
    "output",
    "parsable",
    "test-only",
    "wait",
    "wrap",
}
"""Options of sbatch that say what is run and what sbatch answers, and are not the user's."""
_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<first>\d+)(?::(?P<second>\d+))?(?::(?P<third>\d+))?")


@dataclass(frozen=True)
class Wish:
    """What the user says of the cluster."""

    partition: str = ""
    """Empty: Slurm's default one."""
    options: Mapping[str, str | bool] = field(default_factory=dict)
    """Long options of sbatch -> their values, True for those without; they stand above the harness's own."""

    @property
    def minutes(self) -> int | None:
        """The time limit that the user set, if any."""
        return None if "time" not in self.options else minutes_of(str(self.options["time"]))


@dataclass(frozen=True)
class Request:
    """What one unit asks for."""

    cpus: int
    """Cores: compute.threads."""
    memory_mib: int
    """Memory: container.memory_mib, a unit's limit in a container too; 0: what Slurm gives whoever doesn't ask."""
    gpus: int
    """GPUs: 1 with compute.device `cuda`."""


def request_of(params: Params) -> Request:
    """What each unit of a profile asks for."""
    compute = params.compute
    return Request(compute.threads, params.container.memory_mib or 0, int(compute.device == "cuda"))


def limit_minutes(seconds: float | None, most: int | None) -> int:
    """The time limit of a unit that is estimated to take `seconds` (None: nothing like it was timed), in whole minutes;
    `most`: of the partition, None where it has none.
    """
    wanted = UNTIMED_MIN if seconds is None else max(LEAST_MIN, math.ceil(seconds * FACTOR / 60))
    return wanted if most is None else min(wanted, most)


def minutes_of(text: str) -> int | None:
    """Minutes of a time as Slurm writes it (`90`, `1:30:00`, `2-12`, `infinite`); None where there is no limit.

    Raises HarnessError where it is no such time.
    """
    if text.lower() in ("infinite", "unlimited", "partition_limit", "n/a", "not_set"):
        return None
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise HarnessError(
            f"expected a time as sbatch takes it, found {text!a:.80}", fix="write minutes (90) or D-HH:MM:SS"
        )
    first, second, third = (int(found[name] or 0) for name in ("first", "second", "third"))
    if found["days"] is not None:
        return int(found["days"]) * 1440 + first * 60 + second + math.ceil(third / 60)
    if found["third"] is not None:
        return first * 60 + second + math.ceil(third / 60)
    return first + math.ceil(second / 60)


def time_text(minutes: int) -> str:
    """`1-02:00:00`, as Slurm writes it."""
    days, rest = divmod(minutes, 1440)
    return (f"{days}-" if days else "") + f"{rest // 60:02d}:{rest % 60:02d}:00"


def read_options(text: str) -> dict[str, str | bool]:
    """The options of `--slurm-args`, `--name=value` or `--name` each. Raises HarnessError where one is none or ours."""
    fix = 'write them as `--slurm-args "--account=NAME --time=2:00:00"`, each in its long form with `=`'
    try:
        words = shlex.split(text)
    except ValueError as error:
        found = f"{text!a:.80}: {error}"
        raise HarnessError(f"expected options of sbatch in --slurm-args, found {found}", fix=fix) from None
    options: dict[str, str | bool] = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not re.fullmatch(r"--[a-z][a-z-]*(=.*)?", word):
            raise HarnessError(f"expected options of sbatch in --slurm-args, found {word!a:.80}", fix=fix)
        if any(ours.startswith(name) for ours in OURS):  # sbatch takes the beginning of a name for it
            raise HarnessError(f"expected no --{name} in --slurm-args: harness repro sets it", fix="leave it out")
        if name == "partition":
            raise HarnessError(
                "expected the partition behind --slurm, found it in --slurm-args", fix=f"write `--slurm {value}`"
            )
        options[name] = value if equals else True
    return options
