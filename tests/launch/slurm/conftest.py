"""A real Slurm of two nodes: skipped, loudly, where none can be started."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import slurm_nodes


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
