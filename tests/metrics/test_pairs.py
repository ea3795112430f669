"""Pairs and their threshold: upstream's own numbers, properties that hold for any pairs, odd inputs."""

from __future__ import annotations

from typing import Any

import pytest
from golden import EXACT, cases
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.metrics import best_threshold, pair_f1, pairs_above

PAIR = st.tuples(st.integers(0, 5), st.integers(0, 5))


@cases("best_threshold")
def test_best_threshold(case: dict[str, Any]) -> None:
    mined, gold = [tuple(m) for m in case["mined"]], [tuple(g) for g in case["gold"]]
    best = best_threshold(mined, gold)
    expected = (case["threshold"], case["precision"], case["recall"], case["f1"])
    assert (best.threshold, best.precision, best.recall, best.f1) == pytest.approx(expected, abs=EXACT)
    assert pair_f1(pairs_above(mined, best.threshold), gold) == pytest.approx(case["f1"], abs=EXACT)


@given(st.lists(PAIR), st.lists(PAIR))
def test_pair_f1_is_symmetric_and_of_sets(predicted: list[tuple[int, int]], gold: list[tuple[int, int]]) -> None:
    score = pair_f1(predicted, gold)
    assert 0 <= score <= 100
    assert pair_f1(gold, predicted) == pytest.approx(score, abs=1e-9)
    assert pair_f1(predicted + predicted, gold[::-1]) == pytest.approx(score, abs=1e-9)
    assert pair_f1(gold, gold) == (100 if gold else 0)


@given(st.dictionaries(PAIR, st.integers(1, 10_000), max_size=12), st.sets(PAIR, min_size=1))
def test_no_threshold_beats_the_best_one(margins: dict[tuple[int, int], int], gold: set[tuple[int, int]]) -> None:
    assume(len(set(margins.values())) == len(margins))
    mined = [(i, j, margin / 1000) for (i, j), margin in margins.items()]
    best = best_threshold(mined, gold)
    rivals = [pair_f1(pairs_above(mined, margin), gold) for _, _, margin in mined]
    assert best.f1 == pytest.approx(max(rivals, default=0), abs=1e-9)
    assert best.f1 == pytest.approx(pair_f1(pairs_above(mined, best.threshold), gold), abs=1e-9)


def test_pairs_may_be_lists_and_may_repeat() -> None:
    assert pair_f1([["a", "x"], ["a", "x"]], [("a", "x"), ("b", "y")]) == pytest.approx(200 / 3)  # type: ignore[list-item]
    mined = [("a", "x", 1.0), ("b", "y", 2.0), ("a", "x", 3.0)]
    assert pairs_above(mined, 2.5) == [("a", "x")]
    assert pairs_above(mined, 2.0) == [("a", "x"), ("b", "y")]


def test_the_best_cut_may_keep_every_pair() -> None:
    best = best_threshold([("a", "x", 2.0), ("b", "y", 1.5)], [("a", "x"), ("b", "y")])
    assert (best.threshold, best.precision, best.recall, best.f1) == (1.5, 100, 100, 100)
