"""F1 over sets of sentence pairs, and the score threshold that maximises it (BUCC).

Follows evaluate.py `bucc_f1` and third_party/utils_retrieve.py `bucc_optimize`, `bucc_extract`, `bucc_eval`
of google-research/xtreme. Needs no numpy: mined pairs are re-scored from stored predictions.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable

from harness.project.records import Record

Pair = tuple[Hashable, Hashable]
MinedPair = tuple[Hashable, Hashable, float]


class ThresholdScore(Record):
    """The best threshold of a list of mined pairs, and the scores of the pairs at or above it."""

    threshold: float
    """Lowest margin that an extracted pair may have; 0 when no mined pair is in the gold."""
    precision: float
    """Share of the extracted pairs that are in the gold, in points."""
    recall: float
    """Share of the gold pairs that were extracted, in points."""
    f1: float
    """Harmonic mean of precision and recall, in points."""


def _precision_recall_f1(correct: int, extracted: int, gold: int) -> tuple[float, float, float]:
    """The three scores from 0 to 1; all 0 when nothing is correct."""
    if correct == 0:
        return 0.0, 0.0, 0.0
    precision, recall = correct / extracted, correct / gold
    return precision, recall, 2 * precision * recall / (precision + recall)


def _pair_set(pairs: Iterable[Pair]) -> set[Pair]:
    """The distinct pairs; JSON gives lists, which can't stand in a set."""
    return {(source, target) for source, target in pairs}


def pair_f1(predicted_pairs: Iterable[Pair], gold_pairs: Iterable[Pair]) -> float:
    """F1 of two collections of pairs taken as sets, in points; 0 when they share no pair."""
    predicted, gold = _pair_set(predicted_pairs), _pair_set(gold_pairs)
    return _precision_recall_f1(len(predicted & gold), len(predicted), len(gold))[2] * 100


def _best_scores(mined: Iterable[MinedPair]) -> dict[Pair, float]:
    """Each pair's highest score, in the order in which the pairs first appear."""
    scores: dict[Pair, float] = {}
    for source, target, score in mined:
        scores[source, target] = max(score, scores.get((source, target), score))
    return scores


def pairs_above(mined: Iterable[MinedPair], threshold: float) -> list[Pair]:
    """The mined pairs that score at or above `threshold`, in mined order (upstream's `bucc_extract`)."""
    return [pair for pair, score in _best_scores(mined).items() if score >= threshold]


def _optimise(ranked: list[tuple[Pair, float]], gold: Collection[Pair]) -> float:
    """The threshold halfway below the pair at which extracting from the top first reaches the highest F1."""
    threshold, best_f1, correct = 0.0, 0.0, 0
    for extracted, (pair, score) in enumerate(ranked, start=1):
        correct += pair in gold
        f1 = _precision_recall_f1(correct, extracted, len(gold))[2]
        if f1 > best_f1:
            best_f1 = f1
            # Upstream reads past the end when the best cut keeps every pair; the last score keeps them too.
            next_score = ranked[extracted][1] if extracted < len(ranked) else score
            threshold = (score + next_score) / 2
    return threshold


def best_threshold(mined: Iterable[MinedPair], gold_pairs: Iterable[Pair]) -> ThresholdScore:
    """The threshold that maximises F1 against `gold_pairs`, with the scores of the pairs at or above it.

    `mined` is what `mine_bitext` or `mine_rows` returns: (source, target, margin score). Pairs are ranked by
    score, equal scores in mined order; the first of several best cuts wins. The scores are those of
    extracting with `score >= threshold`, so pairs tied at the threshold count although the search looked at
    them one by one. Where the best cut keeps every pair, upstream stops with an IndexError; here the
    threshold is then the lowest score.
    """
    scores = _best_scores(mined)
    gold = _pair_set(gold_pairs)
    threshold = _optimise(sorted(scores.items(), key=lambda item: -item[1]), gold)
    extracted = [pair for pair, score in scores.items() if score >= threshold]
    precision, recall, f1 = _precision_recall_f1(len(gold.intersection(extracted)), len(extracted), len(gold))
    return ThresholdScore(threshold=threshold, precision=100 * precision, recall=100 * recall, f1=100 * f1)
