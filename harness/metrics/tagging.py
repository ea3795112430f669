"""Span F1 as seqeval 1.2.2's default `f1_score` gives it: micro-averaged, conlleval-compatible, never strict.

XTREME scores PAN-X and UDPOS with it (evaluate.py `f1`), UDPOS on raw part-of-speech tags. seqeval reads a
raw tag by its first letter and the rest, which has consequences that are kept here because the published
numbers have them; see `spans`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.metrics.classification import check_aligned
from harness.project.errors import HarnessError

Span = tuple[str, int, int]


def _split(tag: str) -> tuple[str, str]:
    """A tag's prefix (its first letter) and type (what follows the next hyphen, else the rest, else "_")."""
    return tag[0], tag[1:].split("-", maxsplit=1)[-1] or "_"


def _ends(previous: tuple[str, str], current: tuple[str, str]) -> bool:
    """Whether a span ends between two neighbouring tags."""
    if previous[0] in "ES":
        return True
    if previous[0] in "BI" and current[0] in "BSO":
        return True
    return previous[0] not in "O." and previous[1] != current[1]


def _starts(previous: tuple[str, str], current: tuple[str, str]) -> bool:
    """Whether a span starts at the second of two neighbouring tags."""
    if current[0] in "BS":
        return True
    if previous[0] in "ESO" and current[0] in "EI":
        return True
    return current[0] not in "O." and previous[1] != current[1]


def spans(sequences: Sequence[Sequence[str]]) -> Iterator[Span]:
    """The spans (type, first position, last position) of tag sequences laid end to end, one "O" after each.

    What seqeval does with tags that are not BIO, kept exactly: `NOUN` is prefix `N`, type `OUN`, so a run of
    equal tags is one span; `CCONJ` and `SCONJ` share the type `CONJ`, and every `SCONJ` and `SYM` is a span
    of its own (prefix `S`); `X` and `_` have the type `_` that `O` has as well, so next to a sentence's edge
    they open no span, or open it where the span before them opened.
    """
    previous, first, position = ("O", ""), 0, -1
    for sequence in sequences:
        for tag in (*sequence, "O"):
            position += 1
            current = _split(tag)
            if _ends(previous, current):
                yield previous[1], first, position - 1
            if _starts(previous, current):
                first = position
            previous = current


def span_f1(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """Micro-averaged F1 of predicted against gold spans, in points; 0 when no span is right.

    `gold` and `predicted` are aligned lists of tag sequences, one tag a token: BIO tags, well-formed or not,
    or raw tags. Raises HarnessError on no sequences, on unequal numbers of sequences or tags, and on an empty
    tag.
    """
    gold_spans, predicted_spans = _both(gold, predicted)
    correct = len(gold_spans & predicted_spans)
    if correct == 0:
        return 0.0
    precision, recall = correct / len(predicted_spans), correct / len(gold_spans)
    return 2 * precision * recall / (precision + recall) * 100


def span_counts(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """The spans that `span_f1` counts, sequence by sequence: how many are `correct`, `predicted` and `gold`.

    A span belongs to the sequence that it ends in. Arguments and errors as there.
    """
    gold_spans, predicted_spans = _both(gold, predicted)
    row_of = [row for row, tags in enumerate(gold) for _ in range(len(tags) + 1)]  # an "O" stands after each

    def counts(found: set[Span]) -> list[int]:
        by_row = Counter(row_of[last] for _, _, last in found)
        return [by_row[row] for row in range(len(gold))]

    return {
        "correct": counts(gold_spans & predicted_spans),
        "predicted": counts(predicted_spans),
        "gold": counts(gold_spans),
    }


def _both(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> tuple[set[Span], set[Span]]:
    """Gold and predicted spans of sequences that are aligned."""
    check_aligned(gold, predicted, "tag sequences")
    for row, (g, p) in enumerate(zip(gold, predicted, strict=True)):
        if len(g) != len(p):
            raise HarnessError(f"expected {len(g)} predicted tags, found {len(p)} in sequence {row}")
        if "" in g or "" in p:
            raise HarnessError(f"expected a tag for every token, found an empty one in sequence {row}")
    return set(spans(gold)), set(spans(predicted))
