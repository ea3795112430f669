"""Encoder + head + rows -> predictions in the form that is stored and scored: one function per head.

Evaluation draws no random numbers; inputs of similar length share a forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from harness.model.alignment import INVISIBLE
from harness.model.batching import collate, prediction_batches
from harness.model.features import Feature, Features, Row
from harness.model.forward import Encoder
from harness.model.heads import Head
from harness.project.params import Evaluation, Retrieval

Array = NDArray[np.float32]


@torch.no_grad()
def logits_of(encoder: Encoder, head: Head, items: Sequence[Feature], pad: int, batch_tokens: int) -> list[Array]:
    """The head's logits per feature, without padding: (outputs,), or (tokens, outputs) for tagging and spans."""
    encoder.eval()
    head.eval()
    found: list[Array | None] = [None] * len(items)
    for chosen in prediction_batches(items, batch_tokens):
        ids, mask, second = _on(encoder.device, *collate([items[i] for i in chosen], pad))
        logits = head(encoder(ids, mask, head.reads, second)).float().cpu().numpy()
        for place, index in enumerate(chosen):
            row = logits[place]
            found[index] = row[: items[index].length] if row.ndim == 2 else row
    return [array for array in found if array is not None]


def predictions_of(
    logits: Sequence[Array],
    head_name: str,
    features: Features,
    rows: Sequence[Row],
    labels: Sequence[Any],
    settings: Evaluation,
) -> list[Any]:
    """Predictions of `rows`, in their order, from their features' logits: a label, a choice's index, a list of tags,
    or an answer.
    """
    if head_name == "classification":
        return [labels[int(row.argmax())] for row in logits]
    if head_name == "choice":
        return [int(row.argmax()) for row in logits]
    if head_name == "tagging":
        return _tags(logits, features.items, rows, labels)
    return _answers(logits, features.items, rows, settings)


def _tags(
    logits: Sequence[Array], items: Sequence[Feature], rows: Sequence[Row], labels: Sequence[str]
) -> list[list[str]]:
    tags: list[list[str]] = [[""] * len(row["tokens"]) for row in rows]
    for array, feature in zip(logits, items, strict=True):
        best = array.argmax(axis=1)
        for position, word in feature.origin:
            tags[feature.row][word] = labels[int(best[position])]
    return tags


def _answers(logits: Sequence[Array], items: Sequence[Feature], rows: Sequence[Row], settings: Evaluation) -> list[str]:
    """The best span over a row's windows; empty where the null answer wins and the task has unanswerable questions.

    As SQuAD's reference implementation: the sum of a start and an end logit among the `best_spans` best of each,
    end not before start, at most `max_answer_tokens`; null scores are the first position's, the least of all windows.
    """
    nullable = any(row.get("is_impossible") for row in rows)
    best: list[tuple[float, str]] = [(-np.inf, "")] * len(rows)
    null = [np.inf] * len(rows)
    for array, feature in zip(logits, items, strict=True):
        score, span = _best_span(array, feature.origin, settings)
        if score > best[feature.row][0]:
            text = rows[feature.row]["context"][span[0] : span[1]].strip(INVISIBLE)
            best[feature.row] = (score, text)
        null[feature.row] = min(null[feature.row], float(array[0, 0] + array[0, 1]))
    return ["" if nullable and none > score else text for (score, text), none in zip(best, null, strict=True)]


def _best_span(
    logits: Array, offsets: Sequence[tuple[int, int] | None], settings: Evaluation
) -> tuple[float, tuple[int, int]]:
    """Score and character span of the best answer in one window."""
    inside = np.array([i for i, span in enumerate(offsets) if span], dtype=np.int64)
    if not len(inside):
        return -np.inf, (0, 0)
    tops = [inside[np.argsort(-logits[inside, side], kind="stable")[: settings.best_spans]] for side in (0, 1)]
    starts, ends = tops[0][:, None], tops[1][None, :]
    scores = logits[starts, 0] + logits[ends, 1]
    allowed = (ends >= starts) & (ends - starts < settings.max_answer_tokens)
    if not allowed.any():
        return -np.inf, (0, 0)
    place = int(np.where(allowed, scores, -np.inf).argmax())
    start, end = np.unravel_index(place, scores.shape)
    first, last = offsets[int(tops[0][start])], offsets[int(tops[1][end])]
    assert first and last
    return float(scores[start, end]), (first[0], last[1])


@torch.no_grad()
def embed(
    encoder: Encoder,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    settings: Retrieval,
    pad: int,
    batch_tokens: int,
    layers: Sequence[int] = (),
) -> tuple[dict[int, Array], int]:
    """Sentence embeddings of `layers` (default: `settings.layer` alone), and how many texts were truncated.

    Returns layer -> (texts, hidden); layer 0 is the embedding layer. `mean` pools over all tokens, special ones
    included, as jiant does for XTREME's retrieval tasks.
    """
    encoder.eval()
    tokenizer.no_padding()
    tokenizer.enable_truncation(settings.max_length)
    encodings = tokenizer.encode_batch(list(texts))
    items = [Feature([encoding.ids], None, i) for i, encoding in enumerate(encodings)]
    found = {
        layer: np.empty((len(texts), encoder.config.hidden_size), dtype=np.float32)
        for layer in layers or [settings.layer]
    }
    for chosen in prediction_batches(items, batch_tokens):
        ids, mask, _ = _on(encoder.device, *collate([items[i] for i in chosen], pad))
        states = encoder.states(ids, mask, max(found))
        for layer, array in found.items():
            array[chosen] = _pool(states[layer], mask, settings.pooling).float().cpu().numpy()
    return found, sum(bool(encoding.overflowing) for encoding in encodings)


def _on(
    device: torch.device, ids: Tensor, mask: Tensor | None, second: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    mask, second = (None if part is None else part.to(device) for part in (mask, second))
    return ids.to(device), mask, second


def _pool(states: Tensor, mask: Tensor | None, pooling: str) -> Tensor:
    if pooling == "cls":
        return states[:, 0]
    if mask is None:
        return states.mean(dim=1)
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)
