"""The heads: what turns hidden states into a task's logits, its loss, and its collapse.

The encoder alone is carried from the intermediate to the target task; a head is always new.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.training import determinism

if TYPE_CHECKING:
    from harness.model.features import Feature

IGNORED = -100
"""Label of a position that no loss is taken of (cross_entropy's default)."""


class TrainableHead(nn.Module, ABC):
    """What the training loop asks of a head."""

    @abstractmethod
    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean loss over the batch's terms."""

    def training_loss(self, states: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of the encoder's last hidden states (inputs, length, hidden)."""
        return self.loss(self(states), labels)

    def terms(self, batch: Sequence[Feature]) -> int:
        """How many terms the mean is taken over: examples here."""
        return len(batch)


class SequenceHead(TrainableHead):
    """Classification of a sequence by its first token: dropout, dense, tanh, dropout, linear (XLM-R's own head)."""

    def __init__(self, hidden_size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, length, hidden) -> (batch, outputs)."""
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
        """(batch * choices, length, hidden) -> (batch, choices)."""
        return super().forward(states).view(-1, self.choices)


def labelled_tokens(batch: Sequence[Feature]) -> int:
    """Positions with a label, over all features of a batch."""
    return sum(label != IGNORED for feature in batch for label in feature.label)


class TokenHead(TrainableHead):
    """A label per token: dropout, linear."""

    def __init__(self, hidden_size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.out = nn.Linear(hidden_size, outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, length, hidden) -> (batch, length, outputs)."""
        return self.out(self.dropout(states))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy over the labelled positions; `labels`: (batch, length), IGNORED elsewhere."""
        return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)

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


def new_head(head: str, hidden_size: int, outputs: int, dropout: float, seed: int, std: float) -> Head:
    """A new head, every weight drawn from its own generator (normal with `std`, biases 0).

    `outputs`: labels, tags or choices. `seed`: see determinism.derive.
    """
    made: Head
    if head == "classification":
        made = SequenceHead(hidden_size, outputs, dropout)
    elif head == "choice":
        made = ChoiceHead(hidden_size, outputs, dropout)
    elif head == "tagging":
        made = TokenHead(hidden_size, outputs, dropout)
    elif head == "span":
        made = SpanHead(hidden_size)
    else:
        raise AssertionError(f"no trained head of kind {head}")
    draws = determinism.generator(seed, "head")
    for name, parameter in made.named_parameters():
        with torch.no_grad():
            if name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.normal_(0.0, std, generator=draws)
    return made
