"""DVC's locks: whom one waits for, what a killed process left, and a dvc.lock that was cut off."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.pipeline.dvc_locks import lock_kept, recover_lock, wait_for_others
from harness.project.errors import HarnessError
from harness.project.paths import Paths

WHOLE = "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - path: b\n      hash: md5\n"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    (tmp_path / "dvc.lock").write_text(WHOLE)
    return Paths(tmp_path, "toy")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def waits(paths: Paths) -> threading.Thread:
    thread = threading.Thread(target=wait_for_others, args=(paths,), daemon=True)
    thread.start()
    thread.join(1)
    return thread


def entry(pid: object) -> str:
    return json.dumps({"write": {"/x": {"pid": pid, "cmd": "dvc repro"}}, "read": {"/y": [{"pid": pid, "cmd": "d"}]}})


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"write": 3}', '{"write": {"/x": {}}}', "[" * 100_000, entry("x"), entry(10**30)]
)
def test_what_a_killed_process_left_is_taken_away(paths: Paths, content: str) -> None:
    lock = paths.root / ".dvc" / "tmp" / "rwlock"
    lock.write_text(content)
    (paths.root / ".dvc" / "tmp" / "lock").write_text(content)
    wait_for_others(paths)
    assert not lock.exists()


def test_a_dead_owner_and_a_number_used_again_are_taken_over(paths: Paths, sleeper: subprocess.Popen[bytes]) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock = paths.root / ".dvc" / "tmp" / "rwlock"
    lock.write_text(entry(gone.pid))
    wait_for_others(paths)
    assert not lock.exists()
    lock.write_text(entry(sleeper.pid))  # the process began long after the lock was written
    os.utime(lock, (1, 1))
    wait_for_others(paths)
    assert not lock.exists()


def test_a_living_owner_is_waited_for_and_named(
    paths: Paths, sleeper: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    (paths.root / ".dvc" / "tmp" / "rwlock").write_text(entry(sleeper.pid))
    thread = waits(paths)
    assert thread.is_alive() and f"waiting for process {sleeper.pid} (" in capsys.readouterr().err
    sleeper.kill()
    sleeper.wait()
    thread.join(5)
    assert not thread.is_alive()


def test_the_lock_of_the_project_is_waited_for(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    path = paths.root / ".dvc" / "tmp" / "lock"
    with path.open("w") as held:
        held.write(f" {os.getpid()}\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        thread = waits(paths)
        assert thread.is_alive() and f"waiting for process {os.getpid()} (" in capsys.readouterr().err
    thread.join(5)
    assert not thread.is_alive()
    path.unlink()
    path.mkdir()
    with pytest.raises(HarnessError, match="expected DVC's lock at"):
        wait_for_others(paths)


def killed_while_dvc_wrote(paths: Paths) -> None:
    (paths.root / "build").mkdir()
    (paths.root / "build" / "dvc.lock.before").write_text(WHOLE)


@pytest.mark.parametrize("cut", [0, 1, 15, 20])
def test_a_lock_that_was_cut_off_is_put_back(paths: Paths, cut: int) -> None:
    lock = paths.root / "dvc.lock"
    with lock_kept(paths):
        lock.write_text(WHOLE[:cut])
    assert lock.read_text() == WHOLE


def test_so_it_is_by_the_next_run_where_both_were_killed(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    lock = paths.root / "dvc.lock"
    killed_while_dvc_wrote(paths)
    lock.write_text("")
    recover_lock(paths)
    assert lock.read_text() == WHOLE and "cut off" in capsys.readouterr().err
    assert (paths.root / "build" / "dvc.lock.cut-off").is_file()
    lock.write_text("")
    with pytest.raises(HarnessError, match="an empty file"):
        recover_lock(paths)


def test_a_merge_is_nobodys_to_undo(paths: Paths) -> None:
    lock = paths.root / "dvc.lock"
    killed_while_dvc_wrote(paths)
    lock.write_text(f"<<<<<<< HEAD\n{WHOLE}=======\n>>>>>>> theirs\n")
    with pytest.raises(HarnessError, match="a merge that is not finished"):
        recover_lock(paths)
    assert lock.read_text().startswith("<<<<<<<")


def test_waiting_costs_nothing_where_nobody_is(paths: Paths) -> None:
    began = time.monotonic()
    wait_for_others(paths)
    assert time.monotonic() - began < 0.4
