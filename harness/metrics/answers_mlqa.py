"""MLQA's scores (XTREME's evaluate.py calling third_party/evaluate_mlqa.py, which is facebookresearch/MLQA's
mlqa_evaluation_v1.py).
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping, Sequence

from harness.metrics.answers import ENGLISH_ARTICLES, Normalise, QAScore, score_answers, token_f1
from harness.project.errors import HarnessError


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
_HAN = re.compile(r"([\u4e00-\u9fa5])")
# What mlqa_evaluation_v1.py takes for articles. Its Arabic pattern is '\sال^|ال', whose first branch never
# matches.
_MLQA_ARTICLES: dict[str, re.Pattern[str] | None] = {
    "en": ENGLISH_ARTICLES,
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "ar": re.compile("ال"),
    "zh": None,
}
# ISO 639 keeps qaa to qtz for private use: constructed languages, without articles, words between spaces.
_PRIVATE_CODE = re.compile(r"q[a-t][a-z]")


def mlqa_normaliser(language: str) -> Normalise:
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


def mlqa(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]], language: str) -> QAScore:
    """MLQA's scores in the normalisation of `language` (the language of the answers), in points.

    Arguments, unanswered questions and errors as in `squad`. `language` is en, es, de, ar, hi, vi or zh, or a
    private code from qaa to qtz (no articles, words between spaces; not in MLQA). "Punctuation" follows the
    running Python's Unicode tables.
    """
    return score_answers(predictions, references, mlqa_normaliser(language), token_f1)
