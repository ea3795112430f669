"""Batches for training: every example once an epoch, in an order that is new every epoch and follows from the seed."""

from __future__ import annotations

from itertools import islice

from harness.model.batching import training_batches
from harness.model.features import Feature

SIZE, BATCH = 64, 4
ITEMS = [Feature([[0] * 5], None, row) for row in range(SIZE)]
"""Of one length, so that sorting by length gives no order."""


def epochs(seed: int, count: int = 2) -> list[list[list[int]]]:
    """The rows of each batch, epoch by epoch."""
    rows = [
        [item.row for item in batch] for batch in islice(training_batches(ITEMS, BATCH, seed), count * SIZE // BATCH)
    ]
    return [rows[start : start + SIZE // BATCH] for start in range(0, len(rows), SIZE // BATCH)]


def test_every_example_comes_once_an_epoch() -> None:
    for epoch in epochs(1):
        assert sorted(row for batch in epoch for row in batch) == list(range(SIZE))


def test_examples_come_together_with_others_in_every_epoch() -> None:
    first, second = ({frozenset(batch) for batch in epoch} for epoch in epochs(1))
    assert len(first & second) <= 1, "the same batches in another order would be no new order of examples"


def test_the_order_follows_from_the_seed_alone() -> None:
    assert epochs(1) == epochs(1) != epochs(2)
