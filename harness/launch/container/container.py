"""A unit of work in a container of its own: what it sees, where it may write, and how its outputs are fetched back.

The container sees its inputs read-only and one empty folder it may write to. What it wrote is moved to its place when
it has finished, so a unit that is killed leaves nothing behind.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness.launch.container.engine_records import ContainerExit, ContainerSpec, EngineFacts
from harness.launch.container.image import IMAGE_USER, WORK
from harness.launch.container.sockets import ENGINES, EngineName
from harness.launch.container.view import check_code, environment, interruptible, mounts, scratch_folder
from harness.launch.gpus import given_gpus
from harness.launch.work import Work, fetch_back
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths

OWNER_PID, OWNER_STARTED = "harness.owner.pid", "harness.owner.started"
"""Labels: the process that waits for the container, and when it started (a pid alone is used again)."""


def run_work(work: Work, params: Params, paths: Paths, into: Paths | None = None) -> int:
    """Run a unit in a container of the pinned image and move its outputs to their places; returns its exit code.

    With `into`, the unit's outputs lie below that folder and not in the project, which stays as it is.

    Raises HarnessError where there is no engine or image, the image holds other code, the engine can't hold a limit, or
    the container was killed.
    """
    if params.runtime == "apptainer":
        from harness.launch.container.apptainer import run_in_apptainer

        return run_in_apptainer(work, params, paths, into)
    from harness.launch.container import engine

    client = engine.connect(engine_of(params))
    facts = engine.engine_facts(client)
    check_engine(facts, params)
    image = engine.image_facts(client, str(params.image))
    check_code(image, str(params.image))
    remove_leftovers(client, paths)
    outputs = into or paths
    scratch = work.scratch(outputs.scratch)
    user = container_user(facts)
    with scratch_folder(scratch, owner(user, facts)), interruptible():
        spec = container_spec(work, params, paths, scratch, user, facts)
        ended = engine.run_container(client, spec)
        _explain(ended, work, params)
        if ended.code == 0:
            fetch_back(work, scratch, outputs)
    return ended.code


def container_spec(
    work: Work, params: Params, paths: Paths, scratch: Path, user: str, facts: EngineFacts
) -> ContainerSpec:
    """Everything about the unit's container; missing inputs are left out, so that the unit itself names them."""
    keeps_id = facts.name == "Podman" and facts.rootless
    return ContainerSpec(
        image=str(params.image),
        command=work.command,
        user=user,
        user_namespace="keep-id" if keeps_id else "host" if facts.remapped else None,
        folder=WORK,
        environment=environment(params),
        labels={"harness.project": project_id(paths), "harness.unit": work.name, **_owner()},
        mounts=mounts(work, paths, scratch),
        memory_mib=params.container.memory_mib,
        pids=params.container.pids,
        tmp_mib=params.container.tmp_mib,
        gpu=params.compute.device == "cuda",
        gpu_ids=given_gpus() or (),
        terminal=sys.stderr.isatty() and sys.stdout.isatty(),
        unlabelled=facts.selinux,
    )


def engine_of(params: Params) -> EngineName | None:
    """The engine that the profile asks for; None: any that answers."""
    return next((name for name in ENGINES if name == params.runtime), None)


def check_engine(facts: EngineFacts, params: Params) -> None:
    """HarnessError where the engine can't hold a limit that the profile sets, or belongs to another user."""
    limits = {"memory_mib": facts.memory_limit, "pids": facts.pids_limit}
    asked = {name: value for name in limits if (value := getattr(params.container, name)) is not None}
    unmet = [f"container.{name}: {value}" for name, value in asked.items() if not limits[name]]
    if unmet:
        raise HarnessError(
            f"expected an engine that holds each unit to {' and '.join(unmet)}, found {facts.kind}, which can't",
            fix="set these to null in params.yaml, and units go without such a limit; a rootless engine holds them with"
            " control groups version 2 and delegated controllers, an engine with root holds them anyway",
        )
    if facts.name == "Podman" and facts.rootless and os.getuid() == 0:
        raise HarnessError(
            "expected a rootless Podman to be asked by the user that it belongs to, found root",
            fix="run the same command as that user, or unset CONTAINER_HOST",
        )


def container_user(facts: EngineFacts) -> str:
    """The caller's uid:gid; a root caller becomes the image's own user, since no unit needs root.

    In a rootless Docker, root inside is the caller outside: any other number would be a user that owns nothing here. A
    rootless Podman gives the caller the same number inside.
    """
    if facts.rootless and facts.name == "Docker":
        return "0:0"
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else f"{IMAGE_USER}:{IMAGE_USER}"


def project_id(paths: Paths) -> str:
    """This project on this machine, for labels."""
    return sha256(f"{socket.gethostname()}/{paths.root}".encode()).hexdigest()[:16]


def _owner() -> dict[str, str]:
    import psutil

    own = psutil.Process()
    return {OWNER_PID: str(own.pid), OWNER_STARTED: str(own.create_time())}


def _owner_lives(labels: dict[str, str]) -> bool:
    import psutil

    try:
        return str(psutil.Process(int(labels[OWNER_PID])).create_time()) == labels[OWNER_STARTED]
    except (psutil.Error, KeyError, ValueError):
        return False


def remove_leftovers(client: Any, paths: Paths) -> int:
    """Remove containers of this project whose waiting process is gone (kill -9, a crash); returns how many."""
    from harness.launch.container import engine

    left = [identity for identity, labels in engine.labelled(client, project_id(paths)) if not _owner_lives(labels)]
    for identity in left:
        engine.remove_container(client, identity)
    if left:
        print(f"removed {len(left)} container(s) that an interrupted run had left", file=sys.stderr)
    return len(left)


def owner(user: str, facts: EngineFacts) -> tuple[int, int] | None:
    """Whom the folder has to belong to that a container of `user` writes to; None: the caller."""
    uid, gid = map(int, user.split(":"))
    return (uid, gid) if os.getuid() == 0 and not facts.rootless else None


def _explain(ended: ContainerExit, work: Work, params: Params) -> None:
    limit = params.container.memory_mib
    if ended.out_of_memory:
        raise HarnessError(
            f"{work.name} was killed by the kernel: it wanted more than its container's {limit} MiB of memory",
            fix="raise container.memory_mib in params.yaml, or lower batch_size or evaluation.batch_tokens",
        )
    if ended.code == 128 + signal.SIGKILL:
        raise HarnessError(
            f"the container of {work.name} was killed before it finished (by hand, or the machine ran out of memory)",
            fix="free memory and run `dvc repro` again; finished stages are kept",
        )
