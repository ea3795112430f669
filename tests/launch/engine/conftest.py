"""Tests with a real engine (HARNESS_TEST_ENGINE: docker or podman) and the real image: skipped, loudly, where
HARNESS_TEST_IMAGE names none.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import toy as toys
from boxes import ENGINE, boxed_settings

from harness.project.params import Params
from harness.project.paths import Paths

IMAGE_VARIABLE = "HARNESS_TEST_IMAGE"
Toy = tuple[Params, Paths]
Docker = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def image() -> str:
    """ID of the image of this checkout, built by `harness image build` (.ci/run does both)."""
    named = os.environ.get(IMAGE_VARIABLE)
    if not named:
        pytest.skip(f"NOT TESTED, no container image: build one and name it in {IMAGE_VARIABLE} (`make test-image`)")
    return named


@pytest.fixture(scope="session")
def docker(image: str) -> Docker:
    """The engine's command line: arguments -> what came of it."""

    def command(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([ENGINE, *arguments], capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload,no-any-return]

    return command


@pytest.fixture
def boxed(toy_copy: Toy, image: str, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A toy project whose units run in containers of the image, everything resolved."""
    from harness.commands.main import run

    paths = toy_copy[1]
    toys.write_params(paths.root, toys.toy_settings() | boxed_settings(image))
    monkeypatch.chdir(paths.root)
    for arguments in (("recipe", "none"), *(("target", target) for target in toys.CELLS)):
        assert run(["run", *arguments]) == 0
    return toys.load_params(paths.root), paths


@pytest.fixture
def start(boxed: Toy) -> Callable[..., subprocess.Popen[str]]:
    """Start `harness` in a process of its own, in the boxed project."""

    def command(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=boxed[1].root,
            env=os.environ | {"PYTHONPATH": str(toys.ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever started the tests in the background made them ignore Ctrl-C, and their children too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return command


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("engine")
