"""Answers: upstream's own numbers, properties that hold for any answers, refusals and odd inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden import EXACT, cases
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.metrics import QAScore, mlqa, squad, squad_v2
from harness.project.errors import HarnessError

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


@cases("squad")
def test_squad(case: dict[str, Any]) -> None:
    score = squad(case["predictions"], case["references"])
    assert (score.f1, score.em) == pytest.approx((case["f1"], case["em"]), abs=EXACT)


@cases("squad_v2")
def test_squad_v2(case: dict[str, Any]) -> None:
    score = squad_v2(case["predictions"], case["references"])
    assert (score.f1, score.em) == pytest.approx((case["f1"], case["em"]), abs=EXACT)


@cases("mlqa")
def test_mlqa(case: dict[str, Any]) -> None:
    score = mlqa(case["predictions"], case["references"], case["language"])
    assert (score.f1, score.em) == pytest.approx((case["f1"], case["em"]), abs=EXACT)


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


def test_records_are_frozen() -> None:
    score = QAScore(f1=1.0, em=2.0)
    with pytest.raises(ValidationError):
        score.f1 = 3.0  # type: ignore[misc]
