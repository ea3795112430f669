"""Which packages come with which extra of the distribution, and what to say where one of them is missing.

The base install looks and judges; what trains, fetches, launches or tracks needs an extra of pyproject.toml. Commands
import such packages where they need them, and harness.project.exits asks here when an import finds none.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.project.errors import HarnessError

DISTRIBUTION = "claim-harness"
"""The name that pip knows; the package and the command are called `harness`."""
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "run": (
        "datasets",
        "docker",
        "dvc",
        "dvc_data",
        "google",
        "httpx2",
        "huggingface_hub",
        "matplotlib",
        "pebble",
        "pyarrow",
        "requests",
        "rocrate",
        "safetensors",
        "sentencepiece",
        "sklearn",
        "tokenizers",
        "torch",
        "transformers",
        "urllib3",
    ),
    "track": ("mlflow",),
    "ray": ("ray",),
    "slurm": ("submitit",),
}
"""Extra -> the packages, by the names that they are imported by, that come with it."""


def missing_extra(error: ModuleNotFoundError) -> HarnessError | None:
    """What to tell a user whose install lacks the package of this import; None where no extra brings it."""
    package = (error.name or "").partition(".")[0]
    for extra, packages in EXTRAS.items():
        if package in packages:
            return HarnessError(
                f"expected the package {package}, which comes with the extra `{extra}`, found none in this environment",
                fix=f"run `pip install '{DISTRIBUTION}[{extra}]'` (in a clone `make venv`), then the command again",
            )
    return None
