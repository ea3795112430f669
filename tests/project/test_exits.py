"""What came of a command as an exit code and one paragraph."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from harness.project.errors import HarnessError
from harness.project.exits import exit_code_of


def raising(error: BaseException) -> Callable[[], int]:
    def do() -> int:
        raise error

    return do


@pytest.mark.parametrize(
    ("do", "code", "words"),
    [
        (lambda: None, 0, ""),
        (lambda: 3, 3, ""),
        (
            raising(HarnessError("expected a, found b", fix="do c")),
            2,
            "harness: expected a, found b. To fix it: do c\n",
        ),
        (raising(KeyboardInterrupt()), 130, "harness: interrupted; finished stages are kept"),
        (
            raising(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out")),
            2,
            "harness: expected to read and write out,",
        ),
    ],
)
def test_what_is_returned_or_raised_is_an_exit_code(
    do: Callable[[], int], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(do) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(words) and err.count("\n") == (1 if words else 0)


def test_a_defect_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code_of(raising(ZeroDivisionError("a defect")))


HALF_MADE = """
import os, signal, time
from harness.project.exits import exit_with

class Bar:
    def __init__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(5)
        self.drawn = True

    def __del__(self):
        self.drawn  # not there where Ctrl-C came first

exit_with(Bar)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_what_was_half_made_when_ctrl_c_came_says_nothing(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", HALF_MADE.format(name=name)], capture_output=True, text=True)
    assert done.returncode == 130 and done.stderr.startswith("harness: interrupted") and done.stderr.count("\n") == 1
