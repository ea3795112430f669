"""What `harness doctor` is made of: the answer to one question, and the few questions that several checks ask."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from harness.project.errors import HarnessError
from harness.project.records import StrictRecord

Word = Literal["OK", "NONE", "WARN", "FAIL"]
GIB = 1 << 30
DISK_WARN_GIB, DISK_FAIL_GIB = 10, 1
"""The environment takes 2 to 6 GiB, the laboratory's build/ and DVC's cache under one."""


class Check(StrictRecord):
    """The answer to one question about this machine."""

    word: Word
    """OK, NONE (not there, and not asked for), WARN (works, but) or FAIL (does not)."""
    what: str
    """What was looked at."""
    found: str
    """What was found."""
    remedy: str
    """What fixes it, or would bring it; empty where nothing needs fixing."""


def check(word: Word, what: str, found: str, remedy: str = "") -> Check:
    """A check in one line."""
    return Check(word=word, what=what, found=found, remedy=remedy)


def guarded(what: str, question: Callable[[], str], word: Word) -> Check:
    """A check that is OK unless its question raises HarnessError, which says what fixes it."""
    try:
        return check("OK", what, question())
    except HarnessError as error:
        return check(word, what, error.message, error.fix or "")


def ask(*command: str) -> str:
    """What a command prints; empty where it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def disk(folder: Path, what: str) -> Check:
    """Is there room on the disk that a folder lies on?"""
    free = shutil.disk_usage(folder).free / GIB
    word: Word = "FAIL" if free < DISK_FAIL_GIB else "WARN" if free < DISK_WARN_GIB else "OK"
    return check(word, what, f"{free:.1f} GiB free at {folder}", "" if word == "OK" else "free space on that disk")
