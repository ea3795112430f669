"""The encoder and its forward pass, written out: the library's modules and weights, and no work that nothing reads.

What is saved against the library's own pass changes nothing beyond the last bits. Of the last layer only those
positions are made that the head reads: the first one for classification and multiple choice, the labelled ones for
tagging and masked LM. Query, key and value are one matrix product. A batch without padding has no mask. Retrieval
stops at the layer whose states it pools.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedConfig

from harness.model.dropout import add_dropped, attend, dropout
from harness.model.families import Family, Layer
from harness.model.words import trimmed, whole

ALL: Literal["all"] = "all"
"""Every position."""
FIRST: Literal["first"] = "first"
"""The first position of every input."""
Positions = Literal["all", "first"] | Tensor
"""Which of the last states are wanted; a tensor: their places in (inputs * length)."""


class Encoder(nn.Module):
    """A family's model as its library builds and stores it, without the pooler, with this module's forward pass."""

    def __init__(self, family: Family, config: PreTrainedConfig) -> None:
        """Weights are drawn from torch's global generator, as the library draws them."""
        super().__init__()
        self.family = family
        self.config = config
        for name, part in family.model(config, add_pooling_layer=False).named_children():
            self.add_module(name, part)  # under the library's own names, which the weights are saved by
        self.embedding = family.embeddings_of(self)
        self.layers = family.layers_of(self)
        self.precision: Literal["fp32", "bf16"] = "fp32"
        """bf16: under autocast; states are handed on in fp32, so heads, losses and the optimiser are the same."""
        self.checkpointing = False
        """Whether a layer's activations are computed again in the backward pass instead of being kept."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def max_length(self) -> int:
        """Tokens of the longest input, special tokens included."""
        return int(self.config.max_position_embeddings) - self.family.position_offset

    def train_words(self, ids: Collection[int] | None) -> None:
        """Say whose word embeddings a training may change: these token ids' (harness.model.words), or None: all."""
        words = self.embedding.words
        self.set_submodule(self.family.embeddings.words, whole(words) if ids is None else trimmed(words, ids))
        self.embedding = self.family.embeddings_of(self)

    def forward(
        self, ids: Tensor, mask: Tensor | None = None, positions: Positions = ALL, second: Tensor | None = None
    ) -> Tensor:
        """Last hidden states: (inputs, length, hidden); of FIRST (inputs, 1, hidden), of places (places, hidden).

        `ids`: (inputs, length) token ids, padding to the right; `mask`: the same shape, true at tokens; None: no
        padding; `second`: (inputs,) the first token of each input's second type; None: all tokens have the first.
        """
        inner, last = self.layers[:-1], self.layers[-1]
        with self._precision():
            states, bias = self._embed(ids, second), _attendable(mask)
            for layer in inner:
                states = self._run(layer, states, bias, ALL)
            return self._run(last, states, bias, positions).to(self.embedding.norm.weight.dtype)

    def states(self, ids: Tensor, mask: Tensor | None, layers: int) -> list[Tensor]:
        """States of the embeddings and of the first `layers` layers, each (inputs, length, hidden)."""
        with self._precision():
            found, bias = [self._embed(ids)], _attendable(mask)
            for layer in self.layers[:layers]:
                found.append(self._run(layer, found[-1], bias, ALL))
            return [states.float() for states in found]

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def _embed(self, ids: Tensor, second: Tensor | None = None) -> Tensor:
        """The sum of words, token types and positions, normalised."""
        parts, begin = self.embedding, self.family.position_offset
        positions = parts.positions.weight[begin : begin + ids.shape[1]]
        if second is None:
            types = parts.types.weight[0]
        else:
            types = parts.types((torch.arange(ids.shape[1], device=ids.device) >= second[:, None]).long())
        states: Tensor = parts.norm(parts.words(ids) + types + positions)
        return dropout(states, parts.dropout.p) if self.training else states

    def _run(self, layer: Layer[Any], states: Tensor, mask: Tensor | None, positions: Positions) -> Tensor:
        if self.checkpointing and self.training:
            recomputed: Tensor = checkpoint(self._layer, layer, states, mask, positions, use_reentrant=False)
            return recomputed
        return self._layer(layer, states, mask, positions)

    def _layer(self, layer: Layer[Any], states: Tensor, mask: Tensor | None, positions: Positions) -> Tensor:
        """Self-attention and feed-forward, a residual connection and a layer norm after each."""
        context = self._attend(layer, states, mask, positions)
        if isinstance(positions, Tensor):
            context, states = context.flatten(0, 1)[positions], states.flatten(0, 1)[positions]
        elif positions == FIRST:
            states = states[:, :1]
        states = layer.attention_norm(self._sum(states, layer.attention_output(context), layer.attention_dropout))
        inner = functional.gelu(layer.inner(states))
        normed: Tensor = layer.output_norm(self._sum(states, layer.output(inner), layer.output_dropout))
        return normed

    def _sum(self, states: Tensor, added: Tensor, part: nn.Dropout) -> Tensor:
        """A residual connection."""
        return add_dropped(states, added, part.p) if self.training else states + added

    def _attend(self, layer: Layer[Any], states: Tensor, mask: Tensor | None, positions: Positions) -> Tensor:
        """Scaled dot-product attention: (inputs, length, hidden) -> the same, or (inputs, 1, hidden) for FIRST."""
        parts = [layer.query, layer.key, layer.value]
        heads = self.config.num_attention_heads
        if isinstance(positions, str) and positions == FIRST:
            query, key, value = *_heads(states[:, :1], parts[:1], heads), *_heads(states, parts[1:], heads)
        else:
            query, key, value = _heads(states, parts, heads)
        probability = self.config.attention_probs_dropout_prob if self.training else 0.0
        context = attend(query, key, value, mask, probability)
        return context.transpose(1, 2).flatten(2)


def padded(inputs: Sequence[list[int]], pad: int) -> tuple[Tensor, Tensor | None]:
    """Token ids, padded to the right, and a mask that is true at tokens, both (inputs, length); None: no padding."""
    width = max(map(len, inputs))
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in inputs])
    lengths = torch.tensor([len(row) for row in inputs])
    return ids, None if bool((lengths == width).all()) else torch.arange(width) < lengths[:, None]


def _heads(states: Tensor, parts: list[nn.Linear], heads: int) -> tuple[Tensor, ...]:
    """(inputs, length, hidden) -> for each part (inputs, heads, length, hidden / heads), by one matrix product."""
    weight = torch.cat([part.weight for part in parts]) if len(parts) > 1 else parts[0].weight
    bias = torch.cat([part.bias for part in parts]) if len(parts) > 1 else parts[0].bias
    projected = functional.linear(states, weight, bias)
    return projected.view(*states.shape[:2], len(parts), heads, -1).permute(2, 0, 3, 1, 4).unbind()


def _attendable(mask: Tensor | None) -> Tensor | None:
    """(inputs, length) -> (inputs, 1, 1, length): the keys that every query may attend to."""
    return None if mask is None else mask.bool()[:, None, None, :]
