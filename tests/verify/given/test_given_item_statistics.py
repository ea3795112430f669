"""The variance over rows: closed form, bootstrap and linearised; and what intervals cover where the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.verify.statistics import items as subject
from harness.verify.statistics.design import STANDARD, fixed
from harness.verify.statistics.intervals import Interval, Published
from harness.verify.statistics.items import (
    Run,
    ScoredSet,
    Stratum,
    difference,
    drawn_variance,
    linear_variance,
    mcnemar,
    row_variance,
    score,
)
from harness.verify.statistics.parts import Part, add_parts, decide_together, one_sided_together, put_together

RANDOM = np.random.default_rng(7)


def mean_stratum(values: np.ndarray) -> Stratum:
    """One run, its values in points."""
    return Stratum([ScoredSet([Run(values, None, 1.0)], np.arange(len(values)))], len(values))


def f1_stratum(items: int, seed: int = 0) -> Stratum:
    """Two runs in two languages that share their items, with counts."""
    random = np.random.default_rng(seed)
    gold = random.integers(0, 4, items)
    sets = []
    for _ in range(2):
        runs = []
        for weight, skill in ((0.5, 0.8), (-0.5, 0.6)):
            said = random.integers(0, 4, items)
            correct = random.binomial(np.minimum(gold, said), skill)
            runs.append(Run(200.0 * correct, (said + gold).astype(float), weight))
        sets.append(ScoredSet(runs, np.arange(items)))
    return Stratum(sets, items)


@settings(max_examples=50)
@given(hnp.arrays(float, st.integers(2, 30), elements=st.floats(0, 100)))
def test_the_variance_of_a_mean_is_the_textbooks(values: np.ndarray) -> None:
    found = row_variance(mean_stratum(values))
    assert found.variance == pytest.approx(values.var(ddof=1) / len(values), rel=1e-9, abs=1e-17)
    assert (found.freedom, found.draws) == (len(values) - 1, None)


def test_draws_come_near_the_closed_form() -> None:
    stratum = mean_stratum(RANDOM.normal(50, 20, 60))
    assert drawn_variance(stratum, draws=8000) == pytest.approx(linear_variance(stratum), rel=0.06)


def test_the_linearised_f1_comes_near_the_bootstrap() -> None:
    stratum = f1_stratum(500)
    assert linear_variance(stratum) == pytest.approx(drawn_variance(stratum, draws=4000), rel=0.1)


def test_so_many_items_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    stratum = f1_stratum(50)
    assert row_variance(stratum).draws == subject.DRAWS
    monkeypatch.setattr(subject, "MOST_DRAWN", 49 * subject.DRAWS)
    assert row_variance(stratum) == (pytest.approx(linear_variance(stratum)), 49, 0)


def test_draws_are_the_same_each_time_and_in_any_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    stratum = f1_stratum(40)
    found = drawn_variance(stratum)
    monkeypatch.setattr(subject, "CHUNK", 40 * 300)
    assert drawn_variance(stratum) == pytest.approx(found)


def test_f1_is_of_sums_and_full_where_there_is_nothing() -> None:
    run = Run(np.array([200.0, 0.0]), np.array([2.0, 3.0]), 1.0)
    assert score(run) == 40.0
    assert score(Run(np.zeros(2), np.zeros(2), 1.0)) == 100.0
    assert difference([mean_stratum(np.array([0.0, 100.0, 100.0]))]) == pytest.approx(200 / 3)
    with pytest.raises(ValueError, match="two items"):
        row_variance(mean_stratum(np.ones(1)))


def test_mcnemar_is_a_binomial_test() -> None:
    first, second = np.array([1.0, 1, 1, 0, 1, 0]), np.array([0.0, 0, 0, 0, 1, 1])
    assert mcnemar(first, second) == (3, 1, pytest.approx(2 * 5 / 16))
    assert mcnemar(first, first) == (0, 0, 1.0)


def test_parts_add_up() -> None:
    found = add_parts([Part(variance=3.0, freedom=2), Part(variance=1.0, freedom=100)])
    assert (found.variance, found.freedom) == (4.0, pytest.approx(16 / (9 / 2 + 1 / 100)))
    assert add_parts([Part(variance=0.0, freedom=5)]) == Part(variance=0.0, freedom=5)


def test_a_verdict_over_seeds_and_rows_is_where_the_widest_interval_lies() -> None:
    seeds, rows = Part(variance=0.04, freedom=4), Part(variance=0.25, freedom=900)
    found = put_together(3.0, 5, seeds, [rows], fixed(5))
    assert found.level == pytest.approx(0.05)
    assert found.interval == found.both.around(3.0)
    assert decide_together(found, Interval(low=2, high=4), fixed(5)).verdict == "REPRODUCED"
    accused = decide_together(found, Interval(low=5, high=6), fixed(5))
    assert accused.verdict == "NOT_REPRODUCED" and accused.p_value is not None and accused.p_value < 0.05
    luck = decide_together(found, Interval(low=4.2, high=4.6), fixed(5), Published(4.4, 1))
    assert luck.p_value == luck.p_parts["published"] > luck.p_parts["margin"]
    above, below = one_sided_together(found, 2.0, fixed(5))
    assert above < 0.05 < 0.95 < below
    unclear = decide_together(put_together(3.0, 5, seeds, [rows]), Interval(low=2.9, high=3.1))
    assert unclear.verdict == "INCONCLUSIVE" and unclear.seeds_needed is None and "test rows" in unclear.reason


def test_over_seeds_and_rows_the_interval_covers_as_it_should() -> None:
    """Gain of seed s on item i = truth + seed + item + noise: 90 % of the intervals hold the truth, or more; those over
    seeds alone do not, since they speak of these rows."""
    truth, repetitions, n_seeds, n_items = 2.0, 600, 5, 200
    random = np.random.default_rng(11)
    seed = random.normal(0, 0.7, (repetitions, n_seeds, 1))
    item = random.normal(0, 10.0, (repetitions, 1, n_items))
    gains = truth + seed + item + random.normal(0, 5.0, (repetitions, n_seeds, n_items))
    covered, alone, narrow = [], [], []
    for one in gains:
        by_seed = one.mean(1)
        seeds = Part(variance=float(by_seed.var(ddof=1)) / n_seeds, freedom=n_seeds - 1)
        rows = row_variance(mean_stratum(one.mean(0)))
        own = [Part(variance=rows.variance, freedom=rows.freedom)]
        found = put_together(float(by_seed.mean()), n_seeds, seeds, own, fixed(n_seeds))
        holds = [
            part.low <= truth <= part.high for part in (found.interval, *(p.around(found.mean) for p in found.each))
        ]
        covered.append(holds[0])
        alone.append(holds[1])
        narrow.append(holds[3])
    error = math.sqrt(0.9 * 0.1 / repetitions)
    assert np.mean(covered) >= 0.9 - 2 * error
    assert np.mean(narrow) >= 0.9 - 2 * error, "Satterthwaite's interval itself"
    assert np.mean(alone) <= 0.8, "seeds alone say nothing of other rows"


def test_the_standard_design_widens_all_of_them() -> None:
    seeds, rows = Part(variance=0.04, freedom=2), Part(variance=0.25, freedom=900)
    looked, once = (put_together(3.0, 3, seeds, [rows], design) for design in (STANDARD, fixed(3)))
    assert looked.level < once.level
    assert looked.interval.low < once.interval.low < once.interval.high < looked.interval.high
