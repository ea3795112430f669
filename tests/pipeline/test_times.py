"""Estimated times of units, for the schedule."""

from __future__ import annotations

import shutil

from harness.pipeline.times import unit_seconds
from harness.pipeline.units import units
from harness.project.files import write_json
from harness.project.params import Params
from harness.project.paths import Paths

Toy = tuple[Params, Paths]


def test_times_are_this_machines_then_the_pinned_ones_scaled(toy_copy: Toy) -> None:
    params, paths = toy_copy
    made = units(params, paths)
    shutil.rmtree(paths.results, ignore_errors=True)
    assert set(unit_seconds(made, paths).values()) == {1.0}
    seconds = {"encoder": 10.0, "cell udpos": 2.0, "cell pawsx": 6.0}
    write_json(paths.pinned / "costs.json", {"seconds": seconds, "machine": {"cpu": "one", "cores": 2}})
    found = unit_seconds(made, paths)
    assert (found["cell@none-udpos-1"], found["cell@none-pawsx-1"]) == (2.0, 6.0)
    assert found["cell@none-xquad-1"] == 4.0, "the median of the other cells"
    write_json(paths.results / "encoder.json", {"elapsed_s": 20.0})
    found = unit_seconds(made, paths)
    assert (found["encoder"], found["cell@none-udpos-1"], found["intermediate@none-1"]) == (20.0, 4.0, 1.0)
