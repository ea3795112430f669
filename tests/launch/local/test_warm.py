"""The warm process: it answers like a process of its own, tells of a killed child, and ends with its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import toy as toys

from harness.experiment.inputs import write_recipe
from harness.launch.local import warm
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths

Toy = tuple[Params, Paths]
UNIT = ("run", "intermediate", "none", "1")

WAIT_S = 120.0


def wait_for(condition: Callable[[], bool], seconds: float = WAIT_S) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@dataclass
class Server:
    """A warm process that belongs to `owner`."""

    process: subprocess.Popen[bytes]
    owner: subprocess.Popen[bytes]
    path: Path


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose owner is a sleeping process; sockets want a short path."""
    with tempfile.TemporaryDirectory(prefix="w") as folder:
        owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        path = Path(folder) / "s"
        command = [sys.executable, "-m", "harness.launch.local.warm", str(path), str(owner.pid)]
        process = subprocess.Popen(command, cwd=toys.ROOT, env=os.environ | {"PYTHONPATH": str(toys.ROOT)})
        try:
            assert wait_for(path.exists), "the server did not start"
            yield Server(process, owner, path)
        finally:
            for one in (owner, process):
                one.kill()
                one.wait()


@pytest.fixture
def under_dvc(server: Server, monkeypatch: pytest.MonkeyPatch, toy_copy: Toy) -> Paths:
    """A toy project in the working folder in which the baseline's checkpoint can be made; `delegate` has the server."""
    params, paths = toy_copy
    write_recipe("none", params, paths)
    monkeypatch.chdir(paths.root)
    monkeypatch.setattr(warm, "dvc_process", lambda: server.owner.pid)
    monkeypatch.setattr(warm, "_socket_path", lambda owner: server.path)
    monkeypatch.delenv(warm.OFF, raising=False)
    return paths


def test_outside_dvc_everyone_works_for_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert warm.delegate(UNIT) is None
    # The variable alone, inherited by a shell that someone opened in a stage, is not enough: no `dvc` is running.
    monkeypatch.setenv("DVC_STAGE", "cell@x")
    monkeypatch.setattr(psutil.Process, "parents", lambda self: [])
    assert warm.delegate(UNIT) is None


@pytest.mark.slow
def test_it_can_be_switched_off(under_dvc: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(warm.OFF, "1")
    assert warm.delegate(UNIT) is None


def test_a_dvc_above_is_found(tmp_path: Path) -> None:
    """A script called `dvc` that starts a process which asks: the nearest one counts."""
    script = tmp_path / "dvc"
    ask = "from harness.launch.local.warm import dvc_process; print(dvc_process())"
    script.write_text(
        f"import os, subprocess, sys\nprint(os.getpid(), flush=True)\nsubprocess.run([sys.executable, '-c', {ask!r}])"
    )
    environment = os.environ | {"DVC_STAGE": "cell@x", "PYTHONPATH": str(toys.ROOT)}
    out = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=60)
    first, second = out.stdout.split()
    assert first == second


def test_exit_code_and_output_are_the_units(under_dvc: Paths, capfd: pytest.CaptureFixture[str]) -> None:
    assert warm.delegate(UNIT) == 0
    out, err = capfd.readouterr()
    assert out.startswith("intermediate none-1: ok, ") and out.count("\n") == 1 and not err
    assert under_dvc.intermediate("none", 1).is_file()


def test_a_users_error_is_the_units_too(under_dvc: Paths, capfd: pytest.CaptureFixture[str]) -> None:
    assert warm.delegate(["run", "cell", "none", "udpos", "1"]) == 2
    out, err = capfd.readouterr()
    assert not out and err.startswith("harness: expected") and "Traceback" not in err


def test_a_defect_shows_its_traceback(under_dvc: Paths, capfd: pytest.CaptureFixture[str]) -> None:
    """os._exit must not swallow it."""
    assert warm.delegate(["run", "scores"]) == 1
    assert "Traceback" in capfd.readouterr().err


def test_the_callers_environment_and_folder_are_used(
    under_dvc: Paths, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    other = under_dvc.root.parent / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    assert warm.delegate(UNIT) == 2
    assert f"at or above {other}" in capfd.readouterr().err


@contextmanager
def _held(paths: Paths) -> Iterator[None]:
    """The unit waits while it reads its recipe: a pipe nobody writes to stands in the place of the file."""
    file = paths.recipe("none")
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    yield
    file.unlink()
    file.write_bytes(content)


def _children(server: Server) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(server.process.pid).children()
    return [child for child in found if child.status() != psutil.STATUS_ZOMBIE]


def test_a_killed_child_is_told_of(server: Server, under_dvc: Paths) -> None:
    killer_saw: list[int] = []

    def kill() -> None:
        if wait_for(lambda: bool(_children(server)), 30):
            child = _children(server)[0]
            killer_saw.append(child.pid)
            child.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with _held(under_dvc):
        killer.start()
        with pytest.raises(HarnessError, match=r"`harness run intermediate none 1` was killed before it finished"):
            warm.delegate(UNIT)
        killer.join()
    assert killer_saw
    # The server goes on.
    assert warm.delegate(UNIT) == 0


def test_a_child_ends_with_its_caller(server: Server, under_dvc: Paths) -> None:
    code = (
        "import sys; from pathlib import Path; from harness.launch.local import warm; warm.dvc_process = lambda: 1\n"
        f"warm._socket_path = lambda owner: Path({str(server.path)!r})\nwarm.delegate({UNIT!r})"
    )
    with _held(under_dvc):
        caller = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(toys.ROOT)})
        assert wait_for(lambda: bool(_children(server)), 30)
        child = _children(server)[0]
        assert caller.poll() is None
        caller.kill()
        caller.wait()
        assert wait_for(lambda: child not in _children(server))


def test_a_socket_of_another_user_is_left_alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = warm._connect(server.path)
    assert connection is not None
    connection.close()
    assert server.path.stat().st_mode & 0o077 == 0
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    assert warm._connect(server.path) is None


def test_a_server_that_does_not_start_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(warm, "dvc_process", os.getpid)
    monkeypatch.setattr(warm, "_socket_path", lambda owner: tmp_path / "none")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.delenv(warm.OFF, raising=False)
    assert warm.delegate(UNIT) is None


def test_the_server_ends_with_its_owner(server: Server) -> None:
    """Last: the server of this file is gone afterwards."""
    server.owner.kill()
    server.owner.wait()
    assert server.process.wait(timeout=10) == 0
    assert not server.path.exists()
