"""The GPUs that this process may use, and how many units run at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.launch.gpus import visible_gpus
from harness.launch.local.workers import default_slots
from harness.project.params import Compute, Params
from harness.project.paths import Paths

Toy = tuple[Params, Paths]


def test_slots_follow_from_cores_threads_and_gpus(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    params = toy[0]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert default_slots(params) == 8 // params.compute.threads
    assert default_slots(params.model_copy(update={"compute": Compute(device="cpu", threads=16)})) == 1
    cuda = params.model_copy(update={"compute": Compute(device="cuda", threads=4)})
    for given, gpus in {"0, 3": ("0", "3"), "": (), "GPU-1a": ("GPU-1a",)}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert visible_gpus() == gpus
        assert default_slots(cuda) == max(1, len(gpus))
    assert default_slots(cuda.model_copy(update={"runtime": "docker"})) == 1


def test_gpus_are_counted_by_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == ()
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: one'\necho 'GPU 1: another'\n")
    tool.chmod(0o755)
    assert visible_gpus() == ("0", "1")
    tool.write_text("#!/bin/sh\necho no driver\nexit 9\n")
    assert visible_gpus() == ()
