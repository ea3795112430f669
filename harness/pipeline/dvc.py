"""DVC, started as a program: `dvc repro` of the whole pipeline, and what dvc.lock records of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.pipeline.dvc_locks import lock_kept, recover_lock, wait_for_others
from harness.pipeline.grid_file import write_grid
from harness.project.errors import HarnessError, name_some
from harness.project.paths import PACKAGE, Paths
from harness.project.processes import run_module, starting
from harness.project.profiles import load_params
from harness.project.provenance import usable_cores

MOST_JOBS = 4
"""Small stages run side by side, as far as there are cores; each may hold a task's rows in memory."""
STAGES = "harness.pipeline.dvc_stages"
PROGRAMS = ("dvc", "dvc.exe", "harness.pipeline.dvc_command", STAGES)
"""What DVC is started as."""
RESTORED = "restored: "
"""Before the name of a stage that DVC put back, on a line of harness.pipeline.dvc_stages."""


def check_project(paths: Paths) -> None:
    """HarnessError where the project can't be written, where other code would run than dvc.lock would record, or where
    dvc.lock is broken; one that a killed DVC has cut off is put back.

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
    recover_lock(paths)


def reproduce(paths: Paths, stages: Sequence[str] = (), to_stderr: bool = False) -> bool:
    """`dvc repro` of everything, or of these stages and what they need; False where a stage failed (it has said why).

    `to_stderr`: DVC's words go there, and standard output stays free for the verdict.
    """
    return _run("harness.pipeline.dvc_command", ["repro", *stages], paths, to_stderr=to_stderr).returncode == 0


def make(stages: Sequence[str], paths: Paths, to_stderr: bool = False) -> bool:
    """The same of many small stages and what they need, side by side; False where one failed (it has said why)."""
    jobs = str(min(usable_cores(), MOST_JOBS))
    return _run(STAGES, ["make", jobs, *stages], paths, to_stderr=to_stderr).returncode == 0


def commit(stages: Sequence[str], paths: Paths) -> None:
    """Have dvc.lock record these stages' files as they lie there.

    Raises HarnessError where DVC can't (it has said why), with the command that does it later.
    """
    if _run(STAGES, ["commit", *stages], paths, finishes=True).returncode != 0:
        raise HarnessError(
            f"expected {paths.root / 'dvc.lock'} to record {name_some(stages)}, found that DVC failed",
            fix=f"dvc commit --force {' '.join(stages)}",
        )


def restore(stages: Sequence[str], paths: Paths) -> set[str]:
    """Put back what earlier runs made from the present inputs, as far as DVC's cache has it; returns those stages.

    `stages` in an order in which they can run. What DVC says when it fails is shown; then nothing more is put back.
    """
    lines = _run(STAGES, ["restore", *stages], paths, captured=True).stdout.splitlines()
    return {line.removeprefix(RESTORED) for line in lines if line.startswith(RESTORED)}


def _run(module: str, arguments: Sequence[str], paths: Paths, **how: bool) -> subprocess.CompletedProcess[str]:
    """Run one of the modules that are DVC, `how` as `run_module` has it, once no other DVC is at work here."""
    wait_for_others(paths)
    write_grid(load_params(paths.root), paths)
    with lock_kept(paths):
        return run_module(module, arguments, paths.root, **how)


def dvc_process() -> int | None:
    """The pid of the `dvc` that runs the stage that this process is part of, or None."""
    if "DVC_STAGE" not in os.environ:
        return None
    import psutil

    for parent in psutil.Process().parents():
        with suppress(psutil.Error):
            if any(Path(part).name in PROGRAMS for part in parent.cmdline()[:3]):
                return parent.pid
    return None


def cache_dir(paths: Paths) -> Path:
    """The folder of DVC's cache."""
    with starting("dvc"):
        found = subprocess.run(
            [sys.executable, "-m", "dvc", "cache", "dir"], cwd=paths.root, check=False, capture_output=True, text=True
        )
    if found.returncode != 0:
        raise HarnessError(f"expected DVC to name its cache, found: {found.stderr.strip()}", fix="run `dvc doctor`")
    return paths.root / found.stdout.strip()


def _differs(paths: Paths, name: str) -> bool:
    here = paths.root / "harness" / name
    return not here.is_file() or here.read_bytes() != (PACKAGE / name).read_bytes()
