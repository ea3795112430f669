"""SQuAD v2.0's scores, as the official evaluate-v2.0.py gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.metrics.answers import QAScore, score_answers, token_f1
from harness.metrics.answers_squad import normalise_squad


def token_f1_or_no_answer(prediction: str, truth: str) -> float:
    """As `token_f1`, but an empty answer means "no answer": two of them agree fully."""
    if not prediction or not truth:
        return float(prediction == truth)
    return token_f1(prediction, truth)


def real_answers(references: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The references that say something; a question with none of them has the empty answer alone."""
    return {q: [a for a in answers if normalise_squad(a)] or [""] for q, answers in references.items()}


def squad_v2(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> QAScore:
    """SQuAD v2.0's scores (the official evaluate-v2.0.py, `exact` and `f1`), in points.

    An empty list of references makes a question unanswerable; so does one whose answers all normalise to
    nothing. The empty string is then the only right prediction. A question without a prediction scores 0 (the
    official script stops with a KeyError). Raises HarnessError on no questions.
    """
    return score_answers(predictions, real_answers(references), normalise_squad, token_f1_or_no_answer)
