"""The heads: what turns hidden states into a task's logits, its loss, and its collapse.

The encoder alone is carried from the intermediate to the target task; a head is always new.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.model import determinism
from harness.model.features import IGNORED, Feature
from harness.model.forward import ALL, FIRST, Positions


class TrainableHead(nn.Module, ABC):
    """What the training loop asks of a head."""

    reads: Literal["all", "first"] = ALL
    """Positions whose last states the logits are made from."""

    @abstractmethod
    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean loss over the batch's terms."""

    def positions(self, labels: Tensor) -> Positions:
        """Positions whose last states the loss of these labels is made from; the encoder makes no others."""
        return self.reads

    def terms(self, batch: Sequence[Feature]) -> int:
        """How many terms the mean is taken over: examples here."""
        return len(batch)


class SequenceHead(TrainableHead):
    """Classification of a sequence by its first token: dropout, dense, tanh, dropout, linear (XLM-R's own head)."""

    reads = FIRST

    def __init__(self, hidden_size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, length or 1, hidden) -> (batch, outputs)."""
        first = self.dropout(states[:, 0])
        return self.out(self.dropout(torch.tanh(self.dense(first))))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy; `labels`: (batch,)."""
        return functional.cross_entropy(logits, labels)


class ChoiceHead(SequenceHead):
    """Multiple choice: every choice is a sequence of its own with one score; the scores compete."""

    def __init__(self, hidden_size: int, choices: int, dropout: float) -> None:
        super().__init__(hidden_size, 1, dropout)
        self.choices = choices

    def forward(self, states: Tensor) -> Tensor:
        """(batch * choices, length or 1, hidden) -> (batch, choices)."""
        return super().forward(states).view(-1, self.choices)


def labelled_positions(labels: Tensor) -> Tensor:
    """Places of the labelled positions in (batch * length); `labels`: (batch, length)."""
    return (labels.flatten() != IGNORED).nonzero().squeeze(1)


def labelled_tokens(batch: Sequence[Feature]) -> int:
    """Positions with a label, over all features of a batch."""
    return sum(label != IGNORED for feature in batch for label in feature.label)


class TokenHead(TrainableHead):
    """A label per token: dropout, linear."""

    def __init__(self, hidden_size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.out = nn.Linear(hidden_size, outputs)
        self.dropout = nn.Dropout(dropout)

    def positions(self, labels: Tensor) -> Positions:
        """The labelled positions."""
        return labelled_positions(labels)

    def forward(self, states: Tensor) -> Tensor:
        """(..., hidden) -> (..., outputs)."""
        return self.out(self.dropout(states))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy; `logits`: (positions, outputs), `labels`: (positions,), the labelled ones."""
        return functional.cross_entropy(logits, labels)

    def terms(self, batch: Sequence[Feature]) -> int:
        """Labelled positions."""
        return labelled_tokens(batch)


class SpanHead(TrainableHead):
    """Start and end of an answer; the first position stands for `no answer here`."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.out = nn.Linear(hidden_size, 2)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, length, hidden) -> (batch, length, 2)."""
        return self.out(states)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean of the start's and the end's cross-entropy; `labels`: (batch, 2)."""
        start = functional.cross_entropy(logits[..., 0], labels[:, 0])
        return (start + functional.cross_entropy(logits[..., 1], labels[:, 1])) / 2


Head = SequenceHead | TokenHead | SpanHead


def loss_of(
    encoder: nn.Module,
    head: TrainableHead,
    ids: Tensor,
    mask: Tensor | None,
    labels: Tensor,
    second: Tensor | None = None,
) -> Tensor:
    """Mean loss of one pass over a batch as it was collated, on the encoder's device.

    Which positions the head reads is decided from the labels before they leave the CPU: a GPU is never waited for.
    """
    device = next(encoder.parameters()).device
    positions = head.positions(labels)
    if isinstance(positions, Tensor):
        labels, positions = labels.flatten()[positions], positions.to(device)
    mask, second = (None if part is None else part.to(device) for part in (mask, second))
    states = encoder(ids.to(device), mask, positions, second)
    return head.loss(head(states), labels.to(device))


def new_head(head: str, hidden_size: int, outputs: int, dropout: float, seed: int, std: float) -> Head:
    """A new head, every weight drawn from its own generator (normal with `std`, biases 0).

    `outputs`: labels, tags or choices. `seed`: see determinism.derive.
    """
    built: Head
    if head == "classification":
        built = SequenceHead(hidden_size, outputs, dropout)
    elif head == "choice":
        built = ChoiceHead(hidden_size, outputs, dropout)
    elif head == "tagging":
        built = TokenHead(hidden_size, outputs, dropout)
    elif head == "span":
        built = SpanHead(hidden_size)
    else:
        raise AssertionError(f"no trained head of kind {head}")
    draws = determinism.generator(seed, "head")
    for name, parameter in built.named_parameters():
        with torch.no_grad():
            if name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.normal_(0.0, std, generator=draws)
    return built
