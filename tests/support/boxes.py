"""Tests with a real engine: which one, what a project says to run its units in it, and what it holds of a project."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from harness.launch.container import container, engine
from harness.launch.container.sockets import EngineName
from harness.project.paths import Paths

ENGINE: EngineName = "podman" if os.environ.get("HARNESS_TEST_ENGINE") == "podman" else "docker"
"""The engine that the tests in tests/launch/engine are about; its command line has the same name."""


def boxed_settings(image: str, **limits: int | None) -> dict[str, Any]:
    """What params.yaml says so that units run in the engine, without the limits that it can't hold."""
    wanted: dict[str, int | None] = {"memory_mib": 4096, "pids": 256, "tmp_mib": 256} | limits
    return {"runtime": ENGINE, "image": image, "container": wanted | dict.fromkeys(unheld())}


@cache
def unheld() -> tuple[str, ...]:
    """The limits that the engine can't hold on this machine: a rootless one, say, with control groups version 1."""
    facts = engine.engine_facts(engine.connect(ENGINE))
    return tuple(name for name, held in (("memory_mib", facts.memory_limit), ("pids", facts.pids_limit)) if not held)


def left(paths: Paths) -> list[str]:
    """IDs of the project's containers, running or not."""
    return [identity for identity, _ in engine.labelled(engine.connect(ENGINE), container.project_id(paths))]
