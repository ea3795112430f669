"""`harness plan --slurm`: the job arrays that `harness repro --slurm` would submit. No Slurm need be there."""

from __future__ import annotations

from collections.abc import Sequence

from harness.launch.executor import Job
from harness.launch.grid import jobs_of, stages_before
from harness.launch.slurm.arrays import Array, job_name, plan_arrays
from harness.launch.slurm.resources import Wish, limit_minutes, minutes_of, request_of, time_text
from harness.pipeline.times import measured_costs
from harness.pipeline.units import states, units
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.terminal import Column, paragraph, table_lines, terminal_width

USUAL_MOST = 1001
"""Slurm's own MaxArraySize, where nobody has set another."""


def render_arrays(params: Params, paths: Paths, wish: Wish) -> str:
    """The arrays as aligned lines: units, what they wait for, what each unit asks for, core hours.

    Time limits are those before a partition's own is known.
    """
    state = states(params, paths)
    chosen = [unit for unit in units(params, paths) if state[unit.stage] != "done"]
    jobs = jobs_of(chosen, params, paths)
    if not jobs:
        return f"nothing to submit: all {len(state)} units of profile {params.profile} are there"
    costs, source = measured_costs(paths)
    timed = {kind.partition(" ")[0] for kind in costs}
    request, arrays = request_of(params), plan_arrays(jobs, {}, USUAL_MOST)
    limits = {array: _limit(array, timed, wish) for array in arrays}
    memory = f"{request.memory_mib} MiB" if request.memory_mib else "the default memory"
    cores, before = request.cpus, stages_before(chosen, params)
    rows = [
        [
            str(number),
            array.label,
            f"{len(array.jobs):,}",
            _waits(array, arrays),
            "unlimited" if (limit := limits[array]) is None else time_text(limit),
            _hours(array.jobs, cores) if _is_timed(array, timed) else "-",
        ]
        for number, array in enumerate(arrays, start=1)
    ]
    most = sum(len(array.jobs) * (limits[array] or 0) for array in arrays) * cores / 60
    heads = ["array", "of", "units", "waits for", "time limit", "core hours"]
    asked = (
        f"{len(jobs):,} units in {len(arrays)} job arrays, named {job_name(paths)}, in"
        f" {f'partition {wish.partition}' if wish.partition else 'the default partition'}; each unit asks for"
        f" {request.cpus} CPU, {memory} and {request.gpus} GPU"
    )
    hours = _hours(jobs, cores) if timed else "unknown"
    cost = f"core hours: {hours}, by {source}; at most {most:,.1f}, by the time limits"
    earlier = [f"before, where the command runs: {', '.join(before)}"] if before else []
    options = [f"options for sbatch: {_options(wish)}"] if wish.options else []
    width = terminal_width()
    columns = [Column(head, cells) for head, cells in zip(heads, zip(*rows, strict=True), strict=True)]
    below = [line for text in (cost, *earlier, *options) for line in paragraph(text, width)]
    return "\n".join([*paragraph(asked, width), "", *table_lines(columns, width), "", *below])


def _limit(array: Array, timed: set[str], wish: Wish) -> int | None:
    if "time" in wish.options:
        return minutes_of(str(wish.options["time"]))
    return limit_minutes(array.seconds if _is_timed(array, timed) else None, None)


def _is_timed(array: Array, timed: set[str]) -> bool:
    return array.jobs[0].kind.partition(" ")[0] in timed


def _waits(array: Array, arrays: Sequence[Array]) -> str:
    if array.after is None:
        return "nothing"
    number = arrays.index(array.after) + 1
    return f"its own unit of {number} (aftercorr)" if array.by_index else f"all of {number} (afterok)"


def _hours(jobs: Sequence[Job], cores: int) -> str:
    hours = sum(job.seconds for job in jobs) * cores / 3600
    return f"{hours:,.1f}" if hours >= 0.1 else f"{hours:.3f}"


def _options(wish: Wish) -> str:
    return " ".join(f"--{name}" if value is True else f"--{name}={value}" for name, value in wish.options.items())
