"""The anytime-valid mode: a martingale, an interval that covers at all numbers of seeds together, and the e process."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from harness.project.results import Cell
from harness.verify import Claim, Scores, judge
from harness.verify.claims.evidence import CellEvidence
from harness.verify.show.derivation import derivation
from harness.verify.statistics import intervals as s
from harness.verify.statistics.anytime import MIXTURE, anytime_interval, anytime_verdict, e_value

points = st.floats(-50, 50).map(lambda x: round(x, 3))
several = st.lists(points, min_size=2, max_size=12).filter(lambda values: max(values) - min(values) > 0.1)


@settings(deadline=None, max_examples=60)
@given(several, st.sampled_from([0.8, 0.9, 0.99]))
def test_the_interval_ends_where_the_e_value_reaches_its_bound(values: list[float], confidence: float) -> None:
    interval = anytime_interval(values, confidence)
    if interval is None:
        assert e_value(values, float(np.mean(values)) + 1e6) < 1 / (1 - confidence)
        return
    for end in interval.ends:
        assert e_value(values, end) == pytest.approx(1 / (1 - confidence), rel=1e-6)
    assert e_value(values, sum(interval.ends) / 2) < 1


def test_it_is_the_likelihood_ratio_of_the_t_statistic() -> None:
    """Against its definition: the noncentral t density, mixed over the effect size, over the central one."""
    values = [0.8, 1.9, 1.1, 0.4]
    n, t = 4, stats.ttest_1samp(values, 0.0).statistic
    prior = stats.norm(scale=1 / math.sqrt(MIXTURE))
    mixed, _ = integrate.quad(lambda d: stats.nct.pdf(t, n - 1, d * math.sqrt(n)) * prior.pdf(d), -12, 12, limit=200)
    assert e_value(values, 0.0) == pytest.approx(mixed / stats.t.pdf(t, n - 1), rel=1e-4)


def test_it_covers_the_true_mean_at_all_numbers_of_seeds_together() -> None:
    drawn = np.random.default_rng(11).normal(3.0, 2.0, size=(400, 20))
    missed = sum(
        any((i := anytime_interval(row[:n])) and not i.low <= 3.0 <= i.high for n in range(2, 21))
        for row in drawn.tolist()
    )
    assert stats.binomtest(missed, 400, 0.1, "greater").pvalue > 1e-3
    once = sum((i := s.t_interval(row[:20])).low > 3.0 or i.high < 3.0 for row in drawn.tolist())
    often = sum(
        any((i := s.t_interval(row[:n])).low > 3.0 or i.high < 3.0 for n in range(2, 21)) for row in drawn.tolist()
    )
    assert once / 400 < 0.15 < 0.25 < often / 400  # what a plain interval does when one looks each time


@settings(deadline=None, max_examples=60)
@given(several, st.floats(0.1, 10), points)
def test_the_unit_and_the_origin_do_not_matter(values: list[float], unit: float, shift: float) -> None:
    before = e_value(values, 1.0)
    assume(before < 1e12)
    assert e_value([unit * value + shift for value in values], unit + shift) == pytest.approx(before, rel=1e-5)


def test_its_verdicts() -> None:
    clear = [8.1, 8.2, 8.3, 8.2, 8.25]
    assert anytime_verdict(clear, s.band(8.2, 1.5)) == "REPRODUCED"
    assert anytime_verdict(clear, s.band(4.0, 1.5)) == "NOT_REPRODUCED"
    assert anytime_verdict(clear, s.band(8.2, 0.05)) == "INCONCLUSIVE"
    for values in ([1.0], [2.0, 2.0, 2.0]):
        assert anytime_interval(values) is None and anytime_verdict(values, s.band(1.0, 1.0)) == "UNDERPOWERED"
    assert e_value([2.0, 2.0], 2.0) == 1.0
    with pytest.raises(ValueError, match="finite"):
        e_value([1.0, math.nan], 0.0)


def test_a_derivation_takes_all_seeds_whether_the_design_counts_them_or_not() -> None:
    """Twelve seeds, of which the third is lacking: the design counts two of them."""
    gains = {seed: 7.5 + 0.2 * (-1) ** seed for seed in range(1, 13) if seed != 3}
    rows = [
        {"recipe": recipe, "target": "xnli", "seed": seed, "score": 70.0 + (gain if recipe == "mnli" else 0.0)}
        for seed, gain in gains.items()
        for recipe in ("none", "mnli")
    ]
    margin = {"practical_points": 1.5, "reference_sd_points": None, "rounding_points": 0.05, "reason": "so close"}
    check = {"kind": "gain", "recipe": "mnli", "targets": ["xnli"], "expected_points": 7.5, "margin": margin}
    claim = Claim(
        id="a-claim", text="So.", verified=True, confidence=0.5, scope={"encoder": "e", "data": "d"},
        source={"document": "a", "version": "1", "place": "p", "split": "test", "statistic": "gain", "n_claim": 1},
        check=check | {"reason": "named"},
    )  # fmt: skip
    found = judge(claim, Scores.from_rows(rows, encoder="e", data="d"))
    assert found.verdict == "UNDERPOWERED" and found.evidence.every_seed == pytest.approx(gains)
    interval = anytime_interval(list(gains.values()))
    assert interval
    known = {"status": "ok", "dev_score": None, "predictions_sha256": None, "inputs": {}}
    ran = {f"{row['recipe']}-xnli-{row['seed']}": row for row in rows}
    cells = {}
    for name in found.evidence.cells:
        cell = Cell(recipe=name.split("-")[0], target="xnli", seed=int(name.split("-")[2]))
        cells[name] = CellEvidence(cell=cell, score=ran[name]["score"], **known)
    text = " ".join(derivation(claim, found, cells).split())
    assert f"[{interval.low:+.3f}, {interval.high:+.3f}] over all 11 seeds holds whenever one looks" in text
    assert "by it alone: REPRODUCED" in text
