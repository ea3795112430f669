"""Choosing by each seed's own development scores is the published procedure; other ways cover its mean too seldom."""

from __future__ import annotations

import pytest

from harness.pages.verifier.tables import way_table
from harness.verify.statistics.simulation.ways import measure_ways, truth

STUDIES = 2000


@pytest.mark.parametrize("n", [3, 8])
def test_only_each_seeds_own_choice_is_covered(n: int) -> None:
    row = measure_ways(n, 0.9, STUDIES)
    rates = {way: covered / STUDIES for way, covered in row.covered.items()}
    assert rates["own"] == pytest.approx(0.9, abs=0.025)
    assert rates["mean"] < 0.85 and rates["others"] < 0.65
    shown = way_table([row]).splitlines()[-1].split("|")
    assert shown[1].strip() == str(n) and float(shown[-2]) == pytest.approx(100 * rates["own"], abs=0.051)


def test_ties_raise_what_the_procedure_reports() -> None:
    """The expectation of the largest of eleven standard normal values is 1.586."""
    assert truth(0.9) == pytest.approx(0.9 * 1.586, abs=0.02)
