"""The driver's side of a cluster: the head's address, room on nodes, its folder, logs, what units see.

Ray itself is not imported here: a node is the record that Ray keeps of it (`NodeID`, `NodeManagerHostname`,
`Resources`).
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.launch.cluster.messages import Probe
from harness.launch.cluster.shipping import remove
from harness.launch.local.workers import THREADS
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths
from harness.project.provenance import COMMIT, DIRTY, source_commit

CONNECT_S = 20
"""Longest wait for a cluster to answer."""
KEPT = ("DO_NOT_TRACK", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
"""Variables that units see as this process has them."""


def check_reachable(address: str) -> None:
    """HarnessError unless something listens at host:port; Ray itself would try for a long time."""
    host, _, port = address.rpartition(":")
    fix = "give host:port of the head, as `ray start --head` prints it (port 6379), or `local` for this machine alone"
    if not host or not port.isdigit() or "/" in host:
        raise HarnessError(f"expected host:port of a Ray cluster's head, found `{address}`", fix=fix)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise HarnessError(f"expected a Ray cluster at {address}, found: {error}", fix=fix) from None


def fitting(nodes: Sequence[dict[str, Any]], wanted: Mapping[str, float]) -> list[str]:
    """The nodes that have room for a unit. Raises HarnessError where none has."""
    found = [each["NodeID"] for each in nodes if units_at_once(each["Resources"], wanted)]
    if not found:
        each = "; ".join(f"{one['NodeManagerHostname']}: {resources(one['Resources'])}" for one in nodes)
        raise HarnessError(
            f"expected a node with {resources(wanted)} for one unit (params.yaml: compute), found none in the cluster"
            f" ({each or 'no node'})",
            fix="add such a node (`ray start --address=HEAD:6379 --num-cpus=... --num-gpus=...`), or make a profile"
            " active that asks for less",
        )
    return found


def units_at_once(resources: Mapping[str, float], wanted: Mapping[str, float]) -> int:
    """How many units that want so much fit on a node at a time."""
    return min(int(resources.get(name, 0.0) // amount) for name, amount in wanted.items() if amount)


def resources(amounts: Mapping[str, float]) -> str:
    """In words."""
    return f"{amounts.get('CPU', 0.0):g} CPU and {amounts.get('GPU', 0.0):g} GPU"


def own_folder(paths: Paths) -> Path:
    """This process's part of the scratch folder; parts of this machine's processes that are gone are removed."""
    import psutil

    prefix = f"ray-{socket.gethostname()}-"
    for old in paths.scratch.glob(f"{prefix}*"):
        number = old.name.removeprefix(prefix)
        if not number.isdigit() or int(number) == os.getpid() or not psutil.pid_exists(int(number)):
            remove(old)
    return paths.scratch / f"{prefix}{os.getpid()}"


def write_probe(folder: Path) -> Probe:
    """A file in the driver's folder, by which nodes find out whether they share it."""
    folder.mkdir(parents=True)
    probe = Probe(folder / "probe", uuid.uuid4().hex)
    probe.file.write_text(probe.token, encoding="ascii")
    return probe


def environment(params: Params, paths: Paths) -> dict[str, str]:
    """What units see on every node: threads, switches of libraries, and the commit that a folder without git lacks."""
    commit, dirty = source_commit(paths.root)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    origin = {} if commit is None else {COMMIT: commit, DIRTY: str(bool(dirty)).lower()}
    return dict.fromkeys(THREADS, str(params.compute.threads)) | kept | origin


def append(log: Path, words: str) -> None:
    """Add to a unit's log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as stream:
        stream.write(words)


def first_line(error: BaseException) -> str:
    """Of what an exception says, else its name."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def last_line(error: BaseException) -> str:
    """Of what an exception says (of a traceback: the error itself), else its name."""
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
