"""Processes that end with the one that started them, and exit codes under real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from toy import ROOT

from harness.project import processes
from harness.project.errors import HarnessError

WAIT_S = 60.0
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def comes(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel", "thread"])
def test_a_child_ends_with_a_parent_that_is_killed(kernel: bool) -> None:
    child = (
        "import os, sys, time; from harness.project import processes\n"
        f"{'' if kernel else 'processes._kernel_ends_with_parent = lambda: False'}\n"
        "processes.end_with(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(600)"
    )
    parent = start(
        "import os, subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], str(os.getpid())])", child
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    assert comes(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_what_is_gone_already_ends_a_process_at_once() -> None:
    gone = start("pass")
    gone.wait()
    child = start("import sys, time; from harness.project.processes import end_with\n"
                  "end_with(int(sys.argv[1])); time.sleep(600)", str(gone.pid))  # fmt: skip
    assert child.wait(timeout=WAIT_S) == processes.GONE


def test_no_room_for_a_process_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(HarnessError, match=r"expected to start python -m some\.module, found: Resource") as error:
        processes.run_module("some.module", [], tmp_path)
    assert "ulimit -u" in str(error.value.fix)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("code", [
    "leave_when_interrupted(); print(flush=True); time.sleep(600)",
    "exit_with(lambda: print(flush=True) or time.sleep(600))",
    "exit_with(lambda: exec('''try:\\n print(flush=True); time.sleep(600)\\nexcept BaseException: pass'''))",
], ids=["importing", "running", "swallowed"])  # fmt: skip
def test_a_signal_ends_a_program_in_words_and_with_130(number: signal.Signals, code: str) -> None:
    process = start(f"import time; from harness.project.exits import *\n{code}")
    assert process.stdout
    process.stdout.readline()
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130 and "Traceback" not in err
    assert err.count("harness: interrupted") == (0 if "exec" in code else 1)
