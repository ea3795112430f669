"""XTREME's nine tasks as its evaluator knows them: folders, languages, labels, and how a file of each is scored.

Source: google-research/xtreme, evaluate.py (838c13b69daafb9328785d16caae2711e4012123). Every metric is
harness.metrics'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from harness.exchange.importers.xtreme_files import (
    check_words,
    foreign_words,
    read_answers,
    read_labels,
    read_pairs,
    read_references,
    read_tags,
)
from harness.metrics.answers import answer_items, score_answers, token_f1
from harness.metrics.answers_mlqa import mlqa_normaliser
from harness.metrics.answers_squad import normalise_squad
from harness.metrics.classification import accuracy
from harness.metrics.pairs import pair_f1
from harness.metrics.tagging import span_counts, span_f1
from harness.project.errors import HarnessError, name_some

MEAN = "mean of em and f1"
"""The number of a question answering language that XTREME's average is made of."""


@dataclass(frozen=True)
class Scored:
    """One language of one task."""

    values: Mapping[str, float]
    """Metric -> points; the first is the one that XTREME's average is made of."""
    items: Sequence[str] = ()
    """The items' names."""
    right: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Metric -> how right each item is, from 0 to 1."""
    counts: Sequence[tuple[int, int, int]] = ()
    """(correct, predicted, gold) of each item."""
    remarks: Sequence[str] = ()


Score = Callable[[Path, Path, str, Sequence[str] | None], Scored]
"""(predictions, labels, language, the task's labels) -> what came out."""


@dataclass(frozen=True)
class XtremeTask:
    """One task."""

    folder: str
    """Its folder in a submission."""
    languages: Sequence[str]
    score: Score
    labels: Sequence[str] | None = None
    """All labels or tags; None: no closed set."""
    suffix: str = "tsv"


def _labelled(predictions: Path, labels: Path, language: str, known: Sequence[str] | None) -> Scored:
    gold, predicted = read_labels(labels), read_labels(predictions)
    check_words(labels, gold, known)
    _check_count(predictions, len(predicted), labels, len(gold), "rows")
    remark = foreign_words(predictions, predicted, known)
    right = [float(g == p) for g, p in zip(gold, predicted, strict=True)]
    names = [str(row) for row in range(1, len(gold) + 1)]
    return Scored({"accuracy": accuracy(gold, predicted)}, names, {"accuracy": right}, remarks=_some(remark))


def _tagged(predictions: Path, labels: Path, language: str, known: Sequence[str] | None) -> Scored:
    gold, predicted = read_tags(labels), read_tags(predictions)
    check_words(labels, [tag for tags in gold for tag in tags], known)
    _check_count(predictions, len(predicted), labels, len(gold), "sentences")
    for row, (g, p) in enumerate(zip(gold, predicted, strict=True), start=1):
        _check_count(predictions, len(p), labels, len(g), f"tags of sentence {row}")
    remark = foreign_words(predictions, [tag for tags in predicted for tag in tags], known)
    found = span_counts(gold, predicted)
    counts = list(zip(found["correct"], found["predicted"], found["gold"], strict=True))
    names = [f"{language}-{row}" for row in range(1, len(gold) + 1)]
    return Scored({"f1": span_f1(gold, predicted)}, names, counts=counts, remarks=_some(remark))


def _answered(predictions: Path, labels: Path, language: str, known: Sequence[str] | None) -> Scored:
    """As SQuAD's and MLQA's scripts: an unanswered question counts as wrong, an answer to no question not at all."""
    given, gold = read_answers(predictions), read_references(labels)
    normalise = mlqa_normaliser(language) if labels.parent.name == "mlqa" else normalise_squad
    whole = score_answers(given, gold, normalise, token_f1)
    each = answer_items(given, gold, normalise, token_f1)
    right = {name: [float(value) for value in each[name]] for name in ("f1", "em")}
    right[MEAN] = [fmean(both) for both in zip(right["f1"], right["em"], strict=True)]
    values = {MEAN: fmean((whole.f1, whole.em)), "f1": whole.f1, "em": whole.em}
    return Scored(values, list(gold), right, remarks=_strangers(predictions, given, gold))


def _mined(predictions: Path, labels: Path, language: str, known: Sequence[str] | None) -> Scored:
    """No items: a sentence that is in no pair stands in neither file, and two methods would have different ones."""
    gold = read_pairs(labels)
    if not gold:
        raise HarnessError(f"expected pairs of ids in {labels}, found none", fix="take XTREME's own labels")
    return Scored({"f1": pair_f1(read_pairs(predictions), gold)})


def _strangers(path: Path, given: Mapping[str, str], gold: Mapping[str, Sequence[str]]) -> list[str]:
    missing = [name for name in gold if name not in given]
    beyond = [name for name in given if name not in gold]
    return [
        *([f"Counted as wrong, since {path} has no answer to them: {name_some(missing)}."] if missing else []),
        *([f"Left out, since no question has these ids of {path}: {name_some(beyond)}."] if beyond else []),
    ]


def _check_count(predictions: Path, found: int, labels: Path, expected: int, what: str) -> None:
    if found != expected or not expected:
        raise HarnessError(
            f"expected as many {what} in {predictions} as in {labels} ({expected}), found {found}",
            fix="predict every row of the test set, in its order, one line each",
        )


def _some(remark: str | None) -> list[str]:
    return [remark] if remark else []


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SPANS = _words("O B-PER I-PER B-ORG I-ORG B-LOC I-LOC")
_PARTS_OF_SPEECH = _words("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X _")
"""`_` stands in UDPOS's files for a word that was joined of several."""
TASKS: Mapping[str, XtremeTask] = {
    "xnli": XtremeTask(
        "xnli",
        _words("ar bg de el en es fr hi ru sw th tr ur vi zh"),
        _labelled,
        ("entailment", "neutral", "contradiction"),
    ),
    "pawsx": XtremeTask("pawsx", _words("de en es fr ja ko zh"), _labelled, ("0", "1")),
    "panx": XtremeTask(
        "panx",
        _words(
            "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl"
            " tr ur vi yo zh"
        ),
        _tagged,
        _SPANS,
    ),
    "udpos": XtremeTask(
        "udpos",
        _words("af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh"),
        _tagged,
        _PARTS_OF_SPEECH,
    ),
    "xquad": XtremeTask("xquad", _words("ar de el en es hi ru th tr vi zh"), _answered, suffix="json"),
    "mlqa": XtremeTask("mlqa", _words("ar de en es hi vi zh"), _answered, suffix="json"),
    "tydiqa": XtremeTask("tydiqa", _words("ar bn en fi id ko ru sw te"), _answered, suffix="json"),
    "bucc": XtremeTask("bucc2018", _words("de fr ru zh"), _mined),
    "tatoeba": XtremeTask(
        "tatoeba",
        _words(
            "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te th tl tr ur vi"
            " zh"
        ),
        _labelled,
    ),
}
"""The harness's name of a target -> the task."""
