"""Fixtures shared by all tests, and the switches that have to be set before a library is imported."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[_name] = "1"  # the tests run on two workers; threads of their own would only compete
os.environ |= {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
}

for _name in ("COLUMNS", "LINES"):  # a worker may be given those of a terminal that nobody reads
    os.environ.pop(_name, None)

pytest_plugins = ["toy", "projects"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the most slow tests first: workers share files, and one that starts a long file last ends alone."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout that is being tested."""
    return ROOT


@pytest.fixture(scope="session")
def real_pack() -> Path:
    """The real data pack that may lie beside the checkout; its rows never enter the repository."""
    pack = ROOT.parent / "shared" / "data" / "mini"
    if not pack.is_dir():
        pytest.skip("no real data pack beside the checkout (../shared/data/mini)")
    return pack


@pytest.fixture(scope="session")
def published_files() -> Path:
    """Published files of the tasks, byte for byte, that may lie beside the checkout, with their addresses."""
    folder = ROOT.parent / "shared" / "data" / "published"
    if not folder.is_dir():
        pytest.skip("no published files beside the checkout (../shared/data/published)")
    return folder
