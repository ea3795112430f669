"""The row noise of a language's gain: against resampled rows, and what it changes in `harness degradation`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from degradation_world import LANGUAGES, make_table, registration

from harness.metrics.metric import Items
from harness.metrics.scoring import metric
from harness.project.errors import HarnessError
from harness.verify.languages.degradation import gains_by_language, measure_degradation
from harness.verify.languages.records import Degradation
from harness.verify.languages.rows import RowNoise, influences, row_noise, share_of_rows
from harness.verify.statistics import resampling
from harness.verify.statistics.resampling import chance_to_find

RANDOM = np.random.default_rng(8)
ROWS = 120


def counts(name: str) -> Items:
    """Made-up items as the metric of this name keeps them."""
    share, gold = RANDOM.random(ROWS), RANDOM.integers(0, 4, ROWS)
    right = [int(x) for x in RANDOM.binomial(gold, 0.6)]
    if name == "accuracy":
        return {"correct": [int(x > 0.4) for x in share]}
    if name == "squad":
        return {"f1": [round(float(x), 3) for x in share], "em": [int(x > 0.7) for x in share]}
    both: Items = {"correct": right, "predicted": [r + int(x > 0.5) for r, x in zip(right, share, strict=True)]}
    return both | {"gold": [int(x) for x in gold]}


def points(name: str, items: Items) -> float:
    """The score of one language, by the metric itself."""
    found = metric(name)
    assert found.total is not None
    return found.target_score({"qaa": found.total(items)})


def taken(items: Items, places: Any) -> Items:
    return {name: [values[place] for place in places] for name, values in items.items()}


@pytest.mark.parametrize("name", ["accuracy", "squad", "span_f1"])
def test_influences_are_what_leaving_an_item_out_changes(name: str) -> None:
    items = counts(name)
    found, whole = influences(items), points(name, items)
    assert found.sum() == pytest.approx(0.0, abs=1e-9)
    for place in range(0, ROWS, 17):
        less = points(name, taken(items, [i for i in range(ROWS) if i != place]))
        assert whole - less == pytest.approx(found[place], abs=0.02 + 0.05 * abs(found[place]))


@pytest.mark.parametrize("name", ["accuracy", "squad", "span_f1"])
def test_the_variance_is_that_of_resampled_rows(name: str) -> None:
    """Three seeds on the same rows; the same rows are drawn for recipe and baseline."""
    seeds = [(counts(name), counts(name)) for _ in range(3)]
    drawn = []
    for _ in range(1500):
        places = RANDOM.integers(0, ROWS, ROWS)
        pairs = [(taken(one, places), taken(two, places)) for one, two in seeds]
        drawn.append(np.mean([points(name, one) - points(name, two) for one, two in pairs]))
    found = row_noise(seeds)
    assert found is not None and found.rows == ROWS
    assert found.variance == pytest.approx(np.var(drawn), rel=0.15)


def test_equal_answers_have_no_row_noise_and_seeds_do_not_shrink_it() -> None:
    one, two = counts("accuracy"), counts("accuracy")
    same, once, thrice = row_noise([(one, one)]), row_noise([(one, two)]), row_noise([(one, two)] * 3)
    assert same is not None and same.variance == 0.0
    assert once is not None and thrice is not None and thrice.variance == pytest.approx(once.variance)
    difference = np.array(one["correct"]) - np.array(two["correct"])
    assert once.variance == pytest.approx(100**2 * difference.var(ddof=1) / ROWS)


def test_mined_pairs_are_matched_by_source_sentence() -> None:
    one = {"id": ["a", "b"], "correct": [1, 0], "predicted": [1, 0], "gold": [1, 1]}
    two = {"id": ["b", "a", "c"], "correct": [0, 1, 0], "predicted": [0, 1, 0], "gold": [1, 1, 0]}
    found = row_noise([(one, two)])
    assert found is not None and found.variance == pytest.approx(0.0) and found.rows == 3


def test_rows_that_are_not_the_same_are_refused() -> None:
    with pytest.raises(HarnessError, match="items of the same rows"):
        row_noise([({"correct": [1, 0, 1]}, {"correct": [1, 0]})])
    with pytest.raises(HarnessError, match="a score follows from, found margin"):
        influences({"margin": [0.1]})
    assert row_noise([]) is None and row_noise([({"correct": [1]}, {"correct": [0]})]) is None
    assert share_of_rows(1.0, 3.0) == 0.75 and share_of_rows(0.0, 0.0) == 0.0


def measured(variance: float | None) -> Degradation:
    table = make_table(lambda recipe, language: -3.0, targets=("xnli", "udpos"))
    keys = gains_by_language(table, table.targets)
    rows = None if variance is None else dict.fromkeys(keys, RowNoise(variance, 400))
    return measure_degradation(table, LANGUAGES, "en", registration(), "run", rows)


def test_rows_only_ever_take_findings_away() -> None:
    without, little, much = measured(None), measured(0.04), measured(9.0)
    for before, after in zip(without.recipes, little.recipes, strict=True):
        for one, two in zip(before.pairs, after.pairs, strict=True):
            assert one.mean == two.mean and two.error_rows == pytest.approx(0.2)
            assert one.q_loss is None or (two.q_loss is not None and two.q_loss >= one.q_loss)
    degraded = [sum(s.degraded for r in found.recipes for s in r.shares.values()) for found in (without, little, much)]
    assert degraded[0] >= degraded[1] > degraded[2] == 0
    assert without.average == much.average, "pooled effects have rows in the spread over languages"
    intervals = [found.recipes[0].unseen for found in (without, much)]
    widths = [one.interval.high - one.interval.low for one in intervals if one and one.interval]
    assert len(widths) == 2 and widths[1] > widths[0]
    xnli = much.noise[0]
    assert (xnli.target, xnli.with_rows, xnli.rows_points) == ("xnli", xnli.tested, pytest.approx(3.0))
    assert xnli.both_points == pytest.approx(math.hypot(xnli.seeds_points, 3.0)) and 0.9 < xnli.rows_share < 1
    assert without.noise[0].with_rows == 0 and without.noise[0].both_points == without.noise[0].seeds_points


def test_what_the_design_cannot_see_follows_from_seeds_and_rows() -> None:
    found = {(one.seeds, one.loss_points): one for one in measured(9.0).sight}
    assert sorted(found) == [(n, loss) for n in (3, 5, 10) for loss in (3.0, 5.0, 10.0)]
    assert all(one.chance < one.without_rows for one in found.values() if 0.01 < one.without_rows < 0.999)
    assert found[3, 3.0].chance < found[3, 10.0].chance and found[3, 5.0].without_rows < found[10, 5.0].without_rows
    assert found[10, 3.0].chance < 0.05, "ten seeds don't help against the rows"


def test_the_chance_to_find_a_loss_is_that_of_simulated_gains() -> None:
    n, loss, sigma = 4, -3.0, 0.8
    gains = RANDOM.normal(loss, sigma, (20000, n))
    t = (gains.mean(1) + 1.0) / (gains.std(1, ddof=1) / math.sqrt(n))
    from scipy import stats

    rate = float((stats.t.cdf(t, n - 1) <= 0.01).mean())
    found = chance_to_find(resampling.Tested(0.0, sigma / math.sqrt(n), n - 1.0), loss, -1.0, 0.01)
    assert found == pytest.approx(rate, abs=0.015)
    assert chance_to_find(resampling.Tested(0.0, 0.0, 3.0), -3.0, -1.0, 0.01) == 1.0
