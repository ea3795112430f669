"""DVC, started as a program: `dvc repro` of the whole pipeline, and what dvc.lock records of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.project.errors import HarnessError, name_some
from harness.project.paths import PACKAGE, Paths
from harness.project.provenance import usable_cores

MOST_JOBS = 4
"""Small stages run side by side, as far as there are cores; each may hold a task's rows in memory."""
RESTORED = "restored: "
"""Before the name of a stage that DVC put back, on a line of harness.pipeline.dvc_stages."""


def check_project(paths: Paths) -> None:
    """HarnessError where the project can't be written, or where other code would run than dvc.lock would record.

    The first: a container without a mounted clone; the second: an image built from another checkout.
    """
    if not os.access(paths.root, os.W_OK):
        raise HarnessError(
            f"expected a project that can be written at {paths.root}, found one that can only be read",
            fix='in a container, mount your clone: docker run --user "$(id -u):$(id -g)" -v "$PWD:/work" harness repro',
        )
    files = sorted(file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py"))
    other = [name for name in files if _differs(paths, name)]
    if other:
        raise HarnessError(
            f"expected the code that runs ({PACKAGE}) to be that of {paths.root / 'harness'}, found another {other[0]}",
            fix="build the image from this checkout (`harness image build`), or install it (`make venv`)",
        )


def reproduce(paths: Paths, stages: Sequence[str] = (), to_stderr: bool = False) -> bool:
    """`dvc repro` of everything, or of these stages and what they need; False where a stage failed (it has said why).

    `to_stderr`: DVC's words go there, and standard output stays free for the verdict.
    """
    command, out = [sys.executable, "-m", "dvc", "repro", *stages], sys.stderr if to_stderr else None
    return subprocess.run(command, cwd=paths.root, check=False, stdout=out).returncode == 0


def make(stages: Sequence[str], paths: Paths, to_stderr: bool = False) -> bool:
    """The same of many small stages and what they need, side by side; False where one failed (it has said why)."""
    jobs = str(min(usable_cores(), MOST_JOBS))
    command = [sys.executable, "-m", "harness.pipeline.dvc_stages", "make", jobs, *stages]
    out = sys.stderr if to_stderr else None
    return subprocess.run(command, cwd=paths.root, check=False, stdout=out).returncode == 0


def commit(stages: Sequence[str], paths: Paths) -> None:
    """Have dvc.lock record these stages' files as they lie there.

    Raises HarnessError where DVC can't (it has said why), with the command that does it later.
    """
    if _many("commit", stages, paths).returncode != 0:
        raise HarnessError(
            f"expected {paths.root / 'dvc.lock'} to record {name_some(stages)}, found that DVC failed",
            fix=f"dvc commit --force {' '.join(stages)}",
        )


def restore(stages: Sequence[str], paths: Paths) -> set[str]:
    """Put back what earlier runs made from the present inputs, as far as DVC's cache has it; returns those stages.

    `stages` in an order in which they can run. What DVC says when it fails is shown; then nothing more is put back.
    """
    lines = _many("restore", stages, paths).stdout.splitlines()
    return {line.removeprefix(RESTORED) for line in lines if line.startswith(RESTORED)}


def _many(what: str, stages: Sequence[str], paths: Paths) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.pipeline.dvc_stages", what, *stages]
    return subprocess.run(command, cwd=paths.root, check=False, stdout=subprocess.PIPE, text=True)


def cache_dir(paths: Paths) -> Path:
    """The folder of DVC's cache."""
    found = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], cwd=paths.root, check=False, capture_output=True, text=True
    )
    if found.returncode != 0:
        raise HarnessError(f"expected DVC to name its cache, found: {found.stderr.strip()}", fix="run `dvc doctor`")
    return paths.root / found.stdout.strip()


def _differs(paths: Paths, name: str) -> bool:
    here = paths.root / "harness" / name
    return not here.is_file() or here.read_bytes() != (PACKAGE / name).read_bytes()
