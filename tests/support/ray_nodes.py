"""Nodes of a real Ray cluster on this machine, each with its own processes, folders and one core."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from harness.launch.cluster.node import NODE_FOLDER
from harness.launch.cluster.ray_cluster import SETTINGS

START_S = 90
STARTED = "Ray runtime started"
STORE_BYTES = 100_000_000

AUTHENTICATION = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""What nodes and this process know: whoever runs the tests may have a token of his own, or none."""
os.environ |= AUTHENTICATION  # Ray reads it once, when it is imported


class Node:
    """One `ray start --block` in a session of its own: a head where `head` is None, else a node of its cluster."""

    def __init__(self, head: Node | None = None, hidden: Path | None = None) -> None:
        """`hidden`: a folder that this node doesn't see."""
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets lie in it
        self.received = self.folder / "received"
        self.address = head.address if head else f"127.0.0.1:{free_port()}"
        where = (
            ["--address", self.address]
            if head
            else [*("--head", "--port", self.address.rpartition(":")[2], "--include-dashboard", "false")]
        )
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *where, *OPTIONS]
        command += ["--temp-dir", str(self.folder / "ray")]
        if hidden is not None:
            script = f'mount -t tmpfs none "{hidden}" && exec "$0" "$@"'
            command = ["unshare", "--mount", "sh", "-c", script, *command]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._log = self.folder / "log.txt"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment | SETTINGS | {NODE_FOLDER: str(self.received)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while STARTED not in (words := self._log.read_text()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError(f"no Ray node started: {words}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill every process of the node at once, as a power cut would."""
        while found := self.processes():
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.poll()

    def processes(self) -> list[psutil.Process]:
        """What runs on this node: the processes of its session, those included whose parent has died."""
        found = []
        for number in psutil.pids():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process = psutil.Process(number)
                if os.getsid(number) == self._process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


OPTIONS = (
    *("--num-cpus", "1", "--num-gpus", "0", "--object-store-memory", str(STORE_BYTES)),
    *("--min-worker-port", "0", "--max-worker-port", "0"),  # two nodes of one machine share its ports
    *("--include-log-monitor", "false", "--disable-usage-stats"),
)


def free_port() -> int:
    """A port outside of what Ray takes for its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def can_hide() -> bool:
    """Whether a node may have its own view of the file system (root, and a kernel that allows it)."""
    try:
        tried = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True)
    except OSError:
        return False
    return tried.returncode == 0
