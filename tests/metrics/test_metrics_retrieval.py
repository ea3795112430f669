"""Neighbours and mining: upstream's own numbers, properties that hold for any embeddings, refusals and odd inputs."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pytest
from golden import EXACT, FLOAT32, cases
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import mine_bitext, mine_rows, mining, nearest_neighbour, similarity
from harness.project.errors import HarnessError

ROWS = np.array([[3.0, 4.0], [5.0, -12.0], [8.0, 15.0]], dtype=np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@cases("mine_bitext")
def test_mine_bitext(case: dict[str, Any], dtype: type) -> None:
    mined = mine_bitext(np.array(case["source"], dtype), np.array(case["target"], dtype), case["k"])
    assert [pair[:2] for pair in mined] == [tuple(pair[:2]) for pair in case["mined"]]
    # Vectors of signs in 4 or 16 dimensions have exact similarities, so there even float32 leaves no noise.
    tolerance = EXACT if dtype is np.float32 and "tie" in case["name"] else FLOAT32
    assert [pair[2] for pair in mined] == pytest.approx([pair[2] for pair in case["mined"]], rel=tolerance)


@cases("mine_rows")
def test_mine_rows(case: dict[str, Any]) -> None:
    sources = [{"id": f"s{i}", "text": text} for i, text in enumerate(case["source_texts"])]
    targets = [{"id": f"t{i}", "text": text} for i, text in enumerate(case["target_texts"])]
    source, target = (np.array(case[side], np.float32) for side in ("source", "target"))
    mined = mine_rows(sources, source, targets, target, case["k"])
    assert [pair[:2] for pair in mined] == [tuple(pair[:2]) for pair in case["mined"]]
    assert [pair[2] for pair in mined] == pytest.approx([pair[2] for pair in case["mined"]], rel=FLOAT32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@cases("nearest_neighbour")
def test_nearest_neighbour(case: dict[str, Any], dtype: type) -> None:
    nearest = nearest_neighbour(np.array(case["queries"], dtype), np.array(case["candidates"], dtype))
    assert nearest.tolist() == case["nearest"]


def embeddings(seed: int, rows: int, noise: float = 0.0) -> Any:
    base = np.random.default_rng(0).standard_normal((40, 8))
    return (base + noise * np.random.default_rng(seed).standard_normal(base.shape))[:rows]


@given(st.integers(1, 10**6), st.integers(5, 40), st.integers(5, 40), st.sampled_from([np.float32, np.float64]))
def test_mining_is_one_to_one_ordered_and_symmetric(seed: int, n: int, m: int, dtype: type) -> None:
    source, target = embeddings(0, n).astype(dtype), embeddings(seed, m, 0.7).astype(dtype)
    mined = mine_bitext(source, target)
    assert len({i for i, _, _ in mined}) == len({j for _, j, _ in mined}) == len(mined) <= min(n, m)
    margins = [margin for _, _, margin in mined]
    assert margins == sorted(margins, reverse=True) and all(margin > 0 for margin in margins)
    back = {(i, j): margin for j, i, margin in mine_bitext(target, source)}
    assert {(i, j) for i, j, _ in mined} == set(back)
    assert [back[i, j] for i, j, _ in mined] == pytest.approx(margins, rel=1e-6)


@given(st.integers(1, 10**6))
def test_mining_follows_its_rows_and_ignores_their_length(seed: int) -> None:
    source, target = embeddings(0, 20), embeddings(seed, 17, 0.7)
    order = np.random.default_rng(seed).permutation(20)
    mined = mine_bitext(source, target)
    moved = mine_bitext(source[order] * np.linspace(0.1, 9, 20)[:, None], target)
    assert [(int(order[i]), j) for i, j, _ in moved] == [(i, j) for i, j, _ in mined]
    assert [pair[2] for pair in moved] == pytest.approx([pair[2] for pair in mined], abs=1e-9)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 6))
def test_neighbours_tie_as_in_a_heap_that_admits_only_the_better(values: list[int], k: int) -> None:
    k = min(k, len(values))
    heap: list[tuple[int, int]] = []
    for column, value in enumerate(values):
        if len(heap) < k:
            heapq.heappush(heap, (value, column))
        elif value > heap[0][0]:
            heapq.heapreplace(heap, (value, column))
    expected = [column for _, column in sorted(heap, reverse=True)]
    cut = sorted(values, reverse=True)[k - 1]
    assert mining._best_k(np.array(values), cut, k).tolist() == expected


@given(st.integers(1, 10**6), st.integers(1, 30), st.integers(1, 40))
def test_nearest_neighbour_is_the_largest_cosine(seed: int, n: int, m: int) -> None:
    queries, candidates = embeddings(seed, n, 1.0), embeddings(0, m)
    cosine = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ (
        candidates / np.linalg.norm(candidates, axis=1, keepdims=True)
    ).T
    assert nearest_neighbour(queries, candidates).tolist() == cosine.argmax(axis=1).tolist()


def test_embeddings_are_left_as_they_are() -> None:
    source, target = ROWS.copy(), ROWS[::-1].copy()
    mine_bitext(source, target)
    nearest_neighbour(source, target)
    assert np.array_equal(source, ROWS) and np.array_equal(target, ROWS[::-1])


def test_mined_pairs_are_plain_numbers() -> None:
    [(i, j, margin), *_] = mine_bitext(ROWS, ROWS)
    assert (type(i), type(j), type(margin)) == (int, int, float)


def test_more_neighbours_than_rows_means_all_rows() -> None:
    assert mine_bitext(ROWS, ROWS[:2], k=50) == mine_bitext(ROWS, ROWS[:2], k=3)


def test_results_do_not_depend_on_how_many_queries_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    source, target = (rng.integers(-2, 3, (50, 5)).astype(np.float32) for _ in range(2))
    whole = mine_bitext(source, target), nearest_neighbour(source, target).tolist()
    monkeypatch.setattr(similarity, "_QUERIES_AT_ONCE", 7)
    assert (mine_bitext(source, target), nearest_neighbour(source, target).tolist()) == whole


def test_all_zero_sentences_are_no_pairs() -> None:
    assert mine_bitext(np.zeros((2, 2)), np.zeros((2, 2))) == []


def test_empty_sides() -> None:
    nothing = np.empty((0, 2), dtype=np.float32)
    assert mine_bitext(nothing, ROWS) == mine_bitext(ROWS, nothing) == []
    assert nearest_neighbour(nothing, ROWS).shape == (0,)
    with pytest.raises(HarnessError, match="at least one candidate"):
        nearest_neighbour(ROWS, nothing)


def test_embedding_refusals() -> None:
    with pytest.raises(HarnessError, match="equal dimension, found 2 and 1"):
        mine_bitext(ROWS, ROWS[:, :1])
    with pytest.raises(HarnessError, match=r"shape \(sentences, dimensions\)"):
        nearest_neighbour(ROWS[0], ROWS)
    with pytest.raises(HarnessError, match="finite target"):
        mine_bitext(ROWS, np.full((2, 2), np.nan))
    with pytest.raises(HarnessError, match="at least 1 neighbour, found k=0"):
        mine_bitext(ROWS, ROWS, k=0)
    with pytest.raises(HarnessError, match="one target embedding for each of 1 rows, found 3"):
        mine_rows([{"id": "s", "text": "x"}] * 3, ROWS, [{"id": "t", "text": "y"}], ROWS)
