"""`dvc repro` of the whole pipeline, as `harness repro` and `make repro` run it."""

from __future__ import annotations

import os
import subprocess
import sys

from harness.errors import HarnessError
from harness.paths import Paths
from harness.resolve import PACKAGE


def reproduce(paths: Paths) -> bool:
    """Run what is stale; False where a stage failed (it has said why).

    Raises HarnessError where the project can't be written (a container without a mounted clone), or where the code that
    would run is not the code that dvc.lock would record (an image built from another checkout).
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
    return subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=paths.root, check=False).returncode == 0


def _differs(paths: Paths, name: str) -> bool:
    here = paths.root / "harness" / name
    return not here.is_file() or here.read_bytes() != (PACKAGE / name).read_bytes()
