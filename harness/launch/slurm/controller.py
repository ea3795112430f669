"""Slurm's commands: what partitions there are, what is queued or runs, and what is cancelled.

sbatch is called by submitit (harness.launch.slurm.submission). Nothing here needs accounting: squeue still knows a job
for minutes after its end, by default five.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from harness.launch.slurm.resources import Request, minutes_of, time_text
from harness.project.errors import HarnessError, nearest

ANSWER_S = 60
"""Longest wait for a command of Slurm: while its controller starts again, commands try for some time."""
ENDED = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}
ENDED |= {"REVOKED", "TIMEOUT"}
"""States of a job that has ended; in any other, known here or not, it may still run."""
NEVER = "DependencyNeverSatisfied"
"""The reason of a job that Slurm is about to remove: what it waits for has failed."""
FOREIGN = ("SBATCH_", "SQUEUE_", "SINFO_", "SCANCEL_", "SCONTROL_", "SLURM_CLUSTERS")
"""How variables begin by which a login shell changes what the commands do or answer."""
KEPT = ("SBATCH_ACCOUNT", "SBATCH_QOS", "SBATCH_RESERVATION")
"""Those that say who the user is, and stay."""


@dataclass(frozen=True)
class Task:
    """A unit as Slurm knows it."""

    array: str
    """Number of its array, or of the job where it is a plain one."""
    index: int
    """Its index there; 0 of a plain job."""
    state: str
    """`PENDING`, `RUNNING`, `TIMEOUT` ..."""
    reason: str
    """Why it waits."""
    nodes: str
    """Where it runs or ran."""
    script: str
    """What was submitted: the file's path."""

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state not in ENDED and self.reason != NEVER


@dataclass(frozen=True)
class NodeKind:
    """Nodes of a partition that are alike."""

    cpus: int
    """Cores of each."""
    memory_mib: int
    """Memory of each; 1 where Slurm was told none."""
    gpus: int
    """GPUs of each."""
    count: int
    """How many they are."""


@dataclass(frozen=True)
class Partition:
    """A partition."""

    name: str
    """Its name."""
    is_default: bool
    """Whether jobs go there that name none."""
    minutes: int | None
    """Its time limit; None: it has none."""
    nodes: tuple[NodeKind, ...]
    """Its nodes."""


def check_commands() -> None:
    """HarnessError where this machine has no commands of Slurm."""
    for program in ("sbatch", "squeue", "sinfo", "scontrol", "scancel", "srun"):
        if shutil.which(program) is None:
            raise HarnessError(
                f"expected Slurm's commands on the path for --slurm, found no `{program}`",
                fix="run the command on a login node of the cluster (or load its module: `module load slurm`); on this"
                " machine alone `harness repro` runs the units",
            )


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change Slurm's commands."""
    return {name: value for name, value in os.environ.items() if name in KEPT or not name.startswith(FOREIGN)}


