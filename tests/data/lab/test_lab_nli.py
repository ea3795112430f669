"""Entailment is entailment: every generated label agrees with the enumeration of situations."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_situations import judge

from harness.data.lab import generate, nli
from harness.data.lab.frames import Frame, Noun


@pytest.mark.parametrize("task", ["mnli", "xnli", "anli_plus"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), split=st.sampled_from(["train", "dev", "test"]))
def test_labels_follow_from_situations(task: str, seed: int, split: str) -> None:
    for item in islice(nli.items(task, split, seed), 60):
        premise = tuple(frame for frame, _ in item.premise)
        assert judge(premise, item.hypothesis[0]) == item.label, item


def test_the_judge_itself() -> None:
    sparrow, bird, cat = Noun("sparrow"), Noun("bird"), Noun("cat")
    in_hall = Frame(sparrow, "sleep", place=Noun("hall"))
    assert judge((in_hall,), Frame(bird, "sleep")) == "entailment"
    assert judge((Frame(bird, "sleep"),), in_hall) == "neutral"
    assert judge((in_hall,), Frame(cat, "sleep")) == "contradiction"
    assert judge((in_hall,), Frame(sparrow, "sleep", negated=True)) == "contradiction"
    assert judge((in_hall,), Frame(cat, "sleep", negated=True)) == "entailment"
    assert judge((Frame(sparrow, "sleep", time="today"),), Frame(sparrow, "sleep", time="noon")) == "neutral"


@pytest.mark.parametrize("task", ["mnli", "anli_plus"])
def test_labels_are_balanced_and_lengths_tell_nothing(task: str) -> None:
    rows = generate(task, "train", "qaa", 4000, 5)
    counts = Counter(row["label"] for row in rows)
    assert set(counts) == set(nli.LABELS)
    assert max(counts.values()) - min(counts.values()) < 0.08 * len(rows)
    for field in ("premise", "hypothesis"):
        means = [
            sum(len(row[field].split()) for row in rows if row["label"] == label) / counts[label]
            for label in nli.LABELS
        ]
        # anli_plus mixes premises of one and of two clauses, so its means vary more by chance
        assert max(means) - min(means) < (0.3 if task == "mnli" else 0.5), (field, means)


def test_negation_is_no_cue() -> None:
    # Four seeds together: about 1,300 negated items, so that chance alone stays far from the bound.
    items = [item for seed in (2, 3, 4, 5) for item in islice(nli.items("mnli", "train", seed), 4000)]
    negated = Counter(item.label for item in items if item.hypothesis[0].negated)
    assert sum(negated.values()) > 400
    assert max(negated.values()) < 1.3 * min(negated.values())
