"""A real Slurm of two nodes (skipped, loudly, where none can be started), and programs in place of its commands."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import slurm_nodes

Says = Callable[..., None]


@pytest.fixture(scope="session")
def slurm() -> Iterator[slurm_nodes.Slurm]:
    """Two nodes of one core each, which this process's commands find."""
    if reason := slurm_nodes.why_not():
        pytest.skip(f"NOT TESTED, {reason}")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, pytest.MonkeyPatch.context() as patch:
        started = slurm_nodes.Slurm(Path(folder))
        started.start()
        for name, value in started.environment.items():
            patch.setenv(name, value)
        yield started
        started.stop()


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Have a command of Slurm say these lines; all others say nothing."""

    def write(program: str, *lines: str, code: int = 0) -> None:
        text = "\n".join(lines)
        stream = 2 if code else 1
        (tmp_path / program).write_text(f"#!/bin/sh\ncat >&{stream} <<'END'\n{text}\nEND\nexit {code}\n")
        (tmp_path / program).chmod(0o755)

    for program in ("sbatch", "squeue", "sinfo", "scontrol", "scancel", "srun"):
        write(program)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return write