def ask(*words: str) -> str:
    """What a command of Slurm says. Raises HarnessError, with its own words, where it fails or doesn't answer."""
    try:
        done = subprocess.run(
            words, env=clean_environment(), capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired:
        found = f"no answer within {ANSWER_S} seconds"
    except OSError as error:
        found = str(error.strerror or error)
    else:
        if done.returncode == 0:
            return done.stdout
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        found = lines[-1] if lines else f"exit code {done.returncode}"
    raise HarnessError(
        f"expected Slurm's controller to answer `{words[0]}`, found: {found}",
        fix="see whether `sinfo` answers here; when it does, run the same command again",
    )


def partitions() -> list[Partition]:
    """Every partition that this user sees."""
    found: dict[str, Partition] = {}
    for line in ask("sinfo", "--noheader", "--exact", "--format=%P|%l|%c|%m|%D|%G").splitlines():
        name, limit, cpus, memory, count, gres = line.strip().split("|", 5)
        kind = NodeKind(_number(cpus), _number(memory), _gpus(gres), _number(count))
        plain = name.removesuffix("*")
        known = found.get(plain, Partition(plain, name.endswith("*"), minutes_of(limit), ()))
        found[plain] = Partition(plain, known.is_default, known.minutes, (*known.nodes, kind))
    return list(found.values())


def _number(text: str) -> int:
    return int(re.sub(r"\D.*", "", text) or 0)


def _gpus(gres: str) -> int:
    """Of `gpu:a100:4(S:0-1),shard:8`: 4."""
    return sum(int(count) for count in re.findall(r"(?:^|,)gpu(?::[^:,()]+)?:(\d+)", gres))


def choose(found: Sequence[Partition], name: str) -> Partition:
    """The partition of this name, or Slurm's default one. Raises HarnessError where there is none."""
    names = [one.name for one in found]
    if name:
        for one in found:
            if one.name == name:
                return one
        raise HarnessError(
            f"expected the name of a partition of this Slurm, found `{name}`; {nearest(name, names)}",
            fix="name one of them behind --slurm (`sinfo` shows them)",
        )
    for one in found:
        if one.is_default:
            return one
    raise HarnessError(
        f"expected a default partition, found none among {', '.join(names) or 'no partition at all'}",
        fix="name one: `harness repro --slurm PARTITION`",
    )


def check_room(partition: Partition, request: Request, minutes: int | None) -> None:
    """HarnessError where no node of the partition could run a unit, however long it waited; `minutes`: the time limit
    that the user asked for.
    """
    if not any(_fits(kind, request) for kind in partition.nodes):
        each = "; ".join(f"{kind.count} nodes with {_amounts(kind)}" for kind in partition.nodes)
        asked = NodeKind(request.cpus, request.memory_mib, request.gpus, 1)
        raise HarnessError(
            f"expected a node with {_amounts(asked)} for one unit (params.yaml: compute.threads, container.memory_mib,"
            f" compute.device), found none in partition {partition.name} ({each or 'no node'})",
            fix="name another partition behind --slurm (`sinfo -o '%P %c %m %G'` shows them), or make a profile active"
            " that asks for less",
        )
    if minutes is not None and partition.minutes is not None and minutes > partition.minutes:
        raise HarnessError(
            f"expected a time limit of at most {time_text(partition.minutes)}, that of partition {partition.name},"
            f" found {time_text(minutes)}",
            fix="lower --time in --slurm-args, or name another partition behind --slurm",
        )


def knows_memory(partition: Partition) -> bool:
    """Whether Slurm was told how much memory the nodes have: it takes 1 MiB otherwise, and refuses whoever asks."""
    return any(kind.memory_mib > 1 for kind in partition.nodes)


def _fits(kind: NodeKind, request: Request) -> bool:
    enough = kind.memory_mib <= 1 or kind.memory_mib >= request.memory_mib
    return kind.cpus >= request.cpus and enough and kind.gpus >= request.gpus


def _amounts(kind: NodeKind) -> str:
    return f"{kind.cpus} CPU, {kind.memory_mib} MiB and {kind.gpus} GPU"


def most_per_array() -> int:
    """How many units an array may have: MaxArraySize of Slurm's configuration."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", ask("scontrol", "show", "config"), flags=re.MULTILINE)
    return max(1, int(found[1])) if found else 1000


def tasks(name: str) -> list[Task]:
    """Every unit of this job name that Slurm knows, those included that ended a moment ago."""
    listed = ask("squeue", "--noheader", "--array", "--states=all", f"--name={name}", "--format=%F|%K|%T|%N|%r|%o")
    found = []
    for line in filter(None, map(str.strip, listed.splitlines())):
        array, index, state, nodes, reason, script = line.split("|", 5)
        found.append(Task(array, int(index) if index.isdecimal() else 0, state, reason, nodes, script))
    return found


def cancel(*jobs: str) -> None:
    """Have Slurm end these jobs, or units of an array (`12_3`). Raises HarnessError where it doesn't answer."""
    if jobs:
        ask("scancel", "--quiet", *jobs)
