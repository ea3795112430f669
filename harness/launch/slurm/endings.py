"""How a unit ended that did not end well, from what its job left and what squeue says of it; in words.

slurmstepd says why it ends a job in that job's own output, and squeue keeps its state for some minutes: so neither
accounting nor luck is needed to tell a time limit from a cancelled job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.launch.slurm.controller import Task
from harness.launch.slurm.resources import time_text
from harness.launch.slurm.submission import Submitted, look_into
from harness.launch.slurm.unit_job import UnitRecord

TAIL = 15
"""Lines of a job's own output that go into the unit's log."""
STATES = {
    "CANCELLED": "its job was cancelled (scancel, or an administrator)",
    "PREEMPTED": "its job was preempted",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "OUT_OF_MEMORY": 'it wanted more memory than it asked for (`--slurm-args "--mem=8G"` asks for more)',
    "DEADLINE": "its deadline came",
}
"""State of a job -> what happened to its unit."""


@dataclass(frozen=True)
class Ending:
    """How a unit ended."""

    code: int
    """Exit code, not 0."""
    died: str
    """How it died, where another start may end well; empty: it ended by itself, or another start would not help."""
    log: str
    """What to add to its log."""
    minutes: int | None = None
    """Time limit of its next start."""
    is_blind: bool = False
    """Whether it left no word at all in the shared folder."""
    nodes: str = ""
    """Where it ran."""


def ending_of(array: Submitted, index: int, record: UnitRecord | None, task: Task | None, longer: int | None) -> Ending:
    """How a unit ended. `record`: its own, if any; `task`: as squeue has it, if it does; `longer`: the time limit that
    it may have next.
    """
    nodes = task.nodes if task is not None else ""
    if record is not None and record.code:
        return Ending(record.code, record.died, "", nodes=record.host)
    if record is not None:
        return Ending(1, "what it made was made from other inputs than those that lie here now", "", nodes=record.host)
    said, state = array.words(index), task.state if task is not None else ""
    tail = "".join(f"{line}\n" for line in (said or "").splitlines()[-TAIL:])
    if state == "TIMEOUT" or "DUE TO TIME LIMIT" in tail:
        minutes = array.manifest.minutes
        limit = "its time limit" if minutes is None else f"its time limit of {time_text(minutes)}"
        if longer is not None:
            died = f"ended by Slurm at {limit}; its next start has {time_text(longer)}"
            return Ending(1, died, f"harness: {died}\n", longer, nodes=nodes)
        fix = "`harness repro --slurm PARTITION`"
        if minutes is not None:
            fix = f'`harness repro --slurm --slurm-args "--time={time_text(2 * minutes)}"`'
        words = (
            f"harness: expected {array.manifest.stages[index]} to end within {limit}, found that Slurm ended it there."
            f" To fix it: {fix}, in a partition that allows it\n"
        )
        return Ending(1, "", words, nodes=nodes)
    by_words = "PREEMPTED" if "DUE TO PREEMPTION" in tail else "NODE_FAIL" if "DUE TO NODE FAILURE" in tail else ""
    died = STATES.get(by_words or state, f"its job ended ({state or 'unknown to squeue'}) before it did")
    is_blind = not said and state in ("FAILED", "")
    where = f" on {nodes}" if nodes and nodes != "n/a" else ""
    return Ending(1, died + where, f"harness: {died}{where}\n{tail}", is_blind=is_blind, nodes=nodes)


def seen(outputs: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Those outputs of a unit that lie at their places as seen from here, and those that don't."""
    for folder in {place.parent for place in outputs}:
        look_into(folder)
    there = [place for place in outputs if place.exists()]
    return there, [place for place in outputs if place not in there]


def unseen(stage: str, there: Sequence[Path], missing: Sequence[Path], record: UnitRecord) -> Ending:
    """How a unit ended that ended well, by its own word, and whose outputs are not to be seen: nothing that needs them
    could run here, and another start would find them where it runs.
    """
    words = (
        f"harness: expected the outputs of {stage}, which ended well on {record.host}, at their places, found"
        f" {_names(there)} there and {_names(missing)} missing. To fix it: see whether this machine and"
        f" {record.host} see the same folder, then run the same command again\n"
    )
    return Ending(1, "", words, nodes=record.host)


def _names(places: Sequence[Path]) -> str:
    return ", ".join(str(place) for place in places) or "nothing"
