"""SQuAD v1.1's scores, which XTREME gives XQuAD and TyDiQA (evaluate.py calling third_party/evaluate_squad.py)."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from harness.metrics.answers import ENGLISH_ARTICLES, QAScore, score_answers, token_f1

_NO_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_squad(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single spaces."""
    return " ".join(ENGLISH_ARTICLES.sub(" ", text.lower().translate(_NO_ASCII_PUNCTUATION)).split())


def squad(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> QAScore:
    """SQuAD v1.1's scores with English article stripping, whatever the language (XQuAD, TyDiQA), in points.

    Both arguments map a question's id to text: the predicted answer, and the reference answers (at least
    one). A question without a prediction scores 0; a prediction without a question is ignored; an answer that
    normalises to nothing equals another such answer, yet their F1 is 0. Raises HarnessError on no questions
    or on a predicted question without reference answers.
    """
    return score_answers(predictions, references, normalise_squad, token_f1)
