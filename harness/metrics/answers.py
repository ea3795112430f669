"""Exact match and token F1 of extracted answers: what the official SQuAD 1.1, SQuAD 2.0 and MLQA scripts share.

The three differ in how they normalise an answer and in what two empty answers are worth: answers_squad.py,
answers_squad_v2.py and answers_mlqa.py say that, so that a change to one of them leaves the cells of the others alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.metrics.metric import Items, Row
from harness.project.errors import HarnessError
from harness.project.records import Record

Normalise = Callable[[str], str]
TokenF1 = Callable[[str, str], float]
ANSWERS = ("em", "f1")
"""The numbers of a language that count, both alike."""
ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")


class QAScore(Record):
    """Mean scores over all questions of one language."""

    f1: float
    """Mean over questions of the best token F1 against any reference answer, in points."""
    em: float
    """Share of questions whose normalised prediction equals a normalised reference answer, in points."""


def token_f1(prediction: str, truth: str) -> float:
    """F1 (0 to 1) of two normalised answers as bags of words; 0 when they share none, or both are empty."""
    predicted_tokens, truth_tokens = prediction.split(), truth.split()
    same = sum((Counter(predicted_tokens) & Counter(truth_tokens)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(predicted_tokens), same / len(truth_tokens)
    return 2 * precision * recall / (precision + recall)


def each_answer(
    predictions: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    normalise: Normalise,
    f1_of: TokenF1,
) -> Iterator[tuple[float, bool]]:
    """Token F1 (0 to 1) and exact match of every question of `references`, the best against any of its answers.

    A question without a prediction has neither. Raises HarnessError for a predicted question without a reference.
    """
    for question, answers in references.items():
        if question not in predictions:
            yield 0.0, False
            continue
        if not answers:
            raise HarnessError(
                f"expected at least one reference answer, found none for question {question!r}",
                fix="score unanswerable questions with squad_v2()",
            )
        prediction = normalise(predictions[question])
        truths = [normalise(answer) for answer in answers]
        yield max(f1_of(prediction, truth) for truth in truths), prediction in truths


def score_answers(
    predictions: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    normalise: Normalise,
    f1_of: TokenF1,
) -> QAScore:
    """Mean over the questions of `references`, in points; raises HarnessError where there is none."""
    if not references:
        raise HarnessError("expected at least one question to score, found none")
    f1 = em = 0.0
    for each_f1, exact in each_answer(predictions, references, normalise, f1_of):
        f1 += each_f1
        em += exact
    return QAScore(f1=100.0 * f1 / len(references), em=100.0 * em / len(references))


def by_question(rows: Sequence[Row], predictions: Sequence[Any]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Question's id -> its predicted answer, and -> its reference answers; ValueError where their numbers differ."""
    ids = [row["id"] for row in rows]
    return dict(zip(ids, predictions, strict=True)), {row["id"]: row["answers"]["text"] for row in rows}


def answer_items(
    predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], normalise: Normalise, f1_of: TokenF1
) -> Items:
    """Of each question `f1`, from 0 to 1 with six decimals, and `em`, 0 or 1."""
    found = list(each_answer(predictions, references, normalise, f1_of))
    return {"f1": [round(f1, 6) for f1, _ in found], "em": [int(exact) for _, exact in found]}


def answer_total(items: Items) -> dict[str, float]:
    """Their means in points."""
    return {name: 100.0 * sum(items[name]) / len(items[name]) for name in ("f1", "em")}
