"""What this machine offers to run units on: Docker, Podman, Apptainer, Slurm, Ray, a line each.

What the active profile asks for fails where it is not there or can't do it; what it does not ask for is NONE.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.launch.container.engine_records import EngineFacts
from harness.launch.container.sockets import ENGINES, EngineName, podman_start
from harness.launch.doctor_checks import Check, ask, check, disk, guarded
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths

PROGRAMS = {
    "docker": ("Docker engine", "install Docker (its documentation, or your system's package docker.io)"),
    "podman": ("Podman service", "install podman, uidmap and fuse-overlayfs, then start its service for your user"),
}
"""Engine -> what it is called, and what brings it."""
CDI = (Path("/etc/cdi"), Path("/var/run/cdi"))
"""Where descriptions of GPUs lie that Podman hands to containers."""


def offers(params: Params, root: Path) -> Iterator[Check]:
    """Every way to run units that is there or could be, and whether the profile's own can do what the profile asks."""
    for name in ENGINES:
        yield from _engine(name, params)
    yield from _apptainer(params, root)
    if not params.in_containers:
        yield check("OK", "image", "`runtime: local` needs none")
    yield slurm()
    yield ray()


def _engine(name: EngineName, params: Params) -> Iterator[Check]:
    """Does the engine answer, and of what kind is it?"""
    from harness.launch.container import engine

    what, install = PROGRAMS[name]
    is_asked_for = params.runtime == name
    try:
        client = engine.connect(name)
        facts = engine.engine_facts(client)
    except HarnessError as error:
        if is_asked_for:
            yield check("FAIL", what, error.message, error.fix or "")
        elif shutil.which(name) and name == "podman":
            yield check("NONE", what, "podman is installed, its service does not answer", podman_start())
        else:
            yield check("NONE", what, "none answers", install)
        return
    if facts.name == "Docker" and name == "podman":
        yield check(
            "WARN", what, "what answers there is Docker", "let CONTAINER_HOST name Podman's socket, or unset it"
        )
    lacking = [word for word, held in (("memory", facts.memory_limit), ("processes", facts.pids_limit)) if not held]
    unheld = f"; it can't limit {' and '.join(lacking)} of a container here" if lacking else ""
    yield check("OK", what, facts.kind + unheld)
    if is_asked_for:
        yield from _asked(client, facts, params)


def _asked(client: Any, facts: EngineFacts, params: Params) -> Iterator[Check]:
    """Can the engine do what the profile asks of it, and does it have the pinned image?"""
    from harness.launch.container import engine
    from harness.launch.container.container import check_engine
    from harness.launch.container.view import check_code

    def limits() -> str:
        check_engine(facts, params)
        asked = params.container
        memory = "no limit" if asked.memory_mib is None else f"{asked.memory_mib} MiB"
        return f"memory {memory}, processes {asked.pids or 'no limit'}"

    def image() -> str:
        found = engine.image_facts(client, str(params.image))
        check_code(found, str(params.image))
        return f"{params.image} holds the code of this checkout"

    yield guarded("container limits", limits, "FAIL")
    if Path(facts.root_folder).is_dir():  # an engine on this machine
        yield disk(Path(facts.root_folder), "disk of images")
    if params.compute.device == "cuda":
        yield from _gpus(facts)
    yield guarded("image", image, "FAIL")


def _gpus(facts: EngineFacts) -> Iterator[Check]:
    """Can the engine hand GPUs to containers?"""
    if facts.name == "Docker" and "nvidia" not in facts.runtimes:
        remedy = "run `nvidia-ctk runtime configure --runtime=docker` and restart the engine"
        yield check("WARN", "GPU in containers", "the engine does not name the nvidia runtime", remedy)
    if facts.name == "Podman" and not any(list(folder.glob("*")) for folder in CDI):
        remedy = "run `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`"
        yield check("WARN", "GPU in containers", f"no description of GPUs in {CDI[0]} or {CDI[1]}", remedy)


def _apptainer(params: Params, root: Path) -> Iterator[Check]:
    """Is the program there, and the pinned file?"""
    from harness.launch.container import apptainer
    from harness.launch.container.view import check_code

    is_asked_for = params.runtime == "apptainer"
    if not is_asked_for and not shutil.which(apptainer.PROGRAM):
        yield check("NONE", "Apptainer", "no apptainer on the path", "load the cluster's module, or install it")
        return
    yield guarded("Apptainer", apptainer.said_version, "FAIL" if is_asked_for else "NONE")
    if not is_asked_for:
        return

    def image() -> str:
        file = apptainer.check_file(params, Paths(root, params.profile))
        check_code(apptainer.sif_facts(file), str(params.image))
        return f"{file} has its pinned bytes and holds the code of this checkout"

    yield guarded("image", image, "FAIL")


def slurm() -> Check:
    """Does a Slurm answer, with which partitions?"""
    if not shutil.which("sinfo"):
        return check("NONE", "Slurm", "no sinfo on the path", "log in to a cluster that has it, or load its module")
    said = ask("sinfo", "--noheader", "--format=%P %D")
    if not said:
        return check("NONE", "Slurm", "sinfo is there and names no partition", "see what `sinfo` says")
    parts = [line.split() for line in said.splitlines() if len(line.split()) == 2]
    nodes = ", ".join(f"{name.rstrip('*')} ({count} node{'s' * (count != '1')})" for name, count in parts)
    return check("OK", "Slurm", f"partitions {nodes}")


def ray() -> Check:
    """Is the package there?"""
    try:
        found = version("ray")
    except PackageNotFoundError:
        return check("NONE", "Ray", "the package is not installed", "run `pip install 'ray>=2.50,<3'`")
    address = os.environ.get("RAY_ADDRESS")
    return check("OK", "Ray", f"{found}{f', RAY_ADDRESS is {address}' if address else ''}")
