"""Exact match and token F1 of extracted answers, as the official SQuAD 1.1, SQuAD 2.0 and MLQA scripts do.

XTREME scores XQuAD and TyDiQA with the first and MLQA with the third (google-research/xtreme, evaluate.py
calling third_party/evaluate_squad.py and third_party/evaluate_mlqa.py; the latter is facebookresearch/MLQA's
mlqa_evaluation_v1.py). The three differ in how they normalise an answer and in what two empty answers are
worth.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from harness.project.errors import HarnessError
from harness.project.records import Record

Normalise = Callable[[str], str]


class QAScore(Record):
    """Mean scores over all questions of one language."""

    f1: float
    """Mean over questions of the best token F1 against any reference answer, in points."""
    em: float
    """Share of questions whose normalised prediction equals a normalised reference answer, in points."""


class _WithoutPunctuation(dict[int, int | None]):
    """A table for str.translate that drops Unicode's P categories and ASCII punctuation.

    It fills as characters turn up: upstream's list of all of Unicode takes longer to make than most files to
    score.
    """

    def __missing__(self, code_point: int) -> int | None:
        char = chr(code_point)
        drop = unicodedata.category(char).startswith("P") or char in string.punctuation
        self[code_point] = None if drop else code_point
        return self[code_point]


_NO_PUNCTUATION = _WithoutPunctuation()
_NO_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")
_HAN = re.compile(r"([\u4e00-\u9fa5])")
# What mlqa_evaluation_v1.py takes for articles. Its Arabic pattern is '\sال^|ال', whose first branch never
# matches.
_MLQA_ARTICLES: dict[str, re.Pattern[str] | None] = {
    "en": _ENGLISH_ARTICLES,
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "ar": re.compile("ال"),
    "zh": None,
}
# ISO 639 keeps qaa to qtz for private use: constructed languages, without articles, words between spaces.
_PRIVATE_CODE = re.compile(r"q[a-t][a-z]")


def _normalise_squad(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single spaces."""
    return " ".join(_ENGLISH_ARTICLES.sub(" ", text.lower().translate(_NO_ASCII_PUNCTUATION)).split())


def _mlqa_normaliser(language: str) -> Normalise:
    """One language's rule: lower case, no Unicode punctuation, no articles, Han characters one by one."""
    if language not in _MLQA_ARTICLES and not _PRIVATE_CODE.fullmatch(language):
        known = ", ".join(_MLQA_ARTICLES)
        raise HarnessError(
            f"expected one of MLQA's languages ({known}) or a private code, qaa to qtz, found {language!r}",
            fix="score this language with squad(), which has one rule for all languages",
        )
    articles = _MLQA_ARTICLES.get(language)

    def normalise(text: str) -> str:
        text = text.lower().translate(_NO_PUNCTUATION)
        if articles is not None:
            text = articles.sub(" ", text)
        if language == "zh":
            text = _HAN.sub(r" \1 ", text)
        return " ".join(text.split())

    return normalise


def _token_f1(prediction: str, truth: str) -> float:
    """F1 (0 to 1) of two normalised answers as bags of words; 0 when they share none, or both are empty."""
    predicted_tokens, truth_tokens = prediction.split(), truth.split()
    same = sum((Counter(predicted_tokens) & Counter(truth_tokens)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(predicted_tokens), same / len(truth_tokens)
    return 2 * precision * recall / (precision + recall)


def _token_f1_or_no_answer(prediction: str, truth: str) -> float:
    """As `_token_f1`, but an empty answer means "no answer": two of them agree fully."""
    if not prediction or not truth:
        return float(prediction == truth)
    return _token_f1(prediction, truth)


def _score(
    predictions: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    normalise: Normalise,
    token_f1: Callable[[str, str], float],
) -> QAScore:
    """Mean over the questions of `references` of the best score against any of their answers."""
    if not references:
        raise HarnessError("expected at least one question to score, found none")
    f1 = em = 0.0
    for question, answers in references.items():
        if question not in predictions:
            continue
        if not answers:
            raise HarnessError(
                f"expected at least one reference answer, found none for question {question!r}",
                fix="score unanswerable questions with squad_v2()",
            )
        prediction = normalise(predictions[question])
        truths = [normalise(answer) for answer in answers]
        em += prediction in truths
        f1 += max(token_f1(prediction, truth) for truth in truths)
    return QAScore(f1=100.0 * f1 / len(references), em=100.0 * em / len(references))


def squad(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> QAScore:
    """SQuAD v1.1's scores with English article stripping, whatever the language (XQuAD, TyDiQA), in points.

    Both arguments map a question's id to text: the predicted answer, and the reference answers (at least
    one). A question without a prediction scores 0; a prediction without a question is ignored; an answer that
    normalises to nothing equals another such answer, yet their F1 is 0. Raises HarnessError on no questions
    or on a predicted question without reference answers.
    """
    return _score(predictions, references, _normalise_squad, _token_f1)


def mlqa(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], language: str) -> QAScore:
    """MLQA's scores in the normalisation of `language` (the language of the answers), in points.

    Arguments, unanswered questions and errors as in `squad`. `language` is en, es, de, ar, hi, vi or zh, or a
    private code from qaa to qtz (no articles, words between spaces; not in MLQA). "Punctuation" follows the
    running Python's Unicode tables.
    """
    return _score(predictions, references, _mlqa_normaliser(language), _token_f1)


def squad_v2(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> QAScore:
    """SQuAD v2.0's scores (the official evaluate-v2.0.py, `exact` and `f1`), in points.

    An empty list of references makes a question unanswerable; so does one whose answers all normalise to
    nothing. The empty string is then the only right prediction. A question without a prediction scores 0 (the
    official script stops with a KeyError). Raises HarnessError on no questions.
    """
    real = {q: [a for a in answers if _normalise_squad(a)] or [""] for q, answers in references.items()}
    return _score(predictions, real, _normalise_squad, _token_f1_or_no_answer)
