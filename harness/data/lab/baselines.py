"""What can be had without understanding: majority and bag-of-words baselines, printed beside every model.

A bag of words knows which words stand in which field and nothing of order or of how two fields relate;
where it does well, a label leaks. All scores are in points (0-100) on the dev rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

Rows = Sequence[dict[str, Any]]
Bag = list[str]

_PAIRS = {"premise": ("premise", "hypothesis"), "sentence1": ("sentence1", "sentence2")}


def baselines(task: str, rows_train: Rows, rows_dev: Rows) -> dict[str, float]:
    """Points on the dev rows: "majority", "bag_of_words", and for pairs "second_only" (bag of words of the
    second field).

    Classification and multiple choice: accuracy. Tagging: accuracy per token. Question answering: mean
    token F1. Retrieval (tatoeba) takes no training rows: accuracy by shared words; bucc takes source,
    target and gold rows in one list as `rows_dev`: F1 over pairs.
    """
    if task == "bucc":
        return {"majority": 0.0, "bag_of_words": _mining(rows_dev)}
    if "target" in rows_dev[0]:
        return {"majority": 100.0 / len(rows_dev), "bag_of_words": _retrieval(rows_dev)}
    scores = {"majority": majority(rows_train, rows_dev), "bag_of_words": bag_of_words(rows_train, rows_dev)}
    fields = _pair_fields(rows_dev)
    if fields:
        scores["second_only"] = bag_of_words(rows_train, rows_dev, fields[1:])
    return scores


def majority(rows_train: Rows, rows_dev: Rows) -> float:
    """The commonest label, tag or place among the choices; for questions the empty answer, which is right
    if none is.
    """
    if "answers" in rows_dev[0]:
        return _points(not row["answers"]["text"] for row in rows_dev)
    if "tags" in rows_dev[0]:
        commonest = Counter(tag for row in rows_train for tag in row["tags"]).most_common(1)[0][0]
        return _points(tag == commonest for row in rows_dev for tag in row["tags"])
    commonest = Counter(row["label"] for row in rows_train).most_common(1)[0][0]
    return _points(row["label"] == commonest for row in rows_dev)


def bag_of_words(rows_train: Rows, rows_dev: Rows, fields: tuple[str, ...] = ()) -> float:
    """A logistic regression on word counts per field (all of a pair's fields, or the `fields` given).

    For choices it scores each choice; for tags it is each word's commonest tag; for questions the words of
    the best overlapping sentence that the question lacks.
    """
    if "answers" in rows_dev[0]:
        return _overlap_answers(rows_dev)
    if "tags" in rows_dev[0]:
        return _commonest_tags(rows_train, rows_dev)
    if "choices" in rows_dev[0]:
        return _choices(rows_train, rows_dev)
    fields = fields or _pair_fields(rows_dev)
    train = [_bag(row, fields) for row in rows_train]
    score = _fitted(train, [row["label"] for row in rows_train])
    best, classes = score([_bag(row, fields) for row in rows_dev])
    predicted = [classes[i] for i in best.argmax(axis=1)]
    return _points(p == row["label"] for p, row in zip(predicted, rows_dev, strict=True))


def _pair_fields(rows: Rows) -> tuple[str, ...]:
    """The two fields of a pair, or nothing."""
    return next((fields for key, fields in _PAIRS.items() if key in rows[0]), ())


def _points(right: Iterable[bool]) -> float:
    """The share that is right, in points."""
    return float(100 * np.mean([bool(r) for r in right]))


def _bag(row: dict[str, Any], fields: tuple[str, ...]) -> Bag:
    """The words of the fields, each marked with its field."""
    return [f"{field}:{word}" for field in fields for word in row.get(field, "").split()]


def _fitted(bags: list[Bag], labels: list[Any]) -> Callable[[list[Bag]], tuple[Any, list[Any]]]:
    """A logistic regression; called with bags it gives the probabilities (n, classes) and the classes."""
    from sklearn.linear_model import LogisticRegression

    vocabulary = {word: i for i, word in enumerate(sorted({word for bag in bags for word in bag}))}
    model = LogisticRegression(max_iter=300, C=0.3).fit(_counts(bags, vocabulary), labels)
    return lambda new: (model.predict_proba(_counts(new, vocabulary)), model.classes_.tolist())


def _counts(bags: list[Bag], vocabulary: dict[str, int]) -> csr_matrix:
    """Word counts as a sparse matrix (bags, words); unknown words are dropped."""
    pairs = [(i, vocabulary[word]) for i, bag in enumerate(bags) for word in bag if word in vocabulary]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    return csr_matrix((np.ones(len(pairs)), (rows, columns)), shape=(len(bags), len(vocabulary)))


def _choices(rows_train: Rows, rows_dev: Rows) -> float:
    """One right-or-wrong regression over single choices with their context and question; the best choice
    wins.
    """

    def bags(rows: Rows) -> list[Bag]:
        return [
            _bag(row, ("context", "question")) + [f"choice:{word}" for word in choice.split()]
            for row in rows for choice in row["choices"]
        ]  # fmt: skip

    right = [i == row["label"] for row in rows_train for i in range(len(row["choices"]))]
    probabilities = _fitted(bags(rows_train), right)(bags(rows_dev))[0][:, 1]
    at, correct = 0, []
    for row in rows_dev:
        n = len(row["choices"])
        correct.append(int(np.argmax(probabilities[at : at + n])) == row["label"])
        at += n
    return _points(correct)


def _commonest_tags(rows_train: Rows, rows_dev: Rows) -> float:
    """Each word's commonest tag in training, the commonest tag of all for an unknown word."""
    by_word: dict[str, Counter[str]] = {}
    overall: Counter[str] = Counter()
    for row in rows_train:
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            by_word.setdefault(token, Counter())[tag] += 1
            overall[tag] += 1
    return _points(
        by_word.get(token, overall).most_common(1)[0][0] == tag
        for row in rows_dev for token, tag in zip(row["tokens"], row["tags"], strict=True)
    )  # fmt: skip


def _overlap_answers(rows: Rows) -> float:
    """Token F1 of the words that the question lacks in the sentence that shares most words with it."""
    scores = []
    for row in rows:
        asked = set(row["question"].split())
        sentences = [sentence.split() for sentence in row["context"].split(" .")]
        best = max(sentences, key=lambda words: len(asked.intersection(words)))
        guess = [word for word in best if word not in asked]
        scores.append(max((_token_f1(guess, text.split()) for text in row["answers"]["text"]), default=0.0))
    return float(100 * np.mean(scores))


def _token_f1(guess: Bag, answer: Bag) -> float:
    """The harmonic mean of precision and recall of words, between 0 and 1."""
    common = sum((Counter(guess) & Counter(answer)).values())
    return 2 * common / (len(guess) + len(answer)) if common else 0.0


def _similarity(sources: list[str], targets: list[str]) -> Any:
    """Shared words over all words of each pair, as an array (sources, targets)."""
    vocabulary = {w: i for i, w in enumerate(sorted({w for text in (*sources, *targets) for w in text.split()}))}
    left, right = (_counts([text.split() for text in side], vocabulary) for side in (sources, targets))
    left.data[:], right.data[:] = 1.0, 1.0
    shared = (left @ right.T).toarray()
    return shared / (np.asarray(left.sum(axis=1)) + np.asarray(right.sum(axis=1)).T - shared)


def _retrieval(rows: Rows) -> float:
    """How often the right translation shares most words with the sentence."""
    similarity = _similarity([row["target"] for row in rows], [row["source"] for row in rows])
    return _points(similarity.argmax(axis=1) == np.arange(len(rows)))


def _mining(rows: Rows) -> float:
    """F1 of the pairs that are each other's best match by shared words."""
    gold = {(row["source_id"], row["target_id"]) for row in rows if "source_id" in row}
    sides = [[row for row in rows if f"-{side}-" in row["id"] and "text" in row] for side in ("source", "target")]
    similarity = _similarity(*([row["text"] for row in side] for side in sides))
    forward, backward = similarity.argmax(axis=1), similarity.argmax(axis=0)
    mined = {(sides[0][i]["id"], sides[1][j]["id"]) for i, j in enumerate(forward) if backward[j] == i}
    return 200.0 * len(mined & gold) / max(len(mined) + len(gold), 1)
