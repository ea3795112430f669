"""The scripts that measure what `harness plan` estimates with: what they write is what it reads."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import toy as toys

from harness.cost import Length, Throughput
from harness.params import Architecture, Compute, Params
from harness.paths import Paths
from harness.tasks import load_task

TINY = Architecture(hidden_size=8, layers=1, heads=2, intermediate_size=16, max_length=32, dropout=0.1)


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", toys.ROOT / "benchmarks" / f"{name}.py")
    assert spec and spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def test_a_throughput_is_measured_and_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    throughput = script("throughput")
    compute = Compute(device="cpu", threads=1, micro_batch=2)
    path = tmp_path / "throughput.json"
    for length in (8, 16, 8):
        given = {"length": length, "batch_size": 4, "steps": 2, "command": "x"}
        throughput.add(throughput.measure("owner/name", TINY, 50, compute, **given), path)
    found = [Throughput.model_validate(item) for item in json.loads(path.read_text(encoding="utf-8"))]
    assert [(item.length, item.batch_size, item.micro_batch) for item in found] == [(8, 4, 2), (16, 4, 2)]
    assert all(item.precision == "fp32" and item.threads == 1 for item in found)


def test_the_measurements_kept_here_are_what_the_plan_reads() -> None:
    content = json.loads((toys.ROOT / "benchmarks" / "throughput.json").read_text(encoding="utf-8"))
    assert all(Throughput.model_validate(item) for item in content) and content


@pytest.mark.parametrize(("task", "splits"), [("xquad", ["train", "predict"]), ("bucc", ["predict"])])
def test_lengths_are_counted_on_built_data(toy: tuple[Params, Paths], task: str, splits: list[str]) -> None:
    params, paths = toy
    settings = params.target[task]
    found: list[Length] = list(script("lengths").measure(load_task(task, paths.tasks), settings, params, paths, "x"))
    assert [item.split for item in found] == splits
    for item in found:
        assert item.rows <= item.inputs and 2 < item.tokens / item.inputs <= settings.max_length


def test_a_verification_is_measured() -> None:
    verify = script("verify")
    costs = [verify.Cost(3.0, 2.0, 70.0), verify.Cost(1.0, 1.0, 90.0), verify.Cost(2.0, 1.5, 80.0)]
    assert verify.summary(costs) == verify.Cost(2.0, 1.5, 90.0)
    taken = verify.measure("--help")
    assert taken.cpu_seconds > 0 and taken.seconds > 0 and taken.memory_mb > 1
