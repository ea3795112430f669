"""Dropout on a CPU: 16 random bits an element, where torch draws a random number of its own for each.

Torch's way took a sixth of a training step, and its attention with dropout as much again. The chance that an element is
dropped is the nearest of 65,536 levels (0.100006 for 0.1), and what is kept is scaled by exactly that. The bits come
from torch's own CPU generator, so `determinism.seed_all` seeds them and checkpointing draws them again.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LEVELS = 2**16


def _dropped(probability: float) -> int:
    """Levels of 65,536 at which an element is dropped: at least one, and some are always kept."""
    return max(1, min(round(probability * LEVELS), LEVELS - 1))


def scale(probability: float) -> float:
    """By how much what is kept grows, so that the mean stays."""
    return LEVELS / (LEVELS - _dropped(probability))


def mask(like: Tensor, probability: float) -> Tensor:
    """1 where an element is kept, 0 where it is dropped, of the shape and type of `like` (on a CPU)."""
    least = _dropped(probability) - LEVELS // 2  # of the int16 values that are kept
    words = torch.empty(-(-like.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    bits = words.view(torch.int16)[: like.numel()]
    # Arithmetic of small integers: comparisons and boolean masks take several times as long on a CPU.
    return bits.clamp_(least - 1, least).sub_(least - 1).to(like.dtype).view(like.shape)


def dropout(states: Tensor, probability: float) -> Tensor:
    """Each element is dropped by chance, else scaled."""
    if states.device.type != "cpu":
        return functional.dropout(states, probability)
    return states * mask(states, probability) * scale(probability) if probability else states


def add_dropped(states: Tensor, added: Tensor, probability: float) -> Tensor:
    """`states` plus `added` after dropout, the sum of a residual connection."""
    if added.device.type != "cpu":
        return states + functional.dropout(added, probability)
    if not probability:
        return states + added
    return torch.add(states, added * mask(added, probability), alpha=scale(probability))


def attend(query: Tensor, key: Tensor, value: Tensor, attended: Tensor | None, probability: float) -> Tensor:
    """Scaled dot-product attention with dropout of its weights: (inputs, heads, length, size of a head).

    `attended`: true at the keys that may be attended to, at least one of an input. On a CPU torch's own has dropout by
    separate products only, which it makes in fp32 and looks through for rows without a key.
    """
    if query.device.type != "cpu" or not probability:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=attended, dropout_p=probability)
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
    if attended is not None:  # added to the scores: filling them by a boolean mask takes far longer
        scores = scores + torch.zeros_like(attended, dtype=scores.dtype).masked_fill_(~attended, -torch.inf)
    weights = torch.softmax(scores, dim=-1)
    return torch.matmul(weights * mask(weights, probability), value * scale(probability))
