"""Properties that hold for any input: bounds, perfect scores, symmetry, independence of order, optimality."""

from __future__ import annotations

import heapq
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.metrics import (
    accuracy,
    best_threshold,
    binary_f1,
    mine_bitext,
    mlqa,
    nearest_neighbour,
    pair_f1,
    pairs_above,
    retrieval,
    span_f1,
    squad,
    squad_v2,
)
from harness.metrics.tagging import spans

WORDS = st.sampled_from(
    [
        "the",
        "A",
        "der",
        "el",
        "những",
        "البيت",
        "घर",
        "北京",
        "大学。",
        "Nile",
        "U.S.",
        "«да»",
        "１２",
        "…",
        "x-y",
        "",
    ]
)
ANSWER = st.lists(WORDS, max_size=4).map(" ".join)
LANGUAGES = ("en", "es", "de", "ar", "hi", "vi", "zh", "qaa")
QUESTIONS = st.dictionaries(st.text("abc", min_size=1), st.tuples(ANSWER, st.lists(ANSWER, min_size=1, max_size=3)))
BIO = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
UPOS = st.sampled_from(["ADJ", "ADP", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "SCONJ", "SYM", "VERB"])
PAIR = st.tuples(st.integers(0, 5), st.integers(0, 5))


@st.composite
def aligned_tags(draw: st.DrawFn, tag: st.SearchStrategy[str]) -> tuple[list[list[str]], list[list[str]]]:
    lengths = draw(st.lists(st.integers(0, 6), min_size=1, max_size=5))
    gold, predicted = ([draw(st.lists(tag, min_size=n, max_size=n)) for n in lengths] for _ in range(2))
    return gold, predicted


def all_qa_scores(predictions: dict[str, str], references: dict[str, list[str]]) -> list[tuple[float, float]]:
    scores = [squad(predictions, references), squad_v2(predictions, references)]
    scores += [mlqa(predictions, references, language) for language in LANGUAGES]
    return [(score.f1, score.em) for score in scores]


@given(QUESTIONS)
def test_qa_scores_are_bounded_and_independent_of_order(questions: dict[str, tuple[str, list[str]]]) -> None:
    assume(questions)
    predictions = {q: p for q, (p, _) in questions.items()}
    references = {q: a for q, (_, a) in questions.items()}
    scores = all_qa_scores(predictions, references)
    assert all(0 <= value <= 100 + 1e-9 for pair in scores for value in pair)
    reordered = {q: references[q][::-1] for q in reversed(references)}
    assert np.array(all_qa_scores(predictions, reordered)) == pytest.approx(np.array(scores), abs=1e-9)


@given(QUESTIONS, ANSWER)
def test_another_reference_answer_never_lowers_a_score(questions: dict[str, tuple[str, list[str]]], more: str) -> None:
    assume(questions)
    predictions = {q: p for q, (p, _) in questions.items()}
    fewer = {q: a for q, (_, a) in questions.items()}
    scores = all_qa_scores(predictions, fewer)
    for language, index in (("squad", 0), *((language, i + 2) for i, language in enumerate(LANGUAGES))):
        added = all_qa_scores(predictions, {q: [*a, more] for q, a in fewer.items()})[index]
        assert added[0] >= scores[index][0] - 1e-9 and added[1] >= scores[index][1], language


@given(ANSWER, ANSWER)
def test_token_f1_is_symmetric(one: str, other: str) -> None:
    there, back = all_qa_scores({"q": one}, {"q": [other]}), all_qa_scores({"q": other}, {"q": [one]})
    assert np.array(there) == pytest.approx(np.array(back), abs=1e-9)


@given(st.lists(st.sampled_from(["Nile", "घर", "北京", "river 7"]), min_size=1, max_size=4).map(" ".join))
def test_repeating_a_reference_is_perfect(answer: str) -> None:
    assert all_qa_scores({"q": answer}, {"q": ["no", answer]}) == [(100.0, 100.0)] * (2 + len(LANGUAGES))


@given(QUESTIONS)
def test_in_squad_v2_an_exact_match_is_a_full_f1(questions: dict[str, tuple[str, list[str]]]) -> None:
    assume(questions)
    score = squad_v2({q: p for q, (p, _) in questions.items()}, {q: a for q, (_, a) in questions.items()})
    assert score.em <= score.f1 + 1e-9


@given(st.one_of(aligned_tags(BIO), aligned_tags(UPOS)), st.randoms())
def test_span_f1(sequences: tuple[list[list[str]], list[list[str]]], shuffler: random.Random) -> None:
    gold, predicted = sequences
    score = span_f1(gold, predicted)
    assert 0 <= score <= 100
    assert span_f1(predicted, gold) == pytest.approx(score, abs=1e-9)
    assert span_f1(gold, gold) == (100.0 if list(spans(gold)) else 0.0)
    order = list(range(len(gold)))
    shuffler.shuffle(order)
    assert span_f1([gold[i] for i in order], [predicted[i] for i in order]) == pytest.approx(score, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1))
def test_classification(labels: list[tuple[int, int]]) -> None:
    gold, predicted = [g for g, _ in labels], [p for _, p in labels]
    assert accuracy(gold, predicted) + accuracy(gold, [1 - p for p in predicted]) == pytest.approx(100)
    assert accuracy(gold, gold) == 100
    positions = [{(i, "") for i, label in enumerate(side) if label == 1} for side in (predicted, gold)]
    assert binary_f1(gold, predicted) == pytest.approx(pair_f1(*positions), abs=1e-9)


@given(st.lists(PAIR), st.lists(PAIR))
def test_pair_f1(predicted: list[tuple[int, int]], gold: list[tuple[int, int]]) -> None:
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
    assert retrieval._best_k(np.array(values), cut, k).tolist() == expected


@given(st.integers(1, 10**6), st.integers(1, 30), st.integers(1, 40))
def test_nearest_neighbour_is_the_largest_cosine(seed: int, n: int, m: int) -> None:
    queries, candidates = embeddings(seed, n, 1.0), embeddings(0, m)
    cosine = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ (
        candidates / np.linalg.norm(candidates, axis=1, keepdims=True)
    ).T
    assert nearest_neighbour(queries, candidates).tolist() == cosine.argmax(axis=1).tolist()
