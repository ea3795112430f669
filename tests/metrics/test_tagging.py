"""Span F1: upstream's own numbers, properties that hold for any tags, refusals."""

from __future__ import annotations

import random
from typing import Any

import pytest
from golden import EXACT, cases
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import span_f1
from harness.metrics.tagging import spans
from harness.project.errors import HarnessError

BIO = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
UPOS = st.sampled_from(["ADJ", "ADP", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "SCONJ", "SYM", "VERB"])


@cases("span_f1")
def test_span_f1(case: dict[str, Any]) -> None:
    assert span_f1(case["gold"], case["predicted"]) == pytest.approx(case["f1"], abs=EXACT)


@st.composite
def aligned_tags(draw: st.DrawFn, tag: st.SearchStrategy[str]) -> tuple[list[list[str]], list[list[str]]]:
    lengths = draw(st.lists(st.integers(0, 6), min_size=1, max_size=5))
    gold, predicted = ([draw(st.lists(tag, min_size=n, max_size=n)) for n in lengths] for _ in range(2))
    return gold, predicted


@given(st.one_of(aligned_tags(BIO), aligned_tags(UPOS)), st.randoms())
def test_span_f1_of_any_tags(sequences: tuple[list[list[str]], list[list[str]]], shuffler: random.Random) -> None:
    gold, predicted = sequences
    score = span_f1(gold, predicted)
    assert 0 <= score <= 100
    assert span_f1(predicted, gold) == pytest.approx(score, abs=1e-9)
    assert span_f1(gold, gold) == (100.0 if list(spans(gold)) else 0.0)
    order = list(range(len(gold)))
    shuffler.shuffle(order)
    assert span_f1([gold[i] for i in order], [predicted[i] for i in order]) == pytest.approx(score, abs=1e-9)


def test_sequences_that_do_not_fit_are_refused() -> None:
    with pytest.raises(HarnessError, match="expected 2 predicted tags, found 1 in sequence 1"):
        span_f1([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(HarnessError, match="empty one in sequence 0"):
        span_f1([["O"]], [[""]])
