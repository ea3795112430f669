"""The GPUs that this process may use, named as CUDA_VISIBLE_DEVICES names them."""

from __future__ import annotations

import os
import shutil
import subprocess

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable: the GPUs that CUDA lets a process see."""


def given_gpus() -> tuple[str, ...] | None:
    """Those that its caller (a person, Ray, Slurm) gave it; None where nothing was said."""
    given = os.environ.get(VISIBLE)
    return None if given is None else tuple(name.strip() for name in given.split(",") if name.strip())


def visible_gpus() -> tuple[str, ...]:
    """Those it was given, else all that nvidia-smi lists; none where there is no driver."""
    given = given_gpus()
    if given is not None:
        return given
    if shutil.which("nvidia-smi") is None:
        return ()
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], check=False, capture_output=True, text=True)
    return tuple(str(number) for number, _ in enumerate(listed.stdout.splitlines())) if listed.returncode == 0 else ()
