"""Where an engine may listen: Docker's socket or Podman's, the system's or the user's own, or what a variable says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EngineName = Literal["docker", "podman"]
ENGINES: tuple[EngineName, ...] = ("docker", "podman")
"""Engines that listen on a socket, in the order in which they are looked for."""
VARIABLES = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}
"""Environment variable that names an engine's address, and then no other address is tried."""
NAMES = {"docker": "Docker engine", "podman": "Podman service"}
"""What answers there, in words."""
LOCAL = "set `runtime: local` in params.yaml to work without containers; `harness doctor` says more"


@dataclass(frozen=True)
class Address:
    """One place to try."""

    engine: EngineName
    """The engine that should listen there."""
    url: str | None
    """unix://... or tcp://...; null: what DOCKER_HOST and its companions say, which the docker SDK reads itself."""

    def __str__(self) -> str:
        return self.url or os.environ["DOCKER_HOST"]


def addresses(engine: EngineName | None) -> list[Address]:
    """The places where `engine` (null: any) may listen, the likeliest first."""
    return [address for name in ([engine] if engine else ENGINES) for address in _addresses_of(name)]


def _addresses_of(engine: EngineName) -> list[Address]:
    named = os.environ.get(VARIABLES[engine])
    if named:
        return [Address(engine, None if engine == "docker" else named)]
    if engine == "docker":
        own = own_folder() / "docker.sock"
        return [Address(engine, "unix:///var/run/docker.sock"), *([Address(engine, f"unix://{own}")] * own.exists())]
    return [Address(engine, f"unix://{podman_socket()}")]


def own_folder() -> Path:
    """Where sockets of this user lie."""
    return Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}"))


def podman_socket() -> Path:
    """Where Podman's service of this user listens; root's is the system's."""
    return (own_folder() if os.getuid() else Path("/run")) / "podman" / "podman.sock"


def remedy(engine: EngineName | None) -> str:
    """What starts the engine, or makes it unneeded."""
    docker = "start it (`sudo systemctl start docker`, or Docker Desktop), see that your user may reach it"
    podman = f"start it ({podman_start()})"
    return f"{podman if engine == 'podman' else docker}, or {LOCAL}"


def podman_start() -> str:
    """The commands that start Podman's service for this user."""
    unit = "systemctl --user start podman.socket" if os.getuid() else "systemctl start podman.socket"
    return f"`{unit}`, or without systemd `podman system service --time=0 unix://{podman_socket()} &`"
