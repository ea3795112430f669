"""Features -> batches: sorted by length so that little is padding, in an order that follows from the seed alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from harness.model import determinism
from harness.model.features import IGNORED, Feature
from harness.model.forward import padded

POOL = 32
"""Batches sorted together: long enough that padding is small, short enough that batches stay random."""


def training_batches(items: Sequence[Feature], batch_size: int, seed: int) -> Iterator[list[Feature]]:
    """Endless batches: every epoch a new order; inside pools of POOL batches similar lengths come together."""
    draws = determinism.generator(seed, "batches")
    while True:
        order = torch.randperm(len(items), generator=draws).tolist()
        for start in range(0, len(order), batch_size * POOL):
            pool = sorted(order[start : start + batch_size * POOL], key=lambda i: items[i].length)
            batches = [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
            for chosen in torch.randperm(len(batches), generator=draws).tolist():
                yield [items[i] for i in batches[chosen]]


def prediction_batches(items: Sequence[Feature], batch_tokens: int) -> Iterator[list[int]]:
    """Indices of `items` in batches of about `batch_tokens` tokens, padding included, longest first."""
    batch: list[int] = []
    for index in sorted(range(len(items)), key=lambda i: (-items[i].length, i)):
        width = items[batch[0]].length if batch else 0
        if batch and (len(batch) + 1) * len(items[index].inputs) * width > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def collate(batch: Sequence[Feature], pad: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Token ids and attention mask, as `padded` has them, and where second texts begin: (inputs,), None if unmarked.

    The choices of one feature lie together.
    """
    ids, mask = padded([ids for feature in batch for ids in feature.inputs], pad)
    second = [place for feature in batch for place in feature.second or []]
    return ids, mask, torch.tensor(second) if second else None


def collate_labels(batch: Sequence[Feature], width: int) -> Tensor:
    """Labels: (batch,), (batch, 2), or (batch, width) with IGNORED at padding."""
    labels = [feature.label for feature in batch]
    if isinstance(labels[0], list):
        return torch.tensor([label + [IGNORED] * (width - len(label)) for label in labels])
    return torch.tensor(labels)
