"""Choosing by each seed's own development scores is the published procedure; other ways cover its mean too seldom."""

from __future__ import annotations

import pytest

from harness.pages.verifier.tables import choosing_table
from harness.verify.statistics.simulation.choosing import measure_choosing, measure_coverage, procedure
from harness.verify.statistics.simulation.rules import upper_bound

STUDIES = 2000


@pytest.mark.parametrize("n", [3, 8])
def test_only_each_seeds_own_choice_is_covered(n: int) -> None:
    row = measure_coverage(n, 0.9, STUDIES)
    rates = {way: covered / STUDIES for way, covered in row.covered.items()}
    assert rates["own"] == pytest.approx(0.9, abs=0.025)
    assert rates["mean"] < 0.85 and rates["others"] < 0.65
    shown = choosing_table([row]).splitlines()[-1].split("|")
    assert [shown[1].strip(), shown[-2].strip()] == [str(n), f"{100 * rates['own']:.1f}"]


def test_ties_raise_what_the_procedure_reports() -> None:
    """The expectation of the largest of eleven standard normal values is 1.586."""
    mean, _ = procedure(1, 0.9)
    assert mean == pytest.approx(0.9 * 1.586, abs=0.02)


def test_verdicts_on_the_best_keep_their_level() -> None:
    edge, far = measure_choosing(0.25, 1.0, STUDIES), measure_choosing(0.25, 2.0, STUDIES)
    assert upper_bound(max(edge.new.reproduced), STUDIES) < 0.07
    assert upper_bound(max(edge.new.not_reproduced), STUDIES) < 0.07
    assert max(edge.old.reproduced) > 0.5 * STUDIES
    assert far.new.not_reproduced[-1] > 0.9 * STUDIES
