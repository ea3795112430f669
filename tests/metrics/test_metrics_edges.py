"""Refusals, empty inputs, odd inputs and what importing the package costs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from harness.metrics import (
    QAScore,
    accuracy,
    best_threshold,
    binary_f1,
    mine_bitext,
    mine_rows,
    mlqa,
    nearest_neighbour,
    pair_f1,
    pairs_above,
    retrieval,
    span_f1,
    squad,
    squad_v2,
)
from harness.project.errors import HarnessError

ROWS = np.array([[3.0, 4.0], [5.0, -12.0], [8.0, 15.0]], dtype=np.float32)


def test_scoring_text_needs_no_numpy() -> None:
    code = "import sys; from harness.metrics import best_threshold, mlqa, span_f1; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import harness.metrics

    with pytest.raises(AttributeError, match="no attribute 'bleu'"):
        _ = harness.metrics.bleu


def test_records_are_frozen() -> None:
    score = QAScore(f1=1.0, em=2.0)
    with pytest.raises(ValidationError):
        score.f1 = 3.0  # type: ignore[misc]


def test_qa_refusals() -> None:
    with pytest.raises(HarnessError, match="at least one question"):
        squad({}, {})
    with pytest.raises(HarnessError, match="squad_v2"):
        squad({"q": "x"}, {"q": []})
    with pytest.raises(HarnessError, match=r"en, es, hi, vi, de, ar, zh.*'fr'"):
        mlqa({"q": "x"}, {"q": ["x"]}, "fr")


def test_an_unanswered_question_counts_zero_and_a_stray_answer_nothing() -> None:
    references = {"a": ["Nile"], "b": ["Rhine"], "c": ["Volga"], "d": ["Tiber"]}
    predictions = {"a": "Nile", "stray": "Rhine"}
    assert squad(predictions, references) == mlqa(predictions, references, "en") == QAScore(f1=25.0, em=25.0)
    assert squad_v2(predictions, {**references, "d": []}) == QAScore(f1=25.0, em=25.0)
    assert squad({}, {"a": []}) == QAScore(f1=0.0, em=0.0)  # as upstream: skipped before its answers are looked at


def test_constructed_languages_have_no_articles() -> None:
    predictions, references = {"q": "The der «el» 北京"}, {"q": ["the der EL 北京!"]}
    assert mlqa(predictions, references, "qaa") == QAScore(f1=100.0, em=100.0)
    with pytest.raises(HarnessError):
        mlqa(predictions, references, "qua")  # Quechua: after qtz, a real language


def test_label_refusals() -> None:
    metrics: tuple[Any, ...] = (accuracy, binary_f1, span_f1)
    for metric in metrics:
        with pytest.raises(HarnessError, match="found 1"):
            metric([0, 1], [1])
        with pytest.raises(HarnessError, match="found none"):
            metric([], [])
    with pytest.raises(HarnessError, match="expected 2 predicted tags, found 1 in sequence 1"):
        span_f1([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(HarnessError, match="empty one in sequence 0"):
        span_f1([["O"]], [[""]])


def test_labels_of_any_kind_compare() -> None:
    assert accuracy(["entailment", "neutral", 1], ["entailment", "contradiction", 1]) == pytest.approx(200 / 3)
    assert binary_f1([0, 0], [0, 0]) == 0
    assert binary_f1([1, 1, 0, 0], [1, 0, 1, 0]) == pytest.approx(50)


def test_pairs_may_be_lists_and_may_repeat() -> None:
    assert pair_f1([["a", "x"], ["a", "x"]], [("a", "x"), ("b", "y")]) == pytest.approx(200 / 3)  # type: ignore[list-item]
    assert pair_f1([], []) == 0
    mined = [("a", "x", 1.0), ("b", "y", 2.0), ("a", "x", 3.0)]
    assert pairs_above(mined, 2.5) == [("a", "x")]
    assert pairs_above(mined, 2.0) == [("a", "x"), ("b", "y")]


def test_the_best_cut_may_keep_every_pair() -> None:
    best = best_threshold([("a", "x", 2.0), ("b", "y", 1.5)], [("a", "x"), ("b", "y")])
    assert (best.threshold, best.precision, best.recall, best.f1) == (1.5, 100, 100, 100)


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
    monkeypatch.setattr(retrieval, "_QUERIES_AT_ONCE", 7)
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
