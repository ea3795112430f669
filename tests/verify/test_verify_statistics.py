"""The formulas: textbook values, properties, and the error rates that the rule promises."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.verify.scores import paired_gains
from harness.verify.statistics import intervals as s
from harness.verify.statistics.decision import POWER, decide, seeds_to_decide, verdict_chances
from harness.verify.statistics.design import STANDARD, fixed
from harness.verify.statistics.p_values import accusation_p, must_hold, partial_p

points = st.floats(-100, 100, allow_nan=False).map(lambda x: round(x, 3))
gains = st.lists(points, min_size=3, max_size=8)


def test_t_quantile_is_the_textbook_table() -> None:
    # Student's t, upper 5 % point, as printed in every table of it.
    for freedom, expected in ((1, 6.314), (2, 2.920), (4, 2.132), (9, 1.833), (30, 1.697)):
        assert s.t_quantile(0.95, freedom) == pytest.approx(expected, abs=5e-4)


def test_interval_by_hand() -> None:
    # mean 2, s = 1, n = 3: 2 +- 2.92 / sqrt(3)
    interval = s.t_interval([1.0, 2.0, 3.0])
    assert interval.low == pytest.approx(2 - 2.91999 / math.sqrt(3), abs=1e-4)
    assert interval.high == pytest.approx(2 + 2.91999 / math.sqrt(3), abs=1e-4)


def test_prediction_interval_is_wider_by_the_claims_own_noise() -> None:
    # s sqrt(1/1 + 1/3) with t(0.975, 2) = 4.3027
    interval = s.prediction_interval([1.0, 2.0, 3.0])
    assert interval.high == pytest.approx(2 + 4.30265 * math.sqrt(4 / 3), abs=1e-4)
    assert s.prediction_interval([1.0, 2.0, 3.0], n_claim=5).high < interval.high


def test_margin_takes_the_largest_term() -> None:
    assert s.margin(1.5, 0.05, None, 1) == 1.5
    assert s.margin(1.5, 0.05, 2.0, 4) == 2.0  # 2 * 2.0 / sqrt(4)
    assert s.margin(0.01, 0.05, None, 1) == 0.05


@pytest.mark.parametrize(
    ("values", "verdict", "direction"),
    [
        ([8.0, 8.2, 8.4], "REPRODUCED", "up"),
        ([4.0, 4.1, 4.2], "NOT_REPRODUCED", "up"),
        ([-2.0, -2.1, -2.2], "NOT_REPRODUCED", "down"),
        ([5.0, 8.0, 11.0], "INCONCLUSIVE", "unclear"),
        ([7.0, 8.0, 9.0], "INCONCLUSIVE", "up"),
        ([-5.0, 0.0, 5.0], "INCONCLUSIVE", "unclear"),
        ([8.1, 8.3], "UNDERPOWERED", None),
        ([8.2], "UNDERPOWERED", None),
        ([8.2, 8.2, 8.2], "UNDERPOWERED", None),
    ],
)
def test_verdicts_on_a_claimed_gain(values: list[float], verdict: str, direction: str | None) -> None:
    decision = decide(values, s.band(8.2, 1.5))
    assert (decision.verdict, decision.direction) == (verdict, direction)


def test_equal_seeds_are_one_draw_and_say_so() -> None:
    decision = decide([0.1 + 0.2, 0.3, 0.3], s.band(0.3, 1.0))  # equal but for the last bit
    assert decision.verdict == "UNDERPOWERED" and decision.interval is None
    assert "3 seeds gave the same value" in decision.reason


def test_relation() -> None:
    assert s.relation(4.0, 8.2) == "weaker"
    assert s.relation(12.0, 8.2) == "stronger"
    assert s.relation(-1.0, 8.2) == "opposite sign"


def test_pairing_uses_seeds_that_both_have() -> None:
    assert paired_gains({1: 5.0, 2: 7.0, 4: 1.0}, {1: 4.0, 2: 4.0, 3: 9.0}) == {1: 1.0, 2: 3.0}


def test_pooled_spread_by_hand() -> None:
    # within-group sums of squares 2 + 0.5, degrees of freedom 2 + 1
    spread, freedom = s.pooled_spread([[1.0, 2.0, 3.0], [5.0, 6.0], [9.0]])
    assert (spread, freedom) == (pytest.approx(math.sqrt(2.5 / 3)), 3)
    assert s.pooled_spread([[1.0]]) == (0.0, 0)


@settings(deadline=None)
@given(gains, points, st.floats(0.1, 20))
def test_verdict_is_where_the_interval_lies(values: list[float], claimed: float, margin: float) -> None:
    target = s.band(claimed, margin)
    decision = decide(values, target, project=False)
    assume(decision.interval is not None)
    assert decision.interval is not None and decision.p_value is not None
    assert decision.interval.low <= decision.mean <= decision.interval.high
    inside, outside = decision.interval.inside(target), decision.interval.disjoint(target)
    assert not (inside and outside)
    accused = outside and decision.p_value <= s.LEVEL
    assert decision.verdict == ("REPRODUCED" if inside else "NOT_REPRODUCED" if accused else "INCONCLUSIVE")
    assert outside or decision.p_value > s.LEVEL - 1e-9  # no accusation of an interval that touches the band


@settings(deadline=None)
@given(gains, points)
def test_shift_and_order_do_not_matter(values: list[float], shift: float) -> None:
    before = decide(values, s.band(3.0, 1.5), project=False)
    after = decide([value + shift for value in reversed(values)], s.band(3.0 + shift, 1.5), project=False)
    edges = [before.interval.low, before.interval.high] if before.interval else []
    assume(all(abs(edge - limit) > 1e-6 for edge in edges for limit in (1.5, 4.5)))
    assume(before.p_value is None or abs(before.p_value - s.LEVEL) > 1e-6)
    assert after.verdict == before.verdict
    assert after.mean == pytest.approx(before.mean + shift, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.0, 6.0), st.floats(0.05, 3.0), st.integers(0, 8), st.booleans())
def test_seeds_needed_are_the_first_look_with_the_power(mean: float, spread: float, n: int, noisy: bool) -> None:
    target, published = s.band(3.0, 1.5), s.Published(3.0, 1) if noisy else None
    which = 0 if 1.5 <= mean <= 4.5 else 1
    needed = seeds_to_decide(mean, spread, target, n, published=published)
    for look in (look for look in STANDARD.looks if look > n and (needed is None or look <= needed)):
        chance = verdict_chances(mean, spread, look, target, STANDARD, published)[which]
        assert (chance >= POWER) == (look == needed)
    assert needed is None or needed > n


@pytest.mark.parametrize("published", [None, s.Published(0.3, 2)])
@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_chances_at_a_look_are_the_shares_of_simulated_verdicts(published: s.Published | None, sigma: float) -> None:
    target, drawn = s.band(0.3, 1.0), np.random.default_rng(5).normal(2.4, sigma, size=(4000, 4)).tolist()
    verdicts = [decide(row, target, project=False, published=published).verdict for row in drawn]
    chance = verdict_chances(2.4, sigma, 4, target, STANDARD, published).not_reproduced
    assert stats.binomtest(verdicts.count("NOT_REPRODUCED"), 4000, chance).pvalue > 1e-4


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("n", [3, 5])
def test_error_rates_stay_at_nominal(spread: float, n: int) -> None:
    """False verdicts at the edge of the band, where they are most likely: each at most 5 %, the interval's
    one side.

    600 draws: a true rate of 5 % shows more than 8 % with probability below 0.1 %.
    """
    draws = np.random.default_rng(20200513).normal(9.7, spread, size=(600, n))
    target = s.band(8.2, 1.5)  # the truth, 9.7, is the band's upper end: both errors are possible
    verdicts = [decide(row.tolist(), target, project=False).verdict for row in draws]
    assert verdicts.count("REPRODUCED") / 600 <= 0.08
    assert verdicts.count("NOT_REPRODUCED") / 600 <= 0.08


def test_a_true_claim_is_found_and_a_false_one_refuted() -> None:
    random = np.random.default_rng(1)
    true = [
        decide(row.tolist(), s.band(8.2, 1.5), project=False).verdict for row in random.normal(8.2, 0.5, size=(200, 5))
    ]
    false = [
        decide(row.tolist(), s.band(8.2, 1.5), project=False).verdict for row in random.normal(4.0, 0.5, size=(200, 5))
    ]
    assert true.count("REPRODUCED") > 190 and false.count("NOT_REPRODUCED") > 190


# Against scipy.stats, which the verifier itself does not import.

SPREADABLE = st.lists(points, min_size=3, max_size=8).filter(lambda values: max(values) - min(values) > 0.1)


@settings(deadline=None, max_examples=60)
@given(SPREADABLE, st.sampled_from([0.8, 0.9, 0.95]))
def test_interval_agrees_with_scipy(values: list[float], confidence: float) -> None:
    expected = stats.t.interval(confidence, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    found = s.t_interval(values, confidence)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(SPREADABLE, points)
def test_p_values_agree_with_scipys_t_test(values: list[float], claimed: float) -> None:
    """A band of width zero is the two-sided test, a band with one end the one-sided one."""
    mean, spread, n = float(np.mean(values)), s.spread(values), len(values)
    two_sided = stats.ttest_1samp(values, claimed).pvalue
    assert accusation_p(mean, spread, n, s.band(claimed, 0.0)) == pytest.approx(two_sided, rel=1e-6, abs=1e-12)
    at_most = s.Interval(low=-math.inf, high=claimed)
    greater = stats.ttest_1samp(values, claimed, alternative="greater").pvalue
    assert accusation_p(mean, spread, n, at_most) == pytest.approx(greater, rel=1e-6, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(SPREADABLE, points, st.floats(0.1, 50))
def test_reproduced_is_both_one_sided_tests_at_five_per_cent(
    values: list[float], claimed: float, margin: float
) -> None:
    """In a study of just so many seeds, looked at once."""
    above = stats.ttest_1samp(values, claimed - margin, alternative="greater").pvalue
    below = stats.ttest_1samp(values, claimed + margin, alternative="less").pvalue
    assume(abs(max(above, below) - 0.05) > 1e-9)
    found = decide(values, s.band(claimed, margin), project=False, design=fixed(len(values)))
    assert (found.verdict == "REPRODUCED") == (max(above, below) < 0.05)


@pytest.mark.parametrize("n", [3, 5, 30])
@pytest.mark.parametrize("shift", [-2.0, 0.0, 0.4, 3.0])
def test_chances_of_a_band_with_one_end_are_the_noncentral_t(n: int, shift: float) -> None:
    found = verdict_chances(5.0 + shift, 2.0, n, s.Interval(low=-math.inf, high=5.0))
    critical, noncentrality = stats.t.ppf(0.95, n - 1), shift * math.sqrt(n) / 2
    assert found.not_reproduced == pytest.approx(stats.nct.sf(critical, n - 1, noncentrality), abs=1e-4)
    assert found.reproduced == pytest.approx(stats.nct.sf(critical, n - 1, -noncentrality), abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(st.floats(-5, 5), st.floats(0.02, 20), st.integers(3, 40), st.floats(0.01, 100))
def test_chances_are_probabilities_in_any_unit(mean: float, sigma: float, n: int, unit: float) -> None:
    found = verdict_chances(mean, sigma, n, s.band(0.0, 1.0))
    assert min(found) >= 0 and sum(found) == pytest.approx(1.0, abs=1e-6)
    assert verdict_chances(mean * unit, sigma * unit, n, s.band(0.0, unit)) == pytest.approx(found, abs=1e-6)
    assert verdict_chances(-mean, sigma, n, s.band(0.0, 1.0)) == pytest.approx(found, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.floats(-1, 1), st.floats(0.02, 20), st.integers(3, 40))
def test_no_false_verdict_is_likelier_than_five_per_cent(mean: float, sigma: float, n: int) -> None:
    """By the formula, for any spread: accusing a claim that holds, and confirming one whose truth lies at the edge."""
    assert verdict_chances(mean, sigma, n, s.band(0.0, 1.0)).not_reproduced <= 0.05 + 1e-4
    assert verdict_chances(1.0, sigma, n, s.band(0.0, 1.0)).reproduced <= 0.05 + 1e-4
    assert verdict_chances(1.0 + abs(mean), sigma, n, s.band(0.0, 1.0)).reproduced <= 0.05 + 1e-4


def test_an_interval_outside_a_narrow_band_needs_both_sides_to_accuse() -> None:
    values = [0.2, 1.0, 1.8]  # mean 1, interval [-1.32, 3.32]; shifted so that it just misses the band
    decision = decide([value + 1.4 for value in values], s.band(0.0, 0.01))
    assert decision.interval is not None and decision.interval.low > 0.01 and decision.direction == "up"
    assert decision.verdict == "INCONCLUSIVE" and decision.p_value is not None and 0.05 < decision.p_value < 0.1
    assert "both sides" in decision.reason


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 10), st.floats(0, 10), st.floats(0.05, 10), st.integers(3, 20))
def test_farther_out_is_a_smaller_p_and_a_wider_band_a_larger_one(a: float, b: float, spread: float, n: int) -> None:
    near, far = sorted((a, b))
    target = s.band(0.0, 1.0)
    assert accusation_p(far, spread, n, target) <= accusation_p(near, spread, n, target) + 1e-12
    assert accusation_p(a, spread, n, s.band(0.0, 1.0 + b)) >= accusation_p(a, spread, n, target) - 1e-12


@settings(deadline=None, max_examples=60)
@given(SPREADABLE, points, st.floats(0.1, 20), st.floats(0.01, 100))
def test_the_unit_does_not_matter(values: list[float], claimed: float, margin: float, unit: float) -> None:
    before = decide(values, s.band(claimed, margin), project=False)
    assert before.p_value is not None and before.interval is not None
    scaled = s.Interval(low=(claimed - margin) * unit, high=(claimed + margin) * unit)
    after = decide([value * unit for value in values], scaled, project=False)
    assert after.p_value == pytest.approx(before.p_value, rel=1e-6, abs=1e-12)
    edges = ((before.interval.low, claimed - margin), (before.interval.high, claimed + margin))
    assume(all(abs(end - edge) > 1e-6 for end, edge in edges) and abs(before.p_value - s.LEVEL) > 1e-6)
    assert after.verdict == before.verdict


@settings(deadline=None, max_examples=60)
@given(SPREADABLE, st.floats(0.1, 5), st.floats(0.1, 5))
def test_a_wider_margin_keeps_what_is_reproduced(values: list[float], margin: float, more: float) -> None:
    claimed = float(np.mean(values))
    if decide(values, s.band(claimed, margin), project=False).verdict == "REPRODUCED":
        assert decide(values, s.band(claimed, margin + more), project=False).verdict == "REPRODUCED"
    assert s.margin(margin, 0.05, more, 1) >= s.margin(margin, 0.05, more, 2) >= margin


def test_an_inconclusive_claim_names_the_seeds_of_80_per_cent_power() -> None:
    values = [7.0, 8.0, 9.0]
    decision = decide(values, s.band(8.2, 1.5))
    needed = decision.seeds_needed
    assert decision.verdict == "INCONCLUSIVE" and needed is not None and f"{needed} seeds" in decision.reason
    drawn = np.random.default_rng(3).normal(8.0, 1.0, size=(3000, needed)).tolist()
    hits = sum(decide(row, s.band(8.2, 1.5), project=False).verdict == "REPRODUCED" for row in drawn)
    assert stats.binomtest(hits, 3000, 0.8, alternative="less").pvalue > 1e-4
    fewer = sum(decide(row[:-1], s.band(8.2, 1.5), project=False).verdict == "REPRODUCED" for row in drawn)
    assert fewer / 3000 < 0.8  # and not more seeds than that


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0], []])
def test_a_value_that_is_not_finite_is_refused(values: list[float], bad: float) -> None:
    given, named = [*values, bad], re.escape(f"found {bad} at place {len(values)}")
    with pytest.raises(ValueError, match=named):
        decide(given, s.band(0.0, 1.0))
    for interval in (s.t_interval, s.prediction_interval) if values else ():
        with pytest.raises(ValueError, match=named):
            interval(given)


def test_a_share_by_hand() -> None:
    # 3 of 4 must hold, so 2 must fall; one of 3 true ones falls with them: 3 times the second smallest
    assert must_hold(4, 0.75) == 3 and partial_p([0.5, 0.01, 0.02, 0.9], 4 - 3 + 1) == pytest.approx(0.06)
    assert must_hold(2, 0.5) == 1 and partial_p([0.01, 1.0], 2 - 1 + 1) == 1.0  # both must fall, and one can't
    assert must_hold(2, 1.0) == 2 and partial_p([0.01, 0.02], 2 - 2 + 1) == pytest.approx(0.02)
    assert partial_p([0.01], 2) == 1.0 and partial_p([0.5], 0) == 0.0  # more than there are; none
