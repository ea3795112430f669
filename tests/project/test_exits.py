"""What came of a command as an exit code and one paragraph."""

from __future__ import annotations

import errno
import os
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
