"""Every launcher makes an executor, or says why none could run here; nothing runs before the first unit."""

from __future__ import annotations

import os
from contextlib import closing

import pytest

from harness.launch.launchers import LAUNCHERS
from harness.launch.local.workers import THREADS, default_slots
from harness.project.errors import HarnessError
from harness.project.params import Params
from harness.project.paths import Paths

Toy = tuple[Params, Paths]


def test_this_machines_workers_take_the_slots_asked_for(toy: Toy) -> None:
    before = {name: os.environ.get(name) for name in THREADS}
    for slots, expected in ((3, 3), (None, default_slots(toy[0]))):
        with closing(LAUNCHERS["local"](*toy, slots=slots)) as executor:
            assert executor.slots == expected
            assert {name: os.environ.get(name) for name in THREADS} == before, "DVC's stages keep their threads"


def test_a_cluster_counts_its_slots_itself_and_is_looked_for_at_once(toy: Toy) -> None:
    with pytest.raises(HarnessError, match="expected --jobs or --ray, found both"):
        LAUNCHERS["ray"](*toy, slots=2, address="local")
    with pytest.raises(HarnessError, match=r"expected a Ray cluster at 127\.0\.0\.1:1, found: .*refused"):
        LAUNCHERS["ray"](*toy, address="127.0.0.1:1")
