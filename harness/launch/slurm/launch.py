"""The launcher of a Slurm cluster: everything that can be known before a job is submitted is checked here."""

from __future__ import annotations

from harness.launch.cluster.node import own_identity
from harness.launch.executor import Executor
from harness.launch.slurm import controller
from harness.launch.slurm.arrays import job_name
from harness.launch.slurm.resources import Request, Wish, read_options, request_of
from harness.launch.slurm.slurm_arrays import POLL_S, SlurmArrays
from harness.launch.slurm.submission import Submitter, import_submitit
from harness.pipeline.times import measured_costs
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths


def launch_on_slurm(
    params: Params,
    paths: Paths,
    slots: int | None = None,
    address: str | None = None,
    options: str = "",
    poll_s: float = POLL_S,
) -> Executor:
    """The launcher of the Slurm that this machine's commands speak to; nothing is submitted yet.

    `address`: the partition, empty or None for Slurm's default; `options`: further options of sbatch, as the user
    writes them; `poll_s`: seconds between two looks at Slurm. Raises HarnessError where submitit or Slurm's commands
    are missing, the controller doesn't answer, the partition doesn't exist, or none of its nodes could run a unit;
    where `slots` is given; and where units on GPUs run in an engine's containers.
    """
    if slots is not None:
        raise HarnessError(
            "expected --jobs or --slurm, found both: Slurm runs as many units as it has room for",
            fix="leave --jobs out",
        )
    if params.compute.device == "cuda" and params.runtime in ("docker", "podman"):
        raise HarnessError(  # the engine numbers the machine's GPUs, the job its own, from 0
            f"expected a runtime that keeps to a job's own GPUs under --slurm, found `{params.runtime}`, whose engine"
            " stands outside of the job",
            fix="set `runtime: apptainer` or `runtime: local` in params.yaml",
        )
    wish = Wish(address or "", read_options(options))
    import_submitit()
    controller.check_commands()
    partition = controller.choose(controller.partitions(), wish.partition)
    request = _asked(request_of(params), wish)
    controller.check_room(partition, request, wish.minutes)
    if not controller.knows_memory(partition):
        request = Request(request.cpus, 0, request.gpus)
    submitter = Submitter(job_name(paths), params, paths, own_identity(params), wish, request)
    sorts = sorted({kind.partition(" ")[0] for kind in measured_costs(paths)[0]})
    return SlurmArrays(submitter, partition, wish, params, paths, sorts, controller.most_per_array(), poll_s)


def _asked(request: Request, wish: Wish) -> Request:
    """What is known of a request whose user asks for something else: what sbatch will judge is not judged here."""
    has_memory = any(name.startswith("mem") for name in wish.options)
    has_gpus = any(name.startswith(("gpu", "gres")) for name in wish.options)
    cpus = str(wish.options.get("cpus-per-task", request.cpus))
    return Request(
        int(cpus) if cpus.isdecimal() else request.cpus,
        0 if has_memory else request.memory_mib,
        0 if has_gpus else request.gpus,
    )
