"""One warm process per `dvc repro`: it imports torch and transformers once and forks a child for every unit of work.

DVC starts a new process per stage; importing the libraries would take longer than many a stage's own work. The first
unit's stage starts this server; it ends with the `dvc` process it belongs to. A child runs the same function as a stage
without it (harness.launch.unit), in a process that has drawn no random number and started no thread, so the numbers are
the same. `harness repro` runs units in workers of its own (harness.launch.local.workers); this is for a plain
`dvc repro`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness.launch.unit import run_unit
from harness.pipeline.dvc import dvc_process
from harness.project.errors import HarnessError
from harness.project.paths import project_root

START_S = 120.0
"""Longest wait for the server's imports."""
OFF = "HARNESS_NO_WARM_PROCESS"
"""Environment variable that makes every stage import for itself."""


def delegate(command: Sequence[str]) -> int | None:
    """Run a unit (its command as harness.launch.unit takes it) in the warm process and return its exit code.

    None where there is nothing to gain: not under DVC, no fork on this system, or the server does not start.
    Raises HarnessError when the child dies without an answer (killed, out of memory).
    """
    owner = dvc_process()
    if owner is None or not hasattr(os, "fork") or os.environ.get(OFF) or _in_containers():
        return None
    path = _socket_path(owner)
    connection = _connect(path) or _start(path, owner)
    if connection is None:
        return None
    with connection:
        request = {"command": command, "cwd": os.getcwd(), "environment": dict(os.environ)}
        content = json.dumps(request).encode()
        socket.send_fds(connection, [len(content).to_bytes(8, "big")], [1, 2])
        connection.sendall(content)
        answer = b""
        with suppress(ConnectionError):
            answer = connection.recv(1)
    if not answer:
        raise HarnessError(
            f"the process of `harness {' '.join(command)}` was killed before it finished (out of memory, or by hand)",
            fix="free memory and run `dvc repro` again; finished stages are kept",
        )
    return answer[0]


def _in_containers() -> bool:
    """Whether units run in containers (read off params.yaml without checking it: this has to be quick)."""
    with suppress(HarnessError, OSError):
        return (
            re.search(rb"^runtime: *(?!local\b)\w", (project_root() / "params.yaml").read_bytes(), re.MULTILINE)
            is not None
        )
    return False


def _socket_path(owner: int) -> Path:
    """A short path (the system allows about 100 characters) that belongs to this user, code and `dvc` process."""
    identity = f"{os.getuid()}/{owner}/{Path(__file__).resolve()}/{sys.executable}"
    return Path(tempfile.gettempdir()) / f"harness-{sha256(identity.encode()).hexdigest()[:16]}.sock"


def _connect(path: Path) -> socket.socket | None:
    """A connection to this user's server; a socket that another user put at `path` is left alone."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        if path.stat().st_uid != os.getuid():
            raise PermissionError
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def _start(path: Path, owner: int) -> socket.socket | None:
    server = subprocess.Popen(
        [sys.executable, "-m", "harness.launch.local.warm", str(path), str(owner)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        connection = _connect(path)
        if connection:
            return connection
        time.sleep(0.05)
    return None


@dataclass(frozen=True)
class Request:
    """What a stage's process asks for."""

    command: list[str]
    cwd: str
    environment: dict[str, str]
    output: list[int]
    """Its standard output and standard error."""


def serve(path: Path, owner: int) -> None:
    """Answer requests until the process `owner` is gone."""
    import psutil

    import harness.experiment.cell
    import harness.experiment.intermediate
    import harness.experiment.retrieval
    import harness.experiment.training.recipe
    import harness.experiment.transfer

    parts = harness.experiment
    assert parts.cell and parts.intermediate and parts.retrieval and parts.training.recipe and parts.transfer
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    old = os.umask(0o177)
    listener.bind(str(path))
    os.umask(old)
    listener.listen()
    listener.settimeout(0.1)
    try:
        while psutil.pid_exists(owner):
            _reap()
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.setblocking(True)
            request = _receive(connection)
            if request and os.fork() == 0:
                listener.close()
                _child(connection, request)
            connection.close()
            for descriptor in request.output if request else ():
                os.close(descriptor)
    finally:
        path.unlink(missing_ok=True)


def _reap() -> None:
    """Let go of the children that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _receive(connection: socket.socket) -> Request | None:
    """A whole request, or None where the caller ended in the middle of it."""
    header, descriptors, _, _ = socket.recv_fds(connection, 8, 2)
    content, length = b"", int.from_bytes(header, "big")
    while len(content) < length and (piece := connection.recv(65536)):
        content += piece
    if not content or len(content) < length:
        for descriptor in descriptors:
            os.close(descriptor)
        return None
    return Request(**json.loads(content), output=list(descriptors))


def _child(connection: socket.socket, request: Request) -> None:
    """Take over the caller's folder, environment and output, run the unit, answer with its exit code."""
    for number, descriptor in enumerate(request.output, start=1):
        os.dup2(descriptor, number)
    os.environ.clear()
    # The tokenizer's module set this variable when it was imported; the caller's environment does not have it.
    os.environ.update(request.environment | {"TOKENIZERS_PARALLELISM": "false"})
    os.chdir(request.cwd)
    threading.Thread(target=_end_with_caller, args=(connection,), daemon=True).start()
    code = 1
    try:
        code = run_unit(request.command)
    except BaseException:
        traceback.print_exc()  # os._exit below would lose it
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with suppress(OSError):
            connection.sendall(bytes([code & 255]))
        os._exit(code)


def _end_with_caller(connection: socket.socket) -> None:
    """The caller never sends a second message: whatever ends this wait is its end (Ctrl-C, kill)."""
    with suppress(OSError):
        connection.recv(1)
    os._exit(130)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
