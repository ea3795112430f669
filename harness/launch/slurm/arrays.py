"""Which job arrays a grid becomes, and what each waits for. Pure: nothing is asked of Slurm here.

Intermediate trainings that have cells of the same targets are one array, and their cells of one target another, in the
same order: with `aftercorr` the cell at an index starts once the training at that index has ended well, whatever the
others do.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from harness.launch.executor import Job
from harness.launch.schedule import Item, ranks
from harness.project.paths import Paths

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Array:
    """A job array to be submitted; of one unit, a plain job."""

    label: str
    """In words: `intermediate`, `cell udpos`."""
    jobs: tuple[Job, ...]
    """Its units, by index."""
    after: Array | None = None
    """The array that it waits for: index by index where both are of one size, else the whole of it."""
    after_queued: str | None = None
    """The job of an earlier submission that all its units wait for, by Slurm's number."""

    @property
    def by_index(self) -> bool:
        """Whether each unit waits for the unit at its own index alone."""
        return self.after is not None and len(self.after.jobs) == len(self.jobs) > 1

    @property
    def seconds(self) -> float:
        """Of its longest unit, estimated."""
        return max(job.seconds for job in self.jobs)


def job_name(paths: Paths) -> str:
    """The name of all jobs of a profile of a project: the same for every run of the command."""
    return f"harness-{paths.profile}-{sha256(str(paths.root).encode()).hexdigest()[:8]}"


def plan_arrays(jobs: Sequence[Job], queued: Mapping[str, str], most: int) -> list[Array]:
    """The arrays of these jobs, each after what it waits for, those with the longest work behind them first.

    `queued`: stage -> number of the job in Slurm, of what an earlier submission runs; `most`: units of one array at
    most. A job waits for one other at most (a cell for its checkpoint); ValueError where one waits for more.
    """
    rank = ranks([Item(job.stage, job.needs, job.seconds, job.kind) for job in jobs])
    ordered = sorted(jobs, key=lambda job: -rank[job.stage])
    here = {job.stage for job in jobs}
    need = {job.stage: _one([name for name in job.needs if name in here or name in queued], job) for job in jobs}
    behind: dict[str, list[Job]] = {}
    for job in sorted(ordered, key=lambda job: job.kind):
        if need[job.stage] in here:
            behind.setdefault(need[job.stage], []).append(job)

    found, followers = list[Array](), list[Array]()
    leading = [job for job in ordered if job.stage in behind]
    for alike in _groups(leading, lambda job: tuple(follower.kind for follower in behind[job.stage])).values():
        for part in _parts(alike, most):
            head = Array(_label(part), part)
            found.append(head)
            if len(part) == 1:  # its cells are of many targets, and wait for the whole of it
                followers += [Array(_label(some), some, head) for some in _parts(behind[part[0].stage], most)]
            else:
                columns = zip(*(behind[job.stage] for job in part), strict=True)
                followers += [Array(_label(column), column, head) for column in columns]
    alone = [job for job in ordered if job.stage not in behind and not need[job.stage]]
    found += [Array(_label(part), part) for same in _groups(alone, _sort).values() for part in _parts(same, most)]
    late = [job for job in ordered if need[job.stage] in queued]
    for stage, same in _groups(late, lambda job: need[job.stage]).items():
        followers += [Array(_label(part), part, after_queued=queued[stage]) for part in _parts(same, most)]
    return [*found, *sorted(followers, key=lambda array: -array.seconds)]


def _one(needs: Sequence[str], job: Job) -> str:
    if len(needs) > 1:
        raise ValueError(f"expected {job.stage} to wait for one unit, found {needs}")
    return needs[0] if needs else ""


def _sort(job: Job) -> str:
    """Trainings together; cells by target, since those of one take alike long."""
    return job.kind if job.kind.startswith("cell") else job.kind.partition(" ")[0]


def _label(jobs: Sequence[Job]) -> str:
    sorts = {_sort(job) for job in jobs}
    return sorts.pop() if len(sorts) == 1 else f"{min(sorts).partition(' ')[0]}s of {len(sorts)} targets"


def _groups(jobs: Sequence[Job], key: Callable[[Job], Key]) -> dict[Key, list[Job]]:
    groups: dict[Key, list[Job]] = {}
    for job in jobs:
        groups.setdefault(key(job), []).append(job)
    return groups


def _parts(jobs: Sequence[Job], most: int) -> list[tuple[Job, ...]]:
    return [tuple(jobs[start : start + most]) for start in range(0, len(jobs), most)]
