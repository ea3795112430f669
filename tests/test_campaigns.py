"""The campaigns in tests/campaigns fit the code as it is; what they find takes minutes and is run by hand.

For planted_worlds.py see audit/test_planted_worlds.py; for breaks.py commands/test_repro.py, which has a project.
"""

from __future__ import annotations

import pytest
from scripts import load
from toy import ROOT

FAULTS = load("tests/campaigns/faults")
FORGERIES = load("tests/campaigns/forgeries")


@pytest.mark.parametrize("fault", FAULTS.FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_put_in(fault: object) -> None:
    source = (ROOT / "harness" / fault.file).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert source.count(fault.right) == 1  # type: ignore[attr-defined]
    assert fault.right != fault.wrong  # type: ignore[attr-defined]
    assert [place for place in fault.tests.split() if not (ROOT / "tests" / place).exists()] == []  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_few_forgeries_of_each_kind_are_seen_and_nobody_honest_is_accused() -> None:
    """What stands beside a result and can't be held against anything is missed: docs/threats.md says so."""
    lines: list[str] = []
    missed, accused = FORGERIES.campaign(each=2, honest=8, seed=7, tell=lines.append)
    assert {kind: count for kind, (_, count) in missed.items() if count} == {"stated only (times, counts)": 2}, lines
    assert accused == 0, lines
